"""Puts the service together; the only place that chooses implementations."""

from __future__ import annotations

from typing import get_args

from crm.notification.v1 import (
    message_events_pb2,
    notification_service_pb2,
    preference_events_pb2,
    webhook_events_pb2,
    webhook_service_pb2,
)
from kernel.config import Settings
from kernel.processing import Outbound
from kernel.service import Service, open_store
from notification import webhooks as webhook_jobs
from notification.application import Notification
from notification.domain import message, webhook
from notification.domain.preferences import PreferencesSet
from notification.entrypoints.grpc_api import NotificationApi
from notification.entrypoints.webhook_api import WebhookApi
from notification.jobs import JOBS
from notification.personal import PERSONAL
from notification.posting import SETTING, Destinations
from notification.projections import messages, preferences, webhooks
from notification.reactions import REACTIONS, TIMERS
from notification.reversals import REVERSALS
from notification.webhooks import Webhooks

EVENTS: tuple[type, ...] = (*get_args(message.Event), PreferencesSet, *get_args(webhook.Event))
MESSAGES = (message_events_pb2, preference_events_pb2, webhook_events_pb2)
VIEWS = (messages.VIEW, preferences.VIEW, webhooks.VIEW)


def bootstrap(settings: Settings) -> Service:
    descriptor = notification_service_pb2.DESCRIPTOR.services_by_name["NotificationService"]
    webhook_descriptor = webhook_service_pb2.DESCRIPTOR.services_by_name["WebhookService"]
    store = open_store(settings, EVENTS, MESSAGES, VIEWS)
    destinations = Destinations(settings.extra.get(SETTING, ""))
    return Service(
        name="notification",
        settings=settings,
        store=store,
        apis=[
            (descriptor, NotificationApi(Notification())),
            (webhook_descriptor, WebhookApi(Webhooks(store, destinations))),
        ],
        inline=VIEWS,
        reactions=REACTIONS,
        timers=TIMERS,
        jobs={**JOBS, **webhook_jobs.JOBS},
        personal=PERSONAL,
        undoing=REVERSALS,
        outbound=[
            Outbound(
                "e-mail to people",
                "name, address and what the message says",
                "NOTIFICATION_SMTP_URL",
                settings.extra.get("NOTIFICATION_SMTP_URL", ""),
                ("notification.mail",),
            ),
            Outbound(
                "published events to partners' webhooks",
                "ids, amounts, states; never a personal field",
                SETTING,
                destinations.setting,
                ("notification.posting",),
            ),
        ],
    )
