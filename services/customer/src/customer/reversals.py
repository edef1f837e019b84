"""How what people did in this service is taken back, record by record; see kernel.undoing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args
from uuid import UUID

from customer.application import Customers, Tx
from customer.domain import activity as activities
from customer.domain import follow_up as follow_ups
from customer.domain import taking_back
from customer.domain.activity import ActivityEvent
from customer.domain.customer import Customer, CustomerEvent, evolve
from customer.domain.follow_up import FollowUpEvent
from kernel.reversals import Reversals


def reversals(customers: Customers) -> tuple[Reversals, ...]:
    """Return how customers, activities and follow-ups are taken back."""

    def save_customer(tx: Tx, stream: UUID, state: Customer, version: int, events: Sequence[Any]) -> None:
        customers.save_taken_back(tx, state, version, list(events))

    def save_activity(tx: Tx, stream: UUID, state: Any, version: int, events: Sequence[Any]) -> None:
        tx.append(stream, version, events)

    def save_follow_up(tx: Tx, stream: UUID, state: Any, version: int, events: Sequence[Any]) -> None:
        customers.save_follow_up(tx, state, version, events)

    return (
        Reversals(
            "customer",
            get_args(CustomerEvent),
            evolve,
            taking_back.touches,
            taking_back.CUSTOMER,
            save_customer,
        ),
        Reversals(
            "activity",
            get_args(ActivityEvent),
            activities.evolve,
            taking_back.touches_other,
            taking_back.ACTIVITY,
            save_activity,
        ),
        Reversals(
            "follow-up",
            get_args(FollowUpEvent),
            follow_ups.evolve,
            taking_back.touches_other,
            taking_back.FOLLOW_UP,
            save_follow_up,
        ),
    )
