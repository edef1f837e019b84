"""Why nothing that happened here is taken back by an undo: what was said to somebody cannot be unsaid."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.reversals import Reversals, goes_along, kept, stays
from notification.domain import message, webhook
from notification.domain.preferences import PreferencesSet

_LEFT = "what was said to somebody cannot be unsaid: tell him what holds now"

REVERSALS: Sequence[Reversals] = (
    Reversals(
        "message",
        {
            message.MessageScheduled: stays("it may have left: cancel it while it is waiting"),
            message.ScheduleCancelled: stays("nothing is sent because of an undo: schedule it anew", "state"),
            message.MessageQueued: stays(_LEFT),
            message.MessageAttempted: goes_along(),
            message.MessageDelivered: goes_along(),
            message.MessageFailed: goes_along(),
            message.MessageRead: stays("that somebody read it is a fact", "state"),
            message.MessageRetried: stays(_LEFT, "state"),
        },
    ),
    kept(
        "webhook",
        {
            webhook.WebhookRegistered: "what was told a partner cannot be untold: remove the webhook",
            webhook.WebhookRevised: "what was told a partner cannot be untold: revise it again",
            webhook.WebhookSecretRotated: "a secret that somebody saw is never good again: rotate it once more",
            webhook.WebhookPaused: "resume it: nothing is lost",
            webhook.WebhookResumed: "what was told a partner cannot be untold: pause it",
            webhook.WebhookRemoved: "its secrets and its delivery log are gone: register another one",
        },
    ),
    kept("preferences", {PreferencesSet: "what somebody wants to be told is his to say: he sets it anew"}),
)
"""Every event, so that a person's day shows all he did, with what to do instead."""
