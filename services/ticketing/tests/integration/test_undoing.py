"""One run's changes of tickets are taken back over gRPC, by events of their own."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from crm.audit.v1 import undo_service_pb2 as undo
from crm.audit.v1.undo_service_pb2_grpc import UndoServiceStub
from crm.ticketing.v1 import ticketing_service_pb2 as pb
from crm.ticketing.v1.ticketing_service_pb2_grpc import TicketingServiceStub
from testkit import a_caller

ANNA, BO = (UUID(int=n) for n in (601, 602))


def test_a_run_over_tickets_is_taken_back(desk_of_two: Any) -> None:
    kept = desk_of_two.open().ticket_id
    correlation = str(uuid4())
    with desk_of_two.as_caller(None, (("correlation-id", correlation),)) as channel:
        run = TicketingServiceStub(channel)
        opened = run.OpenTicket(pb.OpenTicketRequest(channel=1, category="bill", subject="By mistake")).ticket_id
        run.RecategoriseTicket(pb.RecategoriseTicketRequest(ticket_id=kept, category="bill"))
        run.AssignTicket(pb.AssignTicketRequest(ticket_id=kept, assignee_id=str(BO), queue="billing"))
    with desk_of_two.as_caller(a_caller(), ()) as channel:
        undoing, cause = UndoServiceStub(channel), {"context": "ticketing", "correlation_id": correlation}
        preview = undoing.PreviewUndo(undo.PreviewUndoRequest(**cause))
        done = undoing.Undo(undo.UndoRequest(**cause, fingerprint=preview.fingerprint))
    found = desk_of_two.ticket(kept)
    assert (found.category, found.queue, found.assignee_id) == ("repair", "support", str(ANNA))
    assert desk_of_two.ticket(opened).status == pb.TICKET_STATUS_WITHDRAWN
    assert done.recorded == 3
    assert desk_of_two.kinds(kept)[-2:] == ["TicketAssigned", "TicketRecategorised"]
