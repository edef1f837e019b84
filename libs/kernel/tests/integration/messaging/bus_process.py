"""A bus process for tests: `python bus_process.py DATABASE_URL AMQP_URL KILLER_STREAM`.

Its view dies, process and all, on the second event of the killer stream.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import Any

os.environ["PSYCOPG_WAIT_FUNC"] = "wait_select"

import eventlet

eventlet.monkey_patch()

from kernel.bus import run_bus  # noqa: E402
from kernel.projections import Eventual  # noqa: E402


@dataclass
class Settings:
    database_url: str
    amqp_url: str
    partitions: int = 4


@dataclass
class FollowerService:
    """As much of kernel.service.Service as a bus needs."""

    name: str
    settings: Settings
    eventual: list[Eventual]
    store: Any = field(default_factory=lambda: type("Store", (), {"close": lambda self: None})())
    reactions: dict[Any, Any] = field(default_factory=dict)
    timers: dict[str, Any] = field(default_factory=dict)
    personal: None = None
    owned: None = None


def main() -> None:
    database_url, amqp_url, killer = sys.argv[1:]

    def project(cursor: Any, events: Any) -> None:
        for event in events:
            if str(event.stream) == killer and event.version == 2:
                os.kill(os.getpid(), 9)
        cursor.execute("insert into seen_by values (%s) on conflict do nothing", (os.getpid(),))
        cursor.executemany(
            "insert into seen (position, stream, version) values (%s, %s, %s)",
            [(event.position, event.stream, event.version) for event in events],
        )

    view = Eventual("seen", ("seen",), ("kernel_test",), project)
    assert "grpc" not in sys.modules
    service = FollowerService("follower", Settings(database_url, amqp_url), [view])
    run_bus([service], ready=lambda: print("ready", flush=True))  # type: ignore[list-item]


if __name__ == "__main__":
    main()
