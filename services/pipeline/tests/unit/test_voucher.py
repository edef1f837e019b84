"""Vouchers are kept as long as the law asks, from the end of their fiscal year; for less only with a law named."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from kernel.errors import InvalidArgument
from pipeline.domain.voucher import (
    DEFAULT_VOUCHER_RULES,
    FLOORS,
    VoucherKind,
    VoucherRule,
    clocks,
    set_voucher_rules,
)

SETTINGS = UUID(int=9)


def changed(*rules: VoucherRule, begins: int = 1) -> object:
    return set_voucher_rules(DEFAULT_VOUCHER_RULES, SETTINGS, begins, rules)


def test_the_clock_runs_from_the_first_day_after_the_fiscal_year() -> None:
    usual = clocks(DEFAULT_VOUCHER_RULES)
    assert usual.free_on(VoucherKind.PAYMENT, date(2026, 1, 1)) == date(2057, 1, 1)
    assert usual.free_on(VoucherKind.PAYMENT, date(2026, 12, 31)) == date(2057, 1, 1)
    assert usual.free_on(VoucherKind.ORDER, date(2026, 12, 31)) == date(2037, 1, 1)
    (april,) = changed(begins=4)  # type: ignore[misc]
    assert clocks(april).fiscal_year_of(date(2026, 3, 31)) == 2025
    assert clocks(april).free_on(VoucherKind.ORDER, date(2026, 3, 31)) == date(2036, 4, 1)
    assert clocks(april).free_on(VoucherKind.ORDER, date(2026, 4, 1)) == date(2037, 4, 1)


@pytest.mark.parametrize("begins", [1, 4, 12])
@pytest.mark.parametrize("kind", list(VoucherKind))
def test_what_a_list_calls_over_is_what_the_clock_calls_over(begins: int, kind: VoucherKind) -> None:
    (rules,) = changed(VoucherRule(kind, 11 if FLOORS[kind].years == 10 else 31, ""), begins=begins)  # type: ignore[misc]
    it, today = clocks(rules), date(2060, 6, 15)
    boundary = it.free_before(today)[kind]
    for day in (date(2000, 1, 1), date(2048, 6, 15), boundary, boundary.replace(year=boundary.year - 1)):
        assert (it.free_on(kind, day) <= today) == (day < boundary)


def test_a_day_at_the_end_of_the_calendar_has_a_clock_too() -> None:
    assert clocks(DEFAULT_VOUCHER_RULES).free_on(VoucherKind.CONTRACT, date(9999, 12, 31)).year == 9999


def test_below_the_floor_somebody_must_name_the_law() -> None:
    with pytest.raises(InvalidArgument, match="name the law") as refused:
        changed(VoucherRule(VoucherKind.PAYMENT, 10, ""))
    assert refused.value.field == "rules[0].legal_basis"
    (shorter,) = changed(VoucherRule(VoucherKind.PAYMENT, 8, "§ 147 Abs. 3 AO: Buchungsbelege 8 Jahre"))  # type: ignore[misc]
    assert clocks(shorter).basis(VoucherKind.PAYMENT).startswith("§ 147")
    (longer,) = changed(VoucherRule(VoucherKind.ORDER, 15, ""))  # type: ignore[misc]
    assert clocks(longer).rules[VoucherKind.ORDER].years == 15
    assert clocks(longer).rules[VoucherKind.PAYMENT].years == 30, "the others stay"


@pytest.mark.parametrize(
    ("rules", "begins"),
    [
        ((VoucherRule(VoucherKind.ORDER, 0, "no law at all says this"),), 1),
        ((VoucherRule(VoucherKind.ORDER, 101, ""),), 1),
        ((VoucherRule(VoucherKind.ORDER, 12, ""), VoucherRule(VoucherKind.ORDER, 13, "")), 1),
        ((), 13),
    ],
)
def test_what_is_no_rule_is_refused(rules: tuple[VoucherRule, ...], begins: int) -> None:
    with pytest.raises(InvalidArgument):
        changed(*rules, begins=begins)


def test_setting_what_holds_already_says_nothing() -> None:
    assert changed(VoucherRule(VoucherKind.ORDER, 10, "")) == []
