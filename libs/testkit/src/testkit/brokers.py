"""Fresh RabbitMQ virtual hosts for tests, made and removed through the management API."""

from __future__ import annotations

import base64
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, unquote, urlsplit, urlunsplit

TIMEOUT_S = 20


class Broker:
    """The management API of one RabbitMQ, asked as the user of its AMQP URL."""

    def __init__(self, amqp_url: str, api_url: str) -> None:
        parts = urlsplit(amqp_url)
        self.amqp_url = amqp_url
        self._user = unquote(parts.username or "guest")
        self._api_url = api_url.rstrip("/")
        token = base64.b64encode(f"{self._user}:{unquote(parts.password or 'guest')}".encode())
        self._authorization = f"Basic {token.decode()}"

    def ask(self, method: str, path: str, body: object | None = None) -> object:
        """The decoded answer to one API call, None when it is empty; HTTP errors are raised."""
        request = urllib.request.Request(
            f"{self._api_url}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": self._authorization, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def url_of(self, vhost: str) -> str:
        """The AMQP URL of `vhost`, for the same user."""
        return urlunsplit(urlsplit(self.amqp_url)._replace(path="/" + quote(vhost, safe="")))

    @contextmanager
    def fresh_vhost(self) -> Iterator[str]:
        """A virtual host of a random name, removed at the end, as an AMQP URL."""
        vhost = f"t_{secrets.token_hex(6)}"
        self.ask("PUT", f"vhosts/{vhost}", {})
        try:
            rights = {"configure": ".*", "write": ".*", "read": ".*"}
            self.ask("PUT", f"permissions/{vhost}/{quote(self._user, safe='')}", rights)
            yield self.url_of(vhost)
        finally:
            try:
                self.ask("DELETE", f"vhosts/{vhost}")
            except urllib.error.HTTPError as error:
                with error:
                    if error.code != 404:
                        raise
