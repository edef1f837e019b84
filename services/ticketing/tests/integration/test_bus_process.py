"""The bus as a process of its own: durable timers, whatever happened to the one before."""

import os
import signal
import subprocess
import sys
from base64 import b64encode

import pytest

from crm.ticketing.v1 import desk_events_pb2 as desk
from crm.ticketing.v1 import ticketing_service_pb2 as pb
from kernel.clock import system_clock
from testkit import wait_until


def start_bus(settings, amqp):
    environment = {
        **os.environ,
        "TICKETING_DATABASE_URL": settings.database_url,
        "TICKETING_AMQP_URL": amqp,
        "TICKETING_MASTER_KEY": b64encode(settings.master_key).decode(),
        "TICKETING_SERVICE_SECRET": settings.service_secret,
        "HEADWATER_TOKEN_PUBLIC_KEY": settings.token_public_key,
        "HEADWATER_PARTITIONS": "1",
    }
    return subprocess.Popen([sys.executable, "-W", "ignore", "-m", "ticketing", "bus"], env=environment)


@pytest.mark.feature("TIC-05")
def test_a_deadline_is_kept_by_the_bus_even_if_it_was_killed_before(desk_of_two, amqp):
    service = desk_of_two.service
    service.store.clock = system_clock
    desk_of_two.stub.DefineSlaPolicy(
        pb.DefineSlaPolicyRequest(
            policy_id="00000000-0000-0000-0000-0000000001f6",
            name="at once",
            calendar_id="00000000-0000-0000-0000-0000000001f5",
            targets=[desk.SlaTarget(priority=2, first_response_s=2)],
        )
    )
    first = start_bus(service.settings, amqp)
    opened = desk_of_two.open()
    first.send_signal(signal.SIGKILL)
    first.wait(10)
    second = start_bus(service.settings, amqp)
    try:
        wait_until(lambda: "TicketEscalated" in desk_of_two.kinds(opened.ticket_id), 90)
    finally:
        second.terminate()
        assert second.wait(15) == 0
    kinds = desk_of_two.kinds(opened.ticket_id)
    assert (kinds.count("SlaBreached"), kinds.count("TicketEscalated")) == (1, 1)
