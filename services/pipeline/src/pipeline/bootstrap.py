"""Puts the service together: the one place where its parts meet."""

from __future__ import annotations

from typing import get_args

from crm.pipeline.v1 import (
    approval_events_pb2,
    catalogue_service_pb2,
    contract_events_pb2,
    lead_events_pb2,
    lead_service_pb2,
    opportunity_events_pb2,
    opportunity_service_pb2,
    order_events_pb2,
    pipeline_definition_events_pb2,
    product_events_pb2,
    quote_events_pb2,
    rules_events_pb2,
    sales_service_pb2,
    voucher_events_pb2,
    voucher_service_pb2,
)
from kernel.config import Settings
from kernel.service import Service, open_store
from pipeline.application.catalogue import Catalogue
from pipeline.application.imports import Imports
from pipeline.application.leads import Leads
from pipeline.application.opportunities import Opportunities
from pipeline.application.sales import Sales
from pipeline.application.vouchers import Vouchers
from pipeline.domain import (
    approval,
    catalogue,
    contract,
    lead,
    lead_rules,
    opportunity,
    order,
    pipeline_definition,
    quote,
    voucher,
)
from pipeline.entrypoints.catalogue_api import CatalogueApi
from pipeline.entrypoints.jobs import jobs
from pipeline.entrypoints.lead_api import LeadApi
from pipeline.entrypoints.opportunity_api import OpportunityApi
from pipeline.entrypoints.sales_api import SalesApi
from pipeline.entrypoints.voucher_api import VoucherApi
from pipeline.handover import ownership
from pipeline.packages import Packer
from pipeline.personal import personal_data
from pipeline.projections import (
    approvals,
    board,
    contracts,
    customer_names,
    lead_pool,
    orders,
    quotes,
    receivables,
    rules_naming,
    stages,
    vouchers,
    workloads,
)
from pipeline.projections import catalogue as catalogue_view
from pipeline.projections.lead_people import LeadPeople
from pipeline.reactions import REACTIONS, timers
from pipeline.reversals import reversals
from pipeline.upcasts import UPCASTS

EVENTS: tuple[type, ...] = (
    *get_args(lead.Event),
    *get_args(lead_rules.Event),
    *get_args(pipeline_definition.Event),
    *get_args(opportunity.Event),
    *get_args(catalogue.Event),
    *get_args(quote.Event),
    quote.DiscountPolicySet,
    approval.ApprovalFlowDefined,
    *get_args(approval.Event),
    *get_args(contract.Event),
    contract.ContractNumberIssued,
    contract.ContractPolicySet,
    *get_args(order.Event),
    voucher.VoucherRulesSet,
)
"""Every event this service records."""

MESSAGES = (
    lead_events_pb2,
    rules_events_pb2,
    pipeline_definition_events_pb2,
    opportunity_events_pb2,
    product_events_pb2,
    quote_events_pb2,
    approval_events_pb2,
    contract_events_pb2,
    order_events_pb2,
    voucher_events_pb2,
)


def bootstrap(settings: Settings) -> Service:
    """Return the service, not yet connected to anything."""
    people = LeadPeople(settings.master_key)
    inline = (
        lead_pool.INLINE,
        people.inline,
        workloads.INLINE,
        stages.INLINE,
        board.INLINE,
        catalogue_view.INLINE,
        quotes.INLINE,
        approvals.INLINE,
        contracts.INLINE,
        orders.INLINE,
        receivables.INLINE,
        rules_naming.INLINE,
        vouchers.INLINE,
    )
    store = open_store(settings, EVENTS, MESSAGES, inline, UPCASTS)
    leads, opportunities, sales = Leads(people), Opportunities(), Sales()
    imports = Imports(leads, opportunities)
    return Service(
        name="pipeline",
        settings=settings,
        store=store,
        apis=(
            (
                lead_service_pb2.DESCRIPTOR.services_by_name["LeadService"],
                LeadApi(store, leads, opportunities, imports, people),
            ),
            (
                opportunity_service_pb2.DESCRIPTOR.services_by_name["OpportunityService"],
                OpportunityApi(store, opportunities, imports),
            ),
            (
                catalogue_service_pb2.DESCRIPTOR.services_by_name["CatalogueService"],
                CatalogueApi(store, Catalogue(), imports),
            ),
            (
                sales_service_pb2.DESCRIPTOR.services_by_name["SalesService"],
                SalesApi(store, sales, imports),
            ),
            (
                voucher_service_pb2.DESCRIPTOR.services_by_name["VoucherService"],
                VoucherApi(store, Vouchers(), Packer(settings.master_key)),
            ),
        ),
        inline=inline,
        eventual=(customer_names.EVENTUAL,),
        reactions=REACTIONS,
        timers=timers(leads, opportunities, sales),
        jobs=jobs(leads),
        personal=personal_data(leads),
        undoing=reversals(leads, opportunities, sales),
        owned=ownership(leads),
    )
