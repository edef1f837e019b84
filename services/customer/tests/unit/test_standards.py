"""Names, numbers, codes and dictionaries."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer.domain.names import likely_from, pieces, similarity, telling_pieces
from customer.domain.policy import months_after
from customer.domain.profile import Profile
from customer.domain.standards import Unreadable, credit_code_is_valid
from customer.phone_numbers import read_phone
from customer.reference_data import load

REFERENCE = load()


@pytest.mark.feature("CUS-19")
@pytest.mark.parametrize(
    ("typed", "region", "stored"),
    [
        ("13800138000", "CN", "+8613800138000"),
        ("138 0013-8000", "CN", "+8613800138000"),
        ("１３８００１３８０００", "CN", "+8613800138000"),
        ("+86 138 0013 8000", "DE", "+8613800138000"),
        ("0086 13800138000", "CN", "+8613800138000"),
        ("010-62301234", "CN", "+861062301234"),
        ("(021) 6000 1234", "CN", "+862160001234"),
        ("030-0074321", "DE", "+49300074321"),
        ("(171) 555-7788", "GB", "+441715557788"),
        ("+1 415 555 2671", "CN", "+14155552671"),
    ],
)
def test_numbers_become_e164(typed: str, region: str, stored: str) -> None:
    assert read_phone(typed, region) == stored


@pytest.mark.feature("CUS-19")
@pytest.mark.parametrize("typed", ["12", "1380013800", "138001380001", "12800138000", "phone", "+999 1", ""])
def test_what_nobody_can_call_is_refused_without_repeating_it(typed: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        read_phone(typed, "CN")
    assert not typed.isdecimal() or len(typed) < 5 or typed not in str(refusal.value)


@pytest.mark.feature("CUS-19")
def test_the_check_character_of_a_credit_code_is_checked() -> None:
    good = "91350100M000100Y43"  # the standard's own example
    assert credit_code_is_valid(good)
    assert not credit_code_is_valid(good[:-1] + "4")
    for i, letter in enumerate(good[:-1]):
        changed = "1" if letter != "1" else "2"
        assert not credit_code_is_valid(good[:i] + changed + good[i + 1 :])
    assert not credit_code_is_valid("91350100I000100Y43")


@pytest.mark.feature("CUS-19")
def test_the_dictionaries_have_levels_and_answer_to_names() -> None:
    industries, regions = REFERENCE.standards.industries, REFERENCE.standards.regions
    assert len(industries.below("")) == 20
    assert sum(1 for e in industries.entries if e.parent_code) == 97
    assert industries.with_ancestors("65") == ("65", "I")
    assert {"I", "63", "64", "65"} == set(industries.with_descendants("I"))
    assert industries.resolve("software") == "65"
    assert industries.resolve("technolgy") == "I"
    assert industries.resolve("金融业") == "J"
    assert industries.resolve("alchemy") is None
    assert regions.with_ancestors("3201") == ("3201", "32", "CN")
    assert regions.resolve("江苏") == "32"
    assert regions.resolve("南京市") == "3201"
    assert regions.resolve("usa") == "US"
    assert regions.resolve("Germany") == "DE"
    for dictionary in REFERENCE.dictionaries.values():
        codes = [e.code for e in dictionary.entries]
        assert len(set(codes)) == len(codes)
        assert all(e.label_zh and e.label_en for e in dictionary.entries)
        assert all(not e.parent_code or e.parent_code in dictionary for e in dictionary.entries)


def test_a_number_is_read_as_its_customers_country_does() -> None:
    raw = Profile(name="Alfreds Futterkiste", region_code="Germany", phones=("030-0074321",))
    clean, problems = REFERENCE.standards.clean(raw)
    assert problems == []
    assert clean.phones == ("+49300074321",)
    hong_kong = Profile(name="HK Ltd", region_code="香港", phones=("2123 4567",))
    assert REFERENCE.standards.clean(hong_kong)[0].phones == ("+85221234567",)


@pytest.mark.feature("CUS-16")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("上海云杉科技有限公司", "上海云杉科技股份有限公司"),
        ("上海云杉科技有限公司", "上海云杉科技（集团）有限公司"),
        ("云杉（上海）科技有限公司", "云杉(上海)科技有限公司"),
        ("Northwind Traders GmbH", "NORTHWIND  TRADERS Ltd."),
        ("ＡＣＭＥ Inc", "Acme, Inc."),
        ("北京字节跳动科技有限公司", "北京字节跳动网络技术有限公司"),
        ("Acme Corporation", "Acme Corp"),
        ("Globex Industries", "Globex Industry"),
        ("Suprêmes délices", "Supremes Delices SA"),
    ],
)
def test_names_of_one_company_are_alike_and_share_a_telling_piece(one: str, other: str) -> None:
    assert similarity(one, other) >= likely_from(one)
    telling, must_share = telling_pieces(one)
    assert len(set(telling) & pieces(other)) >= must_share


@pytest.mark.feature("CUS-16")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("上海华为科技有限公司", "上海华信科技有限公司"),
        ("北京远航信息科技有限公司", "北京明远信息科技有限公司"),
        ("Alpha International Trading", "Omega International Trading"),
        ("Zoomit", "Zotware"),
        ("Hottechi", "Scottech"),
        ("GROSELLA-Restaurante", "Tortuga Restaurante"),
        ("Ana Trujillo Emparedados", "Antonio Moreno Taquería"),
        ("Alfreds Futterkiste", "Around the Horn"),
    ],
)
def test_names_of_two_companies_are_not(one: str, other: str) -> None:
    assert similarity(one, other) < likely_from(one)


@given(st.text(max_size=40), st.text(max_size=40))
def test_likeness_is_symmetric_and_between_nothing_and_one(one: str, other: str) -> None:
    assert similarity(one, other) == similarity(other, one)
    assert 0.0 <= similarity(one, other) <= 1.0 + 1e-9


_WORDS = st.lists(st.sampled_from(["云杉", "恒信", "华", "科技", "上海", "Acme", "Delta", "trading", "7"]), max_size=6)


@given(_WORDS, _WORDS)
def test_whoever_is_alike_shares_as_many_telling_pieces_as_is_said(one: list[str], other: list[str]) -> None:
    ours, theirs = "".join(one), "".join(other)
    telling, must_share = telling_pieces(ours)
    if similarity(ours, theirs) >= likely_from(ours) and must_share > 1:  # one is asked for in any case
        assert len(set(telling) & pieces(theirs)) >= must_share, (telling, must_share)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [("2026-11-30", 3, "2027-02-28"), ("2026-01-15", 12, "2027-01-15"), ("2024-02-29", 12, "2025-02-28")],
)
def test_months_end_where_the_calendar_says(start: str, months: int, end: str) -> None:
    begun = datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert months_after(begun, months).date().isoformat() == end
