"""A share: somebody outside sees chosen fields of chosen customers until a date, and not a moment longer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from kernel.errors import InvalidArgument

FIELD_CLASSES = ("name", "phone", "email", "address", "personal", "amount")
"""What may be shown beside what is neither personal nor internal."""
LONGEST = timedelta(days=366)
MOST_CUSTOMERS = 100


@dataclass(frozen=True, slots=True)
class CustomersShared:
    share_id: UUID
    grantee_id: UUID
    customer_ids: tuple[UUID, ...]
    field_classes: tuple[str, ...]
    ends_at: datetime
    project: str
    shared_by: UUID | None


@dataclass(frozen=True, slots=True)
class ShareEnded:
    share_id: UUID
    reason: str


ShareEvent = CustomersShared | ShareEnded


@dataclass(frozen=True, slots=True)
class Share:
    """The state that decisions are made on."""

    id: UUID
    customer_ids: tuple[UUID, ...]
    ended: bool = False

    def end(self, reason: str) -> list[ShareEvent]:
        """End it; a second time changes nothing."""
        return [] if self.ended else [ShareEnded(self.id, reason)]


def share(
    share_id: UUID,
    grantee_id: UUID,
    customer_ids: Sequence[UUID],
    field_classes: Sequence[str],
    ends_at: datetime,
    project: str,
    shared_by: UUID | None,
    now: datetime,
) -> list[ShareEvent]:
    """Share customers from now until the end."""
    distinct = tuple(dict.fromkeys(customer_ids))
    if not 1 <= len(distinct) <= MOST_CUSTOMERS:
        raise InvalidArgument("customer_ids", f"names 1 to {MOST_CUSTOMERS} customers")
    if unknown := [it for it in field_classes if it not in FIELD_CLASSES]:
        raise InvalidArgument("field_classes", f"{unknown[0][:40]!r} is none of {', '.join(FIELD_CLASSES)}")
    if not now < ends_at <= now + LONGEST:
        raise InvalidArgument("ends_at", f"lies ahead, at most {LONGEST.days} days")
    classes = tuple(sorted(set(field_classes)))
    return [CustomersShared(share_id, grantee_id, distinct, classes, ends_at, project, shared_by)]


def evolve(state: Share | None, event: ShareEvent) -> Share:
    """Fold one event into the state."""
    match event:
        case CustomersShared():
            return Share(event.share_id, event.customer_ids)
        case ShareEnded():
            assert state is not None, "history must begin with CustomersShared"
            return replace(state, ended=True)
