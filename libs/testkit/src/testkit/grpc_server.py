"""A gRPC server in the test's own process, on a free port, and a channel to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import grpc

from kernel.auth import Caller
from kernel.rpc import Endpoint
from kernel.wire import channel_to, sending, serve
from testkit.callers import a_caller, a_token

GRACE_S = 1.0
_PATIENCE_S = 60.0
"""An answer may take longer than a caller in production waits, on a machine that has other work too."""


@contextmanager
def serving(*endpoints: Endpoint) -> Iterator[str]:
    """Serve the endpoints; the block gets "host:port"."""
    server, port = serve(endpoints, "127.0.0.1:0", threads=4)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(GRACE_S).wait()


@contextmanager
def channel_as(
    target: str, caller: Caller | None = None, metadata: Sequence[tuple[str, str]] = ()
) -> Iterator[grpc.Channel]:
    """A channel whose calls carry the caller's token (anybody's who may all, by default)."""
    channel = channel_to(target)
    token = ("authorization", f"Bearer {a_token(caller or a_caller())}")
    try:
        yield patiently(channel, [token, *metadata])
    finally:
        channel.close()


def patiently(channel: grpc.Channel, metadata: Sequence[tuple[str, str]]) -> grpc.Channel:
    """The same channel with the metadata on every call, and as much time for each as a test has."""
    return sending(channel, metadata, _PATIENCE_S)
