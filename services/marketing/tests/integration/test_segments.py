"""Segments: live answers over customers, orders and behaviour, in the caller's data scope."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import grpc
import pytest

from crm.common.v1.money_pb2 import Money
from crm.customer.v1 import customer_events_pb2 as customer_told
from crm.marketing.v1 import marketing_service_pb2 as pb
from crm.marketing.v1 import segment_events_pb2 as seg
from crm.marketing.v1.marketing_service_pb2_grpc import MarketingServiceStub
from crm.pipeline.v1 import order_events_pb2 as order_told
from crm.pipeline.v1 import product_events_pb2 as product_told
from testkit.callers import a_caller

A, B = (str(UUID(int=n)) for n in (41, 42))


def rule(field: int, *values: str, within_days: int = 0, operator: int = 0) -> seg.SegmentFilter:
    return seg.SegmentFilter(
        kind=seg.FILTER_KIND_RULE,
        field=field,  # type: ignore[arg-type]
        operator=operator,  # type: ignore[arg-type]
        values=values,
        within_days=within_days,
    )


def joined(kind: int, *filters: seg.SegmentFilter) -> seg.SegmentFilter:
    return seg.SegmentFilter(kind=kind, filters=filters)  # type: ignore[arg-type]


def count(running: Any, filter: seg.SegmentFilter) -> int:
    return int(running.stub.CountSegment(pb.CountSegmentRequest(filter=filter)).members)


def an_order(running: Any, number: int, customer: UUID, *products: str, days_ago: int = 0, net: int = 100_00) -> UUID:
    order_id = UUID(int=5000 + number)
    confirmed = order_told.OrderConfirmed(
        order_id=str(order_id),
        customer_id=str(customer),
        lines=[order_told.OrderLine(product_id=it, product_name="x", quantity="1") for it in products],
        net_total=Money(minor_units=net, currency_code="CNY"),
        placed_on=(running.at - timedelta(days=days_ago)).date().isoformat(),
    )
    running.tell(confirmed, order_id)
    return order_id


@pytest.mark.feature("MKT-09")
def test_a_tree_of_and_or_not_finds_customers_by_data_and_behaviour(running: Any) -> None:
    running.a_customer(1, industry_code="I65", region_code="310000", tags=["vip"], level=customer_told.CUSTOMER_LEVEL_A)
    running.a_customer(2, industry_code="I65", region_code="320500")
    running.a_customer(3, industry_code="C36", region_code="310115", source="exhibition")
    shanghai = rule(seg.SEGMENT_FIELD_REGION, "31", operator=seg.FILTER_OPERATOR_STARTS_WITH)
    software = rule(seg.SEGMENT_FIELD_INDUSTRY, "I65")
    vip = rule(seg.SEGMENT_FIELD_TAG, "vip")
    assert count(running, joined(seg.FILTER_KIND_ALL)) == 3
    assert count(running, shanghai) == 2
    assert count(running, joined(seg.FILTER_KIND_ALL, shanghai, software)) == 1
    assert count(running, joined(seg.FILTER_KIND_ANY, vip, rule(seg.SEGMENT_FIELD_SOURCE, "exhibition"))) == 2
    assert count(running, joined(seg.FILTER_KIND_NONE, shanghai, vip)) == 1
    assert count(running, rule(seg.SEGMENT_FIELD_LEVEL, "A", "VIP")) == 1
    running.stub.RecordTouch(pb.RecordTouchRequest(kind="attended", channel="webinar", customer_id=str(UUID(int=2))))
    running.at += timedelta(days=1)
    assert count(running, rule(seg.SEGMENT_FIELD_TOUCHED, "attended", within_days=30)) == 1
    assert count(running, rule(seg.SEGMENT_FIELD_TOUCHED, "attended", within_days=0)) == 1
    running.at += timedelta(days=60)
    assert count(running, rule(seg.SEGMENT_FIELD_TOUCHED, "attended", within_days=30)) == 0
    assert count(running, rule(seg.SEGMENT_FIELD_TOUCHED)) == 1


@pytest.mark.feature("MKT-09")
def test_the_count_of_a_saved_segment_is_live(running: Any) -> None:
    segment = running.a_segment(rule(seg.SEGMENT_FIELD_TAG, "vip"), "VIP")
    assert running.stub.GetSegment(pb.GetSegmentRequest(segment_id=segment)).segment.members == 0
    customer = running.a_customer(1, tags=["vip"])
    assert running.stub.GetSegment(pb.GetSegmentRequest(segment_id=segment)).segment.members == 1
    running.tell(customer_told.TagsChanged(customer_id=str(customer), removed=["vip"]), customer)
    [listed] = running.stub.ListSegments(pb.ListSegmentsRequest()).segments
    assert (listed.name, listed.members) == ("VIP", 0)


@pytest.mark.feature("MKT-09")
def test_opened_clicked_and_sent_a_form_are_behaviour_too(running: Any) -> None:
    running.a_customer(1)
    running.a_customer(2)
    campaign = running.a_campaign()
    running.launch(running.a_segment(), running.a_template(), campaign)
    running.settle()
    [first] = [m for m in running.messages() if m.customer_id == str(UUID(int=1))]
    links = running.stub.GetMessageLinks(pb.GetMessageLinksRequest(send_id=first.send_id))
    running.public().TrackClick(pb.TrackClickRequest(token=links.click_tokens[0]))
    assert count(running, rule(seg.SEGMENT_FIELD_CLICKED, campaign)) == 1
    assert count(running, rule(seg.SEGMENT_FIELD_OPENED)) == 1
    assert count(running, rule(seg.SEGMENT_FIELD_CLICKED, str(UUID(int=3)))) == 0
    assert count(running, joined(seg.FILTER_KIND_NONE, rule(seg.SEGMENT_FIELD_OPENED))) == 1


@pytest.mark.feature("MKT-10")
def test_bought_a_in_three_months_and_not_b_is_exported_and_sent_to(running: Any) -> None:
    for product, sku in ((A, "PUMP"), (B, "FILTER")):
        listed = product_told.ProductListed(product_id=product, sku=sku, name=f"{sku} one", category="hydraulics")
        running.tell(listed, product)
    only_a, a_and_b, a_long_ago, b_cancelled = (running.a_customer(n) for n in (1, 2, 3, 4))
    an_order(running, 1, only_a, A, days_ago=10)
    an_order(running, 2, a_and_b, A, days_ago=10)
    an_order(running, 3, a_and_b, B, days_ago=400)
    an_order(running, 4, a_long_ago, A, days_ago=120)
    an_order(running, 5, b_cancelled, A, days_ago=5)
    cancelled = an_order(running, 6, b_cancelled, B, days_ago=4)
    running.tell(order_told.OrderCancelled(order_id=str(cancelled)), cancelled)
    for a, b in ((A, B), ("PUMP", "FILTER"), ("PUMP one", "FILTER one")):
        wanted = joined(
            seg.FILTER_KIND_ALL,
            rule(seg.SEGMENT_FIELD_BOUGHT_PRODUCT, a, within_days=90),
            joined(seg.FILTER_KIND_NONE, rule(seg.SEGMENT_FIELD_BOUGHT_PRODUCT, b)),
        )
        assert count(running, wanted) == 2
    segment = running.a_segment(wanted, "bought A, not B")
    members = running.stub.ListSegmentMembers(pb.ListSegmentMembersRequest(segment_id=segment))
    assert {m.customer_id for m in members.members} == {str(only_a), str(b_cancelled)}
    file = running.stub.ExportSegmentMembers(pb.ExportSegmentMembersRequest(segment_id=segment))
    lines = file.csv.decode("utf-8-sig").splitlines()
    assert (file.rows, len(lines), file.names_missing) == (2, 3, False)
    assert lines[1].split(",")[:2] == [str(only_a), "客户 1"]
    running.launch(segment, running.a_template())
    running.settle()
    assert sorted(mail["To"] for mail in running.mail.mails) == ["p1@example.com", "p4@example.com"]


def test_totals_counts_and_categories_of_orders(running: Any) -> None:
    running.tell(product_told.ProductListed(product_id=A, sku="PUMP", name="Pump", category="hydraulics"), A)
    one, two = running.a_customer(1), running.a_customer(2)
    an_order(running, 1, one, A, net=100_00)
    an_order(running, 2, one, B, net=50_00)
    an_order(running, 3, two, B, net=900_00, days_ago=100)
    at_least, at_most = seg.FILTER_OPERATOR_AT_LEAST, seg.FILTER_OPERATOR_AT_MOST
    assert count(running, rule(seg.SEGMENT_FIELD_ORDER_COUNT, "2", operator=at_least)) == 1
    assert count(running, rule(seg.SEGMENT_FIELD_ORDER_COUNT, "0", within_days=30, operator=at_most)) == 1
    assert count(running, rule(seg.SEGMENT_FIELD_ORDER_TOTAL, "15001", operator=at_least)) == 1
    assert count(running, rule(seg.SEGMENT_FIELD_ORDER_TOTAL, "15000", operator=at_least)) == 2
    assert count(running, rule(seg.SEGMENT_FIELD_BOUGHT_CATEGORY, "hydraulics")) == 1


def test_a_merge_moves_purchases_to_the_survivor_and_an_unmerge_moves_them_back(running: Any) -> None:
    survivor, absorbed = running.a_customer(1), running.a_customer(2)
    an_order(running, 1, absorbed, A)
    bought = rule(seg.SEGMENT_FIELD_BOUGHT_PRODUCT, A)
    segment = running.a_segment(bought)

    def members() -> list[str]:
        answer = running.stub.ListSegmentMembers(pb.ListSegmentMembersRequest(segment_id=segment))
        return [m.customer_id for m in answer.members]

    assert members() == [str(absorbed)]
    ids = {"customer_id": str(absorbed), "survivor_id": str(survivor)}
    running.tell(customer_told.CustomerAbsorbed(**ids), absorbed)
    assert members() == [str(survivor)]
    running.tell(customer_told.CustomerReleased(**ids), absorbed)
    assert members() == [str(absorbed)]


def test_consent_can_be_asked_for(running: Any) -> None:
    running.a_customer(1, consent=True)
    running.a_customer(2, consent=False)
    running.a_customer(3)
    assert count(running, rule(seg.SEGMENT_FIELD_CONSENTS, "email")) == 1


@pytest.mark.feature("MKT-09")
def test_everybody_counts_and_lists_only_what_he_may_see(running: Any) -> None:
    me, other = UUID(int=801), UUID(int=802)
    running.a_customer(1, owner_id=me)
    running.a_customer(2, owner_id=other)
    mine = a_caller(scope="own", person_id=me)
    with running.as_caller(mine) as channel:
        stub = MarketingServiceStub(channel)
        everybody = joined(seg.FILTER_KIND_ALL)
        assert stub.CountSegment(pb.CountSegmentRequest(filter=everybody)).members == 1
        segment = stub.DefineSegment(pb.DefineSegmentRequest(name="mine", filter=everybody)).segment_id
        answer = stub.ListSegmentMembers(pb.ListSegmentMembersRequest(segment_id=segment))
        assert ([m.customer_id for m in answer.members], answer.total_size) == ([str(UUID(int=1))], 1)
        with pytest.raises(grpc.RpcError) as refused:
            stub.GetSegment(pb.GetSegmentRequest(segment_id=running.a_segment(name="not mine")))
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        template = stub.DraftTemplate(
            pb.DraftTemplateRequest(name="t", channel=1, subject_line="s", text_body="b")  # type: ignore[arg-type]
        ).template_id
        planned = stub.PlanMailing(pb.PlanMailingRequest(name="m", segment_id=segment, template_id=template))
        stub.LaunchMailing(pb.LaunchMailingRequest(mailing_id=planned.mailing_id))
    running.settle()
    assert [mail["To"] for mail in running.mail.mails] == ["p1@example.com"]


def test_members_are_listed_a_page_at_a_time(running: Any) -> None:
    for number in range(1, 6):
        running.a_customer(number)
    segment, seen, token = running.a_segment(), [], ""
    for _ in range(3):
        answer = running.stub.ListSegmentMembers(
            pb.ListSegmentMembersRequest(segment_id=segment, page_size=2, page_token=token)
        )
        seen += [m.customer_id for m in answer.members]
        token = answer.next_page_token
    assert (seen, token) == ([str(UUID(int=n)) for n in range(1, 6)], "")


def test_a_name_cannot_become_a_formula_in_the_export(running: Any) -> None:
    running.a_customer(1)
    running.customers.cards[str(UUID(int=1))].name = "=1+1"
    file = running.stub.ExportSegmentMembers(pb.ExportSegmentMembersRequest(segment_id=running.a_segment()))
    assert ",'=1+1," in file.csv.decode("utf-8-sig")
