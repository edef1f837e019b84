"""Whatever is done to sealed rows, in memory: the first position that differs is the one that is named."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from headwater.verify_export import Checkpoint, Judge, Verdict, keys_from_pem
from kernel.seal import Chain, Seal, Signer, extended

CHAIN = Chain("events", "position:int8 said:text")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOLES = {7, 20, 21}
LAST, WINDOW = 40, 6

Rows = dict[int, str]
positions = st.integers(-2, LAST + 3)
damages = st.lists(
    st.one_of(
        st.tuples(st.just("set"), positions, st.text(max_size=3)),
        st.tuples(st.just("remove"), positions, st.just("")),
        st.tuples(st.just("swap"), positions, positions.map(str)),
        st.tuples(st.just("cut off"), positions, st.just("")),
    ),
    min_size=1,
    max_size=4,
)


def a_row(position: int, said: str) -> bytes:
    text = said.encode()
    return struct.pack(">hiqi", 2, 8, position, len(text)) + text


@cache
def the_signer() -> Signer:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Signer(pem.decode())


@cache
def checkpoints() -> tuple[Checkpoint, ...]:
    seal, made = Seal.beginning("notes", CHAIN), []
    rows = [a_row(position, said) for position, said in sealed_rows().items()]
    for start in range(0, len(rows), WINDOW):
        seal = extended("notes", CHAIN, seal, rows[start : start + WINDOW], the_signer(), NOW)
        made.append(Checkpoint.read(seal.body, seal.signature, seal.marks))
    return tuple(made)


def sealed_rows() -> Rows:
    return {position: f"said {position}" for position in range(1, LAST + 1) if position not in HOLES}


def judged(rows: Rows, *, inside: int = 99, outside: bool = True) -> Verdict:
    keys = keys_from_pem(the_signer().public_pem().encode())
    judge = Judge("notes", "events", keys, checkpoints()[:inside], checkpoints() if outside else ())
    return judge.check([a_row(position, rows[position]) for position in sorted(rows)], CHAIN.columns, NOW)


def done_to(rows: Rows, damage: list[tuple[str, int, str]]) -> Rows:
    rows = dict(rows)
    for what, position, more in damage:
        if what == "set":
            rows[position] = more
        elif what == "remove":
            rows.pop(position, None)
        elif what == "swap" and position in rows and int(more) in rows:
            rows[position], rows[int(more)] = rows[int(more)], rows[position]
        elif what == "cut off":
            rows = {p: said for p, said in rows.items() if p < position}
    return rows


@given(damages)
def test_the_first_position_that_differs_is_named_and_nothing_else_is_damage(
    damage: list[tuple[str, int, str]],
) -> None:
    before = sealed_rows()
    after = done_to(before, damage)
    differ = [p for p in before.keys() | after.keys() if before.get(p) != after.get(p)]
    for verdict in (judged(after), judged(after, outside=False)):
        assert verdict.sound == (not differ)
        if differ:
            assert verdict.first_bad() == (min(differ), min(differ))
            assert verdict.checked == len(before.keys() - set(differ))


@given(damages, st.integers(0, len(checkpoints()) - 1))
def test_a_database_without_its_last_checkpoints_hides_nothing_from_who_kept_them(
    damage: list[tuple[str, int, str]], left: int
) -> None:
    before = sealed_rows()
    after = done_to(before, damage)
    differ = [p for p in before.keys() | after.keys() if before.get(p) != after.get(p)]
    verdict = judged(after, inside=left)
    first = verdict.first_bad()
    assert first is not None
    gone_after = checkpoints()[left - 1].position if left else 0
    assert first[0] == min([*differ, gone_after + 1]) or (first[0] in differ and first[0] > gone_after)
