"""A contract: parties, amount, period, files; versions until it is signed; numbers without gaps in a year."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument
from kernel.money import Money

# -- what can happen ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Party:
    role: str
    name: str
    signatory: str


@dataclass(frozen=True, slots=True)
class FileReference:
    file_id: str
    name: str
    media_type: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ContractDrawnUp:
    contract_id: UUID
    number: str
    title: str
    customer_id: UUID | None
    opportunity_id: UUID | None
    quote_id: UUID | None
    owner_id: UUID | None
    parties: tuple[Party, ...]
    amount: Money
    starts_on: date
    ends_on: date | None
    files: tuple[FileReference, ...]
    version: int


@dataclass(frozen=True, slots=True)
class ContractRevised:
    contract_id: UUID
    version: int
    title: str
    parties: tuple[Party, ...]
    amount: Money
    starts_on: date
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class ContractFileAttached:
    contract_id: UUID
    file: FileReference


@dataclass(frozen=True, slots=True)
class ContractSubmitted:
    contract_id: UUID
    version: int
    approval_id: UUID | None


@dataclass(frozen=True, slots=True)
class ContractApproved:
    contract_id: UUID
    version: int
    approval_id: UUID


@dataclass(frozen=True, slots=True)
class ContractTurnedDown:
    contract_id: UUID
    version: int
    approval_id: UUID
    outcome: str


@dataclass(frozen=True, slots=True)
class ContractSigned:
    contract_id: UUID
    customer_id: UUID | None
    signed_on: date
    amount: Money
    owner_id: UUID | None
    opportunity_id: UUID | None
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class ContractTerminated:
    contract_id: UUID
    ended_on: date
    reason: str


@dataclass(frozen=True, slots=True)
class ContractExpiryNear:
    contract_id: UUID
    customer_id: UUID | None
    owner_id: UUID | None
    ends_on: date
    days_left: int


@dataclass(frozen=True, slots=True)
class ContractNumberIssued:
    counter_id: UUID
    contract_id: UUID
    number: str
    year: int
    sequence: int


@dataclass(frozen=True, slots=True)
class ContractPolicySet:
    settings_id: UUID
    number_pattern: str
    expiry_warning_days: int


@dataclass(frozen=True, slots=True)
class ContractTransferred:
    contract_id: UUID
    from_owner_id: UUID | None
    to_owner_id: UUID
    reason: str


Event = (
    ContractDrawnUp
    | ContractRevised
    | ContractFileAttached
    | ContractSubmitted
    | ContractApproved
    | ContractTurnedDown
    | ContractSigned
    | ContractTerminated
    | ContractExpiryNear
    | ContractTransferred
)

DEFAULT_CONTRACT_POLICY = ContractPolicySet(UUID(int=0), "HT-{yyyy}-{seq:5}", 14)


class ContractState(IntEnum):
    DRAFT = 1
    PENDING = 2
    APPROVED = 3
    SIGNED = 4
    TERMINATED = 5


# -- what it is, and what may be decided about it ----------------------------

_PLACEHOLDER = re.compile(r"\{(yyyy|yy|mm|seq(?::[1-9])?)\}")


def number(pattern: str, on: date, sequence: int) -> str:
    """Return the number that the pattern gives: {yyyy}, {yy}, {mm}, {seq}, {seq:5}."""

    def put(found: re.Match[str]) -> str:
        what = found.group(1)
        if what.startswith("seq"):
            return str(sequence).rjust(int(what[4:] or 1), "0")
        return {"yyyy": f"{on.year:04}", "yy": f"{on.year % 100:02}", "mm": f"{on.month:02}"}[what]

    return _PLACEHOLDER.sub(put, pattern)


def set_contract_policy(policy: ContractPolicySet) -> list[ContractPolicySet]:
    rest = _PLACEHOLDER.sub("", policy.number_pattern)
    if "{" in rest or "}" in rest or len(policy.number_pattern) > 60:
        raise InvalidArgument("number_pattern", "may hold {yyyy}, {yy}, {mm}, {seq} and {seq:5}, and 60 characters")
    if "{seq" not in policy.number_pattern or "{yy" not in policy.number_pattern:
        raise InvalidArgument("number_pattern", "needs a year and {seq}, or numbers would repeat")
    if not 0 <= policy.expiry_warning_days <= 365:
        raise InvalidArgument("expiry_warning_days", "must be 0 to 365")
    return [policy]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a version of a contract says."""

    title: str
    parties: tuple[Party, ...]
    amount: Money
    starts_on: date
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class Contract:
    id: UUID
    number: str
    customer_id: UUID | None
    opportunity_id: UUID | None
    quote_id: UUID | None
    owner_id: UUID | None
    contract_version: int
    terms: Terms
    files: tuple[FileReference, ...]
    state: ContractState = ContractState.DRAFT
    approval_id: UUID | None = None

    @property
    def amount(self) -> Money:
        return self.terms.amount

    @property
    def ends_on(self) -> date | None:
        return self.terms.ends_on

    def transfer(self, to_owner_id: UUID, reason: str) -> list[Event]:
        """Give it to another owner."""
        if to_owner_id == self.owner_id:
            return []
        return [ContractTransferred(self.id, self.owner_id, to_owner_id, reason)]

    def revise(self, revised: ContractRevised) -> list[Event]:
        if self.state in (
            ContractState.PENDING,
            ContractState.SIGNED,
            ContractState.TERMINATED,
        ):
            raise DomainError(f"contract {self.number} is {self.state.name.lower()} and cannot be rewritten")
        _check(revised.title, revised.amount, revised.starts_on, revised.ends_on)
        return [replace(revised, version=self.contract_version + 1)]

    def rewrite(self, terms: Terms) -> list[Event]:
        """Write a new version with these terms."""
        it = terms
        return self.revise(ContractRevised(self.id, 0, it.title, it.parties, it.amount, it.starts_on, it.ends_on))

    def attach(self, file: FileReference) -> list[Event]:
        if not file.file_id or not file.name:
            raise InvalidArgument("file", "needs a file_id and a name")
        return [] if file in self.files else [ContractFileAttached(self.id, file)]

    def submit(self, approval_id: UUID | None) -> list[Event]:
        if self.state != ContractState.DRAFT:
            raise DomainError(f"contract {self.number} is {self.state.name.lower()}, not a draft")
        return [ContractSubmitted(self.id, self.contract_version, approval_id)]

    def approve(self, approval_id: UUID, version: int) -> list[Event]:
        if self.state != ContractState.PENDING or approval_id != self.approval_id:
            return []
        return [ContractApproved(self.id, version, approval_id)]

    def turn_down(self, approval_id: UUID, version: int, outcome: str) -> list[Event]:
        if self.state != ContractState.PENDING or approval_id != self.approval_id:
            return []
        return [ContractTurnedDown(self.id, version, approval_id, outcome)]

    def sign(self, signed_on: date) -> list[Event]:
        if self.state == ContractState.SIGNED:
            return []
        if self.state != ContractState.APPROVED:
            raise DomainError(
                f"contract {self.number} is {self.state.name.lower()}; submit it and have it"
                " approved before it is signed"
            )
        return [
            ContractSigned(
                self.id,
                self.customer_id,
                signed_on,
                self.amount,
                self.owner_id,
                self.opportunity_id,
                self.ends_on,
            )
        ]

    def terminate(self, ended_on: date, reason: str) -> list[Event]:
        if self.state == ContractState.TERMINATED:
            return []
        if not reason:
            raise InvalidArgument("reason", "say why it ends")
        return [ContractTerminated(self.id, ended_on, reason)]

    def near_its_end(self, days_left: int) -> list[Event]:
        if self.state != ContractState.SIGNED or self.ends_on is None:
            return []
        return [ContractExpiryNear(self.id, self.customer_id, self.owner_id, self.ends_on, days_left)]


