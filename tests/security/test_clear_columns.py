"""Every column that can hold words is either emptied when a person is forgotten, or known to hold nobody's data.

`not_personal.txt` lists the second kind. A new column is in neither, and this fails until somebody has decided:
give its table a Purge in the service's personal.py, or add it to the list.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
import pytest

from kernel.config import CONTEXTS

LISTED = Path(__file__).with_name("not_personal.txt")
WORDS = ("text", "text[]", "jsonb", "bytea", "character varying")
STAFF = "identity"  # its people are the staff, whom their employer does not forget on request
KERNEL = {
    "events": "personal text is sealed under the person's key",
    "parked": "events as their owner published them: sealed",
    "subject_keys": "the keys themselves",
    "idempotency": "answers are kept without personal text (kernel.rpc)",
    "timers": "ids only; the canary test looks",
    "inbox": "ids",
    "tracking": "names of consumers",
    "timelines": "names of runs",
    "relay_checkpoint": "positions",
    "migrations": "names of files",
    "suspects": "positions",
    "bus_instances": "names of processes",
    "reads": "ids and classes of data",
    "seals": "hashes",
    "as_of_moments": "names of clocks; the views beside it are thrown away when anybody is forgotten",
}
SEALED = {"analytics.audit_events.data": "other services' events, sealed by them"}


@pytest.fixture(params=[context for context in CONTEXTS if context != STAFF])
def context(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def columns_of(url: str) -> set[tuple[str, str]]:
    """(table, column) of every column that can hold words."""
    with psycopg.connect(url) as connection:
        return set(
            connection.execute(
                "select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid"
                " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'm') and a.attnum > 0"
                " and not a.attisdropped and format_type(a.atttypid, null) = any(%s)",
                (list(WORDS),),
            ).fetchall()
        )


def listed() -> set[str]:
    lines = LISTED.read_text(encoding="utf-8").splitlines()
    return {line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()}


@pytest.mark.feature("CUS-50")
def test_every_column_of_words_is_purged_or_holds_nobodys_data(
    context: str, a_settings: Callable[..., Any], database: Callable[[str], Any]
) -> None:
    service = import_module(f"{context}.bootstrap").bootstrap(a_settings(context))
    try:
        assert service.personal is not None, f"{context} does not say what it holds of people"
        purged = {(purge.table, column) for purge in service.personal.purges for column in purge.columns}
    finally:
        service.store.close()
    there = columns_of(database(context).owner_url)
    assert purged <= there, "a purge names a column that is not there"
    known = listed()
    both = {f"{context}.{t}.{c}" for t, c in purged} & known
    assert not both, f"purged, and listed as nobody's data: {sorted(both)}"
    unknown = sorted(
        f"{context}.{table}.{column}"
        for table, column in there - purged
        if table not in KERNEL and f"{context}.{table}.{column}" not in {*known, *SEALED}
    )
    assert not unknown, f"who is in there? purge it, or list it in {LISTED.name}:\n" + "\n".join(unknown)


def test_the_list_names_only_columns_that_are_there(database: Callable[[str], Any]) -> None:
    there = {f"{c}.{t}.{n}" for c in CONTEXTS if c != STAFF for t, n in columns_of(database(c).owner_url)}
    assert listed() - there == set()
