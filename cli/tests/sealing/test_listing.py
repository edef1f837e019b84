"""Whoever may, keeps his own copy of the checkpoints."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from crm.audit.v1 import seal_service_pb2 as pb
from crm.audit.v1.seal_service_pb2_grpc import SealServiceStub
from headwater.verify_export import Checkpoint
from kernel.auth import Verifier
from kernel.checkpoints import SealApi
from kernel.rpc import Endpoint
from testkit.callers import a_caller, signing_key
from testkit.grpc_server import channel_as, serving

Ledger = Any
SERVICE = pb.DESCRIPTOR.services_by_name["SealService"]


def test_checkpoints_listed_page_by_page_are_the_ones_kept_outside(sealed: Ledger) -> None:
    verifier = Verifier(signing_key().public_pem)
    with serving(Endpoint(SERVICE, SealApi(), sealed.store, verifier, context="customer")) as target:
        with channel_as(target, a_caller(permissions=("audit.seal.read",))) as channel:
            stub = SealServiceStub(channel)
            asked = pb.ListCheckpointsRequest(context="customer", page_size=3)
            first = stub.ListCheckpoints(asked)
            asked.page_token = first.next_page_token
            second = stub.ListCheckpoints(asked)
            later = stub.ListCheckpoints(pb.ListCheckpointsRequest(context="customer", after_number=3))
            with pytest.raises(grpc.RpcError, match="must be one of: events, reads"):
                stub.ListCheckpoints(pb.ListCheckpointsRequest(context="customer", chain="timers"))
        with (
            channel_as(target, a_caller(permissions=("customer.customer.read",))) as channel,
            pytest.raises(grpc.RpcError, match="PERMISSION_DENIED"),
        ):
            SealServiceStub(channel).ListCheckpoints(asked)
    listed = [*first.checkpoints, *second.checkpoints]
    assert [(c.number, c.position) for c in listed] == [(1, 10), (2, 21), (3, 31), (4, 35)]
    assert second.next_page_token == ""
    assert [c.number for c in later.checkpoints] == [4]
    lines = [Checkpoint.read(c.body.encode(), c.signature, c.marks).line() for c in listed]
    assert lines == (sealed.checkpoints / "customer.events.jsonl").read_bytes().splitlines()
