"""A customer: a company or a person we sell to, with its contacts, standing, level, tags and merges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from typing import assert_never
from uuid import UUID

from customer.domain.policy import CustomerLevel, Grade
from customer.domain.profile import (
    CUSTOM,
    FIELDS,
    PERSONAL,
    CustomField,
    Profile,
    ProfileChanges,
    apply,
    difference,
    differs,
    fine_fields,
    only,
    touched,
    value_of,
    with_value,
)
from customer.domain.standards import missing_for_active
from kernel.errors import Conflict, DomainError, InvalidArgument
from kernel.money import Money

MOST_CONTACTS = 200
MOST_TAGS = 200
UNMERGED = "un-merged"
"""The reason of a status that an un-merge gives back."""

# -- what can happen -------------------------------------------------------------


class CustomerKind(IntEnum):
    """An organisation or a natural person."""

    UNSPECIFIED = 0
    COMPANY = 1
    PERSON = 2


class CustomerStatus(IntEnum):
    """Where a customer stands with us."""

    UNSPECIFIED = 0
    PROSPECT = 1
    ACTIVE = 2
    SILENT = 3
    LOST = 4
    ARCHIVED = 5


class DecisionRole(IntEnum):
    """What a contact has to say in a purchase."""

    UNSPECIFIED = 0
    DECISION_MAKER = 1
    INFLUENCER = 2
    USER = 3
    BUYER = 4
    GATEKEEPER = 5


@dataclass(frozen=True, slots=True)
class CustomerRegistered:
    customer_id: UUID
    name: str
    kind: CustomerKind
    industry_code: str
    region_code: str
    size_code: str
    intent_code: str
    source: str
    owner_id: UUID | None
    external_ref: str
    import_id: str
    credit_code: str
    website: str
    employees: int
    annual_revenue: Money | None
    person_name: str  # personal, the customer's
    phones: tuple[str, ...]  # personal
    emails: tuple[str, ...]  # personal
    address: str  # personal
    remark: str  # personal
    custom_fields: tuple[CustomField, ...]  # personal


@dataclass(frozen=True, slots=True)
class CustomerRevised:
    customer_id: UUID
    changes: ProfileChanges
    import_id: str
    reverts_import_id: str


@dataclass(frozen=True, slots=True)
class CustomerArchived:
    customer_id: UUID
    reason: str
    reverts_import_id: str


@dataclass(frozen=True, slots=True)
class CustomerRestored:
    customer_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class CustomerStatusChanged:
    customer_id: UUID
    from_status: CustomerStatus
    to_status: CustomerStatus
    reason: str
    caused_by_id: UUID | None


@dataclass(frozen=True, slots=True)
class OwnerChanged:
    customer_id: UUID
    from_owner_id: UUID | None
    to_owner_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class LevelChanged:
    customer_id: UUID
    from_level: CustomerLevel
    to_level: CustomerLevel
    rule_id: str
    rule_set_version: int
    reason: str
    pinned: bool


@dataclass(frozen=True, slots=True)
class TagsChanged:
    customer_id: UUID
    added: tuple[str, ...]
    removed: tuple[str, ...]
    import_id: str


@dataclass(frozen=True, slots=True)
class ContactAdded:
    customer_id: UUID
    contact_id: UUID
    name: str  # personal, the contact's
    position: str  # personal
    decision_role: DecisionRole
    is_primary: bool
    phones: tuple[str, ...]  # personal
    emails: tuple[str, ...]  # personal
    remark: str  # personal
    import_id: str


@dataclass(frozen=True, slots=True)
class ContactRevised:
    customer_id: UUID
    contact_id: UUID
    name: str  # personal, the contact's
    position: str  # personal
    decision_role: DecisionRole
    phones: tuple[str, ...]  # personal
    emails: tuple[str, ...]  # personal
    remark: str  # personal


@dataclass(frozen=True, slots=True)
class PrimaryContactChanged:
    customer_id: UUID
    contact_id: UUID | None


@dataclass(frozen=True, slots=True)
class ContactRemoved:
    customer_id: UUID
    contact_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """Where the merged customer's field comes from."""

    field: str
    from_absorbed: bool


