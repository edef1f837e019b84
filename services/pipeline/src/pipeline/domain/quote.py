"""A quote: versions of an offer. What is sent was approved, and what is accepted was sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum
from typing import assert_never
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument
from kernel.money import Money
from pipeline.domain.priced_lines import Position, totals

# -- what can happen ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QuoteLine:
    line_id: str
    product_id: UUID | None
    product_name: str
    quantity: str
    unit_price: Money
    discount_basis_points: int
    tax_basis_points: int
    net: Money
    tax: Money


@dataclass(frozen=True, slots=True)
class QuoteDrafted:
    quote_id: UUID
    number: str
    opportunity_id: UUID
    customer_id: UUID | None
    owner_id: UUID | None
    version: int
    lines: tuple[QuoteLine, ...]
    net_total: Money
    tax_total: Money
    total: Money
    discount_basis_points: int
    valid_until: date
    price_list_id: UUID | None


@dataclass(frozen=True, slots=True)
class QuoteRevised:
    quote_id: UUID
    version: int
    lines: tuple[QuoteLine, ...]
    net_total: Money
    tax_total: Money
    total: Money
    discount_basis_points: int
    valid_until: date


@dataclass(frozen=True, slots=True)
class QuoteSubmitted:
    quote_id: UUID
    version: int
    approval_id: UUID | None
    discount_basis_points: int
    limit_basis_points: int
    owner_id: UUID | None
    customer_id: UUID | None
    total: Money


@dataclass(frozen=True, slots=True)
class QuoteApproved:
    quote_id: UUID
    version: int
    approval_id: UUID


@dataclass(frozen=True, slots=True)
class QuoteTurnedDown:
    quote_id: UUID
    version: int
    approval_id: UUID
    outcome: str


@dataclass(frozen=True, slots=True)
class QuoteSent:
    quote_id: UUID
    version: int
    customer_id: UUID | None
    opportunity_id: UUID
    total: Money


@dataclass(frozen=True, slots=True)
class QuoteAccepted:
    quote_id: UUID
    version: int
    customer_id: UUID | None
    opportunity_id: UUID
    total: Money


@dataclass(frozen=True, slots=True)
class QuoteDeclined:
    quote_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class QuoteExpired:
    quote_id: UUID
    owner_id: UUID | None


@dataclass(frozen=True, slots=True)
class DiscountPolicySet:
    settings_id: UUID
    limit_basis_points: int
    fallback_approver_id: UUID | None


@dataclass(frozen=True, slots=True)
class QuoteTransferred:
    quote_id: UUID
    from_owner_id: UUID | None
    to_owner_id: UUID
    reason: str


Event = (
    QuoteDrafted
    | QuoteRevised
    | QuoteSubmitted
    | QuoteApproved
    | QuoteTurnedDown
    | QuoteSent
    | QuoteAccepted
    | QuoteDeclined
    | QuoteExpired
    | QuoteTransferred
)

DEFAULT_DISCOUNT_POLICY = DiscountPolicySet(UUID(int=0), 1_000, None)
"""10 % until a policy is set."""


class ApprovalNeeded(DomainError):
    """A discount beyond the limit is not sent before somebody approved it."""


class QuoteState(IntEnum):
    DRAFT = 1
    PENDING = 2
    READY = 3
    SENT = 4
    ACCEPTED = 5
    DECLINED = 6
    EXPIRED = 7


# -- what it is, and what may be decided about it ----------------------------


@dataclass(frozen=True, slots=True)
class LineDraft:
    """A position as the author wants it; `list_price` is what the discount is measured against."""

    product_id: UUID | None
    product_name: str
    quantity: str
    unit_price: Money
    list_price: Money
    discount_basis_points: int
    tax_basis_points: int


@dataclass(frozen=True, slots=True)
class Content:
    """A version's positions with their amounts."""

    lines: tuple[QuoteLine, ...]
    net_total: Money
    tax_total: Money
    total: Money
    discount_basis_points: int


