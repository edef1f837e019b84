"""The arithmetic of positions, exact to the minor unit.

A line's exact net is quantity x unit price x (1 - discount). A document's net total is the sum of the
exact nets, rounded once, half to even. The lines' shown nets are the differences of the rounded running
sum, so they always add up to the total; each is within one minor unit of its exact value. Tax works the
same way over the exact tax of each line. Reports over many orders sum the exact nets and round once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from kernel.errors import InvalidArgument
from kernel.money import Money, decimals_of

_WHOLE = Decimal(1)
_BASIS_POINTS = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Position:
    """What is multiplied: a quantity, a price, a discount and a tax in basis points."""

    quantity: str
    unit_price: Money
    discount_basis_points: int
    tax_basis_points: int


@dataclass(frozen=True, slots=True)
class Amounts:
    net: Money
    tax: Money
    net_exact: str


@dataclass(frozen=True, slots=True)
class Totals:
    lines: tuple[Amounts, ...]
    net_total: Money
    tax_total: Money
    total: Money
    net_exact: str


def totals(positions: Sequence[Position], field: str = "lines") -> Totals:
    """Return the amounts of each position and of all; refuse what cannot be multiplied."""
    if not positions:
        raise InvalidArgument(field, "at least one line is needed")
    currency = positions[0].unit_price.currency_code
    net_sum = tax_sum = Decimal(0)
    net_shown = tax_shown = 0
    lines: list[Amounts] = []
    for i, position in enumerate(positions):
        _check(position, currency, f"{field}[{i}]")
        net = (
            quantity_of(position.quantity, f"{field}[{i}].quantity")
            * position.unit_price.minor_units
            * (_BASIS_POINTS - position.discount_basis_points)
            / _BASIS_POINTS
        )
        net_sum += net
        tax_sum += net * position.tax_basis_points / _BASIS_POINTS
        net_until_here, tax_until_here = _rounded(net_sum), _rounded(tax_sum)
        lines.append(
            Amounts(
                Money(net_until_here - net_shown, currency),
                Money(tax_until_here - tax_shown, currency),
                _major(net, currency),
            )
        )
        net_shown, tax_shown = net_until_here, tax_until_here
    net_total, tax_total = Money(net_shown, currency), Money(tax_shown, currency)
    return Totals(tuple(lines), net_total, tax_total, net_total + tax_total, _major(net_sum, currency))


def exact(quantity: str, amount: Money) -> str:
    """Return quantity x amount in major units, not rounded."""
    return _major(Decimal(quantity) * amount.minor_units, amount.currency_code)


def sum_of(exact_amounts: Iterable[str]) -> str:
    """Return the sum of exact amounts in major units."""
    return _plain(sum((Decimal(amount) for amount in exact_amounts), Decimal(0)))


def quantity_of(text: str, field: str = "quantity") -> Decimal:
    """Return a quantity: a decimal number above 0 with at most 6 decimals."""
    try:
        quantity = Decimal(text)
    except InvalidOperation as error:
        raise InvalidArgument(field, f"{text[:40]!r} is not a number") from error
    if not quantity.is_finite() or not 0 < quantity < 10**12 or quantity != round(quantity, 6):
        raise InvalidArgument(field, "must be above 0, with at most 6 decimals")
    return quantity


def _check(position: Position, currency: str, field: str) -> None:
    if len(currency) != 3:
        raise InvalidArgument(f"{field}.unit_price", "needs an ISO 4217 currency")
    if position.unit_price.currency_code != currency:
        raise InvalidArgument(f"{field}.unit_price", f"is not in {currency} like the first line")
    if position.unit_price.minor_units < 0:
        raise InvalidArgument(f"{field}.unit_price", "must not be negative")
    if not 0 <= position.discount_basis_points <= 10_000:
        raise InvalidArgument(f"{field}.discount_basis_points", "must be 0 to 10000")
    if not 0 <= position.tax_basis_points <= 10_000:
        raise InvalidArgument(f"{field}.tax_basis_points", "must be 0 to 10000")


def _rounded(minor_units: Decimal) -> int:
    return int(minor_units.quantize(_WHOLE, ROUND_HALF_EVEN))


def _major(minor_units: Decimal, currency: str) -> str:
    return _plain(minor_units.scaleb(-decimals_of(currency)))


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
