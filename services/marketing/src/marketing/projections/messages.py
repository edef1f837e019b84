"""Mailings and messages, what became of each, and how people answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.auth import Caller
from kernel.projections import Inline
from kernel.store import Recorded
from marketing.domain.mailing import MailingCancelled, MailingHandedOver, MailingLaunched, MailingPlanned, MailingQueued
from marketing.domain.message import (
    MessageBounced,
    MessageClicked,
    MessageDeferred,
    MessageDispatched,
    MessageOpened,
    MessageOutcomeLost,
    MessagePlanned,
    MessageRequeued,
    MessageSent,
    MessageWithheld,
)
from marketing.domain.template import MessageChannel


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    at = recorded.metadata.effective_at
    match recorded.event:
        case MailingPlanned() as it:
            cursor.execute(
                "insert into mailings (mailing_id, name, campaign_id, segment_id, template_id, channel,"
                " owner_id, planned_at, version) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    it.mailing_id,
                    it.name,
                    it.campaign_id,
                    it.segment_id,
                    it.template_id,
                    int(it.channel),
                    it.owner_id,
                    at,
                    recorded.version,
                ),
            )
        case MailingLaunched(mailing_id=mailing_id):
            _mailing(cursor, mailing_id, "launched", recorded.version)
        case MailingQueued(mailing_id=mailing_id):
            _mailing(cursor, mailing_id, "queued", recorded.version)
        case MailingHandedOver() as it:
            cursor.execute(
                "update mailings set owner_id = %s, version = %s where mailing_id = %s",
                (it.to_owner_id, recorded.version, it.mailing_id),
            )
        case MailingCancelled(mailing_id=mailing_id):
            _mailing(cursor, mailing_id, "cancelled", recorded.version)
        case MessagePlanned() as it:
            cursor.execute(
                "insert into messages (send_id, campaign_id, mailing_id, journey_id, run_id, step_id,"
                " customer_id, contact_id, submission_id, recipient_id, channel, template_id,"
                " template_version, owner_id, test, planned_at)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    it.send_id,
                    it.campaign_id,
                    it.mailing_id,
                    it.journey_id,
                    it.run_id,
                    it.step_id,
                    it.customer_id,
                    it.contact_id,
                    it.submission_id,
                    it.contact_id or it.submission_id or it.customer_id,
                    int(it.channel),
                    it.template_id,
                    it.template_version,
                    it.owner_id,
                    bool(it.test_address),
                    at,
                ),
            )
        case MessageDispatched(send_id=send_id):
            cursor.execute(
                "update messages set state = 'dispatched', dispatched_at = %s where send_id = %s",
                (at, send_id),
            )
        case MessageSent(send_id=send_id, simulated=simulated):
            cursor.execute(
                "update messages set state = %s, left_at = %s where send_id = %s",
                ("simulated" if simulated else "sent", at, send_id),
            )
        case MessageWithheld(send_id=send_id, reason=reason):
            cursor.execute(
                "update messages set state = 'withheld', reason = %s where send_id = %s",
                (int(reason), send_id),
            )
        case MessageDeferred(send_id=send_id):
            _message(cursor, send_id, "deferred")
        case MessageBounced(send_id=send_id):
            _message(cursor, send_id, "bounced")
        case MessageOutcomeLost(send_id=send_id):
            _message(cursor, send_id, "unknown")
        case MessageRequeued(send_id=send_id):
            _message(cursor, send_id, "planned")
        case MessageOpened(send_id=send_id):
            cursor.execute("update messages set opened_at = coalesce(opened_at, %s) where send_id = %s", (at, send_id))
        case MessageClicked(send_id=send_id):
            cursor.execute(
                "update messages set clicked_at = coalesce(clicked_at, %s), clicks = clicks + 1 where send_id = %s",
                (at, send_id),
            )


def _mailing(cursor: Cursor[DictRow], mailing_id: UUID, state: str, version: int) -> None:
    cursor.execute("update mailings set state = %s, version = %s where mailing_id = %s", (state, version, mailing_id))


def _message(cursor: Cursor[DictRow], send_id: UUID, state: str) -> None:
    cursor.execute("update messages set state = %s where send_id = %s", (state, send_id))


VIEW = Inline("messages", ("mailings", "messages"), project)

# -- questions -----------------------------------------------------------------


def mailing(cursor: Cursor[DictRow], caller: Caller, mailing_id: UUID) -> DictRow | None:
    """The mailing, if the caller may see it."""
    scope, values = caller.scope_filter("owner_id")
    return cursor.execute(f"select * from mailings where mailing_id = %s and {scope}", (mailing_id, *values)).fetchone()


def mailings_page(
    cursor: Cursor[DictRow], caller: Caller, limit: int, after: Sequence[Any], campaign_id: UUID | None
) -> list[DictRow]:
    """Mailings the caller may see, newest first, one more than the limit."""
    scope, values = caller.scope_filter("owner_id")
    onwards = "and (planned_at, mailing_id) < (%s::timestamptz, %s::uuid)" if after else ""
    return cursor.execute(
        f"select * from mailings where {scope} and (%s::uuid is null or campaign_id = %s) {onwards}"
        " order by planned_at desc, mailing_id desc limit %s",
        (*values, campaign_id, campaign_id, *after, limit + 1),
    ).fetchall()


def message(cursor: Cursor[DictRow], caller: Caller, send_id: UUID) -> DictRow | None:
    """The message, if the caller may see it."""
    scope, values = caller.scope_filter("owner_id")
    return cursor.execute(f"select * from messages where send_id = %s and {scope}", (send_id, *values)).fetchone()


def messages_page(
    cursor: Cursor[DictRow],
    caller: Caller,
    limit: int,
    after: Sequence[Any],
    wanted: dict[str, Any],
) -> list[DictRow]:
    """Messages the caller may see, newest first, one more than the limit; `wanted` maps columns to values."""
    scope, values = caller.scope_filter("owner_id")
    chosen = {column: value for column, value in wanted.items() if value}
    where = "".join(f" and {column} = %s" for column in chosen)
    onwards = " and (planned_at, send_id) < (%s::timestamptz, %s::uuid)" if after else ""
    return cursor.execute(
        f"select * from messages where {scope}{where}{onwards} order by planned_at desc, send_id desc limit %s",
        (*values, *chosen.values(), *after, limit + 1),
    ).fetchall()


def engagement(cursor: Cursor[DictRow], column: str, ids: Sequence[UUID]) -> dict[UUID, DictRow]:
    """What became of the messages of campaigns, mailings or journeys; `column` says which. Tests do not count."""
    rows = cursor.execute(
        f"select m.{column} as id, count(*) as planned,"
        " count(*) filter (where state in ('sent', 'simulated')) as sent,"
        " count(*) filter (where state = 'simulated') as simulated,"
        " count(*) filter (where state = 'withheld') as withheld,"
        " count(*) filter (where state = 'bounced') as bounced,"
        " count(*) filter (where state = 'unknown') as unknown,"
        " count(opened_at) as opened, count(clicked_at) as clicked,"
        " count(u.send_id) as unsubscribed"
        " from messages m left join unsubscribed u on u.send_id = m.send_id"
        f" where m.{column} = any(%s) and not m.test group by m.{column}",
        (list(ids),),
    ).fetchall()
    return {row["id"]: row for row in rows}


def recent(cursor: Cursor[DictRow], recipient_id: UUID, channel: MessageChannel, now: datetime, days: int) -> int:
    """How many messages went to a person by a channel in the days before now, those in hand included."""
    row = cursor.execute(
        "select count(*) as n from messages where recipient_id = %s and channel = %s and not test"
        " and state in ('dispatched', 'sent', 'simulated', 'unknown')"
        " and dispatched_at > %s and dispatched_at <= %s",
        (recipient_id, int(channel), now - timedelta(days=days), now),
    ).fetchone()
    return int(row["n"]) if row else 0


def is_cancelled(cursor: Cursor[DictRow], mailing_id: UUID | None) -> bool:
    """Whether the mailing was stopped."""
    row = cursor.execute("select from mailings where mailing_id = %s and state = 'cancelled'", (mailing_id,)).fetchone()
    return row is not None


def count_of_mailing(cursor: Cursor[DictRow], mailing_id: UUID) -> int:
    """How many messages a mailing has."""
    row = cursor.execute("select count(*) as n from messages where mailing_id = %s", (mailing_id,)).fetchone()
    return int(row["n"]) if row else 0
