"""Cells into values: dates in any common spelling, amounts, numbers, yes and no. Nothing is guessed per cell:
a column has one spelling, found from all of its cells, and an ambiguous one is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from kernel.money import decimals_of


class BadValue(Exception):
    """A cell does not hold what its column should. `wrong` says what, `mend` the way out."""

    def __init__(self, wrong: str, mend: str) -> None:
        super().__init__(f"{wrong}; {mend}")
        self.wrong = wrong
        self.mend = mend


@dataclass(frozen=True, slots=True)
class DateSpelling:
    """How a column writes dates: the order of day, month and year, and the example people know it by."""

    order: str  # "ymd", "dmy", "mdy"
    example: str


YMD = DateSpelling("ymd", "2026-01-31")
DMY = DateSpelling("dmy", "31.01.2026")
MDY = DateSpelling("mdy", "01/31/2026")
SPELLINGS = {s.order: s for s in (YMD, DMY, MDY)}

_PARTS = re.compile(r"(\d{1,4})\s*[-/.年\s]\s*(\d{1,2})\s*[-/.月\s]\s*(\d{1,4})\s*日?(?:[T ]+(.+))?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?\s*(Z|[+-]\d{2}:?\d{2})?")
_EARLIEST, _LATEST = 1900, 2200


def spelling_of(cells: Iterable[str], told: str = "") -> DateSpelling | None:
    """Return the one spelling that reads every cell that any spelling can read; None when two fit."""
    if told:
        return SPELLINGS[told]
    cells = [c for c in cells if c]
    readable = {s.order: [_read(c, s) is not None for c in cells] for s in SPELLINGS.values()}
    some = [any(row) for row in zip(*readable.values(), strict=True)] if cells else []
    fitting = [
        order for order, row in readable.items() if all(ok or not any_ for ok, any_ in zip(row, some, strict=True))
    ]
    if len(fitting) == 1 or not cells:
        return SPELLINGS[fitting[0]]
    if "ymd" in fitting and any(re.match(r"\d{4}", c) for c in cells):
        return YMD
    if not fitting:  # a mixture: the best one, the rest are problems of their rows
        return SPELLINGS[max(readable, key=lambda order: sum(readable[order]))]
    return None


def to_datetime(cell: str, spelling: DateSpelling) -> datetime:
    """Return the moment; a date without a time is its midnight in UTC, one without an offset is UTC."""
    found = _read(cell, spelling)
    if found is None:
        raise BadValue("is not a date that exists", f"write it like {spelling.example}")
    return found


def to_date(cell: str, spelling: DateSpelling) -> date:
    """Return the day."""
    return to_datetime(cell, spelling).date()


def _read(cell: str, spelling: DateSpelling) -> datetime | None:
    match = _PARTS.fullmatch(cell.strip())
    clock = ""
    if match:
        first, second, third, clock = match.group(1), match.group(2), match.group(3), match.group(4) or ""
        if len(first) == 4 or spelling.order == "ymd":
            if len(first) != 4:
                return None
            year, month, day = int(first), int(second), int(third)
        elif spelling.order == "dmy":
            day, month, year = int(first), int(second), _full_year(third)
        else:
            month, day, year = int(first), int(second), _full_year(third)
    elif compact := _COMPACT.fullmatch(cell.strip()):
        year, month, day = (int(part) for part in compact.groups())
    else:
        return None
    hour = minute = second_ = micro = 0
    offset = ""
    if clock:
        time_match = _CLOCK.fullmatch(clock.strip())
        if not time_match:
            return None
        hour, minute = int(time_match.group(1)), int(time_match.group(2))
        second_ = int(time_match.group(3) or 0)
        micro = int((time_match.group(4) or "").ljust(6, "0") or 0)
        offset = time_match.group(5) or ""
    if not _EARLIEST <= year <= _LATEST:
        return None
    try:
        moment = datetime(year, month, day, hour, minute, second_, micro, tzinfo=UTC)
    except ValueError:
        return None
    if offset and offset != "Z":
        zone = datetime.strptime(offset.replace(":", ""), "%z").tzinfo
        moment = moment.replace(tzinfo=zone).astimezone(UTC)
    return moment


def _full_year(text: str) -> int:
    year = int(text)
    return year + (2000 if year < 70 else 1900) if len(text) <= 2 else year


_CURRENCIES = {"¥": "CNY", "￥": "CNY", "元": "CNY", "$": "USD", "€": "EUR", "£": "GBP"}


def to_decimal(cell: str, negative: bool = False) -> Decimal:
    """Return the number in 1,234.50 or 1.234,50 or 1 234,50 or 12.5万, with or without a currency sign."""
    text = cell.strip()
    for sign in _CURRENCIES:
        text = text.replace(sign, "")
    text = re.sub(r"^[A-Z]{3}\s*|\s*[A-Z]{3}$", "", text).replace("\u00a0", "").replace(" ", "")
    factor = Decimal(1)
    for unit, times in (("万", 10_000), ("亿", 100_000_000)):
        if text.endswith(unit):
            text, factor = text[:-1], Decimal(times)
    if text.startswith("(") and text.endswith(")"):
        text = "-" + text[1:-1]
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    elif re.fullmatch(r"-?\d{1,3}(\.\d{3})+(,\d+)?", text) and ("," in text or text.count(".") > 1):
        text = text.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"-?\d+,\d{1,2}", text):
        text = text.replace(",", ".")
    try:
        number = Decimal(text) * factor
    except InvalidOperation:
        raise BadValue("is not a number", "write it like 1234.50") from None
    if not number.is_finite() or abs(number) >= Decimal(10) ** 15:
        raise BadValue("is too large a number", "check its unit")
    if number < 0 and not negative:
        raise BadValue("is negative", "an amount here is 0 or more; leave the cell empty if it is unknown")
    return number


def to_money(cell: str, currency: str) -> dict[str, str | int]:
    """Return {minor_units, currency_code}; a sign or code in the cell names the currency. Only its decimals."""
    for sign, code in _CURRENCIES.items():
        if sign in cell:
            currency = code
    if code_match := re.search(r"\b([A-Z]{3})\b", cell):
        currency = code_match.group(1)
    decimals = decimals_of(currency)
    exact = to_decimal(cell).scaleb(decimals)
    if exact != exact.to_integral_value():
        raise BadValue(f"has more than the {decimals} decimals of {currency}", "round it")
    return {"minor_units": str(int(exact)), "currency_code": currency}


def to_whole(cell: str) -> int:
    """Return a whole number, 0 or more."""
    number = to_decimal(cell)
    if number != number.to_integral_value():
        raise BadValue("is not a whole number", "write it without decimals")
    return int(number)


_YES = {"1", "true", "yes", "y", "x", "是", "有", "✓"}
_NO = {"", "0", "false", "no", "n", "否", "无"}


def to_flag(cell: str) -> bool:
    """Return yes or no."""
    folded = cell.strip().casefold()
    if folded in _YES:
        return True
    if folded in _NO:
        return False
    raise BadValue("is neither yes nor no", "write yes or no")


def refuse_formula(cell: str) -> None:
    """Refuse what a spreadsheet would compute: it would run on the machine of whoever exports it again."""
    if cell.startswith(("=", "\t=", "\r=")) or re.match(r"[+@-]\s*[A-Za-z]+\s*\(|[+@-]?\s*cmd\|", cell):
        raise BadValue("is a formula", "paste its value instead")
