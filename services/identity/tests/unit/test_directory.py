"""What has to change here so that teams and people are as a directory says."""

from __future__ import annotations

from uuid import UUID

import pytest

from identity.domain.directory import (
    Department,
    Directory,
    Kind,
    Member,
    PersonHere,
    SuspiciousDirectory,
    TeamHere,
    most_leavers,
    plan,
)

SALES, EAST, WANG, ROOT = (UUID(int=number) for number in range(1, 5))
departments = (Department("s", "Sales"), Department("e", "East", "s"))
wang = Member("w", "Wang", "wang@example.org", "wang@example.org", "e")
teams = {"s": TeamHere(SALES, "Sales", None, None), "e": TeamHere(EAST, "East", SALES, None)}
here = PersonHere(WANG, "Wang", "wang@example.org", "", EAST, left=False, administers=False)


def kinds(directory, teams=teams, people=None, by_email=None):
    people = {"w": here} if people is None else people
    return [(it.kind, it.outside_id) for it in plan(directory, teams, people, by_email or {})]


def test_where_all_is_as_the_directory_says_nothing_changes() -> None:
    assert kinds(Directory(departments, (wang,))) == []


def test_an_empty_house_gets_parents_before_children_and_teams_before_people() -> None:
    upside_down = Directory(departments[::-1], (wang,))
    assert kinds(upside_down, {}, {}) == [(Kind.FORM_TEAM, "s"), (Kind.FORM_TEAM, "e"), (Kind.JOIN, "w")]


@pytest.mark.parametrize(
    ("directory", "expected"),
    [
        (Directory((departments[0], Department("e", "Far east", "s")), (wang,)), [(Kind.RENAME_TEAM, "e")]),
        (Directory((departments[0], Department("e", "East")), (wang,)), [(Kind.MOVE_TEAM, "e")]),
        (Directory(departments, (Member("w", "Wang Wu", "", "", "e"),)), [(Kind.REVISE, "w")]),
        (Directory(departments, (Member("w", "Wang", "", "", "s"),)), [(Kind.MOVE, "w")]),
        (Directory(departments, (Member("w", "Wang"),)), [(Kind.MOVE, "w")]),
        (Directory(departments, (Member("w", "Wang", department="e", leads=("e",)),)), [(Kind.APPOINT, "e")]),
        (
            Directory(departments[:1], (Member("w", "Wang", department="s"),)),
            [(Kind.MOVE, "w"), (Kind.DISSOLVE_TEAM, "e")],
        ),
        (Directory(departments, (wang, Member("l", "Li"))), [(Kind.JOIN, "l")]),
    ],
)
def test_joiners_movers_and_new_names(directory, expected) -> None:
    assert kinds(directory) == expected


def test_who_is_no_longer_there_leaves_and_who_is_back_returns() -> None:
    other = PersonHere(UUID(int=9), "Li", "", "", None, left=False, administers=False)
    assert kinds(Directory(departments, (wang,)), people={"w": here, "#l": other}) == [(Kind.LEAVE, "#l")]
    gone = PersonHere(WANG, "Wang", "wang@example.org", "", EAST, left=True, administers=False)
    assert kinds(Directory(departments, (wang,)), people={"w": gone}) == [(Kind.RETURN, "w")]


def test_whoever_administers_is_left_alone_wherever_he_came_from() -> None:
    chief = PersonHere(ROOT, "Chief", "", "", EAST, left=False, administers=True)
    assert kinds(Directory(departments, (wang, Member("c", "Another name"))), people={"w": here, "c": chief}) == []
    assert kinds(Directory(departments, (wang,)), people={"w": here, "#c": chief}) == []


def test_only_an_address_that_the_company_gave_says_who_somebody_is() -> None:
    by_email = {"li@example.org": PersonHere(UUID(int=9), "Li", "li@example.org", "", None, False, False)}
    given = Directory(departments, (wang, Member("l", "Li", "li@example.org", "Li@example.org")))
    assert kinds(given, by_email=by_email) == [(Kind.RECOGNISE, "l")]
    typed_in = Directory(departments, (wang, Member("l", "Li", "li@example.org", "")))
    assert kinds(typed_in, by_email=by_email) == [(Kind.JOIN, "l")]


def test_an_answer_that_would_empty_the_house_is_refused() -> None:
    with pytest.raises(SuspiciousDirectory, match="nobody is left"):
        kinds(Directory(departments, ()))


def test_departments_in_a_circle_are_left_out() -> None:
    circle = (Department("a", "A", "b"), Department("b", "B", "a"))
    assert kinds(Directory(circle, (Member("w", "Wang", department="a"),)), {}, {}) == [(Kind.JOIN, "w")]


def test_few_may_leave_while_nobody_looks() -> None:
    assert [most_leavers(people) for people in (0, 30, 200)] == [5, 5, 20]
