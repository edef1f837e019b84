"""Puts the service together; the only place that chooses implementations."""

from __future__ import annotations

from crm.ticketing.v1 import desk_events_pb2, survey_events_pb2, ticket_events_pb2, ticketing_service_pb2
from kernel.config import Settings
from kernel.service import Service, open_store
from ticketing.application.desk import Desk
from ticketing.application.imports import Imports
from ticketing.application.surveys import Surveys
from ticketing.application.tickets import Ticketing
from ticketing.domain.events import EVENTS
from ticketing.entrypoints.grpc_api import TicketingApi
from ticketing.handover import ownership
from ticketing.jobs import JOBS
from ticketing.personal import PERSONAL
from ticketing.projections import customer_cards, desk, surveys, tickets
from ticketing.reactions import REACTIONS, TIMERS
from ticketing.reversals import reversals

MESSAGES = (ticket_events_pb2, desk_events_pb2, survey_events_pb2)
INLINE = (tickets.VIEW, desk.VIEW, surveys.VIEW)
EVENTUAL = (customer_cards.VIEW,)


def bootstrap(settings: Settings) -> Service:
    ticketing = Ticketing()
    api = TicketingApi(ticketing, Desk(), Surveys(ticketing), Imports())
    return Service(
        name="ticketing",
        settings=settings,
        store=open_store(settings, EVENTS, MESSAGES, INLINE),
        apis=[(ticketing_service_pb2.DESCRIPTOR.services_by_name["TicketingService"], api)],
        inline=INLINE,
        eventual=EVENTUAL,
        reactions=REACTIONS,
        timers=TIMERS,
        jobs=JOBS,
        personal=PERSONAL,
        undoing=reversals(ticketing),
        owned=ownership(ticketing),
    )
