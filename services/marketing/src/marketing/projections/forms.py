"""Forms, how often each was seen and sent, and submissions without what was entered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from crm.marketing.v1 import form_events_pb2
from kernel.auth import Caller
from kernel.projections import Inline
from kernel.store import Recorded
from marketing.contracts import as_json, form_field_message, text, thank_you_message
from marketing.domain.form import FormDrafted, FormHandedOver, FormPublished, FormRevised, FormSubmitted, FormWithdrawn


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    version = recorded.version
    match recorded.event:
        case FormDrafted() as it:
            cursor.execute(
                "insert into forms (form_id, title, campaign_id, owner_id, source_channel, definition,"
                " drafted_at, version) values (%s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    it.form_id,
                    it.title,
                    it.campaign_id,
                    it.owner_id,
                    it.source_channel,
                    _definition(it),
                    recorded.metadata.effective_at,
                    version,
                ),
            )
        case FormRevised() as it:
            cursor.execute(
                "update forms set title = %s, campaign_id = %s, source_channel = %s, definition = %s,"
                " version = %s where form_id = %s",
                (it.title, it.campaign_id, it.source_channel, _definition(it), version, it.form_id),
            )
        case FormPublished(form_id=form_id):
            _set_state(cursor, form_id, "published", version)
        case FormHandedOver() as it:
            cursor.execute(
                "update forms set owner_id = %s, version = %s where form_id = %s",
                (it.to_owner_id, recorded.version, it.form_id),
            )
        case FormWithdrawn(form_id=form_id):
            _set_state(cursor, form_id, "withdrawn", version)
        case FormSubmitted() as it:
            cursor.execute(
                "insert into submissions (submission_id, form_id, campaign_id, source_channel, region_code,"
                " industry_code, behaviours, visitor_id, consent_given, owner_id, submitted_at)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    it.submission_id,
                    it.form_id,
                    it.campaign_id,
                    it.source_channel,
                    it.region_code,
                    it.industry_code,
                    list(it.behaviours),
                    it.visitor_id,
                    it.consent_given,
                    it.owner_id,
                    recorded.metadata.effective_at,
                ),
            )


def _definition(it: FormDrafted | FormRevised) -> Jsonb:
    """Kept as the message that says the same: only what a form is, not who or when."""
    return as_json(
        form_events_pb2.FormRevised(
            form_id=str(it.form_id),
            title=it.title,
            campaign_id=text(it.campaign_id),
            source_channel=it.source_channel,
            fields=[form_field_message(field) for field in it.fields],
            thank_you=thank_you_message(it.thank_you),
            minimum_fill_s=it.minimum_fill_s,
            hourly_limit=it.hourly_limit,
        )
    )


def _set_state(cursor: Cursor[DictRow], form_id: UUID, state: str, version: int) -> None:
    cursor.execute("update forms set state = %s, version = %s where form_id = %s", (state, version, form_id))


VIEW = Inline("forms", ("forms", "submissions"), project)

# -- questions -----------------------------------------------------------------

_WITH_COUNTS = (
    "select f.*, (select count(*) from submissions s where s.form_id = f.form_id) as submissions,"
    " (select count(*) from touches t where t.form_id = f.form_id and t.kind = 'form-viewed') as views"
    " from forms f"
)


def one(cursor: Cursor[DictRow], caller: Caller, form_id: UUID) -> DictRow | None:
    """The form, if the caller may see it."""
    scope, values = caller.scope_filter("f.owner_id")
    return cursor.execute(f"{_WITH_COUNTS} where f.form_id = %s and {scope}", (form_id, *values)).fetchone()


def published(cursor: Cursor[DictRow], form_id: UUID) -> DictRow | None:
    """The form, if anybody may see it."""
    return cursor.execute("select * from forms where form_id = %s and state = 'published'", (form_id,)).fetchone()


def page(
    cursor: Cursor[DictRow], caller: Caller, limit: int, after: Sequence[Any], campaign_id: UUID | None
) -> list[DictRow]:
    """Forms the caller may see, newest first, one more than the limit."""
    scope, values = caller.scope_filter("f.owner_id")
    onwards = " and (f.drafted_at, f.form_id) < (%s::timestamptz, %s::uuid)" if after else ""
    return cursor.execute(
        f"{_WITH_COUNTS} where {scope} and (%s::uuid is null or f.campaign_id = %s){onwards}"
        " order by f.drafted_at desc, f.form_id desc limit %s",
        (*values, campaign_id, campaign_id, *after, limit + 1),
    ).fetchall()


def submission(cursor: Cursor[DictRow], caller: Caller, submission_id: UUID) -> DictRow | None:
    """A submission and the visitor's first touch, if the caller may see it."""
    scope, values = caller.scope_filter("s.owner_id")
    return cursor.execute(
        "select s.*, least(s.submitted_at, (select min(t.touched_at) from touches t"
        " where t.visitor_id = s.visitor_id)) as first_touch_at"
        f" from submissions s where s.submission_id = %s and {scope}",
        (submission_id, *values),
    ).fetchone()


def submissions_page(
    cursor: Cursor[DictRow],
    caller: Caller,
    limit: int,
    after: Sequence[Any],
    form_id: UUID | None,
    campaign_id: UUID | None,
) -> list[DictRow]:
    """Submissions the caller may see, newest first, each with the lead it became."""
    scope, values = caller.scope_filter("s.owner_id")
    onwards = " and (s.submitted_at, s.submission_id) < (%s::timestamptz, %s::uuid)" if after else ""
    return cursor.execute(
        "select s.*, l.lead_id from submissions s left join lateral ("
        " select lead_id from leads l where l.submission_id = s.submission_id limit 1) l on true"
        f" where {scope} and (%s::uuid is null or s.form_id = %s)"
        f" and (%s::uuid is null or s.campaign_id = %s){onwards}"
        " order by s.submitted_at desc, s.submission_id desc limit %s",
        (*values, form_id, form_id, campaign_id, campaign_id, *after, limit + 1),
    ).fetchall()


def behaviours_of_visitor(cursor: Cursor[DictRow], visitor_id: UUID | None) -> list[str]:
    """What the visitor did before, from our own notes of it."""
    if visitor_id is None:
        return []
    rows = cursor.execute(
        "select distinct kind from touches where visitor_id = %s and kind <> 'form-viewed'", (visitor_id,)
    ).fetchall()
    return sorted(row["kind"] for row in rows)


def count_attempt(cursor: Cursor[DictRow], source: str, form_id: UUID, hour: Any) -> int:
    """Count one more attempt of a source at a form in this hour; return how many that makes."""
    row = cursor.execute(
        "insert into form_attempts (source, form_id, hour, attempts) values (%s, %s, %s, 1)"
        " on conflict (source, form_id, hour) do update set attempts = form_attempts.attempts + 1"
        " returning attempts",
        (source, form_id, hour),
    ).fetchone()
    assert row is not None
    return int(row["attempts"])


def forget_attempts(cursor: Cursor[DictRow], before: Any) -> None:
    """Nothing of a source is kept for longer than it is counted."""
    cursor.execute("delete from form_attempts where hour < %s", (before,))
