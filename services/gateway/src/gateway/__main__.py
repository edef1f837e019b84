"""`python -m gateway`: HTTP in front of all services, until SIGTERM."""

from __future__ import annotations

import logging
import signal
import socket
import sys

import uvicorn

from gateway.app import Gateway, application
from gateway.config import Settings
from gateway.contracts import contracts
from gateway.limits import LARGEST_HEADERS, PromptProtocol
from gateway.transcoding import Routes
from kernel import telemetry
from kernel.config import ConfigurationError
from kernel.privileges import refuse_too_much

log = logging.getLogger("gateway")

_DRAIN_S = 8


class Server(uvicorn.Server):
    """Ends the endless streams first, so that draining has an end."""

    def __init__(self, gateway: Gateway, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._gateway = gateway

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._gateway.changes.dismiss()
        self._gateway.backends.stop_following()
        await super().shutdown(sockets)


def server(settings: Settings) -> Server:
    """Return the HTTP server, not yet running."""
    gateway = Gateway(settings)
    config = uvicorn.Config(
        application(gateway),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_DRAIN_S,
        timeout_keep_alive=75,
        limit_concurrency=4_000,
        server_header=False,
        ssl_certfile=settings.https_cert or None,
        ssl_keyfile=settings.https_key or None,
        http=PromptProtocol,
        ws="none",
        h11_max_incomplete_event_size=LARGEST_HEADERS,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
    )
    return Server(gateway, config)


def main() -> None:
    try:
        settings = Settings.from_environment()
        refuse_too_much("gateway", settings.amqp_url)
    except ConfigurationError as error:
        sys.exit(str(error))
    telemetry.set_up("gateway", settings.otlp_endpoint)
    for clash in Routes(contracts().bindings).clashes:
        log.error("two RPCs share a path; the first is served", extra={"clash": clash})
    # uvicorn drains, then raises the signal again for whoever handled it before: who was told to end has ended well
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server(settings).run()


if __name__ == "__main__":
    main()
