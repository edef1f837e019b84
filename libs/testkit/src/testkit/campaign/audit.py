"""What is true after a campaign, told from the logs alone: nothing acknowledged lost, nothing twice, all in order.

The logs are read as the database's superuser and folded here, in a few lines that share nothing with the product but
the protobuf messages; then every view, inbox, timer and message is compared with that.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from importlib import import_module
from pkgutil import iter_modules
from types import TracebackType
from typing import Any, Self

import amqp
from google.protobuf import descriptor_pool
from google.protobuf.message_factory import GetMessageClass

import crm
from crm.common.v1.envelope_pb2 import RecordedEvent
from kernel.broker import connect
from testkit.campaign.injuries import management, superuser
from testkit.campaign.load import Load
from testkit.suites import Suite
from testkit.waiting import wait_until

CONTEXTS = ("customer", "pipeline", "ticketing", "marketing", "identity", "notification")
"""Those that have a log."""

FOLLOWERS = ("customer", "pipeline", "ticketing", "marketing", "analytics", "notification")
CALM_WITHIN_S = 300.0
_SOON = timedelta(seconds=30)
"""Longer than the load's people plan ahead, but for what they plan for later."""

_MOST_READINGS = 5
TAP = "faults.tap"
_EVERY_MODULE = [
    f"{package}.{module.name}"
    for context in CONTEXTS
    for package in [f"crm.{context}.v1"]
    for module in iter_modules([f"{next(iter(crm.__path__))}/{context}/v1"])
    if module.name.endswith("_events_pb2")
]

