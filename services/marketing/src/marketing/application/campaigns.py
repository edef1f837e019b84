"""What one may ask of campaigns."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from kernel.auth import Caller
from kernel.errors import NotFound
from kernel.ids import derived_id
from kernel.money import Money
from marketing.application.loading import Tx, loaded, owner_or_self, require_new
from marketing.domain.campaign import Campaign, Plan, evolve, plan_campaign
from marketing.domain.touch import record_touch
from marketing.projections import audience


def require_campaign(tx: Tx, campaign_id: UUID | None) -> None:
    """Refuse to name a campaign that is not there; none at all is fine."""
    if campaign_id is not None:
        loaded(tx, campaign_id, evolve, Campaign)


class Campaigns:
    def plan(self, tx: Tx, caller: Caller, campaign_id: UUID, owner_id: UUID | None, plan: Plan) -> int:
        require_new(tx, campaign_id)
        return tx.append(campaign_id, 0, plan_campaign(campaign_id, owner_or_self(caller, owner_id), plan))

    def revise(self, tx: Tx, caller: Caller, campaign_id: UUID, plan: Plan, expected: int) -> int:
        campaign, version = loaded(tx, campaign_id, evolve, Campaign, caller, expected)
        return tx.append(campaign_id, version, campaign.revise(plan))

    def launch(self, tx: Tx, caller: Caller, campaign_id: UUID, expected: int) -> int:
        campaign, version = loaded(tx, campaign_id, evolve, Campaign, caller, expected)
        return tx.append(campaign_id, version, campaign.launch())

    def book_cost(
        self,
        tx: Tx,
        caller: Caller,
        campaign_id: UUID,
        amount: Money,
        purpose: str,
        booked_on: date | None,
        expected: int,
    ) -> tuple[int, bool, UUID]:
        """Return the version, whether the budget is exceeded now, and the booking's id."""
        campaign, version = loaded(tx, campaign_id, evolve, Campaign, caller, expected)
        cost_id = derived_id(campaign_id, "cost", tx.cause.actor, tx.cause.request_id)
        events = campaign.book_cost(cost_id, amount, purpose, booked_on or tx.effective_at.date())
        after = tx.append(campaign_id, version, events)
        for event in events:
            campaign = evolve(campaign, event)
        return after, campaign.over_budget, cost_id

    def end(self, tx: Tx, caller: Caller, campaign_id: UUID, conclusion: str, expected: int) -> int:
        campaign, version = loaded(tx, campaign_id, evolve, Campaign, caller, expected)
        return tx.append(campaign_id, version, campaign.end(conclusion))

    def hand_over(self, tx: Tx, caller: Caller, campaign_id: UUID, to_owner_id: UUID, expected: int) -> int:
        campaign, version = loaded(tx, campaign_id, evolve, Campaign, caller, expected)
        return tx.append(campaign_id, version, campaign.hand_over(to_owner_id))

    def record_touch(
        self,
        tx: Tx,
        caller: Caller,
        touch_id: UUID,
        kind: str,
        channel: str,
        *,
        campaign_id: UUID | None,
        customer_id: UUID | None,
        contact_id: UUID | None,
        lead_id: UUID | None,
        visitor_id: UUID | None,
        utm: dict[str, str],
    ) -> None:
        require_new(tx, touch_id)
        require_campaign(tx, campaign_id)
        if customer_id and caller.scope != "all" and not audience.visible(tx.cursor, caller, customer_id):
            raise NotFound(f"there is no customer {customer_id}")
        if lead_id and caller.scope != "all" and not audience.lead_visible(tx.cursor, caller, lead_id):
            raise NotFound(f"there is no lead {lead_id}")
        touched = record_touch(
            touch_id,
            kind,
            channel,
            campaign_id=campaign_id,
            customer_id=customer_id,
            contact_id=contact_id,
            lead_id=lead_id,
            visitor_id=visitor_id,
            utm=utm,
        )
        tx.append(touch_id, 0, touched)
