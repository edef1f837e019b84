"""Data standards: how a name, a number, an address and a code must look, and which fields a status asks for.

Everything typed or imported passes here once. A problem names the field, what is wrong, and the way out,
and never repeats a personal value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace

from customer.domain.dictionary import Dictionary
from customer.domain.profile import CustomField, Profile
from kernel.money import Money

MOST_PHONES = 10
MOST_CUSTOM_FIELDS = 100
_SPACE = re.compile(r"\s+")
_EMAIL = re.compile(r"[^@\s,;<>\"()]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}")
_WEBSITE = re.compile(r"(?:https?://)?(?:[\w-]+\.)+[\w-]{2,}(?::\d+)?(?:/\S*)?")
_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_SIZES = (("micro", 20), ("small", 300), ("medium", 1000), ("large", 10_000))


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a field, or noteworthy; a fatal one refuses the whole."""

    field: str
    message: str
    fatal: bool = True


class Unreadable(ValueError):
    """A telephone number that cannot be called. The message says why, without the number."""


ReadPhone = Callable[[str, str], str]
"""(number as typed, region such as "CN") -> E.164; raises Unreadable."""


@dataclass(frozen=True, slots=True)
class Standards:
    """The dictionaries and rules that values are held against."""

    industries: Dictionary
    regions: Dictionary
    sizes: Dictionary
    intents: Dictionary
    read_phone: ReadPhone

    def clean(
        self,
        raw: Profile,
        phone_region: str = "",
        keep_unreadable_phones: bool = False,
        prefix: str = "profile",
    ) -> tuple[Profile, list[Problem]]:
        """Return the profile as it will be stored, and what is wrong with it."""
        problems: list[Problem] = []
        is_person = bool(raw.person_name)
        name = tidy(raw.person_name or raw.name)
        _check_name(name, f"{prefix}.name", is_person, problems)
        region = self._code(self.regions, raw.region_code, f"{prefix}.region_code", problems)
        country = phone_region or self.country_of(region)
        annual_revenue = raw.annual_revenue
        if annual_revenue is not None and annual_revenue.minor_units < 0:
            problems.append(Problem(f"{prefix}.annual_revenue", "must not be negative"))
        if annual_revenue is not None and annual_revenue.minor_units == 0:
            annual_revenue = None
        if not 0 <= raw.employees <= 10_000_000:
            problems.append(Problem(f"{prefix}.employees", "must be between 0 and 10,000,000"))
        size = self._code(self.sizes, raw.size_code, f"{prefix}.size_code", problems)
        if not size and raw.employees > 0:
            size = next((code for code, below in _SIZES if raw.employees < below), "enterprise")
        clean = replace(
            raw,
            name="" if is_person else name,
            person_name=name if is_person else "",
            industry_code=self._code(self.industries, raw.industry_code, f"{prefix}.industry_code", problems),
            region_code=region,
            size_code=size,
            intent_code=self._code(self.intents, raw.intent_code, f"{prefix}.intent_code", problems),
            credit_code=_credit_code(raw.credit_code, f"{prefix}.credit_code", problems),
            website=_website(raw.website, f"{prefix}.website", problems),
            annual_revenue=annual_revenue,
            phones=self.phones(raw.phones, country, f"{prefix}.phones", problems, keep_unreadable_phones),
            emails=emails(raw.emails, f"{prefix}.emails", problems),
            address=_text(raw.address, f"{prefix}.address", 500, problems),
            remark=_text(raw.remark, f"{prefix}.remark", 5000, problems, keep_lines=True),
            custom_fields=_custom_fields(raw.custom_fields, f"{prefix}.custom_fields", problems),
        )
        return clean, problems

    def phones(
        self,
        raw: tuple[str, ...],
        region: str,
        field: str,
        problems: list[Problem],
        keep_unreadable: bool = False,
    ) -> tuple[str, ...]:
        """Return the numbers as E.164, each once; what cannot be read is refused, or kept as typed."""
        found: dict[str, None] = {}
        for i, text in enumerate(raw):
            if not text.strip():
                continue
            try:
                found[self.read_phone(text, region or "CN")] = None
            except Unreadable as error:
                problems.append(Problem(f"{field}[{i}]", str(error), fatal=not keep_unreadable))
                if keep_unreadable:
                    found[tidy(text)[:40]] = None
        if len(found) > MOST_PHONES:
            problems.append(Problem(field, f"has {len(found)} numbers; at most {MOST_PHONES} fit"))
        return tuple(found)

    def _code(self, dictionary: Dictionary, text: str, field: str, problems: list[Problem]) -> str:
        if not text.strip():
            return ""
        code = dictionary.resolve(text)
        if code is None:
            problems.append(
                Problem(
                    field,
                    f"{text.strip()[:40]!r} is in no line of the dictionary of {dictionary.name};"
                    f" use a code or a name from GET /v1/customer-dictionaries/{dictionary.name}",
                )
            )
            return ""
        return code

    def country_of(self, region_code: str) -> str:
        """Return the country or region whose numbering plan numbers of a region follow."""
        ancestors = self.regions.with_ancestors(region_code)
        if not ancestors:
            return ""
        special = {"81": "HK", "82": "MO", "71": "TW"}
        return next((special[code] for code in ancestors if code in special), ancestors[-1])


