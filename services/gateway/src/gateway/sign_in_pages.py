"""Signing in through an identity provider with a browser: there, and back with a session in a cookie.

The cookie of the way there belongs to this browser and lasts ten minutes; without it nobody comes back, so
nobody can be signed in as somebody else by a link. The page at the end leads on by itself: a redirect would
be followed as coming from the provider, without the session's cookie.
"""

from __future__ import annotations

import html
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from crm.identity.v1 import sign_in_service_pb2 as pb
from gateway.backends import Asking, Backends
from gateway.contracts import Contracts
from gateway.problems import Problem
from gateway.sessions import COOKIE

BROWSER_COOKIE = "headwater_sign_in"
_SERVICE = "crm.identity.v1.SignInService"
_PATH = "/sign-in"
_TEN_MINUTES_S = 600
_TIMEOUT_S = 15.0
_LONGEST = 4000
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Headwater</title>
<link rel="stylesheet" href="/static/public.css">{head}<main><h1>Headwater</h1><p>{text}</p>
<p><a href="/">{link}</a></p></main></html>"""


class SignInPages:
    def __init__(
        self,
        backends: Backends,
        contracts: Contracts,
        asking: Callable[[Request, Any], Awaitable[Asking]],
        *,
        secure: bool,
    ) -> None:
        self._backends = backends
        self._asking = asking
        self._secure = secure
        self._begin = contracts.method(f"{_SERVICE}/BeginProviderSignIn")
        self._finish = contracts.method(f"{_SERVICE}/FinishProviderSignIn")

    def routes(self) -> list[Route]:
        return [
            Route(f"{_PATH}/{{provider}}", self.there, methods=["GET"]),
            Route(f"{_PATH}/{{provider}}/callback", self.back, methods=["GET"]),
        ]

    async def there(self, request: Request) -> Response:
        """Send the browser to the provider."""
        wanted = pb.BeginProviderSignInRequest(provider=request.path_params["provider"][:40])
        try:
            asking = await self._asking(request, self._begin)
            begun: Any = await self._backends.ask(self._begin, wanted, asking, _TIMEOUT_S)
        except Problem as problem:
            return _page(problem.detail, problem.kind.status)
        response = RedirectResponse(begun.authorization_url, 302, headers={"Cache-Control": "no-store"})
        self._set(response, BROWSER_COOKIE, begun.browser_token, _TEN_MINUTES_S, "lax", _PATH)
        return response

    async def back(self, request: Request) -> Response:
        """Open the session of whom the provider vouches for."""
        query = request.query_params
        wanted = pb.FinishProviderSignInRequest(
            state=query.get("state", "")[:_LONGEST],
            code=(query.get("code") or query.get("authCode", ""))[:_LONGEST],  # DingTalk says authCode
            browser_token=request.cookies.get(BROWSER_COOKIE, "")[:_LONGEST],
        )
        if not (wanted.state and wanted.code and wanted.browser_token):
            return _page("The provider did not sign you in, or this sign-in was not begun in this browser.", 401)
        try:
            asking = await self._asking(request, self._finish)
            wanted.device = asking.device
            opened: Any = await self._backends.ask(self._finish, wanted, asking, _TIMEOUT_S)
        except Problem as problem:
            return _page(problem.detail, problem.kind.status)
        response = HTMLResponse(
            _PAGE.format(head='<meta http-equiv="refresh" content="0;url=/">', text="Signed in.", link="Go on"),
            headers={"Cache-Control": "no-store"},
        )
        lasts_s = max(0, int(opened.expires_at.seconds - time.time()))
        self._set(response, COOKIE, opened.session_token, lasts_s, "strict", "/")
        self._set(response, BROWSER_COOKIE, "", 0, "lax", _PATH)
        return response

    def _set(self, response: Response, name: str, value: str, lasts_s: int, same_site: Any, path: str) -> None:
        response.set_cookie(
            name, value, max_age=lasts_s, path=path, httponly=True, samesite=same_site, secure=self._secure
        )


def _page(text: str, status: int) -> Response:
    body = _PAGE.format(head="", text=html.escape(text), link="Back")
    return HTMLResponse(body, status, headers={"Cache-Control": "no-store"})
