"""Between the wire's messages and what the application speaks. No decisions here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, cast
from uuid import UUID

from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp
from psycopg.rows import DictRow

from crm.common.v1 import money_pb2
from crm.customer.v1 import activity_events_pb2 as activity_pb
from crm.customer.v1 import customer_events_pb2 as customer_pb
from crm.customer.v1 import customer_service_pb2 as pb
from crm.customer.v1 import policy_events_pb2 as policy_pb
from customer.application import NewCustomer
from customer.domain.activity import Attachment
from customer.domain.customer import Contact, CustomerKind, DecisionRole
from customer.domain.policy import CustomerLevel, LevelRule
from customer.domain.profile import CustomField, Profile
from customer.importer import Result
from customer.projections.duplicates import Candidate
from customer.projections.filters import AllOf, AnyOf, Condition, Filter, Negated, Operator
from customer.projections.search import Card
from kernel.auth import Caller
from kernel.errors import InvalidArgument
from kernel.ids import new_id
from kernel.money import Money

_OPERATORS = {
    pb.OPERATOR_UNSPECIFIED: Operator.IS_ANY_OF,
    pb.OPERATOR_IS_ANY_OF: Operator.IS_ANY_OF,
    pb.OPERATOR_CONTAINS: Operator.CONTAINS,
    pb.OPERATOR_IS_UNDER: Operator.IS_UNDER,
    pb.OPERATOR_AT_LEAST: Operator.AT_LEAST,
    pb.OPERATOR_AT_MOST: Operator.AT_MOST,
    pb.OPERATOR_IS_EMPTY: Operator.IS_EMPTY,
}
_CURRENCY_LETTERS = 3

# -- in --------------------------------------------------------------------------


def moment(message: Any, field: str) -> datetime | None:
    """Return a timestamp field, None when it is not set."""
    if not message.HasField(field):
        return None
    try:
        return cast("Timestamp", getattr(message, field)).ToDatetime(tzinfo=UTC)
    except (OverflowError, ValueError) as error:
        raise InvalidArgument(field, "is no time that a calendar has") from error


def required_moment(message: Any, field: str) -> datetime:
    """Return a timestamp field; refuse a missing one."""
    found = moment(message, field)
    if found is None:
        raise InvalidArgument(field, "is required")
    return found


def uuids(texts: Iterable[str], field: str) -> list[UUID]:
    """Return texts as ids; refuse a malformed one by its place."""
    found = []
    for i, text in enumerate(texts):
        try:
            found.append(UUID(text))
        except ValueError as error:
            raise InvalidArgument(f"{field}[{i}]", f"{text[:40]!r} is not an id") from error
    return found


def uuid_or_none(text: str, field: str) -> UUID | None:
    """Return a text as an id, None when empty."""
    return uuids([text], field)[0] if text else None


def money_in(message: Any, field: str, path: str) -> Money | None:
    """Return an amount, None when it is not set."""
    if not message.HasField(field):
        return None
    value = getattr(message, field)
    if len(value.currency_code) != _CURRENCY_LETTERS or not value.currency_code.isupper():
        raise InvalidArgument(f"{path}.currency_code", "is no ISO 4217 code like CNY")
    return Money(value.minor_units, value.currency_code)


def profile_in(message: pb.Profile, kind: CustomerKind) -> Profile:
    """Return a profile as it was typed."""
    is_person = kind is CustomerKind.PERSON
    return Profile(
        "" if is_person else message.name,
        message.name if is_person else "",
        message.industry_code,
        message.region_code,
        message.size_code,
        message.intent_code,
        message.credit_code,
        message.website,
        message.employees,
        money_in(message, "annual_revenue", "profile.annual_revenue"),
        tuple(message.phones),
        tuple(message.emails),
        message.address,
        message.remark,
        tuple(CustomField(key, value) for key, value in message.custom_fields.items()),
    )


def contact_in(message: pb.Contact, field: str, contact_id: UUID | None = None) -> Contact:
    """Return a contact as it was typed, with a new id when it has none."""
    identity = contact_id or uuid_or_none(message.contact_id, f"{field}.contact_id") or new_id()
    return Contact(
        identity,
        message.name,
        message.position,
        enum_in(DecisionRole, message.decision_role, f"{field}.decision_role"),
        tuple(message.phones),
        tuple(message.emails),
        message.remark,
    )


def enum_in(kind: Any, number: int, field: str) -> Any:
    """Return an enum's member; refuse a number that it has not."""
    try:
        return kind(number)
    except ValueError as error:
        raise InvalidArgument(field, f"has no value {number}") from error


