"""As of a moment, every question is answered as an independent replay of the log up to it answers."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from crm.common.v1.money_pb2 import Money
from crm.pipeline.v1 import catalogue_service_pb2 as catalogue
from crm.pipeline.v1 import lead_service_pb2 as leads
from crm.pipeline.v1 import opportunity_service_pb2 as deals
from crm.pipeline.v1 import rules_events_pb2 as rules
from crm.pipeline.v1 import sales_service_pb2 as sales
from crm.pipeline.v1.pipeline_definition_events_pb2 import Stage
from kernel.ids import new_id
from kernel.service import Service, endpoints_of
from kernel.wire import Peers
from pipeline.bootstrap import bootstrap
from testkit.grpc_server import channel_as, serving
from testkit.past import answers, differences, questions, replay_until

SERVICES = [
    catalogue.DESCRIPTOR.services_by_name["CatalogueService"],
    leads.DESCRIPTOR.services_by_name["LeadService"],
    deals.DESCRIPTOR.services_by_name["OpportunityService"],
    sales.DESCRIPTOR.services_by_name["SalesService"],
]


def a_week(crm: SimpleNamespace, name: str) -> list[str]:
    """Leads and a deal that go their way; returns ids worth asking for."""
    person = rules.Candidate(person_id=crm.person_id)
    rule = rules.AssignmentRule(rule_id="r", strategy=rules.ASSIGNMENT_STRATEGY_ROUND_ROBIN, candidates=[person])
    crm.leads.DefineAssignmentRules(leads.DefineAssignmentRulesRequest(rules=[rule]))
    draft = leads.LeadDraft(source_channel="ads", person_name="P", email=f"{name}@x.org", company="One Ltd")
    lead = crm.leads.CaptureLead(leads.CaptureLeadRequest(lead=draft)).lead_id
    crm.leads.ReturnLead(leads.ReturnLeadRequest(lead_id=lead, reason="busy"))
    product = crm.catalogue.AddProduct(
        catalogue.AddProductRequest(
            sku=name, name=f"Pump {name}", list_price=Money(minor_units=100, currency_code="CNY")
        )
    ).product_id
    stages = [
        Stage(name=name, probability=probability, norm_days=7) for name, probability in (("First", 10), ("Second", 50))
    ]
    defined = crm.deals.DefinePipeline(deals.DefinePipelineRequest(name=name, stages=stages))
    deal = crm.deals.OpenOpportunity(
        deals.OpenOpportunityRequest(
            customer_id=str(new_id()),
            title="Pumps",
            pipeline_id=defined.pipeline_id,
            amount=Money(minor_units=500, currency_code="CNY"),
        )
    ).opportunity_id
    crm.leads.ClaimLead(leads.ClaimLeadRequest(lead_id=lead))
    crm.catalogue.ReviseProduct(catalogue.ReviseProductRequest(product_id=product, name="Big pump"))
    crm.deals.LoseOpportunity(deals.LoseOpportunityRequest(opportunity_id=deal, reason="price", competitor="X"))
    return [lead, product, deal]


def test_every_question_of_any_moment_equals_an_independent_replay(
    service: Service, target: str, asked_by: Any, a_settings: Callable[..., Any]
) -> None:
    began = datetime.now(UTC)
    crm = asked_by()
    ids = a_week(crm, "one")
    a_week(asked_by(crm.caller, ("effective-at", (began - timedelta(days=20)).isoformat())), "late")
    ended = datetime.now(UTC)
    chance = random.Random(3)
    asked = questions(SERVICES, [*ids, crm.person_id], ["Pump", "One"])
    for clock, at in (
        ("recorded", began + (ended - began) * chance.random()),
        ("effective", began - timedelta(days=1)),
    ):
        replayed = bootstrap(a_settings("pipeline"))
        assert replay_until(service, replayed, f"{clock}_at", at)
        with serving(*endpoints_of(replayed, Peers({}))) as where, channel_as(where) as there:
            expected = answers(there, asked)
        with channel_as(target) as here:
            found = answers(here, asked, {"as-of": at.isoformat(), "as-of-clock": clock})
        replayed.store.close()
        assert not list(differences(expected, found)), (clock, at)
