"""What takes back a change of a customer, an activity or a follow-up, by the decisions that people have too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from customer.domain import activity as activities
from customer.domain import follow_up as follow_ups
from customer.domain.activity import ActivityLogged
from customer.domain.customer import (
    Contact,
    ContactAdded,
    ContactRemoved,
    ContactRevised,
    Customer,
    CustomerArchived,
    CustomerEvent,
    CustomerNeglected,
    CustomerRegistered,
    CustomerRestored,
    CustomerRevised,
    CustomersMerged,
    CustomerStatus,
    CustomerStatusChanged,
    CustomersUnmerged,
    CustomerWentSilent,
    LevelChanged,
    OwnerChanged,
    PrimaryContactChanged,
    TagsChanged,
    evolve,
)
from customer.domain.follow_up import FollowUpDue, FollowUpHandedOver, FollowUpMoved, FollowUpPlanned
from customer.domain.policy import Grade
from customer.domain.profile import Profile, differs, fine_fields, value_of, with_value
from kernel.reversals import WHOLE, Irreversible, TakeBack, Taking

REASON = "taken back"
STATUS, OWNER, LEVEL, PRIMARY = "status", "owner", "level", "primary_contact"
_CONTACT_FIELDS = ("name", "position", "decision_role", "phones", "emails", "remark")


def touches(before: Customer | None, after: Customer, event: CustomerEvent) -> Collection[str]:
    """Return the fields an event changed; none for what follows by itself."""
    if before is None:
        return {WHOLE}
    match event:
        case CustomerRevised():
            return _fields(before.profile, after.profile)
        case CustomersMerged(absorbed_id=absorbed) | CustomersUnmerged(absorbed_id=absorbed):
            tags = {f"tag:{tag}" for tag in before.tags ^ after.tags}
            return {f"merge:{absorbed}", *_fields(before.profile, after.profile), *tags}
        case CustomerStatusChanged(reason="merged" | "un-merged", caused_by_id=absorbed) if absorbed:
            return {STATUS, f"merge:{absorbed}"}
        case CustomerStatusChanged():
            return {STATUS}
        case OwnerChanged():
            return {OWNER}
        case LevelChanged(pinned=pinned):
            return {LEVEL} if pinned or before.level_is_pinned else ()
        case TagsChanged(added=added, removed=removed):
            return {f"tag:{tag}" for tag in (*added, *removed)}
        case ContactAdded(contact_id=contact_id, is_primary=is_primary):
            return {f"contact:{contact_id}", PRIMARY} if is_primary else {f"contact:{contact_id}"}
        case ContactRemoved(contact_id=contact_id):
            was_primary = before.primary_contact_id == contact_id
            return {f"contact:{contact_id}", PRIMARY} if was_primary else {f"contact:{contact_id}"}
        case ContactRevised(contact_id=contact_id):
            was, is_ = before.contact(contact_id), after.contact(contact_id)
            return {f"contact:{contact_id}.{f}" for f in _CONTACT_FIELDS if getattr(was, f) != getattr(is_, f)}
        case PrimaryContactChanged():
            follows = before.primary_contact_id is not None and before.contact(before.primary_contact_id) is None
            return () if follows else {PRIMARY}
        case CustomerArchived() | CustomerRestored() | CustomerNeglected() | CustomerWentSilent():
            return ()
        case _:
            return {_words(type(event))}


def _fields(before: Profile, after: Profile) -> set[str]:
    return {field for field in fine_fields(before, after) if differs(before, after, field)}


def touches_other(before: Any, after: Any, event: Any) -> Collection[str]:
    """As `touches`, for activities and follow-ups: small records, each thing that happens is one field."""
    match event:
        case ActivityLogged() | FollowUpPlanned():
            return {WHOLE}
        case FollowUpMoved():
            return {"due_at"}
        case FollowUpHandedOver():
            return {OWNER}
        case FollowUpDue():
            return ()
        case _:
            return {"state"}


def _words(kind: type) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in kind.__name__).strip()


# -- customers ---------------------------------------------------------------------


def _registered(taking: Taking) -> list[CustomerEvent]:
    event: CustomerRegistered = taking.event
    customer: Customer = taking.now
    if customer.merges:
        raise Irreversible("it absorbed another customer: un-merge them first")
    return customer.archive(REASON, reverts_import_id=event.import_id)


def _revised(taking: Taking) -> list[CustomerEvent]:
    profile = taking.now.profile
    for field in sorted(taking.fields):
        profile = with_value(profile, field, value_of(taking.before.profile, field))
    customer: Customer = taking.now
    return customer.revise(profile)


def _status_changed(taking: Taking) -> list[CustomerEvent]:
    before: CustomerStatus = taking.before.status
    customer: Customer = taking.now
    if any(field.startswith("merge:") for field in taking.fields):
        return _merged(taking)
    if before is CustomerStatus.ARCHIVED:
        return customer.archive(REASON)
    if customer.status is CustomerStatus.ARCHIVED:
        return customer.restore(REASON)
    return customer.change_status(before, REASON)


def _owner_changed(taking: Taking) -> list[CustomerEvent]:
    if taking.before.owner_id is None:
        raise Irreversible("nobody looked after it before; give it to somebody")
    customer: Customer = taking.now
    return customer.transfer(taking.before.owner_id, REASON)


def _level_changed(taking: Taking) -> list[CustomerEvent]:
    before: Customer = taking.before
    customer: Customer = taking.now
    if before.level_is_pinned:
        return customer.pin_level(before.level, REASON)
    return customer.release_level(Grade(before.level, *before.level_rule, REASON))


def _tags_changed(taking: Taking) -> list[CustomerEvent]:
    tags = {field.removeprefix("tag:") for field in taking.fields}
    customer: Customer = taking.now
    return customer.change_tags(tags & taking.before.tags, tags - taking.before.tags)


def _contact_added(taking: Taking) -> list[CustomerEvent]:
    event: ContactAdded = taking.event
    customer: Customer = taking.now
    if f"contact:{event.contact_id}" in taking.fields:
        events = customer.remove_contact(event.contact_id, REASON)
        before = taking.before.primary_contact_id
        if PRIMARY in taking.fields and events and before is not None:
            rest = _after(customer, events[:1])
            known = rest.contact(before)
            events = [events[0], *(rest.revise_contact(known, True) if known else events[1:])]
        return events
    return _primary_as(customer, taking.before)


def _contact_revised(taking: Taking) -> list[CustomerEvent]:
    event: ContactRevised = taking.event
    customer: Customer = taking.now
    was: Contact = taking.before.contact(event.contact_id)
    now = customer.contact(event.contact_id)
    if now is None:
        raise Irreversible("the contact was removed since")
    names = [field.rpartition(".")[2] for field in taking.fields]
    changes: dict[str, Any] = {name: getattr(was, name) for name in names}
    return customer.revise_contact(replace(now, **changes), False)


def _contact_removed(taking: Taking) -> list[CustomerEvent]:
    event: ContactRemoved = taking.event
    before: Customer = taking.before
    customer: Customer = taking.now
    if f"contact:{event.contact_id}" not in taking.fields:
        return _primary_as(customer, before)
    if any(contact_id == event.contact_id for contact_id, _, _ in before.consents):
        raise Irreversible("his consents went with him, and only he can give them again: add him and ask")
    was = before.contact(event.contact_id)
    assert was is not None, "only who is there is removed"
    return customer.add_contact(was, PRIMARY in taking.fields)


def _primary_changed(taking: Taking) -> list[CustomerEvent]:
    return _primary_as(taking.now, taking.before)


def _primary_as(customer: Customer, before: Customer) -> list[CustomerEvent]:
    if before.primary_contact_id is None:
        return []  # only the first contact of all has nobody before him
    contact = customer.contact(before.primary_contact_id)
    if contact is None:
        raise Irreversible("the former primary contact is not there any more")
    return customer.revise_contact(contact, True)


def _after(customer: Customer, events: list[CustomerEvent]) -> Customer:
    for event in events:
        customer = evolve(customer, event)
    return customer


def _merged(taking: Taking) -> list[CustomerEvent]:
    raise Irreversible("two customers are concerned: un-merge or merge them, which takes all of it back at once")


CUSTOMER: Mapping[type, TakeBack] = {
    CustomerRegistered: _registered,
    CustomerRevised: _revised,
    CustomerStatusChanged: _status_changed,
    OwnerChanged: _owner_changed,
    LevelChanged: _level_changed,
    TagsChanged: _tags_changed,
    ContactAdded: _contact_added,
    ContactRevised: _contact_revised,
    ContactRemoved: _contact_removed,
    PrimaryContactChanged: _primary_changed,
    CustomersMerged: _merged,
    CustomersUnmerged: _merged,
}


# -- activities and follow-ups -----------------------------------------------------


def _logged(taking: Taking) -> list[activities.ActivityEvent]:
    activity: activities.Activity = taking.now
    return activity.retract(REASON)


def _planned(taking: Taking) -> list[follow_ups.FollowUpEvent]:
    follow_up: follow_ups.FollowUp = taking.now
    return follow_up.cancel(REASON)


def _moved(taking: Taking) -> list[follow_ups.FollowUpEvent]:
    follow_up: follow_ups.FollowUp = taking.now
    return follow_up.move(taking.before.due_at)


def _handed_over(taking: Taking) -> list[follow_ups.FollowUpEvent]:
    if taking.before.owner_id is None:
        raise Irreversible("nobody was to do it before; give it to somebody")
    follow_up: follow_ups.FollowUp = taking.now
    return follow_up.hand_over(taking.before.owner_id)


ACTIVITY: Mapping[type, TakeBack] = {ActivityLogged: _logged}
FOLLOW_UP: Mapping[type, TakeBack] = {
    FollowUpPlanned: _planned,
    FollowUpMoved: _moved,
    FollowUpHandedOver: _handed_over,
}