def new_customer(message: Any, phone_region: str, prefix: str = "") -> NewCustomer:
    """Return a customer as it was typed, from a registration or an import row."""
    kind = enum_in(CustomerKind, message.kind, f"{prefix}kind")
    if kind is CustomerKind.UNSPECIFIED:
        kind = CustomerKind.COMPANY
    return NewCustomer(
        kind,
        profile_in(message.profile, kind),
        [
            (contact_in(contact, f"{prefix}contacts[{i}]"), contact.is_primary)
            for i, contact in enumerate(message.contacts)
        ],
        list(message.tags),
        message.source,
        uuid_or_none(message.owner_id, f"{prefix}owner_id"),
        message.external_ref,
        phone_region,
    )


def attachment_in(message: activity_pb.Attachment) -> Attachment:
    """Return an attachment."""
    return Attachment(message.name, message.size_bytes, message.sha256, message.media_type)


def filter_in(message: pb.Filter, depth: int = 0) -> Filter:
    """Return a filter's tree."""
    if depth > 20:
        raise InvalidArgument("filter", "is nested too deep")
    match message.WhichOneof("node"):
        case "condition":
            condition = message.condition
            operator = _OPERATORS.get(condition.operator)
            if operator is None:
                raise InvalidArgument("filter.operator", f"has no value {condition.operator}")
            return Condition(condition.field, operator, tuple(condition.values))
        case "all_of":
            return AllOf(tuple(filter_in(f, depth + 1) for f in message.all_of.filters))
        case "any_of":
            return AnyOf(tuple(filter_in(f, depth + 1) for f in message.any_of.filters))
        case "negated":
            return Negated(filter_in(message.negated, depth + 1))
        case _:
            return AllOf(())


def filter_json(message: pb.Filter) -> str:
    """Return a filter as canonical JSON, to be stored."""
    said = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return json.dumps(said, sort_keys=True, ensure_ascii=False)


def filter_of_json(text: str) -> pb.Filter:
    """Return a stored filter."""
    return json_format.Parse(text, pb.Filter())


def rule_in(message: policy_pb.LevelRule, field: str) -> LevelRule:
    """Return a level rule."""
    return LevelRule(
        message.rule_id,
        message.name,
        enum_in(CustomerLevel, message.level, f"{field}.level"),
        tuple(message.industry_codes),
        tuple(message.region_codes),
        tuple(message.size_codes),
        money_in(message, "min_annual_revenue", f"{field}.min_annual_revenue"),
        message.min_employees,
        message.min_orders,
        money_in(message, "min_order_total", f"{field}.min_order_total"),
        message.min_months_since_first_order,
    )


# -- out -------------------------------------------------------------------------


def stamp(at: datetime | None) -> Timestamp | None:
    """Return a time as a message; None stays unset."""
    if at is None:
        return None
    message = Timestamp()
    message.FromDatetime(at.astimezone(UTC))
    return message


def text_of(identity: UUID | None) -> str:
    """Return an id as text, "" for none."""
    return str(identity) if identity is not None else ""


def money_out(amount: Money) -> money_pb2.Money:
    """Return an amount as a message."""
    return money_pb2.Money(minor_units=amount.minor_units, currency_code=amount.currency_code)


def card_out(card: Card) -> pb.CustomerCard:
    """Return a card as a message."""
    row, figures = card.row, card.figures
    contact = figures.contact or {}
    phones = [*row["phones"], *contact.get("phones", ())]
    emails = [*row["emails"], *contact.get("emails", ())]
    return pb.CustomerCard(
        customer_id=str(row["customer_id"]),
        name=row["name"],
        kind=row["kind"],
        status=row["status"],
        level=row["level"],
        owner_id=text_of(row["owner_id"]),
        industry_code=row["industry_code"],
        region_code=row["region_code"],
        size_code=row["size_code"],
        intent_code=row["intent_code"],
        deal_band_code=figures.deal_band,
        tags=row["tags"],
        order_count=figures.orders,
        order_totals=[money_out(total) for total in figures.totals],
        paid_totals=[money_out(paid) for paid in figures.paid],
        last_order_at=stamp(figures.last_order_at),
        open_tickets=figures.open_tickets,
        last_contact_at=stamp(figures.last_contact_at),
        silent=row["status"] == customer_pb.CUSTOMER_STATUS_SILENT,
        primary_contact_name=contact.get("name", ""),
        phone=phones[0] if phones else "",
        email=emails[0] if emails else "",
        registered_at=stamp(row["registered_at"]),
        source=row["source"],
        asked_id=str(card.asked_id) if card.asked_id != row["customer_id"] else "",
        external_ref=row["external_ref"],
        next_follow_up_at=stamp(figures.next_follow_up_at),
    )


