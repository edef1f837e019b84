"""What a password must be. It is judged here, hashed elsewhere, and recorded nowhere."""

from __future__ import annotations

import unicodedata

from kernel.errors import InvalidArgument

SHORTEST = 10
LONGEST = 256
_FEWEST_DIFFERENT = 5

# Long enough to pass the length rule and yet among the first that anybody would try.
_WELL_KNOWN = frozenset(
    {
        "1234567890", "12345678910", "0123456789", "0987654321", "1q2w3e4r5t", "1q2w3e4r5t6y",
        "q1w2e3r4t5", "qwertyuiop", "qwerty12345", "qwerty123456", "password12", "password123",
        "password1234", "passw0rd123", "p@ssw0rd123", "administrator", "admin12345", "admin123456",
        "welcome123", "welcome1234", "letmein1234", "iloveyou123", "changeme123", "1qaz2wsx3edc",
        "abcdefghij", "abcdefghijk", "abc1234567", "a123456789", "a1234567890", "aa12345678",
        "asdfghjkl1", "zxcvbnm123", "woaini1314", "woaini520520", "5201314520", "headwater1",
        "headwater123",
    }
)  # fmt: skip


def check_password(field: str, password: str, login: str) -> None:
    """Raises InvalidArgument naming the field, never the password."""
    folded = unicodedata.normalize("NFKC", password).casefold()
    if len(password) < SHORTEST:
        raise InvalidArgument(field, f"at least {SHORTEST} characters")
    if len(password) > LONGEST:
        raise InvalidArgument(field, f"at most {LONGEST} characters")
    if folded in _WELL_KNOWN or len(set(folded)) < _FEWEST_DIFFERENT:
        raise InvalidArgument(field, "one of the first that anybody would try; choose another one")
    if login and (login in folded) and len(folded) - len(login) < 6:
        raise InvalidArgument(field, "hardly more than the login; choose another one")
