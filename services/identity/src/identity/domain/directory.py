"""A directory kept elsewhere, and what has to change here so that teams and people are as it says.

Only what came from that directory is changed: a person or team made here stays as it is, and so does whoever
administers Headwater, wherever he came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from identity.domain.team import DEEPEST
from kernel.errors import DomainError

MOST_DEPARTMENTS = 2_000
MOST_MEMBERS = 20_000
FEW_LEAVERS = 5
_SHARE_OF_LEAVERS = 10  # one in ten


@dataclass(frozen=True, slots=True)
class Department:
    """`id` and `parent` are the directory's; a department without a parent is at the top."""

    id: str
    name: str
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """`company_email` is one that the company gave, so it may say who somebody is; `email` may be his own."""

    id: str
    name: str
    email: str = ""
    company_email: str = ""
    department: str = ""
    position: str = ""
    leads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Directory:
    departments: Sequence[Department]
    members: Sequence[Member]


@dataclass(frozen=True, slots=True)
class TeamHere:
    """A team that came from the directory, as it is here."""

    id: UUID
    name: str
    parent_team_id: UUID | None
    manager_id: UUID | None


@dataclass(frozen=True, slots=True)
class PersonHere:
    """A person as he is here."""

    id: UUID
    name: str
    email: str
    position: str
    team_id: UUID | None
    left: bool
    administers: bool


class Kind(IntEnum):
    """What is done to a team or a person, in the order in which it is done."""

    FORM_TEAM = 1
    RENAME_TEAM = 2
    MOVE_TEAM = 3
    JOIN = 4
    RECOGNISE = 5
    RETURN = 6
    REVISE = 7
    MOVE = 8
    LEAVE = 9
    APPOINT = 10
    DISSOLVE_TEAM = 11


@dataclass(frozen=True, slots=True)
class Change:
    """`outside_id` is the directory's id of the team or person; `id` ours, if there is one already."""

    kind: Kind
    outside_id: str
    id: UUID | None = None
    department: Department | None = None
    member: Member | None = None


class SuspiciousDirectory(DomainError):
    """An answer that would empty the organisation is more likely a fault than the truth."""


def plan(
    directory: Directory,
    teams: Mapping[str, TeamHere],
    people: Mapping[str, PersonHere],
    by_email: Mapping[str, PersonHere],
) -> list[Change]:
    """Return what has to change. `teams` and `people` are those that came from it, by its ids.

    `by_email` are people here who came from no directory, by lower-case address; whoever administers is not in it.
    """
    if len(directory.departments) > MOST_DEPARTMENTS or len(directory.members) > MOST_MEMBERS:
        raise SuspiciousDirectory(
            f"at most {MOST_DEPARTMENTS:,} departments and {MOST_MEMBERS:,} people are taken over; narrow what the"
            " application may see there"
        )
    if not directory.members and people:
        raise SuspiciousDirectory("the directory says that nobody is left; look at what the application may see there")
    departments = list(_from_the_top(directory.departments))
    found = [
        *_teams(departments, teams),
        *_people(directory.members, {it.id for it in departments}, teams, people, by_email),
        *_managers(departments, directory.members, teams, people),
    ]
    there = {it.id for it in departments}
    found += [Change(Kind.DISSOLVE_TEAM, outside, here.id) for outside, here in teams.items() if outside not in there]
    return sorted(found, key=lambda it: it.kind)


def most_leavers(people: int) -> int:
    """How many people a synchronisation that nobody looked at may close the accounts of."""
    return max(FEW_LEAVERS, people // _SHARE_OF_LEAVERS)


def _from_the_top(departments: Sequence[Department]) -> Iterator[Department]:
    """Parents before children; what hangs on nothing, in a circle or too deep is left out."""
    below: dict[str, list[Department]] = {}
    ids = {it.id for it in departments}
    for department in departments:
        below.setdefault(department.parent if department.parent in ids else "", []).append(department)
    level = below.get("", [])
    for _ in range(DEEPEST):
        yield from level
        level = [child for parent in level for child in below.get(parent.id, [])]


def _teams(departments: Sequence[Department], teams: Mapping[str, TeamHere]) -> Iterator[Change]:
    for it in departments:
        here = teams.get(it.id)
        if here is None:
            yield Change(Kind.FORM_TEAM, it.id, department=it)
            continue
        if here.name != it.name:
            yield Change(Kind.RENAME_TEAM, it.id, here.id, it)
        parent = teams.get(it.parent)
        if (parent.id if parent else None) != here.parent_team_id or (it.parent and parent is None):
            yield Change(Kind.MOVE_TEAM, it.id, here.id, it)


def _people(
    members: Sequence[Member],
    departments: set[str],
    teams: Mapping[str, TeamHere],
    people: Mapping[str, PersonHere],
    by_email: Mapping[str, PersonHere],
) -> Iterator[Change]:
    recognised: set[UUID] = set()
    for it in members:
        here = people.get(it.id)
        if here is None:
            same = by_email.get(it.company_email.lower()) if it.company_email else None
            if same is None or same.id in recognised:
                yield Change(Kind.JOIN, it.id, member=it)
                continue
            recognised.add(same.id)
            yield Change(Kind.RECOGNISE, it.id, same.id, member=it)
            here = same
        if here.administers:
            continue
        if here.left:
            yield Change(Kind.RETURN, it.id, here.id, member=it)
        if (it.name, it.email or here.email, it.position or here.position) != (here.name, here.email, here.position):
            yield Change(Kind.REVISE, it.id, here.id, member=it)
        team = teams.get(it.department)
        known = it.department in departments
        if not here.left and (team.id if team and known else None, known and team is None) != (here.team_id, False):
            yield Change(Kind.MOVE, it.id, here.id, member=it)
    there = {it.id for it in members}
    for outside, here in people.items():
        if outside not in there and not here.left and not here.administers:
            yield Change(Kind.LEAVE, outside, here.id)


def _managers(
    departments: Sequence[Department],
    members: Sequence[Member],
    teams: Mapping[str, TeamHere],
    people: Mapping[str, PersonHere],
) -> Iterator[Change]:
    leading: dict[str, list[Member]] = {}
    for member in members:
        for department in member.leads:
            leading.setdefault(department, []).append(member)
    for it in departments:
        leaders = leading.get(it.id, [])
        if len(leaders) != 1:
            continue
        here, leader = teams.get(it.id), people.get(leaders[0].id)
        if here is None or leader is None or here.manager_id != leader.id:
            yield Change(Kind.APPOINT, it.id, here.id if here else None, it, leaders[0])
