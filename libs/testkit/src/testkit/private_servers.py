"""Private servers that all test sessions of this clone share; the last one out turns them off."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.servers import NotHealthy, PrivateServers
from testkit.servers import Servers, ServersMissing

FOLDER = Path(".run") / "test"
"""Below the folder pytest was started in, which is the repository's."""


@contextmanager
def private_servers(folder: Path = FOLDER) -> Iterator[Servers]:
    """Up and not durable: a test's data need not survive a power cut."""
    private = PrivateServers(folder, durable=False)
    with (private.folder / "users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            addresses = private.up()
        except NotHealthy as error:
            raise ServersMissing(f"no private test servers: {error}") from None
        try:
            yield Servers(addresses.postgres_url, addresses.amqp_url, addresses.rabbitmq_api)
        finally:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # another session still needs them, and will turn them off
            else:
                private.down()
