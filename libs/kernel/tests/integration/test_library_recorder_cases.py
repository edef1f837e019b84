"""The eventsourcing library's own test cases for application recorders, run against ours.

Its NonInterleavingNotificationIDsBaseCase is left out on purpose: appenders that do not wait for each other
do interleave their positions, and nothing here needs them not to. See docs/decisions/0003.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import ApplicationRecorder
from eventsourcing.postgres import PostgresDatastore
from eventsourcing.tests.persistence import ApplicationRecorderTestCase
from psycopg.conninfo import conninfo_to_dict

from kernel.log import LogRecorder


def _datastore(url: str, **options: Any) -> PostgresDatastore:
    parts = conninfo_to_dict(url)
    return PostgresDatastore(
        parts["dbname"],
        parts["host"],
        parts["port"],
        parts["user"],
        parts["password"],
        pool_size=10,
        **options,
    )


@pytest.fixture
def empty(database: Any, request: pytest.FixtureRequest) -> Iterator[None]:
    """A database without a log: the library's cases make the table themselves."""
    made = database("kernel")
    with psycopg.connect(made.owner_url, autocommit=True) as owner:
        owner.execute("drop table events")
        owner.execute("grant create on schema public to public")
    request.instance.datastore = _datastore(made.owner_url)
    yield
    request.instance.datastore.close()


@pytest.mark.usefixtures("empty")
class TestTheLibrarysApplicationRecorderCase(ApplicationRecorderTestCase[ApplicationRecorder]):
    datastore: PostgresDatastore

    def create_recorder(self) -> ApplicationRecorder:
        recorder = LogRecorder(self.datastore)
        recorder.create_table()
        return recorder


def test_the_lock_free_mode_of_the_library_is_refused(notes_database: SimpleNamespace) -> None:
    with (
        _datastore(notes_database.url, enable_db_functions=True) as datastore,
        pytest.raises(ValueError, match="POSTGRES_ENABLE_DB_FUNCTIONS"),
    ):
        LogRecorder(datastore)
