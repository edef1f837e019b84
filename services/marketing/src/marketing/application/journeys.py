"""What one may ask of journeys, and how a run is driven on by what happens and by time.

Whatever a step makes, a message, a coupon or a job, is written in the transaction that takes the step, under
an id that follows from the run and the step: taking it again is impossible, making it again harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from kernel.auth import Caller
from kernel.errors import NotFound
from kernel.ids import derived_id
from marketing.application.campaigns import require_campaign
from marketing.application.loading import Tx, loaded, owner_or_self, require_new
from marketing.application.mailings import (
    Occasion,
    Recipient,
    plan_messages,
    planned,
    scope_in,
    scope_of,
)
from marketing.domain import coupon, form, journey, journey_run, segment, template
from marketing.domain.coupon import CouponIssued
from marketing.domain.form import Form
from marketing.domain.journey import (
    Definition,
    Journey,
    JourneyState,
    StepKind,
    TriggerKind,
    define_journey,
)
from marketing.domain.journey_run import (
    JourneyEntered,
    JourneyStepTaken,
    LeaveReason,
    Run,
    RunEvent,
    Signal,
)
from marketing.domain.segment import Segment
from marketing.domain.template import MessageChannel, Template
from marketing.projections import audience, forms, journeys, segments

RESUME_RUN = "resume_run"
ENROL_SEGMENT = "enrol_segment"
TAG_CUSTOMER = "tag_customer"
_BATCH = 100
_LOOK_AGAIN_AFTER = timedelta(hours=1)
_LOOK_AGAIN_IN_SIMULATION = timedelta(days=1)  # months go by in minutes there


class Journeys:
    # -- the map -----------------------------------------------------------------

    def define(self, tx: Tx, caller: Caller, journey_id: UUID, owner_id: UUID | None, definition: Definition) -> int:
        require_new(tx, journey_id)
        self._check_references(tx, caller, definition)
        defined = define_journey(journey_id, owner_or_self(caller, owner_id), definition)
        return tx.append(journey_id, 0, defined)

    def revise(self, tx: Tx, caller: Caller, journey_id: UUID, definition: Definition, expected: int) -> int:
        it, version = loaded(tx, journey_id, journey.evolve, Journey, caller, expected)
        self._check_references(tx, caller, definition)
        after = tx.append(journey_id, version, it.revise(definition))
        if it.state is JourneyState.ACTIVE:
            self._let_in(tx, caller, journey_id, definition)
        return after

    def activate(self, tx: Tx, caller: Caller, journey_id: UUID, expected: int) -> int:
        it, version = loaded(tx, journey_id, journey.evolve, Journey, caller, expected)
        events = it.activate()
        if events:
            self._let_in(tx, caller, journey_id, it.definition)
        return tx.append(journey_id, version, events)

    def pause(self, tx: Tx, caller: Caller, journey_id: UUID, expected: int) -> int:
        it, version = loaded(tx, journey_id, journey.evolve, Journey, caller, expected)
        tx.cancel_timer(f"enrol:{journey_id}")
        return tx.append(journey_id, version, it.pause())

    def _check_references(self, tx: Tx, caller: Caller, definition: Definition) -> None:
        require_campaign(tx, definition.campaign_id)
        for step in definition.steps:
            if step.template_id is not None:
                words, _ = loaded(tx, step.template_id, template.evolve, Template)
                words.require_in_use()
        if definition.trigger_ref is not None and definition.trigger is TriggerKind.SEGMENT:
            to, _ = loaded(tx, definition.trigger_ref, segment.evolve, Segment, caller)
            to.require_in_use()
        if definition.trigger_ref is not None and definition.trigger is TriggerKind.FORM:
            loaded(tx, definition.trigger_ref, form.evolve, Form)

    def _let_in(self, tx: Tx, caller: Caller, journey_id: UUID, definition: Definition) -> None:
        if definition.trigger is TriggerKind.SEGMENT:
            payload = {"journey_id": str(journey_id), "after": "", "scope": scope_of(caller)}
            tx.set_timer(f"enrol:{journey_id}", ENROL_SEGMENT, tx.effective_at, payload)
        else:
            tx.cancel_timer(f"enrol:{journey_id}")

    # -- who comes in ------------------------------------------------------------

    def enter(self, tx: Tx, caller: Caller, journey_id: UUID, subjects: Sequence[Recipient]) -> tuple[int, int]:
        """Put people in by hand; return how many came in and how many did not."""
        it, _ = loaded(tx, journey_id, journey.evolve, Journey, caller)
        it.require_active()
        entered = 0
        for number, subject in enumerate(subjects):
            found = self._found(tx, caller, subject)
            if found and self.let_in(tx, it, found, f"{tx.cause.request_id}/{number}"):
                entered += 1
        return entered, len(subjects) - entered

    def _found(self, tx: Tx, caller: Caller, who: Recipient) -> Recipient | None:
        if who.submission_id is not None:
            known = forms.submission(tx.cursor, caller, who.submission_id)
            return Recipient(submission_id=who.submission_id) if known else None
        if who.customer_id is None or not audience.visible(tx.cursor, caller, who.customer_id):
            return None
        there, contact_id = audience.primary_contact(tx.cursor, who.customer_id)
        if who.contact_id and not audience.is_contact_of(tx.cursor, who.customer_id, who.contact_id):
            return None
        return Recipient(who.customer_id, who.contact_id or contact_id) if there else None

    def let_in(self, tx: Tx, it: Journey, who: Recipient, occasion: str) -> bool:
        """Begin a run, unless the person had one or, where one may come again, is in one now."""
        assert who.id is not None, "a run is of somebody"
        again = it.definition.reentry and it.definition.trigger is not TriggerKind.SEGMENT
        run_id = derived_id("journey run", it.id, who.id, occasion if again else "")
        if tx.history(run_id):
            return False
        if again and journeys.is_in(tx.cursor, it.id, who.id):
            return False
        entered = JourneyEntered(
            run_id,
            it.id,
            it.version,
            who.customer_id,
            who.contact_id,
            who.submission_id,
            it.definition.campaign_id,
            it.owner_id,
            tx.effective_at,
        )
        self._save(tx, it, Run(entered), 0, [entered])
        return True

    def let_in_by(self, tx: Tx, trigger: TriggerKind, ref: UUID | None, who: Recipient) -> None:
        """Begin a run in every active journey that this trigger opens."""
        for journey_id in journeys.active_for(tx.cursor, trigger, ref):
            it, _ = loaded(tx, journey_id, journey.evolve, Journey)
            self.let_in(tx, it, who, str(tx.cause.causation_id))

    def enrol(self, tx: Tx, payload: Mapping[str, Any]) -> None:
        """Let in the next batch of a segment's members who were never in; look again in an hour."""
        journey_id = UUID(payload["journey_id"])
        it, _ = loaded(tx, journey_id, journey.evolve, Journey)
        ref = it.definition.trigger_ref
        if it.state is not JourneyState.ACTIVE or it.definition.trigger is not TriggerKind.SEGMENT:
            return
        assert ref is not None, "a journey by segment names one"
        to, _ = loaded(tx, ref, segment.evolve, Segment)
        where, values = segments.reachable(to.filter, tx.effective_at, scope_in(payload))
        never_in = (
            " and not exists (select from journey_runs r where r.journey_id = %s and r.customer_id = a.customer_id)"
        )
        after = UUID(payload["after"]) if payload["after"] else None
        rows = audience.recipients(tx.cursor, where + never_in, [*values, journey_id], after, _BATCH)
        for row in rows:
            self.let_in(tx, it, Recipient(row["customer_id"], row["contact_id"]), "")
        full = len(rows) == _BATCH
        onwards = {**payload, "after": str(rows[-1]["customer_id"]) if full else ""}
        rest = _LOOK_AGAIN_IN_SIMULATION if tx.cause.timeline_id else _LOOK_AGAIN_AFTER
        due_at = tx.effective_at if full else tx.effective_at + rest
        tx.set_timer(f"enrol:{journey_id}", ENROL_SEGMENT, due_at, onwards)

    # -- the walk ----------------------------------------------------------------

    def tell(self, tx: Tx, run_id: UUID, signal: Signal) -> None:
        """Tell a run what happened, and let it go on."""
        run, version = loaded(tx, run_id, journey_run.evolve, Run)
        heard = run.hear(signal)
        if heard:
            it, _ = loaded(tx, run.entered.journey_id, journey.evolve, Journey)
            self._save(tx, it, run, version, heard)

    def resume(self, tx: Tx, run_id: UUID) -> None:
        """Let a run go on because its time has come."""
        run, version = loaded(tx, run_id, journey_run.evolve, Run)
        if not run.left:
            it, _ = loaded(tx, run.entered.journey_id, journey.evolve, Journey)
            self._save(tx, it, run, version, [])

    def take_out(self, tx: Tx, caller: Caller, run_id: UUID) -> int:
        if journeys.run(tx.cursor, caller, run_id) is None:
            raise NotFound(f"there is no run {run_id}")
        run, version = loaded(tx, run_id, journey_run.evolve, Run)
        tx.cancel_timer(f"run:{run_id}")
        return tx.append(run_id, version, run.leave(LeaveReason.TAKEN_OUT))

    def leave_silenced(self, tx: Tx, recipient_id: UUID, channel: MessageChannel) -> None:
        """End the person's runs that have nothing to send but by this channel."""
        for run_id in journeys.active_runs_of_recipient(tx.cursor, recipient_id):
            run, version = loaded(tx, run_id, journey_run.evolve, Run)
            it, _ = loaded(tx, run.entered.journey_id, journey.evolve, Journey)
            used = {
                loaded(tx, step.template_id, template.evolve, Template)[0].words.channel
                for step in it.at(run.entered.journey_version).steps
                if step.template_id is not None
            }
            if used == {channel}:
                tx.append(run_id, version, run.leave(LeaveReason.UNSUBSCRIBED))
                tx.cancel_timer(f"run:{run_id}")

    def _save(self, tx: Tx, it: Journey, run: Run, version: int, events: list[RunEvent]) -> None:
        """Go on from these events as far as possible; record everything and do what the steps say."""
        definition = it.at(run.entered.journey_version)
        for event in events:
            run = journey_run.evolve(run, event)
        fields = audience.fields_of(tx.cursor, self._customer_of(tx, run))
        before = run
        more = run.proceed(definition, tx.effective_at, fields, lambda step: derived_id(run.id, step))
        tx.append(run.id, version, [*events, *more])
        run = before
        for event in more:
            run = journey_run.evolve(run, event)
            if isinstance(event, JourneyStepTaken):
                self._do(tx, it, definition, run, event)
        if run.waiting_until is not None:
            tx.set_timer(f"run:{run.id}", RESUME_RUN, run.waiting_until, {"run_id": str(run.id)})
        else:
            tx.cancel_timer(f"run:{run.id}")

    def _customer_of(self, tx: Tx, run: Run) -> UUID | None:
        """The customer, also when the person became one after sending the form."""
        it = run.entered
        if it.customer_id is None and it.submission_id is not None:
            return audience.customer_of_submission(tx.cursor, it.submission_id)
        return it.customer_id

    def _do(self, tx: Tx, it: Journey, definition: Definition, run: Run, taken: JourneyStepTaken) -> None:
        step = definition.step(taken.step_id)
        assert step is not None, taken
        entered = run.entered
        if taken.kind is StepKind.SEND and taken.send_id and step.template_id:
            words, _ = loaded(tx, step.template_id, template.evolve, Template)
            to = Recipient(entered.customer_id, entered.contact_id, entered.submission_id)
            occasion = Occasion(
                campaign_id=definition.campaign_id,
                journey_id=it.id,
                run_id=run.id,
                step_id=step.step_id,
                owner_id=it.owner_id,
            )
            variables = self._coupon_variables(tx, run)
            plan_messages(tx, [planned(taken.send_id, to, occasion, words, words.version, variables)])
        elif taken.kind is StepKind.COUPON and taken.coupon_id and step.coupon_value:
            expires_on = (tx.effective_at + timedelta(days=step.coupon_valid_days)).date()
            issued = CouponIssued(
                taken.coupon_id,
                coupon.code_of(taken.coupon_id),
                step.coupon_value,
                expires_on,
                entered.customer_id,
                entered.contact_id,
                definition.campaign_id,
                run.id,
                it.owner_id,
            )
            tx.append(taken.coupon_id, 0, [issued])
        elif taken.kind is StepKind.TAG:
            customer_id = self._customer_of(tx, run)
            if customer_id is not None:
                payload = {"customer_id": str(customer_id), "tag": step.tag}
                key = f"tag:{derived_id(run.id, step.step_id)}"
                tx.set_timer(key, TAG_CUSTOMER, tx.effective_at, payload)

    def _coupon_variables(self, tx: Tx, run: Run) -> dict[str, str]:
        if run.coupon_id is None:
            return {}
        [issued] = tx.history(run.coupon_id)
        return {
            "coupon_code": issued.code,
            "coupon_value": f"{issued.value.major():f} {issued.value.currency_code}",
            "coupon_expires_on": issued.expires_on.isoformat(),
        }
