"""What takes back a change of an opportunity or a lead, by the decisions that people have too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from kernel.reversals import WHOLE, Irreversible, TakeBack, Taking
from pipeline.domain import lead as leads
from pipeline.domain import opportunity as deals
from pipeline.domain.lead import Lead
from pipeline.domain.opportunity import Opportunity
from pipeline.domain.pipeline_definition import Pipeline

REASON = "taken back"
STAGE, PROBABILITY, OWNER = "stage", "probability", "owner"


# -- opportunities -----------------------------------------------------------------


def touches_deal(before: Opportunity | None, after: Opportunity, event: deals.Event) -> Collection[str]:
    """Return the fields an event changed; none for what follows by itself."""
    if before is None:
        return {WHOLE}
    match event:
        case deals.OpportunityAdvanced() | deals.OpportunityStageSetBack():
            return {STAGE, PROBABILITY}
        case deals.ProbabilityRevised():
            return {PROBABILITY}
        case deals.AmountRevised():
            return {"amount"}
        case deals.ExpectedCloseMoved():
            return {"expected_close_on"}
        case deals.OpportunityRetitled():
            return {"title"}
        case deals.OpportunityProductsChosen():
            return {"products"}
        case deals.OpportunityContactsChosen():
            return {"contacts"}
        case deals.OpportunityCustomerNamed():
            return {"customer"}
        case deals.OpportunityTransferred():
            return {OWNER}
        case deals.OpportunityWon() | deals.OpportunityLost() | deals.OpportunityReopened():
            return {STAGE, PROBABILITY, "outcome"}
        case deals.NextStepPlanned() | deals.NextStepTaken():
            return {"next_step"}
        case deals.OpportunityGotStuck():
            return ()
        case _:
            return {"import"}


def _moved(taking: Taking) -> list[deals.Event]:
    """Back through the stages, and to the probability it had there."""
    pipeline: Pipeline | None = taking.known
    if pipeline is None:
        raise Irreversible("its pipeline is not there any more")
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
        raise Irreversible("no customer was named before; name another one")
    now: Opportunity = taking.now
    return now.name_customer(taking.before.customer_id)


def _deal_owner(taking: Taking) -> list[deals.Event]:
    if taking.before.owner_id is None:
        raise Irreversible("nobody had it before; give it to somebody")
    now: Opportunity = taking.now
    return now.transfer(taking.before.owner_id, REASON)


def _closed(taking: Taking) -> list[deals.Event]:
    raise Irreversible("others act on a won or lost deal at once: reopen it, if that is what is wanted")


DEAL: Mapping[type, TakeBack] = {
    deals.OpportunityAdvanced: _moved,
    deals.OpportunityStageSetBack: _moved,
    deals.ProbabilityRevised: _moved,
    deals.AmountRevised: _amount,
    deals.ExpectedCloseMoved: _expected_close,
    deals.OpportunityRetitled: _retitled,
    deals.OpportunityProductsChosen: _products,
    deals.OpportunityContactsChosen: _contacts,
    deals.OpportunityCustomerNamed: _customer,
    deals.OpportunityTransferred: _deal_owner,
    deals.OpportunityWon: _closed,
    deals.OpportunityLost: _closed,
}


# -- leads -------------------------------------------------------------------------


def touches_lead(before: Lead | None, after: Lead, event: leads.Event) -> Collection[str]:
    """Return the fields an event changed; none for what rules and clocks say."""
    if before is None:
        return {WHOLE}
    match event:
        case leads.LeadStatusChanged():
            return {"status"}
        case leads.LeadCorrected():
            was, is_ = before.details(), after.details()
            return {name for name in leads.DETAILS if was[name] != is_[name]}
        case leads.LeadAssigned() | leads.LeadClaimed() | leads.LeadReturned() | leads.LeadRecycled():
            return {OWNER}
        case leads.LeadQueued():
            return {OWNER} if before.owner_id is not None else {"queue"}
        case leads.LeadQualified() | leads.LeadNurtured() | leads.LeadDisqualified() | leads.LeadConverted():
            return {"state"}
        case leads.LeadContacted():
            return {"contacted"}
        case leads.LeadNextStepPlanned():
            return {"next_step"}
        case leads.LeadTakenBack() | leads.LeadForgotten():
            return {WHOLE}
        case leads.LeadTouchedAgain() | leads.LeadBehaviourObserved():
            return {"behaviours"}
        case _:
            return ()


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
        raise Irreversible("it was in the pool before: give it back, with a reason")
    now: Lead = taking.now
    return now.assign(leads.LeadAssigned(now.id, before.owner_id, "", 0, REASON, now.owner_id, False, False))


LEAD: Mapping[type, TakeBack] = {
    leads.LeadStatusChanged: _status,
    leads.LeadCorrected: _corrected,
    leads.LeadAssigned: _lead_owner,
    leads.LeadReturned: _lead_owner,
    leads.LeadRecycled: _lead_owner,
}
