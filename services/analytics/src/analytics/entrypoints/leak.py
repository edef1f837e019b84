"""Leak investigation: who could see a customer in a period, who was shown it, and the two joined.

Owners come from the audit trail, rights from identity's log, reads from every service. Nobody is accused: who
could and did not, and who did without a right that is known, are both only listed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.entrypoints import reads
from analytics.entrypoints.answers import stamp
from analytics.projections import audit_trail
from crm.analytics.v1 import analytics_service_pb2 as pb
from crm.audit.v1 import reads_service_pb2 as audit
from crm.customer.v1 import collaboration_service_pb2 as customer
from crm.customer.v1.customer_events_pb2 import ContactAdded
from crm.identity.v1 import access_service_pb2 as access
from kernel.errors import InvalidArgument
from kernel.request import LARGEST_PAGE, page_of
from kernel.rpc import Call

MOST_READS = 20_000
MOST_CONTACTS = 20
BULK_FROM = 50
_PERMISSION = "customer.customer.read"
_TIMEOUT_S = 10.0
_LET_SEE = {"key_account": access.SIGHT_REASON_KEY_ACCOUNT, "share": access.SIGHT_REASON_SHARE}
_COLUMNS = (
    "actor",
    "could_from",
    "could_to",
    "reasons",
    "roles",
    "reads",
    "first_read_at",
    "last_read_at",
    "classes",
    "bulk_reads",
    "methods",
)


@dataclass(slots=True)
class _Reader:
    """What one actor was shown."""

    count: int = 0
    bulk: int = 0
    first: int = 0
    last: int = 0
    classes: set[str] = field(default_factory=set)
    methods: set[str] = field(default_factory=set)

    def take(self, read: audit.Read) -> None:
        at = read.read_at.ToNanoseconds()
        self.first = min(self.first or at, at)
        self.last = max(self.last, at)
        self.count += 1
        self.bulk += "/Export" in read.method or len(read.subject_ids) >= BULK_FROM
        self.classes.update(read.classes)
        self.methods.add(read.method)


def investigate(
    customer_id: UUID,
    from_at: datetime | None,
    to_at: datetime | None,
    call: Call,
    now: datetime,
    services: Sequence[str],
) -> pb.InvestigateLeakResponse:
    """Raises InvalidArgument without a period, NotFound for a customer that never was."""
    if from_at is None:
        raise InvalidArgument("from_at", "is needed: say the period")
    until = to_at or now
    if from_at >= until:
        raise InvalidArgument("to_at", "must be after from_at")
    response = pb.InvestigateLeakResponse(customer_id=str(customer_id))
    owned = owners(call.query(), customer_id, call, until)
    response.owners.extend(_spans(owned, from_at))
    suspects: dict[str, pb.Suspect] = {}
    for could in _who_could(customer_id, owned, from_at, until, call):
        sight = suspects.setdefault(could.actor, pb.Suspect(actor=could.actor)).could.add(
            from_at=could.from_at, to_at=could.to_at, roles=could.roles
        )
        sight.reason = access.SightReason.Name(could.reason).removeprefix("SIGHT_REASON_").lower()
    for actor, reader in _who_did(customer_id, from_at, until, call, response, services).items():
        found = suspects.setdefault(actor, pb.Suspect(actor=actor))
        found.reads, found.bulk_reads = reader.count, reader.bulk
        found.first_read_at.FromNanoseconds(reader.first)
        found.last_read_at.FromNanoseconds(reader.last)
        found.classes.extend(sorted(reader.classes))
        found.methods.extend(sorted(reader.methods))
    response.suspects.extend(sorted(suspects.values(), key=lambda it: (-it.reads, it.actor)))
    return response


def owners(cursor: Cursor[DictRow], customer_id: UUID, call: Call, until: datetime) -> list[tuple[datetime, str]]:
    """Whose the customer was: from when, and the owner's id or nothing, in order."""
    found: list[tuple[datetime, str]] = []
    for event, changes in audit_trail.history(cursor, customer_id, call.caller, until):
        if event.context != "customer":
            continue
        named = [change.after for change in changes if change.field == "owner_id"]
        if named or not found:
            found.append((event.recorded_at, named[-1] if named else ""))
    return found


