"""Everything one may ask of notification. One method per command: load, ask, save."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from typing import Any
from uuid import UUID

from kernel.errors import AlreadyExists, NotFound
from kernel.ids import derived_id
from kernel.store import Transaction
from notification.domain import preferences as prefs
from notification.domain.message import (
    Channel,
    Event,
    Message,
    MessageQueued,
    MessageScheduled,
    RecipientKind,
    State,
    evolve,
    queue,
    schedule,
)
from notification.domain.preferences import PreferencesSet
from notification.projections import messages as view
from notification.projections.preferences import preferences_of

BOTH = (Channel.IN_APP, Channel.EMAIL)
MOST_AT_ONCE = 500
TELL_OF_RETENTION = "tell_of_retention"
"""Kind of the job: who may forget people stands in identity, which only a worker can ask."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What somebody is to be told."""

    kind: str
    subject_kind: str
    subject_id: str
    fields: dict[str, str] = field(default_factory=dict)


class Notification:
    # -- telling -------------------------------------------------------------------

    def tell(
        self,
        tx: Transaction[Any],
        recipient_id: UUID,
        notice: Notice,
        cause_event_id: UUID,
        historic: bool,
        usually: tuple[Channel, ...] = BOTH,
    ) -> None:
        """Tell a colleague by the channels he wants. Of the past he is told in the centre only."""
        preferences = preferences_of(tx.cursor, recipient_id)
        channels = prefs.channels_for(preferences, notice.kind, usually)
        for channel in channels:
            if historic and channel != Channel.IN_APP:
                continue
            quiet = None
            if channel == Channel.EMAIL:
                quiet = prefs.quiet_until(preferences, tx.effective_at)
            queued = MessageQueued(
                derived_id(cause_event_id, recipient_id, notice.kind, channel.name),
                recipient_id,
                RecipientKind.PERSON,
                None,
                channel,
                notice.kind,
                notice.subject_kind,
                notice.subject_id,
                notice.fields,
                "",
                "",
                historic,
                cause_event_id,
                quiet,
            )
            self._queue(tx, queued)

    def tell_contact(
        self,
        tx: Transaction[Any],
        contact_id: UUID,
        customer_id: UUID,
        notice: Notice,
        cause_event_id: UUID,
    ) -> None:
        """Write an e-mail to a customer's contact."""
        queued = MessageQueued(
            derived_id(cause_event_id, contact_id, notice.kind, Channel.EMAIL.name),
            contact_id,
            RecipientKind.CONTACT,
            customer_id,
            Channel.EMAIL,
            notice.kind,
            notice.subject_kind,
            notice.subject_id,
            notice.fields,
            "",
            "",
            False,
            cause_event_id,
            None,
        )
        self._queue(tx, queued)

    def _queue(self, tx: Transaction[Any], queued: MessageQueued) -> None:
        if tx.history(queued.message_id):
            return
        tx.append(queued.message_id, 0, queue(queued))
        if queued.channel == Channel.EMAIL:
            _set_mail_job(tx, queued.message_id, queued.not_before or tx.recorded_at)

    # -- arranged messages ---------------------------------------------------------

    def schedule_message(self, tx: Transaction[Any], scheduled: MessageScheduled) -> int:
        if tx.history(scheduled.message_id):
            raise AlreadyExists(f"message {scheduled.message_id} is arranged already")
        version = tx.append(scheduled.message_id, 0, schedule(scheduled))
        tx.set_timer(
            _release_key(scheduled.message_id),
            "release_message",
            scheduled.send_at,
            {"message_id": str(scheduled.message_id)},
        )
        return version

    def release_message(self, tx: Transaction[Any], message_id: UUID, historic: bool) -> None:
        """The arranged time has come, or is over: the message goes, once."""
        loaded = tx.load(message_id, evolve)
        if loaded.state is None:
            return
        events = loaded.state.release(historic)
        tx.append(message_id, loaded.version, events)
        for event in events:
            if isinstance(event, MessageQueued) and event.channel == Channel.EMAIL:
                _set_mail_job(tx, message_id, tx.recorded_at)

    def cancel_schedule(self, tx: Transaction[Any], message_id: UUID) -> int:
        version = self._change(tx, message_id, Message.cancel)
        tx.cancel_timer(_release_key(message_id))
        return version

    # -- delivery ------------------------------------------------------------------

    def begin_attempt(self, tx: Transaction[Any], message_id: UUID, smtp_message_id: str) -> Message | None:
        """Record that a message is about to leave; None when it must not."""
        loaded = tx.load(message_id, evolve)
        if loaded.state is None:
            return None
        unknown = loaded.state.give_up_on_unknown()
        if unknown:
            tx.append(message_id, loaded.version, unknown)
            return None
        events = loaded.state.attempt(smtp_message_id)
        if not events:
            return None
        tx.append(message_id, loaded.version, events)
        return reduce(evolve, events, loaded.state)

    def record_delivered(self, tx: Transaction[Any], message_id: UUID) -> None:
        self._change(tx, message_id, Message.delivered)

    def record_failed(self, tx: Transaction[Any], message_id: UUID, reason: str, permanent: bool) -> None:
        """Record why it did not leave, and have it tried again if there is a next time."""
        loaded = tx.load(message_id, evolve)
        assert loaded.state is not None, f"no message {message_id}"
        events = loaded.state.failed(reason, permanent, tx.recorded_at)
        tx.append(message_id, loaded.version, events)
        for event in events:
            retry_at: datetime | None = getattr(event, "retry_at", None)
            if retry_at is not None:
                _set_mail_job(tx, message_id, retry_at)

    def retry_message(self, tx: Transaction[Any], message_id: UUID) -> int:
        version = self._change(tx, message_id, Message.retry)
        _set_mail_job(tx, message_id, tx.recorded_at)
        return version

    # -- reading -------------------------------------------------------------------

    def mark_read(self, tx: Transaction[Any], person_id: UUID | None, message_id: UUID) -> int:
        def decide(message: Message) -> list[Event]:
            if message.recipient_id != person_id or message.channel != Channel.IN_APP:
                raise NotFound(f"no notification {message_id}")
            return message.read()

        return self._change(tx, message_id, decide)

    def mark_all_read(self, tx: Transaction[Any], person_id: UUID) -> int:
        ids = view.unread_ids(tx.cursor, person_id, MOST_AT_ONCE)
        appended: list[tuple[UUID, int, Event, datetime | None]] = []
        for message_id, history in tx.histories(ids).items():
            message: Message | None = reduce(evolve, history, None)
            if message is not None and message.state == State.SENT:
                appended += [(message_id, len(history), event, None) for event in message.read()]
        tx.append_all(appended)
        return len(appended)

    def set_preferences(self, tx: Transaction[Any], wanted: PreferencesSet) -> int:
        stream = derived_id("notification", "preferences", wanted.person_id)
        loaded = tx.load(stream, prefs.evolve)
        return tx.append(stream, loaded.version, prefs.set_preferences(loaded.state, wanted))

    def _change(self, tx: Transaction[Any], message_id: UUID, decide: Callable[[Message], Sequence[Event]]) -> int:
        loaded = tx.load(message_id, evolve)
        if loaded.state is None:
            raise NotFound(f"no message {message_id}")
        return tx.append(message_id, loaded.version, decide(loaded.state))


def _release_key(message_id: UUID) -> str:
    return f"release/{message_id}"


def _set_mail_job(tx: Transaction[Any], message_id: UUID, due_at: datetime) -> None:
    tx.set_timer(f"mail/{message_id}", "send_mail", due_at, {"message_id": str(message_id)})
