"""A partner's server that is told of events: where, what, and when it is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import assert_never
from urllib.parse import urlsplit
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument, NotFound

LONGEST_URL = 500
RESTS = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800))
"""Between one attempt and the next: eleven attempts in a day, less 17 minutes."""

PAUSED_AFTER = timedelta(hours=23)
"""Without one success, and MOST_FAILURES at least."""
MOST_FAILURES = len(RESTS)
ROTATION = timedelta(days=7)
LONGEST_ROTATION = timedelta(days=90)


class WebhookState(IntEnum):
    ACTIVE = 1
    PAUSED = 2


class DeliveryState(IntEnum):
    WAITING = 1
    DELIVERED = 2
    SET_ASIDE = 3
    SKIPPED = 4


# -- what can happen ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WebhookRegistered:
    webhook_id: UUID
    name: str
    url: str
    types: tuple[str, ...]
    owner_id: UUID


@dataclass(frozen=True, slots=True)
class WebhookRevised:
    webhook_id: UUID
    name: str
    url: str
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WebhookSecretRotated:
    webhook_id: UUID
    older_valid_until: datetime


@dataclass(frozen=True, slots=True)
class WebhookPaused:
    webhook_id: UUID
    reason: str
    automatic: bool


@dataclass(frozen=True, slots=True)
class WebhookResumed:
    webhook_id: UUID


@dataclass(frozen=True, slots=True)
class WebhookRemoved:
    webhook_id: UUID


Event = WebhookRegistered | WebhookRevised | WebhookSecretRotated | WebhookPaused | WebhookResumed | WebhookRemoved


# -- what it is, and what may be decided about it ----------------------------


@dataclass(frozen=True, slots=True)
class Webhook:
    id: UUID
    name: str
    url: str
    types: tuple[str, ...]
    owner_id: UUID
    state: WebhookState = WebhookState.ACTIVE
    removed: bool = False

    def revise(self, name: str, url: str, types: Sequence[str]) -> list[Event]:
        self._refuse_removed()
        if (name, url, tuple(types)) == (self.name, self.url, self.types):
            return []
        return [WebhookRevised(self.id, name, checked_url(url), _checked_types(types))]

    def rotate(self, older_valid_until: datetime, now: datetime) -> list[Event]:
        self._refuse_removed()
        if older_valid_until > now + LONGEST_ROTATION:
            raise InvalidArgument("older_valid_until", f"at most {LONGEST_ROTATION.days} days from now")
        return [WebhookSecretRotated(self.id, older_valid_until)]

    def pause(self, reason: str, automatic: bool) -> list[Event]:
        self._refuse_removed()
        return [] if self.state is WebhookState.PAUSED else [WebhookPaused(self.id, reason, automatic)]

    def resume(self) -> list[Event]:
        self._refuse_removed()
        return [] if self.state is WebhookState.ACTIVE else [WebhookResumed(self.id)]

    def remove(self) -> list[Event]:
        return [] if self.removed else [WebhookRemoved(self.id)]

    def _refuse_removed(self) -> None:
        if self.removed:
            raise NotFound(f"no webhook {self.id}: it was removed; register another one")


def register(webhook_id: UUID, name: str, url: str, types: Sequence[str], owner_id: UUID) -> list[Event]:
    return [WebhookRegistered(webhook_id, name, checked_url(url), _checked_types(types), owner_id)]


def checked_url(url: str) -> str:
    """Whether its host may be told is asked of the operator's settings, each time something is sent."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise InvalidArgument("url", "is no URL") from error
    if len(url) > LONGEST_URL or any(c.isspace() or not c.isprintable() for c in url):
        raise InvalidArgument("url", f"has at most {LONGEST_URL} characters, and no spaces")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise InvalidArgument("url", "begins with https:// and names a host")
    if "@" in parts.netloc or parts.fragment:
        raise InvalidArgument("url", "carries no user, password or fragment: what is sent is signed")
    return url


def _checked_types(types: Sequence[str]) -> tuple[str, ...]:
    if not types:
        raise InvalidArgument("types", "name at least one event, or crm.<context>.v1.*")
    return tuple(sorted(set(types)))


# -- deliveries: not events, for there are many and they say nothing of the business ----------


def rest_after(attempts: int) -> timedelta | None:
    """How long to wait after so many attempts; None when it is enough."""
    return RESTS[attempts - 1] if attempts <= len(RESTS) else None


def is_to_be_paused(failures: int, failing_since: datetime, now: datetime) -> bool:
    """Whether nothing has worked for so long that nobody seems to be there."""
    return failures >= MOST_FAILURES and now - failing_since >= PAUSED_AFTER


class NotToBeSkipped(DomainError):
    """Only what was set aside is given up."""


# -- how it comes to be ------------------------------------------------------


def evolve(webhook: Webhook | None, event: Event) -> Webhook:
    """Fold one event into the state. Total, pure, and never refuses history."""
    if isinstance(event, WebhookRegistered):
        return Webhook(event.webhook_id, event.name, event.url, event.types, event.owner_id)
    assert webhook is not None, f"history must begin with WebhookRegistered, not {type(event).__name__}"
    match event:
        case WebhookRevised(name=name, url=url, types=types):
            return replace(webhook, name=name, url=url, types=types)
        case WebhookPaused():
            return replace(webhook, state=WebhookState.PAUSED)
        case WebhookResumed():
            return replace(webhook, state=WebhookState.ACTIVE)
        case WebhookSecretRotated():
            return webhook
        case WebhookRemoved():
            return replace(webhook, removed=True)
        case _:
            assert_never(event)
