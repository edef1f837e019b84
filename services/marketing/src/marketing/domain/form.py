"""A form anybody may fill in, and what becomes of what they enter. Refuses robots as far as it can."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum, IntEnum
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument, NotFound
from marketing.domain.campaign import checked_channel
from marketing.domain.touch import checked_utm

# -- what can happen ---------------------------------------------------------


class FormFieldKind(IntEnum):
    UNSPECIFIED = 0
    TEXT = 1
    LONG_TEXT = 2
    EMAIL = 3
    PHONE = 4
    NUMBER = 5
    DATE = 6
    CHOICE = 7
    CHECKBOX = 8


@dataclass(frozen=True, slots=True)
class FormField:
    key: str
    label: str
    kind: FormFieldKind
    required: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ThankYou:
    message: str = ""
    redirect_url: str = ""
    download_url: str = ""
    template_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class FormDrafted:
    form_id: UUID
    title: str
    campaign_id: UUID | None
    owner_id: UUID
    source_channel: str
    fields: tuple[FormField, ...]
    thank_you: ThankYou
    minimum_fill_s: int
    hourly_limit: int


@dataclass(frozen=True, slots=True)
class FormRevised:
    form_id: UUID
    title: str
    campaign_id: UUID | None
    source_channel: str
    fields: tuple[FormField, ...]
    thank_you: ThankYou
    minimum_fill_s: int
    hourly_limit: int


@dataclass(frozen=True, slots=True)
class FormPublished:
    form_id: UUID
    title: str
    campaign_id: UUID | None


@dataclass(frozen=True, slots=True)
class FormWithdrawn:
    form_id: UUID


@dataclass(frozen=True, slots=True)
class FormAnswer:
    key: str
    label: str
    value: str  # personal: sealed at rest


@dataclass(frozen=True, slots=True)
class FormSubmitted:
    submission_id: UUID
    form_id: UUID
    campaign_id: UUID | None
    source_channel: str
    utm: dict[str, str]
    region_code: str
    industry_code: str
    behaviours: tuple[str, ...]
    visitor_id: UUID | None
    consent_given: bool
    person_name: str  # personal, as are the next three and the answers
    phone: str
    email: str
    company: str
    answers: tuple[FormAnswer, ...]
    owner_id: UUID


@dataclass(frozen=True, slots=True)
class FormHandedOver:
    form_id: UUID
    from_owner_id: UUID
    to_owner_id: UUID


FormEvent = FormDrafted | FormRevised | FormPublished | FormWithdrawn | FormHandedOver
SubmissionEvent = FormSubmitted


class LooksAutomatic(DomainError):
    """The form came back faster than a person fills it."""


# -- what it is, and what may be decided about it ----------------------------

HONEYPOT = "website_url"
"""Name of the field no person sees: a robot fills in everything that sounds fillable."""
LEAD_KEYS = ("person_name", "phone", "email", "company", "region_code", "industry_code")
DEFAULT_FILL_S = 3
DEFAULT_HOURLY_LIMIT = 20
TOKEN_LIFE = timedelta(hours=24)

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".]{2,}")
_PHONE = re.compile(r"[+()\d][\d\s().+-]{4,30}")
_BEHAVIOUR = re.compile(r"[a-z][a-z0-9-]{1,39}")
_MOST_FIELDS = 60
_LONGEST_VALUE = 2000
_MOST_BEHAVIOURS = 20


@dataclass(frozen=True, slots=True)
class Layout:
    """What a marketer decides about a form. Refuses what could not be shown or answered."""

    title: str
    fields: tuple[FormField, ...]
    source_channel: str
    campaign_id: UUID | None = None
    thank_you: ThankYou = ThankYou()
    minimum_fill_s: int = DEFAULT_FILL_S
    hourly_limit: int = DEFAULT_HOURLY_LIMIT

    def __post_init__(self) -> None:
        if not self.title:
            raise InvalidArgument("title", "is required")
        if not 1 <= len(self.fields) <= _MOST_FIELDS:
            raise InvalidArgument("fields", f"a form has 1 to {_MOST_FIELDS} fields")
        seen: set[str] = set()
        for i, field in enumerate(self.fields):
            _check_field(field, f"fields[{i}]")
            if field.key in seen:
                raise InvalidArgument(f"fields[{i}].key", f"{field.key!r} is there twice")
            seen.add(field.key)
        if not seen & {"email", "phone"}:
            raise InvalidArgument("fields", "ask for an email or a phone, or nobody can answer")
        for name in ("redirect_url", "download_url"):
            url = getattr(self.thank_you, name)
            if url and not url.startswith(("https://", "http://")):
                raise InvalidArgument(f"thank_you.{name}", "must be a web address")
        if not 0 <= self.minimum_fill_s <= 600:
            raise InvalidArgument("minimum_fill_s", "must be between 0 and 600")
        if not 1 <= self.hourly_limit <= 10_000:
            raise InvalidArgument("hourly_limit", "must be between 1 and 10000")
        object.__setattr__(self, "source_channel", checked_channel("source_channel", self.source_channel))


def _check_field(field: FormField, place: str) -> None:
    if not _KEY.fullmatch(field.key) or field.key == HONEYPOT:
        raise InvalidArgument(f"{place}.key", "must be lower case letters, digits and underscores")
    if not field.label:
        raise InvalidArgument(f"{place}.label", "is required")
    if field.kind is FormFieldKind.UNSPECIFIED:
        raise InvalidArgument(f"{place}.kind", "is required")
    if (field.kind is FormFieldKind.CHOICE) != bool(field.choices):
        raise InvalidArgument(f"{place}.choices", "a choice has some, another field has none")


@dataclass(frozen=True, slots=True)
class Visit:
    """What is known of the visit in which a form was sent, beside what was entered."""

    source_channel: str = ""
    campaign_id: UUID | None = None
    utm: Mapping[str, str] | None = None
    behaviours: Sequence[str] = ()
    visitor_id: UUID | None = None
    consent_given: bool = False


class FormState(Enum):
    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Form:
    id: UUID
    owner_id: UUID
    layout: Layout
    state: FormState = FormState.DRAFT

    def revise(self, layout: Layout) -> list[FormEvent]:
        if layout == self.layout:
            return []
        return [
            FormRevised(
                self.id,
                layout.title,
                layout.campaign_id,
                layout.source_channel,
                layout.fields,
                layout.thank_you,
                layout.minimum_fill_s,
                layout.hourly_limit,
            )
        ]

    def publish(self) -> list[FormEvent]:
        if self.state is FormState.PUBLISHED:
            return []
        return [FormPublished(self.id, self.layout.title, self.layout.campaign_id)]

    def withdraw(self) -> list[FormEvent]:
        if self.state is not FormState.PUBLISHED:
            return []
        return [FormWithdrawn(self.id)]

    def require_published(self) -> None:
        """A form that is not published does not exist for the public."""
        if self.state is not FormState.PUBLISHED:
            raise NotFound(f"there is no form {self.id}")

    def check_pace(self, filled_in: timedelta) -> None:
        """Refuse what came back too fast for a person, or too late to trust the token."""
        if filled_in < timedelta(seconds=self.layout.minimum_fill_s):
            raise LooksAutomatic("that was quick: please look over what you entered and send it again")
        if filled_in > TOKEN_LIFE:
            raise DomainError("the form was open for too long; load it again and send it then")

    def submit(self, submission_id: UUID, values: Mapping[str, str], visit: Visit) -> list[SubmissionEvent]:
        """Take what was entered. Refusals name the field and never repeat the entry."""
        self.require_published()
        known = {field.key for field in self.layout.fields}
        if unknown := sorted(set(values) - known):
            raise InvalidArgument(f"values.{unknown[0][:40]}", "is not a field of this form")
        entered = {field.key: _checked_value(field, values.get(field.key, "")) for field in self.layout.fields}
        if not (entered.get("email") or entered.get("phone")):
            raise InvalidArgument("values", "leave an e-mail address or a phone number")
        answers = tuple(
            FormAnswer(field.key, field.label, entered[field.key])
            for field in self.layout.fields
            if field.key not in LEAD_KEYS and entered[field.key]
        )
        channel = visit.source_channel or self.layout.source_channel
        behaviours = sorted({b for b in visit.behaviours if _BEHAVIOUR.fullmatch(b)})
        return [
            FormSubmitted(
                submission_id,
                self.id,
                visit.campaign_id or self.layout.campaign_id,
                checked_channel("source_channel", channel),
                checked_utm(dict(visit.utm or {})),
                entered.get("region_code", ""),
                entered.get("industry_code", ""),
                tuple(behaviours[:_MOST_BEHAVIOURS]),
                visit.visitor_id,
                visit.consent_given,
                entered.get("person_name", ""),
                entered.get("phone", ""),
                entered.get("email", ""),
                entered.get("company", ""),
                answers,
                self.owner_id,
            )
        ]

    def hand_over(self, to_owner_id: UUID) -> list[FormEvent]:
        """Somebody else answers for it now."""
        return [] if to_owner_id == self.owner_id else [FormHandedOver(self.id, self.owner_id, to_owner_id)]


def draft_form(form_id: UUID, owner_id: UUID, layout: Layout) -> list[FormEvent]:
    """Draft a form."""
    return [
        FormDrafted(
            form_id,
            layout.title,
            layout.campaign_id,
            owner_id,
            layout.source_channel,
            layout.fields,
            layout.thank_you,
            layout.minimum_fill_s,
            layout.hourly_limit,
        )
    ]


def _checked_value(field: FormField, raw: str) -> str:
    place = f"values.{field.key}"
    text = raw.strip()
    if len(text) > _LONGEST_VALUE or "\x00" in text:
        raise InvalidArgument(place, f"at most {_LONGEST_VALUE} characters fit")
    if not text:
        if field.required:
            raise InvalidArgument(place, "is required")
        return ""
    match field.kind:
        case FormFieldKind.EMAIL:
            ok, want = _EMAIL.fullmatch(text) is not None, "must be an e-mail address"
        case FormFieldKind.PHONE:
            ok, want = _PHONE.fullmatch(text) is not None, "must be a phone number"
        case FormFieldKind.NUMBER:
            ok, want = _is_number(text), "must be a number"
        case FormFieldKind.DATE:
            ok, want = _is_date(text), "must be a date like 2026-01-31"
        case FormFieldKind.CHOICE:
            ok, want = text in field.choices, "must be one of the choices"
        case FormFieldKind.CHECKBOX:
            ok, want = text in ("true", "false"), "must be true or false"
        case FormFieldKind.TEXT:
            ok, want = "\n" not in text, "must be one line"
        case FormFieldKind.LONG_TEXT | FormFieldKind.UNSPECIFIED:
            ok, want = True, ""
        case _:
            assert_never(field.kind)
    if not ok:
        raise InvalidArgument(place, want)
    return text


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


# -- how it comes to be ------------------------------------------------------


def evolve(form: Form | None, event: FormEvent) -> Form:
    """Fold one event into the state."""
    if isinstance(event, FormDrafted):
        return Form(event.form_id, event.owner_id, _layout_of(event))
    assert form is not None, f"history must begin with FormDrafted, not {event}"
    match event:
        case FormRevised():
            return replace(form, layout=_layout_of(event))
        case FormPublished():
            return replace(form, state=FormState.PUBLISHED)
        case FormWithdrawn():
            return replace(form, state=FormState.WITHDRAWN)
        case FormHandedOver(to_owner_id=owner_id):
            return replace(form, owner_id=owner_id)
        case _:
            assert_never(event)


def _layout_of(event: FormDrafted | FormRevised) -> Layout:
    """History is never refused, so the layout's checks are passed by."""
    layout = object.__new__(Layout)
    for name in Layout.__slots__:
        object.__setattr__(layout, name, getattr(event, name))
    return layout