# -- what a status asks for ------------------------------------------------------

REQUIRED_WHEN_ACTIVE = ("industry_code", "region_code", "reachable")
"""At creation only a name is asked for; who buys must also be classified and reachable."""


def missing_for_active(profile: Profile, contact_is_reachable: bool) -> list[str]:
    """Return the names of the fields that an active customer still lacks."""
    missing = [name for name in ("industry_code", "region_code") if not getattr(profile, name)]
    if not (profile.phones or profile.emails or contact_is_reachable):
        missing.append("phones or emails (the customer's or a contact's)")
    return missing


# -- single values ---------------------------------------------------------------


def tidy(text: str) -> str:
    """Return the text trimmed, its runs of white space made one space."""
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()


def _check_name(name: str, field: str, is_person: bool, problems: list[Problem]) -> None:
    shortest = 1 if is_person else 2
    letters = [c for c in name if c.isalpha()]
    if not name:
        problems.append(Problem(field, "is required: a customer is registered with at least a name"))
    elif len(name) > 200:
        problems.append(Problem(field, f"has {len(name)} characters; at most 200 fit"))
    elif len(name) < shortest or not letters:
        problems.append(Problem(field, f"is no name: it needs {shortest} characters or more, at least one a letter"))
    elif any(unicodedata.category(c) == "Cc" for c in name):
        problems.append(Problem(field, "holds control characters; type it anew"))
    elif len(name) >= 4 and len(set(name.casefold())) == 1:
        problems.append(Problem(field, "is one letter over and over; enter the real name"))


def check_contact_name(name: str, field: str, problems: list[Problem]) -> str:
    """Return the name tidied; note when it is none."""
    clean = tidy(name)
    _check_name(clean, field, True, problems)
    return clean


def emails(raw: tuple[str, ...], field: str, problems: list[Problem]) -> tuple[str, ...]:
    """Return the addresses in lower case, each once."""
    found: dict[str, None] = {}
    for i, text in enumerate(raw):
        address = unicodedata.normalize("NFKC", text).strip().lower()
        if not address:
            continue
        if len(address) > 254 or not _EMAIL.fullmatch(address):
            problems.append(Problem(f"{field}[{i}]", "is no e-mail address like name@example.com"))
            continue
        found[address] = None
    return tuple(found)


def credit_code_is_valid(code: str) -> bool:
    """Whether a unified social credit code's 18th character fits the others.

    GB 32100-2015, annex: character i has weight 3^(i-1) mod 31; the check character is 31 minus the
    weighted sum mod 31, written in the code's alphabet of 31 (no I, O, S, V, Z).
    """
    if len(code) != 18 or any(c not in _CREDIT_ALPHABET for c in code):
        return False
    total = sum(_CREDIT_ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(code[:17]))
    return _CREDIT_ALPHABET[(31 - total % 31) % 31] == code[17]


def _credit_code(raw: str, field: str, problems: list[Problem]) -> str:
    code = unicodedata.normalize("NFKC", raw).strip().upper().replace(" ", "").replace("-", "")
    if code and not credit_code_is_valid(code):
        problems.append(
            Problem(
                field,
                "is no unified social credit code: 18 characters, the last one a check character"
                " (GB 32100-2015); compare it with the business licence",
            )
        )
    return code


def _website(raw: str, field: str, problems: list[Problem]) -> str:
    text = raw.strip()
    if text and (len(text) > 300 or not _WEBSITE.fullmatch(text)):
        problems.append(Problem(field, "is no web address like www.example.com"))
    return text


def _text(raw: str, field: str, most: int, problems: list[Problem], keep_lines: bool = False) -> str:
    text = raw.strip() if keep_lines else tidy(raw)
    if len(text) > most:
        problems.append(Problem(field, f"has {len(text)} characters; at most {most} fit"))
    return text.replace("\x00", "")


def _custom_fields(raw: tuple[CustomField, ...], field: str, problems: list[Problem]) -> tuple[CustomField, ...]:
    found: dict[str, str] = {}
    for custom in raw:
        key, value = tidy(custom.key), _text(custom.value, f"{field}.{custom.key[:60]}", 2000, problems)
        if not key or len(key) > 60:
            problems.append(Problem(field, "has a field whose name is empty or longer than 60 characters"))
        elif value:
            found[key] = value
    if len(found) > MOST_CUSTOM_FIELDS:
        problems.append(Problem(field, f"has {len(found)} fields; at most {MOST_CUSTOM_FIELDS} fit"))
    return tuple(CustomField(key, found[key]) for key in sorted(found))


def revenue_is_at_least(revenue: Money | None, least: Money | None) -> bool:
    """Whether a rule's least amount is reached; another currency never reaches it."""
    if least is None or least.minor_units == 0:
        return True
    return (
        revenue is not None
        and revenue.currency_code == least.currency_code
        and revenue.minor_units >= least.minor_units
    )
