"""What people own in marketing, and how it changes hands when somebody leaves."""

from __future__ import annotations

from kernel.handover import Owned, Ownership, by_decision
from marketing.domain import campaign

OWNERSHIP = Ownership(
    (
        Owned(
            "campaigns",
            "select campaign_id as id from campaigns where owner_id = %(person_id)s and state <> 'ended'",
            by_decision(campaign.evolve, lambda it, _, to, __: it.hand_over(to)),
        ),
    )
)