@dataclass(frozen=True, slots=True)
class CustomersMerged:
    customer_id: UUID
    absorbed_id: UUID
    choices: tuple[FieldChoice, ...]
    taken: ProfileChanges | None
    replaced: ProfileChanges | None
    added_tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CustomersUnmerged:
    customer_id: UUID
    absorbed_id: UUID
    restored: ProfileChanges | None
    removed_tags: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class CustomerAbsorbed:
    customer_id: UUID
    survivor_id: UUID


@dataclass(frozen=True, slots=True)
class CustomerReleased:
    customer_id: UUID
    survivor_id: UUID


@dataclass(frozen=True, slots=True)
class CustomerWentSilent:
    customer_id: UUID
    owner_id: UUID | None
    last_order_at: datetime
    after_months: int


@dataclass(frozen=True, slots=True)
class CustomerNeglected:
    customer_id: UUID
    owner_id: UUID | None
    level: CustomerLevel
    last_contact_at: datetime
    after_days: int


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    customer_id: UUID
    contact_id: UUID | None
    channel: str
    purpose: str
    source: str
    wording: str = ""


@dataclass(frozen=True, slots=True)
class ConsentWithdrawn:
    customer_id: UUID
    contact_id: UUID | None
    channel: str
    purpose: str
    source: str


CustomerEvent = (
    CustomerRegistered
    | CustomerRevised
    | CustomerArchived
    | CustomerRestored
    | CustomerStatusChanged
    | OwnerChanged
    | LevelChanged
    | TagsChanged
    | ContactAdded
    | ContactRevised
    | PrimaryContactChanged
    | ContactRemoved
    | CustomersMerged
    | CustomersUnmerged
    | CustomerAbsorbed
    | CustomerReleased
    | CustomerWentSilent
    | CustomerNeglected
    | ConsentGiven
    | ConsentWithdrawn
)


class CustomerArchivedAlready(DomainError):
    """An archived customer does not change."""


class CustomerMergedAway(DomainError):
    """An absorbed customer lives on as its survivor."""


class FieldsMissing(DomainError):
    """A status asks for more than is known."""


class NotMergeable(DomainError):
    """Two customers that cannot become one."""


class StatusNotReachable(DomainError):
    """A status that this customer cannot get."""


