"""Exact money in minor units. Never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from kernel.errors import DomainError


class CurrenciesDiffer(DomainError):
    """Amounts of two currencies were added or compared."""


@dataclass(frozen=True, slots=True)
class Money:
    """`minor_units` of the currency with the ISO 4217 code `currency_code`."""

    minor_units: int
    currency_code: str

    def __add__(self, other: Money) -> Money:
        self._require_same(other)
        return Money(self.minor_units + other.minor_units, self.currency_code)

    def __sub__(self, other: Money) -> Money:
        self._require_same(other)
        return Money(self.minor_units - other.minor_units, self.currency_code)

    def __neg__(self) -> Money:
        return Money(-self.minor_units, self.currency_code)

    def __lt__(self, other: Money) -> bool:
        self._require_same(other)
        return self.minor_units < other.minor_units

    def __le__(self, other: Money) -> bool:
        self._require_same(other)
        return self.minor_units <= other.minor_units

    def __gt__(self, other: Money) -> bool:
        return other < self

    def __ge__(self, other: Money) -> bool:
        return other <= self

    def times(self, factor: Decimal | int) -> Money:
        """Multiply and round half to even to a whole minor unit."""
        exact = Decimal(self.minor_units) * Decimal(factor)
        return Money(int(exact.quantize(Decimal(1), ROUND_HALF_EVEN)), self.currency_code)

    def _require_same(self, other: Money) -> None:
        if self.currency_code != other.currency_code:
            raise CurrenciesDiffer(f"{self.currency_code} and {other.currency_code} cannot be put together")
