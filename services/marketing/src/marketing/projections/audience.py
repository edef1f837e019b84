"""Who could be spoken to: customers, their contacts and consents, as the customer service tells.

No names and no addresses: those are asked for when something is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from crm.customer.v1 import customer_events_pb2 as told
from kernel.auth import Caller
from kernel.projections import Delivered, Eventual
from marketing.domain.preference import Consent
from marketing.domain.segment import SegmentField
from marketing.domain.template import MessageChannel

MARKETING_PURPOSES = ("marketing", "")


def project(cursor: Cursor[DictRow], delivered: Sequence[Delivered]) -> None:
    for each in delivered:
        match each.message:
            case told.CustomerRegistered() as it:
                cursor.execute(
                    "insert into audience (customer_id, kind, industry_code, region_code, size_code, source,"
                    " owner_id, status) values (%s, %s, %s, %s, %s, %s, %s, 'prospect')"
                    " on conflict (customer_id) do update set kind = excluded.kind,"
                    " industry_code = excluded.industry_code, region_code = excluded.region_code,"
                    " size_code = excluded.size_code, source = excluded.source,"
                    " owner_id = excluded.owner_id, status = excluded.status",
                    (
                        it.customer_id,
                        _word(told.CustomerKind.Name(it.kind), "CUSTOMER_KIND_"),
                        it.industry_code,
                        it.region_code,
                        it.size_code,
                        it.source,
                        it.owner_id or None,
                    ),
                )
            case told.CustomerRevised(customer_id=customer_id, changes=changes):
                _revise(cursor, customer_id, changes)
            case told.CustomersMerged() as it:
                _revise(cursor, it.customer_id, it.taken)
                _change_tags(cursor, it.customer_id, list(it.added_tags), [])
            case told.CustomersUnmerged() as it:
                _revise(cursor, it.customer_id, it.restored)
                _change_tags(cursor, it.customer_id, [], list(it.removed_tags))
            case told.CustomerAbsorbed(customer_id=customer_id, survivor_id=survivor_id):
                _set(cursor, customer_id, "absorbed_by", survivor_id)
            case told.CustomerReleased(customer_id=customer_id):
                _set(cursor, customer_id, "absorbed_by", None)
            case told.CustomerArchived(customer_id=customer_id):
                _set(cursor, customer_id, "archived", True)
            case told.CustomerRestored(customer_id=customer_id):
                _set(cursor, customer_id, "archived", False)
            case told.CustomerStatusChanged() as it:
                status = _word(told.CustomerStatus.Name(it.to_status), "CUSTOMER_STATUS_")
                _set(cursor, it.customer_id, "status", status)
            case told.OwnerChanged(customer_id=customer_id, to_owner_id=to_owner_id):
                _set(cursor, customer_id, "owner_id", to_owner_id or None)
            case told.LevelChanged() as it:
                level = _word(told.CustomerLevel.Name(it.to_level), "CUSTOMER_LEVEL_").upper()
                _set(cursor, it.customer_id, "level", level)
            case told.TagsChanged() as it:
                _change_tags(cursor, it.customer_id, list(it.added), list(it.removed))
            case told.ContactAdded() as it:
                cursor.execute(
                    "insert into contacts (contact_id, customer_id) values (%s, %s)"
                    " on conflict (contact_id) do update set customer_id = excluded.customer_id,"
                    " removed = false",
                    (it.contact_id, it.customer_id),
                )
                if it.is_primary:
                    _set(cursor, it.customer_id, "primary_contact_id", it.contact_id)
            case told.PrimaryContactChanged(customer_id=customer_id, contact_id=contact_id):
                _set(cursor, customer_id, "primary_contact_id", contact_id or None)
            case told.ContactRemoved() as it:
                cursor.execute("update contacts set removed = true where contact_id = %s", (it.contact_id,))
                cursor.execute(
                    "update audience set primary_contact_id = null where customer_id = %s and primary_contact_id = %s",
                    (it.customer_id, it.contact_id),
                )
            case told.ConsentGiven() | told.ConsentWithdrawn() as it:
                cursor.execute(
                    "insert into consents (recipient_id, channel, purpose, customer_id, given, said_at)"
                    " values (%s, %s, %s, %s, %s, %s)"
                    " on conflict (recipient_id, channel, purpose) do update set given = excluded.given,"
                    " customer_id = excluded.customer_id, said_at = excluded.said_at",
                    (
                        it.contact_id or it.customer_id,
                        it.channel.lower(),
                        it.purpose.lower(),
                        it.customer_id,
                        isinstance(it, told.ConsentGiven),
                        each.metadata.effective_at,
                    ),
                )


def _word(name: str, prefix: str) -> str:
    word = name.removeprefix(prefix).lower()
    return "" if word == "unspecified" else word


def _set(cursor: Cursor[DictRow], customer_id: str, column: str, value: object) -> None:
    cursor.execute(f"update audience set {column} = %s where customer_id = %s", (value, customer_id))


def _change_tags(cursor: Cursor[DictRow], customer_id: str, added: list[str], removed: list[str]) -> None:
    if added or removed:
        cursor.execute(
            "update audience set tags = array(select distinct tag from unnest(tags || %s::text[]) tag"
            " where tag <> all(%s::text[]) order by tag) where customer_id = %s",
            (added, removed, customer_id),
        )


_PLAIN_COLUMNS = ("industry_code", "region_code", "size_code")


def _revise(cursor: Cursor[DictRow], customer_id: str, changes: told.ProfileChanges) -> None:
    for column in _PLAIN_COLUMNS:
        if changes.HasField(column):  # type: ignore[arg-type]
            _set(cursor, customer_id, column, getattr(changes, column))


VIEW = Eventual("audience", ("audience", "contacts", "consents"), ("customer",), project)

# -- questions -----------------------------------------------------------------

_COLUMN = {
    SegmentField.INDUSTRY: "industry_code",
    SegmentField.REGION: "region_code",
    SegmentField.KIND: "kind",
    SegmentField.LEVEL: "level",
    SegmentField.STATUS: "status",
    SegmentField.SIZE: "size_code",
    SegmentField.SOURCE: "source",
    SegmentField.OWNER: "owner_id",
}


def fields_of(cursor: Cursor[DictRow], customer_id: UUID | None) -> dict[SegmentField, frozenset[str]]:
    """The customer's own fields, as a journey's condition looks at them; empty when unknown."""
    if customer_id is None:
        return {}
    row = cursor.execute("select * from audience where customer_id = %s", (customer_id,)).fetchone()
    if row is None:
        return {}
    fields = {field: frozenset({str(row[column])} if row[column] else ()) for field, column in _COLUMN.items()}
    return fields | {SegmentField.TAG: frozenset(row["tags"])}


def primary_contact(cursor: Cursor[DictRow], customer_id: UUID) -> tuple[bool, UUID | None]:
    """Whether the customer is there to be written to, and whom to ask for first."""
    row = cursor.execute(
        "select a.primary_contact_id, (select c.contact_id from contacts c where c.customer_id = a.customer_id"
        " and not c.removed order by c.contact_id limit 1) as any_contact_id from audience a"
        " where a.customer_id = %s and not a.archived and a.absorbed_by is null",
        (customer_id,),
    ).fetchone()
    if row is None:
        return False, None
    return True, row["primary_contact_id"] or row["any_contact_id"]


def is_contact_of(cursor: Cursor[DictRow], customer_id: UUID, contact_id: UUID) -> bool:
    """Whether the contact belongs to the customer and is still there."""
    row = cursor.execute(
        "select from contacts where contact_id = %s and customer_id = %s and not removed",
        (contact_id, customer_id),
    ).fetchone()
    return row is not None


def visible(cursor: Cursor[DictRow], caller: Caller, customer_id: UUID) -> bool:
    """Whether the caller may see the customer."""
    scope, values = caller.scope_filter("owner_id")
    row = cursor.execute(f"select from audience where customer_id = %s and {scope}", (customer_id, *values)).fetchone()
    return row is not None


def lead_visible(cursor: Cursor[DictRow], caller: Caller, lead_id: UUID) -> bool:
    """Whether the caller may see the lead."""
    scope, values = caller.scope_filter("owner_id")
    row = cursor.execute(f"select from leads where lead_id = %s and {scope}", (lead_id, *values)).fetchone()
    return row is not None


def customer_of_submission(cursor: Cursor[DictRow], submission_id: UUID) -> UUID | None:
    """The customer that somebody who sent a form became, if so."""
    row = cursor.execute(
        "select customer_id from leads where submission_id = %s and customer_id is not null limit 1",
        (submission_id,),
    ).fetchone()
    return row["customer_id"] if row else None


def submissions_of_customer(cursor: Cursor[DictRow], customer_id: UUID) -> list[UUID]:
    """The forms that the customer sent before becoming one."""
    rows = cursor.execute(
        "select submission_id from leads where customer_id = %s and submission_id is not null",
        (customer_id,),
    ).fetchall()
    return [row["submission_id"] for row in rows]


def form_of_submission(cursor: Cursor[DictRow], submission_id: UUID) -> UUID | None:
    """The form a submission was sent with."""
    row = cursor.execute("select form_id from submissions where submission_id = %s", (submission_id,)).fetchone()
    return row["form_id"] if row else None


def form_of_lead(cursor: Cursor[DictRow], lead_id: UUID) -> UUID | None:
    """The form a lead was captured from; None when it was not, or is not known yet."""
    row = cursor.execute(
        "select s.form_id from leads l join submissions s on s.submission_id = l.submission_id where l.lead_id = %s",
        (lead_id,),
    ).fetchone()
    return row["form_id"] if row else None


def is_gone(cursor: Cursor[DictRow], customer_id: UUID | None, contact_id: UUID | None) -> bool:
    """Whether the customer is archived or the contact removed. Not yet heard of is not gone."""
    row = cursor.execute(
        "select exists (select from audience where customer_id = %s and archived)"
        " or exists (select from contacts where contact_id = %s and removed) as gone",
        (customer_id, contact_id),
    ).fetchone()
    return bool(row and row["gone"])


def consent_of(
    cursor: Cursor[DictRow], channel: MessageChannel, customer_id: UUID | None, contact_id: UUID | None
) -> Consent:
    """What was said about marketing by this channel, by the contact or for the whole customer.

    A withdrawal by either counts; a consent counts when neither withdrew.
    """
    rows = cursor.execute(
        "select given from consents where recipient_id = any(%s) and channel = any(%s) and purpose = any(%s)",
        (
            [it for it in (customer_id, contact_id) if it],
            [channel.name.lower(), "any", ""],
            list(MARKETING_PURPOSES),
        ),
    ).fetchall()
    if any(not row["given"] for row in rows):
        return Consent.WITHDRAWN
    return Consent.GIVEN if rows else Consent.UNSAID


def make_room(cursor: Cursor[DictRow]) -> None:
    """For the hashes of large segments: without it PostgreSQL would scan a set for every customer."""
    cursor.execute("select set_config('work_mem', '64MB', true)")


def recipients(
    cursor: Cursor[DictRow], where: str, values: Sequence[Any], after: UUID | None, limit: int
) -> list[DictRow]:
    """Customers a condition finds, in a fixed order after the one given, each with whom to ask for first."""
    onwards = "and a.customer_id > %s" if after else ""
    make_room(cursor)
    return cursor.execute(
        "select a.customer_id, coalesce(a.primary_contact_id, (select c.contact_id from contacts c"
        " where c.customer_id = a.customer_id and not c.removed order by c.contact_id limit 1)) as contact_id"
        f" from audience a where ({where}) {onwards} order by a.customer_id limit %s",
        (*values, *([after] if after else []), limit),
    ).fetchall()
