"""The gateway's HTTP face: transcoded RPCs, compositions, live changes, documents and pages."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway import openapi, pages, streams
from gateway.backends import Asking, Backends
from gateway.backups import PERMISSION, Backups, packed
from gateway.changes import MOST_STREAMS, Changes, Listener, sse
from gateway.composition import (
    SETTINGS,
    Composition,
    Stopwatch,
    overview_parts,
    parked_parts,
    processing_parts,
    search_parts,
    settings_parts,
)
from gateway.config import Settings
from gateway.contracts import Binding, Contracts, Method, contracts
from gateway.frame import REQUEST_ID, Frame
from gateway.limits import Limits
from gateway.problems import (
    FORBIDDEN,
    MALFORMED,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    TOO_MANY,
    UNAUTHENTICATED,
    UNAVAILABLE,
    WRONG_TYPE,
    Problem,
    of_malformed,
)
from gateway.sessions import (
    AS_COOKIE_HEADER,
    COOKIE,
    Tokens,
    check_same_site,
    seconds_left,
    session_token_of,
)
from gateway.sign_in_pages import SignInPages
from gateway.transcoding import (
    Malformed,
    Routes,
    Violation,
    dump,
    request_of,
    response_json,
)
from gateway.web import Web
from kernel.auth import Caller, Verifier
from kernel.errors import Unauthenticated

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"

_IDENTITY = "crm.identity.v1.IdentityService"
_SIGN_IN = "crm.identity.v1.SignInService"
_HEARTBEAT_S = 15.0

# After these the session's access token says something else than the one that is kept.
_CHANGES_RIGHTS = frozenset(
    {f"{_IDENTITY}/ChangePassword", f"{_SIGN_IN}/SwitchIdentity", f"{_SIGN_IN}/ConfirmSecondFactor"}
)
_LONGEST_QUERY = 200

# Fields of a request that the gateway knows better than the caller: RPC -> field -> attribute of Asking.
# "session_token" and "device" only where the caller left them empty.
_FILLED_IN = {
    f"{_IDENTITY}/SignIn": ("device", "device"),
    f"{_IDENTITY}/SignOut": ("session_token", "session_token"),
    f"{_IDENTITY}/ChangePassword": ("session_token", "session_token"),
    f"{_SIGN_IN}/SwitchIdentity": ("session_token", "session_token"),
    f"{_SIGN_IN}/FinishProviderSignIn": ("device", "device"),
    "crm.marketing.v1.MarketingService/SubmitForm": ("source_address", "source"),
}
_ALWAYS_FILLED_IN = ("source_address",)


class Gateway:
    """Stateless but for caches; every process of it is as good as another."""

    def __init__(self, settings: Settings, known: Contracts | None = None) -> None:
        self.settings = settings
        self.contracts = known or contracts()
        self.routes = Routes(self.contracts.bindings)
        self.backends = Backends(settings.targets, settings.tls)
        self.tokens = Tokens(self.backends, self.contracts)
        self.composition = Composition(
            self.backends, self.contracts, settings.part_deadline_s, settings.long_deadline_s
        )
        self.changes = Changes(settings.amqp_url)
        self.limits = Limits(settings.rate_per_address, settings.rate_anonymous, settings.rate_per_person)
        self.heartbeat_s = _HEARTBEAT_S
        self._verifier = Verifier(settings.token_public_key)
        self._backups = Backups(settings.backups)
        self._openapi = dump(openapi.document(self.contracts, settings.public_url, sandbox=settings.sandbox))

    # -- one RPC -----------------------------------------------------------------

    async def transcode(self, request: Request) -> Response:
        raw_path = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
        path = raw_path.decode("ascii").split("?")[0]
        found = self.routes.find(request.method, path)
        if found is None:
            allowed = self.routes.allowed(path)
            if allowed:
                raise Problem(
                    METHOD_NOT_ALLOWED,
                    f"ask it with {' or '.join(allowed)}",
                    headers={"Allow": ", ".join(allowed)},
                )
            raise Problem(NOT_FOUND, "nothing is served at this path; see /docs")
        binding, path_values = found
        body = await request.body()
        if body and request.headers.get("content-type", "").split(";")[0].strip().lower() not in (
            "application/json",
            "application/merge-patch+json",
        ):
            raise Problem(WRONG_TYPE, "send application/json")
        method = binding.method
        asking = await self.asking(request, method)
        try:
            message = request_of(binding, path_values, request.query_params.multi_items(), body)
            if method.is_stream:
                streams.go_on(message, request.headers)
        except Malformed as error:
            raise of_malformed(error) from None
        _fill_in(method, message, asking)
        if method.is_stream:
            answers = self.backends.follow(method, message, asking)
            first = await anext(answers)  # a refusal comes before the head of the answer
            return StreamingResponse(
                streams.shown(first, answers), media_type=streams.MEDIA_TYPE, headers=streams.HEADERS
            )
        settings = self.settings
        timeout_s = settings.long_deadline_s if method.is_long or asking.as_of else settings.deadline_s
        answer = await self.backends.ask(method, message, asking, timeout_s)
        return self._answer(request, binding, answer, asking)

    def _answer(self, request: Request, binding: Binding, answer: Any, asking: Asking) -> Response:
        name = binding.method.full_name
        as_cookie = ""
        if name in _CHANGES_RIGHTS:
            self.tokens.drop(asking.session_token)
        if name == f"{_IDENTITY}/SignIn" and request.headers.get(AS_COOKIE_HEADER) == "cookie":
            check_same_site(request.headers)
            as_cookie, answer.session_token = answer.session_token, ""
        response = Response(
            response_json(answer, binding.response_body),
            media_type="application/json",
            headers={"Cache-Control": "no-store", **_told(asking)},
        )
        if as_cookie:
            response.set_cookie(
                COOKIE,
                as_cookie,
                max_age=max(0, int(answer.expires_at.seconds - time.time())),
                httponly=True,
                samesite="strict",
                secure=self.settings.secure,
            )
        if name == f"{_IDENTITY}/SignOut":
            self.tokens.drop(asking.session_token)
            response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self.settings.secure)
        return response

    async def asking(self, request: Request, method: Method | None = None) -> Asking:
        """Who asks, with an access token unless the RPC is public. Raises Problem."""
        session_token = session_token_of(request.method, request.headers)
        asking = Asking(
            request_id=request.scope["state"][REQUEST_ID],
            source=request.client.host if request.client else "",
            session_token=session_token,
            device=_ascii(request.headers.get("user-agent", ""))[:300],
            effective_at=_ascii(request.headers.get("headwater-effective-at", "")),
            timeline_id=_ascii(request.headers.get("headwater-timeline", "")),
            as_of=_ascii(request.headers.get("headwater-as-of", "")),
            as_of_clock=_ascii(request.headers.get("headwater-as-of-clock", "")),
            purpose=_ascii(request.headers.get("headwater-purpose", "")),
        )
        late = asking.effective_at or asking.timeline_id  # needs a permission, so it needs a person
        if method is not None and method.is_public and not (late and session_token):
            return asking
        if not session_token:
            raise Problem(UNAUTHENTICATED, "send Authorization: Bearer and the session's token")
        token = await self.tokens.access_token(session_token, asking)
        if token == session_token:
            self._caller(token)
        self.limits.person(token)
        return asking.with_token(token)

    # -- compositions --------------------------------------------------------------

    async def overview(self, request: Request) -> Response:
        """The customer's 360° page."""
        watch = Stopwatch()
        asking = await self.asking(request)
        parts = overview_parts(request.path_params["customer_id"])
        whole = await self.composition.of(parts, asking)
        return _json({**whole, "took_ms": watch.ms()}, _told(asking))

    async def search(self, request: Request) -> Response:
        """Everything that a name, number, company or tag finds."""
        watch = Stopwatch()
        query = request.query_params.get("q", "").strip()
        limit = request.query_params.get("limit", "10")
        wrong = [Violation(name, "there is no such parameter") for name in set(request.query_params) - {"q", "limit"}]
        if not query or len(query) > _LONGEST_QUERY:
            wrong.append(Violation("q", f"1 to {_LONGEST_QUERY} characters"))
        if not limit.isdecimal() or not 1 <= int(limit) <= 50:
            wrong.append(Violation("limit", "1 to 50"))
        if wrong:
            raise of_malformed(Malformed(wrong))
        asking = await self.asking(request)
        whole = await self.composition.of(search_parts(query, int(limit)), asking)
        return _json({**whole, "took_ms": watch.ms()}, _told(asking))

    async def configuration(self, request: Request) -> Response:
        """What everything is set to, where each is changed, and whether the caller may."""
        watch = Stopwatch()
        asking = await self.asking(request)
        whole = await self.composition.of(settings_parts(), asking)
        caller = self._caller(asking.token)
        paths = {it.method.full_name: f"{it.http_method} {it.path.text}" for it in reversed(self.contracts.bindings)}
        places = []
        for setting in SETTINGS:
            changes = []
            for rpc in setting.changed_by:
                permission = self.contracts.method(rpc).permission
                changes.append({"call": paths[rpc], "permission": permission, "allowed": caller.may(permission)})
            places.append({"name": setting.name, "shown_by": paths.get(setting.shown_by, ""), "changed_by": changes})
        return _json({**whole, "places": places, "took_ms": watch.ms()}, _told(asking))

    async def data_protection(self, request: Request) -> Response:
        """The register of processing: every service's entry."""
        watch = Stopwatch()
        asking = await self.asking(request)
        whole = await self.composition.of(processing_parts(), asking)
        return _json({**whole, "took_ms": watch.ms()}, _told(asking))

    async def parked(self, request: Request) -> Response:
        """What could not be handled, of every service."""
        watch = Stopwatch()
        asking = await self.asking(request)
        whole = await self.composition.of(parked_parts(), asking)
        return _json({**whole, "took_ms": watch.ms()}, _told(asking))

    # -- backups -------------------------------------------------------------------

    async def list_backups(self, request: Request) -> Response:
        """Which backups there are to download."""
        await self._allowed(request, PERMISSION)
        found = await asyncio.to_thread(self._backups.newest_first)
        return _json({"backups": [backup.told() for backup in found], "kept": bool(self.settings.backups)})

    async def download_backup(self, request: Request) -> Response:
        """One backup, sealed as it is, as a zip file."""
        caller = await self._allowed(request, PERMISSION)
        backup = await asyncio.to_thread(self._backups.find, request.path_params["backup_id"])
        if backup is None:
            raise Problem(NOT_FOUND, "there is no such backup; GET /v1/backups lists those there are")
        log.info("a backup is downloaded", extra={"actor": caller.actor, "backup": backup.stamp})
        headers = {
            "Content-Disposition": f'attachment; filename="headwater-{backup.stamp}.zip"',
            "Cache-Control": "no-store",
        }
        return StreamingResponse(packed(backup), media_type="application/zip", headers=headers)

    async def _allowed(self, request: Request, permission: str) -> Caller:
        caller = self._caller((await self.asking(request)).token)
        if not caller.may(permission):
            raise Problem(FORBIDDEN, f"this needs the permission {permission}")
        return caller

    # -- live changes ----------------------------------------------------------------

    async def live(self, request: Request) -> Response:
        """Server-sent events of what changes, until the client goes away."""
        asking = await self.asking(request)
        caller = self._caller(asking.token)
        streams = frozenset(request.query_params.getlist("stream"))
        if len(streams) > MOST_STREAMS:
            raise of_malformed(Malformed([Violation("stream", f"at most {MOST_STREAMS}")]))
        listener = Listener(caller, streams, frozenset(request.query_params.getlist("context")))
        if not self.changes.connected:
            raise Problem(UNAVAILABLE, "the event bus is away; live changes come back with it")
        last = request.headers.get("last-event-id", "")[:100]
        try:
            complete = self.changes.subscribe(listener, last)
        except OverflowError as error:
            raise Problem(TOO_MANY, str(error)) from None
        return StreamingResponse(
            self._stream(listener, asking, complete),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _stream(self, listener: Listener, asking: Asking, complete: bool) -> AsyncIterator[str]:
        good_until = time.monotonic() + seconds_left(asking.token)
        try:
            yield sse("hello" if complete else "reset", {"complete": complete})
            while not listener.lagging:
                try:
                    await asyncio.wait_for(listener.awake.wait(), self.heartbeat_s)
                except TimeoutError:
                    yield ": still here\n\n"
                if time.monotonic() >= good_until:  # before anything more is shown
                    try:
                        token = await self.tokens.access_token(asking.session_token, asking)
                        listener.caller = self._caller(token)
                    except Problem:
                        yield sse("reset", {"reason": "session"})
                        return
                    good_until = time.monotonic() + seconds_left(token)
                for change in listener.take():
                    yield listener.shown(change)
            yield sse("reset", {"reason": "lagging"})
        finally:
            self.changes.unsubscribe(listener)

    def _caller(self, token: str) -> Caller:
        try:
            caller = self._verifier.verify(token)
        except Unauthenticated as error:
            raise Problem(UNAUTHENTICATED, str(error)) from None
        if caller.kind != "person" and not caller.permissions:
            raise Problem(FORBIDDEN, "only for those who may read something")
        return caller

    # -- documents and health ------------------------------------------------------------

    async def openapi_document(self, _: Request) -> Response:
        return Response(self._openapi, media_type="application/json")

    async def settings_for_pages(self, _: Request) -> Response:
        """What the console may know before anybody signed in."""
        return _json({"mail_page": self.settings.mail_page})

    async def livez(self, _: Request) -> Response:
        return _json({"status": "alive"})

    async def readyz(self, _: Request) -> Response:
        """Ready when identity answers: without it nobody gets in. The rest is told, not required."""
        method = self.contracts.method(f"{_IDENTITY}/RefreshSession")
        identity = True
        try:
            await self.backends.ask(method, method.request_type(), Asking("readyz"), 2.0)
        except Problem as problem:
            identity = problem.kind is UNAUTHENTICATED
        state = {
            "status": "ready" if identity else "not ready",
            "identity": identity,
            "changes": self.changes.connected,
            "channels": self.backends.reachable(),
            "away": self.backends.away(),
        }
        return JSONResponse(state, 200 if identity else 503)


def application(gateway: Gateway) -> Frame:
    """Return the ASGI application."""
    settings = gateway.settings

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        gateway.changes.start()
        yield {}
        gateway.changes.stop()
        await gateway.backends.close()

    every_method = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    signing_in = SignInPages(gateway.backends, gateway.contracts, gateway.asking, secure=settings.secure)
    public = pages.Pages(gateway.backends, gateway.contracts, gateway.asking, settings.deadline_s)
    app = Starlette(
        routes=[
            Route("/livez", gateway.livez),
            Route("/healthz", gateway.livez),
            Route("/readyz", gateway.readyz),
            Route("/openapi.json", gateway.openapi_document),
            Route("/console.json", gateway.settings_for_pages),
            Route("/v1/customers/{customer_id}/overview", gateway.overview),
            Route("/v1/search", gateway.search),
            Route("/v1/settings", gateway.configuration),
            Route("/v1/data-protection", gateway.data_protection),
            Route("/v1/parked", gateway.parked),
            Route("/v1/backups", gateway.list_backups),
            Route("/v1/backups/{backup_id}:download", gateway.download_backup),
            Route("/v1/changes", gateway.live),
            Route("/v1/{rest:path}", gateway.transcode, methods=every_method),
            *public.routes(),
            *signing_in.routes(),
            Route("/docs", _file("docs.html")),
            Route("/static/{name}", _static),
            *Web(settings.web).routes(),
        ],
        exception_handlers={Problem: _problem, HTTPException: _http_exception},
        lifespan=lifespan,
    )
    return Frame(app, gateway.limits, settings.body_limit, settings.secure, settings.body_timeout_s, settings.sandbox)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response(request.scope["state"][REQUEST_ID])


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED}.get(error.status_code, MALFORMED)
    problem = Problem(kind, "nothing is served at this path; see /docs", headers=dict(error.headers or {}))
    return problem.response(request.scope["state"][REQUEST_ID])


