"""Questions with answers worked out by hand, asked of views in a real database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from analytics.application import Analytics
from analytics.projections import figures, funnel, health, ranking, trends
from analytics.projections.funnel import Dimension
from analytics.projections.slices import Basis, Slice
from analytics.projections.trends import Interval
from crm.customer.v1 import customer_events_pb2 as customer
from crm.identity.v1 import person_events_pb2 as person
from crm.identity.v1 import team_events_pb2 as team
from crm.pipeline.v1 import lead_events_pb2 as lead
from crm.pipeline.v1 import opportunity_events_pb2 as deal
from crm.pipeline.v1 import order_events_pb2 as order
from kernel.ids import derived_id
from testkit import a_caller


def on(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def an_id(*parts: object) -> str:
    return str(derived_id("questions", *parts))


ANNA, BERND, CLARA = (an_id("person", name) for name in ("anna", "bernd", "clara"))
SALES, NORTH, SOUTH = (an_id("team", name) for name in ("sales", "north", "south"))
PUMP, VALVE = an_id("pump"), an_id("valve")
CHEMISTRY, TRADE = "C26", "F51"


@pytest.fixture
def story(folding: Any, happenings: Any) -> Any:
    """Three people in two teams, five customers, six opportunities in two currencies."""
    happenings.pipeline(norm_days=10)
    happenings.add(team.TeamFormed(team_id=SALES, name="Sales"))
    for which, parent in ((NORTH, SALES), (SOUTH, SALES)):
        happenings.add(team.TeamFormed(team_id=which, name="North", parent_team_id=parent))
    for who, where in ((ANNA, NORTH), (BERND, NORTH), (CLARA, SOUTH)):
        happenings.add(person.PersonJoined(person_id=who, team_id=where))
    for n, (industry, day) in enumerate(
        [(CHEMISTRY, "2026-01-10"), (CHEMISTRY, "2026-01-20"), (TRADE, "2026-02-03"), (TRADE, "2026-03-01")]
    ):
        happenings.add(
            customer.CustomerRegistered(customer_id=an_id("customer", n), industry_code=industry, owner_id=ANNA),
            on(day),
        )
    common = {"source_channel": "web", "product_ids": [PUMP]}
    happenings.opportunity(
        "a",
        on("2026-01-10"),
        1_000_00,
        moves=[("second", on("2026-01-20")), ("third", on("2026-02-09"))],
        won=on("2026-02-24"),
        owner_id=ANNA,
        customer_id=an_id("customer", 0),
        **common,
    )
    happenings.opportunity(
        "b",
        on("2026-01-15"),
        2_000_00,
        moves=[("second", on("2026-01-25"))],
        lost=on("2026-03-01"),
        owner_id=ANNA,
        customer_id=an_id("customer", 1),
        **common,
    )
    happenings.opportunity(
        "c",
        on("2026-02-01"),
        500_00,
        "EUR",
        won=on("2026-02-11"),
        owner_id=BERND,
        customer_id=an_id("customer", 2),
        source_channel="fair",
        product_ids=[PUMP, VALVE],
    )
    happenings.opportunity(
        "d",
        on("2026-03-01"),
        4_000_00,
        moves=[("second", on("2026-03-31"))],
        owner_id=CLARA,
        customer_id=an_id("customer", 3),
        expected_close_on="2026-05-01",
        **common,
    )
    happenings.opportunity("e", on("2026-06-01"), 3_000_00, owner_id=CLARA, expected_close_on="2026-07-01")
    happenings.opportunity("f", on("2026-03-05"), 700_00, won=on("2026-06-01"), owner_id=CLARA)
    folding.feed(happenings.events)
    return folding


def whole(folding: Any, slice_: Slice, **given: Any) -> funnel.Totals:
    totals: dict[str, funnel.Totals] = folding.ask(funnel.totals, slice_, Dimension.NONE, **given)
    return totals.get("", funnel.Totals())


@pytest.mark.feature("ANA-01")
def test_the_funnel_counts_every_opportunity_once_in_each_stage(story: Any) -> None:
    first, second, third = story.ask(funnel.stages, Slice())
    assert (first.name, first.entered, first.converted, first.dropped_off, first.still_open) == (
        "First",
        6,
        5,
        0,
        1,
    )
    assert (second.entered, second.converted, second.dropped_off, second.still_open) == (3, 1, 1, 1)
    assert (third.entered, third.converted, third.dropped_off, third.still_open) == (1, 1, 0, 0)
    assert second.open_amount == {"CNY": 4_000_00}
    assert second.now_in_stage == 1
    # second: a for 20 days, b for 35; d is still in it.
    assert (second.days.sample, second.days.median, second.days.mean) == (2, 27.5, 27.5)
    assert second.days.p90 == pytest.approx(33.5)


@pytest.mark.feature("ANA-01")
def test_totals_keep_currencies_apart(story: Any) -> None:
    found = whole(story, Slice())
    assert (found.opportunities, found.won, found.lost, found.open) == (6, 3, 1, 2)
    assert found.won_value == {"CNY": 1_700_00, "EUR": 500_00}
    assert found.open_value == {"CNY": 7_000_00}
    assert found.win_rate == 0.75
    assert found.conversion == 0.5


@pytest.mark.feature("ANA-01")
@pytest.mark.parametrize(
    ("slice_", "opportunities", "won"),
    [
        (Slice(owner_id=UUID(ANNA)), 2, 1),
        (Slice(team_id=UUID(NORTH)), 3, 2),
        (Slice(team_id=UUID(SALES)), 6, 3),
        (Slice(source_channel="web"), 3, 1),
        (Slice(product_id=UUID(VALVE)), 1, 1),
        (Slice(industry_code=CHEMISTRY), 2, 1),
        (Slice(pipeline_id="main"), 6, 3),
        (Slice(pipeline_id="other"), 0, 0),
        (Slice(from_on=date(2026, 3, 1)), 3, 1),
        (Slice(to_on=date(2026, 2, 1)), 3, 2),
        (Slice(from_on=date(2026, 2, 1), to_on=date(2026, 2, 28), basis=Basis.CLOSED), 2, 2),
    ],
)
def test_the_funnel_is_sliced_by_anything(story: Any, slice_: Slice, opportunities: int, won: int) -> None:
    found = whole(story, slice_)
    assert (found.opportunities, found.won) == (opportunities, won)


@pytest.mark.feature("ANA-01")
def test_totals_by_dimension(story: Any) -> None:
    by_product = story.ask(funnel.totals, Slice(), Dimension.PRODUCT)
    assert {key: one.opportunities for key, one in by_product.items()} == {PUMP: 4, VALVE: 1, "": 2}
    by_month = story.ask(funnel.totals, Slice(), Dimension.MONTH)
    assert {key: one.opportunities for key, one in by_month.items()} == {
        "2026-01": 2,
        "2026-02": 1,
        "2026-03": 2,
        "2026-06": 1,
    }
    by_team = story.ask(funnel.totals, Slice(), Dimension.TEAM)
    assert by_team[NORTH].won == 2


def test_data_scope_is_kept_in_every_figure(story: Any) -> None:
    anna = a_caller(scope="own", person_id=UUID(ANNA))
    north = a_caller(scope="team", person_id=UUID(BERND), owners=[UUID(ANNA), UUID(BERND)])
    assert whole(story, Slice(), caller=anna).opportunities == 2
    assert whole(story, Slice(), caller=north).opportunities == 3
    (won,) = story.ask(figures.measure, ["won"], Slice(), caller=anna)
    assert won.number == 1
    rows, total = story.ask(
        lambda cursor, caller, now: figures.records_behind(
            cursor, figures.figure("opportunities"), Slice(), caller, now, 10, 0
        ),
        caller=anna,
    )
    assert (len(rows), total) == (2, 2)


@pytest.mark.feature("ANA-24")
@pytest.mark.parametrize("period", [Slice(), Slice(from_on=date(2026, 2, 1), to_on=date(2026, 3, 31))])
def test_every_figure_lists_the_records_it_counts(story: Any, period: Slice) -> None:
    for measured in story.ask(figures.measure, list(figures.FIGURES), period):
        one = measured.figure
        rows, total = story.ask(
            lambda cursor, caller, now, one=one: figures.records_behind(cursor, one, period, caller, now, 100, 0)
        )
        if one.relation and not one.share:
            assert total == measured.sample, one.key
        assert len(rows) == total, one.key
        if one.share and measured.number is not None:
            assert measured.number == pytest.approx(total / measured.sample), one.key


def test_what_was_known_then_and_what_was_true_then(folding: Any, happenings: Any) -> None:
    happenings.opportunity("known", on("2026-01-01"), won=on("2026-01-20"))
    happenings.add(
        deal.OpportunityOpened(opportunity_id=an_id("late"), stage_id="first"),
        on("2026-01-05"),
        recorded_at=on("2026-04-01"),
    )
    folding.feed(happenings.events)
    assert whole(folding, Slice()).opportunities == 2
    assert whole(folding, Slice(as_of=on("2026-03-01"))).opportunities == 1
    then = whole(folding, Slice(effective_until=on("2026-01-10")))
    assert (then.opportunities, then.won, then.open) == (2, 0, 2)
    stages = folding.ask(funnel.stages, Slice(effective_until=on("2026-01-10")))
    assert [stage.still_open for stage in stages] == [1, 1]  # one of no pipeline


@pytest.mark.feature("ANA-02")
def test_people_and_teams_are_ranked(story: Any) -> None:
    def ranks(by_team: bool, figure: str) -> list[tuple[str, int]]:
        found = story.ask(ranking.ranking, Slice(), by_team, figure, "")
        return [(one.id, one.rank) for one in found]

    assert ranks(False, "won_value") == [(ANNA, 1), (CLARA, 2), (BERND, 3)]
    assert [rank for _, rank in ranks(False, "won")] == [1, 1, 1]
    assert ranks(True, "won") == [(NORTH, 1), (SOUTH, 2)]
    anna = story.ask(ranking.ranking, Slice(), False, "won_value", "")[0]
    assert (anna.won, anna.lost, anna.opened, anna.win_rate) == (1, 1, 2, 0.5)
    assert anna.median_days_to_win == 45


@pytest.mark.feature("ANA-05")
def test_sales_by_month_from_deals_orders_and_payments(folding: Any, happenings: Any) -> None:
    happenings.opportunity("x", on("2026-01-02"), 300_00, won=on("2026-03-03"), owner_id=ANNA)
    for n, exact in enumerate(("10.004", "10.004")):
        placed = order.OrderConfirmed(order_id=an_id("order", n), net_exact=exact, owner_id=ANNA)
        placed.net_total.minor_units, placed.net_total.currency_code = 10_00, "EUR"
        happenings.add(placed, on("2026-01-31T23:30:00"))
    cancelled = order.OrderConfirmed(order_id=an_id("order", 9), net_exact="99", owner_id=ANNA)
    cancelled.net_total.minor_units, cancelled.net_total.currency_code = 99_00, "EUR"
    happenings.add(cancelled, on("2026-01-10"))
    happenings.add(order.OrderCancelled(order_id=an_id("order", 9)), on("2026-01-11"))
    paid = order.PaymentReceived(order_id=an_id("order", 0), payment_id=an_id("payment"))
    paid.amount.minor_units, paid.amount.currency_code = 5_00, "EUR"
    happenings.add(paid, on("2026-02-10"))
    folding.feed(happenings.events)
    points = folding.ask(trends.sales, Slice(), Interval.MONTH)
    january, february, march = points
    assert (january.opened, january.orders, january.revenue) == (1, 2, {"EUR": 20_01})
    assert february.paid == {"EUR": 5_00}
    assert (march.won, march.won_value) == (1, {"CNY": 300_00})
    revenue, margin = folding.ask(figures.measure, ["revenue", "margin"], Slice())
    assert revenue.amounts == {"EUR": 20_01}, "exact values are summed, then rounded once"
    assert not folding.ask(figures.measure, ["revenue"], Slice(owner_id=UUID(BERND)))[0].amounts
    handed_over = order.OrderTransferred(order_id=an_id("order", 1), from_owner_id=ANNA, to_owner_id=BERND)
    happenings.add(handed_over, on("2026-03-04"))
    folding.feed(happenings.events)
    of_each = [folding.ask(figures.measure, ["revenue"], Slice(owner_id=UUID(who)))[0].amounts for who in (ANNA, BERND)]
    assert of_each == [{"EUR": 10_00}, {"EUR": 10_00}], "an order counts for whom it was handed to"
    assert margin.amounts == {}, "no cost is known, so no margin is shown"
    assert margin.remark is not None
    assert "No order line has a known cost" in margin.remark.en
    from zoneinfo import ZoneInfo

    shanghai = Slice(zone=ZoneInfo("Asia/Shanghai"))
    points = folding.ask(trends.sales, shanghai, Interval.MONTH)
    assert [point.orders for point in points] == [0, 2, 0]


@pytest.mark.feature("ANA-05")
def test_customers_come_go_return_and_merge(folding: Any, happenings: Any) -> None:
    def register(name: str, day: str) -> str:
        who = an_id("growing", name)
        happenings.add(customer.CustomerRegistered(customer_id=who, owner_id=ANNA), on(day))
        return who

    a, b, c, d = (register(name, f"2026-01-0{n}") for n, name in enumerate("abcd", 1))
    lost = customer.CUSTOMER_STATUS_LOST
    happenings.add(customer.CustomerStatusChanged(customer_id=a, to_status=lost), on("2026-02-05"))
    happenings.add(customer.CustomerArchived(customer_id=a), on("2026-02-06"))
    happenings.add(customer.CustomerAbsorbed(customer_id=b, survivor_id=c), on("2026-02-07"))
    happenings.add(customer.CustomerArchived(customer_id=d), on("2026-03-01"))
    happenings.add(customer.CustomerRestored(customer_id=d), on("2026-03-02"))
    register("e", "2026-03-03")
    folding.feed(happenings.events)
    january, february, march = folding.ask(trends.growth, Slice(), Interval.MONTH)
    # The absorbed customer is no customer of its own: it is neither gained nor lost.
    assert (january.gained, january.total) == (3, 3)
    assert (february.lost, february.total) == (1, 2)
    assert february.churn == pytest.approx(1 / 3)
    assert (march.gained, march.lost, march.total) == (1, 1, 3)
    new, churn = folding.ask(
        figures.measure,
        ["new_customers", "churn"],
        Slice(from_on=date(2026, 2, 1), to_on=date(2026, 2, 28)),
    )
    assert new.number == 0
    assert churn.number == pytest.approx(1 / 3)


@pytest.mark.feature("ANA-12")
def test_win_cycle_is_the_median_by_the_customers_industry(story: Any) -> None:
    cycles = story.ask(trends.win_cycles, Slice(), Dimension.INDUSTRY)
    assert cycles[CHEMISTRY].median == 45
    assert cycles[TRADE].median == 10
    assert cycles[""].sample == 1


@pytest.mark.feature("ANA-12")
def test_a_merged_customer_is_its_survivor_until_it_is_unmerged(story: Any, happenings: Any) -> None:
    survivor = an_id("customer", 2)
    absorbed = customer.CustomerAbsorbed(customer_id=an_id("customer", 0), survivor_id=survivor)
    story.feed([happenings.add(absorbed, on("2026-04-01"))])
    cycles = story.ask(trends.win_cycles, Slice(), Dimension.INDUSTRY)
    assert CHEMISTRY not in cycles
    assert cycles[TRADE].sample == 2
    released = customer.CustomerReleased(customer_id=an_id("customer", 0), survivor_id=survivor)
    story.feed([happenings.add(released, on("2026-04-02"))])
    assert story.ask(trends.win_cycles, Slice(), Dimension.INDUSTRY)[CHEMISTRY].sample == 1


@pytest.mark.feature("ANA-18")
def test_conversion_of_opportunities_by_month(story: Any) -> None:
    conversion, win_rate = story.ask(figures.measure, ["opportunity_conversion", "win_rate"], Slice())
    assert conversion.number == 0.5
    assert win_rate.number == 0.75
    points = story.ask(trends.opportunity_conversion, Slice())
    assert [(p.key, p.started, p.converted, p.lost) for p in points] == [
        ("2026-01", 2, 1, 1),
        ("2026-02", 1, 1, 0),
        ("2026-03", 2, 1, 0),
        ("2026-06", 1, 0, 0),
    ]


@pytest.mark.feature("ANA-19")
def test_conversion_cycle_of_leads_and_its_trend(folding: Any, happenings: Any) -> None:
    for n, (captured, days, source) in enumerate(
        [("2026-01-01", 10, "web"), ("2026-01-02", 20, "web"), ("2026-02-01", 4, "fair"), ("2026-02-02", 0, "fair")]
    ):
        which = an_id("lead", n)
        happenings.add(lead.LeadCaptured(lead_id=which, source_channel=source), on(captured))
        if days:
            happenings.add(lead.LeadConverted(lead_id=which, owner_id=ANNA), on(captured) + timedelta(days=days))
    folding.feed(happenings.events)
    mean, median, share = folding.ask(
        figures.measure, ["lead_cycle_mean", "lead_cycle_median", "lead_conversion"], Slice()
    )
    assert mean.number == pytest.approx(34 / 3)
    assert median.number == 10
    assert share.number == 0.75
    points = folding.ask(trends.lead_conversion, Slice())
    assert [(p.key, p.started, p.converted, p.median_days) for p in points] == [
        ("2026-01", 2, 2, 15.0),
        ("2026-02", 2, 1, 4.0),
    ]
    sources = folding.ask(lambda cursor, caller, now: trends.lead_conversion(cursor, Slice(), caller, now, True))
    assert [(s.key, s.conversion) for s in sources] == [("fair", 0.5), ("web", 1.0)]


@pytest.mark.feature("ANA-09")
def test_pipeline_health_shows_coverage_ageing_and_slippage(story: Any, happenings: Any, analytics: Analytics) -> None:
    slipping = happenings.opportunity(
        "slipping", on("2026-06-10"), 1_000_00, owner_id=CLARA, expected_close_on="2026-06-20"
    )
    moved = deal.ExpectedCloseMoved(opportunity_id=slipping, from_on="2026-06-20", to_on="2026-06-30")
    happenings.add(moved, on("2026-06-11"))
    story.feed(happenings.events)
    with story.connection.cursor() as cursor:
        found = analytics.pipeline_health(cursor, Slice(), a_caller())
        aimed = analytics.pipeline_health(cursor, Slice(), a_caller(), (16_000_00, "CNY"))
    by_key = {one.figure.key: one for one in found.figures}
    assert by_key["open_value"].amounts == {"CNY": 8_000_00}
    assert by_key["weighted_value"].amounts == {"CNY": 2_000_00 + 600_00 + 200_00}
    assert by_key["overdue"].number == 1
    assert by_key["slipped"].number == 1
    assert by_key["slippage"].number == pytest.approx(2 / 3)
    assert by_key["slipped_days"].number == 10
    assert by_key["stale"].number == 1
    assert by_key["won_90_days_value"].amounts == {"CNY": 700_00}
    assert by_key["coverage"].number == pytest.approx(8_000 / 700)
    assert aimed.figures[-1].number == 0.5
    assert {(b.from_days, b.to_days): b.opportunities for b in found.ageing} == {
        (0, 15): 2,
        (15, 31): 0,
        (31, 61): 0,
        (61, 91): 1,
        (91, 181): 0,
        (181, 0): 0,
    }
    second = next(stage for stage in found.stages if stage.stage_id == "second")
    assert (second.opportunities, second.over_norm, second.norm_days) == (1, 1, 10)
    assert [one.from_days for one in story.ask(health.ageing, Slice())] == list(health.BANDS)


@pytest.mark.feature("ANA-24")
def test_kpis_stand_beside_those_of_the_period_before(story: Any, analytics: Analytics) -> None:
    february = Slice(from_on=date(2026, 2, 1), to_on=date(2026, 2, 28))
    with story.connection.cursor() as cursor:
        period, current, earlier = analytics.executive_kpis(cursor, february, a_caller())
        until, _, _ = analytics.executive_kpis(cursor, Slice(to_on=date(2026, 2, 28)), a_caller())
        _, last_days = analytics.dashboard(cursor, "SALES", Slice(), a_caller())
    assert period == february
    assert until.from_on == date(2026, 1, 30)
    assert period.before_it() == Slice(from_on=date(2026, 1, 4), to_on=date(2026, 1, 31))
    now = {one.figure.key: one for one in current}
    then = {one.figure.key: one for one in earlier}
    assert now["won_value"].amounts == {"CNY": 1_000_00, "EUR": 500_00}
    assert then["won_value"].amounts == {}
    assert (now["new_customers"].number, then["new_customers"].number) == (1, 2)
    assert now["average_deal"].amounts == {"CNY": 1_000_00, "EUR": 500_00}
    sales = {one.figure.key: one for one in last_days}
    assert sales["won_value"].amounts == {"CNY": 700_00}, "the last 30 days when no period is named"


def an_order(
    happenings: Any, name: str, day: str, currency: str, net: str, cost: str = "", costed: str = "", **fate: str
) -> None:
    """An order whose lines cost `cost` as far as that is known, which is for `costed` of its net."""
    which = an_id("order", name)
    for kind, at in ((order.OrderPlaced, day), (order.OrderConfirmed, fate.get("confirmed", day))):
        if not at:
            continue
        message: Any = kind(order_id=which, owner_id=ANNA, net_exact=net)
        message.net_total.minor_units = round(float(net) * 100)
        message.net_total.currency_code = currency
        happenings.add(message, on(at))
        if cost and kind is order.OrderPlaced:
            happenings.add(order.OrderCosted(order_id=which, cost_exact=cost, net_exact=costed), on(at))
    if "cancelled" in fate:
        happenings.add(order.OrderCancelled(order_id=which), on(fate["cancelled"]))


@pytest.fixture
def a_quarter(folding: Any, happenings: Any) -> Any:
    """Orders with and without costs, customers who come and go, in January and February."""
    an_order(happenings, "both lines costed", "2026-02-02", "CNY", "600", "400", "600")
    an_order(happenings, "one of two", "2026-02-03", "CNY", "300.004", "150.0018", "270.004")
    an_order(happenings, "no cost", "2026-02-04", "CNY", "100")
    an_order(happenings, "cancelled", "2026-02-05", "CNY", "999", "1", "999", cancelled="2026-02-06")
    an_order(happenings, "never confirmed", "2026-02-05", "CNY", "999", "1", "999", confirmed="")
    an_order(happenings, "sold below cost", "2026-02-07", "EUR", "50", "60", "50")
    an_order(happenings, "in dollars", "2026-02-08", "USD", "20")
    an_order(happenings, "month before", "2026-01-31", "CNY", "200", "100", "200", confirmed="2026-01-31")
    for n, day in enumerate(("2026-01-05", "2026-01-06", "2026-02-02", "2026-02-03", "2026-02-04")):
        happenings.add(customer.CustomerRegistered(customer_id=an_id("in", n), owner_id=ANNA), on(day))
    lost = customer.CUSTOMER_STATUS_LOST
    happenings.add(customer.CustomerStatusChanged(customer_id=an_id("in", 0), to_status=lost), on("2026-02-20"))
    folding.feed(happenings.events)
    return folding


@pytest.mark.feature("ANA-08")
def test_revenue_margin_growth_and_churn_of_a_month_and_of_the_one_before(a_quarter: Any, analytics: Analytics) -> None:
    february = Slice(from_on=date(2026, 2, 1), to_on=date(2026, 2, 28))
    with a_quarter.connection.cursor() as cursor:
        _, current, earlier = analytics.executive_kpis(cursor, february, a_caller())
    now = {one.figure.key: one for one in current}
    then = {one.figure.key: one for one in earlier}
    assert now["revenue"].amounts == {"CNY": 1_000_00, "EUR": 50_00, "USD": 20_00}
    # CNY: 600 - 400 + 270.004 - 150.0018 = 320.0022; of 870.004. EUR: 50 - 60.
    assert now["margin"].amounts == {"CNY": 320_00, "EUR": -10_00}
    assert now["margin"].sample == 3
    assert now["margin_rate"].shares == pytest.approx({"CNY": 320.0022 / 870.004, "EUR": -0.2})
    assert now["margin_rate"].number is None, "there is no rate over several currencies"
    assert now["cost_coverage"].shares == pytest.approx({"CNY": 870.004 / 1000.004, "EUR": 1, "USD": 0})
    assert now["margin"].remark is not None
    assert now["margin"].remark.en == (
        "Covers 87 % of the revenue in CNY, 100 % of the revenue in EUR, 0 % of the revenue in USD."
    )
    assert then["margin"].amounts == {"CNY": 100_00}
    assert (then["margin_rate"].number, then["cost_coverage"].number) == (0.5, 1)
    assert (now["new_customers"].number, then["new_customers"].number) == (3, 2)
    assert now["churn"].number == 0.5, "one of the two there were when February began"
    assert then["churn"].number is None, "nobody was there to be lost"


def test_without_a_known_cost_or_the_right_to_see_it_there_is_no_margin(a_quarter: Any) -> None:
    keys = ["margin", "margin_rate", "revenue"]
    nothing = Slice(from_on=date(2026, 4, 1), to_on=date(2026, 4, 30))
    for one in a_quarter.ask(figures.measure, keys, nothing)[:2]:
        assert (one.amounts, one.number, one.shares) == ({}, None, {})
        assert one.remark.en == "There is no revenue in the period."
    rep = a_caller(permissions=("analytics.*.read", "pipeline.order.read"))
    margin, rate, revenue = a_quarter.ask(figures.measure, keys, Slice(), caller=rep)
    for one in (margin, rate):
        assert (one.amounts, one.number, one.shares, one.sample) == ({}, None, {}, 0)
        assert "pipeline.cost.read" in one.remark.en
    assert revenue.amounts["CNY"] == 1_200_00
    behind = a_quarter.ask(
        lambda cursor, caller, now: figures.records_behind(
            cursor, figures.figure("margin"), Slice(), caller, now, 100, 0
        ),
        caller=rep,
    )
    assert behind == ([], 0)


def test_a_margin_looks_back_as_every_figure_does(a_quarter: Any) -> None:
    by_then = Slice(effective_until=on("2026-02-03"))
    (margin,) = a_quarter.ask(figures.measure, ["margin"], by_then)
    assert margin.amounts == {"CNY": 300_00}
