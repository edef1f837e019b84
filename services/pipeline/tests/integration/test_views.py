"""Every read model, rebuilt from the log beside the live one, holds the same rows."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID, uuid4

from crm.common.v1.money_pb2 import Money
from crm.customer.v1 import customer_events_pb2 as customer
from crm.pipeline.v1 import approval_events_pb2 as approvals
from crm.pipeline.v1 import catalogue_service_pb2 as catalogue
from crm.pipeline.v1 import lead_service_pb2 as leads
from crm.pipeline.v1 import opportunity_service_pb2 as deals
from crm.pipeline.v1 import product_events_pb2 as products
from crm.pipeline.v1 import rules_events_pb2 as rules
from crm.pipeline.v1 import sales_service_pb2 as sales
from kernel.rebuild import compare
from kernel.service import Service


def yuan(minor_units: int) -> Money:
    return Money(minor_units=minor_units, currency_code="CNY")


def a_busy_week(crm: SimpleNamespace) -> None:
    person = rules.Candidate(person_id=crm.person_id)
    rule = rules.AssignmentRule(rule_id="r", strategy=rules.ASSIGNMENT_STRATEGY_ROUND_ROBIN, candidates=[person])
    crm.leads.DefineAssignmentRules(leads.DefineAssignmentRulesRequest(rules=[rule]))
    crm.leads.SetAgentAvailability(leads.SetAgentAvailabilityRequest(person_id=crm.person_id, capacity=9))
    ids = []
    for number in range(4):
        draft = leads.LeadDraft(
            source_channel="ads",
            person_name=f"P{number}",
            email=f"p{number}@x.org",
            company="One Ltd",
            behaviours=["watched_demo"] * (number % 2),
        )
        ids.append(crm.leads.CaptureLead(leads.CaptureLeadRequest(lead=draft)).lead_id)
        crm.leads.CaptureLead(leads.CaptureLeadRequest(lead=draft))
    crm.leads.ForgetLead(leads.ForgetLeadRequest(lead_id=ids[0], reason="asked to"))
    crm.leads.ReturnLead(leads.ReturnLeadRequest(lead_id=ids[1], reason="busy"))
    crm.leads.ClaimLead(leads.ClaimLeadRequest(lead_id=ids[1]))
    crm.leads.CorrectLead(leads.CorrectLeadRequest(lead_id=ids[1], phone="13800138000"))
    crm.leads.PlanLeadNextStep(leads.PlanLeadNextStepRequest(lead_id=ids[2], subject="call", due_on="2030-01-01"))
    crm.leads.DisqualifyLead(leads.DisqualifyLeadRequest(lead_id=ids[3], reason="student"))

    product = crm.catalogue.AddProduct(
        catalogue.AddProductRequest(sku="P", name="Pump", list_price=yuan(100))
    ).product_id
    crm.catalogue.ReviseProduct(catalogue.ReviseProductRequest(product_id=product, name="Big pump"))
    crm.catalogue.DefineCategory(catalogue.DefineCategoryRequest(name="pumps"))
    for cost, day in ((60, "2026-01-01"), (70, "2026-02-01"), (65, "2026-01-01")):
        crm.catalogue.SetProductCost(
            catalogue.SetProductCostRequest(product_id=product, unit_cost=yuan(cost), valid_from=day)
        )
    crm.catalogue.DefinePriceList(
        catalogue.DefinePriceListRequest(
            price_list=catalogue.PriceList(
                name="L",
                currency_code="CNY",
                entries=[products.PriceEntry(product_id=product, unit_price=yuan(90))],
            )
        )
    )
    deal = crm.deals.OpenOpportunity(
        deals.OpenOpportunityRequest(customer_id=str(uuid4()), title="Deal", amount=yuan(5))
    ).opportunity_id
    crm.deals.DefinePipeline(
        deals.DefinePipelineRequest(name="Second", stages=[{"name": "Only"}], is_default=True)  # type: ignore[list-item]
    )
    crm.deals.OpenOpportunity(deals.OpenOpportunityRequest(title="Other", next_step="x", next_step_on="2030-01-01"))
    crm.sales.SetDiscountPolicy(
        sales.SetDiscountPolicyRequest(limit_basis_points=1, fallback_approver_id=crm.person_id)
    )
    line = sales.QuoteLineDraft(product_id=product, quantity="2", discount_basis_points=500)
    quote = crm.sales.DraftQuote(sales.DraftQuoteRequest(opportunity_id=deal, lines=[line])).quote_id
    approval = crm.sales.SubmitQuote(sales.SubmitQuoteRequest(quote_id=quote)).approval_id
    crm.sales.GiveOpinion(sales.GiveOpinionRequest(approval_id=approval, decision=approvals.DECISION_APPROVE))
    crm.sales.SendQuote(sales.SendQuoteRequest(quote_id=quote))
    crm.sales.AcceptQuote(sales.AcceptQuoteRequest(quote_id=quote))
    contract = crm.sales.DrawUpContract(
        sales.DrawUpContractRequest(title="C", quote_id=quote, starts_on="2026-01-01")
    ).contract_id
    crm.sales.SubmitContract(sales.SubmitContractRequest(contract_id=contract))
    crm.sales.SignContract(sales.SignContractRequest(contract_id=contract))
    order = crm.sales.PlaceOrder(sales.PlaceOrderRequest(contract_id=contract)).order_id
    crm.sales.ConfirmOrder(sales.ConfirmOrderRequest(order_id=order))
    crm.sales.PlanReceivables(
        sales.PlanReceivablesRequest(
            order_id=order, instalments=[sales.PlannedInstalment(due_on="2026-02-01", amount=yuan(100))]
        )
    )
    crm.sales.RecordPayment(sales.RecordPaymentRequest(order_id=order, amount=yuan(40), reference="x"))
    crm.deals.WinOpportunity(deals.WinOpportunityRequest(opportunity_id=deal, reason="good"))


def test_rebuilt_equals_live_row_for_row(crm: SimpleNamespace, service: Service) -> None:
    a_busy_week(crm)
    for view in service.inline:
        rebuilt = compare(service, view)
        assert rebuilt.equal, rebuilt
        assert sum(table.rows for table in rebuilt.tables) > 0, f"{view.name} was not tried"


def test_names_of_customers_fed_twice_are_the_same_rows(service: Service) -> None:
    from kernel.ids import new_id
    from kernel.projections import Delivered
    from kernel.store import Metadata

    survivor, absorbed = str(uuid4()), str(uuid4())
    messages = [
        customer.CustomerRegistered(customer_id=survivor, name="One"),
        customer.CustomerRegistered(customer_id=absorbed, name="Two"),
        customer.CustomersMerged(customer_id=survivor, absorbed_id=absorbed),
    ]
    at = datetime.now(UTC)
    batch = [
        Delivered(
            "customer",
            0,
            position,
            UUID(survivor),
            position,
            message.DESCRIPTOR.full_name,
            Metadata(new_id(), at, at, "person:x", "r", new_id(), None, "", ""),
            message,
        )
        for position, message in enumerate(messages, start=1)
    ]
    rows: list[object] = []
    for _ in range(2):
        with service.store.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            service.eventual[0].project(cursor, batch)
            names = cursor.execute("select * from customer_names order by 1").fetchall()
            rows.append((names, cursor.execute("select * from customer_aliases").fetchall()))
    assert rows[0] == rows[1]
