"""From the quote to the money: what somebody did is taken back by people's decisions, and what others act on stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import reduce
from typing import Any
from uuid import UUID

import pytest

from kernel.money import Money
from kernel.reversals import WHOLE, Plan, Reversals, Step, Verdict, latest, plan
from pipeline.domain import approval, catalogue, contract, lead, lead_rules, opportunity, order, quote
from pipeline.domain.pipeline_definition import PipelineDefined, PipelineRevised, Stage, StageKind
from pipeline.domain.pipeline_definition import evolve as evolve_pipeline
from pipeline.domain.sales_taken_back import APPROVAL, CONTRACT, ORDER, QUOTE
from pipeline.domain.settings_taken_back import PIPELINE, PRODUCT, SETTINGS
from pipeline.domain.taking_back import DEAL, LEAD, Around

ID, CUSTOMER, ANN, BO, DEAL_ID, PLEA = (UUID(int=n) for n in range(1, 7))
DAY, AT = date(2026, 5, 1), datetime(2026, 5, 1, tzinfo=UTC)
Told = tuple[bool, Any]
"""Whether it is to be taken back, and what happened."""


def yuan(minor_units: int) -> Money:
    return Money(minor_units, "CNY")


def mine(*events: Any) -> list[Told]:
    return [(True, event) for event in events]


def others(*events: Any) -> list[Told]:
    return [(False, event) for event in events]


def planned(changes: Mapping[type, Any], evolve: Callable[[Any, Any], Any], told: Sequence[Told]) -> Plan:
    steps = [Step(event, is_mine, who="Bo") for is_mine, event in told]
    found = plan(Reversals("it", changes, evolve), steps, lambda _: ())
    undone = [*steps, *(Step(event, undoing=True) for event in found.events)]
    assert plan(Reversals("it", changes, evolve), undone, lambda _: ()).events == (), "twice is once"
    return found


def reasons(found: Plan) -> set[str]:
    return {reason for outcome in found.outcomes for _, reason in outcome.kept}


# -- quotes and approvals ------------------------------------------------------------


def content(price: int) -> quote.Content:
    line = quote.LineDraft(None, "Pump", "1", yuan(price), yuan(price), 0, 1_300)
    return quote.content_of((line,))


DRAFTED = quote.QuoteDrafted(
    ID, "Q-1", DEAL_ID, CUSTOMER, ANN, 1, *(lambda c: (c.lines, c.net_total, c.tax_total, c.total))(content(100)), 0,
    DAY, None,
)  # fmt: skip


def a_quote(*events: Any) -> quote.Quote:
    return reduce(quote.evolve, events, quote.evolve(None, DRAFTED))


def test_a_revised_quote_says_again_what_it_said_and_gets_its_owner_back() -> None:
    revised = a_quote().revise(content(70), DAY, DAY)
    given = quote.QuoteTransferred(ID, ANN, BO, "why")
    found = planned(QUOTE, quote.evolve, [*others(DRAFTED), *mine(*revised, given)])
    now = a_quote(*revised, given, *found.events)
    assert (now.content, now.owner_id, now.state, now.quote_version) == (content(100), ANN, quote.QuoteState.DRAFT, 3)


def test_a_quote_that_was_sent_stays_and_so_does_what_it_says() -> None:
    revised = a_quote().revise(content(70), DAY, DAY)
    ready = a_quote(*revised, *(submitted := a_quote(*revised).submit(quote.DEFAULT_DISCOUNT_POLICY, None)))
    found = planned(QUOTE, quote.evolve, [*mine(DRAFTED, *revised, *submitted, *ready.send(DAY))])
    assert found.events == ()
    assert "it has left the house: send a revised one" in reasons(found)
    assert "a draft binds nobody: leave it, or revise it" in reasons(found)
    unsent = planned(QUOTE, quote.evolve, [*others(DRAFTED, *revised), *mine(*submitted)])
    assert [type(event).__name__ for event in unsent.events] == ["QuoteRevised"]


def test_what_waits_for_an_approval_goes_with_its_request() -> None:
    submitted = a_quote().submit(quote.DEFAULT_DISCOUNT_POLICY, PLEA)
    found = planned(QUOTE, quote.evolve, [*others(DRAFTED), *mine(*submitted)])
    assert [outcome.verdict for outcome in found.outcomes] == [Verdict.GOES_ALONG]
    asked = an_approval()
    found = planned(APPROVAL, approval.evolve, mine(asked))
    assert [type(event) for event in found.events] == [approval.ApprovalWithdrawn]


def an_approval(*people: UUID) -> approval.ApprovalRequested:
    step = approval.FlowStep("one", "one", people or (ANN,), approval.StepRule.ALL_OF, None, 0)
    kind = approval.SubjectKind.QUOTE
    return approval.ApprovalRequested(PLEA, kind, ID, step.approver_ids, None, 0, (step,), 1, BO, yuan(1), 0, "Q-1")


def test_what_somebody_decided_stays_on_record_and_holds_the_request() -> None:
    asked = an_approval()
    said = approval.evolve(None, asked).give_opinion(ANN, approval.Decision.APPROVE, "")
    found = planned(APPROVAL, approval.evolve, mine(asked, *said))
    assert found.events == ()
    assert "what somebody decided stays on record, and others act on it: ask for another approval" in reasons(found)
    found = planned(APPROVAL, approval.evolve, [*mine(asked), *others(*said)])
    assert reasons(found) == {"changed since by Bo"}


def test_a_delegated_approval_waits_again_for_whom_it_waited_for() -> None:
    asked = an_approval(ANN, CUSTOMER)
    passed_on = approval.evolve(None, asked).delegate(ANN, BO, "holiday")
    found = planned(APPROVAL, approval.evolve, [*others(asked), *mine(*passed_on)])
    now = reduce(approval.evolve, [asked, *passed_on, *found.events], None)
    assert now is not None
    assert set(now.waiting_for) == {ANN, CUSTOMER}
    opinion = now.give_opinion(ANN, approval.Decision.APPROVE, "")[0]
    assert isinstance(opinion, approval.OpinionGiven)
    assert opinion.on_behalf_of_id is None, "she decides for herself again"


# -- contracts -----------------------------------------------------------------------

BUYER = contract.Party("buyer", "Alpha", "Li")
DRAWN = contract.ContractDrawnUp(
    ID, "HT-1", "Pumps", CUSTOMER, None, None, ANN, (BUYER,), yuan(100), DAY, None, (), 1
)  # fmt: skip


def a_contract(*events: Any) -> contract.Contract:
    return reduce(contract.evolve, events, contract.evolve(None, DRAWN))


def test_a_contract_gets_back_the_terms_that_nobody_changed_since() -> None:
    terms = a_contract().terms
    dearer = a_contract().rewrite(replace(terms, title="Valves", amount=yuan(900)))
    retitled = a_contract(*dearer).rewrite(replace(a_contract(*dearer).terms, title="Seals"))
    found = planned(CONTRACT, contract.evolve, [*others(DRAWN), *mine(*dearer), *others(*retitled)])
    assert a_contract(*dearer, *retitled, *found.events).terms == replace(terms, title="Seals")
    assert found.outcomes[0].kept == (("title", "changed since by Bo"),)


def test_what_was_no_draft_before_is_not_made_one_in_silence() -> None:
    approved = a_contract().submit(None)
    rewritten = a_contract(*approved).rewrite(replace(a_contract().terms, title="Seals"))
    found = planned(CONTRACT, contract.evolve, [*others(DRAWN, *approved), *mine(*rewritten)])
    assert reasons(found) == {"it was no draft before: write what it said, and submit it again"}


def test_a_contract_goes_unless_it_is_signed() -> None:
    found = planned(CONTRACT, contract.evolve, mine(DRAWN))
    assert found.events == (contract.ContractTerminated(ID, DAY, "taken back"),)
    submitted = a_contract().submit(None)
    signed = a_contract(*submitted).sign(DAY)
    found = planned(CONTRACT, contract.evolve, mine(DRAWN, *submitted, *signed))
    assert found.events == ()
    assert "a signed contract binds both sides: terminate it, if that is what is wanted" in reasons(found)
    found = planned(CONTRACT, contract.evolve, [*others(DRAWN), *mine(*submitted)])
    assert a_contract(*submitted, *found.events).state is contract.ContractState.DRAFT


# -- orders --------------------------------------------------------------------------

PLACED = order.OrderPlaced(
    ID, "SO-1", CUSTOMER, None, None, None, ANN, (), yuan(90), yuan(10), yuan(100), "0.9", DAY, "", None, ""
)


def an_order(*events: Any) -> order.Order:
    return reduce(order.evolve, events, order.evolve(None, PLACED))


def test_an_order_is_cancelled_unless_it_left_the_house_or_money_came_in() -> None:
    owed = an_order().plan([(BO, DAY, yuan(100))])
    confirmed = an_order(*owed).confirm()
    found = planned(ORDER, order.evolve, mine(PLACED, *owed, *confirmed))
    assert [type(event) for event in found.events] == [order.OrderCancelled]
    assert {outcome.verdict for outcome in found.outcomes[:-1]} == {Verdict.GOES_ALONG}

    paid = an_order(*owed, *confirmed).receive(PLEA, yuan(40), DAY, "bank", "r1")
    found = planned(ORDER, order.evolve, mine(PLACED, *owed, *confirmed, *paid))
    assert found.events == ()
    assert "money that came in stays booked: pay it back" in reasons(found)
    by_others = planned(ORDER, order.evolve, [*mine(PLACED, *owed), *others(*confirmed)])
    assert by_others.events == ()
    assert "changed since by Bo" in reasons(by_others)

    shipped = an_order(*confirmed).ship(DAY, "SF", "1")
    assert planned(ORDER, order.evolve, mine(PLACED, *confirmed, *shipped)).events == ()


# -- what is sold, and the rules -----------------------------------------------------

LISTED = catalogue.ProductListed(ID, "P-1", "Pump", "pumps", yuan(100), "piece", 1_300, "", "")


def test_a_product_is_withdrawn_or_gets_back_what_was_said_of_it() -> None:
    product = catalogue.evolve_product(None, LISTED)
    assert planned(PRODUCT, catalogue.evolve_product, mine(LISTED)).events == (
        catalogue.ProductWithdrawn(ID, "taken back"),
    )
    dearer = catalogue.ProductRevised(ID, "Pump 2", "pumps", yuan(200), "piece", 1_300)
    renamed = replace(dearer, name="Pump 3")
    found = planned(PRODUCT, catalogue.evolve_product, [*others(LISTED), *mine(dearer), *others(renamed)])
    assert found.events == (replace(renamed, list_price=yuan(100)),)
    first, second = product.set_cost(yuan(60), DAY), product.set_cost(yuan(70), DAY)
    found = planned(PRODUCT, catalogue.evolve_product, [*others(LISTED, *first), *mine(*second)])
    assert found.events == tuple(first)
    found = planned(PRODUCT, catalogue.evolve_product, [*others(LISTED), *mine(*first)])
    assert reasons(found) == {"nobody said before what it costs from that day: say it anew"}


def test_a_revised_pipeline_is_as_before_unless_deals_may_be_in_a_new_stage() -> None:
    stages = tuple(
        Stage(UUID(int=50 + i), kind.name, 10 * i, 7, i, kind)
        for i, kind in enumerate((StageKind.OPEN, StageKind.WON, StageKind.LOST), start=1)
    )
    was = PipelineDefined(ID, "Sales", stages, False)
    renamed = PipelineRevised(ID, "Selling", stages, False)
    found = planned(PIPELINE, evolve_pipeline, [*others(was), *mine(renamed)])
    assert found.events == (PipelineRevised(ID, "Sales", stages, False),)
    another = Stage(UUID(int=99), "Trial", 20, 7, 2, StageKind.OPEN)
    wider = replace(renamed, stages=(stages[0], another, *stages[1:]))
    assert "deals may be in the stages" in "".join(
        reasons(planned(PIPELINE, evolve_pipeline, [*others(was), *mine(wider)]))
    )


def test_a_policy_is_the_former_one_again_or_the_built_in_one() -> None:
    policies = SETTINGS["lead pool policy"]
    first, second = lead_rules.LeadPoolPolicySet(ID, 1, 1, 1, ANN), lead_rules.LeadPoolPolicySet(ID, 9, 9, 9, None)
    assert planned(policies, latest, [*others(first), *mine(second)]).events == (first,)
    assert planned(policies, latest, mine(second)).events == (replace(lead_rules.DEFAULT_POOL_POLICY, settings_id=ID),)


# -- deals and leads that came to be -------------------------------------------------


def test_a_deal_goes_as_a_whole_unless_it_was_won() -> None:
    opened = opportunity.OpportunityOpened(
        ID, CUSTOMER, BO, PLEA, "Line", yuan(1), 10, ANN, None, "", None, None, (), "", (), ""
    )
    noted = opportunity.NextStepPlanned(ID, ANN, "call", DAY)
    found = planned(DEAL, opportunity.evolve, mine(opened, noted))
    assert found.events == (opportunity.OpportunityTakenBack(ID, ""),)
    hanging = Reversals("deal", DEAL, opportunity.evolve, known=lambda look, deal: Around(None, "SO-1"))
    found = plan(hanging, [Step(opened, True)], lambda _: ())
    assert reasons(found) == {"SO-1 hangs on it: settle that first, or lose the deal"}
    won = opportunity.OpportunityWon(ID, yuan(1), "price", CUSTOMER, "", PLEA, DEAL_ID, ANN)
    found = planned(DEAL, opportunity.evolve, mine(opened, won))
    assert found.events == ()
    assert any("reopen it" in reason for reason in reasons(found))


@pytest.mark.parametrize("by_whom", [True, False])
def test_a_lead_that_only_he_worked_on_goes_as_a_whole(by_whom: bool) -> None:
    captured = lead.LeadCaptured(
        ID,
        "web",
        None,
        None,
        "",
        "",
        "",
        {},
        datetime(2026, 5, 1, tzinfo=UTC),
        "Li",
        "1",
        "",
        "",
        (),
        "",
        "",
        "new",
        "",
    )
    contacted = lead.LeadContacted(ID, "call", False, "")
    found = planned(LEAD, lead.evolve, [*mine(captured), (by_whom, contacted)])
    assert bool(found.events) == by_whom
    if not by_whom:
        assert found.outcomes[-1].kept == ((WHOLE, "changed since by Bo"),)
