"""A lead: captured once, never walked back, never owned by two."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import reduce
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import DomainError
from pipeline.domain.lead import (
    Event,
    Lead,
    LeadAssigned,
    LeadCaptured,
    LeadClosed,
    LeadConverted,
    LeadIsOwned,
    LeadState,
    behaviour_code,
    evolve,
)
from pipeline.domain.lead_identity import company_key, email_key, phone_key

ID, ANNA, BERT = (UUID(int=n) for n in (1, 2, 3))
captured = LeadCaptured(
    ID, "ads", None, None, "", "110000", "C34", {"source": "baidu"}, datetime(2026, 1, 1, tzinfo=UTC),
    "张伟", "138", "z@x.org", "华星", (), "", "", "first_contact", "",
)  # fmt: skip


def a_lead(*history: Event) -> Lead:
    state: Lead | None = reduce(evolve, history, None)
    assert state is not None
    return state


def given_to(owner_id: UUID) -> LeadAssigned:
    return LeadAssigned(ID, owner_id, "r", 1, "why", None, False, False)


def test_an_assignment_remembers_who_had_it_before() -> None:
    (assigned,) = a_lead(captured, given_to(ANNA)).assign(given_to(BERT))
    assert isinstance(assigned, LeadAssigned)
    assert assigned.from_owner_id == ANNA
    assert a_lead(captured, given_to(ANNA)).assign(given_to(ANNA)) == []


def test_only_an_unowned_lead_can_be_claimed() -> None:
    with pytest.raises(LeadIsOwned):
        a_lead(captured, given_to(ANNA)).claim(BERT)
    assert a_lead(captured, given_to(ANNA)).claim(ANNA) == []


def test_facts_for_rules_never_hold_what_a_person_is_called() -> None:
    facts = a_lead(captured).facts()
    assert facts["phone"] == "given"
    assert not {"张伟", "138", "z@x.org", "华星"} & {str(value) for value in facts.values()}


@pytest.mark.parametrize("text", ["Watched Demo", "watched-demo", " watched_demo "])
def test_a_behaviour_has_one_spelling(text: str) -> None:
    assert behaviour_code(text) == "watched_demo"


@pytest.mark.parametrize(
    ("one", "other", "key"),
    [
        ("138 0013 8000", "+86-13800138000", phone_key),
        ("008613800138000", "１３８００１３８０００", phone_key),
        ("Zhang@Example.com ", "zhang@example.com", email_key),
        ("华星制造有限公司", "华星 制造（股份有限公司）", company_key),
        ("Acme, Inc.", "ACME Ltd", company_key),
    ],
)
def test_the_same_person_written_otherwise_has_the_same_key(one: str, other: str, key: object) -> None:
    assert callable(key)
    assert key(one) == key(other) != ""


def test_too_short_a_number_and_no_address_identify_nobody() -> None:
    assert phone_key("12345") == email_key("none") == company_key("—") == ""


asks = st.sampled_from(
    [
        lambda it: it.assign(given_to(ANNA)),
        lambda it: it.assign(given_to(BERT)),
        lambda it: it.claim(ANNA),
        lambda it: it.claim(BERT),
        lambda it: it.give_back("no time") + it.wait_in_pool("returned", None, "why"),
        lambda it: it.recycle(7),
        lambda it: it.change_status("quoting", ("first_contact", "quoting")),
        lambda it: it.log_contact("call", False, "hello"),
        lambda it: it.miss_reply(3, date(2026, 1, 1)),
        lambda it: it.plan("call", date(2026, 1, 1)),
        lambda it: it.observe("watched demo"),
        lambda it: it.qualify("good"),
        lambda it: it.nurture("later"),
        lambda it: it.disqualify("student"),
        lambda it: it.convert(UUID(int=7), None, None),
    ]
)


@given(st.lists(asks, max_size=25))
def test_whatever_is_asked_the_end_is_the_end_and_source_stays(asked: list[object]) -> None:
    state, history = a_lead(captured), [captured]
    for ask in asked:
        before = state
        try:
            new = ask(state)  # type: ignore[operator]
        except DomainError:
            assert state == before
            continue
        history += new
        state = reduce(evolve, new, state)
        if before.state in (LeadState.CONVERTED, LeadState.DISQUALIFIED):
            assert new == []
    assert state == a_lead(*history)
    assert (state.source_channel, state.utm, state.campaign_id) == ("ads", {"source": "baidu"}, None)
    assert sum(isinstance(event, LeadConverted) for event in history) <= 1


def test_a_closed_lead_refuses_everything() -> None:
    closed = a_lead(captured, LeadConverted(ID, BERT, None, None, None))
    for ask in (lambda: closed.claim(ANNA), lambda: closed.qualify("x"), lambda: closed.give_back("x")):
        with pytest.raises(LeadClosed):
            ask()
