"""From another service's log over RabbitMQ to the owner's inbox, by the processes that really run."""

import os
import subprocess
import sys
from base64 import b64encode
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event, Thread
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from crm.notification.v1 import notification_service_pb2 as pb
from crm.pipeline.v1.lead_events_pb2 import LeadAssigned
from kernel.ids import new_id
from kernel.log import LogRecorder, Metadata
from kernel.relay import Relay
from kernel.store import open_datastore
from testkit import wait_until

ANNA = str(UUID(int=601))


@contextmanager
def a_bus(settings, amqp):
    environment = {
        **os.environ,
        "NOTIFICATION_DATABASE_URL": settings.database_url,
        "NOTIFICATION_AMQP_URL": amqp,
        "NOTIFICATION_MASTER_KEY": b64encode(settings.master_key).decode(),
        "NOTIFICATION_SERVICE_SECRET": settings.service_secret,
        "HEADWATER_TOKEN_PUBLIC_KEY": settings.token_public_key,
        "HEADWATER_PARTITIONS": "1",
    }
    bus = subprocess.Popen([sys.executable, "-W", "ignore", "-m", "notification", "bus"], env=environment)
    try:
        yield bus
    finally:
        if bus.poll() is None:
            bus.terminate()
            assert bus.wait(15) == 0


@contextmanager
def relayed(context, log_url, amqp):
    datastore = open_datastore(log_url)
    recorder, stop = LogRecorder(datastore), Event()
    relay = Relay(context, log_url, amqp, recorder)
    thread = Thread(target=relay.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        stop.set()
        thread.join(20)
        datastore.close()


def append(log_url, recorder, messages):
    now = datetime.now(UTC)
    with psycopg.connect(log_url, row_factory=dict_row) as log, log.cursor() as cursor:
        recorder.lock_for_append(cursor)
        recorder.append(
            cursor,
            [
                (
                    UUID(m.lead_id),
                    1,
                    m.DESCRIPTOR.full_name,
                    m.SerializeToString(),
                    Metadata(new_id(), now, now, "person:x", "r", new_id(), None, "", ""),
                )
                for m in messages
            ],
        )


@pytest.mark.feature("NOT-01")
def test_the_owner_is_told_once_though_the_bus_was_killed_in_between(office, sink, database, amqp):
    log_url = database("kernel").url
    settings = office.service.settings
    leads = [LeadAssigned(lead_id=str(new_id()), owner_id=ANNA) for _ in range(20)]

    def unread():
        return office.stub.CountUnread(pb.CountUnreadRequest()).unread

    with relayed("pipeline", log_url, amqp) as recorder:
        with a_bus(settings, amqp) as first:
            append(log_url, recorder, leads[:10])
            wait_until(lambda: unread() >= 1, 30)
            first.kill()
            first.wait(10)
        append(log_url, recorder, leads[10:])
        with a_bus(settings, amqp):
            wait_until(lambda: unread() == len(leads), 60, unread)
    office.at = datetime.now(UTC)
    office.work()
    assert len(sink.mails) == len(leads)
    found = office.stub.ListNotifications(pb.ListNotificationsRequest(page_size=100)).notifications
    assert sorted(n.subject_id for n in found) == sorted(lead.lead_id for lead in leads)
