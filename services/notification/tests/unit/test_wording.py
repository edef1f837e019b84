from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import InvalidArgument
from notification.domain.message import Channel
from notification.domain.preferences import (
    KindPreference,
    PreferencesSet,
    channels_for,
    quiet_until,
    set_preferences,
    usual,
)
from notification.domain.templates import TEMPLATES, render
from notification.mail import MailServer, is_address

ANNA = UUID(int=1)


@pytest.mark.parametrize("kind", TEMPLATES)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_kind_has_words_in_both_languages(kind, language):
    words = render(kind, language, "lead", "42", {}, name="华北机械")
    assert words.title
    assert words.text
    assert "{" not in words.title + words.text + words.deep_link
    assert words.deep_link.startswith("/")


def test_a_follow_up_says_when_and_what():
    words = render(
        "follow-up-due", "en", "follow-up", "7", {"due_at": "noon", "customer_id": "9"}, "Ada", "Ask for the pump"
    )
    assert words.text == "Planned for noon: contact Ada. Suggested: Ask for the pump"
    assert words.deep_link == "/#/customer/9"


@given(st.text(max_size=50))
def test_a_value_is_never_read_as_a_pattern(value):
    assert value in render("lead-assigned", "zh", "lead", "1", {}, name=value or "x").title


def test_without_a_name_the_message_is_still_a_message():
    assert render("lead-assigned", "zh", "lead", "1", {}).title == "新线索：（名称暂不可用）"


def at(hour, minute=0):
    return datetime(2026, 3, 2, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("begin", "end", "now", "over"),
    [
        (22 * 60, 7 * 60, at(15), datetime(2026, 3, 2, 23, tzinfo=UTC)),  # 23:00 in Shanghai
        (22 * 60, 7 * 60, at(20), datetime(2026, 3, 2, 23, tzinfo=UTC)),  # 04:00 in Shanghai
        (22 * 60, 7 * 60, at(4), None),  # noon
        (12 * 60, 13 * 60, at(4, 30), at(5)),
        (0, 0, at(4), None),
    ],
)
def test_quiet_hours_end(begin, end, now, over):
    assert quiet_until(PreferencesSet(ANNA, "zh", (), begin, end, "Asia/Shanghai"), now) == over


def test_a_person_chooses_channels_by_kind():
    wanted = PreferencesSet(ANNA, "en", (KindPreference("lead-assigned", (Channel.IN_APP,)),), 0, 0, "UTC")
    assert channels_for(wanted, "lead-assigned", (Channel.EMAIL,)) == (Channel.IN_APP,)
    assert channels_for(wanted, "sla-warned", (Channel.EMAIL,)) == (Channel.EMAIL,)
    assert set_preferences(wanted, wanted) == []


@pytest.mark.parametrize("wrong", [{"language": "fr"}, {"timezone": "Mars"}, {"quiet_to_minute": 1440}])
def test_preferences_that_cannot_be_are_refused(wrong):
    from dataclasses import replace

    with pytest.raises(InvalidArgument):
        set_preferences(None, replace(usual(ANNA), **wrong))


@pytest.mark.parametrize(
    ("text", "good"), [("a@b.c", True), ("", False), ("a", False), ("a@b\nBcc: c@d", False), ("a@b@c", False)]
)
def test_an_address_cannot_break_a_header(text, good):
    assert is_address(text) == good


def test_a_message_id_is_the_same_for_every_attempt():
    server = MailServer("", "Headwater <crm@example.com>")
    assert server.message_id("1") == server.message_id("1") == "<1@example.com>"


def test_times_are_told_by_the_readers_clock():
    words = render(
        "sla-warned",
        "zh",
        "ticket",
        "1",
        {"due_at": "2026-03-02T12:00+00:00", "clock": "first response"},
        "It broke",
        timezone="Asia/Shanghai",
    )
    assert words.text == "工单“It broke”的首次响应期限为 2026-03-02 20:00。"
