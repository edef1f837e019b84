"""Handing over what one person owns in every service: who was asked, what moved, what is still to move.

Rounds: each one asks every service to move what the leaver owns at that time. What arrives while a round runs
is found by the next; when a whole round finds nothing and nothing is left, the handover is complete.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument
from kernel.handed_over import HandoverAsked, RecordsHandedOver, SuccessorFor

REASONS = ("left", "moved", "absent")
KINDS: Mapping[str, tuple[str, ...]] = {
    "customer": ("customers", "follow_ups", "customer_groups", "key_accounts"),
    "pipeline": ("leads", "pooled_leads", "opportunities", "quotes", "contracts", "orders", "approvals", "rules"),
    "ticketing": ("tickets", "queues", "agent_profiles", "sla_policies", "survey_rules"),
    "marketing": ("campaigns", "forms", "segments", "templates", "mailings", "journeys"),
}
"""What may be owned, by the service that keeps it."""
MOST_ROUNDS = 20
"""Until it is complete; after that one a day."""


@dataclass(frozen=True, slots=True)
class HandoverOrdered:
    handover_id: UUID
    leaver_id: UUID
    to_person_id: UUID
    exceptions: tuple[SuccessorFor, ...]
    reason: str
    contexts: tuple[str, ...]
    keep_watching: bool


@dataclass(frozen=True, slots=True)
class HandoverStepDone:
    handover_id: UUID
    context: str
    round: int
    batch: int
    kind: str
    to_person_id: UUID | None
    record_ids: tuple[str, ...]
    last: bool
    left: int
    context_done: bool


@dataclass(frozen=True, slots=True)
class HandoverCompleted:
    handover_id: UUID
    leaver_id: UUID
    moved: int


@dataclass(frozen=True, slots=True)
class HandoverOverdue:
    handover_id: UUID
    missing_contexts: tuple[str, ...]
    left: int


HandoverEvent = HandoverOrdered | HandoverAsked | HandoverStepDone | HandoverCompleted | HandoverOverdue


class HandoverRunning(DomainError):
    """Services still move what they were asked to."""


def order(
    handover_id: UUID,
    leaver_id: UUID,
    to_person_id: UUID,
    exceptions: Collection[SuccessorFor],
    reason: str,
    contexts: Sequence[str],
    keep_watching: bool,
) -> list[HandoverEvent]:
    """Begin, and ask those services."""
    if reason not in REASONS:
        raise InvalidArgument("reason", f"must be one of {', '.join(REASONS)}")
    known = {kind for kinds in KINDS.values() for kind in kinds}
    kinds = [it.kind for it in exceptions]
    for kind in kinds:
        if kind not in known:
            raise InvalidArgument("exceptions", f"{kind[:40]!r} is none of {', '.join(sorted(known))}")
    if len(set(kinds)) < len(kinds):
        raise InvalidArgument("exceptions", "names a kind twice")
    if leaver_id in (to_person_id, *(it.person_id for it in exceptions)):
        raise InvalidArgument("to_person_id", "is the leaver himself; name somebody who stays")
    ordered = tuple(sorted(exceptions, key=lambda it: it.kind))
    return [
        HandoverOrdered(handover_id, leaver_id, to_person_id, ordered, reason, tuple(contexts), keep_watching),
        HandoverAsked(handover_id, leaver_id, 1, to_person_id, ordered, reason),
    ]


@dataclass(frozen=True, slots=True)
class Handover:
    """The state that decisions are made on."""

    id: UUID
    leaver_id: UUID
    to_person_id: UUID
    exceptions: tuple[SuccessorFor, ...]
    reason: str
    contexts: frozenset[str]
    keep_watching: bool
    round: int = 0
    batches: frozenset[tuple[str, int]] = frozenset()
    last_batches: Mapping[str, int] = field(default_factory=dict)
    moved: int = 0
    moved_in_round: int = 0
    left: int = 0
    complete: bool = False

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """Services that have not given all their answers of the round."""
        return tuple(sorted(it for it in self.contexts if not self._is_done(it, self.batches, self.last_batches)))

    def take(self, said: RecordsHandedOver) -> list[HandoverEvent]:
        """Write an answer down. They may come in any order; one that was written down already changes nothing."""
        if said.round != self.round or (said.context, said.batch) in self.batches:
            return []
        batches = self.batches | {(said.context, said.batch)}
        lasts = {**self.last_batches, said.context: said.batch} if said.last else self.last_batches
        return [
            HandoverStepDone(
                self.id,
                said.context,
                said.round,
                said.batch,
                said.kind,
                said.to_person_id,
                said.record_ids,
                said.last,
                said.left,
                self._is_done(said.context, batches, lasts),
            )
        ]

    def go_on(self) -> list[HandoverEvent]:
        """When all have answered: complete if nothing more was found; ask again if something was."""
        if self.complete or self.waiting_for:
            return []
        if self.moved_in_round and self.round < MOST_ROUNDS:
            return [self._asked(self.round + 1)]
        if not self.moved_in_round and not self.left:
            return [HandoverCompleted(self.id, self.leaver_id, self.moved)]
        return []

    def ask_again(self) -> list[HandoverEvent]:
        """Repeat what was asked, or try once more what could not be moved."""
        if self.complete:
            return []
        return [self._asked(self.round if self.waiting_for else self.round + 1)]

    def look_again(self) -> list[HandoverEvent]:
        """Move what arrived since; refused while a round runs."""
        if self.waiting_for:
            raise HandoverRunning(
                f"handover {self.id} still waits for {', '.join(self.waiting_for)}; look again when it is complete"
            )
        return [self._asked(self.round + 1)]

    def fall_overdue(self) -> list[HandoverEvent]:
        """Say that it takes too long."""
        return [] if self.complete else [HandoverOverdue(self.id, self.waiting_for, self.left)]

    def _asked(self, round_: int) -> HandoverAsked:
        return HandoverAsked(self.id, self.leaver_id, round_, self.to_person_id, self.exceptions, self.reason)

    @staticmethod
    def _is_done(context: str, batches: Collection[tuple[str, int]], lasts: Mapping[str, int]) -> bool:
        last = lasts.get(context)
        return last is not None and all((context, number) in batches for number in range(1, last + 1))


def evolve(handover: Handover | None, event: HandoverEvent) -> Handover:
    """Fold one event into the state."""
    if isinstance(event, HandoverOrdered):
        return Handover(
            event.handover_id,
            event.leaver_id,
            event.to_person_id,
            event.exceptions,
            event.reason,
            frozenset(event.contexts),
            event.keep_watching,
        )
    assert handover is not None, "history must begin with HandoverOrdered"
    match event:
        case HandoverAsked(round=number):
            if number == handover.round:
                return handover
            return replace(handover, round=number, batches=frozenset(), last_batches={}, moved_in_round=0, left=0)
        case HandoverStepDone(context=context, batch=batch, record_ids=ids):
            return replace(
                handover,
                batches=handover.batches | {(context, batch)},
                last_batches={**handover.last_batches, context: batch} if event.last else handover.last_batches,
                moved=handover.moved + len(ids),
                moved_in_round=handover.moved_in_round + len(ids),
                left=handover.left + event.left,
            )
        case HandoverCompleted():
            return replace(handover, complete=True)
        case HandoverOverdue():
            return handover
