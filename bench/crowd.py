"""`make bench-data SIZE=100000`: fill a running suite with that many customers, through its public API.

All of it is invented from the seed: companies with a contact and two activities each, six deals for ten of them with
their histories, orders for those that were won, two tickets for ten. About ten events a customer. It goes in by the
same import as anybody's files, so every event is a real one and every view of every service has it. A run that was
stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from headwater.api import Api
from headwater.home import Home
from headwater.importing.plan import Plan, Ref, Row
from headwater.importing.running import Journal, Runner

AT_ONCE = 10_000
"""Customers in one plan: what is held in memory."""

PEOPLE = 50
PIPELINE = "Crowd"
STAGES = (("Contacted", 10, 14), ("Demo", 30, 21), ("Proposal", 60, 30), ("Negotiation", 80, 30))
_BEGIN = datetime(2024, 1, 1, 1, tzinfo=UTC)
_DAYS = 700
_CITIES = {"11": "北京", "31": "上海", "44": "广州", "33": "杭州", "51": "成都", "32": "南京", "42": "武汉"}
_CHARACTERS = (
    "华辰远航博锐天工恒信云帆鼎盛明德卓越启元安泰瑞丰金石蓝海万象智联新锋宏图嘉禾东方星河长青中科佳美源达亿利通宝隆昌顺和康益"
    "民生百川景晟弘毅凯旋腾龙飞宇旭阳春晖正邦国光汇聚立诚同济精艺创优品尚雅致维纳思特尔斯曼迪诺格林奥普赛欧乐福仁爱友善清逸鸿"
)
_TRADES = {"34": "机械", "35": "装备", "39": "电子", "65": "软件", "F": "商贸", "E": "建设", "Q": "医疗"}
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN = "伟芳娜敏静磊强洋艳勇军杰娟涛明超霞平刚燕鑫宇婷雪晨佳欣浩然子涵"
_LETTERS = (
    "barcordenfalgorhaljankellormarnorpelquirossoltanverwinyorzan"
    "amibelcasdovelifengraholinojulkorlinmonnilosapriramstetulvik"
)
_SYLLABLES = [_LETTERS[i : i + 3] for i in range(0, len(_LETTERS), 3)]
_SCATTERED = 611_953
"""A prime: multiplied with it, numbers that follow each other lie far apart, and none meets another."""


def company_of(number: int) -> tuple[str, str, str]:
    """Name, region and industry of the number-th customer, less than 1.7 million; no two names are the same."""
    regions, industries = list(_CITIES), list(_TRADES)
    region, industry = regions[number % len(regions)], industries[number // 7 % len(industries)]
    if number % 10 == 9:  # one in ten is foreign
        one, two, three, four = _digits(number, _SYLLABLES, 4)
        return f"{one.title()}{two} {three.title()}{four} Ltd.", "DE", industry
    stem = "".join(_digits(number, _CHARACTERS, 3))
    return f"{_CITIES[region]}{stem}{_TRADES[industry]}有限公司", region, industry


def _digits(number: int, of: Sequence[str], count: int) -> list[str]:
    """The number, scattered, as so many digits of which there are len(of)."""
    rest, found = number * _SCATTERED % len(of) ** count, []
    for _ in range(count):
        rest, digit = divmod(rest, len(of))
        found.append(of[digit])
    return found


def phone_of(number: int) -> str:
    """The telephone of the number-th customer's contact."""
    return f"+86138{number:08d}"


def plans(size: int, seed: int) -> Iterator[Plan]:
    """The customers in plans of AT_ONCE, the same for the same size and seed."""
    for first in range(0, size, AT_ONCE):
        count = min(AT_ONCE, size - first)
        fingerprint = hashlib.sha256(f"{seed}/{first}/{count}".encode()).hexdigest()
        yield _plan(Plan(f"crowd-{first}", fingerprint), first, count, Random(f"{seed}/{first}"))


def _plan(plan: Plan, first: int, count: int, random: Random) -> Plan:
    for n in range(PEOPLE):
        body = {"name": f"Crowd rep {n}", "login": f"crowd.{n}", "position": "rep", "team": f"Crowd {n // 10}"}
        plan.step("people").rows.append(Row("", n, body["name"], body))
    stages = [
        {"name": name, "probability": probability, "norm_days": days, "order": order}
        for order, (name, probability, days) in enumerate(STAGES, 1)
    ]
    plan.step("pipelines").rows.append(Row("", 0, PIPELINE, {"name": PIPELINE, "stages": stages}))
    for kind in ("customers", "opportunities", "orders", "tickets"):
        plan.step(kind)
    for number in range(first, first + count):
        _customer(plan, number, random)
    return plan


