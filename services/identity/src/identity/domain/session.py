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


@dataclass(frozen=True, slots=True)
class SessionClosed:
    session_id: UUID
    person_id: UUID
    reason: str


SessionEvent = SessionOpened | SessionClosed

# -- what it is, and what may be decided about it ----------------------------


@dataclass(frozen=True, slots=True)
class Session:
    id: UUID
    person_id: UUID
    closed: bool = False

    def close(self, reason: str) -> list[SessionEvent]:
        return [] if self.closed else [SessionClosed(self.id, self.person_id, reason)]


# -- how it comes to be ------------------------------------------------------


def evolve(session: Session | None, event: SessionEvent) -> Session:
    """Fold one event into the state. Total, pure, and never refuses history."""
    match event:
        case SessionOpened(session_id=session_id, person_id=person_id):
            return Session(session_id, person_id)
        case SessionClosed():
            assert session is not None, "history must begin with SessionOpened, not SessionClosed"
            return replace(session, closed=True)
        case _:
            assert_never(event)
