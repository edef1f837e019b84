"""Whenever something happened elsewhere, or its time has come: what a customer makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from crm.erasure.v1 import erasure_events_pb2 as erasing
from crm.handover.v1 import handover_events_pb2 as handing_over
from crm.marketing.v1 import preference_events_pb2 as marketing
from crm.marketing.v1 import template_events_pb2 as marketing_templates
from crm.pipeline.v1 import lead_events_pb2 as leads
from crm.pipeline.v1 import opportunity_events_pb2 as opportunities
from crm.pipeline.v1 import order_events_pb2 as orders
from customer.application import FOLLOW_UP, GRADE, GRADE_ALL, NEGLECT, SILENCE, Customers
from customer.collaboration import SHARE_ENDS, Collaboration
from customer.domain.customer import evolve
from customer.erasures import ASK_AGAIN, ASK_LAST, Erasures
from customer.handovers import ASK_AGAIN as ASK_AGAIN_TO_HAND_OVER
from customer.handovers import LOOK_AGAIN, Handovers
from customer.projections.families import survivor
from customer.projections.order_totals import placed
from customer.retention import FORGET_NEXT, LOOK, Retention
from kernel.delivered import Delivered
from kernel.handed_over import RecordsHandedOver
from kernel.purged import KeptRecords, PersonPurged, SearchedTable
from kernel.store import Transaction
from kernel.timers import Timer, TimerHandler

Reaction = Callable[[Delivered, Transaction[Any]], None]

_CHANNELS = {
    marketing_templates.MESSAGE_CHANNEL_EMAIL: "email",
    marketing_templates.MESSAGE_CHANNEL_SMS: "sms",
    marketing_templates.MESSAGE_CHANNEL_WECOM: "wecom",
}


def reactions(customers: Customers, erasures: Erasures, handovers: Handovers) -> Mapping[type[Message], Reaction]:
    """Return what to do with which event of another context."""

    def when_opportunity_won(delivered: Delivered, tx: Transaction[Any]) -> None:
        won: Any = delivered.message
        if won.customer_id:
            customers.customer_bought(tx, UUID(won.customer_id), "opportunity won", UUID(won.opportunity_id))

    def when_order_confirmed(delivered: Delivered, tx: Transaction[Any]) -> None:
        order: Any = delivered.message
        if order.customer_id:
            placed_at = placed(order, delivered.metadata.effective_at)
            customers.order_confirmed(tx, UUID(order.customer_id), UUID(order.order_id), placed_at)

    def when_unsubscribed(delivered: Delivered, tx: Transaction[Any]) -> None:
        left: Any = delivered.message
        channel = _CHANNELS.get(left.channel, "")
        if not left.customer_id or not channel:
            return
        loaded = tx.load(survivor(tx.cursor, UUID(left.customer_id)), evolve)
        if loaded.state is not None:
            contact_id = UUID(left.contact_id) if left.contact_id else None
            events = loaded.state.withdraw_consent(contact_id, channel, "marketing", "unsubscribed")
            tx.append(loaded.state.id, loaded.version, events)

    def when_person_purged(delivered: Delivered, tx: Transaction[Any]) -> None:
        said: Any = delivered.message
        erasures.take(
            tx,
            PersonPurged(
                UUID(said.erasure_id),
                said.context,
                said.round,
                tuple(SearchedTable(it.table, it.rows) for it in said.searched),
                said.keys_destroyed,
                tuple(said.related_ids),
                tuple(said.destroyed_generations),
                tuple(KeptRecords(it.kind, it.records, it.free_on, it.basis) for it in said.kept),
            ),
        )

    def when_records_handed_over(delivered: Delivered, tx: Transaction[Any]) -> None:
        said: Any = delivered.message
        handovers.take(
            tx,
            RecordsHandedOver(
                UUID(said.handover_id),
                said.context,
                said.round,
                said.batch,
                said.kind,
                UUID(said.to_person_id) if said.to_person_id else None,
                tuple(said.record_ids),
                said.last,
                said.left,
            ),
        )

    def when_lead_forgotten(delivered: Delivered, tx: Transaction[Any]) -> None:
        """Somebody forgot a lead there: forget the person everywhere. An erasure's own doing begins none."""
        forgotten: Any = delivered.message
        if not forgotten.reason.startswith("erasure "):
            erasures.forget_person(tx, UUID(forgotten.lead_id), "lead_forgotten", "")

    return {
        erasing.PersonPurged: when_person_purged,
        handing_over.RecordsHandedOver: when_records_handed_over,
        leads.LeadForgotten: when_lead_forgotten,
        opportunities.OpportunityWon: when_opportunity_won,
        orders.OrderConfirmed: when_order_confirmed,
        marketing.Unsubscribed: when_unsubscribed,
    }


