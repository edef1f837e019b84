"""What takes back a change of a ticket, by the decisions that people have too.

What was said to a customer stays said. What clocks ran on stays too: hours that were promised, and waited, are
not un-promised weeks later; whoever wants other ones sets them now.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kernel.reversals import WHOLE, Irreversible, TakeBack, Taking
from ticketing.domain.ticket import Ticket
from ticketing.domain.ticket_events import (
    ComplaintConfirmed,
    ComplaintFollowedUp,
    CustomerReplied,
    Event,
    RootCauseRecorded,
    TicketAssigned,
    TicketClosed,
    TicketEscalated,
    TicketHandedOver,
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

REASON = "taken back"


def touches(before: Ticket | None, after: Ticket, event: Event) -> Collection[str]:
    """Return the fields an event changed; none for what clocks say."""
    if before is None:
        return {WHOLE}
    match event:
        case TicketAssigned() | TicketHandedOver():
            return {"assignment"}
        case TicketReprioritised():
            return {"priority"}
        case TicketRecategorised():
            return {"category"}
        case TicketRequesterIdentified():
            return {"requester"}
        case TicketPutOnHold() | TicketResumed() | TicketResolved() | TicketReopened() | TicketClosed():
            return {"status"}
        case TicketResponded() | CustomerReplied() | TicketNoted() | TicketStepRecorded():
            return {"conversation"}
        case RootCauseRecorded() | ComplaintFollowedUp() | ComplaintConfirmed():
            return {"complaint"}
        case TicketEscalated():
            return {"escalation"}
        case TicketWithdrawn():
            return {WHOLE}
        case _:
            return ()


def _opened(taking: Taking) -> list[Event]:
    now: Ticket = taking.now
    if now.responded:
        raise Irreversible("the customer was answered: close it, if that is what is wanted")
    return now.withdraw(now.import_id, REASON)


def _assigned(taking: Taking) -> list[Event]:
    before: Ticket = taking.before
    now: Ticket = taking.now
    if not before.queue:
        raise Irreversible("it was in no queue before; give it to somebody")
    return now.give_back(before.assignee_id, before.queue, REASON)


def _categorised(taking: Taking) -> list[Event]:
    now: Ticket = taking.now
    return now.recategorise(taking.before.category, taking.before.product_id)


def _identified(taking: Taking) -> list[Event]:
    if taking.before.customer_id is None:
        raise Irreversible("nobody was named before; name somebody else")
    now: Ticket = taking.now
    return now.identify_requester(taking.before.customer_id, taking.before.contact_id)


def _clocks_ran(taking: Taking) -> list[Event]:
    raise Irreversible("its clocks have run on that: set it anew, if that is what is wanted")


def _acted_on(taking: Taking) -> list[Event]:
    raise Irreversible("the customer and the clocks acted on it: reopen or close it, if that is what is wanted")


def _said(taking: Taking) -> list[Event]:
    raise Irreversible("what was said or written down cannot be unsaid")


TICKET: Mapping[type, TakeBack] = {
    TicketOpened: _opened,
    TicketAssigned: _assigned,
    TicketHandedOver: _assigned,
    TicketRecategorised: _categorised,
    TicketRequesterIdentified: _identified,
    TicketReprioritised: _clocks_ran,
    TicketPutOnHold: _clocks_ran,
    TicketResumed: _clocks_ran,
    TicketResolved: _acted_on,
    TicketReopened: _acted_on,
    TicketClosed: _acted_on,
    TicketEscalated: _acted_on,
    TicketResponded: _said,
    CustomerReplied: _said,
    TicketNoted: _said,
    TicketStepRecorded: _said,
    RootCauseRecorded: _said,
    ComplaintFollowedUp: _said,
    ComplaintConfirmed: _said,
}
