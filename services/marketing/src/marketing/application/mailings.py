"""What one may ask of mailings and messages, and how a mailing becomes messages.

A message is planned in the transaction that wants it, together with the job that will send it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kernel.auth import Caller, claims_of
from kernel.errors import DomainError, NotFound
from kernel.ids import derived_id
from marketing.application.campaigns import require_campaign
from marketing.application.loading import Tx, loaded, owner_or_self, require_new
from marketing.domain import mailing, message, segment, template
from marketing.domain.mailing import Mailing, MailingState, plan_mailing
from marketing.domain.message import Message, MessagePlanned
from marketing.domain.segment import Segment
from marketing.domain.template import MessageChannel, Template
from marketing.projections import audience, messages, segments

SEND_MESSAGES = "send_messages"
QUEUE_MAILING = "queue_mailing"
_BATCH = 200
_PER_JOB = 25
_DEFERRED_FOR = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A contact of a customer, the customer itself, or somebody who sent a form."""

    customer_id: UUID | None = None
    contact_id: UUID | None = None
    submission_id: UUID | None = None

    @property
    def id(self) -> UUID | None:
        return self.contact_id or self.submission_id or self.customer_id


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why a message is planned."""

    campaign_id: UUID | None = None
    mailing_id: UUID | None = None
    journey_id: UUID | None = None
    run_id: UUID | None = None
    step_id: str = ""
    owner_id: UUID | None = None


def planned(
    send_id: UUID,
    to: Recipient,
    occasion: Occasion,
    words: Template,
    template_version: int,
    variables: Mapping[str, str] | None = None,
    test_address: str = "",
) -> MessagePlanned:
    """The event that a message to somebody is to be sent."""
    return MessagePlanned(
        send_id=send_id,
        campaign_id=occasion.campaign_id,
        customer_id=to.customer_id,
        contact_id=to.contact_id,
        channel=words.words.channel,
        submission_id=to.submission_id,
        mailing_id=occasion.mailing_id,
        journey_id=occasion.journey_id,
        run_id=occasion.run_id,
        step_id=occasion.step_id,
        template_id=words.id,
        template_version=template_version,
        variables=dict(variables or {}),
        owner_id=occasion.owner_id,
        test_address=test_address,
    )


def plan_messages(tx: Tx, events: Sequence[MessagePlanned]) -> None:
    """Record messages and set the jobs that send them, a batch a job."""
    tx.append_all([(event.send_id, 0, event, None) for event in events])
    for start in range(0, len(events), _PER_JOB):
        ids = [event.send_id for event in events[start : start + _PER_JOB]]
        send_at(tx, ids, tx.effective_at)


def send_at(tx: Tx, send_ids: Sequence[UUID], due_at: datetime) -> None:
    """Set the job that sends these messages. The first one's id names the job: asked twice, it is one."""
    payload = {"send_ids": [str(send_id) for send_id in send_ids]}
    tx.set_timer(f"send:{send_ids[0]}", SEND_MESSAGES, due_at, payload)


def try_again(tx: Tx, send_id: UUID, attempts: int) -> None:
    """Set the job that tries a deferred message again: a minute later, then two, four, eight."""
    due_at = tx.effective_at + _DEFERRED_FOR * 2 ** max(attempts - 1, 0)
    tx.set_timer(f"again:{send_id}", SEND_MESSAGES, due_at, {"send_ids": [str(send_id)]})


def scope_in(payload: Mapping[str, Any]) -> Caller:
    """The data scope that a timer was set under."""
    claims = payload["scope"]
    return Caller(
        claims["kind"],
        claims["sub"],
        scope=claims["scope"],
        owners=tuple(UUID(owner) for owner in claims["owners"]),
    )


def scope_of(caller: Caller) -> dict[str, Any]:
    """The caller's data scope, for a timer's payload: what goes on later sees no more than he did."""
    claims = claims_of(caller)
    return {name: claims[name] for name in ("kind", "sub", "scope", "owners")}