PROSPECT, ACTIVE = 1, 2
PLANNED, DUE = 1, 2
OPEN, WON = 1, 2


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a log."""

    position: int
    stream: str
    version: int
    type: str
    event_id: str
    request_id: str
    causation_id: str
    message: Any

    @property
    def name(self) -> str:
        return self.type.rpartition(".")[2]


class Audit:
    """Checks of one suite. Every method raises AssertionError naming what it found."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        for module in _EVERY_MODULE:
            import_module(module)
        self.logs: dict[str, list[Told]] = {}

    def check(self, load: Load) -> None:
        """Wait until nothing moves any more, then compare everything with the logs.

        What happens by itself meanwhile, a timer say, makes two readings differ: then they are taken once more.
        """
        for _ in range(_MOST_READINGS):
            self.calm()
            before = ends_of_logs(self.suite)
            try:
                return self.compare(load)
            except AssertionError:
                if ends_of_logs(self.suite) == before:
                    raise
        raise AssertionError(f"events were recorded during each of {_MOST_READINGS} readings")

    def compare(self, load: Load) -> None:
        """Compare everything with the logs as it is now."""
        began = time.monotonic()
        self.logs = {context: self._read(context) for context in CONTEXTS}
        self._streams()
        self._acknowledged(load)
        self._customers()
        self._follow_ups()
        self._deals()
        self._tickets()
        self._reactions()
        self._messages()
        counted = {context: len(log) for context, log in self.logs.items()}
        print(f"audited {load.acknowledged} answers and {counted} events in {time.monotonic() - began:.1f} s")

    def rebuilt(self) -> None:
        """The product's own comparison: every view of every service, replayed beside the live one, row for row."""
        done = self.suite.headwater("rebuild", "--check")
        assert "differ" not in done.stdout.lower(), done.stdout

    # -- calm ----------------------------------------------------------------------

    def calm(self) -> None:
        """Wait until all is published, everybody has followed, and everything due has happened."""
        wait_until(lambda: not self.waiting(), CALM_WITHIN_S, describe=self.waiting)

    def waiting(self) -> list[str]:
        """What has not come to rest."""
        ends: dict[str, dict[int, int]] = {}
        found = []
        for context in CONTEXTS:
            with superuser(self.suite, context) as connection:
                ends[context] = dict(
                    connection.execute(
                        "select slot_of(originator_id), max(notification_id) from events group by 1"
                    ).fetchall()
                )
                row = connection.execute("select position from relay_checkpoint").fetchone()
                published = row[0] if row else 0
                if published < max(ends[context].values(), default=0):
                    found.append(f"{context}: published {published} of {max(ends[context].values())}")
        for context in FOLLOWERS:
            with superuser(self.suite, context) as connection:
                for consumer, of, slot, position in connection.execute(
                    "select consumer, context, slot, position from tracking"
                ):
                    if position < ends.get(of, {}).get(slot, 0):
                        found.append(f"{context}.{consumer}: {of} slot {slot} at {position} of {ends[of][slot]}")
                due = connection.execute(
                    "select count(*) from timers where failed_at is null and timeline_id = ''"
                    " and due_at <= now() + case when kind = 'follow_up_due' then %s else interval '0' end",
                    (_SOON,),
                ).fetchone()
                if due and due[0]:
                    found.append(f"{context}: {due[0]} timers are due, or will be soon")
        return found

    # -- the logs --------------------------------------------------------------------

    def _read(self, context: str) -> list[Told]:
        with superuser(self.suite, context) as connection:
            rows = connection.execute(
                "select notification_id, originator_id::text, originator_version, topic, state, event_id::text,"
                " request_id, coalesce(causation_id::text, '') from events order by notification_id"
            ).fetchall()
        found = []
        for row in rows:
            position, stream, version, type_, state, event_id, request_id, cause = row
            message = GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(type_)).FromString(bytes(state))
            found.append(Told(position, stream, version, type_, event_id, request_id, cause, message))
        return found

    def _of(self, *names: str) -> Iterator[Told]:
        for log in self.logs.values():
            yield from (told for told in log if told.name in names)

    def _streams(self) -> None:
        """Versions follow on without a gap, in the order of positions; no event is there twice."""
        for context, log in self.logs.items():
            versions: dict[str, int] = defaultdict(int)
            for told in log:
                assert told.version == versions[told.stream] + 1, f"{context}: {told.stream} skips to {told.version}"
                versions[told.stream] = told.version
            twice = [event for event, n in Counter(told.event_id for told in log).items() if n > 1]
            assert not twice, f"{context}: {twice[:3]} are there twice"

    def _acknowledged(self, load: Load) -> None:
        """What was answered is in the log, once; what was refused is not; and nothing else of the workers is."""
        wanted = Counter((c.records, c.request_id) for c in load.commands if c.answer is not None)
        prefix = f"{load.seed:x}-"
        found = Counter(
            (told.type, told.request_id)
            for log in self.logs.values()
            for told in log
            if told.request_id.startswith(prefix) and told.type in {kind for kind, _ in wanted}
        )
        lost, more = wanted - found, found - wanted
        assert not lost, f"acknowledged and lost: {sorted(lost)[:5]}"
        assert not more, f"done twice, or never acknowledged: {sorted(more)[:5]}"
        streams = {told.stream for log in self.logs.values() for told in log}
        for command in load.commands:
            ids = [v for k, v in (command.answer or {}).items() if k in ("customer_id", "opportunity_id", "ticket_id")]
            assert not [id_ for id_ in ids if id_ not in streams], f"no stream for {command}"

    # -- views -----------------------------------------------------------------------

    def _rows(self, context: str, query: str) -> dict[str, tuple[Any, ...]]:
        with superuser(self.suite, context) as connection:
            return {str(row[0]): tuple(row[1:]) for row in connection.execute(query.encode())}

    def _same(self, what: str, view: dict[str, tuple[Any, ...]], fold: dict[str, tuple[Any, ...]]) -> None:
        either = view.keys() | fold.keys()
        wrong = [(key, view.get(key), fold.get(key)) for key in either if view.get(key) != fold.get(key)]
        assert not wrong, f"{what}: {len(wrong)} of {len(fold)} rows differ (key, view, log): {wrong[:3]}"

    def _customers(self) -> None:
        fold: dict[str, tuple[Any, ...]] = {}
        for told in self._of("CustomerRegistered", "CustomerStatusChanged", "OwnerChanged"):
            m = told.message
            match told.name:
                case "CustomerRegistered":
                    fold[m.customer_id] = (m.owner_id, PROSPECT)
                case "CustomerStatusChanged":
                    fold[m.customer_id] = (fold[m.customer_id][0], m.to_status)
                case "OwnerChanged":
                    fold[m.customer_id] = (m.to_owner_id, fold[m.customer_id][1])
        columns = "customer_id, owner_id::text, status"
        self._same("customers", self._rows("customer", f"select {columns} from customers"), fold)
        self._same("cards of the desk", self._rows("ticketing", f"select {columns} from customer_cards"), fold)
        self._same("customers in analytics", self._rows("analytics", f"select {columns} from customers"), fold)

    def _follow_ups(self) -> None:
        fold: dict[str, tuple[Any, ...]] = {}
        due = Counter(told.stream for told in self._of("FollowUpDue"))
        assert max(due.values(), default=0) <= 1, f"fell due twice: {[s for s, n in due.items() if n > 1][:3]}"
        for told in self._of("FollowUpPlanned"):
            fold[told.stream] = (told.message.owner_id, DUE if told.stream in due else PLANNED)
        view = self._rows("customer", "select follow_up_id, coalesce(owner_id::text, ''), state from follow_ups")
        self._same("follow-ups", view, fold)
        timers = self._rows("customer", "select key from timers where kind = 'follow_up_due'")
        waiting = {f"follow_up_due:{stream}": () for stream, (_, state) in fold.items() if state == PLANNED}
        self._same("timers of follow-ups", timers, waiting)
        failed = self._rows("customer", "select key, last_error from timers where failed_at is not null")
        assert not failed, failed

    def _deals(self) -> None:
        fold: dict[str, tuple[Any, ...]] = {}
        for told in self._of("OpportunityOpened", "OpportunityAdvanced", "OpportunityWon"):
            m = told.message
            match told.name:
                case "OpportunityOpened":
                    row = (m.stage_id, m.owner_id, m.amount.minor_units, OPEN)
                case "OpportunityAdvanced":
                    row = (m.to_stage_id, *fold[told.stream][1:])
                case _:
                    row = (m.stage_id, fold[told.stream][1], m.amount.minor_units, WON)
            fold[told.stream] = row
        columns = "opportunity_id, stage_id::text, owner_id::text, amount"
        self._same("deals", self._rows("pipeline", f"select {columns}, state from opportunities"), fold)
        # Analytics keeps the stage from which a deal was won.
        open_stages = {told.stream: told.message.from_stage_id for told in self._of("OpportunityWon")}
        wanted = {key: (open_stages.get(key, row[0]), *row[1:]) for key, row in fold.items()}
        self._same("deals in analytics", self._rows("analytics", f"select {columns}, outcome + 1 from deals"), wanted)
        at_the_desk = self._rows("ticketing", "select opportunity_id, open from card_opportunities")
        self._same("deals at the desk", at_the_desk, {key: (row[-1] == OPEN,) for key, row in fold.items()})

    def _tickets(self) -> None:
        fold: dict[str, tuple[Any, ...]] = {}
        versions: dict[str, int] = {}
        for told in self.logs["ticketing"]:
            if told.name == "TicketOpened":
                fold[told.stream] = (True,)
            elif told.name in ("TicketResolved", "TicketClosed"):
                fold[told.stream] = (False,)
            if told.stream in fold:
                versions[told.stream] = told.version
        self._same("tickets", self._rows("ticketing", "select ticket_id, status < 4 from tickets"), fold)
        self._same("tickets of customers", self._rows("customer", "select ticket_id, is_open from tickets"), fold)
        in_analytics = self._rows("analytics", "select ticket_id, resolutions = 0 from tickets")
        self._same("tickets in analytics", in_analytics, fold)
        self._same(
            "versions of tickets",
            self._rows("ticketing", "select ticket_id, version from tickets"),
            {key: (version,) for key, version in versions.items()},
        )

    # -- reactions and what is sent ----------------------------------------------------

    def _reactions(self) -> None:
        """Everything that wants a reaction had exactly one."""
        wanted = {
            "customer": {told.event_id for told in self._of("OpportunityWon")},
            "ticketing": {told.event_id for told in self._of("OpportunityWon")},
            "notification": {told.event_id for told in self._of("FollowUpDue")},
        }
        for context, events in wanted.items():
            inbox = set(self._rows(context, "select event_id from inbox where consumer = 'reactions'"))
            assert events <= inbox, f"{context} never reacted to {sorted(events - inbox)[:3]}"
            known = {told.event_id for log in self.logs.values() for told in log}
            assert inbox <= known, f"{context} reacted to what never happened: {sorted(inbox - known)[:3]}"
        winners = {told.message.customer_id for told in self._of("OpportunityWon")}
        became = Counter(
            told.message.customer_id
            for told in self._of("CustomerStatusChanged")
            if (told.message.from_status, told.message.to_status) == (PROSPECT, ACTIVE)
        )
        assert set(became) == winners, f"won and not active, or the reverse: {sorted(winners ^ set(became))[:3]}"
        assert max(became.values(), default=1) == 1, "a customer became active twice"
        parked = [
            row
            for context in FOLLOWERS
            for row in self._rows(context, "select position, consumer, context, reason from parked").items()
        ]
        assert not parked, f"parked although nothing is poison: {parked[:3]}"

    def _messages(self) -> None:
        """Each follow-up that fell due was told to its owner, once by each channel; each mail left once at most."""
        due = {told.event_id: told.message.owner_id for told in self._of("FollowUpDue")}
        told_by: dict[str, list[int]] = defaultdict(list)
        for told in self._of("MessageQueued"):
            if told.message.cause_event_id in due:
                assert told.message.recipient_id == due[told.message.cause_event_id]
                told_by[told.message.cause_event_id].append(told.message.channel)
        assert set(told_by) == {event for event, owner in due.items() if owner}, "not told of a follow-up"
        wrong = [event for event, channels in told_by.items() if sorted(channels) != [1, 2]]
        assert not wrong, f"told twice, or by one channel only: {wrong[:3]}"
        view = self._rows("notification", "select message_id, state from messages")
        queued = {told.stream for told in self._of("MessageQueued", "MessageScheduled")}
        assert set(view) == queued, "messages shown and messages queued differ"
        delivered = {told.stream for told in self._of("MessageDelivered")}
        sent = Counter(_message_ids(self.suite))
        assert max(sent.values(), default=0) <= 1, f"mailed twice: {[m for m, n in sent.items() if n > 1][:3]}"
        mails = {told.stream for told in self._of("MessageQueued") if told.message.channel == 2}
        missing = [stream for stream in mails & delivered if stream not in sent]
        assert not missing, f"recorded as delivered and never mailed: {missing[:3]}"


