"""Why nothing that happened here is taken back by an undo: what was said to somebody cannot be unsaid."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.reversals import Reason, Reversals, goes_along, kept, stays
from notification.domain import message, webhook
from notification.domain.preferences import PreferencesSet

_LEFT = Reason("told_somebody", "what was said to somebody cannot be unsaid: tell him what holds now")

REVERSALS: Sequence[Reversals] = (
    Reversals(
        "message",
        {
            message.MessageScheduled: stays(
                Reason("message_may_have_left", "it may have left: cancel it while it is waiting")
            ),
            message.ScheduleCancelled: stays(
                Reason("schedule_anew", "nothing is sent because of an undo: schedule it anew"), "state"
            ),
            message.MessageQueued: stays(_LEFT),
            message.MessageAttempted: goes_along(),
            message.MessageDelivered: goes_along(),
            message.MessageFailed: goes_along(),
            message.MessageRead: stays(Reason("read_is_a_fact", "that somebody read it is a fact"), "state"),
            message.MessageRetried: stays(_LEFT, "state"),
        },
    ),
    kept(
        "webhook",
        {
            webhook.WebhookRegistered: Reason(
                "webhook_told", "what was told a partner cannot be untold: remove the webhook"
            ),
            webhook.WebhookRevised: Reason(
                "webhook_revised", "what was told a partner cannot be untold: revise it again"
            ),
            webhook.WebhookSecretRotated: Reason(
                "webhook_secret_seen", "a secret that somebody saw is never good again: rotate it once more"
            ),
            webhook.WebhookPaused: Reason("webhook_paused", "resume it: nothing is lost"),
            webhook.WebhookResumed: Reason("webhook_resumed", "what was told a partner cannot be untold: pause it"),
            webhook.WebhookRemoved: Reason(
                "webhook_removed", "its secrets and its delivery log are gone: register another one"
            ),
        },
    ),
    kept(
        "preferences",
        {
            PreferencesSet: Reason(
                "preferences_are_his", "what somebody wants to be told is his to say: he sets it anew"
            )
        },
    ),
)
"""Every event, so that a person's day shows all he did, with what to do instead."""
