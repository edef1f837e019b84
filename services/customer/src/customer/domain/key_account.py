"""A key account: the team that looks after one customer together, and its plan. Their tasks are follow-ups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from kernel.errors import AlreadyExists, DomainError, InvalidArgument, NotFound

MOST_MEMBERS = 100
MOST_OPEN_GOALS = 200


@dataclass(frozen=True, slots=True)
class KeyAccountTeamFormed:
    key_account_id: UUID
    customer_id: UUID


@dataclass(frozen=True, slots=True)
class KeyAccountMemberAdded:
    key_account_id: UUID
    customer_id: UUID
    member_id: UUID
    is_team: bool
    duty: str


@dataclass(frozen=True, slots=True)
class KeyAccountMemberRemoved:
    key_account_id: UUID
    customer_id: UUID
    member_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class KeyAccountGoalSet:
    key_account_id: UUID
    goal_id: UUID
    title: str
    due_on: date
    owner_id: UUID | None


@dataclass(frozen=True, slots=True)
class KeyAccountGoalClosed:
    key_account_id: UUID
    goal_id: UUID
    reached: bool
    note: str


@dataclass(frozen=True, slots=True)
class KeyAccountTeamDissolved:
    key_account_id: UUID
    customer_id: UUID
    reason: str


KeyAccountEvent = (
    KeyAccountTeamFormed
    | KeyAccountMemberAdded
    | KeyAccountMemberRemoved
    | KeyAccountGoalSet
    | KeyAccountGoalClosed
    | KeyAccountTeamDissolved
)


@dataclass(frozen=True, slots=True)
class Member:
    """A person, or everybody of a team or department."""

    member_id: UUID
    is_team: bool
    duty: str


@dataclass(frozen=True, slots=True)
class KeyAccount:
    """The state that decisions are made on."""

    id: UUID
    customer_id: UUID
    members: Mapping[UUID, Member] = field(default_factory=dict)
    goals: Mapping[UUID, KeyAccountGoalSet] = field(default_factory=dict)
    dissolved: bool = False

    def form_again(self, members: Sequence[Member]) -> list[KeyAccountEvent]:
        """Form a team that was dissolved."""
        if not self.dissolved:
            raise AlreadyExists(f"customer {self.customer_id} has a key account team; add members to it")
        return form(self.id, self.customer_id, members)

    def add(self, member: Member) -> list[KeyAccountEvent]:
        """Let another one look after the customer; a change of duty is told too."""
        self._require_formed()
        if self.members.get(member.member_id) == member:
            return []
        if member.member_id not in self.members and len(self.members) >= MOST_MEMBERS:
            raise DomainError(f"a key account has at most {MOST_MEMBERS} members; add a team instead of persons")
        removed = [self._removed(member.member_id, "changed")] if member.member_id in self.members else []
        return [*removed, _added(self.id, self.customer_id, member)]

    def remove(self, member_id: UUID, reason: str) -> list[KeyAccountEvent]:
        """Take a member off."""
        self._require_formed()
        if member_id not in self.members:
            raise NotFound(f"{member_id} is no member of this key account")
        return [self._removed(member_id, reason)]

    def dissolve(self, reason: str) -> list[KeyAccountEvent]:
        """End the team; its open goals are given up with it."""
        self._require_formed()
        closed = [KeyAccountGoalClosed(self.id, goal_id, False, "team dissolved") for goal_id in self.goals]
        return [*closed, KeyAccountTeamDissolved(self.id, self.customer_id, reason)]

    def set_goal(self, goal_id: UUID, title: str, due_on: date, owner_id: UUID | None) -> list[KeyAccountEvent]:
        """Set a goal, or set it anew."""
        self._require_formed()
        if goal_id not in self.goals and len(self.goals) >= MOST_OPEN_GOALS:
            raise DomainError(f"a plan has at most {MOST_OPEN_GOALS} open goals; close some first")
        goal = KeyAccountGoalSet(self.id, goal_id, title, due_on, owner_id)
        return [] if self.goals.get(goal_id) == goal else [goal]

    def close_goal(self, goal_id: UUID, reached: bool, note: str) -> list[KeyAccountEvent]:
        """Write down that a goal was reached or given up."""
        self._require_formed()
        if goal_id not in self.goals:
            raise NotFound(f"no open goal {goal_id}")
        return [KeyAccountGoalClosed(self.id, goal_id, reached, note)]

    def hand_over(self, leaver: UUID, successor: UUID, reason: str) -> list[KeyAccountEvent]:
        """Put a successor in the place and in charge of the goals of somebody who leaves."""
        events: list[KeyAccountEvent] = []
        if leaver in self.members:
            events.append(self._removed(leaver, reason))
            if successor not in self.members:
                events.append(_added(self.id, self.customer_id, replace(self.members[leaver], member_id=successor)))
        return events + [replace(goal, owner_id=successor) for goal in self.goals.values() if goal.owner_id == leaver]

    def _removed(self, member_id: UUID, reason: str) -> KeyAccountMemberRemoved:
        return KeyAccountMemberRemoved(self.id, self.customer_id, member_id, reason)

    def _require_formed(self) -> None:
        if self.dissolved:
            raise DomainError(f"the key account team of customer {self.customer_id} was dissolved; form it again")


def form(key_account_id: UUID, customer_id: UUID, members: Sequence[Member]) -> list[KeyAccountEvent]:
    """Form a team around a customer."""
    distinct = {member.member_id: member for member in members}
    if len(distinct) > MOST_MEMBERS:
        raise InvalidArgument("members", f"names more than {MOST_MEMBERS}; add a team instead of persons")
    formed = KeyAccountTeamFormed(key_account_id, customer_id)
    return [formed, *(_added(key_account_id, customer_id, member) for member in distinct.values())]


def _added(key_account_id: UUID, customer_id: UUID, member: Member) -> KeyAccountMemberAdded:
    return KeyAccountMemberAdded(key_account_id, customer_id, member.member_id, member.is_team, member.duty)


def evolve(account: KeyAccount | None, event: KeyAccountEvent) -> KeyAccount:
    """Fold one event into the state."""
    if isinstance(event, KeyAccountTeamFormed):
        return KeyAccount(event.key_account_id, event.customer_id)
    assert account is not None, "history must begin with KeyAccountTeamFormed"
    match event:
        case KeyAccountMemberAdded(member_id=member_id):
            member = Member(member_id, event.is_team, event.duty)
            return replace(account, members={**account.members, member_id: member})
        case KeyAccountMemberRemoved(member_id=member_id):
            return replace(account, members={k: v for k, v in account.members.items() if k != member_id})
        case KeyAccountGoalSet(goal_id=goal_id):
            return replace(account, goals={**account.goals, goal_id: event})
        case KeyAccountGoalClosed(goal_id=goal_id):
            return replace(account, goals={k: v for k, v in account.goals.items() if k != goal_id})
        case KeyAccountTeamDissolved():
            return replace(account, members={}, dissolved=True)