def contacts(cursor: Cursor[DictRow], customer_id: UUID, call: Call, until: datetime) -> list[UUID]:
    """Ids of the customer's contacts, the latest ones when there are many."""
    found = {
        str(event.message.contact_id)
        for event, _ in audit_trail.history(cursor, customer_id, call.caller, until)
        if isinstance(event.message, ContactAdded)
    }
    return [UUID(contact_id) for contact_id in sorted(found)[-MOST_CONTACTS:]]


def _spans(owned: Sequence[tuple[datetime, str]], from_at: datetime) -> Iterator[pb.OwnerSpan]:
    for place, (since, owner) in enumerate(owned):
        until = owned[place + 1][0] if place + 1 < len(owned) else None
        if until is None or until > from_at:
            yield pb.OwnerSpan(owner_id=owner, from_at=stamp(since), to_at=stamp(until))


def _who_could(
    customer_id: UUID, owned: Sequence[tuple[datetime, str]], from_at: datetime, until: datetime, call: Call
) -> Iterable[access.CouldSee]:
    from crm.identity.v1.access_service_pb2_grpc import AccessServiceStub

    stub: Any = AccessServiceStub(call.peer("identity"))
    asked = access.ListWhoCouldSeeRequest(
        record_id=str(customer_id),
        permission=_PERMISSION,
        owned=[access.OwnedSince(since=stamp(since), owner_id=owner) for since, owner in owned],
        from_at=stamp(from_at),
        to_at=stamp(until),
        let_see=_let_see(customer_id, from_at, until, call),
    )
    answer: access.ListWhoCouldSeeResponse = stub.ListWhoCouldSee(asked, timeout=_TIMEOUT_S)
    return answer.could


def _let_see(customer_id: UUID, from_at: datetime, until: datetime, call: Call) -> Iterator[access.LetSee]:
    """Members of its key account, and whom it was shared with: the customer service knows from its log."""
    from crm.customer.v1.collaboration_service_pb2_grpc import CollaborationServiceStub

    stub: Any = CollaborationServiceStub(call.peer("customer"))
    asked = customer.ListCustomerAccessRequest(customer_id=str(customer_id), from_at=stamp(from_at), to_at=stamp(until))
    answer: customer.ListCustomerAccessResponse = stub.ListCustomerAccess(asked, timeout=_TIMEOUT_S)
    for it in answer.access:
        known = access.LetSee(grantee_id=it.grantee_id, from_at=it.from_at, reason=_LET_SEE[it.through])
        if it.HasField("to_at"):
            known.to_at.CopyFrom(it.to_at)
        yield known


def _who_did(
    customer_id: UUID,
    from_at: datetime,
    until: datetime,
    call: Call,
    response: pb.InvestigateLeakResponse,
    services: Sequence[str],
) -> dict[str, _Reader]:
    """Ask every service for its reads of the customer and of his contacts, page by page up to the limit."""
    readers: dict[str, _Reader] = {}
    unanswered: set[str] = set()
    known: set[tuple[str, int]] = set()
    for subject_id in (customer_id, *contacts(call.query(), customer_id, call, until)):
        asked = pb.SearchReadsRequest(subject_id=str(subject_id), from_at=stamp(from_at), to_at=stamp(until))
        asked.page_size = LARGEST_PAGE
        while len(known) < MOST_READS:
            found = reads.search(asked, page_of(asked), call, services)
            unanswered |= set(found.unanswered)
            for read in found.reads:
                if (read.context, read.position) not in known:
                    known.add((read.context, read.position))
                    readers.setdefault(read.actor, _Reader()).take(read)
            if not found.next_page_token:
                break
            asked.page_token = found.next_page_token
        else:
            response.truncated = True
            break
    response.unanswered.extend(sorted(unanswered))
    return readers


def csv_lines(found: pb.InvestigateLeakResponse) -> str:
    """Return a line for each actor (RFC 4180), lists joined by spaces."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for one in found.suspects:
        writer.writerow(
            (
                one.actor,
                min((it.from_at.ToJsonString() for it in one.could), default=""),
                max((it.to_at.ToJsonString() for it in one.could), default=""),
                " ".join(dict.fromkeys(it.reason for it in one.could)),
                " ".join(sorted({role for it in one.could for role in it.roles})),
                one.reads,
                one.first_read_at.ToJsonString() if one.reads else "",
                one.last_read_at.ToJsonString() if one.reads else "",
                " ".join(one.classes),
                one.bulk_reads,
                " ".join(one.methods),
            )
        )
    return out.getvalue()
