"""No rule in force goes on naming somebody who has left."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest

from crm.pipeline.v1 import approval_events_pb2 as approvals
from crm.pipeline.v1 import lead_service_pb2 as leads
from crm.pipeline.v1 import rules_events_pb2 as rules
from crm.pipeline.v1 import sales_service_pb2 as pb
from kernel.handover import count_owned
from kernel.rebuild import compare
from kernel.service import Service
from kernel.store import Cause

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
