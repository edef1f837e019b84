"""What rights cost: a list of 50 customers and a command, with and without what guards them.

Without means: no token verified, no field rule looked up, no read recorded. Clients are in a process of their own.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from typing import Any
from uuid import uuid4

from bench.figures import Figure
from bench.stage import DISKS, Stage
from crm.customer.v1 import customer_service_pb2 as pb
from crm.customer.v1.customer_service_pb2_grpc import CustomerServiceStub
from customer.bootstrap import bootstrap
from kernel.auth import Caller, Verifier
from kernel.config import Settings
from kernel.rpc import Endpoint, Method
from kernel.wire import channel_to, sending
from testkit import a_caller, a_token, signing_key
from testkit.databases import Database
from testkit.grpc_server import channel_as, serving

CLIENTS = 8
SECONDS = 4.0
ROUNDS = 4
CUSTOMERS = 200
_FINANCE = ((("*.*.phone", "mask"), ("*.*.email", "mask")),)


class Unguarded(Endpoint):
    """Everybody may do everything, and nothing is written down."""

    def _caller(self, method: Method, token: str) -> Caller:
        return _ANYBODY

    def _show(self, *_: Any) -> None:
        return None


_ANYBODY = Caller("person", str(uuid4()), permissions=("*",), scope="all")
_KINDS = {"guarded": Endpoint, "unguarded": Unguarded}


def measure(stage: Stage) -> list[Figure]:
    """Calls per second, guarded and not, on both disks."""
    figures = []
    for disk in DISKS:
        with stage.disk(disk), stage.database("customer") as database, _served(database) as targets:
            _fill(targets["unguarded"])
            for what in ("list of 50", "command"):
                rates = dict.fromkeys(_KINDS, 0.0)
                for kind in [*_KINDS] * ROUNDS:  # in turns, best of all: others may use the machine too
                    rates[kind] = max(rates[kind], _clients(targets[kind], what))
                stage.tell(f"{what}, {disk}: {rates}")
                figures.append(
                    Figure(
                        *(f"{what}, rights checked and reads recorded", disk, rates["guarded"], "calls/s"),
                        *("without", rates["unguarded"]),
                        *("≥ 0.9x", rates["guarded"] >= 0.9 * rates["unguarded"]),
                    )
                )
    return figures


@contextmanager
def _served(database: Database) -> Iterator[dict[str, str]]:
    environment = {
        "CUSTOMER_DATABASE_URL": database.url,
        "CUSTOMER_OWNER_DATABASE_URL": database.owner_url,
        "CUSTOMER_AMQP_URL": "amqp://nobody@127.0.0.1:1/",
        "CUSTOMER_MASTER_KEY": b64encode(b"k" * 32).decode(),
        "CUSTOMER_SERVICE_SECRET": "bench",
        "HEADWATER_TOKEN_PUBLIC_KEY": signing_key().public_pem,
    }
    service = bootstrap(Settings.from_environment("customer", environment))
    verifier = Verifier(signing_key().public_pem)
    with ExitStack() as stack:
        targets = {}
        for kind, endpoint in _KINDS.items():
            served = [endpoint(descriptor, api, service.store, verifier) for descriptor, api in service.apis]
            targets[kind] = stack.enter_context(serving(*served))
        yield targets
        service.store.close()


def _fill(target: str) -> None:
    with channel_as(target) as channel, ThreadPoolExecutor(4) as pool:
        stub: Any = CustomerServiceStub(channel)

        def one(n: int) -> None:
            profile = pb.Profile(name=f"Customer {n}", phones=[f"138{n:08d}"], emails=[f"c{n}@bench.example"])
            stub.RegisterCustomer(pb.RegisterCustomerRequest(profile=profile, allow_duplicates=True), timeout=30)

        list(pool.map(one, range(CUSTOMERS)))


def _clients(target: str, what: str) -> float:
    spawn = get_context("spawn")
    counts = spawn.Queue()
    fields = _FINANCE if what == "list of 50" else ()
    process = spawn.Process(target=_client_process, args=(target, what, a_token(a_caller(fields=fields)), counts))
    process.start()
    total = counts.get(timeout=120)
    process.join()
    return float(round(total / SECONDS, 1))


def _client_process(target: str, what: str, token: str, counts: Any) -> None:
    with channel_to(target) as channel, ThreadPoolExecutor(CLIENTS) as pool:
        stub: Any = CustomerServiceStub(sending(channel, [("authorization", f"Bearer {token}")]))
        stub.ListCustomers(pb.ListCustomersRequest(page_size=50), timeout=30)
        end = time.monotonic() + SECONDS

        def run(_: int) -> int:
            done = 0
            while time.monotonic() < end:
                if what == "command":
                    profile = pb.Profile(name=f"New {uuid4().hex}")
                    stub.RegisterCustomer(
                        pb.RegisterCustomerRequest(profile=profile, allow_duplicates=True), timeout=30
                    )
                else:
                    stub.ListCustomers(pb.ListCustomersRequest(page_size=50), timeout=30)
                done += 1
            return done

        counts.put(sum(pool.map(run, range(CLIENTS))))
