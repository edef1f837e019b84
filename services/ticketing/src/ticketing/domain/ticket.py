"""A ticket: a request for service on its way to being solved, and the promises whose clocks it runs under.

Every decision takes the time the work was done, so work entered late is judged by when it was true. What a
deadline is for may be done at the deadline itself; after it, it is late.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument
from ticketing.domain.assignment import Choice
from ticketing.domain.desk import Terms
from ticketing.domain.ticket_events import (
    ComplaintConfirmed,
    ComplaintFollowedUp,
    CustomerReplied,
    Event,
    RootCauseRecorded,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaClockPaused,
    SlaClockResumed,
    SlaClockStarted,
    SlaClockStopped,
    SlaWarned,
    TicketAssigned,
    TicketClosed,
    TicketEscalated,
    TicketHandedOver,
    TicketImported,
    TicketNoted,
    TicketOpened,
    TicketPutOnHold,
    TicketRecategorised,
    TicketReopened,
    TicketReprioritised,
    TicketRequesterIdentified,
    TicketResolved,
    TicketResponded,
    TicketResumed,
    TicketStepRecorded,
    TicketWithdrawn,
)
from ticketing.domain.vocabulary import Channel, Clock, Priority, Status

MOST_ESCALATIONS = 10


class TicketClosedAlready(DomainError):
    """A closed or withdrawn ticket is not worked on; reopen it first."""


class WrongStatus(DomainError):
    """The ticket does not stand where this is possible."""


class ComplaintUnconfirmed(DomainError):
    """A complaint is closed once its cause is known and the customer has confirmed the remedy."""


@dataclass(frozen=True, slots=True)
class RunningClock:
    """A deadline: running (due_at), paused (remaining_s) or stopped."""

    clock: Clock
    calendar_id: UUID
    target_s: int
    warn_before_s: int
    warn_at: datetime | None = None
    due_at: datetime | None = None
    remaining_s: int = 0
    warned: bool = False
    breached: bool = False
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Alarm:
    """A time at which a ticket wants to be looked at again."""

    name: str
    kind: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    id: UUID
    requester_id: UUID
    customer_id: UUID | None
    contact_id: UUID | None
    channel: Channel
    category: str
    priority: Priority
    product_id: str
    complaint: bool
    policy_id: UUID | None
    import_id: str
    status: Status = Status.NEW
    queue: str = ""
    assignee_id: UUID | None = None
    responded: bool = False
    cause_code: str = ""
    confirmed: bool = False
    closes_at: datetime | None = None
    escalation_level: int = 0
    escalates_at: datetime | None = None
    clocks: tuple[RunningClock, ...] = ()

    # -- work ----------------------------------------------------------------

    def assign(self, choice: Choice, at: datetime, terms: Terms | None) -> list[Event]:
        self._require_active()
        if choice.assignee_id == self.assignee_id and choice.queue == self.queue:
            return []
        return [*self._overdue(at, terms), self._assigned(choice)]

    def give_back(self, assignee_id: UUID | None, queue: str, reason: str) -> list[Event]:
        """Return it to whoever had it. No clock is looked at: their own alarms ring whoever has the ticket."""
        self._require_active()
        if (assignee_id, queue) == (self.assignee_id, self.queue):
            return []
        return [self._assigned(Choice(assignee_id, queue, reason))]

    def respond(
        self, responder_id: UUID | None, channel: Channel | None, text: str, at: datetime, terms: Terms | None
    ) -> list[Event]:
        self._require_not_closed()
        responded = TicketResponded(
            self.id, self.requester_id, responder_id, channel or self.channel, text, not self.responded
        )
        return [*self._overdue(at, terms), responded, *self._stop(Clock.FIRST_RESPONSE, at, terms)]

    def receive_reply(self, channel: Channel | None, text: str, at: datetime, terms: Terms | None) -> list[Event]:
        """Take the customer's word: what waited for it goes on, what was settled is opened again."""
        self._require_not_withdrawn()
        events: list[Event] = [
            CustomerReplied(self.id, self.requester_id, channel or self.channel, text),
        ]
        if self.status == Status.WAITING:
            events += [TicketResumed(self.id), *self._resume(at, terms)]
        elif self.status in (Status.RESOLVED, Status.CLOSED):
            events += self._reopened("the customer wrote again", at, terms)
        return events

    def note(self, text: str) -> list[Event]:
        self._require_not_withdrawn()
        return [TicketNoted(self.id, self.requester_id, text)]

    def record_step(self, step: str, by: UUID | None, at: datetime, terms: Terms | None) -> list[Event]:
        self._require_active()
        return [*self._overdue(at, terms), TicketStepRecorded(self.id, step, by)]

    def put_on_hold(self, reason: str, at: datetime, terms: Terms | None) -> list[Event]:
        self._require_active()
        if self.status == Status.WAITING:
            return []
        events: list[Event] = [
            *self._overdue(at, terms),
            TicketPutOnHold(self.id, self.requester_id, reason),
        ]
        for clock in self.clocks:
            if terms is not None and not clock.stopped and clock.due_at is not None:
                if clock.breached and at <= clock.due_at:
                    events.append(SlaBreachWithdrawn(self.id, clock.clock, at))
                left = terms.between_s(at, clock.due_at)
                events.append(SlaClockPaused(self.id, clock.clock, left, clock.target_s, clock.warn_before_s))
        return events

    def resume(self, at: datetime, terms: Terms | None) -> list[Event]:
        self._require_active()
        if self.status != Status.WAITING:
            return []
        return [TicketResumed(self.id), *self._resume(at, terms)]

    def hand_over(self, choice: Choice, note: str, at: datetime, terms: Terms | None) -> list[Event]:
        self._require_active()
        if choice.queue == self.queue:
            raise InvalidArgument("to_queue", f"the ticket is in {self.queue} already")
        handed = TicketHandedOver(self.id, self.requester_id, self.queue, choice.queue, self.assignee_id, note)
        return [*self._overdue(at, terms), handed, self._assigned(choice)]

    def reprioritise(self, priority: Priority, at: datetime, terms: Terms | None) -> list[Event]:
        """Change the priority; time used so far counts against the new targets."""
        self._require_active()
        if priority == self.priority:
            return []
        events = [*self._overdue(at, terms), TicketReprioritised(self.id, self.priority, priority)]
        if terms is None:
            return events
        for clock, target_s in zip(Clock, terms.target_s(priority), strict=True):
            found = self._clock(clock)
            if found is None or found.stopped or not target_s:
                continue
            warn_before_s = terms.warn_before_s(target_s)
            if found.due_at is None:
                left = max(target_s - (found.target_s - found.remaining_s), 0)
                events.append(SlaClockPaused(self.id, clock, left, target_s, warn_before_s))
            elif not found.breached and at <= found.due_at:
                used = found.target_s - terms.between_s(at, found.due_at)
                left = max(target_s - used, 0)
                events.append(self._runs_on(clock, left, target_s, warn_before_s, at, terms))
        return events

    def recategorise(self, category: str, product_id: str) -> list[Event]:
        self._require_not_withdrawn()
        if (category, product_id) == (self.category, self.product_id):
            return []
        return [TicketRecategorised(self.id, self.category, category, product_id)]

    def identify_requester(self, customer_id: UUID, contact_id: UUID | None) -> list[Event]:
        self._require_not_withdrawn()
        if (customer_id, contact_id) == (self.customer_id, self.contact_id):
            return []
        return [TicketRequesterIdentified(self.id, customer_id, contact_id)]

    # -- outcome -------------------------------------------------------------

    def resolve(
        self, resolution_code: str, cause: str, solution: str, at: datetime, terms: Terms | None
    ) -> list[Event]:
        self._require_active()
        closes_at = None
        if terms is not None and terms.policy.close_resolved_after_s:
            closes_at = terms.after(at, terms.policy.close_resolved_after_s)
        resolved = TicketResolved(
            self.id,
            self.requester_id,
            self.customer_id,
            self.assignee_id,
            self.queue,
            resolution_code,
            cause,
            solution,
            closes_at=closes_at,
        )
        return [
            *self._overdue(at, terms),
            resolved,
            *self._stop(Clock.FIRST_RESPONSE, at, terms),
            *self._stop(Clock.RESOLUTION, at, terms),
        ]

    def reopen(self, reason: str, at: datetime, terms: Terms | None) -> list[Event]:
        self._require_not_withdrawn()
        if self.status not in (Status.RESOLVED, Status.CLOSED):
            raise WrongStatus(f"ticket {self.id} is {_words(self.status)}: there is nothing to reopen")
        return self._reopened(reason, at, terms)

    def close(self, reason: str) -> list[Event]:
        self._require_not_withdrawn()
        if self.status == Status.CLOSED:
            return []
        if self.status != Status.RESOLVED:
            raise WrongStatus(f"ticket {self.id} is {_words(self.status)}: resolve it before closing it")
        if self.complaint and not self.confirmed:
            raise ComplaintUnconfirmed(
                f"complaint {self.id} is not confirmed: record its cause and follow it up with the customer"
            )
        return [self._closed(reason)]

    def withdraw(self, import_id: str, reason: str) -> list[Event]:
        return [] if self.status == Status.WITHDRAWN else [TicketWithdrawn(self.id, import_id, reason)]

    # -- complaints ----------------------------------------------------------

    def record_root_cause(self, cause_code: str, cause: str, remedy: str) -> list[Event]:
        self._require_complaint()
        return [RootCauseRecorded(self.id, self.requester_id, cause_code, cause, remedy)]

    def follow_up(self, satisfied: bool, note: str, at: datetime, terms: Terms | None) -> list[Event]:
        """Record what the customer says of the remedy: content confirms, else the work goes on."""
        self._require_complaint()
        if self.status != Status.RESOLVED:
            raise WrongStatus(f"complaint {self.id} is {_words(self.status)}: resolve it, then follow it up")
        followed = ComplaintFollowedUp(self.id, self.requester_id, satisfied, note)
        if not satisfied:
            return [followed, *self._reopened("the customer is not content", at, terms)]
        if not self.cause_code:
            raise ComplaintUnconfirmed(f"record the root cause of complaint {self.id} before confirming it")
        return [followed, ComplaintConfirmed(self.id, self.customer_id, self.cause_code)]

    # -- time ----------------------------------------------------------------

    def ring(self, clock: Clock, at: datetime, terms: Terms | None) -> list[Event]:
        """An SLA alarm went off: warn or breach, each once in the run of a clock."""
        found = self._clock(clock)
        if found is None or found.stopped or found.breached or found.due_at is None:
            return []
        if at >= found.due_at:
            return self._breach(found, at, terms)
        if found.warn_at is not None and at >= found.warn_at and not found.warned:
            supervisor_id = terms.supervisor_id if terms else None
            return [
                SlaWarned(self.id, clock, found.due_at, self.assignee_id, self.queue, supervisor_id),
            ]
        return []

    def escalate_on(self, at: datetime, terms: Terms | None) -> list[Event]:
        """The next step of the chain is due, if the work is still not done."""
        if self.escalates_at is None or at < self.escalates_at or not self._active():
            return []
        return self._escalation(self.escalation_level + 1, "still overdue", None, at, terms)

    def escalate(self, reason: str, at: datetime, terms: Terms | None) -> list[Event]:
        """Somebody calls for the supervisor, or for the next one of the chain."""
        self._require_active()
        if self.escalation_level >= MOST_ESCALATIONS:
            raise DomainError(f"ticket {self.id} was escalated {MOST_ESCALATIONS} times")
        return self._escalation(self.escalation_level + 1, reason, None, at, terms)

    def close_in_time(self, at: datetime, terms: Terms | None) -> list[Event]:
        """A resolved ticket closes by itself; a complaint nobody confirmed goes to the supervisor."""
        if self.status != Status.RESOLVED or self.closes_at is None or at < self.closes_at:
            return []
        if not self.complaint or self.confirmed:
            return [self._closed("no answer")]
        if self.escalation_level >= MOST_ESCALATIONS:
            return []
        return self._escalation(self.escalation_level + 1, "complaint not confirmed", None, at, terms)

    def alarms(self) -> tuple[Alarm, ...]:
        """Return when this ticket wants to be looked at again."""
        found: list[Alarm] = []
        for clock in self.clocks:
            if clock.stopped or clock.breached or clock.due_at is None:
                continue
            name = clock.clock.name.lower()
            found.append(Alarm(f"{name}/due", "ring_sla_clock", clock.due_at))
            if not clock.warned and clock.warn_at is not None and clock.warn_at < clock.due_at:
                found.append(Alarm(f"{name}/warn", "ring_sla_clock", clock.warn_at))
        if self.escalates_at is not None and self._active():
            found.append(Alarm("escalate", "escalate_ticket", self.escalates_at))
        if self.closes_at is not None and self.status == Status.RESOLVED:
            found.append(Alarm("close", "close_ticket", self.closes_at))
        return tuple(found)

    # -- the pieces ------------------------------------------------------------

    def _assigned(self, choice: Choice) -> TicketAssigned:
        return TicketAssigned(
            self.id,
            choice.assignee_id,
            self.assignee_id,
            choice.queue,
            choice.rule_id,
            choice.rule_set_version,
            choice.reason,
        )

    def _closed(self, reason: str) -> TicketClosed:
        return TicketClosed(self.id, self.customer_id, self.contact_id, self.assignee_id, self.queue, reason)

    def _reopened(self, reason: str, at: datetime, terms: Terms | None) -> list[Event]:
        events: list[Event] = [TicketReopened(self.id, self.requester_id, reason)]
        if terms is not None:
            _, target_s = terms.target_s(self.priority)
            events += clock_started(self.id, Clock.RESOLUTION, target_s, at, terms)
        return events

    def _overdue(self, at: datetime, terms: Terms | None) -> list[Event]:
        """Breaches that were true at this time though no timer has told of them yet."""
        events: list[Event] = []
        level = self.escalation_level
        for clock in self.clocks:
            if not (clock.stopped or clock.breached) and clock.due_at is not None and at > clock.due_at:
                events += replace(self, escalation_level=level)._breach(clock, at, terms)
                level = max([level, *(e.level for e in events if isinstance(e, TicketEscalated))])
        return events

    def _breach(self, clock: RunningClock, at: datetime, terms: Terms | None) -> list[Event]:
        assert clock.due_at is not None
        supervisor_id = terms.supervisor_id if terms else None
        breached = SlaBreached(self.id, clock.clock, clock.due_at, self.assignee_id, self.queue, supervisor_id)
        if self.escalation_level:
            return [breached]  # whoever has to look is looking
        reason = f"{_words(clock.clock)} overdue"
        return [breached, *self._escalation(1, reason, clock.clock, at, terms)]

    def _escalation(
        self, level: int, reason: str, clock: Clock | None, at: datetime, terms: Terms | None
    ) -> list[Event]:
        step = terms.escalation_step(level) if terms else None
        following = terms.escalation_step(level + 1) if terms else None
        to_person_id = step.to_person_id if step else terms.supervisor_id if terms else None
        next_at = terms.after(at, following.after_s) if terms and following else None
        return [TicketEscalated(self.id, to_person_id, level, reason, clock, self.assignee_id, self.queue, next_at)]

    def _stop(self, clock: Clock, at: datetime, terms: Terms | None) -> list[Event]:
        """What the clock was for is done at this time. `_overdue` has told of a breach, if there was one."""
        found = self._clock(clock)
        if found is None or found.stopped:
            return []
        if found.due_at is None:
            return [SlaClockStopped(self.id, clock, not found.breached)]
        in_time = at <= found.due_at
        events: list[Event] = []
        if in_time and found.breached:
            events.append(SlaBreachWithdrawn(self.id, clock, at))
        return [*events, SlaClockStopped(self.id, clock, in_time)]

    def _resume(self, at: datetime, terms: Terms | None) -> list[Event]:
        if terms is None:
            return []
        return [
            self._runs_on(clock.clock, clock.remaining_s, clock.target_s, clock.warn_before_s, at, terms)
            for clock in self.clocks
            if not clock.stopped and clock.due_at is None
        ]

    def _runs_on(
        self, clock: Clock, left: int, target_s: int, warn_before_s: int, at: datetime, terms: Terms
    ) -> SlaClockResumed:
        warn_at = terms.after(at, max(left - warn_before_s, 0))
        return SlaClockResumed(self.id, clock, target_s, warn_before_s, warn_at, terms.after(at, left))

    def _clock(self, clock: Clock) -> RunningClock | None:
        return next((found for found in self.clocks if found.clock == clock), None)

    def _active(self) -> bool:
        return self.status in (Status.NEW, Status.IN_PROGRESS, Status.WAITING)

    def _require_active(self) -> None:
        self._require_not_closed()
        if self.status == Status.RESOLVED:
            raise WrongStatus(f"ticket {self.id} is resolved: reopen it to work on it")

    def _require_not_closed(self) -> None:
        self._require_not_withdrawn()
        if self.status == Status.CLOSED:
            raise TicketClosedAlready(f"ticket {self.id} is closed: reopen it to work on it")

    def _require_not_withdrawn(self) -> None:
        if self.status == Status.WITHDRAWN:
            raise TicketClosedAlready(f"ticket {self.id} was withdrawn")

    def _require_complaint(self) -> None:
        self._require_not_closed()
        if not self.complaint:
            raise DomainError(f"ticket {self.id} is not a complaint")