class Mailings:
    def plan(
        self,
        tx: Tx,
        caller: Caller,
        mailing_id: UUID,
        name: str,
        campaign_id: UUID | None,
        segment_id: UUID,
        template_id: UUID,
        owner_id: UUID | None,
    ) -> int:
        require_new(tx, mailing_id)
        require_campaign(tx, campaign_id)
        to, _ = loaded(tx, segment_id, segment.evolve, Segment, caller)
        to.require_in_use()
        words, _ = loaded(tx, template_id, template.evolve, Template)
        words.require_in_use()
        return tx.append(
            mailing_id,
            0,
            plan_mailing(
                mailing_id,
                name,
                campaign_id,
                segment_id,
                template_id,
                words.words.channel,
                owner_or_self(caller, owner_id),
            ),
        )

    def launch(self, tx: Tx, caller: Caller, mailing_id: UUID, expected: int) -> int:
        it, version = loaded(tx, mailing_id, mailing.evolve, Mailing, caller, expected)
        words, _ = loaded(tx, it.template_id, template.evolve, Template)
        words.require_in_use()
        events = it.launch(words.version)
        if events:
            payload = {"mailing_id": str(mailing_id), "after": "", "scope": scope_of(caller)}
            tx.set_timer(f"queue:{mailing_id}", QUEUE_MAILING, tx.effective_at, payload)
        return tx.append(mailing_id, version, events)

    def cancel(self, tx: Tx, caller: Caller, mailing_id: UUID, reason: str, expected: int) -> int:
        it, version = loaded(tx, mailing_id, mailing.evolve, Mailing, caller, expected)
        return tx.append(mailing_id, version, it.cancel(reason))

    def queue(self, tx: Tx, payload: Mapping[str, Any]) -> None:
        """Plan the next batch of a launched mailing's messages; set the timer for the one behind it.

        Everybody who belongs to the segment when the batch is made gets one message, whatever is repeated:
        the message's id follows from the mailing and the customer.
        """
        mailing_id = UUID(payload["mailing_id"])
        it, version = loaded(tx, mailing_id, mailing.evolve, Mailing)
        if it.state is not MailingState.LAUNCHED:
            return
        to, _ = loaded(tx, it.segment_id, segment.evolve, Segment)
        words, _ = loaded(tx, it.template_id, template.evolve, Template)
        where, values = segments.reachable(to.filter, tx.effective_at, scope_in(payload))
        after = UUID(payload["after"]) if payload["after"] else None
        rows = audience.recipients(tx.cursor, where, values, after, _BATCH)
        occasion = Occasion(campaign_id=it.campaign_id, mailing_id=mailing_id, owner_id=it.owner_id)
        plan_messages(
            tx,
            [
                planned(
                    derived_id(mailing_id, row["customer_id"]),
                    Recipient(row["customer_id"], row["contact_id"]),
                    occasion,
                    words,
                    it.template_version,
                )
                for row in rows
            ],
        )
        if len(rows) == _BATCH:
            onwards = {**payload, "after": str(rows[-1]["customer_id"])}
            tx.set_timer(f"queue:{mailing_id}", QUEUE_MAILING, tx.effective_at, onwards)
        else:
            recipients = messages.count_of_mailing(tx.cursor, mailing_id)
            tx.append(mailing_id, version, it.queued(recipients))

    def send_test(self, tx: Tx, caller: Caller, template_id: UUID, address: str, variables: Mapping[str, str]) -> UUID:
        words, _ = loaded(tx, template_id, template.evolve, Template, caller)
        if words.words.channel is not MessageChannel.EMAIL:
            raise DomainError("only e-mail can be tested: no provider is configured for other channels")
        send_id = derived_id(template_id, "test", tx.cause.actor, tx.cause.request_id)
        occasion = Occasion(owner_id=caller.person_id)
        event = planned(send_id, Recipient(), occasion, words, words.version, variables, address)
        plan_messages(tx, [event])
        return send_id

    def resend(self, tx: Tx, caller: Caller, send_id: UUID) -> int:
        if messages.message(tx.cursor, caller, send_id) is None:
            raise NotFound(f"there is no message {send_id}")
        it, version = loaded(tx, send_id, message.evolve, Message)
        after = tx.append(send_id, version, it.requeue())
        send_at(tx, [send_id], tx.effective_at)
        return after

    def count_links(self, tx: Tx, caller: Caller, send_id: UUID) -> int:
        """How many counted links the message has, in the version that was sent."""
        if messages.message(tx.cursor, caller, send_id) is None:
            raise NotFound(f"there is no message {send_id}")
        it, _ = loaded(tx, send_id, message.evolve, Message)
        words, _ = loaded(tx, it.planned.template_id, template.evolve, Template)
        return len(template.links_of(words.at(it.planned.template_version).html_body))

    def open(self, tx: Tx, send_id: UUID) -> None:
        it, version = loaded(tx, send_id, message.evolve, Message)
        tx.append(send_id, version, it.open())

    def click(self, tx: Tx, send_id: UUID, link_number: int) -> str:
        """Note that a link was followed; return where it leads."""
        it, version = loaded(tx, send_id, message.evolve, Message)
        words, _ = loaded(tx, it.planned.template_id, template.evolve, Template)
        links = template.links_of(words.at(it.planned.template_version).html_body)
        if link_number >= len(links):
            raise NotFound("this link is not one of ours")
        link = links[link_number]
        tx.append(send_id, version, it.click(link_number, link.tag))
        return link.url
