"""Requests in, calls out. No decisions here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from typing import Any, TypeVar
from uuid import UUID

from crm.ticketing.v1 import desk_events_pb2
from crm.ticketing.v1 import ticketing_service_pb2 as pb
from kernel.clock import Clock as WallClock
from kernel.clock import system_clock
from kernel.errors import InvalidArgument, NotFound
from kernel.ids import derived_id, new_id
from kernel.request import optional_text
from kernel.rpc import Call, optional_uuid, page_of, required_text, required_uuid
from ticketing.application.desk import BUILT_IN_SURVEY_RULES, RULE_SET_ID, SURVEY_RULES_ID, Desk, queue_stream
from ticketing.application.imports import Imports, Result, Row
from ticketing.application.surveys import Surveys
from ticketing.application.tickets import Changed, Ticketing
from ticketing.domain.assignment import AssignmentRule, AssignmentRulesDefined
from ticketing.domain.business_time import (
    SpecialDay,
    WorkingHours,
    add_business_time,
    elapsed_business_time,
    zone_of,
)
from ticketing.domain.desk import (
    AgentProfiled,
    CalendarDefined,
    EscalationStep,
    QueueDefined,
    SlaPolicyDefined,
    SlaTarget,
    SurveyRulesDefined,
    hours_of,
)
from ticketing.domain.history import Activity, ImportedStep
from ticketing.domain.ticket_events import TicketOpened
from ticketing.domain.vocabulary import Channel, Priority, Status
from ticketing.entrypoints import messages
from ticketing.entrypoints.context_of_peers import ask_peers, level_word, status_word
from ticketing.entrypoints.holiday_files import read_holidays
from ticketing.entrypoints.messages import stamp, text
from ticketing.projections import customer_cards, ticket_list
from ticketing.projections import desk as desk_view
from ticketing.projections import surveys as survey_view

_SAID_WITH_CUSTOMERS = ("request", "response", "reply", "survey")
"""Kinds of entries that guests are shown; the others are the desk's own."""
_LONG = 20_000
_MOST_RELATED = 20
_ORDERS = {0: "newest", 1: "newest", 2: "oldest", 3: "due", 4: "priority"}
_OUTCOMES = {
    "created": pb.IMPORT_OUTCOME_CREATED,
    "skipped": pb.IMPORT_OUTCOME_SKIPPED,
    "refused": pb.IMPORT_OUTCOME_REFUSED,
}

K = TypeVar("K", bound=IntEnum)