def _customer(plan: Plan, number: int, random: Random) -> None:
    name, region, industry = company_of(number)
    began = _BEGIN + timedelta(minutes=random.randrange(_DAYS * 24 * 60))
    owner = Ref(("owner_id",), "people", f"Crowd rep {random.randrange(PEOPLE)}")
    ref = f"crowd:{number}"
    body: dict[str, Any] = {
        "external_ref": ref,
        "kind": "CUSTOMER_KIND_COMPANY",
        "profile": {
            "name": name,
            "region_code": region,
            "industry_code": industry,
            "employees": str(random.randrange(5, 900)),
        },
        "contacts": [
            {
                "name": random.choice(_SURNAMES) + "".join(random.sample(_GIVEN, random.choice((1, 2)))),
                "phones": [phone_of(number)],
                "emails": [f"contact{number}@crowd.example"],
            }
        ],
        "source": random.choice(("website", "exhibition", "referral", "wechat")),
        "tags": random.sample(("key", "price", "partner", "renewal", "export"), 2),
        "registered_at": _at(began),
        "activities": [
            {
                "kind": random.choice(("ACTIVITY_KIND_CALL", "ACTIVITY_KIND_VISIT", "ACTIVITY_KIND_MESSAGE")),
                "happened_at": _at(began + timedelta(days=day)),
                "content": f"Talked about the plans of quarter {day % 4 + 1}",
            }
            for day in (random.randrange(1, 9), random.randrange(9, 20))
        ],
    }
    plan.step("customers").rows.append(Row("", number, ref, body, (owner,)))
    if number % 10 < 6:
        _deal(plan, number, began + timedelta(days=random.randrange(20)), owner, random)
    if number % 10 in (2, 7):
        _ticket(plan, number, began + timedelta(days=random.randrange(20, 60)), random)


def _deal(plan: Plan, number: int, opened: datetime, owner: Ref, random: Random) -> None:
    ref = f"crowd-deal:{number}"
    customer = Ref(("customer_id",), "customers", f"crowd:{number}")
    amount = {"minor_units": str(random.randrange(50, 5_000) * 100_00), "currency_code": "CNY"}
    steps = random.randrange(1, len(STAGES) + 2)
    history: list[dict[str, Any]] = []
    moment = opened
    for name, _, days in STAGES[1:steps]:
        moment += timedelta(days=random.randrange(1, days))
        history.append({"at": _at(moment), "kind": "HISTORY_KIND_MOVED", "stage": name})
    closed = moment + timedelta(days=random.randrange(2, 30))
    won = steps > len(STAGES) and random.random() < 0.6
    if won:
        history.append({"at": _at(closed), "kind": "HISTORY_KIND_WON", "amount": amount, "reason": "price"})
    elif steps > len(STAGES) or random.random() < 0.4:
        history.append({"at": _at(closed), "kind": "HISTORY_KIND_LOST", "reason": "budget"})
    body = {
        "external_ref": ref,
        "title": f"Crowd deal {number}",
        "stage": STAGES[0][0],
        "amount": amount,
        "currency_code": "CNY",
        "source_channel": "website",
        "opened_at": _at(opened),
        "expected_close_on": (opened + timedelta(days=60)).date().isoformat(),
        "history": history,
    }
    refs = (owner, customer, Ref(("pipeline_id",), "pipelines", PIPELINE))
    plan.step("opportunities").rows.append(Row("", number, ref, body, refs))
    if won:
        line = {"product_name": "Crowd product", "quantity": "1", "unit_price": amount}
        order: dict[str, Any] = {
            "external_ref": f"crowd-order:{number}",
            "lines": [line],
            "placed_at": _at(closed),
            "history": [{"at": _at(closed + timedelta(hours=1)), "state": "ORDER_STATE_CONFIRMED"}],
        }
        plan.step("orders").rows.append(Row("", number, order["external_ref"], order, (owner, customer)))


def _ticket(plan: Plan, number: int, opened: datetime, random: Random) -> None:
    ref = f"crowd-ticket:{number}"
    steps = [
        {"activity": step.casefold(), "step": f"IMPORTED_STEP_{step}", "at": _at(opened + timedelta(hours=hours))}
        for step, hours in (("OPENED", 0), ("ASSIGNED", 1), ("RESPONDED", 2), ("RESOLVED", random.randrange(3, 90)))
    ]
    body = {
        "external_ref": ref,
        "subject": f"Question {number}",
        "description": "How is it done?",
        "category": random.choice(("question", "fault", "delivery")),
        "opened_at": _at(opened),
        "activities": steps,
    }
    plan.step("tickets").rows.append(
        Row("", number, ref, body, (Ref(("customer_id",), "customers", f"crowd:{number}"),))
    )


def _at(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def main() -> int:
    """Fill the suite of HEADWATER_RUN (or ./.run); print what went in and how fast."""
    parser = argparse.ArgumentParser(prog="python -m bench.crowd")
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    home = Home.here()
    administrator = home.read()["administrator"]
    outcomes: dict[str, Counter[str]] = {}
    spent: dict[str, float] = {}
    kinds: list[float] = [time.monotonic()]
    with Api(home.url(), administrator["login"], administrator["password"], ca=home.ca()) as api:
        for plan in plans(options.customers, options.seed):
            last = [""]

            def progress(kind: str, done: int, of: int, plan: Plan = plan, last: list[str] = last) -> None:
                now = time.monotonic()
                if last[0] == kind:
                    spent[kind] = spent.get(kind, 0.0) + now - kinds[0]
                kinds[0], last[0] = now, kind
                if done == of:
                    print(f"  {plan.name} {kind}: {done:,}, {spent.get(kind, 0.0):,.0f} s so far", file=sys.stderr)

            runner = Runner(api, plan, Journal(home.folder / "imports", plan), "skip", progress)
            runner.run()
            for kind, counts in runner.outcomes.items():
                outcomes.setdefault(kind, Counter()).update(counts)
            if wrong := [problem for problem in plan.problems if problem.fatal]:
                print(f"{len(wrong)} rows kept out, the first: {wrong[0].wrong}", file=sys.stderr)
                return 1
    for kind, counts in outcomes.items():
        rate = counts.get("created", 0) / spent[kind] if spent.get(kind) else 0.0
        print(f"{kind}: {', '.join(f'{n:,} {outcome}' for outcome, n in counts.items() if n)}; {rate:,.0f}/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
