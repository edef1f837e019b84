"""When two leads are the same person: phone, e-mail and company, written the same way."""

from __future__ import annotations

import re
import unicodedata

_LEGAL_FORMS = re.compile(
    r"(股份有限公司|有限责任公司|有限公司|公司|\b(?:incorporated|inc|limited|ltd|llc|plc|corp|corporation"
    r"|company|co|gmbh|ag|sa|srl|bv|pty)\b)"
)
_NOT_WORD = re.compile(r"[\W_]+")
_LEAST_DIGITS = 6


def phone_key(phone: str) -> str:
    """Digits only, without the prefix of international dialling and China's country code."""
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", phone))
    digits = digits.removeprefix("00")
    if len(digits) == 13 and digits.startswith("86"):
        digits = digits[2:]
    return digits if len(digits) >= _LEAST_DIGITS else ""


def email_key(email: str) -> str:
    folded = unicodedata.normalize("NFKC", email).strip().casefold()
    return folded if "@" in folded else ""


def company_key(company: str) -> str:
    """The name without its legal form, spaces and punctuation."""
    folded = unicodedata.normalize("NFKC", company).casefold()
    bare = _NOT_WORD.sub("", _LEGAL_FORMS.sub(" ", folded))
    return bare or _NOT_WORD.sub("", folded)


def identity_keys(phone: str, email: str, company: str) -> list[tuple[str, str]]:
    """Return (kind, key) of everything a duplicate could share."""
    keys = [
        ("phone", phone_key(phone)),
        ("email", email_key(email)),
        ("company", company_key(company)),
    ]
    return [(kind, key) for kind, key in keys if key]
