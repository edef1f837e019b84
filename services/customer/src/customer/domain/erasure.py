"""Forgetting one person everywhere: who was asked, who answered, what is still to be asked.

Rounds: each one asks every service. An answer may name further ids of the same person; then all are asked
again, with those. When none names a new one, they are asked a last time, once no process can know a key any
more; if that finds no new id either, the person is forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument
from kernel.purged import KeptRecords, PersonPurged, SearchedTable

REASONS = ("request", "consent_withdrawn", "retention_ended", "lead_forgotten")
MOST_ROUNDS = 10
_REFERENCE = re.compile(r"[A-Za-z0-9._/-]{0,64}")


@dataclass(frozen=True, slots=True)
class ErasureRequested:
    erasure_id: UUID
    person_id: UUID
    reason: str
    request_ref: str
    contexts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PurgeAsked:
    erasure_id: UUID
    round: int
    subject_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ErasureStepDone:
    erasure_id: UUID
    context: str
    round: int
    searched: tuple[SearchedTable, ...]
    keys_destroyed: int
    related_ids: tuple[str, ...]
    destroyed_generations: tuple[str, ...]
    kept: tuple[KeptRecords, ...] = ()


@dataclass(frozen=True, slots=True)
class ErasureCompleted:
    erasure_id: UUID
    document: str
    signature: str
    public_key: str


@dataclass(frozen=True, slots=True)
class ErasureOverdue:
    erasure_id: UUID
    missing_contexts: tuple[str, ...]


ErasureEvent = ErasureRequested | PurgeAsked | ErasureStepDone | ErasureCompleted | ErasureOverdue


class TooManyRounds(DomainError):
    """Services keep naming further ids: something leads from one person to others."""


def request(
    erasure_id: UUID, person_id: UUID, reason: str, request_ref: str, contexts: Collection[str]
) -> list[ErasureEvent]:
    """Begin, and ask everybody."""
    if reason not in REASONS:
        raise InvalidArgument("reason", f"must be one of {', '.join(REASONS)}")
    if not _REFERENCE.fullmatch(request_ref):
        raise InvalidArgument("request_ref", "has at most 64 letters, digits and . _ / - ; never a name")
    return [
        ErasureRequested(erasure_id, person_id, reason, request_ref, tuple(sorted(contexts))),
        PurgeAsked(erasure_id, 1, (str(person_id),)),
    ]


@dataclass(frozen=True, slots=True)
class Erasure:
    """The state that decisions are made on."""

    id: UUID
    person_id: UUID
    reason: str
    request_ref: str
    contexts: frozenset[str]
    round: int = 0
    asked_ids: frozenset[str] = frozenset()
    known_ids: frozenset[str] = frozenset()
    answered: frozenset[str] = frozenset()
    last_round: bool = False
    complete: bool = False

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """Services that have not answered the round that runs."""
        return tuple(sorted(self.contexts - self.answered)) if not self.complete else ()

    @property
    def finds_more(self) -> bool:
        """Whether somebody named an id that not everybody was asked for."""
        return bool(self.known_ids - self.asked_ids)

    @property
    def is_settled(self) -> bool:
        """Whether all have answered the last round, and named nothing new."""
        return not self.complete and self.last_round and not self.waiting_for and not self.finds_more

    def take(self, purged: PersonPurged, related_ids: Collection[str]) -> list[ErasureEvent]:
        """Write an answer down; one that was written down already changes nothing."""
        if self.complete or purged.round != self.round or purged.context in self.answered:
            return []
        return [
            ErasureStepDone(
                self.id,
                purged.context,
                purged.round,
                purged.searched,
                purged.keys_destroyed,
                tuple(sorted(related_ids)),
                purged.destroyed_generations,
                purged.kept,
            )
        ]

    def ask_further(self) -> list[ErasureEvent]:
        """Ask everybody for what was found meanwhile; nothing while somebody is still to answer."""
        if self.complete or self.waiting_for or not self.finds_more:
            return []
        return [self._next_round()]

    def ask_last(self) -> list[ErasureEvent]:
        """Ask everybody a last time, when all have answered and nothing new was found."""
        if self.complete or self.waiting_for or self.last_round or self.finds_more:
            return []
        return [self._next_round()]

    def ask_again(self) -> list[ErasureEvent]:
        """Repeat what was asked, while somebody is still to answer."""
        if not self.waiting_for:
            return []
        return [PurgeAsked(self.id, self.round, tuple(sorted(self.asked_ids)))]

    def fall_overdue(self) -> list[ErasureEvent]:
        """Say that it takes too long."""
        return [ErasureOverdue(self.id, self.waiting_for)] if self.waiting_for else []

    def certify(self, document: str, signature: str, public_key: str) -> list[ErasureEvent]:
        """End with the certificate."""
        return [ErasureCompleted(self.id, document, signature, public_key)] if self.is_settled else []

    def _next_round(self) -> PurgeAsked:
        if self.round >= MOST_ROUNDS:
            raise TooManyRounds(f"erasure {self.id} was asked {self.round} times; look at its steps")
        return PurgeAsked(self.id, self.round + 1, tuple(sorted(self.known_ids | self.asked_ids)))


def evolve(erasure: Erasure | None, event: ErasureEvent) -> Erasure:
    """Fold one event into the state."""
    if isinstance(event, ErasureRequested):
        return Erasure(event.erasure_id, event.person_id, event.reason, event.request_ref, frozenset(event.contexts))
    assert erasure is not None, "history must begin with ErasureRequested"
    match event:
        case PurgeAsked(round=number, subject_ids=ids):
            if number == erasure.round:
                return erasure
            asked = frozenset(ids)
            return replace(
                erasure,
                round=number,
                asked_ids=asked,
                known_ids=asked,
                answered=frozenset(),
                last_round=erasure.round > 0 and asked == erasure.asked_ids,
            )
        case ErasureStepDone(context=context, related_ids=related):
            return replace(
                erasure, answered=erasure.answered | {context}, known_ids=erasure.known_ids | frozenset(related)
            )
        case ErasureCompleted():
            return replace(erasure, complete=True)
        case ErasureOverdue():
            return erasure