def ends_of_logs(suite: Suite) -> dict[str, int]:
    """The last position of each log."""
    found = {}
    for context in CONTEXTS:
        with superuser(suite, context) as connection:
            row = connection.execute("select coalesce(max(notification_id), 0) from events").fetchone()
            found[context] = int(row[0]) if row else 0
    return found


def _message_ids(suite: Suite) -> Iterator[str]:
    """The ids of the messages that the mail server was given, as their Message-IDs tell them."""
    for path in suite.home.mail.glob("*.eml"):
        header = str(message_from_bytes(path.read_bytes()).get("message-id", ""))
        if found := re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", header):
            yield found[0]


# -- what was published ------------------------------------------------------------------


@dataclass
class Tap:
    """A queue of ours beside the services' own: everything that was published, as it was."""

    suite: Suite
    records: list[RecordedEvent] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Declare the queue; it keeps what comes, also when the broker dies."""
        self._begin = ends_of_logs(self.suite)
        with connect(management(self.suite).amqp_url) as connection:
            channel = connection.channel()
            # As the services' own queues: a classic one that a full disk has broken stays so until the broker
            # starts again, and whoever publishes waits for its confirmation for ever.
            channel.queue_declare(TAP, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
            for context in CONTEXTS:
                channel.queue_bind(TAP, "crm.events", f"*.{context}.*")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        with connect(management(self.suite).amqp_url) as connection:
            connection.channel().queue_delete(TAP)

    def take(self) -> int:
        """Take over what has come; how much that was."""
        before = len(self.records)
        with connect(management(self.suite).amqp_url) as connection:
            channel = connection.channel()
            while (message := channel.basic_get(TAP, no_ack=False)) is not None:
                self.records.append(RecordedEvent.FromString(message.body))
                self.keys.append(message.delivery_info["routing_key"])
                channel.basic_ack(message.delivery_tag)
        return len(self.records) - before

    def publish_again(self, chosen: Sequence[int]) -> None:
        """Deliver some of what was taken once more, as it was, and late."""
        with connect(management(self.suite).amqp_url) as connection:
            channel = connection.channel()
            for n in chosen:
                message = amqp.Message(self.records[n].SerializeToString(), delivery_mode=2)
                channel.basic_publish(message, "crm.events", self.keys[n])

    def check(self, audit: Audit) -> None:
        """Every event since the tap was opened was published as the log has it, in its slot's order when first seen."""
        self.take()
        logs = {context: {told.position: told for told in log} for context, log in audit.logs.items()}
        ends = {context: max(log, default=0) for context, log in logs.items()}
        seen: dict[tuple[str, int], int] = defaultdict(int)
        positions: dict[str, set[int]] = defaultdict(set)
        for record in self.records:
            if record.position > ends[record.context]:
                continue  # recorded after the audit had read the log
            told = logs[record.context][record.position]
            assert (told.stream, told.version, told.type) == (record.stream_id, record.version, record.type)
            assert told.event_id == record.metadata.event_id
            key = record.context, record.slot
            if record.position not in positions[record.context]:
                assert record.position > seen[key], f"{key} published {record.position} after {seen[key]}"
                seen[key] = record.position
            positions[record.context].add(record.position)
        for context, log in logs.items():
            missing = {position for position in log if position > self._begin[context]} - positions[context]
            assert not missing, f"{context} never published {sorted(missing)[:5]}"
