"""Why: the chain from a form to a lead's owner, folded from the events that pipeline itself writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from analytics.entrypoints import answers
from analytics.projections import why
from analytics.projections.why import Link
from crm.analytics.v1 import analytics_service_pb2 as pb
from crm.marketing.v1 import form_events_pb2 as forms
from kernel.delivered import Delivered, message_class
from kernel.errors import InvalidArgument, NotFound
from kernel.ids import derived_id, new_id
from kernel.log import Metadata
from kernel.slots import slot_of
from kernel.store import Cause
from pipeline.application.leads import Leads
from pipeline.bootstrap import bootstrap
from pipeline.domain.lead import LeadCaptured
from pipeline.domain.lead_rules import (
    AssignmentRule,
    AssignmentRulesDefined,
    AssignmentStrategy,
    Candidate,
    RuleCondition,
    RuleOperator,
    ScoringRule,
    ScoringRulesDefined,
)
from pipeline.projections.lead_people import LeadPeople
from testkit import a_caller

OWNER = derived_id("why", "owner")
ADMIN = f"person:{derived_id('why', 'admin')}"


@dataclass
class Told:
    """A lead that came from a form, as analytics knows it."""

    lead_id: UUID
    folding: Any
    form: Delivered

    def why(self, field: str = "", **caller: Any) -> pb.ExplainValueResponse:
        asked_by = a_caller(**caller)
        found = self.folding.ask(lambda cursor, _caller, _now: why.explain(cursor, self.lead_id, field, asked_by))
        return answers.explained(found)


@pytest.fixture
def told(a_settings: Callable[..., Any], folding: Any) -> Any:
    """Rules defined by an administrator; a form sent; pipeline takes the lead in, scores it and gives it away."""
    service = bootstrap(a_settings("pipeline"))
    leads = Leads(LeadPeople(service.settings.master_key))
    submission = new_id()
    with service.store.transaction(Cause.of(ADMIN)) as tx:
        present = RuleCondition("phone", RuleOperator.PRESENT, ())
        scoring = ScoringRule("phone", "left a telephone number", 70, (present,))
        leads.define_scoring_rules(tx, ScoringRulesDefined(new_id(), 0, "s", (scoring,), 60))
        here = RuleCondition("region_code", RuleOperator.IN, ("11",))
        rule = AssignmentRule(
            "bj", "Beijing goes to the rep", (here,), AssignmentStrategy.FIXED, (Candidate(OWNER, ()),)
        )
        first = replace(rule, rule_id="bj-first")
        leads.define_assignment_rules(tx, AssignmentRulesDefined(new_id(), 0, "a", (rule,), (first,), None))
    at = datetime.now(UTC) - timedelta(seconds=1)
    metadata = Metadata(new_id(), at, at, "client:website", "the visitor's request", new_id(), None, "", "")
    message = forms.FormSubmitted(submission_id=str(submission), region_code="11", phone="sealed:1:x")
    form = Delivered(
        "marketing", slot_of(submission), 1, submission, 1, message.DESCRIPTOR.full_name, metadata, message
    )
    lead_id = derived_id(submission, "lead")
    with service.store.transaction(Cause.from_event("pipeline", metadata)) as tx:
        captured = {"lead_id": lead_id, "source_channel": "fair", "submission_id": submission, "region_code": "11"}
        empty: dict[str, Any] = dict.fromkeys(LeadCaptured.__dataclass_fields__, "")
        empty |= {"campaign_id": None, "utm": {}, "behaviours": (), "first_touch_at": at}
        leads.capture_lead(tx, LeadCaptured(**{**empty, **captured, "phone": "13800138000", "person_name": "P"}))
    with service.store.connection() as connection:
        log = service.store.recorder.read_log(connection, 0, 2**60, 1000)
    service.store.close()
    folding.feed(
        [form]
        + [
            Delivered(
                "pipeline",
                slot_of(e.stream),
                e.position,
                e.stream,
                e.version,
                e.type,
                e.metadata,
                message_class(e.type).FromString(e.data),
            )
            for e in log
        ]
    )
    return Told(lead_id, folding, form)


def test_the_owner_of_a_lead_is_explained_from_the_form_on(told: Told) -> None:
    found = told.why("owner_id")
    assert found.value == str(OWNER)
    assert not found.cut_short
    kinds = [step.event.event_type for step in found.steps]
    assert (kinds[0], kinds[-1]) == ("FormSubmitted", "LeadAssigned")
    assert kinds.index("LeadCaptured") < kinds.index("LeadScored") < kinds.index("LeadAssigned")
    links = {step.event.event_type: step.link for step in found.steps}
    assert links["FormSubmitted"] == Link.FIRST
    assert links["LeadCaptured"] == Link.CAUSED
    assert links["LeadScored"] == links["LeadAssigned"] == Link.SAME_REQUEST
    rules = {step.event.event_type: step.rules for step in found.steps if step.rules}
    [assigning] = rules["LeadAssigned"]
    assert (assigning.rule_id, assigning.name, assigning.rule_set_version) == ("bj-first", "Beijing goes to the rep", 1)
    assert assigning.defined_by == ADMIN
    assert assigning.defined_by_event_id
    [scoring] = rules["LeadScored"]
    assert (scoring.rule_id, scoring.reason) == ("phone", "left a telephone number")
    last = found.steps[-1]
    assert "Beijing goes to the rep" in last.sentence
    assert f"owner_id became “{OWNER}”" in last.sentence
    assert last.sentence_zh.startswith("线索已分配，由系统服务 pipeline")
    assert "Beijing goes to the rep" in last.sentence_zh
    assert "which began it" in found.steps[0].sentence
    assert "client website" in found.steps[0].sentence


def test_without_a_field_the_last_change_is_explained(told: Told) -> None:
    assert told.why().steps[-1].event.record_id == str(told.lead_id)


def test_a_field_that_never_was_is_refused_by_naming_those_that_were(told: Told) -> None:
    with pytest.raises(InvalidArgument, match="owner_id"):
        told.why("colour")


def test_the_chain_ends_where_the_trail_does(told: Told) -> None:
    told.folding.connection.execute("delete from audit_events where event_id = %s", (told.form.metadata.event_id,))
    found = told.why("owner_id")
    assert found.cut_short
    assert found.steps[0].event.event_type == "LeadCaptured"


def test_the_owner_sees_why_but_not_what_is_outside_his_scope(told: Told) -> None:
    found = told.why("owner_id", scope="own", person_id=OWNER)
    form, assigned = found.steps[0], found.steps[-1]
    assert form.withheld
    assert {form.event.actor, form.event.record_id, form.event.data_json} == {""}
    assert not form.fields
    assert "website" not in form.sentence + form.sentence_zh
    assert assigned.rules[0].name == "Beijing goes to the rep"
    with pytest.raises(NotFound):
        told.why("owner_id", scope="own", person_id=new_id())
