"""What every request gets, whoever answers it: an id, a trace, a size limit, headers, and a clear end."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.limits import LARGEST_HEADERS, MOST_HEADERS, Limits
from gateway.problems import BROKEN, HEADERS_TOO_LARGE, MALFORMED, TOO_LARGE, TOO_SLOW, Problem
from gateway.sessions import COOKIE
from kernel.ids import new_id
from kernel.telemetry import http_duration

log = logging.getLogger(__name__)

REQUEST_ID = "request_id"
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,200}")
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def _check_head(scope: Scope) -> None:
    """The server bounds what it gathers of an unfinished head; one that came whole is measured here."""
    size = sum(len(name) + len(value) for name, value in scope["headers"]) + len(scope.get("query_string", b""))
    if size > LARGEST_HEADERS or len(scope["headers"]) > MOST_HEADERS:
        raise Problem(
            HEADERS_TOO_LARGE, f"the head has at most {MOST_HEADERS} lines and {LARGEST_HEADERS} bytes, query included"
        )


class Frame:
    """Pure ASGI, so that streams are not buffered."""

    def __init__(
        self,
        app: ASGIApp,
        limits: Limits,
        body_limit: int,
        secure: bool,
        body_timeout_s: float = 60.0,
        sandbox: bool = False,
    ) -> None:
        self._app = app
        self._limits = limits
        self._body_limit = body_limit
        self._body_timeout_s = body_timeout_s
        self._headers = dict(_HEADERS)
        if secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        if sandbox:
            self._headers["Headwater-Sandbox"] = "true"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("idempotency-key", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else str(new_id())
        scope.setdefault("state", {})[REQUEST_ID] = request_id
        begun = False
        status = 0

        async def send_framed(message: Message) -> None:
            nonlocal begun, status
            if message["type"] == "http.response.start":
                begun, status = True, message["status"]
                out = MutableHeaders(scope=message)
                out["Request-Id"] = request_id
                for name, value in self._headers.items():
                    out.setdefault(name, value)
            await send(message)

        started = time.perf_counter()
        tracer = trace.get_tracer("headwater")
        with tracer.start_as_current_span(
            f"{scope['method']} {scope['path'].split('/')[1]}",
            context=propagate.extract({k: headers.get(k, "") for k in ("traceparent", "tracestate")}),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": scope["method"]},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                if given and given != request_id:
                    raise Problem(MALFORMED, "Idempotency-Key must be 1 to 200 visible ASCII characters")
                _check_head(scope)
                signed_in = "authorization" in headers or COOKIE in headers.get("cookie", "")
                self._limits.address(scope["client"][0] if scope.get("client") else "", scope["path"], signed_in)
                await self._app(scope, self._limited(headers, receive), send_framed)
            except Problem as problem:
                if begun:
                    raise
                await problem.response(request_id)(scope, receive, send_framed)
            except Exception:
                log.exception("request failed", extra={"request_id": request_id})
                if begun:
                    raise
                broken = Problem(BROKEN, "give the request id when you report this")
                await broken.response(request_id)(scope, receive, send_framed)
            finally:
                span.set_attribute("http.response.status_code", status)
                if status >= 500:
                    span.set_status(Status(StatusCode.ERROR))
                http_duration.record(
                    time.perf_counter() - started,
                    {"http.request.method": scope["method"], "http.response.status_code": status},
                )

    def _limited(self, headers: Headers, receive: Receive) -> Receive:
        limit = self._body_limit
        too_large = Problem(TOO_LARGE, f"a request body has at most {limit} bytes")
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > limit:
            raise too_large
        seen = 0
        complete = False
        due = time.monotonic() + self._body_timeout_s

        async def receive_limited() -> Any:
            nonlocal seen, complete
            if complete:  # what comes next is the end of the connection, whenever
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, due - time.monotonic()))
            except TimeoutError:
                raise Problem(
                    TOO_SLOW,
                    f"a request body arrives within {self._body_timeout_s:g} s",
                    headers={"Connection": "close"},
                ) from None
            if message["type"] == "http.request":
                complete = not message.get("more_body", False)
                seen += len(message.get("body", b""))
                if seen > limit:
                    raise too_large
            return message

        return receive_limited
