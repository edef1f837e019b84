"""A segment: a question about customers, asked anew whenever it is used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument

# -- the question ------------------------------------------------------------


class FilterKind(IntEnum):
    UNSPECIFIED = 0
    ALL = 1
    ANY = 2
    NONE = 3
    RULE = 4


class SegmentField(IntEnum):
    UNSPECIFIED = 0
    INDUSTRY = 1
    REGION = 2
    KIND = 3
    LEVEL = 4
    STATUS = 5
    SIZE = 6
    SOURCE = 7
    OWNER = 8
    TAG = 9
    ORDER_TOTAL = 10
    ORDER_COUNT = 11
    BOUGHT_PRODUCT = 12
    BOUGHT_CATEGORY = 13
    SUBMITTED_FORM = 14
    OPENED = 15
    CLICKED = 16
    TOUCHED = 17
    CONSENTS = 18


class FilterOperator(IntEnum):
    UNSPECIFIED = 0
    IS_ANY_OF = 1
    STARTS_WITH = 2
    AT_LEAST = 3
    AT_MOST = 4


NUMBERS = frozenset({SegmentField.ORDER_TOTAL, SegmentField.ORDER_COUNT})
PLAIN = frozenset(
    {
        SegmentField.INDUSTRY,
        SegmentField.REGION,
        SegmentField.KIND,
        SegmentField.LEVEL,
        SegmentField.STATUS,
        SegmentField.SIZE,
        SegmentField.SOURCE,
        SegmentField.OWNER,
        SegmentField.TAG,
    }
)
"""Fields of the customer itself, which a journey's condition may also look at."""
MAY_BE_EMPTY = frozenset(
    {
        SegmentField.SUBMITTED_FORM,
        SegmentField.OPENED,
        SegmentField.CLICKED,
        SegmentField.TOUCHED,
    }
)
"""Fields for which no value means: any."""

_MOST_NODES = 200
_DEEPEST = 8
_MOST_VALUES = 500
_LONGEST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Filter:
    """A node of the tree: all, any or none of those below, or a rule about one field."""

    kind: FilterKind
    filters: tuple[Filter, ...] = ()
    field: SegmentField = SegmentField.UNSPECIFIED
    operator: FilterOperator = FilterOperator.UNSPECIFIED
    values: tuple[str, ...] = ()
    within_days: int = 0


def check(filter: Filter) -> None:
    """Refuse a tree that cannot be asked, naming the place where it breaks."""
    if _check(filter, "filter", 1) > _MOST_NODES:
        raise InvalidArgument("filter", f"has more than {_MOST_NODES} rules")


def _check(filter: Filter, place: str, depth: int) -> int:
    if depth > _DEEPEST:
        raise InvalidArgument(place, f"is nested more than {_DEEPEST} deep")
    match filter.kind:
        case FilterKind.UNSPECIFIED:
            raise InvalidArgument(f"{place}.kind", "is required")
        case FilterKind.RULE:
            _check_rule(filter, place)
            return 1
        case FilterKind.ANY | FilterKind.NONE if not filter.filters:
            raise InvalidArgument(f"{place}.filters", "needs at least one filter below")
        case _:
            return 1 + sum(_check(below, f"{place}.filters[{i}]", depth + 1) for i, below in enumerate(filter.filters))


def _check_rule(rule: Filter, place: str) -> None:
    if rule.field is SegmentField.UNSPECIFIED:
        raise InvalidArgument(f"{place}.field", "is required")
    if rule.filters:
        raise InvalidArgument(f"{place}.filters", "a rule has nothing below it")
    if not 0 <= rule.within_days <= _LONGEST_DAYS:
        raise InvalidArgument(f"{place}.within_days", f"must be between 0 and {_LONGEST_DAYS}")
    if len(rule.values) > _MOST_VALUES:
        raise InvalidArgument(f"{place}.values", f"at most {_MOST_VALUES} fit")
    if not rule.values and rule.field not in MAY_BE_EMPTY:
        raise InvalidArgument(f"{place}.values", "is required")
    counts = rule.operator in (FilterOperator.AT_LEAST, FilterOperator.AT_MOST)
    if counts != (rule.field in NUMBERS):
        raise InvalidArgument(
            f"{place}.operator",
            "order total and order count compare with at least or at most, other fields do not",
        )
    if counts and (len(rule.values) != 1 or not rule.values[0].lstrip("-").isdecimal()):
        raise InvalidArgument(f"{place}.values", "must be one whole number")
    if rule.operator is FilterOperator.STARTS_WITH and rule.field not in PLAIN:
        raise InvalidArgument(f"{place}.operator", "only fields of the customer begin with something")


