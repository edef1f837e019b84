"""RabbitMQ's management API, as far as setting up users and virtual hosts needs it."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.request
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

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
        self._tls = _tls(amqp_url) if api_url.startswith("https:") else None
        self._authorization = f"Basic {token.decode()}"

    def ask(self, method: str, path: str, body: object | None = None) -> object:
        """The decoded answer to one call, None when it is empty; HTTP errors are raised."""
        request = urllib.request.Request(
            f"{self._api_url}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": self._authorization, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=self._tls) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def url(self, user: str = "", password: str = "", vhost: str = "", query: str | None = None) -> str:
        """The AMQP URL of another user or another virtual host; `query` names his certificate."""
        parts = urlsplit(self.amqp_url)
        if query is not None:
            parts = parts._replace(query=query)
        login, _, host = parts.netloc.rpartition("@")
        if user:
            login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return urlunsplit(parts._replace(netloc=f"{login}@{host}", path="/" + quote(vhost or self.vhost, safe="")))


def _tls(amqp_url: str) -> ssl.SSLContext:
    """As the AMQP URL says, whom to believe and who we are; see kernel.broker.connect."""
    given = dict(parse_qsl(urlsplit(amqp_url).query))
    context = ssl.create_default_context(cafile=given.get("cacertfile"))
    if "certfile" in given:
        context.load_cert_chain(given["certfile"], given.get("keyfile"))
    return context
