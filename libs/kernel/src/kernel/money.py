"""Exact money in minor units. Never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from kernel.errors import DomainError

_WITHOUT_DECIMALS = (
    "BIF",
    "CLP",
    "DJF",
    "GNF",
    "ISK",
    "JPY",
    "KMF",
    "KRW",
    "PYG",
    "RWF",
    "UGX",
    "UYI",
    "VND",
    "VUV",
    "XAF",
    "XOF",
    "XPF",
)
_THREE_DECIMALS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")

_NONE, _THREE = "', '".join(_WITHOUT_DECIMALS), "', '".join(_THREE_DECIMALS)


def decimals_of(currency_code: str) -> int:
    """Return how many decimals a currency's amounts have (ISO 4217): 2 for most, 0 for yen, 3 for dinars."""
    return 0 if currency_code in _WITHOUT_DECIMALS else 3 if currency_code in _THREE_DECIMALS else 2


def minor_per_major_sql(currency: str) -> str:
    """Return SQL: how many minor units a major one has, by a column (written by us) that holds its currency."""
    return f"(case when {currency} in ('{_NONE}') then 1 when {currency} in ('{_THREE}') then 1000 else 100 end)"


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

    def major(self) -> Decimal:
        """Return the amount in major units: 12.50 for 1250 of a currency with cents."""
        return Decimal(self.minor_units).scaleb(-decimals_of(self.currency_code))

    def __str__(self) -> str:
        return f"{self.major():,.{decimals_of(self.currency_code)}f} {self.currency_code}"

    def _require_same(self, other: Money) -> None:
        if self.currency_code != other.currency_code:
            raise CurrenciesDiffer(f"{self.currency_code} and {other.currency_code} cannot be put together")
