from datetime import timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from uuid import UUID

import grpc
import pytest

from crm.customer.v1 import customer_service_pb2 as customer
from crm.customer.v1.customer_events_pb2 import CustomerNeglected, CustomerWentSilent
from crm.customer.v1.follow_up_events_pb2 import FollowUpDue
from crm.customer.v1.policy_events_pb2 import RetentionDue
from crm.notification.v1 import message_events_pb2 as events
from crm.notification.v1 import notification_service_pb2 as pb
from crm.notification.v1 import preference_events_pb2 as preferences
from crm.notification.v1.notification_service_pb2_grpc import NotificationServiceStub
from crm.pipeline.v1.approval_events_pb2 import ApprovalGranted, ApprovalRequested
from crm.pipeline.v1.lead_events_pb2 import LeadAssigned
from crm.pipeline.v1.order_events_pb2 import ReceivableOverdue
from crm.ticketing.v1.survey_events_pb2 import SurveyAnswered, SurveySent
from crm.ticketing.v1.ticket_events_pb2 import SlaBreached, SlaWarned, TicketEscalated
from kernel.ids import new_id
from testkit import a_caller

ANNA = str(UUID(int=601))


def the_lead():
    return LeadAssigned(lead_id=str(new_id()), owner_id=ANNA)


def listed(office, **which):
    return office.stub.ListNotifications(pb.ListNotificationsRequest(**which))


def mail_of(envelope):
    mail = message_from_bytes(envelope.content)
    return str(make_header(decode_header(mail["Subject"]))), mail.get_payload(decode=True).decode(), mail


@pytest.mark.feature("NOT-01")
def test_the_owner_of_a_new_lead_is_told_in_the_centre_and_by_mail(office, sink):
    lead = the_lead()
    office.happens(lead)
    found = listed(office, language="en")
    (notice,) = found.notifications
    assert (found.unread, notice.title) == (1, "New lead: 张伟")
    assert notice.deep_link == f"/#/leads/{lead.lead_id}"
    office.work()
    (envelope,) = sink.mails
    subject, text, mail = mail_of(envelope)
    assert envelope.rcpt_tos == ["anna@example.com"]
    assert subject == "新线索：张伟"
    assert f"https://crm.example.com/#/leads/{lead.lead_id}" in text
    assert mail["Message-ID"].endswith("@example.com>")
    office.stub.MarkRead(pb.MarkReadRequest(message_id=notice.message_id))
    assert office.stub.CountUnread(pb.CountUnreadRequest()).unread == 0
    assert listed(office).notifications[0].read


@pytest.mark.feature("NOT-02")
def test_a_follow_up_reminds_with_what_to_say(office):
    due = FollowUpDue(follow_up_id=str(new_id()), customer_id=str(new_id()), owner_id=ANNA)
    due.suggested_content = "sealed"
    due.due_at.FromDatetime(office.at)
    office.happens(due)
    (notice,) = listed(office, language="en").notifications
    assert "华北机械" in notice.title
    assert "Ask for the pump" in notice.text
    assert "sealed" not in notice.text
    assert notice.deep_link == f"/#/customer/{due.customer_id}"


@pytest.mark.feature("NOT-03")
def test_a_neglected_customer_is_told_of_by_level(office):
    office.happens(CustomerNeglected(customer_id=str(new_id()), owner_id=ANNA, level=4, after_days=7))
    (notice,) = listed(office, language="en").notifications
    assert notice.text == "Level VIP: no contact with 华北机械 for 7 days."


def test_everybody_concerned_is_told(office):
    approval, ticket = str(new_id()), str(new_id())
    office.happens(CustomerWentSilent(customer_id=str(new_id()), owner_id=ANNA, after_months=6))
    office.happens(ApprovalRequested(approval_id=approval, approver_ids=[ANNA, str(new_id())], subject_kind=1))
    office.happens(ApprovalGranted(approval_id=approval, requested_by=ANNA, subject_kind=1))
    office.happens(SlaWarned(ticket_id=ticket, clock=1, assignee_id=ANNA))
    office.happens(SlaBreached(ticket_id=ticket, clock=2, assignee_id=ANNA))
    office.happens(TicketEscalated(ticket_id=ticket, to_person_id=ANNA, level=1, reason="overdue"))
    office.happens(SurveyAnswered(survey_id=str(new_id()), score=1, low=True, supervisor_id=ANNA))
    office.happens(SurveyAnswered(survey_id=str(new_id()), score=5, supervisor_id=ANNA))
    overdue = ReceivableOverdue(order_id=str(new_id()), owner_id=ANNA, due_on="2026-03-01")
    overdue.outstanding.minor_units, overdue.outstanding.currency_code = 123_456, "CNY"
    office.happens(overdue)
    office.happens(LeadAssigned(lead_id=str(new_id())))
    found = listed(office, language="en").notifications
    assert sorted(n.kind for n in found) == sorted([
        "customer-silent", "approval-requested", "approval-granted", "sla-warned", "sla-breached",
        "ticket-escalated", "survey-low", "receivable-overdue",
    ])  # fmt: skip
    texts = {n.kind: n.title for n in found}
    assert texts["receivable-overdue"] == "Payment overdue: 1,234.56 CNY"
    assert texts["sla-breached"] == "Deadline missed: It broke"


