"""Who has how much to do, how much he can take, and whose turn it was: what assignment looks at."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.projections import Inline
from kernel.store import Recorded
from pipeline.domain.lead import LeadAssigned
from pipeline.domain.lead_rules import AgentAvailabilitySet, Workload


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    match recorded.event:
        case LeadAssigned(rule_id=rule_id, owner_id=owner_id) if rule_id:
            cursor.execute(
                "insert into rule_turns as t (rule_id, owner_id, position) values (%s, %s, %s)"
                " on conflict (rule_id) do update"
                " set owner_id = excluded.owner_id, position = excluded.position"
                " where t.position < excluded.position",
                (rule_id, owner_id, recorded.position),
            )
        case AgentAvailabilitySet() as said:
            cursor.execute(
                "insert into agents (person_id, capacity, absent_from, absent_until, version)"
                " values (%s, %s, %s, %s, %s) on conflict (person_id) do update"
                " set capacity = excluded.capacity, absent_from = excluded.absent_from,"
                " absent_until = excluded.absent_until, version = excluded.version",
                (said.person_id, said.capacity, said.absent_from, said.absent_until, recorded.version),
            )


INLINE = Inline("workloads", ("rule_turns", "agents"), project)


def workloads(cursor: Cursor[DictRow], people: Collection[UUID]) -> dict[UUID, Workload]:
    """Return what each of the people has and can take."""
    rows = cursor.execute(
        "select w.person_id, coalesce(a.capacity, 0) as capacity, a.absent_from, a.absent_until,"
        " (select count(*) from leads l where l.owner_id = w.person_id and l.state in (1, 2)) as open_leads"
        " from unnest(%s::uuid[]) as w(person_id) left join agents a using (person_id)",
        (list(people),),
    ).fetchall()
    return {
        row["person_id"]: Workload(row["open_leads"], row["capacity"], row["absent_from"], row["absent_until"])
        for row in rows
    }


def last_turns(cursor: Cursor[DictRow]) -> dict[str, UUID]:
    """Return who was chosen last, by rule."""
    rows = cursor.execute("select rule_id, owner_id from rule_turns").fetchall()
    return {row["rule_id"]: row["owner_id"] for row in rows}


def everybody(cursor: Cursor[DictRow], also: Collection[UUID]) -> list[DictRow]:
    """Return the workload of everybody who has leads or deals, is known here, or is named."""
    return cursor.execute(
        "select p.person_id, coalesce(a.capacity, 0) as capacity, a.absent_from, a.absent_until,"
        " coalesce(l.n, 0) as open_leads, coalesce(o.n, 0) as open_opportunities"
        " from (select person_id from agents union select owner_id from leads where owner_id is not null"
        "  and state in (1, 2) union select owner_id from opportunities"
        "  where owner_id is not null and state = 1"
        "  union select unnest(%s::uuid[])) as p(person_id)"
        " left join agents a using (person_id)"
        " left join (select owner_id, count(*) as n from leads where state in (1, 2) group by owner_id) l"
        "  on l.owner_id = p.person_id"
        " left join (select owner_id, count(*) as n from opportunities where state = 1 group by owner_id) o"
        "  on o.owner_id = p.person_id order by p.person_id limit 2000",
        (list(also),),
    ).fetchall()
