"""A caller shares its calls out among the replicas that a target's name leads to."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from kernel.wire import channel_to
from testkit import wait_until


@pytest.fixture
def replicas() -> Iterator[tuple[grpc.Server, grpc.Server, str]]:
    servers, places = [], []
    for name in (b"one", b"two"):
        server = grpc.server(ThreadPoolExecutor(2))
        answer = grpc.unary_unary_rpc_method_handler(lambda request, context, name=name: name)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Replica", {"Who": answer}),))
        places.append(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
        server.start()
        servers.append(server)
    yield servers[0], servers[1], f"ipv4:{','.join(places)}"
    for server in servers:
        server.stop(None)


def test_each_replica_gets_its_share_and_the_others_that_of_one_that_is_gone(
    replicas: tuple[grpc.Server, grpc.Server, str],
) -> None:
    one, _, target = replicas
    with channel_to(target) as channel:
        ask = channel.unary_unary("/test.Replica/Who")

        def answers() -> set[bytes]:
            return {ask(b"", timeout=30, wait_for_ready=True) for _ in range(10)}

        wait_until(lambda: answers() == {b"one", b"two"})
        one.stop(None).wait(10)
        assert answers() == {b"two"}