class TicketingApi:
    def __init__(
        self,
        ticketing: Ticketing,
        desk: Desk,
        surveys: Surveys,
        imports: Imports,
        clock: WallClock = system_clock,
    ) -> None:
        self._ticketing = ticketing
        self._desk = desk
        self._surveys = surveys
        self._imports = imports
        self._clock = clock

    # -- a ticket's work -----------------------------------------------------------

    def OpenTicket(self, request: pb.OpenTicketRequest, call: Call) -> pb.OpenTicketResponse:
        channel = _enum(request, "channel", Channel)
        external_ref = optional_text(request, "external_ref")
        ticket_id = optional_uuid(request, "ticket_id") or new_id()
        customer_id, contact_id = optional_uuid(request, "customer_id"), optional_uuid(request, "contact_id")
        if call.caller.guest_of is not None:
            if customer_id not in (None, call.caller.guest_of):
                raise NotFound(f"no customer {customer_id}")
            customer_id = call.caller.guest_of
        opened = TicketOpened(
            ticket_id,
            customer_id,
            contact_id,
            contact_id or customer_id or ticket_id,
            channel,
            required_text(request, "category", 100),
            _enum_or(request, "priority", Priority, Priority.NORMAL),
            optional_text(request, "product_id"),
            required_text(request, "subject", 500),
            optional_text(request, "description", _LONG),
            request.complaint,
            external_ref,
            None,
            "",
            "",
            optional_uuid(request, "related_ticket_id"),
            {},
        )
        done = self._ticketing.open_ticket(call.transaction(), opened)
        return pb.OpenTicketResponse(
            ticket_id=str(done.ticket_id),
            version=done.version,
            assignee_id=text(done.assignee_id),
            queue=done.queue,
            reason=done.reason,
            existed=done.existed,
        )

    def AssignTicket(self, request: pb.AssignTicketRequest, call: Call) -> pb.AssignTicketResponse:
        done = self._ticketing.assign_ticket(
            call.transaction(),
            call.caller,
            required_uuid(request, "ticket_id"),
            optional_uuid(request, "assignee_id"),
            optional_text(request, "queue", 100),
            optional_text(request, "reason"),
            request.expected_version,
        )
        return pb.AssignTicketResponse(**_given(done))

    def HandOverTicket(self, request: pb.HandOverTicketRequest, call: Call) -> pb.HandOverTicketResponse:
        done = self._ticketing.hand_over_ticket(
            call.transaction(),
            call.caller,
            required_uuid(request, "ticket_id"),
            required_text(request, "to_queue", 100),
            optional_text(request, "note", _LONG),
            request.expected_version,
        )
        return pb.HandOverTicketResponse(**_given(done))

    def RespondToTicket(self, request: pb.RespondToTicketRequest, call: Call) -> pb.RespondToTicketResponse:
        version = self._ticketing.respond_to_ticket(
            call.transaction(),
            call.caller,
            required_uuid(request, "ticket_id"),
            _optional_enum(request, "channel", Channel),
            required_text(request, "text", _LONG),
            request.expected_version,
        )
        return pb.RespondToTicketResponse(version=version)

    def RecordCustomerReply(self, request: pb.RecordCustomerReplyRequest, call: Call) -> pb.RecordCustomerReplyResponse:
        version = self._ticketing.record_customer_reply(
            call.transaction(),
            call.caller,
            required_uuid(request, "ticket_id"),
            _optional_enum(request, "channel", Channel),
            required_text(request, "text", _LONG),
            request.expected_version,
        )
        return pb.RecordCustomerReplyResponse(version=version)

    def AddTicketNote(self, request: pb.AddTicketNoteRequest, call: Call) -> pb.AddTicketNoteResponse:
        version = self._ticketing.add_ticket_note(
            call.transaction(),
            call.caller,
            required_uuid(request, "ticket_id"),
            required_text(request, "text", _LONG),
            request.expected_version,
        )
        return pb.AddTicketNoteResponse(version=version)

    def RecordTicketStep(self, request: pb.RecordTicketStepRequest, call: Call) -> pb.RecordTicketStepResponse:
        version = self._ticketing.record_ticket_step(
            call.transaction(),
            call.caller,
            required_uuid(request, "ticket_id"),
            required_text(request, "step"),
            request.expected_version,
        )
        return pb.RecordTicketStepResponse(version=version)

    def PutTicketOnHold(self, request: pb.PutTicketOnHoldRequest, call: Call) -> pb.PutTicketOnHoldResponse:
        version = self._ticketing.put_ticket_on_hold(
            call.transaction(),
            call.caller,
            required_uuid(request, "ticket_id"),
            required_text(request, "reason", 2000),
            request.expected_version,
        )
        return pb.PutTicketOnHoldResponse(version=version)

    def ResumeTicket(self, request: pb.ResumeTicketRequest, call: Call) -> pb.ResumeTicketResponse:
        version = self._ticketing.resume_ticket(
            call.transaction(), call.caller, required_uuid(request, "ticket_id"), request.expected_version
        )
        return pb.ResumeTicketResponse(version=version)

    def ReprioritiseTicket(self, request: pb.ReprioritiseTicketRequest, call: Call) -> pb.ReprioritiseTicketResponse:
        version = self._ticketing.reprioritise_ticket(
            call.transaction(),
            call.caller,
            required_uuid(request, "ticket_id"),
            _enum(request, "priority", Priority),
            request.expected_version,
        )
        return pb.ReprioritiseTicketResponse(version=version)

    def RecategoriseTicket(self, request: pb.RecategoriseTicketRequest, call: Call) -> pb.RecategoriseTicketResponse:
        version = self._ticketing.recategorise_ticket(
            call.transaction(),
            call.caller,
            required_uuid(request, "ticket_id"),
            required_text(request, "category", 100),
            optional_text(request, "product_id"),
            request.expected_version,
        )
        return pb.RecategoriseTicketResponse(version=version)

    def IdentifyRequester(self, request: pb.IdentifyRequesterRequest, call: Call) -> pb.IdentifyRequesterResponse:
        version = self._ticketing.identify_requester(
            call.transaction(),
            call.caller,
            required_uuid(request, "ticket_id"),
            required_uuid(request, "customer_id"),
            optional_uuid(request, "contact_id"),
            request.expected_version,
        )
        return pb.IdentifyRequesterResponse(version=version)

    def EscalateTicket(self, request: pb.EscalateTicketRequest, call: Call) -> pb.EscalateTicketResponse:
        version = self._ticketing.escalate_ticket(
            call.transaction(),
            call.caller,
            required_uuid(request, "ticket_id"),
            required_text(request, "reason"),
            request.expected_version,
        )
        return pb.EscalateTicketResponse(version=version)

    def RecordRootCause(self, request: pb.RecordRootCauseRequest, call: Call) -> pb.RecordRootCauseResponse:
        version = self._ticketing.record_root_cause(
            call.transaction(),
            call.caller,
            required_uuid(request, "ticket_id"),
            required_text(request, "cause_code", 100),
            optional_text(request, "cause", _LONG),
            optional_text(request, "remedy", _LONG),
            request.expected_version,
        )
        return pb.RecordRootCauseResponse(version=version)

    def FollowUpComplaint(self, request: pb.FollowUpComplaintRequest, call: Call) -> pb.FollowUpComplaintResponse:
        version = self._ticketing.follow_up_complaint(
            call.transaction(),
            call.caller,
            required_uuid(request, "ticket_id"),
            request.satisfied,
            optional_text(request, "note", _LONG),
            request.expected_version,
        )
        return pb.FollowUpComplaintResponse(version=version)

    def ResolveTicket(self, request: pb.ResolveTicketRequest, call: Call) -> pb.ResolveTicketResponse:
        version = self._ticketing.resolve_ticket(
            call.transaction(),
            call.caller,
            required_uuid(request, "ticket_id"),
            optional_text(request, "resolution_code", 100) or "solved",
            optional_text(request, "cause", _LONG),
            optional_text(request, "solution", _LONG),
            request.expected_version,
        )
        return pb.ResolveTicketResponse(version=version)

    def ReopenTicket(self, request: pb.ReopenTicketRequest, call: Call) -> pb.ReopenTicketResponse:
        version = self._ticketing.reopen_ticket(
            call.transaction(),
            call.caller,
            required_uuid(request, "ticket_id"),
            required_text(request, "reason", 2000),
            request.expected_version,
        )
        return pb.ReopenTicketResponse(version=version)

    def CloseTicket(self, request: pb.CloseTicketRequest, call: Call) -> pb.CloseTicketResponse:
        version = self._ticketing.close_ticket(
            call.transaction(),
            call.caller,
            required_uuid(request, "ticket_id"),
            optional_text(request, "reason") or "confirmed",
            request.expected_version,
        )
        return pb.CloseTicketResponse(version=version)

    # -- looking at tickets --------------------------------------------------------

    def GetTicket(self, request: pb.GetTicketRequest, call: Call) -> pb.GetTicketResponse:
        row, ticket = self._ticket(call, required_uuid(request, "ticket_id"))
        entries = [
            pb.TicketEntry(
                kind=entry["kind"],
                at=stamp(entry["written_at"]),
                by=entry["actor"],
                channel=entry["channel"],
                text=entry["text"],
            )
            for entry in ticket_list.entries(call.query(), row["ticket_id"])
            if call.caller.guest_of is None or entry["kind"] in _SAID_WITH_CUSTOMERS
        ]
        if row["description"]:
            asked = pb.TicketEntry(
                kind="request", at=stamp(row["opened_at"]), channel=row["channel"], text=row["description"]
            )
            entries.insert(0, asked)
        return pb.GetTicketResponse(
            ticket=ticket,
            description=row["description"],
            entries=entries,
            attributes={k: str(v) for k, v in row["attributes"].items()},
        )

    def ListTickets(self, request: pb.ListTicketsRequest, call: Call) -> pb.ListTicketsResponse:
        cursor, now, page = call.query(), self._clock(), page_of(request)
        customer_id = optional_uuid(request, "customer_id")
        if request.order not in _ORDERS:
            raise InvalidArgument("order", f"{request.order} is not an order")
        wanted = ticket_list.Wanted(
            statuses=[_member("statuses", status, Status) for status in request.statuses],
            queue=request.queue,
            assignee_id=optional_uuid(request, "assignee_id"),
            unassigned=request.unassigned,
            customer_ids=customer_cards.identities(cursor, customer_id) if customer_id else (),
            category=request.category,
            priority=_optional_enum(request, "priority", Priority),
            channel=_optional_enum(request, "channel", Channel),
            complaints=request.complaints,
            overdue=request.overdue,
            product_id=request.product_id,
            search=optional_text(request, "search"),
            import_id=request.import_id,
            external_ref=request.external_ref,
        )
        rows, key = ticket_list.page(cursor, call.caller, wanted, page, _ORDERS[request.order], now)
        return pb.ListTicketsResponse(
            tickets=self._tickets(call, rows[: page.limit], now),
            next_page_token=page.next_token(rows, key),
            total_size=ticket_list.count(cursor, call.caller, wanted, now),
        )

    def ListTicketSteps(self, request: pb.ListTicketStepsRequest, call: Call) -> pb.ListTicketStepsResponse:
        row, _ = self._ticket(call, required_uuid(request, "ticket_id"))
        cursor, now = call.query(), self._clock()
        measure = _business_seconds(cursor, row)
        response = pb.ListTicketStepsResponse()
        totals: dict[int, tuple[int, int]] = {}
        for step in ticket_list.steps(cursor, row["ticket_id"]):
            lasts = step["ended_at"] is None and step["status"] < Status.CLOSED
            ended_at = step["ended_at"] or (now if lasts else step["started_at"])
            seconds = max(int((ended_at - step["started_at"]).total_seconds()), 0)
            business_s = measure(step["started_at"], ended_at)
            response.steps.append(
                pb.TicketStep(
                    step=step["step"],
                    activity=step["activity"],
                    status=step["status"],
                    assignee_id=text(step["assignee_id"]),
                    queue=step["queue"],
                    started_at=stamp(step["started_at"]),
                    ended_at=stamp(step["ended_at"]),
                    seconds=seconds,
                    business_seconds=business_s,
                    by=step["actor"],
                )
            )
            before = totals.get(step["status"], (0, 0))
            totals[step["status"]] = (before[0] + seconds, before[1] + business_s)
        for status, (seconds, business_s) in sorted(totals.items()):
            response.by_status.add(
                status=pb.TicketStatus.ValueType(status), seconds=seconds, business_seconds=business_s
            )
        return response

    def GetTicketContext(self, request: pb.GetTicketContextRequest, call: Call) -> pb.GetTicketContextResponse:
        row, ticket = self._ticket(call, required_uuid(request, "ticket_id"))
        response = pb.GetTicketContextResponse(ticket=ticket)
        if row["customer_id"] is None:
            return response
        cursor, now = call.query(), self._clock()
        survivor = customer_cards.survivors(cursor, [row["customer_id"]])[row["customer_id"]]
        card = customer_cards.card(cursor, survivor)
        response.customer.customer_id = str(survivor)
        response.customer.status = status_word(card["status"])
        response.customer.level = level_word(card["level"])
        response.customer.owner_id = text(card["owner_id"])
        response.customer.open_opportunities = card["open_opportunities"]
        response.customer.orders = card["orders"]
        # Whoever looks after this ticket sees all of the customer's: nobody tells the story twice.
        same = customer_cards.identities(cursor, survivor)
        wanted = ticket_list.Wanted(customer_ids=same, without=row["ticket_id"])
        rows = ticket_list.of_customer(cursor, wanted, _MOST_RELATED, now)
        response.tickets.extend(self._tickets(call, rows, now))
        ask_peers(call, survivor, row["contact_id"], response)
        return response

    def ListQueues(self, request: pb.ListQueuesRequest, call: Call) -> pb.ListQueuesResponse:
        now = self._clock()
        response = pb.ListQueuesResponse()
        for row in ticket_list.queues(call.query(), now):
            defined = row["definition"] or {}
            response.queues.add(
                queue=row["queue"],
                name=defined.get("name", ""),
                department=defined.get("department", ""),
                supervisor_id=defined.get("supervisor_id") or "",
                open=row["open"] or 0,
                unassigned=row["unassigned"] or 0,
                waiting=row["waiting"] or 0,
                overdue=row["overdue"] or 0,
                oldest_age_s=max(int((now - row["oldest"]).total_seconds()), 0) if row["oldest"] else 0,
                mean_age_s=max(int(row["mean_age_s"] or 0), 0),
            )
        return response

    def ListAgents(self, request: pb.ListAgentsRequest, call: Call) -> pb.ListAgentsResponse:
        busy = ticket_list.open_by_assignee(call.query())
        response = pb.ListAgentsResponse()
        for definition in desk_view.definitions(call.query(), "agent"):
            if request.queue and request.queue not in definition["queues"]:
                continue
            agent = messages.from_definition(definition, response.agents.add())
            agent.open = busy.get(UUID(agent.agent_id), 0)
        return response

    # -- the desk ------------------------------------------------------------------

    def DefineQueue(self, request: pb.DefineQueueRequest, call: Call) -> pb.DefineQueueResponse:
        wanted = QueueDefined(
            queue_stream(required_text(request, "queue", 100)),
            required_text(request, "queue", 100),
            required_text(request, "name"),
            optional_text(request, "department"),
            optional_uuid(request, "supervisor_id"),
        )
        version = self._desk.define_queue(call.transaction(), wanted)
        return pb.DefineQueueResponse(queue_id=str(queue_stream(wanted.queue)), version=version)

    def ProfileAgent(self, request: pb.ProfileAgentRequest, call: Call) -> pb.ProfileAgentResponse:
        wanted = AgentProfiled(
            required_uuid(request, "agent_id"),
            tuple(request.queues),
            tuple(request.skills),
            request.capacity,
            request.available,
        )
        return pb.ProfileAgentResponse(version=self._desk.profile_agent(call.transaction(), wanted))

    def DefineCalendar(self, request: pb.DefineCalendarRequest, call: Call) -> pb.DefineCalendarResponse:
        wanted = CalendarDefined(
            _named(request, "calendar_id"),
            0,
            required_text(request, "name"),
            required_text(request, "timezone"),
            tuple(WorkingHours(h.weekday, h.from_minute, h.to_minute) for h in request.weekly),
            tuple(SpecialDay(_day(d.on), d.working, d.name[:100]) for d in request.special_days),
            request.made_up_as_weekday or 1,
        )
        return pb.DefineCalendarResponse(version=self._desk.define_calendar(call.transaction(), wanted))

    def ImportHolidays(self, request: pb.ImportHolidaysRequest, call: Call) -> pb.ImportHolidaysResponse:
        days = read_holidays(required_text(request, "document", 2_000_000))
        version = self._desk.import_holidays(call.transaction(), _named(request, "calendar_id"), days)
        return pb.ImportHolidaysResponse(
            version=version,
            days_off=sum(not day.working for day in days),
            working_days=sum(day.working for day in days),
        )

    def GetCalendar(self, request: pb.GetCalendarRequest, call: Call) -> pb.GetCalendarResponse:
        definition = _calendar(call.query(), _named(request, "calendar_id"))
        return pb.GetCalendarResponse(calendar=messages.from_definition(definition, pb.Calendar()))

    def MeasureBusinessTime(self, request: pb.MeasureBusinessTimeRequest, call: Call) -> pb.MeasureBusinessTimeResponse:
        defined = messages.calendar_of(_calendar(call.query(), _named(request, "calendar_id")))
        hours, zone = hours_of(defined), zone_of(defined.timezone)
        if not request.HasField("start"):
            raise InvalidArgument("start", "is required")
        start = messages.moment(request.start)
        if request.HasField("end"):
            end = messages.moment(request.end)
            seconds = int(elapsed_business_time(start, end, hours, zone).total_seconds())
        else:
            seconds = request.business_seconds
            if not 0 <= seconds <= 10**9:
                raise InvalidArgument("business_seconds", "is from 0 to 1,000,000,000")
            end = add_business_time(start, timedelta(seconds=seconds), hours, zone)
        return pb.MeasureBusinessTimeResponse(business_seconds=seconds, end=stamp(end))

    def DefineSlaPolicy(self, request: pb.DefineSlaPolicyRequest, call: Call) -> pb.DefineSlaPolicyResponse:
        wanted = SlaPolicyDefined(
            _named(request, "policy_id"),
            0,
            required_text(request, "name"),
            _named(request, "calendar_id"),
            tuple(request.categories),
            tuple(
                SlaTarget(_enum(target, "priority", Priority), target.first_response_s, target.resolution_s)
                for target in request.targets
            ),
            request.warn_at_percent or 75,
            tuple(EscalationStep(step.after_s, required_uuid(step, "to_person_id")) for step in request.escalation),
            request.close_resolved_after_s,
        )
        return pb.DefineSlaPolicyResponse(version=self._desk.define_sla_policy(call.transaction(), wanted))

    def ListSlaPolicies(self, request: pb.ListSlaPoliciesRequest, call: Call) -> pb.ListSlaPoliciesResponse:
        found = sorted(desk_view.definitions(call.query(), "policy"), key=lambda p: p["name"])
        return pb.ListSlaPoliciesResponse(
            policies=[messages.from_definition(policy, pb.SlaPolicy()) for policy in found]
        )

    def DefineAssignmentRules(
        self, request: pb.DefineAssignmentRulesRequest, call: Call
    ) -> pb.DefineAssignmentRulesResponse:
        rules = tuple(_rule(rule) for rule in request.rules)
        wanted = AssignmentRulesDefined(RULE_SET_ID, 0, rules, optional_text(request, "fallback_queue", 100))
        version = self._desk.define_assignment_rules(call.transaction(), wanted)
        return pb.DefineAssignmentRulesResponse(version=version)

    def GetAssignmentRules(self, request: pb.GetAssignmentRulesRequest, call: Call) -> pb.GetAssignmentRulesResponse:
        found = desk_view.definition(call.query(), "assignment") or {}
        return messages.from_definition(found, pb.GetAssignmentRulesResponse())

    def DefineSurveyRules(self, request: pb.DefineSurveyRulesRequest, call: Call) -> pb.DefineSurveyRulesResponse:
        wanted = SurveyRulesDefined(
            SURVEY_RULES_ID,
            0,
            request.after_s,
            request.low_up_to or 2,
            request.after_tickets,
            request.after_deals,
            optional_uuid(request, "supervisor_id"),
        )
        version = self._desk.define_survey_rules(call.transaction(), wanted)
        return pb.DefineSurveyRulesResponse(version=version)

    def GetSurveyRules(self, request: pb.GetSurveyRulesRequest, call: Call) -> pb.GetSurveyRulesResponse:
        found = desk_view.definition(call.query(), "survey")
        if found is None:
            built_in = BUILT_IN_SURVEY_RULES
            return pb.GetSurveyRulesResponse(
                after_s=built_in.after_s,
                low_up_to=built_in.low_up_to,
                after_tickets=built_in.after_tickets,
                after_deals=built_in.after_deals,
            )
        return messages.from_definition(found, pb.GetSurveyRulesResponse())

    # -- surveys -------------------------------------------------------------------

    def ListSurveys(self, request: pb.ListSurveysRequest, call: Call) -> pb.ListSurveysResponse:
        cursor, page = call.query(), page_of(request)
        customer_id = optional_uuid(request, "customer_id")
        rows = survey_view.page(
            cursor,
            page,
            call.caller.scope_filter("assignee_id"),
            optional_uuid(request, "ticket_id"),
            customer_cards.identities(cursor, customer_id) if customer_id else None,
            request.answered,
            request.low,
        )
        shown = rows[: page.limit]
        key = [shown[-1]["sent_at"].isoformat(), shown[-1]["survey_id"]] if shown else []
        return pb.ListSurveysResponse(
            surveys=[messages.survey(row) for row in shown], next_page_token=page.next_token(rows, key)
        )

    def GetSurveyLink(self, request: pb.GetSurveyLinkRequest, call: Call) -> pb.GetSurveyLinkResponse:
        if call.caller.kind != "service":
            call.refuse_unless("ticketing.survey.admin")
        survey_id = required_uuid(request, "survey_id")
        token = survey_view.token_of(call.query(), survey_id)
        if token is None:
            raise NotFound(f"no survey {survey_id}")
        return pb.GetSurveyLinkResponse(token=token)

    def GetSurveyForm(self, request: pb.GetSurveyFormRequest, call: Call) -> pb.GetSurveyFormResponse:
        row = survey_view.by_token(call.query(), required_text(request, "token"))
        if row is None:
            raise NotFound("this survey does not exist")
        about = ticket_list.subject(call.query(), row["ticket_id"]) if row["ticket_id"] else ""
        return pb.GetSurveyFormResponse(
            about=row["about"],
            answered=row["answered_at"] is not None,
            sent_at=stamp(row["sent_at"]),
            subject=about,
        )

    def AnswerSurvey(self, request: pb.AnswerSurveyRequest, call: Call) -> pb.AnswerSurveyResponse:
        self._surveys.answer_survey(
            call.transaction(),
            required_text(request, "token"),
            request.score,
            optional_text(request, "comment", 5000),
        )
        return pb.AnswerSurveyResponse(recorded=True)

    # -- imports -------------------------------------------------------------------

    def ImportTickets(self, request: pb.ImportTicketsRequest, call: Call) -> pb.ImportTicketsResponse:
        results = self._imports.import_tickets(
            call.transaction(),
            required_text(request, "import_id", 100),
            [_row(row) for row in request.tickets],
            request.check_only,
        )
        return pb.ImportTicketsResponse(
            results=[
                pb.ImportedTicketResult(
                    external_ref=result.external_ref,
                    outcome=_OUTCOMES[result.outcome],
                    ticket_id=text(result.ticket_id),
                    field=result.field,
                    message=result.message,
                )
                for result in results
            ]
        )

    def RevertImport(self, request: pb.RevertImportRequest, call: Call) -> pb.RevertImportResponse:
        reverted = self._imports.revert_import(
            call.transaction(), required_text(request, "import_id", 100), request.including_changed, request.preview
        )
        return pb.RevertImportResponse(
            withdrawn=reverted.withdrawn,
            changed_ticket_ids=[str(ticket_id) for ticket_id in reverted.changed],
            changed=len(reverted.changed),
            remaining=reverted.remaining,
        )

    def GetImport(self, request: pb.GetImportRequest, call: Call) -> pb.GetImportResponse:
        return pb.GetImportResponse(
            **ticket_list.import_figures(call.query(), required_text(request, "import_id", 100))
        )

    # -- the pieces ----------------------------------------------------------------

    def _ticket(self, call: Call, ticket_id: UUID) -> tuple[Any, pb.Ticket]:
        row = ticket_list.ticket(call.query(), call.caller, ticket_id)
        if row is None:
            raise NotFound(f"no ticket {ticket_id}")
        return row, self._tickets(call, [row], self._clock())[0]

    def _tickets(self, call: Call, rows: list[Any], now: datetime) -> list[pb.Ticket]:
        if not rows:
            return []
        clocks = ticket_list.clocks(call.query(), [row["ticket_id"] for row in rows])
        customer_ids = {row["customer_id"] for row in rows if row["customer_id"]}
        survivors = customer_cards.survivors(call.query(), sorted(customer_ids))
        return [messages.ticket(row, clocks.get(row["ticket_id"], []), now, survivors) for row in rows]


