"""Why a value is what it is: the event that set it, what the same request decided before, and what caused that.

Causes are followed by causation, and where none was recorded by correlation: a service that asked another one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.projections import audit_trail
from analytics.projections.audit_trail import Audited, FieldChange
from crm.options.v1.options_pb2 import personal
from crm.pipeline.v1 import lead_events_pb2 as leads
from crm.pipeline.v1 import rules_events_pb2 as rules
from kernel.auth import Caller
from kernel.errors import InvalidArgument

MOST_STEPS = 40
MOST_RELATED = 2_000
_RULE_SETS: dict[str, tuple[str, Sequence[str]]] = {
    leads.LeadScored.DESCRIPTOR.full_name: (rules.ScoringRulesDefined.DESCRIPTOR.full_name, ("rules",)),
    leads.LeadAssigned.DESCRIPTOR.full_name: (
        rules.AssignmentRulesDefined.DESCRIPTOR.full_name,
        ("rules", "priority_rules"),
    ),
}
"""Which event defines the rules that an event was decided by, and its fields that hold them."""


class Link(IntEnum):
    """How a step follows from an earlier one; the numbers are those of the contract."""

    FIRST = 1
    CAUSED = 2
    SAME_REQUEST = 3
    CORRELATED = 4


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that decided something, as its set was then."""

    rule_id: str
    name: str
    version: int
    reason: str
    defined: Audited | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One event on the way, and how it follows from the one before."""

    event: Audited
    link: Link
    fields: Sequence[FieldChange] = ()
    rules: Sequence[Rule] = ()
    withheld: bool = False


@dataclass(slots=True)
class Explanation:
    """Steps from the first request to the event that set the value."""

    field: str
    value: str
    steps: list[Step] = dataclasses.field(default_factory=list)
    cut_short: bool = False


def explain(
    cursor: Cursor[DictRow], record_id: UUID, name: str, caller: Caller, as_of: datetime | None = None
) -> Explanation:
    """Raises NotFound outside the caller's scope, InvalidArgument for a field that the record never had."""
    changed = audit_trail.history(cursor, record_id, caller, as_of)
    target, value = _setting(changed, name)
    found = Explanation(name, value)
    related = {event.event_id: event for event in _related(cursor, target, caller)}
    fields = {event.event_id: changes for event, changes in changed}
    for event, link in _chain(target, related, found):
        shown = event.record_id == record_id or audit_trail.within_scope(cursor, event.record_id, caller)
        step = Step(event, link, fields.get(event.event_id, ()), _rules(cursor, event))
        found.steps.append(step if shown else replace(step, fields=(), rules=(), withheld=True))
    return found


def _setting(changed: Sequence[tuple[Audited, list[FieldChange]]], name: str) -> tuple[Audited, str]:
    if not name:
        return changed[-1][0], ""
    for event, changes in reversed(changed):
        for change in changes:
            if change.field == name:
                return event, change.after
    known = sorted({change.field for _, changes in changed for change in changes})
    raise InvalidArgument("field", f"no event ever set {name[:80]!r}; this record has {', '.join(known)[:600]}")


def _related(cursor: Cursor[DictRow], target: Audited, caller: Caller) -> list[Audited]:
    """What the same outside request led to, up to the event."""
    return audit_trail.correlated(cursor, target.correlation_id, target.recorded_at, caller, MOST_RELATED)


def _chain(target: Audited, related: dict[UUID, Audited], found: Explanation) -> list[tuple[Audited, Link]]:
    """Return the steps, first to last."""
    chain: list[tuple[Audited, Link]] = []
    taken: set[UUID] = set()
    here: Audited | None = target
    while here is not None:
        if len(chain) >= MOST_STEPS or here.event_id in taken:
            found.cut_short = True
            break
        siblings = [it for it in _same_request(here, related) if it.event_id not in taken]
        together = [*siblings, here][-(MOST_STEPS - len(chain)) :]
        taken |= {it.event_id for it in together}
        cause, link = _cause_of(together[0], related, taken)
        if cause is None and together[0].causation_id is not None:
            found.cut_short = True
        chain[:0] = [(together[0], link), *((it, Link.SAME_REQUEST) for it in together[1:])]
        here = cause
    return chain


def _same_request(event: Audited, related: dict[UUID, Audited]) -> list[Audited]:
    """What the request did to the same record before this."""
    return sorted(
        (
            it
            for it in related.values()
            if (it.context, it.record_id, it.request_id) == (event.context, event.record_id, event.request_id)
            and it.version < event.version
        ),
        key=lambda it: it.version,
    )


def _cause_of(event: Audited, related: dict[UUID, Audited], taken: set[UUID]) -> tuple[Audited | None, Link]:
    if event.causation_id is not None:
        return related.get(event.causation_id), Link.CAUSED
    earlier = [
        it
        for it in related.values()
        if it.event_id not in taken and it.recorded_at < event.recorded_at and it.request_id != event.request_id
    ]
    if not earlier:
        return None, Link.FIRST
    return max(earlier, key=lambda it: (it.recorded_at, it.position)), Link.CORRELATED


# -- rules -----------------------------------------------------------------------


def _rules(cursor: Cursor[DictRow], event: Audited) -> list[Rule]:
    """The rules that the event names, with their names as the set stood then."""
    message: Any = event.message
    known = message.DESCRIPTOR.fields_by_name
    version = int(getattr(message, "rule_set_version", 0)) if "rule_set_version" in known else 0
    defined, names = _definition(cursor, event, version)
    reasons = [each for each in getattr(message, "reasons", ()) if hasattr(each, "rule_id")]
    if reasons:
        return [Rule(it.rule_id, names.get(it.rule_id, ""), version, _text(it, "reason"), defined) for it in reasons]
    rule_id = _text(message, "rule_id")
    if not rule_id and not version:
        return []
    return [Rule(rule_id, names.get(rule_id, ""), version, _text(message, "reason"), defined)]


def _text(message: Any, name: str) -> str:
    field = message.DESCRIPTOR.fields_by_name.get(name)
    if field is None:
        return ""
    return audit_trail.SEALED if field.GetOptions().Extensions[personal] else str(getattr(message, name))


def _definition(cursor: Cursor[DictRow], event: Audited, version: int) -> tuple[Audited | None, dict[str, str]]:
    if not version or event.type not in _RULE_SETS:
        return None, {}
    type_, fields = _RULE_SETS[event.type]
    defined = audit_trail.of_version(cursor, type_, version)
    if defined is None:
        return None, {}
    return defined, {
        rule.rule_id: getattr(rule, "name", "") or getattr(rule, "reason", "")
        for name in fields
        for rule in getattr(defined.message, name)
    }
