"""The partners' servers that are told of events, as they are now."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded
from notification.domain import webhook as w


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    event = recorded.event
    match event:
        case w.WebhookRegistered():
            cursor.execute(
                "insert into webhooks (webhook_id, version, name, url, types, owner_id, state, registered_at)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict (webhook_id) do nothing",
                (
                    event.webhook_id,
                    recorded.version,
                    event.name,
                    event.url,
                    list(event.types),
                    event.owner_id,
                    w.WebhookState.ACTIVE.value,
                    recorded.metadata.effective_at,
                ),
            )
        case w.WebhookRevised():
            _set(cursor, recorded, "name = %s, url = %s, types = %s", event.name, event.url, list(event.types))
        case w.WebhookPaused():
            _set(cursor, recorded, "state = %s, pause_reason = %s", w.WebhookState.PAUSED.value, event.reason)
        case w.WebhookResumed():
            _set(cursor, recorded, "state = %s, pause_reason = ''", w.WebhookState.ACTIVE.value)
        case w.WebhookSecretRotated():
            _set(cursor, recorded, "name = name")
        case w.WebhookRemoved():
            cursor.execute("delete from webhooks where webhook_id = %s", (recorded.stream,))


def _set(cursor: Cursor[DictRow], recorded: Recorded[Any], changes: str, *values: Any) -> None:
    cursor.execute(
        f"update webhooks set version = %s, {changes} where webhook_id = %s",
        (recorded.version, *values, recorded.stream),
    )


VIEW = Inline("webhooks", ("webhooks",), project)


def webhooks(cursor: Cursor[DictRow], page: Page) -> list[DictRow]:
    """Return webhooks by name and how each does, one more than a page holds."""
    where, values = "true", list(page.after[:2])
    if values:
        where = "(w.name, w.webhook_id) > (%s, %s::uuid)"
    return cursor.execute(
        "select w.*, s.last_delivered_at, coalesce(s.failures, 0) as failures,"
        " (select count(*) from webhook_deliveries d where d.webhook_id = w.webhook_id and d.state = 1) as waiting,"
        " (select count(*) from webhook_deliveries d where d.webhook_id = w.webhook_id and d.state = 3) as set_aside,"
        " (select count(*) from webhook_secrets t where t.webhook_id = w.webhook_id) as secrets"
        f" from webhooks w left join webhook_standing s using (webhook_id) where {where}"
        " order by w.name, w.webhook_id limit %s",
        (*values, page.limit + 1),
    ).fetchall()


def webhook(cursor: Cursor[DictRow], webhook_id: UUID) -> DictRow | None:
    return cursor.execute("select * from webhooks where webhook_id = %s", (webhook_id,)).fetchone()


def count(cursor: Cursor[DictRow]) -> int:
    row = cursor.execute("select count(*) as n from webhooks").fetchone()
    assert row is not None
    return int(row["n"])
