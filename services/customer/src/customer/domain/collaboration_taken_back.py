"""What takes back a change of a group, a share, a key account or the policy, and what of the rest stays, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from customer.domain import erasure, group, handover, importing, key_account, policy, share
from customer.domain.group import Group
from customer.domain.key_account import KeyAccount
from customer.domain.policy import Policy
from customer.domain.share import Share
from kernel.handed_over import HandoverAsked
from kernel.reversals import WHOLE, Change, Reason, Reversals, Taking, goes_along, kept, stays, taken_back

REASON = "taken back"
LEVEL_RULES, CARE, RETENTION = "level_rules", "care", "retention"


# -- groups ------------------------------------------------------------------------


def _group_saved(taking: Taking) -> list[group.GroupEvent]:
    now: Group = taking.now
    return now.put_back(taking.before) if taking.before is not None else now.delete(None, may_all=True)


GROUP: Mapping[type, Change] = {
    group.CustomerGroupSaved: taken_back(_group_saved, WHOLE),
    group.CustomerGroupDeleted: taken_back(_group_saved, WHOLE),
}


# -- shares ------------------------------------------------------------------------


def _shared(taking: Taking) -> list[share.ShareEvent]:
    now: Share = taking.now
    return now.end(REASON)


SHARE: Mapping[type, Change] = {
    share.CustomersShared: taken_back(_shared, WHOLE),
    share.ShareEnded: stays(Reason("share_ended", "nobody outside is let in again by an undo: share them anew")),
}


# -- key accounts ------------------------------------------------------------------


def _member(before: KeyAccount, after: KeyAccount, event: key_account.KeyAccountMemberAdded) -> Collection[str]:
    return {f"member:{event.member_id}"}


def _goal(before: KeyAccount, after: KeyAccount, event: key_account.KeyAccountGoalSet) -> Collection[str]:
    return {f"goal:{event.goal_id}"}


def _formed(taking: Taking) -> Sequence[Any]:
    now: KeyAccount = taking.now
    return [] if now.dissolved else now.dissolve(REASON)


def _member_changed(taking: Taking) -> Sequence[Any]:
    member_id = taking.event.member_id
    now: KeyAccount = taking.now
    before = taking.before.members.get(member_id)
    if before is not None:
        return now.add(before)
    return now.remove(member_id, REASON) if member_id in now.members else []


def _goal_set(taking: Taking) -> Sequence[Any]:
    goal_id = taking.event.goal_id
    now: KeyAccount = taking.now
    before = taking.before.goals.get(goal_id)
    if before is not None:
        return now.set_goal(goal_id, before.title, before.due_on, before.owner_id)
    return now.close_goal(goal_id, False, REASON) if goal_id in now.goals else []


KEY_ACCOUNT: Mapping[type, Change] = {
    key_account.KeyAccountTeamFormed: taken_back(_formed, WHOLE),
    key_account.KeyAccountMemberAdded: taken_back(_member_changed, _member),
    key_account.KeyAccountMemberRemoved: taken_back(_member_changed, _member),
    key_account.KeyAccountGoalSet: taken_back(_goal_set, _goal),
    key_account.KeyAccountGoalClosed: taken_back(_goal_set, _goal),
    key_account.KeyAccountTeamDissolved: stays(
        Reason("team_went_with_it", "its members and goals went with it: form it again")
    ),
}


# -- the policy --------------------------------------------------------------------


def _policy_set(taking: Taking) -> Sequence[Any]:
    """Set back what was set; all of it, where nothing was set before."""
    before: Policy = taking.before or Policy()
    now: Policy = taking.now
    policy_id = taking.event.policy_id
    whole = WHOLE in taking.fields
    events: list[policy.PolicyEvent] = []
    if whole or LEVEL_RULES in taking.fields:
        events += now.set_level_rules(policy_id, before.rules, before.default_level)
    if (whole or CARE in taking.fields) and now.care != before.care:
        events += now.set_care(policy_id, *before.care)
    if whole or RETENTION in taking.fields:
        events += now.set_retention(policy_id, before.months, before.reads_days)
    return events


POLICY: Mapping[type, Change] = {
    policy.LevelRulesSet: taken_back(_policy_set, LEVEL_RULES),
    policy.CarePolicySet: taken_back(_policy_set, CARE),
    policy.RetentionPolicySet: taken_back(_policy_set, RETENTION),
}


# -- what stays --------------------------------------------------------------------

_GIVEN = Reason("handed_over", "records were given to a successor: hand them back to whom they belong")
_FORGOTTEN = Reason("stays_forgotten", "whoever is forgotten stays forgotten")

STAYING: tuple[Reversals, ...] = (
    kept(
        "import",
        {
            importing.CustomersImported: Reason(
                "import_as_a_whole", "an import is taken back as a whole: headwater undo --import"
            ),
            importing.CustomerImportReverted: Reason("import_anew", "what was taken back is imported anew"),
        },
    ),
    Reversals("retention", {policy.RetentionApproved: stays(_FORGOTTEN), policy.RetentionDue: goes_along()}),
    Reversals(
        "erasure",
        {
            erasure.ErasureRequested: stays(_FORGOTTEN),
            erasure.PurgeAsked: goes_along(),
            erasure.ErasureStepDone: goes_along(),
            erasure.ErasureCompleted: goes_along(),
            erasure.ErasureOverdue: goes_along(),
        },
    ),
    Reversals(
        "handover",
        {
            handover.HandoverOrdered: stays(_GIVEN),
            HandoverAsked: goes_along(),
            handover.HandoverStepDone: goes_along(),
            handover.HandoverCompleted: goes_along(),
            handover.HandoverOverdue: goes_along(),
        },
    ),
)
