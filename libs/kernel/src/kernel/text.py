"""Search keys for short texts in any script, two-character Chinese names included.

A text is indexed by the one- and two-character pieces of its words; a query must find all of its own
pieces. Trigram indexes cannot answer a query of two characters, which is what a Chinese name is.
"""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w+", re.UNICODE)
_MOST_CHARACTERS = 400


def normalised(text: str) -> str:
    """Fold width, case and compatibility forms: full-width and half-width read alike."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def grams(text: str) -> list[str]:
    """Return the sorted distinct one- and two-character pieces of each word of the text."""
    found: set[str] = set()
    for word in _words(text):
        found.update(word)
        found.update(word[i : i + 2] for i in range(len(word) - 1))
    return sorted(found)


def search_grams(query: str) -> list[str]:
    """Return the pieces that a match must all have: pairs, and single characters standing alone."""
    found: set[str] = set()
    for word in _words(query):
        if len(word) == 1:
            found.add(word)
        found.update(word[i : i + 2] for i in range(len(word) - 1))
    return sorted(found)


def _words(text: str) -> list[str]:
    return _WORD.findall(normalised(text[:_MOST_CHARACTERS]))
