"""People at work while a suite is being hurt: they note down what they asked and what was acknowledged.

Each asks over HTTP and repeats what was not answered with the same request id, as any careful client does. All they
do follows from the seed, but for the moments at which answers come.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from types import TracebackType
from typing import Any, Self

from headwater.api import Api, Away, Refused
from testkit.suites import Suite
from testkit.waiting import wait_until

WORKERS = 5
PACE_S = 0.25
"""Between two commands of one worker: what is asked as fast as the machine allows is waited for longer afterwards."""

MOST_COMMANDS = 20_000
"""Of one worker: a load ends by itself."""

SETTLE_WITHIN_S = 180.0
_SOON_S = (4.0, 20.0)
_LATER = timedelta(days=30)
_LONGEST_JOIN_S = 120.0


RECORDS = {
    "/v1/customers": "crm.customer.v1.CustomerRegistered",
    "/follow-ups": "crm.customer.v1.FollowUpPlanned",
    "/v1/opportunities": "crm.pipeline.v1.OpportunityOpened",
    ":advance": "crm.pipeline.v1.OpportunityAdvanced",
    ":win": "crm.pipeline.v1.OpportunityWon",
    "/v1/tickets": "crm.ticketing.v1.TicketOpened",
    ":resolve": "crm.ticketing.v1.TicketResolved",
}
"""Which event a command leads to, exactly once, by the end of its path."""


@dataclass(slots=True)
class Command:
    """One thing that was asked: how, and what came of it."""

    request_id: str
    path: str
    body: dict[str, Any]
    answer: dict[str, Any] | None = None
    refusal: str = ""

    @property
    def open(self) -> bool:
        """Nobody knows yet whether it was done."""
        return self.answer is None and not self.refusal

    @property
    def records(self) -> str:
        """The type of the event that it leads to."""
        [event] = [event for end, event in RECORDS.items() if self.path.endswith(end)]
        return event


@dataclass
class Worker:
    """One person: what he asked, and what he looks after."""

    number: int
    person_id: str
    session: Api
    random: Random
    commands: list[Command] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    deals: list[tuple[str, int]] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)


class Load:
    """Workers who ask again soon after they are answered, until the block ends."""

    def __init__(self, suite: Suite, seed: int, workers: int = WORKERS) -> None:
        self.suite = suite
        self.seed = seed
        self._stop = threading.Event()
        self._wrong: list[str] = []
        self.stages = [
            stage["stage_id"]
            for stage in suite.admin.get("/v1/pipelines")["pipelines"][0]["stages"]
            if stage.get("kind", "STAGE_KIND_OPEN") == "STAGE_KIND_OPEN"
        ]
        self.workers = [self._hire(number) for number in range(workers)]
        self._threads = [threading.Thread(target=self._work, args=(worker,)) for worker in self.workers]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(_LONGEST_JOIN_S)
        assert not any(thread.is_alive() for thread in self._threads), "a worker hangs"

    @property
    def commands(self) -> list[Command]:
        """Everything that was asked so far."""
        return [command for worker in self.workers for command in list(worker.commands)]

    @property
    def acknowledged(self) -> int:
        """How many were answered."""
        return sum(command.answer is not None for command in self.commands)

    def go_on(self, more: int, timeout_s: float = 180.0) -> None:
        """Wait until that many more were answered: the suite works, whatever was done to it."""
        wanted = self.acknowledged + more
        wait_until(
            lambda: self.acknowledged >= wanted or self._wrong,
            timeout_s,
            describe=lambda: f"{more} more commands answered; {wanted - self.acknowledged} are missing",
        )
        assert not self._wrong, self._wrong[:5]

    def settle(self, again: int = 40) -> None:
        """Ask until everything is answered; then some of it again: the answers must be the same ones."""
        random = Random(self.seed)
        deadline = time.monotonic() + SETTLE_WITHIN_S
        for worker in self.workers:
            for command in worker.commands:
                while command.open:
                    assert time.monotonic() < deadline, f"still without an answer: {command}"
                    self._ask(worker, command)
            answered = [command for command in worker.commands if command.answer is not None]
            for command in random.sample(answered, min(again // len(self.workers) + 1, len(answered))):
                repeated = worker.session.post(command.path, command.body, command.request_id)
                assert repeated == command.answer, f"another answer to the same request: {command}"
        assert not self._wrong, self._wrong[:5]

    # -- one worker ----------------------------------------------------------------

    def _hire(self, number: int) -> Worker:
        person_id, session = self.suite.person("sales_rep", "", "agent")
        return Worker(number, person_id, session, Random(self.seed * 1_000 + number))

    def _work(self, worker: Worker) -> None:
        try:
            while not self._stop.wait(PACE_S) and len(worker.commands) < MOST_COMMANDS:
                command = self._next(worker)
                worker.commands.append(command)
                self._ask(worker, command)
                _remember(worker, command)
        except Exception as error:  # reported by go_on and settle, which the test calls
            self._wrong.append(f"{type(error).__name__}: {error}")

    def _ask(self, worker: Worker, command: Command) -> None:
        try:
            command.answer = worker.session.post(command.path, command.body, command.request_id)
        except Away:
            return
        except Refused as refused:
            if refused.status in (502, 503, 504, 429):
                return
            # What was planned for a moment that passed during an outage was never done, and may be refused.
            if command.path.endswith("/follow-ups") and refused.status == 400 and "lies behind" in str(refused):
                command.refusal = str(refused)
                return
            raise

    def _next(self, worker: Worker) -> Command:
        random, n = worker.random, len(worker.commands)
        kinds = {"register": 3.0 if worker.customers else 1e9}
        if worker.customers:
            kinds |= {"plan": 2.0, "open deal": 2.0, "open ticket": 1.5}
        if worker.deals:
            kinds |= {"advance": 4.0, "win": 0.7}
        if worker.tickets:
            kinds |= {"resolve": 1.0}
        [kind] = random.choices(list(kinds), list(kinds.values()))
        path, body = self._request(worker, kind)
        return Command(f"{self.seed:x}-{worker.number}-{n}", path, body)

    def _request(self, worker: Worker, kind: str) -> tuple[str, dict[str, Any]]:
        random = worker.random
        number = f"{self.seed:x} {worker.number} {len(worker.commands)}"
        if kind == "register":
            return "/v1/customers", {"profile": {"name": f"Load {number}"}, "allow_duplicates": True}
        if kind == "plan":
            due_in = timedelta(seconds=random.uniform(*_SOON_S)) if random.random() < 0.7 else _LATER
            return f"/v1/customers/{random.choice(worker.customers)}/follow-ups", {
                "due_at": (datetime.now(UTC) + due_in).isoformat().replace("+00:00", "Z"),
                "subject": f"Call {number}",
            }
        if kind == "open deal":
            return "/v1/opportunities", {
                "customer_id": random.choice(worker.customers),
                "title": f"Deal {number}",
                "amount": {"minor_units": str(random.randrange(1, 10**7)), "currency_code": "CNY"},
            }
        if kind == "advance":
            i = random.randrange(len(worker.deals))
            deal, stage = worker.deals[i]
            further = stage + 1
            if further >= len(self.stages):
                worker.deals.pop(i)
                return f"/v1/opportunities/{deal}:win", {"reason": "went through every stage"}
            worker.deals[i] = deal, further
            return f"/v1/opportunities/{deal}:advance", {"to_stage_id": self.stages[further]}
        if kind == "win":
            deal, _ = worker.deals.pop(random.randrange(len(worker.deals)))
            return f"/v1/opportunities/{deal}:win", {"reason": "early"}
        if kind == "open ticket":
            return "/v1/tickets", {
                "customer_id": random.choice(worker.customers),
                "channel": "CHANNEL_PHONE",
                "category": "fault",
                "subject": f"Ticket {number}",
            }
        assert kind == "resolve", kind
        ticket = worker.tickets.pop(random.randrange(len(worker.tickets)))
        return f"/v1/tickets/{ticket}:resolve", {"solution": "done"}


def _remember(worker: Worker, command: Command) -> None:
    if command.answer is None:  # not known whether it was done: leave that deal alone until it is
        worker.deals = [(deal, stage) for deal, stage in worker.deals if deal not in command.path]
        return
    match command.answer:
        case {"follow_up_id": _}:
            pass
        case {"ticket_id": ticket_id}:
            worker.tickets.append(ticket_id)
        case {"opportunity_id": deal}:
            worker.deals.append((deal, 0))
        case {"customer_id": customer_id}:
            worker.customers.append(customer_id)
