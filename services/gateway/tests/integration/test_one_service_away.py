"""One service of a suite stops: the others go on, what is away is named, and comes back by itself."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from google.protobuf.message_factory import GetMessageClass

from crm.customer.v1 import customer_service_pb2 as customer
from crm.identity.v1 import identity_service_pb2 as identity
from crm.ticketing.v1 import ticketing_service_pb2 as ticketing
from kernel.auth import Verifier
from kernel.rpc import Endpoint
from kernel.wire import serve
from testkit.callers import a_caller, a_token, signing_key
from testkit.waiting import wait_until

from .conftest import a_closed_port, gateway_to

SERVICES = {
    "customer": customer.DESCRIPTOR.services_by_name["CustomerService"],
    "identity": identity.DESCRIPTOR.services_by_name["IdentityService"],
    "ticketing": ticketing.DESCRIPTOR.services_by_name["TicketingService"],
}


def started(context: str, port: int) -> Any:
    """A real gRPC server of that context, with empty answers: only who is there matters here."""
    service = SERVICES[context]
    answers = {m.name: (lambda _, __, t=m.output_type: GetMessageClass(t)()) for m in service.methods}
    api = type("Api", (), {name: staticmethod(answer) for name, answer in answers.items()})()
    server, _ = serve([Endpoint(service, api, None, Verifier(signing_key().public_pem))], f"127.0.0.1:{port}", 4)
    return server


@pytest.mark.feature("NFR-03")
def test_when_one_service_is_away_the_others_go_on_and_it_is_named_until_it_is_back() -> None:
    ports = {context: a_closed_port() for context in SERVICES}
    with ExitStack() as stack:
        servers = {context: started(context, port) for context, port in ports.items()}
        stack.callback(lambda: [server.stop(0).wait() for server in servers.values()])
        running = stack.enter_context(gateway_to({context: f"127.0.0.1:{port}" for context, port in ports.items()}))
        client = running.client(a_token(a_caller()))

        def ask(path: str) -> httpx.Response:
            return client.get(path)

        assert [ask("/v1/customers").status_code, ask("/v1/tickets").status_code] == [200, 200]
        assert ask("/readyz").json()["away"] == []

        servers["ticketing"].stop(0).wait()
        refused = ask("/v1/tickets")
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:headwater:problem:unavailable")
        assert refused.json()["detail"].startswith("ticketing does not answer at the moment; nothing is lost")
        assert ask("/v1/customers").status_code == 200
        page = ask("/v1/customers/c-1/overview").json()
        assert ("tickets", "ticketing", "unavailable") in {
            (m["part"], m["context"], m["reason"]) for m in page["missing"]
        }
        assert "card" in page
        ready = ask("/readyz")
        assert (ready.status_code, ready.json()["away"]) == (200, ["ticketing"]), "people can sign in and work"

        servers["ticketing"] = started("ticketing", ports["ticketing"])
        wait_until(lambda: ask("/v1/tickets").status_code == 200, 20)
        assert ask("/readyz").json()["away"] == []
