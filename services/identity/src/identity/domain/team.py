"""A team: a node of the organisation's tree, with somebody who leads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError

DEEPEST = 12

# -- what can happen ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TeamFormed:
    team_id: UUID
    name: str
    parent_team_id: UUID | None
    manager_id: UUID | None


@dataclass(frozen=True, slots=True)
class TeamRenamed:
    team_id: UUID
    from_name: str
    to_name: str


@dataclass(frozen=True, slots=True)
class TeamMoved:
    team_id: UUID
    from_parent_team_id: UUID | None
    to_parent_team_id: UUID | None


@dataclass(frozen=True, slots=True)
class TeamManagerAppointed:
    team_id: UUID
    from_manager_id: UUID | None
    to_manager_id: UUID | None


@dataclass(frozen=True, slots=True)
class TeamDissolved:
    team_id: UUID


TeamEvent = TeamFormed | TeamRenamed | TeamMoved | TeamManagerAppointed | TeamDissolved


class TeamGone(DomainError):
    """A dissolved team does not change any more, and nobody and nothing joins it."""


class TeamLoop(DomainError):
    """A team cannot be below itself."""


class TeamTooDeep(DomainError):
    """The tree of teams has a limited depth."""


class TeamInUse(DomainError):
    """A team with people or teams in it cannot be dissolved."""


# -- what it is, and what may be decided about it ----------------------------


@dataclass(frozen=True, slots=True)
class Team:
    id: UUID
    name: str
    parent_team_id: UUID | None
    manager_id: UUID | None
    dissolved: bool = False

    def rename(self, name: str) -> list[TeamEvent]:
        self.require_present()
        return [] if name == self.name else [TeamRenamed(self.id, self.name, name)]

    def move(self, parent_team_id: UUID | None, line_above: Sequence[UUID]) -> list[TeamEvent]:
        """`line_above` is the new parent and everything above it, nearest first."""
        self.require_present()
        if parent_team_id == self.parent_team_id:
            return []
        if self.id in line_above:
            raise TeamLoop(f"team {self.id} cannot be below itself")
        _require_depth(line_above)
        return [TeamMoved(self.id, self.parent_team_id, parent_team_id)]

    def appoint(self, manager_id: UUID | None) -> list[TeamEvent]:
        self.require_present()
        if manager_id == self.manager_id:
            return []
        return [TeamManagerAppointed(self.id, self.manager_id, manager_id)]

    def dissolve(self, people: int, teams_below: int) -> list[TeamEvent]:
        if self.dissolved:
            return []
        if people or teams_below:
            raise TeamInUse(
                f"team {self.id} still has {people} people and {teams_below} teams below it; move them first"
            )
        return [TeamDissolved(self.id)]

    def require_present(self) -> None:
        if self.dissolved:
            raise TeamGone(f"team {self.id} is dissolved")


def form_team(
    team_id: UUID,
    name: str,
    parent_team_id: UUID | None,
    manager_id: UUID | None,
    line_above: Sequence[UUID],
) -> list[TeamEvent]:
    _require_depth(line_above)
    return [TeamFormed(team_id, name, parent_team_id, manager_id)]


def _require_depth(line_above: Sequence[UUID]) -> None:
    if len(line_above) >= DEEPEST:
        raise TeamTooDeep(f"teams may be nested {DEEPEST} deep, not deeper")


# -- how it comes to be ------------------------------------------------------


def evolve(team: Team | None, event: TeamEvent) -> Team:
    """Fold one event into the state. Total, pure, and never refuses history."""
    if isinstance(event, TeamFormed):
        return Team(event.team_id, event.name, event.parent_team_id, event.manager_id)
    assert team is not None, f"history must begin with TeamFormed, not {type(event).__name__}"
    match event:
        case TeamRenamed(to_name=name):
            return replace(team, name=name)
        case TeamMoved(to_parent_team_id=parent):
            return replace(team, parent_team_id=parent)
        case TeamManagerAppointed(to_manager_id=manager):
            return replace(team, manager_id=manager)
        case TeamDissolved():
            return replace(team, dissolved=True)
        case _:
            assert_never(event)