# -- what it is ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Contact:
    """A person to talk to."""

    contact_id: UUID
    name: str  # personal
    position: str = ""  # personal
    decision_role: DecisionRole = DecisionRole.UNSPECIFIED
    phones: tuple[str, ...] = ()  # personal
    emails: tuple[str, ...] = ()  # personal
    remark: str = ""  # personal


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge changed, so that it can be taken back."""

    absorbed_id: UUID
    taken: ProfileChanges | None
    replaced: ProfileChanges | None
    added_tags: tuple[str, ...]
    status_before: CustomerStatus | None = None
    bought: bool = False


@dataclass(frozen=True, slots=True)
class Clash:
    """A field that somebody else changed meanwhile."""

    field: str
    theirs: object
    yours: object


@dataclass(frozen=True, slots=True)
class Customer:
    """The state that decisions are made on."""

    id: UUID
    kind: CustomerKind
    profile: Profile
    owner_id: UUID | None
    status: CustomerStatus = CustomerStatus.PROSPECT
    status_before_archive: CustomerStatus = CustomerStatus.PROSPECT
    has_bought: bool = False
    level: CustomerLevel = CustomerLevel.UNSPECIFIED
    level_rule: tuple[str, int] = ("", 0)
    level_is_pinned: bool = False
    tags: frozenset[str] = frozenset()
    contacts: tuple[Contact, ...] = ()
    primary_contact_id: UUID | None = None
    consents: frozenset[tuple[UUID | None, str, str]] = frozenset()
    merges: tuple[Merge, ...] = ()
    absorbed_by: UUID | None = None
    import_taken_back: bool = False

    @property
    def is_buyer(self) -> bool:
        """Whether it, or one it absorbed, ever bought."""
        return self.has_bought or any(merge.bought for merge in self.merges)

    # -- fields --

    def revise(self, profile: Profile, import_id: str = "", reverts_import_id: str = "") -> list[CustomerEvent]:
        """Make the profile the given one. Who buys must not lose a field that buyers need."""
        self._require_open()
        changes = difference(self.profile, profile)
        if changes is None:
            return []
        if self.status is CustomerStatus.ACTIVE and not reverts_import_id:
            lost = set(self._missing(profile)) - set(self.missing_fields())
            if lost:
                raise FieldsMissing(f"an active customer keeps {', '.join(sorted(lost))}: enter another value instead")
        return [CustomerRevised(self.id, changes, import_id, reverts_import_id)]

    def missing_fields(self) -> list[str]:
        """Return the fields that its status asks for and that are empty."""
        if self.status not in (CustomerStatus.ACTIVE, CustomerStatus.SILENT):
            return []
        return self._missing(self.profile)

    def _missing(self, profile: Profile) -> list[str]:
        return missing_for_active(profile, any(c.phones or c.emails for c in self.contacts))

    # -- standing --

    def archive(self, reason: str, reverts_import_id: str = "") -> list[CustomerEvent]:
        """Put it away."""
        self._require_not_merged_away()
        if self.status is CustomerStatus.ARCHIVED:
            return []
        return [
            CustomerArchived(self.id, reason, reverts_import_id),
            CustomerStatusChanged(self.id, self.status, CustomerStatus.ARCHIVED, reason, None),
        ]

    def restore(self, reason: str) -> list[CustomerEvent]:
        """Bring it back to where it stood."""
        self._require_not_merged_away()
        if self.status is not CustomerStatus.ARCHIVED:
            return []
        return [
            CustomerRestored(self.id, reason),
            CustomerStatusChanged(self.id, CustomerStatus.ARCHIVED, self.status_before_archive, reason, None),
        ]

    def change_status(self, to_status: CustomerStatus, reason: str) -> list[CustomerEvent]:
        """Move it by hand."""
        self._require_open()
        if to_status is self.status:
            return []
        match to_status:
            case CustomerStatus.ARCHIVED:
                raise StatusNotReachable("a customer is archived by archiving it, with a reason")
            case CustomerStatus.PROSPECT if self.is_buyer:
                raise StatusNotReachable(
                    "a customer that has bought is never a prospect again; choose active, silent or lost"
                )
            case CustomerStatus.SILENT if not self.is_buyer:
                raise StatusNotReachable("only a customer that has bought can fall silent; choose lost")
            case CustomerStatus.ACTIVE:
                missing = self._missing(self.profile)
                if missing:
                    raise FieldsMissing(f"an active customer needs {', '.join(missing)}: fill them in first")
        return [CustomerStatusChanged(self.id, self.status, to_status, reason, None)]

    def buy(self, reason: str, caused_by_id: UUID) -> list[CustomerEvent]:
        """It signed or ordered: it is active, whatever fields are still missing."""
        if self.absorbed_by is not None or self.status is CustomerStatus.ACTIVE or self.import_taken_back:
            return []
        events: list[CustomerEvent] = []
        if self.status is CustomerStatus.ARCHIVED:
            events.append(CustomerRestored(self.id, reason))
        return [
            *events,
            CustomerStatusChanged(self.id, self.status, CustomerStatus.ACTIVE, reason, caused_by_id),
        ]

    def fall_silent(self, last_order_at: datetime, after_months: int) -> list[CustomerEvent]:
        """No order for so many months."""
        if self.absorbed_by is not None or self.status is not CustomerStatus.ACTIVE:
            return []
        return [
            CustomerWentSilent(self.id, self.owner_id, last_order_at, after_months),
            CustomerStatusChanged(
                self.id,
                self.status,
                CustomerStatus.SILENT,
                f"no order for {after_months} months",
                None,
            ),
        ]

    def be_neglected(self, last_contact_at: datetime, after_days: int) -> list[CustomerEvent]:
        """Nobody has been in touch for longer than its level allows."""
        gone = self.status in (CustomerStatus.LOST, CustomerStatus.ARCHIVED)
        if self.absorbed_by is not None or gone:
            return []
        return [CustomerNeglected(self.id, self.owner_id, self.level, last_contact_at, after_days)]

    def transfer(self, to_owner_id: UUID, reason: str) -> list[CustomerEvent]:
        """Give it to another owner."""
        self._require_not_merged_away()
        if to_owner_id == self.owner_id:
            return []
        return [OwnerChanged(self.id, self.owner_id, to_owner_id, reason)]

    # -- level and tags --

    def be_graded(self, grade: Grade) -> list[CustomerEvent]:
        """Take the level the rules give, unless one is pinned."""
        if self.absorbed_by is not None or self.level_is_pinned or grade.level is self.level:
            return []
        return [
            LevelChanged(
                self.id,
                self.level,
                grade.level,
                grade.rule_id,
                grade.rule_set_version,
                grade.reason,
                False,
            )
        ]

    def pin_level(self, level: CustomerLevel, reason: str) -> list[CustomerEvent]:
        """Set the level by hand."""
        self._require_open()
        if self.level_is_pinned and level is self.level:
            return []
        return [LevelChanged(self.id, self.level, level, "", 0, reason, True)]

    def release_level(self, grade: Grade) -> list[CustomerEvent]:
        """Give the level back to the rules."""
        self._require_open()
        if not self.level_is_pinned:
            return []
        return [
            LevelChanged(
                self.id,
                self.level,
                grade.level,
                grade.rule_id,
                grade.rule_set_version,
                grade.reason,
                False,
            )
        ]

    def change_tags(self, add: Iterable[str], remove: Iterable[str] = (), import_id: str = "") -> list[CustomerEvent]:
        """Put custom tags on and take others off."""
        self._require_open()
        removed = tuple(sorted(self.tags & set(remove)))
        added = tuple(sorted(set(add) - self.tags - set(remove)))
        if len(self.tags) + len(added) - len(removed) > MOST_TAGS:
            raise DomainError(f"a customer has at most {MOST_TAGS} tags; take some off first")
        if not added and not removed:
            return []
        return [TagsChanged(self.id, added, removed, import_id)]

    # -- contacts --

    def contact(self, contact_id: UUID) -> Contact | None:
        """Return the contact with that id."""
        return next((c for c in self.contacts if c.contact_id == contact_id), None)

    def add_contact(self, contact: Contact, is_primary: bool, import_id: str = "") -> list[CustomerEvent]:
        """Add a contact. The first one is the primary one, and so is one added as such."""
        self._require_open()
        if self.contact(contact.contact_id) is not None:
            return []
        if len(self.contacts) >= MOST_CONTACTS:
            raise DomainError(f"a customer has at most {MOST_CONTACTS} contacts; remove some first")
        return [_contact_added(self.id, contact, is_primary or not self.contacts, import_id)]

    def revise_contact(self, contact: Contact, is_primary: bool) -> list[CustomerEvent]:
        """Replace what is known of a contact."""
        self._require_not_archived()
        known = self._require_contact(contact.contact_id)
        events: list[CustomerEvent] = []
        if contact != known:
            events.append(
                ContactRevised(
                    self.id,
                    contact.contact_id,
                    contact.name,
                    contact.position,
                    contact.decision_role,
                    contact.phones,
                    contact.emails,
                    contact.remark,
                )
            )
        if is_primary and self.primary_contact_id != contact.contact_id:
            events.append(PrimaryContactChanged(self.id, contact.contact_id))
        return events

    def remove_contact(self, contact_id: UUID, reason: str) -> list[CustomerEvent]:
        """Take a contact off; the next one becomes the primary one."""
        self._require_not_archived()
        self._require_contact(contact_id)
        return self.let_go_of_contact(contact_id, reason)

    def let_go_of_contact(self, contact_id: UUID, reason: str) -> list[CustomerEvent]:
        """Take a contact off whatever state the customer is in; nothing when he is off already."""
        if self.contact(contact_id) is None:
            return []
        events: list[CustomerEvent] = [ContactRemoved(self.id, contact_id, reason)]
        if self.primary_contact_id == contact_id:
            rest = [c.contact_id for c in self.contacts if c.contact_id != contact_id]
            events.append(PrimaryContactChanged(self.id, rest[0] if rest else None))
        return events

    def give_consent(
        self, contact_id: UUID | None, channel: str, purpose: str, source: str, wording: str = ""
    ) -> list[CustomerEvent]:
        """Write a consent down."""
        self._require_open()
        if contact_id is not None:
            self._require_contact(contact_id)
        if (contact_id, channel, purpose) in self.consents:
            return []
        return [ConsentGiven(self.id, contact_id, channel, purpose, source, wording)]

    def withdraw_consent(self, contact_id: UUID | None, channel: str, purpose: str, source: str) -> list[CustomerEvent]:
        """Write down that a consent was taken back; nobody is refused that."""
        if (contact_id, channel, purpose) not in self.consents:
            return []
        return [ConsentWithdrawn(self.id, contact_id, channel, purpose, source)]

    # -- merging --

    def absorb(self, other: Customer, choices: Sequence[FieldChoice]) -> list[CustomerEvent]:
        """Become one with another customer, which turns into an alias of this one."""
        self._require_open()
        if other.id == self.id:
            raise NotMergeable("a customer cannot be merged with itself")
        if any(merge.absorbed_id == other.id for merge in self.merges):
            raise NotMergeable(f"{other.id} is merged into {self.id} already")
        if other.absorbed_by is not None:
            raise NotMergeable(f"{other.id} is merged into {other.absorbed_by} already; un-merge it first")
        if other.status is CustomerStatus.ARCHIVED:
            raise NotMergeable(f"{other.id} is archived; restore it first")
        if other.kind is not self.kind:
            raise NotMergeable("a company and a person are not one; make the person a contact of the company")
        merged = self._merged_profile(other.profile, choices)
        taken = difference(self.profile, merged)
        replaced = only(self.profile, touched(taken)) if taken is not None else None
        added_tags = tuple(sorted(other.tags - self.tags))
        events: list[CustomerEvent] = [CustomersMerged(self.id, other.id, tuple(choices), taken, replaced, added_tags)]
        if _standing(other.status) > _standing(self.status):
            events.append(CustomerStatusChanged(self.id, self.status, other.status, "merged", other.id))
        return events

    def be_absorbed(self, survivor_id: UUID) -> list[CustomerEvent]:
        """Become an alias of the survivor."""
        return [CustomerAbsorbed(self.id, survivor_id)]

    def release(self, absorbed_id: UUID, reason: str) -> list[CustomerEvent]:
        """Take a merge back. What was revised since stays; all else is as if never merged."""
        self._require_not_merged_away()
        merge = next((m for m in self.merges if m.absorbed_id == absorbed_id), None)
        if merge is None:
            raise NotMergeable(f"{absorbed_id} is not merged into {self.id}")
        before = self.profile
        if merge.taken is not None and merge.replaced is not None:
            then, former = apply(Profile(), merge.taken), apply(Profile(), merge.replaced)
            fields = set(touched(merge.taken)) - {"custom_fields"}
            if merge.taken.custom_fields is not None:
                fields |= {f for f in fine_fields(then, former) if f.startswith(CUSTOM)}
            for field in sorted(fields):
                if value_of(self.profile, field) == value_of(then, field):
                    before = with_value(before, field, value_of(former, field))
        events: list[CustomerEvent] = [
            CustomersUnmerged(
                self.id,
                absorbed_id,
                difference(self.profile, before),
                tuple(sorted(self.tags & set(merge.added_tags))),
                reason,
            )
        ]
        later = self.merges[self.merges.index(merge) + 1 :]
        raised_again = any(other.status_before is not None for other in later)
        if merge.status_before is not None and merge.status_before is not self.status and not raised_again:
            events.append(CustomerStatusChanged(self.id, self.status, merge.status_before, UNMERGED, absorbed_id))
        return events

    def be_released(self, survivor_id: UUID) -> list[CustomerEvent]:
        """Stand alone again."""
        if self.absorbed_by != survivor_id:
            raise NotMergeable(f"{self.id} is not merged into {survivor_id}")
        return [CustomerReleased(self.id, survivor_id)]

    def _merged_profile(self, other: Profile, choices: Sequence[FieldChoice]) -> Profile:
        allowed = {*fine_fields(self.profile, other), "name"}
        chosen: dict[str, bool] = {}
        for choice in choices:
            field = choice.field
            if field == "name" and self.kind is CustomerKind.PERSON:
                field = "person_name"
            if field not in allowed:
                raise InvalidArgument("choices", f"there is no field {choice.field[:60]!r}")
            chosen[field] = choice.from_absorbed
        merged = self.profile
        for field in fine_fields(self.profile, other):
            theirs = value_of(other, field)
            take = chosen.get(field, not value_of(self.profile, field))
            if take and (theirs or field in chosen):
                merged = with_value(merged, field, theirs)
        return merged

    # -- guards --

    def _require_open(self) -> None:
        self._require_not_merged_away()
        self._require_not_archived()

    def _require_not_archived(self) -> None:
        if self.status is CustomerStatus.ARCHIVED:
            raise CustomerArchivedAlready(f"customer {self.id} is archived; restore it first")

    def _require_not_merged_away(self) -> None:
        if self.absorbed_by is not None:
            raise CustomerMergedAway(
                f"customer {self.id} was merged into {self.absorbed_by}; ask that one, or un-merge"
            )

    def _require_contact(self, contact_id: UUID) -> Contact:
        contact = self.contact(contact_id)
        if contact is None:
            raise InvalidArgument("contact_id", f"customer {self.id} has no contact {contact_id}")
        return contact


def register(
    customer_id: UUID,
    kind: CustomerKind,
    profile: Profile,
    owner_id: UUID | None,
    source: str = "",
    external_ref: str = "",
    import_id: str = "",
    contacts: Sequence[tuple[Contact, bool]] = (),
    tags: Sequence[str] = (),
) -> list[CustomerEvent]:
    """Enter a customer. Only a name is asked for; the rest may follow."""
    name = profile.person_name if kind is CustomerKind.PERSON else profile.name
    if not name:
        raise InvalidArgument("profile.name", "is required: a customer is registered with at least a name")
    if len({contact.contact_id for contact, _ in contacts}) != len(contacts):
        raise InvalidArgument("contacts", "names a contact twice")
    if len(contacts) > MOST_CONTACTS:
        raise InvalidArgument("contacts", f"has {len(contacts)}; at most {MOST_CONTACTS} fit")
    if len(set(tags)) > MOST_TAGS:
        raise InvalidArgument("tags", f"has {len(set(tags))}; at most {MOST_TAGS} fit")
    events: list[CustomerEvent] = [
        CustomerRegistered(
            customer_id,
            profile.name,
            kind,
            profile.industry_code,
            profile.region_code,
            profile.size_code,
            profile.intent_code,
            source,
            owner_id,
            external_ref,
            import_id,
            profile.credit_code,
            profile.website,
            profile.employees,
            profile.annual_revenue,
            profile.person_name,
            profile.phones,
            profile.emails,
            profile.address,
            profile.remark,
            profile.custom_fields,
        )
    ]
    primary = next((i for i, (_, is_primary) in enumerate(contacts) if is_primary), 0)
    events += [_contact_added(customer_id, contact, i == primary, import_id) for i, (contact, _) in enumerate(contacts)]
    if tags:
        events.append(TagsChanged(customer_id, tuple(sorted(set(tags))), (), import_id))
    return events


def clashes(then: Customer, now: Customer, wanted: Profile, fields: Iterable[str]) -> list[Clash]:
    """Return the fields that were changed since `then` to something else than what is wanted now."""
    return [
        Clash(field, value_of(now.profile, field), value_of(wanted, field))
        for field in fields
        if differs(then.profile, now.profile, field) and differs(now.profile, wanted, field)
    ]


def refuse_clashes(found: Sequence[Clash], now_version: int) -> None:
    """Raise Conflict with both values of every field; personal values are left for the reader to fetch."""
    if not found:
        return
    told = []
    for clash in found:
        field = "name" if clash.field == "person_name" else clash.field
        if clash.field.partition(".")[0] in PERSONAL:
            told.append(f"{field} was changed by somebody else (its values are personal and not shown here)")
        else:
            told.append(f"{field} is {clash.theirs!r} now, you want {clash.yours!r}")
    raise Conflict(
        f"somebody else changed the customer meanwhile: {'; '.join(told)}."
        f" Read version {now_version}, then send what you want with it"
    )


def _contact_added(customer_id: UUID, contact: Contact, is_primary: bool, import_id: str) -> ContactAdded:
    return ContactAdded(
        customer_id,
        contact.contact_id,
        contact.name,
        contact.position,
        contact.decision_role,
        is_primary,
        contact.phones,
        contact.emails,
        contact.remark,
        import_id,
    )


def _standing(status: CustomerStatus) -> int:
    """Order statuses by what a merge must keep: who has bought stays one who has."""
    return {CustomerStatus.ACTIVE: 3, CustomerStatus.SILENT: 2}.get(status, 1)


# -- how it comes to be ----------------------------------------------------------


def evolve(customer: Customer | None, event: CustomerEvent) -> Customer:
    """Fold one event into the state. Total, pure, and never refuses history."""
    if isinstance(event, CustomerRegistered):
        values = {name: getattr(event, name) for name in FIELDS}
        return Customer(event.customer_id, event.kind, Profile(**values), event.owner_id)
    assert customer is not None, f"history must begin with CustomerRegistered, not {type(event).__name__}"
    match event:
        case CustomerRevised(changes=changes):
            return replace(customer, profile=apply(customer.profile, changes))
        case CustomerArchived(reverts_import_id=reverts):
            return replace(customer, status_before_archive=customer.status, import_taken_back=bool(reverts))
        case CustomerRestored():
            return replace(customer, import_taken_back=False)
        case CustomerStatusChanged():
            return _with_status(customer, event)
        case OwnerChanged(to_owner_id=owner_id):
            return replace(customer, owner_id=owner_id)
        case LevelChanged():
            return replace(
                customer,
                level=event.to_level,
                level_rule=(event.rule_id, event.rule_set_version),
                level_is_pinned=event.pinned,
            )
        case TagsChanged(added=added, removed=removed):
            by_hand = {*added, *removed}
            merges = tuple(
                replace(m, added_tags=tuple(tag for tag in m.added_tags if tag not in by_hand)) for m in customer.merges
            )
            return replace(customer, tags=customer.tags.union(added) - set(removed), merges=merges)
        case ContactAdded():
            return replace(
                customer,
                contacts=(*customer.contacts, _contact_of(event)),
                primary_contact_id=event.contact_id if event.is_primary else customer.primary_contact_id,
            )
        case ContactRevised():
            revised = _contact_of(event)
            return replace(
                customer,
                contacts=tuple(revised if c.contact_id == event.contact_id else c for c in customer.contacts),
            )
        case PrimaryContactChanged(contact_id=contact_id):
            return replace(customer, primary_contact_id=contact_id)
        case ContactRemoved(contact_id=contact_id):
            return replace(
                customer,
                contacts=tuple(c for c in customer.contacts if c.contact_id != contact_id),
                consents=frozenset(c for c in customer.consents if c[0] != contact_id),
            )
        case CustomersMerged():
            merge = Merge(event.absorbed_id, event.taken, event.replaced, event.added_tags)
            return replace(
                customer,
                profile=apply(customer.profile, event.taken) if event.taken else customer.profile,
                tags=customer.tags.union(event.added_tags),
                merges=(*customer.merges, merge),
            )
        case CustomersUnmerged():
            return replace(
                customer,
                profile=apply(customer.profile, event.restored) if event.restored else customer.profile,
                tags=customer.tags - set(event.removed_tags),
                merges=_without(customer.merges, event.absorbed_id),
            )
        case CustomerAbsorbed(survivor_id=survivor_id):
            return replace(customer, absorbed_by=survivor_id)
        case CustomerReleased():
            return replace(customer, absorbed_by=None)
        case CustomerWentSilent() | CustomerNeglected():
            return customer
        case ConsentGiven(contact_id=contact_id, channel=channel, purpose=purpose):
            return replace(customer, consents=customer.consents | {(contact_id, channel, purpose)})
        case ConsentWithdrawn(contact_id=contact_id, channel=channel, purpose=purpose):
            return replace(customer, consents=customer.consents - {(contact_id, channel, purpose)})
        case _:
            assert_never(event)


def _with_status(customer: Customer, event: CustomerStatusChanged) -> Customer:
    """A merge that raised the status remembers the former one until the status changes otherwise."""
    buys = event.to_status in (CustomerStatus.ACTIVE, CustomerStatus.SILENT)
    by_merge = next((m for m in customer.merges if m.absorbed_id == event.caused_by_id), None)
    if by_merge is not None:
        raised = replace(by_merge, status_before=event.from_status, bought=by_merge.bought or buys)
        merges = tuple(raised if m is by_merge else m for m in customer.merges)
        return replace(customer, status=event.to_status, merges=merges)
    if event.reason == UNMERGED:
        return replace(customer, status=event.to_status)
    merges = tuple(replace(m, status_before=None) for m in customer.merges)
    return replace(customer, status=event.to_status, has_bought=customer.has_bought or buys, merges=merges)


def _without(merges: Sequence[Merge], absorbed_id: UUID) -> tuple[Merge, ...]:
    """Forget a merge: what later merges found in its place is what it had found itself."""
    gone = next((m for m in merges if m.absorbed_id == absorbed_id), None)
    if gone is None:
        return tuple(merges)
    rest = [m for m in merges if m is not gone]
    later = range(merges.index(gone), len(rest))
    if gone.status_before is not None:
        heir = next((i for i in later if rest[i].status_before is not None), None)
        if heir is not None:
            rest[heir] = replace(rest[heir], status_before=gone.status_before)
    if gone.taken is not None and gone.replaced is not None:
        for i in later:
            rest[i] = replace(rest[i], replaced=_found_instead(rest[i].replaced, gone.taken, gone.replaced))
    return tuple(rest)


def _found_instead(
    replaced: ProfileChanges | None, taken: ProfileChanges, before: ProfileChanges
) -> ProfileChanges | None:
    if replaced is None:
        return None
    found, then, former = apply(Profile(), replaced), apply(Profile(), taken), apply(Profile(), before)
    for field in fine_fields(found, then, former):
        whole = field.partition(".")[0]
        both = whole in touched(replaced) and whole in touched(taken) and differs(then, former, field)
        if both and value_of(found, field) == value_of(then, field):
            found = with_value(found, field, value_of(former, field))
    return only(found, touched(replaced))


def _contact_of(event: ContactAdded | ContactRevised) -> Contact:
    return Contact(
        event.contact_id,
        event.name,
        event.position,
        event.decision_role,
        event.phones,
        event.emails,
        event.remark,
    )
