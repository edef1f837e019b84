"""What a service says after it has forgotten a person. Ids and counts only, nothing personal."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SearchedTable:
    """How many rows of a table held something of the person."""

    table: str
    rows: int


@dataclass(frozen=True, slots=True)
class KeptRecords:
    """What of one kind is kept of somebody forgotten, as numbers and amounts only; the day after which the law asks
    for the last of it no more (ISO 8601), and that law."""

    kind: str
    records: int
    free_on: str
    basis: str


@dataclass(frozen=True, slots=True)
class PersonPurged:
    """The answer that a service records and publishes."""

    erasure_id: UUID
    context: str
    round: int
    searched: tuple[SearchedTable, ...]
    keys_destroyed: int
    related_ids: tuple[str, ...]
    destroyed_generations: tuple[str, ...]
    kept: tuple[KeptRecords, ...] = ()
