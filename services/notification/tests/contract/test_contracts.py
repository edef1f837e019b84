"""Every event of the domain has its message, field for field; bytes stored once are read for ever."""

from pathlib import Path

from crm.notification.v1 import message_events_pb2, preference_events_pb2, webhook_events_pb2
from notification.bootstrap import EVENTS
from notification.domain.message import MessageQueued, MessageScheduled
from testkit.contracts import EventContract


class TestEvents(EventContract):
    events = EVENTS
    modules = (message_events_pb2, preference_events_pb2, webhook_events_pb2)
    parts = frozenset({"KindPreference"})
    golden = Path(__file__).parent / "golden.json"
    sealed = ((MessageQueued, "title"), (MessageScheduled, "text"))
    entry = ("level", "VIP")
