"""Answers made of several services' answers, asked at the same time: the customer's page and the search.

Each part has a deadline of its own. A part that is away, slow or not allowed is named in `missing`, and the
rest is answered. Data scope is the services' own business: the caller's token goes along.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format

from gateway.backends import Asking, Backends
from gateway.contracts import Contracts
from gateway.problems import NOT_FOUND, UNAUTHENTICATED, Problem
from gateway.transcoding import as_tree
from kernel.config import CONTEXTS


@dataclass(frozen=True, slots=True)
class Part:
    """One section: which RPC answers it, and with what request."""

    name: str
    rpc: str
    request: Mapping[str, Any]
    required: bool = False  # a refusal of this part is the refusal of the whole


_CUSTOMER = "crm.customer.v1.CustomerService"
_LEADS = "crm.pipeline.v1.LeadService"
_DEALS = "crm.pipeline.v1.OpportunityService"
_SALES = "crm.pipeline.v1.SalesService"
_TICKETS = "crm.ticketing.v1.TicketingService"
_MARKETING = "crm.marketing.v1.MarketingService"


def overview_parts(customer_id: str) -> list[Part]:
    """Everything one wants to know of a customer, on one page."""
    of = {"customer_id": customer_id}
    page = of | {"page_size": 20}
    return [
        Part("card", f"{_CUSTOMER}/GetCustomerCard", of, required=True),
        Part("customer", f"{_CUSTOMER}/GetCustomer", of),
        Part("timeline", f"{_CUSTOMER}/GetTimeline", page),
        Part("opportunities", f"{_DEALS}/ListOpportunities", page),
        Part("orders", f"{_SALES}/ListOrders", page),
        Part("tickets", f"{_TICKETS}/ListTickets", page),
        Part("touches", f"{_MARKETING}/ListTouches", of),
    ]


def search_parts(query: str, limit: int) -> list[Part]:
    """Where a name, a telephone number, a company or a tag may be found."""
    page = {"page_size": limit}
    return [
        Part("customers", f"{_CUSTOMER}/SearchCustomers", {"query": query, **page}),
        Part("leads", f"{_LEADS}/ListLeads", {"search": query, **page}),
        Part("opportunities", f"{_DEALS}/ListOpportunities", {"search": query, **page}),
        Part("orders", f"{_SALES}/ListOrders", {"search": query, **page}),
        Part("tickets", f"{_TICKETS}/ListTickets", {"search": query, **page}),
    ]


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that an administrator sets: which RPC shows it, if any, and which change it."""

    name: str
    shown_by: str
    changed_by: tuple[str, ...]


_IDENTITY = "crm.identity.v1"
SETTINGS = (
    Setting(
        "roles",
        f"{_IDENTITY}.IdentityService/ListRoles",
        tuple(f"{_IDENTITY}.IdentityService/{name}" for name in ("DefineRole", "ReviseRole", "RetireRole")),
    ),
    Setting(
        "grants",
        f"{_IDENTITY}.AccessService/ListGrants",
        tuple(f"{_IDENTITY}.IdentityService/{name}" for name in ("GrantRole", "WithdrawRole")),
    ),
    Setting(
        "teams",
        f"{_IDENTITY}.IdentityService/ListTeams",
        tuple(f"{_IDENTITY}.IdentityService/{name}" for name in ("FormTeam", "MoveTeam", "AppointManager")),
    ),
    Setting(
        "people",
        f"{_IDENTITY}.IdentityService/ListPeople",
        tuple(f"{_IDENTITY}.IdentityService/{name}" for name in ("RegisterPerson", "MovePerson", "OffboardPerson")),
    ),
    Setting(
        "sign_in_policy",
        f"{_IDENTITY}.SignInService/GetSignInPolicy",
        (f"{_IDENTITY}.SignInService/SetSignInPolicy",),
    ),
    Setting(
        "directories",
        f"{_IDENTITY}.DirectoryService/ListDirectories",
        (f"{_IDENTITY}.DirectoryService/SyncDirectory",),
    ),
    Setting(
        "api_clients",
        f"{_IDENTITY}.ApiClientService/ListApiClients",
        tuple(f"{_IDENTITY}.ApiClientService/{name}" for name in ("RegisterApiClient", "RevokeApiClient")),
    ),
    Setting("customer_level_rules", f"{_CUSTOMER}/GetLevelRules", (f"{_CUSTOMER}/SetLevelRules",)),
    Setting("customer_care_policy", f"{_CUSTOMER}/GetCarePolicy", (f"{_CUSTOMER}/SetCarePolicy",)),
    Setting(
        "retention_policy",
        "crm.customer.v1.RetentionService/GetRetentionPolicy",
        ("crm.customer.v1.RetentionService/SetRetentionPolicy", "crm.customer.v1.RetentionService/ApproveRetention"),
    ),
    Setting("customer_import", "", (f"{_CUSTOMER}/ImportCustomers", f"{_CUSTOMER}/RevertImport")),
    Setting("lead_statuses", f"{_LEADS}/ListLeadStatuses", (f"{_LEADS}/DefineLeadStatuses",)),
    Setting("lead_pool_policy", f"{_LEADS}/GetLeadPoolPolicy", (f"{_LEADS}/SetLeadPoolPolicy",)),
    Setting("scoring_rules", f"{_LEADS}/GetScoringRules", (f"{_LEADS}/DefineScoringRules",)),
    Setting("lead_assignment_rules", f"{_LEADS}/GetAssignmentRules", (f"{_LEADS}/DefineAssignmentRules",)),
    Setting("lead_import", "", (f"{_LEADS}/ImportLeads",)),
    Setting("pipelines", f"{_DEALS}/ListPipelines", (f"{_DEALS}/DefinePipeline", f"{_DEALS}/RevisePipeline")),
    Setting("opportunity_import", "", (f"{_DEALS}/ImportOpportunities", f"{_DEALS}/RevertImport")),
    Setting("discount_policy", f"{_SALES}/GetDiscountPolicy", (f"{_SALES}/SetDiscountPolicy",)),
    Setting("approval_flows", f"{_SALES}/ListApprovalFlows", (f"{_SALES}/DefineApprovalFlow",)),
    Setting("contract_policy", f"{_SALES}/GetContractPolicy", (f"{_SALES}/SetContractPolicy",)),
    Setting(
        "voucher_rules",
        "crm.pipeline.v1.VoucherService/GetVoucherRules",
        ("crm.pipeline.v1.VoucherService/SetVoucherRules",),
    ),
    Setting("order_import", "", (f"{_SALES}/ImportOrders",)),
    Setting("queues", f"{_TICKETS}/ListQueues", (f"{_TICKETS}/DefineQueue",)),
    Setting("sla_policies", f"{_TICKETS}/ListSlaPolicies", (f"{_TICKETS}/DefineSlaPolicy",)),
    Setting("ticket_assignment_rules", f"{_TICKETS}/GetAssignmentRules", (f"{_TICKETS}/DefineAssignmentRules",)),
    Setting("survey_rules", f"{_TICKETS}/GetSurveyRules", (f"{_TICKETS}/DefineSurveyRules",)),
    Setting("ticket_import", "", (f"{_TICKETS}/ImportTickets", f"{_TICKETS}/RevertImport")),
    Setting("contact_policy", f"{_MARKETING}/GetContactPolicy", (f"{_MARKETING}/SetContactPolicy",)),
)
"""What one administrator can see and set from one place."""


