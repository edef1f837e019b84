"""Leads: take in, score, assign, work, convert. One transaction each, timers included."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from kernel.auth import Caller
from kernel.errors import DomainError, InvalidArgument
from kernel.store import Recorded
from pipeline.application.streams import (
    ASSIGNMENT_RULES,
    LEAD_STATUSES,
    POOL_POLICY,
    SCORING_RULES,
    Tx,
    loaded,
    lock,
    put,
    require_seen,
    today,
)
from pipeline.domain import lead as leads
from pipeline.domain import lead_rules as rules
from pipeline.domain.lead import Lead, LeadState
from pipeline.projections import workloads
from pipeline.projections.lead_people import LeadPeople

RECYCLE, POOL, REPLY = "recycle_lead", "assign_from_pool", "remind_of_reply"
CHECK_CUSTOMERS, CAPTURE = "check_customers", "capture_lead"
_LIVE = (LeadState.OPEN, LeadState.QUALIFIED, LeadState.NURTURING)
_MOST_SHOWN_DUPLICATES = 20


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """Everything assignment and scoring look up, read once per transaction."""

    scoring: rules.ScoringRulesDefined
    assignment: rules.AssignmentRulesDefined | None
    statuses: tuple[rules.LeadStatus, ...]
    policy: rules.LeadPoolPolicySet


def rules_in_force(histories: dict[UUID, list[Any]]) -> RulesInForce:
    """Take the last of each, or what a new installation begins with."""

    def last(stream: UUID) -> Any:
        history = histories.get(stream)
        return history[-1] if history else None

    statuses = last(LEAD_STATUSES)
    return RulesInForce(
        last(SCORING_RULES) or rules.DEFAULT_SCORING,
        last(ASSIGNMENT_RULES),
        statuses.statuses if statuses else rules.DEFAULT_STATUSES,
        last(POOL_POLICY) or rules.DEFAULT_POOL_POLICY,
    )


RULE_STREAMS = (SCORING_RULES, ASSIGNMENT_RULES, LEAD_STATUSES, POOL_POLICY)


@dataclass(frozen=True, slots=True)
class Captured:
    """What became of a capture."""

    lead: Lead
    version: int
    duplicate: bool
    reason: str


class Leads:
    def __init__(self, people: LeadPeople) -> None:
        self._people = people

    def in_force(self, tx: Tx) -> RulesInForce:
        return rules_in_force(tx.histories(RULE_STREAMS))

    # -- taking in ---------------------------------------------------------------

    def capture_lead(
        self,
        tx: Tx,
        captured: leads.LeadCaptured,
        owner_id: UUID | None = None,
        keep_duplicate: bool = False,
        at: datetime | None = None,
        in_force: RulesInForce | None = None,
    ) -> Captured:
        """Take a lead in. The same lead id again changes nothing; a known person with an open lead is a touch."""
        held = in_force or self.in_force(tx)
        known = tx.load(captured.lead_id, leads.evolve)
        if known.state is not None:
            return Captured(known.state, known.version, False, "captured before")
        if not any((captured.person_name, captured.phone, captured.email, captured.company)):
            raise InvalidArgument("lead", "needs a name, a phone, an e-mail address or a company")
        if not captured.source_channel:
            raise InvalidArgument("source_channel", "say where the lead came from")
        captured = replace(
            captured,
            behaviours=tuple(dict.fromkeys(filter(None, map(leads.behaviour_code, captured.behaviours)))),
            status_id=held.statuses[0].status_id,
        )
        lock(tx, "lead-capture")
        alike = self._people.alike(tx.cursor, captured.phone, captured.email, captured.company)
        if not keep_duplicate:
            for row in alike:
                if row["state"] in _LIVE and {"phone", "email"} & set(row["matched_on"]):
                    return self._touch_again(tx, row, captured, held, at)
        events: list[Any] = [captured]
        if alike:
            matches = tuple(
                leads.LeadMatch(row["lead_id"], tuple(row["matched_on"])) for row in alike[:_MOST_SHOWN_DUPLICATES]
            )
            events.append(leads.LeadDuplicatesFound(captured.lead_id, matches))
        lead = leads.evolve(None, captured)
        events += self._scored(lead, held)
        lead = _after(lead, events[1:])
        if owner_id is not None:
            given = rules.Choice(owner_id, "", 0, "given at capture")
            events += self._placed(lead, given, held, "unassigned")
        else:
            events += self._placed(lead, self._choose(tx, lead, held, at=at), held, "unassigned")
        lead = _after(lead, events)
        version = tx.append(captured.lead_id, 0, events, effective_at=at)
        self._set_timers(tx, lead, held.policy, at or tx.effective_at)
        if captured.phone or captured.email or captured.company:
            tx.set_timer(f"check-customers:{lead.id}", CHECK_CUSTOMERS, tx.effective_at, {"lead_id": str(lead.id)})
        return Captured(lead, version, False, _why(events))

    def _touch_again(
        self,
        tx: Tx,
        row: Any,
        captured: leads.LeadCaptured,
        held: RulesInForce,
        at: datetime | None,
    ) -> Captured:
        lead, version = loaded(tx, row["lead_id"], leads.evolve, "lead")
        matched_on = tuple(row["matched_on"])
        events = lead.touch_again(
            leads.LeadTouchedAgain(
                lead.id,
                captured.source_channel,
                captured.campaign_id,
                captured.submission_id,
                captured.utm,
                captured.first_touch_at,
                captured.behaviours,
                matched_on,
            )
        )
        lead = _after(lead, events)
        events += self._scored(lead, held)
        lead = _after(lead, events[1:])
        if lead.owner_id is None and lead.high_intent:
            placed = self._placed(lead, self._choose(tx, lead, held, at=at), held, lead.queue)
            events, lead = [*events, *placed], _after(lead, placed)
        version = tx.append(lead.id, version, events, effective_at=at)
        self._set_timers(tx, lead, held.policy, at or tx.effective_at)
        return Captured(lead, version, True, f"the same {' and '.join(matched_on)} as an open lead")

    def record_customer_matches(self, tx: Tx, lead_id: UUID, matches: Sequence[leads.CustomerMatch]) -> int:
        """Write down what the customer service knew of this person."""
        _, version = loaded(tx, lead_id, leads.evolve, "lead")
        return tx.append(lead_id, version, [leads.LeadCheckedAgainstCustomers(lead_id, tuple(matches))])

    # -- working -------------------------------------------------------------------

    def correct_lead(
        self, tx: Tx, caller: Caller, lead_id: UUID, given: Mapping[str, str], expected_version: int
    ) -> int:
        lead, version = loaded(tx, lead_id, leads.evolve, "lead", expected_version)
        self._require_visible(caller, lead)
        return self._save_scored(tx, lead, version, lead.correct(given))

    def put_right(self, tx: Tx, lead_id: UUID, given: Mapping[str, str], overwrite: bool) -> bool:
        """Take an import's details over; return whether that changed anything."""
        lead, version = loaded(tx, lead_id, leads.evolve, "lead")
        events = lead.correct(given) if overwrite else lead.fill_in(given)
        return self._save_scored(tx, lead, version, events) > version

    def change_status(self, tx: Tx, caller: Caller, lead_id: UUID, status_id: str) -> int:
        known = tuple(status.status_id for status in self.in_force(tx).statuses)
        return self._work(tx, caller, lead_id, lambda lead: lead.change_status(status_id, known))

    def observe_behaviour(self, tx: Tx, caller: Caller, lead_id: UUID, behaviour: str) -> tuple[Lead, int]:
        lead, version = loaded(tx, lead_id, leads.evolve, "lead")
        self._require_visible(caller, lead)
        held = self.in_force(tx)
        events = lead.observe(behaviour)
        lead = _after(lead, events)
        events += self._scored(lead, held)
        lead = _after(lead, events[1:])
        if lead.owner_id is None and lead.high_intent:
            placed = self._placed(lead, self._choose(tx, lead, held), held, lead.queue)
            events, lead = [*events, *placed], _after(lead, placed)
        version = tx.append(lead_id, version, events)
        self._set_timers(tx, lead, held.policy, tx.effective_at)
        return lead, version

    def log_contact(self, tx: Tx, caller: Caller, lead_id: UUID, kind: str, inbound: bool, note: str) -> int:
        version = self._work(tx, caller, lead_id, lambda lead: lead.log_contact(kind, inbound, note))
        days = self.in_force(tx).policy.reply_after_days
        if inbound or not days:
            tx.cancel_timer(f"reply:{lead_id}")
        else:
            due_at = tx.effective_at + timedelta(days=days)
            tx.set_timer(f"reply:{lead_id}", REPLY, due_at, {"lead_id": str(lead_id), "days": days})
        return version

    def plan_next_step(self, tx: Tx, caller: Caller, lead_id: UUID, subject: str, due_on: date) -> int:
        return self._work(tx, caller, lead_id, lambda lead: lead.plan(subject, due_on))

    def qualify_lead(self, tx: Tx, caller: Caller, lead_id: UUID, reason: str) -> int:
        return self._work(tx, caller, lead_id, lambda lead: lead.qualify(reason))

    def nurture_lead(self, tx: Tx, caller: Caller, lead_id: UUID, reason: str) -> int:
        return self._work(tx, caller, lead_id, lambda lead: lead.nurture(reason))

    def disqualify_lead(self, tx: Tx, caller: Caller, lead_id: UUID, reason: str) -> int:
        return self._work(tx, caller, lead_id, lambda lead: lead.disqualify(reason))

    def convert_lead(
        self,
        tx: Tx,
        caller: Caller,
        lead_id: UUID,
        customer_id: UUID,
        contact_id: UUID | None,
        opportunity_id: UUID | None,
    ) -> int:
        return self._work(tx, caller, lead_id, lambda lead: lead.convert(customer_id, contact_id, opportunity_id))

    def forget_lead(self, tx: Tx, lead_id: UUID, reason: str) -> int:
        """Destroy the person's key; the view's row goes with the event."""
        lead, version = loaded(tx, lead_id, leads.evolve, "lead")
        version = tx.append(lead_id, version, lead.forget(reason))
        tx.forget(str(lead_id))
        return version

    # -- changing hands --------------------------------------------------------------

    def assign_lead(
        self, tx: Tx, caller: Caller, lead_id: UUID, owner_id: UUID | None, reason: str
    ) -> tuple[Lead, int, str]:
        """Give the lead to a person, or have the rules decide again."""
        lead, version = loaded(tx, lead_id, leads.evolve, "lead")
        self._require_visible(caller, lead)
        held = self.in_force(tx)
        lock(tx, "lead-capture")
        if owner_id is not None:
            choice = rules.Choice(owner_id, "", 0, reason or "assigned by hand")
        else:
            choice = self._choose(tx, lead, held)
        events = self._placed(lead, choice, held, lead.queue or "unassigned")
        version = self._save(tx, lead, version, events)
        return _after(lead, events), version, _why(events) or "unchanged"

    def claim_lead(self, tx: Tx, caller: Caller, lead_id: UUID) -> int:
        person_id = caller.person_id
        if person_id is None:
            raise DomainError("only a person can claim a lead")
        lead, version = loaded(tx, lead_id, leads.evolve, "lead")
        return self._save(tx, lead, version, lead.claim(person_id))

    def return_lead(self, tx: Tx, caller: Caller, lead_id: UUID, reason: str) -> int:
        held = self.in_force(tx)

        def give_back(lead: Lead) -> list[leads.Event]:
            events = lead.give_back(reason)
            if events:
                events += lead.wait_in_pool("returned", held.policy.accountable_id, f"returned: {reason}")
            return events

        return self._work(tx, caller, lead_id, give_back)

    # -- what the clock does -----------------------------------------------------------

    def recycle_lead(self, tx: Tx, lead_id: UUID, idle_days: int) -> None:
        """Nobody worked it: into the pool, where somebody answers for it."""
        lead, version = loaded(tx, lead_id, leads.evolve, "lead")
        events = lead.recycle(idle_days)
        if events:
            policy = self.in_force(tx).policy
            why = f"not worked for {idle_days} days"
            self._save(tx, lead, version, [*events, *lead.wait_in_pool("recycled", policy.accountable_id, why)])

    def assign_from_pool(self, tx: Tx, lead_id: UUID) -> None:
        """Nobody claimed it: the rules assign it, but not to who had it last."""
        lead, version = loaded(tx, lead_id, leads.evolve, "lead")
        if lead.owner_id is not None or lead.state not in (LeadState.OPEN, LeadState.QUALIFIED):
            return
        held = self.in_force(tx)
        lock(tx, "lead-capture")
        excluded = frozenset([lead.last_owner_id] if lead.last_owner_id else [])
        choice = self._choose(tx, lead, held, excluded)
        events = self._placed(lead, choice, held, lead.queue) if choice.owner_id else []
        self._save(tx, lead, version, events)

    def remind_of_reply(self, tx: Tx, lead_id: UUID, days: int) -> None:
        lead, version = loaded(tx, lead_id, leads.evolve, "lead")
        tx.append(lead_id, version, lead.miss_reply(days, today(tx)))

    # -- the rules -----------------------------------------------------------------------

    def define_scoring_rules(self, tx: Tx, defined: rules.ScoringRulesDefined) -> int:
        version = len(tx.history(SCORING_RULES)) + 1
        events = rules.define_scoring(replace(defined, rule_set_id=SCORING_RULES, version=version))
        return tx.append(SCORING_RULES, version - 1, events)

    def define_assignment_rules(self, tx: Tx, defined: rules.AssignmentRulesDefined) -> int:
        version = len(tx.history(ASSIGNMENT_RULES)) + 1
        events = rules.define_assignment(replace(defined, rule_set_id=ASSIGNMENT_RULES, version=version))
        return tx.append(ASSIGNMENT_RULES, version - 1, events)

    def define_statuses(self, tx: Tx, statuses: tuple[rules.LeadStatus, ...]) -> int:
        return put(tx, LEAD_STATUSES, rules.define_statuses(LEAD_STATUSES, statuses))

    def set_pool_policy(self, tx: Tx, policy: rules.LeadPoolPolicySet) -> int:
        return put(tx, POOL_POLICY, rules.set_pool_policy(replace(policy, settings_id=POOL_POLICY)))

    def set_availability(self, tx: Tx, availability: rules.AgentAvailabilitySet) -> int:
        return put(tx, availability.person_id, rules.set_availability(availability))

    # -- parts -----------------------------------------------------------------------------

    def _work(self, tx: Tx, caller: Caller, lead_id: UUID, ask: Callable[[Lead], list[leads.Event]]) -> int:
        lead, version = loaded(tx, lead_id, leads.evolve, "lead")
        self._require_visible(caller, lead)
        return self._save(tx, lead, version, ask(lead))

    def save_taken_back(self, tx: Tx, lead: Lead, version: int, events: Sequence[Any]) -> None:
        """Append what takes changes of a lead back."""
        if any(isinstance(event, leads.LeadCorrected) for event in events):
            self._save_scored(tx, lead, version, list(events))
        else:
            self._save(tx, lead, version, events)

    def _save_scored(self, tx: Tx, lead: Lead, version: int, events: list[Any]) -> int:
        """Save what changed the facts, and the score that follows from it."""
        if not events:
            return version
        return self._save(tx, lead, version, [*events, *self._scored(_after(lead, events), self.in_force(tx))])

    def _save(self, tx: Tx, lead: Lead, version: int, events: Sequence[Any]) -> int:
        version = tx.append(lead.id, version, events)
        self._set_timers(tx, _after(lead, events), self.in_force(tx).policy, tx.effective_at)
        return version

    @staticmethod
    def _require_visible(caller: Caller, lead: Lead) -> None:
        if lead.owner_id is not None:
            require_seen(caller, lead.owner_id, "lead", lead.id)

    @staticmethod
    def _scored(lead: Lead, held: RulesInForce) -> list[Any]:
        score = rules.score(held.scoring, lead.facts())
        return lead.scored(
            leads.LeadScored(lead.id, score.score, score.high_intent, score.rule_set_version, score.reasons)
        )

    @staticmethod
    def _choose(
        tx: Tx,
        lead: Lead,
        held: RulesInForce,
        excluded: frozenset[UUID] = frozenset(),
        at: datetime | None = None,
    ) -> rules.Choice:
        return rules.choose(
            held.assignment,
            lead.facts(),
            workloads.workloads(tx.cursor, people_named(held.assignment)),
            workloads.last_turns(tx.cursor),
            at or tx.effective_at,
            excluded,
        )

    @staticmethod
    def _placed(lead: Lead, choice: rules.Choice, held: RulesInForce, queue: str) -> list[Any]:
        if choice.owner_id is None:
            if lead.queue or lead.owner_id is not None:
                return []
            return lead.wait_in_pool(queue, held.policy.accountable_id, choice.reason)
        return lead.assign(
            leads.LeadAssigned(
                lead.id,
                choice.owner_id,
                choice.rule_id,
                choice.rule_set_version,
                choice.reason,
                None,
                lead.high_intent,
                choice.fallback,
            )
        )

    @staticmethod
    def _set_timers(tx: Tx, lead: Lead, policy: rules.LeadPoolPolicySet, at: datetime) -> None:
        """Owned and unworked: recycled after a while. In the pool and unclaimed: assigned after a while."""
        live = lead.state in (LeadState.OPEN, LeadState.QUALIFIED)
        payload = {"lead_id": str(lead.id)}
        for key, kind, days, wanted in (
            (f"recycle:{lead.id}", RECYCLE, policy.recycle_after_days, lead.owner_id is not None),
            (f"pool:{lead.id}", POOL, policy.pool_assign_after_days, lead.owner_id is None),
        ):
            if live and wanted and days:
                tx.set_timer(key, kind, at + timedelta(days=days), payload | {"days": days})
            else:
                tx.cancel_timer(key)
        if not live:
            tx.cancel_timer(f"reply:{lead.id}")


def people_named(assignment: rules.AssignmentRulesDefined | None) -> set[UUID]:
    """Return everybody whom the rules may choose."""
    if assignment is None:
        return set()
    return {c.person_id for rule in (*assignment.rules, *assignment.priority_rules) for c in rule.candidates}


def assignments(history: Sequence[Recorded[Any]]) -> list[Recorded[Any]]:
    """Return the events by which a lead changed hands."""
    kinds = (leads.LeadAssigned, leads.LeadClaimed, leads.LeadQueued)
    return [recorded for recorded in history if isinstance(recorded.event, kinds)]


def _after(lead: Lead, events: Sequence[Any]) -> Lead:
    for event in events:
        lead = leads.evolve(lead, event)
    return lead


def _why(events: Sequence[Any]) -> str:
    for event in reversed(events):
        if isinstance(event, leads.LeadAssigned | leads.LeadQueued):
            return event.reason
    return ""
