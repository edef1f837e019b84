"""Who asks: session tokens from a header or a cookie, exchanged for access tokens and kept for seconds.

A browser keeps its session in an HttpOnly cookie. A cookie goes along with requests that a foreign page
makes, so whatever may change something must carry a header that such a page cannot set.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from base64 import urlsafe_b64decode
from collections import OrderedDict
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from crm.identity.v1 import identity_service_pb2 as pb
from gateway.backends import Asking, Backends
from gateway.contracts import Contracts
from gateway.problems import FORBIDDEN, UNAUTHENTICATED, Problem

COOKIE = "headwater_session"
CSRF_HEADER = "headwater-csrf"
AS_COOKIE_HEADER = "headwater-session"  # "cookie": SignIn's token is set as a cookie

KEPT_FOR_S = 45.0
MOST_KEPT = 10_000
_SAFE = ("GET", "HEAD", "OPTIONS")
_TIMEOUT_S = 3.0
_LONGEST_TOKEN = 4096


def session_token_of(http_method: str, headers: Headers) -> str:
    """Return the caller's token, empty for none. Raises Problem when a cookie may not be used."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme:
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN:
            raise Problem(UNAUTHENTICATED, "Authorization must be Bearer and a token")
        return token
    token = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")[:_LONGEST_TOKEN]
    if token and http_method not in _SAFE:
        check_same_site(headers)
    return token


def check_same_site(headers: Headers) -> None:
    """Raises Problem when a browser's request may come from a foreign page."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Problem(FORBIDDEN, "a request from another site is not taken with a cookie")
    if headers.get(CSRF_HEADER) != "1":
        raise Problem(FORBIDDEN, "with a cookie, send the header Headwater-Csrf: 1")


def seconds_left(access_token: str) -> float:
    """How long a token that was verified is still to be used; negative when its time is over."""
    payload = access_token.split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return float(claims["exp"]) - time.time()


class Tokens:
    """Access tokens by session, for at most 45 seconds each. Bounded; the oldest go first."""

    def __init__(self, backends: Backends, contracts: Contracts) -> None:
        self._backends = backends
        self._refresh = contracts.method("crm.identity.v1.IdentityService/RefreshSession")
        self._kept: OrderedDict[bytes, tuple[float, str]] = OrderedDict()
        self._asked: dict[bytes, asyncio.Task[str]] = {}

    async def access_token(self, session_token: str, asking: Asking) -> str:
        """Return a token that services verify. Raises Problem when the session is over."""
        if session_token.count(".") == 2:  # an access token already
            return session_token
        key = _key(session_token)
        kept = self._kept.get(key)
        if kept and kept[0] > time.monotonic():
            self._kept.move_to_end(key)
            return kept[1]
        task = self._asked.get(key)
        if task is None:
            task = asyncio.create_task(self._fetch(key, session_token, asking))
            self._asked[key] = task
            task.add_done_callback(lambda _: self._asked.pop(key, None))
        return await asyncio.shield(task)

    def drop(self, session_token: str) -> None:
        """Forget a session that was ended here."""
        self._kept.pop(_key(session_token), None)

    async def _fetch(self, key: bytes, session_token: str, asking: Asking) -> str:
        request = pb.RefreshSessionRequest(session_token=session_token)
        plain = Asking(asking.request_id, asking.source)  # nobody is known yet to enter anything late
        answer: Any = await self._backends.ask(self._refresh, request, plain, _TIMEOUT_S)
        left_s = answer.expires_at.seconds - time.time() - 10
        if left_s > 0:
            self._kept[key] = (time.monotonic() + min(KEPT_FOR_S, left_s), answer.access_token)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        token: str = answer.access_token
        return token


def _key(session_token: str) -> bytes:
    return hashlib.sha256(session_token.encode()).digest()
