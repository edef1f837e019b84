"""`make bench-load`: what 32 people at once wait for at the gateway of a suite filled by `make bench-data`.

Two ways of asking, both against the suite as it runs: *working* people, who ask once a second each, and people *without
pause*, who ask again as soon as they are answered: that is the most there is on this machine, and its waiting is mostly
for processors. The clients are on the same machine and use its processors too.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from multiprocessing import get_context
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg

from bench import crowd, importing
from bench.figures import table
from bench.machine import facts
from headwater.api import Api
from headwater.home import Home
from headwater.servers.management import Management

USERS = 32
PROCESSES = 2
SECONDS = 15.0
PAUSE_S = 1.0
GOAL_MS = 100.0
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Waited:
    """How long one kind of question took: milliseconds; `failed` answers are not among them."""

    what: str
    users: str
    answered: int
    failed: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Known:
    """What the questions are about."""

    customers: Sequence[str]
    numbers: int
    pipeline: str


Question = Callable[[Known, Random], str]


def _overview(known: Known, random: Random) -> str:
    return f"/v1/customers/{random.choice(known.customers)}/overview"


def _list(known: Known, random: Random) -> str:
    order = random.choice(("name", "-last_contact_at", "-registered_at"))
    tag = random.choice(("key", "price", "partner"))
    return f"/v1/customers?page_size=50&status=CUSTOMER_STATUS_PROSPECT&tag={tag}&order_by={order}"


def _two_characters(known: Known, random: Random) -> str:
    name = crowd.company_of(random.randrange(known.numbers // 10) * 10)[0]
    return f"/v1/search?q={quote(name[2:4])}"


def _full_name(known: Known, random: Random) -> str:
    return f"/v1/search?q={quote(crowd.company_of(random.randrange(known.numbers))[0])}"


def _phone(known: Known, random: Random) -> str:
    return f"/v1/search?q={crowd.phone_of(random.randrange(known.numbers))[3:]}"


def _prefix(known: Known, random: Random) -> str:
    return f"/v1/search?q={crowd.phone_of(random.randrange(known.numbers))[3:9]}"


def _typo(known: Known, random: Random) -> str:
    name = crowd.company_of(random.randrange(known.numbers // 10) * 10)[0]
    at = random.randrange(2, 6)
    return f"/v1/search?q={quote(name[:at] + name[at + 1 :])}"


QUESTIONS: dict[str, Question] = {
    "customer page, 360°": _overview,
    "list, filtered and sorted": _list,
    "search, two characters": _two_characters,
    "search, whole name": _full_name,
    "search, telephone": _phone,
    "search, first digits": _prefix,
    "search, a character left out": _typo,
    "board": lambda known, _: f"/v1/pipelines/{known.pipeline}/board",
    "funnel": lambda *_: "/v1/analytics/funnel",
    "forecast": lambda *_: "/v1/analytics/forecast",
}


def main() -> int:
    """Measure the suite of HEADWATER_RUN (or ./.run); write bench/results/load-<customers>.json."""
    parser = argparse.ArgumentParser(prog="python -m bench.load")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--questions", nargs="*", default=list(QUESTIONS), choices=QUESTIONS)
    parser.add_argument("--maven", type=Path, help="the folder of the Maven files: measure their import, too")
    options = parser.parse_args()
    home = Home.here()
    known, token = _known(home)
    servers = home.read()["servers"]
    machine = facts(servers["postgres_url"], Management(servers["amqp_url"], servers["rabbitmq_api"]))
    answered: list[Waited] = []
    for users, pause_s in (("working", PAUSE_S), ("without pause", 0.0)):
        for what in options.questions:
            answered.append(_asked(home, token, known, what, users, pause_s, options.seconds))
            print(_line(answered[-1]), flush=True)
    figures = [importing.measure(options.maven)] if options.maven else []
    print(table(figures))
    if set(options.questions) == set(QUESTIONS):
        path = Path(__file__).parent / "results" / f"load-{known.numbers}.json"
        measured = {
            "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "customers": known.numbers,
            "users": USERS,
            "goal_ms": GOAL_MS,
            "machine": machine | {"load_average_after": os.getloadavg()[0]},
            "waited": [asdict(waited) for waited in answered],
            "figures": [figure.as_dict() for figure in figures],
        }
        path.write_text(json.dumps(measured, indent=1) + "\n")
        print(f"written to {path}")
    return 1 if any(waited.failed for waited in answered) else 0


def _known(home: Home) -> tuple[Known, str]:
    administrator = home.read()["administrator"]
    with Api(home.url(), administrator["login"], administrator["password"], ca=home.ca()) as api:
        page = api.get("/v1/customers", page_size=500)
        pipelines = {p["name"]: p["pipeline_id"] for p in api.get("/v1/pipelines")["pipelines"]}
        ids = [customer["customer_id"] for customer in page["customers"]]
        token = api.session_token
    suite = home.read()
    database = suite["servers"]["postgres_url"].rpartition("/")[0] + f"/{suite['name']}_customer"
    with psycopg.connect(database) as connection:  # lists do not count that far
        row = connection.execute("select count(*) from customers").fetchone()
        assert row is not None
    return Known(ids, row[0], pipelines[crowd.PIPELINE]), token


def _asked(home: Home, token: str, known: Known, what: str, users: str, pause_s: float, seconds: float) -> Waited:
    spawn = get_context("spawn")
    results: Any = spawn.Queue()
    arguments = (home.url(), token, known, what, pause_s, seconds, USERS // PROCESSES, results)
    processes = [spawn.Process(target=_clients, args=(n, *arguments)) for n in range(PROCESSES)]
    for process in processes:
        process.start()
    took: list[float] = []
    failed = 0
    for _ in processes:
        times, wrong = results.get(timeout=seconds + 4 * _TIMEOUT_S)
        took += times
        failed += wrong
    for process in processes:
        process.join(timeout=_TIMEOUT_S)
    return Waited(
        what,
        users,
        len(took),
        failed,
        round(len(took) / seconds, 1),
        *(_percentile_ms(took, part) for part in (0.5, 0.95, 0.99)),
    )


def _clients(
    number: int, url: str, token: str, known: Known, what: str, pause_s: float, seconds: float, users: int, results: Any
) -> None:
    took: list[float] = []
    failed: list[str] = []
    at = urlsplit(url)
    headers = {"Authorization": f"Bearer {token}"}

    def person(seed: int) -> None:
        random = Random(f"{what}/{seed}")
        connection = http.client.HTTPConnection(str(at.hostname), at.port or 80, timeout=_TIMEOUT_S)
        time.sleep(random.random() * pause_s)  # people do not begin at the same moment
        end = time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            connection.request("GET", QUESTIONS[what](known, random), headers=headers)
            answer = connection.getresponse()
            answer.read()
            now = time.monotonic()
            if answer.status == 200:
                took.append(now - began)
            else:
                failed.append(str(answer.status))
            time.sleep(max(0.0, min(pause_s - (now - began), end - now)))
        connection.close()

    threads = [Thread(target=person, args=(number * users + n,)) for n in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        print(f"  {what}: answered with {sorted(set(failed))}", file=sys.stderr)
    results.put((took, len(failed)))


def _percentile_ms(took: Sequence[float], part: float) -> float:
    """The nearest-rank percentile of seconds, in milliseconds."""
    return round(sorted(took)[max(0, ceil(part * len(took)) - 1)] * 1000, 1) if took else 0.0


def _line(w: Waited) -> str:
    told = "met" if w.answered and not w.failed and w.p95_ms < GOAL_MS else f"MISSED, < {GOAL_MS:.0f}"
    if w.failed:
        told += f"; {w.failed} failed"
    return (
        f"{w.what:30} {w.users:14} {w.per_second:7.1f}/s  "
        f"p50 {w.p50_ms:7.1f}  p95 {w.p95_ms:7.1f}  p99 {w.p99_ms:7.1f} ms  {told}"
    )


if __name__ == "__main__":
    sys.exit(main())
