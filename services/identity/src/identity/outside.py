"""One request to a server that is not ours: bounded in time and size, no redirects, no proxy from the environment."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import httpx

from kernel.errors import Unauthenticated, Unavailable

_TIMEOUT_S = 5.0
_LARGEST = 4 * 1024 * 1024


def ask(title: str, method: str, url: str, **what: Any) -> dict[str, Any]:
    """Return the JSON object answered. Raises Unavailable, or Unauthenticated when it is refused.

    `title` names the server for the person who reads the message; `what` is passed to httpx.
    """
    try:
        with (
            httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as client,
            client.stream(method, url, **what) as answer,
        ):
            body = b""
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > _LARGEST:
                    raise Unavailable(f"{title} answers with too much")
            status = answer.status_code
    except httpx.HTTPError as error:
        raise Unavailable(f"{title} does not answer; try again, or sign in with the password") from error
    if status >= 500 or status == 429:
        raise Unavailable(f"{title} is out of order; try again, or sign in with the password")
    try:
        answer_json = json.loads(body)
    except ValueError:
        answer_json = None
    if status != 200 or not isinstance(answer_json, dict):
        raise Unauthenticated(f"{title} refused; begin again")
    return answer_json


def is_safe(url: str) -> bool:
    """https, or this very machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1"))
