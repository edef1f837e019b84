"""Segments, and the answer to each: a filter tree becomes one SQL condition over the audience."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from crm.marketing.v1 import segment_events_pb2
from kernel.auth import Caller
from kernel.projections import Inline
from kernel.store import Recorded
from marketing.contracts import as_json, filter_message, filter_of, from_json
from marketing.domain import segment
from marketing.domain.segment import (
    Filter,
    FilterKind,
    FilterOperator,
    SegmentDefined,
    SegmentField,
    SegmentRetired,
    SegmentRevised,
)


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    match recorded.event:
        case SegmentDefined() as it:
            cursor.execute(
                "insert into segments (segment_id, name, owner_id, filter, version) values (%s, %s, %s, %s, %s)",
                (
                    it.segment_id,
                    it.name,
                    it.owner_id,
                    as_json(filter_message(segment.filter_of(it.nodes))),
                    recorded.version,
                ),
            )
        case SegmentRevised() as it:
            cursor.execute(
                "update segments set name = %s, filter = %s, version = %s where segment_id = %s",
                (
                    it.name,
                    as_json(filter_message(segment.filter_of(it.nodes))),
                    recorded.version,
                    it.segment_id,
                ),
            )
        case SegmentRetired(segment_id=segment_id):
            cursor.execute(
                "update segments set retired = true, version = %s where segment_id = %s",
                (recorded.version, segment_id),
            )


VIEW = Inline("segments", ("segments",), project)

# -- a filter as a condition on `audience a` -------------------------------------

_COLUMN = {
    SegmentField.INDUSTRY: "a.industry_code",
    SegmentField.REGION: "a.region_code",
    SegmentField.KIND: "a.kind",
    SegmentField.LEVEL: "a.level",
    SegmentField.STATUS: "a.status",
    SegmentField.SIZE: "a.size_code",
    SegmentField.SOURCE: "a.source",
    SegmentField.OWNER: "a.owner_id::text",
}

_SAME = (
    "(select a.customer_id union select m.customer_id from audience m where m.absorbed_by = a.customer_id"
    " union select n.customer_id from audience n join audience m on n.absorbed_by = m.customer_id"
    " where m.absorbed_by = a.customer_id)"
)
"""The customer and those merged into it, also when they had been merged into before."""

_ORDERS = f"from orders o where o.customer_id in {_SAME} and o.confirmed and not o.cancelled"

Condition = tuple[str, list[Any]]


def condition_of(filter: Filter, as_of: datetime) -> Condition:
    """Return the SQL condition that a filter means, and its parameters."""
    match filter.kind:
        case FilterKind.RULE:
            return _rule(filter, as_of)
        case FilterKind.ALL:
            return _joined(filter, " and ", as_of) if filter.filters else ("true", [])
        case FilterKind.ANY:
            return _joined(filter, " or ", as_of)
        case FilterKind.NONE:
            any_of, values = _joined(filter, " or ", as_of)
            return f"not coalesce({any_of}, false)", values
        case FilterKind.UNSPECIFIED:
            return "false", []
        case _:
            assert_never(filter.kind)


def _joined(filter: Filter, word: str, as_of: datetime) -> Condition:
    parts, values = [], []
    for below in filter.filters:
        part, part_values = condition_of(below, as_of)
        parts.append(part)
        values += part_values
    return f"({word.join(parts)})", values


def _rule(rule: Filter, as_of: datetime) -> Condition:
    wanted = list(rule.values)
    since = as_of - timedelta(days=rule.within_days) if rule.within_days else None
    in_time, times = ("and {0} > %s and {0} <= %s", [since, as_of]) if since else ("", [])
    ordered = in_time.format("o.ordered_at")
    match rule.field:
        case SegmentField.TAG:
            if rule.operator is FilterOperator.STARTS_WITH:
                return "exists (select from unnest(a.tags) tag where tag ^@ any(%s::text[]))", [wanted]
            return "a.tags && %s::text[]", [wanted]
        case SegmentField.ORDER_COUNT:
            sign = _sign(rule.operator)
            return f"(select count(*) {_ORDERS} {ordered}) {sign} %s", [*times, int(wanted[0])]
        case SegmentField.ORDER_TOTAL:
            total = (
                f"coalesce((select max(t.total) from (select sum(o.net) as total {_ORDERS} {ordered}"
                " group by o.currency_code) t), 0)"
            )
            return f"{total} {_sign(rule.operator)} %s", [*times, int(wanted[0])]
        case SegmentField.BOUGHT_PRODUCT:
            return (
                f"exists (select {_ORDERS} {ordered} and exists (select from order_lines l"
                " left join products p on p.product_id = l.product_id where l.order_id = o.order_id"
                " and (l.product_id = any(%s) or p.sku = any(%s) or coalesce(p.name, l.product_name) = any(%s))))",
                [*times, wanted, wanted, wanted],
            )
        case SegmentField.BOUGHT_CATEGORY:
            return (
                f"exists (select {_ORDERS} {ordered} and exists (select from order_lines l"
                " join products p on p.product_id = l.product_id where l.order_id = o.order_id"
                " and p.category = any(%s)))",
                [*times, wanted],
            )
        case SegmentField.SUBMITTED_FORM:
            return (
                "exists (select from leads l join submissions s on s.submission_id = l.submission_id"
                f" where l.customer_id in {_SAME} and (%s::text[] = '{{}}' or s.form_id::text = any(%s))"
                f" {in_time.format('s.submitted_at')})",
                [wanted, wanted, *times],
            )
        case SegmentField.OPENED | SegmentField.CLICKED:
            when = "m.opened_at" if rule.field is SegmentField.OPENED else "m.clicked_at"
            return (
                f"exists (select from messages m where m.customer_id in {_SAME} and {when} is not null"
                f" and (%s::text[] = '{{}}' or m.campaign_id::text = any(%s)) {in_time.format(when)})",
                [wanted, wanted, *times],
            )
        case SegmentField.TOUCHED:
            touched = in_time.format("t.touched_at")
            kinds = "(%s::text[] = '{}' or t.kind = any(%s))"
            return (
                f"(exists (select from touches t where t.customer_id in {_SAME} and {kinds} {touched})"
                f" or exists (select from touches t join leads l on l.customer_id in {_SAME}"
                " left join submissions s on s.submission_id = l.submission_id"
                " where (t.lead_id = l.lead_id or t.submission_id = l.submission_id"
                f" or t.visitor_id = s.visitor_id) and {kinds} {touched}))",
                [wanted, wanted, *times, wanted, wanted, *times],
            )
        case SegmentField.CONSENTS:
            return (
                "(exists (select from consents c where c.customer_id = a.customer_id and c.given"
                " and c.channel = any(%s) and c.purpose in ('marketing', ''))"
                " and not exists (select from consents c where c.customer_id = a.customer_id and not c.given"
                " and c.channel = any(%s) and c.purpose in ('marketing', '')))",
                [wanted, wanted],
            )
        case SegmentField.UNSPECIFIED:
            return "false", []
        case _:
            column = _COLUMN[rule.field]
            if rule.operator is FilterOperator.STARTS_WITH:
                return f"exists (select from unnest(%s::text[]) w where coalesce({column}, '') ^@ w)", [wanted]
            return f"{column} = any(%s::text[])", [wanted]


def _sign(operator: FilterOperator) -> str:
    return "<=" if operator is FilterOperator.AT_MOST else ">="


_PRESENT = "not a.archived and a.absorbed_by is null"


def reachable(filter: Filter, as_of: datetime, caller: Caller | None = None) -> Condition:
    """The condition for customers that are there, in the caller's data scope, and in the segment."""
    scope, scope_values = caller.scope_filter("a.owner_id") if caller else ("true", [])
    wanted, values = condition_of(filter, as_of)
    return f"{_PRESENT} and {scope} and {wanted}", [*scope_values, *values]


