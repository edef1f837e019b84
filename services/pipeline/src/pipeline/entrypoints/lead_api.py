"""Leads over gRPC: requests in, application calls out. No decisions here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from crm.pipeline.v1 import lead_events_pb2 as events_pb
from crm.pipeline.v1 import lead_service_pb2 as pb
from crm.pipeline.v1 import rules_events_pb2 as rules_pb
from kernel.errors import InvalidArgument, NotFound
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
from kernel.store import EventStore
from kernel.vault import ERASED
from pipeline.application.imports import Imports, LeadRow, OnDuplicate
from pipeline.application.leads import (
    RULE_STREAMS,
    Leads,
    assignments,
    people_named,
    rules_in_force,
)
from pipeline.application.opportunities import Opportunities
from pipeline.application.streams import ASSIGNMENT_RULES, SCORING_RULES, read
from pipeline.domain import lead as leads
from pipeline.domain import lead_rules as rules
from pipeline.domain.opportunity import OpportunityOpened
from pipeline.entrypoints.asking import asking
from pipeline.entrypoints.import_rows import Rows
from pipeline.entrypoints.messages import (
    day_text,
    enum_of,
    id_text,
    money_of,
    stamp,
    time_of,
    today,
)
from pipeline.projections import lead_pool, workloads
from pipeline.projections.lead_people import LeadPeople

_MOST_TRIED = 20_000
_DEFAULT_TRIED = 5_000
_MOST_SHOWN = 100


class LeadApi:
    def __init__(
        self,
        store: EventStore[Any],
        leads_: Leads,
        opportunities: Opportunities,
        imports: Imports,
        people: LeadPeople,
    ) -> None:
        self._store = store
        self._leads = leads_
        self._opportunities = opportunities
        self._imports = imports
        self._people = people

    # -- capture ---------------------------------------------------------------

    def CaptureLead(self, request: pb.CaptureLeadRequest, call: Call) -> pb.CaptureLeadResponse:
        lead_id = optional_uuid(request, "lead_id") or derived_id("lead", call.caller.actor, call.request_id)
        owner_id = optional_uuid(request, "owner_id")
        draft = _draft(request.lead, lead_id, "")
        tx = call.transaction()
        if not request.lead.HasField("first_touch_at"):
            draft = _touched(draft, tx.effective_at)
        done = self._leads.capture_lead(tx, draft, owner_id, request.keep_duplicate)
        return pb.CaptureLeadResponse(
            lead_id=str(done.lead.id),
            duplicate=done.duplicate,
            owner_id=id_text(done.lead.owner_id),
            reason=done.reason,
            score=done.lead.score,
            high_intent=done.lead.high_intent,
            version=done.version,
        )

    def ImportLeads(self, request: pb.ImportLeadsRequest, call: Call) -> pb.ImportLeadsResponse:
        import_id = required_text(request, "import_id", 100)
        on_duplicate = enum_of(request, "on_duplicate", OnDuplicate, OnDuplicate.SKIP)
        tx = call.transaction()
        rows = Rows(request.rows, lambda row: _lead_row(row, import_id, tx.effective_at))
        results = self._imports.import_leads(tx, import_id, rows.good, on_duplicate)
        return pb.ImportLeadsResponse(results=rows.answers(results))

    # -- queries ---------------------------------------------------------------

    def GetLead(self, request: pb.GetLeadRequest, call: Call) -> pb.GetLeadResponse:
        return pb.GetLeadResponse(lead=_lead(self._visible(request, call)))

    def ListLeads(self, request: pb.ListLeadsRequest, call: Call) -> pb.ListLeadsResponse:
        page = page_of(request)
        rows, total = lead_pool.pool(
            call.query(),
            call.caller,
            page,
            today=today(),
            owner_id=optional_uuid(request, "owner_id"),
            state=request.state,
            status_id=optional_text(request, "status_id"),
            source_channel=optional_text(request, "source_channel"),
            campaign_id=optional_uuid(request, "campaign_id"),
            queue=optional_text(request, "queue"),
            high_intent=request.high_intent,
            flagged=request.flagged,
            search=optional_text(request, "search"),
            region_code=optional_text(request, "region_code"),
        )
        shown = rows[: page.limit]
        last = (shown[-1]["captured_at"], shown[-1]["lead_id"]) if shown else ()
        return pb.ListLeadsResponse(
            leads=[_lead(row) for row in shown],
            next_page_token=page.next_token(rows, last),
            total_size=total,
        )

    def FindDuplicateLeads(self, request: pb.FindDuplicateLeadsRequest, call: Call) -> pb.FindDuplicateLeadsResponse:
        found = self._people.alike(
            call.query(),
            optional_text(request, "phone"),
            optional_text(request, "email"),
            optional_text(request, "company"),
        )
        return pb.FindDuplicateLeadsResponse(
            matches=[events_pb.LeadMatch(lead_id=str(row["lead_id"]), matched_on=row["matched_on"]) for row in found]
        )

    def ExplainAssignment(self, request: pb.ExplainAssignmentRequest, call: Call) -> pb.ExplainAssignmentResponse:
        row = self._visible(request, call)
        streams = read(self._store, call.query(), [row["lead_id"], ASSIGNMENT_RULES])
        names = {
            (defined.event.version, rule.rule_id): rule.name
            for defined in streams.get(ASSIGNMENT_RULES, [])
            for rule in (*defined.event.rules, *defined.event.priority_rules)
        }
        steps = []
        for recorded in assignments(streams[row["lead_id"]]):
            event = recorded.event
            step = pb.AssignmentStep(at=stamp(recorded.metadata.effective_at), actor=recorded.metadata.actor)
            match event:
                case leads.LeadAssigned():
                    step.owner_id, step.rule_id = str(event.owner_id), event.rule_id
                    step.rule_set_version, step.reason = event.rule_set_version, event.reason
                    step.rule_name = names.get((event.rule_set_version, event.rule_id), "")
                    step.fallback = event.fallback
                case leads.LeadClaimed():
                    step.owner_id, step.reason = str(event.owner_id), "claimed from the pool"
                case leads.LeadQueued():
                    step.queue, step.reason = event.queue, event.reason
            steps.append(step)
        return pb.ExplainAssignmentResponse(
            owner_id=id_text(row["owner_id"]),
            reason=row["assignment_reason"],
            steps=steps,
            score=row["score"],
            score_reasons=_reasons(row),
        )

    # -- working ---------------------------------------------------------------

    def CorrectLead(self, request: pb.CorrectLeadRequest, call: Call) -> pb.CorrectLeadResponse:
        said = {field.name for field, _ in request.ListFields()}
        given = {name: optional_text(request, name) for name in leads.DETAILS if name in said}
        version = self._leads.correct_lead(
            call.transaction(),
            call.caller,
            required_uuid(request, "lead_id"),
            given,
            request.expected_version,
        )
        return pb.CorrectLeadResponse(version=version)

    def ChangeLeadStatus(self, request: pb.ChangeLeadStatusRequest, call: Call) -> pb.ChangeLeadStatusResponse:
        version = self._leads.change_status(
            call.transaction(),
            call.caller,
            required_uuid(request, "lead_id"),
            required_text(request, "status_id"),
        )
        return pb.ChangeLeadStatusResponse(version=version)

    def ObserveLeadBehaviour(
        self, request: pb.ObserveLeadBehaviourRequest, call: Call
    ) -> pb.ObserveLeadBehaviourResponse:
        lead, version = self._leads.observe_behaviour(
            call.transaction(),
            call.caller,
            required_uuid(request, "lead_id"),
            required_text(request, "behaviour", 100),
        )
        return pb.ObserveLeadBehaviourResponse(score=lead.score, high_intent=lead.high_intent, version=version)

    def LogLeadContact(self, request: pb.LogLeadContactRequest, call: Call) -> pb.LogLeadContactResponse:
        version = self._leads.log_contact(
            call.transaction(),
            call.caller,
            required_uuid(request, "lead_id"),
            required_text(request, "kind", 40),
            request.inbound,
            optional_text(request, "note", 4000),
        )
        return pb.LogLeadContactResponse(version=version)

    def PlanLeadNextStep(self, request: pb.PlanLeadNextStepRequest, call: Call) -> pb.PlanLeadNextStepResponse:
        version = self._leads.plan_next_step(
            call.transaction(),
            call.caller,
            required_uuid(request, "lead_id"),
            required_text(request, "subject"),
            required_date(request, "due_on"),
        )
        return pb.PlanLeadNextStepResponse(version=version)

    def AssignLead(self, request: pb.AssignLeadRequest, call: Call) -> pb.AssignLeadResponse:
        lead, version, reason = self._leads.assign_lead(
            call.transaction(),
            call.caller,
            required_uuid(request, "lead_id"),
            optional_uuid(request, "owner_id"),
            optional_text(request, "reason"),
        )
        return pb.AssignLeadResponse(owner_id=id_text(lead.owner_id), reason=reason, version=version)

    def ClaimLead(self, request: pb.ClaimLeadRequest, call: Call) -> pb.ClaimLeadResponse:
        lead_id = required_uuid(request, "lead_id")
        return pb.ClaimLeadResponse(version=self._leads.claim_lead(call.transaction(), call.caller, lead_id))

    def ReturnLead(self, request: pb.ReturnLeadRequest, call: Call) -> pb.ReturnLeadResponse:
        version = self._leads.return_lead(
            call.transaction(),
            call.caller,
            required_uuid(request, "lead_id"),
            required_text(request, "reason"),
        )
        return pb.ReturnLeadResponse(version=version)

    def QualifyLead(self, request: pb.QualifyLeadRequest, call: Call) -> pb.QualifyLeadResponse:
        version = self._leads.qualify_lead(
            call.transaction(),
            call.caller,
            required_uuid(request, "lead_id"),
            required_text(request, "reason"),
        )
        return pb.QualifyLeadResponse(version=version)

    def NurtureLead(self, request: pb.NurtureLeadRequest, call: Call) -> pb.NurtureLeadResponse:
        version = self._leads.nurture_lead(
            call.transaction(),
            call.caller,
            required_uuid(request, "lead_id"),
            required_text(request, "reason"),
        )
        return pb.NurtureLeadResponse(version=version)

    def DisqualifyLead(self, request: pb.DisqualifyLeadRequest, call: Call) -> pb.DisqualifyLeadResponse:
        version = self._leads.disqualify_lead(
            call.transaction(),
            call.caller,
            required_uuid(request, "lead_id"),
            required_text(request, "reason"),
        )
        return pb.DisqualifyLeadResponse(version=version)

    def ForgetLead(self, request: pb.ForgetLeadRequest, call: Call) -> pb.ForgetLeadResponse:
        version = self._leads.forget_lead(
            call.transaction(), required_uuid(request, "lead_id"), required_text(request, "reason")
        )
        return pb.ForgetLeadResponse(version=version)

    def ConvertLead(self, request: pb.ConvertLeadRequest, call: Call) -> pb.ConvertLeadResponse:
        """Customer and contact first, by the customer service; then the opportunity and the lead here."""
        row = self._visible(request, call)
        lead_id: UUID = row["lead_id"]
        if row["state"] in (leads.LeadState.CONVERTED, leads.LeadState.DISQUALIFIED):
            raise leads.LeadClosed(f"lead {lead_id} is {leads.LeadState(row['state']).name.lower()}")
        amount = money_of(request, "amount") or Money(0, "CNY")
        expected_close_on = optional_date(request, "expected_close_on")
        pipeline_id = optional_uuid(request, "pipeline_id")
        title = optional_text(request, "title") or row["product_interest"] or f"Lead {str(lead_id)[-8:]}"
        customer_id, contact_id = self._customer(request, call, row)
        tx = call.transaction()
        opportunity_id = None
        if not request.no_opportunity:
            pipeline = self._opportunities.pipeline(tx, pipeline_id)
            opportunity_id = derived_id(lead_id, "opportunity")
            opened = OpportunityOpened(
                opportunity_id,
                customer_id,
                pipeline.id,
                pipeline.first.stage_id,
                title,
                amount,
                pipeline.first.probability,
                row["owner_id"] or call.caller.person_id,
                lead_id,
                row["source_channel"],
                row["campaign_id"],
                expected_close_on,
                (),
                "",
                (contact_id,) if contact_id else (),
                "",
            )
            self._opportunities.open_opportunity(tx, opened, pipeline)
        version = self._leads.convert_lead(tx, call.caller, lead_id, customer_id, contact_id, opportunity_id)
        return pb.ConvertLeadResponse(
            customer_id=str(customer_id),
            contact_id=id_text(contact_id),
            opportunity_id=id_text(opportunity_id),
            version=version,
        )

    def _customer(self, request: pb.ConvertLeadRequest, call: Call, row: DictRow) -> tuple[UUID, UUID | None]:
        """Return the customer and contact the lead becomes, made by the customer service when new."""
        from crm.customer.v1 import customer_service_pb2 as customers
        from crm.customer.v1.customer_service_pb2_grpc import CustomerServiceStub

        customer_id = optional_uuid(request, "customer_id")
        contact_id = optional_uuid(request, "contact_id")
        if row["erased"] and customer_id is None:
            raise InvalidArgument("customer_id", "the person was forgotten; name an existing customer")
        if customer_id is not None and (contact_id is not None or row["erased"]):
            return customer_id, contact_id
        stub: Any = CustomerServiceStub(call.peer("customer"))
        contact = customers.Contact(
            contact_id=str(derived_id(row["lead_id"], "contact")),
            name=row["person_name"] or row["company"],
            phones=[row["phone"]] if row["phone"] else [],
            emails=[row["email"]] if row["email"] else [],
        )
        with asking("customer"):
            if customer_id is not None:
                asked = customers.AddContactRequest(customer_id=str(customer_id), contact=contact)
                return customer_id, UUID(stub.AddContact(asked).contact_id)
            contact.is_primary = True
            name = optional_text(request, "customer_name") or row["company"] or row["person_name"]
            made = stub.RegisterCustomer(
                customers.RegisterCustomerRequest(
                    customer_id=str(derived_id(row["lead_id"], "customer")),
                    profile=customers.Profile(
                        name=name,
                        industry_code=row["industry_code"],
                        region_code=row["region_code"],
                    ),
                    source=row["source_channel"],
                    owner_id=id_text(row["owner_id"]),
                    contacts=[contact],
                    allow_duplicates=request.allow_duplicate_customer,
                )
            )
        return UUID(made.customer_id), UUID(made.contact_ids[0]) if made.contact_ids else None

    def _visible(self, request: Any, call: Call) -> DictRow:
        lead_id = required_uuid(request, "lead_id")
        row = lead_pool.one(call.query(), lead_id)
        if row is None or not (row["owner_id"] is None or call.caller.sees(row["owner_id"])):
            raise NotFound(f"no lead {lead_id}")
        return row

    # -- rules -----------------------------------------------------------------

    def DefineLeadStatuses(self, request: pb.DefineLeadStatusesRequest, call: Call) -> pb.DefineLeadStatusesResponse:
        statuses = tuple(
            rules.LeadStatus(s.status_id or "_".join(s.name.lower().split()), s.name) for s in request.statuses
        )
        return pb.DefineLeadStatusesResponse(version=self._leads.define_statuses(call.transaction(), statuses))

    def ListLeadStatuses(self, _: pb.ListLeadStatusesRequest, call: Call) -> pb.ListLeadStatusesResponse:
        return pb.ListLeadStatusesResponse(
            statuses=[rules_pb.LeadStatus(status_id=s.status_id, name=s.name) for s in self._held(call).statuses]
        )

    def SetLeadPoolPolicy(self, request: pb.SetLeadPoolPolicyRequest, call: Call) -> pb.SetLeadPoolPolicyResponse:
        policy = rules.LeadPoolPolicySet(
            UUID(int=0),
            request.recycle_after_days,
            request.reply_after_days,
            request.pool_assign_after_days,
            optional_uuid(request, "accountable_id"),
        )
        return pb.SetLeadPoolPolicyResponse(version=self._leads.set_pool_policy(call.transaction(), policy))

    def GetLeadPoolPolicy(self, _: pb.GetLeadPoolPolicyRequest, call: Call) -> pb.GetLeadPoolPolicyResponse:
        policy = self._held(call).policy
        return pb.GetLeadPoolPolicyResponse(
            recycle_after_days=policy.recycle_after_days,
            reply_after_days=policy.reply_after_days,
            pool_assign_after_days=policy.pool_assign_after_days,
            accountable_id=id_text(policy.accountable_id),
        )

    def DefineScoringRules(self, request: pb.DefineScoringRulesRequest, call: Call) -> pb.DefineScoringRulesResponse:
        defined = rules.ScoringRulesDefined(
            UUID(int=0),
            0,
            optional_text(request, "name"),
            _scoring_rules(request.rules),
            request.high_intent_threshold,
        )
        return pb.DefineScoringRulesResponse(version=self._leads.define_scoring_rules(call.transaction(), defined))

    def GetScoringRules(self, request: pb.GetScoringRulesRequest, call: Call) -> pb.GetScoringRulesResponse:
        defined = self._version(call, SCORING_RULES, request.version) or rules.DEFAULT_SCORING
        return pb.GetScoringRulesResponse(
            rules=rules_pb.ScoringRulesDefined(
                rule_set_id=str(defined.rule_set_id),
                version=defined.version,
                name=defined.name,
                rules=[
                    rules_pb.ScoringRule(
                        rule_id=rule.rule_id,
                        reason=rule.reason,
                        points=rule.points,
                        conditions=_conditions_out(rule.conditions),
                    )
                    for rule in defined.rules
                ],
                high_intent_threshold=defined.high_intent_threshold,
            )
        )

    def DefineAssignmentRules(
        self, request: pb.DefineAssignmentRulesRequest, call: Call
    ) -> pb.DefineAssignmentRulesResponse:
        version = self._leads.define_assignment_rules(call.transaction(), _assignment(request))
        return pb.DefineAssignmentRulesResponse(version=version)

    def GetAssignmentRules(self, request: pb.GetAssignmentRulesRequest, call: Call) -> pb.GetAssignmentRulesResponse:
        defined = self._version(call, ASSIGNMENT_RULES, request.version)
        if defined is None:
            return pb.GetAssignmentRulesResponse(rules=rules_pb.AssignmentRulesDefined())
        return pb.GetAssignmentRulesResponse(
            rules=rules_pb.AssignmentRulesDefined(
                rule_set_id=str(defined.rule_set_id),
                version=defined.version,
                name=defined.name,
                rules=[_assignment_rule_out(rule) for rule in defined.rules],
                priority_rules=[_assignment_rule_out(rule) for rule in defined.priority_rules],
                fallback_owner_id=id_text(defined.fallback_owner_id),
            )
        )

    def TryLeadRules(self, request: pb.TryLeadRulesRequest, call: Call) -> pb.TryLeadRulesResponse:
        """Replay captured leads through other rules, with the same functions that capture uses."""
        held = self._held(call)
        scoring, assignment = held.scoring, held.assignment
        if request.scoring_rules:
            scoring = rules.ScoringRulesDefined(
                SCORING_RULES, 0, "tried", _scoring_rules(request.scoring_rules), request.high_intent_threshold
            )
            rules.define_scoring(scoring)
        if request.assignment_rules or request.priority_rules:
            assignment = rules.AssignmentRulesDefined(
                ASSIGNMENT_RULES,
                0,
                "tried",
                tuple(map(_assignment_rule, request.assignment_rules)),
                tuple(map(_assignment_rule, request.priority_rules)),
                optional_uuid(request, "fallback_owner_id"),
            )
            rules.define_assignment(assignment)
        cursor = call.query()
        rows = lead_pool.captured_between(
            cursor,
            time_of(request, "captured_from"),
            time_of(request, "captured_until"),
            call.caller,
            min(request.limit or _DEFAULT_TRIED, _MOST_TRIED),
        )
        capacities = workloads.workloads(cursor, people_named(assignment))
        trial = rules.Trial(scoring, assignment, capacities)
        answer = pb.TryLeadRulesResponse(leads=len(rows))
        had: dict[str, int] = {}
        would_have: dict[str, int] = {}
        for row in rows:
            score, choice = trial.place(_facts(row), row["captured_at"])
            owner, tried = id_text(row["owner_id"]), id_text(choice.owner_id)
            had[owner] = had.get(owner, 0) + 1
            would_have[tried] = would_have.get(tried, 0) + 1
            answer.high_intent += row["high_intent"]
            answer.tried_high_intent += score.high_intent
            answer.moved += owner != tried
            differs = owner != tried or score.score != row["score"]
            if differs and len(answer.outcomes) < _MOST_SHOWN:
                answer.outcomes.add(
                    lead_id=str(row["lead_id"]),
                    score=row["score"],
                    tried_score=score.score,
                    owner_id=owner,
                    tried_owner_id=tried,
                    tried_reason=choice.reason,
                )
        for owner in sorted(had.keys() | would_have.keys()):
            answer.owners.add(owner_id=owner, had=had.get(owner, 0), would_have=would_have.get(owner, 0))
        return answer

    def SetAgentAvailability(
        self, request: pb.SetAgentAvailabilityRequest, call: Call
    ) -> pb.SetAgentAvailabilityResponse:
        said = rules.AgentAvailabilitySet(
            required_uuid(request, "person_id"),
            request.capacity,
            time_of(request, "absent_from"),
            time_of(request, "absent_until"),
        )
        return pb.SetAgentAvailabilityResponse(version=self._leads.set_availability(call.transaction(), said))

    def ListAgentWorkloads(self, _: pb.ListAgentWorkloadsRequest, call: Call) -> pb.ListAgentWorkloadsResponse:
        named = people_named(self._held(call).assignment)
        return pb.ListAgentWorkloadsResponse(
            agents=[
                pb.AgentWorkload(
                    person_id=str(row["person_id"]),
                    open_leads=row["open_leads"],
                    open_opportunities=row["open_opportunities"],
                    capacity=row["capacity"],
                    absent_from=stamp(row["absent_from"]),
                    absent_until=stamp(row["absent_until"]),
                )
                for row in workloads.everybody(call.query(), named)
                if call.caller.sees(row["person_id"])
            ]
        )

    def _held(self, call: Call) -> Any:
        streams = read(self._store, call.query(), RULE_STREAMS)
        return rules_in_force({k: [r.event for r in v] for k, v in streams.items()})

    def _version(self, call: Call, stream: UUID, version: int) -> Any:
        history = read(self._store, call.query(), [stream]).get(stream, [])
        if version and not 0 < version <= len(history):
            raise NotFound(f"there is no version {version}; today's is {len(history)}")
        return history[version - 1 if version else -1].event if history else None


# -- translations --------------------------------------------------------------


def _draft(said: Any, lead_id: UUID, import_id: str) -> leads.LeadCaptured:
    return leads.LeadCaptured(
        lead_id=lead_id,
        source_channel=optional_text(said, "source_channel", 60) or ("import" if import_id else ""),
        campaign_id=optional_uuid(said, "campaign_id"),
        submission_id=optional_uuid(said, "submission_id"),
        external_ref=optional_text(said, "external_ref"),
        region_code=optional_text(said, "region_code", 60),
        industry_code=optional_text(said, "industry_code", 60),
        utm={key.removeprefix("utm_"): value[:200] for key, value in said.utm.items()},
        first_touch_at=time_of(said, "first_touch_at") or _UNSET,
        person_name=optional_text(said, "person_name"),
        phone=optional_text(said, "phone", 60),
        email=optional_text(said, "email", 254),
        company=optional_text(said, "company"),
        behaviours=tuple(said.behaviours)[:50],
        product_interest=optional_text(said, "product_interest"),
        note=optional_text(said, "note", 4000),
        status_id="",
        import_id=import_id,
    )


_UNSET = datetime(1970, 1, 1, tzinfo=UTC)


def _touched(draft: leads.LeadCaptured, at: Any) -> leads.LeadCaptured:
    return replace(draft, first_touch_at=at)


def _lead(row: DictRow) -> pb.Lead:
    return pb.Lead(
        lead_id=str(row["lead_id"]),
        state=row["state"],
        status_id=row["status_id"],
        source_channel=row["source_channel"],
        campaign_id=id_text(row["campaign_id"]),
        submission_id=id_text(row["submission_id"]),
        external_ref=row["external_ref"],
        region_code=row["region_code"],
        industry_code=row["industry_code"],
        utm=row["utm"],
        first_touch_at=stamp(row["first_touch_at"]),
        captured_at=stamp(row["captured_at"]),
        person_name=str(ERASED) if row["erased"] else row["person_name"],
        phone=row["phone"],
        email=row["email"],
        company=row["company"],
        product_interest=row["product_interest"],
        behaviours=row["behaviours"],
        touches=row["touches"],
        score=row["score"],
        high_intent=row["high_intent"],
        score_reasons=_reasons(row),
        owner_id=id_text(row["owner_id"]),
        queue=row["queue"],
        accountable_id=id_text(row["accountable_id"]),
        assignment_reason=row["assignment_reason"],
        fallback=row["fallback"],
        duplicate_lead_ids=[str(i) for i in row["duplicate_lead_ids"]],
        duplicate_customer_ids=[str(i) for i in row["duplicate_customer_ids"]],
        customers_checked=row["customers_checked"],
        next_step=row["next_step"],
        next_step_on=day_text(row["next_step_on"]),
        last_worked_at=stamp(row["last_worked_at"]),
        reason=row["reason"],
        customer_id=id_text(row["customer_id"]),
        contact_id=id_text(row["contact_id"]),
        opportunity_id=id_text(row["opportunity_id"]),
        version=row["version"],
        erased=row["erased"],
    )


def _reasons(row: DictRow) -> list[events_pb.ScoreReason]:
    return [events_pb.ScoreReason(**reason) for reason in row["score_reasons"]]


def _facts(row: DictRow) -> rules.Facts:
    """The facts of Lead.facts, from the pool's row."""
    return {
        "source_channel": row["source_channel"],
        "campaign_id": id_text(row["campaign_id"]),
        "region_code": row["region_code"],
        "industry_code": row["industry_code"],
        "behaviours": tuple(row["behaviours"]),
        "product_interest": row["product_interest"],
        "phone": "given" if row["phone"] else "",
        "email": "given" if row["email"] else "",
        "company": "given" if row["company"] else "",
        "touches": row["touches"],
        **{f"utm.{key}": value for key, value in row["utm"].items()},
    }


