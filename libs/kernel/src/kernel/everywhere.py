"""What every service answers, besides its own apis. Requests name the service they are for by `context`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crm.audit.v1 import (
    feed_service_pb2,
    parking_service_pb2,
    person_service_pb2,
    processing_service_pb2,
    reads_service_pb2,
    seal_service_pb2,
    undo_service_pb2,
)
from crm.handover.v1 import ownership_service_pb2
from kernel.checkpoints import SealApi
from kernel.collecting import PersonApi
from kernel.feed import FeedApi
from kernel.mending import ParkingApi
from kernel.owning import OwnershipApi
from kernel.processing import ProcessingApi
from kernel.reads import ReadsApi
from kernel.undoing import UndoApi

if TYPE_CHECKING:
    from kernel.service import Service


def apis_everywhere(service: Service) -> Sequence[tuple[Any, object]]:
    """Return pairs of a protobuf service descriptor and what answers it for this service."""
    return [
        (feed_service_pb2.DESCRIPTOR.services_by_name["FeedService"], FeedApi(service)),
        (parking_service_pb2.DESCRIPTOR.services_by_name["ParkingService"], ParkingApi(service)),
        (person_service_pb2.DESCRIPTOR.services_by_name["PersonService"], PersonApi(service)),
        (processing_service_pb2.DESCRIPTOR.services_by_name["ProcessingService"], ProcessingApi(service)),
        (ownership_service_pb2.DESCRIPTOR.services_by_name["OwnershipService"], OwnershipApi(service)),
        (reads_service_pb2.DESCRIPTOR.services_by_name["ReadsService"], ReadsApi(service.name)),
        (seal_service_pb2.DESCRIPTOR.services_by_name["SealService"], SealApi()),
        (undo_service_pb2.DESCRIPTOR.services_by_name["UndoService"], UndoApi(service)),
    ]
