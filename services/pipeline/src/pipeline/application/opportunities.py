"""Pipelines and the deals that go through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from kernel.auth import Caller
from kernel.errors import DomainError
from kernel.ids import derived_id
from kernel.money import Money
from pipeline.application.streams import Tx, loaded, require_seen, settled
from pipeline.domain import opportunity as deals
from pipeline.domain import pipeline_definition as definitions
from pipeline.domain.opportunity import Opportunity, OpportunityOpened
from pipeline.domain.pipeline_definition import Pipeline, Stage, StageKind
from pipeline.projections import board, stages

STUCK = "opportunity_stuck"
PRESET_PIPELINE = derived_id("pipeline", "preset-pipeline")


def preset_stages() -> tuple[Stage, ...]:
    """What a new installation begins with; RevisePipeline changes it."""
    preset = (
        ("初步接触", 10, 7, StageKind.OPEN),
        ("需求确认", 30, 10, StageKind.OPEN),
        ("报价", 50, 10, StageKind.OPEN),
        ("谈判", 70, 14, StageKind.OPEN),
        ("成交", 100, 0, StageKind.WON),
        ("输单", 0, 0, StageKind.LOST),
    )
    return tuple(
        Stage(derived_id(PRESET_PIPELINE, name), name, probability, norm_days, i, kind)
        for i, (name, probability, norm_days, kind) in enumerate(preset, start=1)
    )


class Opportunities:
    # -- pipelines -----------------------------------------------------------------

    def define_pipeline(self, tx: Tx, pipeline_id: UUID, name: str, given: Sequence[Stage], is_default: bool) -> int:
        self._have_preset(tx)
        return tx.append(pipeline_id, 0, definitions.define(pipeline_id, name, given, is_default))

    def revise_pipeline(self, tx: Tx, pipeline_id: UUID, name: str, given: Sequence[Stage], is_default: bool) -> int:
        self._have_preset(tx)
        pipeline, version = loaded(tx, pipeline_id, definitions.evolve, "pipeline")
        if pipeline.is_default and not is_default and not self._another_default(tx, pipeline_id):
            raise DomainError("one pipeline must be the default; make another the default instead")
        in_use = board.stages_in_use(tx.cursor, pipeline_id)
        return tx.append(pipeline_id, version, pipeline.revise(name, given, is_default, in_use))

    def retire_pipeline(self, tx: Tx, pipeline_id: UUID) -> int:
        self._have_preset(tx)
        pipeline, version = loaded(tx, pipeline_id, definitions.evolve, "pipeline")
        used_by_default = stages.default_pipeline_id(tx.cursor) == pipeline_id
        return tx.append(pipeline_id, version, pipeline.retire(used_by_default))

    def pipeline(self, tx: Tx, pipeline_id: UUID | None) -> Pipeline:
        """Return a pipeline; the default one without an id."""
        if pipeline_id is None or pipeline_id == PRESET_PIPELINE:
            self._have_preset(tx)
        found = pipeline_id or stages.default_pipeline_id(tx.cursor) or PRESET_PIPELINE
        return loaded(tx, found, definitions.evolve, "pipeline")[0]

    @staticmethod
    def _have_preset(tx: Tx) -> None:
        if stages.default_pipeline_id(tx.cursor) is None and not tx.history(PRESET_PIPELINE):
            tx.append(
                PRESET_PIPELINE,
                0,
                definitions.define(PRESET_PIPELINE, "标准销售流程", preset_stages(), True),
            )

    @staticmethod
    def _another_default(tx: Tx, pipeline_id: UUID) -> bool:
        return stages.default_pipeline_id(tx.cursor) not in (None, pipeline_id)

    # -- deals ---------------------------------------------------------------------

    def open_opportunity(
        self,
        tx: Tx,
        opened: OpportunityOpened,
        pipeline: Pipeline,
        next_step: tuple[str, date] | None = None,
    ) -> int:
        if pipeline.retired:
            raise DomainError(f"pipeline {pipeline.name} is retired")
        stage = pipeline.stage(opened.stage_id)
        events: list[deals.Event] = deals.open_opportunity(opened, stage)
        if next_step is not None:
            events += deals.evolve(None, opened).plan_next_step(*next_step)
        version = tx.append(opened.opportunity_id, 0, events)
        self._watch(tx, opened.opportunity_id, stage)
        return version

    def advance_opportunity(
        self,
        tx: Tx,
        caller: Caller,
        opportunity_id: UUID,
        to_stage_id: UUID,
        reason: str = "",
        expected_version: int = 0,
    ) -> int:
        deal, version = self._seen(tx, caller, opportunity_id, expected_version)
        pipeline = self.pipeline(tx, deal.pipeline_id)
        stage = pipeline.stage(to_stage_id, "to_stage_id")
        events = deal.move_to(stage, pipeline, reason)
        if events:
            self._watch(tx, opportunity_id, stage)
        return tx.append(opportunity_id, version, events)

    def revise_opportunity(
        self,
        tx: Tx,
        caller: Caller,
        opportunity_id: UUID,
        asks: Sequence[Callable[[Opportunity], Sequence[deals.Event]]],
        expected_version: int = 0,
    ) -> int:
        deal, version = self._seen(tx, caller, opportunity_id, expected_version)
        return tx.append(opportunity_id, version, settled(deal, deals.evolve, asks))

    def transfer_opportunity(self, tx: Tx, caller: Caller, opportunity_id: UUID, to_owner_id: UUID, reason: str) -> int:
        deal, version = self._seen(tx, caller, opportunity_id)
        return tx.append(opportunity_id, version, deal.transfer(to_owner_id, reason))

    def win_opportunity(
        self,
        tx: Tx,
        caller: Caller,
        opportunity_id: UUID,
        reason: str,
        competitor: str,
        amount: Money | None,
        expected_version: int = 0,
    ) -> int:
        deal, version = self._seen(tx, caller, opportunity_id, expected_version)
        pipeline = self.pipeline(tx, deal.pipeline_id)
        tx.cancel_timer(f"stuck:{opportunity_id}")
        return tx.append(opportunity_id, version, deal.win(pipeline, reason, competitor, amount))

    def lose_opportunity(
        self,
        tx: Tx,
        caller: Caller,
        opportunity_id: UUID,
        reason: str,
        competitor: str,
        expected_version: int = 0,
    ) -> int:
        deal, version = self._seen(tx, caller, opportunity_id, expected_version)
        pipeline = self.pipeline(tx, deal.pipeline_id)
        tx.cancel_timer(f"stuck:{opportunity_id}")
        return tx.append(opportunity_id, version, deal.lose(pipeline, reason, competitor))

    def reopen_opportunity(
        self, tx: Tx, caller: Caller, opportunity_id: UUID, stage_id: UUID | None, reason: str
    ) -> int:
        deal, version = self._seen(tx, caller, opportunity_id)
        pipeline = self.pipeline(tx, deal.pipeline_id)
        events = deal.reopen(pipeline, stage_id, reason)
        self._watch(tx, opportunity_id, pipeline.stage(deals.evolve(deal, events[0]).stage_id))
        return tx.append(opportunity_id, version, events)

    def plan_next_step(self, tx: Tx, caller: Caller, opportunity_id: UUID, subject: str, due_on: date) -> int:
        deal, version = self._seen(tx, caller, opportunity_id)
        return tx.append(opportunity_id, version, deal.plan_next_step(subject, due_on))

    def take_next_step(self, tx: Tx, caller: Caller, opportunity_id: UUID, following: tuple[str, date] | None) -> int:
        deal, version = self._seen(tx, caller, opportunity_id)
        asks: list[Callable[[Opportunity], Sequence[deals.Event]]] = [Opportunity.take_next_step]
        if following is not None:
            subject, due_on = following
            asks.append(lambda it: it.plan_next_step(subject, due_on))
        return tx.append(opportunity_id, version, settled(deal, deals.evolve, asks))

    def save_taken_back(self, tx: Tx, deal: Opportunity, version: int, events: Sequence[deals.Event]) -> None:
        """Append what takes changes of a deal back; the clock watches the stage it is in again."""
        tx.append(deal.id, version, events)
        now = deal
        for event in events:
            now = deals.evolve(now, event)
        if now.closed:
            tx.cancel_timer(f"stuck:{deal.id}")
        elif now.stage_id != deal.stage_id:
            self._watch(tx, deal.id, self.pipeline(tx, deal.pipeline_id).stage(now.stage_id))

    # -- what others and the clock do ------------------------------------------------

    def follow_owner(
        self, tx: Tx, customer_id: UUID, from_owner_id: UUID | None, to_owner_id: UUID, reason: str
    ) -> None:
        """A customer has another owner: the open deals of the former one go along."""
        for opportunity_id in board.open_deals_of(tx.cursor, customer_id, from_owner_id):
            deal, version = loaded(tx, opportunity_id, deals.evolve, "opportunity")
            tx.append(opportunity_id, version, deal.transfer(to_owner_id, reason))

    def get_stuck(self, tx: Tx, opportunity_id: UUID, stage_id: UUID) -> None:
        deal, version = loaded(tx, opportunity_id, deals.evolve, "opportunity")
        stage = next((s for s in self.pipeline(tx, deal.pipeline_id).stages if s.stage_id == stage_id), None)
        if stage is not None:
            tx.append(opportunity_id, version, deal.get_stuck(stage))

    # -- parts -----------------------------------------------------------------------

    @staticmethod
    def _seen(tx: Tx, caller: Caller, opportunity_id: UUID, expected_version: int = 0) -> tuple[Opportunity, int]:
        deal, version = loaded(tx, opportunity_id, deals.evolve, "opportunity", expected_version)
        require_seen(caller, deal.owner_id, "opportunity", opportunity_id)
        return deal, version

    @staticmethod
    def _watch(tx: Tx, opportunity_id: UUID, stage: Stage) -> None:
        """Have the clock look again when the stage's norm has passed."""
        key = f"stuck:{opportunity_id}"
        if stage.norm_days and stage.kind == StageKind.OPEN:
            due_at = tx.effective_at + timedelta(days=stage.norm_days)
            payload: dict[str, Any] = {
                "opportunity_id": str(opportunity_id),
                "stage_id": str(stage.stage_id),
            }
            tx.set_timer(key, STUCK, due_at, payload)
        else:
            tx.cancel_timer(key)
