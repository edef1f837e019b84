"""A segment's filter is a tree that is checked, stored as a list and read back the same."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import DomainError, InvalidArgument
from marketing.domain.segment import (
    NUMBERS,
    Filter,
    FilterKind,
    FilterOperator,
    SegmentField,
    SegmentRetired,
    check,
    define_segment,
    evolve,
    filter_of,
    nodes_of,
)

SEGMENT, OWNER = UUID(int=1), UUID(int=2)


def rule(field: SegmentField, *values: str, within_days: int = 0) -> Filter:
    operator = FilterOperator.AT_LEAST if field in NUMBERS else FilterOperator.IS_ANY_OF
    return Filter(FilterKind.RULE, field=field, operator=operator, values=tuple(values), within_days=within_days)


rules = st.builds(
    rule,
    st.sampled_from([SegmentField.TAG, SegmentField.BOUGHT_PRODUCT, SegmentField.ORDER_COUNT]),
    st.integers(0, 99).map(str),
    within_days=st.integers(0, 400),
)
trees = st.recursive(
    rules,
    lambda below: st.builds(
        Filter,
        st.sampled_from([FilterKind.ALL, FilterKind.ANY, FilterKind.NONE]),
        st.lists(below, min_size=1, max_size=4).map(tuple),
    ),
    max_leaves=20,
)


@given(trees)
def test_a_stored_tree_reads_back_the_same(tree: Filter) -> None:
    assert filter_of(nodes_of(tree)) == tree


@pytest.mark.feature("MKT-10")
def test_bought_this_lately_and_never_that_can_be_said() -> None:
    negative = Filter(
        FilterKind.ALL,
        (
            rule(SegmentField.BOUGHT_PRODUCT, "A", within_days=90),
            Filter(FilterKind.NONE, (rule(SegmentField.BOUGHT_PRODUCT, "B"),)),
        ),
    )
    [defined] = define_segment(SEGMENT, OWNER, "bought A, not B", negative)
    assert evolve(None, defined).filter == negative


@pytest.mark.parametrize(
    ("tree", "place"),
    [
        (Filter(FilterKind.UNSPECIFIED), "filter.kind"),
        (Filter(FilterKind.ANY), "filter.filters"),
        (Filter(FilterKind.ALL, (Filter(FilterKind.RULE),)), "filter.filters[0].field"),
        (rule(SegmentField.TAG), "filter.values"),
        (rule(SegmentField.ORDER_COUNT, "many"), "filter.values"),
        (rule(SegmentField.TAG, "x", within_days=-1), "filter.within_days"),
        (
            Filter(
                FilterKind.RULE,
                field=SegmentField.TAG,
                operator=FilterOperator.AT_MOST,
                values=("1",),
            ),
            "filter.operator",
        ),
    ],
)
def test_a_tree_that_cannot_be_asked_names_the_place(tree: Filter, place: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check(tree)
    assert refused.value.field == place


def test_a_tree_too_deep_or_too_large_is_refused() -> None:
    deep = rule(SegmentField.TAG, "x")
    for _ in range(9):
        deep = Filter(FilterKind.ALL, (deep,))
    with pytest.raises(InvalidArgument, match="deep"):
        check(deep)
    with pytest.raises(InvalidArgument, match="rules"):
        check(Filter(FilterKind.ANY, (rule(SegmentField.TAG, "x"),) * 300))


def test_a_retired_segment_is_not_revised() -> None:
    [defined] = define_segment(SEGMENT, OWNER, "all", Filter(FilterKind.ALL))
    segment = evolve(None, defined)
    assert segment.revise("all", Filter(FilterKind.ALL)) == []
    with pytest.raises(DomainError, match="retired"):
        evolve(segment, SegmentRetired(SEGMENT)).revise("x", Filter(FilterKind.ALL))
