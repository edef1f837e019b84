"""Approvals: who has to say yes, in which order; and what was said, for ever.

Generic over quotes, contracts and orders: a subject is a kind, an id and the version that was looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, Forbidden, InvalidArgument
from kernel.money import Money

# -- what can happen ---------------------------------------------------------


class SubjectKind(IntEnum):
    QUOTE = 1
    CONTRACT = 2
    ORDER = 3


class StepRule(IntEnum):
    ANY_OF = 1
    ALL_OF = 2


class Decision(IntEnum):
    APPROVE = 1
    REJECT = 2
    RETURN = 3


@dataclass(frozen=True, slots=True)
class FlowStep:
    step_id: str
    name: str
    approver_ids: tuple[UUID, ...]
    rule: StepRule
    min_amount: Money | None
    min_discount_basis_points: int


@dataclass(frozen=True, slots=True)
class ApprovalFlowDefined:
    flow_id: UUID
    version: int
    name: str
    subject_kind: SubjectKind
    steps: tuple[FlowStep, ...]
    min_amount: Money | None
    min_discount_basis_points: int
    priority: int
    active: bool


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    approval_id: UUID
    subject_kind: SubjectKind
    subject_id: UUID
    approver_ids: tuple[UUID, ...]
    flow_id: UUID | None
    flow_version: int
    steps: tuple[FlowStep, ...]
    subject_version: int
    requested_by: UUID | None
    amount: Money
    discount_basis_points: int
    title: str


@dataclass(frozen=True, slots=True)
class OpinionGiven:
    approval_id: UUID
    step_id: str
    approver_id: UUID
    decision: Decision
    opinion: str
    subject_version: int
    on_behalf_of_id: UUID | None


@dataclass(frozen=True, slots=True)
class ApprovalStepReached:
    approval_id: UUID
    step_id: str
    approver_ids: tuple[UUID, ...]
    subject_kind: SubjectKind
    subject_id: UUID


@dataclass(frozen=True, slots=True)
class ApprovalDelegated:
    approval_id: UUID
    step_id: str
    from_person_id: UUID
    to_person_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class ApprovalGranted:
    approval_id: UUID
    subject_kind: SubjectKind
    subject_id: UUID
    subject_version: int
    requested_by: UUID | None
    approver_id: UUID


@dataclass(frozen=True, slots=True)
class ApprovalRejected:
    approval_id: UUID
    subject_kind: SubjectKind
    subject_id: UUID
    subject_version: int
    requested_by: UUID | None
    approver_id: UUID
    opinion: str


@dataclass(frozen=True, slots=True)
class ApprovalReturned:
    approval_id: UUID
    subject_kind: SubjectKind
    subject_id: UUID
    subject_version: int
    requested_by: UUID | None
    approver_id: UUID
    opinion: str


@dataclass(frozen=True, slots=True)
class ApprovalWithdrawn:
    approval_id: UUID
    subject_kind: SubjectKind
    subject_id: UUID
    subject_version: int
    requested_by: UUID | None
    reason: str


Outcome = ApprovalGranted | ApprovalRejected | ApprovalReturned | ApprovalWithdrawn
Event = ApprovalRequested | OpinionGiven | ApprovalStepReached | ApprovalDelegated | Outcome


class ApprovalDecided(DomainError):
    """A decided approval takes no more opinions; its record stays as it is."""


class NotAnApprover(Forbidden):
    """Only those whose turn it is decide."""


# -- flows: which steps apply ----------------------------------------------------


def define_flow(flow: ApprovalFlowDefined) -> list[ApprovalFlowDefined]:
    if not flow.name:
        raise InvalidArgument("name", "is required")
    if not flow.steps:
        raise InvalidArgument("steps", "at least one step is needed")
    ids = [step.step_id for step in flow.steps]
    if len(set(ids)) < len(ids):
        raise InvalidArgument("steps", "two steps have the same id")
    for step in flow.steps:
        if not step.approver_ids:
            raise InvalidArgument("steps", f"step {step.name or step.step_id} has no approver")
        if len(set(step.approver_ids)) < len(step.approver_ids):
            raise InvalidArgument("steps", f"step {step.name or step.step_id} names somebody twice")
    return [flow]


def replace_approver(flow: ApprovalFlowDefined, leaver: UUID, successor: UUID) -> list[ApprovalFlowDefined]:
    """Let the successor approve what somebody who leaves approved; nobody is named twice in a step."""
    steps = tuple(
        replace(
            step,
            approver_ids=tuple(dict.fromkeys(successor if it == leaver else it for it in step.approver_ids)),
        )
        for step in flow.steps
    )
    return [] if steps == flow.steps else [replace(flow, steps=steps, version=flow.version + 1)]


def flow_for(
    flows: Iterable[ApprovalFlowDefined], kind: SubjectKind, amount: Money, discount_basis_points: int
) -> ApprovalFlowDefined | None:
    """Return the flow with the highest priority whose conditions and at least one step apply.

    Of equals the one with the stricter conditions, so that a general flow does not hide a special one.
    """
    fitting = [
        flow
        for flow in flows
        if flow.active
        and flow.subject_kind == kind
        and _applies(flow.min_amount, flow.min_discount_basis_points, amount, discount_basis_points)
        and steps_of(flow, amount, discount_basis_points)
    ]
    return max(fitting, key=_rank, default=None)


def _rank(flow: ApprovalFlowDefined) -> tuple[int, int, int, str]:
    least = flow.min_amount.minor_units if flow.min_amount else 0
    return flow.priority, flow.min_discount_basis_points, least, str(flow.flow_id)


def steps_of(flow: ApprovalFlowDefined, amount: Money, discount_basis_points: int) -> tuple[FlowStep, ...]:
    """Return the steps whose conditions hold, in order."""
    return tuple(
        step
        for step in flow.steps
        if _applies(step.min_amount, step.min_discount_basis_points, amount, discount_basis_points)
    )


def _applies(min_amount: Money | None, min_discount: int, amount: Money, discount_basis_points: int) -> bool:
    """An amount in another currency than the condition's cannot be weighed: better ask once too often."""
    if min_amount is not None and min_amount.currency_code == amount.currency_code:
        return amount >= min_amount and discount_basis_points >= min_discount
    return discount_basis_points >= min_discount


