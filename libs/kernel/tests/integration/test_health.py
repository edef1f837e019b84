"""What a process tells those who keep it running: whether it lives, whether it can work, and its numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from kernel.health import Health, answering, broker_is_there, database_is_there
from kernel.relay import WHAT_WAITS
from kernel.telemetry import Heartbeat, gauges
from testkit import wait_until


def asked(port: int, path: str) -> tuple[int, Any]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, json.load(answer)
    except HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def ask(database: Callable[[str], Any], amqp: str, tmp_path: Path, clock: list[float]) -> Iterator[Any]:
    own = database("kernel")
    checks = {"database": database_is_there(own.url, [tmp_path]), "broker": broker_is_there(amqp)}
    with answering(Health(checks, lambda: clock[0]), "127.0.0.1:0") as port:
        yield lambda path: asked(port, path)


def test_it_is_ready_when_database_and_broker_answer_and_no_migration_is_missing(
    ask: Any, tmp_path: Path, clock: list[float]
) -> None:
    assert ask("/readyz") == (200, {"status": "ready"})
    (tmp_path / "9999_later.sql").write_text("select 1")
    assert ask("/readyz") == (200, {"status": "ready"}), "asked again so soon, nothing is looked up"
    clock[0] += 2
    status, told = ask("/readyz")
    assert status == 503
    assert told["wrong"] == {"database": "1 migrations are missing, the first is 9999_later.sql: run migrate"}
    assert ask("/elsewhere")[0] == 404


def test_what_is_away_is_named_without_its_address(amqp: str) -> None:
    word = "secret"
    away = {
        "database": database_is_there(f"postgresql://nobody:{word}@127.0.0.1:1/none"),
        "broker": broker_is_there(f"amqp://nobody:{word}@127.0.0.1:1/none"),
    }
    wrong = Health(away).wrong()
    assert set(wrong) == {"database", "broker"}
    assert "secret" not in str(wrong)
    assert "nobody" not in str(wrong)


def test_a_loop_that_hangs_is_named(ask: Any) -> None:
    assert ask("/livez") == (200, {"status": "lives"})
    hanging = Heartbeat("relay of nothing", late_after_s=-1)
    assert ask("/livez") == (503, {"status": "hangs", "loops": ["relay of nothing"]})
    del hanging
    assert ask("/livez") == (200, {"status": "lives"})


def test_the_relay_counts_what_is_parked_failed_and_overdue(database: Callable[[str], Any]) -> None:
    own = database("kernel")
    with psycopg.connect(own.owner_url) as connection:
        connection.execute(
            "insert into parked (consumer, context, stream_id, position, version, type, body, reason)"
            " select 'views', 'x', ('00000000-0000-0000-0000-00000000000' || mod(n, 2))::uuid, n, n, 't', '', 'r'"
            " from generate_series(1, 5) n"
        )
        connection.execute(
            "insert into timers (key, kind, due_at, correlation_id, failed_at) values"
            " ('late', 'k', now() - interval '90 s', gen_random_uuid(), null),"
            " ('failed', 'k', now() - interval '900 s', gen_random_uuid(), now()),"
            " ('later', 'k', now() + interval '90 s', gen_random_uuid(), null)"
        )
        streams, failed, overdue_s = connection.execute(WHAT_WAITS).fetchone()  # type: ignore[misc]
    assert (streams, failed) == (2, 1)
    assert 90 <= overdue_s < 120


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportMetricsServiceRequest]]]:
    """An OTLP collector's HTTP door; what metrics it was sent."""
    received: list[ExportMetricsServiceRequest] = []

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/metrics":
                received.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Door)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


PROGRAM = """
import sys
from kernel import telemetry
telemetry.gauges.add("early_total", 2, context="x")
telemetry.set_up("tester", sys.argv[1])
telemetry.gauges.set("relay_lag_seconds", 1.5, context="customer")
telemetry.gauges.add("early_total", 3, context="x")
telemetry.rpc_duration.record(0.003, {"rpc.method": "a.B/C"})
"""


def test_numbers_reach_the_collector_also_those_named_before_it() -> None:
    with collector() as (url, received):
        subprocess.run([sys.executable, "-c", PROGRAM, url], check=True, timeout=60)
        wait_until(lambda: received)
    found = {}
    for resource in received[-1].resource_metrics:
        assert {a.key: a.value.string_value for a in resource.resource.attributes}["service.name"] == "tester"
        for scope in resource.scope_metrics:
            found |= {metric.name: metric for metric in scope.metrics}
    (lag,) = found["relay_lag_seconds"].gauge.data_points
    assert (lag.as_double, lag.attributes[0].value.string_value) == (1.5, "customer")
    assert found["early_total"].sum.is_monotonic
    assert found["early_total"].sum.data_points[0].as_double == 5
    assert found["rpc.server.call.duration"].histogram.data_points[0].count == 1
    assert gauges.snapshot().get(("early_total", (("context", "x"),))) is None, "the test's own process has its own"
