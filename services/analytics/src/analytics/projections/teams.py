"""Who belongs to which team, and which team to which. Names of teams only; people come by id."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.projections.facts import Folded, Readers, given, kinds, last
from crm.identity.v1 import person_events_pb2 as person
from crm.identity.v1 import team_events_pb2 as team
from kernel.projections import Delivered, Eventual

FORMED, RENAMED, MOVED, DISSOLVED = range(1, 5)
JOINED, CHANGED, LEFT = range(1, 4)

TEAMS = Folded(
    facts="team_moves",
    card="teams",
    key="team_id",
    columns={"name": "text", "parent_team_id": "uuid"},
    fold={
        "name": last("name"),
        "parent_team_id": last("parent_team_id", kinds(FORMED, MOVED)),
        "dissolved": f"bool_or({kinds(DISSOLVED)})",
    },
    begins=kinds(FORMED),
)

MEMBERS = Folded(
    facts="member_moves",
    card="members",
    key="person_id",
    columns={"team_id": "uuid"},
    fold={
        "team_id": last("team_id", kinds(JOINED, CHANGED)),
        "has_left": last(f"kind = {LEFT}", "true"),
    },
    begins=kinds(JOINED),
)

_TEAMS = Readers(
    {
        team.TeamFormed: lambda m: {
            "kind": FORMED,
            "name": m.name,
            "parent_team_id": given(m.parent_team_id),
        },
        team.TeamRenamed: lambda m: {"kind": RENAMED, "name": m.to_name},
        team.TeamMoved: lambda m: {
            "kind": MOVED,
            "parent_team_id": given(m.to_parent_team_id),
        },
        team.TeamDissolved: lambda _: {"kind": DISSOLVED},
    }
)
_MEMBERS = Readers(
    {
        person.PersonJoined: lambda m: {"kind": JOINED, "team_id": given(m.team_id)},
        person.PersonMoved: lambda m: {"kind": CHANGED, "team_id": given(m.to_team_id)},
        person.PersonReturned: lambda m: {"kind": CHANGED, "team_id": given(m.team_id)},
        person.PersonLeft: lambda _: {"kind": LEFT},
    }
)


def project(cursor: Cursor[DictRow], events: Sequence[Delivered]) -> None:
    TEAMS.write(cursor, _TEAMS.rows(events))
    MEMBERS.write(cursor, _MEMBERS.rows(events))


VIEW = Eventual("teams", ("team_moves", "teams", "member_moves", "members"), ("identity",), project)
