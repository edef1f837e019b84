"""What takes back a change of what is sold and of the rules: products, prices, stages, flows, policies.

Where everything is defined whole, the definition before holds again; where there was none, the built-in one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from kernel.reversals import (
    WHOLE,
    Change,
    Irreversible,
    Reason,
    Taking,
    defined,
    differing,
    stays,
    taken_back,
    with_former,
)
from pipeline.domain import approval, catalogue, contract, lead_rules, pipeline_definition, quote, voucher
from pipeline.domain.catalogue import Product
from pipeline.domain.pipeline_definition import Pipeline

REASON = "taken back"
_PRODUCT = ("name", "category", "list_price", "unit", "tax_basis_points")


# -- products ----------------------------------------------------------------------


def _listed(taking: Taking) -> list[catalogue.Event]:
    now: Product = taking.now
    return now.withdraw(REASON)


def _described(before: Product, after: Product, event: catalogue.ProductRevised) -> Collection[str]:
    return differing(before, after) & set(_PRODUCT)


def _revised(taking: Taking) -> list[catalogue.Event]:
    now: Product = taking.now
    former = with_former(now, taking.before, taking.fields)
    return now.revise(catalogue.ProductRevised(now.id, *(getattr(former, name) for name in _PRODUCT)))


def _cost(before: Product, after: Product, event: catalogue.ProductCostSet) -> Collection[str]:
    return {f"cost:{event.valid_from}:{event.unit_cost.currency_code}"}


def _cost_set(taking: Taking) -> list[catalogue.Event]:
    event: catalogue.ProductCostSet = taking.event
    now: Product = taking.now
    for cost in taking.before.costs:
        if (cost.valid_from, cost.unit_cost.currency_code) == (event.valid_from, event.unit_cost.currency_code):
            return now.set_cost(cost.unit_cost, cost.valid_from)
    raise Irreversible(Reason("cost_unknown", "nobody said before what it costs from that day: say it anew"))


PRODUCT: Mapping[type, Change] = {
    catalogue.ProductListed: taken_back(_listed, WHOLE),
    catalogue.ProductRevised: taken_back(_revised, _described),
    catalogue.ProductWithdrawn: stays(
        Reason("product_withdrawn", "a withdrawn product stays withdrawn: list it under another number"), "state"
    ),
    catalogue.ProductCostSet: taken_back(_cost_set, _cost),
}


# -- pipelines ---------------------------------------------------------------------


def _pipeline_defined(taking: Taking) -> list[pipeline_definition.Event]:
    now: Pipeline = taking.now
    return now.retire(now.is_default)


def _pipeline_revised(taking: Taking) -> list[pipeline_definition.Event]:
    before: Pipeline = taking.before
    now: Pipeline = taking.now
    if {stage.stage_id for stage in now.stages} - {stage.stage_id for stage in before.stages}:
        raise Irreversible(
            Reason("stages_in_use", "deals may be in the stages that came with it: move them, then revise it")
        )
    if now.is_default and not before.is_default:
        raise Irreversible(Reason("one_default", "one pipeline must be the default: make another the default instead"))
    return now.revise(before.name, before.stages, before.is_default, frozenset())


PIPELINE: Mapping[type, Change] = {
    pipeline_definition.PipelineDefined: taken_back(_pipeline_defined, WHOLE),
    pipeline_definition.PipelineRevised: taken_back(_pipeline_revised, "definition"),
    pipeline_definition.PipelineRetired: stays(
        Reason("pipeline_retired", "a retired pipeline stays retired: define another one"), "definition"
    ),
}


# -- what is defined whole ---------------------------------------------------------


def _built_in(definition: Any) -> Change:
    """Before anything was set, this held."""
    name = next(name for name in ("settings_id", "rule_set_id") if hasattr(definition, name))
    return defined(lambda now: replace(definition, **{name: getattr(now, name)}))


SETTINGS: Mapping[str, Mapping[type, Change]] = {
    "category": {catalogue.CategoryDefined: defined(Reason("category_in_use", "products may be in it: name it anew"))},
    "price list": {catalogue.PriceListDefined: defined(lambda now: replace(now, entries=()))},
    "approval flow": {approval.ApprovalFlowDefined: defined(lambda now: replace(now, active=False))},
    "discount policy": {quote.DiscountPolicySet: _built_in(quote.DEFAULT_DISCOUNT_POLICY)},
    "contract policy": {contract.ContractPolicySet: _built_in(contract.DEFAULT_CONTRACT_POLICY)},
    "voucher rules": {voucher.VoucherRulesSet: _built_in(voucher.DEFAULT_VOUCHER_RULES)},
    "scoring rules": {lead_rules.ScoringRulesDefined: _built_in(lead_rules.DEFAULT_SCORING)},
    "assignment rules": {
        lead_rules.AssignmentRulesDefined: defined(
            lambda now: replace(now, rules=(), priority_rules=(), fallback_owner_id=None)
        )
    },
    "lead statuses": {
        lead_rules.LeadStatusesDefined: defined(lambda now: replace(now, statuses=lead_rules.DEFAULT_STATUSES))
    },
    "lead pool policy": {lead_rules.LeadPoolPolicySet: _built_in(lead_rules.DEFAULT_POOL_POLICY)},
    "availability": {
        lead_rules.AgentAvailabilitySet: defined(
            lambda now: replace(now, capacity=0, absent_from=None, absent_until=None)
        )
    },
}
"""By the kind of record; the last definition is the state."""
