"""Puts the customer service together: the only place that chooses implementations."""

from __future__ import annotations

from typing import get_args

from crm.customer.v1 import (
    activity_events_pb2,
    customer_events_pb2,
    customer_service_pb2,
    follow_up_events_pb2,
    group_events_pb2,
    import_events_pb2,
    policy_events_pb2,
)
from customer import reference_data
from customer.application import Customers
from customer.domain.activity import ActivityEvent
from customer.domain.customer import CustomerEvent
from customer.domain.follow_up import FollowUpEvent
from customer.domain.group import GroupEvent
from customer.domain.importing import ImportEvent
from customer.domain.policy import PolicyEvent
from customer.entrypoints.grpc_api import CustomerApi
from customer.projections.customers import CUSTOMERS
from customer.projections.follow_ups import FOLLOW_UPS
from customer.projections.groups import GROUPS
from customer.projections.imports import IMPORTED_ROWS
from customer.projections.open_tickets import OPEN_TICKETS
from customer.projections.order_totals import ORDER_TOTALS
from customer.projections.policies import POLICIES
from customer.projections.timeline import TIMELINE, TIMELINE_ELSEWHERE
from customer.reactions import reactions, timers
from customer.upcasts import UPCASTS
from kernel.config import Settings
from kernel.service import Service, open_store

EVENTS: tuple[type, ...] = tuple(
    event
    for family in (CustomerEvent, ActivityEvent, FollowUpEvent, PolicyEvent, GroupEvent, ImportEvent)
    for event in get_args(family)
)
MESSAGES = (
    customer_events_pb2,
    activity_events_pb2,
    follow_up_events_pb2,
    policy_events_pb2,
    group_events_pb2,
    import_events_pb2,
)
INLINE = (CUSTOMERS, TIMELINE, FOLLOW_UPS, GROUPS, POLICIES, IMPORTED_ROWS)
EVENTUAL = (ORDER_TOTALS, OPEN_TICKETS, TIMELINE_ELSEWHERE)


def bootstrap(settings: Settings) -> Service:
    """Return the service, ready for any of its processes."""
    reference = reference_data.load()
    customers = Customers(reference.standards)
    return Service(
        name="customer",
        settings=settings,
        store=open_store(settings, EVENTS, MESSAGES, INLINE, UPCASTS),
        apis=[
            (
                customer_service_pb2.DESCRIPTOR.services_by_name["CustomerService"],
                CustomerApi(customers, reference),
            )
        ],
        inline=INLINE,
        eventual=EVENTUAL,
        reactions=reactions(customers),
        timers=timers(customers),
    )
