"""Money, ids, search keys and settings: the small things everything stands on."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.auth import Caller
from kernel.config import ConfigurationError, Settings
from kernel.ids import derived_id, new_id
from kernel.money import CurrenciesDiffer, Money
from kernel.text import grams, search_grams


def test_money_of_two_currencies_is_not_added():
    with pytest.raises(CurrenciesDiffer):
        Money(1, "EUR") + Money(1, "CNY")


@pytest.mark.parametrize(("cents", "factor", "expected"), [(5, "0.5", 2), (15, "0.5", 8), (100, "0.333", 33)])
def test_money_times_a_factor_rounds_half_to_even(cents, factor, expected):
    assert Money(cents, "EUR").times(Decimal(factor)) == Money(expected, "EUR")


def test_new_ids_are_version_7_and_rise_with_time():
    before = time.time_ns() // 1_000_000
    made = [new_id() for _ in range(100)]
    assert {i.version for i in made} == {7}
    assert all(before <= i.int >> 80 <= time.time_ns() // 1_000_000 for i in made)
    assert len(set(made)) == 100


def test_derived_ids_depend_on_every_part():
    assert derived_id("a", 1) == derived_id("a", 1)
    assert len({derived_id("a", 1), derived_id("a", 2), derived_id("a1"), derived_id("b", 1)}) == 4


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("张伟", "张伟"),
        ("北京华夏科技有限公司", "华夏"),
        ("ACME Corporation", "acme"),
        ("ＡＣＭＥ", "acme"),
        ("+86 138 1234 5678", "1234"),
        ("王", "王"),
    ],
)
def test_a_text_is_found_by_its_pieces(text, query):
    assert set(search_grams(query)) <= set(grams(text))


@given(st.text(min_size=1, max_size=40), st.data())
def test_every_text_is_found_by_any_part_of_a_word(text, data):
    words = [w for w in text.split() if w]
    if not words:
        return
    word = data.draw(st.sampled_from(words))
    start = data.draw(st.integers(0, len(word) - 1))
    end = data.draw(st.integers(start + 1, len(word)))
    part = word[start:end]
    import unicodedata

    if unicodedata.normalize("NFKC", text).casefold() != text:
        return  # folding may join or split characters at the cut
    assert set(search_grams(part)) <= set(grams(text))


def test_every_missing_variable_is_named_at_once():
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_environment("pipeline", {"PIPELINE_MASTER_KEY": "###", "HEADWATER_PARTITIONS": "none"})
    for name in (
        "PIPELINE_DATABASE_URL",
        "PIPELINE_AMQP_URL",
        "PIPELINE_SERVICE_SECRET",
        "HEADWATER_TOKEN_PUBLIC_KEY",
        "PIPELINE_MASTER_KEY",
        "HEADWATER_PARTITIONS",
    ):
        assert name in str(refused.value)


@pytest.mark.parametrize(
    ("held", "asked", "allowed"),
    [
        ("pipeline.*", "pipeline.lead.write", True),
        ("pipeline.lead.write", "pipeline.lead.read", True),
        ("pipeline.lead.read", "pipeline.lead.write", False),
        ("pipeline.quote.approve", "pipeline.quote.write", False),
        ("*.read", "ticketing.ticket.read", True),
        ("customer.customer.admin", "customer.customer.write", True),
        ("customer.customer.write", "customer.customer.admin", False),
    ],
)
def test_permissions_cover_what_they_should_and_no_more(held, asked, allowed):
    assert Caller("service", "x", permissions=(held,)).may(asked) is allowed


@pytest.mark.parametrize(
    ("money", "text", "major"),
    [
        (Money(1_234_550, "CNY"), "12,345.50 CNY", Decimal("12345.50")),
        (Money(1_234_550, "JPY"), "1,234,550 JPY", Decimal(1_234_550)),
        (Money(-1_234_550, "KWD"), "-1,234.550 KWD", Decimal("-1234.550")),
    ],
)
def test_an_amount_reads_with_the_decimals_of_its_currency(money: Money, text: str, major: Decimal) -> None:
    assert str(money) == text
    assert money.major() == major
