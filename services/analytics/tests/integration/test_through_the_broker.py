"""From another context's log over RabbitMQ into the views: fresh, lag known, and rebuilt the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from analytics.application import Analytics
from analytics.bootstrap import VIEWS, bootstrap
from analytics.log_ends import LogEnds
from analytics.projections.audit import VIEW as AUDIT
from analytics.projections.deals import VIEW as DEALS
from kernel.consumers import Views
from kernel.log import LogRecorder
from kernel.partition import PartitionQueue, PartitionReader
from kernel.rebuild import compare, rebuild
from kernel.relay import Relay
from kernel.store import open_datastore
from testkit import wait_until


@contextmanager
def running(*loops: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
    threads = [Thread(target=loop, daemon=True) for loop in loops]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop()
        for thread in threads:
            thread.join(20)


@pytest.mark.feature("ANA-25")
def test_events_of_a_log_reach_the_figures_and_their_freshness(
    database: Any, a_settings: Any, amqp: str, happenings: Any
) -> None:
    log_url = database("kernel").url
    datastore = open_datastore(log_url)
    recorder = LogRecorder(datastore)
    settings = a_settings("analytics", amqp_url=amqp)
    service = bootstrap(settings)
    now = datetime.now().astimezone()
    happenings.pipeline()
    for n in range(300):
        opened = now - timedelta(days=200 - n % 100)
        happenings.opportunity(f"n {n}", opened, won=now - timedelta(days=1) if n % 2 else None)
    with psycopg.connect(log_url, row_factory=dict_row) as log, log.cursor() as cursor:
        recorder.lock_for_append(cursor)
        recorder.append(
            cursor,
            [(e.stream, e.version, e.type, e.message.SerializeToString(), e.metadata) for e in happenings.events],
        )
    stop = Event()
    relay = Relay("pipeline", log_url, amqp, recorder, heartbeat_every_s=0.5)
    reader = PartitionReader(PartitionQueue("analytics", Views(VIEWS), 0, 1), settings.database_url, amqp)
    ends = LogEnds(amqp, ["pipeline"])
    analytics = Analytics(ends)

    def stopping() -> None:
        stop.set()
        reader.stop()

    with (
        psycopg.connect(settings.database_url, autocommit=True, row_factory=dict_row) as views,
        running(lambda: relay.run(stop), reader.run, stop=stopping),
    ):

        def folded() -> bool:
            row = views.execute("select count(*) as n from audit_events").fetchone()
            return row is not None and row["n"] == len(happenings.events)

        wait_until(folded, 30, "every event is in the audit trail")
        row = views.execute(
            "select count(*) filter (where outcome = 1) as won, count(*) as deals from deals"
        ).fetchone()
        assert row == {"won": 150, "deals": 300}

        def fresh() -> Any:
            (found,) = analytics.freshness(views.cursor(), ["pipeline"])
            return found if found.lag_events == 0 else None

        found = wait_until(fresh, 30, "the owner says how far its log goes")
        assert found.head == found.position
        assert found.lag_seconds == 0
        for view in VIEWS:
            assert compare(service, view).equal, view.name
        for view in (AUDIT, DEALS):
            assert rebuild(service, view).equal
        assert folded()
    service.store.close()
    datastore.close()


def test_an_owner_that_does_not_answer_leaves_the_lag_unknown(amqp: str) -> None:
    assert LogEnds(amqp, ["pipeline"]).ask() == {}
    assert LogEnds("amqp://nobody:nothing@127.0.0.1:1/none", ["pipeline"]).ask() == {}
