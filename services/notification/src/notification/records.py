"""What other services know of the record a message leads to: its name, and what to say of it.

Asked when a message is shown or sent, never stored. Who is away costs the name, not the message. Free of
grpc until a question is asked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from kernel.errors import Unavailable

log = logging.getLogger(__name__)

Connect = Callable[[str], Any]
_TIMEOUT_S = 2.0
_AT_A_TIME = 8
_MOST = 100


@dataclass(frozen=True, slots=True)
class Record:
    """A record that messages lead to."""

    kind: str
    id: str
    customer_id: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    name: str = ""
    detail: str = ""


NOTHING = Description()


def describe(connect: Connect, records: Iterable[Record]) -> Mapping[Record, Description]:
    """Return what is known of each record now; a record nobody could tell of is left out."""
    wanted = [record for record in dict.fromkeys(records) if record.id][:_MOST]
    if not wanted:
        return {}
    away: set[str] = set()  # who did not answer once is not asked for the rest of the page
    with ThreadPoolExecutor(min(_AT_A_TIME, len(wanted)), thread_name_prefix="describe") as pool:
        answers = pool.map(lambda record: _describe(connect, record, away), wanted)
    return {record: found for record, found in zip(wanted, answers, strict=True) if found is not None}


def _describe(connect: Connect, record: Record, away: set[str]) -> Description | None:
    import grpc

    if record.kind not in _ASK:
        return NOTHING
    context, ask = _ASK[record.kind]
    if context in away:
        return None
    try:
        return ask(connect, record)
    except (grpc.RpcError, Unavailable) as error:
        code = error.code().name if isinstance(error, grpc.Call) else "UNAVAILABLE"
        if code in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
            away.add(context)
        log.info("a record was not described", extra={"record_kind": record.kind, "status": code})
        return None


def _customer(connect: Connect, record: Record) -> Description:
    from crm.customer.v1 import customer_service_pb2 as pb
    from crm.customer.v1.customer_service_pb2_grpc import CustomerServiceStub

    stub = CustomerServiceStub(connect("customer"))
    customer_id = record.customer_id or record.id
    found = stub.BatchGetCustomers(pb.BatchGetCustomersRequest(customer_ids=[customer_id]), timeout=_TIMEOUT_S)
    return Description(found.cards[0].name if found.cards else "")


def _follow_up(connect: Connect, record: Record) -> Description:
    from crm.customer.v1 import customer_service_pb2 as pb
    from crm.customer.v1.customer_service_pb2_grpc import CustomerServiceStub

    stub = CustomerServiceStub(connect("customer"))
    found = stub.GetFollowUp(pb.GetFollowUpRequest(follow_up_id=record.id), timeout=_TIMEOUT_S).follow_up
    said = "\n".join(text for text in (found.subject, found.suggested_content) if text)
    return Description(found.customer_name, said)


def _lead(connect: Connect, record: Record) -> Description:
    from crm.pipeline.v1 import lead_service_pb2 as pb
    from crm.pipeline.v1.lead_service_pb2_grpc import LeadServiceStub

    stub = LeadServiceStub(connect("pipeline"))
    lead = stub.GetLead(pb.GetLeadRequest(lead_id=record.id), timeout=_TIMEOUT_S).lead
    return Description(lead.person_name or lead.company, lead.company if lead.person_name else "")


def _ticket(connect: Connect, record: Record) -> Description:
    from crm.ticketing.v1 import ticketing_service_pb2 as pb
    from crm.ticketing.v1.ticketing_service_pb2_grpc import TicketingServiceStub

    stub = TicketingServiceStub(connect("ticketing"))
    found = stub.GetTicket(pb.GetTicketRequest(ticket_id=record.id), timeout=_TIMEOUT_S)
    return Description(found.ticket.subject)


_ASK: Mapping[str, tuple[str, Callable[[Connect, Record], Description]]] = {
    "customer": ("customer", _customer),
    "order": ("customer", _customer),
    "follow-up": ("customer", _follow_up),
    "lead": ("pipeline", _lead),
    "ticket": ("ticketing", _ticket),
}
