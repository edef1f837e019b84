"""What campaigns cost and brought: live results, the ranking of channels, attribution from touch to deal."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import grpc
import pytest

from crm.common.v1.money_pb2 import Money
from crm.customer.v1 import customer_events_pb2 as customer_told
from crm.marketing.v1 import campaign_events_pb2 as campaign_told
from crm.marketing.v1 import marketing_service_pb2 as pb
from crm.marketing.v1.marketing_service_pb2_grpc import MarketingServiceStub
from crm.pipeline.v1 import lead_events_pb2 as lead_told
from crm.pipeline.v1 import opportunity_events_pb2 as deal_told
from crm.pipeline.v1 import order_events_pb2 as order_told
from kernel.store import Cause
from marketing.domain.form import FormSubmitted
from testkit.callers import a_caller

LINEAR, FIRST, LAST = (
    pb.ATTRIBUTION_MODEL_LINEAR,
    pb.ATTRIBUTION_MODEL_FIRST_TOUCH,
    pb.ATTRIBUTION_MODEL_LAST_TOUCH,
)


def cny(minor_units: int) -> Money:
    return Money(minor_units=minor_units, currency_code="CNY")


def a_lead(running: Any, number: int, channel: str, campaign: str = "", at: datetime | None = None) -> UUID:
    lead = UUID(int=3000 + number)
    told = lead_told.LeadCaptured(lead_id=str(lead), source_channel=channel, campaign_id=campaign)
    running.tell(told, lead, at)
    return lead


def a_deal(
    running: Any,
    number: int,
    customer: UUID,
    lead: UUID | None = None,
    won: int = 0,
    owner: UUID = UUID(int=700),
    **fields: Any,
) -> UUID:
    deal = UUID(int=4000 + number)
    running.tell(
        deal_told.OpportunityOpened(
            opportunity_id=str(deal),
            customer_id=str(customer),
            lead_id=str(lead or ""),
            owner_id=str(owner),
            **fields,
        ),
        deal,
    )
    if lead is not None:
        converted = lead_told.LeadConverted(lead_id=str(lead), customer_id=str(customer), opportunity_id=str(deal))
        running.tell(converted, lead)
    if won:
        told = deal_told.OpportunityWon(opportunity_id=str(deal), customer_id=str(customer), amount=cny(won))
        running.tell(told, deal)
    return deal


def results_of(running: Any, campaign: str, **more: Any) -> pb.CampaignResults:
    request = pb.GetCampaignResultsRequest(campaign_id=campaign, **more)
    return running.stub.GetCampaignResults(request).results


def shares(running: Any, **more: Any) -> dict[str, int]:
    answer = running.stub.GetAttribution(pb.GetAttributionRequest(**more))
    return {row.key: row.revenue.minor_units for row in answer.rows if row.revenue.minor_units}


@pytest.mark.feature("MKT-01")
def test_a_campaign_is_planned_revised_launched_paid_for_and_ended(running: Any) -> None:
    segment = running.a_segment()
    campaign = running.a_campaign(segment_id=segment, expected_leads=40)
    ask = running.stub
    ask.LaunchCampaign(pb.LaunchCampaignRequest(campaign_id=campaign))
    booked = ask.BookCampaignCost(pb.BookCampaignCostRequest(campaign_id=campaign, amount=cny(900_00), purpose="场地"))
    assert not booked.over_budget
    booked = ask.BookCampaignCost(pb.BookCampaignCostRequest(campaign_id=campaign, amount=cny(200_00)))
    assert booked.over_budget
    ask.EndCampaign(pb.EndCampaignRequest(campaign_id=campaign, conclusion="再来一次"))
    shown = ask.GetCampaign(pb.GetCampaignRequest(campaign_id=campaign)).campaign
    assert (shown.name, shown.kind, shown.channel) == ("春季", campaign_told.CAMPAIGN_KIND_EMAIL, "email")
    assert (shown.budget.minor_units, shown.cost.minor_units) == (1_000_00, 1_100_00)
    assert (shown.starts_on, shown.ends_on, shown.segment_id) == ("2026-03-01", "2026-03-31", segment)
    assert (shown.state, shown.conclusion, shown.expected_leads) == ("ended", "再来一次", 40)
    assert shown.owner_id == str(UUID(int=700))


@pytest.mark.feature("MKT-01")
def test_campaigns_are_listed_searched_and_seen_by_scope(running: Any) -> None:
    for name in ("春季上新", "秋季展会", "Spring webinar"):
        running.a_campaign(name=name)
    listed = running.stub.ListCampaigns(pb.ListCampaignsRequest(page_size=2))
    assert (len(listed.campaigns), listed.total_size) == (2, 3)
    more = running.stub.ListCampaigns(pb.ListCampaignsRequest(page_size=2, page_token=listed.next_page_token))
    assert len(more.campaigns) == 1
    [found] = running.stub.ListCampaigns(pb.ListCampaignsRequest(text="展会")).campaigns
    assert found.name == "秋季展会"
    with running.as_caller(a_caller(scope="own")) as channel:
        stub = MarketingServiceStub(channel)
        assert stub.ListCampaigns(pb.ListCampaignsRequest()).total_size == 0
        for ask, request in (
            (stub.GetCampaign, pb.GetCampaignRequest(campaign_id=found.campaign_id)),
            (stub.LaunchCampaign, pb.LaunchCampaignRequest(campaign_id=found.campaign_id)),
            (stub.GetCampaignResults, pb.GetCampaignResultsRequest(campaign_id=found.campaign_id)),
        ):
            with pytest.raises(grpc.RpcError) as refused:
                ask(request)
            assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_stale_version_is_refused_with_both_values(running: Any) -> None:
    campaign = running.a_campaign()
    running.stub.LaunchCampaign(pb.LaunchCampaignRequest(campaign_id=campaign))
    with pytest.raises(grpc.RpcError) as refused:
        running.stub.EndCampaign(pb.EndCampaignRequest(campaign_id=campaign, expected_version=1))
    assert refused.value.code() is grpc.StatusCode.ABORTED
    assert "version 2, not 1" in refused.value.details()


def test_asking_twice_with_one_request_id_books_once(running: Any) -> None:
    campaign = running.a_campaign()
    request = pb.BookCampaignCostRequest(campaign_id=campaign, amount=cny(5_00))
    once = [("request-id", "cost-1")]
    assert running.stub.BookCampaignCost(request, metadata=once) == running.stub.BookCampaignCost(
        request, metadata=once
    )
    assert results_of(running, campaign).cost.minor_units == 5_00


@pytest.mark.feature("MKT-02")
def test_cost_per_lead_and_deal_and_attributed_revenue_are_live(running: Any) -> None:
    campaign = running.a_campaign()
    assert results_of(running, campaign).roi == ""
    running.stub.BookCampaignCost(pb.BookCampaignCostRequest(campaign_id=campaign, amount=cny(1_000_00)))
    leads = [a_lead(running, n, "email", campaign) for n in range(3)]
    before = results_of(running, campaign)
    assert (before.leads, before.cost_per_lead.minor_units, before.HasField("cost_per_deal")) == (
        3,
        333_33,
        False,
    )
    assert before.roi == "-1.0000"
    running.tell(lead_told.LeadQualified(lead_id=str(leads[0])), leads[0])
    deal = a_deal(running, 1, running.a_customer(1), leads[1], won=2_500_00)
    a_deal(running, 2, running.a_customer(2), leads[2])
    after = results_of(running, campaign)
    assert (after.qualified_leads, after.deals, after.won_deals) == (3, 2, 1)
    assert after.cost_per_deal.minor_units == 1_000_00
    assert (after.won_amount.minor_units, after.attributed_revenue.minor_units) == (2_500_00, 2_500_00)
    assert after.roi == "1.5000"
    running.tell(deal_told.OpportunityReopened(opportunity_id=str(deal)), deal)
    assert results_of(running, campaign).attributed_revenue.minor_units == 0
    [listed] = running.stub.ListCampaignResults(pb.ListCampaignResultsRequest()).results
    assert listed == results_of(running, campaign)


@pytest.mark.feature("MKT-02")
def test_revenue_may_be_what_was_ordered_or_what_was_paid(running: Any) -> None:
    campaign = running.a_campaign()
    lead = a_lead(running, 1, "email", campaign)
    customer = running.a_customer(1)
    deal = a_deal(running, 1, customer, lead, won=1_000_00)
    order = UUID(int=5001)
    running.tell(
        order_told.OrderConfirmed(
            order_id=str(order),
            customer_id=str(customer),
            opportunity_id=str(deal),
            net_total=cny(900_00),
        ),
        order,
    )
    for paid in (300_00, 200_00):
        running.tell(order_told.PaymentReceived(order_id=str(order), amount=cny(paid)), order)
    by = {
        basis: results_of(running, campaign, basis=basis).attributed_revenue.minor_units
        for basis in (pb.REVENUE_BASIS_WON, pb.REVENUE_BASIS_ORDERED, pb.REVENUE_BASIS_PAID)
    }
    assert list(by.values()) == [1_000_00, 900_00, 500_00]


@pytest.mark.feature("MKT-03")
def test_channels_are_ranked_by_conversion_and_by_cost(running: Any) -> None:
    cheap = running.a_campaign(channel="webinar")
    dear = running.a_campaign(channel="exhibition")
    for campaign, cost in ((cheap, 100_00), (dear, 900_00)):
        running.stub.BookCampaignCost(pb.BookCampaignCostRequest(campaign_id=campaign, amount=cny(cost)))
    leads = {c: [a_lead(running, n, c) for n in range(i, i + 4)] for i, c in ((0, "webinar"), (9, "exhibition"))}
    a_deal(running, 1, running.a_customer(1), leads["webinar"][0], won=1_000_00)
    a_deal(running, 2, running.a_customer(2), leads["exhibition"][0], won=800_00)
    a_deal(running, 3, running.a_customer(3), leads["exhibition"][1], won=700_00)
    a_deal(running, 4, running.a_customer(4), leads["exhibition"][2])

    def ranked(order: Any) -> list[pb.ChannelRank]:
        return list(running.stub.RankChannels(pb.RankChannelsRequest(order=order)).channels)

    best, second = ranked(pb.CHANNEL_ORDER_CONVERSION)
    assert (best.channel, best.leads, best.deals, best.won_deals) == ("exhibition", 4, 3, 2)
    assert (best.conversion_rate, second.conversion_rate) == ("0.5000", "0.2500")
    assert (best.cost_per_lead.minor_units, best.cost_per_deal.minor_units) == (225_00, 450_00)
    assert best.won_amount.minor_units == 1_500_00
    assert [it.channel for it in ranked(pb.CHANNEL_ORDER_COST_PER_LEAD)] == ["webinar", "exhibition"]
    assert [it.channel for it in ranked(pb.CHANNEL_ORDER_COST_PER_DEAL)] == ["webinar", "exhibition"]
    assert [it.channel for it in ranked(pb.CHANNEL_ORDER_WON_AMOUNT)] == ["exhibition", "webinar"]
    long_ago = running.stub.RankChannels(pb.RankChannelsRequest(to_on="2025-12-31"))
    assert list(long_ago.channels) == []


@pytest.mark.feature("MKT-21")
def test_revenue_is_divided_from_the_first_touch_to_the_deal(running: Any) -> None:
    """An ad as a visitor, a form, a webinar as a lead, a clicked mail as a customer: one person."""
    customer, lead = running.a_customer(1), UUID(int=31)
    visitor, submission = UUID(int=32), UUID(int=33)
    campaign = running.a_campaign()
    touches = [
        ("ad-clicked", "search-ads", {"visitor_id": str(visitor), "campaign_id": campaign}),
        ("attended", "webinar", {"lead_id": str(lead)}),
        ("called", "phone", {"customer_id": str(customer)}),
    ]
    record_submission(running, submission, visitor)
    told = lead_told.LeadCaptured(lead_id=str(lead), submission_id=str(submission), source_channel="website")
    running.tell(told, lead)
    for kind, channel, who in touches:
        running.at += timedelta(days=1)
        running.stub.RecordTouch(pb.RecordTouchRequest(kind=kind, channel=channel, **who))
    deal = a_deal(running, 1, customer, lead, won=100_00)
    running.at += timedelta(days=1)
    running.stub.RecordTouch(pb.RecordTouchRequest(kind="ad-clicked", channel="too-late", customer_id=str(customer)))
    assert shares(running, model=FIRST) == {"website": 100_00}
    assert shares(running, model=LAST) == {"phone": 100_00}
    linear = shares(running, model=LINEAR)
    assert linear == {"website": 25_00, "search-ads": 25_00, "webinar": 25_00, "phone": 25_00}
    assert shares(running, model=pb.ATTRIBUTION_MODEL_POSITION_BASED) == {
        "website": 40_00,
        "phone": 40_00,
        "search-ads": 10_00,
        "webinar": 10_00,
    }
    by_campaign = shares(running, model=LINEAR, key=pb.ATTRIBUTION_KEY_CAMPAIGN)
    assert by_campaign == {campaign: 25_00, "": 75_00}
    answer = running.stub.GetDealAttribution(pb.GetDealAttributionRequest(opportunity_id=str(deal), model=LINEAR))
    assert [t.channel for t in answer.touches] == ["website", "search-ads", "webinar", "phone"]
    assert sum(t.share.minor_units for t in answer.touches) == answer.revenue.minor_units == 100_00
    listed = running.stub.ListTouches(pb.ListTouchesRequest(customer_id=str(customer))).touches
    assert [t.channel for t in listed] == ["website", "search-ads", "webinar", "phone", "too-late"]
    assert results_of(running, campaign, model=LINEAR).attributed_revenue.minor_units == 25_00


def record_submission(running: Any, submission: UUID, visitor: UUID) -> None:
    """A form sent by a visitor, straight into the log: how forms are sent has its own tests."""
    submitted = FormSubmitted(
        submission,
        UUID(int=34),
        None,
        "website",
        {},
        "",
        "",
        (),
        visitor,
        True,
        "王芳",
        "",
        "w@example.com",
        "",
        (),
        UUID(int=700),
    )
    with running.service.store.transaction(Cause.of("service:test")) as tx:
        tx.append(submission, 0, [submitted])


@pytest.mark.feature("MKT-21")
def test_marketings_contribution_is_quantified_and_everything_adds_up(running: Any) -> None:
    by_ad, by_hand, untouched = (running.a_customer(n) for n in (1, 2, 3))
    a_deal(running, 1, by_ad, a_lead(running, 1, "search-ads"), won=100_01)
    a_deal(running, 2, by_hand, won=50_00, source_channel="referral")
    a_deal(running, 3, untouched, won=25_00)
    answer = running.stub.GetAttribution(pb.GetAttributionRequest(model=LINEAR))
    assert {row.key: row.revenue.minor_units for row in answer.rows} == {
        "search-ads": 100_01,
        "referral": 50_00,
        "": 25_00,
    }
    assert sum(row.revenue.minor_units for row in answer.rows) == answer.total[0].minor_units == 175_01
    assert (answer.sourced[0].minor_units, answer.influenced[0].minor_units) == (100_01, 150_01)
    assert answer.deals == 3
    assert sum(float(row.deals) for row in answer.rows) == 3


@pytest.mark.feature("MKT-21")
def test_a_sales_person_sees_only_his_own_deals_divided(running: Any) -> None:
    me = UUID(int=801)
    a_deal(running, 1, running.a_customer(1), a_lead(running, 1, "email"), won=100_00, owner=me)
    a_deal(running, 2, running.a_customer(2), a_lead(running, 2, "email"), won=900_00)
    with running.as_caller(a_caller(scope="own", person_id=me)) as channel:
        stub = MarketingServiceStub(channel)
        answer = stub.GetAttribution(pb.GetAttributionRequest())
        assert [row.revenue.minor_units for row in answer.rows] == [100_00]
        with pytest.raises(grpc.RpcError) as refused:
            stub.GetDealAttribution(pb.GetDealAttributionRequest(opportunity_id=str(UUID(int=4002))))
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_nobody_notes_touches_of_customers_he_does_not_see_or_names_campaigns_that_are_not(running: Any) -> None:
    me = UUID(int=801)
    running.a_customer(1, owner_id=me)
    running.a_customer(2)
    touch = {"kind": "called", "channel": "phone"}
    with running.as_caller(a_caller(scope="own", person_id=me)) as channel:
        stub = MarketingServiceStub(channel)
        stub.RecordTouch(pb.RecordTouchRequest(customer_id=str(UUID(int=1)), **touch))
        for request in (
            pb.RecordTouchRequest(customer_id=str(UUID(int=2)), **touch),
            pb.RecordTouchRequest(customer_id=str(UUID(int=1)), campaign_id=str(UUID(int=9)), **touch),
        ):
            with pytest.raises(grpc.RpcError) as refused:
                stub.RecordTouch(request)
            assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        with pytest.raises(grpc.RpcError) as refused:
            stub.ListTouches(pb.ListTouchesRequest())
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert not stub.ListTouches(pb.ListTouchesRequest(customer_id=str(UUID(int=2)))).touches


def test_the_touches_of_a_merged_customer_belong_to_the_survivor(running: Any) -> None:
    survivor, absorbed = running.a_customer(1), running.a_customer(2)
    touch = pb.RecordTouchRequest(kind="attended", channel="webinar", customer_id=str(absorbed))
    running.stub.RecordTouch(touch)
    running.at += timedelta(days=1)
    a_deal(running, 1, survivor, won=100_00)
    assert shares(running) == {"": 100_00}
    ids = {"customer_id": str(absorbed), "survivor_id": str(survivor)}
    running.tell(customer_told.CustomerAbsorbed(**ids), absorbed)
    assert shares(running) == {"webinar": 100_00}
    running.tell(customer_told.CustomerReleased(**ids), absorbed)
    assert shares(running) == {"": 100_00}