def _named(request: Any, field: str) -> UUID:
    """Read an id that may also be a short name of the caller's choosing: "desk" is always the same id."""
    name = required_text(request, field, 100)
    try:
        return UUID(name)
    except ValueError:
        return derived_id("ticketing", field, name)


def _given(done: Changed) -> dict[str, Any]:
    return {
        "version": done.version,
        "assignee_id": text(done.assignee_id),
        "queue": done.queue,
        "reason": done.reason,
    }


def _member(field: str, number: int, kind: type[K]) -> K:
    try:
        return kind(number)
    except ValueError as error:
        raise InvalidArgument(field, f"{number} is not one of {', '.join(kind.__members__)}") from error


def _enum(request: Any, field: str, kind: type[K]) -> K:
    return _member(field, getattr(request, field), kind)


def _optional_enum(request: Any, field: str, kind: type[K]) -> K | None:
    return _enum(request, field, kind) if getattr(request, field) else None


def _enum_or(request: Any, field: str, kind: type[K], otherwise: K) -> K:
    return _optional_enum(request, field, kind) or otherwise


def _day(on: str) -> date:
    try:
        return date.fromisoformat(on)
    except ValueError as error:
        raise InvalidArgument("special_days", f"{on[:40]!r} is not a date like 2026-01-31") from error


