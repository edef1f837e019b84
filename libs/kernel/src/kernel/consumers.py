"""The two things a service does with other contexts' events: keep views of them, and react to them.

A consumer says how a batch is cut into transactions and what happens in each; where the batch comes
from, and how far the consumer is, is kernel.progress's business.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from google.protobuf.message import Message
from psycopg import Connection, Cursor
from psycopg.rows import DictRow

from kernel.config import CONTEXTS
from kernel.delivered import Delivered
from kernel.forgetting import PERSON_PURGED, PURGE_ASKED, when_purge_asked
from kernel.handover import HAND_OVER, HANDOVER_ASKED, RECORDS_HANDED_OVER, next_batch, when_handover_asked
from kernel.projections import Eventual
from kernel.store import Cause, EventStore, Transaction
from kernel.timers import TimerHandler
from kernel.tracing import projecting
from kernel.unheard import keep_unheard

if TYPE_CHECKING:
    from kernel.service import Service

Reaction = Callable[[Delivered, Transaction[Any]], None]

VIEWS = "views"
REACTIONS = "reactions"
_ASKS = "customer"
"""The context that asks all others to forget a person, or to hand over what one owns."""


@dataclass(frozen=True, slots=True)
class Work:
    """A transaction that has begun, and what to do with events in it."""

    cursor: Cursor[DictRow]
    apply: Callable[[Sequence[Delivered]], None]


class Consumer(Protocol):
    """What a group of partition queues is read for."""

    name: str
    contexts: tuple[str, ...]
    wants_the_past: bool

    def cut(self, events: Sequence[Delivered]) -> Iterator[Sequence[Delivered]]:
        """Cut events into parts that are each handled in a transaction of their own."""
        ...

    def begin(self, connection: Connection[DictRow], part: Sequence[Delivered]) -> AbstractContextManager[Work]:
        """Begin one part's transaction, on the connection given or on one of its own."""
        ...


class Views:
    """All eventual views of a service: a whole batch in one transaction."""

    name = VIEWS
    wants_the_past = True

    def __init__(self, views: Sequence[Eventual]) -> None:
        self._views = tuple(views)
        self.contexts = tuple(sorted({context for view in views for context in view.contexts}))

    def cut(self, events: Sequence[Delivered]) -> Iterator[Sequence[Delivered]]:
        yield events

    @contextmanager
    def begin(self, connection: Connection[DictRow], part: Sequence[Delivered]) -> Iterator[Work]:
        with connection.pipeline(), connection.transaction(), connection.cursor() as cursor:
            yield Work(cursor, lambda events: self._apply(cursor, events))

    def _apply(self, cursor: Cursor[DictRow], events: Sequence[Delivered]) -> None:
        keep_unheard(cursor, self.name, events)
        for view in self._views:
            concerned = [event for event in events if event.context in view.contexts]
            if concerned:
                with projecting(view.name):
                    view.project(cursor, concerned)


class Reactions:
    """All reactions of a service: a transaction for each event that one wants, exactly once.

    They follow whole logs, not only the types that they want, because only an unbroken chain of
    positions shows that something is missing.
    """

    name = REACTIONS
    wants_the_past = False

    def __init__(self, service: str, store: EventStore[Any], reactions: Mapping[type[Message], Reaction]) -> None:
        self._service = service
        self._store = store
        self._by_type = {message.DESCRIPTOR.full_name: do for message, do in reactions.items()}
        self.contexts = tuple(sorted(set().union(*(contexts_of(name, service) for name in self._by_type))))

    def cut(self, events: Sequence[Delivered]) -> Iterator[Sequence[Delivered]]:
        part: list[Delivered] = []
        for event in events:
            part.append(event)
            if event.type in self._by_type:
                yield part
                part = []
        if part:
            yield part

    @contextmanager
    def begin(self, connection: Connection[DictRow], part: Sequence[Delivered]) -> Iterator[Work]:
        if part[-1].type not in self._by_type:
            with connection.transaction(), connection.cursor() as cursor:
                yield Work(cursor, lambda events: keep_unheard(cursor, self.name, events))
            return
        cause = Cause.from_event(self._service, part[-1].metadata)
        with self._store.transaction(cause) as transaction:
            yield Work(transaction.cursor, lambda events: self._apply(transaction, events))

    def _apply(self, transaction: Transaction[Any], events: Sequence[Delivered]) -> None:
        keep_unheard(transaction.cursor, self.name, events)
        for event in events:
            if event.type in self._by_type and self._is_new(transaction.cursor, event):
                self._by_type[event.type](event, transaction)

    def _is_new(self, cursor: Cursor[DictRow], event: Delivered) -> bool:
        """Write the event into the inbox; False if it was there."""
        cursor.execute(
            "insert into inbox (consumer, event_id) values (%s, %s) on conflict do nothing",
            (self.name, event.metadata.event_id),
            prepare=True,
        )
        return cursor.rowcount == 1


def consumers_of(service: Service) -> Iterator[tuple[Consumer, int]]:
    """Return what a service reads other contexts' events for, and by how many queues each.

    Views are spread over partitions; reactions stay in one queue, because each commits by itself.
    """
    if service.eventual:
        yield Views(service.eventual), service.settings.partitions
    if reactions := reactions_of(service):
        yield Reactions(service.name, service.store, reactions), 1


def reactions_of(service: Service) -> dict[type[Message], Reaction]:
    """Return a service's own reactions, and that it forgets people and hands records over when it is asked to."""
    reactions = dict(service.reactions)
    if service.name == _ASKS:
        return reactions
    if service.personal is not None:
        reactions[PURGE_ASKED] = when_purge_asked(service.name, service.personal)
    if service.owned is not None:
        reactions[HANDOVER_ASKED] = when_handover_asked(service.name)
    return reactions


def timers_of(service: Service) -> dict[str, TimerHandler]:
    """Return a service's own timers, and the one that hands records over."""
    if service.owned is None:
        return dict(service.timers)
    return {HAND_OVER: next_batch(service.name, service.owned), **service.timers}


def contexts_of(event_type: str, service: str) -> Collection[str]:
    """Return the contexts whose logs may hold an event type `crm.<context>.v1.<EventName>` that a service wants."""
    if event_type in (PURGE_ASKED.DESCRIPTOR.full_name, HANDOVER_ASKED.DESCRIPTOR.full_name):
        return (_ASKS,)
    if event_type in (PERSON_PURGED.DESCRIPTOR.full_name, RECORDS_HANDED_OVER.DESCRIPTOR.full_name):
        return set(CONTEXTS) - {service}
    return (event_type.split(".")[-3],)
