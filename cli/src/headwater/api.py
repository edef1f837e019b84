"""The public API as the command line uses it: sign in, ask, send once. Waits and retries are bounded."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any
from uuid import uuid4

import httpx

from headwater.home import Home, NotProvisioned

_TIMEOUT = httpx.Timeout(120.0, connect=5.0)
_AWAY = (502, 503, 504)
_SLOWDOWN = 429
_PATIENCE_S = 180.0
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 5.0


class Refused(Exception):
    """The API said no. Carries the problem document; `where` is the request that was refused."""

    def __init__(self, status: int, problem: Mapping[str, Any], where: str = "") -> None:
        super().__init__(f"{where} {problem.get('title', 'refused')} ({status}): {problem.get('detail', '')}".strip())
        self.status = status
        self.problem = problem


class Away(Exception):
    """The API did not answer for as long as we waited."""


class Api:
    """A signed-in session with the gateway. Commands carry a request id, so a repeated one is done once."""

    def __init__(self, url: str, login: str, password: str, patience_s: float = _PATIENCE_S, ca: str = "") -> None:
        self.url = url.rstrip("/")
        verify = ssl.create_default_context(cafile=ca) if ca else True
        self._client = httpx.Client(base_url=self.url, timeout=_TIMEOUT, trust_env=False, verify=verify)
        self._login = login
        self._password = password
        self._patience_s = patience_s
        self._token = ""

    def __enter__(self) -> Api:
        self.sign_in()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._client.close()

    def sign_in(self) -> None:
        """Open a session."""
        answer = self._send(
            "POST",
            "/v1/session",
            json={"login": self._login, "password": self._password, "device": "headwater cli"},
        )
        self._token = answer["session_token"]

    @property
    def session_token(self) -> str:
        """Proves the session; empty before signing in."""
        return self._token

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Ask."""
        return self._send("GET", path, params=query)

    def get_with_headers(
        self, path: str, headers: Mapping[str, str], **query: Any
    ) -> tuple[dict[str, Any], Mapping[str, str]]:
        """Ask with headers; return the answer and its headers."""
        answer = self._ask("GET", path, params=query, headers=headers)
        return (answer.json() if answer.content else {}), answer.headers

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        request_id: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Send a command; the same request id again is the same command."""
        return self._send(
            "POST",
            path,
            json=body,
            headers={"Idempotency-Key": request_id or str(uuid4()), **(headers or {})},
        )

    def pages(
        self, path: str, field: str, headers: Mapping[str, str] | None = None, **query: Any
    ) -> Iterator[dict[str, Any]]:
        """Every row of a list, page by page."""
        token = ""
        while True:
            params = {"page_size": 500, "page_token": token, **query}
            answer = self._send("GET", path, params=params, headers=headers or {})
            yield from answer.get(field, [])
            token = answer.get("next_page_token", "")
            if not token:
                return

    def _send(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        answer = self._ask(method, path, **more)
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        deadline = time.monotonic() + self._patience_s
        pause_s = _FIRST_PAUSE_S
        signed_in_again = False
        headers = dict(more.pop("headers", {}))
        while True:
            if self._token:
                headers["Authorization"] = f"Bearer {self._token}"
            try:
                answer = self._client.request(method, path, headers=headers, **more)
            except httpx.TransportError as error:
                problem: Exception = Away(f"{self.url} does not answer: {type(error).__name__}")
            else:
                if answer.is_success:
                    return answer
                problem = Refused(answer.status_code, _problem(answer), f"{method} {path}:")
                if answer.status_code == 401 and self._token and not signed_in_again and path != "/v1/session":
                    signed_in_again, self._token = True, ""
                    self.sign_in()
                    continue
                if answer.status_code not in (*_AWAY, _SLOWDOWN):
                    raise problem
            if time.monotonic() + pause_s > deadline:
                raise problem
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = {}
    return found if isinstance(found, dict) and found else {"title": answer.reason_phrase}


def add_connection_arguments(parser: Any) -> None:
    """Where the suite is and who signs in; what is not given comes from the environment or the suite here."""
    parser.add_argument("--url", default="", help="the gateway; HEADWATER_URL, or the suite of this folder")
    parser.add_argument("--login", default="", help="who signs in; HEADWATER_LOGIN, or the demo's administrator")
    parser.add_argument("--password-file", default="", help="holds the password; or HEADWATER_PASSWORD, or the demo's")


def connect(options: Any, patience_s: float = _PATIENCE_S) -> Api:
    """Return an API session as the options, the environment or the suite of this folder say."""
    url = options.url or os.environ.get("HEADWATER_URL", "")
    login = options.login or os.environ.get("HEADWATER_LOGIN", "")
    password = os.environ.get("HEADWATER_PASSWORD", "")
    ca = os.environ.get("HEADWATER_TLS_CA", "")
    if options.password_file:
        with open(options.password_file, encoding="utf-8") as file:
            password = file.read().strip()
    if not (url and login and password):
        try:
            state = Home.here().read()
        except NotProvisioned as error:
            raise Away(f"{error}; or say --url, --login and --password-file") from error
        url, ca = (url, ca) if url else (Home.here().url(), Home.here().ca())
        admin = state.get("administrator", {})
        login = login or admin.get("login", "")
        password = password or admin.get("password", "")
    return Api(url, login, password, patience_s, ca)
