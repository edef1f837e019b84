from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import reduce
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.domain.person import (
    Grant,
    LastAdministrator,
    NotForGuests,
    Person,
    PersonEvent,
    PersonGone,
    PersonJoined,
    PersonKind,
    PersonLeft,
    PersonMoved,
    PersonReturned,
    PersonRevised,
    RoleGranted,
    RoleWithdrawn,
    evolve,
    join,
)
from kernel.errors import DomainError, InvalidArgument

ID, SALES, SERVICE = (UUID(int=n) for n in (1, 2, 3))
NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
joined = PersonJoined(ID, "王小明", "wang@example.org", "wang.xm", SALES, "rep")


def a_person(*history: PersonEvent) -> Person:
    state = reduce(evolve, (joined, *history), None)
    assert state is not None
    return state


def grant(person: Person, role: str, ends_at: datetime | None = None, *, only_own: bool = True) -> list[PersonEvent]:
    return person.grant(role, Grant(ends_at), NOON, only_own=only_own, other_administrators=0)


@pytest.mark.feature("IDN-08")
def test_a_grant_ends_once_its_time_has_come_and_not_when_it_was_renewed() -> None:
    ends = NOON + timedelta(hours=1)
    granted = grant(a_person(), "agent", ends)
    assert granted == [RoleGranted(ID, "agent", ends)]
    held = a_person(*granted)
    assert grant(held, "agent", ends) == []
    assert held.end_grant("agent", NOON) == []
    assert held.end_grant("agent", ends) == [RoleWithdrawn(ID, "agent", ended=True)]
    for later in (ends + timedelta(hours=1), None):
        renewed = a_person(*granted, RoleGranted(ID, "agent", later))
        assert renewed.end_grant("agent", ends) == []
    assert a_person(*granted, RoleWithdrawn(ID, "agent")).end_grant("agent", ends) == []
    with pytest.raises(InvalidArgument, match="ends_at"):
        grant(a_person(), "agent", NOON)


def test_the_last_administrator_does_not_become_one_for_a_time() -> None:
    admin = a_person(RoleGranted(ID, "admin"))
    with pytest.raises(LastAdministrator):
        grant(admin, "admin", NOON + timedelta(days=1))
    for_a_time = a_person(RoleGranted(ID, "admin", NOON + timedelta(days=1)))
    assert for_a_time.leave("", 0) == [PersonLeft(ID, "")], "he never counted"


def test_a_guest_belongs_to_a_customer_and_holds_nothing_that_shows_more_than_his_own() -> None:
    (event,) = join(ID, "Li", "", "li", None, "", PersonKind.PORTAL, SERVICE)
    guest = evolve(None, event)
    assert (guest.kind, guest.customer_id) == (PersonKind.PORTAL, SERVICE)
    assert grant(guest, "customer")
    with pytest.raises(NotForGuests):
        grant(guest, "agent", only_own=False)
    with pytest.raises(NotForGuests):
        guest.move(SALES)
    for field, kind, customer, team in (
        ("customer_id", PersonKind.PARTNER, None, None),
        ("customer_id", PersonKind.STAFF, SERVICE, None),
        ("team_id", PersonKind.PORTAL, SERVICE, SALES),
    ):
        with pytest.raises(InvalidArgument, match=field):
            join(ID, "Li", "", "li", team, "", kind, customer)


def test_joining_keeps_the_login_in_lower_case() -> None:
    assert join(ID, " 王小明 ", "wang@example.org", "Wang.XM", SALES, "rep") == [joined]


@pytest.mark.parametrize(
    ("field", "name", "email", "login"),
    [
        ("name", "  ", "", "wang"),
        ("name", "x" * 121, "", "wang"),
        ("email", "Wang", "no address", "wang"),
        ("login", "Wang", "", "w"),
        ("login", "Wang", "", "wang xm"),
    ],
)
def test_a_malformed_field_is_named(field: str, name: str, email: str, login: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        join(ID, name, email, login, None, "")
    assert refusal.value.field == field


def test_revising_changes_only_what_is_given() -> None:
    assert a_person().revise(None, None, "lead") == [PersonRevised(ID, "王小明", "wang@example.org", "lead")]
    assert a_person().revise("王小明", None, None) == []


def test_moving_records_where_from() -> None:
    assert a_person().move(SERVICE) == [PersonMoved(ID, SALES, SERVICE)]
    assert a_person().move(SALES) == []


def test_whoever_left_holds_nothing_and_changes_nothing_until_he_is_back() -> None:
    gone = a_person(RoleGranted(ID, "sales_rep"), PersonLeft(ID, "retired"))
    assert gone.roles == {}
    for decide in (
        lambda: gone.move(SERVICE),
        lambda: grant(gone, "agent"),
        lambda: gone.revise("X", None, None),
        lambda: gone.change_password(must_change=False),
    ):
        with pytest.raises(PersonGone):
            decide()
    assert gone.leave("again", 0) == []
    assert gone.reinstate(SERVICE) == [PersonReturned(ID, SERVICE)]


def test_the_last_administrator_neither_leaves_nor_steps_down() -> None:
    admin = a_person(RoleGranted(ID, "admin"))
    for decide in (lambda: admin.leave("", 0), lambda: admin.withdraw("admin", 0)):
        with pytest.raises(LastAdministrator):
            decide()
    assert admin.withdraw("admin", 1) == [RoleWithdrawn(ID, "admin")]
    assert admin.leave("moved away", 1) == [PersonLeft(ID, "moved away")]


def test_a_person_holds_a_limited_number_of_roles() -> None:
    full = a_person(*(RoleGranted(ID, f"role_{n}") for n in range(20)))
    with pytest.raises(DomainError, match="at most 20"):
        grant(full, "one_more")


asks: st.SearchStrategy[Callable[[Person], list[PersonEvent]]] = st.one_of(
    st.sampled_from([SALES, SERVICE, None]).map(lambda team: lambda it: it.move(team)),
    st.sampled_from(["admin", "agent", "finance"]).map(lambda role: lambda it: grant(it, role)),
    st.tuples(st.sampled_from(["admin", "agent"]), st.integers(0, 1)).map(lambda ask: lambda it: it.withdraw(*ask)),
    st.integers(0, 1).map(lambda others: lambda it: it.leave("", others)),
    st.sampled_from([SALES, None]).map(lambda team: lambda it: it.reinstate(team)),
    st.text(max_size=5).map(lambda name: lambda it: it.revise(name, None, None)),
)


@given(st.lists(asks, max_size=30))
def test_whatever_is_asked_state_is_the_fold_of_history_and_who_left_holds_no_role(
    asked: list[Callable[[Person], list[PersonEvent]]],
) -> None:
    state, history = a_person(), list[PersonEvent]()
    for decide in asked:
        try:
            new = decide(state)
        except DomainError:
            continue
        assert decide(state) == new, "a decision is pure"
        history += new
        state = a_person(*history)
        assert not (state.left and state.roles)
        assert all(before != after for before, after in moves(new))
    assert reduce(evolve, history, a_person()) == state


def moves(events: list[PersonEvent]) -> list[tuple[UUID | None, UUID | None]]:
    return [(e.from_team_id, e.to_team_id) for e in events if isinstance(e, PersonMoved)]
