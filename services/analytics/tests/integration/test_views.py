"""Every view: fed twice the same rows, in any order across streams the same rows, rebuilt the same rows."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from analytics.bootstrap import VIEWS
from crm.customer.v1 import customer_events_pb2 as customer
from crm.identity.v1 import person_events_pb2 as person
from crm.identity.v1 import team_events_pb2 as team
from crm.marketing.v1 import campaign_events_pb2 as campaign
from crm.marketing.v1 import form_events_pb2 as form
from crm.notification.v1 import message_events_pb2 as notice
from crm.pipeline.v1 import lead_events_pb2 as lead
from crm.pipeline.v1 import opportunity_events_pb2 as deal
from crm.pipeline.v1 import order_events_pb2 as order
from crm.pipeline.v1 import product_events_pb2 as product
from crm.ticketing.v1 import survey_events_pb2 as survey
from crm.ticketing.v1 import ticket_events_pb2 as ticket
from kernel.ids import derived_id
from kernel.projections import Delivered


def an_id(*parts: object) -> str:
    return str(derived_id("views", *parts))


@pytest.fixture
def a_year(happenings: Any) -> list[Delivered]:
    """A bit of everything that views read, and of what they do not."""
    start = datetime.fromisoformat("2026-01-05T08:00:00+00:00")

    def on(day: int) -> datetime:
        return start + timedelta(days=day)

    happenings.pipeline()
    happenings.add(product.ProductListed(product_id=an_id("p"), name="Pump", category="A"), on(0))
    happenings.add(product.ProductRevised(product_id=an_id("p"), name="Pump 2", category="A"), on(1))
    for name in ("east", "west"):
        happenings.add(team.TeamFormed(team_id=an_id(name), name=name), on(0))
    happenings.add(team.TeamRenamed(team_id=an_id("west"), from_name="west", to_name="West"), on(1))
    happenings.add(team.TeamMoved(team_id=an_id("west"), to_parent_team_id=an_id("east")), on(2))
    for n in range(4):
        who = an_id("person", n)
        happenings.add(person.PersonJoined(person_id=who, team_id=an_id("east")), on(n))
    happenings.add(person.PersonMoved(person_id=an_id("person", 1), to_team_id=an_id("west")), on(9))
    happenings.add(person.PersonLeft(person_id=an_id("person", 3)), on(9))
    happenings.add(person.PasswordChanged(person_id=an_id("person", 2)), on(9))
    for n in range(12):
        _customer(happenings, n, on)
        _lead(happenings, n, on)
        happenings.opportunity(
            f"deal {n}",
            on(n),
            (n + 1) * 100_00,
            moves=[("second", on(n + 3)), ("third", on(n + 5)), ("first", on(n + 6))][: n % 4],
            won=on(n + 8) if n % 3 == 0 else None,
            lost=on(n + 7) if n % 3 == 1 else None,
            owner_id=an_id("person", n % 4),
            product_ids=[an_id("p")] if n % 2 else [],
        )
        _order(happenings, n, on)
        _ticket(happenings, n, on)
    _details(happenings, on)
    _marketing(happenings, on)
    return list(happenings.events)


def _customer(happenings: Any, n: int, on: Any) -> None:
    who = an_id("customer", n)
    happenings.add(
        customer.CustomerRegistered(
            customer_id=who, industry_code="C26", region_code="310000", owner_id=an_id("person", 0)
        ),
        on(n),
    )
    if n % 4 == 0:
        lost = customer.CUSTOMER_STATUS_LOST
        happenings.add(customer.CustomerStatusChanged(customer_id=who, to_status=lost), on(n + 20))
    if n % 4 == 1:
        happenings.add(customer.CustomerArchived(customer_id=who), on(n + 20))
        happenings.add(customer.CustomerRestored(customer_id=who), on(n + 25))
    if n % 4 == 2:
        happenings.add(customer.CustomerAbsorbed(customer_id=who, survivor_id=an_id("customer", 1)), on(n + 20))
    if n == 6:
        happenings.add(customer.CustomerReleased(customer_id=who, survivor_id=an_id("customer", 1)), on(n + 30))
    changed = customer.CustomerRevised(customer_id=who)
    changed.changes.industry_code = "C34"
    happenings.add(changed, on(n + 2))
    happenings.add(customer.OwnerChanged(customer_id=who, to_owner_id=an_id("person", n % 3)), on(n + 3))


def _lead(happenings: Any, n: int, on: Any) -> None:
    which = an_id("lead", n)
    happenings.add(lead.LeadCaptured(lead_id=which, source_channel="web"), on(n))
    happenings.add(lead.LeadScored(lead_id=which, score=10), on(n))
    happenings.add(lead.LeadAssigned(lead_id=which, owner_id=an_id("person", 1)), on(n))
    happenings.add(lead.LeadReturned(lead_id=which), on(n + 1))
    happenings.add(lead.LeadQueued(lead_id=which, queue="returned"), on(n + 1))
    happenings.add(lead.LeadClaimed(lead_id=which, owner_id=an_id("person", 2)), on(n + 2))
    happenings.add(lead.LeadQualified(lead_id=which), on(n + 3))
    if n % 2:
        happenings.add(
            lead.LeadConverted(
                lead_id=which,
                customer_id=an_id("customer", n),
                opportunity_id=an_id("deal", n),
                owner_id=an_id("person", 2),
            ),
            on(n + 4),
        )
    else:
        happenings.add(lead.LeadDisqualified(lead_id=which), on(n + 4))


def _order(happenings: Any, n: int, on: Any) -> None:
    which = an_id("order", n)
    placed = order.OrderPlaced(order_id=which, number=f"A-{n}", customer_id=an_id("customer", n), net_exact="10.005")
    placed.net_total.minor_units, placed.net_total.currency_code = 10_01, "EUR"
    placed.lines.add(line_id="1", product_id=an_id("p"))
    happenings.add(placed, on(n))
    if n % 2:
        happenings.add(order.OrderCosted(order_id=which, cost_exact="7.5", net_exact="10.005"), on(n))
    if n % 3:
        confirmed = order.OrderConfirmed(order_id=which, customer_id=an_id("customer", n), owner_id=an_id("person", 1))
        confirmed.net_total.CopyFrom(placed.net_total)
        happenings.add(confirmed, on(n + 1))
        paid = order.PaymentReceived(order_id=which, payment_id=an_id("payment", n))
        paid.amount.CopyFrom(placed.net_total)
        happenings.add(paid, on(n + 9))
    else:
        happenings.add(order.OrderCancelled(order_id=which), on(n + 1))


def _ticket(happenings: Any, n: int, on: Any) -> None:
    which = an_id("ticket", n)
    happenings.add(ticket.TicketOpened(ticket_id=which, customer_id=an_id("customer", n), category="repair"), on(n))
    happenings.add(ticket.TicketAssigned(ticket_id=which, assignee_id=an_id("person", 2)), on(n))
    happenings.add(ticket.TicketResponded(ticket_id=which), on(n + 1))
    if n % 2:
        happenings.add(ticket.SlaBreached(ticket_id=which), on(n + 1))
    if n % 4 == 1:
        happenings.add(ticket.SlaBreachWithdrawn(ticket_id=which), on(n + 1))
    happenings.add(ticket.TicketResolved(ticket_id=which), on(n + 2))
    if n % 5 == 0:
        happenings.add(ticket.TicketReopened(ticket_id=which), on(n + 3))
    else:
        happenings.add(ticket.TicketClosed(ticket_id=which), on(n + 4))
        happenings.add(
            survey.SurveyAnswered(survey_id=an_id("survey", n), ticket_id=which, score=n % 5 + 1),
            on(n + 5),
        )


def _details(happenings: Any, on: Any) -> None:
    which = happenings.opportunity("detailed", on(1), 500_00)
    revised = deal.AmountRevised(opportunity_id=which)
    revised.to_amount.minor_units, revised.to_amount.currency_code = 700_00, "CNY"
    happenings.add(revised, on(2))
    happenings.add(deal.ExpectedCloseMoved(opportunity_id=which, to_on="2026-03-01"), on(2))
    happenings.add(deal.ExpectedCloseMoved(opportunity_id=which, from_on="2026-03-01", to_on="2026-03-11"), on(3))
    happenings.add(deal.OpportunityTransferred(opportunity_id=which, to_owner_id=an_id("person", 3)), on(4))
    happenings.add(deal.OpportunityCustomerNamed(opportunity_id=which, customer_id=an_id("customer", 2)), on(4))
    happenings.add(deal.OpportunityLost(opportunity_id=which), on(5))
    happenings.add(deal.OpportunityReopened(opportunity_id=which, stage_id="second", probability=40), on(6))
    happenings.add(
        deal.OpportunityStageSetBack(opportunity_id=which, from_stage_id="second", to_stage_id="first"),
        on(7),
    )
    gone = happenings.opportunity("taken back", on(1), won=on(2))
    happenings.add(deal.OpportunityTakenBack(opportunity_id=gone), on(9))


def _marketing(happenings: Any, on: Any) -> None:
    which = an_id("campaign")
    planned = campaign.CampaignPlanned(campaign_id=which, name="Spring", owner_id=an_id("person", 0))
    planned.budget.minor_units, planned.budget.currency_code = 1_000_00, "EUR"
    happenings.add(planned, on(0))
    happenings.add(campaign.CampaignLaunched(campaign_id=which), on(1))
    for n in range(3):
        booked = campaign.CampaignCostBooked(campaign_id=which, cost_id=an_id("cost", n))
        booked.amount.minor_units, booked.amount.currency_code = 10_00, "EUR"
        happenings.add(booked, on(2))
        happenings.add(
            form.FormSubmitted(submission_id=an_id("sent", n), campaign_id=which, source_channel="web"),
            on(3),
        )
    happenings.add(campaign.CampaignEnded(campaign_id=which), on(30))
    happenings.add(notice.MessageQueued(message_id=an_id("message")), on(4))


def interleaved(events: list[Delivered], seed: int) -> list[Delivered]:
    """Another order in which every stream keeps its own."""
    streams: dict[Any, list[Delivered]] = {}
    for event in events:
        streams.setdefault(event.stream, []).append(event)
    chooser = random.Random(seed)
    found = []
    waiting = [list(reversed(stream)) for stream in streams.values()]
    while waiting:
        stream = chooser.choice(waiting)
        found.append(stream.pop())
        if not stream:
            waiting.remove(stream)
    return found


def test_views_hold_something_of_every_table(folding: Any, a_year: list[Delivered]) -> None:
    folding.feed(a_year)
    empty = [table for table, rows in folding.tables().items() if not rows]
    assert empty == []


def test_fed_twice_gives_the_same_rows(folding: Any, a_year: list[Delivered]) -> None:
    folding.feed(a_year)
    once = folding.tables()
    folding.feed(a_year)
    assert folding.tables() == once


def test_rebuilt_equals_live_row_for_row_in_any_order_and_any_batches(folding: Any, a_year: list[Delivered]) -> None:
    folding.feed(a_year, batch=1)
    live = folding.tables()
    for seed, batch in ((1, 500), (2, 7), (3, 40)):
        folding.clear()
        folding.feed(interleaved(a_year, seed), batch)
        assert folding.tables() == live, f"order {seed}, batches of {batch}"


def test_cards_kept_equal_cards_folded_as_of_now(folding: Any, a_year: list[Delivered]) -> None:
    from analytics.projections.deals import DEALS, visits_as_of

    folding.feed(a_year)
    late = {"known": datetime.max.replace(tzinfo=a_year[0].metadata.recorded_at.tzinfo)}
    for kept, folded in (
        (DEALS.as_of(None, None), DEALS.as_of(late["known"], None)),
        (visits_as_of(None, None), visits_as_of(late["known"], None)),
    ):
        left = folding.connection.execute(f"select opportunity_id, version from {kept} a order by 1, 2").fetchall()
        right = folding.connection.execute(
            f"select opportunity_id, version from {folded} a order by 1, 2",
            {"known": "infinity"},
        ).fetchall()
        assert left == right


def test_text_of_any_kind_is_stored_as_it_is(folding: Any, happenings: Any) -> None:
    for n, title in enumerate(('a "b" \\c', "{null}", "null", "深圳，\n二\t", "';--", ",")):
        which = happenings.opportunity(title, datetime.fromisoformat("2026-01-01T00:00+00:00"))
        folding.feed(happenings.events)
        row = folding.connection.execute("select title from deals where opportunity_id = %s", (which,)).fetchone()
        assert row == {"title": title}, n
    stored = folding.connection.execute("select data from audit_events order by position").fetchall()
    assert [bytes(row["data"]) for row in stored] == [event.message.SerializeToString() for event in happenings.events]


def test_every_view_names_its_tables_and_contexts() -> None:
    tables = [table for view in VIEWS for table in view.tables]
    assert len(tables) == len(set(tables))
    assert {context for view in VIEWS for context in view.contexts} == {
        "customer",
        "pipeline",
        "ticketing",
        "marketing",
        "identity",
        "notification",
    }
