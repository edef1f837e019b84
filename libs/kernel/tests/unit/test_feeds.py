"""A feed that falls silent is noticed, and complained about once a minute."""

from __future__ import annotations

from crm.common.v1.relay_pb2 import LogHeartbeat
from kernel.feeds import SILENT_AFTER_S, Feeds


def test_a_silent_feed_raises_the_alarm_once_a_minute() -> None:
    now = 1000.0
    feeds = Feeds("analytics", "views", 0, clock=lambda: now)
    assert feeds.complain() == []
    feeds.compared(LogHeartbeat(context="pipeline"))
    feeds.compared(LogHeartbeat(context="customer"))
    now += SILENT_AFTER_S - 1
    feeds.compared(LogHeartbeat(context="customer"))
    assert feeds.complain() == []
    now += 2
    assert feeds.complain() == ["pipeline"]
    assert feeds.complain() == []
    now += SILENT_AFTER_S + 1
    assert feeds.complain() == ["pipeline", "customer"]


def test_a_reader_that_stands_by_complains_of_nothing() -> None:
    now = 0.0
    feeds = Feeds("analytics", "views", 0, clock=lambda: now)
    feeds.compared(LogHeartbeat(context="pipeline"))
    feeds.forget()
    now += 10 * SILENT_AFTER_S
    assert feeds.complain() == []
