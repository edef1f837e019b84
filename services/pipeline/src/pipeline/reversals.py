"""How what people did in this service is taken back, record by record; see kernel.undoing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any
from uuid import UUID

from kernel.reversals import Look, Reversals
from pipeline.application.leads import Leads
from pipeline.application.opportunities import Opportunities
from pipeline.application.sales import Sales
from pipeline.application.streams import LEAD_STATUSES, Tx
from pipeline.domain import approval, catalogue, contract, lead, lead_rules, opportunity, order, quote
from pipeline.domain import pipeline_definition as definitions
from pipeline.domain import sales_taken_back as sales_changes
from pipeline.domain.lead import Lead
from pipeline.domain.opportunity import Opportunity
from pipeline.domain.settings_taken_back import PIPELINE, PRODUCT, SETTINGS
from pipeline.domain.taking_back import DEAL, LEAD, Around
from pipeline.projections import board


def reversals(leads: Leads, opportunities: Opportunities, sales: Sales) -> tuple[Reversals, ...]:
    """Return how each kind of record is taken back. An approval carries over to its subject, so it comes after."""

    def save_deal(tx: Tx, stream: UUID, state: Opportunity, version: int, events: Sequence[Any]) -> None:
        opportunities.save_taken_back(tx, state, version, events)

    def save_lead(tx: Tx, stream: UUID, state: Lead, version: int, events: Sequence[Any]) -> None:
        leads.save_taken_back(tx, state, version, events)

    return (
        Reversals("opportunity", DEAL, opportunity.evolve, save_deal, _around),
        Reversals("lead", LEAD, lead.evolve, save_lead, _statuses),
        Reversals("quote", sales_changes.QUOTE, quote.evolve, sales.save_taken_back),
        Reversals("contract", sales_changes.CONTRACT, contract.evolve, sales.save_taken_back),
        Reversals("contract number", sales_changes.CONTRACT_NUMBER),
        Reversals("order", sales_changes.ORDER, order.evolve, sales.save_taken_back),
        Reversals("approval", sales_changes.APPROVAL, approval.evolve, sales.save_taken_back),
        Reversals("product", PRODUCT, catalogue.evolve_product),
        Reversals("pipeline", PIPELINE, definitions.evolve),
        *(Reversals(record, changes) for record, changes in SETTINGS.items()),
    )


def _around(look: Look, deal: Opportunity) -> Around:
    return Around(reduce(definitions.evolve, look(deal.pipeline_id), None), board.hanging_on(look.cursor, deal.id))


def _statuses(look: Look, _: Lead) -> tuple[str, ...]:
    defined = look(LEAD_STATUSES)
    return tuple(it.status_id for it in (defined[-1].statuses if defined else lead_rules.DEFAULT_STATUSES))
