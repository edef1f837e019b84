"""Say what runs, where, how far behind it is, what is set aside, and what to do."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import Any

import psycopg

from headwater.auditing import unsealed
from headwater.availability import Availability
from headwater.backlog import Waiting, waiting
from headwater.home import Home, NotProvisioned
from headwater.operating import settings_of
from headwater.provision import servers_are_private
from headwater.servers import PrivateServers
from headwater.supervisor import COMMANDS, MARK, NAME, answers
from headwater.verify_export import SEALED_WITHIN_S
from kernel.config import CONTEXTS, ConfigurationError
from kernel.seal import CHAINS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def run(options: argparse.Namespace) -> int:
    """0 when everything is up, 3 when something is not."""
    home = Home.here()
    try:
        rows = status_of(home)
    except NotProvisioned as error:
        print(error, file=sys.stderr)
        return 3
    waits, why_not = what_waits(home)
    if options.json:
        print(
            json.dumps({"processes": rows, "waiting": [it.as_dict() for it in waits], "not_asked": why_not}, indent=1)
        )
    else:
        for row in rows:
            state = "up" if row["up"] else "DOWN"
            print(f"{row['name']:12} {state:5} {row['pid'] or '':>8}  {row['where']}")
        print(f"available    {Availability(home.availability).of_month(datetime.now(UTC).date()).words()}")
        for it in waits:
            print(f"{it.service:12} {'LATE' if it.is_late else 'even':5} {'':>8}  {it.words()}")
        if why_not:
            print(f"what waits could not be asked: {why_not}")
        to_do = [_of_one_down(row, home) for row in rows if not row["up"]]
        for advice in [*to_do, *(advice for it in waits for advice in it.advice())]:
            print(f"→ {advice}")
    return 0 if all(row["up"] for row in rows) else 3


def status_of(home: Home) -> list[dict[str, Any]]:
    """One row for each process and server: name, up, pid, where."""
    state = home.read()
    ports = state["ports"]
    where = {
        "apis": f"127.0.0.1:{ports['apis']} (gRPC{', mutual TLS' if state.get('tls') else ''})",
        "gateway": f"{home.url()}/",
        "mail": f"http://127.0.0.1:{ports['mail']}/ (SMTP on {ports['smtp']})",
    }
    supervisor = home.process(NAME, MARK)
    rows = [{"name": NAME, "up": supervisor is not None, "pid": supervisor, "where": str(home.folder)}]
    for name in COMMANDS:
        pid = home.process(name, MARK)
        rows.append({"name": name, "up": answers(home, name), "pid": pid, "where": where.get(name, "")})
    if servers_are_private():
        servers = PrivateServers(home.folder / "servers")
        pids = servers.pids()
        for name, up in servers.status().items():
            rows.append({"name": name, "up": up, "pid": pids.get(name), "where": "private"})
    return [*rows, sealing(home)]


def what_waits(home: Home) -> tuple[list[Waiting], str]:
    """What waits in each service of this installation; or nothing, and why that could not be asked."""
    try:
        return waiting(home, settings_of(CONTEXTS[0], home).modules), ""
    except (psycopg.Error, ConfigurationError) as error:
        return [], type(error).__name__


def _of_one_down(row: dict[str, Any], home: Home) -> str:
    """What to do about something that is down."""
    if row["name"] == "sealing":
        return "logs are not sealed: see the log of apis"
    if row["name"] == NAME:
        return "nothing watches the suite: headwater up starts it, and goes on where it was"
    return (
        f"{row['name']} is down: the supervisor starts it again; why it ended stands in {home.logs / row['name']}.log"
    )


def sealing(home: Home) -> dict[str, Any]:
    """Whether every log and every record of reads is sealed but for its last minute."""
    row = {"name": "sealing", "up": False, "pid": None}
    behind, waiting = [], 0
    try:
        for name in settings_of(CONTEXTS[0], home).modules:
            for chain in CHAINS:
                rows, age_s = unsealed(settings_of(name, home), chain)
                waiting += rows
                if age_s > SEALED_WITHIN_S:
                    behind.append(f"{name} {chain.table} for {age_s:,.0f} s")
    except (psycopg.Error, ConfigurationError) as error:
        return row | {"where": f"cannot be asked: {type(error).__name__}"}
    if behind:
        return row | {"where": f"not sealed: {', '.join(behind)}; see the log of apis"}
    return row | {"up": True, "where": f"all logs; {waiting} rows are waiting for the next second"}
