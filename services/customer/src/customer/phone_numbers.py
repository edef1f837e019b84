"""Reads telephone numbers as people type them, with the metadata of Google's libphonenumber."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

from customer.domain.standards import Unreadable

_CN_MOBILE = re.compile(r"1[3-9]\d{9}")


def read_phone(text: str, region: str) -> str:
    """Return the number as E.164; an extension is dropped. Raises Unreadable.

    Chinese numbers must be valid to the letter: a mobile has 11 digits and begins with 13 to 19. Others
    must have a length that their country knows.
    """
    typed = unicodedata.normalize("NFKC", text).strip()
    digits = re.sub(r"\D", "", typed)
    if region == "CN" and _CN_MOBILE.fullmatch(digits) and not typed.startswith("+"):
        return f"+86{digits}"
    try:
        number = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException as error:
        raise Unreadable(
            f"cannot be read as a telephone number ({len(digits)} digits);"
            " enter it with its country code, like +86 138 0013 8000"
        ) from error
    is_right = (
        phonenumbers.is_valid_number(number) if number.country_code == 86 else phonenumbers.is_possible_number(number)
    )
    if not is_right and number.country_code == 86:
        raise Unreadable(
            f"is no Chinese number ({len(digits)} digits): a mobile has 11 digits and begins with 13 to 19,"
            " a land line has its area code"
        )
    if not is_right:
        raise Unreadable(
            f"cannot be a number of country code {number.country_code} ({len(digits)} digits);"
            " correct it, or enter it with its country code"
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
