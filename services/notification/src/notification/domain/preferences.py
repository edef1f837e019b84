"""How a person wants to be told: language, channels by kind, quiet hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kernel.errors import InvalidArgument
from notification.domain.message import Channel

LANGUAGES = ("zh", "en")
_MINUTES_A_DAY = 1440
_MOST_KINDS = 100


@dataclass(frozen=True, slots=True)
class KindPreference:
    kind: str
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class PreferencesSet:
    person_id: UUID
    language: str
    kinds: tuple[KindPreference, ...]
    quiet_from_minute: int
    quiet_to_minute: int
    timezone: str


Event = PreferencesSet


def set_preferences(before: PreferencesSet | None, wanted: PreferencesSet) -> list[PreferencesSet]:
    """Check what a person wants; nothing when it is as it was."""
    if wanted.language not in LANGUAGES:
        raise InvalidArgument("language", f"is one of {', '.join(LANGUAGES)}")
    if len(wanted.kinds) > _MOST_KINDS or len({k.kind for k in wanted.kinds}) < len(wanted.kinds):
        raise InvalidArgument("kinds", f"names each kind once, at most {_MOST_KINDS}")
    for field in ("quiet_from_minute", "quiet_to_minute"):
        if not 0 <= getattr(wanted, field) < _MINUTES_A_DAY:
            raise InvalidArgument(field, "is a minute of the day, from 0 to 1439")
    try:
        ZoneInfo(wanted.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidArgument("timezone", f"{wanted.timezone[:40]!r} is not an IANA time zone") from error
    return [] if wanted == before else [wanted]


def evolve(_: PreferencesSet | None, event: PreferencesSet) -> PreferencesSet:
    """The last word counts."""
    return event


def usual(person_id: UUID) -> PreferencesSet:
    """Return what counts for somebody who said nothing."""
    return PreferencesSet(person_id, "zh", (), 0, 0, "Asia/Shanghai")


def channels_for(preferences: PreferencesSet, kind: str, usually: tuple[Channel, ...]) -> tuple[Channel, ...]:
    """Return how a person wants to hear of a kind."""
    for preference in preferences.kinds:
        if preference.kind == kind:
            return preference.channels
    return usually


def quiet_until(preferences: PreferencesSet, at: datetime) -> datetime | None:
    """Return when the quiet hours around this time end; None outside them."""
    begin, end = preferences.quiet_from_minute, preferences.quiet_to_minute
    if begin == end:
        return None
    local = at.astimezone(ZoneInfo(preferences.timezone))
    minute = local.hour * 60 + local.minute
    quiet = begin <= minute < end if begin < end else minute >= begin or minute < end
    if not quiet:
        return None
    over = local.replace(hour=end // 60, minute=end % 60, second=0, microsecond=0)
    if over <= local:
        over += timedelta(days=1)
    return over.astimezone(UTC)