def _rule(rule: desk_events_pb2.AssignmentRule) -> AssignmentRule:
    return AssignmentRule(
        rule.rule_id,
        rule.name[:200],
        tuple(rule.categories),
        tuple(_member("channels", channel, Channel) for channel in rule.channels),
        _optional_enum(rule, "at_least", Priority),
        rule.complaints_only,
        rule.queue,
        tuple(rule.skills),
    )


def _calendar(cursor: Any, calendar_id: UUID) -> dict[str, Any]:
    found = desk_view.definition(cursor, "calendar", str(calendar_id))
    if found is None:
        raise NotFound(f"no calendar {calendar_id}")
    return found


def _business_seconds(cursor: Any, row: Any) -> Callable[[datetime, datetime], int]:
    """Return how to measure by the calendar of a ticket's policy; without one, the policy for all."""
    policy = desk_view.definition(cursor, "policy", str(row["policy_id"])) if row["policy_id"] else None
    policies = [policy] if policy else desk_view.definitions(cursor, "policy")
    if not policies:
        return lambda _, __: 0
    chosen = min(policies, key=lambda p: (row["category"] not in p["categories"], bool(p["categories"])))
    defined = messages.calendar_of(_calendar(cursor, UUID(chosen["calendar_id"])))
    hours, zone = hours_of(defined), zone_of(defined.timezone)
    return lambda start, end: int(elapsed_business_time(start, end, hours, zone).total_seconds())


