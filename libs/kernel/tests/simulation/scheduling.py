"""Processes that run one step at a time, in an order that a seed chooses, in a time of their own.

Every task is a greenlet that gives way wherever it speaks to the outside: to the database, the broker or
the clock. Who goes on there, and what breaks, is a choice; the same choices give the same schedule.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from greenlet import greenlet

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_STEP_S = 0.0001
_EAGERNESS = (0.02, 0.1, 0.4, 1.0)


class Killed(BaseException):
    """Unwinds a task whose process is dead. Nothing that it still attempts has an effect."""


class Violated(BaseException):
    """A promise was broken, or the simulation met what it does not know. No handler may keep it."""


class Choices:
    """Numbers that decide a schedule: drawn from a seed, or given. 0 is always the quiet choice."""

    def __init__(self, seed: int | None = None, given: list[int] | None = None) -> None:
        self._random = random.Random(seed)
        self._given = given
        self.made: list[int] = []
        self._eagerness = _EAGERNESS[seed % len(_EAGERNESS)] if seed is not None else 0.0

    def of(self, options: int) -> int:
        """One of so many options."""
        return self._take(options, 1.0)

    def next_to_run(self, options: int) -> int:
        """Who goes on; 0, who is at it already, as often as this seed likes."""
        return self._take(options, self._eagerness)

    def rarely(self, options: int, probability: float) -> int:
        """0, or with this probability one of the other options."""
        return self._take(options, probability)

    def _take(self, options: int, probability: float) -> int:
        if options <= 1:
            return 0
        if self._given is not None:
            at = len(self.made)
            chosen = min(self._given[at], options - 1) if at < len(self._given) else 0
        elif self._random.random() < probability:
            chosen = int(self._random.random() * options)
        else:
            chosen = 0
        self.made.append(chosen)
        return chosen


class Process:
    """What lives and dies as one: tasks, and connections that end with them."""

    def __init__(self, world: World, name: str, begin: Callable[[Process], None]) -> None:
        self.world = world
        self.name = name
        self._begin = begin
        self.alive = False
        self.paused = False
        self.tasks: list[Task] = []
        self.held: list[Task] = []
        self.connections: list[Any] = []
        self.life = 0
        self.mortal = True
        world.processes.append(self)

    def start(self) -> None:
        """Begin to live, anew if it died."""
        if self.alive:
            return
        self.alive, self.life = True, self.life + 1
        self.tasks, self.held, self.connections = [], [], []
        self.world.note(self.name, "starts")
        self._begin(self)

    def spawn(self, do: Callable[[], None]) -> Task:
        """Run something beside what runs already."""
        task = Task(self.world, self, do)
        self.tasks.append(task)
        self.world.ready.append(task)
        return task


class Task:
    """One greenlet, and whether it waits for something."""

    __slots__ = ("_do", "done", "greenlet", "process", "waits")

    def __init__(self, world: World, process: Process, do: Callable[[], None]) -> None:
        self.process = process
        self.done = False
        self.waits = 0
        self._do = do
        self.greenlet = greenlet(self._run, world.hub)

    def _run(self) -> None:
        try:
            self._do()
        except Killed:
            pass
        finally:
            self.done = True


class World:
    """Time, tasks and faults. One thread; `run` is the hub that every task gives way to."""

    def __init__(self, choices: Choices, *, tracing: bool = False, most_steps: int = 60_000) -> None:
        self.choices = choices
        self.hub = greenlet(self._run)
        self.now = 0.0
        self.steps = 0
        self.ready: list[Task] = []
        self.current: Task | None = None
        self.finished = False
        self.violation: Violated | None = None
        self.trace: list[str] | None = [] if tracing else None
        self.planned: list[tuple[int, Callable[[], None]]] = []
        self.broker: Any = None
        self.processes: list[Process] = []
        self._most_steps = most_steps
        self._later: list[tuple[float, int, int, Task | Callable[[], None]]] = []
        self._number = 0
        self._doomed: list[Process] = []
        self._chosen = 0

    def note(self, who: str, what: str) -> None:
        """Write a line of the schedule, if anybody wants to read it."""
        if self.trace is not None:
            self.trace.append(f"{self.now:9.4f} s  {who:<9} {what}")

    def violate(self, what: str) -> None:
        """A promise is broken: end this schedule."""
        self.violation = self.violation or Violated(what)
        raise self.violation

    def moment(self) -> datetime:
        """The time that every clock shows."""
        return START + timedelta(seconds=self.now)

    def acting(self) -> Process:
        """The process whose task is running."""
        assert self.current is not None, "nobody is running"
        return self.current.process

    def point(self) -> None:
        """Give way: others may run first, or this process may die here."""
        task = self.current
        assert task is not None
        if not task.process.alive:
            raise Killed
        self.steps += 1
        self.now += _STEP_S
        quiet = not (task.process.paused or (self.planned and self.planned[0][0] <= self.steps))
        if quiet and not (self._later and self._later[0][0] <= self.now):
            others = len(self.ready) + self.broker.is_busy()
            if not others:
                return
            chosen = self.choices.next_to_run(others + 1)
            if not chosen:
                return
            self.ready.insert(0, task)
            self._chosen = chosen
        else:
            self.ready.insert(0, task)
        self.hub.switch()

    def rest(self, seconds: float) -> None:
        """Let time pass."""
        self.wait(None, max(seconds, _STEP_S))

    def wait(self, waiting: list[Task] | None, timeout_s: float | None = None) -> None:
        """Wait until somebody wakes who is in `waiting`, or for so long."""
        task = self.current
        assert task is not None
        if not task.process.alive:
            raise Killed
        task.waits += 1
        if waiting is not None:
            waiting.append(task)
        if timeout_s is not None:
            self._push(self.now + timeout_s, task.waits, task)
        self.hub.switch()
        if waiting is not None and task in waiting:
            waiting.remove(task)

    def wake(self, waiting: list[Task]) -> None:
        """Let all that wait there go on."""
        for task in waiting:
            task.waits += 1
            self._make_ready(task)
        waiting.clear()

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        """Have something happen to the processes after a while."""
        self._push(self.now + seconds, 0, do)

    def die(self) -> None:
        """End the process that is running, from inside."""
        self._doomed.append(self.acting())
        self.hub.switch()

    def kill(self, process: Process) -> None:
        """End a process as kill -9 does. Called from the hub only."""
        if not process.alive:
            return
        self.note(process.name, "IS KILLED")
        process.alive = process.paused = False
        for connection in list(process.connections):
            connection.cut()
        gone = {id(task) for task in process.tasks}
        self.ready = [task for task in self.ready if id(task) not in gone]
        for task in process.tasks:
            task.waits += 1
            if task.greenlet:  # one that never ran has nothing to unwind
                self._switch_to(task, dead=True)

    def pause(self, process: Process, seconds: float) -> None:
        """Stop a process as SIGSTOP does, and let it go on later."""
        if not process.alive or process.paused:
            return
        self.note(process.name, f"IS STOPPED for {seconds:g} s")
        process.paused, life = True, process.life

        def go_on() -> None:
            if process.alive and process.paused and process.life == life:
                self.note(process.name, "goes on")
                process.paused = False
                self.ready.extend(process.held)
                process.held = []

        self.later(seconds, go_on)

    def run(self) -> None:
        """Run until somebody sets `finished`. Raises Violated."""
        self.hub.switch()
        if self.violation is not None:
            raise self.violation

    def _run(self) -> None:
        while not self.finished and self.violation is None:
            self.steps += 1
            if self.steps > self._most_steps:
                self.violation = Violated(f"has not come to rest after {self._most_steps} steps")
                return
            for process in self._doomed:
                self.kill(process)
            self._doomed.clear()
            while self.planned and self.planned[0][0] <= self.steps:
                self.planned.pop(0)[1]()
            while self._later and self._later[0][0] <= self.now:
                self._due(*heapq.heappop(self._later)[2:])
            options = len(self.ready) + self.broker.is_busy()
            if not options:
                if not self._later:
                    self.violation = Violated("nobody can go on: all wait for each other")
                    return
                self.now = max(self.now, self._later[0][0])
                continue
            chosen, self._chosen = min(self._chosen, options - 1) or self.choices.next_to_run(options), 0
            if chosen >= len(self.ready):
                self.broker.step()
                continue
            task = self.ready.pop(chosen)
            if task.process.paused:
                task.process.held.append(task)
            else:
                self._switch_to(task)

    def _switch_to(self, task: Task, dead: bool = False) -> None:
        self.current = task
        try:
            if dead:
                task.greenlet.throw(Killed)
            else:
                task.greenlet.switch()
        except Violated as violation:
            self.violation = self.violation or violation
        except Exception as error:
            self.violation = self.violation or Violated(f"{task.process.name} ended with {error!r}")
            self.violation.__cause__ = error
        self.current = None

    def _due(self, token: int, what: Task | Callable[[], None]) -> None:
        if not isinstance(what, Task):
            what()
        elif what.waits == token:
            what.waits += 1
            self._make_ready(what)

    def _make_ready(self, task: Task) -> None:
        if not task.greenlet:  # it died waiting
            return
        (task.process.held if task.process.paused else self.ready).append(task)

    def _push(self, at: float, token: int, what: Task | Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._later, (at, self._number, token, what))

    def end(self) -> None:
        """Unwind whatever still runs."""
        for process in self.processes:
            process.alive = False
        for process in self.processes:
            for task in process.tasks:
                if task.greenlet:
                    self._switch_to(task, dead=True)


class VirtualTime:
    """What the module `time` offers, in the world's time."""

    def __init__(self, world: World) -> None:
        self._world = world

    def monotonic(self) -> float:
        return 1000.0 + self._world.now

    def time(self) -> float:
        return START.timestamp() + self._world.now

    def sleep(self, seconds: float) -> None:
        self._world.rest(seconds)


class VirtualThread:
    """A task of the process that starts it."""

    def __init__(self, world: World, target: Callable[..., None], args: tuple[Any, ...] = (), name: str = "") -> None:
        self._world = world
        self._do = lambda: target(*args)
        self._task: Task | None = None

    def start(self) -> None:
        self._task = self._world.acting().spawn(self._do)

    def join(self) -> None:
        while self._task is not None and not self._task.done:
            self._world.rest(0.1)


class VirtualEvent:
    """What threading.Event offers to those who stop or wait a while."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._is_set = False
        self._waiting: list[Task] = []

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        self._world.wake(self._waiting)

    def wait(self, timeout_s: float) -> bool:
        if not self._is_set:
            self._world.wait(self._waiting, timeout_s)
        return self._is_set


class OnePerProcess:
    """A lock of which every process has its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._held: dict[tuple[str, int], list[Task]] = {}

    def __enter__(self) -> None:
        process = self._world.acting()
        key = process.name, process.life
        while key in self._held:
            self._world.wait(self._held[key])
        self._held[key] = []

    def __exit__(self, *_: object) -> None:
        process = self._world.acting()
        self._world.wake(self._held.pop((process.name, process.life), []))
