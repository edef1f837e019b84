"""Everything one may ask of the customer service. One method per command: load, ask, save."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from typing import Any
from uuid import UUID

from customer.domain import activity as activities
from customer.domain import follow_up as follow_ups
from customer.domain import group as groups
from customer.domain import policy as policies
from customer.domain.activity import ActivityKind, ActivityLogged, ActivityOutcome, Attachment
from customer.domain.customer import (
    Contact,
    Customer,
    CustomerEvent,
    CustomerKind,
    CustomerRevised,
    CustomersMerged,
    CustomerStatus,
    FieldChoice,
    LevelChanged,
    clashes,
    evolve,
    refuse_clashes,
    register,
)
from customer.domain.follow_up import FollowUp, FollowUpEvent, FollowUpPlanned
from customer.domain.group import CustomerGroupSaved
from customer.domain.policy import (
    ContactInterval,
    CustomerLevel,
    Grade,
    LevelRule,
    LevelRulesSet,
    Policy,
    months_after,
)
from customer.domain.profile import CUSTOM, FIELDS, Profile, value_of, with_value
from customer.domain.standards import Problem, Standards, check_contact_name, emails, tidy
from customer.projections import duplicates, order_totals
from customer.projections import follow_ups as follow_ups_view
from customer.projections import policies as policies_view
from customer.projections import search as search_view
from customer.projections.duplicates import Candidate, Sought
from customer.projections.families import survivor, survivors
from customer.projections.policies import POLICY_ID
from customer.projections.sight import sight
from kernel.auth import Caller
from kernel.errors import AlreadyExists, Forbidden, InvalidArgument, NotFound
from kernel.fields import Access, withheld
from kernel.ids import new_id
from kernel.store import Transaction
from kernel.vault import seal_bytes

SILENCE, NEGLECT, FOLLOW_UP, GRADE, GRADE_ALL = (
    "customer_silence",
    "customer_neglect",
    "follow_up_due",
    "customer_grade",
    "customers_grade",
)
"""Kinds of timers."""

MOST_TRANSFERRED = 1000
MOST_TAGGED = 500
_MOST_TAG_CHARACTERS = 50
_GRADED_AT_ONCE = 200
_LARGEST_FILE = 3_000_000
_SETTLE = timedelta(seconds=2)
_LATE_ENTRY_SETTLES = timedelta(minutes=5)
_RESERVED_TAGS = ("industry:", "region:", "size:", "intent:", "deal-band:", "level:", "status:")
_READ, _NAME = "customer.customer.read", frozenset({"name"})
CHANNELS = ("email", "sms", "phone", "wecom", "post")
PURPOSES = ("marketing", "service", "research")

Tx = Transaction[Any]


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """A customer as somebody typed it, not yet held against the standards."""

    kind: CustomerKind
    profile: Profile
    contacts: Sequence[tuple[Contact, bool]] = ()
    tags: Sequence[str] = ()
    source: str = ""
    owner_id: UUID | None = None
    external_ref: str = ""
    phone_region: str = ""


@dataclass(frozen=True, slots=True)
class NewActivity:
    """Something done with a customer, as somebody typed it."""

    kind: ActivityKind
    outcome: ActivityOutcome = ActivityOutcome.UNSPECIFIED
    contact_id: UUID | None = None
    content: str = ""
    result: str = ""
    attachments: tuple[Attachment, ...] = ()
    happened_at: datetime | None = None
    next_contact_at: datetime | None = None
    next_subject: str = ""
    completes_follow_up_id: UUID | None = None


class Customers:
    """The commands. Each runs in the transaction it is given and changes nothing when it refuses."""

    def __init__(self, standards: Standards) -> None:
        self.standards = standards

    # -- customers --

    def register_customer(
        self,
        tx: Tx,
        caller: Caller,
        new: NewCustomer,
        customer_id: UUID | None = None,
        allow_duplicates: bool = False,
    ) -> tuple[UUID, int, list[UUID]]:
        """Enter a customer; return its id, version and contacts' ids. An id that is there already is answered."""
        profile, contacts, tags = self.cleaned(new)
        if customer_id is not None and tx.history(customer_id):
            history, known = self._history(tx, caller, customer_id)
            return known.id, len(history), [contact.contact_id for contact in known.contacts]
        if not allow_duplicates:
            self._refuse_duplicates(tx, caller, new, profile, contacts)
        identity = customer_id or new_id()
        events = register(
            identity,
            new.kind,
            profile,
            new.owner_id or caller.person_id,
            tidy(new.source)[:100],
            tidy(new.external_ref)[:200],
            "",
            contacts,
            tags,
        )
        customer = fold(events)
        policy = self.policy(tx)
        events += customer.be_graded(self._grade(tx, customer, policy, policies.Cooperation()))
        version = tx.append(identity, 0, events)
        self.watch_contact(tx, fold(events), policy, tx.effective_at)
        return identity, version, [contact.contact_id for contact, _ in contacts]

    def revise_customer(
        self,
        tx: Tx,
        caller: Caller,
        customer_id: UUID,
        expected_version: int,
        raw: Profile,
        fields: Sequence[str],
        phone_region: str = "",
    ) -> int:
        """Change the named fields. Somebody else's change of the same field since then is a conflict."""
        history, customer = self._history(tx, caller, customer_id)
        if expected_version < 0 or expected_version > len(history):
            raise InvalidArgument("expected_version", f"the customer is at version {len(history)}")
        if not fields:
            raise InvalidArgument("fields", "names no field to change")
        chosen = [self._field(customer, name) for name in dict.fromkeys(fields)]
        wanted = customer.profile
        for field in chosen:
            if field == "custom_fields":
                wanted = replace(wanted, custom_fields=raw.custom_fields)
            else:
                wanted = with_value(wanted, field, value_of(raw, field))
        clean, problems = self.standards.clean(wanted, phone_region)
        if "employees" in chosen and not customer.profile.size_code:
            chosen.append("size_code")
        wanted = customer.profile
        for field in chosen:
            wanted = with_value(wanted, field, value_of(clean, field))
        about = {"name" if name == "person_name" else name.partition(".")[0] for name in chosen}
        _refuse([p for p in problems if p.field.split(".")[1].partition("[")[0] in about])
        if expected_version:
            then = fold(history[:expected_version])
            found = clashes(then, customer, wanted, [f for f in chosen if f != "custom_fields"])
            refuse_clashes(found, len(history))
        events = customer.revise(wanted)
        return self._save_graded(tx, customer, len(history), events)

    def archive_customer(self, tx: Tx, caller: Caller, customer_id: UUID, reason: str) -> int:
        """Put a customer away; nobody is reminded of it any more."""
        return self._change(tx, caller, customer_id, lambda it: it.archive(reason))

    def restore_customer(self, tx: Tx, caller: Caller, customer_id: UUID, reason: str) -> int:
        """Bring a customer back."""
        return self._change(tx, caller, customer_id, lambda it: it.restore(reason))

    def change_status(self, tx: Tx, caller: Caller, customer_id: UUID, to_status: CustomerStatus, reason: str) -> int:
        """Move a customer by hand."""
        return self._change(tx, caller, customer_id, lambda it: it.change_status(to_status, reason))

    def change_tags(
        self,
        tx: Tx,
        caller: Caller,
        customer_ids: Sequence[UUID],
        add: Sequence[str],
        remove: Sequence[str],
    ) -> int:
        """Put tags on customers and take others off; return how many changed."""
        if not 1 <= len(customer_ids) <= MOST_TAGGED:
            raise InvalidArgument("customer_ids", f"names 1 to {MOST_TAGGED} customers")
        added, removed = clean_tags(add, "add"), [tidy(tag) for tag in remove]
        return self._change_all(tx, caller, customer_ids, lambda customer: customer.change_tags(added, removed))

    def transfer_customers(
        self,
        tx: Tx,
        caller: Caller,
        customer_ids: Sequence[UUID],
        from_owner_id: UUID | None,
        to_owner_id: UUID,
        reason: str,
    ) -> tuple[int, int]:
        """Give customers, with their open follow-ups, to another owner; return how many, and how many are left."""
        remaining = 0
        if customer_ids:
            if len(customer_ids) > MOST_TRANSFERRED:
                raise InvalidArgument("customer_ids", f"names at most {MOST_TRANSFERRED} customers")
            ids = list(customer_ids)
        elif from_owner_id is not None:
            if from_owner_id == to_owner_id:
                raise InvalidArgument("to_owner_id", "is the owner already")
            if not caller.sees(from_owner_id):
                raise NotFound(f"no customers of {from_owner_id}")
            ids, in_all = search_view.ids_of_owner(tx.cursor, from_owner_id, MOST_TRANSFERRED)
            remaining = in_all - len(ids)
        else:
            raise InvalidArgument("customer_ids", "name customers, or the owner whose customers to take")
        owners: dict[UUID, UUID | None] = {}

        def decide(customer: Customer) -> list[CustomerEvent]:
            owners[customer.id] = customer.owner_id
            return customer.transfer(to_owner_id, reason)

        transferred = self._change_all(tx, caller, ids, decide)
        self._hand_over_follow_ups(tx, owners, to_owner_id)
        return transferred, remaining

    def _hand_over_follow_ups(self, tx: Tx, owners: dict[UUID, UUID | None], to_owner_id: UUID) -> None:
        rows = [
            row
            for row in follow_ups_view.open_of(tx.cursor, list(owners))
            if row["owner_id"] == owners[row["customer_id"]]
        ]
        histories = tx.histories([row["follow_up_id"] for row in rows])
        events: list[tuple[UUID, int, Any, datetime | None]] = []
        for stream, history in histories.items():
            state = reduce(follow_ups.evolve, history, None)
            if state is not None:
                decided = state.hand_over(to_owner_id)
                events += [(stream, len(history), event, None) for event in decided]
        tx.append_all(events)

    def assign_level(self, tx: Tx, caller: Caller, customer_id: UUID, level: CustomerLevel, reason: str) -> int:
        """Pin a level by hand, or release it to the rules."""
        history, customer = self.owned(tx, caller, customer_id)
        if level is CustomerLevel.UNSPECIFIED:
            events = customer.release_level(self._grade(tx, customer, self.policy(tx)))
        else:
            events = customer.pin_level(level, reason)
        return self._save(tx, customer, len(history), events)

    # -- contacts and consents --

    def add_contact(
        self,
        tx: Tx,
        caller: Caller,
        customer_id: UUID,
        contact: Contact,
        is_primary: bool,
        phone_region: str = "",
    ) -> int:
        """Add a contact."""
        history, customer = self._history(tx, caller, customer_id)
        clean = self._one_contact(contact, phone_region, customer.profile.region_code)
        return self._save(tx, customer, len(history), customer.add_contact(clean, is_primary))

    def revise_contact(
        self,
        tx: Tx,
        caller: Caller,
        customer_id: UUID,
        contact: Contact,
        is_primary: bool,
        phone_region: str = "",
    ) -> int:
        """Change a contact, of the customer or of one it absorbed."""
        history, customer = self._holder(tx, caller, customer_id, contact.contact_id)
        clean = self._one_contact(contact, phone_region, customer.profile.region_code)
        return self._save(tx, customer, len(history), customer.revise_contact(clean, is_primary))

    def remove_contact(self, tx: Tx, caller: Caller, customer_id: UUID, contact_id: UUID, reason: str) -> int:
        """Take a contact off."""
        history, customer = self._holder(tx, caller, customer_id, contact_id)
        return self._save(tx, customer, len(history), customer.remove_contact(contact_id, reason))

    def give_consent(
        self,
        tx: Tx,
        caller: Caller,
        customer_id: UUID,
        contact_id: UUID | None,
        channel: str,
        purpose: str,
        source: str,
        wording: str = "",
    ) -> int:
        """Write a consent down, with the words that were agreed to."""
        _refuse_unknown("channel", channel, CHANNELS)
        _refuse_unknown("purpose", purpose, PURPOSES)
        history, customer = self._holder(tx, caller, customer_id, contact_id)
        events = customer.give_consent(contact_id, channel, purpose, source, wording)
        return self._save(tx, customer, len(history), events)

    def withdraw_consent(
        self,
        tx: Tx,
        caller: Caller,
        customer_id: UUID,
        contact_id: UUID | None,
        channel: str,
        purpose: str,
        source: str,
    ) -> int:
        """Write down that a consent was taken back."""
        history, customer = self._holder(tx, caller, customer_id, contact_id)
        events = customer.withdraw_consent(contact_id, channel, purpose, source)
        return self._save(tx, customer, len(history), events)

    # -- activities and follow-ups --

    def log_activity(self, tx: Tx, caller: Caller, customer_id: UUID, new: NewActivity) -> tuple[UUID, UUID | None]:
        """Write down what was done, and plan the next contact; return both ids."""
        _, customer = self._history(tx, caller, customer_id)
        if new.kind is ActivityKind.UNSPECIFIED:
            raise InvalidArgument("kind", "is required: a call, a visit, an e-mail, …")
        happened_at = new.happened_at or tx.effective_at
        if happened_at > tx.effective_at + timedelta(minutes=5):
            raise InvalidArgument("happened_at", "lies ahead; plan a follow-up instead")
        if not (new.content.strip() or new.result.strip() or new.attachments):
            raise InvalidArgument("content", "is required: say what was done, or attach a file")
        self._require_contact(tx, customer, new.contact_id)
        for i, attachment in enumerate(new.attachments):
            self._require_file(tx, attachment, f"attachments[{i}]")
        activity_id, follow_up_id = new_id(), None
        if new.next_contact_at is not None:
            follow_up_id = self._plan(
                tx,
                customer,
                new.contact_id,
                new.next_contact_at,
                new.next_subject,
                "",
                caller.person_id or customer.owner_id,
                activity_id,
                "next_contact_at",
            )
        tx.append(
            activity_id,
            0,
            [
                ActivityLogged(
                    activity_id,
                    customer.id,
                    new.contact_id,
                    new.contact_id or customer.id,
                    new.kind,
                    new.outcome,
                    caller.person_id or customer.owner_id,
                    happened_at,
                    new.content.strip()[:20_000],
                    new.result.strip()[:2_000],
                    new.attachments,
                    follow_up_id,
                    "",
                )
            ],
        )
        if new.completes_follow_up_id is not None:
            self._change_follow_up(tx, caller, new.completes_follow_up_id, lambda it: it.complete(activity_id))
        if activities.was_a_contact(new.kind):
            self.watch_contact(tx, customer, self.policy(tx), happened_at)
        return activity_id, follow_up_id

    def plan_follow_up(
        self,
        tx: Tx,
        caller: Caller,
        customer_id: UUID,
        contact_id: UUID | None,
        due_at: datetime,
        subject: str,
        suggested_content: str,
        owner_id: UUID | None,
    ) -> UUID:
        """Plan a contact; its owner is reminded when it is due."""
        _, customer = self._history(tx, caller, customer_id)
        self._require_contact(tx, customer, contact_id)
        owner = owner_id or customer.owner_id or caller.person_id
        return self._plan(tx, customer, contact_id, due_at, subject, suggested_content, owner, None, "due_at")

    def move_follow_up(self, tx: Tx, caller: Caller, follow_up_id: UUID, due_at: datetime) -> None:
        """Move a follow-up to another time."""
        if due_at <= tx.effective_at:
            raise InvalidArgument("due_at", "lies behind; choose a time ahead")
        self._change_follow_up(tx, caller, follow_up_id, lambda it: it.move(due_at))
        self._set_follow_up_timer(tx, follow_up_id, due_at)

    def complete_follow_up(self, tx: Tx, caller: Caller, follow_up_id: UUID) -> None:
        """Tick a follow-up off."""
        self._change_follow_up(tx, caller, follow_up_id, lambda it: it.complete(None))

    def cancel_follow_up(self, tx: Tx, caller: Caller, follow_up_id: UUID, reason: str) -> None:
        """Call a follow-up off."""
        self._change_follow_up(tx, caller, follow_up_id, lambda it: it.cancel(reason))

    def follow_up_falls_due(self, tx: Tx, follow_up_id: UUID) -> None:
        """It is time: what to say is as planned, or made from what was said last."""
        loaded = tx.load(follow_up_id, follow_ups.evolve)
        if loaded.state is None:
            return
        row = tx.cursor.execute(
            "select content, details ->> 'result' as result from timeline"
            " where customer_id = %s and type = 'activity' order by effective_at desc, event_id desc limit 1",
            (loaded.state.customer_id,),
        ).fetchone()
        last_said = (row["result"] or row["content"]) if row else ""
        tx.append(follow_up_id, loaded.version, loaded.state.fall_due(last_said))

    # -- merging --

    def merge_customers(
        self,
        tx: Tx,
        caller: Caller,
        survivor_id: UUID,
        absorbed_id: UUID,
        choices: Sequence[FieldChoice],
    ) -> int:
        """Make two customers one."""
        history, into = self.owned(tx, caller, survivor_id)
        other = tx.load(absorbed_id, evolve)
        if other.state is None or not caller.sees(other.state.owner_id):
            raise NotFound(f"no customer {absorbed_id}")
        events = into.absorb(other.state, choices)
        version = tx.append(into.id, len(history), events)
        tx.append(absorbed_id, other.version, other.state.be_absorbed(into.id))
        self._grade_soon(tx, into.id, None)
        return version

    def unmerge_customers(self, tx: Tx, caller: Caller, survivor_id: UUID, absorbed_id: UUID, reason: str) -> int:
        """Take a merge back."""
        history, into = self.owned(tx, caller, survivor_id)
        other = tx.load(absorbed_id, evolve)
        if other.state is None:
            raise NotFound(f"no customer {absorbed_id}")
        version = tx.append(into.id, len(history), into.release(absorbed_id, reason))
        tx.append(absorbed_id, other.version, other.state.be_released(into.id))
        for identity in (into.id, absorbed_id):
            self._grade_soon(tx, identity, None)
        return max(version, self._bought_while_one(tx, into.id, absorbed_id))

    def _bought_while_one(self, tx: Tx, survivor_id: UUID, absorbed_id: UUID) -> int:
        """Whoever of the two ordered while they were one is active now; return the survivor's version if it is."""
        merged_on = max(
            recorded.metadata.effective_at.date()  # many orders tell no more than the day
            for recorded in tx.recorded(survivor_id)
            if isinstance(recorded.event, CustomersMerged) and recorded.event.absorbed_id == absorbed_id
        )
        versions = {}
        for identity in (survivor_id, absorbed_id):
            last_order_at = order_totals.cooperation(tx.cursor, identity).last_order_at
            loaded = tx.load(identity, evolve)
            if last_order_at is not None and last_order_at.date() >= merged_on and loaded.state is not None:
                events = loaded.state.buy("ordered while merged", survivor_id)
                versions[identity] = tx.append(identity, loaded.version, events)
        return versions.get(survivor_id, 0)

    # -- groups --

    def save_group(
        self,
        tx: Tx,
        caller: Caller,
        group_id: UUID | None,
        name: str,
        filter_json: str,
        shared: bool,
    ) -> UUID:
        """Save a filter under a name."""
        if group_id is None:
            identity = new_id()
            saved = CustomerGroupSaved(identity, name, filter_json, caller.person_id, shared)
            tx.append(identity, 0, [saved])
            return identity
        loaded = tx.load(group_id, groups.evolve)
        if loaded.state is None:
            raise NotFound(f"no group {group_id}")
        may_all = caller.may("customer.group.admin")
        events = loaded.state.save(name, filter_json, shared, caller.person_id, may_all)
        tx.append(group_id, loaded.version, events)
        return group_id

    def delete_group(self, tx: Tx, caller: Caller, group_id: UUID) -> None:
        """Throw a group away."""
        loaded = tx.load(group_id, groups.evolve)
        if loaded.state is None:
            raise NotFound(f"no group {group_id}")
        events = loaded.state.delete(caller.person_id, caller.may("customer.group.admin"))
        tx.append(group_id, loaded.version, events)

    # -- policy --

    def policy(self, tx: Tx) -> Policy:
        """Return the rules in force."""
        return reduce(policies.evolve, policies_view.in_force(tx.cursor), Policy())

    def set_level_rules(self, tx: Tx, rules: Sequence[LevelRule], default_level: CustomerLevel) -> int:
        """Set the level rules; every customer is graded anew, some at a time."""
        for i, rule in enumerate(rules):
            for name, dictionary in (
                ("industry_codes", self.standards.industries),
                ("region_codes", self.standards.regions),
                ("size_codes", self.standards.sizes),
            ):
                for code in getattr(rule, name):
                    if code not in dictionary:
                        raise InvalidArgument(f"rules[{i}].{name}", f"{code[:40]!r} is no code")
        loaded = tx.load(POLICY_ID, policies.evolve)
        policy = loaded.state or Policy()
        events = policy.set_level_rules(POLICY_ID, rules, default_level)
        self.save_policy(tx, POLICY_ID, policy, loaded.version, events)
        return policy.rule_set_version + len(events)

    def save_policy(self, tx: Tx, stream: UUID, state: Policy, version: int, events: Sequence[Any]) -> None:
        """Append what sets the policy; new level rules grade everybody anew."""
        tx.append(stream, version, events)
        if any(isinstance(event, LevelRulesSet) for event in events):
            tx.set_timer(GRADE_ALL, GRADE_ALL, tx.effective_at, {})

    def set_care_policy(self, tx: Tx, silent_after_months: int, intervals: Sequence[ContactInterval]) -> None:
        """Set how long customers may go unheard; it holds for contacts and orders from now on."""
        loaded = tx.load(POLICY_ID, policies.evolve)
        policy = loaded.state or Policy()
        tx.append(POLICY_ID, loaded.version, policy.set_care(POLICY_ID, silent_after_months, intervals))

    # -- what follows from time and from elsewhere --

    def customer_bought(self, tx: Tx, customer_id: UUID, reason: str, caused_by_id: UUID) -> None:
        """It signed or ordered: it is active from now on."""
        loaded = tx.load(survivor(tx.cursor, customer_id), evolve)
        if loaded.state is not None:
            events = loaded.state.buy(reason, caused_by_id)
            tx.append(loaded.state.id, loaded.version, events)

    def order_confirmed(self, tx: Tx, customer_id: UUID, order_id: UUID, placed_at: datetime) -> None:
        """An order makes a customer active, starts the silence clock anew, and may change its level."""
        identity = survivor(tx.cursor, customer_id)
        self.customer_bought(tx, identity, "order confirmed", order_id)
        known = order_totals.cooperation(tx.cursor, identity).last_order_at
        last_order_at = max(placed_at, known) if known else placed_at
        self._watch_silence(tx, identity, last_order_at)
        self._grade_soon(tx, identity, order_id)

    def _watch_silence(self, tx: Tx, customer_id: UUID, last_order_at: datetime) -> None:
        """A late entry outside a backdated run waits a little: the customer's next order may follow at once."""
        months = self.policy(tx).silent_after_months
        due_at = months_after(last_order_at, months)
        if not tx.cause.timeline_id:
            due_at = max(due_at, tx.recorded_at + _LATE_ENTRY_SETTLES)
        payload = {
            "customer_id": str(customer_id),
            "last_order_at": last_order_at.isoformat(),
            "months": months,
        }
        tx.set_timer(f"{SILENCE}:{customer_id}", SILENCE, due_at, payload)

    def customer_falls_silent(self, tx: Tx, customer_id: UUID, last_order_at: datetime, months: int) -> None:
        """The months are over; an order that came meanwhile starts them anew."""
        identity = survivor(tx.cursor, customer_id)
        known = order_totals.cooperation(tx.cursor, identity).last_order_at
        if known is not None and months_after(known, months) > tx.effective_at:
            self._watch_silence(tx, identity, known)
            return
        latest = max(last_order_at, known) if known else last_order_at
        loaded = tx.load(identity, evolve)
        if loaded.state is not None:
            tx.append(identity, loaded.version, loaded.state.fall_silent(latest, months))

    def watch_contact(self, tx: Tx, customer: Customer, policy: Policy, last_contact_at: datetime) -> None:
        """Have the owner reminded when nobody is in touch for as long as the level allows."""
        key = f"{NEGLECT}:{customer.id}"
        days = policy.days_without_contact(customer.level)
        if days == 0:
            tx.cancel_timer(key)
            return
        due_at = last_contact_at + timedelta(days=days)
        if due_at <= tx.effective_at:
            due_at = tx.effective_at + timedelta(days=days)
        payload = {"customer_id": str(customer.id), "last_contact_at": last_contact_at.isoformat()}
        tx.set_timer(key, NEGLECT, due_at, payload)

    def customer_is_neglected(self, tx: Tx, customer_id: UUID, last_contact_at: datetime) -> None:
        """Nobody has been in touch: say so, and again after as long again."""
        loaded = tx.load(customer_id, evolve)
        if loaded.state is None or loaded.state.absorbed_by is not None:
            return
        policy = self.policy(tx)
        days = policy.days_without_contact(loaded.state.level)
        row = tx.cursor.execute(
            "select last_contact_at from contact_times where customer_id = %s", (customer_id,)
        ).fetchone()
        latest = max(last_contact_at, row["last_contact_at"]) if row else last_contact_at
        if days and latest + timedelta(days=days) <= tx.effective_at:
            tx.append(customer_id, loaded.version, loaded.state.be_neglected(latest, days))
        self.watch_contact(tx, loaded.state, policy, latest)

    def _grade_soon(self, tx: Tx, customer_id: UUID, order_id: UUID | None) -> None:
        """Grade once the order totals have caught up; many orders in a row are one grading."""
        payload = {"customer_id": str(customer_id), "order_id": str(order_id or ""), "tries": 0}
        tx.set_timer(f"{GRADE}:{customer_id}", GRADE, tx.effective_at + _SETTLE, payload)

    def grade_customer(self, tx: Tx, customer_id: UUID, order_id: UUID | None, tries: int) -> None:
        """Grade a customer by the rules in force."""
        if order_id is not None and tries < 10 and not order_totals.knows(tx.cursor, order_id):
            payload = {
                "customer_id": str(customer_id),
                "order_id": str(order_id),
                "tries": tries + 1,
            }
            wait = _SETTLE * 2**tries
            tx.set_timer(f"{GRADE}:{customer_id}", GRADE, tx.effective_at + wait, payload)
            return
        self._grade_some(tx, [survivor(tx.cursor, customer_id)], self.policy(tx))

    def grade_next(self, tx: Tx, after: UUID | None) -> None:
        """Grade the next customers, and have the ones behind them graded."""
        ids = search_view.all_ids(tx.cursor, after, _GRADED_AT_ONCE)
        self._grade_some(tx, ids, self.policy(tx))
        if len(ids) == _GRADED_AT_ONCE:
            tx.set_timer(GRADE_ALL, GRADE_ALL, tx.effective_at, {"after": str(ids[-1])})

    def _grade_some(self, tx: Tx, ids: Sequence[UUID], policy: Policy) -> None:
        for history in tx.histories(ids).values():
            if not history:
                continue
            customer = fold(history)
            events = customer.be_graded(self._grade(tx, customer, policy))
            if events:
                self._save(tx, customer, len(history), events)

    def _grade(
        self,
        tx: Tx,
        customer: Customer,
        policy: Policy,
        cooperation: policies.Cooperation | None = None,
    ) -> Grade:
        so_far = cooperation or order_totals.cooperation(tx.cursor, customer.id)
        return policy.grade(
            customer.profile,
            so_far,
            tx.effective_at,
            self.standards.industries,
            self.standards.regions,
        )

    # -- files --

    def keep_file(self, tx: Tx, name: str, media_type: str, content: bytes) -> Attachment:
        """Store bytes under their hash, sealed under a key of their own."""
        if not content:
            raise InvalidArgument("content", "is empty")
        if len(content) > _LARGEST_FILE:
            raise InvalidArgument("content", f"has {len(content)} bytes; at most {_LARGEST_FILE} fit")
        sha256, file_id = hashlib.sha256(content).hexdigest(), new_id()
        sealed = seal_bytes(tx.key_of(str(file_id)), content, sha256)
        tx.cursor.execute(
            "insert into files (sha256, media_type, name, content, uploaded_at, file_id, size_bytes)"
            " values (%s, %s, %s, %s, %s, %s, %s) on conflict (sha256) do nothing",
            (sha256, media_type, name, sealed, tx.recorded_at, file_id, len(content)),
        )
        return Attachment(name, len(content), sha256, media_type)

    def _require_file(self, tx: Tx, attachment: Attachment, field: str) -> None:
        if not attachment.name:
            raise InvalidArgument(f"{field}.name", "is required")
        row = tx.cursor.execute(
            "select size_bytes as size from files where sha256 = %s", (attachment.sha256,)
        ).fetchone()
        if row is None:
            raise InvalidArgument(f"{field}.sha256", "names no stored file; upload it first")
        if row["size"] != attachment.size_bytes:
            raise InvalidArgument(f"{field}.size_bytes", f"the stored file has {row['size']} bytes")

    # -- standards --

    def cleaned(self, new: NewCustomer) -> tuple[Profile, list[tuple[Contact, bool]], list[str]]:
        """Hold what was typed against the standards; raise for the first problem."""
        profile, contacts, problems = self.clean_all(new)
        _refuse(problems)
        return profile, contacts, clean_tags(new.tags, "tags")

    def clean_all(
        self, new: NewCustomer, keep_unreadable_phones: bool = False
    ) -> tuple[Profile, list[tuple[Contact, bool]], list[Problem]]:
        """Hold what was typed against the standards; return every problem."""
        profile, problems = self.standards.clean(new.profile, new.phone_region, keep_unreadable_phones)
        contacts = []
        for i, (contact, is_primary) in enumerate(new.contacts):
            clean, wrong = self._contact(
                contact,
                new.phone_region,
                profile.region_code,
                f"contacts[{i}]",
                keep_unreadable_phones,
            )
            contacts.append((clean, is_primary))
            problems += wrong
        return profile, contacts, problems

    def _contact(
        self,
        contact: Contact,
        phone_region: str,
        region_code: str,
        field: str,
        keep_unreadable_phones: bool = False,
    ) -> tuple[Contact, list[Problem]]:
        problems: list[Problem] = []
        country = phone_region or self.standards.country_of(region_code)
        phones = self.standards.phones(contact.phones, country, f"{field}.phones", problems, keep_unreadable_phones)
        clean = replace(
            contact,
            name=check_contact_name(contact.name, f"{field}.name", problems),
            position=tidy(contact.position)[:100],
            phones=phones,
            emails=emails(contact.emails, f"{field}.emails", problems),
            remark=contact.remark.strip()[:2000],
        )
        return clean, problems

    def _one_contact(self, contact: Contact, phone_region: str, region_code: str) -> Contact:
        clean, problems = self._contact(contact, phone_region, region_code, "contact")
        _refuse(problems)
        return clean

    def _field(self, customer: Customer, name: str) -> str:
        if name == "name" and customer.kind is CustomerKind.PERSON:
            return "person_name"
        if name.startswith(CUSTOM) and len(name) > len(CUSTOM):
            return name
        if name in FIELDS and name != "person_name":
            return name
        raise InvalidArgument("fields", f"knows no field {name[:60]!r}")

    # -- duplicates --

    def sought(self, key: str, new: NewCustomer, profile: Profile, contacts: Sequence[tuple[Contact, bool]]) -> Sought:
        """Return what a customer is recognised by."""
        return Sought(
            key,
            profile.name,
            (*profile.phones, *(phone for contact, _ in contacts for phone in contact.phones)),
            (*profile.emails, *(email for contact, _ in contacts for email in contact.emails)),
            profile.credit_code,
            tidy(new.external_ref),
            tidy(new.source),
        )

    def _refuse_duplicates(
        self,
        tx: Tx,
        caller: Caller,
        new: NewCustomer,
        profile: Profile,
        contacts: Sequence[tuple[Contact, bool]],
    ) -> None:
        found = duplicates.candidates(tx.cursor, [self.sought("new", new, profile, contacts)])["new"]
        if found:
            raise AlreadyExists(
                "a customer like this is there already: "
                + "; ".join(told(candidate, caller) for candidate in found[:5])
                + ". Open one you see, or set allow_duplicates to register this one beside it"
            )

    # -- loading and saving --

    def seen(self, tx: Tx, caller: Caller, customer_id: UUID) -> Customer:
        """Return the customer that answers for an id, if the caller may see it."""
        return self._history(tx, caller, customer_id)[1]

    def _history(self, tx: Tx, caller: Caller, customer_id: UUID) -> tuple[list[CustomerEvent], Customer]:
        history = tx.history(survivor(tx.cursor, customer_id))
        customer = reduce(evolve, history, None)
        if customer is None or not (
            caller.sees(customer.owner_id) or sight(tx.cursor, caller).sees(customer.owner_id, customer.id)
        ):
            raise NotFound(f"no customer {customer_id}")
        return history, customer

    def owned(self, tx: Tx, caller: Caller, customer_id: UUID) -> tuple[list[CustomerEvent], Customer]:
        """Return a customer in the caller's own data scope; to see it as a member of its team is not enough."""
        history, customer = self._history(tx, caller, customer_id)
        if not caller.sees(customer.owner_id):
            raise Forbidden("as a member of the key account team you may not do this; ask the customer's owner")
        return history, customer

    def _holder(
        self, tx: Tx, caller: Caller, customer_id: UUID, contact_id: UUID | None
    ) -> tuple[list[CustomerEvent], Customer]:
        """Return the customer whose stream holds a contact: the one asked for, or one it absorbed."""
        history, customer = self._history(tx, caller, customer_id)
        if contact_id is None or customer.contact(contact_id) is not None:
            return history, customer
        holder = search_view.owner_of_contact(tx.cursor, contact_id)
        if holder is None or survivor(tx.cursor, holder) != customer.id:
            raise NotFound(f"customer {customer_id} has no contact {contact_id}")
        absorbed = tx.history(holder)
        return absorbed, fold(absorbed)

    def _require_contact(self, tx: Tx, customer: Customer, contact_id: UUID | None) -> None:
        if contact_id is None or customer.contact(contact_id) is not None:
            return
        holder = search_view.owner_of_contact(tx.cursor, contact_id)
        if holder is None or survivor(tx.cursor, holder) != customer.id:
            raise InvalidArgument("contact_id", f"customer {customer.id} has no contact {contact_id}")

    def _change(
        self,
        tx: Tx,
        caller: Caller,
        customer_id: UUID,
        decide: Callable[[Customer], list[CustomerEvent]],
    ) -> int:
        history, customer = self.owned(tx, caller, customer_id)
        return self._save(tx, customer, len(history), decide(customer))

    def _change_all(
        self,
        tx: Tx,
        caller: Caller,
        customer_ids: Sequence[UUID],
        decide: Callable[[Customer], list[CustomerEvent]],
    ) -> int:
        root_of = survivors(tx.cursor, list(customer_ids))
        histories = tx.histories(list(dict.fromkeys(root_of.values())))
        events: list[tuple[UUID, int, Any, datetime | None]] = []
        changed = 0
        for asked, root in root_of.items():
            if not histories.get(root):
                raise NotFound(f"no customer {asked}")
        for root, history in histories.items():
            customer = fold(history)
            if not caller.sees(customer.owner_id):
                raise NotFound(f"no customer {root}")
            decided = decide(customer)
            changed += bool(decided)
            events += [(root, len(history), event, None) for event in decided]
        tx.append_all(events)
        return changed

    def _save(self, tx: Tx, customer: Customer, version: int, events: Sequence[CustomerEvent]) -> int:
        """Append; another level allows another time without contact."""
        new_version = tx.append(customer.id, version, events)
        if any(isinstance(event, LevelChanged) for event in events):
            row = tx.cursor.execute(
                "select coalesce(nullif(t.last_contact_at, 'epoch'), c.registered_at) as at from customers c"
                " left join contact_times t on t.customer_id = c.customer_id where c.customer_id = %s",
                (customer.id,),
            ).fetchone()
            if row is not None:
                now = reduce(evolve, events, customer)
                self.watch_contact(tx, now, self.policy(tx), row["at"])
        return new_version

    def save_taken_back(self, tx: Tx, customer: Customer, version: int, events: list[CustomerEvent]) -> None:
        """Append what takes changes of a customer back."""
        if any(isinstance(event, CustomerRevised) for event in events):
            self._save_graded(tx, customer, version, events)
        else:
            self._save(tx, customer, version, events)

    def _save_graded(self, tx: Tx, customer: Customer, version: int, events: list[CustomerEvent]) -> int:
        """Append a revision and the level that follows from it."""
        if not events:
            return version
        now = reduce(evolve, events, customer)
        graded = now.be_graded(self._grade(tx, now, self.policy(tx)))
        return self._save(tx, customer, version, [*events, *graded])

    # -- follow-ups --

    def _plan(
        self,
        tx: Tx,
        customer: Customer,
        contact_id: UUID | None,
        due_at: datetime,
        subject: str,
        suggested_content: str,
        owner_id: UUID | None,
        activity_id: UUID | None,
        field: str,
    ) -> UUID:
        if due_at <= tx.effective_at:
            raise InvalidArgument(field, "lies behind; choose a time ahead")
        follow_up_id = new_id()
        planned = FollowUpPlanned(
            follow_up_id,
            customer.id,
            owner_id,
            due_at,
            subject.strip()[:500],
            contact_id,
            contact_id or customer.id,
            suggested_content.strip()[:5000],
            activity_id,
        )
        tx.append(follow_up_id, 0, [planned])
        self._set_follow_up_timer(tx, follow_up_id, due_at)
        return follow_up_id

    def save_follow_up(self, tx: Tx, follow_up: FollowUp, version: int, events: Sequence[FollowUpEvent]) -> None:
        """Append what changes a follow-up, and have it fall due in time."""
        tx.append(follow_up.id, version, events)
        now = reduce(follow_ups.evolve, events, follow_up)
        if now.due_at != follow_up.due_at:
            self._set_follow_up_timer(tx, follow_up.id, now.due_at)

    def _set_follow_up_timer(self, tx: Tx, follow_up_id: UUID, due_at: datetime) -> None:
        key = f"{FOLLOW_UP}:{follow_up_id}"
        tx.set_timer(key, FOLLOW_UP, due_at, {"follow_up_id": str(follow_up_id)})

    def _change_follow_up(
        self,
        tx: Tx,
        caller: Caller,
        follow_up_id: UUID,
        decide: Callable[[FollowUp], list[FollowUpEvent]],
    ) -> None:
        loaded = tx.load(follow_up_id, follow_ups.evolve)
        if loaded.state is None:
            raise NotFound(f"no follow-up {follow_up_id}")
        if not caller.sees(loaded.state.owner_id):
            self.seen(tx, caller, loaded.state.customer_id)
        tx.append(follow_up_id, loaded.version, decide(loaded.state))


