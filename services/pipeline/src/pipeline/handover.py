"""What people own in the pipeline, and how it changes hands when somebody leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from kernel.errors import DomainError
from kernel.handover import Owned, Ownership, by_decision
from kernel.store import Transaction
from pipeline.application.leads import Leads
from pipeline.application.streams import EVERYTHING
from pipeline.domain import approval, contract, lead, lead_rules, opportunity, order, quote


def _rename(rules: Any, leaver: UUID, to: UUID, _: str) -> Sequence[Any]:
    """Name the successor in what is in force: the last definition of a flow, or of the assignment rules."""
    if isinstance(rules, approval.ApprovalFlowDefined):
        return approval.replace_approver(rules, leaver, to)
    return lead_rules.replace_person(rules, leaver, to)


def ownership(leads: Leads) -> Ownership:
    """Return the kinds of record, open ones only."""

    def assign_leads(tx: Transaction[Any], ids: Sequence[UUID], _: UUID, to: UUID, reason: str) -> None:
        for lead_id in ids:
            try:
                leads.assign_lead(tx, EVERYTHING, lead_id, to, reason)
            except DomainError:
                continue  # counted as left

    return Ownership(
        (
            Owned(
                "leads",
                "select lead_id as id from leads where owner_id = %(person_id)s and state in (1, 2, 3)",
                assign_leads,
            ),
            Owned(
                "pooled_leads",
                "select lead_id as id from leads where accountable_id = %(person_id)s and owner_id is null"
                " and state in (1, 2, 3)",
                by_decision(lead.evolve, lambda it, _, to, reason: it.wait_in_pool(it.queue, to, reason)),
            ),
            Owned(
                "opportunities",
                "select opportunity_id as id from opportunities where owner_id = %(person_id)s and state = 1",
                by_decision(opportunity.evolve, lambda it, _, to, reason: it.transfer(to, reason)),
            ),
            Owned(
                "quotes",
                "select quote_id as id from quotes where owner_id = %(person_id)s and state in (1, 2, 3, 4)",
                by_decision(quote.evolve, lambda it, _, to, reason: it.transfer(to, reason)),
            ),
            Owned(
                "contracts",
                "select contract_id as id from contracts where owner_id = %(person_id)s and state <> 5",
                by_decision(contract.evolve, lambda it, _, to, reason: it.transfer(to, reason)),
            ),
            Owned(
                "orders",
                "select order_id as id from orders o where owner_id = %(person_id)s and (state in (1, 2, 3, 4)"
                " or (state = 5 and exists (select from receivables r where r.order_id = o.order_id"
                " and not r.cancelled and r.amount > r.paid + r.written_off)))",
                by_decision(order.evolve, lambda it, _, to, reason: it.transfer(to, reason)),
            ),
            Owned(
                "rules",
                "select stream as id from rules_naming where person_id = %(person_id)s",
                by_decision(lambda _, event: event, _rename),
            ),
            Owned(
                "approvals",
                "select approval_id as id from approvals where waiting_for @> array[%(person_id)s::uuid]",
                by_decision(approval.evolve, lambda it, leaver, to, reason: it.hand_over(leaver, to, reason)),
            ),
        )
    )