def draw_up(drawn_up: ContractDrawnUp) -> list[Event]:
    _check(drawn_up.title, drawn_up.amount, drawn_up.starts_on, drawn_up.ends_on)
    return [drawn_up]


def _check(title: str, amount: Money, starts_on: date, ends_on: date | None) -> None:
    if not title:
        raise InvalidArgument("title", "is required")
    if amount.minor_units < 0 or len(amount.currency_code) != 3:
        raise InvalidArgument("amount", "needs an ISO 4217 currency and must not be negative")
    if ends_on is not None and ends_on < starts_on:
        raise InvalidArgument("ends_on", "is before starts_on")


# -- how it comes to be ------------------------------------------------------


def evolve(contract: Contract | None, event: Event) -> Contract:
    """Fold one event into the state. Total, pure, and never refuses history."""
    if isinstance(event, ContractDrawnUp):
        return Contract(
            event.contract_id,
            event.number,
            event.customer_id,
            event.opportunity_id,
            event.quote_id,
            event.owner_id,
            event.version,
            _terms_of(event),
            event.files,
        )
    assert contract is not None, f"history must begin with ContractDrawnUp, not {type(event).__name__}"
    match event:
        case ContractRevised():
            return replace(
                contract,
                contract_version=event.version,
                terms=_terms_of(event),
                state=ContractState.DRAFT,
                approval_id=None,
            )
        case ContractFileAttached(file=file):
            return replace(contract, files=(*contract.files, file))
        case ContractSubmitted(approval_id=approval_id):
            waits = approval_id is not None
            return replace(
                contract,
                approval_id=approval_id,
                state=ContractState.PENDING if waits else ContractState.APPROVED,
            )
        case ContractApproved():
            return replace(contract, state=ContractState.APPROVED)
        case ContractTurnedDown():
            return replace(contract, state=ContractState.DRAFT)
        case ContractSigned():
            return replace(contract, state=ContractState.SIGNED)
        case ContractTerminated():
            return replace(contract, state=ContractState.TERMINATED)
        case ContractExpiryNear():
            return contract
        case ContractTransferred(to_owner_id=owner_id):
            return replace(contract, owner_id=owner_id)
        case _:
            assert_never(event)


def _terms_of(event: ContractDrawnUp | ContractRevised) -> Terms:
    return Terms(event.title, event.parties, event.amount, event.starts_on, event.ends_on)
