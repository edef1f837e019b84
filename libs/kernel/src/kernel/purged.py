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
class PersonPurged:
    """The answer that a service records and publishes."""

    erasure_id: UUID
    context: str
    round: int
    searched: tuple[SearchedTable, ...]
    keys_destroyed: int
    related_ids: tuple[str, ...]
    destroyed_generations: tuple[str, ...]
