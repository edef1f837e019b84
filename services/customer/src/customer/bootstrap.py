"""Puts the customer service together: the only place that chooses implementations."""

from __future__ import annotations

from typing import get_args

from crm.customer.v1 import (
    activity_events_pb2,
    collaboration_service_pb2,
    customer_events_pb2,
    customer_service_pb2,
    erasure_events_pb2,
    erasure_service_pb2,
    follow_up_events_pb2,
    group_events_pb2,
    handover_events_pb2,
    handover_service_pb2,
    import_events_pb2,
    key_account_events_pb2,
    policy_events_pb2,
    retention_service_pb2,
    share_events_pb2,
)
from crm.erasure.v1 import erasure_events_pb2 as shared_erasure_events_pb2
from crm.handover.v1 import handover_events_pb2 as shared_handover_events_pb2
from customer import reference_data
from customer.application import Customers
from customer.certificate import Notary
from customer.collaboration import Collaboration
from customer.domain.activity import ActivityEvent
from customer.domain.customer import CustomerEvent
from customer.domain.erasure import ErasureEvent
from customer.domain.follow_up import FollowUpEvent
from customer.domain.group import GroupEvent
from customer.domain.handover import HandoverEvent
from customer.domain.importing import ImportEvent
from customer.domain.key_account import KeyAccountEvent
from customer.domain.policy import PolicyEvent
from customer.domain.share import ShareEvent
from customer.entrypoints.collaboration_api import CollaborationApi
from customer.entrypoints.erasure_api import ErasureApi
from customer.entrypoints.grpc_api import CustomerApi
from customer.entrypoints.handover_api import HandoverApi
from customer.entrypoints.retention_api import RetentionApi
from customer.erasures import Erasures
from customer.handovers import Handovers
from customer.projections.customers import CUSTOMERS
from customer.projections.erasures import ERASURES
from customer.projections.follow_ups import FOLLOW_UPS
from customer.projections.groups import GROUPS
from customer.projections.handovers import HANDOVERS
from customer.projections.imports import IMPORTED_ROWS
from customer.projections.key_accounts import KEY_ACCOUNTS
from customer.projections.open_tickets import OPEN_TICKETS
from customer.projections.order_totals import ORDER_TOTALS
from customer.projections.policies import POLICIES
from customer.projections.shares import SHARES
from customer.projections.strangers import STRANGERS
from customer.projections.timeline import TIMELINE, TIMELINE_ELSEWHERE
from customer.reactions import reactions, timers
from customer.retention import Retention
from customer.reversals import reversals
from customer.upcasts import UPCASTS
from kernel.config import Settings
from kernel.service import Service, open_store

EVENTS: tuple[type, ...] = tuple(
    event
    for family in (
        CustomerEvent,
        ActivityEvent,
        FollowUpEvent,
        PolicyEvent,
        GroupEvent,
        ImportEvent,
        ErasureEvent,
        HandoverEvent,
        KeyAccountEvent,
        ShareEvent,
    )
    for event in get_args(family)
)
MESSAGES = (
    customer_events_pb2,
    activity_events_pb2,
    follow_up_events_pb2,
    policy_events_pb2,
    group_events_pb2,
    import_events_pb2,
    erasure_events_pb2,
    shared_erasure_events_pb2,
    handover_events_pb2,
    shared_handover_events_pb2,
    key_account_events_pb2,
    share_events_pb2,
)
INLINE = (CUSTOMERS, TIMELINE, FOLLOW_UPS, GROUPS, POLICIES, IMPORTED_ROWS, ERASURES, HANDOVERS, KEY_ACCOUNTS, SHARES)
EVENTUAL = (ORDER_TOTALS, OPEN_TICKETS, TIMELINE_ELSEWHERE, STRANGERS)


def bootstrap(settings: Settings) -> Service:
    """Return the service, ready for any of its processes."""
    reference = reference_data.load()
    customers = Customers(reference.standards)
    erasures = Erasures(Notary(settings.master_key), settings.modules)
    handovers = Handovers(settings.modules)
    collaboration = Collaboration(customers)
    retention = Retention(erasures)
    store = open_store(settings, EVENTS, MESSAGES, INLINE, UPCASTS)
    return Service(
        name="customer",
        settings=settings,
        store=store,
        apis=[
            (
                customer_service_pb2.DESCRIPTOR.services_by_name["CustomerService"],
                CustomerApi(customers, reference),
            ),
            (
                erasure_service_pb2.DESCRIPTOR.services_by_name["ErasureService"],
                ErasureApi(erasures, store),
            ),
            (
                handover_service_pb2.DESCRIPTOR.services_by_name["HandoverService"],
                HandoverApi(handovers),
            ),
            (
                retention_service_pb2.DESCRIPTOR.services_by_name["RetentionService"],
                RetentionApi(retention),
            ),
            (
                collaboration_service_pb2.DESCRIPTOR.services_by_name["CollaborationService"],
                CollaborationApi(collaboration),
            ),
        ],
        inline=INLINE,
        eventual=EVENTUAL,
        reactions=reactions(customers, erasures, handovers),
        timers=timers(customers, erasures, handovers, collaboration, retention),
        personal=erasures.personal,
        undoing=reversals(customers, retention),
        owned=handovers.owned,
    )
