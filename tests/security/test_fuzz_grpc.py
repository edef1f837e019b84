"""The gRPC API under malformed messages and metadata: it refuses in its own words, and never breaks."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import grpc
import pytest

from crm.identity.v1 import identity_service_pb2 as pb
from gateway.contracts import contracts
from kernel.config import CONTEXTS
from kernel.wire import channel_to

pytestmark = [pytest.mark.security, pytest.mark.timeout(900)]

SEED = 20261122
BROKEN = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS)
TRACES = ("Traceback", 'File "', "psycopg", "select ", "insert into", "site-packages", "Exception ")
LONGEST_S = 10.0

METHODS = sorted({binding.method.full_name: binding.method for binding in contracts().bindings}.items())


class Wire:
    """Bytes in, status out; what breaks is remembered."""

    def __init__(self, suite: Any) -> None:
        self._channels = {c: channel_to(suite.apis, c, suite.certificates.of("gateway")) for c in CONTEXTS}
        self._session = suite.admin._token
        self._token, self._until = "", 0.0
        self.statuses: Counter[str] = Counter()
        self.broken: list[str] = []

    def token(self) -> str:
        """An access token with some seconds left: each lives for a minute."""
        if time.monotonic() > self._until:
            refresh = self._channels["identity"].unary_unary(
                "/crm.identity.v1.IdentityService/RefreshSession",
                request_serializer=pb.RefreshSessionRequest.SerializeToString,
                response_deserializer=pb.RefreshSessionResponse.FromString,
            )
            answer = refresh(pb.RefreshSessionRequest(session_token=self._session), timeout=30)
            self._token, self._until = answer.access_token, time.monotonic() + 20
        return self._token

    def send(
        self,
        method: str,
        body: bytes,
        context: str,
        metadata: Sequence[tuple[str, str | bytes]] | None = None,
        timeout_s: float = LONGEST_S,
    ) -> str:
        call = self._channels[context].unary_unary(f"/{method}", request_serializer=None, response_deserializer=None)
        given: list[tuple[str, str | bytes]]
        given = [("authorization", f"Bearer {self.token()}")] if metadata is None else list(metadata)
        try:
            call(body, timeout=timeout_s, metadata=given)
            name, details = "OK", ""
        except grpc.RpcError as error:
            name, details = error.code().name, str(error.details())
            if error.code() in BROKEN or any(trace in details for trace in TRACES):
                self.broken.append(f"{method} {name} {details[:120]!r} for {body[:40]!r} {given[1:]}")
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED and timeout_s == LONGEST_S:
                self.broken.append(f"{method} took longer than {LONGEST_S} s for {body[:40]!r}")
        self.statuses[name] += 1
        return name

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()


@pytest.fixture
def wire(tls_suite: Any) -> Iterator[Wire]:
    wire = Wire(tls_suite)
    yield wire
    wire.close()


def context_of(method: Any) -> str:
    """The service to ask; any, for what every service answers (audit, handover)."""
    return str(method.context) if method.context in CONTEXTS else CONTEXTS[0]


def malformed(method: Any, chance: random.Random) -> Iterator[bytes]:
    """Bytes that are no message of this type, or hold what no field should."""
    yield b""
    yield chance.randbytes(chance.randint(1, 200))
    fields = method.request_type.DESCRIPTOR.fields
    for field in chance.sample(list(fields), min(3, len(fields))):
        length_delimited, varint = field.number << 3 | 2, field.number << 3
        yield tag(length_delimited) + b"\x02\xff\xfe"  # no UTF-8
        yield tag(length_delimited) + b"\x03a\x00b"  # a NUL
        yield tag(varint) + b"\xff" * 9 + b"\x01"  # the largest number
        yield tag(length_delimited) + b"\xff\xff\xff\x7f"  # a length with nothing behind
    if fields:
        number = chance.choice(list(fields)).number
        yield tag(number << 3 | 2) + varint_of(60_000) + b"\xe6\xb0\xb4" * 20_000  # long
        yield (tag(number << 3 | 2) + b"\x00") * 2_000  # often
        yield tag(number << 3 | 3) * 500  # deeply nested groups


def tag(value: int) -> bytes:
    return varint_of(value)


def varint_of(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def test_no_malformed_message_breaks_a_service(wire: Wire) -> None:
    chance = random.Random(SEED)
    assert len(METHODS) > 200
    for name, method in METHODS:
        if name.endswith("/SignOut"):
            continue  # it would end the session that asks
        for body in malformed(method, chance):
            wire.send(name, body, context_of(method))
    assert wire.broken == []
    assert wire.statuses["INVALID_ARGUMENT"] > len(METHODS)


METADATA: tuple[list[tuple[str, str | bytes]], ...] = (
    [],
    [("authorization", "")],
    [("authorization", "Bearer")],
    [("authorization", "Bearer a.b.c")],
    [("authorization", "Basic YTpi")],
    [("authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.")],
    [("authorization", "Bearer " + "x" * 20_000)],
)
"""Who nobody is."""

ODD: tuple[tuple[str, str | bytes], ...] = (
    ("request-id", "x" * 5_000),
    ("request-id", " a b "),
    ("correlation-id", "not-an-id"),
    ("effective-at", "March"),
    ("effective-at", "9999-12-31T23:59:59-23:59"),
    ("effective-at", "0001-01-01T00:00:00+23:59"),
    ("timeline-id", "../../etc/passwd"),
    ("as-of", "yesterday"),
    ("as-of", "9999-12-31T23:59:59-23:59"),
    ("traceparent", "00-zz-zz-zz"),
    ("traceparent", "x" * 3_000),
    ("x-source", "'; drop table events; --"),
    ("grpc-timeout", "0n"),
    ("odd-bin", b"\xff\xfe\x00"),
)
"""With a good token."""


def test_without_a_good_token_nobody_is_let_in(wire: Wire) -> None:
    for name, method in METHODS:
        if method.is_public:
            continue
        for metadata in METADATA:
            assert wire.send(name, b"", context_of(method), metadata) in (
                "UNAUTHENTICATED",
                "RESOURCE_EXHAUSTED",  # metadata too large
                "NOT_FOUND",  # a context that is not named
            ), (name, metadata)
    assert wire.broken == []


def test_odd_metadata_breaks_nothing(wire: Wire) -> None:
    chance = random.Random(SEED)
    for name, method in chance.sample(METHODS, 40):
        for odd in ODD:
            if name.endswith("/SignOut"):
                continue
            wire.send(name, b"", context_of(method), [("authorization", f"Bearer {wire.token()}"), odd])
    assert wire.broken == []


def test_no_time_and_no_such_thing_are_answered_as_such(wire: Wire) -> None:
    name, method = METHODS[0]
    assert wire.send(name, b"", context_of(method), timeout_s=0) == "DEADLINE_EXCEEDED"
    assert wire.send(name, b"", context_of(method), timeout_s=1e-9) == "DEADLINE_EXCEEDED"
    assert wire.send("crm.customer.v1.CustomerService/NoSuchThing", b"", "customer") == "UNIMPLEMENTED"
    assert wire.send("no.such.Service/At/All", b"", "customer") == "UNIMPLEMENTED"
    assert wire.send(name, b"\x0a" + varint_of(40_000_000) + b"x" * 40_000_000, context_of(method)) in (
        "RESOURCE_EXHAUSTED",
        "CANCELLED",
    )
    assert wire.broken == []
