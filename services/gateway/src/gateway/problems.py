"""Refusals as problem details (RFC 9457). One table says which gRPC status becomes which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import grpc
from starlette.responses import Response

from gateway.transcoding import Malformed, Violation, dump

MEDIA_TYPE = "application/problem+json"
FIELD_TRAILER = "field"  # trailing metadata of an INVALID_ARGUMENT
_RETRY_AFTER_S = "2"


class Kind(NamedTuple):
    """A kind of problem: its HTTP status, the last part of its type URI, and its title."""

    status: int
    name: str
    title: str


MALFORMED = Kind(400, "malformed", "The request is malformed")
UNAUTHENTICATED = Kind(401, "not-signed-in", "Sign in first")
FORBIDDEN = Kind(403, "not-allowed", "You may not do this")
NOT_FOUND = Kind(404, "not-found", "There is no such thing, or you may not see it")
METHOD_NOT_ALLOWED = Kind(405, "method-not-allowed", "This path is not asked that way")
RULE = Kind(409, "rule", "A rule says no")
STALE = Kind(409, "stale", "It was changed meanwhile")
EXISTS = Kind(409, "exists", "It exists already")
TOO_SLOW = Kind(408, "too-slow", "The request took too long to arrive")
TOO_LARGE = Kind(413, "too-large", "The request is too large")
WRONG_TYPE = Kind(415, "wrong-media-type", "Only application/json is read")
TOO_MANY = Kind(429, "too-many", "Too many; come back later")
CANCELLED = Kind(499, "cancelled", "The caller went away")
BROKEN = Kind(500, "broken", "Something broke on our side")
HEADERS_TOO_LARGE = Kind(431, "headers-too-large", "The head of the request is too large")
UNIMPLEMENTED = Kind(501, "not-implemented", "The service does not answer this yet")
SWITCHED_OFF = Kind(501, "switched-off", "This is not part of this installation")
UNAVAILABLE = Kind(503, "unavailable", "A service is away for the moment")
TOO_LATE = Kind(504, "too-late", "The answer took too long")

OF_STATUS: Mapping[grpc.StatusCode, Kind] = {
    grpc.StatusCode.INVALID_ARGUMENT: MALFORMED,
    grpc.StatusCode.OUT_OF_RANGE: MALFORMED,
    grpc.StatusCode.FAILED_PRECONDITION: RULE,
    grpc.StatusCode.ABORTED: STALE,
    grpc.StatusCode.ALREADY_EXISTS: EXISTS,
    grpc.StatusCode.NOT_FOUND: NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED: FORBIDDEN,
    grpc.StatusCode.UNAUTHENTICATED: UNAUTHENTICATED,
    grpc.StatusCode.RESOURCE_EXHAUSTED: TOO_MANY,
    grpc.StatusCode.CANCELLED: CANCELLED,
    grpc.StatusCode.UNIMPLEMENTED: UNIMPLEMENTED,
    grpc.StatusCode.UNAVAILABLE: UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: TOO_LATE,
}
"""Everything else is BROKEN."""

KINDS = tuple(
    dict.fromkeys([*OF_STATUS.values(), METHOD_NOT_ALLOWED, TOO_SLOW, TOO_LARGE, HEADERS_TOO_LARGE, WRONG_TYPE, BROKEN])
)


class Problem(Exception):
    """The request ends here."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        violations: Sequence[Violation] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.violations = tuple(violations)
        self.headers = dict(headers or {})
        if kind in (UNAVAILABLE, TOO_MANY):
            self.headers.setdefault("Retry-After", _RETRY_AFTER_S)
        if kind is UNAUTHENTICATED:
            self.headers.setdefault("WWW-Authenticate", 'Bearer realm="headwater"')

    def tree(self, request_id: str) -> dict[str, Any]:
        """The members of the problem document."""
        found: dict[str, Any] = {
            "type": f"urn:headwater:problem:{self.kind.name}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "instance": f"urn:headwater:request:{quote(request_id, safe='')}",
        }
        if self.violations:
            found["violations"] = [v._asdict() for v in self.violations]
        return found

    def response(self, request_id: str) -> Response:
        return Response(
            dump(self.tree(request_id)),
            self.kind.status,
            media_type=MEDIA_TYPE,
            headers={"Cache-Control": "no-store", **self.headers},
        )


def of_malformed(error: Malformed) -> Problem:
    return Problem(MALFORMED, str(error), error.violations)


def of_rpc(error: grpc.aio.AioRpcError, context: str) -> Problem:
    """What a service's refusal is to a client. Texts of services are fit to read; those of gRPC are not."""
    code = error.code()
    kind = OF_STATUS.get(code, BROKEN)
    detail = error.details() or kind.title
    if kind is UNAVAILABLE:
        detail = f"{context} does not answer at the moment; nothing is lost, try again"
    elif kind is TOO_LATE:
        detail = f"{context} did not answer in time; asking again with the same request id is safe"
    elif kind is UNIMPLEMENTED:
        detail = f"{context} does not answer this yet"
    elif kind is BROKEN:
        detail = "the request changed nothing; give the request id when you report this"
    violations = []
    field = _field(error)
    if kind is MALFORMED and field:
        violations = [Violation(field, detail.removeprefix(f"{field}: "))]
    return Problem(kind, detail, violations)


def _field(error: grpc.aio.AioRpcError) -> str:
    for key, value in error.trailing_metadata() or ():
        if key == FIELD_TRAILER:
            return value if isinstance(value, str) else value.decode("ascii", "replace")
    return ""
