"""Generate a business: people, campaigns, leads, deals, orders, payments and tickets over simulated months.

It acts through the public API with effective dates. The same seed gives the same business; an interrupted
run is taken up again. Run it against a suite that holds nothing you care for.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import Any

from headwater.api import Away, Refused, add_connection_arguments, connect
from headwater.home import Home
from headwater.simulating.office import PEOPLE, new_password
from headwater.simulating.running import simulate
from headwater.telling import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--months", type=int, default=6, help="how long the business has been going on (6)")
    parser.add_argument("--leads", type=int, default=60, help="leads a month, on average (60)")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another business (7)")
    parser.add_argument("--end", default="", help="its last day, ISO 8601; today")
    add_connection_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """0 when the business is there."""
    home = Home.here()
    memory = home.folder / "simulation.json"
    known: dict[str, Any] = json.loads(memory.read_text(encoding="utf-8")) if memory.exists() else {}
    ends: dict[str, str] = known.get("ends", {})
    end_text = options.end or ends.get(str(options.seed)) or datetime.now(UTC).date().isoformat()
    end = datetime.fromisoformat(end_text).replace(tzinfo=UTC)
    ends[str(options.seed)] = end_text
    passwords: dict[str, str] = known.get("passwords", {})
    for who in PEOPLE:
        passwords.setdefault(who.login, new_password())
    _remember(memory, {"ends": ends, "passwords": passwords})
    shown = [-1]

    def tell(share: float, at: datetime) -> None:
        percent = int(share * 100)
        if percent > shown[0] and (percent % 5 == 0 or sys.stderr.isatty()):
            shown[0] = percent
            say(f"simulated until {at:%Y-%m-%d} ({percent} %)")

    try:
        with connect(options) as admin:
            result = simulate(
                admin,
                seed=options.seed,
                months=options.months,
                leads_a_month=options.leads,
                end=end,
                passwords=passwords,
                tell=tell,
            )
    except (Away, Refused, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    with home.changing() as state:
        state["people"] = result["people"]
    say(f"{result['commands']:,} commands carried out")
    return 0


def _remember(path: Any, what: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(what, ensure_ascii=False), encoding="utf-8")
