"""The domain's nested values as messages of the contract, and back. Used by views and by the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from psycopg.types.json import Jsonb

from crm.common.v1.money_pb2 import Money as MoneyMessage
from crm.marketing.v1 import form_events_pb2, journey_events_pb2, segment_events_pb2, template_events_pb2
from kernel.errors import InvalidArgument
from kernel.money import Money
from marketing.domain import form, journey, segment, template

M = TypeVar("M", bound=Message)


def as_json(message: Message) -> Jsonb:
    """How a view keeps a message: readable, with the contract's own names."""
    return Jsonb(MessageToDict(message, preserving_proto_field_name=True, use_integers_for_enums=True))


def from_json(stored: dict[str, Any], message: M) -> M:
    """Fill the message with what `as_json` kept."""
    return ParseDict(stored, message, ignore_unknown_fields=True)


def text(value: UUID | None) -> str:
    """An id on the wire; empty for none."""
    return str(value) if value else ""


def uuid_at(field: str, value: str) -> UUID | None:
    """The id in a nested field; None when empty, refused by the field's name when malformed."""
    if not value:
        return None
    try:
        return UUID(value)
    except ValueError as error:
        raise InvalidArgument(field, f"{value[:40]!r} is not an id") from error


def money_message(value: Money) -> MoneyMessage:
    return MoneyMessage(minor_units=value.minor_units, currency_code=value.currency_code)


def money_at(field: str, value: MoneyMessage) -> Money:
    """The amount; refuses one without a currency."""
    code = value.currency_code.strip().upper()
    if len(code) != 3 or not code.isalpha() or not code.isascii():
        raise InvalidArgument(field, "needs a currency such as CNY")
    return Money(value.minor_units, code)


# -- forms -------------------------------------------------------------------


def form_field_message(field: form.FormField) -> form_events_pb2.FormField:
    return form_events_pb2.FormField(
        key=field.key,
        label=field.label,
        kind=int(field.kind),  # type: ignore[arg-type]
        required=field.required,
        choices=field.choices,
    )


def form_fields(messages: Iterable[form_events_pb2.FormField]) -> tuple[form.FormField, ...]:
    return tuple(
        form.FormField(
            it.key.strip(),
            it.label.strip(),
            form.FormFieldKind(it.kind),
            it.required,
            tuple(choice.strip() for choice in it.choices if choice.strip()),
        )
        for it in messages
    )


def thank_you_message(it: form.ThankYou) -> form_events_pb2.ThankYou:
    return form_events_pb2.ThankYou(
        message=it.message,
        redirect_url=it.redirect_url,
        download_url=it.download_url,
        template_id=text(it.template_id),
    )


def thank_you(it: form_events_pb2.ThankYou) -> form.ThankYou:
    return form.ThankYou(
        it.message.strip()[:2000],
        it.redirect_url.strip(),
        it.download_url.strip(),
        uuid_at("thank_you.template_id", it.template_id),
    )


# -- segments ----------------------------------------------------------------

_DEEPEST = 20  # beyond what the domain allows, so that it can say so


def filter_message(it: segment.Filter) -> segment_events_pb2.SegmentFilter:
    return segment_events_pb2.SegmentFilter(
        kind=int(it.kind),  # type: ignore[arg-type]
        filters=[filter_message(below) for below in it.filters],
        field=int(it.field),  # type: ignore[arg-type]
        operator=int(it.operator),  # type: ignore[arg-type]
        values=it.values,
        within_days=it.within_days,
    )


def filter_of(it: segment_events_pb2.SegmentFilter, depth: int = 0) -> segment.Filter:
    if depth > _DEEPEST:
        raise InvalidArgument("filter", "is nested too deep")
    return segment.Filter(
        segment.FilterKind(it.kind),
        tuple(filter_of(below, depth + 1) for below in it.filters),
        segment.SegmentField(it.field),
        segment.FilterOperator(it.operator),
        tuple(value.strip() for value in it.values),
        it.within_days,
    )


# -- templates ---------------------------------------------------------------


def link_message(it: template.TemplateLink) -> template_events_pb2.TemplateLink:
    return template_events_pb2.TemplateLink(url=it.url, tag=it.tag)


# -- journeys ----------------------------------------------------------------


def condition_message(it: journey.JourneyCondition) -> journey_events_pb2.JourneyCondition:
    return journey_events_pb2.JourneyCondition(
        kind=int(it.kind),  # type: ignore[arg-type]
        step_id=it.step_id,
        link_tag=it.link_tag,
        form_id=text(it.form_id),
        product_id=text(it.product_id),
        field=int(it.field),  # type: ignore[arg-type]
        values=it.values,
        within_s=it.within_s,
    )


def condition_at(place: str, it: journey_events_pb2.JourneyCondition) -> journey.JourneyCondition:
    return journey.JourneyCondition(
        journey.ConditionKind(it.kind),
        it.step_id,
        it.link_tag,
        uuid_at(f"{place}.form_id", it.form_id),
        uuid_at(f"{place}.product_id", it.product_id),
        segment.SegmentField(it.field),
        tuple(it.values),
        it.within_s,
    )


def step_message(it: journey.JourneyStep) -> journey_events_pb2.JourneyStep:
    return journey_events_pb2.JourneyStep(
        step_id=it.step_id,
        name=it.name,
        kind=int(it.kind),  # type: ignore[arg-type]
        next_step_id=it.next_step_id,
        template_id=text(it.template_id),
        wait_s=it.wait_s,
        condition=condition_message(it.condition) if it.condition else None,
        yes_step_id=it.yes_step_id,
        no_step_id=it.no_step_id,
        tag=it.tag,
        coupon_value=money_message(it.coupon_value) if it.coupon_value else None,
        coupon_valid_days=it.coupon_valid_days,
    )


def step_at(place: str, it: journey_events_pb2.JourneyStep) -> journey.JourneyStep:
    return journey.JourneyStep(
        it.step_id,
        it.name.strip(),
        journey.StepKind(it.kind),
        it.next_step_id,
        uuid_at(f"{place}.template_id", it.template_id),
        it.wait_s,
        condition_at(f"{place}.condition", it.condition) if it.HasField("condition") else None,
        it.yes_step_id,
        it.no_step_id,
        it.tag.strip(),
        money_at(f"{place}.coupon_value", it.coupon_value) if it.HasField("coupon_value") else None,
        it.coupon_valid_days,
    )
