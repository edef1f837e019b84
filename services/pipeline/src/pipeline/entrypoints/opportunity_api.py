"""Pipelines and deals over gRPC: requests in, application calls out. No decisions here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from crm.pipeline.v1 import opportunity_service_pb2 as pb
from crm.pipeline.v1 import pipeline_definition_events_pb2 as definition_pb
from kernel.errors import NotFound
from kernel.ids import derived_id
from kernel.money import Money
from kernel.request import (
    optional_date,
    optional_text,
    optional_uuid,
    page_of,
    required_date,
    required_text,
    required_uuid,
)
from kernel.rpc import Call
from kernel.store import EventStore, Recorded
from pipeline.application.imports import (
    HistoryEntry,
    HistoryKind,
    Imports,
    OnDuplicate,
    OpportunityRow,
)
from pipeline.application.opportunities import PRESET_PIPELINE, Opportunities, preset_stages
from pipeline.application.streams import read
from pipeline.domain import opportunity as deals
from pipeline.domain.opportunity import Opportunity, OpportunityOpened
from pipeline.domain.pipeline_definition import Stage, StageKind
from pipeline.entrypoints.import_rows import Rows
from pipeline.entrypoints.messages import (
    day_text,
    enum_of,
    id_text,
    ids_of,
    money_of,
    money_out,
    now,
    required_time,
    stamp,
    time_of,
    today,
    whole_days,
)
from pipeline.entrypoints.sight import seen
from pipeline.projections import board, stages
from pipeline.projections.unattended import unattended

_CARDS, _MOST_CARDS = 50, 200
_MOST_REVERTED = 500
_NO_AMOUNT = Money(0, "CNY")


class OpportunityApi:
    def __init__(self, store: EventStore[Any], opportunities: Opportunities, imports: Imports) -> None:
        self._store = store
        self._opportunities = opportunities
        self._imports = imports

    # -- pipelines -------------------------------------------------------------

    def DefinePipeline(self, request: pb.DefinePipelineRequest, call: Call) -> pb.DefinePipelineResponse:
        pipeline_id = derived_id("defined pipeline", call.caller.actor, call.request_id)
        version = self._opportunities.define_pipeline(
            call.transaction(),
            pipeline_id,
            required_text(request, "name"),
            _stages(pipeline_id, request.stages),
            request.is_default,
        )
        return pb.DefinePipelineResponse(pipeline_id=str(pipeline_id), version=version)

    def RevisePipeline(self, request: pb.RevisePipelineRequest, call: Call) -> pb.RevisePipelineResponse:
        pipeline_id = required_uuid(request, "pipeline_id")
        version = self._opportunities.revise_pipeline(
            call.transaction(),
            pipeline_id,
            required_text(request, "name"),
            _stages(pipeline_id, request.stages),
            request.is_default,
        )
        return pb.RevisePipelineResponse(version=version)

    def RetirePipeline(self, request: pb.RetirePipelineRequest, call: Call) -> pb.RetirePipelineResponse:
        version = self._opportunities.retire_pipeline(call.transaction(), required_uuid(request, "pipeline_id"))
        return pb.RetirePipelineResponse(version=version)

    def ListPipelines(self, request: pb.ListPipelinesRequest, call: Call) -> pb.ListPipelinesResponse:
        return pb.ListPipelinesResponse(pipelines=self._pipelines(call, request.include_retired))

    def _pipelines(self, call: Call, include_retired: bool) -> list[pb.Pipeline]:
        found = [_pipeline(row) for row in stages.pipelines(call.query(), include_retired)]
        if not any(pipeline.is_default for pipeline in found):
            found.insert(0, _preset())
        for other in found[1:]:
            other.is_default = False
        return found

    # -- deals -----------------------------------------------------------------

    def OpenOpportunity(self, request: pb.OpenOpportunityRequest, call: Call) -> pb.OpenOpportunityResponse:
        opportunity_id = optional_uuid(request, "opportunity_id") or derived_id(
            "opportunity", call.caller.actor, call.request_id
        )
        tx = call.transaction()
        pipeline = self._opportunities.pipeline(tx, optional_uuid(request, "pipeline_id"))
        stage_id = optional_uuid(request, "stage_id")
        stage = pipeline.stage(stage_id) if stage_id else pipeline.first
        step = optional_text(request, "next_step")
        opened = OpportunityOpened(
            opportunity_id,
            optional_uuid(request, "customer_id"),
            pipeline.id,
            stage.stage_id,
            required_text(request, "title"),
            money_of(request, "amount") or _NO_AMOUNT,
            request.probability if request.HasField("probability") else stage.probability,
            optional_uuid(request, "owner_id") or call.caller.person_id,
            optional_uuid(request, "lead_id"),
            optional_text(request, "source_channel", 60),
            optional_uuid(request, "campaign_id"),
            optional_date(request, "expected_close_on"),
            ids_of(request.product_ids, "product_ids"),
            optional_text(request, "external_ref"),
            ids_of(request.contact_ids, "contact_ids"),
            "",
        )
        next_step = (step, required_date(request, "next_step_on")) if step else None
        version = self._opportunities.open_opportunity(tx, opened, pipeline, next_step)
        return pb.OpenOpportunityResponse(opportunity_id=str(opportunity_id), version=version)

    def GetOpportunity(self, request: pb.GetOpportunityRequest, call: Call) -> pb.GetOpportunityResponse:
        opportunity_id = required_uuid(request, "opportunity_id")
        cursor = call.query()
        row = board.one(cursor, opportunity_id)
        if row is None or not seen(call, row):
            raise NotFound(f"no opportunity {opportunity_id}")
        history = read(self._store, cursor, [opportunity_id])[opportunity_id]
        names = {
            s["stage_id"]: s["name"]
            for pipeline in stages.pipelines(cursor, include_retired=True)
            for s in pipeline["stages"]
        }
        return pb.GetOpportunityResponse(opportunity=_deal(row, now()), moves=_moves(history, names))

    def ListOpportunities(self, request: pb.ListOpportunitiesRequest, call: Call) -> pb.ListOpportunitiesResponse:
        page = page_of(request)
        one_customer = optional_uuid(request, "customer_id")
        rows, total = board.deals(
            call.query(),
            call.caller,
            page,
            today=today(),
            owner_id=optional_uuid(request, "owner_id"),
            customer_ids=[
                *([one_customer] if one_customer else []),
                *ids_of(request.customer_ids, "customer_ids"),
            ],
            pipeline_id=optional_uuid(request, "pipeline_id"),
            stage_id=optional_uuid(request, "stage_id"),
            state=request.state,
            search=optional_text(request, "search"),
            campaign_id=optional_uuid(request, "campaign_id"),
            close_from=optional_date(request, "close_from"),
            close_until=optional_date(request, "close_until"),
            lead_id=optional_uuid(request, "lead_id"),
            flagged=request.flagged,
        )
        shown, at = rows[: page.limit], now()
        last = (shown[-1]["opened_at"], shown[-1]["opportunity_id"]) if shown else ()
        return pb.ListOpportunitiesResponse(
            opportunities=[_deal(row, at) for row in shown],
            next_page_token=page.next_token(rows, last),
            total_size=total,
        )

    def GetBoard(self, request: pb.GetBoardRequest, call: Call) -> pb.GetBoardResponse:
        found = self._pipelines(call, include_retired=True)
        if request.pipeline_id in ("", "default"):
            pipeline = found[0]
        else:
            wanted = str(required_uuid(request, "pipeline_id"))
            matching = [p for p in found if p.pipeline_id == wanted]
            if not matching:
                raise NotFound(f"no pipeline {wanted}")
            pipeline = matching[0]
        cursor, at = call.query(), now()
        pipeline_id, owner_id = UUID(pipeline.pipeline_id), optional_uuid(request, "owner_id")
        per_stage = min(request.cards_per_stage or _CARDS, _MOST_CARDS)
        columns = {
            stage.stage_id: pb.BoardColumn(stage=stage)
            for stage in pipeline.stages
            if stage.kind == definition_pb.STAGE_KIND_OPEN
        }
        for row in board.columns(cursor, call.caller, pipeline_id, owner_id, at):
            if (column := columns.get(str(row["stage_id"]))) is not None:
                column.deals += row["deals"]
                column.stuck += row["stuck"]
                column.sums.append(money_out(row["amount"], row["currency_code"]))
                column.weighted.append(money_out(row["weighted"], row["currency_code"]))
        for row in board.cards(cursor, call.caller, pipeline_id, owner_id, per_stage):
            if (column := columns.get(str(row["stage_id"]))) is not None:
                column.cards.append(_deal(row, at))
        return pb.GetBoardResponse(pipeline=pipeline, columns=columns.values())

    def ListStuckOpportunities(
        self, request: pb.ListStuckOpportunitiesRequest, call: Call
    ) -> pb.ListStuckOpportunitiesResponse:
        page, at = page_of(request), now()
        rows = board.stuck(
            call.query(),
            call.caller,
            page,
            at,
            optional_uuid(request, "pipeline_id"),
            optional_uuid(request, "owner_id"),
        )
        shown = rows[: page.limit]
        last = (shown[-1]["stage_since"], shown[-1]["opportunity_id"]) if shown else ()
        return pb.ListStuckOpportunitiesResponse(
            opportunities=[_deal(row, at) for row in shown],
            next_page_token=page.next_token(rows, last),
        )

    def ListUnattended(self, request: pb.ListUnattendedRequest, call: Call) -> pb.ListUnattendedResponse:
        page = page_of(request)
        rows = unattended(call.query(), call.caller, page, today(), optional_uuid(request, "owner_id"))
        shown = rows[: page.limit]
        last = (shown[-1]["since"], shown[-1]["id"]) if shown else ()
        return pb.ListUnattendedResponse(
            items=[
                pb.Unattended(
                    kind=row["kind"],
                    id=str(row["id"]),
                    owner_id=id_text(row["owner_id"]),
                    title=row["title"],
                    problem=_problem(row["owner_id"], row["next_step_on"]),
                    next_step_on=day_text(row["next_step_on"]),
                    since=stamp(row["since"]),
                )
                for row in shown
            ],
            next_page_token=page.next_token(rows, last),
        )

    def AdvanceOpportunity(self, request: pb.AdvanceOpportunityRequest, call: Call) -> pb.AdvanceOpportunityResponse:
        version = self._opportunities.advance_opportunity(
            call.transaction(),
            call.caller,
            required_uuid(request, "opportunity_id"),
            required_uuid(request, "to_stage_id"),
            optional_text(request, "reason"),
            request.expected_version,
        )
        return pb.AdvanceOpportunityResponse(version=version)

    def ReviseOpportunity(self, request: pb.ReviseOpportunityRequest, call: Call) -> pb.ReviseOpportunityResponse:
        version = self._opportunities.revise_opportunity(
            call.transaction(),
            call.caller,
            required_uuid(request, "opportunity_id"),
            _revisions(request),
            request.expected_version,
        )
        return pb.ReviseOpportunityResponse(version=version)

    def TransferOpportunity(self, request: pb.TransferOpportunityRequest, call: Call) -> pb.TransferOpportunityResponse:
        version = self._opportunities.transfer_opportunity(
            call.transaction(),
            call.caller,
            required_uuid(request, "opportunity_id"),
            required_uuid(request, "to_owner_id"),
            optional_text(request, "reason"),
        )
        return pb.TransferOpportunityResponse(version=version)

    def WinOpportunity(self, request: pb.WinOpportunityRequest, call: Call) -> pb.WinOpportunityResponse:
        version = self._opportunities.win_opportunity(
            call.transaction(),
            call.caller,
            required_uuid(request, "opportunity_id"),
            required_text(request, "reason"),
            optional_text(request, "competitor"),
            money_of(request, "amount"),
            request.expected_version,
        )
        return pb.WinOpportunityResponse(version=version)

    def LoseOpportunity(self, request: pb.LoseOpportunityRequest, call: Call) -> pb.LoseOpportunityResponse:
        version = self._opportunities.lose_opportunity(
            call.transaction(),
            call.caller,
            required_uuid(request, "opportunity_id"),
            required_text(request, "reason"),
            required_text(request, "competitor"),
            request.expected_version,
        )
        return pb.LoseOpportunityResponse(version=version)

    def ReopenOpportunity(self, request: pb.ReopenOpportunityRequest, call: Call) -> pb.ReopenOpportunityResponse:
        version = self._opportunities.reopen_opportunity(
            call.transaction(),
            call.caller,
            required_uuid(request, "opportunity_id"),
            optional_uuid(request, "to_stage_id"),
            required_text(request, "reason"),
        )
        return pb.ReopenOpportunityResponse(version=version)

    def PlanNextStep(self, request: pb.PlanNextStepRequest, call: Call) -> pb.PlanNextStepResponse:
        version = self._opportunities.plan_next_step(
            call.transaction(),
            call.caller,
            required_uuid(request, "opportunity_id"),
            required_text(request, "subject"),
            required_date(request, "due_on"),
        )
        return pb.PlanNextStepResponse(version=version)

    def TakeNextStep(self, request: pb.TakeNextStepRequest, call: Call) -> pb.TakeNextStepResponse:
        subject = optional_text(request, "next_subject")
        following = (subject, required_date(request, "next_due_on")) if subject else None
        version = self._opportunities.take_next_step(
            call.transaction(), call.caller, required_uuid(request, "opportunity_id"), following
        )
        return pb.TakeNextStepResponse(version=version)

    # -- imports ---------------------------------------------------------------

    def ImportOpportunities(self, request: pb.ImportOpportunitiesRequest, call: Call) -> pb.ImportOpportunitiesResponse:
        rows = Rows(request.rows, lambda row: _row(row, call.caller.person_id))
        results = self._imports.import_opportunities(
            call.transaction(),
            required_text(request, "import_id", 100),
            rows.good,
            enum_of(request, "on_duplicate", OnDuplicate, OnDuplicate.SKIP),
        )
        return pb.ImportOpportunitiesResponse(results=rows.answers(results))

    def RevertImport(self, request: pb.RevertImportRequest, call: Call) -> pb.RevertImportResponse:
        limit = min(request.limit or _MOST_REVERTED, _MOST_REVERTED)
        import_id = required_text(request, "import_id", 100)
        done = self._imports.revert_import(call.transaction(), import_id, limit, request.preview)
        return pb.RevertImportResponse(
            taken_back=done.taken_back,
            kept=[
                pb.RevertedThing(
                    kind=thing.kind,
                    id=str(thing.id),
                    external_ref=thing.external_ref,
                    message=thing.reason,
                    code=thing.reason.code,
                )
                for thing in done.kept
            ],
            remaining=done.remaining,
        )


# -- translations --------------------------------------------------------------


def _stages(pipeline_id: UUID, said: Sequence[Any]) -> list[Stage]:
    """Stages with ids; an outcome that is missing is added."""
    found = [
        Stage(
            optional_uuid(s, "stage_id") or derived_id(pipeline_id, s.name),
            optional_text(s, "name", 80),
            s.probability,
            s.norm_days,
            i,
            enum_of(s, "kind", StageKind, StageKind.OPEN),
        )
        for i, s in enumerate(said, start=1)
    ]
    for name, probability, kind in (("成交", 100, StageKind.WON), ("输单", 0, StageKind.LOST)):
        if kind not in [stage.kind for stage in found]:
            found.append(Stage(derived_id(pipeline_id, name), name, probability, 0, len(found) + 1, kind))
    return found


def _preset() -> pb.Pipeline:
    """What is shown before anybody defined or used a pipeline."""
    return pb.Pipeline(
        pipeline_id=str(PRESET_PIPELINE),
        name="标准销售流程",
        stages=[
            definition_pb.Stage(
                stage_id=str(s.stage_id),
                name=s.name,
                probability=s.probability,
                norm_days=s.norm_days,
                order=s.order,
                kind=int(s.kind),  # type: ignore[arg-type]
            )
            for s in preset_stages()
        ],
        is_default=True,
    )


def _pipeline(row: DictRow) -> pb.Pipeline:
    return pb.Pipeline(
        pipeline_id=str(row["pipeline_id"]),
        name=row["name"],
        stages=[
            definition_pb.Stage(
                stage_id=s["stage_id"],
                name=s["name"],
                probability=s["probability"],
                norm_days=s["norm_days"],
                order=s["ordinal"],
                kind=s["kind"],
            )
            for s in row["stages"]
        ],
        is_default=row["default_position"] is not None and not row["retired"],
        retired=row["retired"],
    )


def _deal(row: DictRow, at: datetime) -> pb.Opportunity:
    days = whole_days(row["stage_since"], at) if row["state"] == pb.OPPORTUNITY_STATE_OPEN else 0
    return pb.Opportunity(
        opportunity_id=str(row["opportunity_id"]),
        customer_id=id_text(row["current_customer_id"]),
        pipeline_id=str(row["pipeline_id"]),
        stage_id=str(row["stage_id"]),
        stage_name=row["stage_name"] or "",
        title=row["title"],
        amount=money_out(row["amount"], row["currency_code"]),
        probability=row["probability"],
        owner_id=id_text(row["owner_id"]),
        lead_id=id_text(row["lead_id"]),
        source_channel=row["source_channel"],
        campaign_id=id_text(row["campaign_id"]),
        expected_close_on=day_text(row["expected_close_on"]),
        product_ids=[str(i) for i in row["product_ids"]],
        contact_ids=[str(i) for i in row["contact_ids"]],
        external_ref=row["external_ref"],
        state=row["state"],
        opened_at=stamp(row["opened_at"]),
        stage_since=stamp(row["stage_since"]),
        days_in_stage=days,
        norm_days=row["norm_days"],
        stuck=0 < row["norm_days"] < (at - row["stage_since"]).total_seconds() / 86_400
        and row["state"] == pb.OPPORTUNITY_STATE_OPEN,
        next_step=row["next_step"],
        next_step_on=day_text(row["next_step_on"]),
        reason=row["reason"],
        competitor=row["competitor"],
        closed_at=stamp(row["closed_at"]),
        version=row["version"],
    )


def _moves(history: Sequence[Recorded[Any]], names: dict[str, str]) -> list[pb.StageMove]:
    moves: list[pb.StageMove] = []
    since: datetime | None = None
    for recorded in history:
        event, at = recorded.event, recorded.metadata.effective_at
        reason = ""
        match event:
            case deals.OpportunityOpened():
                from_id, to_id = "", str(event.stage_id)
            case deals.OpportunityAdvanced() | deals.OpportunityStageSetBack():
                from_id, to_id = str(event.from_stage_id), str(event.to_stage_id)
                reason = event.reason if isinstance(event, deals.OpportunityStageSetBack) else ""
            case deals.OpportunityWon() | deals.OpportunityLost():
                from_id, to_id, reason = str(event.from_stage_id), str(event.stage_id), event.reason
            case deals.OpportunityReopened():
                from_id, to_id, reason = moves[-1].to_stage_id, str(event.stage_id), event.reason
            case _:
                continue
        moves.append(
            pb.StageMove(
                at=stamp(at),
                from_stage_id=from_id,
                to_stage_id=to_id,
                to_stage_name=names.get(to_id, ""),
                days=whole_days(since, at) if since else 0,
                actor=recorded.metadata.actor,
                reason=reason,
            )
        )
        since = at
    return moves


def _revisions(
    request: pb.ReviseOpportunityRequest,
) -> list[Callable[[Opportunity], Sequence[deals.Event]]]:
    asks: list[Callable[[Opportunity], Sequence[deals.Event]]] = []
    if request.HasField("title"):
        title = required_text(request, "title")
        asks.append(lambda it: it.retitle(title))
    if (amount := money_of(request, "amount")) is not None:
        asks.append(lambda it: it.revise_amount(amount))
    if request.HasField("expected_close_on"):
        on = optional_date(request, "expected_close_on")
        asks.append(lambda it: it.move_expected_close(on))
    if request.HasField("probability"):
        asks.append(lambda it: it.revise_probability(request.probability))
    if request.set_products:
        product_ids = ids_of(request.product_ids, "product_ids")
        asks.append(lambda it: it.choose_products(product_ids))
    if request.set_contacts:
        contact_ids = ids_of(request.contact_ids, "contact_ids")
        asks.append(lambda it: it.choose_contacts(contact_ids))
    if request.HasField("customer_id"):
        customer_id = required_uuid(request, "customer_id")
        asks.append(lambda it: it.name_customer(customer_id))
    return asks


def _problem(owner_id: UUID | None, next_step_on: date | None) -> str:
    if owner_id is None:
        return "no_owner"
    return "no_next_step" if next_step_on is None else "next_step_overdue"


def _row(row: pb.OpportunityRow, caller_id: UUID | None) -> OpportunityRow:
    currency = row.currency_code or _NO_AMOUNT.currency_code
    return OpportunityRow(
        external_ref=optional_text(row, "external_ref"),
        title=optional_text(row, "title"),
        pipeline_id=optional_uuid(row, "pipeline_id"),
        stage=optional_text(row, "stage"),
        amount=money_of(row, "amount") or Money(0, currency),
        customer_id=optional_uuid(row, "customer_id"),
        owner_id=optional_uuid(row, "owner_id") or caller_id,
        product_ids=ids_of(row.product_ids, "product_ids"),
        source_channel=optional_text(row, "source_channel", 60) or "import",
        campaign_id=optional_uuid(row, "campaign_id"),
        expected_close_on=optional_date(row, "expected_close_on"),
        opened_at=time_of(row, "opened_at"),
        history=tuple(
            HistoryEntry(
                at=required_time(entry, "at"),
                kind=enum_of(entry, "kind", HistoryKind),
                stage=optional_text(entry, "stage"),
                amount=money_of(entry, "amount"),
                reason=optional_text(entry, "reason"),
                competitor=optional_text(entry, "competitor"),
                owner_id=optional_uuid(entry, "owner_id"),
            )
            for entry in row.history[:200]
        ),
    )
