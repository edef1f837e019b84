"""Every view survives the same events twice, and is built again to the same rows."""

from datetime import timedelta
from uuid import UUID

import pytest

from crm.notification.v1 import message_events_pb2 as events
from crm.notification.v1 import notification_service_pb2 as pb
from crm.pipeline.v1.lead_events_pb2 import LeadAssigned
from kernel.ids import new_id
from kernel.rebuild import compare, rebuild
from kernel.store import Cause
from notification.bootstrap import VIEWS
from notification.domain import webhook

ANNA = str(UUID(int=601))


@pytest.fixture
def busy_office(office, sink):
    office.stub.SetPreferences(pb.SetPreferencesRequest(preferences=pb.Preferences(language="en")))
    request = pb.ScheduleMessageRequest(recipient_id=ANNA, channel=events.CHANNEL_EMAIL, title="Tea")
    request.send_at.FromDatetime(office.at + timedelta(minutes=1))
    office.stub.ScheduleMessage(request)
    sink.answer = "451 later"
    office.happens(LeadAssigned(lead_id=str(new_id()), owner_id=ANNA))
    office.move(seconds=1)
    sink.answer = "250 OK"
    office.move(hours=1)
    office.stub.MarkAllRead(pb.MarkAllReadRequest())
    with office.service.store.transaction(Cause.of("service:test")) as tx:
        shop = new_id()
        tx.append(shop, 0, webhook.register(shop, "Shop", "https://shop.example/", ["crm.pipeline.v1.*"], UUID(ANNA)))
    return office


def rows_of(store, tables):
    with store.query() as cursor:
        return {
            table: sorted(row["row"] for row in cursor.execute(f"select t::text as row from {table} t"))
            for table in tables
        }


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
def test_a_view_is_built_again_to_the_same_rows(busy_office, view):
    assert compare(busy_office.service, view).equal
    assert rebuild(busy_office.service, view).equal


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
def test_the_same_events_twice_leave_the_same_rows(busy_office, view):
    store = busy_office.service.store
    before = rows_of(store, view.tables)
    with store.transaction(Cause.of("service:test")) as tx:
        for row in tx.cursor.execute("select distinct originator_id from events").fetchall():
            for recorded in tx.recorded(row["originator_id"]):
                view.project(tx.cursor, recorded)
    assert any(before.values())
    assert rows_of(store, view.tables) == before
