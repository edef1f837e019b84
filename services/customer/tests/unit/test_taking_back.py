"""Whatever people did to a customer, what one of them did on a day is taken back, and nothing that came after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from customer.domain.customer import Contact, Customer, CustomerKind, CustomerStatus, DecisionRole, evolve, register
from customer.domain.customer import FieldChoice as Choice
from customer.domain.policy import CustomerLevel
from customer.domain.profile import Profile, with_value
from customer.domain.taking_back import CUSTOMER
from kernel.errors import DomainError
from kernel.reversals import Plan, Reversals, Step, Verdict, plan

CUSTOMERS = Reversals("customer", CUSTOMER, evolve)
IDS = tuple(UUID(int=n) for n in range(1, 7))
ALPHA, ANN, BOB, CEE, ONE, TWO = IDS
TAGS = ("vip", "fair")
CUSTOM = tuple(f"custom_fields.{key}" for key in "ab")
FLAT = ("website", "industry_code", "remark", *CUSTOM)
VALUES = ("x", "y", "z")
Act = Callable[[Customer], Sequence[Any]]


def revising(field: str, value: str) -> Act:
    return lambda it: it.revise(with_value(it.profile, field, value))


def tagging(tag: str, on: bool) -> Act:
    return lambda it: it.change_tags((tag,) if on else (), () if on else (tag,))


FLAT_ACTS = st.one_of(
    st.builds(revising, st.sampled_from(FLAT), st.sampled_from(VALUES)),
    st.builds(tagging, st.sampled_from(TAGS), st.booleans()),
    st.sampled_from((ANN, BOB, CEE)).map(lambda owner: lambda it: it.transfer(owner, "why")),
    st.sampled_from(list(CustomerLevel)[1:]).map(lambda level: lambda it: it.pin_level(level, "why")),
)
CONTACT_ACTS = st.one_of(
    st.builds(
        lambda id_, name, primary: lambda it: it.add_contact(Contact(id_, name), primary),
        st.sampled_from((ONE, TWO)),
        st.sampled_from(VALUES),
        st.booleans(),
    ),
    st.builds(
        lambda id_, name, role, primary: (
            lambda it: it.revise_contact(Contact(id_, name, decision_role=DecisionRole(role)), primary)
        ),
        st.sampled_from((ONE, TWO)),
        st.sampled_from(VALUES),
        st.integers(0, 2),
        st.booleans(),
    ),
    st.sampled_from((ONE, TWO)).map(lambda id_: lambda it: it.remove_contact(id_, "gone")),
)
STANDING_ACTS = st.one_of(
    st.sampled_from((CustomerStatus.LOST, CustomerStatus.PROSPECT)).map(
        lambda status: lambda it: it.change_status(status, "why")
    ),
    st.just(lambda it: it.archive("why")),
    st.just(lambda it: it.restore("why")),
)
Turns = list[tuple[bool, Act]]


def lived(turns: Turns) -> list[Step]:
    """A customer, and what he and others did to it; what the rules refuse did not happen."""
    before = register(ALPHA, CustomerKind.COMPANY, Profile(name="Alpha", website="w"), ANN, tags=("vip",))
    steps = [Step(event) for event in before]
    customer = now(steps)
    for mine, act in turns:
        try:
            events = act(customer)
        except DomainError:
            continue
        steps += [Step(event, mine, who="somebody") for event in events]
        customer = now(steps)
    return steps


def now(steps: Sequence[Step]) -> Customer:
    customer: Customer | None = None
    for step in steps:
        customer = evolve(customer, step.event)
    assert customer is not None
    return customer


def told(it: Customer) -> dict[str, Any]:
    """Every field that people change, by the name that `touches` gives it."""
    custom = {f.key: f.value for f in it.profile.custom_fields}
    found: dict[str, Any] = {name: getattr(it.profile, name) for name in FLAT if name not in CUSTOM}
    found |= {f"custom_fields.{key}": custom.get(key, "") for key in "ab"}
    found |= {f"tag:{tag}": tag in it.tags for tag in TAGS}
    found |= {"owner": it.owner_id, "level": it.level if it.level_is_pinned else None, "status": it.status}
    for id_ in (ONE, TWO):
        contact = it.contact(id_)
        found[f"contact:{id_}.name"] = contact and contact.name
        found[f"contact:{id_}.decision_role"] = contact and contact.decision_role
    return found | {"primary_contact": it.primary_contact_id}


def touching(steps: Sequence[Step], i: int, name: str) -> bool:
    before = now(steps[:i]) if i else None
    return any(
        name == other or name.startswith(f"{other}.")
        for other in CUSTOMERS.touches(before, now(steps[: i + 1]), steps[i].event)
    )


def expected(steps: Sequence[Step], name: str) -> Any:
    """The value that the last change by others left, else the one before his first."""
    last = max((i for i, step in enumerate(steps) if not step.mine and touching(steps, i, name)), default=0)
    return told(now(steps[: last + 1]))[name] if last else told(now(steps[:2]))[name]


def undone(steps: Sequence[Step]) -> tuple[Plan, list[Step]]:
    planned = plan(CUSTOMERS, steps, lambda _: ())
    return planned, [*steps, *(Step(event, undoing=True) for event in planned.events)]


def kept(planned: Plan) -> set[str]:
    return {name for outcome in planned.outcomes for name, _ in outcome.kept}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), FLAT_ACTS), max_size=12))
def test_what_nobody_changed_since_is_as_before_his_day_and_the_rest_keeps_the_later_value(turns: Turns) -> None:
    steps = lived(turns)
    planned, after = undone(steps)
    assert told(now(after)) == {name: expected(steps, name) for name in told(now(steps))}
    for name in told(now(steps)):
        changes = [i for i in range(2, len(steps)) if touching(steps, i, name)]
        by_others = [i for i in changes if not steps[i].mine]
        changed_since = any(steps[i].mine for i in changes if by_others and i < by_others[-1])
        assert (name in kept(planned)) == changed_since
    again, _ = undone(after)
    assert again.events == ()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.one_of(FLAT_ACTS, CONTACT_ACTS, STANDING_ACTS)), max_size=12))
def test_whatever_he_did_is_taken_back_or_said_to_stay(turns: Turns) -> None:
    steps = lived(turns)
    planned, after = undone(steps)
    for name, value in told(now(after)).items():
        stays = any(name == other or name.startswith(f"{other}.") for other in kept(planned))
        assert value == expected(steps, name) or stays or name == "primary_contact", name
    mine = [i for i, step in enumerate(steps) if step.mine]
    assert sorted(outcome.index for outcome in planned.outcomes) == mine
    again, _ = undone(after)
    assert again.events == ()


def test_a_customer_that_nobody_else_touched_goes_as_a_whole() -> None:
    mine = [replace(step, mine=True) for step in lived([(True, revising("website", "x"))])]
    planned, after = undone(mine)
    assert now(after).status is CustomerStatus.ARCHIVED
    assert {outcome.verdict for outcome in planned.outcomes[:-1]} == {Verdict.GOES_ALONG}
    again, _ = undone(after)
    assert again.events == ()
    assert again.outcomes[-1].verdict is Verdict.ALREADY_TAKEN_BACK
    touched = [*mine, *(Step(event, who="Ann") for event in now(mine).change_tags(("new",)))]
    planned, after = undone(touched)
    assert now(after).status is CustomerStatus.PROSPECT
    assert planned.outcomes[-1].kept == (("", "changed since by Ann"),)


def test_a_merge_stays_and_says_how_it_is_taken_back() -> None:
    beta = Customer(BOB, CustomerKind.COMPANY, Profile(name="Beta", website="b"), ANN, CustomerStatus.ACTIVE)
    steps = lived([])
    steps += [Step(event, mine=True) for event in now(steps).absorb(beta, [Choice("website", True)])]
    planned, after = undone(steps)
    assert planned.events == ()
    assert now(after).profile.website == "b"
    assert all("un-merge" in reason for outcome in planned.outcomes for _, reason in outcome.kept)
    assert {"website", "status", f"merge:{BOB}"} <= kept(planned)


def test_consents_are_never_given_again_by_an_undo() -> None:
    steps = lived([(False, lambda it: it.add_contact(Contact(ONE, "x"), True))])
    steps += [Step(event) for event in now(steps).give_consent(ONE, "email", "marketing", "form")]
    steps += [Step(event, mine=True) for event in now(steps).remove_contact(ONE, "gone")]
    planned, after = undone(steps)
    assert planned.events == ()
    assert now(after).contact(ONE) is None
    assert "consents" in planned.outcomes[-1].kept[0][1]
