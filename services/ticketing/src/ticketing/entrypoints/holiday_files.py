"""Reads official lists of holidays and made-up working days: iCalendar, or JSON with date and isOffDay."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import Any

from kernel.errors import InvalidArgument
from ticketing.domain.business_time import SpecialDay

_FIELD = "document"
_MOST_DAYS = 2000
_LONGEST_EVENT_DAYS = 60
_MADE_UP = re.compile(r"上班|补班|调休上班|working day|make-?up", re.IGNORECASE)


def read_holidays(document: str) -> list[SpecialDay]:
    """Return the days a list names. Raises InvalidArgument for a text that is neither format."""
    if document.lstrip("\ufeff \r\n\t").startswith("BEGIN:VCALENDAR"):
        days = _from_calendar(document)
    else:
        days = _from_json(document)
    if not days:
        raise InvalidArgument(_FIELD, "names no days")
    if len(days) > _MOST_DAYS:
        raise InvalidArgument(_FIELD, f"names {len(days)} days; at most {_MOST_DAYS} fit")
    return [days[on] for on in sorted(days)]


def _from_json(document: str) -> dict[date, SpecialDay]:
    try:
        found: Any = json.loads(document.lstrip("\ufeff"))
        return {
            (on := date.fromisoformat(day["date"])): SpecialDay(on, not day["isOffDay"], str(day["name"])[:100])
            for day in found["days"]
        }
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidArgument(_FIELD, "is neither iCalendar nor JSON with days of name, date and isOffDay") from error


def _from_calendar(document: str) -> dict[date, SpecialDay]:
    days: dict[date, SpecialDay] = {}
    event: dict[str, str] = {}
    for line in re.sub(r"\r?\n[ \t]", "", document).splitlines():
        name, _, value = line.partition(":")
        name = name.partition(";")[0]
        if name == "BEGIN" and value == "VEVENT":
            event = {}
        elif name == "END" and value == "VEVENT":
            for day in _days_of(event):
                days[day.on] = day
        else:
            event[name] = value
    return days


def _days_of(event: dict[str, str]) -> list[SpecialDay]:
    try:
        first = date.fromisoformat(event["DTSTART"][:8])
        end = date.fromisoformat(event["DTEND"][:8]) if "DTEND" in event else first + timedelta(days=1)
    except (KeyError, ValueError) as error:
        raise InvalidArgument(_FIELD, "holds an event without a date") from error
    if not 0 < (end - first).days <= _LONGEST_EVENT_DAYS:
        raise InvalidArgument(_FIELD, f"holds an event that lasts from {first} to {end}")
    summary = event.get("SUMMARY", "")
    working = bool(_MADE_UP.search(summary))
    return [SpecialDay(first + timedelta(days=n), working, summary[:100]) for n in range((end - first).days)]
