"""How many open records somebody owns in one service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.handover.v1 import ownership_service_pb2 as pb
from kernel.handover import Ownership, count_owned
from kernel.rpc import Call, required_uuid

if TYPE_CHECKING:
    from kernel.service import Service


class OwnershipApi:
    """Answers what a person owns here; nothing where people own nothing."""

    def __init__(self, service: Service) -> None:
        self._ownership = service.owned or Ownership(())

    def CountOwned(self, request: pb.CountOwnedRequest, call: Call) -> pb.CountOwnedResponse:
        found = count_owned(call.query(), self._ownership, required_uuid(request, "person_id"))
        return pb.CountOwnedResponse(owned=[pb.OwnedCount(kind=kind, count=n) for kind, n in found.items()])