def fold(history: Sequence[CustomerEvent]) -> Customer:
    """Return the customer that a history makes."""
    customer = reduce(evolve, history, None)
    assert customer is not None, "a customer's history is not empty"
    return customer


def told(candidate: Candidate, caller: Caller) -> str:
    """Describe a candidate; of one that the caller may not see, only that it is there and whom to ask."""
    alike = ", ".join(
        f"similar name {candidate.score:.2f}" if what == "name" else f"same {what.replace('_', ' ')}"
        for what in candidate.matched_on
    )
    if not caller.sees(candidate.owner_id):
        whom = f"its owner {candidate.owner_id}" if candidate.owner_id else "an administrator: nobody owns it"
        return f"one that you may not see ({alike}); ask {whom}"
    is_company = candidate.kind == int(CustomerKind.COMPANY)
    shows_name = is_company and withheld(caller.fields, _READ, _NAME).access.get("name", Access.EDIT) >= Access.VIEW
    name = f" {candidate.name!r}" if shows_name else ""
    return f"{candidate.customer_id}{name} ({alike})"


def clean_tags(raw: Sequence[str], field: str) -> list[str]:
    """Return the tags tidied; the preset dimensions are fields, and the deal band is never typed."""
    found: dict[str, None] = {}
    for i, text in enumerate(raw):
        tag = tidy(text)
        if not tag or len(tag) > _MOST_TAG_CHARACTERS:
            raise InvalidArgument(f"{field}[{i}]", f"must have 1 to {_MOST_TAG_CHARACTERS} characters")
        if tag.casefold().startswith(_RESERVED_TAGS):
            raise InvalidArgument(
                f"{field}[{i}]",
                f"{tag.partition(':')[0]!r} is a preset dimension: change the field; the deal band follows from orders",
            )
        found[tag] = None
    return list(found)


def _refuse(problems: Sequence[Problem]) -> None:
    for problem in problems:
        if problem.fatal:
            raise InvalidArgument(problem.field, problem.message)


def _refuse_unknown(field: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise InvalidArgument(field, f"{value[:40]!r} is none of {', '.join(known)}")
