"""How people want to be told."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.projections import Inline
from kernel.store import Recorded
from notification.domain.message import Channel
from notification.domain.preferences import KindPreference, PreferencesSet, usual


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    if isinstance(recorded.event, PreferencesSet):
        cursor.execute(
            "insert into preferences (person_id, version, definition) values (%s, %s, %s)"
            " on conflict (person_id) do update set version = excluded.version,"
            " definition = excluded.definition",
            (
                recorded.event.person_id,
                recorded.version,
                json.dumps(asdict(recorded.event), default=str),
            ),
        )


VIEW = Inline("preferences", ("preferences",), project)


def preferences_of(cursor: Cursor[DictRow], person_id: UUID) -> PreferencesSet:
    """Return how a person wants to be told; the usual way when nothing was said."""
    row = cursor.execute("select definition from preferences where person_id = %s", (person_id,)).fetchone()
    if row is None:
        return usual(person_id)
    found = row["definition"]
    return PreferencesSet(
        person_id,
        found["language"],
        tuple(
            KindPreference(kind["kind"], tuple(Channel(channel) for channel in kind["channels"]))
            for kind in found["kinds"]
        ),
        found["quiet_from_minute"],
        found["quiet_to_minute"],
        found["timezone"],
    )
