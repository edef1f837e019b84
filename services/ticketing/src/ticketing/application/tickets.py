"""Everything one may ask of a ticket. One method per command: load, ask, save, set its alarms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import reduce
from typing import Any
from uuid import UUID

from kernel.auth import Caller
from kernel.errors import AlreadyExists, Conflict, NotFound
from kernel.ids import derived_id
from kernel.store import Loaded, Transaction
from ticketing.application import desk
from ticketing.domain.assignment import Choice, Facts, choose, within
from ticketing.domain.desk import Terms
from ticketing.domain.ticket import Ticket, evolve, open_ticket
from ticketing.domain.ticket_events import Event, TicketClosed, TicketOpened, TicketReopened, TicketWithdrawn
from ticketing.domain.vocabulary import Channel, Clock, Priority
from ticketing.projections import customer_cards, ticket_list

Decide = Callable[[Ticket, Terms | None], list[Event]]

FOLLOW_UP_CATEGORY = "follow-up"


@dataclass(frozen=True, slots=True)
class Changed:
    """A ticket after a command: its version, and who has it now and why."""

    ticket_id: UUID
    version: int
    assignee_id: UUID | None
    queue: str
    reason: str = ""
    existed: bool = False


class Ticketing:
    # -- opening -----------------------------------------------------------------

    def open_ticket(self, tx: Transaction[Any], opened: TicketOpened, choice: Choice | None = None) -> Changed:
        """Open a ticket; `choice` overrides the assignment rules. `opened.policy_id` is looked up here."""
        if opened.external_ref:
            found = ticket_list.by_reference(tx.cursor, opened.channel, opened.external_ref)
            if found is not None:
                return Changed(
                    found["ticket_id"],
                    found["version"],
                    found["assignee_id"],
                    found["queue"],
                    found["assignment_reason"],
                    existed=True,
                )
        if tx.history(opened.ticket_id):
            raise AlreadyExists(f"ticket {opened.ticket_id} is open already")
        policy_id = desk.policy_for(tx, opened.category)
        opened = replace(opened, policy_id=policy_id)
        if choice is None:
            facts = Facts(opened.category, opened.channel, opened.priority, opened.complaint)
            choice = choose(desk.rules_of(tx), facts, desk.agents_of(tx))
        terms = desk.terms_of(tx, policy_id, choice.queue)
        events = open_ticket(opened, choice, tx.effective_at, terms)
        version = _save(tx, opened.ticket_id, Loaded(None, 0), events)
        return Changed(opened.ticket_id, version, choice.assignee_id, choice.queue, choice.reason)

    # -- work ----------------------------------------------------------------------

    def assign_ticket(
        self,
        tx: Transaction[Any],
        caller: Caller,
        ticket_id: UUID,
        assignee_id: UUID | None,
        queue: str,
        reason: str,
        expected_version: int = 0,
    ) -> Changed:
        """Give the ticket to somebody, or have the rules choose again."""
        chosen: list[Choice] = []

        def decide(ticket: Ticket, terms: Terms | None) -> list[Event]:
            if assignee_id is not None:
                choice = Choice(assignee_id, queue or ticket.queue, reason or "picked by hand")
            elif queue and queue != ticket.queue:
                choice = within(queue, desk.agents_of(tx))
            else:
                facts = Facts(ticket.category, ticket.channel, ticket.priority, ticket.complaint)
                choice = choose(desk.rules_of(tx), facts, desk.agents_of(tx))
            chosen.append(choice)
            return ticket.assign(choice, tx.effective_at, terms)

        version = self._change(tx, caller, ticket_id, expected_version, decide)
        choice = chosen[-1]
        return Changed(ticket_id, version, choice.assignee_id, choice.queue, choice.reason)

    def hand_over_ticket(
        self,
        tx: Transaction[Any],
        caller: Caller,
        ticket_id: UUID,
        to_queue: str,
        note: str,
        expected_version: int = 0,
    ) -> Changed:
        choice = within(to_queue, desk.agents_of(tx))
        version = self._change(
            tx,
            caller,
            ticket_id,
            expected_version,
            lambda ticket, terms: ticket.hand_over(choice, note, tx.effective_at, terms),
        )
        return Changed(ticket_id, version, choice.assignee_id, choice.queue, choice.reason)

    def respond_to_ticket(
        self,
        tx: Transaction[Any],
        caller: Caller,
        ticket_id: UUID,
        channel: Channel | None,
        text: str,
        expected_version: int = 0,
    ) -> int:
        def decide(ticket: Ticket, terms: Terms | None) -> list[Event]:
            return ticket.respond(caller.person_id, channel, text, tx.effective_at, terms)

        return self._change(tx, caller, ticket_id, expected_version, decide)

    def record_customer_reply(
        self,
        tx: Transaction[Any],
        caller: Caller,
        ticket_id: UUID,
        channel: Channel | None,
        text: str,
        expected_version: int = 0,
    ) -> int:
        def decide(ticket: Ticket, terms: Terms | None) -> list[Event]:
            return ticket.receive_reply(channel, text, tx.effective_at, terms)

        return self._change(tx, caller, ticket_id, expected_version, decide)

    def add_ticket_note(
        self, tx: Transaction[Any], caller: Caller, ticket_id: UUID, text: str, expected_version: int = 0
    ) -> int:
        return self._change(tx, caller, ticket_id, expected_version, lambda ticket, _: ticket.note(text))

    def record_ticket_step(
        self, tx: Transaction[Any], caller: Caller, ticket_id: UUID, step: str, expected_version: int = 0
    ) -> int:
        def decide(ticket: Ticket, terms: Terms | None) -> list[Event]:
            return ticket.record_step(step, caller.person_id, tx.effective_at, terms)

        return self._change(tx, caller, ticket_id, expected_version, decide)

    def put_ticket_on_hold(
        self, tx: Transaction[Any], caller: Caller, ticket_id: UUID, reason: str, expected_version: int = 0
    ) -> int:
        def decide(ticket: Ticket, terms: Terms | None) -> list[Event]:
            return ticket.put_on_hold(reason, tx.effective_at, terms)

        return self._change(tx, caller, ticket_id, expected_version, decide)

    def resume_ticket(self, tx: Transaction[Any], caller: Caller, ticket_id: UUID, expected_version: int = 0) -> int:
        def decide(ticket: Ticket, terms: Terms | None) -> list[Event]:
            return ticket.resume(tx.effective_at, terms)

        return self._change(tx, caller, ticket_id, expected_version, decide)

    def reprioritise_ticket(
        self,
        tx: Transaction[Any],
        caller: Caller,
        ticket_id: UUID,
        priority: Priority,
        expected_version: int = 0,
    ) -> int:
        def decide(ticket: Ticket, terms: Terms | None) -> list[Event]:
            return ticket.reprioritise(priority, tx.effective_at, terms)

        return self._change(tx, caller, ticket_id, expected_version, decide)

    def recategorise_ticket(
        self,
        tx: Transaction[Any],
        caller: Caller,
        ticket_id: UUID,
        category: str,
        product_id: str,
        expected_version: int = 0,
    ) -> int:
        def decide(ticket: Ticket, _: Terms | None) -> list[Event]:
            return ticket.recategorise(category, product_id)

        return self._change(tx, caller, ticket_id, expected_version, decide)

    def identify_requester(
        self,
        tx: Transaction[Any],
        caller: Caller,
        ticket_id: UUID,
        customer_id: UUID,
        contact_id: UUID | None,
        expected_version: int = 0,
    ) -> int:
        def decide(ticket: Ticket, _: Terms | None) -> list[Event]:
            return ticket.identify_requester(customer_id, contact_id)

        return self._change(tx, caller, ticket_id, expected_version, decide)

    def escalate_ticket(
        self, tx: Transaction[Any], caller: Caller, ticket_id: UUID, reason: str, expected_version: int = 0
    ) -> int:
        def decide(ticket: Ticket, terms: Terms | None) -> list[Event]:
            return ticket.escalate(reason, tx.effective_at, terms)

        return self._change(tx, caller, ticket_id, expected_version, decide)

    # -- complaints and outcome ------------------------------------------------------

    def record_root_cause(
        self,
        tx: Transaction[Any],
        caller: Caller,
        ticket_id: UUID,
        cause_code: str,
        cause: str,
        remedy: str,
        expected_version: int = 0,
    ) -> int:
        def decide(ticket: Ticket, _: Terms | None) -> list[Event]:
            return ticket.record_root_cause(cause_code, cause, remedy)

        return self._change(tx, caller, ticket_id, expected_version, decide)

    def follow_up_complaint(
        self,
        tx: Transaction[Any],
        caller: Caller,
        ticket_id: UUID,
        satisfied: bool,
        note: str,
        expected_version: int = 0,
    ) -> int:
        def decide(ticket: Ticket, terms: Terms | None) -> list[Event]:
            return ticket.follow_up(satisfied, note, tx.effective_at, terms)

        return self._change(tx, caller, ticket_id, expected_version, decide)

    def resolve_ticket(
        self,
        tx: Transaction[Any],
        caller: Caller,
        ticket_id: UUID,
        resolution_code: str,
        cause: str,
        solution: str,
        expected_version: int = 0,
    ) -> int:
        def decide(ticket: Ticket, terms: Terms | None) -> list[Event]:
            return ticket.resolve(resolution_code, cause, solution, tx.effective_at, terms)

        return self._change(tx, caller, ticket_id, expected_version, decide)

    def reopen_ticket(
        self, tx: Transaction[Any], caller: Caller, ticket_id: UUID, reason: str, expected_version: int = 0
    ) -> int:
        def decide(ticket: Ticket, terms: Terms | None) -> list[Event]:
            return ticket.reopen(reason, tx.effective_at, terms)

        return self._change(tx, caller, ticket_id, expected_version, decide)

    def close_ticket(
        self, tx: Transaction[Any], caller: Caller, ticket_id: UUID, reason: str, expected_version: int = 0
    ) -> int:
        return self._change(tx, caller, ticket_id, expected_version, lambda ticket, _: ticket.close(reason))

    # -- alarms ------------------------------------------------------------------------

    def ring_sla_clock(self, tx: Transaction[Any], ticket_id: UUID, clock: Clock) -> None:
        self._wake(tx, ticket_id, lambda ticket, terms: ticket.ring(clock, tx.effective_at, terms))

    def escalate_on(self, tx: Transaction[Any], ticket_id: UUID) -> None:
        self._wake(tx, ticket_id, lambda ticket, terms: ticket.escalate_on(tx.effective_at, terms))

    def close_in_time(self, tx: Transaction[Any], ticket_id: UUID) -> None:
        self._wake(tx, ticket_id, lambda ticket, terms: ticket.close_in_time(tx.effective_at, terms))

    # -- the pieces --------------------------------------------------------------------

    def save_taken_back(self, tx: Transaction[Any], ticket: Ticket, version: int, events: Sequence[Event]) -> None:
        """Append what takes changes of a ticket back; its alarms follow."""
        _save(tx, ticket.id, Loaded(ticket, version), events)

    def _change(
        self, tx: Transaction[Any], caller: Caller, ticket_id: UUID, expected_version: int, decide: Decide
    ) -> int:
        loaded = tx.load(ticket_id, evolve)
        ticket = loaded.state
        if ticket is None or not _sees(tx, caller, ticket):
            raise NotFound(f"no ticket {ticket_id}")
        if expected_version and expected_version != loaded.version:
            raise Conflict(f"ticket {ticket_id} is at version {loaded.version}; you saw version {expected_version}")
        terms = desk.terms_of(tx, ticket.policy_id, ticket.queue)
        return _save(tx, ticket_id, loaded, decide(ticket, terms))

    def _wake(self, tx: Transaction[Any], ticket_id: UUID, decide: Decide) -> None:
        loaded = tx.load(ticket_id, evolve)
        if loaded.state is not None:
            terms = desk.terms_of(tx, loaded.state.policy_id, loaded.state.queue)
            _save(tx, ticket_id, loaded, decide(loaded.state, terms))


def _sees(tx: Transaction[Any], caller: Caller, ticket: Ticket) -> bool:
    if caller.sees(ticket.assignee_id):
        return True
    if caller.sees(ticket.assignee_id, ticket.customer_id, customer_cards.seen_whole(tx.cursor, caller)):
        return True
    return caller.guest_of is None and ticket.queue in ticket_list.queues_of(tx.cursor, caller.person_id)


def _save(tx: Transaction[Any], ticket_id: UUID, loaded: Loaded[Ticket], events: Sequence[Event]) -> int:
    """Append, and have the ticket looked at when it wants to be."""
    if not events:
        return loaded.version
    version = tx.append(ticket_id, loaded.version, events)
    after = reduce(evolve, events, loaded.state)
    assert after is not None
    set_alarms(tx, loaded.state, after)
    for event in events:
        if isinstance(event, TicketClosed):
            _arrange_survey(tx, after, version)
        elif isinstance(event, TicketReopened | TicketWithdrawn):
            tx.cancel_timer(f"ticket/{ticket_id}/survey")
    return version


def set_alarms(tx: Transaction[Any], before: Ticket | None, after: Ticket) -> None:
    """Set, move and cancel the ticket's timers so that they are what it wants."""
    were = {alarm.name: alarm for alarm in before.alarms()} if before else {}
    wanted = {alarm.name: alarm for alarm in after.alarms()}
    for name in were.keys() - wanted.keys():
        tx.cancel_timer(f"ticket/{after.id}/{name}")
    for name, alarm in wanted.items():
        if were.get(name) != alarm:
            clock = name.partition("/")[0]
            tx.set_timer(
                f"ticket/{after.id}/{name}",
                alarm.kind,
                alarm.due_at,
                {"ticket_id": str(after.id), "clock": clock},
            )


def _arrange_survey(tx: Transaction[Any], ticket: Ticket, version: int) -> None:
    rules = desk.survey_rules_of(tx)
    if not rules.after_tickets or not (ticket.customer_id or ticket.contact_id):
        return
    if ticket.category == FOLLOW_UP_CATEGORY:
        return  # nobody is asked how it was to be asked
    tx.set_timer(
        f"ticket/{ticket.id}/survey",
        "send_survey",
        tx.effective_at + timedelta(seconds=rules.after_s),
        {
            "survey_id": str(derived_id(ticket.id, "survey", version)),
            "ticket_id": str(ticket.id),
        },
    )