# -- what an approval is, and what may be decided about it -----------------------


@dataclass(frozen=True, slots=True)
class Approval:
    id: UUID
    subject_kind: SubjectKind
    subject_id: UUID
    subject_version: int
    requested_by: UUID | None
    steps: tuple[FlowStep, ...]
    step: int
    waiting_for: tuple[UUID, ...]
    stands_in_for: tuple[tuple[UUID, UUID], ...] = ()
    decided: bool = False

    def give_opinion(self, person_id: UUID, decision: Decision, opinion: str) -> list[Event]:
        self._require_pending()
        if person_id not in self.waiting_for:
            raise NotAnApprover("this approval does not wait for you")
        if decision != Decision.APPROVE and not opinion:
            raise InvalidArgument("opinion", "say why")
        step = self.steps[self.step]
        given = OpinionGiven(
            self.id,
            step.step_id,
            person_id,
            decision,
            opinion,
            self.subject_version,
            dict(self.stands_in_for).get(person_id),
        )
        about = (self.id, self.subject_kind, self.subject_id, self.subject_version)
        if decision == Decision.REJECT:
            return [given, ApprovalRejected(*about, self.requested_by, person_id, opinion)]
        if decision == Decision.RETURN:
            return [given, ApprovalReturned(*about, self.requested_by, person_id, opinion)]
        if step.rule == StepRule.ALL_OF and len(self.waiting_for) > 1:
            return [given]
        if self.step + 1 == len(self.steps):
            return [given, ApprovalGranted(*about, self.requested_by, person_id)]
        following = self.steps[self.step + 1]
        return [
            given,
            ApprovalStepReached(
                self.id,
                following.step_id,
                following.approver_ids,
                self.subject_kind,
                self.subject_id,
            ),
        ]

    def delegate(self, from_person_id: UUID, to_person_id: UUID, reason: str) -> list[Event]:
        self._require_pending()
        if from_person_id not in self.waiting_for:
            raise NotAnApprover("this approval does not wait for you")
        if to_person_id in self.waiting_for:
            raise DomainError("this approval waits for that person already")
        step_id = self.steps[self.step].step_id
        return [ApprovalDelegated(self.id, step_id, from_person_id, to_person_id, reason)]

    def hand_over(self, from_person_id: UUID, to_person_id: UUID, reason: str) -> list[Event]:
        """Let a successor decide; if it waits for him anyway, it no longer waits for the other."""
        if self.decided or from_person_id not in self.waiting_for:
            return []
        return [ApprovalDelegated(self.id, self.steps[self.step].step_id, from_person_id, to_person_id, reason)]

    def withdraw(self, person_id: UUID | None, reason: str) -> list[Event]:
        self._require_pending()
        if person_id is not None and self.requested_by not in (None, person_id):
            raise Forbidden("only who asked for the approval withdraws it")
        return [
            ApprovalWithdrawn(
                self.id,
                self.subject_kind,
                self.subject_id,
                self.subject_version,
                self.requested_by,
                reason,
            )
        ]

    def _require_pending(self) -> None:
        if self.decided:
            raise ApprovalDecided(f"approval {self.id} is decided")


