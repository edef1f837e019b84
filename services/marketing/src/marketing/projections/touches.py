"""Touches: everything of ours that somebody saw, did or attended, from our own log."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.auth import Caller
from kernel.projections import Inline
from kernel.store import Recorded
from marketing.domain.form import FormSubmitted
from marketing.domain.message import MessageClicked
from marketing.domain.touch import TouchRecorded

_INSERT = (
    "insert into touches (touch_ref, kind, channel, campaign_id, customer_id, contact_id, lead_id,"
    " visitor_id, submission_id, form_id, touched_at)"
    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    at = recorded.metadata.effective_at
    match recorded.event:
        case TouchRecorded() as it:
            cursor.execute(
                _INSERT,
                (
                    it.touch_id,
                    it.kind,
                    it.channel,
                    it.campaign_id,
                    it.customer_id,
                    it.contact_id,
                    it.lead_id,
                    it.visitor_id,
                    None,
                    it.form_id,
                    at,
                ),
            )
        case FormSubmitted() as it:
            cursor.execute(
                _INSERT,
                (
                    it.submission_id,
                    "form-submitted",
                    it.source_channel,
                    it.campaign_id,
                    None,
                    None,
                    None,
                    it.visitor_id,
                    it.submission_id,
                    it.form_id,
                    at,
                ),
            )
        case MessageClicked() as it:
            cursor.execute(
                _INSERT,
                (
                    recorded.metadata.event_id,
                    "message-clicked",
                    it.channel.name.lower(),
                    it.campaign_id,
                    it.customer_id,
                    it.contact_id,
                    None,
                    None,
                    it.submission_id,
                    None,
                    at,
                ),
            )


VIEW = Inline("touches", ("touches",), project)

# -- questions -----------------------------------------------------------------

TOUCHES_OF_PEOPLE = """
with recursive absorbed as (
  select customer_id, absorbed_by as root, 1 as steps from audience where absorbed_by is not null
  union
  select b.customer_id, a.absorbed_by, b.steps + 1 from absorbed b join audience a on a.customer_id = b.root
  where a.absorbed_by is not null and b.steps < 10
), roots as (
  select distinct on (customer_id) customer_id, root from absorbed order by customer_id, steps desc
), asked as (
  {asked}
), people as (
  select q.subject, coalesce(r.root, q.customer_id) as root, q.lead_id from asked q
  left join roots r on r.customer_id = q.customer_id
), same_customers as (
  select p.subject, p.root as customer_id from people p where p.root is not null
  union select p.subject, r.customer_id from people p join roots r on r.root = p.root
), their_leads as (
  select p.subject, p.lead_id from people p where p.lead_id is not null
  union select c.subject, l.lead_id from same_customers c join leads l on l.customer_id = c.customer_id
  where not l.taken_back
), their_submissions as (
  select t.subject, l.submission_id, s.visitor_id from their_leads t
  join leads l on l.lead_id = t.lead_id join submissions s on s.submission_id = l.submission_id
), found as (
  select c.subject, t.touch_ref, t.kind, t.channel, t.campaign_id, t.customer_id, null::uuid as lead_id,
    t.touched_at
  from same_customers c join touches t on t.customer_id = c.customer_id
  union select l.subject, t.touch_ref, t.kind, t.channel, t.campaign_id, t.customer_id, t.lead_id, t.touched_at
  from their_leads l join touches t on t.lead_id = l.lead_id
  union select s.subject, t.touch_ref, t.kind, t.channel, t.campaign_id, t.customer_id, null, t.touched_at
  from their_submissions s join touches t on t.submission_id = s.submission_id
  union select s.subject, t.touch_ref, t.kind, t.channel, t.campaign_id, t.customer_id, null, t.touched_at
  from their_submissions s join touches t on t.visitor_id = s.visitor_id and t.submission_id is null
  union select l.subject, t.event_id, t.kind, t.channel, t.campaign_id, null, t.lead_id, t.touched_at
  from their_leads l join lead_touches t on t.lead_id = l.lead_id
)
"""
"""Touches of whoever `asked` names as (subject, customer_id, lead_id): the customer's own and those of the
customers merged into it, of the leads that became it, of the forms these sent and of the visits before."""


def of_somebody(
    cursor: Cursor[DictRow],
    caller: Caller,
    customer_id: UUID | None,
    lead_id: UUID | None,
    limit: int,
) -> list[DictRow]:
    """The touches of a customer or lead that the caller may see, first one first."""
    customers, customer_values = caller.scope_filter("a.owner_id")
    of_leads, lead_values = caller.scope_filter("l.owner_id")
    asked = (
        "select null::uuid as subject, a.customer_id, null::uuid as lead_id from audience a"
        f" where a.customer_id = %s and {customers}"
        f" union select null, null, l.lead_id from leads l where l.lead_id = %s and {of_leads}"
    )
    return cursor.execute(
        TOUCHES_OF_PEOPLE.format(asked=asked)
        + "select distinct on (touched_at, touch_ref) * from found order by touched_at, touch_ref limit %s",
        (customer_id, *customer_values, lead_id, *lead_values, limit),
    ).fetchall()
