"""What takes back a change of a ticket or of how the desk works, by the decisions that people have too.

What was said to a customer stays said. What clocks ran on stays too: hours that were promised, and waited, are
not un-promised weeks later; whoever wants other ones sets them now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kernel.reversals import WHOLE, Change, Irreversible, Reason, Taking, defined, goes_along, stays, taken_back
from ticketing.domain.assignment import AssignmentRulesDefined
from ticketing.domain.desk import (
    BUILT_IN_SURVEY_RULES,
    AgentProfiled,
    CalendarDefined,
    QueueDefined,
    SlaPolicyDefined,
    SurveyRulesDefined,
)
from ticketing.domain.survey import SurveyAnswered, SurveySent
from ticketing.domain.ticket import Ticket
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

REASON = "taken back"


def _opened(taking: Taking) -> list[Event]:
    now: Ticket = taking.now
    if now.responded:
        raise Irreversible(
            Reason("customer_answered", "the customer was answered: close it, if that is what is wanted")
        )
    return now.withdraw(now.import_id, REASON)


def _assigned(taking: Taking) -> list[Event]:
    before: Ticket = taking.before
    now: Ticket = taking.now
    if not before.queue:
        raise Irreversible(Reason("no_queue_before", "it was in no queue before; give it to somebody"))
    return now.give_back(before.assignee_id, before.queue, REASON)


def _categorised(taking: Taking) -> list[Event]:
    now: Ticket = taking.now
    return now.recategorise(taking.before.category, taking.before.product_id)


def _identified(taking: Taking) -> list[Event]:
    if taking.before.customer_id is None:
        raise Irreversible(Reason("nobody_named", "nobody was named before; name somebody else"))
    now: Ticket = taking.now
    return now.identify_requester(taking.before.customer_id, taking.before.contact_id)


_CLOCKS_RAN = Reason("clocks_ran", "its clocks have run on that: set it anew, if that is what is wanted")
_ACTED_ON = Reason(
    "ticket_acted_on", "the customer and the clocks acted on it: reopen or close it, if that is what is wanted"
)
_SAID = Reason("written_down", "what was said or written down cannot be unsaid")

TICKET: Mapping[type, Change] = {
    TicketOpened: taken_back(_opened, WHOLE),
    TicketAssigned: taken_back(_assigned, "assignment"),
    TicketHandedOver: taken_back(_assigned, "assignment"),
    TicketRecategorised: taken_back(_categorised, "category"),
    TicketRequesterIdentified: taken_back(_identified, "requester"),
    TicketReprioritised: stays(_CLOCKS_RAN, "priority"),
    TicketPutOnHold: stays(_CLOCKS_RAN, "status"),
    TicketResumed: stays(_CLOCKS_RAN, "status"),
    TicketResolved: stays(_ACTED_ON, "status"),
    TicketReopened: stays(_ACTED_ON, "status"),
    TicketClosed: stays(_ACTED_ON, "status"),
    TicketEscalated: stays(_ACTED_ON, "escalation"),
    TicketResponded: stays(_SAID, "conversation"),
    CustomerReplied: stays(_SAID, "conversation"),
    TicketNoted: stays(_SAID, "conversation"),
    TicketStepRecorded: stays(_SAID, "conversation"),
    RootCauseRecorded: stays(_SAID, "complaint"),
    ComplaintFollowedUp: stays(_SAID, "complaint"),
    ComplaintConfirmed: stays(_SAID, "complaint"),
    SlaClockStarted: goes_along(),
    SlaClockPaused: goes_along(),
    SlaClockResumed: goes_along(),
    SlaClockStopped: goes_along(),
    SlaWarned: goes_along(),
    SlaBreached: goes_along(),
    SlaBreachWithdrawn: goes_along(),
    TicketImported: goes_along(),
    TicketWithdrawn: stays(Reason("open_anew", "what was taken back is opened anew")),
}


# -- how the desk works: each defined whole -----------------------------------------

_JUDGED_BY = Reason("tickets_judged_by_it", "tickets are judged by it: define it as it is to be")

DESK: Mapping[str, Mapping[type, Change]] = {
    "calendar": {CalendarDefined: defined(_JUDGED_BY)},
    "SLA policy": {SlaPolicyDefined: defined(_JUDGED_BY)},
    "queue": {QueueDefined: defined(Reason("queue_in_use", "tickets may wait in it: define it as it is to be"))},
    "agent": {AgentProfiled: defined(lambda now: replace(now, available=False))},
    "survey rules": {
        SurveyRulesDefined: defined(lambda now: replace(BUILT_IN_SURVEY_RULES, survey_rules_id=now.survey_rules_id))
    },
    "assignment rules": {AssignmentRulesDefined: defined(lambda now: replace(now, rules=(), fallback_queue=""))},
}
"""By the kind of record; the last definition is the state."""

SURVEY: Mapping[type, Reason] = {
    SurveySent: Reason("question_asked", "a question that was asked cannot be unasked"),
    SurveyAnswered: Reason("answer_is_his", "what somebody answered is his to say"),
}
