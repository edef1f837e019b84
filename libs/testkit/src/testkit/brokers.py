"""Fresh RabbitMQ virtual hosts for tests, made and removed through the management API."""

from __future__ import annotations

import secrets
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from headwater.servers.management import Management


class Broker:
    """One RabbitMQ whose administrator we are."""

    def __init__(self, amqp_url: str, api_url: str) -> None:
        self.management = Management(amqp_url, api_url)

    @contextmanager
    def fresh_vhost(self) -> Iterator[str]:
        """A virtual host of a random name, removed at the end, as an AMQP URL."""
        ask, user = self.management.ask, quote(self.management.user, safe="")
        vhost = f"t_{secrets.token_hex(6)}"
        ask("PUT", f"vhosts/{vhost}", {})
        try:
            rights = {"configure": ".*", "write": ".*", "read": ".*"}
            ask("PUT", f"permissions/{vhost}/{user}", rights)
            yield self.management.url(vhost=vhost)
        finally:
            try:
                ask("DELETE", f"vhosts/{vhost}")
            except urllib.error.HTTPError as error:
                with error:
                    if error.code != 404:
                        raise
