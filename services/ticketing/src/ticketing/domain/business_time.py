"""Business time: seconds during which people work, by a calendar that is data.

A calendar is a usual week, days off and made-up working days, in a time zone. It knows nothing of tickets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kernel.errors import InvalidArgument

_MINUTES_A_DAY = 1440
_LONGEST_PAUSE_DAYS = 400
_LONGEST_SPAN_DAYS = 366 * 60
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """Work on a weekday (Monday is 1) from one minute of the day to another."""

    weekday: int
    from_minute: int
    to_minute: int


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A day unlike its weekday: a holiday, or a made-up working day."""

    on: date
    working: bool
    name: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """The hours of each weekday, and the days that differ."""

    weekly: tuple[WorkingHours, ...]
    special_days: tuple[SpecialDay, ...] = ()
    made_up_as_weekday: int = 1

    def __post_init__(self) -> None:
        if not self.weekly:
            raise InvalidArgument("weekly", "a calendar needs working hours on some weekday")
        if not 1 <= self.made_up_as_weekday <= 7:
            raise InvalidArgument("made_up_as_weekday", "is a weekday from 1 to 7")
        last: dict[int, int] = {}
        for hours in sorted(self.weekly, key=lambda h: (h.weekday, h.from_minute)):
            if not 1 <= hours.weekday <= 7:
                raise InvalidArgument("weekly", f"weekday {hours.weekday} is not from 1 to 7")
            if not 0 <= hours.from_minute < hours.to_minute <= _MINUTES_A_DAY:
                raise InvalidArgument("weekly", f"{hours.from_minute} to {hours.to_minute} are not minutes of one day")
            if hours.from_minute < last.get(hours.weekday, 0):
                raise InvalidArgument("weekly", f"hours of weekday {hours.weekday} overlap")
            last[hours.weekday] = hours.to_minute
        if len({special.on for special in self.special_days}) < len(self.special_days):
            raise InvalidArgument("special_days", "one day is named twice")


def zone_of(timezone: str) -> ZoneInfo:
    """Return the IANA time zone; refuse a name nobody knows."""
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidArgument("timezone", f"{timezone[:40]!r} is not an IANA time zone") from error


def is_working_day(on: date, calendar: Calendar) -> bool:
    """Whether anybody works on that day."""
    return bool(_hours_on(on, _week(calendar), _special(calendar), calendar.made_up_as_weekday))


def add_business_time(start: datetime, duration: timedelta, calendar: Calendar, tz: ZoneInfo) -> datetime:
    """Return the first instant by which `duration` of business time has gone by since `start`.

    Nothing to wait for is over at once, in working hours or not.
    """
    if duration <= timedelta(0):
        return start
    left = duration
    for begin, end in _spans(start, calendar, tz):
        begin = max(begin, start)
        if end - begin >= left:
            return begin + left
        left -= end - begin
    raise AssertionError("the spans of a calendar do not end")  # pragma: no cover


def elapsed_business_time(start: datetime, end: datetime, calendar: Calendar, tz: ZoneInfo) -> timedelta:
    """Return the business time between two instants; zero when `end` is not after `start`."""
    total = timedelta(0)
    if end <= start:
        return total
    for begin, until in _spans(start, calendar, tz):
        if begin >= end:
            break
        total += min(until, end) - max(begin, start)
    return total


def _spans(start: datetime, calendar: Calendar, tz: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Yield working spans that end after `start`, oldest first, in UTC."""
    week = _week(calendar)
    special = _special(calendar)
    day = start.astimezone(tz).date()
    idle = 0
    for _ in range(_LONGEST_SPAN_DAYS):
        hours = _hours_on(day, week, special, calendar.made_up_as_weekday)
        for each in hours:
            begin, end = _instant(day, each.from_minute, tz), _instant(day, each.to_minute, tz)
            if end > start and end > begin:  # hours inside a skipped hour of summer time are no hours
                yield begin, end
        idle = 0 if hours else idle + 1
        if idle > _LONGEST_PAUSE_DAYS:
            raise InvalidArgument("special_days", f"nobody works for {_LONGEST_PAUSE_DAYS} days from {day}")
        day += _ONE_DAY
    raise InvalidArgument("business_seconds", "reach further than sixty years")


def _instant(day: date, minute: int, tz: ZoneInfo) -> datetime:
    if minute == _MINUTES_A_DAY:
        day, minute = day + _ONE_DAY, 0
    return datetime.combine(day, time(minute // 60, minute % 60), tz).astimezone(UTC)


_Week = dict[int, tuple[WorkingHours, ...]]


def _hours_on(day: date, week: _Week, special: dict[date, bool], made_up: int) -> tuple[WorkingHours, ...]:
    usual = week.get(day.isoweekday(), ())
    working = special.get(day)
    if working is None:
        return usual
    return (usual or week.get(made_up) or next(iter(week.values()))) if working else ()


@lru_cache(maxsize=100)
def _week(calendar: Calendar) -> _Week:
    week: _Week = {}
    for hours in sorted(calendar.weekly, key=lambda h: (h.weekday, h.from_minute)):
        week[hours.weekday] = (*week.get(hours.weekday, ()), hours)
    return week


@lru_cache(maxsize=100)
def _special(calendar: Calendar) -> dict[date, bool]:
    return {special.on: special.working for special in calendar.special_days}
