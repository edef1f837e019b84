"""No rule in force goes on naming somebody who has left."""

from __future__ import annotations

from threading import Thread
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from crm.pipeline.v1 import approval_events_pb2 as approvals
from crm.pipeline.v1 import lead_service_pb2 as leads
from crm.pipeline.v1 import rules_events_pb2 as rules
from crm.pipeline.v1 import sales_service_pb2 as pb
from kernel.handover import HAND_OVER, HANDOVER_ASKED, count_owned, next_batch, when_handover_asked
from kernel.rebuild import compare
from kernel.service import Service
from kernel.store import Cause
from testkit import wait_until

LEAVER, HEIR, OTHER = (str(uuid4()) for _ in range(3))


@pytest.mark.feature("CUS-38")
def test_assignment_rules_and_approval_flows_name_the_successor(crm: SimpleNamespace, service: Service) -> None:
    def rule(rule_id: str, *people: str) -> rules.AssignmentRule:
        candidates = [rules.Candidate(person_id=person) for person in people]
        turns = rules.ASSIGNMENT_STRATEGY_ROUND_ROBIN
        return rules.AssignmentRule(rule_id=rule_id, name=rule_id, strategy=turns, candidates=candidates)

    given = [rule("both", LEAVER, HEIR), rule("others", OTHER, LEAVER)]
    crm.leads.DefineAssignmentRules(
        leads.DefineAssignmentRulesRequest(
            name="ours", rules=given, priority_rules=[rule("first", LEAVER)], fallback_owner_id=LEAVER
        )
    )
    step = approvals.FlowStep(name="lead", approver_ids=[OTHER, LEAVER], rule=approvals.STEP_RULE_ALL_OF)
    flow = pb.DefineApprovalFlowRequest(name="big", subject_kind=approvals.SUBJECT_KIND_QUOTE, steps=[step])
    crm.sales.DefineApprovalFlow(flow)
    assert service.owned is not None
    with service.store.query() as cursor:
        assert count_owned(cursor, service.owned, UUID(LEAVER))["rules"] == 2
    with service.store.transaction(Cause.of("service:test")) as tx:
        [naming] = [it for it in service.owned.kinds if it.kind == "rules"]
        ids = [row["id"] for row in tx.cursor.execute(naming.open_of, {"person_id": UUID(LEAVER)})]
        naming.move(tx, ids, UUID(LEAVER), UUID(HEIR), "left")
    with service.store.query() as cursor:
        assert count_owned(cursor, service.owned, UUID(LEAVER))["rules"] == 0

    now = crm.leads.GetAssignmentRules(leads.GetAssignmentRulesRequest())
    said = {it.rule_id: [c.person_id for c in it.candidates] for it in (*now.rules.rules, *now.rules.priority_rules)}
    assert said == {"both": [HEIR], "others": [OTHER, HEIR], "first": [HEIR]}
    assert now.rules.fallback_owner_id == HEIR
    [shown] = crm.sales.ListApprovalFlows(pb.ListApprovalFlowsRequest()).flows
    assert [list(it.approver_ids) for it in shown.steps] == [[OTHER, HEIR]]
    for view in service.inline:
        if view.name == "rules_naming":
            assert compare(service, view).equal


@pytest.mark.feature("CUS-38")
def test_who_is_asked_again_while_a_batch_is_under_way_does_not_begin_again(
    crm: SimpleNamespace, service: Service
) -> None:
    step = approvals.FlowStep(name="lead", approver_ids=[LEAVER], rule=approvals.STEP_RULE_ANY_OF)
    flow = pb.DefineApprovalFlowRequest(name="held", subject_kind=approvals.SUBJECT_KIND_QUOTE, steps=[step])
    crm.sales.DefineApprovalFlow(flow)
    handover_id, owned = uuid4(), service.owned
    assert owned is not None
    said = HANDOVER_ASKED(
        handover_id=str(handover_id), leaver_id=LEAVER, round=1, to_person_id=HEIR, reason="left", exceptions=[]
    )
    asked: Any = SimpleNamespace(message=said)
    react = when_handover_asked("pipeline")

    def ask() -> None:
        with service.store.transaction(Cause.of("service:test")) as tx:
            react(asked, tx)

    ask()
    with service.store.transaction(Cause.of("service:test")) as tx:  # as the timer's runner does it
        [row] = tx.cursor.execute("delete from timers where kind = %s returning payload", (HAND_OVER,))
        next_batch("pipeline", owned)(SimpleNamespace(payload=row["payload"]), tx)  # type: ignore[arg-type]
        again = Thread(target=ask)
        again.start()
        with service.store.query() as cursor:
            wait_until(
                lambda: cursor.execute(
                    "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
                ).fetchall()
            )
    again.join(30)
    with service.store.query() as cursor:
        [timer] = cursor.execute("select payload from timers where kind = %s", (HAND_OVER,)).fetchall()
    assert timer["payload"]["batch"] == 2, "the next batch, not the first one again"
