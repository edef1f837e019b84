"""Logs as JSON lines with the trace's id, traces and metrics by OTLP over HTTP.

Never personal data: log messages are constants, and what varies goes into `extra` as ids and numbers.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import Any
from weakref import WeakSet

from opentelemetry import metrics, propagate, trace
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

_EXPORT_EVERY_MS = 15_000
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

rpc_duration = metrics.get_meter("headwater").create_histogram(
    "rpc.server.call.duration", "s", "gRPC calls answered", explicit_bucket_boundaries_advisory=_SECONDS
)
http_duration = metrics.get_meter("headwater").create_histogram(
    "http.server.request.duration", "s", "HTTP requests answered", explicit_bucket_boundaries_advisory=_SECONDS
)
"""Names and units as in OpenTelemetry's semantic conventions (rpc-metrics, http-metrics)."""


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
    """Send logs to standard error and, when an endpoint is given, traces and metrics to it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("amqp", "kombu", "urllib3", "httpx", "opentelemetry"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if otlp_endpoint:
        # the HTTP exporters: the gRPC ones would block a nameko process
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        base = otlp_endpoint.rstrip("/")
        who = Resource.create({"service.name": service})
        provider = TracerProvider(resource=who)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{base}/v1/traces")))
        trace.set_tracer_provider(provider)
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{base}/v1/metrics"), _EXPORT_EVERY_MS)
        metrics.set_meter_provider(MeterProvider([reader], resource=who))
        gauges.export_by(metrics.get_meter("headwater"))


def current_traceparent() -> str:
    """Return the W3C traceparent of the current span, empty outside any trace."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent", "")


Labels = tuple[tuple[str, str], ...]


class Gauges:
    """Numbers that operators watch, by name and labels. What was ever added to is a counter.

    Changing one costs a dictionary's entry; they are read when metrics are exported.
    """

    def __init__(self) -> None:
        self._values: dict[tuple[str, Labels], float] = {}
        self._counters: set[str] = set()
        self._exported: set[str] = set()
        self._meter: Meter | None = None
        self._lock = Lock()

    def set(self, name: str, value: float, **labels: str) -> None:
        """The number is this now."""
        with self._lock:
            self._values[name, tuple(sorted(labels.items()))] = float(value)
            self._export(name)

    def add(self, name: str, value: float = 1, **labels: str) -> None:
        """The number grew by this."""
        key = name, tuple(sorted(labels.items()))
        with self._lock:
            self._values[key] = self._values.get(key, 0.0) + value
            self._counters.add(name)
            self._export(name)

    def snapshot(self) -> dict[tuple[str, Labels], float]:
        """All numbers, as they are now."""
        with self._lock:
            return dict(self._values)

    def export_by(self, meter: Meter) -> None:
        """From now on the meter's readers are given every number, those named later too."""
        with self._lock:
            self._meter = meter
            for name, _ in self._values:
                self._export(name)

    def _export(self, name: str) -> None:
        if self._meter is None or name in self._exported:
            return
        self._exported.add(name)
        kind = self._meter.create_observable_counter if name in self._counters else None
        (kind or self._meter.create_observable_gauge)(name, [self._observed(name)])

    def _observed(self, name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_: CallbackOptions) -> Sequence[Observation]:
            return [Observation(value, dict(key[1])) for key, value in self.snapshot().items() if key[0] == name]

        return observe


gauges = Gauges()


class Heartbeat:
    """Liveness of a loop: it beats, and somebody else asks how long ago."""

    def __init__(self, of: str = "", late_after_s: float = 120.0) -> None:
        self.of = of
        self._late_after_s = late_after_s
        self._at = time.monotonic()
        _hearts.add(self)

    def beat(self) -> None:
        """The loop went round."""
        self._at = time.monotonic()

    def age_s(self) -> float:
        """Seconds since the last beat."""
        return time.monotonic() - self._at

    def is_late(self) -> bool:
        """Whether the loop must have died or hangs."""
        return self.age_s() > self._late_after_s


_hearts: WeakSet[Heartbeat] = WeakSet()


def late_loops() -> list[str]:
    """Names of this process's loops that have not beaten for too long."""
    return sorted(heart.of for heart in list(_hearts) if heart.is_late())
