from functools import reduce
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.domain.team import (
    DEEPEST,
    Team,
    TeamDissolved,
    TeamEvent,
    TeamFormed,
    TeamGone,
    TeamInUse,
    TeamLoop,
    TeamManagerAppointed,
    TeamMoved,
    TeamRenamed,
    TeamTooDeep,
    evolve,
    form_team,
)

EAST, SALES, COMPANY, LI = (UUID(int=n) for n in (1, 2, 3, 4))
formed = TeamFormed(EAST, "华东区", SALES, None)


def a_team(*history: TeamEvent) -> Team:
    state = reduce(evolve, (formed, *history), None)
    assert state is not None
    return state


def test_changes_record_before_and_after() -> None:
    assert a_team().rename("East") == [TeamRenamed(EAST, "华东区", "East")]
    assert a_team().move(COMPANY, [COMPANY]) == [TeamMoved(EAST, SALES, COMPANY)]
    assert a_team().appoint(LI) == [TeamManagerAppointed(EAST, None, LI)]


def test_what_is_so_already_is_nothing_new() -> None:
    assert a_team().rename("华东区") == []
    assert a_team().move(SALES, [SALES, COMPANY]) == []
    assert a_team().appoint(None) == []


def test_a_team_is_never_below_itself() -> None:
    with pytest.raises(TeamLoop):
        a_team().move(COMPANY, [COMPANY, EAST, SALES])


def test_the_tree_has_a_limited_depth() -> None:
    line = [UUID(int=100 + n) for n in range(DEEPEST)]
    with pytest.raises(TeamTooDeep):
        form_team(EAST, "deep", line[0], None, line)
    assert form_team(EAST, "deep", line[1], None, line[1:])


def test_a_team_with_somebody_in_it_is_not_dissolved() -> None:
    for people, teams in ((1, 0), (0, 1)):
        with pytest.raises(TeamInUse):
            a_team().dissolve(people, teams)
    assert a_team().dissolve(0, 0) == [TeamDissolved(EAST)]


def test_a_dissolved_team_does_not_change() -> None:
    gone = a_team(TeamDissolved(EAST))
    for decide in (lambda: gone.rename("x"), lambda: gone.move(None, []), lambda: gone.appoint(LI)):
        with pytest.raises(TeamGone):
            decide()
    assert gone.dissolve(1, 1) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), max_size=60))
def test_whatever_moves_are_asked_the_tree_never_has_a_loop(asked: list[tuple[int, int]]) -> None:
    ids = [UUID(int=n + 1) for n in range(6)]
    tree = {it: Team(it, str(it), None, None) for it in ids}

    def line_above(start: UUID | None) -> list[UUID]:
        line: list[UUID] = []
        while start is not None:
            assert start not in line, "a loop"
            line.append(start)
            start = tree[start].parent_team_id
        return line

    for child, parent in asked:
        team, to = tree[ids[child]], ids[parent] if parent < 6 else None
        try:
            events = team.move(to, line_above(to))
        except TeamLoop:
            continue
        tree[team.id] = reduce(evolve, events, team)
    assert all(len(line_above(it)) <= 6 for it in ids)
