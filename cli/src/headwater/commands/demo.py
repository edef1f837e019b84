"""Start the suite and fill it with a generated business.

The business is made once, through the public API; a second demo finds it. Without --detach it runs
until interrupted and then stops everything.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec

from headwater.commands import down
from headwater.commands.up import add_tls_argument
from headwater.home import Home
from headwater.provision import ServersNotNamed, SuiteRuns, provision
from headwater.servers import NotHealthy
from headwater.supervisor import MARK, NAME, start_detached, wait_ready
from headwater.telling import say
from kernel.config import ConfigurationError

SUMMARIES = (("report", "funnel"), ("report", "forecast"))
WATCH_EVERY_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--detach", action="store_true", help="return once everything is ready")
    parser.add_argument("--months", type=int, default=6, help="simulated months of business")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another business")
    add_tls_argument(parser)
    parser.add_argument("--empty", action="store_true", help="generate nothing")


def run(options: argparse.Namespace) -> int:
    home = Home.here()
    try:
        provision(home, say, tls=options.tls)
        start_detached(home)
        wait_ready(home, say)
    except (ConfigurationError, NotHealthy, ServersNotNamed, SuiteRuns) as error:
        print(error, file=sys.stderr)
        return 1
    if not options.empty and not fill(home, options.months, options.seed):
        return 1
    where_to_look(home)
    if options.detach:
        return 0
    return stay(home)


def fill(home: Home, months: int, seed: int) -> bool:
    """Generate the business unless it was; an interrupted run is taken up again by the simulator."""
    if home.read().get("business"):
        say("the generated business is there already")
        return True
    if find_spec("headwater.commands.simulate") is None:
        say("there is no simulator in this build: the suite stays empty")
        return True
    say(f"generating {months} months of business (seed {seed})")
    if headwater(home, "simulate", "--months", str(months), "--seed", str(seed)) != 0:
        print("The simulation failed; the suite runs. `make demo` takes it up again.", file=sys.stderr)
        return False
    with home.changing() as state:
        state["business"] = {"months": months, "seed": seed, "made_at": datetime.now(UTC).isoformat()}
    return True


def where_to_look(home: Home) -> None:
    """The last words: addresses, somebody to sign in as, and what the business looks like."""
    state = home.read()
    ports, administrator = state["ports"], state["administrator"]
    for command in SUMMARIES:
        if find_spec(f"headwater.commands.{command[0]}") and state.get("business"):
            headwater(home, *command)
    print(
        f"\nHeadwater runs.\n"
        f"  look at    {home.url()}/\n"
        f"  API        {home.url()}/openapi.json\n"
        f"  mail sent  http://127.0.0.1:{ports['mail']}/\n"
        f"  sign in    {administrator['login']} / {administrator['password']}"
    )
    for person in state.get("people", []):
        print(f"             {person['login']} / {person['password']}  ({person['role']})")
    if home.ca():
        print(f"  TLS        every hop; the private authority to trust is {home.ca()}")
    print("  logs       " + str(home.logs) + "\n  stop       make stop", flush=True)


def headwater(home: Home, *command: str) -> int:
    """Another command of ours, with its words on our terminal."""
    environment = os.environ | connection(home)
    arguments: Sequence[str] = [sys.executable, "-m", "headwater", *command]
    return subprocess.run(arguments, env=environment).returncode


def connection(home: Home) -> dict[str, str]:
    """Where and as whom commands reach the suite."""
    state = home.read()
    return {
        "HEADWATER_RUN": str(home.folder),
        "HEADWATER_URL": home.url(),
        "HEADWATER_TLS_CA": home.ca(),
        "HEADWATER_LOGIN": state["administrator"]["login"],
        "HEADWATER_PASSWORD": state["administrator"]["password"],
    }


def stay(home: Home) -> int:
    """Until interrupted, or until somebody else stops the suite."""
    print("Ctrl-C stops it.", flush=True)
    try:
        while home.process(NAME, MARK) is not None:
            time.sleep(WATCH_EVERY_S)
    except KeyboardInterrupt:
        down.run(argparse.Namespace(keep_servers=False))
    return 0
