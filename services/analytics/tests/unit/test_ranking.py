"""Order and ranks of performers."""

import pytest

from analytics.projections.ranking import Performer, ranked


@pytest.mark.feature("ANA-02")
def test_equal_values_share_a_rank_and_the_next_is_skipped() -> None:
    people = [
        Performer("d", won=1),
        Performer("b", won=5),
        Performer("a", won=5),
        Performer("c", won=9),
    ]
    assert [(one.id, one.rank) for one in ranked(people, "won", "")] == [
        ("c", 1),
        ("a", 2),
        ("b", 2),
        ("d", 4),
    ]


def test_money_is_compared_in_one_currency_the_largest_unless_named() -> None:
    people = [
        Performer("yuan", won_value={"CNY": 900}),
        Performer("euro", won_value={"EUR": 500, "CNY": 1}),
    ]
    assert [one.id for one in ranked(people, "won_value", "")] == ["yuan", "euro"]
    assert [one.id for one in ranked(people, "won_value", "EUR")] == ["euro", "yuan"]
