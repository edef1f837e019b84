"""The whole suite on one machine in three processes: `python -m headwater.suite apis|buses|gateway`.

The same code as one process per service, put together differently. The buses are patched by eventlet
before anything else is imported and never load grpc; the other two are never patched.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kernel.service import Service

PROCESSES = ("apis", "buses", "gateway")
API_THREADS = 32


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m headwater.suite", description=__doc__)
    parser.add_argument("process", choices=PROCESSES)
    process = parser.parse_args(arguments).process
    if process == "buses":
        # Before anything else: psycopg would choose a wait that stops all greenthreads.
        os.environ["PSYCOPG_WAIT_FUNC"] = "wait_select"
        warnings.filterwarnings("ignore", r"\s*Eventlet is deprecated")
        import eventlet

        eventlet.monkey_patch()
    from kernel.config import ConfigurationError

    try:
        {"apis": run_apis, "buses": run_buses, "gateway": run_gateway}[process]()
    except ConfigurationError as error:
        sys.exit(str(error))


def run_apis() -> None:
    """Every service's api behind one port, every relay and every worker; until SIGTERM."""
    from kernel.service import start_unpatched, stop_on_signals

    services = bootstrapped("apis")
    stop = stop_on_signals()
    drain = start_unpatched(services, services[0].settings.listen, stop, threads=API_THREADS)
    print("ready: apis", flush=True)
    stop.wait()
    drain()


def run_buses() -> None:
    """Every service's consumers, reactions and timers; until SIGTERM."""
    from headwater.home import Home
    from kernel.bus import run_bus

    def ready() -> None:
        print("ready: buses", flush=True)
        Home.here().remember_process("buses-ready", os.getpid())

    run_bus(bootstrapped("buses"), ready)


def run_gateway() -> None:
    """HTTP in front of all of it."""
    serve: Any = import_module("gateway.__main__").main
    serve()


def bootstrapped(process: str) -> list[Service]:
    """The services of this installation, put together from the environment; missing variables are named at once."""
    from kernel import telemetry
    from kernel.config import ConfigurationError, Settings, modules_in
    from kernel.privileges import refuse_too_much

    settings: list[Settings] = []
    wrong: list[str] = []
    for context in modules_in(os.environ, wrong):
        try:
            settings.append(Settings.from_environment(context))
        except ConfigurationError as error:
            wrong.append(str(error))
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    telemetry.set_up(process, settings[0].otlp_endpoint)
    for one in settings:
        refuse_too_much(one.service, one.amqp_url, one.database_url)
    return [import_module(f"{one.service}.bootstrap").bootstrap(one) for one in settings]


if __name__ == "__main__":
    main()
