"""Which rules in force name whom: so that no rule goes on naming somebody who has left."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.projections import Inline
from kernel.store import Recorded
from pipeline.domain.approval import ApprovalFlowDefined
from pipeline.domain.lead_rules import AssignmentRulesDefined


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    match recorded.event:
        case ApprovalFlowDefined() as flow:
            people = (person for step in flow.steps for person in step.approver_ids) if flow.active else ()
            _name(cursor, recorded.stream, people)
        case AssignmentRulesDefined() as defined:
            every = (*defined.priority_rules, *defined.rules)
            people = (candidate.person_id for rule in every for candidate in rule.candidates)
            _name(
                cursor, recorded.stream, (*people, *([defined.fallback_owner_id] if defined.fallback_owner_id else []))
            )


def _name(cursor: Cursor[DictRow], stream: UUID, people: Iterable[UUID]) -> None:
    cursor.execute("delete from rules_naming where stream = %s", (stream,))
    cursor.execute(
        "insert into rules_naming (stream, person_id) select %s, unnest(%s::uuid[]) on conflict do nothing",
        (stream, sorted(set(people))),
    )


INLINE = Inline("rules_naming", ("rules_naming",), project)