def _conditions(said: Any) -> tuple[rules.RuleCondition, ...]:
    return tuple(
        rules.RuleCondition(c.field, enum_of(c, "operator", rules.RuleOperator), tuple(c.values)) for c in said
    )


def _scoring_rules(said: Any) -> tuple[rules.ScoringRule, ...]:
    return tuple(rules.ScoringRule(r.rule_id, r.reason or r.rule_id, r.points, _conditions(r.conditions)) for r in said)


def _assignment_rule(said: Any) -> rules.AssignmentRule:
    return rules.AssignmentRule(
        said.rule_id,
        said.name or said.rule_id,
        _conditions(said.conditions),
        enum_of(said, "strategy", rules.AssignmentStrategy),
        tuple(rules.Candidate(required_uuid(c, "person_id"), tuple(c.skills)) for c in said.candidates),
    )


def _assignment(said: pb.DefineAssignmentRulesRequest) -> rules.AssignmentRulesDefined:
    return rules.AssignmentRulesDefined(
        UUID(int=0),
        0,
        optional_text(said, "name"),
        tuple(map(_assignment_rule, said.rules)),
        tuple(map(_assignment_rule, said.priority_rules)),
        optional_uuid(said, "fallback_owner_id"),
    )


def _conditions_out(conditions: tuple[rules.RuleCondition, ...]) -> list[Any]:
    return [
        rules_pb.RuleCondition(field=c.field, operator=int(c.operator), values=c.values)  # type: ignore[arg-type]
        for c in conditions
    ]


def _assignment_rule_out(rule: rules.AssignmentRule) -> rules_pb.AssignmentRule:
    return rules_pb.AssignmentRule(
        rule_id=rule.rule_id,
        name=rule.name,
        conditions=_conditions_out(rule.conditions),
        strategy=int(rule.strategy),  # type: ignore[arg-type]
        candidates=[rules_pb.Candidate(person_id=str(c.person_id), skills=c.skills) for c in rule.candidates],
    )


def _lead_row(row: pb.LeadRow, import_id: str, now: datetime) -> LeadRow:
    captured_at = time_of(row, "captured_at")
    draft = _draft(row.lead, derived_id("imported lead", import_id, row.lead.external_ref), import_id)
    if not row.lead.HasField("first_touch_at"):
        draft = _touched(draft, captured_at or now)
    return LeadRow(draft, captured_at, optional_uuid(row, "owner_id"))