def timers(
    customers: Customers,
    erasures: Erasures,
    handovers: Handovers,
    collaboration: Collaboration,
    retention: Retention,
) -> Mapping[str, TimerHandler]:
    """Return what to do when its time has come."""

    def when_silence_is_over(timer: Timer, tx: Transaction[Any]) -> None:
        said = timer.payload
        customers.customer_falls_silent(
            tx,
            UUID(said["customer_id"]),
            datetime.fromisoformat(said["last_order_at"]),
            int(said["months"]),
        )

    def when_nobody_was_in_touch(timer: Timer, tx: Transaction[Any]) -> None:
        said = timer.payload
        customers.customer_is_neglected(tx, UUID(said["customer_id"]), datetime.fromisoformat(said["last_contact_at"]))

    def when_follow_up_is_due(timer: Timer, tx: Transaction[Any]) -> None:
        customers.follow_up_falls_due(tx, UUID(timer.payload["follow_up_id"]))

    def when_totals_have_settled(timer: Timer, tx: Transaction[Any]) -> None:
        said = timer.payload
        order_id = UUID(said["order_id"]) if said["order_id"] else None
        customers.grade_customer(tx, UUID(said["customer_id"]), order_id, int(said["tries"]))

    def when_level_rules_were_set(timer: Timer, tx: Transaction[Any]) -> None:
        after = timer.payload.get("after")
        customers.grade_next(tx, UUID(after) if after else None)

    def when_answers_are_late(timer: Timer, tx: Transaction[Any]) -> None:
        erasures.ask_again(tx, UUID(timer.payload["erasure_id"]), int(timer.payload["tries"]))

    def when_no_key_is_known_any_more(timer: Timer, tx: Transaction[Any]) -> None:
        erasures.ask_last(tx, UUID(timer.payload["erasure_id"]))

    def when_a_handover_takes_long(timer: Timer, tx: Transaction[Any]) -> None:
        handovers.ask_again(tx, UUID(timer.payload["handover_id"]), int(timer.payload["tries"]))

    def when_something_may_have_arrived_for_a_leaver(timer: Timer, tx: Transaction[Any]) -> None:
        handovers.look_again(tx, UUID(timer.payload["handover_id"]), int(timer.payload["looks"]))

    def when_a_share_ends(timer: Timer, tx: Transaction[Any]) -> None:
        collaboration.share_expires(tx, UUID(timer.payload["share_id"]))

    def when_the_next_are_to_be_forgotten(timer: Timer, tx: Transaction[Any]) -> None:
        retention.forget_next(tx, UUID(timer.payload["approval_id"]), int(timer.payload["done"]))

    def when_a_day_has_gone(timer: Timer, tx: Transaction[Any]) -> None:
        retention.look(tx)

    return {
        LOOK: when_a_day_has_gone,
        FORGET_NEXT: when_the_next_are_to_be_forgotten,
        SHARE_ENDS: when_a_share_ends,
        ASK_AGAIN_TO_HAND_OVER: when_a_handover_takes_long,
        LOOK_AGAIN: when_something_may_have_arrived_for_a_leaver,
        ASK_AGAIN: when_answers_are_late,
        ASK_LAST: when_no_key_is_known_any_more,
        SILENCE: when_silence_is_over,
        NEGLECT: when_nobody_was_in_touch,
        FOLLOW_UP: when_follow_up_is_due,
        GRADE: when_totals_have_settled,
        GRADE_ALL: when_level_rules_were_set,
    }
