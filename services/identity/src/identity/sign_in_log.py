"""Who tried to sign in, when, from where and with what: kept for a while, also when it failed.

A state table with a limited life, not a view: addresses of strangers do not belong into a log that is kept
for ever. Of a login that nobody has, nothing but the attempt is kept; it may be a password in the wrong field.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

KEPT: Final = timedelta(days=180)
KNOWN_FOR: Final = timedelta(days=30)

OPENED, WRONG_PASSWORD, WRONG_CODE = "opened", "wrong password", "wrong code"
CODE_NEEDED, TOO_MANY, PROVIDER_REFUSED = "code needed", "too many attempts", "provider refused"

_SWEEP = 200


def note(
    cursor: Cursor[DictRow],
    at: datetime,
    outcome: str,
    *,
    person_id: UUID | None,
    via: str,
    source: str,
    device: str,
    session_id: UUID | None = None,
) -> None:
    """Also drops what is too old, a limited number at a time."""
    cursor.execute(
        "delete from sign_in_log where entry_id in (select entry_id from sign_in_log"
        " where at < %s order by at limit %s for update skip locked)",
        (at - KEPT, _SWEEP),
    )
    cursor.execute(
        "insert into sign_in_log (at, person_id, outcome, via, source, device, session_id)"
        " values (%s, %s, %s, %s, %s, %s, %s)",
        (at, person_id, outcome, via, source, device, session_id),
    )


def comes_often(cursor: Cursor[DictRow], login: str, source: str, now: datetime) -> bool:
    """Whether this login was opened from this address within the last month."""
    row = cursor.execute(
        "select from sign_in_log l join accounts a using (person_id)"
        " where a.login = %s and l.source = %s and l.outcome = %s and l.at > %s limit 1",
        (login, source, OPENED, now - KNOWN_FOR),
    ).fetchone()
    return row is not None


def entries(
    cursor: Cursor[DictRow],
    *,
    person_id: UUID | None,
    only_failures: bool,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    after: int | None,
) -> list[DictRow]:
    """Attempts before entry `after`, the newest first."""
    conditions, values = ["true"], list[object]()
    for condition, value in (
        ("person_id = %s", person_id),
        ("at >= %s", since),
        ("at < %s", until),
        ("entry_id < %s", after),
        ("outcome <> all(%s)", [OPENED, CODE_NEEDED] if only_failures else None),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    return cursor.execute(
        f"select * from sign_in_log where {' and '.join(conditions)} order by entry_id desc limit %s",
        (*values, limit),
    ).fetchall()