def open_ticket(opened: TicketOpened, choice: Choice, at: datetime, terms: Terms | None) -> list[Event]:
    """A request came in: it is given to somebody and its clocks begin to run."""
    events: list[Event] = [
        opened,
        TicketAssigned(
            opened.ticket_id,
            choice.assignee_id,
            None,
            choice.queue,
            choice.rule_id,
            choice.rule_set_version,
            choice.reason,
        ),
    ]
    if terms is not None:
        for clock, target_s in zip(Clock, terms.target_s(opened.priority), strict=True):
            events += clock_started(opened.ticket_id, clock, target_s, at, terms)
    return events


def clock_started(ticket_id: UUID, clock: Clock, target_s: int, at: datetime, terms: Terms) -> list[Event]:
    """Begin a deadline; nothing where nothing is promised."""
    if not target_s:
        return []
    warn_before_s = terms.warn_before_s(target_s)
    return [
        SlaClockStarted(
            ticket_id,
            clock,
            terms.policy.policy_id,
            terms.policy.version,
            terms.calendar_id,
            target_s,
            warn_before_s,
            terms.after(at, target_s - warn_before_s),
            terms.after(at, target_s),
        )
    ]


def evolve(ticket: Ticket | None, event: Event) -> Ticket:
    """Fold one event into the state. Total, pure, and never refuses history."""
    if isinstance(event, TicketOpened):
        return Ticket(
            event.ticket_id,
            event.requester_id,
            event.customer_id,
            event.contact_id,
            event.channel,
            event.category,
            event.priority,
            event.product_id,
            event.complaint,
            event.policy_id,
            event.import_id,
        )
    assert ticket is not None, f"history must begin with TicketOpened, not {type(event).__name__}"
    match event:
        case TicketAssigned(assignee_id=assignee_id, queue=queue):
            status = ticket.status
            if status in (Status.NEW, Status.IN_PROGRESS):
                status = _worked_on(assignee_id)
            return replace(ticket, assignee_id=assignee_id, queue=queue, status=status)
        case TicketReprioritised(to_priority=priority):
            return replace(ticket, priority=priority)
        case TicketRecategorised(to_category=category, product_id=product_id):
            return replace(ticket, category=category, product_id=product_id)
        case TicketRequesterIdentified(customer_id=customer_id, contact_id=contact_id):
            return replace(ticket, customer_id=customer_id, contact_id=contact_id)
        case TicketResponded():
            return replace(ticket, responded=True)
        case CustomerReplied() | TicketNoted() | TicketStepRecorded() | ComplaintFollowedUp():
            return ticket
        case TicketPutOnHold():
            return replace(ticket, status=Status.WAITING)
        case TicketResumed():
            return replace(ticket, status=_worked_on(ticket.assignee_id))
        case TicketHandedOver(to_queue=queue):
            status = Status.NEW if ticket.status == Status.IN_PROGRESS else ticket.status
            return replace(ticket, queue=queue, assignee_id=None, status=status)
        case (
            SlaClockStarted()
            | SlaClockPaused()
            | SlaClockResumed()
            | SlaClockStopped()
            | SlaWarned()
            | SlaBreached()
            | SlaBreachWithdrawn()
        ):
            return replace(ticket, clocks=tuple(_evolve_clocks(ticket.clocks, event)))
        case TicketEscalated(level=level, next_at=next_at):
            closes_at = None if ticket.status == Status.RESOLVED else ticket.closes_at
            return replace(ticket, escalation_level=level, escalates_at=next_at, closes_at=closes_at)
        case RootCauseRecorded(cause_code=cause_code):
            return replace(ticket, cause_code=cause_code)
        case ComplaintConfirmed():
            return replace(ticket, confirmed=True)
        case TicketResolved(closes_at=closes_at):
            return replace(ticket, status=Status.RESOLVED, closes_at=closes_at, escalates_at=None)
        case TicketReopened():
            return replace(
                ticket,
                status=_worked_on(ticket.assignee_id),
                confirmed=False,
                closes_at=None,
                escalation_level=0,
                escalates_at=None,
            )
        case TicketClosed():
            return replace(ticket, status=Status.CLOSED, closes_at=None, escalates_at=None)
        case TicketImported():
            return ticket
        case TicketWithdrawn():
            return replace(ticket, status=Status.WITHDRAWN, clocks=(), closes_at=None, escalates_at=None)
        case _:
            assert_never(event)


