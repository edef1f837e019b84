"""A gRPC server in the test's own process, on a free port, and a channel to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import grpc

from kernel.auth import Caller
from kernel.rpc import Endpoint
from kernel.wire import channel_to, sending, serve
from testkit.callers import a_caller, a_token

GRACE_S = 1.0
_LONG, _PATIENCE_S = timedelta(hours=1), 60.0
"""A test may take longer than a token lives, on a machine that has other work too."""


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
    token = ("authorization", f"Bearer {a_token(caller or a_caller(), life=_LONG)}")
    try:
        yield sending(channel, [token, *metadata], _PATIENCE_S)
    finally:
        channel.close()
