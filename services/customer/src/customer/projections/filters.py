"""A tree of conditions over customers, compiled to SQL. Every value is a parameter; fields are a closed list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any
from uuid import UUID

from customer.domain.customer import CustomerKind, CustomerStatus
from customer.domain.dictionary import Dictionary
from customer.domain.policy import CustomerLevel
from customer.projections.families import ROOTS
from customer.projections.order_totals import BANDS, MAJOR
from kernel.errors import InvalidArgument

MOST_CONDITIONS = 100
DEEPEST = 10
MOST_VALUES = 500


class Operator(Enum):
    """How a value is compared."""

    IS_ANY_OF = "is any of"
    CONTAINS = "contains"
    IS_UNDER = "is under"
    AT_LEAST = "at least"
    AT_MOST = "at most"
    IS_EMPTY = "is empty"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on one field."""

    field: str
    operator: Operator
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one holds; true for none."""

    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one holds; false for none."""

    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    """It does not hold."""

    filter: Filter


Filter = Condition | AllOf | AnyOf | Negated
Sql = tuple[str, list[Any]]

_TEXT = {
    "name": "c.name",
    "source": "c.source",
    "credit_code": "c.credit_code",
    "website": "c.website",
    "external_ref": "c.external_ref",
    "import": "c.import_id",
}
_CODE = {
    "industry": "c.industry_code",
    "region": "c.region_code",
    "size": "c.size_code",
    "intent": "c.intent_code",
}
_ENUM: dict[str, tuple[str, Mapping[str, int]]] = {
    "kind": ("c.kind", {k.name.lower(): int(k) for k in CustomerKind}),
    "status": ("c.status", {s.name.lower(): int(s) for s in CustomerStatus}),
    "level": ("c.level", {level.name.lower(): int(level) for level in CustomerLevel}),
}
_LISTS = {"phone": "phones", "email": "emails"}
_TIMES = {
    "registered_at": "c.registered_at",
    "last_contact_at": (
        "(select nullif(t.last_contact_at, 'epoch') from contact_times t where t.customer_id = c.customer_id)"
    ),
}
_FAMILY_TOTALS = (
    f"with recursive {ROOTS} select coalesce(r.root, t.customer_id) as customer_id, {MAJOR} as major,"
    " sum(t.order_count) as orders, max(t.last_order_at) as last_at"
    " from order_totals t left join roots r on r.id = t.customer_id"
    " group by coalesce(r.root, t.customer_id), t.currency_code"
)
FIELDS = (
    *_TEXT,
    *_CODE,
    *_ENUM,
    *_LISTS,
    *_TIMES,
    "tag",
    "owner",
    "deal_band",
    "employees",
    "annual_revenue",
    "order_total",
    "order_count",
    "last_order_at",
    "open_tickets",
    "custom.<name>",
)


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles filters against the dictionaries that `IS_UNDER` walks."""

    industries: Dictionary
    regions: Dictionary

    def compile(self, node: Filter) -> Sql:
        """Return a condition over `customers c`, and its parameters."""
        self._refuse_too_much(node)
        return self._compile(node)

    def _refuse_too_much(self, node: Filter) -> None:
        conditions = 0
        level: Sequence[Filter] = [node]
        for _ in range(DEEPEST):
            below: list[Filter] = []
            for each in level:
                match each:
                    case Condition():
                        conditions += 1
                    case AllOf(filters=filters) | AnyOf(filters=filters):
                        below += filters
                    case Negated(filter=inner):
                        below.append(inner)
            level = below
            if not level:
                break
        if level:
            raise InvalidArgument("filter", f"is nested deeper than {DEEPEST}; save a part as a group")
        if conditions > MOST_CONDITIONS:
            raise InvalidArgument("filter", f"has {conditions} conditions; at most {MOST_CONDITIONS} fit")

    def _compile(self, node: Filter) -> Sql:
        match node:
            case Condition():
                sql, values = self._condition(node)
                return f"coalesce(({sql}), false)", values
            case AllOf(filters=filters):
                return self._joined(filters, " and ", "true")
            case AnyOf(filters=filters):
                return self._joined(filters, " or ", "false")
            case Negated(filter=inner):
                sql, values = self._compile(inner)
                return f"not {sql}", values

    def _joined(self, filters: Sequence[Filter], word: str, of_none: str) -> Sql:
        parts = [self._compile(each) for each in filters]
        if not parts:
            return of_none, []
        sql = word.join(sql for sql, _ in parts)
        return f"({sql})", [value for _, values in parts for value in values]

    def _condition(self, condition: Condition) -> Sql:
        field = condition.field
        if condition.operator is not Operator.IS_EMPTY and not condition.values:
            raise InvalidArgument(f"filter.{field}", "compares with nothing: give a value")
        if len(condition.values) > MOST_VALUES:
            raise InvalidArgument(f"filter.{field}", f"has too many values; at most {MOST_VALUES} fit")
        if field in _TEXT:
            return _text(_TEXT[field], condition)
        if field in _CODE:
            return self._code(field, condition)
        if field in _ENUM:
            return _enum(*_ENUM[field], condition)
        if field in _LISTS:
            return _list(_LISTS[field], condition)
        if field in _TIMES:
            return _compared(_TIMES[field], condition, _time)
        if field.startswith("custom."):
            key = field.removeprefix("custom.")
            sql, values = _text("coalesce(c.custom_fields ->> %s, '')", condition)
            return sql, [key, *values]
        match field:
            case "tag":
                return _tag(condition)
            case "owner":
                return _owner(condition)
            case "employees":
                return _compared("nullif(c.employees, 0)", condition, _number)
            case "annual_revenue":
                return _compared("nullif(c.revenue_minor, 0) / 100.0", condition, _number)
            case "deal_band":
                return _band(condition)
            case "order_total":
                return _family(condition, "max(major)", _number)
            case "order_count":
                return _family(condition, "sum(orders)", _number)
            case "last_order_at":
                return _family(condition, "max(last_at)", _time)
            case "open_tickets":
                counted = "(select count(*) from tickets k where k.is_open and k.customer_id = c.customer_id)"
                return _compared(counted, condition, _number)
        raise InvalidArgument("filter", f"knows no field {field[:60]!r}; there are {', '.join(FIELDS)}")

    def _code(self, field: str, condition: Condition) -> Sql:
        column = _CODE[field]
        if condition.operator is Operator.IS_UNDER:
            dictionary = {"industry": self.industries, "region": self.regions}.get(field)
            if dictionary is None:
                return f"{column} = any(%s)", [list(condition.values)]
            codes: set[str] = set()
            for value in condition.values:
                code = dictionary.resolve(value)
                if code is None:
                    raise InvalidArgument(f"filter.{field}", f"{value[:40]!r} is not in the dictionary")
                codes.update(dictionary.with_descendants(code))
            return f"{column} = any(%s)", [sorted(codes)]
        return _text(column, condition)


def _refused(condition: Condition) -> InvalidArgument:
    return InvalidArgument(f"filter.{condition.field}", f"cannot be compared by {condition.operator.value!r}")


def _like(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _text(column: str, condition: Condition) -> Sql:
    match condition.operator:
        case Operator.IS_ANY_OF:
            return f"{column} = any(%s)", [list(condition.values)]
        case Operator.CONTAINS:
            return f"{column} ilike any(%s)", [[_like(value) for value in condition.values]]
        case Operator.IS_EMPTY:
            return f"{column} = ''", []
        case _:
            raise _refused(condition)


def _enum(column: str, codes: Mapping[str, int], condition: Condition) -> Sql:
    if condition.operator is Operator.IS_EMPTY:
        return f"{column} = 0", []
    try:
        numbers = [codes[value.lower().rpartition("_")[2]] for value in condition.values]
    except KeyError as error:
        raise InvalidArgument(
            f"filter.{condition.field}", f"{error.args[0][:40]!r} is none of {', '.join(codes)}"
        ) from error
    match condition.operator:
        case Operator.IS_ANY_OF:
            return f"{column} = any(%s)", [numbers]
        case Operator.AT_LEAST if condition.field == "level":
            return f"{column} >= %s", [numbers[0]]
        case Operator.AT_MOST if condition.field == "level":
            return f"{column} <= %s", [numbers[0]]
        case _:
            raise _refused(condition)


def _list(column: str, condition: Condition) -> Sql:
    of_contacts = "(select {what} from contacts p where p.customer_id = c.customer_id and {test})"
    match condition.operator:
        case Operator.IS_ANY_OF:
            values = list(condition.values)
            mine = f"c.{column} && %s"
            theirs = f"c.customer_id in (select p.customer_id from contacts p where p.{column} && %s)"
            return f"{mine} or {theirs}", [values, values]
        case Operator.CONTAINS:
            like = [_like(value) for value in condition.values]
            mine = f"array_to_string(c.{column}, ' ') ilike any(%s)"
            test = f"array_to_string(p.{column}, ' ') ilike any(%s)"
            return f"{mine} or exists {of_contacts.format(what='', test=test)}", [like, like]
        case Operator.IS_EMPTY:
            test = f"p.{column} <> '{{}}'"
            return f"c.{column} = '{{}}' and not exists {of_contacts.format(what='', test=test)}", []
        case _:
            raise _refused(condition)


def _tag(condition: Condition) -> Sql:
    match condition.operator:
        case Operator.IS_ANY_OF:
            return "c.tags && %s", [list(condition.values)]
        case Operator.CONTAINS:
            return "array_to_string(c.tags, ' ') ilike any(%s)", [[_like(v) for v in condition.values]]
        case Operator.IS_EMPTY:
            return "c.tags = '{}'", []
        case _:
            raise _refused(condition)


def _owner(condition: Condition) -> Sql:
    match condition.operator:
        case Operator.IS_ANY_OF:
            try:
                return "c.owner_id = any(%s)", [[UUID(value) for value in condition.values]]
            except ValueError as error:
                raise InvalidArgument("filter.owner", "is not a person's id") from error
        case Operator.IS_EMPTY:
            return "c.owner_id is null", []
        case _:
            raise _refused(condition)


def _compared(expression: str, condition: Condition, parse: Callable[[str, str], Any]) -> Sql:
    values = [parse(condition.field, value) for value in condition.values]
    match condition.operator:
        case Operator.AT_LEAST:
            return f"{expression} >= %s", [values[0]]
        case Operator.AT_MOST:
            return f"{expression} <= %s", [values[0]]
        case Operator.IS_ANY_OF:
            return f"{expression} = any(%s)", [values]
        case Operator.IS_EMPTY:
            return f"{expression} is null", []
        case _:
            raise _refused(condition)


def _family(condition: Condition, measure: str, parse: Callable[[str, str], Any]) -> Sql:
    grouped = f"select f.customer_id from ({_FAMILY_TOTALS}) f group by f.customer_id"
    if condition.operator is Operator.IS_EMPTY:
        return f"c.customer_id not in ({grouped} having sum(orders) > 0)", []
    sql, values = _compared(measure, condition, parse)
    return f"c.customer_id in ({grouped} having {sql})", values


def _band(condition: Condition) -> Sql:
    if condition.operator is Operator.IS_EMPTY:
        return _family(Condition("deal_band", Operator.IS_EMPTY), "", _number)
    if condition.operator is not Operator.IS_ANY_OF:
        raise _refused(condition)
    edges: dict[str, tuple[int, int | None]] = {"below-10k": (-(10**18), BANDS[-1][1])}
    upper: int | None = None
    for code, begins in BANDS:
        edges[code] = (begins, upper)
        upper = begins
    parts: list[Sql] = []
    for code in condition.values:
        if code == "none":
            parts.append(_family(Condition("deal_band", Operator.IS_EMPTY), "", _number))
        elif code in edges:
            least, below = edges[code]
            grouped = f"select f.customer_id from ({_FAMILY_TOTALS}) f group by f.customer_id"
            parts.append(
                (
                    f"c.customer_id in ({grouped} having sum(orders) > 0 and max(major) >= %s"
                    " and (%s::bigint is null or max(major) < %s))",
                    [least, below, below],
                )
            )
        else:
            raise InvalidArgument("filter.deal_band", f"{code[:40]!r} is no band")
    return " or ".join(sql for sql, _ in parts), [value for _, values in parts for value in values]


def _number(field: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise InvalidArgument(f"filter.{field}", f"{text[:40]!r} is not a number")
    return number


def _time(field: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidArgument(f"filter.{field}", f"{text[:40]!r} is not a time like 2026-01-31T08:00:00Z") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
