"""An import: many customers at once, remembered so that it can be taken back as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from customer.domain.customer import (
    ContactAdded,
    Customer,
    CustomerEvent,
    CustomerNeglected,
    CustomerRegistered,
    CustomerRevised,
    CustomersMerged,
    CustomerStatus,
    CustomerStatusChanged,
    CustomerWentSilent,
    LevelChanged,
    TagsChanged,
    evolve,
)
from customer.domain.profile import Profile, fine_fields, touched, value_of, with_value
from kernel.reversals import Reason

IMPORTED = "imported"
"""The reason of a status that an import brought along."""


class RowOutcome(IntEnum):
    """What became of a row."""

    UNSPECIFIED = 0
    CREATED = 1
    SKIPPED = 2
    OVERWRITTEN = 3
    MERGED = 4
    REFUSED = 5


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """A row that was taken."""

    external_ref: str
    customer_id: UUID
    outcome: RowOutcome


@dataclass(frozen=True, slots=True)
class CustomersImported:
    import_id: str
    rows: tuple[ImportedRow, ...]


@dataclass(frozen=True, slots=True)
class CustomerImportReverted:
    import_id: str
    archived: int
    restored: int
    kept: int


ImportEvent = CustomersImported | CustomerImportReverted


def overwritten(now: Profile, row: Profile) -> Profile:
    """Return the profile with the row's values in place of its own; what the row leaves empty stays."""
    return _filled(now, row, lambda _, theirs: bool(theirs))


def completed(now: Profile, row: Profile) -> Profile:
    """Return the profile with the row's values where it has none."""
    return _filled(now, row, lambda mine, theirs: bool(theirs) and not mine)


def _filled(now: Profile, row: Profile, takes: Callable[[object, object], bool]) -> Profile:
    result = now
    for field in fine_fields(now, row):
        theirs = value_of(row, field)
        if takes(value_of(now, field), theirs):
            result = with_value(result, field, theirs)
    return result


@dataclass(frozen=True, slots=True)
class Undoing:
    """What taking an import back does to one customer."""

    events: list[CustomerEvent]
    archived: bool
    kept: list[str]


def undo(history: Sequence[CustomerEvent], import_id: str) -> Undoing:
    """Decide how to take an import back from one customer. What was changed since is kept and named."""
    customer: Customer | None = None
    before: dict[str, tuple[object, object]] = {}  # field -> (value before the import, value it set)
    later: list[str] = []
    touched_by_import = False
    tags_added: set[str] = set()
    contacts_added: list[UUID] = []
    for event in history:
        profile = customer.profile if customer else Profile()
        customer = evolve(customer, event)
        mine = getattr(event, "import_id", "") == import_id
        if mine:
            touched_by_import = True
        match event:
            case CustomerRevised() if mine:
                for field in fine_fields(profile, customer.profile):
                    if value_of(profile, field) != value_of(customer.profile, field):
                        first = before.get(field, (value_of(profile, field), None))[0]
                        before[field] = (first, value_of(customer.profile, field))
            case TagsChanged(added=added) if mine:
                tags_added |= set(added)
            case ContactAdded(contact_id=contact_id) if mine:
                contacts_added.append(contact_id)
            case CustomerRegistered():
                pass
            case _ if touched_by_import and not mine and not _follows_by_itself(event):
                later += _told(event)
    assert customer is not None, "an import names only customers that exist"
    registered = history[0]
    if customer.absorbed_by is not None:
        return Undoing([], False, [Reason("merged_away", "merged into another customer")])
    if isinstance(registered, CustomerRegistered) and registered.import_id == import_id:
        if customer.status is CustomerStatus.ARCHIVED:
            return Undoing([], False, [])
        if any(isinstance(event, CustomersMerged) for event in history):
            return Undoing([], False, [Reason("absorbed_since", "absorbed another customer")])
        if later:
            return Undoing([], False, sorted(set(later)))
        events = customer.archive("import taken back", reverts_import_id=import_id)
        return Undoing(events, True, [])
    return _restore(customer, import_id, before, tags_added, contacts_added)


def _restore(
    customer: Customer,
    import_id: str,
    before: dict[str, tuple[object, object]],
    tags_added: set[str],
    contacts_added: list[UUID],
) -> Undoing:
    if customer.status is CustomerStatus.ARCHIVED:
        return Undoing([], False, [Reason("archived_since", "archived")])
    kept: list[str] = []
    profile = customer.profile
    for field, (was, set_to) in before.items():
        if value_of(profile, field) == set_to:
            profile = with_value(profile, field, was)
        elif value_of(profile, field) != was:
            kept.append("name" if field == "person_name" else field)
    events = customer.revise(profile, reverts_import_id=import_id)
    events += customer.change_tags((), tags_added)
    current = customer
    for event in events:
        current = evolve(current, event)
    for contact_id in contacts_added:
        if current.contact(contact_id) is not None:
            for event in current.remove_contact(contact_id, "import taken back"):
                events.append(event)
                current = evolve(current, event)
    return Undoing(events, False, kept)


def _follows_by_itself(event: CustomerEvent) -> bool:
    """Whether nobody decided this: it followed from the import, or from time."""
    match event:
        case LevelChanged(pinned=pinned):
            return not pinned
        case CustomerStatusChanged(reason=reason):
            return reason == IMPORTED
        case CustomerNeglected() | CustomerWentSilent():
            return True
        case _:
            return False


def _told(event: CustomerEvent) -> list[str]:
    """Return what happened since, in a word each."""
    match event:
        case CustomerRevised(changes=changes):
            return touched(changes)
        case CustomerStatusChanged(to_status=status):
            return [Reason("status_since", f"status {status.name.lower()}")]
        case _:
            return [type(event).__name__]
