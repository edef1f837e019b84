"""Who was shown what is sealed like the log; only its oldest part may go, and only as a checkpoint declares."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from headwater import verify_export
from headwater.__main__ import main
from kernel.seal import EVENTS, Kept, cut, extended, last_seal, open_sealing, store

Ledger = Any
CONTEXT = "customer"


@pytest.fixture
def watched(ledger: Ledger) -> Ledger:
    """25 reads, the first 15 of them 200 days old; sealed up to 10, 20 and 25."""
    ledger.ask(
        "insert into reads (read_at, actor, method, request_id, correlation_id, subjects, classes)"
        " select now() - case when n <= 15 then interval '200 days' else interval '1 s' end, 'person:1', 'GetCustomer',"
        " n::text, gen_random_uuid(), array[gen_random_uuid(), gen_random_uuid()], array['name', 'phone']"
        " from generate_series(1, 25) n"
    )
    ledger.sealed()
    assert ledger.sealed_up_to("reads") == 25
    return ledger


def test_reads_are_sealed_and_an_edited_one_is_found(watched: Ledger) -> None:
    for said in (watched.live("reads"), watched.alone(chain="reads")):
        assert (said["sound"], said["rows_checked"]) == (True, 25)
    watched.ask("update reads set subjects = subjects[1:1] where position = 13")
    for said in (watched.live("reads"), watched.alone(chain="reads")):
        assert (said["kind"], said["first_bad_position"]) == ("changed", 13)
    assert watched.live()["sound"], "the events are another chain"


def test_an_auditor_can_read_the_reads_of_an_export(watched: Ledger) -> None:
    given = [sys.executable, verify_export.__file__, *watched.exported("reads"), "--rows"]
    done = subprocess.run(given, capture_output=True, text=True, timeout=60, check=True)
    told = json.loads(done.stdout.splitlines()[4])
    (subjects,) = watched.ask("select subjects::text[] from reads where position = 5")[0]
    assert (told["position"], told["subjects"], told["classes"]) == (5, subjects, ["name", "phone"])


def test_retention_removes_what_a_signed_checkpoint_declared_and_nothing_else(watched: Ledger) -> None:
    assert main(["audit", "retain", CONTEXT, "--older-than", "180"]) == 0
    assert watched.ask("select min(position), count(*) from reads")[0] == (11, 15), "whole windows only"
    for said in (watched.live("reads"), watched.alone(chain="reads")):
        assert (said["sound"], said["rows_checked"], said["removed_up_to"]) == (True, 15, 10)
    assert main(["audit", "retain", CONTEXT, "--older-than", "180"]) == 0, "again, and nothing is left to remove"
    watched.ask("delete from reads where position = 11")
    for said in (watched.live("reads"), watched.alone(chain="reads")):
        assert (said["kind"], said["first_bad_position"]) == ("missing", 11)


def test_the_chain_goes_on_after_a_cut(watched: Ledger) -> None:
    assert main(["audit", "retain", CONTEXT, "--older-than", "180"]) == 0
    watched.ask(
        "insert into reads (actor, method, request_id, correlation_id, subjects, classes)"
        " values ('person:1', 'GetCustomer', '26', gen_random_uuid(), '{}', '{}')"
    )
    watched.sealed()
    said = watched.live("reads")
    assert (said["sound"], said["rows_checked"], said["position"]) == (True, 16, 26)


def test_events_are_never_cut_not_even_with_the_key(sealed: Ledger) -> None:
    now = datetime.now(UTC)
    with open_sealing(sealed.database.url) as connection:
        with pytest.raises(ValueError, match="events is kept for ever"):
            cut(connection, CONTEXT, EVENTS, 10, sealed.signer, Kept(sealed.checkpoints), now)
        last = last_seal(connection, CONTEXT, EVENTS, sealed.signer)
        store(connection, EVENTS, extended(CONTEXT, EVENTS, last, [], sealed.signer, now, cut=10))
    sealed.ask("delete from events where notification_id <= 10")
    for said in (sealed.live(), sealed.alone()):
        assert (said["kind"], said["sound"]) == ("cut", False)
