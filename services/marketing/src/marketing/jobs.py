"""Sends messages, in the un-patched worker: asks who and where, what forbids it, and hands it over.

That a message leaves is committed before it does. If this process dies between, the next one finds it
dispatched, records that its outcome is lost, and leaves it to a person. In a backdated run nothing leaves
unless the installation says so: the message is recorded as sent in simulation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from kernel.errors import Unavailable
from kernel.ids import derived_id
from kernel.timers import Timer, Worker
from kernel.vault import ERASED
from marketing.application.loading import Tx, loaded
from marketing.application.mailings import try_again
from marketing.channels import Carrier, Channels, Outcome, Parcel
from marketing.config import MarketingSettings
from marketing.domain import message, template
from marketing.domain.form import FormSubmitted
from marketing.domain.message import Message, MessageState, WithholdReason
from marketing.domain.preference import Consent, Standing, reason_to_withhold
from marketing.domain.template import UNSUBSCRIBE, MessageChannel, Template, render
from marketing.projections import audience, messages, preferences
from marketing.tokens import Links


@dataclass(frozen=True, slots=True)
class Addressee:
    """Where a message goes, and what is filled in; known only while it is sent."""

    address: str = ""
    values: Mapping[str, str] | None = None
    gone: bool = False


class Courier:
    """Carries out the jobs `send_messages` and `tag_customer`."""

    def __init__(self, settings: MarketingSettings, channels: Channels, links: Links) -> None:
        self._settings = settings
        self._channels = channels
        self._links = links

    # -- sending -----------------------------------------------------------------

    def send_messages(self, timer: Timer, worker: Worker) -> None:
        ids = [UUID(send_id) for send_id in timer.payload["send_ids"]]
        with worker.transaction() as tx:
            outstanding = self._outstanding(tx, ids)
        if timer.timeline_id and not self._settings.send_backdated:
            for it in outstanding:
                with worker.transaction() as tx:
                    self._simulate(tx, it.planned.send_id)
            return
        addressees = self._addressees(worker, outstanding)
        for channel, its in _by_channel(outstanding):
            way_out = self._channels.get(channel)
            if way_out is None:
                for it in its:
                    with worker.transaction() as tx:
                        self._take_in_hand(tx, it.planned.send_id, Addressee(), configured=False)
                continue
            with way_out.opened() as carrier:
                for it in its:
                    self._send(worker, carrier, it, addressees.get(it.planned.send_id, Addressee()))

    def _outstanding(self, tx: Tx, ids: list[UUID]) -> list[Message]:
        """What is still to be sent. What is in hand belonged to a process that is gone: its outcome is lost."""
        found = []
        for send_id, history in tx.histories(ids).items():
            it = reduce(message.evolve, history, None)
            if it is None:
                continue
            if it.state is MessageState.DISPATCHED:
                tx.append(send_id, len(history), it.lose_outcome())
            elif it.outstanding:
                found.append(it)
        return found

    def _send(self, worker: Worker, carrier: Carrier, it: Message, to: Addressee) -> None:
        send_id = it.planned.send_id
        with worker.transaction() as tx:
            parcel = self._take_in_hand(tx, send_id, to)
        if parcel is None:
            return
        outcome, reply = carrier.deliver(parcel)
        with worker.transaction() as tx:
            sent, version = loaded(tx, send_id, message.evolve, Message)
            match outcome:
                case Outcome.TAKEN:
                    tx.append(send_id, version, sent.sent())
                case Outcome.REFUSED:
                    tx.append(send_id, version, sent.bounce(reply))
                case Outcome.REFUSED_FOR_NOW:
                    tx.append(send_id, version, sent.defer(reply))
                    if sent.attempts < message.MOST_ATTEMPTS:
                        try_again(tx, send_id, sent.attempts)
                case Outcome.UNKNOWN:
                    tx.append(send_id, version, sent.lose_outcome())
        if outcome is Outcome.UNKNOWN:
            raise Unavailable("the mail server went away")  # the rest of the batch goes by another session

    def _take_in_hand(self, tx: Tx, send_id: UUID, to: Addressee, configured: bool = True) -> Parcel | None:
        """Record that the message leaves now, or why it must not; return what to hand over."""
        it, version = loaded(tx, send_id, message.evolve, Message)
        if not it.outstanding:
            return None
        reason = self._reason_to_withhold(tx, it, to, configured)
        if reason is not None:
            tx.append(send_id, version, it.withhold(reason))
            return None
        message_ref = self._message_ref(send_id, it.attempts)
        tx.append(send_id, version, it.dispatch(message_ref))
        return self._parcel(tx, it, to, message_ref)

    def _simulate(self, tx: Tx, send_id: UUID) -> None:
        it, version = loaded(tx, send_id, message.evolve, Message)
        if not it.outstanding:
            return
        configured = it.planned.channel in self._channels
        reason = self._reason_to_withhold(tx, it, Addressee(address="simulated"), configured)
        if reason is not None:
            tx.append(send_id, version, it.withhold(reason))
            return
        dispatched = it.dispatch(self._message_ref(send_id, it.attempts))
        sent = reduce(message.evolve, dispatched, it).sent(simulated=True)
        tx.append(send_id, version, [*dispatched, *sent])

    def _reason_to_withhold(self, tx: Tx, it: Message, to: Addressee, configured: bool) -> WithholdReason | None:
        planned, channel = it.planned, it.planned.channel
        if it.is_test:
            policy = preferences.policy(tx.cursor)
            return reason_to_withhold(
                policy, Standing(consent=Consent.GIVEN, gone=to.gone, has_address=bool(to.address))
            )
        recipient_id = it.recipient_id
        if recipient_id is None:
            return WithholdReason.GONE
        # one at a time for one person, or two workers would both find room under the cap
        tx.cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, %s))", (str(recipient_id), int(channel)))
        policy = preferences.policy(tx.cursor)
        standing = Standing(
            silenced=preferences.is_silenced(tx.cursor, recipient_id, channel),
            consent=self._consent(tx, it),
            recent_messages=messages.recent(tx.cursor, recipient_id, channel, tx.effective_at, policy.window_days),
            gone=to.gone or audience.is_gone(tx.cursor, planned.customer_id, planned.contact_id),
            cancelled=messages.is_cancelled(tx.cursor, planned.mailing_id),
            channel_configured=configured,
            has_address=bool(to.address),
        )
        return reason_to_withhold(policy, standing)

    def _consent(self, tx: Tx, it: Message) -> Consent:
        planned = it.planned
        if planned.submission_id is not None:
            given = [e.consent_given for e in tx.history(planned.submission_id)]
            return Consent.GIVEN if any(given) else Consent.UNSAID
        return audience.consent_of(tx.cursor, planned.channel, planned.customer_id, planned.contact_id)

    def _message_ref(self, send_id: UUID, attempts: int) -> str:
        """The same for the same message always: a server that sees it twice can tell."""
        host = urlsplit(self._settings.public_url).hostname or "localhost"
        return f"<{derived_id(send_id, 'message').hex}@{host}>"

    def _parcel(self, tx: Tx, it: Message, to: Addressee, message_ref: str) -> Parcel:
        planned = it.planned
        words, _ = loaded(tx, planned.template_id, template.evolve, Template)
        values = {**planned.variables, **(to.values or {})}
        if it.is_test:
            rendered = render(words.at(planned.template_version), values)
            return Parcel(to.address, rendered, message_ref, tx.recorded_at)
        stop = self._links.unsubscribe(planned.send_id)
        rendered = render(
            words.at(planned.template_version),
            {**values, UNSUBSCRIBE: stop},
            lambda number: self._links.click(planned.send_id, number),
            self._links.open(planned.send_id),
        )
        return Parcel(to.address, rendered, message_ref, tx.recorded_at, stop)

    # -- who and where -----------------------------------------------------------

    def _addressees(self, worker: Worker, outstanding: list[Message]) -> dict[UUID, Addressee]:
        found: dict[UUID, Addressee] = {}
        to_ask: list[Message] = []
        for it in outstanding:
            planned = it.planned
            if it.is_test:
                gone = planned.test_address == ERASED
                found[planned.send_id] = Addressee("" if gone else planned.test_address, gone=gone)
            elif planned.channel not in self._channels:
                continue
            elif planned.submission_id is not None:
                with worker.transaction() as tx:
                    found[planned.send_id] = _of_submission(tx.history(planned.submission_id))
            else:
                to_ask.append(it)
        if to_ask:
            found |= self._ask_customer(worker, to_ask)
        return found

    def _ask_customer(self, worker: Worker, its: list[Message]) -> dict[UUID, Addressee]:
        """Ask the customer service: primary contacts in one call, any other contact in one of its own."""
        import grpc

        from crm.customer.v1 import customer_service_pb2 as asked
        from crm.customer.v1.customer_service_pb2_grpc import CustomerServiceStub

        stub = CustomerServiceStub(worker.peer("customer"))
        found: dict[UUID, Addressee] = {}
        try:
            ids = sorted({str(it.planned.customer_id) for it in its})
            answer = stub.BatchGetCustomers(asked.BatchGetCustomersRequest(customer_ids=ids))
            cards = {card.asked_id or card.customer_id: card for card in answer.cards}
            with worker.query() as cursor:
                primary: dict[UUID | None, UUID | None] = {
                    it.planned.customer_id: audience.primary_contact(cursor, it.planned.customer_id)[1]
                    for it in its
                    if it.planned.customer_id
                }
            for it in its:
                planned = it.planned
                card = cards.get(str(planned.customer_id))
                if card is None:
                    found[planned.send_id] = Addressee(gone=True)
                elif planned.contact_id in (None, primary.get(planned.customer_id)):
                    name = card.primary_contact_name or card.name
                    values = {"person_name": name, "company": card.name}
                    found[planned.send_id] = Addressee(_clean(card.email), _known(values))
                else:
                    request = asked.GetCustomerRequest(customer_id=card.customer_id)
                    contacts = stub.GetCustomer(request).contacts
                    contact = next((c for c in contacts if c.contact_id == str(planned.contact_id)), None)
                    if contact is None:
                        found[planned.send_id] = Addressee(gone=True)
                        continue
                    address = contact.emails[0] if contact.emails else ""
                    values = {"person_name": contact.name, "company": card.name}
                    found[planned.send_id] = Addressee(_clean(address), _known(values))
        except grpc.RpcError as error:
            code = error.code() if callable(getattr(error, "code", None)) else None
            if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise Unavailable("the customer service does not answer") from error
            raise
        return found

    # -- tagging -----------------------------------------------------------------

    def tag_customer(self, timer: Timer, worker: Worker) -> None:
        """Put a tag on a customer, on a journey's word. The job's request id makes it happen once."""
        from crm.customer.v1 import customer_service_pb2 as asked
        from crm.customer.v1.customer_service_pb2_grpc import CustomerServiceStub

        stub = CustomerServiceStub(worker.peer("customer"))
        customer_id, tag = timer.payload["customer_id"], timer.payload["tag"]
        stub.ChangeTags(asked.ChangeTagsRequest(customer_ids=[customer_id], add=[tag]))


def _by_channel(its: Iterable[Message]) -> list[tuple[MessageChannel, list[Message]]]:
    found: dict[MessageChannel, list[Message]] = {}
    for it in its:
        found.setdefault(it.planned.channel, []).append(it)
    return list(found.items())


def _of_submission(history: list[Any]) -> Addressee:
    submitted = next((event for event in history if isinstance(event, FormSubmitted)), None)
    if submitted is None or submitted.email == ERASED:
        return Addressee(gone=True)
    values = {"person_name": submitted.person_name, "company": submitted.company}
    return Addressee(_clean(submitted.email), _known(values))


def _known(values: Mapping[str, str]) -> dict[str, str]:
    """Only what is known: a forgotten name falls back to the template's default."""
    return {name: value for name, value in values.items() if value and value != ERASED}


def _clean(address: str) -> str:
    """An address that can only be one address; anything else is none."""
    address = address.strip()
    if address == ERASED or address.count("@") != 1 or any(c in address for c in "\r\n,;<> "):
        return ""
    return address