def _file(name: str) -> Any:
    async def answer(_: Request) -> Response:
        return FileResponse(STATIC / name, headers={"Cache-Control": "no-cache"})

    return answer


_SERVED = frozenset(p.name for p in STATIC.iterdir() if p.suffix in (".js", ".css", ".svg", ".png"))


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _SERVED:
        raise Problem(NOT_FOUND, "there is no such file")
    return FileResponse(STATIC / name, headers={"Cache-Control": "no-cache"})


def _fill_in(method: Method, message: Any, asking: Asking) -> None:
    if method.full_name not in _FILLED_IN:
        return
    field, attribute = _FILLED_IN[method.full_name]
    if field in _ALWAYS_FILLED_IN or not getattr(message, field):
        setattr(message, field, getattr(asking, attribute))


def _json(tree: Any, headers: Mapping[str, str] | None = None) -> Response:
    return Response(dump(tree), media_type="application/json", headers={"Cache-Control": "no-store", **(headers or {})})


def _told(asking: Asking) -> dict[str, str]:
    """What the answer says of its moment, as headers."""
    return {f"Headwater-{name.title()}": value for name, value in asking.told.items()}


def _ascii(text: str) -> str:
    """gRPC metadata holds printable ASCII only."""
    return "".join(c for c in text if " " <= c <= "~")


__all__ = ["Gateway", "application"]
