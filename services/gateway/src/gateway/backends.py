"""The services, asked over gRPC: deadlines, metadata, and a bounded number of retries.

Only UNAVAILABLE is retried. That is safe for commands too, because a command with the same request id is
carried out once.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from opentelemetry import propagate

from gateway.contracts import EVERYWHERE, Method
from gateway.problems import NOT_FOUND, SWITCHED_OFF, Problem, of_rpc
from kernel.as_of import AS_OF, CLOCK, LIVE
from kernel.config import CONTEXTS, Tls

_MOST_BYTES = 32 * 1024 * 1024
_CALLS = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}
_OPTIONS = [
    ("grpc.service_config", json.dumps(_CALLS)),
    ("grpc.max_receive_message_length", _MOST_BYTES),
    ("grpc.max_send_message_length", _MOST_BYTES),
    ("grpc.max_metadata_size", 64 * 1024),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]


@dataclass(frozen=True, slots=True)
class Asking:
    """On whose behalf, and how, services are asked. Never logged: it holds the token."""

    request_id: str
    source: str = ""
    token: str = ""
    session_token: str = ""
    device: str = ""
    effective_at: str = ""
    timeline_id: str = ""
    as_of: str = ""
    as_of_clock: str = ""
    purpose: str = ""
    told: dict[str, str] = field(default_factory=dict, compare=False)  # of an answer as of a moment

    def with_token(self, token: str) -> Asking:
        return replace(self, token=token)

    def hear(self, metadata: Iterable[tuple[str, str | bytes]]) -> None:
        """Keep what an answer says of its moment; of several answers, all that is live in one of them."""
        for key, value in metadata or ():
            if key == LIVE:
                known = {*self.told.get(LIVE, "").split(","), *str(value).split(",")} - {""}
                self.told[LIVE] = ",".join(sorted(known))
            elif key in (AS_OF, CLOCK):
                self.told[key] = str(value)

    def metadata(self) -> list[tuple[str, str]]:
        found = {
            "request-id": self.request_id,
            "x-source": self.source,
            "authorization": f"Bearer {self.token}" if self.token else "",
            "effective-at": self.effective_at,
            "timeline-id": self.timeline_id,
            AS_OF: self.as_of,
            CLOCK: self.as_of_clock,
            "purpose": self.purpose,
        }
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        return [(key, value) for key, value in {**found, **carrier}.items() if value]


class Backends:
    """One channel for each target, made on first use inside the running loop."""

    def __init__(self, targets: Mapping[str, str], tls: Tls | None = None) -> None:
        self._targets = targets
        self._tls = tls
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._calls: dict[tuple[str, str], Any] = {}
        self._followed: set[Any] = set()

    async def ask(self, method: Method, request: Message, asking: Asking, timeout_s: float) -> Message:
        """Return the answer. Raises Problem."""
        context = _context_of(method, request)
        try:
            call = self._call(method, context)
            asked = call(request, timeout=timeout_s, metadata=asking.metadata())
            answer: Message = await asked
            if asking.as_of:
                asking.hear(await asked.trailing_metadata())
        except grpc.aio.AioRpcError as error:
            raise of_rpc(error, context) from None
        return answer

    async def follow(self, method: Method, request: Message, asking: Asking) -> AsyncIterator[Message]:
        """Yield the answers of a stream, until it or `stop_following` ends it. Raises Problem."""
        context = _context_of(method, request)
        call = self.channel(context).unary_stream(
            f"/{method.full_name}",
            request_serializer=method.request_type.SerializeToString,
            response_deserializer=method.response_type.FromString,
        )(request, metadata=asking.metadata())
        self._followed.add(call)
        try:
            async for answer in call:
                yield answer
        except grpc.aio.AioRpcError as error:
            raise of_rpc(error, context) from None
        finally:
            self._followed.discard(call)
            call.cancel()

    def stop_following(self) -> None:
        """End every stream; the clients connect again, to another process."""
        for call in list(self._followed):
            call.cancel()

    def reachable(self) -> dict[str, str]:
        """The state of every channel that was used: "ready", "transient_failure"…"""
        return {
            target: channel.get_state(try_to_connect=True).name.lower() for target, channel in self._channels.items()
        }

    def away(self) -> list[str]:
        """Services that could not be reached when they were asked last. The others go on without them."""
        state = self.reachable()
        names = {context: (target, f"{context} at {target}") for context, target in self._targets.items()}
        return sorted(c for c, used in names.items() if any(state.get(name) == "transient_failure" for name in used))

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close(grace=1.0)
        self._channels.clear()
        self._calls.clear()

    def has(self, context: str) -> bool:
        """Whether a service is part of this installation."""
        return context in self._targets

    def channel(self, context: str) -> grpc.aio.Channel:
        if context not in CONTEXTS:
            raise Problem(NOT_FOUND, f"there is no context {context[:40]!r}; there are {', '.join(CONTEXTS)}")
        target = self._targets.get(context)
        if target is None:
            raise Problem(SWITCHED_OFF, f"{context} is switched off here; who runs Headwater can add it")
        if self._tls is None:
            if target not in self._channels:
                self._channels[target] = grpc.aio.insecure_channel(target, options=_OPTIONS)
            return self._channels[target]
        name = f"{context} at {target}"  # one each: the peer's certificate must name the context
        if name not in self._channels:
            ca, cert, key = (Path(path).read_bytes() for path in (self._tls.ca, self._tls.cert, self._tls.key))
            shown = grpc.ssl_channel_credentials(ca, key, cert)
            # It bounds the hand-shake too, and a mutual one takes longer than 0.1 s when the machine is busy.
            patient = {"grpc.min_reconnect_backoff_ms": 10_000, "grpc.ssl_target_name_override": context}
            options = list((dict(_OPTIONS) | patient).items())
            self._channels[name] = grpc.aio.secure_channel(target, shown, options=options)
        return self._channels[name]

    def _call(self, method: Method, context: str) -> Any:
        key = method.full_name, context
        call = self._calls.get(key)
        if call is None:
            call = self.channel(context).unary_unary(
                f"/{method.full_name}",
                request_serializer=method.request_type.SerializeToString,
                response_deserializer=method.response_type.FromString,
            )
            self._calls[key] = call
        return call


def _context_of(method: Method, request: Message) -> str:
    return str(getattr(request, "context", "")) if method.context == EVERYWHERE else method.context
