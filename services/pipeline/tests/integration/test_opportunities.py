"""Deals over gRPC and PostgreSQL: pipelines as data, stages, outcomes, stuck and unattended ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from crm.common.v1.money_pb2 import Money
from crm.customer.v1 import customer_events_pb2 as customer
from crm.pipeline.v1 import opportunity_service_pb2 as pb
from crm.pipeline.v1.pipeline_definition_events_pb2 import Stage
from kernel.ids import new_id
from kernel.projections import Delivered
from kernel.service import Service
from kernel.store import Cause, Metadata
from testkit import a_caller

YUAN = "CNY"


def opened(crm: SimpleNamespace, **changes: Any) -> str:
    said: dict[str, Any] = {
        "customer_id": str(uuid4()),
        "title": "华北产线改造",
        "amount": Money(minor_units=1_000_000, currency_code=YUAN),
    }
    return crm.deals.OpenOpportunity(pb.OpenOpportunityRequest(**{**said, **changes})).opportunity_id


def the_deal(crm: SimpleNamespace, opportunity_id: str) -> pb.Opportunity:
    return crm.deals.GetOpportunity(pb.GetOpportunityRequest(opportunity_id=opportunity_id)).opportunity


def stages_of(crm: SimpleNamespace, name: str = "") -> dict[str, str]:
    pipelines = crm.deals.ListPipelines(pb.ListPipelinesRequest()).pipelines
    chosen = next((p for p in pipelines if p.name == name), pipelines[0])
    return {stage.name: stage.stage_id for stage in chosen.stages}


def a_delivered(message: Any, stream: str, position: int = 1) -> Delivered:
    at = datetime.now(UTC)
    metadata = Metadata(new_id(), at, at, "person:x", "r", new_id(), None, "", "")
    name = message.DESCRIPTOR.full_name
    return Delivered("customer", 0, position, UUID(stream), 1, name, metadata, message)


@pytest.mark.feature("PIP-18", "PIP-24")
def test_customer_and_title_open_a_deal_and_the_rest_is_filled_in(crm: SimpleNamespace) -> None:
    bare = the_deal(crm, opened(crm, amount=None))
    assert (bare.stage_name, bare.probability, bare.owner_id) == ("初步接触", 10, crm.person_id)
    product, contact, campaign = str(uuid4()), str(uuid4()), str(uuid4())
    full = the_deal(
        crm,
        opened(
            crm,
            expected_close_on="2027-03-31",
            probability=35,
            product_ids=[product],
            contact_ids=[contact],
            source_channel="exhibition",
            campaign_id=campaign,
            next_step="send offer",
            next_step_on="2026-12-01",
        ),
    )
    assert (full.amount.minor_units, full.expected_close_on, full.probability) == (1_000_000, "2027-03-31", 35)
    assert (list(full.product_ids), list(full.contact_ids)) == ([product], [contact])
    assert (full.source_channel, full.campaign_id, full.next_step) == ("exhibition", campaign, "send offer")
    crm.deals.ReviseOpportunity(
        pb.ReviseOpportunityRequest(
            opportunity_id=full.opportunity_id,
            title="Phase 2",
            amount=Money(minor_units=5, currency_code=YUAN),
            probability=40,
            set_contacts=True,
        )
    )
    revised = the_deal(crm, full.opportunity_id)
    assert (revised.title, revised.amount.minor_units, revised.probability) == ("Phase 2", 5, 40)
    assert (list(revised.contact_ids), revised.expected_close_on) == ([], "2027-03-31")


@pytest.mark.feature("PIP-19")
def test_the_preset_pipeline_is_there_and_can_be_changed(crm: SimpleNamespace) -> None:
    assert list(stages_of(crm)) == ["初步接触", "需求确认", "报价", "谈判", "成交", "输单"]
    opened(crm)
    preset = crm.deals.ListPipelines(pb.ListPipelinesRequest()).pipelines[0]
    stages = [s for s in preset.stages if s.name != "谈判"]
    stages.insert(1, Stage(name="试用", probability=20, norm_days=5))
    revision = pb.RevisePipelineRequest(
        pipeline_id=preset.pipeline_id, name=preset.name, stages=stages, is_default=True
    )
    crm.deals.RevisePipeline(revision)
    assert list(stages_of(crm)) == ["初步接触", "试用", "需求确认", "报价", "成交", "输单"]
    revision.stages.pop(0)
    with pytest.raises(grpc.RpcError, match="初步接触") as refused:
        crm.deals.RevisePipeline(revision)
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION


@pytest.mark.feature("PIP-20")
def test_several_pipelines_each_with_its_own_stages(crm: SimpleNamespace) -> None:
    dealer = crm.deals.DefinePipeline(
        pb.DefinePipelineRequest(
            name="经销商",
            stages=[Stage(name="签约", probability=40), Stage(name="首批订货", probability=80, norm_days=3)],
        )
    ).pipeline_id
    deal = the_deal(crm, opened(crm, pipeline_id=dealer))
    assert (deal.stage_name, deal.probability) == ("签约", 40)
    with pytest.raises(grpc.RpcError, match="to_stage_id"):
        crm.deals.AdvanceOpportunity(
            pb.AdvanceOpportunityRequest(opportunity_id=deal.opportunity_id, to_stage_id=stages_of(crm)["报价"])
        )
    assert the_deal(crm, opened(crm)).stage_name == "初步接触", "the default one is still the preset"
    crm.deals.RetirePipeline(pb.RetirePipelineRequest(pipeline_id=dealer))
    with pytest.raises(grpc.RpcError, match="retired"):
        opened(crm, pipeline_id=dealer)


@pytest.mark.feature("PIP-21")
def test_the_board_sums_each_stage_and_a_drag_lands_where_it_was_dropped(crm: SimpleNamespace) -> None:
    stages = stages_of(crm)
    ids = [opened(crm, amount=Money(minor_units=100 * n, currency_code=YUAN)) for n in (1, 2, 3)]
    crm.deals.AdvanceOpportunity(pb.AdvanceOpportunityRequest(opportunity_id=ids[2], to_stage_id=stages["报价"]))
    board = crm.deals.GetBoard(pb.GetBoardRequest(pipeline_id="default"))
    shown = {c.stage.name: (c.deals, [s.minor_units for s in c.sums]) for c in board.columns}
    assert shown == {"初步接触": (2, [300]), "需求确认": (0, []), "报价": (1, [300]), "谈判": (0, [])}
    assert [card.opportunity_id for card in board.columns[2].cards] == [ids[2]]
    assert board.columns[2].weighted[0].minor_units == 150


def test_going_back_needs_a_reason_and_the_moves_are_kept(crm: SimpleNamespace) -> None:
    stages, deal = stages_of(crm), opened(crm)

    def move(stage: str, **more: Any) -> int:
        request = pb.AdvanceOpportunityRequest(opportunity_id=deal, to_stage_id=stages[stage], **more)
        return crm.deals.AdvanceOpportunity(request).version

    assert move("谈判") == 2
    assert move("谈判") == 2, "the stage it is in: nothing happens"
    with pytest.raises(grpc.RpcError, match="reason"):
        move("报价")
    with pytest.raises(grpc.RpcError) as stale:
        move("报价", reason="budget cut", expected_version=1)
    assert stale.value.code() is grpc.StatusCode.ABORTED
    assert "version 2, not 1" in stale.value.details()
    move("报价", reason="budget cut")
    with pytest.raises(grpc.RpcError, match="outcome"):
        move("成交")
    moves = crm.deals.GetOpportunity(pb.GetOpportunityRequest(opportunity_id=deal)).moves
    assert [(m.to_stage_name, m.reason) for m in moves] == [
        ("初步接触", ""),
        ("谈判", ""),
        ("报价", "budget cut"),
    ]


@pytest.mark.feature("PIP-27")
def test_closing_needs_its_reason_and_a_loss_its_competitor(crm: SimpleNamespace) -> None:
    won, lost = opened(crm), opened(crm)
    refusals = [
        (crm.deals.WinOpportunity, pb.WinOpportunityRequest(opportunity_id=won), "reason"),
        (crm.deals.LoseOpportunity, pb.LoseOpportunityRequest(opportunity_id=lost, reason="price"), "competitor"),
        (crm.deals.LoseOpportunity, pb.LoseOpportunityRequest(opportunity_id=lost, competitor="X"), "reason"),
    ]
    for ask, request, field in refusals:
        with pytest.raises(grpc.RpcError, match=field) as refused:
            ask(request)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    crm.deals.WinOpportunity(pb.WinOpportunityRequest(opportunity_id=won, reason="best service"))
    crm.deals.LoseOpportunity(pb.LoseOpportunityRequest(opportunity_id=lost, reason="price", competitor="X"))
    assert (the_deal(crm, won).state, the_deal(crm, won).probability) == (pb.OPPORTUNITY_STATE_WON, 100)
    assert (the_deal(crm, lost).reason, the_deal(crm, lost).competitor) == ("price", "X")
    with pytest.raises(grpc.RpcError) as closed:
        crm.deals.WinOpportunity(pb.WinOpportunityRequest(opportunity_id=lost, reason="no, won"))
    assert closed.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    crm.deals.ReopenOpportunity(pb.ReopenOpportunityRequest(opportunity_id=lost, reason="they called again"))
    assert the_deal(crm, lost).stage_name == "初步接触"


@pytest.mark.feature("PIP-22")
def test_a_deal_over_its_stages_norm_is_stuck_for_the_list_the_board_and_the_clock(
    asked_by: Callable[..., Any], log_of: Callable[[str], list[Any]], days_later: Callable[[int], int]
) -> None:
    long_ago = (datetime.now(UTC) - timedelta(days=8)).isoformat()
    crm = asked_by(a_caller(), ("effective-at", long_ago))
    stuck = opened(crm)
    now = asked_by(crm.caller)
    fresh = opened(now)
    listed = now.deals.ListStuckOpportunities(pb.ListStuckOpportunitiesRequest()).opportunities
    assert [(o.opportunity_id, o.days_in_stage, o.norm_days) for o in listed] == [(stuck, 8, 7)]
    assert not the_deal(now, fresh).stuck
    assert now.deals.GetBoard(pb.GetBoardRequest()).columns[0].stuck == 1
    assert days_later(0) == 1
    assert type(log_of(stuck)[-1].event).__name__ == "OpportunityGotStuck"
    now.deals.AdvanceOpportunity(pb.AdvanceOpportunityRequest(opportunity_id=stuck, to_stage_id=stages_of(now)["报价"]))
    assert not now.deals.ListStuckOpportunities(pb.ListStuckOpportunitiesRequest()).opportunities


@pytest.mark.feature("PIP-33")
def test_without_owner_or_dated_next_step_it_is_on_the_list(crm: SimpleNamespace) -> None:
    bare, planned = opened(crm), opened(crm, next_step="call", next_step_on="2030-01-01")
    late = opened(crm, next_step="call", next_step_on="2020-01-01")

    def problems() -> dict[str, str]:
        items = crm.deals.ListUnattended(pb.ListUnattendedRequest()).items
        return {item.id: item.problem for item in items}

    assert problems() == {bare: "no_next_step", late: "next_step_overdue"}
    with pytest.raises(grpc.RpcError, match="due_on"):
        crm.deals.PlanNextStep(pb.PlanNextStepRequest(opportunity_id=bare, subject="call"))
    crm.deals.PlanNextStep(pb.PlanNextStepRequest(opportunity_id=bare, subject="call", due_on="2030-02-01"))
    crm.deals.TakeNextStep(pb.TakeNextStepRequest(opportunity_id=planned))
    assert problems() == {planned: "no_next_step", late: "next_step_overdue"}


def test_a_customers_new_owner_takes_over_the_former_ones_open_deals(crm: SimpleNamespace, service: Service) -> None:
    from pipeline.reactions import REACTIONS

    customer_id, new_owner = str(uuid4()), str(uuid4())
    mine, others = opened(crm, customer_id=customer_id), opened(crm, customer_id=customer_id, owner_id=str(uuid4()))
    event = customer.OwnerChanged(
        customer_id=customer_id, from_owner_id=crm.person_id, to_owner_id=new_owner, reason="left"
    )
    with service.store.transaction(Cause("service:pipeline", "r", new_id())) as tx:
        REACTIONS[customer.OwnerChanged](a_delivered(event, customer_id), tx)
    assert the_deal(crm, mine).owner_id == new_owner
    assert the_deal(crm, others).owner_id not in (new_owner, crm.person_id)


def test_deals_are_found_by_title_and_by_their_customers_name_and_follow_merges(
    crm: SimpleNamespace, service: Service
) -> None:
    known, between, absorbed = str(uuid4()), str(uuid4()), str(uuid4())
    deal, other = opened(crm, customer_id=known), opened(crm, customer_id=absorbed, title="Other")
    events = [
        customer.CustomerRegistered(customer_id=known, name="华星制造"),
        customer.CustomersMerged(customer_id=between, absorbed_id=absorbed),
        customer.CustomersMerged(customer_id=known, absorbed_id=between),
    ]
    batch = [a_delivered(event, known, n) for n, event in enumerate(events, start=1)]
    for _ in range(2):  # fed twice: the same rows
        with service.store.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            service.eventual[0].project(cursor, batch)

    def found(**filters: Any) -> set[str]:
        answer = crm.deals.ListOpportunities(pb.ListOpportunitiesRequest(**filters))
        return {o.opportunity_id for o in answer.opportunities}

    assert found(search="产线") == {deal}
    assert found(search="华星") == {deal, other}
    assert found(customer_id=known) == {deal, other}
    assert the_deal(crm, other).customer_id == known
    undo = a_delivered(customer.CustomersUnmerged(customer_id=known, absorbed_id=between), known, 4)
    with service.store.connection() as connection, connection.transaction(), connection.cursor() as cursor:
        service.eventual[0].project(cursor, [undo])
    assert found(customer_id=known) == {deal}
    assert the_deal(crm, other).customer_id == between


def test_outside_the_data_scope_a_deal_does_not_exist(crm: SimpleNamespace, asked_by: Callable[..., Any]) -> None:
    deal = opened(crm)
    stranger = asked_by(a_caller(scope="own"))
    assert not stranger.deals.ListOpportunities(pb.ListOpportunitiesRequest()).opportunities
    assert all(c.deals == 0 for c in stranger.deals.GetBoard(pb.GetBoardRequest()).columns)
    for ask in (
        lambda: the_deal(stranger, deal),
        lambda: stranger.deals.WinOpportunity(pb.WinOpportunityRequest(opportunity_id=deal, reason="x")),
    ):
        with pytest.raises(grpc.RpcError) as hidden:
            ask()
        assert hidden.value.code() is grpc.StatusCode.NOT_FOUND
    chief = asked_by(a_caller(scope="team", owners=[UUID(crm.person_id)]))
    assert the_deal(chief, deal).opportunity_id == deal