def request(
    approval_id: UUID,
    kind: SubjectKind,
    subject_id: UUID,
    subject_version: int,
    title: str,
    amount: Money,
    discount_basis_points: int,
    requested_by: UUID | None,
    flow: ApprovalFlowDefined | None,
    fallback_approver_id: UUID | None,
) -> list[Event]:
    """Ask by the flow; without one, ask the fallback approver; without him, refuse."""
    if flow is not None:
        steps: Sequence[FlowStep] = steps_of(flow, amount, discount_basis_points)
    elif fallback_approver_id is not None:
        steps = (FlowStep("fallback", "fallback", (fallback_approver_id,), StepRule.ANY_OF, None, 0),)
    else:
        raise DomainError(
            "this needs an approval, but no approval flow fits and no fallback approver is named;"
            " define a flow or set the discount policy"
        )
    return [
        ApprovalRequested(
            approval_id,
            kind,
            subject_id,
            steps[0].approver_ids,
            flow.flow_id if flow else None,
            flow.version if flow else 0,
            tuple(steps),
            subject_version,
            requested_by,
            amount,
            discount_basis_points,
            title,
        )
    ]


# -- how it comes to be ------------------------------------------------------


def evolve(approval: Approval | None, event: Event) -> Approval:
    """Fold one event into the state. Total, pure, and never refuses history."""
    if isinstance(event, ApprovalRequested):
        return Approval(
            event.approval_id,
            event.subject_kind,
            event.subject_id,
            event.subject_version,
            event.requested_by,
            event.steps,
            0,
            event.approver_ids,
        )
    assert approval is not None, f"history must begin with ApprovalRequested, not {event}"
    match event:
        case OpinionGiven(approver_id=person_id):
            left = tuple(p for p in approval.waiting_for if p != person_id)
            return replace(approval, waiting_for=left)
        case ApprovalStepReached(approver_ids=approver_ids):
            return replace(approval, step=approval.step + 1, waiting_for=approver_ids, stands_in_for=())
        case ApprovalDelegated(from_person_id=from_id, to_person_id=to_id):
            others = tuple(it for it in approval.stands_in_for if it != (from_id, to_id))
            given_back = len(others) < len(approval.stands_in_for)
            return replace(
                approval,
                waiting_for=tuple(dict.fromkeys(to_id if p == from_id else p for p in approval.waiting_for)),
                stands_in_for=others if given_back else (*others, (to_id, from_id)),
            )
        case ApprovalGranted() | ApprovalRejected() | ApprovalReturned() | ApprovalWithdrawn():
            return replace(approval, decided=True, waiting_for=())
        case _:
            assert_never(event)
