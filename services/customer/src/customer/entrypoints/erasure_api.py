"""gRPC in, application calls out: forgetting people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm.audit.v1 import person_service_pb2 as audit
from crm.customer.v1 import erasure_service_pb2 as pb
from crm.erasure.v1 import erasure_events_pb2 as shared
from customer.domain.erasure import ErasureCompleted, ErasureStepDone
from customer.entrypoints.messages import stamp
from customer.erasures import Erasures
from customer.projections import erasures as view
from kernel.errors import DomainError, InvalidArgument, NotFound
from kernel.rpc import Call, optional_text, page_of, required_text, required_uuid
from kernel.store import EventStore, Recorded

_MOST_ROUNDS = 6
_MOST_PAGES = 40
_TIMEOUT_S = 10.0


class NotComplete(DomainError):
    """A certificate is there only when everything is done."""


class ErasureApi:
    """One method per RPC of ErasureService."""

    def __init__(self, erasures: Erasures, store: EventStore[Any]) -> None:
        self._erasures = erasures
        self._store = store

    def ForgetPerson(self, request: pb.ForgetPersonRequest, call: Call) -> pb.ForgetPersonResponse:
        person_id = required_uuid(request, "person_id")
        if request.confirmation != f"forget {person_id}":
            raise InvalidArgument("confirmation", f'must be "forget {person_id}": it cannot be taken back')
        forget = {
            pb.PERSON_KIND_CONTACT: self._erasures.forget_contact,
            pb.PERSON_KIND_CUSTOMER: self._erasures.forget_customer,
            pb.PERSON_KIND_LEAD: self._erasures.forget_stranger,
            pb.PERSON_KIND_REQUESTER: self._erasures.forget_stranger,
            pb.PERSON_KIND_SUBMISSION: self._erasures.forget_stranger,
        }.get(request.person_kind)
        if forget is None:
            raise InvalidArgument("person_kind", "is required: a contact, a private customer, a lead, …")
        reason, reference = required_text(request, "reason", 40), optional_text(request, "request_ref", 64)
        if reason == "lead_forgotten":
            raise InvalidArgument("reason", "is what the pipeline says when a lead was forgotten there")
        erasure_id, existed = forget(call.transaction(), person_id, reason, reference)
        return pb.ForgetPersonResponse(erasure_id=str(erasure_id), existed=existed)

    def GetErasure(self, request: pb.GetErasureRequest, call: Call) -> pb.GetErasureResponse:
        erasure_id = required_uuid(request, "erasure_id")
        row = view.one(call.query(), erasure_id)
        if row is None:
            raise NotFound(f"no erasure {erasure_id}")
        steps = [it for it in self._history(call, erasure_id) if isinstance(it.event, ErasureStepDone)]
        return pb.GetErasureResponse(erasure=_erasure(row), steps=[_step(it) for it in steps])

    def ListErasures(self, request: pb.ListErasuresRequest, call: Call) -> pb.ListErasuresResponse:
        page = page_of(request)
        rows = view.listed(call.query(), page)
        shown = rows[: page.limit]
        token = page.next_token(rows, [shown[-1]["requested_at"], shown[-1]["erasure_id"]]) if shown else ""
        return pb.ListErasuresResponse(erasures=[_erasure(row) for row in shown], next_page_token=token)

    def GetErasureCertificate(
        self, request: pb.GetErasureCertificateRequest, call: Call
    ) -> pb.GetErasureCertificateResponse:
        erasure_id = required_uuid(request, "erasure_id")
        row = view.one(call.query(), erasure_id)
        if row is None:
            raise NotFound(f"no erasure {erasure_id}")
        for it in self._history(call, erasure_id):
            if isinstance(it.event, ErasureCompleted):
                return pb.GetErasureCertificateResponse(
                    document=it.event.document, signature=it.event.signature, public_key=it.event.public_key
                )
        raise NotComplete(
            f"erasure {erasure_id} is {row['state']}: {', '.join(row['waiting_for']) or 'the last round'}"
            " is still to come; ask again in a few seconds"
        )

    def ExportPerson(self, request: pb.ExportPersonRequest, call: Call) -> pb.ExportPersonResponse:
        """Ask every service, with every id that any of them names, until none names a new one."""
        person_id = str(required_uuid(request, "person_id"))
        known = {person_id}
        for _ in range(_MOST_ROUNDS):
            records, named = self._collect(call, person_id, known)
            named = set(self._erasures.people_only(call.query(), sorted(named)))
            if named <= known:
                break
            known |= named
        records.sort(key=lambda it: (it.recorded_at.ToDatetime(), it.context, it.event))
        return pb.ExportPersonResponse(person_id=person_id, known_as=sorted(known), records=records)

    def _collect(self, call: Call, person_id: str, known: set[str]) -> tuple[list[audit.PersonRecord], set[str]]:
        from crm.audit.v1.person_service_pb2_grpc import PersonServiceStub  # bus processes never import grpc

        records: list[audit.PersonRecord] = []
        named: set[str] = set()
        for context in self._erasures.modules:
            collect = PersonServiceStub(call.peer(context)).CollectPerson
            token = ""
            for _ in range(_MOST_PAGES):
                page = collect(
                    audit.CollectPersonRequest(
                        context=context, person_id=person_id, other_ids=sorted(known), page_token=token
                    ),
                    timeout=_TIMEOUT_S,
                )
                records += page.records
                named |= set(page.related_ids)
                token = page.next_page_token
                if not token:
                    break
        return records, named

    def _history(self, call: Call, erasure_id: Any) -> list[Recorded[Any]]:
        cursor = call.query()
        return self._store.decode(cursor, self._store.recorder.read_stream(cursor, erasure_id))


def _erasure(row: Mapping[str, Any]) -> pb.Erasure:
    return pb.Erasure(
        erasure_id=str(row["erasure_id"]),
        state=row["state"],
        reason=row["reason"],
        request_ref=row["request_ref"],
        requested_at=stamp(row["requested_at"]),
        completed_at=stamp(row["completed_at"]),
        round=row["round"],
        waiting_for=row["waiting_for"],
    )


def _step(recorded: Recorded[Any]) -> pb.ErasureStep:
    done = recorded.event
    return pb.ErasureStep(
        context=done.context,
        round=done.round,
        done_at=stamp(recorded.metadata.recorded_at),
        searched=[shared.SearchedTable(table=it.table, rows=it.rows) for it in done.searched],
        keys_destroyed=done.keys_destroyed,
        kept=[
            shared.KeptRecords(kind=it.kind, records=it.records, free_on=it.free_on, basis=it.basis) for it in done.kept
        ],
    )
