"""What a marketer did is taken back by his own decisions; what left stays, and nothing is sent again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import reduce
from typing import Any
from uuid import UUID

import pytest

from kernel.money import Money
from kernel.reversals import Plan, Reversals, Step, plan
from marketing.domain import campaign, form, journey, journey_run, mailing, preference, segment, template
from marketing.domain.taking_back import CAMPAIGN, FORM, JOURNEY, MAILING, POLICY, RUN, SEGMENT, TEMPLATE
from marketing.domain.template import MessageChannel

ID, ANN, BO, COST = (UUID(int=n) for n in range(1, 5))
DAY, AT = date(2026, 5, 1), datetime(2026, 5, 1, tzinfo=UTC)
EUROS = Money(100, "EUR")
Told = tuple[bool, Any]
"""Whether it is to be taken back, and what happened."""


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


def now(evolve: Callable[[Any, Any], Any], told: Sequence[Told], found: Plan) -> Any:
    return reduce(evolve, [*(event for _, event in told), *found.events], None)


def reasons(found: Plan) -> set[str]:
    return {reason for outcome in found.outcomes for _, reason in outcome.kept}


PLAN = campaign.Plan("Spring", campaign.CampaignKind.EVENT, "email", EUROS, DAY, DAY)
(PLANNED,) = campaign.plan_campaign(ID, ANN, PLAN)


def a_campaign(*events: Any) -> campaign.Campaign:
    return reduce(campaign.evolve, events, campaign.evolve(None, PLANNED))


def test_a_campaigns_costs_are_booked_back_and_its_plan_is_as_before() -> None:
    booked = a_campaign().book_cost(COST, Money(40, "EUR"), "hall", DAY)
    revised = a_campaign().revise(replace(PLAN, name="Summer", expected_leads=9))
    renamed = a_campaign(*revised).revise(replace(PLAN, name="Autumn", expected_leads=9))
    told = [*others(PLANNED), *mine(*booked, *revised), *others(*renamed)]
    found = planned(CAMPAIGN, campaign.evolve, told)
    it = now(campaign.evolve, told, found)
    assert it.cost == Money(0, "EUR")
    assert it.plan == replace(PLAN, name="Autumn")
    assert reasons(found) == {"changed since by Bo"}


def test_a_campaign_ends_with_its_costs_booked_back_but_not_with_costs_of_others() -> None:
    booked = a_campaign().book_cost(COST, Money(40, "EUR"), "hall", DAY)
    told = mine(PLANNED, *booked)
    it = now(campaign.evolve, told, planned(CAMPAIGN, campaign.evolve, told))
    assert (it.ended, it.cost) == (True, Money(0, "EUR"))
    found = planned(CAMPAIGN, campaign.evolve, [*mine(PLANNED), *others(*booked)])
    assert found.events == ()
    assert reasons(found) == {"changed since by Bo"}


def test_a_campaign_that_began_in_public_stays() -> None:
    found = planned(CAMPAIGN, campaign.evolve, [*others(PLANNED), *mine(campaign.CampaignLaunched(ID))])
    assert reasons(found) == {"it has begun in public: end it, if that is what is wanted"}


def rule(value: str) -> segment.Filter:
    kind, field = segment.FilterKind.RULE, segment.SegmentField.REGION
    return segment.Filter(kind, (), field, segment.FilterOperator.IS_ANY_OF, (value,))


def test_a_segment_and_a_template_are_as_before_or_retired() -> None:
    defined = segment.define_segment(ID, ANN, "North", rule("11"))
    revised = reduce(segment.evolve, defined, None).revise("South", rule("44"))  # type: ignore[union-attr]
    told = [*others(*defined), *mine(*revised, segment.SegmentHandedOver(ID, ANN, BO))]
    it = now(segment.evolve, told, planned(SEGMENT, segment.evolve, told))
    assert (it.name, it.filter, it.owner_id) == ("North", rule("11"), ANN)
    assert planned(SEGMENT, segment.evolve, mine(*defined)).events == (segment.SegmentRetired(ID),)

    words = template.Words("Hello", MessageChannel.EMAIL, "Hi", "", "text")
    drafted = template.draft_template(ID, ANN, words)
    changed = reduce(template.evolve, drafted, None).revise(replace(words, text_body="other"))  # type: ignore[union-attr]
    told = [*others(*drafted), *mine(*changed)]
    assert now(template.evolve, told, planned(TEMPLATE, template.evolve, told)).words == words
    assert planned(TEMPLATE, template.evolve, mine(*drafted)).events == (template.TemplateRetired(ID),)


def test_a_form_is_put_online_or_taken_off_again() -> None:
    fields = (form.FormField("email", "E-mail", form.FormFieldKind.EMAIL, True),)
    drafted = form.draft_form(ID, ANN, form.Layout("Trial", fields, "website"))
    published = form.FormPublished(ID, "Trial", None)
    assert planned(FORM, form.evolve, [*others(*drafted), *mine(published)]).events == (form.FormWithdrawn(ID),)
    told = [*others(*drafted, published), *mine(form.FormWithdrawn(ID))]
    assert planned(FORM, form.evolve, told).events == (published,)
    assert "nobody sees a draft" in "".join(reasons(planned(FORM, form.evolve, mine(*drafted))))


def test_a_journey_lets_nobody_in_any_more_and_is_not_started_again() -> None:
    step = journey.JourneyStep("end", "End", journey.StepKind.EXIT)
    definition = journey.Definition("Welcome", journey.TriggerKind.MANUAL, (step,))
    defined = journey.define_journey(ID, ANN, definition)
    activated, paused = journey.JourneyActivated(ID), journey.JourneyPaused(ID)
    assert planned(JOURNEY, journey.evolve, [*others(*defined), *mine(activated)]).events == (paused,)
    found = planned(JOURNEY, journey.evolve, [*others(*defined, activated), *mine(paused)])
    assert reasons(found) == {"messages would leave again: activate it, if that is what is wanted"}
    active = reduce(journey.evolve, [*defined, activated], None)
    assert active is not None
    opened = active.revise(replace(definition, trigger=journey.TriggerKind.ORDER, name="Hi"))
    found = planned(JOURNEY, journey.evolve, [*others(*defined, activated), *mine(*opened)])
    assert reasons(found) == {"others would be let in at once: pause it first"}

    entered = journey_run.JourneyEntered(ID, BO, 1, ANN, None, None, None, None, AT)
    found = planned(RUN, journey_run.evolve, mine(entered))
    assert [event.reason for event in found.events] == [journey_run.LeaveReason.TAKEN_OUT]


@pytest.mark.parametrize("queued", [True, False])
def test_a_mailing_is_cancelled_unless_its_messages_are_on_their_way(queued: bool) -> None:
    told = mine(*mailing.plan_mailing(ID, "Spring", None, BO, COST, MessageChannel.EMAIL, ANN))
    told += mine(mailing.MailingLaunched(ID, 1))
    told += others(mailing.MailingQueued(ID, 3)) if queued else []
    found = planned(MAILING, mailing.evolve, told)
    assert bool(found.events) != queued
    assert ("its messages are on their way" in "".join(reasons(found))) == queued


def test_the_contact_policy_is_the_former_one_again_or_the_built_in_one() -> None:
    first, second = preference.ContactPolicySet(ID, 1, 2, True), preference.ContactPolicySet(ID, 9, 9, False)
    found = planned(POLICY, preference.evolve_policy, [*others(first), *mine(second)])
    assert found.events == (first,)
    assert planned(POLICY, preference.evolve_policy, mine(second)).events == (
        preference.ContactPolicySet(ID, 5, 7, False),
    )
