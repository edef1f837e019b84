"""What keeps a message from leaving, and in which order the reasons count."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import InvalidArgument
from marketing.domain.message import WithholdReason
from marketing.domain.preference import (
    Consent,
    ContactPolicy,
    Preference,
    Standing,
    evolve,
    reason_to_withhold,
)
from marketing.domain.template import MessageChannel

CONTACT, CUSTOMER = UUID(int=1), UUID(int=2)
POLICY = ContactPolicy(most_messages=3, window_days=7)

standings = st.builds(
    Standing,
    silenced=st.booleans(),
    consent=st.sampled_from(Consent),
    recent_messages=st.integers(0, 6),
    gone=st.booleans(),
    cancelled=st.booleans(),
    channel_configured=st.booleans(),
    has_address=st.booleans(),
)


@pytest.mark.feature("MKT-18")
@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        (Standing(), None),
        (Standing(silenced=True), WithholdReason.UNSUBSCRIBED),
        (Standing(consent=Consent.WITHDRAWN), WithholdReason.NO_CONSENT),
        (Standing(recent_messages=2), None),
        (Standing(recent_messages=3), WithholdReason.FREQUENCY_CAP),
        (Standing(gone=True), WithholdReason.GONE),
        (Standing(channel_configured=False), WithholdReason.CHANNEL_NOT_CONFIGURED),
        (Standing(has_address=False), WithholdReason.NO_ADDRESS),
    ],
)
def test_each_rule_withholds_by_its_own_reason(standing: Standing, reason: WithholdReason | None) -> None:
    assert reason_to_withhold(POLICY, standing) == reason


@given(standings, st.integers(0, 6), st.booleans())
def test_nothing_leaves_against_a_wish_or_above_the_cap(standing: Standing, most: int, consent_required: bool) -> None:
    policy = ContactPolicy(most, 7, consent_required)
    if reason_to_withhold(policy, standing) is None:
        assert not standing.silenced
        assert standing.consent is not Consent.WITHDRAWN
        assert standing.consent is Consent.GIVEN or not consent_required
        assert most == 0 or standing.recent_messages < most


def test_unsubscribing_twice_is_news_once_and_can_be_taken_back() -> None:
    email = MessageChannel.EMAIL
    [left] = Preference().unsubscribe(CONTACT, email, CUSTOMER, CONTACT)
    silenced = evolve(None, left)
    assert silenced.unsubscribe(CONTACT, email, CUSTOMER, CONTACT) == []
    assert silenced.unsubscribe(CONTACT, MessageChannel.SMS, CUSTOMER, CONTACT)
    [back] = silenced.resubscribe(CONTACT, email, CUSTOMER, CONTACT)
    assert evolve(silenced, back) == Preference()


@pytest.mark.parametrize("wanted", [ContactPolicy(-1, 7), ContactPolicy(3, 0), ContactPolicy(3, 999)])
def test_a_policy_that_cannot_be_is_refused(wanted: ContactPolicy) -> None:
    with pytest.raises(InvalidArgument):
        POLICY.set(CONTACT, wanted)
