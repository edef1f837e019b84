"""RabbitMQ's management API, as far as setting up users and virtual hosts needs it."""

from __future__ import annotations

import base64
import json
import urllib.request
from urllib.parse import quote, unquote, urlsplit, urlunsplit

TIMEOUT_S = 20


class Management:
    """The API of one RabbitMQ, asked as the user of its AMQP URL."""

    def __init__(self, amqp_url: str, api_url: str) -> None:
        parts = urlsplit(amqp_url)
        self.amqp_url = amqp_url
        self.user = unquote(parts.username or "guest")
        self.vhost = unquote(parts.path[1:]) or "/"
        self._api_url = api_url.rstrip("/")
        token = base64.b64encode(f"{self.user}:{unquote(parts.password or 'guest')}".encode())
        self._authorization = f"Basic {token.decode()}"

    def ask(self, method: str, path: str, body: object | None = None) -> object:
        """The decoded answer to one call, None when it is empty; HTTP errors are raised."""
        request = urllib.request.Request(
            f"{self._api_url}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": self._authorization, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def url(self, user: str = "", password: str = "", vhost: str = "") -> str:
        """The AMQP URL of another user or another virtual host."""
        parts = urlsplit(self.amqp_url)
        login, _, host = parts.netloc.rpartition("@")
        if user:
            login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return urlunsplit(parts._replace(netloc=f"{login}@{host}", path="/" + quote(vhost or self.vhost, safe="")))
