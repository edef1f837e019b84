"""Puts the service together; the only place that chooses implementations."""

from __future__ import annotations

from typing import get_args

from crm.notification.v1 import message_events_pb2, notification_service_pb2, preference_events_pb2
from kernel.config import Settings
from kernel.processing import Outbound
from kernel.service import Service, open_store
from notification.application import Notification
from notification.domain import message
from notification.domain.preferences import PreferencesSet
from notification.entrypoints.grpc_api import NotificationApi
from notification.jobs import JOBS
from notification.personal import PERSONAL
from notification.projections import messages, preferences
from notification.reactions import REACTIONS, TIMERS
from notification.reversals import REVERSALS

EVENTS: tuple[type, ...] = (*get_args(message.Event), PreferencesSet)
MESSAGES = (message_events_pb2, preference_events_pb2)
VIEWS = (messages.VIEW, preferences.VIEW)


def bootstrap(settings: Settings) -> Service:
    descriptor = notification_service_pb2.DESCRIPTOR.services_by_name["NotificationService"]
    return Service(
        name="notification",
        settings=settings,
        store=open_store(settings, EVENTS, MESSAGES, VIEWS),
        apis=[(descriptor, NotificationApi(Notification()))],
        inline=VIEWS,
        reactions=REACTIONS,
        timers=TIMERS,
        jobs=JOBS,
        personal=PERSONAL,
        undoing=REVERSALS,
        outbound=[
            Outbound(
                "e-mail to people",
                "name, address and what the message says",
                "NOTIFICATION_SMTP_URL",
                settings.extra.get("NOTIFICATION_SMTP_URL", ""),
                ("notification.mail",),
            )
        ],
    )
