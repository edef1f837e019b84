"""A bus for the benchmarks: `python -m bench.bus_process DATABASE_URL AMQP_URL VIEW`."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

os.environ["PSYCOPG_WAIT_FUNC"] = "wait_select"

import eventlet

eventlet.monkey_patch()

from bench.views import ARRIVALS, TOTALS  # noqa: E402
from kernel.bus import run_bus  # noqa: E402


def main() -> None:
    database_url, amqp_url, view = sys.argv[1:]
    service = SimpleNamespace(
        name="bench",
        settings=SimpleNamespace(database_url=database_url, amqp_url=amqp_url, partitions=4),
        eventual=[{"totals": TOTALS, "arrivals": ARRIVALS}[view]],
        reactions={},
        timers={},
        store=SimpleNamespace(close=lambda: None),
    )
    run_bus([service], ready=lambda: print("ready", flush=True))  # type: ignore[list-item]


if __name__ == "__main__":
    main()
