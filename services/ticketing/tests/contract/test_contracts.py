"""Every event of the domain has its message, field for field; bytes stored once are read for ever."""

from pathlib import Path

from crm.ticketing.v1 import desk_events_pb2, survey_events_pb2, ticket_events_pb2
from testkit.contracts import EventContract
from ticketing.domain.events import EVENTS
from ticketing.domain.survey import SurveySent
from ticketing.domain.ticket_events import TicketOpened


class TestEvents(EventContract):
    events = EVENTS
    modules = (ticket_events_pb2, desk_events_pb2, survey_events_pb2)
    parts = frozenset({"WorkingHours", "SpecialDay", "SlaTarget", "EscalationStep", "AssignmentRule"})
    golden = Path(__file__).parent / "golden.json"
    sealed = ((TicketOpened, "subject"), (SurveySent, "token"))
    entry = ("workgroup", "Value 1")
