from datetime import UTC, datetime, timedelta
from functools import reduce
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import DomainError
from notification.domain.message import (
    MOST_ATTEMPTS,
    Channel,
    MessageAttempted,
    MessageDelivered,
    MessageFailed,
    MessageQueued,
    MessageScheduled,
    RecipientKind,
    State,
    TooLate,
    evolve,
    queue,
    schedule,
)

ID, ANNA, CAUSE = (UUID(int=n) for n in range(1, 4))
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def queued(channel=Channel.EMAIL, historic=False):
    return MessageQueued(
        ID, ANNA, RecipientKind.PERSON, None, channel, "lead-assigned", "lead", "x", {}, "", "", historic, CAUSE, None
    )  # fmt: skip


scheduled = MessageScheduled(
    ID, ANNA, RecipientKind.PERSON, None, Channel.EMAIL, "reminder", "", "", {}, "Tea", "", NOW
)


def a_message(*asked, begun=None):
    message = reduce(evolve, begun or queue(queued()), None)
    for ask in asked:
        message = reduce(evolve, ask(message), message)
    return message


def test_in_the_centre_a_message_has_arrived_when_it_is_queued():
    assert a_message(begun=queue(queued(Channel.IN_APP))).state == State.SENT


def test_a_send_is_recorded_before_it_leaves_and_leaves_once():
    message = a_message()
    (attempted,) = message.attempt("<1@x>")
    assert attempted == MessageAttempted(ID, 1, "<1@x>")
    leaving = evolve(message, attempted)
    assert leaving.attempt("<1@x>") == []
    sent = reduce(evolve, leaving.delivered(), leaving)
    assert sent.state == State.SENT
    assert sent.attempt("<1@x>") == []


def test_an_attempt_nobody_saw_the_end_of_is_not_made_again_by_itself():
    leaving = a_message(lambda m: m.attempt("<1@x>"))
    (failed,) = leaving.give_up_on_unknown()
    assert failed.final
    gone = evolve(leaving, failed)
    assert gone.attempt("<1@x>") == []
    assert a_message(begun=[*queue(queued())]).give_up_on_unknown() == []
    assert evolve(gone, gone.retry()[0]).attempt("<1@x>") != []


def test_failures_are_retried_later_and_later_and_not_for_ever():
    message, waits = a_message(), []
    for _ in range(MOST_ATTEMPTS):
        message = reduce(evolve, message.attempt("<1@x>"), message)
        (failed,) = message.failed("451", False, NOW)
        message = evolve(message, failed)
        if not failed.final:
            waits.append(failed.retry_at - NOW)
    assert message.state == State.FAILED
    assert waits == sorted(waits)
    assert waits[0] == timedelta(seconds=30)
    assert len(waits) == MOST_ATTEMPTS - 1


def test_what_can_never_arrive_is_not_tried_again():
    message = a_message(lambda m: m.attempt("<1@x>"))
    (failed,) = message.failed("550", True, NOW)
    assert failed == MessageFailed(ID, 1, "550", True, None)


def test_an_arranged_message_goes_once_or_is_taken_back():
    message = a_message(begun=schedule(scheduled))
    released = message.release(False)
    assert [type(e) for e in released] == [MessageQueued]
    gone = reduce(evolve, released, message)
    assert gone.release(False) == []
    with pytest.raises(TooLate):
        gone.cancel()
    assert a_message(lambda m: m.cancel(), begun=schedule(scheduled)).release(False) == []


def test_an_arranged_message_of_the_past_is_kept_for_reading_only():
    released = a_message(begun=schedule(scheduled)).release(True)
    assert [type(e) for e in released] == [MessageQueued, MessageDelivered]
    assert (released[0].channel, released[0].historic) == (Channel.IN_APP, True)


def test_a_message_is_read_once():
    message = a_message(lambda m: m.read(), begun=queue(queued(Channel.IN_APP)))
    assert message.state == State.READ
    assert message.read() == []


asks = st.sampled_from([
    lambda m: m.attempt("<1@x>"),
    lambda m: m.delivered(),
    lambda m: m.failed("451", False, NOW),
    lambda m: m.failed("550", True, NOW),
    lambda m: m.give_up_on_unknown(),
    lambda m: m.read(),
    lambda m: m.cancel(),
    lambda m: m.release(False),
    lambda m: m.retry(),
])  # fmt: skip


@given(st.lists(asks, max_size=60))
def test_whatever_is_asked_nothing_leaves_after_it_was_delivered(asked):
    history = schedule(scheduled)
    message = reduce(evolve, history, None)
    for ask in asked:
        try:
            new = ask(message)
        except DomainError:
            continue
        history += new
        message = reduce(evolve, new, message)
    assert message == reduce(evolve, history, None)
    kinds = [type(event) for event in history]
    assert kinds.count(MessageDelivered) <= 1
    assert kinds.count(MessageQueued) <= 1
    if MessageDelivered in kinds:
        assert MessageAttempted not in kinds[kinds.index(MessageDelivered) :]
