"""Months on a line of days, without time zones: 0.0 is the first moment of 1970-01-01."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo

_EPOCH = date(1970, 1, 1).toordinal()


def day_of(moment: datetime, zone: tzinfo) -> float:
    """Return a moment as days since 1970 on the zone's own clock."""
    local = moment.astimezone(zone)
    seconds = local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6
    return local.toordinal() - _EPOCH + seconds / 86_400


def day_of_date(on: date) -> float:
    """Return the first moment of a date."""
    return float(on.toordinal() - _EPOCH)


def month_at(day: float) -> int:
    """Return the month a day lies in, counted from January 1970 = 0."""
    on = date.fromordinal(int(day // 1) + _EPOCH)
    return (on.year - 1970) * 12 + on.month - 1


def start_of(month: int) -> float:
    """Return the first day of a month."""
    return float(date(1970 + month // 12, month % 12 + 1, 1).toordinal() - _EPOCH)


def name_of(month: int) -> str:
    """Return "2026-11"."""
    return f"{1970 + month // 12:04d}-{month % 12 + 1:02d}"


def moment_of(day: float, zone: tzinfo) -> datetime:
    """Return the moment at which a day of the zone's clock begins."""
    whole = int(day // 1)
    start = datetime.combine(date.fromordinal(whole + _EPOCH), datetime.min.time(), zone)
    return start + timedelta(days=day - whole)
