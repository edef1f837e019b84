"""What takes back a change of campaigns, segments, templates, forms, journeys and mailings, by people's own decisions.

Nothing that has left, and nothing that people outside said or did, is taken back; and nothing is sent again because
of an undo.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import uuid5

from kernel.money import Money
from kernel.reversals import (
    WHOLE,
    Change,
    Irreversible,
    Reason,
    Taking,
    differing,
    goes_along,
    stays,
    taken_back,
    with_former,
)
from marketing.domain import (
    campaign,
    coupon,
    form,
    journey,
    journey_run,
    mailing,
    message,
    preference,
    segment,
    template,
    touch,
)
from marketing.domain.campaign import Campaign
from marketing.domain.form import Form, FormState
from marketing.domain.journey import Journey, JourneyState
from marketing.domain.journey_run import LeaveReason, Run
from marketing.domain.mailing import Mailing, MailingState
from marketing.domain.preference import ContactPolicy
from marketing.domain.segment import Segment
from marketing.domain.template import Template

REASON = "taken back"
STATE, OWNER = "state", "owner"


def _handed_back(taking: Taking) -> Sequence[Any]:
    now: Campaign | Segment | Template | Form | Journey | Mailing = taking.now
    return now.hand_over(taking.before.owner_id)


HANDED_OVER = taken_back(_handed_back, OWNER)


# -- campaigns ---------------------------------------------------------------------


def _planned(taking: Taking) -> Sequence[Any]:
    now: Campaign = taking.now
    if now.cost.minor_units:
        raise Irreversible(Reason("costs_booked", "costs are booked on it: end it, if that is what is wanted"))
    return now.end(REASON)


def _plan(before: Campaign, after: Campaign, event: campaign.CampaignRevised) -> Collection[str]:
    return differing(before.plan, after.plan)


def _replanned(taking: Taking) -> Sequence[Any]:
    now: Campaign = taking.now
    return now.revise(with_former(now.plan, taking.before.plan, taking.fields))


def _cost(before: Campaign, after: Campaign, event: campaign.CampaignCostBooked) -> Collection[str]:
    return {f"cost:{event.cost_id}"}


def _booked(taking: Taking) -> Sequence[Any]:
    event: campaign.CampaignCostBooked = taking.event
    now: Campaign = taking.now
    back = Money(-event.amount.minor_units, event.amount.currency_code)
    return now.book_cost(uuid5(event.cost_id, REASON), back, event.purpose, event.booked_on)


CAMPAIGN: Mapping[type, Change] = {
    campaign.CampaignPlanned: taken_back(_planned, WHOLE),
    campaign.CampaignRevised: taken_back(_replanned, _plan),
    campaign.CampaignLaunched: stays(
        Reason("campaign_began", "it has begun in public: end it, if that is what is wanted"), STATE
    ),
    campaign.CampaignCostBooked: taken_back(_booked, _cost),
    campaign.CampaignEnded: stays(
        Reason("campaign_ended", "what has ended does not begin again: plan another one"), STATE
    ),
    campaign.CampaignHandedOver: HANDED_OVER,
}


# -- segments and templates --------------------------------------------------------


def _retired(taking: Taking) -> Sequence[Any]:
    now: Segment | Template = taking.now
    return now.retire()


def _question(before: Segment, after: Segment, event: segment.SegmentRevised) -> Collection[str]:
    return differing(before, after) & {"name", "filter"}


def _segment_revised(taking: Taking) -> Sequence[Any]:
    now: Segment = with_former(taking.now, taking.before, taking.fields)
    then: Segment = taking.now
    return then.revise(now.name, now.filter)


SEGMENT: Mapping[type, Change] = {
    segment.SegmentDefined: taken_back(_retired, WHOLE),
    segment.SegmentRevised: taken_back(_segment_revised, _question),
    segment.SegmentRetired: stays(
        Reason("segment_retired", "a retired segment stays retired: define another one"), STATE
    ),
    segment.SegmentHandedOver: HANDED_OVER,
}


def _wording(before: Template, after: Template, event: template.TemplateRevised) -> Collection[str]:
    return differing(before.words, after.words)


def _template_revised(taking: Taking) -> Sequence[Any]:
    now: Template = taking.now
    return now.revise(with_former(now.words, taking.before.words, taking.fields))


TEMPLATE: Mapping[type, Change] = {
    template.TemplateDrafted: taken_back(_retired, WHOLE),
    template.TemplateRevised: taken_back(_template_revised, _wording),
    template.TemplateRetired: stays(
        Reason("template_retired", "a retired template stays retired: draft another one"), STATE
    ),
    template.TemplateHandedOver: HANDED_OVER,
}


# -- forms -------------------------------------------------------------------------


def _form_drafted(taking: Taking) -> Sequence[Any]:
    now: Form = taking.now
    if now.state is FormState.DRAFT:
        raise Irreversible(Reason("draft_unseen", "nobody sees a draft: leave it, or go on with it"))
    return now.withdraw()


def _layout(before: Form, after: Form, event: form.FormRevised) -> Collection[str]:
    return differing(before.layout, after.layout)


def _form_revised(taking: Taking) -> Sequence[Any]:
    now: Form = taking.now
    return now.revise(with_former(now.layout, taking.before.layout, taking.fields))


def _published(taking: Taking) -> Sequence[Any]:
    now: Form = taking.now
    return now.withdraw()


def _withdrawn(taking: Taking) -> Sequence[Any]:
    now: Form = taking.now
    return now.publish()


FORM: Mapping[type, Change] = {
    form.FormDrafted: taken_back(_form_drafted, WHOLE),
    form.FormRevised: taken_back(_form_revised, _layout),
    form.FormPublished: taken_back(_published, STATE),
    form.FormWithdrawn: taken_back(_withdrawn, STATE),
    form.FormHandedOver: HANDED_OVER,
}


# -- journeys ----------------------------------------------------------------------


def _journey_defined(taking: Taking) -> Sequence[Any]:
    now: Journey = taking.now
    if now.state is JourneyState.DRAFT:
        raise Irreversible(Reason("draft_lets_nobody_in", "nobody is let in by a draft: leave it, or go on with it"))
    return now.pause()


def _map(before: Journey, after: Journey, event: journey.JourneyRevised) -> Collection[str]:
    return differing(before.definition, after.definition)


def _journey_revised(taking: Taking) -> Sequence[Any]:
    now: Journey = taking.now
    wanted = with_former(now.definition, taking.before.definition, taking.fields)
    if now.state is JourneyState.ACTIVE and {"trigger", "trigger_ref"} & taking.fields:
        raise Irreversible(Reason("journey_lets_in", "others would be let in at once: pause it first"))
    return now.revise(wanted)


def _activated(taking: Taking) -> Sequence[Any]:
    now: Journey = taking.now
    return now.pause()


JOURNEY: Mapping[type, Change] = {
    journey.JourneyDefined: taken_back(_journey_defined, WHOLE),
    journey.JourneyRevised: taken_back(_journey_revised, _map),
    journey.JourneyActivated: taken_back(_activated, STATE),
    journey.JourneyPaused: stays(
        Reason("journey_paused", "messages would leave again: activate it, if that is what is wanted"), STATE
    ),
    journey.JourneyHandedOver: HANDED_OVER,
}


def _entered(taking: Taking) -> Sequence[Any]:
    now: Run = taking.now
    return now.leave(LeaveReason.TAKEN_OUT)


RUN: Mapping[type, Change] = {
    journey_run.JourneyEntered: taken_back(_entered, WHOLE),
    journey_run.JourneySignalHeard: goes_along(),
    journey_run.JourneyStepTaken: goes_along(),
    journey_run.JourneyStepAwaited: goes_along(),
    journey_run.JourneyLeft: stays(
        Reason("journey_left", "nobody is led on by an undo: put him in again, if that is what is wanted"), STATE
    ),
}


# -- mailings and what they made ---------------------------------------------------


def _mailing_planned(taking: Taking) -> Sequence[Any]:
    now: Mailing = taking.now
    if now.state is MailingState.QUEUED:
        raise Irreversible(
            Reason(
                "mailing_on_its_way", "its messages are on their way: cancel it, which stops those that have not left"
            )
        )
    return now.cancel(REASON)


MAILING: Mapping[type, Change] = {
    mailing.MailingPlanned: taken_back(_mailing_planned, WHOLE),
    mailing.MailingLaunched: taken_back(_mailing_planned, STATE),
    mailing.MailingQueued: goes_along(),
    mailing.MailingCancelled: stays(
        Reason("mailing_cancelled", "nothing is sent because of an undo: plan another mailing"), STATE
    ),
    mailing.MailingHandedOver: HANDED_OVER,
}

_LEFT = Reason(
    "message_was_to_leave",
    "a message that was to leave cannot be called back: cancel its mailing, which stops those that have not left",
)
_WISH = Reason("wish_is_his", "what somebody wants to receive is his to say: ask him")

MESSAGE: Mapping[type, Change] = {
    message.MessagePlanned: stays(_LEFT),
    message.MessageDispatched: goes_along(),
    message.MessageSent: stays(_LEFT, STATE),
    message.MessageWithheld: goes_along(),
    message.MessageDeferred: goes_along(),
    message.MessageBounced: goes_along(),
    message.MessageOutcomeLost: goes_along(),
    message.MessageRequeued: stays(_LEFT, STATE),
    message.MessageOpened: goes_along(),
    message.MessageClicked: goes_along(),
}


# -- the contact policy ------------------------------------------------------------


def _policy_set(taking: Taking) -> Sequence[Any]:
    event: preference.ContactPolicySet = taking.event
    now: ContactPolicy = taking.now
    return now.set(event.policy_id, taking.before or ContactPolicy())


POLICY: Mapping[type, Change] = {preference.ContactPolicySet: taken_back(_policy_set, WHOLE)}


# -- what stays --------------------------------------------------------------------

STAYING: Mapping[str, Mapping[type, Reason]] = {
    "preference": {preference.Unsubscribed: _WISH, preference.Resubscribed: _WISH},
    "coupon": {coupon.CouponIssued: Reason("promise_holds", "a promise made to somebody holds until its last day")},
    "submission": {
        form.FormSubmitted: Reason("sent_is_his", "what somebody sent is his: forget him, if he asks for it")
    },
    "touch": {touch.TouchRecorded: Reason("observed", "what somebody did was observed, and stays")},
}
"""By the kind of record, why."""