# -- what can happen ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FilterNode:
    above: int
    kind: FilterKind
    field: SegmentField
    operator: FilterOperator
    values: tuple[str, ...]
    within_days: int


def nodes_of(filter: Filter) -> tuple[FilterNode, ...]:
    """Return the tree as the list it is stored as: each node behind the one above it."""
    nodes: list[FilterNode] = []

    def add(node: Filter, above: int) -> None:
        at = len(nodes)
        nodes.append(FilterNode(above, node.kind, node.field, node.operator, node.values, node.within_days))
        for below in node.filters:
            add(below, at)

    add(filter, -1)
    return tuple(nodes)


def filter_of(nodes: tuple[FilterNode, ...]) -> Filter:
    """Return the tree that the list was made from."""
    below: dict[int, list[Filter]] = {}
    for at in range(len(nodes) - 1, -1, -1):
        node = nodes[at]
        filters = tuple(reversed(below.get(at, [])))
        made = Filter(node.kind, filters, node.field, node.operator, node.values, node.within_days)
        below.setdefault(node.above, []).append(made)
    return below[-1][0]


@dataclass(frozen=True, slots=True)
class SegmentDefined:
    segment_id: UUID
    name: str
    owner_id: UUID
    nodes: tuple[FilterNode, ...]


@dataclass(frozen=True, slots=True)
class SegmentRevised:
    segment_id: UUID
    name: str
    nodes: tuple[FilterNode, ...]


@dataclass(frozen=True, slots=True)
class SegmentRetired:
    segment_id: UUID


@dataclass(frozen=True, slots=True)
class SegmentHandedOver:
    segment_id: UUID
    from_owner_id: UUID
    to_owner_id: UUID


SegmentEvent = SegmentDefined | SegmentRevised | SegmentRetired | SegmentHandedOver

# -- what it is, and what may be decided about it ----------------------------


@dataclass(frozen=True, slots=True)
class Segment:
    id: UUID
    owner_id: UUID
    name: str
    filter: Filter
    retired: bool = False

    def revise(self, name: str, filter: Filter) -> list[SegmentEvent]:
        self.require_in_use()
        _require_name(name)
        check(filter)
        if (name, filter) == (self.name, self.filter):
            return []
        return [SegmentRevised(self.id, name, nodes_of(filter))]

    def retire(self) -> list[SegmentEvent]:
        return [] if self.retired else [SegmentRetired(self.id)]

    def require_in_use(self) -> None:
        if self.retired:
            raise DomainError(f"segment {self.id} is retired; define another one")

    def hand_over(self, to_owner_id: UUID) -> list[SegmentEvent]:
        """Somebody else answers for it now."""
        return [] if to_owner_id == self.owner_id else [SegmentHandedOver(self.id, self.owner_id, to_owner_id)]


def define_segment(segment_id: UUID, owner_id: UUID, name: str, filter: Filter) -> list[SegmentEvent]:
    """Define a segment."""
    _require_name(name)
    check(filter)
    return [SegmentDefined(segment_id, name, owner_id, nodes_of(filter))]


def _require_name(name: str) -> None:
    if not name:
        raise InvalidArgument("name", "is required")


# -- how it comes to be ------------------------------------------------------


def evolve(segment: Segment | None, event: SegmentEvent) -> Segment:
    """Fold one event into the state."""
    if isinstance(event, SegmentDefined):
        return Segment(event.segment_id, event.owner_id, event.name, filter_of(event.nodes))
    assert segment is not None, f"history must begin with SegmentDefined, not {event}"
    match event:
        case SegmentRevised():
            return replace(segment, name=event.name, filter=filter_of(event.nodes))
        case SegmentRetired():
            return replace(segment, retired=True)
        case SegmentHandedOver(to_owner_id=owner_id):
            return replace(segment, owner_id=owner_id)
        case _:
            assert_never(event)
