"""gRPC on the wire: a server for endpoints, refusals as statuses, channels with deadlines and retries.

Everything that imports grpc is here or in a service's jobs: a nameko process must never load it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import psycopg
import psycopg_pool
from google.protobuf.message import DecodeError, Message
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from kernel.auth import LEEWAY, TOKEN_LIFE
from kernel.config import CONTEXTS, Tls
from kernel.errors import (
    AlreadyExists,
    Conflict,
    DomainError,
    Forbidden,
    FromNewerVersion,
    InvalidArgument,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from kernel.feed import MOST_STREAMS
from kernel.request import refuse_impossible
from kernel.rpc import Endpoint, Method
from kernel.telemetry import current_traceparent, rpc_duration

log = logging.getLogger(__name__)

STATUS: Mapping[type[Exception], grpc.StatusCode] = {
    NotFound: grpc.StatusCode.NOT_FOUND,
    Conflict: grpc.StatusCode.ABORTED,
    Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    TooMany: grpc.StatusCode.RESOURCE_EXHAUSTED,
    DomainError: grpc.StatusCode.FAILED_PRECONDITION,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    FromNewerVersion: grpc.StatusCode.UNAVAILABLE,
    psycopg.DataError: grpc.StatusCode.INVALID_ARGUMENT,
    psycopg.OperationalError: grpc.StatusCode.UNAVAILABLE,
    psycopg.InterfaceError: grpc.StatusCode.UNAVAILABLE,
    psycopg_pool.PoolTimeout: grpc.StatusCode.UNAVAILABLE,
}
"""How each refusal reads on the wire; the most derived class decides."""

FIELD_TRAILER = "field"
"""Trailing metadata that names the field an INVALID_ARGUMENT is about."""
_MOST_BYTES = 32 * 1024 * 1024
_CALL_TIMEOUT_S = 10.0
_LONGEST_STREAM_S = (TOKEN_LIFE + LEEWAY).total_seconds() + 5.0
_CONNECTION_MS = 300_000
"""Then a client connects again, in good order, and so finds the replicas that were added meanwhile."""

_STREAM_THREADS = MOST_STREAMS + 8
"""More than there may be streams: somebody has to say that there are too many."""
_NAMES = "x509_subject_alternative_name"
_PEERS = frozenset(name.encode() for name in (*CONTEXTS, "gateway"))


def generic_handler(endpoints: Sequence[Endpoint], known_peers_only: bool = False) -> grpc.GenericRpcHandler:
    """What a grpc.Server is given. Of several endpoints of one name, the request's `context` says which.

    `known_peers_only`: the peer's certificate must name somebody of the suite.
    """
    contexts = {endpoint.context: endpoint for endpoint in endpoints}
    endpoint = endpoints[0]
    handlers: dict[str, Any] = {}
    for m in endpoint.methods:
        make = grpc.unary_stream_rpc_method_handler if m.is_stream else grpc.unary_unary_rpc_method_handler
        handlers[m.name] = make(
            (_streaming if m.is_stream else _answering)(contexts, m, known_peers_only),
            # None: what is no message of its type is refused by us; grpc would call it INTERNAL
            request_deserializer=None,
            response_serializer=m.response_type.SerializeToString,
        )
    return grpc.method_handlers_generic_handler(endpoint.name, handlers)


def _asked(contexts: Mapping[str, Endpoint], request: Any) -> Endpoint:
    name = "" if "" in contexts else request.context
    if name not in contexts:
        raise NotFound(f"{name[:40] or 'an empty context'} is not answered for here; {', '.join(contexts)} would be")
    return contexts[name]


@contextmanager
def _answer_to(method: Method, known_peers_only: bool, context: grpc.ServicerContext) -> Iterator[dict[str, str]]:
    """Around an answer: a span, a measurement, and refusals as statuses. The block gets the request's metadata."""
    if known_peers_only and not _PEERS.intersection(context.auth_context().get(_NAMES, ())):
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "your certificate names nobody of this suite")
    metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
    parent = propagate.extract(metadata)
    started = time.perf_counter()
    code = grpc.StatusCode.OK
    tracer = trace.get_tracer("headwater")
    with tracer.start_as_current_span(
        method.full_name,
        context=parent,
        kind=SpanKind.SERVER,
        attributes={"rpc.system": "grpc", "rpc.method": method.full_name},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield metadata
        except Exception as error:
            code = status_of(error)
            span.set_status(Status(StatusCode.ERROR, code.name))
            _refuse(method, error, code, context)
        finally:
            took_s = time.perf_counter() - started
            rpc_duration.record(took_s, {"rpc.method": method.full_name, "rpc.response.status_code": code.name})


def _answering(
    contexts: Mapping[str, Endpoint], method: Method, known_peers_only: bool
) -> Callable[[bytes, grpc.ServicerContext], Message]:
    def answer(body: bytes, context: grpc.ServicerContext) -> Message:
        with _answer_to(method, known_peers_only, context) as metadata:
            request = _parsed(method, body)
            return _asked(contexts, request).answer(
                method,
                request,
                metadata,
                context.time_remaining,
                context.peer(),
                lambda told: context.set_trailing_metadata(tuple(told.items())),
            )

    return answer


def _streaming(
    contexts: Mapping[str, Endpoint], method: Method, known_peers_only: bool
) -> Callable[[bytes, grpc.ServicerContext], Iterator[Message]]:
    def stream(body: bytes, context: grpc.ServicerContext) -> Iterator[Message]:
        def left_s() -> float | None:
            return context.time_remaining() if context.is_active() else 0.0

        with _answer_to(method, known_peers_only, context) as metadata:
            request = _parsed(method, body)
            # One who does not read holds a thread until then, and no longer.
            end = threading.Timer(_LONGEST_STREAM_S, context.cancel)
            end.daemon = True
            end.start()
            try:
                yield from _asked(contexts, request).stream(method, request, metadata, left_s, context.peer())
            finally:
                end.cancel()

    # Threads of their own: as long as streams last, those that answer must not be taken.
    stream.experimental_thread_pool = _stream_threads()  # type: ignore[attr-defined]
    return stream


@cache
def _stream_threads() -> futures.ThreadPoolExecutor:
    return futures.ThreadPoolExecutor(_STREAM_THREADS, thread_name_prefix="stream")


def _parsed(method: Method, body: bytes) -> Message:
    try:
        request = method.request_type.FromString(body)
    except DecodeError:
        name = method.request_type.DESCRIPTOR.full_name
        raise InvalidArgument("request", f"holds bytes that are no {name}") from None
    refuse_impossible(request)
    return request


def _refuse(method: Method, error: Exception, code: grpc.StatusCode, context: grpc.ServicerContext) -> None:
    if isinstance(error, InvalidArgument):
        context.set_trailing_metadata(((FIELD_TRAILER, error.field),))
    if isinstance(error, DomainError):
        context.abort(code, str(error))
    if isinstance(error, psycopg.DataError):
        # The database's words would repeat what was sent; that it was refused there is for us to know.
        log.warning("a value reached the database", extra={"rpc": method.full_name, "reason": type(error).__name__})
        context.abort(code, "a value holds a NUL character, is out of range, or is not of its kind")
    log.exception("call failed", extra={"rpc": method.full_name, "status": code.name})
    if code is grpc.StatusCode.UNAVAILABLE:
        context.abort(code, "a server that this needs is away; try again in a moment")
    context.abort(code, "something broke on our side; the request changed nothing")


def status_of(error: Exception) -> grpc.StatusCode:
    """Return the status that an error becomes on the wire."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    if isinstance(error, grpc.RpcError):
        code = error.code() if callable(getattr(error, "code", None)) else None
        return code if isinstance(code, grpc.StatusCode) else grpc.StatusCode.INTERNAL
    return grpc.StatusCode.INTERNAL


# -- serving -------------------------------------------------------------------


def serve(
    endpoints: Iterable[Endpoint], listen: str, threads: int = 16, tls: Tls | None = None
) -> tuple[grpc.Server, int]:
    """Start a server for the endpoints on host:port (0 picks one); return it and its port.

    With `tls` it speaks to those only who show a certificate of the same authority that names them.
    """
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc

    server = grpc.server(
        futures.ThreadPoolExecutor(threads, thread_name_prefix="rpc"),
        options=[
            ("grpc.so_reuseport", 1),
            ("grpc.max_connection_age_ms", _CONNECTION_MS),
            ("grpc.max_connection_age_grace_ms", 2 * int(_LONGEST_STREAM_S * 1000)),
            ("grpc.max_receive_message_length", _MOST_BYTES),
            ("grpc.max_send_message_length", _MOST_BYTES),
            ("grpc.max_metadata_size", 64 * 1024),
        ],
        maximum_concurrent_rpcs=threads * 16,
    )
    by_name: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        by_name.setdefault(endpoint.name, []).append(endpoint)
    handlers = tuple(generic_handler(same, known_peers_only=tls is not None) for same in by_name.values())
    server.add_generic_rpc_handlers(handlers)
    checks = health.HealthServicer()
    checks.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    if tls is None:
        port = server.add_insecure_port(listen)
    else:
        ca, cert, key = pem_of(tls)
        shown = grpc.ssl_server_credentials([(key, cert)], root_certificates=ca, require_client_auth=True)
        port = server.add_secure_port(listen, shown)
    if port == 0:
        raise OSError(f"cannot listen on {listen}")
    server.start()
    return server, port


# -- calling -------------------------------------------------------------------

_CALLS = """{"loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{"name": [{}], "timeout": "30s", "waitForReady": false, "retryPolicy": {
  "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "2s", "backoffMultiplier": 3,
  "retryableStatusCodes": ["UNAVAILABLE"]}}]}"""
# Every replica that the target's name leads to gets its share; without a word of ours the first would get all.
# Asking again is safe because a command with the same request id is carried out once.


def channel_to(target: str, context: str = "", tls: Tls | None = None) -> grpc.Channel:
    """Return a channel that retries what was unavailable, a bounded number of times, with back-off.

    With `tls` the peer's certificate must name the context, wherever it listens.
    """
    options: list[tuple[str, Any]] = [
        ("grpc.service_config", _CALLS),
        ("grpc.max_receive_message_length", _MOST_BYTES),
        ("grpc.max_send_message_length", _MOST_BYTES),
        ("grpc.max_metadata_size", 64 * 1024),
        ("grpc.keepalive_time_ms", 30_000),
    ]
    if tls is None:
        return grpc.insecure_channel(target, options=options)
    ca, cert, key = pem_of(tls)
    options.append(("grpc.ssl_target_name_override", context))
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(ca, key, cert), options=options)


def pem_of(tls: Tls) -> tuple[bytes, bytes, bytes]:
    """Return the contents of its files: authority, certificate, key."""
    ca, cert, key = (Path(path).read_bytes() for path in (tls.ca, tls.cert, tls.key))
    return ca, cert, key


class Peers:
    """Channels to other services, one each, made on first use."""

    def __init__(self, targets: Mapping[str, str], tls: Tls | None = None) -> None:
        self._targets = targets
        self._tls = tls
        self._channels: dict[str, grpc.Channel] = {}

    def channel(self, context: str) -> grpc.Channel:
        if context not in self._channels:
            if context not in self._targets:
                raise Unavailable(f"{context.upper()}_TARGET is not set: {context} cannot be asked")
            self._channels[context] = channel_to(self._targets[context], context, self._tls)
        return self._channels[context]

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()


@dataclass
class _Details(grpc.ClientCallDetails):
    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any = field(default=None)


class _Sending(grpc.UnaryUnaryClientInterceptor):
    """Adds metadata, the trace and a deadline to every call. What the caller gives wins."""

    def __init__(self, metadata: Sequence[tuple[str, str]], timeout_s: float) -> None:
        self._metadata = metadata
        self._timeout_s = timeout_s

    def intercept_unary_unary(self, proceed: Any, details: Any, request: Any) -> Any:
        given = list(details.metadata or ())
        names = {name for name, _ in given}
        metadata = given + [(name, value) for name, value in self._metadata if name not in names]
        if traceparent := current_traceparent():
            metadata.append(("traceparent", traceparent))
        timeout = details.timeout if details.timeout is not None else self._timeout_s
        return proceed(
            _Details(details.method, timeout, metadata, details.credentials, details.wait_for_ready), request
        )


def sending(
    channel: grpc.Channel, metadata: Sequence[tuple[str, str]], timeout_s: float = _CALL_TIMEOUT_S
) -> grpc.Channel:
    """The same channel with metadata of its own on every call, and a deadline where the caller names none."""
    return grpc.intercept_channel(channel, _Sending(metadata, timeout_s))
