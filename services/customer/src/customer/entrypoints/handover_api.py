"""gRPC in, application calls out: handing over what somebody owns."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from crm.customer.v1 import handover_service_pb2 as pb
from crm.handover.v1 import ownership_service_pb2 as ownership
from customer.entrypoints.messages import stamp
from customer.handovers import Handovers
from customer.projections import handovers as view
from kernel.errors import InvalidArgument, NotFound
from kernel.handed_over import SuccessorFor
from kernel.rpc import Call, optional_text, optional_uuid, page_of, required_uuid

_TIMEOUT_S = 10.0
_COLUMNS = ("context", "kind", "record_id", "from_person_id", "to_person_id", "moved_at")


class HandoverApi:
    """One method per RPC of HandoverService."""

    def __init__(self, handovers: Handovers) -> None:
        self._handovers = handovers

    def PreviewHandover(self, request: pb.PreviewHandoverRequest, call: Call) -> pb.PreviewHandoverResponse:
        from crm.handover.v1.ownership_service_pb2_grpc import OwnershipServiceStub  # bus processes never import grpc

        leaver_id = str(required_uuid(request, "leaver_id"))
        response = pb.PreviewHandoverResponse()
        for context in self._handovers.contexts:
            asked = ownership.CountOwnedRequest(context=context, person_id=leaver_id)
            found = OwnershipServiceStub(call.peer(context)).CountOwned(asked, timeout=_TIMEOUT_S)
            response.contexts.append(pb.OwnedInContext(context=context, owned=found.owned))
            response.total += sum(it.count for it in found.owned)
        return response

    def OrderHandover(self, request: pb.OrderHandoverRequest, call: Call) -> pb.OrderHandoverResponse:
        leaver_id, to_person_id = required_uuid(request, "leaver_id"), required_uuid(request, "to_person_id")
        exceptions = [SuccessorFor(it.kind, required_uuid(it, "person_id")) for it in request.exceptions]
        self._require_active(call, {to_person_id, *(it.person_id for it in exceptions)})
        reason = optional_text(request, "reason", 40) or "left"
        handover_id = self._handovers.order_handover(
            call.transaction(), leaver_id, to_person_id, exceptions, reason, not request.once
        )
        return pb.OrderHandoverResponse(handover_id=str(handover_id))

    def RepeatHandover(self, request: pb.RepeatHandoverRequest, call: Call) -> pb.RepeatHandoverResponse:
        handover_id = required_uuid(request, "handover_id")
        return pb.RepeatHandoverResponse(round=self._handovers.repeat_handover(call.transaction(), handover_id))

    def GetHandover(self, request: pb.GetHandoverRequest, call: Call) -> pb.GetHandoverResponse:
        handover_id, cursor = required_uuid(request, "handover_id"), call.query()
        row = self._row(cursor, handover_id)
        return pb.GetHandoverResponse(
            handover=_handover(row),
            counts=[
                pb.HandoverCount(
                    context=it["context"], kind=it["kind"], to_person_id=str(it["to_person_id"]), count=it["n"]
                )
                for it in view.counts(cursor, handover_id)
            ],
        )

    def ListHandovers(self, request: pb.ListHandoversRequest, call: Call) -> pb.ListHandoversResponse:
        page = page_of(request)
        rows = view.listed(call.query(), page, optional_uuid(request, "leaver_id"))
        shown = rows[: page.limit]
        token = page.next_token(rows, [shown[-1]["ordered_at"], shown[-1]["handover_id"]]) if shown else ""
        return pb.ListHandoversResponse(handovers=[_handover(row) for row in shown], next_page_token=token)

    def GetHandoverSheet(self, request: pb.GetHandoverSheetRequest, call: Call) -> pb.GetHandoverSheetResponse:
        handover_id, page, cursor = required_uuid(request, "handover_id"), page_of(request), call.query()
        leaver_id = str(self._row(cursor, handover_id)["leaver_id"])
        rows = view.lines(cursor, handover_id, page)
        shown = rows[: page.limit]
        token = page.next_token(rows, [shown[-1]["version"], shown[-1]["ordinal"]]) if shown else ""
        return pb.GetHandoverSheetResponse(
            lines=[
                pb.HandoverLine(
                    context=row["context"],
                    kind=row["kind"],
                    record_id=str(row["record_id"]),
                    from_person_id=leaver_id,
                    to_person_id=str(row["to_person_id"]),
                    moved_at=stamp(row["moved_at"]),
                )
                for row in shown
            ],
            csv=_csv(shown, leaver_id, with_header=not page.after),
            next_page_token=token,
        )

    @staticmethod
    def _require_active(call: Call, people: set[UUID]) -> None:
        """Nothing goes to somebody who is not there or has left."""
        from crm.identity.v1 import identity_service_pb2 as identity
        from crm.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

        asked = identity.BatchGetPeopleRequest(person_ids=sorted(str(it) for it in people))
        found = IdentityServiceStub(call.peer("identity")).BatchGetPeople(asked, timeout=_TIMEOUT_S)
        active = {it.person_id for it in found.people if not it.left}
        for person_id in sorted(str(it) for it in people):
            if person_id not in active:
                raise InvalidArgument("to_person_id", f"{person_id} is nobody who works here; name somebody active")

    @staticmethod
    def _row(cursor: Any, handover_id: UUID) -> Mapping[str, Any]:
        row = view.one(cursor, handover_id)
        if row is None:
            raise NotFound(f"no handover {handover_id}")
        return row


def _handover(row: Mapping[str, Any]) -> pb.Handover:
    return pb.Handover(
        handover_id=str(row["handover_id"]),
        leaver_id=str(row["leaver_id"]),
        to_person_id=str(row["to_person_id"]),
        state=row["state"],
        reason=row["reason"],
        ordered_at=stamp(row["ordered_at"]),
        completed_at=stamp(row["completed_at"]),
        round=row["round"],
        waiting_for=row["waiting_for"],
        moved=row["moved"],
        left=row["left_over"],
        keep_watching=row["keep_watching"],
    )


def _csv(rows: Sequence[Mapping[str, Any]], leaver_id: str, with_header: bool) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if with_header:
        writer.writerow(_COLUMNS)
    for row in rows:
        moved_at = row["moved_at"].isoformat()
        writer.writerow([row["context"], row["kind"], row["record_id"], leaver_id, row["to_person_id"], moved_at])
    return out.getvalue()
