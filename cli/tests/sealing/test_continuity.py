"""The chain goes on through restarts, kills, standbys and forgotten people, and stops where it must not go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from headwater import verify_export
from headwater.commands.status import sealing
from headwater.home import Home
from kernel.config import CONTEXTS
from kernel.seal import (
    CHAINS,
    EVENTS,
    SealBroken,
    Sealer,
    Signer,
    extended,
    final_on,
    last_seal,
    open_sealing,
    rows_of,
    store,
)
from kernel.telemetry import gauges
from testkit import wait_until

Ledger = Any
CONTEXT = "customer"

SEALING = """
import os, threading
from kernel.config import Settings
from kernel.seal import Kept, Sealer, Signer
settings = Settings.from_environment("customer")
print("sealing", flush=True)
Sealer("customer", settings.database_url, Signer.of(settings), Kept.of(settings), every_s=0.001, window=2).run(
    threading.Event()
)
"""


def test_an_untouched_log_verifies_and_every_row_was_checked(sealed: Ledger) -> None:
    for said in (sealed.live(), sealed.alone()):
        assert said["sound"]
        assert said["rows_checked"] == 34
        assert said["position"] == 35
        assert said["checkpoints_from_outside"] == 4


def test_the_stand_alone_verifier_needs_nothing_of_ours(sealed: Ledger) -> None:
    watched = (
        "import runpy, sys; sys.argv = sys.argv[1:]\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as ended: status = ended.code\n"
        "ours = {'kernel', 'headwater', 'crm', 'psycopg'} & {name.partition('.')[0] for name in sys.modules}\n"
        "sys.exit(f'it imported {ours}' if ours else status)"
    )
    given = [sys.executable, "-c", watched, verify_export.__file__, *sealed.exported(), "--rows"]
    done = subprocess.run(given, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    *rows, first, last = done.stdout.splitlines()
    assert first.startswith("customer events: 34 rows checked")
    assert last == "  SOUND"
    assert [json.loads(row)["notification_id"] for row in rows] == [*range(1, 13), *range(14, 36)]
    stored = sealed.ask("select event_id::text, recorded_at, actor from events where notification_id = 7")[0]
    told = json.loads(rows[6])
    assert (told["event_id"], told["actor"]) == (stored[0], stored[2])
    assert told["recorded_at"] == stored[1].isoformat()


def test_a_torn_or_garbled_export_cannot_be_read(sealed: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    given = sealed.exported()
    whole = Path(given[0]).read_bytes()
    for broken in (whole[:-20], whole[:40], b"something else", whole.replace(b"E\0\0\0\0", b"X\0\0\0\0")):
        Path(given[0]).write_bytes(broken)
        assert verify_export.main(given) == 2
        assert "cannot be read" in capsys.readouterr().err


def test_forgetting_a_person_breaks_nothing(sealed: Ledger) -> None:
    person = sealed.people[7]
    with sealed.store.connection() as connection:
        connection.execute("select forget_key(%s)", (str(person),))
    with sealed.store.query() as cursor:
        forgotten = sealed.store.recorder.read_stream(cursor, person)
    assert forgotten[0].position == 8
    assert sealed.live()["sound"]
    assert sealed.alone()["sound"]


def test_what_is_written_after_a_restart_continues_the_chain(sealed: Ledger) -> None:
    sealed.append(5)
    assert sealed.sealed() == 40
    said = sealed.live()
    assert (said["sound"], said["rows_checked"], said["checkpoint"]) == (True, 39, 5)


def test_a_relay_killed_between_the_database_and_the_folder_leaves_no_gap(sealed: Ledger) -> None:
    sealed.append(5)
    with open_sealing(sealed.database.url) as connection:
        last = last_seal(connection, CONTEXT, EVENTS, sealed.signer)
        rows = rows_of(connection, EVENTS, last.position, 38, 100)
        store(connection, EVENTS, extended(CONTEXT, EVENTS, last, rows, sealed.signer, last.sealed_at))
    file = sealed.checkpoints / "customer.events.jsonl"
    with file.open("ab") as torn:
        torn.write(b'{"body":"{\\"format')
    assert sealed.sealed() == 40
    kept, unreadable = verify_export.read_kept(file.read_bytes().splitlines())
    assert [checkpoint.number for checkpoint in kept] == [1, 2, 3, 4, 5, 6]
    assert unreadable == 1
    assert sealed.live()["sound"]


def test_a_sealer_killed_at_any_moment_continues_the_chain(ledger: Ledger) -> None:
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", SEALING], env=os.environ | ledger.environment, stdout=subprocess.PIPE
        )
        assert process.stdout
        assert process.stdout.readline() == b"sealing\n"
        before = ledger.sealed_up_to()
        ledger.append(12)
        wait_until(lambda before=before: ledger.sealed_up_to() > before)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        process.stdout.close()
        assert ledger.live()["kind"] in ("sound", "unsealed")
    assert ledger.sealed() == 71
    said = ledger.live()
    assert (said["sound"], said["rows_checked"]) == (True, 70)


def test_two_sealers_that_both_think_they_are_active_do_not_fork_the_chain(ledger: Ledger) -> None:
    sealers = [ledger.sealer(), ledger.sealer()]
    lost: list[Exception] = []

    def seal(sealer: Sealer) -> None:
        with open_sealing(ledger.database.url) as connection:
            for _ in range(30):
                try:
                    sealer.seal_all(connection)
                except psycopg.errors.UniqueViolation as error:
                    lost.append(error)

    threads = [threading.Thread(target=seal, args=(sealer,)) for sealer in sealers]
    for thread in threads:
        thread.start()
    for _ in range(10):
        ledger.append(3)
    for thread in threads:
        thread.join()
    assert ledger.sealed() == 65
    kept, _ = verify_export.read_kept((ledger.checkpoints / "customer.events.jsonl").read_bytes().splitlines())
    assert [checkpoint.number for checkpoint in kept] == list(range(1, len(kept) + 1))
    said = ledger.live()
    assert (said["sound"], said["rows_checked"]) == (True, 64)


def test_one_of_two_relays_seals_and_the_other_takes_over(ledger: Ledger) -> None:
    with ledger.relaying() as first:
        wait_until(lambda: ledger.sealed_up_to() == 35)
        with ledger.relaying() as second:
            ledger.append(3)
            wait_until(lambda: ledger.sealed_up_to() == 38)
            wait_until(lambda: first.sealer.sealed == 37)
            assert second.sealer.sealed == 0
            ledger.ask(
                "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = 818 and granted"
                " and database = (select oid from pg_database where datname = current_database())"
            )
            wait_until(lambda: second.sealer.active)
            ledger.append(3)
            wait_until(lambda: ledger.sealed_up_to() == 41)
    assert second.sealer.sealed > 0
    assert ledger.live()["sound"]


def test_who_still_writes_is_waited_for(ledger: Ledger) -> None:
    ledger.sealed()
    with psycopg.connect(ledger.database.url) as slow, open_sealing(ledger.database.url) as connection:
        columns = ", ".join(EVENTS.names()[2:])
        slow.execute(
            f"insert into events (originator_id, {columns}) select gen_random_uuid(), {columns} from events"
            " where notification_id = 1".encode()
        )
        ledger.append(1)
        with pytest.raises(TimeoutError, match="1 transactions that write to events stay open"):
            final_on(connection, EVENTS, timeout_s=0.1)
        slow.commit()
        assert final_on(connection, EVENTS, timeout_s=5) == 37
    ledger.sealed()
    assert ledger.live()["rows_checked"] == 36


def test_a_database_that_was_rolled_back_is_not_sealed_on_but_published(sealed: Ledger) -> None:
    sealed.ask("delete from events where notification_id > 31")
    sealed.ask("delete from seals where number > 3")
    sealed.ask("select setval('events_notification_id_seq', 31)")
    sealed.append(2)
    with (
        open_sealing(sealed.database.url) as connection,
        pytest.raises(SealBroken, match=r"checkpoint 4 of .* is not in the database"),
    ):
        sealed.sealer().seal_all(connection)
    sealed.ask("delete from relay_checkpoint")
    gauges.set("seal_failing", 0, context=CONTEXT)
    with sealed.relaying():
        wait_until(lambda: sealed.published_up_to() == 33)
        wait_until(lambda: failing() == 1)
    assert sealed.sealed_up_to() == 31
    said = sealed.live()
    assert (said["kind"], said["first_bad_position"]) == ("truncated", 32)


def failing() -> float:
    return gauges.snapshot().get(("seal_failing", (("context", CONTEXT),)), 0)


def test_a_checkpoint_that_was_forged_is_not_built_upon(sealed: Ledger) -> None:
    sealed.ask("update seals set signature = %s where chain = 'events' and number = 4", bytes(64))
    sealed.append(1)
    with open_sealing(sealed.database.url) as connection, pytest.raises(SealBroken, match="was not signed"):
        sealed.sealer().seal_all(connection)


def test_a_folder_that_cannot_be_written_stops_nothing_and_is_caught_up_with(ledger: Ledger) -> None:
    ledger.checkpoints.write_text("a file where the folder should be")
    ledger.sealed()
    assert gauges.snapshot()["seal_outside_failing", (("context", CONTEXT),)] == 1
    assert ledger.live()["checkpoints_from_outside"] == 0
    ledger.checkpoints.unlink()
    ledger.append(1)
    ledger.sealed()
    assert gauges.snapshot()["seal_outside_failing", (("context", CONTEXT),)] == 0
    assert ledger.live()["checkpoints_from_outside"] == 5


def test_a_new_key_continues_what_the_former_one_signed(sealed: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    former = sealed.signer.public_pem()
    pem = sealed.a_key()
    sealed.signer = Signer(pem)
    with open_sealing(sealed.database.url) as connection, pytest.raises(SealBroken, match="CUSTOMER_SEAL_FORMER_KEYS"):
        last_seal(connection, CONTEXT, EVENTS, sealed.signer)
    sealed.signer = Signer(pem, [former])
    sealed.append(1)
    sealed.sealed()
    said = sealed.live()
    assert (said["kind"], said["first_bad_position"]) == ("rewritten", 36), "the former key alone knows nothing of it"
    monkeypatch.setenv("CUSTOMER_SEAL_KEY", pem)
    assert sealed.live()["sound"], "a signature vouches for all that it goes back to"
    assert sealed.alone()["sound"]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.table)
def test_every_stored_column_is_sealed(ledger: Ledger, chain: Any) -> None:
    names = {"bigint": "int8", "timestamp with time zone": "timestamptz"}
    rows = ledger.ask(
        "select attname, format_type(atttypid, null) from pg_attribute"
        " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped",
        chain.table,
    )
    assert sorted(chain.columns.split(" ")) == sorted(f"{name}:{names.get(kind, kind)}" for name, kind in rows)


def test_the_status_says_which_log_is_not_sealed(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    for context in CONTEXTS:  # one database stands for all
        monkeypatch.setenv(f"{context.upper()}_DATABASE_URL", ledger.database.url)
    ledger.ask("update events set recorded_at = now() - interval '2 minutes' where notification_id = 20")
    row = sealing(Home.here())
    assert not row["up"]
    assert "customer events for 1" in row["where"]
    ledger.sealed()
    row = sealing(Home.here())
    assert (row["up"], row["where"]) == (True, "all logs; 0 rows are waiting for the next second")
