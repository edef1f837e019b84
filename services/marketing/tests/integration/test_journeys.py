"""Journeys: people walk them by what happens and by time, and nothing is sent twice whatever is repeated."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import grpc
import pytest

from crm.common.v1.money_pb2 import Money
from crm.customer.v1 import customer_events_pb2 as customer_told
from crm.marketing.v1 import form_events_pb2 as frm
from crm.marketing.v1 import journey_events_pb2 as jny
from crm.marketing.v1 import marketing_service_pb2 as pb
from crm.marketing.v1 import message_events_pb2 as told
from crm.marketing.v1 import segment_events_pb2 as seg
from crm.marketing.v1 import template_events_pb2 as tpl
from crm.pipeline.v1 import lead_events_pb2 as lead_told
from crm.pipeline.v1 import order_events_pb2 as order_told
from kernel.store import Cause

DAY_S = 24 * 3600
PRODUCT = str(UUID(int=61))


def send(step_id: str, template_id: str, next_step_id: str = "") -> jny.JourneyStep:
    return jny.JourneyStep(step_id=step_id, kind=jny.STEP_KIND_SEND, template_id=template_id, next_step_id=next_step_id)


def ask(name: str, yes: str, no: str = "", **condition: Any) -> jny.JourneyStep:
    return jny.JourneyStep(
        step_id=name,
        kind=jny.STEP_KIND_CONDITION,
        condition=jny.JourneyCondition(**condition),
        yes_step_id=yes,
        no_step_id=no,
    )


def spring_steps(running: Any) -> list[jny.JourneyStep]:
    """E-mail; if the prices are clicked a coupon by mail; if that is opened and no order in three days, SMS."""
    first, sms = running.a_template(), running.a_template(tpl.MESSAGE_CHANNEL_SMS, text_body="回来吧")
    coupon = running.a_template(
        subject_line="A coupon for {{person_name}}", html_body="<p>{{coupon_code}}: {{coupon_value}}</p>"
    )
    return [
        send("mail", first, "clicked"),
        ask(
            "clicked",
            "coupon",
            kind=jny.CONDITION_KIND_CLICKED,
            step_id="mail",
            link_tag="pricing",
            within_s=7 * DAY_S,
        ),
        jny.JourneyStep(
            step_id="coupon",
            kind=jny.STEP_KIND_COUPON,
            coupon_value=Money(minor_units=50_00, currency_code="CNY"),
            coupon_valid_days=30,
            next_step_id="coupon-mail",
        ),
        send("coupon-mail", coupon, "opened"),
        ask("opened", "wait", kind=jny.CONDITION_KIND_OPENED, step_id="coupon-mail", within_s=5 * DAY_S),
        jny.JourneyStep(step_id="wait", kind=jny.STEP_KIND_WAIT, wait_s=3 * DAY_S, next_step_id="ordered"),
        ask("ordered", "", "sms", kind=jny.CONDITION_KIND_ORDERED),
        send("sms", sms),
    ]


def a_journey(running: Any, steps: list[jny.JourneyStep], **fields: Any) -> str:
    given = {"name": "Spring", "trigger": jny.TRIGGER_KIND_MANUAL, "steps": steps} | fields
    journey_id = running.stub.DefineJourney(pb.DefineJourneyRequest(**given)).journey_id
    running.stub.ActivateJourney(pb.ActivateJourneyRequest(journey_id=journey_id))
    return str(journey_id)


def enter(running: Any, journey_id: str, *customers: UUID) -> tuple[int, int]:
    subjects = [pb.JourneySubject(customer_id=str(it)) for it in customers]
    answer = running.stub.EnterJourney(pb.EnterJourneyRequest(journey_id=journey_id, subjects=subjects))
    running.settle()
    return answer.entered, answer.skipped


def links_of(running: Any, send_id: str) -> pb.GetMessageLinksResponse:
    return running.stub.GetMessageLinks(pb.GetMessageLinksRequest(send_id=send_id))


def click(running: Any, send_id: str) -> None:
    running.public().TrackClick(pb.TrackClickRequest(token=links_of(running, send_id).click_tokens[0]))
    running.settle()


def open_(running: Any, send_id: str) -> None:
    running.public().TrackOpen(pb.TrackOpenRequest(token=links_of(running, send_id).open_token))
    running.settle()


def steps_taken(running: Any, journey_id: str, number: int = 0) -> list[str]:
    runs = running.stub.ListJourneyRuns(pb.ListJourneyRunsRequest(journey_id=journey_id)).runs
    run = running.stub.GetJourneyRun(pb.GetJourneyRunRequest(run_id=runs[number].run_id))
    return [step.step_id for step in run.steps]


def order(running: Any, number: int, customer: UUID, **more: Any) -> Any:
    confirmed = order_told.OrderConfirmed(
        order_id=str(UUID(int=5000 + number)),
        customer_id=str(customer),
        lines=[order_told.OrderLine(product_id=PRODUCT, quantity="1")],
        net_total=Money(minor_units=1, currency_code="CNY"),
    )
    delivered = running.tell(confirmed, UUID(int=5000 + number), **more)
    running.settle()
    return delivered


def in_mailbox(running: Any, customer: int) -> list[str]:
    return [mail["Subject"] for mail in running.mail.to(f"p{customer}@example.com")]


@pytest.mark.feature("MKT-12")
def test_mail_then_coupon_for_the_click_then_sms_for_the_silence(running: Any) -> None:
    clicks, orders, silent = (running.a_customer(n) for n in (1, 2, 3))
    journey_id = a_journey(running, spring_steps(running))
    assert enter(running, journey_id, clicks, orders, silent) == (3, 0)
    first = {m.customer_id: m.send_id for m in running.messages(journey_id=journey_id)}
    for customer in (clicks, orders):
        click(running, first[str(customer)])
    [coupon_mail] = [m for m in running.mail.to("p1@example.com") if "coupon" in m["Subject"]]
    coupons = running.stub.ListCoupons(pb.ListCouponsRequest(customer_id=str(clicks))).coupons
    assert coupons[0].expires_on == (running.at + timedelta(days=30)).date().isoformat()
    html = coupon_mail.get_body(("html",)).get_content()
    assert f"{coupons[0].code}: 50.00 CNY" in html
    for customer in (clicks, orders):
        [second] = [
            m
            for m in running.messages(journey_id=journey_id, customer_id=str(customer))
            if m.send_id != first[str(customer)]
        ]
        open_(running, second.send_id)
    running.go(days=1)
    order(running, 1, orders)
    running.go(days=2, hours=1)
    [sms] = [m for m in running.messages(journey_id=journey_id) if m.channel == tpl.MESSAGE_CHANNEL_SMS]
    assert sms.customer_id == str(clicks)
    assert (sms.state, sms.reason) == ("withheld", told.WITHHOLD_REASON_CHANNEL_NOT_CONFIGURED)
    running.go(days=7)
    assert in_mailbox(running, 3) == ["News for Person 3"]
    shown = running.stub.GetJourney(pb.GetJourneyRequest(journey_id=journey_id)).journey
    assert (shown.entered, shown.active, shown.finished) == (3, 0, 3)
    counts = {it.step_id: (it.taken, it.answered_yes) for it in shown.step_counts}
    assert counts == {
        "mail": (3, 0),
        "clicked": (3, 2),
        "coupon": (2, 0),
        "coupon-mail": (2, 0),
        "opened": (2, 2),
        "wait": (2, 0),
        "ordered": (2, 1),
        "sms": (1, 0),
    }


@pytest.mark.feature("MKT-12")
def test_people_waiting_are_counted_at_their_step(running: Any) -> None:
    journey_id = a_journey(running, spring_steps(running))
    enter(running, journey_id, running.a_customer(1), running.a_customer(2))
    shown = running.stub.GetJourney(pb.GetJourneyRequest(journey_id=journey_id)).journey
    assert {it.step_id: it.waiting for it in shown.step_counts if it.waiting} == {"clicked": 2}


@pytest.mark.feature("MKT-12")
def test_redelivery_entering_twice_and_replaying_send_nothing_twice(running: Any) -> None:
    customer = running.a_customer(1)
    journey_id = a_journey(running, spring_steps(running))
    assert enter(running, journey_id, customer) == (1, 0)
    assert enter(running, journey_id, customer) == (0, 1)
    [message] = running.messages(journey_id=journey_id)
    click(running, message.send_id)
    running.read_to = 0
    with running.service.store.connection() as connection:
        connection.execute("delete from inbox")
    running.settle()
    running.go(hours=1)
    assert in_mailbox(running, 1) == ["News for Person 1", "A coupon for Person 1"]
    with running.service.store.transaction(Cause.of("service:test")) as tx:
        run_id = running.stub.ListJourneyRuns(pb.ListJourneyRunsRequest(journey_id=journey_id)).runs[0].run_id
        tx.set_timer("again", "resume_run", tx.recorded_at, {"run_id": run_id})
    running.settle()
    assert len(running.mail.mails) == 2


@pytest.mark.feature("MKT-13")
def test_the_goal_ends_the_run_and_only_from_its_own_product(running: Any) -> None:
    customer = running.a_customer(1)
    goal = jny.JourneyCondition(kind=jny.CONDITION_KIND_ORDERED, product_id=PRODUCT)
    journey_id = a_journey(running, spring_steps(running), goal=goal)
    enter(running, journey_id, customer)
    delivered = order(running, 1, customer)
    running.react_again(delivered)
    [run] = running.stub.ListJourneyRuns(pb.ListJourneyRunsRequest(journey_id=journey_id)).runs
    assert (run.state, run.reason) == ("left", jny.LEAVE_REASON_GOAL_REACHED)
    [message] = running.messages(journey_id=journey_id)
    click(running, message.send_id)
    running.go(days=30)
    assert in_mailbox(running, 1) == ["News for Person 1"]


@pytest.mark.feature("MKT-13")
def test_a_field_of_the_customer_chooses_the_way_and_a_tag_is_put_on(running: Any) -> None:
    vip = running.a_customer(1, level=customer_told.CUSTOMER_LEVEL_VIP)
    usual = running.a_customer(2)
    steps = [
        ask(
            "vip",
            "tag",
            "mail",
            kind=jny.CONDITION_KIND_FIELD_VALUE,
            field=seg.SEGMENT_FIELD_LEVEL,
            values=["VIP"],
        ),
        jny.JourneyStep(step_id="tag", kind=jny.STEP_KIND_TAG, tag="white glove"),
        send("mail", running.a_template()),
    ]
    enter(running, a_journey(running, steps), vip, usual)
    assert running.customers.tagged == [(str(vip), "white glove")]
    assert [mail["To"] for mail in running.mail.mails] == ["p2@example.com"]


@pytest.mark.feature("MKT-13")
def test_elapsed_time_is_a_condition(running: Any) -> None:
    steps = [
        jny.JourneyStep(step_id="wait", kind=jny.STEP_KIND_WAIT, wait_s=DAY_S, next_step_id="soon"),
        ask("soon", "mail", "", kind=jny.CONDITION_KIND_ELAPSED, within_s=2 * DAY_S),
        send("mail", running.a_template()),
    ]
    journey_id = a_journey(running, steps)
    enter(running, journey_id, running.a_customer(1))
    running.go(days=1)
    assert running.mail.mails == [], "asked after one day: not two yet"
    enter(running, journey_id, running.a_customer(2))
    running.go(days=2)
    assert [m["To"] for m in running.mail.mails] == ["p2@example.com"], "asked after two days"


@pytest.mark.feature("MKT-13")
def test_a_known_customer_who_fills_in_a_form_is_heard(running: Any) -> None:
    customer = running.a_customer(1)
    form_id = running.stub.DraftForm(
        pb.DraftFormRequest(
            title="Demo",
            source_channel="website",
            fields=[frm.FormField(key="email", label="E", kind=frm.FORM_FIELD_KIND_EMAIL, required=True)],
        )
    ).form_id
    running.stub.PublishForm(pb.PublishFormRequest(form_id=form_id))
    steps = [
        ask("filled", "mail", kind=jny.CONDITION_KIND_FORM_FILLED, form_id=form_id, within_s=9 * DAY_S),
        send("mail", running.a_template()),
    ]
    enter(running, a_journey(running, steps), customer)
    token = running.public().GetPublicForm(pb.GetPublicFormRequest(form_id=form_id)).form.form_token
    running.go(seconds=10)
    submission_id = (
        running.public()
        .SubmitForm(pb.SubmitFormRequest(form_id=form_id, form_token=token, values={"email": "p1@example.com"}))
        .submission_id
    )
    lead = UUID(int=31)
    running.tell(lead_told.LeadCaptured(lead_id=str(lead), submission_id=submission_id), lead)
    running.tell(
        lead_told.LeadCheckedAgainstCustomers(
            lead_id=str(lead), matches=[lead_told.CustomerMatch(customer_id=str(customer))]
        ),
        lead,
    )
    running.settle()
    assert in_mailbox(running, 1) == ["News for Person 1"]


@pytest.mark.feature("MKT-12")
def test_a_form_lets_its_sender_into_a_journey_and_mails_the_address_he_left(running: Any) -> None:
    form_id = running.stub.DraftForm(
        pb.DraftFormRequest(
            title="Manual",
            source_channel="website",
            fields=[
                frm.FormField(key="person_name", label="N", kind=frm.FORM_FIELD_KIND_TEXT),
                frm.FormField(key="email", label="E", kind=frm.FORM_FIELD_KIND_EMAIL, required=True),
            ],
        )
    ).form_id
    running.stub.PublishForm(pb.PublishFormRequest(form_id=form_id))
    steps = [
        send("welcome", running.a_template(), "ordered"),
        ask("ordered", "", "", kind=jny.CONDITION_KIND_ORDERED, within_s=30 * DAY_S),
    ]
    journey_id = a_journey(running, steps, trigger=jny.TRIGGER_KIND_FORM, trigger_ref=form_id)
    token = running.public().GetPublicForm(pb.GetPublicFormRequest(form_id=form_id)).form.form_token
    running.go(seconds=10)
    values = {"email": "new@example.com", "person_name": "韩梅梅"}
    submission_id = (
        running.public()
        .SubmitForm(pb.SubmitFormRequest(form_id=form_id, form_token=token, values=values))
        .submission_id
    )
    running.settle()
    [mail] = running.mail.mails
    assert (mail["To"], mail["Subject"]) == ("new@example.com", "News for 韩梅梅")
    lead, customer = UUID(int=31), running.a_customer(9)
    running.tell(lead_told.LeadCaptured(lead_id=str(lead), submission_id=submission_id), lead)
    running.tell(lead_told.LeadConverted(lead_id=str(lead), customer_id=str(customer)), lead)
    order(running, 1, customer)
    [run] = running.stub.ListJourneyRuns(pb.ListJourneyRunsRequest(journey_id=journey_id)).runs
    assert run.state == "left", "the order of the customer he became is his"


@pytest.mark.feature("MKT-12")
def test_a_segment_lets_its_members_in_once_and_newcomers_within_the_hour(running: Any) -> None:
    running.a_customer(1, tags=["vip"])
    vips = running.a_segment(seg.SegmentFilter(kind=seg.FILTER_KIND_RULE, field=seg.SEGMENT_FIELD_TAG, values=["vip"]))
    journey_id = a_journey(
        running,
        [send("mail", running.a_template())],
        trigger=jny.TRIGGER_KIND_SEGMENT,
        trigger_ref=vips,
        reentry=True,
    )
    running.settle()
    running.a_customer(2, tags=["vip"])
    running.a_customer(3)
    for _ in range(3):
        running.go(hours=1)
    assert sorted(m["To"] for m in running.mail.mails) == ["p1@example.com", "p2@example.com"]
    running.stub.PauseJourney(pb.PauseJourneyRequest(journey_id=journey_id))
    running.a_customer(4, tags=["vip"])
    running.go(hours=2)
    assert len(running.mail.mails) == 2


def test_an_order_lets_in_again_where_that_is_allowed_and_old_news_never(running: Any) -> None:
    customer = running.a_customer(1)
    journey_id = a_journey(
        running, [send("thanks", running.a_template())], trigger=jny.TRIGGER_KIND_ORDER, reentry=True
    )
    order(running, 1, customer)
    order(running, 2, customer)
    assert len(running.mail.mails) == 2
    order(running, 3, customer, at=running.at - timedelta(days=300))
    assert len(running.mail.mails) == 2, "an imported order of last year thanks nobody"
    assert running.stub.GetJourney(pb.GetJourneyRequest(journey_id=journey_id)).journey.entered == 2


@pytest.mark.feature("MKT-18")
def test_who_unsubscribes_leaves_a_journey_that_has_nothing_else_for_him(running: Any) -> None:
    customer, other = running.a_customer(1), running.a_customer(2)
    waiting = [
        send("one", running.a_template(), "wait"),
        jny.JourneyStep(step_id="wait", kind=jny.STEP_KIND_WAIT, wait_s=DAY_S, next_step_id="two"),
        send("two", running.a_template()),
    ]
    journey_id = a_journey(running, waiting)
    enter(running, journey_id, customer, other)
    mine = next(m for m in running.messages() if m.customer_id == str(customer))
    token = links_of(running, mine.send_id).unsubscribe_token
    running.public().Unsubscribe(pb.UnsubscribeRequest(token=token))
    running.settle()
    running.go(days=2)
    assert (len(in_mailbox(running, 1)), len(in_mailbox(running, 2))) == (1, 2)
    shown = running.stub.GetJourney(pb.GetJourneyRequest(journey_id=journey_id)).journey
    assert (shown.left_early, shown.finished) == (1, 1)


def test_a_run_keeps_the_version_it_began_with(running: Any) -> None:
    wait = jny.JourneyStep(step_id="wait", kind=jny.STEP_KIND_WAIT, wait_s=DAY_S, next_step_id="mail")
    old = running.a_template(subject_line="old")
    journey_id = a_journey(running, [wait, send("mail", old)])
    enter(running, journey_id, running.a_customer(1))
    running.stub.ReviseJourney(
        pb.ReviseJourneyRequest(
            journey_id=journey_id,
            name="Spring 2",
            trigger=jny.TRIGGER_KIND_MANUAL,
            steps=[wait, send("mail", running.a_template(subject_line="new"))],
        )
    )
    enter(running, journey_id, running.a_customer(2))
    running.go(days=1)
    assert (in_mailbox(running, 1), in_mailbox(running, 2)) == (["old"], ["new"])


def test_taking_somebody_out_stops_what_was_to_come(running: Any) -> None:
    wait = jny.JourneyStep(step_id="wait", kind=jny.STEP_KIND_WAIT, wait_s=DAY_S, next_step_id="mail")
    journey_id = a_journey(running, [wait, send("mail", running.a_template())])
    enter(running, journey_id, running.a_customer(1))
    [run] = running.stub.ListJourneyRuns(pb.ListJourneyRunsRequest(journey_id=journey_id, state="active")).runs
    running.stub.TakeOutOfJourney(pb.TakeOutOfJourneyRequest(run_id=run.run_id))
    running.go(days=2)
    assert running.mail.mails == []


def test_a_simulated_journey_walks_by_its_own_time(running: Any) -> None:
    customer = running.a_customer(1)
    wait = jny.JourneyStep(step_id="wait", kind=jny.STEP_KIND_WAIT, wait_s=3 * DAY_S, next_step_id="mail")
    journey_id = a_journey(running, [wait, send("mail", running.a_template())])

    def metadata(day: int) -> list[tuple[str, str]]:
        return [("effective-at", f"2025-05-{day:02d}T09:00:00+00:00"), ("timeline-id", "sim")]

    running.stub.EnterJourney(
        pb.EnterJourneyRequest(journey_id=journey_id, subjects=[pb.JourneySubject(customer_id=str(customer))]),
        metadata=metadata(1),
    )
    running.settle()
    assert running.messages() == []
    touch = pb.RecordTouchRequest(kind="called", channel="phone", customer_id=str(customer))
    running.stub.RecordTouch(touch, metadata=metadata(5))
    running.settle()
    [message] = running.messages()
    assert message.state == "simulated"
    assert message.left_at.ToDatetime().isoformat() == "2025-05-04T09:00:00"


def test_a_draft_lets_nobody_in_and_a_circle_is_refused_by_its_place(running: Any) -> None:
    defined = running.stub.DefineJourney(
        pb.DefineJourneyRequest(name="x", trigger=jny.TRIGGER_KIND_MANUAL, steps=[send("mail", running.a_template())])
    )
    with pytest.raises(grpc.RpcError) as refused:
        enter(running, defined.journey_id, running.a_customer(1))
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    with pytest.raises(grpc.RpcError) as refused:
        a_journey(running, [send("mail", running.a_template(), "mail")])
    assert dict(refused.value.trailing_metadata())["field"] == "steps"
