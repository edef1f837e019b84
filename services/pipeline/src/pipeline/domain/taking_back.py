"""What takes back a change of an opportunity or a lead, by the decisions that people have too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kernel.reversals import WHOLE, Change, Irreversible, Reason, Taking, goes_along, stays, taken_back
from pipeline.domain import lead as leads
from pipeline.domain import opportunity as deals
from pipeline.domain.lead import Lead
from pipeline.domain.opportunity import Opportunity
from pipeline.domain.pipeline_definition import Pipeline

REASON = "taken back"
STAGE, PROBABILITY, OWNER = "stage", "probability", "owner"


# -- opportunities -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Around:
    """What there is around a deal: its pipeline, and the number of a quote, contract or order that hangs on it."""

    pipeline: Pipeline | None
    hanging: str


def _opened(taking: Taking) -> list[deals.Event]:
    now: Opportunity = taking.now
    around: Around | None = taking.known
    if now.closed and not now.taken_back:
        raise Irreversible(_CLOSED)
    if around is not None and around.hanging:
        words = f"{around.hanging} hangs on it: settle that first, or lose the deal"
        raise Irreversible(Reason("deal_has", words, what=around.hanging))
    return now.take_back(now.import_id)


def _moved(taking: Taking) -> list[deals.Event]:
    """Back through the stages, and to the probability it had there."""
    around: Around | None = taking.known
    pipeline = around.pipeline if around is not None else None
    if pipeline is None:
        raise Irreversible(Reason("pipeline_gone", "its pipeline is not there any more"))
    now: Opportunity = taking.now
    events: list[deals.Event] = []
    if STAGE in taking.fields:
        events += now.move_to(pipeline.stage(taking.before.stage_id), pipeline, REASON)
        for event in events:
            now = deals.evolve(now, event)
    wanted = taking.before.probability if PROBABILITY in taking.fields else taking.now.probability
    return [*events, *now.revise_probability(wanted)]


def _amount(taking: Taking) -> list[deals.Event]:
    now: Opportunity = taking.now
    return now.revise_amount(taking.before.amount)


def _expected_close(taking: Taking) -> list[deals.Event]:
    now: Opportunity = taking.now
    return now.move_expected_close(taking.before.expected_close_on)


def _retitled(taking: Taking) -> list[deals.Event]:
    now: Opportunity = taking.now
    return now.retitle(taking.before.title)


def _products(taking: Taking) -> list[deals.Event]:
    now: Opportunity = taking.now
    return now.choose_products(taking.before.product_ids)


def _contacts(taking: Taking) -> list[deals.Event]:
    now: Opportunity = taking.now
    return now.choose_contacts(taking.before.contact_ids)


def _customer(taking: Taking) -> list[deals.Event]:
    if taking.before.customer_id is None:
        raise Irreversible(Reason("no_customer_named", "no customer was named before; name another one"))
    now: Opportunity = taking.now
    return now.name_customer(taking.before.customer_id)


def _deal_owner(taking: Taking) -> list[deals.Event]:
    if taking.before.owner_id is None:
        raise Irreversible(Reason("nobody_had_it", "nobody had it before; give it to somebody"))
    now: Opportunity = taking.now
    return now.transfer(taking.before.owner_id, REASON)


_CLOSED = Reason("deal_closed", "others act on a won or lost deal at once: reopen it, if that is what is wanted")
_OUTCOME = (STAGE, PROBABILITY, "outcome")
_STEP = Reason("next_step", "what was to be done next is a note: plan another step")

DEAL: Mapping[type, Change] = {
    deals.OpportunityOpened: taken_back(_opened, WHOLE),
    deals.OpportunityAdvanced: taken_back(_moved, STAGE, PROBABILITY),
    deals.OpportunityStageSetBack: taken_back(_moved, STAGE, PROBABILITY),
    deals.ProbabilityRevised: taken_back(_moved, PROBABILITY),
    deals.AmountRevised: taken_back(_amount, "amount"),
    deals.ExpectedCloseMoved: taken_back(_expected_close, "expected_close_on"),
    deals.OpportunityRetitled: taken_back(_retitled, "title"),
    deals.OpportunityProductsChosen: taken_back(_products, "products"),
    deals.OpportunityContactsChosen: taken_back(_contacts, "contacts"),
    deals.OpportunityCustomerNamed: taken_back(_customer, "customer"),
    deals.OpportunityTransferred: taken_back(_deal_owner, OWNER),
    deals.OpportunityWon: stays(_CLOSED, *_OUTCOME),
    deals.OpportunityLost: stays(_CLOSED, *_OUTCOME),
    deals.OpportunityReopened: stays(
        Reason("deal_reopened", "others act on a reopened deal at once: win or lose it, with a reason"), *_OUTCOME
    ),
    deals.NextStepPlanned: stays(_STEP, "next_step"),
    deals.NextStepTaken: stays(_STEP, "next_step"),
    deals.OpportunityGotStuck: goes_along(),
    deals.OpportunityTakenBack: stays(Reason("enter_anew", "what was taken back is entered anew")),
}


# -- leads -------------------------------------------------------------------------


def _owned(before: Lead, after: Lead, event: leads.LeadQueued) -> Collection[str]:
    """Waiting in the pool goes with having been given back to it."""
    return () if before.owner_id is None else {OWNER}


def _details(before: Lead, after: Lead, event: leads.LeadCorrected) -> Collection[str]:
    was, is_ = before.details(), after.details()
    return {name for name in leads.DETAILS if was[name] != is_[name]}


def _captured(taking: Taking) -> list[leads.Event]:
    """What was done by hand is done by the same cause, or it would not go as a whole."""
    now: Lead = taking.now
    return replace(now, changed_by_hand=False).take_back(now.import_id)


def _status(taking: Taking) -> list[leads.Event]:
    now: Lead = taking.now
    known: tuple[str, ...] = taking.known
    return now.change_status(taking.before.status_id, known)


def _corrected(taking: Taking) -> list[leads.Event]:
    now: Lead = taking.now
    was: dict[str, Any] = taking.before.details()
    return now.correct({name: was[name] for name in taking.fields})


def _lead_owner(taking: Taking) -> list[leads.Event]:
    before: Lead = taking.before
    if before.owner_id is None:
        raise Irreversible(Reason("was_in_pool", "it was in the pool before: give it back, with a reason"))
    now: Lead = taking.now
    return now.assign(leads.LeadAssigned(now.id, before.owner_id, "", 0, REASON, now.owner_id, False, False))


_JUDGED = Reason("lead_judged", "a judgement on a lead stands until another is made: qualify, nurture or disqualify it")
_OBSERVED = Reason("observed", "what somebody did was observed, and stays")

LEAD: Mapping[type, Change] = {
    leads.LeadCaptured: taken_back(_captured, WHOLE),
    leads.LeadStatusChanged: taken_back(_status, "status"),
    leads.LeadCorrected: taken_back(_corrected, _details),
    leads.LeadAssigned: taken_back(_lead_owner, OWNER),
    leads.LeadClaimed: taken_back(_lead_owner, OWNER),
    leads.LeadReturned: taken_back(_lead_owner, OWNER),
    leads.LeadRecycled: taken_back(_lead_owner, OWNER),
    leads.LeadQueued: taken_back(_lead_owner, _owned),
    leads.LeadQualified: stays(_JUDGED, "state"),
    leads.LeadNurtured: stays(_JUDGED, "state"),
    leads.LeadDisqualified: stays(Reason("lead_closed", "a closed lead stays closed: capture it anew"), "state"),
    leads.LeadConverted: stays(
        Reason("lead_converted", "its customer and its deal are records of their own: capture the lead anew"), "state"
    ),
    leads.LeadContacted: stays(Reason("said", "what was said to somebody cannot be unsaid"), "contacted"),
    leads.LeadNextStepPlanned: stays(_STEP, "next_step"),
    leads.LeadTouchedAgain: stays(_OBSERVED, "behaviours"),
    leads.LeadBehaviourObserved: stays(_OBSERVED, "behaviours"),
    leads.LeadDuplicatesFound: goes_along(),
    leads.LeadCheckedAgainstCustomers: goes_along(),
    leads.LeadScored: goes_along(),
    leads.LeadReplyOverdue: goes_along(),
    leads.LeadTakenBack: stays(Reason("enter_anew", "what was taken back is entered anew")),
    leads.LeadForgotten: stays(Reason("stays_forgotten", "whoever is forgotten stays forgotten")),
}
