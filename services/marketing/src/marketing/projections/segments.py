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
    SegmentHandedOver,
    SegmentRetired,
    SegmentRevised,
)
from marketing.projections import audience


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
        case SegmentHandedOver() as it:
            cursor.execute(
                "update segments set owner_id = %s, version = %s where segment_id = %s",
                (it.to_owner_id, recorded.version, it.segment_id),
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

_MERGED = (
    "(select x.customer_id, coalesce(y.absorbed_by, x.absorbed_by) as root from audience x"
    " left join audience y on y.customer_id = x.absorbed_by where x.absorbed_by is not null)"
)
"""Customers merged away and into whom, also when that one was merged away himself. Few rows."""


def _customers(source: str, owner: str) -> str:
    """The customers, or their survivors, of rows of a source; `owner` is the column that names them.

    Uncorrelated, so that PostgreSQL makes one hash of it however the rules are joined.
    """
    return (
        f"a.customer_id in (select coalesce(merged.root, {owner}) {source.format(merged=_MERGED)}"
        f" and {owner} is not null)"
    )


_ORDERS = "from orders o left join {merged} merged on merged.customer_id = o.customer_id"
_COUNTED = " where o.confirmed and not o.cancelled"

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
            return _compared("count(*)", ordered, rule, times)
        case SegmentField.ORDER_TOTAL:
            return _compared("sum(o.net)", ordered, rule, times)
        case SegmentField.BOUGHT_PRODUCT:
            source = (
                f"{_ORDERS} join order_lines l on l.order_id = o.order_id"
                f" left join products p on p.product_id = l.product_id {_COUNTED} {ordered}"
                " and (l.product_id = any(%s) or p.sku = any(%s) or coalesce(p.name, l.product_name) = any(%s))"
            )
            return _customers(source, "o.customer_id"), [*times, wanted, wanted, wanted]
        case SegmentField.BOUGHT_CATEGORY:
            source = (
                f"{_ORDERS} join order_lines l on l.order_id = o.order_id"
                f" join products p on p.product_id = l.product_id {_COUNTED} {ordered} and p.category = any(%s)"
            )
            return _customers(source, "o.customer_id"), [*times, wanted]
        case SegmentField.SUBMITTED_FORM:
            source = (
                f"{_LEADS} join submissions s on s.submission_id = l.submission_id where true"
                f" {_any_or('s.form_id::text')} {in_time.format('s.submitted_at')}"
            )
            return _customers(source, "l.customer_id"), [wanted, wanted, *times]
        case SegmentField.OPENED | SegmentField.CLICKED:
            when = "m.opened_at" if rule.field is SegmentField.OPENED else "m.clicked_at"
            source = (
                "from messages m left join {merged} merged on merged.customer_id = m.customer_id"
                f" where {when} is not null {_any_or('m.campaign_id::text')} {in_time.format(when)}"
            )
            return _customers(source, "m.customer_id"), [wanted, wanted, *times]
        case SegmentField.TOUCHED:
            happened = f"{_any_or('t.kind')} {in_time.format('t.touched_at')}"
            own = (
                "from touches t left join {merged} merged on merged.customer_id = t.customer_id"
                f" where true {happened}"
            )
            as_lead = f"{_LEADS} join touches t on t.lead_id = l.lead_id where true {happened}"
            by_form = f"{_LEADS} join touches t on t.submission_id = l.submission_id where true {happened}"
            before = (
                f"{_LEADS} join submissions s on s.submission_id = l.submission_id"
                f" join touches t on t.visitor_id = s.visitor_id where true {happened}"
            )
            ways = [_customers(own, "t.customer_id")]
            ways += [_customers(way, "l.customer_id") for way in (as_lead, by_form, before)]
            return f"({' or '.join(ways)})", [wanted, wanted, *times] * len(ways)
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


_LEADS = "from leads l left join {merged} merged on merged.customer_id = l.customer_id"


def _any_or(column: str) -> str:
    """The column has one of the values, or none was asked for."""
    return f"and (%s::text[] = '{{{{}}}}' or {column} = any(%s))"


def _compared(figure: str, ordered: str, rule: Filter, times: list[Any]) -> Condition:
    """A figure over each customer's confirmed orders, the largest of any currency, against the value.

    Who has no orders has 0, so "at most" finds everybody but those above.
    """
    at_most = rule.operator is FilterOperator.AT_MOST
    currency = ", o.currency_code" if "sum" in figure else ""
    source = (
        f"{_ORDERS} {_COUNTED} {ordered} and o.customer_id is not null"
        f" group by 1{currency} having {figure} {'>' if at_most else '>='} %s"
    ).format(merged=_MERGED)
    found = f"a.customer_id in (select coalesce(merged.root, o.customer_id) {source})"
    wanted = int(rule.values[0])
    if at_most:
        return f"not {found}", [*times, wanted]
    if wanted <= 0:
        return "true", []
    return found, [*times, wanted]


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
    audience.make_room(cursor)
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
    audience.make_room(cursor)
    return cursor.execute(
        "select a.customer_id, a.owner_id, a.industry_code, a.region_code, a.level, a.status, a.tags"
        f" from audience a where {where} {onwards} order by a.customer_id limit %s",
        (*values, *after, limit),
    ).fetchall()