def content_of(drafts: tuple[LineDraft, ...]) -> Content:
    """Price the positions. The quote's discount is the largest of any line, against the list price."""
    for i, draft in enumerate(drafts):
        if not draft.product_name:
            raise InvalidArgument(f"lines[{i}].product_name", "is required without a product")
    priced = totals([Position(d.quantity, d.unit_price, d.discount_basis_points, d.tax_basis_points) for d in drafts])
    lines = tuple(
        QuoteLine(
            str(i),
            draft.product_id,
            draft.product_name,
            draft.quantity,
            draft.unit_price,
            draft.discount_basis_points,
            draft.tax_basis_points,
            amounts.net,
            amounts.tax,
        )
        for i, (draft, amounts) in enumerate(zip(drafts, priced.lines, strict=True), start=1)
    )
    largest = max(_discount(draft) for draft in drafts)
    return Content(lines, priced.net_total, priced.tax_total, priced.total, largest)


def _discount(draft: LineDraft) -> int:
    """Basis points below the list price, rounded up: a lowered unit price is a discount too."""
    if draft.list_price.minor_units <= 0 or (draft.list_price.currency_code != draft.unit_price.currency_code):
        return draft.discount_basis_points
    paid = draft.unit_price.minor_units * (10_000 - draft.discount_basis_points)
    return max(0, -((paid - draft.list_price.minor_units * 10_000) // draft.list_price.minor_units))


@dataclass(frozen=True, slots=True)
class Quote:
    id: UUID
    number: str
    opportunity_id: UUID
    customer_id: UUID | None
    owner_id: UUID | None
    quote_version: int
    content: Content
    valid_until: date
    state: QuoteState = QuoteState.DRAFT
    approval_id: UUID | None = None

    @property
    def lines(self) -> tuple[QuoteLine, ...]:
        return self.content.lines

    @property
    def total(self) -> Money:
        return self.content.total

    @property
    def discount_basis_points(self) -> int:
        return self.content.discount_basis_points

    def transfer(self, to_owner_id: UUID, reason: str) -> list[Event]:
        """Give it to another owner."""
        if to_owner_id == self.owner_id:
            return []
        return [QuoteTransferred(self.id, self.owner_id, to_owner_id, reason)]

    def revise(self, content: Content, valid_until: date, today: date) -> list[Event]:
        if self.state in (QuoteState.PENDING, QuoteState.ACCEPTED):
            waits = self.state == QuoteState.PENDING
            what = "waits for an approval; withdraw it first" if waits else "is accepted"
            raise DomainError(f"quote {self.number} {what}")
        _require_valid(valid_until, today)
        return [
            QuoteRevised(
                self.id,
                self.quote_version + 1,
                content.lines,
                content.net_total,
                content.tax_total,
                content.total,
                content.discount_basis_points,
                valid_until,
            )
        ]

    def offer_again(self, earlier: Quote) -> list[Event]:
        """Write a new version that says what an earlier one said; sending it asks whether that still holds."""
        return self.revise(earlier.content, earlier.valid_until, earlier.valid_until)

    def needs_approval(self, policy: DiscountPolicySet) -> bool:
        return self.discount_basis_points > policy.limit_basis_points

    def submit(self, policy: DiscountPolicySet, approval_id: UUID | None) -> list[Event]:
        if self.state != QuoteState.DRAFT:
            raise DomainError(f"quote {self.number} is {self.state.name.lower()}, not a draft")
        if self.needs_approval(policy) and approval_id is None:
            raise ApprovalNeeded(f"quote {self.number} needs an approval")
        return [
            QuoteSubmitted(
                self.id,
                self.quote_version,
                approval_id,
                self.discount_basis_points,
                policy.limit_basis_points,
                self.owner_id,
                self.customer_id,
                self.total,
            )
        ]

    def approve(self, approval_id: UUID, version: int) -> list[Event]:
        if self.state != QuoteState.PENDING or approval_id != self.approval_id:
            return []
        return [QuoteApproved(self.id, version, approval_id)]

    def turn_down(self, approval_id: UUID, version: int, outcome: str) -> list[Event]:
        if self.state != QuoteState.PENDING or approval_id != self.approval_id:
            return []
        return [QuoteTurnedDown(self.id, version, approval_id, outcome)]

    def send(self, today: date) -> list[Event]:
        if self.state == QuoteState.PENDING:
            raise ApprovalNeeded(f"quote {self.number} waits for its approval; it cannot be sent yet")
        if self.state != QuoteState.READY:
            raise DomainError(f"quote {self.number} is {self.state.name.lower()}; submit it before sending")
        _require_valid(self.valid_until, today)
        return [QuoteSent(self.id, self.quote_version, self.customer_id, self.opportunity_id, self.total)]

    def accept(self, today: date) -> list[Event]:
        self._require_sent()
        if today > self.valid_until:
            raise DomainError(f"quote {self.number} was valid until {self.valid_until}")
        return [QuoteAccepted(self.id, self.quote_version, self.customer_id, self.opportunity_id, self.total)]

    def decline(self, reason: str) -> list[Event]:
        self._require_sent()
        return [QuoteDeclined(self.id, reason)]

    def expire(self, version: int) -> list[Event]:
        if self.state != QuoteState.SENT or version != self.quote_version:
            return []
        return [QuoteExpired(self.id, self.owner_id)]

    def _require_sent(self) -> None:
        if self.state != QuoteState.SENT:
            raise DomainError(f"quote {self.number} is {self.state.name.lower()}, not sent")


def draft(drafted: QuoteDrafted, today: date) -> list[Event]:
    _require_valid(drafted.valid_until, today)
    return [drafted]


def set_discount_policy(policy: DiscountPolicySet) -> list[DiscountPolicySet]:
    if not 0 <= policy.limit_basis_points <= 10_000:
        raise InvalidArgument("limit_basis_points", "must be 0 to 10000")
    return [policy]


def _require_valid(valid_until: date, today: date) -> None:
    if valid_until < today:
        raise InvalidArgument("valid_until", f"{valid_until} is over")


# -- how it comes to be ------------------------------------------------------


def evolve(quote: Quote | None, event: Event) -> Quote:
    """Fold one event into the state. Total, pure, and never refuses history."""
    if isinstance(event, QuoteDrafted):
        return Quote(
            event.quote_id,
            event.number,
            event.opportunity_id,
            event.customer_id,
            event.owner_id,
            event.version,
            _content_of(event),
            event.valid_until,
        )
    assert quote is not None, f"history must begin with QuoteDrafted, not {event}"
    match event:
        case QuoteRevised():
            return replace(
                quote,
                quote_version=event.version,
                content=_content_of(event),
                valid_until=event.valid_until,
                state=QuoteState.DRAFT,
                approval_id=None,
            )
        case QuoteSubmitted(approval_id=approval_id):
            waits = approval_id is not None
            return replace(
                quote,
                approval_id=approval_id,
                state=QuoteState.PENDING if waits else QuoteState.READY,
            )
        case QuoteApproved():
            return replace(quote, state=QuoteState.READY)
        case QuoteTurnedDown():
            return replace(quote, state=QuoteState.DRAFT)
        case QuoteSent():
            return replace(quote, state=QuoteState.SENT)
        case QuoteAccepted():
            return replace(quote, state=QuoteState.ACCEPTED)
        case QuoteDeclined():
            return replace(quote, state=QuoteState.DECLINED)
        case QuoteExpired():
            return replace(quote, state=QuoteState.EXPIRED)
        case QuoteTransferred(to_owner_id=owner_id):
            return replace(quote, owner_id=owner_id)
        case _:
            assert_never(event)


def _content_of(event: QuoteDrafted | QuoteRevised) -> Content:
    return Content(event.lines, event.net_total, event.tax_total, event.total, event.discount_basis_points)
