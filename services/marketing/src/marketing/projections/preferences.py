"""Who wants nothing by which channel, and how much the firm allows itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.projections import Inline
from kernel.store import Recorded
from marketing.domain.preference import ContactPolicy, ContactPolicySet, Resubscribed, Unsubscribed
from marketing.domain.template import MessageChannel


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    match recorded.event:
        case Unsubscribed() as it:
            cursor.execute(
                "insert into unsubscribed (recipient_id, channel, customer_id, contact_id, send_id,"
                " campaign_id, unsubscribed_at) values (%s, %s, %s, %s, %s, %s, %s)",
                (
                    it.recipient_id,
                    int(it.channel),
                    it.customer_id,
                    it.contact_id,
                    it.send_id,
                    it.campaign_id,
                    recorded.metadata.effective_at,
                ),
            )
        case Resubscribed() as it:
            cursor.execute(
                "delete from unsubscribed where recipient_id = %s and channel = %s",
                (it.recipient_id, int(it.channel)),
            )
        case ContactPolicySet() as it:
            cursor.execute(
                "insert into contact_policy (policy_id, most_messages, window_days, consent_required)"
                " values (%s, %s, %s, %s) on conflict (policy_id) do update"
                " set most_messages = excluded.most_messages, window_days = excluded.window_days,"
                " consent_required = excluded.consent_required",
                (it.policy_id, it.most_messages, it.window_days, it.consent_required),
            )


VIEW = Inline("preferences", ("unsubscribed", "contact_policy"), project)

# -- questions -----------------------------------------------------------------


def policy(cursor: Cursor[DictRow]) -> ContactPolicy:
    """The policy in force; the default one until somebody decides."""
    row = cursor.execute("select most_messages, window_days, consent_required from contact_policy").fetchone()
    return ContactPolicy(**row) if row else ContactPolicy()


def is_silenced(cursor: Cursor[DictRow], recipient_id: UUID, channel: MessageChannel) -> bool:
    """Whether the person wants nothing by the channel."""
    row = cursor.execute(
        "select from unsubscribed where recipient_id = %s and channel = %s", (recipient_id, int(channel))
    ).fetchone()
    return row is not None
