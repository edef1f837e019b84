"""Customers that may be the same: numbers, addresses and codes exactly, company names by likeness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from customer.domain.names import likely_from, likeness, pieces, telling_pieces
from customer.projections.families import survivors

MOST_CANDIDATES = 20
_MOST_COMPARED = 200


@dataclass(frozen=True, slots=True)
class Sought:
    """What a customer is recognised by; `key` tells several of them apart."""

    key: str
    company_name: str = ""
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    credit_code: str = ""
    external_ref: str = ""
    source: str = ""


@dataclass(slots=True)
class Candidate:
    """A customer that may be the same."""

    customer_id: UUID
    name: str
    kind: int
    owner_id: UUID | None
    matched_on: list[str] = field(default_factory=list)
    score: float = 0.0

    def add(self, what: str, score: float) -> None:
        """Note another thing that is alike."""
        if what not in self.matched_on:
            self.matched_on.append(what)
        self.score = max(self.score, score)


_LIVE = "c.merged_into is null and not c.taken_back"


def candidates(
    cursor: Cursor[DictRow], sought: Sequence[Sought], without: UUID | None = None
) -> dict[str, list[Candidate]]:
    """Return candidates by key, likeliest first. Few statements, however many are sought."""
    found: dict[str, dict[UUID, Candidate]] = {each.key: {} for each in sought}
    matches = [
        *_exact(cursor, "phone", [(each.key, v) for each in sought for v in each.phones], "phones"),
        *_exact(cursor, "email", [(each.key, v) for each in sought for v in each.emails], "emails"),
        *_same(cursor, "credit_code", [(s.key, s.credit_code, "") for s in sought if s.credit_code]),
        *_same(
            cursor,
            "external_ref",
            [(s.key, s.external_ref, s.source) for s in sought if s.external_ref],
        ),
    ]
    for key, what, row in matches:
        _note(found[key], row, what, 1.0)
    for each in sought:
        if each.company_name:
            ours, least = pieces(each.company_name), likely_from(each.company_name)
            for row in _alike(cursor, each.company_name):
                score = likeness(ours, frozenset(row["name_pieces"]))
                if score >= least:
                    _note(found[each.key], row, "name", score)
    return {
        key: sorted(
            (c for c in by_id.values() if c.customer_id != without),
            key=lambda c: (-c.score, -len(c.matched_on), c.customer_id),
        )[:MOST_CANDIDATES]
        for key, by_id in _resolved(cursor, found).items()
    }


def _note(found: dict[UUID, Candidate], row: DictRow, what: str, score: float) -> None:
    candidate = found.setdefault(
        row["customer_id"], Candidate(row["customer_id"], row["name"], row["kind"], row["owner_id"])
    )
    candidate.add(what, score)


def _exact(
    cursor: Cursor[DictRow], what: str, wanted: list[tuple[str, str]], column: str
) -> list[tuple[str, str, DictRow]]:
    """Match a value against the customers' own and their contacts'; absorbed customers' count as well."""
    if not wanted:
        return []
    keys, values = [key for key, _ in wanted], [value for _, value in wanted]
    rows = cursor.execute(
        "select w.key, c.customer_id, c.name, c.kind, c.owner_id"
        " from unnest(%s::text[], %s::text[]) w (key, value)"
        f" join customers c on c.{column} @> array[w.value] where not c.taken_back"
        " union select w.key, c.customer_id, c.name, c.kind, c.owner_id"
        " from unnest(%s::text[], %s::text[]) w (key, value)"
        f" join contacts p on p.{column} @> array[w.value]"
        " join customers c on c.customer_id = p.customer_id where not c.taken_back limit 5000",
        (keys, values, keys, values),
    ).fetchall()
    return [(row["key"], what, row) for row in rows]


def _same(cursor: Cursor[DictRow], column: str, wanted: list[tuple[str, str, str]]) -> list[tuple[str, str, DictRow]]:
    """Match a code. An id of another system counts only together with the system it comes from."""
    if not wanted:
        return []
    same_source = " and c.source = w.source" if column == "external_ref" else ""
    rows = cursor.execute(
        "select w.key, c.customer_id, c.name, c.kind, c.owner_id"
        " from unnest(%s::text[], %s::text[], %s::text[]) w (key, value, source)"
        f" join customers c on c.{column} = w.value and c.{column} <> ''{same_source}"
        " where not c.taken_back limit 5000",
        ([w[0] for w in wanted], [w[1] for w in wanted], [w[2] for w in wanted]),
    ).fetchall()
    return [(row["key"], column, row) for row in rows]


def _alike(cursor: Cursor[DictRow], name: str) -> list[DictRow]:
    """Return the companies that share telling pieces of a name, those that share most first."""
    return cursor.execute(ALIKE, alike_values(name)).fetchall()


ALIKE = (
    "select * from (select c.customer_id, c.name, c.kind, c.owner_id, c.name_pieces,"
    " (select count(*) from unnest(%s::text[]) piece where piece = any(c.name_pieces)) as shared"
    f" from customers c where array_to_tsvector(c.name_pieces) @@ %s::tsquery and {_LIVE}) found"
    f" where shared >= %s order by shared desc, customer_id limit {_MOST_COMPARED}"
)
"""Candidates come from the GIN index over the pieces of names."""


def alike_values(name: str) -> tuple[list[str], str, int]:
    """Return the parameters of ALIKE for a name."""
    telling, must_share = telling_pieces(name)
    return telling, _that_share(telling, must_share), must_share


def _that_share(telling: Sequence[str], must_share: int) -> str:
    """Return the tsquery of names that can share so many of the pieces: one of the rarest, or two if they must.

    Whoever has k of u pieces has one of any u - k + 1, and two of any u - k + 2: prefix filtering, as in Chaudhuri,
    Ganti and Kaushik, "A primitive operator for similarity joins in data cleaning" (2006).
    """
    if must_share == 1:
        return " | ".join(map(_lexeme, telling))
    rarest = [_lexeme(piece) for piece in telling[: len(telling) - must_share + 2]]
    pairs = [f"{piece} & ({' | '.join(rarest[i:])})" for i, piece in enumerate(rarest[:-1], start=1)]
    return " | ".join(pairs)


def _lexeme(piece: str) -> str:
    """Pieces are of letters, digits and Chinese characters only."""
    return f"'{piece}'"


def _resolved(cursor: Cursor[DictRow], found: dict[str, dict[UUID, Candidate]]) -> dict[str, dict[UUID, Candidate]]:
    """Let survivors answer for those they absorbed."""
    ids = list({i for by_id in found.values() for i in by_id})
    root_of = survivors(cursor, ids) if ids else {}
    moved = {i: root for i, root in root_of.items() if i != root}
    if not moved:
        return found
    rows = {
        row["customer_id"]: row
        for row in cursor.execute(
            "select customer_id, name, kind, owner_id from customers where customer_id = any(%s)",
            (list(set(moved.values())),),
        ).fetchall()
    }
    result: dict[str, dict[UUID, Candidate]] = {}
    for key, by_id in found.items():
        mine: dict[UUID, Candidate] = {}
        for candidate in by_id.values():
            root = moved.get(candidate.customer_id)
            for what in candidate.matched_on:
                if root is None:
                    kept = mine.setdefault(
                        candidate.customer_id,
                        Candidate(candidate.customer_id, candidate.name, candidate.kind, candidate.owner_id),
                    )
                    kept.add(what, candidate.score)
                elif root in rows:
                    _note(mine, rows[root], what, candidate.score)
        result[key] = mine
    return result
