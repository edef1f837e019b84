"""What one may ask about what people want to receive."""

from __future__ import annotations

from uuid import UUID

from kernel.auth import Caller
from kernel.errors import InvalidArgument, NotFound
from kernel.ids import derived_id
from marketing.application.loading import Tx, loaded
from marketing.application.mailings import Recipient
from marketing.domain import message, preference
from marketing.domain.message import Message
from marketing.domain.preference import ContactPolicy, Preference
from marketing.domain.template import MessageChannel
from marketing.projections import audience, forms

POLICY_ID = derived_id("contact policy")


def stream_of(recipient_id: UUID) -> UUID:
    """A person's wishes are a stream of their own."""
    return derived_id("preference", recipient_id)


class Preferences:
    def unsubscribe(self, tx: Tx, send_id: UUID) -> MessageChannel:
        """Take the recipient of a message out of its channel; return the channel. A test has no recipient."""
        it, _ = loaded(tx, send_id, message.evolve, Message)
        to, channel = it.planned, it.planned.channel
        if it.recipient_id is not None:
            stream = stream_of(it.recipient_id)
            known = tx.load(stream, preference.evolve)
            left = (known.state or Preference()).unsubscribe(
                it.recipient_id, channel, to.customer_id, to.contact_id, send_id, to.campaign_id
            )
            tx.append(stream, known.version, left)
        return channel

    def stop(self, tx: Tx, caller: Caller, who: Recipient, channel: MessageChannel) -> int:
        recipient_id = self._visible(tx, caller, who)
        known = tx.load(stream_of(recipient_id), preference.evolve)
        left = (known.state or Preference()).unsubscribe(recipient_id, channel, who.customer_id, who.contact_id)
        return tx.append(stream_of(recipient_id), known.version, left)

    def resume(self, tx: Tx, caller: Caller, who: Recipient, channel: MessageChannel) -> int:
        recipient_id = self._visible(tx, caller, who)
        known = tx.load(stream_of(recipient_id), preference.evolve)
        back = (known.state or Preference()).resubscribe(recipient_id, channel, who.customer_id, who.contact_id)
        return tx.append(stream_of(recipient_id), known.version, back)

    def set_policy(self, tx: Tx, wanted: ContactPolicy) -> int:
        known = tx.load(POLICY_ID, preference.evolve_policy)
        events = (known.state or ContactPolicy()).set(POLICY_ID, wanted)
        return tx.append(POLICY_ID, known.version, events)

    def _visible(self, tx: Tx, caller: Caller, who: Recipient) -> UUID:
        if who.id is None:
            raise InvalidArgument("contact_id", "name a contact, a customer or a submission")
        if who.contact_id and not who.customer_id:
            raise InvalidArgument("customer_id", "is required beside a contact")
        if who.submission_id and forms.submission(tx.cursor, caller, who.submission_id) is None:
            raise NotFound(f"there is no submission {who.submission_id}")
        if who.customer_id and not audience.visible(tx.cursor, caller, who.customer_id):
            raise NotFound(f"there is no customer {who.customer_id}")
        if (
            who.customer_id
            and who.contact_id
            and not audience.is_contact_of(tx.cursor, who.customer_id, who.contact_id)
        ):
            raise NotFound(f"customer {who.customer_id} has no contact {who.contact_id}")
        return who.id