@pytest.mark.feature("NFR-11")
def test_who_may_forget_people_is_told_that_some_are_due_and_nobody_else(office, sink):
    office.happens(RetentionDue(look_id=str(new_id()), people=2, leads=3, senders=1))
    office.work()
    (notice,) = listed(office, language="en").notifications
    assert notice.deep_link == "/#/admin/retention"
    assert "2 contacts and private customers, 3 leads, 0 requesters of tickets, 1 senders of forms" in notice.text
    office.work()
    (envelope,) = sink.mails
    assert mail_of(envelope)[0] == "有个人数据到期待处理"
    with office.as_caller(a_caller(person_id=UUID(int=602))) as channel:
        seller = NotificationServiceStub(channel)
        assert not seller.ListNotifications(pb.ListNotificationsRequest()).notifications


@pytest.mark.parametrize("late", [{"timeline_id": "simulation-1"}, {"ago": timedelta(days=40)}])
def test_the_past_is_told_in_the_centre_and_never_by_mail(office, sink, late):
    office.happens(the_lead(), **late)
    (notice,) = listed(office).notifications
    assert notice.historic
    assert office.work() == 0
    assert sink.mails == []


def test_the_customer_is_asked_by_mail_with_the_surveys_link(office, sink):
    office.happens(SurveySent(survey_id=str(new_id()), customer_id=str(new_id())))
    office.work()
    (envelope,) = sink.mails
    assert envelope.rcpt_tos == ["buyer@example.org"]
    assert "https://crm.example.com/s/secret-token" in mail_of(envelope)[1]


@pytest.mark.feature("CUS-52")
@pytest.mark.parametrize(
    "given",
    [[], [("email", "marketing", "")], [("sms", "research", "")], [("email", "research", str(UUID(int=7)))]],
    ids=["nothing", "for something else", "by another way", "by somebody else"],
)
def test_without_consent_nothing_leaves_to_a_customer(office, sink, customers, given):
    customers.consents = [customer.Consent(channel=c, purpose=p, contact_id=who) for c, p, who in given]
    office.happens(SurveySent(survey_id=str(new_id()), customer_id=str(new_id())))
    office.work()
    assert sink.mails == []
    with office.as_caller(a_caller(permissions=["*"])) as channel:
        (sent,) = NotificationServiceStub(channel).ListMessages(pb.ListMessagesRequest()).messages
    assert sent.last_failure == "the recipient has not consented to e-mail for research"
    office.move(days=1)
    assert sink.mails == [], "nor is it tried again"


@pytest.mark.feature("CUS-50", "CUS-52", "NFR-11")
def test_a_contact_who_is_gone_gets_nothing_and_nobody_gets_it_in_his_place(office, sink, customers):
    contact_id, customer_id = str(new_id()), str(new_id())
    customers.consents = [
        customer.Consent(channel="email", purpose="research", contact_id=who) for who in ("", contact_id)
    ]
    office.happens(SurveySent(survey_id=str(new_id()), customer_id=customer_id, contact_id=contact_id))
    office.work()
    assert sink.mails == []
    customers.contacts = [customer.Contact(contact_id=contact_id, emails=["he@example.org"])]
    office.happens(SurveySent(survey_id=str(new_id()), customer_id=customer_id, contact_id=contact_id))
    office.work()
    assert [envelope.rcpt_tos for envelope in sink.mails] == [["he@example.org"]]


def test_a_person_is_told_as_he_wants(office, sink):
    wanted = pb.Preferences(
        language="en",
        kinds=[preferences.KindPreference(kind="lead-assigned", channels=[events.CHANNEL_EMAIL])],
    )
    office.stub.SetPreferences(pb.SetPreferencesRequest(preferences=wanted))
    office.happens(the_lead())
    office.work()
    assert not listed(office).notifications
    assert mail_of(sink.mails[0])[0] == "New lead: 张伟"
    assert office.stub.GetPreferences(pb.GetPreferencesRequest()).preferences.language == "en"


def test_nobody_reads_anothers_notifications(office):
    office.happens(the_lead())
    (notice,) = listed(office).notifications
    with office.as_caller(a_caller(permissions=["notification.*.read", "notification.*.write"])) as channel:
        other = NotificationServiceStub(channel)
        assert not other.ListNotifications(pb.ListNotificationsRequest()).notifications
        for ask, request in (
            (other.MarkRead, pb.MarkReadRequest(message_id=notice.message_id)),
            (other.GetMessage, pb.GetMessageRequest(message_id=notice.message_id)),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                ask(request)
            assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        assert not other.ListMessages(pb.ListMessagesRequest()).messages


def test_all_are_read_at_once_and_pages_follow_each_other(office):
    for _ in range(5):
        office.happens(the_lead())
        office.at += timedelta(seconds=1)
    seen, token = [], ""
    for _ in range(3):
        page = listed(office, page_size=2, page_token=token)
        seen += [n.message_id for n in page.notifications]
        token = page.next_page_token
    assert (len(set(seen)), token) == (5, "")
    assert office.stub.MarkAllRead(pb.MarkAllReadRequest()).marked == 5
    assert listed(office, unread_only=True).unread == 0


class TestWhenTheOthersAreAway:
    @pytest.fixture
    def neighbours(self, neighbours):
        return {"identity": neighbours["identity"]}

    def test_notices_come_without_names_and_mail_goes(self, office, sink):
        for _ in range(20):
            office.happens(the_lead())
        found = listed(office, language="en").notifications
        assert {n.title for n in found} == {"New lead: (name not available now)"}
        office.work()
        assert len(sink.mails) == 20
