"""The customers as they stand: profile, contacts, consents, aliases, and the words they are found by."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from customer.domain.activity import ActivityLogged, was_a_contact
from customer.domain.customer import (
    ConsentGiven,
    ConsentWithdrawn,
    ContactAdded,
    ContactRemoved,
    ContactRevised,
    CustomerAbsorbed,
    CustomerArchived,
    CustomerRegistered,
    CustomerReleased,
    CustomerRestored,
    CustomerRevised,
    CustomersMerged,
    CustomerStatusChanged,
    CustomersUnmerged,
    LevelChanged,
    OwnerChanged,
    PrimaryContactChanged,
    TagsChanged,
)
from customer.domain.names import pieces
from customer.domain.profile import CustomField, Profile, ProfileChanges, apply, touched
from kernel.projections import Inline
from kernel.store import Recorded
from kernel.text import grams, normalised
from kernel.vault import ERASED

_MOST_TERM = 400


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    """Fold one event of a customer's, or an activity's, stream into the rows."""
    event = recorded.event
    match event:
        case CustomerRegistered():
            _insert(cursor, recorded, event)
            return
        case CustomerRevised(changes=changes):
            _change(cursor, recorded, changes)
            return
        case CustomersMerged(taken=taken, added_tags=added):
            _change(cursor, recorded, taken, added)
            return
        case CustomersUnmerged(restored=restored, removed_tags=removed):
            _change(cursor, recorded, restored, (), removed)
            return
        case TagsChanged(added=added, removed=removed):
            _change(cursor, recorded, None, added, removed)
            return
        case CustomerStatusChanged(to_status=status):
            _set(cursor, recorded, status=int(status))
            return
        case CustomerArchived(reverts_import_id=reverts):
            _set(cursor, recorded, taken_back=bool(reverts))
            return
        case CustomerRestored():
            _set(cursor, recorded, taken_back=False)
            return
        case OwnerChanged(to_owner_id=owner_id):
            _set(cursor, recorded, owner_id=owner_id)
            return
        case LevelChanged():
            _set(
                cursor,
                recorded,
                level=int(event.to_level),
                level_rule_id=event.rule_id,
                level_rule_set_version=event.rule_set_version,
                level_reason=event.reason,
                level_pinned=event.pinned,
            )
            return
        case ContactAdded():
            _add_contact(cursor, recorded, event)
        case ContactRevised():
            _revise_contact(cursor, event)
        case PrimaryContactChanged(customer_id=customer_id, contact_id=contact_id):
            _make_primary(cursor, customer_id, contact_id)
        case ContactRemoved(customer_id=customer_id, contact_id=contact_id):
            cursor.execute("delete from contacts where contact_id = %s", (contact_id,))
            cursor.execute(
                "delete from consents where customer_id = %s and contact_id = %s",
                (customer_id, str(contact_id)),
            )
            _forget_term(cursor, customer_id, f"contact:{contact_id}")
        case CustomerAbsorbed(customer_id=customer_id, survivor_id=survivor_id):
            cursor.execute(
                "insert into aliases (absorbed_id, survivor_id) values (%s, %s)"
                " on conflict (absorbed_id) do update set survivor_id = excluded.survivor_id",
                (customer_id, survivor_id),
            )
            _set(cursor, recorded, merged_into=survivor_id)
            return
        case CustomerReleased(customer_id=customer_id):
            cursor.execute("delete from aliases where absorbed_id = %s", (customer_id,))
            _set(cursor, recorded, merged_into=None)
            return
        case ConsentGiven():
            cursor.execute(
                "insert into consents (customer_id, contact_id, channel, purpose, source, given_at, wording,"
                " recorded_by) values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
                (
                    event.customer_id,
                    str(event.contact_id or ""),
                    event.channel,
                    event.purpose,
                    event.source,
                    recorded.metadata.effective_at,
                    event.wording,
                    recorded.metadata.actor,
                ),
            )
        case ConsentWithdrawn():
            cursor.execute(
                "delete from consents where customer_id = %s and contact_id = %s and channel = %s and purpose = %s",
                (event.customer_id, str(event.contact_id or ""), event.channel, event.purpose),
            )
        case ActivityLogged():
            if was_a_contact(event.kind):
                cursor.execute(
                    "insert into contact_times as t (customer_id, last_contact_at) values (%s, %s)"
                    " on conflict (customer_id) do update"
                    " set last_contact_at = greatest(t.last_contact_at, excluded.last_contact_at)",
                    (event.customer_id, event.happened_at),
                )
            return
        case _:
            return
    _set(cursor, recorded)


CUSTOMERS = Inline(
    "customers",
    ("customers", "search_terms", "contacts", "consents", "aliases", "contact_times"),
    project,
)


def _insert(cursor: Cursor[DictRow], recorded: Recorded[Any], event: CustomerRegistered) -> None:
    name = event.name or event.person_name
    revenue = event.annual_revenue
    cursor.execute(
        "insert into customers (customer_id, version, kind, name, industry_code, region_code, size_code,"
        " intent_code, credit_code, website, employees, revenue_minor, revenue_currency, phones, emails,"
        " address, remark, custom_fields, status, owner_id, source, external_ref, import_id, name_pieces,"
        " registered_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
        " 1, %s, %s, %s, %s, %s, %s)",
        (
            event.customer_id,
            recorded.version,
            int(event.kind),
            name,
            event.industry_code,
            event.region_code,
            event.size_code,
            event.intent_code,
            event.credit_code,
            event.website,
            event.employees,
            revenue.minor_units if revenue else 0,
            revenue.currency_code if revenue else "",
            _texts(event.phones),
            _texts(event.emails),
            event.address,
            event.remark,
            _custom(event.custom_fields),
            event.owner_id,
            event.source,
            event.external_ref,
            event.import_id,
            sorted(pieces(event.name)),
            recorded.metadata.effective_at,
        ),
        prepare=True,
    )
    cursor.execute(
        "insert into contact_times (customer_id, last_contact_at) values (%s, 'epoch') on conflict do nothing",
        (event.customer_id,),
        prepare=True,
    )
    _terms(cursor, event.customer_id, _profile_terms(event))
    if event.external_ref:
        _terms(cursor, event.customer_id, {"ref": event.external_ref})


def _change(
    cursor: Cursor[DictRow],
    recorded: Recorded[Any],
    changes: ProfileChanges | None,
    added_tags: tuple[str, ...] = (),
    removed_tags: tuple[str, ...] = (),
) -> None:
    columns: dict[str, Any] = {}
    if changes is not None:
        new = apply(Profile(), changes)
        names = touched(changes)
        for field in names:
            value = getattr(new, field)
            match field:
                case "name":
                    columns |= {"name": value, "name_pieces": sorted(pieces(value))}
                case "person_name":
                    columns["name"] = value
                case "annual_revenue":
                    columns["revenue_minor"] = value.minor_units if value else 0
                    columns["revenue_currency"] = value.currency_code if value else ""
                case "phones" | "emails":
                    columns[field] = _texts(value)
                case "custom_fields":
                    columns[field] = _custom(value)
                case _:
                    columns[field] = value
        terms = _profile_terms(new)
        wanted = {_PLACES[field] for field in names if field in _PLACES}
        for place in sorted(wanted - terms.keys()):
            _forget_term(cursor, recorded.stream, place)
        _terms(cursor, recorded.stream, {p: t for p, t in terms.items() if p in wanted})
    _set(cursor, recorded, **columns)
    if added_tags or removed_tags:
        cursor.execute(
            "update customers set tags = array(select distinct tag from unnest(tags || %s::text[]) tag"
            " where tag <> all(%s::text[]) order by tag) where customer_id = %s",
            (list(added_tags), list(removed_tags), recorded.stream),
        )
        for tag in removed_tags:
            _forget_term(cursor, recorded.stream, f"tag:{tag}")
        _terms(cursor, recorded.stream, {f"tag:{tag}": tag for tag in added_tags})


def _set(cursor: Cursor[DictRow], recorded: Recorded[Any], **columns: Any) -> None:
    assignments = "".join(f", {column} = %s" for column in columns)
    cursor.execute(
        f"update customers set version = %s{assignments} where customer_id = %s",
        (recorded.version, *columns.values(), recorded.stream),
        prepare=True,
    )


def _add_contact(cursor: Cursor[DictRow], recorded: Recorded[Any], event: ContactAdded) -> None:
    if event.is_primary:
        _make_primary(cursor, event.customer_id, None)
    cursor.execute(
        "insert into contacts (contact_id, customer_id, added_version, name, position, decision_role,"
        " is_primary, phones, emails, remark) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            event.contact_id,
            event.customer_id,
            recorded.version,
            event.name,
            event.position,
            int(event.decision_role),
            event.is_primary,
            _texts(event.phones),
            _texts(event.emails),
            event.remark,
        ),
        prepare=True,
    )
    _terms(cursor, event.customer_id, {f"contact:{event.contact_id}": _contact_term(event)})


def _revise_contact(cursor: Cursor[DictRow], event: ContactRevised) -> None:
    cursor.execute(
        "update contacts set name = %s, position = %s, decision_role = %s, phones = %s, emails = %s,"
        " remark = %s where contact_id = %s",
        (
            event.name,
            event.position,
            int(event.decision_role),
            _texts(event.phones),
            _texts(event.emails),
            event.remark,
            event.contact_id,
        ),
    )
    _terms(cursor, event.customer_id, {f"contact:{event.contact_id}": _contact_term(event)})


def _make_primary(cursor: Cursor[DictRow], customer_id: UUID, contact_id: UUID | None) -> None:
    cursor.execute(
        "update contacts set is_primary = (contact_id is not distinct from %s) where customer_id = %s",
        (contact_id, customer_id),
    )


# -- words -------------------------------------------------------------------------

_PLACES = {
    "name": "name",
    "person_name": "name",
    "phones": "phones",
    "emails": "emails",
    "credit_code": "credit_code",
    "website": "website",
}


def _profile_terms(profile: CustomerRegistered | Profile) -> dict[str, str]:
    terms = {
        "name": profile.name or profile.person_name,
        "phones": " ".join(_texts(profile.phones)),
        "emails": " ".join(_texts(profile.emails)),
        "credit_code": profile.credit_code,
        "website": profile.website,
    }
    return {place: term for place, term in terms.items() if term and term != ERASED}


def _contact_term(contact: ContactAdded | ContactRevised) -> str:
    parts = (contact.name, *contact.phones, *contact.emails)
    return " ".join(part for part in parts if part != ERASED)


def _terms(cursor: Cursor[DictRow], customer_id: UUID, terms: dict[str, str]) -> None:
    if not terms:
        return
    cursor.executemany(
        "insert into search_terms (customer_id, place, term, grams) values (%s, %s, %s, %s)"
        " on conflict (customer_id, place) do update set term = excluded.term, grams = excluded.grams",
        [(customer_id, p, normalised(term)[:_MOST_TERM], grams(term)) for p, term in sorted(terms.items())],
    )


def _forget_term(cursor: Cursor[DictRow], customer_id: UUID, place: str) -> None:
    cursor.execute("delete from search_terms where customer_id = %s and place = %s", (customer_id, place))


def _texts(values: tuple[str, ...]) -> list[str]:
    return [value for value in values if value != ERASED]


def _custom(values: tuple[CustomField, ...]) -> str:
    return json.dumps({field.key: field.value for field in values}, ensure_ascii=False)
