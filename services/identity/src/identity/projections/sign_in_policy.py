"""The rules of signing in as they are now, and which accounts seem to be shared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from identity.domain.session import AccountSharingSuspected
from identity.domain.sign_in_policy import SignInPolicy, SignInPolicySet
from kernel.projections import Inline
from kernel.store import Recorded


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    match recorded.event:
        case SignInPolicySet() as rules:
            cursor.execute(
                "insert into sign_in_policy (policy_id, max_age_days, remembered, most_addresses, second_factor_roles,"
                " version) values (%s, %s, %s, %s, %s, %s) on conflict (policy_id) do update set"
                " max_age_days = excluded.max_age_days, remembered = excluded.remembered,"
                " most_addresses = excluded.most_addresses, second_factor_roles = excluded.second_factor_roles,"
                " version = excluded.version",
                (
                    recorded.stream,
                    rules.max_age_days,
                    rules.remembered,
                    rules.most_addresses,
                    list(rules.second_factor_roles),
                    recorded.version,
                ),
            )


def project_sharing(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    match recorded.event:
        case AccountSharingSuspected() as suspected:
            cursor.execute(
                "insert into shared_accounts (session_id, person_id, suspected_at, other_session_ids, addresses)"
                " values (%s, %s, %s, %s, %s) on conflict do nothing",
                (
                    recorded.stream,
                    suspected.person_id,
                    recorded.metadata.recorded_at,
                    list(suspected.other_session_ids),
                    suspected.addresses,
                ),
            )


POLICY = Inline("sign_in_policy", ("sign_in_policy",), project)
SHARING = Inline("shared_accounts", ("shared_accounts",), project_sharing)

# -- questions -----------------------------------------------------------------


def policy(cursor: Cursor[DictRow]) -> SignInPolicy:
    """The default unless somebody set one."""
    row = cursor.execute(
        "select max_age_days, remembered, most_addresses, second_factor_roles from sign_in_policy limit 1"
    ).fetchone()
    if row is None:
        return SignInPolicy()
    return SignInPolicy(
        row["max_age_days"], row["remembered"], row["most_addresses"], tuple(row["second_factor_roles"])
    )


def shared_accounts(cursor: Cursor[DictRow], limit: int, after: Sequence[str]) -> list[DictRow]:
    """Suspicions, the newest first, after (time, session)."""
    onwards = "where (suspected_at, session_id) < (%s::timestamptz, %s::uuid)" if after else ""
    return cursor.execute(
        f"select * from shared_accounts {onwards} order by suspected_at desc, session_id desc limit %s",
        (*after, limit),
    ).fetchall()
