"""Two services on simulated servers: one appends and relays, the other follows, reacts and keeps timers.

All that decides is the kernel's own: LogRecorder, EventStore, Relay, Publisher, BackfillAnswerer, PartitionReader,
Progress, Views, Reactions, TimerRunner, retry_parked. Simulated are PostgreSQL, RabbitMQ, time, processes and what
goes wrong. `play` runs one schedule and raises Violated when a promise is broken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

import psycopg

import kernel.backfill
import kernel.feeds
import kernel.instances
import kernel.log
import kernel.partition
import kernel.progress
import kernel.publisher
import kernel.relay
import kernel.store
import kernel.timers
from crm.common.v1.envelope_pb2 import RecordedEvent
from kernel.consumers import REACTIONS, VIEWS, Reactions, Views
from kernel.delivered import Delivered
from kernel.errors import LostRace
from kernel.ids import derived_id
from kernel.instances import Instances
from kernel.log import LogRecorder
from kernel.partition import PartitionQueue, PartitionReader
from kernel.projections import Eventual, Inline
from kernel.relay import Relay
from kernel.retrying import retry_parked
from kernel.slots import slot_of
from kernel.store import Cause, EventStore, Transaction
from kernel.timers import Timer, TimerRunner
from kernel.topology import BACKFILL, EVENTS, backfill_queue
from kernel.vault import MasterKey

from .places import instead_of
from .postgres import Database, Datastore, Row, Tx, text_of
from .rabbitmq import Broker, Message, Queue
from .scheduling import (
    Choices,
    OnePerProcess,
    Process,
    Violated,
    VirtualEvent,
    VirtualThread,
    VirtualTime,
    World,
)
from .statements import for_recorder, means

CONTEXT = "kernel_test"
STREAMS = [UUID(int=n) for n in (1, 24, 2, 3)]
"""The first two share a slot."""
NAMES = dict(zip(STREAMS, "ABCD", strict=True))
_REST_S = 200.0
_SILENT_S = 70.0
_REMIND_AFTER_S = (0.0, 0.2, 1.5)
_MASTER = MasterKey(bytes(32))

KEPT = (
    "insert into kept (stream, version) values (%s, %s) on conflict (stream) do update set version = excluded.version"
)
SEEN = "insert into seen (position, stream, version) values (%s, %s, %s)"
ACTED = "insert into acts (kind, stream, version) values (%s, %s, %s)"


@means(KEPT)
def keep(tx: Tx, p: Any) -> int:
    tx.lock("kept", p[0])
    tx.put("kept", p[0], {"stream": p[0], "version": p[1]})
    return 1


@means(SEEN)
def see(tx: Tx, p: Any) -> int:
    nth = tx.db.draw("seen")
    return int(tx.insert("seen", nth, {"nth": nth, "position": p[0], "stream": p[1], "version": p[2]}))


@means(ACTED)
def act(tx: Tx, p: Any) -> int:
    nth = tx.db.draw("acts")
    return int(tx.insert("acts", nth, {"nth": nth, "kind": p[0], "stream": p[1], "version": p[2], "at": tx.now}))


@cache
def _recorder(_: str) -> LogRecorder:
    """A recorder to copy for everybody who appends in the same way: to compose its statements takes a while."""
    return LogRecorder(Datastore(None, None))  # type: ignore[arg-type]


class Suite:
    """The services, their processes, and what is known of what they did."""

    def __init__(self, world: World, notes: Any, record: dict[str, list[Any]] | None = None) -> None:
        choices = world.choices
        self.world = world
        self.notes = notes
        self.broker = Broker(world)
        self.owner_db = Database(world, "owner", {})
        self.follower_db = Database(world, "follower", {})
        self.acknowledged: list[tuple[UUID, int]] = []
        self.poison: tuple[UUID, int] | None = None
        self.deadly: tuple[UUID, int] | None = None
        self.partitions = 1 + choices.of(2)
        self.writing = 0
        self._ids = 0
        self._accepted: set[int] = set()
        self._relays_at_work: dict[str, Relay] = {}
        self._busy_until = 0.0
        for db in (self.owner_db, self.follower_db):
            db.record = (record or {}).get(db.name)
        self.owner_db.before_commit = self._owner_commits
        self.broker.accepted = self._broker_accepts
        self.broker.acknowledged = self._broker_is_told
        self.recorder = _recorder(text_of(LogRecorder.join_appenders))
        self.owner_db.statements = self.follower_db.statements = for_recorder(self.recorder)
        self.api = Process(world, "api", self._begin_api)
        self.relays = [Process(world, f"relay-{n}", self._begin_relay) for n in range(1, 2 + choices.of(2))]
        self.buses = [Process(world, f"bus-{n}", self._begin_bus) for n in range(1, 2 + choices.of(2))]
        self.operator = Process(world, "operator", self._begin_operator)
        self.operator.mortal = False

    # what runs

    def store_of(self, db: Database, inline: Sequence[Inline] = ()) -> EventStore[Any]:
        """A store of the process that is running or beginning."""
        store: EventStore[Any] = EventStore(
            Datastore(db, self._beginning), self.notes.codec, _MASTER, inline, self.world.moment
        )
        return store

    def new_id(self) -> UUID:
        """As kernel.ids.new_id, the same in every run."""
        self._ids += 1
        return UUID(int=(7 << 76) | (2 << 62) | self._ids)

    def start(self, process: Process) -> None:
        """Start a process, now or again."""
        self._beginning = process
        process.start()

    def _begin_api(self, process: Process) -> None:
        choices = self.world.choices
        for writer in range(2 + choices.of(2)):
            streams = STREAMS if self.owner_db.record is None else STREAMS[writer : writer + 1]
            store = self.store_of(self.owner_db, [Inline("kept", ("kept",), self._keep)])
            commands = 1 + choices.of(4)
            self.writing += 1
            process.spawn(lambda store=store, commands=commands, streams=streams: self._write(store, commands, streams))

    def _keep(self, cursor: Any, recorded: Any) -> None:
        cursor.execute(KEPT, (recorded.stream, recorded.version))

    def _write(self, store: EventStore[Any], commands: int, streams: Sequence[UUID]) -> None:
        choices, world = self.world.choices, self.world
        try:
            for _ in range(commands):
                stream = streams[choices.of(len(streams))]
                other = streams[choices.of(len(streams))] if choices.rarely(2, 0.3) else stream
                count = 1 + choices.of(2)
                takes_back = bool(choices.rarely(2, 0.1))
                try:
                    self._command(store, sorted({stream, other}), count, takes_back)
                except (LostRace, psycopg.OperationalError) as error:
                    world.note("api", f"hears no: {type(error).__name__}")
                world.rest((0.0, 0.005, 0.02, 0.5)[choices.of(4)])
        finally:
            self.writing -= 1

    def _command(self, store: EventStore[Any], streams: list[UUID], count: int, takes_back: bool) -> None:
        written: list[tuple[UUID, int]] = []
        try:
            with store.transaction(Cause("person:x", "r", self.new_id())) as tx:
                for stream in streams:
                    version = len(tx.history(stream))
                    tx.append(stream, version, [self.notes.NoteStruck(note_id=stream)] * count)
                    written += [(stream, version + n) for n in range(1, count + 1)]
                if takes_back:
                    raise _TakenBack
        except _TakenBack:
            return
        self.acknowledged += written
        self.world.note("api", f"is told that {_shown(written)} is done")

    def _begin_relay(self, process: Process) -> None:
        stop = VirtualEvent(self.world)
        relay = Relay(CONTEXT, "owner", "broker", copy(self.recorder), heartbeat_every_s=2.0, window=4)
        self._relays_at_work[process.name] = relay
        process.spawn(lambda: relay.run(stop))  # type: ignore[arg-type]

    def _begin_bus(self, process: Process) -> None:
        store = self.store_of(self.follower_db)
        instances = Instances("follower", every_s=2.0)
        instances.me = f"{process.name}, life {process.life}"
        process.spawn(lambda: instances.run(self.world.rest))
        for partition in range(self.partitions):
            self._read(process, PartitionQueue("follower", self.views(), partition, self.partitions), instances)
        self._read(process, PartitionQueue("follower", self.reactions(store), 0, 1), instances)
        runner = TimerRunner("follower", store, {"remind": self._remind})
        process.spawn(lambda: self._run_timers(runner))

    def _read(self, process: Process, queue: PartitionQueue, instances: Instances) -> None:
        reader = PartitionReader(queue, "follower", "broker", instances)
        process.spawn(reader.run)

    def views(self) -> Views:
        return Views([Eventual("seen", ("seen",), (CONTEXT,), self._see)])

    def reactions(self, store: EventStore[Any]) -> Reactions:
        return Reactions("follower", store, {self.notes.messages.NoteStruck: self.when_struck})

    def _see(self, cursor: Any, events: Sequence[Delivered]) -> None:
        for event in events:
            self._may_fail(event)
        cursor.executemany(SEEN, [(event.position, event.stream, event.version) for event in events])

    def when_struck(self, delivered: Delivered, tx: Transaction[Any]) -> None:
        """Answer in a log of one's own; every other event sets a timer, and every fourth takes it back."""
        self._may_fail(delivered)
        answer = derived_id(delivered.stream, "answer")
        key = f"remind:{delivered.stream}"
        if delivered.version % 2:
            due = self.world.moment() + timedelta(seconds=_REMIND_AFTER_S[delivered.version % 3])
            tx.set_timer(key, "remind", due, {"stream": str(delivered.stream), "version": delivered.version})
        elif delivered.version % 4 == 0:
            tx.cancel_timer(key)
        tx.append(answer, len(tx.history(answer)), [self.notes.NoteStruck(note_id=delivered.stream)])
        tx.cursor.execute(ACTED, ("reacted", delivered.stream, delivered.version))

    def _remind(self, timer: Timer, tx: Transaction[Any]) -> None:
        if timer.due_at > self.world.moment():
            self.world.violate(f"the timer {timer.key} fired before it was due")
        if timer.payload["version"] == 3 and not timer.attempts:
            raise ValueError("this timer fails the first time")
        tx.cursor.execute(ACTED, ("reminded", UUID(timer.payload["stream"]), timer.payload["version"]))

    def _may_fail(self, event: Delivered) -> None:
        name = event.stream, event.version
        if name == self.deadly:
            self.world.note(self.world.acting().name, f"meets the deadly {_shown([name])}")
            self.world.die()
        if name == self.poison:
            raise ValueError("poison")

    def _run_timers(self, runner: TimerRunner) -> None:
        while True:
            try:
                taken = runner.run_once(most=50)
            except kernel.timers.TRANSIENT:
                taken = 0
            self.world.rest(0.02 if taken else 0.3)

    def _begin_operator(self, process: Process) -> None:
        process.spawn(self._operate)

    def _operate(self) -> None:
        """Wait until all is done that can be, mend what cannot, try it again, and look closely."""
        self._wait_for(self._is_done_but_for_the_parked)
        self._check_what_is_parked()
        if self.poison and not self.deadly:
            self._retry()  # in vain
            self._check_what_is_parked()
        self.poison = self.deadly = self.owner_db.trap = self.follower_db.trap = None
        for _ in range(20):
            if not self.follower_db.committed("parked"):
                break
            self._retry()
        self._wait_for(self._is_done)
        self.world.rest(2.0)  # whatever comes late or twice has come by then
        self.check()
        self.world.finished = True

    def _retry(self) -> None:
        self._beginning = self.operator
        try:
            consumers = [self.views(), self.reactions(self.store_of(self.follower_db))]
            for retried in retry_parked(consumers, "follower"):
                self.world.note("operator", f"retried {retried.handled} of {NAMES[retried.stream]} {retried.failure}")
        except psycopg.OperationalError:
            self.world.rest(1.0)

    def _wait_for(self, done: Callable[[], str]) -> None:
        until = max(self.world.now, self._busy_until) + _REST_S
        while missing := done():
            if self.world.now > until:
                self.world.violate(f"did not come to rest in {_REST_S:g} s: {missing}")
            self.world.rest(0.5)

    # what goes wrong

    def plan_faults(self) -> None:
        """Choose what will break, and when, in numbers of steps."""
        world, choices = self.world, self.world.choices
        if choices.of(4) == 3:
            self.poison = STREAMS[choices.of(4)], 1 + choices.of(3)
        if choices.of(8) == 7:
            self.deadly = STREAMS[choices.of(4)], 1 + choices.of(3)
        for _ in range(choices.of(6)):
            at = 60 + choices.of(1000)
            what, whom, how = choices.of(18), choices.of(8), choices.of(4)
            if (what, how) == (11, 3):
                at = 1  # while there is something to confirm
            world.planned.append((at, lambda what=what, whom=whom, how=how: self._break(what, whom, how)))
        world.planned.sort(key=lambda planned: planned[0])

    def _break(self, what: int, whom: int, how: int) -> None:
        world = self.world
        mortal = [*self.buses, *self.relays]
        process = mortal[whom % len(mortal)]
        happen = (lambda _: world.die()) if what < 16 else (lambda who: world.pause(who, 3.0))
        partition_queues = [queue for name, queue in self.broker.queues.items() if name.startswith("follower.")]
        queue = partition_queues[whom % len(partition_queues)] if partition_queues else None
        if what in (1, 2, 3):
            world.kill(process)
        elif what == 4:
            world.pause(process, (0.5, 3.0, 20.0, 60.0)[how])
            if how > 1:  # the broker misses its heartbeats, and takes it for dead
                world.later(10.0, lambda: self._give_up(process))
        elif what in (5, 6):
            (self.owner_db if what == 5 else self.follower_db).crash(world.choices.of)
        elif what == 7:
            self.broker.crash()
        elif what == 8:
            self.broker.cut_connections()
        elif what == 9 and queue is not None:
            for bus in self.buses:
                world.kill(bus)
            world.note("broker", f"{queue.name} IS PURGED of {len(queue.ready)} messages")
            queue.ready.clear()
        elif what == 10 and queue is not None and queue.ready:
            message = queue.ready[how % len(queue.ready)]
            again = Message(message.body, message.key, message.properties, message.expires_at)
            world.note("broker", f"{queue.name} REPEATS {_event(message)} at its end")
            self.broker.put(queue, again)
        elif what == 11:
            if how == 3:  # a queue that somebody bound stands still: all is taken in, and nothing confirmed
                self.broker.silent_until = self._busy_until = world.now + _SILENT_S
            else:
                self.broker.refuses = 1 + 20 * how
            (self.owner_db if whom % 2 else self.follower_db).cut_sessions()
        elif what > 11:
            (self.owner_db if whom == 0 else self.follower_db).trap = how * 4 + whom // 2, what % 2 == 1, happen

    def _give_up(self, process: Process) -> None:
        if process.paused:
            self.world.note("broker", f"takes {process.name} for dead")
            for connection in list(process.connections):
                if connection in self.broker.connections:
                    connection.cut()

    def keep_alive(self) -> None:
        """Start again what died, as a supervisor does."""
        for process in (*self.relays, *self.buses):
            if not process.alive:
                self.start(process)
        self.world.later(0.7, self.keep_alive)

    # what must hold at every moment

    def _owner_commits(self, tx: Tx) -> None:
        for row in tx.written.get("relay_checkpoint", {}).values():
            if row is not None:
                self._check_checkpoint(row)
        if self.world.trace is not None and (events := tx.written.get("events")):
            shown = ", ".join(
                f"#{row['notification_id']} {NAMES.get(row['originator_id'], '?')}{row['originator_version']}"
                for row in events.values()
                if row
            )
            self.world.note("owner", f"commits {shown}")

    def _check_checkpoint(self, row: Row) -> None:
        """A relay remembers what the broker took in; unless it was refused so often that it goes on without."""
        self.world.note("owner", f"keeps the checkpoint {row['position']}")
        if not all(relay.insists for relay in self._relays_at_work.values()):
            return
        for event in self.owner_db.committed("events"):
            position = event["notification_id"]
            if position <= row["position"] and position not in self._accepted:
                self.world.violate(f"the relay remembers {row['position']}, but the broker never took #{position} in")

    def _broker_accepts(self, exchange: str, key: str, body: bytes) -> None:
        if exchange == EVENTS and not key.startswith("heartbeat."):
            record = RecordedEvent.FromString(body)
            self._accepted.add(record.position)
            self.world.note("broker", f"takes in {_record(record)}")

    def _broker_is_told(self, queue: Queue, messages: list[Message]) -> None:
        """Whatever is acknowledged has taken effect or is parked: the tracking row says so."""
        if not queue.name.startswith("follower."):
            return
        consumer = queue.name.split(".")[1]
        for message in messages:
            if message.key.startswith("heartbeat."):
                continue
            record = RecordedEvent.FromString(message.body)
            row = self.follower_db.tables.get("tracking", {}).get((consumer, CONTEXT, record.slot))
            self.world.note("broker", f"is told that {consumer} has {_record(record)}")
            if row is None or row["position"] < record.position:
                self.world.violate(f"{consumer} acknowledged {_record(record)} before it took effect")

    # what must hold in the end

    def log(self) -> list[Row]:
        """The owner's log, in order."""
        return sorted(self.owner_db.committed("events"), key=lambda row: row["notification_id"])

    def _is_done_but_for_the_parked(self) -> str:
        if self.writing:
            return "clients still write"
        for consumer in (VIEWS, REACTIONS):
            if missing := self._behind(consumer):
                return missing
        return ""

    def _behind(self, consumer: str) -> str:
        last: dict[int, int] = {}
        for row in self.log():
            last[slot_of(row["originator_id"])] = row["notification_id"]
        tracking = self.follower_db.tables.get("tracking", {})
        for slot, position in last.items():
            row = tracking.get((consumer, CONTEXT, slot))
            if row is None or row["position"] < position:
                return f"{consumer} is at {row['position'] if row else None} of {position} in slot {slot}"
        return ""

    def _is_done(self) -> str:
        if (missing := self._is_done_but_for_the_parked()) or self.follower_db.committed("parked"):
            return missing or "events are parked"
        return "timers wait" if self.follower_db.committed("timers") else ""

    def _check_what_is_parked(self) -> None:
        """Only events that cannot be handled are parked, and those that follow them."""
        first: dict[UUID, int] = {}
        for cause in (self.poison, self.deadly):
            if cause is not None:
                first[cause[0]] = min(cause[1], first.get(cause[0], cause[1]))
        for consumer in (VIEWS, REACTIONS):
            parked = {
                (row["stream_id"], row["version"])
                for row in self.follower_db.committed("parked")
                if row["consumer"] == consumer
            }
            events = {(row["originator_id"], row["originator_version"]) for row in self.log()}
            expected = {(s, v) for s, v in events if s in first and v >= first[s]}
            if parked != expected:
                self.world.violate(f"{consumer} parked {_shown(parked)}, not {_shown(expected)}")

    def check(self) -> None:
        """Compare everything with a fold of the log that is made here and nowhere else."""
        say = self.world.violate
        log = [(row["notification_id"], row["originator_id"], row["originator_version"]) for row in self.log()]
        events = [(stream, version) for _, stream, version in log]
        if lost := set(self.acknowledged) - set(events):
            say(f"acknowledged, and not in the log: {_shown(lost)}")
        versions: dict[UUID, list[int]] = {}
        for stream, version in events:
            versions.setdefault(stream, []).append(version)
        for stream, found in versions.items():
            if found != list(range(1, len(found) + 1)):
                say(f"the log holds {NAMES[stream]} in the order {found}")
        kept = {row["stream"]: row["version"] for row in self.owner_db.committed("kept")}
        if kept != {stream: len(found) for stream, found in versions.items()}:
            say("the owner's own view is not the fold of its log")
        seen = sorted(self.follower_db.committed("seen"), key=lambda row: row["nth"])
        self._compare("the view", [(row["stream"], row["version"]) for row in seen], versions)
        acts = sorted(self.follower_db.committed("acts"), key=lambda row: row["nth"])
        self._compare("the reaction", [(a["stream"], a["version"]) for a in acts if a["kind"] == "reacted"], versions)
        answers = Counter(row["originator_id"] for row in self.follower_db.committed("events"))
        if answers != Counter({derived_id(stream, "answer"): len(found) for stream, found in versions.items()}):
            say("the follower's own log does not hold one answer to each event")
        inbox = {row["event_id"] for row in self.follower_db.committed("inbox")}
        if inbox != {row["event_id"] for row in self.log()}:
            say("the inbox does not hold each event once")
        self._check_timers(acts)

    def _compare(self, what: str, effects: list[tuple[UUID, int]], versions: dict[UUID, list[int]]) -> None:
        count = Counter(effects)
        if twice := [event for event, times in count.items() if times > 1]:
            self.world.violate(f"{what} took effect twice for {_shown(twice)}")
        wanted = {(stream, version) for stream, found in versions.items() for version in found}
        if wanted != set(count):
            self.world.violate(
                f"{what} lost {_shown(wanted - set(count))}, and holds {_shown(set(count) - wanted)} for nothing"
            )
        for stream in versions:
            order = [version for other, version in effects if other == stream]
            if order != sorted(order):
                self.world.violate(f"{what} had {NAMES[stream]} in the order {order}")

    def _check_timers(self, acts: list[Row]) -> None:
        """Every timer that was set, and neither replaced nor taken back before, fired once."""
        pending: dict[UUID, int | None] = {}
        for row in acts:
            stream, version = row["stream"], row["version"]
            if row["kind"] == "reacted":
                if version % 2:
                    pending[stream] = version
                elif version % 4 == 0:
                    pending[stream] = None
            elif pending.get(stream) != version:
                self.world.violate(f"the timer that {_shown([(stream, version)])} set fired twice, or after its end")
            else:
                pending[stream] = None
        if waiting := [(stream, version) for stream, version in pending.items() if version is not None]:
            self.world.violate(f"timers never fired: {_shown(waiting)}")

    # how a schedule is played

    def begin(self) -> None:
        """Provide the broker with queues, break nothing yet, and start every process."""
        self.plan_faults()
        self.broker.queues[backfill_queue(CONTEXT)] = Queue(backfill_queue(CONTEXT))
        self.broker.bind(self.broker.queues[backfill_queue(CONTEXT)], BACKFILL, CONTEXT)
        for process in (*self.relays, *self.buses, self.api, self.operator):
            self.start(process)
        self.keep_alive()


