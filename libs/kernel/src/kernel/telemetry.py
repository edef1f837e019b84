"""Logs as JSON lines with the trace's id, traces by OTLP over HTTP, and a few gauges of our own.

Never personal data: log messages are constants, and what varies goes into `extra` as ids and numbers.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

tracer = trace.get_tracer("headwater")


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, trace, and the record's extras."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            line["trace_id"] = f"{span.trace_id:032x}"
        line.update({k: v for k, v in record.__dict__.items() if k not in _STANDARD})
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__qualname__
            line["where"] = _where(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _where(exc_info: Any) -> list[str]:
    """File and line of each frame; not the message, which may quote what a person typed."""
    frames: list[str] = []
    traceback = exc_info[2]
    while traceback is not None and len(frames) < 50:
        code = traceback.tb_frame.f_code
        frames.append(f"{code.co_filename.rsplit('/src/', 1)[-1]}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return frames[-12:]


def set_up(service: str, otlp_endpoint: str = "", level: int = logging.INFO) -> None:
    """Send logs to standard error and, when an endpoint is given, traces to it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("amqp", "kombu", "urllib3", "httpx", "opentelemetry"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if otlp_endpoint:
        # the HTTP exporter: the gRPC one would block a nameko process
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider = TracerProvider(resource=Resource.create({"service.name": service}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{otlp_endpoint.rstrip('/')}/v1/traces")))
        trace.set_tracer_provider(provider)


def current_traceparent() -> str:
    """Return the W3C traceparent of the current span, empty outside any trace."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent", "")


class Gauges:
    """Numbers that operators watch, by name and labels; the gateway and the CLI read them as they are."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        self._lock = Lock()

    def set(self, name: str, value: float, **labels: str) -> None:
        with self._lock:
            self._values[name, tuple(sorted(labels.items()))] = value

    def add(self, name: str, value: float = 1, **labels: str) -> None:
        key = name, tuple(sorted(labels.items()))
        with self._lock:
            self._values[key] = self._values.get(key, 0) + value

    def snapshot(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        with self._lock:
            return dict(self._values)


gauges = Gauges()


class Heartbeat:
    """Liveness of a loop: it beats, and somebody else asks how long ago."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def beat(self) -> None:
        self._at = time.monotonic()

    def age_s(self) -> float:
        return time.monotonic() - self._at