def _row(row: pb.ImportedTicket) -> Row | Result:
    """Read a row; one that cannot be read is refused by itself, not with its neighbours."""
    try:
        lines = tuple(_line(line) for line in row.activities)
        return Row(
            row.external_ref.strip(),
            optional_uuid(row, "customer_id"),
            optional_uuid(row, "contact_id"),
            _enum_or(row, "channel", Channel, Channel.IMPORT),
            row.category.strip() or "imported",
            _enum_or(row, "priority", Priority, Priority.NORMAL),
            row.product_id.strip(),
            row.subject,
            row.description,
            row.complaint,
            row.queue.strip(),
            lines,
            dict(row.attributes),
            messages.moment(row.opened_at) if row.HasField("opened_at") else None,
        )
    except InvalidArgument as error:
        return Result(row.external_ref, "refused", None, error.field, error.reason)


def _line(line: pb.ImportedActivity) -> Activity:
    if not line.HasField("at"):
        raise InvalidArgument("activities", f"{line.activity[:60] or 'a line'} has no time")
    return Activity(
        line.activity.strip()[:200],
        line.at.ToDatetime(tzinfo=UTC),
        _optional_enum(line, "step", ImportedStep),
        optional_uuid(line, "assignee_id"),
        line.queue.strip(),
        _optional_enum(line, "priority", Priority),
        line.text[:_LONG],
    )
