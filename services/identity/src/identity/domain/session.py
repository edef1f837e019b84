"""A session: somebody signed in, until it expires or is closed. Its token is not part of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

# -- what can happen ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionOpened:
    session_id: UUID
    person_id: UUID
    expires_at: datetime
    source: str  # personal: sealed at rest, may come back as ERASED
    device: str  # personal
    via: str = ""


@dataclass(frozen=True, slots=True)
class IdentitySwitched:
    session_id: UUID
    person_id: UUID
    role: str


@dataclass(frozen=True, slots=True)
class AccountSharingSuspected:
    session_id: UUID
    person_id: UUID
    other_session_ids: tuple[UUID, ...]
    addresses: int


@dataclass(frozen=True, slots=True)
class SessionClosed:
    session_id: UUID
    person_id: UUID
    reason: str


SessionEvent = SessionOpened | IdentitySwitched | AccountSharingSuspected | SessionClosed

# -- what it is, and what may be decided about it ----------------------------


@dataclass(frozen=True, slots=True)
class Session:
    id: UUID
    person_id: UUID
    closed: bool = False
    role: str = ""

    def close(self, reason: str) -> list[SessionEvent]:
        return [] if self.closed else [SessionClosed(self.id, self.person_id, reason)]

    def switch(self, role: str) -> list[SessionEvent]:
        """An empty role: everything that is held, as in a fresh session."""
        return [] if self.closed or role == self.role else [IdentitySwitched(self.id, self.person_id, role)]


# -- how it comes to be ------------------------------------------------------


def evolve(session: Session | None, event: SessionEvent) -> Session:
    """Fold one event into the state. Total, pure, and never refuses history."""
    if isinstance(event, SessionOpened):
        return Session(event.session_id, event.person_id)
    assert session is not None, f"history must begin with SessionOpened, not {type(event).__name__}"
    match event:
        case IdentitySwitched(role=role):
            return replace(session, role=role)
        case AccountSharingSuspected():
            return session
        case SessionClosed():
            return replace(session, closed=True)
        case _:
            assert_never(event)
