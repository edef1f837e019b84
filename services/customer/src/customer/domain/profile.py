"""What is known of a customer apart from its standing, and what it means to change some of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from kernel.money import Money


@dataclass(frozen=True, slots=True)
class CustomField:
    """A field the user added."""

    key: str
    value: str  # personal


@dataclass(frozen=True, slots=True)
class PersonalText:
    """A personal text's new value."""

    value: str  # personal


@dataclass(frozen=True, slots=True)
class PersonalTexts:
    """Personal texts' new values."""

    values: tuple[str, ...]  # personal


@dataclass(frozen=True, slots=True)
class CustomFields:
    """All of the user's own fields."""

    fields: tuple[CustomField, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a customer. A company has a `name`, a person a `person_name`."""

    name: str = ""
    person_name: str = ""  # personal
    industry_code: str = ""
    region_code: str = ""
    size_code: str = ""
    intent_code: str = ""
    credit_code: str = ""
    website: str = ""
    employees: int = 0
    annual_revenue: Money | None = None
    phones: tuple[str, ...] = ()  # personal
    emails: tuple[str, ...] = ()  # personal
    address: str = ""  # personal
    remark: str = ""  # personal
    custom_fields: tuple[CustomField, ...] = ()  # personal


@dataclass(frozen=True, slots=True)
class ProfileChanges:
    """New values; None means unchanged."""

    name: str | None = None
    person_name: PersonalText | None = None
    industry_code: str | None = None
    region_code: str | None = None
    size_code: str | None = None
    intent_code: str | None = None
    credit_code: str | None = None
    website: str | None = None
    employees: int | None = None
    annual_revenue: Money | None = None
    phones: PersonalTexts | None = None
    emails: PersonalTexts | None = None
    address: PersonalText | None = None
    remark: PersonalText | None = None
    custom_fields: CustomFields | None = None


FIELDS = tuple(f.name for f in fields(Profile))
PERSONAL = frozenset({"person_name", "phones", "emails", "address", "remark", "custom_fields"})
CUSTOM = "custom_fields."
"""Prefix of the name of one custom field, so that two people may change two of them."""


def difference(old: Profile, new: Profile) -> ProfileChanges | None:
    """Return what turns `old` into `new`; None when they are equal."""
    changed = {name: _wrapped(name, getattr(new, name), old) for name in FIELDS if differs(old, new, name)}
    return ProfileChanges(**changed) if changed else None


def only(profile: Profile, names: Iterable[str]) -> ProfileChanges:
    """Return the given fields of the profile as changes."""
    return ProfileChanges(**{name: _wrapped(name, getattr(profile, name), profile) for name in names})


def apply(profile: Profile, changes: ProfileChanges) -> Profile:
    """Return the profile with the changes made."""
    return replace(profile, **{name: _unwrapped(name, getattr(changes, name)) for name in touched(changes)})


def touched(changes: ProfileChanges) -> list[str]:
    """Return the names of the fields that change."""
    return [name for name in FIELDS if getattr(changes, name) is not None]


def fine_fields(*profiles: Profile) -> list[str]:
    """Return every field's name, custom ones one by one, in order."""
    keys = {field.key for profile in profiles for field in profile.custom_fields}
    return [name for name in FIELDS if name != "custom_fields"] + [CUSTOM + key for key in sorted(keys)]


def value_of(profile: Profile, field: str) -> Any:
    """Return a field's value; a custom one's by its full name, "" when it is not there."""
    if field.startswith(CUSTOM):
        key = field.removeprefix(CUSTOM)
        return next((f.value for f in profile.custom_fields if f.key == key), "")
    return getattr(profile, field)


def with_value(profile: Profile, field: str, value: Any) -> Profile:
    """Return the profile with one field set; an empty custom field disappears."""
    if not field.startswith(CUSTOM):
        return replace(profile, **{field: value})
    key = field.removeprefix(CUSTOM)
    kept = [f for f in profile.custom_fields if f.key != key]
    if value:
        kept.append(CustomField(key, value))
    return replace(profile, custom_fields=tuple(sorted(kept, key=lambda f: f.key)))


def differs(one: Profile, other: Profile, field: str) -> bool:
    """Whether a field has two values."""
    return bool(value_of(one, field) != value_of(other, field))


def _wrapped(name: str, value: Any, old: Profile) -> Any:
    match name:
        case "person_name" | "address" | "remark":
            return PersonalText(value)
        case "phones" | "emails":
            return PersonalTexts(value)
        case "custom_fields":
            return CustomFields(value)
        case "annual_revenue" if value is None:
            return Money(0, old.annual_revenue.currency_code if old.annual_revenue else "XXX")
        case _:
            return value


def _unwrapped(name: str, value: Any) -> Any:
    match value:
        case PersonalText(value=text):
            return text
        case PersonalTexts(values=texts):
            return texts
        case CustomFields(fields=custom):
            return custom
        case Money(minor_units=0) if name == "annual_revenue":
            return None
        case _:
            return value