def settings_parts() -> list[Part]:
    """What all settings are now."""
    return [Part(it.name, it.shown_by, {}) for it in SETTINGS if it.shown_by]


def processing_parts() -> list[Part]:
    """Every service's entry in the register of processing."""
    rpc = "crm.audit.v1.ProcessingService/DescribeProcessing"
    return [Part(context, rpc, {"context": context}) for context in CONTEXTS]


def parked_parts() -> list[Part]:
    """What every service has parked."""
    rpc = "crm.audit.v1.ParkingService/ListParked"
    return [Part(context, rpc, {"context": context}) for context in CONTEXTS]


class Composition:
    def __init__(
        self, backends: Backends, contracts: Contracts, part_deadline_s: float, past_deadline_s: float
    ) -> None:
        self._backends = backends
        self._contracts = contracts
        self._part_deadline_s = part_deadline_s
        self._past_deadline_s = past_deadline_s

    async def of(self, parts: Sequence[Part], asking: Asking) -> dict[str, Any]:
        """Return {part: answer, …, "missing": […]}. Raises Problem when a required part is refused.

        What a service would say that is not part of this installation is neither there nor missing.
        """
        parts = [part for part in parts if self._backends.has(self._context_of(part))]
        answers = await asyncio.gather(*(self._part(part, asking) for part in parts))
        if answers and all(isinstance(answer, Problem) for answer in answers):
            raise next(answer for answer in answers if isinstance(answer, Problem))
        whole: dict[str, Any] = {}
        missing: list[dict[str, Any]] = []
        for part, answer in zip(parts, answers, strict=True):
            if isinstance(answer, Problem):
                if answer.kind is UNAUTHENTICATED or (part.required and answer.kind is NOT_FOUND):
                    raise answer
                missing.append(
                    {
                        "part": part.name,
                        "context": self._context_of(part),
                        "reason": answer.kind.name,
                        "detail": answer.detail,
                    }
                )
            else:
                whole[part.name] = answer
        return {**whole, "missing": missing}

    def _context_of(self, part: Part) -> str:
        return str(part.request.get("context") or self._contracts.method(part.rpc).context)

    async def _part(self, part: Part, asking: Asking) -> dict[str, Any] | Problem:
        method = self._contracts.method(part.rpc)
        request = json_format.ParseDict(dict(part.request), method.request_type())
        deadline_s = self._past_deadline_s if asking.as_of else self._part_deadline_s
        try:
            answer = await self._backends.ask(method, request, asking, deadline_s)
        except Problem as problem:
            return problem
        return as_tree(answer)


class Stopwatch:
    """Whole milliseconds since it was made."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._began = clock()

    def ms(self) -> int:
        return int((self._clock() - self._began) * 1000)
