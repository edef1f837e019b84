"""The rules in force, as the events said them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from customer.domain.policy import (
    CarePolicySet,
    ContactInterval,
    CustomerLevel,
    LevelRule,
    LevelRulesSet,
    PolicyEvent,
    RetentionPolicySet,
)
from kernel.ids import derived_id
from kernel.money import Money
from kernel.projections import Inline
from kernel.store import Recorded

POLICY_ID = derived_id("customer", "policy")
"""There is one policy."""


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    """Fold one event into the row."""
    match recorded.event:
        case LevelRulesSet() as rules:
            _keep(cursor, "level_rules", rules)
        case CarePolicySet() as care:
            _keep(cursor, "care", care)
        case RetentionPolicySet() as retention:
            _keep(cursor, "retention", retention)


def _keep(cursor: Cursor[DictRow], column: str, event: LevelRulesSet | CarePolicySet | RetentionPolicySet) -> None:
    cursor.execute(
        f"insert into policies (policy_id, {column}) values (%s, %s)"
        f" on conflict (policy_id) do update set {column} = excluded.{column}",
        (event.policy_id, json.dumps(asdict(event), default=str, ensure_ascii=False)),
    )


POLICIES = Inline("policies", ("policies",), project)


def in_force(cursor: Cursor[DictRow]) -> list[PolicyEvent]:
    """Return the events that set what is in force; fold them to get the policy."""
    row = cursor.execute(
        "select level_rules, care, retention from policies where policy_id = %s", (POLICY_ID,)
    ).fetchone()
    if row is None:
        return []
    found: list[PolicyEvent] = []
    if row["level_rules"]:
        said = json.loads(row["level_rules"])
        found.append(
            LevelRulesSet(
                POLICY_ID,
                said["rule_set_version"],
                tuple(_rule(rule) for rule in said["rules"]),
                CustomerLevel(said["default_level"]),
            )
        )
    if row["care"]:
        said = json.loads(row["care"])
        intervals = tuple(ContactInterval(CustomerLevel(i["level"]), i["days"]) for i in said["contact_intervals"])
        found.append(CarePolicySet(POLICY_ID, said["silent_after_months"], intervals))
    if row["retention"]:
        said = json.loads(row["retention"])
        found.append(RetentionPolicySet(**{**said, "policy_id": POLICY_ID}))
    return found


def _rule(said: dict[str, Any]) -> LevelRule:
    def money(value: dict[str, Any] | None) -> Money | None:
        return Money(value["minor_units"], value["currency_code"]) if value else None

    lists = {key: tuple(said[key]) for key in ("industry_codes", "region_codes", "size_codes")}
    amounts = {key: money(said[key]) for key in ("min_annual_revenue", "min_order_total")}
    return LevelRule(**{**said, **lists, **amounts, "level": CustomerLevel(said["level"])})
