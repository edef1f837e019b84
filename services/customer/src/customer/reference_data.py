"""Loads the dictionaries that are shipped in the package's reference/ folder."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from customer.domain.dictionary import Dictionary, Entry
from customer.domain.standards import Standards
from customer.phone_numbers import read_phone


@dataclass(frozen=True, slots=True)
class ReferenceData:
    """Every dictionary by its name, and the standards made of them."""

    dictionaries: Mapping[str, Dictionary]
    standards: Standards


def load() -> ReferenceData:
    """Read the files; a few milliseconds."""
    found = {name: Dictionary(name, _entries(f"{name}.csv")) for name in ("industries", "regions")}
    rows = _rows("dimensions.csv")
    for name in dict.fromkeys(row["dictionary"] for row in rows):
        found[name] = Dictionary(name, [_entry(row) for row in rows if row["dictionary"] == name])
    standards = Standards(found["industries"], found["regions"], found["sizes"], found["intents"], read_phone)
    return ReferenceData(found, standards)


def _entries(file: str) -> list[Entry]:
    return [_entry(row) for row in _rows(file)]


def _entry(row: Mapping[str, str]) -> Entry:
    also = tuple(text for text in row["also"].split("|") if text)
    return Entry(row["code"], row.get("parent_code", ""), row["label_en"], row["label_zh"], also)


def _rows(file: str) -> list[dict[str, str]]:
    text = (resources.files("customer") / "reference" / file).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
