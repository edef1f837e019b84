"""Groups, shares, key accounts and the policy are as they were before; what somebody else changed since stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import reduce
from typing import Any
from uuid import UUID

from customer.domain import group, key_account, policy, share
from customer.domain.collaboration_taken_back import GROUP, KEY_ACCOUNT, POLICY, SHARE
from customer.domain.policy import CustomerLevel, LevelRule, Months, Policy
from kernel.reversals import Plan, Reversals, Step, plan

ID, CUSTOMER, ANN, BO, TEAM = (UUID(int=n) for n in range(1, 6))
DAY, AT = date(2026, 5, 1), datetime(2026, 5, 1, tzinfo=UTC)
Told = tuple[bool, Any]
"""Whether it is to be taken back, and what happened."""


def mine(*events: Any) -> list[Told]:
    return [(True, event) for event in events]


def others(*events: Any) -> list[Told]:
    return [(False, event) for event in events]


def undone(changes: Mapping[type, Any], evolve: Callable[[Any, Any], Any], told: Sequence[Told]) -> tuple[Any, Plan]:
    """The state after, and what was planned; planning it again finds nothing left to do."""
    steps = [Step(event, is_mine, who="Bo") for is_mine, event in told]
    found = plan(Reversals("it", changes, evolve), steps, lambda _: ())
    after = [*steps, *(Step(event, undoing=True) for event in found.events)]
    assert plan(Reversals("it", changes, evolve), after, lambda _: ()).events == (), "twice is once"
    return reduce(evolve, [step.event for step in after], None), found


def test_a_group_is_as_before_thrown_away_or_there_again() -> None:
    saved, changed = (group.CustomerGroupSaved(ID, name, "{}", ANN, False) for name in ("Mine", "Ours"))
    assert undone(GROUP, group.evolve, [*others(saved), *mine(changed)])[0].name == "Mine"
    assert undone(GROUP, group.evolve, mine(saved))[0].deleted
    back, _ = undone(GROUP, group.evolve, [*others(saved), *mine(group.CustomerGroupDeleted(ID))])
    assert back == group.evolve(None, saved)


def test_a_share_ends_and_is_not_given_again() -> None:
    shared = share.CustomersShared(ID, BO, (CUSTOMER,), (), AT, "", ANN)
    assert undone(SHARE, share.evolve, mine(shared))[0].ended
    _, found = undone(SHARE, share.evolve, [*others(shared), *mine(share.ShareEnded(ID, "over"))])
    assert found.outcomes[0].kept == (("", "nobody outside is let in again by an undo: share them anew"),)


def test_members_and_goals_of_a_key_account_are_as_before() -> None:
    formed = key_account.form(ID, CUSTOMER, [key_account.Member(ANN, False, "leads")])
    account = reduce(key_account.evolve, formed, None)
    assert account is not None
    acts = [
        *account.add(key_account.Member(BO, False, "helps")),
        *account.remove(ANN, "left"),
        *account.set_goal(TEAM, "Grow", DAY, ANN),
    ]
    now, found = undone(KEY_ACCOUNT, key_account.evolve, [*others(*formed), *mine(*acts)])
    assert (set(now.members), dict(now.goals)) == ({ANN}, {})
    assert len(found.events) == 3
    gone, _ = undone(KEY_ACCOUNT, key_account.evolve, mine(*formed, *acts))
    assert gone.dissolved


def test_each_part_of_the_policy_is_as_before_or_as_built_in() -> None:
    rule = LevelRule("r", "big", CustomerLevel.A)
    first = Policy().set_level_rules(ID, [rule], CustomerLevel.C)
    before = reduce(policy.evolve, first, Policy())
    care = before.set_care(ID, 9, [])
    kept = before.set_retention(ID, Months(person=12), 90)
    rules = before.set_level_rules(ID, [], CustomerLevel.B)
    told = [*others(*first), *mine(*care, *kept, *rules), *others(*before.set_care(ID, 8, []))]
    now, found = undone(POLICY, policy.evolve, told)
    assert (now.rules, now.default_level, now.months, now.silent_after_months) == (
        (rule,),
        CustomerLevel.C,
        Months(),
        8,
    )
    assert found.outcomes[-1].kept == (("care", "changed since by Bo"),)
    whole, _ = undone(POLICY, policy.evolve, mine(*first, *care, *kept))
    assert (whole.rules, whole.care, whole.months, whole.reads_days) == ((), Policy().care, Months(), 0)
