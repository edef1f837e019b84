"""How the desk is set up now: calendars, policies, queues, agents, rules."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.projections import Inline
from kernel.store import Recorded
from ticketing.domain.assignment import AssignmentRulesDefined
from ticketing.domain.desk import (
    AgentProfiled,
    CalendarDefined,
    QueueDefined,
    SlaPolicyDefined,
    SurveyRulesDefined,
)

_KINDS: dict[type, tuple[str, str]] = {
    CalendarDefined: ("calendar", "calendar_id"),
    SlaPolicyDefined: ("policy", "policy_id"),
    QueueDefined: ("queue", "queue"),
    AgentProfiled: ("agent", "agent_id"),
    AssignmentRulesDefined: ("assignment", "rule_set_id"),
    SurveyRulesDefined: ("survey", "survey_rules_id"),
}


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    found = _KINDS.get(type(recorded.event))
    if found is None:
        return
    kind, key = found
    cursor.execute(
        "insert into desk_definitions (kind, key, stream, version, definition) values (%s, %s, %s, %s, %s)"
        " on conflict (kind, key) do update set version = excluded.version,"
        " definition = excluded.definition",
        (
            kind,
            str(getattr(recorded.event, key)),
            recorded.stream,
            recorded.version,
            json.dumps(asdict(recorded.event), default=str, ensure_ascii=False),
        ),
    )


VIEW = Inline("desk", ("desk_definitions",), project)


def definition(cursor: Cursor[DictRow], kind: str, key: str = "") -> dict[str, Any] | None:
    """Return what is in force of a kind; with no key, the only one."""
    row = cursor.execute(
        "select definition from desk_definitions where kind = %s and (%s = '' or key = %s) limit 1",
        (kind, key, key),
    ).fetchone()
    return row["definition"] if row else None


def definitions(cursor: Cursor[DictRow], kind: str) -> list[dict[str, Any]]:
    """Return all in force of a kind, in a fixed order."""
    rows = cursor.execute("select definition from desk_definitions where kind = %s order by key", (kind,)).fetchall()
    return [row["definition"] for row in rows]
