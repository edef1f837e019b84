"""The bus process: nameko entrypoints around ordered partitions, reactions and timers.

It is patched by eventlet, never imports grpc, and psycopg waits by `select`, because its default would
stop every greenthread for the length of a query. What handlers do is plain code that knows nothing of
this module.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import eventlet
import psycopg
from eventlet.event import Event
from eventlet.patcher import is_monkey_patched
from nameko.extensions import Entrypoint
from nameko.runners import ServiceRunner

from kernel.consumers import Reactions, consumers_of, reactions_of, timers_of
from kernel.instances import Instances
from kernel.partition import PartitionQueue, PartitionReader
from kernel.retrying import handle_late
from kernel.timers import TRANSIENT, TimerRunner
from kernel.tracing import Attributes, received

if TYPE_CHECKING:
    from kernel.service import Service

log = logging.getLogger(__name__)

_SHORTEST_REST_S = 0.02
_LONGEST_REST_S = 0.5
_LATE_EVERY_S = 5.0
_DRAIN_S = 9.0


class BatchConsumer(Entrypoint):  # type: ignore[misc]
    """Runs one partition queue in a greenthread of its own; each batch is one nameko worker."""

    def __init__(self, queue: PartitionQueue, database_url: str, amqp_url: str, instances: Instances) -> None:
        self._queue = queue
        self._database_url = database_url
        self._amqp_url = amqp_url
        self._instances = instances
        super().__init__()

    def setup(self) -> None:
        """Make the reader; it connects when it runs."""
        self._reader = PartitionReader(self._queue, self._database_url, self._amqp_url, self._instances)

    def start(self) -> None:
        """Begin to read."""
        self._thread = self.container.spawn_managed_thread(
            partial(self._reader.run, self._work), identifier=self._queue.name
        )

    def stop(self) -> None:
        """Finish the batch in hand and hand the queue over."""
        self._reader.stop()
        self._thread.wait()

    def kill(self) -> None:
        """Stop as soon as possible."""
        self._reader.stop()

    def _work(self, batch: Sequence[Any]) -> None:
        """Handle one batch in a worker; raise what it raised."""
        done = Event()

        def handle_result(_: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
            done.send(exc_info)
            return result, None

        self.container.spawn_worker(self, (self._reader, self._queue, batch), {}, handle_result=handle_result)
        exc_info = done.wait()
        if exc_info is not None:
            raise exc_info[1].with_traceback(exc_info[2])


class Attendance(Entrypoint):  # type: ignore[misc]
    """Keeps this instance counted among those that share the partitions."""

    def __init__(self, instances: Instances) -> None:
        self._instances = instances
        super().__init__()

    def start(self) -> None:
        """Begin to be counted."""
        self._thread = self.container.spawn_managed_thread(self._instances.run, identifier="instances")

    def stop(self) -> None:
        """Leave."""
        self._instances.stop()
        self._thread.wait()

    def kill(self) -> None:
        """Leave without a word; the others notice."""
        self._instances.stop()


class Loop(Entrypoint):  # type: ignore[misc]
    """Does what there is to do, again soon after there was something; `work` says how much that was."""

    def __init__(self, what: str, work: Callable[[], int], longest_rest_s: float) -> None:
        self._what = what
        self._work = work
        self._longest_rest_s = longest_rest_s
        super().__init__()

    def setup(self) -> None:
        """Nothing has been asked to stop yet."""
        self._stopping = False

    def start(self) -> None:
        """Begin to look."""
        self._thread = self.container.spawn_managed_thread(self._run, identifier=self._what)

    def stop(self) -> None:
        """Finish what is in hand."""
        self._stopping = True
        self._thread.wait()

    def kill(self) -> None:
        """Stop as soon as possible."""
        self._stopping = True

    def _run(self) -> None:
        rest_s = _SHORTEST_REST_S
        while not self._stopping:
            try:
                done = self._work()
            except Exception as error:
                # A handler's failure is kept by what calls it; what comes here is the database's.
                log.warning(
                    "loop interrupted",
                    extra={"loop": self._what, "reason": type(error).__name__},
                    exc_info=None if isinstance(error, TRANSIENT) else error,
                )
                done, rest_s = 0, _LONGEST_REST_S
            rest_s = _SHORTEST_REST_S if done else min(rest_s * 2, self._longest_rest_s)
            self._rest(rest_s)

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stopping and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _LONGEST_REST_S))


def queues_of(service: Service) -> Iterator[PartitionQueue]:
    """Return every queue that a service's bus reads."""
    for consumer, partitions in consumers_of(service):
        for partition in range(partitions):
            yield PartitionQueue(service.name, consumer, partition, partitions)