class _TakenBack(Exception):
    """A client changed its mind."""


_TOLD = ("consumer", "position", "slot", "events", "again_in_s")
"""What of a log line's extras is worth reading in a schedule."""


class Log:
    """Stands for a module's logger: expected trouble becomes a line of the schedule, any other a violation."""

    def __init__(self, world: World) -> None:
        self._world = world

    def warning(self, message: str, *, extra: Any = None, exc_info: BaseException | None = None) -> None:
        who = self._world.acting()
        self._world.note(who.name, f"{message}: {extra.get('reason', '')}")
        if exc_info is not None and who.alive:
            self._world.violation = self._world.violation or Violated(f"{who.name}: {message}: {exc_info!r}")
            raise self._world.violation from exc_info

    def info(self, message: str, *, extra: Any = None) -> None:
        shown = {name: value for name, value in (extra or {}).items() if name in _TOLD}
        self._world.note(self._world.acting().name, f"{message} {shown}")

    error = info


@contextmanager
def simulated(world: World, suite: Suite) -> Iterator[None]:
    """Put the world where the kernel looks for servers, time, threads and ids."""
    databases = {"owner": suite.owner_db, "follower": suite.follower_db}
    time = VirtualTime(world)
    log = Log(world)
    modules = (
        kernel.relay,
        kernel.partition,
        kernel.progress,
        kernel.log,
        kernel.publisher,
        kernel.backfill,
        kernel.feeds,
        kernel.instances,
    )
    with ExitStack() as stack:

        def put(module: Any, name: str, value: Any) -> None:
            stack.enter_context(instead_of(module, name, value))

        for module in modules:
            put(module, "time", time)
            if hasattr(module, "log"):
                put(module, "log", log)
        put(kernel.timers, "log", log)
        for module in (kernel.publisher, kernel.partition, kernel.backfill):
            put(module, "connect", lambda *_: suite.broker.connect(world.acting()))
        put(
            psycopg, "connect", lambda url, **given: databases[url].connect(world.acting(), 0.0, "row_factory" in given)
        )
        put(kernel.relay, "Thread", lambda **given: VirtualThread(world, **given))
        put(kernel.relay, "_FIRST_POLL_S", 0.01)
        put(kernel.relay, "_SLOWEST_POLL_S", 0.5)
        put(kernel.partition, "_ASK_AFTER_S", 0.3)
        put(kernel.partition, "_ASK_AGAIN_S", 2.0)
        put(kernel.progress, "_one_suspect", OnePerProcess(world))
        put(kernel.backfill, "uuid4", suite.new_id)
        put(kernel.store, "new_id", suite.new_id)
        put(kernel.store, "LogRecorder", lambda _: copy(suite.recorder))
        yield


def play(choices: Choices, notes: Any, *, tracing: bool = False, record: dict[str, list[Any]] | None = None) -> World:
    """Play one schedule to its end. Raises Violated; its world says what happened."""
    world = World(choices, tracing=tracing)
    suite = Suite(world, notes, record)
    with simulated(world, suite):
        try:
            suite.begin()
            world.run()
        except Violated as violation:
            violation.world = world  # type: ignore[attr-defined]
            raise
        finally:
            world.end()
    return world


def _shown(events: Any) -> str:
    return ", ".join(sorted(f"{NAMES.get(stream, stream)}{version}" for stream, version in events)) or "nothing"


def _record(record: RecordedEvent) -> str:
    event = f"{NAMES.get(UUID(record.stream_id), '?')}{record.version}"
    return f"#{record.position} {event} (after {record.previous_position})"


def _event(message: Message) -> str:
    return message.key if message.key.startswith("heartbeat.") else _record(RecordedEvent.FromString(message.body))
