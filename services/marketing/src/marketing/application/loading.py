"""Load what a command is about, or refuse: not there, not the caller's to see, or changed meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from kernel.auth import Caller
from kernel.errors import AlreadyExists, Conflict, InvalidArgument, NotFound
from kernel.store import Transaction

S = TypeVar("S")

Tx = Transaction[Any]


def loaded(
    tx: Tx,
    stream: UUID,
    evolve: Callable[[S | None, Any], S],
    kind: type[S],
    caller: Caller | None = None,
    expected_version: int = 0,
) -> tuple[S, int]:
    """Return the thing and its version.

    A stream of another kind of thing is not there, and neither is what the caller may not see.
    """
    what = kind.__name__.lower()
    history = tx.history(stream)
    state: S | None = None
    try:
        for event in history:
            state = evolve(state, event)
    except AssertionError:
        state = None
    owner_id = getattr(state, "owner_id", None)
    if state is None or (caller is not None and not caller.sees(owner_id)):
        raise NotFound(f"there is no {what} {stream}")
    if expected_version and expected_version != len(history):
        raise Conflict(f"{what} {stream} is at version {len(history)}, not {expected_version}: reload and try again")
    return state, len(history)


def require_new(tx: Tx, stream: UUID) -> None:
    """Refuse an id under which something lives already."""
    if tx.history(stream):
        raise AlreadyExists(f"{stream} is there already")


def owner_or_self(caller: Caller, owner_id: UUID | None) -> UUID:
    """Who answers for something new: the one named, else the caller.

    Giving it to somebody one does not see would hide it from its maker.
    """
    owner = owner_id or caller.person_id
    if owner is None:
        raise InvalidArgument("owner_id", "is required: the caller is no person")
    if not caller.sees(owner):
        raise InvalidArgument("owner_id", "is nobody whose records you may see")
    return owner
