"""Merges taken back, in whatever order, leave a customer as if there had never been any."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from customer.domain.customer import Contact, Customer, CustomerKind, CustomerStatus, FieldChoice, evolve, register
from customer.domain.profile import CustomField, Profile
from kernel.errors import DomainError

ALPHA, BETA, GAMMA, OWNER, ADA = (UUID(int=n) for n in range(1, 6))
texts = st.sampled_from(["", "one", "two"])
profiles = st.builds(
    Profile,
    name=st.sampled_from(["Alpha Ltd", "Beta Ltd"]),
    website=texts,
    remark=texts,
    employees=st.integers(0, 2),
    phones=st.sampled_from([(), ("+8613800138000",)]),
    custom_fields=st.dictionaries(st.sampled_from("xy"), st.sampled_from("12"), max_size=2).map(
        lambda d: tuple(CustomField(k, d[k]) for k in sorted(d))
    ),
)
tags = st.lists(st.sampled_from("abc"), max_size=2)
standings = st.sampled_from(["prospect", "active", "silent", "lost"])
FIELDS = ("name", "website", "remark", "employees", "phones", "custom_fields.x", "custom_fields.y")


def a_customer(identity: UUID, profile: Profile, tagged: list[str], standing: str) -> Customer:
    it = folded(None, register(identity, CustomerKind.COMPANY, profile, OWNER, tags=tagged))
    if standing in ("active", "silent"):
        it = folded(it, it.buy("order", OWNER))
    if standing in ("silent", "lost"):
        it = folded(it, it.change_status(CustomerStatus[standing.upper()], "why"))
    return it


def folded(state: Customer | None, events: Any) -> Customer:
    for event in events:
        state = evolve(state, event)
    assert state is not None
    return state


customers = st.tuples(profiles, tags, standings)
choices = st.dictionaries(st.sampled_from(FIELDS), st.booleans(), max_size=4)


def merged(into: Customer, other: Customer, chosen: dict[str, bool]) -> Customer:
    known = {f"custom_fields.{f.key}" for it in (into, other) for f in it.profile.custom_fields}
    asked = [FieldChoice(f, take) for f, take in chosen.items() if "." not in f or f in known]
    return folded(into, into.absorb(other, asked))


def told(it: Customer) -> tuple[Any, ...]:
    return it.profile, it.status, it.tags, it.contacts, it.owner_id, it.is_buyer, it.merges, it.level


@settings(max_examples=150, deadline=None)
@given(customers, customers, customers, choices, choices, st.booleans())
def test_merges_taken_back_in_any_order_leave_no_trace(
    mine: Any, first: Any, second: Any, chosen: Any, chosen_too: Any, first_first: bool
) -> None:
    before = a_customer(ALPHA, *mine)
    beta, gamma = a_customer(BETA, *first), a_customer(GAMMA, *second)
    it = merged(merged(before, beta, chosen), gamma, chosen_too)
    for absorbed_id in (BETA, GAMMA) if first_first else (GAMMA, BETA):
        it = folded(it, it.release(absorbed_id, "mistake"))
    assert told(it) == told(before)


acts = st.one_of(
    texts.map(lambda text: lambda it: it.revise(Profile(**{**as_fields(it.profile), "website": text}))),
    st.sampled_from("abcd").map(lambda tag: lambda it: it.change_tags((tag,))),
    st.sampled_from("abcd").map(lambda tag: lambda it: it.change_tags((), (tag,))),
    st.just(lambda it: it.transfer(GAMMA, "why")),
    st.just(lambda it: it.add_contact(Contact(ADA, "Ada"), False)),
    st.just(lambda it: it.change_status(CustomerStatus.LOST, "why")),
)


def as_fields(profile: Profile) -> dict[str, Any]:
    return {name: getattr(profile, name) for name in Profile.__dataclass_fields__}


@settings(max_examples=150, deadline=None)
@given(customers, customers, choices, st.lists(acts, max_size=5))
def test_what_was_done_while_merged_stays_with_the_survivor(mine: Any, theirs: Any, chosen: Any, did: Any) -> None:
    """Each field as somebody set it since the merge; every other one as if never merged."""
    before = a_customer(ALPHA, *mine)
    whole = merged(before, a_customer(BETA, *theirs), chosen)
    it, set_since = whole, {}
    for act in did:
        try:
            now = folded(it, act(it))
        except DomainError:
            continue
        for name, value in seen(now).items():
            if value != seen(it)[name]:
                set_since[name] = value
        it = now
    it = folded(it, it.release(BETA, "mistake"))
    expected = {**seen(before), **set_since}
    told_now = seen(it)
    if set_since.get("website") == seen(whole)["website"]:  # set to the very value the merge had brought
        expected.pop("website"), told_now.pop("website")
    assert told_now == expected


def seen(it: Customer) -> dict[str, Any]:
    custom = {field.key: field.value for field in it.profile.custom_fields}
    fields = {**as_fields(it.profile), "x": custom.get("x"), "y": custom.get("y")}
    fields.pop("custom_fields")
    fields |= {"owner": it.owner_id, "status": it.status, "contacts": it.contacts}
    return fields | {f"tag {tag}": tag in it.tags for tag in "abcd"}


def test_a_tag_that_somebody_put_on_again_stays() -> None:
    before = a_customer(ALPHA, Profile(name="Alpha Ltd"), [], "prospect")
    it = merged(before, a_customer(BETA, Profile(name="Beta Ltd"), ["a", "b"], "prospect"), {})
    it = folded(it, it.change_tags((), ("a",)))
    it = folded(it, it.change_tags(("a",)))
    assert folded(it, it.release(BETA, "mistake")).tags == {"a"}
