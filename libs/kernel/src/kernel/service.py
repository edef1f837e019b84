"""A service as its bootstrap puts it together, and the processes it runs as.

Nothing heavy is imported before the process is known: the bus must be patched by eventlet first, and must
never import grpc; the others must never be patched.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from kernel.codec import Upcast
    from kernel.config import Settings
    from kernel.forgetting import PersonalData
    from kernel.handover import Ownership
    from kernel.health import Health
    from kernel.processing import Outbound
    from kernel.projections import Eventual, Inline
    from kernel.reversals import Reversals
    from kernel.store import EventStore
    from kernel.timers import JobHandler, TimerHandler
    from kernel.vault import Wrapping
    from kernel.wire import Peers

_WORKER_THREADS = 2
_SHORTEST_REST_S = 0.02
_LONGEST_REST_S = 0.5
_DRAIN_S = 8.0
_LONGEST_JOBS_S = 1800.0
"""Fifty jobs one after the other, each with a slow outside system."""


@dataclass(frozen=True, slots=True)
class Service:
    """Everything one service is made of.

    `apis` pairs a protobuf service descriptor with the object that answers it. `reactions` maps an event's
    message type to the function run when it happened elsewhere. `timers` fire in the bus process, `jobs` in
    the worker. `personal` says what the service holds of people, and how it forgets them; `undoing` how changes
    of its records are taken back; `owned` what people own in it, and how that changes hands; `outbound` every way by
    which it calls something outside the suite.
    """

    name: str
    settings: Settings
    store: EventStore[Any]
    apis: Sequence[tuple[Any, object]] = ()
    inline: Sequence[Inline] = ()
    eventual: Sequence[Eventual] = ()
    reactions: Mapping[type[Message], Callable[..., None]] = field(default_factory=dict)
    timers: Mapping[str, TimerHandler] = field(default_factory=dict)
    jobs: Mapping[str, JobHandler] = field(default_factory=dict)
    migrations: Sequence[Any] = ()
    personal: PersonalData | None = None
    undoing: Sequence[Reversals] = ()
    owned: Ownership | None = None
    outbound: Sequence[Outbound] = ()


def open_store(
    settings: Settings,
    events: Iterable[type],
    messages: Iterable[ModuleType],
    inline: Sequence[Inline] = (),
    upcasts: Mapping[type[Message], Upcast] | None = None,
) -> EventStore[Any]:
    """Return the service's store, its pool not yet connected."""
    from crm.erasure.v1 import erasure_events_pb2
    from crm.handover.v1 import handover_events_pb2
    from crm.parking.v1 import parking_events_pb2
    from kernel.codec import Codec
    from kernel.handed_over import RecordsHandedOver
    from kernel.parking_events import ParkedRetried, ParkedSetAside
    from kernel.purged import PersonPurged
    from kernel.store import EventStore, open_datastore

    return EventStore(
        open_datastore(settings.database_url, settings.pool_size, settings.pool_overflow),
        Codec(
            [*events, PersonPurged, RecordsHandedOver, ParkedRetried, ParkedSetAside],
            [*messages, erasure_events_pb2, handover_events_pb2, parking_events_pb2],
            upcasts,
        ),
        wrapping_of(settings),
        inline,
    )


def wrapping_of(settings: Settings) -> Wrapping:
    """The ring of keys in the file <SERVICE>_KEYRING; the one master key where none is named."""
    from pathlib import Path

    from kernel.keyring import Keyring
    from kernel.vault import MasterKey

    first = MasterKey(settings.master_key)
    path = settings.extra.get(f"{settings.service.upper()}_KEYRING", "")
    return Keyring(Path(path), first) if path else first


# -- un-patched parts: api, relay, worker ---------------------------------------


