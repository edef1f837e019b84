"""What the simulated PostgreSQL answers is what PostgreSQL answers: whole schedules, statement by statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.rows import dict_row

from kernel.relay import WHAT_WAITS

from .postgres import text_of
from .scheduling import Choices
from .statements import STATEMENTS
from .suite import play

_TABLES = """
    create table kept (stream uuid primary key, version bigint);
    create table seen (nth bigserial, position bigint, stream uuid, version bigint);
    create table acts (nth bigserial, kind text, stream uuid, version bigint);
    grant all on kept, seen, acts, seen_nth_seq, acts_nth_seq to public
"""
_BY_THE_CLOCK = (" ".join(WHAT_WAITS.split()),)


_SCHEDULES = (("follower", 25), ("owner", 111), ("follower", 20))
"""So chosen that together they use every statement; if they no longer do, others are to be found."""


def test_it_answers_as_postgresql_does(notes: Any, database: Callable[[str], Any]) -> None:
    compared: set[str] = set()
    for side, seed in _SCHEDULES:
        record: dict[str, list[Any]] = {"owner": [], "follower": []}
        play(Choices(seed), notes, record=record)
        found = database("kernel")
        with psycopg.connect(found.owner_url, autocommit=True) as owner:
            owner.execute(_TABLES)
        replayed = Replay(found.url, compared)
        try:
            for session, what, *more in record[side]:
                replayed.do(session, what, *more)
        finally:
            replayed.close()
    assert set(STATEMENTS) - compared == set()


class Replay:
    """The sessions of a schedule, on a real server."""

    def __init__(self, url: str, compared: set[str]) -> None:
        self._compared = compared
        self._url = url
        self._sessions: dict[int, psycopg.Connection[Any]] = {}

    def do(self, session: int, what: str, *more: Any) -> None:
        """Do in a session what was done in the simulation, and compare the answers."""
        if session not in self._sessions:
            self._sessions[session] = psycopg.connect(self._url, autocommit=True, row_factory=dict_row)
        connection = self._sessions[session]
        if what == "end":
            self._sessions.pop(session).close()
        elif what in ("begin", "commit", "rollback"):
            connection.execute(what)
        else:
            self._compare(connection, *more)

    def _compare(self, connection: psycopg.Connection[Any], query: Any, params: Any, expected: Any) -> None:
        text = text_of(query)
        cursor = connection.execute(query, params)
        if isinstance(expected, int):
            assert expected in (-1, cursor.rowcount), text
        elif text not in _BY_THE_CLOCK:
            answer = [self._plain(row) for row in cursor.fetchall()]
            assert sorted(answer, key=repr) == sorted(map(self._plain, expected), key=repr), text
            if " order by " in text.rpartition(")")[2]:
                assert answer == [self._plain(row) for row in expected], text
        self._compared.add(text)

    def _plain(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row without what differs by nature: the names of transactions that hold a lock."""
        return {name: bytes(v) if isinstance(v, memoryview) else v for name, v in row.items() if name != "holder"}

    def close(self) -> None:
        for connection in self._sessions.values():
            connection.close()