# -- questions -----------------------------------------------------------------


def stored_filter(row: DictRow) -> Filter:
    """The filter that the view keeps."""
    return filter_of(from_json(row["filter"], segment_events_pb2.SegmentFilter()))


def one(cursor: Cursor[DictRow], caller: Caller, segment_id: UUID) -> DictRow | None:
    """The segment, if the caller may see it."""
    scope, values = caller.scope_filter("owner_id")
    return cursor.execute(f"select * from segments where segment_id = %s and {scope}", (segment_id, *values)).fetchone()


def page(cursor: Cursor[DictRow], caller: Caller, limit: int, after: Sequence[Any]) -> list[DictRow]:
    """Segments in use that the caller may see, by name, one more than the limit."""
    scope, values = caller.scope_filter("owner_id")
    onwards = "and (name, segment_id) > (%s, %s::uuid)" if after else ""
    return cursor.execute(
        f"select * from segments where not retired and {scope} {onwards} order by name, segment_id limit %s",
        (*values, *after, limit + 1),
    ).fetchall()


def count(cursor: Cursor[DictRow], caller: Caller, filter: Filter, as_of: datetime) -> int:
    """How many customers the filter finds now, among those the caller may see."""
    where, values = reachable(filter, as_of, caller)
    row = cursor.execute(f"select count(*) as n from audience a where {where}", values).fetchone()
    return int(row["n"]) if row else 0


def members(
    cursor: Cursor[DictRow],
    caller: Caller,
    filter: Filter,
    as_of: datetime,
    limit: int,
    after: Sequence[Any] = (),
) -> list[DictRow]:
    """The customers the filter finds now, among those the caller may see, in a fixed order."""
    where, values = reachable(filter, as_of, caller)
    onwards = "and a.customer_id > %s::uuid" if after else ""
    return cursor.execute(
        "select a.customer_id, a.owner_id, a.industry_code, a.region_code, a.level, a.status, a.tags"
        f" from audience a where {where} {onwards} order by a.customer_id limit %s",
        (*values, *after, limit),
    ).fetchall()
