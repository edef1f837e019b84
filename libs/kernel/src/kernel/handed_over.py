"""What is said while records are handed over from one owner to others. Ids only, nothing personal."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SuccessorFor:
    """Who gets one kind of record, where it is not who gets the rest."""

    kind: str
    person_id: UUID


@dataclass(frozen=True, slots=True)
class HandoverAsked:
    """What every service that has owned records is asked to do."""

    handover_id: UUID
    leaver_id: UUID
    round: int
    to_person_id: UUID
    exceptions: tuple[SuccessorFor, ...]
    reason: str

    def successor(self, kind: str) -> UUID:
        """Who gets records of a kind."""
        return next((it.person_id for it in self.exceptions if it.kind == kind), self.to_person_id)


@dataclass(frozen=True, slots=True)
class RecordsHandedOver:
    """The answer that a service records and publishes, once a batch and once at the end of a round."""

    handover_id: UUID
    context: str
    round: int
    batch: int
    kind: str
    to_person_id: UUID | None
    record_ids: tuple[str, ...]
    last: bool
    left: int
