"""What people own in marketing, and how it changes hands when somebody leaves."""

from __future__ import annotations

from types import ModuleType

from kernel.handover import Owned, Ownership, by_decision
from marketing.domain import campaign, form, journey, mailing, segment, template


def _owned(kind: str, noun: str, still_used: str, domain: ModuleType) -> Owned:
    return Owned(
        kind,
        f"select {noun}_id as id from {kind} where owner_id = %(person_id)s and {still_used}",
        by_decision(domain.evolve, lambda it, _, to, __: it.hand_over(to)),
    )


OWNERSHIP = Ownership(
    (
        _owned("campaigns", "campaign", "state <> 'ended'", campaign),
        _owned("forms", "form", "state <> 'withdrawn'", form),
        _owned("segments", "segment", "not retired", segment),
        _owned("templates", "template", "not retired", template),
        _owned("mailings", "mailing", "state in ('planned', 'launched')", mailing),
        _owned("journeys", "journey", "true", journey),
    )
)
