"""What one may ask of forms, signed in or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from kernel.auth import Caller
from kernel.errors import TooMany
from kernel.ids import derived_id
from marketing.application.campaigns import require_campaign
from marketing.application.loading import Tx, loaded, owner_or_self, require_new
from marketing.application.mailings import Occasion, Recipient, plan_messages, planned
from marketing.domain import form, template
from marketing.domain.form import Form, FormSubmitted, Layout, ThankYou, Visit, draft_form
from marketing.domain.template import Template
from marketing.domain.touch import VISIT_KINDS, record_touch
from marketing.projections import forms

FORGET_ATTEMPTS = "forget_attempts"
_HOUR = timedelta(hours=1)


class Forms:
    def draft(self, tx: Tx, caller: Caller, form_id: UUID, owner_id: UUID | None, layout: Layout) -> int:
        require_new(tx, form_id)
        require_campaign(tx, layout.campaign_id)
        self._check_thanks(tx, layout.thank_you)
        return tx.append(form_id, 0, draft_form(form_id, owner_or_self(caller, owner_id), layout))

    def revise(self, tx: Tx, caller: Caller, form_id: UUID, layout: Layout, expected: int) -> int:
        it, version = loaded(tx, form_id, form.evolve, Form, caller, expected)
        require_campaign(tx, layout.campaign_id)
        self._check_thanks(tx, layout.thank_you)
        return tx.append(form_id, version, it.revise(layout))

    def publish(self, tx: Tx, caller: Caller, form_id: UUID, expected: int) -> int:
        it, version = loaded(tx, form_id, form.evolve, Form, caller, expected)
        return tx.append(form_id, version, it.publish())

    def withdraw(self, tx: Tx, caller: Caller, form_id: UUID, expected: int) -> int:
        it, version = loaded(tx, form_id, form.evolve, Form, caller, expected)
        return tx.append(form_id, version, it.withdraw())

    def submit(
        self,
        tx: Tx,
        form_id: UUID,
        submission_id: UUID,
        values: Mapping[str, str],
        visit: Visit,
        *,
        honeypot: str,
        shown_at: datetime | None,
        source: str,
    ) -> ThankYou:
        """Take what a visitor entered, once for each submission id, and say thank you.

        A filled honeypot is thanked and forgotten: a robot that learns nothing tries nothing else.
        `shown_at` and `source` are not checked when empty: only for work entered late by those who may.
        """
        it, _ = loaded(tx, form_id, form.evolve, Form)
        it.require_published()
        if honeypot or tx.history(submission_id):
            return it.layout.thank_you
        if shown_at is not None:
            it.check_pace(tx.recorded_at - shown_at)
        if source:
            self._count(tx, it, source)
        known = forms.behaviours_of_visitor(tx.cursor, visit.visitor_id)
        events = it.submit(submission_id, values, replace(visit, behaviours=[*visit.behaviours, *known]))
        tx.append(submission_id, 0, events)
        for event in events:
            self._thank(tx, it, event)
        return it.layout.thank_you

    def record_visit(
        self,
        tx: Tx,
        form_id: UUID,
        touch_id: UUID,
        visitor_id: UUID,
        kind: str,
        channel: str,
        utm: dict[str, str],
        source: str,
    ) -> None:
        it, _ = loaded(tx, form_id, form.evolve, Form)
        it.require_published()
        if tx.history(touch_id):
            return
        if source:
            self._count(tx, it, f"visit {source}", times=10)
        tx.append(
            touch_id,
            0,
            record_touch(
                touch_id,
                kind if kind in VISIT_KINDS else VISIT_KINDS[0],
                channel or it.layout.source_channel,
                campaign_id=it.layout.campaign_id,
                visitor_id=visitor_id,
                form_id=form_id,
                utm=utm,
            ),
        )

    def forget_attempts(self, tx: Tx, before: datetime) -> None:
        forms.forget_attempts(tx.cursor, before)

    def _count(self, tx: Tx, it: Form, source: str, times: int = 1) -> None:
        """Count one more attempt of this source; refuse it above the form's hourly limit."""
        hour = tx.recorded_at.replace(minute=0, second=0, microsecond=0)
        limit = it.layout.hourly_limit * times
        if forms.count_attempt(tx.cursor, source, it.id, hour) > limit:
            raise TooMany("this form was sent very often from here; come back in an hour")
        if not tx.cause.timeline_id:
            key = f"forget-attempts:{hour.isoformat()}"
            tx.set_timer(key, FORGET_ATTEMPTS, hour + 2 * _HOUR, {"before": (hour + _HOUR).isoformat()})

    def _thank(self, tx: Tx, it: Form, submitted: FormSubmitted) -> None:
        """Mail the thank-you template, if the form has one and the person left an address."""
        template_id = it.layout.thank_you.template_id
        if template_id is None or not submitted.email:
            return
        words, _ = loaded(tx, template_id, template.evolve, Template)
        if words.retired:
            return
        occasion = Occasion(campaign_id=submitted.campaign_id, owner_id=it.owner_id)
        to = Recipient(submission_id=submitted.submission_id)
        send_id = derived_id(submitted.submission_id, "thank you")
        plan_messages(tx, [planned(send_id, to, occasion, words, words.version)])

    def _check_thanks(self, tx: Tx, thanks: ThankYou) -> None:
        if thanks.template_id is not None:
            words, _ = loaded(tx, thanks.template_id, template.evolve, Template)
            words.require_in_use()