def endpoints_of(service: Service, peers: Peers) -> list[Any]:
    """Return the service's apis, ready to be served."""
    from kernel.auth import Verifier
    from kernel.everywhere import apis_everywhere
    from kernel.rpc import Endpoint

    verifier = Verifier(service.settings.token_public_key)
    own = [Endpoint(descriptor, api, service.store, verifier, peers.channel) for descriptor, api in service.apis]
    return own + [
        Endpoint(descriptor, api, service.store, verifier, peers.channel, service.name)
        for descriptor, api in apis_everywhere(service)
    ]


def relay_loop(service: Service, stop: threading.Event) -> None:
    """Publish the service's log, and seal it, until told to stop."""
    from kernel.partner_stream import StreamFeeder
    from kernel.relay import Relay
    from kernel.seal import sealer_of

    settings, recorder = service.settings, service.store.recorder
    feeder = (
        StreamFeeder(service.name, settings.database_url, settings.amqp_url, recorder) if settings.partners else None
    )
    Relay(
        service.name, settings.database_url, settings.amqp_url, recorder, sealer=sealer_of(settings), feeder=feeder
    ).run(stop)


def jobs_of(service: Service) -> dict[str, JobHandler]:
    """Return the service's own jobs, and that it destroys what a forgotten person's keys were wrapped with."""
    from kernel.forgetting import DESTROY, destroy_wrapping
    from kernel.keyring import Keyring

    ring = service.store.master
    if service.personal is None or not isinstance(ring, Keyring):
        return dict(service.jobs)
    return {DESTROY: destroy_wrapping(ring, service.personal), **service.jobs}


def worker_loop(service: Service, peers: Peers, stop: threading.Event) -> None:
    """Run the service's jobs until told to stop; what is transient is waited out."""
    import logging

    from kernel.telemetry import Heartbeat
    from kernel.timers import TRANSIENT, JobRunner, Timer
    from kernel.tokens import ServiceTokens
    from kernel.wire import sending

    log = logging.getLogger(__name__)
    heartbeat = Heartbeat(f"worker of {service.name}", late_after_s=_LONGEST_JOBS_S)
    token = ServiceTokens(service.name, service.settings.service_secret, lambda: peers.channel("identity"))

    def connect(context: str, timer: Timer) -> Any:
        metadata = [
            ("authorization", f"Bearer {token()}"),
            ("request-id", timer.request_id),
            ("correlation-id", str(timer.correlation_id)),
        ]
        if timer.timeline_id:
            metadata += [("effective-at", timer.due_at.isoformat()), ("timeline-id", timer.timeline_id)]
        return sending(peers.channel(context), metadata)

    runner = JobRunner(service.name, service.store, jobs_of(service), connect, service.settings)
    rest_s = _SHORTEST_REST_S
    while not stop.is_set():
        heartbeat.beat()
        try:
            taken = runner.run_once(most=50)
        except TRANSIENT as error:
            log.warning("worker interrupted", extra={"reason": type(error).__name__})
            taken, rest_s = 0, _LONGEST_REST_S
        rest_s = _SHORTEST_REST_S if taken else min(rest_s * 2, _LONGEST_REST_S)
        stop.wait(rest_s)


def start_unpatched(
    services: Sequence[Service],
    listen: str,
    stop: threading.Event,
    *,
    api: bool = True,
    relay: bool = True,
    worker: bool = True,
    threads: int = 16,
) -> Callable[[], None]:
    """Start the wanted parts of the services in this process; return a function that drains them."""
    from kernel.wire import Peers, serve

    loops: list[threading.Thread] = []
    server: Any = None
    targets = dict(services[0].settings.targets)
    if api and len(services) > 1:
        targets = {service.name: listen for service in services}
    tls = services[0].settings.tls
    peers = Peers(targets, tls)
    if api:
        endpoints = [endpoint for service in services for endpoint in endpoints_of(service, peers)]
        server, _ = serve(endpoints, listen, threads, tls)
    for service in services:
        if relay:
            loops.append(threading.Thread(target=relay_loop, args=(service, stop), name=f"relay-{service.name}"))
        if worker and jobs_of(service):
            loops += [
                threading.Thread(target=worker_loop, args=(service, peers, stop), name=f"worker-{service.name}-{n}")
                for n in range(_WORKER_THREADS)
            ]
    for loop in loops:
        loop.daemon = True
        loop.start()

    def drain() -> None:
        stop.set()
        if server is not None:
            server.stop(_DRAIN_S).wait(_DRAIN_S + 1)
        for loop in loops:
            loop.join(_DRAIN_S)
        peers.close()
        for service in services:
            service.store.close()

    return drain


def stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


# -- command line ----------------------------------------------------------------


def main(name: str, bootstrap_module: str, arguments: Sequence[str] | None = None) -> None:
    """Run one process of a service: api, relay, worker, bus, migrate, or rebuild VIEW."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}")
    commands = parser.add_subparsers(dest="command", required=True)
    for command, text in {
        "api": "answer gRPC",
        "relay": "publish the log",
        "worker": "run jobs that talk to the outside",
        "bus": "consume events, fire timers",
        "migrate": "bring the database up to date, as its owner",
    }.items():
        commands.add_parser(command, help=text)
    rebuild = commands.add_parser("rebuild", help="replay the log into a view beside the live one, and swap")
    rebuild.add_argument("view", help="the view's name, or 'all'")
    rebuild.add_argument("--check", action="store_true", help="compare only; do not swap")
    options = parser.parse_args(arguments)
    if options.command == "bus":
        os.environ["PSYCOPG_WAIT_FUNC"] = "wait_select"
        import eventlet

        eventlet.monkey_patch()
    from kernel import telemetry
    from kernel.config import ConfigurationError, Settings
    from kernel.privileges import refuse_too_much

    try:
        settings = Settings.from_environment(name)
        telemetry.set_up(name, settings.otlp_endpoint)
        if options.command == "migrate":
            run_migrations(name, settings)
            return
        if options.command != "rebuild":
            refuse_too_much(name, settings.amqp_url, settings.database_url)
        service: Service = import_module(bootstrap_module).bootstrap(settings)
        _run(service, options)
    except ConfigurationError as error:
        sys.exit(str(error))


def health_of(service: Service, broker: bool) -> Health:
    """What the probes of one of the service's processes ask; `broker` when it cannot work without."""
    from kernel.health import Health, broker_is_there, database_is_there
    from kernel.migrations import folder_of

    package_file = import_module(service.name).__file__
    assert package_file is not None
    settings = service.settings
    checks = {"database": database_is_there(settings.database_url, [folder_of(package_file)])}
    if broker:
        checks["broker"] = broker_is_there(settings.amqp_url)
    return Health(checks)


def run_migrations(name: str, settings: Settings, tell: Callable[[str], None] = print) -> int:
    """Apply the kernel's and the service's migrations as the owner; return how many were new."""
    from psycopg.conninfo import conninfo_to_dict

    from kernel.migrations import folder_of, migrate

    package_file = import_module(name).__file__
    assert package_file is not None
    role = str(conninfo_to_dict(settings.database_url)["user"])
    applied = migrate(settings.owner_url(), [folder_of(package_file)], role, lambda line: tell(f"{name}: {line}"))
    tell(f"{name}: {applied} migrations applied; the database is up to date")
    return applied


def _run(service: Service, options: argparse.Namespace) -> None:
    if options.command == "rebuild":
        from kernel.rebuild import rebuild_command

        sys.exit(rebuild_command(service, options.view, check_only=options.check))
    from kernel.health import answering

    with answering(health_of(service, broker=options.command in ("bus", "relay")), service.settings.probes):
        _run_until_told(service, options)


def _run_until_told(service: Service, options: argparse.Namespace) -> None:
    if options.command == "bus":
        from kernel.bus import run_bus

        run_bus([service])
        return
    stop = stop_on_signals()
    drain = start_unpatched(
        [service],
        service.settings.listen,
        stop,
        api=options.command == "api",
        relay=options.command == "relay",
        worker=options.command == "worker",
    )
    stop.wait()
    drain()
