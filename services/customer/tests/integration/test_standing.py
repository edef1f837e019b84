"""Status, deal band, level and silence follow from what happens elsewhere and from time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from grpc import StatusCode

from crm.common.v1.money_pb2 import Money
from crm.customer.v1 import customer_service_pb2 as pb
from crm.pipeline.v1.opportunity_events_pb2 import OpportunityWon
from crm.pipeline.v1.order_events_pb2 import PaymentReceived
from crm.ticketing.v1.ticket_events_pb2 import TicketOpened, TicketResolved
from kernel.ids import new_id

PROSPECT, ACTIVE, SILENT, LOST, ARCHIVED = 1, 2, 3, 4, 5


def card_of(api: Any, customer_id: str) -> Any:
    return api.GetCustomerCard(pb.GetCustomerCardRequest(customer_id=customer_id)).card


def day(days_ago: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days_ago)).date().isoformat()


@pytest.mark.feature("CUS-15")
def test_whoever_wins_or_orders_is_active_and_never_a_prospect_again(
    running: Any, company: Any, order: Any, refused: Any
) -> None:
    api = running.ask()
    won = api.RegisterCustomer(company("Won Company")).customer_id
    ordered = api.RegisterCustomer(company("Ordering Company")).customer_id
    away = api.RegisterCustomer(company("Archived Company")).customer_id
    api.ArchiveCustomer(pb.ArchiveCustomerRequest(customer_id=away))
    running.happened(OpportunityWon(opportunity_id=str(new_id()), customer_id=won))
    running.happened(order(ordered, 100, day(1)))
    running.happened(order(away, 100, day(1)))
    assert [card_of(api, c).status for c in (won, ordered, away)] == [ACTIVE] * 3
    changes = running.events("CustomerStatusChanged")
    assert {str(c.customer_id) for c in changes if c.to_status == ACTIVE} == {won, ordered, away}
    with refused(StatusCode.FAILED_PRECONDITION) as refusal:
        api.ChangeCustomerStatus(pb.ChangeCustomerStatusRequest(customer_id=won, to_status=PROSPECT))
    assert "never a prospect" in refusal.details
    got = api.GetCustomer(pb.GetCustomerRequest(customer_id=won))
    assert set(got.missing_fields) > {"industry_code", "region_code"}


@pytest.mark.feature("CUS-10", "CUS-11")
def test_the_deal_band_follows_from_orders_and_is_never_typed(
    running: Any, company: Any, order: Any, cancellation: Any, refused: Any
) -> None:
    api = running.ask()
    made = api.RegisterCustomer(company(industry_code="65", size_code="medium", region_code="3201", intent_code="高"))
    customer_id = made.customer_id

    def in_band(band: str) -> int:
        condition = pb.Condition(field="deal_band", values=[band])
        wanted = pb.SearchCustomersRequest(filter=pb.Filter(condition=condition), count=True)
        return int(api.SearchCustomers(wanted).total_size)

    card = card_of(api, customer_id)
    assert (card.industry_code, card.size_code, card.region_code) == ("65", "medium", "3201")
    assert (card.intent_code, card.deal_band_code, in_band("none")) == ("high", "none", 1)
    first = order(customer_id, 9_000_00, day(20))
    running.happened(first)
    assert (card_of(api, customer_id).deal_band_code, in_band("below-10k")) == ("below-10k", 1)
    big = order(customer_id, 95_000_00, day(10))
    running.happened(big)
    assert (card_of(api, customer_id).deal_band_code, in_band("100k-500k")) == ("100k-500k", 1)
    running.happened(big)  # the same event again counts once
    assert card_of(api, customer_id).order_count == 2
    running.happened(cancellation(big))
    assert (card_of(api, customer_id).deal_band_code, in_band("below-10k")) == ("below-10k", 1)
    paid = PaymentReceived(
        order_id=first.order_id,
        customer_id=customer_id,
        amount=Money(minor_units=5_000_00, currency_code="CNY"),
    )
    running.happened(paid)
    card = card_of(api, customer_id)
    assert [m.minor_units for m in card.paid_totals] == [5_000_00]
    assert [m.minor_units for m in card.order_totals] == [9_000_00]
    with refused(StatusCode.INVALID_ARGUMENT) as refusal:
        api.ChangeTags(pb.ChangeTagsRequest(customer_ids=[customer_id], add=["deal-band:above-1m"]))
    assert refusal.details.startswith("add[0]")
    api.ChangeTags(pb.ChangeTagsRequest(customer_ids=[customer_id], add=["老客户", "fair 2026"]))
    assert list(card_of(api, customer_id).tags) == ["fair 2026", "老客户"]


@pytest.mark.feature("CUS-12")
def test_levels_follow_the_rules_in_order_and_keep_the_reason(running: Any, company: Any, order: Any) -> None:
    api = running.ask()
    old = api.RegisterCustomer(company("Early Company", industry_code="65", region_code="3201"))
    rules = [
        {"rule_id": "big", "name": "Bought for 100,000", "level": 4},
        {"rule_id": "it", "name": "Software in Shanghai", "level": 3},
        {"rule_id": "rich", "name": "Large revenue", "level": 2},
    ]
    request = pb.SetLevelRulesRequest(rules=rules, default_level=1)
    request.rules[0].min_order_total.CopyFrom(Money(minor_units=100_000_00, currency_code="CNY"))
    request.rules[0].min_orders = 2
    request.rules[1].industry_codes.append("I")
    request.rules[1].region_codes.append("31")
    request.rules[2].min_annual_revenue.CopyFrom(Money(minor_units=1_000_000_00, currency_code="CNY"))
    assert api.SetLevelRules(request).rule_set_version == 1
    assert api.SetLevelRules(request).rule_set_version == 1
    running.pass_time(seconds=1)
    assert card_of(api, old.customer_id).level == 1  # Nanjing is not in Shanghai
    shanghai = api.RegisterCustomer(company("云端软件公司", industry_code="65", region_code="31"))
    rich = company("Rich Company", employees=5)
    rich.profile.annual_revenue.CopyFrom(Money(minor_units=2_000_000_00, currency_code="CNY"))
    made = api.RegisterCustomer(rich)
    plain = api.RegisterCustomer(company("Plain Company"))
    levels = [card_of(api, c.customer_id).level for c in (shanghai, made, plain)]
    assert levels == [3, 2, 1]
    for n in (1, 2):
        running.happened(order(plain.customer_id, 60_000_00, day(n), n))
    running.pass_time(seconds=10)
    got = api.GetCustomer(pb.GetCustomerRequest(customer_id=plain.customer_id))
    assert (got.card.level, got.level_reason.rule_id) == (4, "big")
    assert (got.level_reason.rule_set_version, got.level_reason.reason) == (1, "Bought for 100,000")
    api.AssignLevel(pb.AssignLevelRequest(customer_id=made.customer_id, level=4, reason="chairman's friend"))
    del request.rules[:]
    assert api.SetLevelRules(request).rule_set_version == 2
    running.pass_time(seconds=20)
    assert card_of(api, shanghai.customer_id).level == 1
    got = api.GetCustomer(pb.GetCustomerRequest(customer_id=made.customer_id))
    assert (got.card.level, got.level_reason.pinned) == (4, True)
    api.AssignLevel(pb.AssignLevelRequest(customer_id=made.customer_id))
    assert card_of(api, made.customer_id).level == 1


@pytest.mark.feature("CUS-49")
def test_no_order_for_three_months_turns_a_customer_silent_and_red(running: Any, company: Any, order: Any) -> None:
    api = running.ask()
    made = api.RegisterCustomer(company())
    running.happened(order(made.customer_id, 100, day(60)))
    running.pass_time(days=20)
    assert card_of(api, made.customer_id).status == ACTIVE
    running.happened(order(made.customer_id, 100, day(10)))
    running.pass_time(days=60)
    assert card_of(api, made.customer_id).status == ACTIVE
    running.pass_time(days=95)
    card = card_of(api, made.customer_id)
    assert (card.status, card.silent) == (SILENT, True)
    told = running.events("CustomerWentSilent")
    assert [(str(e.customer_id), e.after_months) for e in told] == [(made.customer_id, 3)]
    assert told[0].last_order_at.date().isoformat() == day(10)
    running.happened(order(made.customer_id, 100, day(0)))
    assert card_of(api, made.customer_id).status == ACTIVE


def test_old_orders_entered_late_do_not_flicker(running: Any, company: Any, order: Any) -> None:
    api = running.ask()
    made = api.RegisterCustomer(company())
    for year in (2019, 2020, 2021):
        running.happened(order(made.customer_id, 100, f"{year}-05-05"))
        running.pass_time(seconds=1)
    assert card_of(api, made.customer_id).status == ACTIVE
    running.pass_time(minutes=6)
    assert card_of(api, made.customer_id).status == SILENT
    assert len(running.events("CustomerWentSilent")) == 1


def test_open_tickets_and_the_timeline_follow_other_contexts(running: Any, company: Any, order: Any) -> None:
    api = running.ask()
    made = api.RegisterCustomer(company())
    ticket_id = str(new_id())
    running.happened(TicketOpened(ticket_id=ticket_id, customer_id=made.customer_id, subject="sealed:1:x"))
    running.happened(order(made.customer_id, 100, day(0)))
    assert card_of(api, made.customer_id).open_tickets == 1
    running.happened(TicketResolved(ticket_id=ticket_id, customer_id=made.customer_id))
    assert card_of(api, made.customer_id).open_tickets == 0
    entries = api.GetTimeline(pb.GetTimelineRequest(customer_id=made.customer_id, types=["ticket", "order"])).entries
    assert [e.title for e in entries] == ["Ticket resolved", "Order confirmed", "Ticket opened"]
    assert "sealed" not in str(entries)
