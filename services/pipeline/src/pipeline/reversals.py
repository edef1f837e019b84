"""How what people did in this service is taken back, record by record; see kernel.undoing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, get_args
from uuid import UUID

from kernel.reversals import History, Reversals
from pipeline.application.leads import Leads
from pipeline.application.opportunities import Opportunities
from pipeline.application.streams import LEAD_STATUSES, Tx
from pipeline.domain import lead, lead_rules, opportunity, pipeline_definition, taking_back
from pipeline.domain.lead import Lead
from pipeline.domain.opportunity import Opportunity


def reversals(leads: Leads, opportunities: Opportunities) -> tuple[Reversals, ...]:
    """Return how opportunities and leads are taken back."""

    def save_deal(tx: Tx, stream: UUID, state: Opportunity, version: int, events: Sequence[Any]) -> None:
        opportunities.save_taken_back(tx, state, version, events)

    def save_lead(tx: Tx, stream: UUID, state: Lead, version: int, events: Sequence[Any]) -> None:
        leads.save_taken_back(tx, state, version, events)

    return (
        Reversals(
            "opportunity",
            get_args(opportunity.Event),
            opportunity.evolve,
            taking_back.touches_deal,
            taking_back.DEAL,
            save_deal,
            _pipeline_of,
        ),
        Reversals(
            "lead",
            get_args(lead.Event),
            lead.evolve,
            taking_back.touches_lead,
            taking_back.LEAD,
            save_lead,
            _statuses,
        ),
    )


def _pipeline_of(history: History, deal: Opportunity) -> pipeline_definition.Pipeline | None:
    return reduce(pipeline_definition.evolve, history(deal.pipeline_id), None)


def _statuses(history: History, _: Lead) -> tuple[str, ...]:
    defined = history(LEAD_STATUSES)
    return tuple(it.status_id for it in (defined[-1].statuses if defined else lead_rules.DEFAULT_STATUSES))
