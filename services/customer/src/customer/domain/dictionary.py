"""Dictionaries: codes with labels in two languages, one below the other. What is not in one is refused."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One code. `also` holds further names that people type for it."""

    code: str
    parent_code: str
    label_en: str
    label_zh: str
    also: tuple[str, ...] = ()


class Dictionary:
    """Entries in order, found by code or by what people call them."""

    def __init__(self, name: str, entries: Iterable[Entry]) -> None:
        self.name = name
        self.entries = tuple(entries)
        self._by_code = {entry.code: entry for entry in self.entries}
        self._by_name: dict[str, str] = {}
        for entry in self.entries:
            for text in (entry.label_zh, entry.label_en, *entry.also):
                self._by_name.setdefault(_folded(text), entry.code)

    def __contains__(self, code: str) -> bool:
        return code in self._by_code

    def resolve(self, text: str) -> str | None:
        """Return the code that a code or a name stands for; None when nobody knows it."""
        wanted = text.strip()
        if wanted in self._by_code:
            return wanted
        if wanted.upper() in self._by_code:
            return wanted.upper()
        return self._by_name.get(_folded(wanted))

    def with_ancestors(self, code: str) -> tuple[str, ...]:
        """Return the code and every code above it, nearest first."""
        found: list[str] = []
        entry = self._by_code.get(code)
        while entry is not None and entry.code not in found:
            found.append(entry.code)
            entry = self._by_code.get(entry.parent_code)
        return tuple(found)

    def with_descendants(self, code: str) -> tuple[str, ...]:
        """Return the code and every code below it."""
        return tuple(e.code for e in self.entries if code in self.with_ancestors(e.code))

    def below(self, parent_code: str) -> tuple[Entry, ...]:
        """Return the entries directly below a code."""
        return tuple(e for e in self.entries if e.parent_code == parent_code)

    def label(self, code: str) -> str:
        """Return "中文 / English" for a code, the code itself when it is unknown."""
        entry = self._by_code.get(code)
        return f"{entry.label_zh} / {entry.label_en}" if entry else code


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
