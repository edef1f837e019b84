"""A bus for the benchmarks: `python -m bench.bus_process DATABASE_URL AMQP_URL VIEW`."""

from __future__ import annotations

import os
import sys

os.environ["PSYCOPG_WAIT_FUNC"] = "wait_select"

import eventlet

eventlet.monkey_patch()

from bench.service import service, settings  # noqa: E402
from bench.views import ARRIVALS, TOTALS  # noqa: E402
from kernel.bus import run_bus  # noqa: E402


def main() -> None:
    database_url, amqp_url, view = sys.argv[1:]
    wanted = {"totals": TOTALS, "arrivals": ARRIVALS}[view]
    run_bus([service(settings(database_url, amqp_url), wanted)], ready=lambda: print("ready", flush=True))


if __name__ == "__main__":
    main()
