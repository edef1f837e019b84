"""A message leaves at most once, whatever is asked of it and in whatever order."""

from functools import reduce
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import DomainError
from marketing.domain.message import (
    MOST_ATTEMPTS,
    Message,
    MessageBounced,
    MessageClicked,
    MessageDeferred,
    MessageDispatched,
    MessageEvent,
    MessageOpened,
    MessageOutcomeLost,
    MessagePlanned,
    MessageRequeued,
    MessageSent,
    MessageState,
    MessageWithheld,
    NotOutstanding,
    WithholdReason,
    evolve,
)
from marketing.domain.template import MessageChannel

SEND, CUSTOMER, CONTACT, TEMPLATE = (UUID(int=n) for n in range(1, 5))
PLANNED = MessagePlanned(
    send_id=SEND,
    campaign_id=None,
    customer_id=CUSTOMER,
    contact_id=CONTACT,
    channel=MessageChannel.EMAIL,
    submission_id=None,
    mailing_id=None,
    journey_id=None,
    run_id=None,
    step_id="",
    template_id=TEMPLATE,
    template_version=1,
    variables={},
    owner_id=None,
    test_address="",
)
DISPATCHED = MessageDispatched(SEND, "<1@example.com>", 1)
SENT = MessageSent(SEND, None, CUSTOMER, CONTACT, MessageChannel.EMAIL, None, False)


def a_message(*events: MessageEvent) -> Message:
    message = reduce(evolve, [PLANNED, *events], None)
    assert message is not None
    return message


@pytest.mark.feature("MKT-15")
def test_a_message_is_taken_in_hand_before_it_leaves() -> None:
    assert a_message().sent() == []
    assert a_message().dispatch("<1@example.com>") == [DISPATCHED]
    assert a_message(DISPATCHED).sent() == [SENT]


def test_a_message_in_hand_is_not_taken_again() -> None:
    with pytest.raises(NotOutstanding):
        a_message(DISPATCHED).dispatch("<2@example.com>")


def test_a_lost_outcome_waits_for_a_persons_word() -> None:
    lost = a_message(DISPATCHED, *a_message(DISPATCHED).lose_outcome())
    assert lost.state is MessageState.UNKNOWN
    with pytest.raises(NotOutstanding):
        lost.dispatch("<2@example.com>")
    [requeued] = lost.requeue()
    assert evolve(lost, requeued).outstanding


def test_only_a_lost_one_can_be_sent_again() -> None:
    with pytest.raises(DomainError, match="sent"):
        a_message(DISPATCHED, SENT).requeue()


def test_refused_for_now_is_tried_again_and_at_last_refused_for_good() -> None:
    message = a_message()
    for attempt in range(1, MOST_ATTEMPTS):
        [dispatched] = message.dispatch("<1@example.com>")
        message = evolve(message, dispatched)
        [deferred] = message.defer("451")
        assert isinstance(deferred, MessageDeferred), attempt
        message = evolve(message, deferred)
    [dispatched] = message.dispatch("<1@example.com>")
    [bounced] = evolve(message, dispatched).defer("451")
    assert isinstance(bounced, MessageBounced)


@pytest.mark.feature("MKT-16")
def test_a_message_is_opened_once_and_each_link_followed_once() -> None:
    message = a_message(DISPATCHED, SENT)
    [opened] = message.open()
    message = evolve(message, opened)
    assert message.open() == []
    [clicked] = message.click(0, "pricing")
    assert isinstance(clicked, MessageClicked)
    assert evolve(message, clicked).click(0, "pricing") == []
    assert evolve(message, clicked).click(1, "") != []


@pytest.mark.feature("MKT-16")
def test_who_clicks_has_opened_and_who_opened_has_received() -> None:
    lost = a_message(DISPATCHED, MessageOutcomeLost(SEND, None, MessageChannel.EMAIL))
    assert [type(event) for event in lost.click(0, "")] == [MessageSent, MessageOpened, MessageClicked]


def test_a_withheld_message_is_never_opened() -> None:
    [withheld] = a_message().withhold(WithholdReason.UNSUBSCRIBED)
    assert isinstance(withheld, MessageWithheld)
    assert evolve(a_message(), withheld).open() == []
    assert a_message(DISPATCHED).withhold(WithholdReason.UNSUBSCRIBED) == []


ASKS = {
    "dispatch": lambda m: m.dispatch("<1@example.com>"),
    "sent": lambda m: m.sent(),
    "defer": lambda m: m.defer("451"),
    "bounce": lambda m: m.bounce("550"),
    "lose": lambda m: m.lose_outcome(),
    "withhold": lambda m: m.withhold(WithholdReason.FREQUENCY_CAP),
    "open": lambda m: m.open(),
    "click": lambda m: m.click(0, ""),
}


@given(st.lists(st.sampled_from(sorted(ASKS)), max_size=40))
def test_without_a_persons_word_it_is_in_hand_again_only_after_a_refusal(asks: list[str]) -> None:
    message, history = a_message(), [PLANNED]
    for ask in asks:
        try:
            events = ASKS[ask](message)
        except DomainError:
            continue
        history += events
        message = reduce(evolve, events, message)
    assert reduce(evolve, history, None) == message
    assert sum(isinstance(event, MessageSent) for event in history) <= 1
    assert not any(isinstance(event, MessageRequeued) for event in history)
    for before, after in zip(
        [e for e in history if isinstance(e, MessageDispatched | MessageDeferred)],
        [e for e in history if isinstance(e, MessageDispatched | MessageDeferred)][1:],
        strict=False,
    ):
        assert type(before) is not type(after)
