"""How what people did in this service is taken back, record by record; see kernel.undoing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from customer.application import Customers, Tx
from customer.domain import activity, follow_up, group, key_account, policy, share, taking_back
from customer.domain.collaboration_taken_back import GROUP, KEY_ACCOUNT, POLICY, SHARE, STAYING
from customer.domain.customer import Customer, evolve
from customer.domain.policy import Policy, RetentionPolicySet, months_of
from customer.retention import Retention
from kernel.reversals import Reversals


def reversals(customers: Customers, retention: Retention) -> tuple[Reversals, ...]:
    """Return how each kind of record is taken back."""

    def save_customer(tx: Tx, stream: UUID, state: Customer, version: int, events: Sequence[Any]) -> None:
        customers.save_taken_back(tx, state, version, list(events))

    def save_follow_up(tx: Tx, stream: UUID, state: Any, version: int, events: Sequence[Any]) -> None:
        customers.save_follow_up(tx, state, version, events)

    def save_policy(tx: Tx, stream: UUID, state: Policy, version: int, events: Sequence[Any]) -> None:
        customers.save_policy(tx, stream, state, version, events)
        for event in events:
            if isinstance(event, RetentionPolicySet):
                retention.look_from_now_on(tx, months_of(event))

    return (
        Reversals("customer", taking_back.CUSTOMER, evolve, save_customer),
        Reversals("activity", taking_back.ACTIVITY, activity.evolve),
        Reversals("follow-up", taking_back.FOLLOW_UP, follow_up.evolve, save_follow_up),
        Reversals("group", GROUP, group.evolve),
        Reversals("share", SHARE, share.evolve),
        Reversals("key account", KEY_ACCOUNT, key_account.evolve),
        Reversals("policy", POLICY, policy.evolve, save_policy),
        *STAYING,
    )
