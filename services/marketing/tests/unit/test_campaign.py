"""A campaign decides: plans, costs and the end."""

from datetime import date
from functools import reduce
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import DomainError, InvalidArgument
from kernel.money import Money
from marketing.domain.campaign import (
    Campaign,
    CampaignCostBooked,
    CampaignEnded,
    CampaignEvent,
    CampaignHandedOver,
    CampaignKind,
    CampaignLaunched,
    CampaignOver,
    CampaignRevised,
    Plan,
    evolve,
    plan_campaign,
)

CAMPAIGN, OWNER, OTHER, COST = (UUID(int=n) for n in range(1, 5))
DAY = date(2026, 3, 1)


def a_plan(**changed: object) -> Plan:
    given = {
        "name": "春季上新",
        "kind": CampaignKind.WEBINAR,
        "channel": "webinar",
        "budget": Money(1_000_00, "CNY"),
        "starts_on": date(2026, 3, 1),
        "ends_on": date(2026, 3, 31),
    } | changed
    return Plan(**given)  # type: ignore[arg-type]


def a_campaign(*events: CampaignEvent) -> Campaign:
    campaign = reduce(evolve, [*plan_campaign(CAMPAIGN, OWNER, a_plan()), *events], None)
    assert campaign is not None
    return campaign


@pytest.mark.feature("MKT-01")
def test_a_planned_campaign_launches_books_costs_and_ends() -> None:
    campaign = a_campaign()
    assert campaign.launch() == [CampaignLaunched(CAMPAIGN)]
    spent = Money(300_00, "CNY")
    assert campaign.book_cost(COST, spent, "hall", DAY) == [CampaignCostBooked(CAMPAIGN, spent, "hall", DAY, COST)]
    assert campaign.end("worked") == [CampaignEnded(CAMPAIGN, "worked")]


def test_costs_add_up_and_show_when_they_pass_the_budget() -> None:
    campaign = a_campaign(
        CampaignCostBooked(CAMPAIGN, Money(900_00, "CNY"), "hall", DAY, COST),
        CampaignCostBooked(CAMPAIGN, Money(101_00, "CNY"), "tea", DAY, COST),
    )
    assert campaign.cost == Money(1_001_00, "CNY")
    assert campaign.over_budget


def test_a_cost_in_another_currency_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="CNY"):
        a_campaign().book_cost(COST, Money(1, "EUR"), "hall", DAY)


def test_no_more_can_be_taken_back_than_was_booked() -> None:
    campaign = a_campaign(CampaignCostBooked(CAMPAIGN, Money(5, "CNY"), "hall", DAY, COST))
    with pytest.raises(DomainError, match="taken back"):
        campaign.book_cost(COST, Money(-6, "CNY"), "refund", DAY)


def test_an_ended_campaign_keeps_its_plan_but_still_gets_its_bills() -> None:
    ended = a_campaign(CampaignEnded(CAMPAIGN, "over"))
    with pytest.raises(CampaignOver):
        ended.revise(a_plan(name="again"))
    with pytest.raises(CampaignOver):
        ended.launch()
    assert ended.end("twice") == []
    assert ended.book_cost(COST, Money(1, "CNY"), "late bill", DAY)


def test_the_budgets_currency_stays_once_costs_are_booked() -> None:
    plan = a_plan(budget=Money(1, "EUR"))
    assert a_campaign().revise(plan)
    with pytest.raises(DomainError, match="currency"):
        a_campaign(CampaignCostBooked(CAMPAIGN, Money(5, "CNY"), "hall", DAY, COST)).revise(plan)


def test_handing_over_to_the_same_owner_is_nothing() -> None:
    assert a_campaign().hand_over(OWNER) == []
    assert a_campaign().hand_over(OTHER) == [CampaignHandedOver(CAMPAIGN, OWNER, OTHER)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("kind", CampaignKind.UNSPECIFIED),
        ("budget", Money(-1, "CNY")),
        ("ends_on", date(2026, 2, 1)),
        ("expected_leads", -1),
        ("channel", "two words"),
    ],
)
def test_a_plan_that_cannot_be_names_its_field(field: str, value: object) -> None:
    with pytest.raises(InvalidArgument) as refused:
        a_plan(**{field: value})
    assert refused.value.field == field


asks = st.one_of(
    st.integers(-500, 500).map(lambda n: ("cost", n)),
    st.sampled_from([("launch", 0), ("end", 0), ("revise", 1), ("revise", 2)]),
)


@given(st.lists(asks, max_size=30))
def test_any_sequence_of_asks_keeps_the_cost_at_zero_or_above_and_the_end_final(
    sequence: list[tuple[str, int]],
) -> None:
    campaign, booked, ended = a_campaign(), 0, False
    for ask, number in sequence:
        try:
            match ask:
                case "cost":
                    events = campaign.book_cost(COST, Money(number, "CNY"), "x", DAY)
                case "launch":
                    events = campaign.launch()
                case "end":
                    events = campaign.end("over")
                case _:
                    events = campaign.revise(a_plan(name=f"plan {number}"))
        except DomainError:
            continue
        for event in events:
            assert not (ended and isinstance(event, CampaignRevised | CampaignLaunched))
            if isinstance(event, CampaignCostBooked):
                booked += event.amount.minor_units
            ended = ended or isinstance(event, CampaignEnded)
        campaign = reduce(evolve, events, campaign)
    assert campaign.cost.minor_units == booked >= 0
    assert campaign.ended is ended
