"""A lead: somebody who showed interest, from the first touch until he is a customer or no prospect.

Where he came from is part of the first event and of nothing else, so it can never be overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import IntEnum
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument

# -- what can happen ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LeadCaptured:
    lead_id: UUID
    source_channel: str
    campaign_id: UUID | None
    submission_id: UUID | None
    external_ref: str
    region_code: str
    industry_code: str
    utm: dict[str, str]
    first_touch_at: datetime
    person_name: str
    phone: str
    email: str
    company: str
    behaviours: tuple[str, ...]
    product_interest: str
    note: str
    status_id: str
    import_id: str


@dataclass(frozen=True, slots=True)
class LeadTouchedAgain:
    lead_id: UUID
    source_channel: str
    campaign_id: UUID | None
    submission_id: UUID | None
    utm: dict[str, str]
    touched_at: datetime
    behaviours: tuple[str, ...]
    matched_on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeadMatch:
    lead_id: UUID
    matched_on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeadDuplicatesFound:
    lead_id: UUID
    matches: tuple[LeadMatch, ...]


@dataclass(frozen=True, slots=True)
class CustomerMatch:
    customer_id: UUID
    contact_id: UUID | None
    matched_on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeadCheckedAgainstCustomers:
    lead_id: UUID
    matches: tuple[CustomerMatch, ...]


@dataclass(frozen=True, slots=True)
class LeadBehaviourObserved:
    lead_id: UUID
    behaviour: str


@dataclass(frozen=True, slots=True)
class ScoreReason:
    rule_id: str
    points: int
    reason: str


@dataclass(frozen=True, slots=True)
class LeadScored:
    lead_id: UUID
    score: int
    high_intent: bool
    rule_set_version: int
    reasons: tuple[ScoreReason, ...]


@dataclass(frozen=True, slots=True)
class LeadAssigned:
    lead_id: UUID
    owner_id: UUID
    rule_id: str
    rule_set_version: int
    reason: str
    from_owner_id: UUID | None
    priority: bool
    fallback: bool


@dataclass(frozen=True, slots=True)
class LeadQueued:
    lead_id: UUID
    queue: str
    accountable_id: UUID | None
    reason: str


@dataclass(frozen=True, slots=True)
class LeadClaimed:
    lead_id: UUID
    owner_id: UUID


@dataclass(frozen=True, slots=True)
class LeadReturned:
    lead_id: UUID
    from_owner_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class LeadRecycled:
    lead_id: UUID
    from_owner_id: UUID
    idle_days: int


@dataclass(frozen=True, slots=True)
class LeadStatusChanged:
    lead_id: UUID
    from_status: str
    to_status: str


@dataclass(frozen=True, slots=True)
class LeadContacted:
    lead_id: UUID
    kind: str
    inbound: bool
    note: str


@dataclass(frozen=True, slots=True)
class LeadReplyOverdue:
    lead_id: UUID
    owner_id: UUID
    days: int


@dataclass(frozen=True, slots=True)
class LeadNextStepPlanned:
    lead_id: UUID
    owner_id: UUID | None
    subject: str
    due_on: date


@dataclass(frozen=True, slots=True)
class LeadCorrected:
    lead_id: UUID
    person_name: str
    phone: str
    email: str
    company: str
    region_code: str
    industry_code: str


@dataclass(frozen=True, slots=True)
class LeadQualified:
    lead_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class LeadNurtured:
    lead_id: UUID
    reason: str
    campaign_id: UUID | None


@dataclass(frozen=True, slots=True)
class LeadDisqualified:
    lead_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class LeadConverted:
    lead_id: UUID
    customer_id: UUID
    contact_id: UUID | None
    opportunity_id: UUID | None
    owner_id: UUID | None


@dataclass(frozen=True, slots=True)
class LeadTakenBack:
    lead_id: UUID
    import_id: str


@dataclass(frozen=True, slots=True)
class LeadForgotten:
    lead_id: UUID
    reason: str


Event = (
    LeadCaptured
    | LeadTouchedAgain
    | LeadDuplicatesFound
    | LeadCheckedAgainstCustomers
    | LeadBehaviourObserved
    | LeadScored
    | LeadAssigned
    | LeadQueued
    | LeadClaimed
    | LeadReturned
    | LeadRecycled
    | LeadStatusChanged
    | LeadContacted
    | LeadReplyOverdue
    | LeadNextStepPlanned
    | LeadCorrected
    | LeadQualified
    | LeadNurtured
    | LeadDisqualified
    | LeadConverted
    | LeadTakenBack
    | LeadForgotten
)


DETAILS = ("person_name", "phone", "email", "company", "region_code", "industry_code")
"""What may be corrected; the rest of a capture stays as it was."""


class LeadClosed(DomainError):
    """A converted, disqualified or taken back lead is not worked any more."""


class LeadIsOwned(DomainError):
    """A lead that somebody owns cannot be claimed."""


class LeadState(IntEnum):
    OPEN = 1
    QUALIFIED = 2
    NURTURING = 3
    DISQUALIFIED = 4
    CONVERTED = 5


# -- what it is, and what may be decided about it ----------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """Who a lead is; any of it may read as erased."""

    person_name: str
    phone: str
    email: str
    company: str


@dataclass(frozen=True, slots=True)
class Lead:
    id: UUID
    state: LeadState
    status_id: str
    person: Person
    source_channel: str
    campaign_id: UUID | None
    region_code: str
    industry_code: str
    utm: Mapping[str, str]
    behaviours: tuple[str, ...]
    product_interest: str
    import_id: str
    touches: int = 1
    owner_id: UUID | None = None
    last_owner_id: UUID | None = None
    queue: str = ""
    score: int = 0
    high_intent: bool = False
    scored_by: tuple[ScoreReason, ...] = ()
    awaits_reply: bool = False
    changed_by_hand: bool = False

    def facts(self) -> dict[str, str | int | bool | tuple[str, ...]]:
        """Return what rules may look at. Says whether personal fields are there, never what they say."""
        return {
            "source_channel": self.source_channel,
            "campaign_id": str(self.campaign_id or ""),
            "region_code": self.region_code,
            "industry_code": self.industry_code,
            "behaviours": self.behaviours,
            "product_interest": self.product_interest,
            "phone": "given" if self.person.phone else "",
            "email": "given" if self.person.email else "",
            "company": "given" if self.person.company else "",
            "touches": self.touches,
            "score": self.score,
            "high_intent": self.high_intent,
            **{f"utm.{key}": value for key, value in self.utm.items()},
        }

    def touch_again(self, touch: LeadTouchedAgain) -> list[Event]:
        self._require_not_closed()
        return [touch]

    def observe(self, behaviour: str) -> list[Event]:
        self._require_not_closed()
        behaviour = behaviour_code(behaviour)
        if not behaviour:
            raise InvalidArgument("behaviour", "is required")
        return [LeadBehaviourObserved(self.id, behaviour)]

    def scored(self, scored: LeadScored) -> list[Event]:
        if (scored.score, scored.high_intent, scored.reasons) == (
            self.score,
            self.high_intent,
            self.scored_by,
        ):
            return []
        return [scored]

    def assign(self, assigned: LeadAssigned) -> list[Event]:
        self._require_not_closed()
        if assigned.owner_id == self.owner_id:
            return []
        return [replace(assigned, from_owner_id=self.owner_id)]

    def wait_in_pool(self, queue: str, accountable_id: UUID | None, reason: str) -> list[Event]:
        self._require_not_closed()
        return [LeadQueued(self.id, queue, accountable_id, reason)]

    def claim(self, person_id: UUID) -> list[Event]:
        self._require_not_closed()
        if self.owner_id == person_id:
            return []
        if self.owner_id is not None:
            raise LeadIsOwned(f"lead {self.id} has an owner already; ask him to return it")
        return [LeadClaimed(self.id, person_id)]

    def give_back(self, reason: str) -> list[Event]:
        self._require_not_closed()
        if not reason:
            raise InvalidArgument("reason", "say why the lead is given back")
        if self.owner_id is None:
            return []
        return [LeadReturned(self.id, self.owner_id, reason)]

    def recycle(self, idle_days: int) -> list[Event]:
        if self.state not in (LeadState.OPEN, LeadState.QUALIFIED) or self.owner_id is None:
            return []
        return [LeadRecycled(self.id, self.owner_id, idle_days)]

    def change_status(self, status_id: str, known: tuple[str, ...]) -> list[Event]:
        self._require_not_closed()
        if status_id not in known:
            raise InvalidArgument("status_id", f"{status_id!r} is none of {', '.join(known)}")
        if status_id == self.status_id:
            return []
        return [LeadStatusChanged(self.id, self.status_id, status_id)]

    def log_contact(self, kind: str, inbound: bool, note: str) -> list[Event]:
        self._require_not_closed()
        return [LeadContacted(self.id, kind, inbound, note)]

    def miss_reply(self, days: int, today: date) -> list[Event]:
        """No answer for so many days: the owner is told, and has a task for today."""
        if not self.awaits_reply or self.owner_id is None or self._closed:
            return []
        return [
            LeadReplyOverdue(self.id, self.owner_id, days),
            LeadNextStepPlanned(self.id, self.owner_id, "该回访啦", today),
        ]

    def plan(self, subject: str, due_on: date) -> list[Event]:
        self._require_not_closed()
        return [LeadNextStepPlanned(self.id, self.owner_id, subject, due_on)]

    def correct(self, given: Mapping[str, str]) -> list[Event]:
        """Put the given details right and leave the others."""
        now = self.details()
        then = {**now, **given}
        return [] if now == then else [LeadCorrected(self.id, **then)]

    def fill_in(self, given: Mapping[str, str]) -> list[Event]:
        """Take those of the given details about which nothing is known."""
        now = self.details()
        return self.correct({name: text for name, text in given.items() if not now[name]})

    def details(self) -> dict[str, str]:
        person = self.person
        return {
            "person_name": person.person_name,
            "phone": person.phone,
            "email": person.email,
            "company": person.company,
            "region_code": self.region_code,
            "industry_code": self.industry_code,
        }

    def qualify(self, reason: str) -> list[Event]:
        self._require_not_closed()
        return [] if self.state == LeadState.QUALIFIED else [LeadQualified(self.id, _reason(reason))]

    def nurture(self, reason: str) -> list[Event]:
        self._require_not_closed()
        if self.state == LeadState.NURTURING:
            return []
        return [LeadNurtured(self.id, _reason(reason), self.campaign_id)]

    def disqualify(self, reason: str) -> list[Event]:
        self._require_not_closed()
        return [LeadDisqualified(self.id, _reason(reason))]

    def convert(self, customer_id: UUID, contact_id: UUID | None, opportunity_id: UUID | None) -> list[Event]:
        self._require_not_closed()
        return [LeadConverted(self.id, customer_id, contact_id, opportunity_id, self.owner_id)]

    def take_back(self, import_id: str) -> list[Event]:
        if self.state == LeadState.DISQUALIFIED and not self.changed_by_hand:
            return []
        if self.changed_by_hand or self._closed:
            raise DomainError("it was worked on since the import")
        return [LeadTakenBack(self.id, import_id)]

    def forget(self, reason: str) -> list[Event]:
        return [LeadForgotten(self.id, _reason(reason))]

    @property
    def _closed(self) -> bool:
        return self.state in (LeadState.DISQUALIFIED, LeadState.CONVERTED)

    def _require_not_closed(self) -> None:
        if self._closed:
            raise LeadClosed(f"lead {self.id} is {self.state.name.lower()}; capture a new one instead")


def behaviour_code(text: str) -> str:
    """Return a behaviour as rules name it: lower case, words joined by underscores."""
    return "_".join(text.strip().lower().replace("-", " ").replace("_", " ").split())


def _reason(reason: str) -> str:
    if not reason:
        raise InvalidArgument("reason", "say why")
    return reason


# -- how it comes to be ------------------------------------------------------


def evolve(lead: Lead | None, event: Event) -> Lead:
    """Fold one event into the state. Total, pure, and never refuses history."""
    if isinstance(event, LeadCaptured):
        return Lead(
            id=event.lead_id,
            state=LeadState.OPEN,
            status_id=event.status_id,
            person=Person(event.person_name, event.phone, event.email, event.company),
            source_channel=event.source_channel,
            campaign_id=event.campaign_id,
            region_code=event.region_code,
            industry_code=event.industry_code,
            utm=event.utm,
            behaviours=event.behaviours,
            product_interest=event.product_interest,
            import_id=event.import_id,
        )
    assert lead is not None, f"history must begin with LeadCaptured, not {type(event).__name__}"
    match event:
        case LeadTouchedAgain(behaviours=behaviours):
            return replace(lead, touches=lead.touches + 1, behaviours=_with(lead.behaviours, behaviours))
        case LeadBehaviourObserved(behaviour=behaviour):
            return replace(lead, behaviours=_with(lead.behaviours, (behaviour,)))
        case LeadScored():
            return replace(lead, score=event.score, high_intent=event.high_intent, scored_by=event.reasons)
        case LeadAssigned(owner_id=owner_id):
            return replace(lead, owner_id=owner_id, queue="")
        case LeadClaimed(owner_id=owner_id):
            return replace(lead, owner_id=owner_id, queue="", changed_by_hand=True)
        case LeadQueued(queue=queue):
            return replace(lead, owner_id=None, queue=queue)
        case LeadReturned() | LeadRecycled():
            return replace(lead, owner_id=None, last_owner_id=event.from_owner_id, awaits_reply=False)
        case LeadStatusChanged(to_status=status):
            return replace(lead, status_id=status, changed_by_hand=True)
        case LeadContacted(inbound=inbound):
            return replace(lead, awaits_reply=not inbound, changed_by_hand=True)
        case LeadReplyOverdue():
            return replace(lead, awaits_reply=False)
        case LeadNextStepPlanned():
            return replace(lead, changed_by_hand=True)
        case LeadCorrected():
            return replace(
                lead,
                person=Person(event.person_name, event.phone, event.email, event.company),
                region_code=event.region_code,
                industry_code=event.industry_code,
                changed_by_hand=True,
            )
        case LeadQualified():
            return replace(lead, state=LeadState.QUALIFIED, changed_by_hand=True)
        case LeadNurtured():
            return replace(lead, state=LeadState.NURTURING, changed_by_hand=True)
        case LeadDisqualified():
            return replace(lead, state=LeadState.DISQUALIFIED, changed_by_hand=True)
        case LeadTakenBack():
            return replace(lead, state=LeadState.DISQUALIFIED)
        case LeadConverted():
            return replace(lead, state=LeadState.CONVERTED, changed_by_hand=True)
        case LeadDuplicatesFound() | LeadCheckedAgainstCustomers() | LeadForgotten():
            return lead
        case _:
            assert_never(event)


def _with(known: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return known + tuple(behaviour for behaviour in dict.fromkeys(more) if behaviour not in known)
