"""What is for whom and what became of it: the notification centre and the delivery log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded
from notification.domain import message as m

_STEPS: dict[type, str] = {
    m.MessageScheduled: "scheduled",
    m.ScheduleCancelled: "cancelled",
    m.MessageQueued: "queued",
    m.MessageAttempted: "attempted",
    m.MessageDelivered: "sent",
    m.MessageFailed: "failed",
    m.MessageRead: "read",
    m.MessageRetried: "retried",
}
_UNREAD = f"channel = {m.Channel.IN_APP.value} and state = {m.State.SENT.value}"


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    event, at = recorded.event, recorded.metadata.effective_at
    step = _STEPS.get(type(event))
    if step is None:
        return
    match event:
        case m.MessageScheduled():
            _begin(cursor, recorded, m.State.SCHEDULED, event.send_at)
        case m.MessageQueued():
            _begin(cursor, recorded, m.State.QUEUED, event.not_before or at)
        case m.ScheduleCancelled():
            _set(cursor, recorded, m.State.CANCELLED)
        case m.MessageAttempted():
            _set(cursor, recorded, m.State.ATTEMPTED, "attempts = %s", event.attempt)
        case m.MessageDelivered():
            _set(cursor, recorded, m.State.SENT, "sent_at = %s, last_failure = ''", at)
        case m.MessageFailed():
            state = m.State.FAILED if event.final else m.State.RETRYING
            _set(
                cursor,
                recorded,
                state,
                "last_failure = %s, send_at = coalesce(%s, send_at)",
                event.reason,
                event.retry_at,
            )
        case m.MessageRead():
            _set(cursor, recorded, m.State.READ, "read_at = %s", at)
        case m.MessageRetried():
            _set(cursor, recorded, m.State.RETRYING, "send_at = %s", at)
    cursor.execute(
        "insert into delivery_steps (message_id, version, step, happened_at, attempt, detail)"
        " values (%s, %s, %s, %s, %s, %s) on conflict do nothing",
        (
            recorded.stream,
            recorded.version,
            step,
            at,
            getattr(event, "attempt", 0),
            getattr(event, "reason", ""),
        ),
        prepare=True,
    )


def _begin(cursor: Cursor[DictRow], recorded: Recorded[Any], state: m.State, send_at: Any) -> None:
    event = recorded.event
    cursor.execute(
        "insert into messages (message_id, version, recipient_id, recipient_kind, customer_id, channel, kind,"
        " subject_kind, subject_id, fields, title, text, state, queued_at, send_at, historic, cause_event_id)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (message_id) do update set version = excluded.version, channel = excluded.channel,"
        " state = excluded.state, queued_at = excluded.queued_at, send_at = excluded.send_at,"
        " historic = excluded.historic",
        (
            event.message_id,
            recorded.version,
            event.recipient_id,
            event.recipient_kind.value,
            event.customer_id,
            event.channel.value,
            event.kind,
            event.subject_kind,
            event.subject_id,
            json.dumps(event.fields, ensure_ascii=False),
            str(event.title),
            str(event.text),
            state.value,
            recorded.metadata.effective_at,
            send_at,
            getattr(event, "historic", False),
            getattr(event, "cause_event_id", None),
        ),
        prepare=True,
    )


def _set(cursor: Cursor[DictRow], recorded: Recorded[Any], state: m.State, changes: str = "", *values: Any) -> None:
    extra = f", {changes}" if changes else ""
    cursor.execute(
        f"update messages set version = %s, state = %s{extra} where message_id = %s",
        (recorded.version, state.value, *values, recorded.stream),
        prepare=True,
    )


VIEW = Inline("messages", ("messages", "delivery_steps"), project)


def centre(cursor: Cursor[DictRow], person_id: UUID, unread_only: bool, page: Page) -> list[DictRow]:
    """Return a person's notifications, newest first, one more than a page holds."""
    where = ["recipient_id = %s", f"channel = {m.Channel.IN_APP.value}"]
    values: list[Any] = [person_id]
    shown = [m.State.SENT.value] if unread_only else [m.State.SENT.value, m.State.READ.value]
    where.append("state = any(%s)")
    values.append(shown)
    if page.after:
        where.append("(queued_at, message_id) < (%s::timestamptz, %s::uuid)")
        values += page.after[:2]
    return cursor.execute(
        f"select * from messages where {' and '.join(where)} order by queued_at desc, message_id desc limit %s",
        (*values, page.limit + 1),
    ).fetchall()


def unread(cursor: Cursor[DictRow], person_id: UUID) -> int:
    row = cursor.execute(
        f"select count(*) as n from messages where recipient_id = %s and {_UNREAD}", (person_id,)
    ).fetchone()
    assert row is not None
    return int(row["n"])


def unread_ids(cursor: Cursor[DictRow], person_id: UUID, limit: int) -> list[UUID]:
    rows = cursor.execute(
        f"select message_id from messages where recipient_id = %s and {_UNREAD}"
        " order by queued_at, message_id limit %s",
        (person_id, limit),
    ).fetchall()
    return [row["message_id"] for row in rows]


def log_page(cursor: Cursor[DictRow], conditions: Sequence[tuple[str, Any]], page: Page) -> list[DictRow]:
    """Return messages whose columns equal the values given, newest first, one more than a page holds.

    The columns are named by us, never by a user.
    """
    where = ["true", *(f"{column} = %s" for column, _ in conditions)]
    values = [value for _, value in conditions]
    if page.after:
        where.append("(queued_at, message_id) < (%s::timestamptz, %s::uuid)")
        values += page.after[:2]
    return cursor.execute(
        f"select * from messages where {' and '.join(where)} order by queued_at desc, message_id desc limit %s",
        (*values, page.limit + 1),
    ).fetchall()


def message(cursor: Cursor[DictRow], message_id: UUID) -> DictRow | None:
    return cursor.execute("select * from messages where message_id = %s", (message_id,)).fetchone()


def steps(cursor: Cursor[DictRow], message_id: UUID) -> list[DictRow]:
    """Return every step of a delivery, oldest first."""
    return cursor.execute(
        "select * from delivery_steps where message_id = %s order by version limit 1000", (message_id,)
    ).fetchall()
