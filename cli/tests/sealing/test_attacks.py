"""What a superuser does to a sealed log is found, by the live verifier and by the one that stands alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from crm.customer.v1 import customer_events_pb2
from headwater.verify_export import main
from kernel.seal import EVENTS, Seal, Signer, extended, open_sealing, rows_of

Ledger = Any
CONTEXT = "customer"


def edit(ledger: Ledger) -> None:
    ledger.ask("update events set actor = 'person:somebody-else' where notification_id = 17")


def delete(ledger: Ledger) -> None:
    ledger.ask("delete from events where notification_id = 17")


def insert(ledger: Ledger) -> None:
    with ledger.superuser() as connection:
        connection.execute("create temporary table forged as select * from events where notification_id = 12")
        connection.execute("update forged set notification_id = 13, originator_id = event_id")
        connection.execute("insert into events select * from forged")


def reorder(ledger: Ledger) -> None:
    with ledger.superuser() as connection, connection.transaction():
        for before, after in ((16, -1), (27, 16), (-1, 27)):
            connection.execute("update events set notification_id = %s where notification_id = %s", (after, before))


def truncate(ledger: Ledger) -> None:
    ledger.ask("delete from events where notification_id > 24")
    ledger.ask("delete from seals where number > 2")
    ledger.ask("select setval('events_notification_id_seq', 24)")


def fork(ledger: Ledger) -> None:
    """Go back to an older state and let the relay itself, elsewhere, sign another continuation."""
    truncate(ledger)
    ledger.append(15, "Li")
    ledger.relayed(ledger.checkpoints.parent / "elsewhere")


def rewrite(ledger: Ledger) -> None:
    """Edit, then compute every later hash anew; what is missing is the key."""
    edit(ledger)
    mine = Signer(ledger.a_key())
    mine.id = ledger.signer.id
    with open_sealing(ledger.database.url) as connection:
        row = connection.execute("select body, signature, marks from seals where chain = 'events' and number = 1")
        seal = Seal.stored(*(row.fetchone() or ()))
        for number, position in ((2, 21), (3, 31), (4, 35)):
            rows = rows_of(connection, EVENTS, seal.position, position, 100)
            seal = extended(CONTEXT, EVENTS, seal, rows, mine, datetime.now(UTC))
            ledger.ask(
                "update seals set body = %s, signature = %s, marks = %s where chain = 'events' and number = %s",
                *(seal.body.decode(), seal.signature, seal.marks, number),
            )


def swap_sealed_values(ledger: Ledger) -> None:
    """Exchange the sealed names of two people."""
    query = "select state from events where notification_id = %s"
    one, other = (
        customer_events_pb2.ContactAdded.FromString(ledger.ask(query, position)[0][0]) for position in (15, 19)
    )
    assert one.name != other.name
    assert "Wang" not in one.name
    one.name, other.name = other.name, one.name
    for position, message in ((15, one), (19, other)):
        ledger.ask("update events set state = %s where notification_id = %s", message.SerializeToString(), position)


ATTACKS = {
    edit: ("changed", 17),
    delete: ("missing", 17),
    insert: ("added", 13),
    reorder: ("moved", 16),
    truncate: ("truncated", 25),
    fork: ("forked", 25),
    rewrite: ("rewritten", 17),
    swap_sealed_values: ("changed", 15),
}


NEEDS_NOTHING_FROM_OUTSIDE = (edit, delete, insert, reorder, swap_sealed_values)


@pytest.mark.feature("NFR-07")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_both_verifiers_find_the_attack_and_name_the_first_bad_position(
    relayed: Ledger, attack: Callable[[Ledger], None]
) -> None:
    assert relayed.live()["sound"]
    attack(relayed)
    kind, position = ATTACKS[attack]
    for said in (relayed.live(), relayed.alone()):
        assert said["kind"] == kind
        assert (said["first_bad_position"], said["first_bad_position_up_to"]) == (position, position)
    if attack in NEEDS_NOTHING_FROM_OUTSIDE:
        said = relayed.alone(with_kept=False)
        assert (said["kind"], said["first_bad_position"]) == (kind, position)


def test_without_checkpoints_from_outside_a_rewriting_is_found_but_only_its_window_is_known(sealed: Ledger) -> None:
    rewrite(sealed)
    said = sealed.alone(with_kept=False)
    assert said["kind"] == "rewritten"
    assert said["first_bad_position"] == 11


def test_a_row_slipped_in_below_the_first_position_or_far_beyond_the_last_is_found(sealed: Ledger) -> None:
    columns = ", ".join(EVENTS.names()[2:])
    for position in (-3, 10**9):
        sealed.ask(
            f"insert into events (notification_id, originator_id, {columns})"
            f" select {position}, gen_random_uuid(), {columns} from events where notification_id = 1"
        )
    sealed.ask("update events set recorded_at = now() - interval '2 minutes' where notification_id = 1000000000")
    said = sealed.live()
    assert (said["kind"], said["first_bad_position"]) == ("added", -3)
    sealed.ask("delete from events where notification_id = -3")
    said = sealed.live()
    assert (said["kind"], said["first_bad_position"]) == ("unsealed", 10**9)


def test_removing_all_checkpoints_does_not_hide_that_there_were_any(sealed: Ledger) -> None:
    sealed.ask("delete from seals")
    said = sealed.live()
    assert (said["kind"], said["first_bad_position"]) == ("truncated", 1)
    sealed.ask("update events set recorded_at = recorded_at - interval '2 minutes'")
    said = sealed.alone(with_kept=False)
    assert (said["kind"], said["first_bad_position"]) == ("unsealed", 1)


def test_damaged_checkpoints_are_damage_even_while_every_row_is_as_it_was(sealed: Ledger) -> None:
    sealed.ask("update seals set marks = %s where chain = 'events' and number = 3", b"x" * 160)
    assert (sealed.live()["kind"], sealed.live()["first_bad_position"]) == ("rewritten", 22)
    edit_in_the_same_window = "update events set actor = 'somebody' where notification_id = 29"
    sealed.ask(edit_in_the_same_window)
    assert sealed.live()["first_bad_position"] == 29, "the marks kept outside still tell"


def test_another_key_s_signature_is_no_signature(sealed: Ledger, tmp_path: Any) -> None:
    given = sealed.exported()
    (tmp_path / "public.pem").write_text(Signer(sealed.a_key()).public_pem())
    assert main(given) == 1
