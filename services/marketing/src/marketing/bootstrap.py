"""Puts the service together; the only place that chooses implementations."""

from __future__ import annotations

from crm.marketing.v1 import (
    campaign_events_pb2,
    coupon_events_pb2,
    form_events_pb2,
    journey_events_pb2,
    mailing_events_pb2,
    marketing_service_pb2,
    message_events_pb2,
    preference_events_pb2,
    segment_events_pb2,
    template_events_pb2,
    touch_events_pb2,
)
from kernel.config import Settings
from kernel.processing import Outbound
from kernel.service import Service, open_store
from marketing.application.journeys import TAG_CUSTOMER
from marketing.application.mailings import SEND_MESSAGES
from marketing.channels import Channels, channels_of
from marketing.config import MarketingSettings
from marketing.domain import (
    campaign,
    coupon,
    form,
    journey,
    journey_run,
    mailing,
    message,
    preference,
    segment,
    template,
    touch,
)
from marketing.entrypoints.grpc_api import MarketingApi
from marketing.handover import OWNERSHIP
from marketing.jobs import Courier
from marketing.personal import PERSONAL
from marketing.projections import (
    audience,
    campaigns,
    coupons,
    deals,
    forms,
    journeys,
    messages,
    preferences,
    purchases,
    segments,
    templates,
    touches,
)
from marketing.reactions import REACTIONS, TIMERS
from marketing.reversals import REVERSALS
from marketing.tokens import Links, Tokens
from marketing.upcasts import UPCASTS

EVENTS: tuple[type, ...] = (
    campaign.CampaignPlanned,
    campaign.CampaignRevised,
    campaign.CampaignLaunched,
    campaign.CampaignCostBooked,
    campaign.CampaignEnded,
    campaign.CampaignHandedOver,
    form.FormDrafted,
    form.FormRevised,
    form.FormPublished,
    form.FormWithdrawn,
    form.FormHandedOver,
    form.FormSubmitted,
    touch.TouchRecorded,
    segment.SegmentDefined,
    segment.SegmentRevised,
    segment.SegmentRetired,
    segment.SegmentHandedOver,
    template.TemplateDrafted,
    template.TemplateRevised,
    template.TemplateRetired,
    template.TemplateHandedOver,
    mailing.MailingPlanned,
    mailing.MailingLaunched,
    mailing.MailingQueued,
    mailing.MailingCancelled,
    mailing.MailingHandedOver,
    message.MessagePlanned,
    message.MessageDispatched,
    message.MessageSent,
    message.MessageWithheld,
    message.MessageDeferred,
    message.MessageBounced,
    message.MessageOutcomeLost,
    message.MessageRequeued,
    message.MessageOpened,
    message.MessageClicked,
    preference.Unsubscribed,
    preference.Resubscribed,
    preference.ContactPolicySet,
    journey.JourneyDefined,
    journey.JourneyRevised,
    journey.JourneyActivated,
    journey.JourneyPaused,
    journey.JourneyHandedOver,
    journey_run.JourneyEntered,
    journey_run.JourneySignalHeard,
    journey_run.JourneyStepTaken,
    journey_run.JourneyStepAwaited,
    journey_run.JourneyLeft,
    coupon.CouponIssued,
)
MESSAGES = (
    campaign_events_pb2,
    form_events_pb2,
    touch_events_pb2,
    segment_events_pb2,
    template_events_pb2,
    mailing_events_pb2,
    message_events_pb2,
    preference_events_pb2,
    journey_events_pb2,
    coupon_events_pb2,
)
INLINE = (
    campaigns.VIEW,
    forms.VIEW,
    touches.VIEW,
    segments.VIEW,
    templates.VIEW,
    messages.VIEW,
    preferences.VIEW,
    journeys.VIEW,
    coupons.VIEW,
)
EVENTUAL = (audience.VIEW, purchases.VIEW, deals.VIEW)


def bootstrap(settings: Settings, channels: Channels | None = None) -> Service:
    mine = MarketingSettings.of(settings)
    links = Links(mine.public_url, Tokens(mine.secret))
    if channels is None:
        channels = channels_of(mine.smtp_url, mine.mail_from)
    courier = Courier(mine, channels, links)
    descriptor = marketing_service_pb2.DESCRIPTOR.services_by_name["MarketingService"]
    store = open_store(settings, EVENTS, MESSAGES, INLINE, UPCASTS)
    return Service(
        name="marketing",
        settings=settings,
        store=store,
        apis=[(descriptor, MarketingApi(links, lambda: store.clock()))],
        inline=INLINE,
        eventual=EVENTUAL,
        reactions=REACTIONS,
        timers=TIMERS,
        jobs={SEND_MESSAGES: courier.send_messages, TAG_CUSTOMER: courier.tag_customer},
        personal=PERSONAL,
        undoing=REVERSALS,
        owned=OWNERSHIP,
        outbound=[
            Outbound(
                "mailings to customers",
                "address and what the message says, with consent",
                "MARKETING_SMTP_URL",
                mine.smtp_url,
                ("marketing.channels",),
            )
        ],
    )
