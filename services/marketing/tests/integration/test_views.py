"""Every view equals its replay, row for row, and the same event told twice changes nothing."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from random import Random
from typing import Any
from uuid import UUID

import pytest

from crm.common.v1.money_pb2 import Money
from crm.customer.v1 import customer_events_pb2 as customer_told
from crm.marketing.v1 import form_events_pb2 as frm
from crm.marketing.v1 import journey_events_pb2 as jny
from crm.marketing.v1 import marketing_service_pb2 as pb
from crm.marketing.v1 import template_events_pb2 as tpl
from crm.pipeline.v1 import lead_events_pb2 as lead_told
from crm.pipeline.v1 import opportunity_events_pb2 as deal_told
from crm.pipeline.v1 import order_events_pb2 as order_told
from crm.pipeline.v1 import product_events_pb2 as product_told
from kernel.rebuild import compare, rebuild
from marketing.bootstrap import EVENTUAL, INLINE

ONE, TWO, LEAD, DEAL, ORDER, PRODUCT = (UUID(int=n) for n in (1, 2, 31, 32, 33, 34))


def live_a_little(running: Any) -> None:
    """Something of everything that marketing records."""
    stub = running.stub
    for number in (1, 2, 3):
        running.a_customer(number)
    campaign = running.a_campaign()
    stub.LaunchCampaign(pb.LaunchCampaignRequest(campaign_id=campaign))
    cost = Money(minor_units=5_00, currency_code="CNY")
    stub.BookCampaignCost(pb.BookCampaignCostRequest(campaign_id=campaign, amount=cost))
    stub.HandOverCampaign(pb.HandOverCampaignRequest(campaign_id=campaign, to_owner_id=str(TWO)))
    stub.EndCampaign(pb.EndCampaignRequest(campaign_id=campaign, conclusion="over"))
    form = stub.DraftForm(
        pb.DraftFormRequest(
            title="Demo",
            source_channel="website",
            fields=[frm.FormField(key="email", label="E", kind=frm.FORM_FIELD_KIND_EMAIL)],
        )
    ).form_id
    stub.PublishForm(pb.PublishFormRequest(form_id=form))
    past = [("effective-at", "2026-01-01T00:00:00+00:00")]
    stub.SubmitForm(pb.SubmitFormRequest(form_id=form, values={"email": "a@example.com"}), metadata=past)
    stub.RecordTouch(pb.RecordTouchRequest(kind="attended", channel="webinar", customer_id=str(ONE)))
    segment, template = running.a_segment(), running.a_template()
    stub.ReviseTemplate(pb.ReviseTemplateRequest(template_id=template, name="v2", subject_line="s", text_body="t"))
    mail = running.a_template()
    running.launch(segment, mail, campaign)
    running.settle()
    message = running.messages()[0]
    links = stub.GetMessageLinks(pb.GetMessageLinksRequest(send_id=message.send_id))
    public = running.public()
    public.TrackClick(pb.TrackClickRequest(token=links.click_tokens[0]))
    public.Unsubscribe(pb.UnsubscribeRequest(token=links.unsubscribe_token))
    stub.SetContactPolicy(pb.SetContactPolicyRequest(most_messages=9, window_days=3))
    sms = running.a_template(tpl.MESSAGE_CHANNEL_SMS)
    steps = [
        jny.JourneyStep(
            step_id="c", kind=jny.STEP_KIND_COUPON, coupon_value=cost, coupon_valid_days=3, next_step_id="w"
        ),
        jny.JourneyStep(step_id="w", kind=jny.STEP_KIND_WAIT, wait_s=60, next_step_id="s"),
        jny.JourneyStep(step_id="s", kind=jny.STEP_KIND_SEND, template_id=sms),
    ]
    journey = stub.DefineJourney(
        pb.DefineJourneyRequest(name="j", trigger=jny.TRIGGER_KIND_MANUAL, steps=steps)
    ).journey_id
    stub.ActivateJourney(pb.ActivateJourneyRequest(journey_id=journey))
    subjects = [pb.JourneySubject(customer_id=str(it)) for it in (ONE, TWO)]
    stub.EnterJourney(pb.EnterJourneyRequest(journey_id=journey, subjects=subjects))
    running.go(minutes=2)
    stub.PauseJourney(pb.PauseJourneyRequest(journey_id=journey))
    stub.RetireSegment(pb.RetireSegmentRequest(segment_id=segment))


def rows_of(running: Any, tables: Any) -> dict[str, list[str]]:
    with running.service.store.connection() as connection:
        return {
            table: [
                row["line"]
                for row in connection.execute(f"select t::text as line from {table} t order by 1").fetchall()
            ]
            for table in tables
        }


def test_every_view_of_our_own_log_rebuilds_to_the_same_rows(running: Any) -> None:
    live_a_little(running)
    for view in INLINE:
        compared = compare(running.service, view)
        assert compared.equal, compared
        assert any(table.rows for table in compared.tables), f"{view.name} was tried on nothing"
        before = rows_of(running, view.tables)
        assert rebuild(running.service, view).equal
        assert rows_of(running, view.tables) == before
    running.a_campaign(name="after the swap")
    assert running.stub.ListCampaigns(pb.ListCampaignsRequest()).total_size == 2


def told_by_others(running: Any) -> list[tuple[Any, UUID]]:
    """Events of customer and pipeline that touch every table, in an order that could have happened."""
    money = Money(minor_units=7_00, currency_code="CNY")
    one, two = str(ONE), str(TWO)
    contact = str(UUID(int=91))
    line = order_told.OrderLine(product_id=str(PRODUCT), product_name="Pump", quantity="1")
    of_customer = {"customer_id": one}
    return [
        (product_told.ProductListed(product_id=str(PRODUCT), sku="P", name="Pump", category="c"), PRODUCT),
        (product_told.ProductRevised(product_id=str(PRODUCT), name="Pump 2", category="d"), PRODUCT),
        (customer_told.CustomerRegistered(name="s", industry_code="I65", region_code="31", **of_customer), ONE),
        (customer_told.ContactAdded(contact_id=contact, is_primary=True, **of_customer), ONE),
        (customer_told.CustomerRegistered(customer_id=two, name="s"), TWO),
        (customer_told.TagsChanged(added=["b", "a"], **of_customer), ONE),
        (customer_told.TagsChanged(added=["c", "a"], removed=["b"], **of_customer), ONE),
        (
            customer_told.CustomerRevised(
                changes=customer_told.ProfileChanges(region_code="44", industry_code=""), **of_customer
            ),
            ONE,
        ),
        (customer_told.LevelChanged(to_level=customer_told.CUSTOMER_LEVEL_VIP, **of_customer), ONE),
        (customer_told.CustomerStatusChanged(to_status=customer_told.CUSTOMER_STATUS_ACTIVE, **of_customer), ONE),
        (customer_told.OwnerChanged(to_owner_id=two, **of_customer), ONE),
        (customer_told.ConsentGiven(contact_id=contact, channel="email", purpose="marketing", **of_customer), ONE),
        (customer_told.ConsentWithdrawn(contact_id=contact, channel="sms", purpose="marketing", **of_customer), ONE),
        (customer_told.CustomerAbsorbed(customer_id=two, survivor_id=one), TWO),
        (customer_told.CustomersMerged(customer_id=one, absorbed_id=two, added_tags=["z"]), ONE),
        (customer_told.CustomersUnmerged(customer_id=one, absorbed_id=two, removed_tags=["z"]), ONE),
        (customer_told.CustomerReleased(customer_id=two, survivor_id=one), TWO),
        (customer_told.ContactRemoved(contact_id=contact, **of_customer), ONE),
        (customer_told.CustomerArchived(customer_id=two), TWO),
        (lead_told.LeadCaptured(lead_id=str(LEAD), source_channel="Ads"), LEAD),
        (lead_told.LeadAssigned(lead_id=str(LEAD), owner_id=two), LEAD),
        (lead_told.LeadTouchedAgain(lead_id=str(LEAD), source_channel="webinar"), LEAD),
        (lead_told.LeadQualified(lead_id=str(LEAD)), LEAD),
        (lead_told.LeadConverted(lead_id=str(LEAD), customer_id=one, opportunity_id=str(DEAL)), LEAD),
        (deal_told.OpportunityOpened(opportunity_id=str(DEAL), customer_id=one, lead_id=str(LEAD)), DEAL),
        (deal_told.OpportunityTransferred(opportunity_id=str(DEAL), to_owner_id=two), DEAL),
        (deal_told.OpportunityWon(opportunity_id=str(DEAL), amount=money), DEAL),
        (
            order_told.OrderConfirmed(
                order_id=str(ORDER), customer_id=one, opportunity_id=str(DEAL), lines=[line, line], net_total=money
            ),
            ORDER,
        ),
        (order_told.PaymentReceived(order_id=str(ORDER), amount=money, received_on="2026-03-01"), ORDER),
    ]


TABLES = [table for view in EVENTUAL for table in view.tables]


@pytest.mark.parametrize("seed", range(3))
def test_any_order_across_streams_and_any_batches_give_the_same_rows(running: Any, seed: int) -> None:
    told = []
    for message, stream in told_by_others(running):
        running.at += timedelta(minutes=1)
        told.append(running.tell(message, stream))
    expected = rows_of(running, TABLES)
    assert all(expected.values()), "a table was tried on nothing"
    running.view(told)
    assert rows_of(running, TABLES) == expected, "told twice"
    with running.service.store.connection() as connection:
        for table in TABLES:
            connection.execute(f"delete from {table}")
    random = Random(seed)
    streams = [list(its) for _, its in groupby(sorted(told, key=lambda it: it.stream), key=lambda it: it.stream)]
    while streams:
        stream = random.choice(streams)
        most = random.randint(1, len(stream))
        running.view(stream[:most])
        del stream[:most]
        streams = [it for it in streams if it]
    assert rows_of(running, TABLES) == expected


def test_what_others_tell_leaves_no_personal_text_here(running: Any) -> None:
    running.a_customer(1)
    lines = [line for lines in rows_of(running, TABLES).values() for line in lines]
    assert lines
    assert not any("sealed" in line for line in lines)