def profile_out(row: DictRow) -> pb.Profile:
    """Return a customer's row as a profile."""
    profile = pb.Profile(
        name=row["name"],
        industry_code=row["industry_code"],
        region_code=row["region_code"],
        size_code=row["size_code"],
        intent_code=row["intent_code"],
        credit_code=row["credit_code"],
        website=row["website"],
        employees=row["employees"],
        phones=row["phones"],
        emails=row["emails"],
        address=row["address"],
        remark=row["remark"],
        custom_fields=row["custom_fields"],
    )
    if row["revenue_minor"]:
        profile.annual_revenue.minor_units = row["revenue_minor"]
        profile.annual_revenue.currency_code = row["revenue_currency"]
    return profile


def contact_out(row: DictRow, root: UUID) -> pb.Contact:
    """Return a contact's row; only the survivor's own primary contact is one."""
    return pb.Contact(
        contact_id=str(row["contact_id"]),
        name=row["name"],
        position=row["position"],
        decision_role=row["decision_role"],
        is_primary=row["is_primary"] and row["customer_id"] == root,
        phones=row["phones"],
        emails=row["emails"],
        remark=row["remark"],
    )


def entry_out(row: DictRow) -> pb.TimelineEntry:
    """Return a timeline's row."""
    return pb.TimelineEntry(
        event_id=str(row["event_id"]),
        customer_id=str(row["customer_id"]),
        type=row["type"],
        effective_at=stamp(row["effective_at"]),
        recorded_at=stamp(row["recorded_at"]),
        actor=row["actor"],
        event_type=row["event_type"],
        subject_id=text_of(row["subject_id"]),
        title=row["title"],
        content=row["content"],
        details={**({"kind": row["kind"]} if row["kind"] else {}), **_filled(row["details"])},
        attachments=[activity_pb.Attachment(**attachment) for attachment in row["attachments"]],
    )


def follow_up_out(row: DictRow) -> pb.FollowUp:
    """Return a follow-up's row."""
    return pb.FollowUp(
        follow_up_id=str(row["follow_up_id"]),
        customer_id=str(row["customer_id"]),
        customer_name=row["customer_name"],
        contact_id=text_of(row["contact_id"]),
        owner_id=text_of(row["owner_id"]),
        due_at=stamp(row["due_at"]),
        subject=row["subject"],
        suggested_content=row["suggested_content"],
        state=row["state"],
    )


def candidate_out(candidate: Candidate, caller: Caller) -> pb.DuplicateCandidate:
    """Return a candidate; outside the caller's scope only that it is there and whom to ask."""
    visible = caller.sees(candidate.owner_id)
    return pb.DuplicateCandidate(
        customer_id=str(candidate.customer_id) if visible else "",
        name=candidate.name if visible else "",
        owner_id=text_of(candidate.owner_id),
        matched_on=candidate.matched_on,
        score=candidate.score,
        visible=visible,
    )


def result_out(result: Result, caller: Caller) -> pb.ImportCustomerResult:
    """Return what became of a row."""
    return pb.ImportCustomerResult(
        external_ref=result.external_ref,
        outcome=_number(result.outcome),
        customer_id=text_of(result.customer_id),
        problems=[pb.RowProblem(field=p.field, message=p.message, fatal=p.fatal) for p in result.problems],
        candidates=[candidate_out(candidate, caller) for candidate in result.candidates],
    )


def rule_out(rule: LevelRule) -> policy_pb.LevelRule:
    """Return a level rule as a message."""
    message = policy_pb.LevelRule(
        rule_id=rule.rule_id,
        name=rule.name,
        level=_number(rule.level),
        industry_codes=rule.industry_codes,
        region_codes=rule.region_codes,
        size_codes=rule.size_codes,
        min_employees=rule.min_employees,
        min_orders=rule.min_orders,
        min_months_since_first_order=rule.min_months_since_first_order,
    )
    if rule.min_annual_revenue is not None:
        message.min_annual_revenue.CopyFrom(money_out(rule.min_annual_revenue))
    if rule.min_order_total is not None:
        message.min_order_total.CopyFrom(money_out(rule.min_order_total))
    return message


def _filled(details: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in details.items() if value}


def _number(member: IntEnum) -> Any:
    """Return an enum's number; the stubs have a type of their own for it."""
    return int(member)