def nameko_service(service: Service) -> type:
    """Return the nameko service class of one service's bus."""

    def handle(_: Any, reader: PartitionReader, queue: PartitionQueue, batch: Sequence[Any]) -> None:
        attributes: Attributes = {"messaging.system": "rabbitmq", "messaging.batch.message_count": len(batch)}
        with received(f"{queue.service} {queue.consumer.name}", [_traceparent(each) for each in batch], attributes):
            reader.handle(batch)

    def attend(_: Any) -> None:
        """Where the attendance hangs."""

    def fire(_: Any) -> None:
        """Where the timer loop hangs; it runs its timers itself."""

    def catch_up(_: Any) -> None:
        """Where the loop hangs that reacts to what older code did not know."""

    settings = service.settings
    instances = Instances(settings.database_url)
    for queue in queues_of(service):
        BatchConsumer.decorator(queue, settings.database_url, settings.amqp_url, instances)(handle)
    methods: dict[str, Any] = {"name": f"{service.name}-bus", "handle": handle}
    if any(queues_of(service)):
        Attendance.decorator(instances)(attend)
        methods["attend"] = attend
    if timers := timers_of(service):
        runner = TimerRunner(service.name, service.store, timers)
        Loop.decorator("timers", partial(runner.run_once, most=50), _LONGEST_REST_S)(fire)
        methods["fire"] = fire
    if reactions := reactions_of(service):
        late = Reactions(service.name, service.store, reactions)
        Loop.decorator("late reactions", partial(handle_late, late, settings.database_url), _LATE_EVERY_S)(catch_up)
        methods["catch_up"] = catch_up
    return type(f"{service.name.capitalize()}Bus", (), methods)


def run_bus(services: Sequence[Service], ready: Callable[[], None] = lambda: None) -> None:
    """Run the buses of one or several services until SIGTERM or SIGINT; drain in under 10 s."""
    _check_process()
    workers = max((sum(1 for _ in queues_of(service)) for service in services), default=0)
    runner = ServiceRunner({"max_workers": workers + 1})
    for service in services:
        runner.add_service(nameko_service(service))

    def shut_down(*_: Any) -> None:
        # a signal handler runs in the hub, where nothing may wait
        eventlet.spawn_n(_drain, runner)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, shut_down)
    runner.start()
    ready()
    # waited for in a greenthread: a signal may interrupt the main one
    waiting = eventlet.spawn(runner.wait)
    while True:
        try:
            waiting.wait()
        except InterruptedError:
            continue
        break
    for service in services:
        service.store.close()


def _drain(runner: ServiceRunner) -> None:
    with eventlet.Timeout(_DRAIN_S, False):
        runner.stop()
        return
    log.warning("not drained in time: what was not acknowledged will be delivered again")
    runner.kill()


def _check_process() -> None:
    """Refuse to run in a process that would stand still or deadlock."""
    if not is_monkey_patched("socket"):
        raise RuntimeError("the bus needs eventlet.monkey_patch() before anything else is imported")
    if psycopg.waiting.wait is not psycopg.waiting.wait_select:
        raise RuntimeError(
            "set PSYCOPG_WAIT_FUNC=wait_select before psycopg is imported:"
            " its default stops all greenthreads for the length of a query"
        )
    if "grpc" in sys.modules:
        raise RuntimeError("grpc was imported into the bus process: no server or client works there")


def _traceparent(message: Any) -> str:
    return str((message.properties.get("application_headers") or {}).get("traceparent", ""))
