"""What is recorded when people mend what is parked is read for ever."""

from pathlib import Path

from crm.parking.v1 import parking_events_pb2
from kernel.parking_events import ParkedRetried, ParkedSetAside
from testkit.contracts import EventContract


class TestEvents(EventContract):
    events = (ParkedRetried, ParkedSetAside)
    modules = (parking_events_pb2,)
    parts = frozenset({"RetriedStream"})
    golden = Path(__file__).parent / "golden.json"
    sealed = ()
