"""Mass e-mail: who gets it, what keeps it back, that it leaves once, and how people answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import grpc
import pytest

from crm.customer.v1 import customer_events_pb2 as customer_told
from crm.customer.v1 import customer_service_pb2 as customer_pb
from crm.marketing.v1 import marketing_service_pb2 as pb
from crm.marketing.v1 import message_events_pb2 as told
from crm.marketing.v1 import segment_events_pb2 as seg
from crm.marketing.v1 import template_events_pb2 as tpl
from kernel.store import Cause
from kernel.timers import TimerRunner
from marketing.channels import Email

EMAIL = tpl.MESSAGE_CHANNEL_EMAIL


def html_of(mail: Any) -> str:
    body = mail.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def token_in(html: str, path: str) -> str:
    found = re.search(rf"https://crm\.example\.org{path}/([\w-]+)", html)
    assert found is not None, html
    return found[1]


@pytest.mark.feature("MKT-15")
def test_everybody_in_the_segment_gets_one_mail_with_his_name(running: Any) -> None:
    for number in (1, 2, 3):
        running.a_customer(number, tags=["vip"] if number < 3 else [])
    vips = running.a_segment(seg.SegmentFilter(kind=seg.FILTER_KIND_RULE, field=seg.SEGMENT_FIELD_TAG, values=["vip"]))
    mailing = running.launch(vips, running.a_template())
    running.settle()
    assert sorted(mail["To"] for mail in running.mail.mails) == ["p1@example.com", "p2@example.com"]
    [first] = running.mail.to("p1@example.com")
    assert first["Subject"] == "News for Person 1"
    assert "Hi Person 1 of 客户 1," in html_of(first)
    assert first["From"] == "news@example.org"
    shown = running.stub.GetMailing(pb.GetMailingRequest(mailing_id=mailing)).mailing
    assert (shown.state, shown.engagement.planned, shown.engagement.sent) == ("queued", 2, 2)
    running.stub.LaunchMailing(pb.LaunchMailingRequest(mailing_id=mailing))
    running.go(hours=1)
    assert len(running.mail.mails) == 2, "launched twice is sent once"


@pytest.mark.feature("MKT-15")
def test_a_test_goes_to_the_marketers_address_and_counts_for_nobody(running: Any) -> None:
    template = running.a_template()
    sent = running.stub.SendTestMessage(
        pb.SendTestMessageRequest(template_id=template, address="me@example.org", values={"company": "Acme"})
    )
    running.settle()
    [mail] = running.mail.mails
    assert mail["To"] == "me@example.org"
    assert "of Acme" in html_of(mail)
    assert "/t/c/" not in html_of(mail), "nothing is counted"
    [message] = running.messages()
    assert (message.send_id, message.test, message.state) == (sent.send_id, True, "sent")
    with running.service.store.connection() as connection:
        rows = connection.execute("select state from events").fetchall()
    assert not any(b"me@example.org" in bytes(row["state"]) for row in rows), "the address is sealed"


@pytest.mark.feature("MKT-15")
def test_a_preview_fills_in_sample_values(running: Any) -> None:
    shown = running.stub.PreviewTemplate(
        pb.PreviewTemplateRequest(template_id=running.a_template(), values={"person_name": "<b>王芳</b>"})
    )
    assert shown.subject_line == "News for <b>王芳</b>"
    assert "Hi &lt;b&gt;王芳&lt;/b&gt;" in shown.html_body


@pytest.mark.feature("MKT-15")
def test_a_send_is_recorded_before_it_leaves_and_happens_once(running: Any) -> None:
    running.a_customer(1)
    running.launch(running.a_segment(), running.a_template())
    running.settle()
    [message] = running.messages()
    assert running.kinds(message.send_id) == ["MessagePlanned", "MessageDispatched", "MessageSent"]
    [mail] = running.mail.mails
    with running.service.store.transaction(Cause.of("service:test")) as tx:
        _, dispatched, _ = tx.history(UUID(message.send_id))
        tx.set_timer("again", "send_messages", tx.recorded_at, {"send_ids": [message.send_id]})
    assert mail["Message-ID"] == dispatched.message_ref
    running.settle()
    assert len(running.mail.mails) == 1


class Killed(BaseException):
    """Ends the worker where it stands, as kill -9 would."""


class DeadlyChannel:
    """A way out on which the worker dies with the mail in its hand."""

    @contextmanager
    def opened(self) -> Iterator[Any]:
        yield self

    def deliver(self, parcel: Any) -> Any:
        raise Killed


@pytest.mark.feature("MKT-15")
def test_a_worker_that_dies_in_between_leaves_an_unknown_outcome_that_a_person_decides(running: Any) -> None:
    running.a_customer(1)
    running.launch(running.a_segment(), running.a_template())
    working = running.channels[EMAIL]
    running.channels[EMAIL] = DeadlyChannel()
    with pytest.raises(Killed):
        running.settle()
    running.channels[EMAIL] = working
    assert running.states() == ["dispatched"]
    running.go(minutes=5)
    assert running.states() == ["unknown"]
    running.go(hours=1)
    assert running.mail.mails == [], "nobody sends it again on his own"
    [message] = running.messages(state="unknown")
    running.stub.ResendMessage(pb.ResendMessageRequest(send_id=message.send_id))
    running.settle()
    assert (running.states(), len(running.mail.mails)) == (["sent"], 1)
    with pytest.raises(grpc.RpcError) as refused:
        running.stub.ResendMessage(pb.ResendMessageRequest(send_id=message.send_id))
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION


def test_the_server_says_what_becomes_of_a_mail(running: Any) -> None:
    running.a_customer(1, email="nobody@example.com")
    running.a_customer(2, email="later@example.com")
    running.a_customer(3, email="")
    running.customers.cards[str(UUID(int=3))].email = ""
    running.launch(running.a_segment(), running.a_template())
    running.settle()
    assert running.states() == ["bounced", "deferred", "withheld"]
    [withheld] = running.messages(state="withheld")
    assert withheld.reason == told.WITHHOLD_REASON_NO_ADDRESS
    for _ in range(6):
        running.go(minutes=20)
    assert running.states() == ["bounced", "bounced", "withheld"], "after five attempts it is refused for good"
    assert running.mail.tried.count("later@example.com") == 5


def test_a_connection_lost_in_the_middle_is_an_unknown_outcome(running: Any) -> None:
    running.a_customer(1, email="vanish@example.com")
    running.a_customer(2)
    running.launch(running.a_segment(), running.a_template())
    running.settle()
    running.go(minutes=5)
    assert running.states() == ["sent", "unknown"]


def test_a_mail_server_that_is_away_is_waited_for(running: Any) -> None:
    running.a_customer(1)
    running.launch(running.a_segment(), running.a_template())
    working = running.channels[EMAIL]
    running.channels[EMAIL] = Email("smtp://127.0.0.1:1", "news@example.org")
    running.settle()
    assert running.states() == ["planned"]
    running.channels[EMAIL] = working
    running.go(minutes=1)
    assert running.states() == ["sent"]


@pytest.mark.feature("MKT-16")
def test_opens_and_clicks_are_counted_for_each_person_and_for_the_campaign(running: Any) -> None:
    running.a_customer(1)
    running.a_customer(2)
    campaign = running.a_campaign()
    running.launch(running.a_segment(), running.a_template(), campaign)
    running.settle()
    [mail] = running.mail.to("p1@example.com")
    opened, clicked = (token_in(html_of(mail), path) for path in ("/t/o", "/t/c"))
    public = running.public()
    for _ in range(2):
        image = public.TrackOpen(pb.TrackOpenRequest(token=opened))
        assert image.media_type == "image/gif"
        target = public.TrackClick(pb.TrackClickRequest(token=clicked))
        assert target.target_url == "https://example.com/prices"
    states = {m.customer_id: m for m in running.messages()}
    assert states[str(UUID(int=1))].HasField("opened_at")
    assert states[str(UUID(int=1))].clicks == 1
    assert not states[str(UUID(int=2))].HasField("opened_at")
    results = running.stub.GetCampaignResults(pb.GetCampaignResultsRequest(campaign_id=campaign)).results
    assert (results.engagement.sent, results.engagement.opened, results.engagement.clicked) == (2, 1, 1)
    assert (results.engagement.open_rate, results.engagement.click_rate) == ("0.5000", "0.5000")
    with pytest.raises(grpc.RpcError) as refused:
        public.TrackClick(pb.TrackClickRequest(token=clicked[:-2] + "xx"))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.RpcError) as refused:
        public.TrackOpen(pb.TrackOpenRequest(token=clicked))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND, "one token is not good for another purpose"


@pytest.mark.feature("MKT-18")
def test_who_unsubscribes_gets_nothing_more_by_that_channel(running: Any) -> None:
    running.a_customer(1)
    running.a_customer(2)
    segment, template = running.a_segment(), running.a_template()
    first = running.launch(segment, template)
    running.settle()
    [mail] = running.mail.to("p1@example.com")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = token_in(mail["List-Unsubscribe"], "/u")
    assert token == token_in(html_of(mail), "/u")
    answer = running.public().Unsubscribe(pb.UnsubscribeRequest(token=token))
    assert answer.channel == EMAIL
    running.public().Unsubscribe(pb.UnsubscribeRequest(token=token))
    running.launch(segment, template)
    running.settle()
    assert len(running.mail.to("p1@example.com")) == 1
    assert len(running.mail.to("p2@example.com")) == 2
    [withheld] = running.messages(state="withheld")
    assert withheld.reason == told.WITHHOLD_REASON_UNSUBSCRIBED
    shown = running.stub.GetMailing(pb.GetMailingRequest(mailing_id=first)).mailing
    assert shown.engagement.unsubscribed == 1


@pytest.mark.feature("MKT-18")
def test_a_withdrawn_consent_forbids_and_the_policy_may_ask_for_a_given_one(running: Any) -> None:
    running.a_customer(1, consent=True)
    running.a_customer(2, consent=False)
    running.a_customer(3)
    segment, template = running.a_segment(), running.a_template()
    running.launch(segment, template)
    running.settle()
    assert sorted(running.mail.tried) == ["p1@example.com", "p3@example.com"]
    running.stub.SetContactPolicy(pb.SetContactPolicyRequest(most_messages=5, window_days=7, consent_required=True))
    running.launch(segment, template)
    running.settle()
    assert sorted(running.mail.tried) == ["p1@example.com", "p1@example.com", "p3@example.com"]
    running.tell(
        customer_told.ConsentWithdrawn(customer_id=str(UUID(int=1)), channel="email", purpose="marketing"),
        UUID(int=1),
    )
    running.launch(segment, template)
    running.settle()
    assert len(running.mail.tried) == 3, "a withdrawal for the whole customer counts for every contact"


@pytest.mark.feature("MKT-18")
def test_the_frequency_cap_holds_within_its_window(running: Any) -> None:
    running.a_customer(1)
    running.stub.SetContactPolicy(pb.SetContactPolicyRequest(most_messages=2, window_days=7))
    segment, template = running.a_segment(), running.a_template()
    for _ in range(4):
        running.launch(segment, template)
        running.go(hours=1)
    assert len(running.mail.mails) == 2
    assert {m.reason for m in running.messages(state="withheld")} == {told.WITHHOLD_REASON_FREQUENCY_CAP}
    running.go(days=8)
    running.launch(segment, template)
    running.settle()
    assert len(running.mail.mails) == 3


@pytest.mark.feature("MKT-18")
def test_do_not_contact_holds_on_every_channel_it_is_said_for(running: Any) -> None:
    customer = running.a_customer(1)
    who = {"customer_id": str(customer), "contact_id": str(running.contact_of(customer))}
    sms = tpl.MESSAGE_CHANNEL_SMS
    running.stub.StopContacting(pb.StopContactingRequest(channel=sms, **who))
    segment = running.a_segment()
    running.launch(segment, running.a_template(sms))
    running.launch(segment, running.a_template())
    running.settle()
    by_channel = {m.channel: m for m in running.messages()}
    assert by_channel[sms].reason == told.WITHHOLD_REASON_UNSUBSCRIBED
    assert by_channel[EMAIL].state == "sent"
    running.stub.ResumeContacting(pb.ResumeContactingRequest(channel=sms, **who))
    running.go(minutes=1)
    running.launch(segment, running.a_template(sms))
    running.settle()
    reasons = [m.reason for m in running.messages() if m.channel == sms]
    assert reasons[0] == told.WITHHOLD_REASON_CHANNEL_NOT_CONFIGURED, "no provider, and it says so"


def test_a_cancelled_mailing_keeps_back_what_has_not_left(running: Any) -> None:
    running.a_customer(1)
    mailing = running.launch(running.a_segment(), running.a_template())
    TimerRunner("marketing", running.service.store, running.service.timers).run_once()
    running.stub.CancelMailing(pb.CancelMailingRequest(mailing_id=mailing, reason="wrong price"))
    running.settle()
    [message] = running.messages()
    assert (message.state, message.reason) == ("withheld", told.WITHHOLD_REASON_CANCELLED)


@pytest.mark.parametrize("more_settings", [{}, {"MARKETING_SEND_BACKDATED": "true"}])
def test_mails_of_a_simulated_past_leave_only_if_the_installation_says_so(
    running: Any, more_settings: dict[str, str]
) -> None:
    running.a_customer(1)
    past = [("effective-at", "2025-05-01T09:00:00+00:00"), ("timeline-id", "sim")]
    running.launch(running.a_segment(), running.a_template(), metadata=past)
    running.settle()
    [message] = running.messages()
    if more_settings:
        assert (message.state, len(running.mail.mails)) == ("sent", 1)
    else:
        assert (message.state, len(running.mail.mails)) == ("simulated", 0)
    assert message.left_at.ToDatetime().year == 2025


def test_a_contact_who_is_not_the_first_one_is_asked_for_by_name(running: Any) -> None:
    customer = running.a_customer(1)
    other = UUID(int=555)
    running.tell(customer_told.ContactAdded(customer_id=str(customer), contact_id=str(other)), customer)
    running.customers.contacts[str(customer)] = [
        customer_pb.Contact(contact_id=str(other), name="李雷", emails=["li@example.com"])
    ]
    running.tell(customer_told.PrimaryContactChanged(customer_id=str(customer), contact_id=str(other)), customer)
    running.launch(running.a_segment(), running.a_template())
    TimerRunner("marketing", running.service.store, running.service.timers).run_once()
    before = running.messages()[0].contact_id
    assert before == str(other)
    running.tell(
        customer_told.PrimaryContactChanged(customer_id=str(customer), contact_id=str(UUID(int=customer.int + 10_000))),
        customer,
    )
    running.settle()
    assert [mail["To"] for mail in running.mail.mails] == ["li@example.com"]
