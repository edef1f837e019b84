"""A pipeline: the stages one kind of deal goes through, with probabilities and norms. Data, not code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument

# -- what can happen ---------------------------------------------------------


class StageKind(IntEnum):
    OPEN = 1
    WON = 2
    LOST = 3


@dataclass(frozen=True, slots=True)
class Stage:
    stage_id: UUID
    name: str
    probability: int
    norm_days: int
    order: int
    kind: StageKind


@dataclass(frozen=True, slots=True)
class PipelineDefined:
    pipeline_id: UUID
    name: str
    stages: tuple[Stage, ...]
    is_default: bool


@dataclass(frozen=True, slots=True)
class PipelineRevised:
    pipeline_id: UUID
    name: str
    stages: tuple[Stage, ...]
    is_default: bool


@dataclass(frozen=True, slots=True)
class PipelineRetired:
    pipeline_id: UUID


Event = PipelineDefined | PipelineRevised | PipelineRetired


# -- what it is, and what may be decided about it ----------------------------


@dataclass(frozen=True, slots=True)
class Pipeline:
    id: UUID
    name: str
    stages: tuple[Stage, ...]
    is_default: bool
    retired: bool = False

    @property
    def first(self) -> Stage:
        return self.stages[0]

    @property
    def won(self) -> Stage:
        return next(stage for stage in self.stages if stage.kind == StageKind.WON)

    @property
    def lost(self) -> Stage:
        return next(stage for stage in self.stages if stage.kind == StageKind.LOST)

    def stage(self, stage_id: UUID, field: str = "stage_id") -> Stage:
        for stage in self.stages:
            if stage.stage_id == stage_id:
                return stage
        raise InvalidArgument(field, f"pipeline {self.name} has no stage {stage_id}")

    def stage_called(self, name_or_id: str, field: str = "stage") -> Stage:
        for stage in self.stages:
            if name_or_id.strip() in (stage.name, str(stage.stage_id)):
                return stage
        names = ", ".join(stage.name for stage in self.stages)
        raise InvalidArgument(field, f"pipeline {self.name} has no stage {name_or_id[:80]!r}; it has {names}")

    def revise(self, name: str, stages: Sequence[Stage], is_default: bool, in_use: frozenset[UUID]) -> list[Event]:
        self._require_live()
        checked = check_stages(stages)
        removed = in_use - {stage.stage_id for stage in checked}
        if removed:
            names = ", ".join(s.name for s in self.stages if s.stage_id in removed)
            raise DomainError(f"open deals are in {names}; move them before the stage is removed")
        if (name, checked, is_default) == (self.name, self.stages, self.is_default):
            return []
        return [PipelineRevised(self.id, name, checked, is_default)]

    def retire(self, used_by_default: bool) -> list[Event]:
        if used_by_default:
            raise DomainError("the default pipeline cannot be retired; make another the default first")
        return [] if self.retired else [PipelineRetired(self.id)]

    def _require_live(self) -> None:
        if self.retired:
            raise DomainError(f"pipeline {self.name} is retired")


def define(pipeline_id: UUID, name: str, stages: Sequence[Stage], is_default: bool) -> list[Event]:
    if not name:
        raise InvalidArgument("name", "is required")
    return [PipelineDefined(pipeline_id, name, check_stages(stages), is_default)]


def check_stages(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Refuse stages that a deal could not go through; number them in the order given."""
    kinds = [stage.kind for stage in stages]
    if StageKind.OPEN not in kinds:
        raise InvalidArgument("stages", "at least one open stage is needed")
    if kinds.count(StageKind.WON) != 1 or kinds.count(StageKind.LOST) != 1:
        raise InvalidArgument("stages", "exactly one won and one lost stage are needed")
    for stage in stages:
        if not stage.name.strip():
            raise InvalidArgument("stages", "every stage needs a name")
        if not 0 <= stage.probability <= 100:
            raise InvalidArgument("stages", f"{stage.name}: probability must be 0 to 100 percent")
        if not 0 <= stage.norm_days <= 3650:
            raise InvalidArgument("stages", f"{stage.name}: norm_days must be 0 to 3650")
    for names in ([s.name for s in stages], [str(s.stage_id) for s in stages]):
        if len(set(names)) < len(names):
            raise InvalidArgument("stages", "two stages are the same")
    by_kind = sorted(stages, key=lambda stage: stage.kind)  # stable: open ones keep their order
    return tuple(replace(stage, order=i) for i, stage in enumerate(by_kind, start=1))


# -- how it comes to be ------------------------------------------------------


def evolve(pipeline: Pipeline | None, event: Event) -> Pipeline:
    """Fold one event into the state. Total, pure, and never refuses history."""
    match event:
        case PipelineDefined() | PipelineRevised():
            return Pipeline(event.pipeline_id, event.name, event.stages, event.is_default)
        case PipelineRetired():
            assert pipeline is not None, "history must begin with PipelineDefined"
            return replace(pipeline, retired=True)
        case _:
            assert_never(event)
