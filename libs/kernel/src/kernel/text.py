"""Search keys for short texts in any script, two-character Chinese names included.

A text is indexed by the one- and two-character pieces of its words; a query must find all of its own
pieces. Trigram indexes cannot answer a query of two characters, which is what a Chinese name is.

Two digits tell little, though: each pair of them is in a fifth of all telephone numbers. What is written in Latin
letters and digits is indexed by its runs of four characters as well.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_WORD = re.compile(r"\w+", re.UNICODE)
_LATIN = re.compile(r"[0-9a-z_]{4,}")
_RUN = 4
_MOST_CHARACTERS = 400


def normalised(text: str) -> str:
    """Fold width, case and compatibility forms: full-width and half-width read alike."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def grams(text: str) -> list[str]:
    """Return the sorted distinct pieces of each word of the text: of one and two characters, and Latin runs of four."""
    found: set[str] = set()
    for word in _words(text):
        found.update(word)
        found.update(_longer_pieces(word))
    return sorted(found)


def search_grams(query: str) -> list[str]:
    """Return the pieces that a match must all have: pairs, Latin runs, and single characters standing alone."""
    found: set[str] = set()
    for word in _words(query):
        if len(word) == 1:
            found.add(word)
        found.update(_longer_pieces(word))
    return sorted(found)


def _longer_pieces(word: str) -> Iterator[str]:
    yield from (word[i : i + 2] for i in range(len(word) - 1))
    for latin in _LATIN.findall(word):
        yield from (latin[i : i + _RUN] for i in range(len(latin) - _RUN + 1))


def _words(text: str) -> list[str]:
    return _WORD.findall(normalised(text[:_MOST_CHARACTERS]))
