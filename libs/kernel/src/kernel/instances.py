"""Which instances of a service's bus live, and which partitions each of them should read.

A queue's single active consumer does not balance: whoever comes first gets every queue. So instances
write themselves down, share the partitions out by their order, and ask for those that are theirs.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg

_EVERY_S = 5.0
_GONE_AFTER_S = 20.0


class Instances:
    """This process among the instances of one service's bus."""

    def __init__(self, database_url: str, every_s: float = _EVERY_S) -> None:
        self.me = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._database_url = database_url
        self._every_s = every_s
        self._alive: list[str] = []
        self._stopping = False

    def is_home(self, partition: int) -> bool:
        """Whether this instance should be the one to read a partition."""
        alive = self._alive
        return bool(alive) and alive[partition % len(alive)] == self.me

    def run(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """Be counted until stopped; while the database is away the last count holds."""
        while not self._stopping:
            with suppress(psycopg.Error):
                self._count()
            end = time.monotonic() + self._every_s
            while not self._stopping and (left := end - time.monotonic()) > 0:
                sleep(min(left, 0.2))
        with suppress(psycopg.Error), self._connected() as connection:
            connection.execute("delete from bus_instances where instance = %s", (self.me,))

    def stop(self) -> None:
        """Let `run` return; the others share out what was ours."""
        self._stopping = True

    def _count(self) -> None:
        with self._connected() as connection:
            connection.execute(
                "insert into bus_instances (instance) values (%s) on conflict (instance) do update set seen_at = now()",
                (self.me,),
            )
            connection.execute(
                "delete from bus_instances where seen_at < now() - make_interval(secs => %s)",
                (_GONE_AFTER_S,),
            )
            rows = connection.execute("select instance from bus_instances order by instance")
            self._alive = [row[0] for row in rows]

    def _connected(self) -> psycopg.Connection[tuple[str]]:
        connection: psycopg.Connection[tuple[str]] = psycopg.connect(
            self._database_url, autocommit=True, connect_timeout=10
        )
        return connection
