"""What takes back a change of a customer, an activity or a follow-up, by the decisions that people have too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from customer.domain import activity as activities
from customer.domain import follow_up as follow_ups
from customer.domain.activity import ActivityLogged, ActivityRetracted
from customer.domain.customer import (
    ConsentGiven,
    ConsentWithdrawn,
    Contact,
    ContactAdded,
    ContactRemoved,
    ContactRevised,
    Customer,
    CustomerAbsorbed,
    CustomerArchived,
    CustomerEvent,
    CustomerNeglected,
    CustomerRegistered,
    CustomerReleased,
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
from customer.domain.follow_up import (
    FollowUpCancelled,
    FollowUpDone,
    FollowUpDue,
    FollowUpHandedOver,
    FollowUpMoved,
    FollowUpPlanned,
)
from customer.domain.policy import Grade
from customer.domain.profile import differs, fine_fields, value_of, with_value
from kernel.reversals import WHOLE, Change, Irreversible, Reason, Taking, goes_along, stays, taken_back

REASON = "taken back"
STATUS, OWNER, LEVEL, PRIMARY = "status", "owner", "level", "primary_contact"
_CONTACT_FIELDS = ("name", "position", "decision_role", "phones", "emails", "remark")


# -- customers ---------------------------------------------------------------------


def _profile(before: Customer, after: Customer, event: CustomerEvent) -> Collection[str]:
    return {
        field for field in fine_fields(before.profile, after.profile) if differs(before.profile, after.profile, field)
    }


def _merge(before: Customer, after: Customer, event: CustomersMerged | CustomersUnmerged) -> Collection[str]:
    tags = {f"tag:{tag}" for tag in before.tags ^ after.tags}
    return {f"merge:{event.absorbed_id}", *_profile(before, after, event), *tags}


def _status(before: Customer, after: Customer, event: CustomerStatusChanged) -> Collection[str]:
    merged = event.caused_by_id if event.reason in ("merged", "un-merged") else None
    return {STATUS, f"merge:{merged}"} if merged else {STATUS}


def _level(before: Customer, after: Customer, event: LevelChanged) -> Collection[str]:
    return {LEVEL} if event.pinned or before.level_is_pinned else ()


def _tags(before: Customer, after: Customer, event: TagsChanged) -> Collection[str]:
    return {f"tag:{tag}" for tag in (*event.added, *event.removed)}


def _contact(before: Customer, after: Customer, event: ContactAdded | ContactRemoved) -> Collection[str]:
    was_primary = event.is_primary if isinstance(event, ContactAdded) else before.primary_contact_id == event.contact_id
    return {f"contact:{event.contact_id}", PRIMARY} if was_primary else {f"contact:{event.contact_id}"}


def _contact_fields(before: Customer, after: Customer, event: ContactRevised) -> Collection[str]:
    was, is_ = before.contact(event.contact_id), after.contact(event.contact_id)
    return {f"contact:{event.contact_id}.{f}" for f in _CONTACT_FIELDS if getattr(was, f) != getattr(is_, f)}


def _primary(before: Customer, after: Customer, event: PrimaryContactChanged) -> Collection[str]:
    follows = before.primary_contact_id is not None and before.contact(before.primary_contact_id) is None
    return () if follows else {PRIMARY}


def _registered(taking: Taking) -> list[CustomerEvent]:
    event: CustomerRegistered = taking.event
    customer: Customer = taking.now
    if customer.merges:
        raise Irreversible(Reason("absorbed_another", "it absorbed another customer: un-merge them first"))
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
        raise Irreversible(_TWO)
    if before is CustomerStatus.ARCHIVED:
        return customer.archive(REASON)
    if customer.status is CustomerStatus.ARCHIVED:
        return customer.restore(REASON)
    return customer.change_status(before, REASON)


def _owner_changed(taking: Taking) -> list[CustomerEvent]:
    if taking.before.owner_id is None:
        raise Irreversible(Reason("nobody_looked_after_it", "nobody looked after it before; give it to somebody"))
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
        raise Irreversible(Reason("contact_removed", "the contact was removed since"))
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
        raise Irreversible(
            Reason(
                "consents_went_with_him", "his consents went with him, and only he can give them again: add him and ask"
            )
        )
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
        raise Irreversible(Reason("primary_contact_gone", "the former primary contact is not there any more"))
    return customer.revise_contact(contact, True)


def _after(customer: Customer, events: list[CustomerEvent]) -> Customer:
    for event in events:
        customer = evolve(customer, event)
    return customer


_TWO = Reason(
    "two_customers", "two customers are concerned: un-merge or merge them, which takes all of it back at once"
)
_CONSENT = Reason("consent_is_his", "only he gives and withdraws his consents: ask him")

CUSTOMER: Mapping[type, Change] = {
    CustomerRegistered: taken_back(_registered, WHOLE),
    CustomerRevised: taken_back(_revised, _profile),
    CustomerStatusChanged: taken_back(_status_changed, _status),
    CustomerArchived: goes_along(),
    CustomerRestored: goes_along(),
    OwnerChanged: taken_back(_owner_changed, OWNER),
    LevelChanged: taken_back(_level_changed, _level),
    TagsChanged: taken_back(_tags_changed, _tags),
    ContactAdded: taken_back(_contact_added, _contact),
    ContactRevised: taken_back(_contact_revised, _contact_fields),
    ContactRemoved: taken_back(_contact_removed, _contact),
    PrimaryContactChanged: taken_back(_primary_changed, _primary),
    CustomersMerged: stays(_TWO, _merge),
    CustomersUnmerged: stays(_TWO, _merge),
    CustomerAbsorbed: stays(_TWO, "merge"),
    CustomerReleased: stays(_TWO, "merge"),
    CustomerWentSilent: goes_along(),
    CustomerNeglected: goes_along(),
    ConsentGiven: stays(_CONSENT, "consent"),
    ConsentWithdrawn: stays(_CONSENT, "consent"),
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
        raise Irreversible(Reason("nobody_was_to_do_it", "nobody was to do it before; give it to somebody"))
    follow_up: follow_ups.FollowUp = taking.now
    return follow_up.hand_over(taking.before.owner_id)


ACTIVITY: Mapping[type, Change] = {
    ActivityLogged: taken_back(_logged, WHOLE),
    ActivityRetracted: stays(Reason("retracted", "what was retracted is written down anew: log it again"), "state"),
}
FOLLOW_UP: Mapping[type, Change] = {
    FollowUpPlanned: taken_back(_planned, WHOLE),
    FollowUpMoved: taken_back(_moved, "due_at"),
    FollowUpHandedOver: taken_back(_handed_over, OWNER),
    FollowUpDue: goes_along(),
    FollowUpDone: stays(Reason("follow_up_done", "what was done was done: plan another follow-up"), "state"),
    FollowUpCancelled: stays(Reason("follow_up_called_off", "what was called off is planned anew"), "state"),
}
