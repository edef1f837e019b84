from datetime import timedelta
from uuid import UUID

import pytest

from crm.notification.v1 import message_events_pb2 as events
from crm.notification.v1 import notification_service_pb2 as pb
from crm.pipeline.v1.lead_events_pb2 import LeadAssigned
from kernel.ids import new_id
from kernel.store import Cause
from notification.application import Notification

ANNA = str(UUID(int=601))


def the_mail(office):
    (message,) = office.stub.ListMessages(pb.ListMessagesRequest(channel=events.CHANNEL_EMAIL)).messages
    return message


def steps(office, message_id):
    return [s.step for s in office.stub.GetMessage(pb.GetMessageRequest(message_id=message_id)).steps]


def a_reminder(office, after, **fields):
    request = pb.ScheduleMessageRequest(recipient_id=ANNA, channel=events.CHANNEL_EMAIL, title="Tea", **fields)
    request.send_at.FromDatetime(office.at + after)
    return office.stub.ScheduleMessage(request).message_id


@pytest.mark.feature("NOT-15")
def test_every_step_of_a_delivery_is_in_the_log(office, sink):
    sink.answer = "451 come back later"
    office.happens(LeadAssigned(lead_id=str(new_id()), owner_id=ANNA))
    office.work()
    mail = the_mail(office)
    assert mail.state == pb.DELIVERY_STATE_RETRYING
    assert mail.last_failure == "the mail server answered 451"
    office.move(seconds=10)
    assert the_mail(office).attempts == 1
    sink.answer = "250 OK"
    office.move(seconds=25)
    assert the_mail(office).state == pb.DELIVERY_STATE_SENT
    assert steps(office, mail.message_id) == ["queued", "attempted", "failed", "attempted", "sent"]
    assert len(sink.mails) == 1


def test_a_mail_server_that_never_answers_is_not_asked_for_ever(office, sink):
    sink.answer = "451 come back later"
    office.happens(LeadAssigned(lead_id=str(new_id()), owner_id=ANNA))
    for _ in range(10):
        office.move(hours=3)
    mail = the_mail(office)
    assert (mail.state, mail.attempts) == (pb.DELIVERY_STATE_FAILED, 6)
    sink.answer = "250 OK"
    office.stub.RetryMessage(pb.RetryMessageRequest(message_id=mail.message_id))
    office.work()
    assert the_mail(office).state == pb.DELIVERY_STATE_SENT
    assert steps(office, mail.message_id)[-3:] == ["retried", "attempted", "sent"]


def test_an_attempt_is_in_the_log_before_the_mail_leaves(office, sink):
    seen = []
    sink.before = lambda: seen.extend(steps_of_only_mail(office))
    office.happens(LeadAssigned(lead_id=str(new_id()), owner_id=ANNA))
    office.work()
    assert seen == ["queued", "attempted"]


def steps_of_only_mail(office):
    with office.service.store.query() as cursor:
        rows = cursor.execute(
            "select step from delivery_steps join messages using (message_id) where channel = 2"
            " order by delivery_steps.version"
        ).fetchall()
    return [row["step"] for row in rows]


def test_a_sender_that_died_half_way_does_not_send_twice(office, sink):
    office.happens(LeadAssigned(lead_id=str(new_id()), owner_id=ANNA))
    mail = the_mail(office)
    with office.service.store.transaction(Cause.of("service:notification")) as tx:
        Notification().begin_attempt(tx, UUID(mail.message_id), "<x@example.com>")
    office.work()
    found = the_mail(office)
    assert found.state == pb.DELIVERY_STATE_FAILED
    assert "may have arrived" in found.last_failure
    assert sink.mails == []


@pytest.mark.feature("NOT-11")
def test_an_arranged_message_that_missed_its_time_is_caught_up_once(office, sink):
    message_id = a_reminder(office, timedelta(hours=1))
    office.move(minutes=30)
    assert sink.mails == []
    office.at += timedelta(days=2)  # nobody was running when the time came
    office.move()
    office.move(minutes=1)
    assert len(sink.mails) == 1
    assert steps(office, message_id) == ["scheduled", "queued", "attempted", "sent"]


def test_an_arranged_message_that_was_taken_back_does_not_go(office, sink):
    message_id = a_reminder(office, timedelta(hours=1))
    office.stub.CancelSchedule(pb.CancelScheduleRequest(message_id=message_id))
    office.move(hours=2)
    assert sink.mails == []
    assert steps(office, message_id) == ["scheduled", "cancelled"]


def test_addresses_and_names_are_stored_nowhere(office, sink):
    office.happens(LeadAssigned(lead_id=str(new_id()), owner_id=ANNA))
    office.work()
    assert len(sink.mails) == 1
    with office.service.store.query() as cursor:
        for table in ("messages", "delivery_steps", "events", "timers"):
            rows = cursor.execute(f"select t::text as row from {table} t").fetchall()
            text = "\n".join(row["row"] for row in rows)
            assert "anna@example.com" not in text
            assert "张伟" not in text
