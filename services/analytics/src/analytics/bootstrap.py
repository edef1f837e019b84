"""Puts the service together; the only place that chooses implementations."""

from __future__ import annotations

from analytics.application import Analytics
from analytics.entrypoints.grpc_api import AnalyticsApi
from analytics.log_ends import LogEnds
from analytics.projections import (
    audit,
    campaigns,
    catalogue,
    customers,
    deals,
    freshness,
    leads,
    orders,
    teams,
    tickets,
)
from analytics.projections.freshness import CONTEXTS
from crm.analytics.v1 import analytics_service_pb2
from kernel.config import Settings
from kernel.forgetting import PersonalData
from kernel.service import Service, open_store

VIEWS = (
    audit.VIEW,
    deals.VIEW,
    leads.VIEW,
    orders.VIEW,
    catalogue.VIEW,
    customers.VIEW,
    teams.VIEW,
    tickets.VIEW,
    campaigns.VIEW,
    freshness.VIEW,
)


def bootstrap(settings: Settings) -> Service:
    contexts = [context for context in CONTEXTS if context in settings.modules]
    analytics = Analytics(LogEnds(settings.amqp_url, contexts), contexts=contexts)
    descriptor = analytics_service_pb2.DESCRIPTOR.services_by_name["AnalyticsService"]
    return Service(
        name="analytics",
        settings=settings,
        store=open_store(settings, (), ()),
        apis=[(descriptor, AnalyticsApi(analytics))],
        eventual=VIEWS,
        personal=PersonalData(),  # views of ids and figures; what it keeps of others' events is sealed by them
    )
