"""Let the generated business happen: lives go on in the order of simulated time, one request at a time.

Every request's id follows from the seed and its number, so a run that was interrupted is begun again from
the start and gets the same answers until it comes to what had not happened yet.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

from headwater.api import Api, Refused
from headwater.simulating import office as offices
from headwater.simulating.lives import Life, World, a_lead, in_utc, pick_campaign, working_time
from headwater.simulating.names import a_prospect

Tell = Callable[[float, datetime], None]
"""(share done, simulated time)"""

_PATIENCE_S = 60.0
_POLL_S = 0.05
_OVERTAKEN = (403, 404, 409)
"""What a command gets when something else happened to its subject since."""
_MOST_OVERTAKEN = 0.1
_SEASON = (0.9, 0.6, 1.1, 1.15, 1.05, 1.1, 0.95, 0.9, 1.2, 0.95, 1.15, 1.0)
"""Arrivals by month of the year; the Chinese New Year and the summer are quiet."""


class Acting:
    """Sends commands as of a simulated time, numbered so that the same run sends the same ids."""

    def __init__(self, timeline: str) -> None:
        self._timeline = timeline
        self._number = 0
        self.count = 0

    def __call__(
        self,
        session: Api,
        at: datetime,
        path: str,
        body: Mapping[str, Any],
        key: str = "",
        unrepeated: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Send; `unrepeated` holds what differs when the run is repeated and therefore is sent only by need."""
        self.count += 1
        headers = {"Headwater-Effective-At": in_utc(at), "Headwater-Timeline": self._timeline}
        return session.post(path, {**body, **(unrepeated or {})}, self.request(key), headers)

    def request(self, key: str = "") -> str:
        self._number += 1
        return f"{self._timeline}-{key or self._number}"


def wait_for(look: Callable[[], Any]) -> Any:
    """Look until there is something, for a bounded time."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing to be seen after {_PATIENCE_S:.0f} s; is the bus process running?")
        time.sleep(_POLL_S)


def simulate(
    admin: Api,
    *,
    seed: int,
    months: int,
    leads_a_month: int,
    end: datetime,
    passwords: dict[str, str],
    tell: Tell,
) -> dict[str, Any]:
    """Run the whole business; return who there is to sign in as, and counts."""
    random = Random(seed)
    start = working_time(end - timedelta(days=30 * months))
    acting = Acting(f"demo-{seed}-{end:%Y%m%d}")
    office = offices.Office()
    try:
        offices.hire(admin, office, passwords, acting.request)
        day_before = start - timedelta(days=1)
        offices.stock(admin, office, acting, day_before)
        offices.lay_down_rules(admin, office, acting, day_before)
        offices.open_service_desk(admin, office, acting, day_before)
        offices.plan_campaigns(office, acting, start, months, random)
        world = World(office, random, end, acting, wait_for)
        _live(world, start, end, _arrivals(random, start, end, leads_a_month), tell)
        offices.write_to_customers(office, acting.request)
        offices.accompany_customers(office, acting.request)
        offices.leave_work_for_today(office, acting.request)
        offices.stop_backdating(admin, office, acting.request)
    finally:
        office.close()
    people = [{"login": who.login, "password": office.passwords[who.login], "role": who.role} for who in offices.PEOPLE]
    return {"people": people, "commands": acting.count}


def _arrivals(random: Random, start: datetime, end: datetime, leads_a_month: int) -> Iterator[datetime]:
    day = start
    while day < end:
        weight = _SEASON[day.month - 1] * (1.3 if day.weekday() < 5 else 0.25)
        for _ in range(_poisson(random, leads_a_month / 30 * weight)):
            yield day.replace(hour=0, minute=0) + timedelta(minutes=random.randrange(60, 780))
        day += timedelta(days=1)


def _poisson(random: Random, mean: float) -> int:
    """Knuth's method (The Art of Computer Programming, vol. 2, 3.4.1); fine for small means."""
    limit, product, count = math.exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count


def _live(world: World, start: datetime, end: datetime, arrivals: Iterator[datetime], tell: Tell) -> None:
    queue: list[tuple[datetime, int, Life]] = []
    number = 0
    for number, at in enumerate(sorted(arrivals), 1):
        if at < end:
            life = a_lead(world, at, a_prospect(world.random, number), pick_campaign(world.random))
            heapq.heappush(queue, (at, number, life))
    number += 1
    while queue:
        at, _, life = heapq.heappop(queue)
        tell((at - start) / (end - start), at)
        try:
            again = next(life, None)
        except Refused as refused:
            if refused.status not in _OVERTAKEN:
                raise
            again = None  # the pool took the lead back, or somebody closed the deal first: as in life
            world.overtaken += 1
        if again is not None:
            world.started.append((again, life))
        for when, more in world.started:
            if when < end:
                number += 1
                heapq.heappush(queue, (when, number, more))
        world.started.clear()
    tell(1.0, end)
    if world.overtaken > max(5, _MOST_OVERTAKEN * number):
        raise RuntimeError(f"{world.overtaken} of {number} lives ended in a refusal: the rules have changed")