_ClockEvent = (
    SlaClockStarted | SlaClockPaused | SlaClockResumed | SlaClockStopped | SlaWarned | SlaBreached | SlaBreachWithdrawn
)


def _evolve_clocks(clocks: Iterable[RunningClock], event: _ClockEvent) -> Iterable[RunningClock]:
    if isinstance(event, SlaClockStarted):
        yield from (clock for clock in clocks if clock.clock != event.clock)
        yield RunningClock(
            event.clock, event.calendar_id, event.target_s, event.warn_before_s, event.warn_at, event.due_at
        )
        return
    for clock in clocks:
        yield _evolve_clock(clock, event) if clock.clock == event.clock else clock


def _evolve_clock(clock: RunningClock, event: _ClockEvent) -> RunningClock:
    match event:
        case SlaClockPaused():
            return replace(
                clock,
                due_at=None,
                warn_at=None,
                remaining_s=event.remaining_s,
                target_s=event.target_s,
                warn_before_s=event.warn_before_s,
            )
        case SlaClockResumed():
            return replace(
                clock,
                due_at=event.due_at,
                warn_at=event.warn_at,
                remaining_s=0,
                target_s=event.target_s,
                warn_before_s=event.warn_before_s,
            )
        case SlaClockStopped():
            return replace(clock, stopped=True)
        case SlaWarned():
            return replace(clock, warned=True)
        case SlaBreached():
            return replace(clock, warned=True, breached=True)
        case SlaBreachWithdrawn():
            return replace(clock, breached=False)
        case SlaClockStarted():
            return clock
        case _:
            assert_never(event)


def _worked_on(assignee_id: UUID | None) -> Status:
    return Status.IN_PROGRESS if assignee_id else Status.NEW


def _words(value: Status | Clock) -> str:
    return value.name.lower().replace("_", " ")
