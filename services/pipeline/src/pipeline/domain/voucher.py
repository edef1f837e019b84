"""For how long vouchers are kept: years after the end of their fiscal year, and the law that says so.

A clock here never removes anything: the log keeps what happened. It says what must still be shown to a tax office or
an auditor, and until when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from types import MappingProxyType
from uuid import UUID

from kernel.errors import InvalidArgument

_SHORTEST_BASIS = 8
_LONGEST_BASIS = 400
_MOST_YEARS = 100


class VoucherKind(IntEnum):
    """What an auditor may ask for."""

    PAYMENT = 1
    RECEIVABLE = 2
    ORDER = 3
    CONTRACT = 4
    QUOTE = 5


@dataclass(frozen=True, slots=True)
class VoucherRule:
    kind: VoucherKind
    years: int
    legal_basis: str


@dataclass(frozen=True, slots=True)
class VoucherRulesSet:
    settings_id: UUID
    fiscal_year_begins: int
    rules: tuple[VoucherRule, ...]


@dataclass(frozen=True, slots=True)
class Floor:
    """What the law asks for where nobody names another one."""

    years: int
    source: str


# The periods, and that they run from the first day after the fiscal year: 会计档案管理办法 (order 79 of the Ministry of
# Finance and the National Archives Administration, 2015), articles 14 and 15 with annex 1. Article 19: what is not
# settled is kept on.
_ACCOUNTING = Floor(30, "会计档案管理办法（财政部、国家档案局令第79号）第十四条及附表一：会计凭证 30 年")
_TAX = Floor(10, "税收征收管理法实施细则 第二十九条：其他有关涉税资料 10 年")

FLOORS: Mapping[VoucherKind, Floor] = MappingProxyType(
    {
        VoucherKind.PAYMENT: _ACCOUNTING,
        VoucherKind.RECEIVABLE: _ACCOUNTING,
        VoucherKind.ORDER: _TAX,
        VoucherKind.CONTRACT: _TAX,
        VoucherKind.QUOTE: _TAX,
    }
)

DEFAULT_VOUCHER_RULES = VoucherRulesSet(
    UUID(int=0), 1, tuple(VoucherRule(kind, floor.years, "") for kind, floor in FLOORS.items())
)


@dataclass(frozen=True, slots=True)
class Clocks:
    """The rules in force, as questions ask them."""

    fiscal_year_begins: int
    rules: Mapping[VoucherKind, VoucherRule]

    def fiscal_year_of(self, day: date) -> int:
        """Return the year in which the day's fiscal year begins."""
        return day.year if day.month >= self.fiscal_year_begins else day.year - 1

    def first_day(self, fiscal_year: int) -> date:
        """Return the first day of a fiscal year; the calendar's first and last years stand for those beyond."""
        return date(min(max(fiscal_year, 1), 9999), self.fiscal_year_begins, 1)

    def free_on(self, kind: VoucherKind, dated_on: date) -> date:
        """Return the first day on which the law asks for the voucher no more."""
        return self.first_day(self.fiscal_year_of(dated_on) + 1 + self.rules[kind].years)

    def free_before(self, today: date) -> dict[VoucherKind, date]:
        """Return, by kind, the day before which a voucher must be dated for its time to be over today."""
        this_year = self.fiscal_year_of(today)
        return {kind: self.first_day(this_year - rule.years) for kind, rule in self.rules.items()}

    def basis(self, kind: VoucherKind) -> str:
        """Return what the rule of the kind rests on."""
        return self.rules[kind].legal_basis or FLOORS[kind].source


def clocks(rules: VoucherRulesSet) -> Clocks:
    return Clocks(rules.fiscal_year_begins, {rule.kind: rule for rule in rules.rules})


def set_voucher_rules(
    before: VoucherRulesSet, settings_id: UUID, fiscal_year_begins: int, changed: Sequence[VoucherRule]
) -> list[VoucherRulesSet]:
    """Set the rules of the kinds that are named; the others stay."""
    if not 1 <= fiscal_year_begins <= 12:
        raise InvalidArgument("fiscal_year_begins", "is a month: 1 to 12")
    rules = {rule.kind: rule for rule in before.rules}
    for i, rule in enumerate(changed):
        _check(f"rules[{i}]", rule)
        if any(other.kind == rule.kind for other in changed[:i]):
            raise InvalidArgument(f"rules[{i}].kind", "is named twice")
        rules[rule.kind] = rule
    new = VoucherRulesSet(settings_id, fiscal_year_begins, tuple(rules[kind] for kind in VoucherKind))
    same = (before.fiscal_year_begins, before.rules) == (new.fiscal_year_begins, new.rules)
    return [] if same else [new]


def _check(field: str, rule: VoucherRule) -> None:
    floor = FLOORS[rule.kind]
    if not 1 <= rule.years <= _MOST_YEARS:
        raise InvalidArgument(f"{field}.years", f"must be 1 to {_MOST_YEARS}")
    if len(rule.legal_basis) > _LONGEST_BASIS:
        raise InvalidArgument(f"{field}.legal_basis", f"has at most {_LONGEST_BASIS} characters")
    if rule.years < floor.years and len(rule.legal_basis) < _SHORTEST_BASIS:
        raise InvalidArgument(
            f"{field}.legal_basis",
            f"is needed: {rule.years} years are fewer than the {floor.years} of {floor.source}; name the law that"
            f" lets you, or keep them for {floor.years}",
        )
