"""What a customer decides, spoken to without anything around it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer.domain import customer as it
from customer.domain.customer import (
    Contact,
    Customer,
    CustomerKind,
    CustomerStatus,
    CustomerStatusChanged,
    FieldChoice,
    clashes,
    evolve,
    refuse_clashes,
    register,
)
from customer.domain.policy import CustomerLevel, Grade
from customer.domain.profile import CustomField, Profile, ProfileChanges, apply, difference
from kernel.errors import Conflict, DomainError, InvalidArgument
from kernel.money import Money

ID, OTHER, OWNER, SOMEBODY, WANG, ADA = (UUID(int=n) for n in range(1, 7))
NOW = datetime(2026, 6, 1, tzinfo=UTC)
PROFILE = Profile(
    name="Alpha Ltd", industry_code="65", region_code="31", phones=("+8613800138000",), website="a.example.com"
)


def a_customer(*events: Any, profile: Profile = PROFILE, identity: UUID = ID) -> Customer:
    history = [*register(identity, CustomerKind.COMPANY, profile, OWNER), *events]
    state = reduce(evolve, history, None)
    assert state is not None
    return state


def after(customer: Customer, events: list[Any]) -> Customer:
    return reduce(evolve, events, customer)


def test_a_customer_needs_a_name_and_nothing_else() -> None:
    with pytest.raises(InvalidArgument, match="name"):
        register(ID, CustomerKind.COMPANY, Profile(), OWNER)
    events = register(ID, CustomerKind.COMPANY, Profile(name="A Ltd"), None)
    assert [type(e).__name__ for e in events] == ["CustomerRegistered"]


def test_the_first_contact_is_primary_unless_another_one_is() -> None:
    contacts = [(Contact(WANG, "Wang"), False), (Contact(ADA, "Ada"), True)]
    customer = reduce(evolve, register(ID, CustomerKind.COMPANY, PROFILE, OWNER, contacts=contacts), None)
    assert customer is not None
    assert customer.primary_contact_id == ADA
    customer = after(customer, customer.remove_contact(ADA, "left"))
    assert customer.primary_contact_id == WANG


def test_a_bare_revision_is_no_event() -> None:
    assert a_customer().revise(PROFILE) == []


@pytest.mark.feature("CUS-15")
def test_who_has_bought_is_never_a_prospect_again() -> None:
    customer = a_customer()
    customer = after(customer, customer.buy("order confirmed", OTHER))
    assert customer.status is CustomerStatus.ACTIVE
    for status in (CustomerStatus.LOST, CustomerStatus.SILENT, CustomerStatus.ACTIVE):
        customer = after(customer, customer.change_status(status, ""))
        with pytest.raises(it.StatusNotReachable):
            customer.change_status(CustomerStatus.PROSPECT, "")


@pytest.mark.feature("CUS-20")
def test_an_active_customer_needs_and_keeps_its_fields() -> None:
    bare = a_customer(profile=Profile(name="Bare Ltd"))
    with pytest.raises(it.FieldsMissing, match="industry_code"):
        bare.change_status(CustomerStatus.ACTIVE, "")
    bought = after(bare, bare.buy("order confirmed", OTHER))
    assert len(bought.missing_fields()) == 3
    full = a_customer()
    full = after(full, full.change_status(CustomerStatus.ACTIVE, "signed"))
    with pytest.raises(it.FieldsMissing, match="region_code"):
        full.revise(replace(PROFILE, region_code=""))


def test_an_archived_customer_does_not_change_and_comes_back_to_where_it_stood() -> None:
    customer = a_customer()
    customer = after(customer, customer.change_status(CustomerStatus.LOST, "gone"))
    customer = after(customer, customer.archive("tidy"))
    for decide in (
        lambda: customer.revise(Profile(name="B")),
        lambda: customer.change_tags(["x"]),
        lambda: customer.add_contact(Contact(WANG, "Wang"), True),
    ):
        with pytest.raises(it.CustomerArchivedAlready):
            decide()
    assert after(customer, customer.restore("back")).status is CustomerStatus.LOST


@pytest.mark.feature("CUS-53")
def test_only_a_field_that_changed_since_clashes() -> None:
    then = a_customer()
    now = after(then, then.revise(replace(PROFILE, website="b.example.com", phones=("+8613900139000",))))
    assert clashes(then, now, replace(PROFILE, employees=5), ["employees"]) == []
    assert clashes(then, now, replace(PROFILE, website="b.example.com"), ["website"]) == []
    found = clashes(then, now, replace(PROFILE, website="c.example.com", phones=()), ["website", "phones"])
    with pytest.raises(Conflict, match=r"website is 'b\.example\.com' now, you want 'c\.example") as refusal:
        refuse_clashes(found, 2)
    assert "13900139000" not in str(refusal.value)


@pytest.mark.feature("CUS-12")
def test_a_pinned_level_withstands_the_rules() -> None:
    customer = a_customer()
    grade = Grade(CustomerLevel.B, "r1", 3, "rule one")
    customer = after(customer, customer.be_graded(grade))
    assert (customer.level, customer.level_rule) == (CustomerLevel.B, ("r1", 3))
    assert customer.be_graded(grade) == []
    customer = after(customer, customer.pin_level(CustomerLevel.VIP, "friend"))
    assert customer.be_graded(grade) == []
    assert after(customer, customer.release_level(grade)).level is CustomerLevel.B


def merged(mine: Profile, theirs: Profile, *choices: FieldChoice) -> tuple[Customer, Customer, Customer]:
    """Return the survivor before, after the merge, and after it was taken back."""
    before, other = a_customer(profile=mine), a_customer(profile=theirs, identity=OTHER)
    whole = after(before, before.absorb(other, choices))
    return before, whole, after(whole, whole.release(OTHER, "mistake"))


@pytest.mark.feature("CUS-17")
def test_a_merge_takes_what_was_chosen_and_fills_what_was_empty() -> None:
    theirs = Profile(name="Beta Ltd", website="b.example.com", size_code="large", region_code="32")
    _, whole, _ = merged(PROFILE, theirs, FieldChoice("website", True), FieldChoice("region_code", False))
    assert whole.profile == replace(PROFILE, website="b.example.com", size_code="large")


def test_a_merge_refuses_what_is_not_one() -> None:
    customer = a_customer()
    person = reduce(evolve, register(OTHER, CustomerKind.PERSON, Profile(person_name="Wang"), None), None)
    assert person is not None
    with pytest.raises(it.NotMergeable, match="itself"):
        customer.absorb(customer, [])
    with pytest.raises(it.NotMergeable, match="person"):
        customer.absorb(person, [])
    away = a_customer(it.CustomerAbsorbed(OTHER, SOMEBODY), identity=OTHER)
    with pytest.raises(it.NotMergeable, match="already"):
        customer.absorb(away, [])
    with pytest.raises(it.CustomerMergedAway):
        away.revise(Profile(name="B"))
    with pytest.raises(InvalidArgument, match="salary"):
        customer.absorb(a_customer(identity=OTHER), [FieldChoice("salary", True)])


@pytest.mark.feature("CUS-17")
def test_a_prospect_that_absorbs_an_active_one_is_active_until_taken_back() -> None:
    before, other = a_customer(), a_customer(identity=OTHER)
    other = after(other, other.buy("order confirmed", SOMEBODY))
    whole = after(before, before.absorb(other, []))
    assert whole.status is CustomerStatus.ACTIVE
    assert after(whole, whole.release(OTHER, "")).status is CustomerStatus.PROSPECT
    silent = after(whole, whole.fall_silent(NOW, 3))
    assert after(silent, silent.release(OTHER, "")).status is CustomerStatus.SILENT


texts = st.sampled_from(["", "one", "two", "three"])
money = st.one_of(st.none(), st.integers(1, 9).map(lambda n: Money(n, "EUR")))
customs = st.dictionaries(st.sampled_from("xyz"), st.sampled_from(["1", "2"]), max_size=3).map(
    lambda d: tuple(CustomField(k, d[k]) for k in sorted(d))
)
profiles = st.builds(
    Profile,
    name=st.sampled_from(["Alpha Ltd", "Beta Ltd"]),
    industry_code=texts,
    region_code=texts,
    website=texts,
    employees=st.integers(0, 3),
    annual_revenue=money,
    phones=st.lists(st.sampled_from(["+861", "+862"]), unique=True).map(tuple),
    remark=texts,
    custom_fields=customs,
)


@given(profiles, profiles)
def test_a_difference_applied_is_the_other_profile(one: Profile, other: Profile) -> None:
    changes = difference(one, other)
    assert apply(one, changes or ProfileChanges()) == other


fields = st.sampled_from(["name", "website", "phones", "remark", "employees", "custom_fields.x"])
choices = st.lists(st.builds(FieldChoice, fields, st.booleans()), max_size=4)


@given(profiles, profiles, choices)
@pytest.mark.feature("CUS-17")
def test_taking_a_merge_back_is_as_if_never_merged(mine: Profile, theirs: Profile, chosen: Any) -> None:
    allowed = {f.key for f in (*mine.custom_fields, *theirs.custom_fields)}
    chosen = [c for c in chosen if c.field != "custom_fields.x" or "x" in allowed]
    before, _, taken_back = merged(mine, theirs, *chosen)
    assert taken_back == replace(before, merges=())


GRADES = [Grade(level, f"r{level}", 1, "rule") for level in CustomerLevel]
asks = st.one_of(
    profiles.map(lambda p: lambda c: c.revise(p)),
    st.sampled_from(CustomerStatus).map(lambda s: lambda c: c.change_status(s, "")),
    st.just(lambda c: c.archive("x")),
    st.just(lambda c: c.restore("x")),
    st.just(lambda c: c.buy("order", SOMEBODY)),
    st.just(lambda c: c.fall_silent(NOW, 3)),
    st.just(lambda c: c.be_neglected(NOW, 30)),
    st.sampled_from([OWNER, SOMEBODY]).map(lambda o: lambda c: c.transfer(o, "")),
    st.sampled_from(GRADES).map(lambda g: lambda c: c.be_graded(g)),
    st.sampled_from(CustomerLevel).map(lambda level: lambda c: c.pin_level(level, "")),
    st.just(lambda c: c.release_level(GRADES[1])),
    st.lists(texts, max_size=2).map(lambda tags: lambda c: c.change_tags(tags, ["one"])),
    st.tuples(st.sampled_from([WANG, ADA]), st.booleans()).map(
        lambda who: lambda c: c.add_contact(Contact(who[0], "Name"), who[1])
    ),
    st.sampled_from([WANG, ADA]).map(lambda who: lambda c: c.revise_contact(Contact(who, "Other"), True)),
    st.sampled_from([WANG, ADA]).map(lambda who: lambda c: c.remove_contact(who, "")),
    st.sampled_from([None, WANG]).map(lambda who: lambda c: c.give_consent(who, "email", "marketing", "form")),
    st.sampled_from([None, WANG]).map(lambda who: lambda c: c.withdraw_consent(who, "email", "marketing", "")),
    profiles.map(lambda p: lambda c: c.absorb(a_customer(profile=p, identity=OTHER), [])),
    st.just(lambda c: c.release(OTHER, "")),
)


@given(st.lists(asks, max_size=40))
def test_whatever_is_asked_the_invariants_hold(asked: Any) -> None:
    history: list[Any] = register(ID, CustomerKind.COMPANY, PROFILE, OWNER)
    state = a_customer()
    for ask in asked:
        try:
            events = ask(state)
        except (DomainError, InvalidArgument):
            continue
        was = state
        state = after(state, events)
        history += events
        for event in events:
            if isinstance(event, CustomerStatusChanged) and event.reason != "un-merged" and was.has_bought:
                assert event.to_status is not CustomerStatus.PROSPECT or was.status is CustomerStatus.ARCHIVED
        assert state.profile.name
        assert len({c.contact_id for c in state.contacts}) == len(state.contacts)
        ids = {c.contact_id for c in state.contacts}
        assert state.primary_contact_id in ids if ids else state.primary_contact_id is None
        assert {c for c, _, _ in state.consents if c is not None} <= ids
        assert len({m.absorbed_id for m in state.merges}) == len(state.merges)
    assert state == reduce(evolve, history, None)
