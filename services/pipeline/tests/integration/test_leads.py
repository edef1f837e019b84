"""Leads over gRPC and PostgreSQL: captured once, scored, assigned, never unowned, converted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import grpc
import pytest

from crm.pipeline.v1 import lead_service_pb2 as pb
from crm.pipeline.v1 import rules_events_pb2 as rules
from testkit import a_caller

CONTAINS, EQUALS, PRESENT = (
    rules.RULE_OPERATOR_CONTAINS,
    rules.RULE_OPERATOR_EQUALS,
    rules.RULE_OPERATOR_PRESENT,
)


def a_draft(**changes: Any) -> pb.LeadDraft:
    said: dict[str, Any] = {
        "source_channel": "web_form",
        "person_name": "张伟",
        "phone": "138 0013 8000",
        "email": "zhang.wei@example.com",
        "company": "华星制造有限公司",
        "region_code": "110000",
        "industry_code": "C34",
        "utm": {"utm_source": "baidu", "utm_campaign": "spring"},
    }
    return pb.LeadDraft(**{**said, **changes})


def captured(crm: SimpleNamespace, **changes: Any) -> pb.CaptureLeadResponse:
    return crm.leads.CaptureLead(pb.CaptureLeadRequest(lead=a_draft(**changes)))


def somebody_else(number: int) -> dict[str, Any]:
    return {
        "person_name": f"Person {number}",
        "phone": f"139000{number:05}",
        "email": f"p{number}@example.org",
        "company": f"Company {number}",
    }


def the_lead(crm: SimpleNamespace, lead_id: str) -> pb.Lead:
    return crm.leads.GetLead(pb.GetLeadRequest(lead_id=lead_id)).lead


def an_assignment_rule(rule_id: str, people: list[str], strategy: int, **conditions: str) -> Any:
    return rules.AssignmentRule(
        rule_id=rule_id,
        name=rule_id,
        strategy=strategy,  # type: ignore[arg-type]
        candidates=[rules.Candidate(person_id=person) for person in people],
        conditions=[
            rules.RuleCondition(field=field, operator=EQUALS, values=[value]) for field, value in conditions.items()
        ],
    )


def put_in_force(crm: SimpleNamespace, *given: Any, **more: Any) -> int:
    request = pb.DefineAssignmentRulesRequest(name="ours", rules=given, **more)
    return crm.leads.DefineAssignmentRules(request).version


@pytest.mark.feature("PIP-02", "PIP-03")
def test_leads_of_every_channel_lie_in_one_pool_with_their_first_touch(crm: SimpleNamespace) -> None:
    channels = ["web_form", "qr", "ads", "exhibition", "social", "phone", "api"]
    for number, channel in enumerate(channels):
        captured(crm, source_channel=channel, **somebody_else(number))
    pool = crm.leads.ListLeads(pb.ListLeadsRequest())
    assert pool.total_size == len(channels)
    assert {lead.source_channel for lead in pool.leads} == set(channels)
    lead = crm.leads.ListLeads(pb.ListLeadsRequest(source_channel="qr")).leads[0]
    assert lead.utm == {"source": "baidu", "campaign": "spring"}
    assert lead.HasField("first_touch_at")


@pytest.mark.feature("PIP-03", "PIP-16")
def test_the_same_person_again_is_a_touch_and_the_first_touch_stays(crm: SimpleNamespace) -> None:
    first = captured(crm, campaign_id=str(uuid4()))
    before = the_lead(crm, first.lead_id)
    again = captured(
        crm,
        phone="+86 13800138000",
        email="",
        source_channel="exhibition",
        campaign_id=str(uuid4()),
        utm={"utm_source": "other"},
    )
    assert again.duplicate
    assert again.lead_id == first.lead_id
    after = the_lead(crm, first.lead_id)
    assert after.touches == 2
    assert (after.source_channel, after.campaign_id, after.utm, after.first_touch_at) == (
        before.source_channel,
        before.campaign_id,
        before.utm,
        before.first_touch_at,
    )
    crm.leads.CorrectLead(pb.CorrectLeadRequest(lead_id=first.lead_id, person_name="张大伟"))
    corrected = the_lead(crm, first.lead_id)
    assert corrected.person_name == "张大伟"
    assert corrected.phone == before.phone
    assert corrected.source_channel == before.source_channel


@pytest.mark.feature("PIP-16")
def test_another_person_of_the_same_company_is_a_lead_that_names_the_other(crm: SimpleNamespace) -> None:
    first = captured(crm)
    second = captured(crm, **(somebody_else(1) | {"company": "华星制造 股份有限公司"}))
    assert not second.duplicate
    assert list(the_lead(crm, second.lead_id).duplicate_lead_ids) == [first.lead_id]
    found = crm.leads.FindDuplicateLeads(pb.FindDuplicateLeadsRequest(email="ZHANG.WEI@example.com"))
    assert [(m.lead_id, list(m.matched_on)) for m in found.matches] == [(first.lead_id, ["email"])]


def test_the_same_lead_id_again_changes_nothing(crm: SimpleNamespace, log_of: Callable[[str], list[Any]]) -> None:
    lead_id = str(uuid4())
    request = pb.CaptureLeadRequest(lead_id=lead_id, lead=a_draft())
    crm.leads.CaptureLead(request)
    length = len(log_of(lead_id))
    assert crm.leads.CaptureLead(request).lead_id == lead_id
    assert len(log_of(lead_id)) == length


@pytest.mark.feature("PIP-16")
def test_the_same_person_from_many_sides_at_once_is_one_lead(crm: SimpleNamespace) -> None:
    with ThreadPoolExecutor(6) as at_once:
        ids = set(at_once.map(lambda _: captured(crm).lead_id, range(12)))
    assert len(ids) == 1
    assert the_lead(crm, ids.pop()).touches == 12


@pytest.mark.feature("PIP-04")
def test_the_preset_statuses_can_be_edited(crm: SimpleNamespace) -> None:
    preset = crm.leads.ListLeadStatuses(pb.ListLeadStatusesRequest()).statuses
    assert [status.name for status in preset] == ["首次联系", "需求确认", "报价中", "等待回复"]
    lead_id = captured(crm).lead_id
    crm.leads.ChangeLeadStatus(pb.ChangeLeadStatusRequest(lead_id=lead_id, status_id="quoting"))
    assert the_lead(crm, lead_id).status_id == "quoting"
    crm.leads.DefineLeadStatuses(
        pb.DefineLeadStatusesRequest(statuses=[*preset, rules.LeadStatus(status_id="trial", name="试用中")])
    )
    crm.leads.ChangeLeadStatus(pb.ChangeLeadStatusRequest(lead_id=lead_id, status_id="trial"))
    assert the_lead(crm, lead_id).status_id == "trial"
    with pytest.raises(grpc.RpcError, match="status_id") as refused:
        crm.leads.ChangeLeadStatus(pb.ChangeLeadStatusRequest(lead_id=lead_id, status_id="nowhere"))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.feature("PIP-05", "PIP-06", "PIP-09")
def test_rules_in_order_place_by_region_then_industry_and_say_why(crm: SimpleNamespace) -> None:
    beijing, shanghai, technical, fallback = (str(uuid4()) for _ in range(4))
    put_in_force(
        crm,
        an_assignment_rule("Beijing", [beijing], rules.ASSIGNMENT_STRATEGY_FIXED, region_code="110000"),
        an_assignment_rule("Shanghai", [shanghai], rules.ASSIGNMENT_STRATEGY_FIXED, region_code="310000"),
        an_assignment_rule("Makers", [technical], rules.ASSIGNMENT_STRATEGY_FIXED, industry_code="C34"),
        fallback_owner_id=fallback,
    )
    places = [
        ("110000", "C34", beijing, "Beijing"),
        ("310000", "C34", shanghai, "Shanghai"),
        ("440000", "C34", technical, "Makers"),
        ("440000", "J66", fallback, "fallback"),
    ]
    for number, (region, industry, owner, rule) in enumerate(places):
        said = captured(crm, region_code=region, industry_code=industry, **somebody_else(number))
        assert said.owner_id == owner
        why = crm.leads.ExplainAssignment(pb.ExplainAssignmentRequest(lead_id=said.lead_id))
        assert why.steps[-1].rule_id == rule
        assert why.steps[-1].rule_set_version == 1
        assert "rules v1" in why.reason
    assert the_lead(crm, said.lead_id).fallback
    assert [lead.lead_id for lead in crm.leads.ListLeads(pb.ListLeadsRequest(flagged=True)).leads]


@pytest.mark.feature("PIP-07", "PIP-08")
def test_turns_go_round_and_loads_stay_level_around_absence_and_capacity(crm: SimpleNamespace) -> None:
    people = [str(uuid4()) for _ in range(3)]
    put_in_force(crm, an_assignment_rule("turns", people, rules.ASSIGNMENT_STRATEGY_ROUND_ROBIN))
    turns = [captured(crm, **somebody_else(n)).owner_id for n in range(6)]
    assert turns == people * 2

    put_in_force(crm, an_assignment_rule("level", people, rules.ASSIGNMENT_STRATEGY_BALANCED))
    away = pb.SetAgentAvailabilityRequest(person_id=people[0])
    away.absent_from.GetCurrentTime()
    crm.leads.SetAgentAvailability(away)
    crm.leads.SetAgentAvailability(pb.SetAgentAvailabilityRequest(person_id=people[1], capacity=3))
    level = [captured(crm, **somebody_else(n)) for n in range(10, 13)]
    assert [said.owner_id for said in level] == [people[1], people[2], people[2]]
    full = captured(crm, **somebody_else(13))
    assert full.owner_id == people[2]
    loads = {a.person_id: a for a in crm.leads.ListAgentWorkloads(pb.ListAgentWorkloadsRequest()).agents}
    assert loads[people[1]].open_leads == loads[people[1]].capacity == 3
    assert loads[people[2]].open_leads == 5


@pytest.mark.feature("PIP-12", "PIP-13")
def test_points_add_up_with_reasons_and_high_intent_goes_first_to_the_best(crm: SimpleNamespace) -> None:
    anybody, closer = str(uuid4()), str(uuid4())
    put_in_force(
        crm,
        an_assignment_rule("anybody", [anybody], rules.ASSIGNMENT_STRATEGY_FIXED),
        priority_rules=[an_assignment_rule("closer", [closer], rules.ASSIGNMENT_STRATEGY_FIXED)],
    )
    crm.leads.DefineScoringRules(
        pb.DefineScoringRulesRequest(
            name="ours",
            high_intent_threshold=50,
            rules=[
                rules.ScoringRule(
                    rule_id="phone",
                    reason="left a phone number",
                    points=20,
                    conditions=[rules.RuleCondition(field="phone", operator=PRESENT)],
                ),
                rules.ScoringRule(
                    rule_id="demo",
                    reason="watched the demo",
                    points=30,
                    conditions=[rules.RuleCondition(field="behaviours", operator=CONTAINS, values=["watched_demo"])],
                ),
            ],
        )
    )
    cold = captured(crm, **somebody_else(1))
    assert (cold.score, cold.high_intent, cold.owner_id) == (20, False, anybody)
    hot = captured(crm, behaviours=["watched-demo"], **somebody_else(2))
    assert (hot.score, hot.high_intent, hot.owner_id) == (50, True, closer)
    reasons = [(r.rule_id, r.points) for r in the_lead(crm, hot.lead_id).score_reasons]
    assert reasons == [("phone", 20), ("demo", 30)]
    warmed = crm.leads.ObserveLeadBehaviour(
        pb.ObserveLeadBehaviourRequest(lead_id=cold.lead_id, behaviour="Watched Demo")
    )
    assert (warmed.score, warmed.high_intent) == (50, True)
    assert {lead.lead_id for lead in crm.leads.ListLeads(pb.ListLeadsRequest(high_intent=True)).leads} == {
        hot.lead_id,
        cold.lead_id,
    }


@pytest.mark.feature("PIP-10")
def test_nothing_stays_unowned_claim_return_recycle_and_assign_again(
    crm: SimpleNamespace,
    asked_by: Callable[..., Any],
    days_later: Callable[[int], int],
) -> None:
    boss, first, second = str(uuid4()), a_caller(scope="own"), a_caller(scope="own")
    crm.leads.SetLeadPoolPolicy(
        pb.SetLeadPoolPolicyRequest(
            recycle_after_days=5, reply_after_days=3, pool_assign_after_days=2, accountable_id=boss
        )
    )
    lead_id = captured(crm).lead_id
    waiting = the_lead(crm, lead_id)
    assert (waiting.owner_id, waiting.queue, waiting.accountable_id) == ("", "unassigned", boss)

    asked_by(first).leads.ClaimLead(pb.ClaimLeadRequest(lead_id=lead_id))
    assert the_lead(crm, lead_id).owner_id == str(first.person_id)
    with pytest.raises(grpc.RpcError) as hidden:
        asked_by(second).leads.ReturnLead(pb.ReturnLeadRequest(lead_id=lead_id, reason="mine now"))
    assert hidden.value.code() is grpc.StatusCode.NOT_FOUND
    asked_by(first).leads.ReturnLead(pb.ReturnLeadRequest(lead_id=lead_id, reason="not my region"))
    assert the_lead(crm, lead_id).queue == "returned"

    people = [str(first.person_id), str(second.person_id)]
    put_in_force(crm, an_assignment_rule("turns", people, rules.ASSIGNMENT_STRATEGY_FIXED))
    assert days_later(3) == 1
    assert the_lead(crm, lead_id).owner_id == str(second.person_id), "not to who gave it back"
    assert days_later(20) >= 1
    recycled = the_lead(crm, lead_id)
    assert (recycled.owner_id, recycled.queue, recycled.accountable_id) == ("", "recycled", boss)
    queued = crm.leads.ListLeads(pb.ListLeadsRequest(queue="any")).leads
    assert [lead.lead_id for lead in queued] == [lead_id]


@pytest.mark.feature("PIP-17")
def test_a_worked_lead_is_not_recycled_and_an_unanswered_one_reminds(
    crm: SimpleNamespace, days_later: Callable[[int], int], log_of: Callable[[str], list[Any]]
) -> None:
    said = crm.leads.CaptureLead(pb.CaptureLeadRequest(lead=a_draft(), owner_id=crm.person_id))
    crm.leads.LogLeadContact(pb.LogLeadContactRequest(lead_id=said.lead_id, kind="email", note="offer"))
    assert days_later(4) == 1
    overdue, task = (recorded.event for recorded in log_of(said.lead_id)[-2:])
    assert type(overdue).__name__ == "LeadReplyOverdue"
    assert (overdue.days, overdue.owner_id) == (3, crm.caller.person_id)
    assert (task.subject, task.owner_id) == ("该回访啦", crm.caller.person_id)
    assert the_lead(crm, said.lead_id).next_step == "该回访啦"
    crm.leads.LogLeadContact(pb.LogLeadContactRequest(lead_id=said.lead_id, kind="email", inbound=True))
    assert days_later(5) == 0


@pytest.mark.feature("PIP-14")
def test_qualify_nurture_and_disqualify_each_need_a_reason(crm: SimpleNamespace) -> None:
    campaign = str(uuid4())
    ids = [captured(crm, campaign_id=campaign, **somebody_else(n)).lead_id for n in range(3)]
    with pytest.raises(grpc.RpcError, match="reason"):
        crm.leads.NurtureLead(pb.NurtureLeadRequest(lead_id=ids[0]))
    crm.leads.QualifyLead(pb.QualifyLeadRequest(lead_id=ids[0], reason="has budget"))
    crm.leads.NurtureLead(pb.NurtureLeadRequest(lead_id=ids[1], reason="next year"))
    crm.leads.DisqualifyLead(pb.DisqualifyLeadRequest(lead_id=ids[2], reason="student"))
    states = [(the_lead(crm, i).state, the_lead(crm, i).reason) for i in ids]
    assert states == [
        (pb.LEAD_STATE_QUALIFIED, "has budget"),
        (pb.LEAD_STATE_NURTURING, "next year"),
        (pb.LEAD_STATE_DISQUALIFIED, "student"),
    ]
    with pytest.raises(grpc.RpcError) as closed:
        crm.leads.QualifyLead(pb.QualifyLeadRequest(lead_id=ids[2], reason="after all"))
    assert closed.value.code() is grpc.StatusCode.FAILED_PRECONDITION


def test_search_finds_two_characters_and_digits_and_pages_without_gaps(crm: SimpleNamespace) -> None:
    captured(crm)
    for number in range(5):
        captured(crm, **somebody_else(number))

    def names(query: str) -> list[str]:
        found = crm.leads.ListLeads(pb.ListLeadsRequest(search=query))
        return [lead.person_name for lead in found.leads]

    assert names("华星") == ["张伟"]
    assert names("8000") == ["张伟"]
    assert names("p3@example") == ["Person 3"]
    seen: list[str] = []
    token = ""
    for _ in range(4):
        page = crm.leads.ListLeads(pb.ListLeadsRequest(page_size=2, page_token=token))
        seen += [lead.lead_id for lead in page.leads]
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) == 6


def test_a_forgotten_person_is_gone_from_search_and_duplicates_but_still_counted(
    crm: SimpleNamespace, log_of: Callable[[str], list[Any]]
) -> None:
    lead_id = captured(crm).lead_id
    crm.leads.ForgetLead(pb.ForgetLeadRequest(lead_id=lead_id, reason="asked to"))
    assert crm.leads.ListLeads(pb.ListLeadsRequest(search="张伟")).total_size == 0
    assert crm.leads.ListLeads(pb.ListLeadsRequest()).total_size == 1
    assert the_lead(crm, lead_id).erased
    assert not captured(crm).duplicate


def test_what_if_replays_captured_leads_and_changes_nothing(crm: SimpleNamespace) -> None:
    now_owner, then_owner = str(uuid4()), str(uuid4())
    put_in_force(crm, an_assignment_rule("now", [now_owner], rules.ASSIGNMENT_STRATEGY_FIXED))
    for number in range(4):
        region = "110000" if number % 2 else "310000"
        captured(crm, region_code=region, **somebody_else(number))
    tried = crm.leads.TryLeadRules(
        pb.TryLeadRulesRequest(
            assignment_rules=[
                an_assignment_rule("Beijing", [then_owner], rules.ASSIGNMENT_STRATEGY_FIXED, region_code="110000"),
                an_assignment_rule("rest", [now_owner], rules.ASSIGNMENT_STRATEGY_FIXED),
            ]
        )
    )
    assert (tried.leads, tried.moved) == (4, 2)
    assert {o.owner_id: (o.had, o.would_have) for o in tried.owners} == {now_owner: (4, 2), then_owner: (0, 2)}
    assert crm.leads.GetAssignmentRules(pb.GetAssignmentRulesRequest()).rules.version == 1


def test_unknown_versions_and_leads_are_not_found(crm: SimpleNamespace) -> None:
    for ask in (
        lambda: crm.leads.GetLead(pb.GetLeadRequest(lead_id=str(uuid4()))),
        lambda: crm.leads.GetScoringRules(pb.GetScoringRulesRequest(version=7)),
    ):
        with pytest.raises(grpc.RpcError) as missing:
            ask()
        assert missing.value.code() is grpc.StatusCode.NOT_FOUND
