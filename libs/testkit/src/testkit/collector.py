"""The door of an OTLP collector, and the spans that came through it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

_MOST_SPANS = 50_000


@dataclass(frozen=True, slots=True)
class Told:
    """A span, and the process that told of it."""

    process: str
    span: Span

    @property
    def trace(self) -> str:
        return self.span.trace_id.hex()

    @property
    def id(self) -> str:
        return self.span.span_id.hex()

    @property
    def parent(self) -> str:
        return self.span.parent_span_id.hex()


class Collector:
    """Keeps the newest spans of everybody who was told its `url`."""

    def __init__(self) -> None:
        self.url = ""
        self._told: deque[Told] = deque(maxlen=_MOST_SPANS)

    def take(self, request: ExportTraceServiceRequest) -> None:
        """Keep what one process sent."""
        for resource in request.resource_spans:
            process = {each.key: each.value.string_value for each in resource.resource.attributes}["service.name"]
            for scope in resource.scope_spans:
                self._told.extend(Told(process, span) for span in scope.spans)

    def spans(self) -> list[Told]:
        """What is kept now, the oldest first."""
        return list(self._told)


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens on this machine; what is no trace it takes and forgets."""
    collector = Collector()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                collector.take(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
