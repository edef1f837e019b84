"""Who looks after a customer together, the plan they share, and whom that lets see the customer, by spans."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from customer.domain.key_account import (
    KeyAccountGoalClosed,
    KeyAccountGoalSet,
    KeyAccountMemberAdded,
    KeyAccountMemberRemoved,
    KeyAccountTeamDissolved,
    KeyAccountTeamFormed,
)
from kernel import parties
from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded

OPEN, REACHED, GIVEN_UP = 1, 2, 3
"""States of a goal; the numbers are those of the contract."""
MOST_SHOWN = 1_000


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    """Fold one event into the account, its members and its plan."""
    event, at = recorded.event, recorded.metadata.recorded_at
    match event:
        case KeyAccountTeamFormed():
            cursor.execute(
                "insert into key_accounts (key_account_id, customer_id, version) values (%s, %s, %s)"
                " on conflict (key_account_id) do update set version = excluded.version, dissolved = false",
                (event.key_account_id, event.customer_id, recorded.version),
            )
            return
        case KeyAccountMemberAdded():
            cursor.execute(
                "insert into key_account_members (key_account_id, customer_id, member_id, is_team, duty, since,"
                " since_version) values (%s, %s, %s, %s, %s, %s, %s)",
                (
                    event.key_account_id,
                    event.customer_id,
                    event.member_id,
                    event.is_team,
                    event.duty,
                    at,
                    recorded.version,
                ),
            )
            parties.join(cursor, event.customer_id, event.member_id)
        case KeyAccountMemberRemoved():
            cursor.execute(
                "update key_account_members set until = %s where key_account_id = %s and member_id = %s"
                " and until is null",
                (at, event.key_account_id, event.member_id),
            )
            parties.leave(cursor, event.customer_id, event.member_id)
        case KeyAccountTeamDissolved():
            cursor.execute(
                "update key_account_members set until = %s where key_account_id = %s and until is null",
                (at, event.key_account_id),
            )
            parties.disband(cursor, event.customer_id)
            cursor.execute(
                "update key_accounts set dissolved = true where key_account_id = %s", (event.key_account_id,)
            )
        case KeyAccountGoalSet():
            cursor.execute(
                "insert into key_account_goals (goal_id, key_account_id, customer_id, title, due_on, owner_id, state)"
                f" select %s, key_account_id, customer_id, %s, %s, %s, {OPEN} from key_accounts"
                " where key_account_id = %s on conflict (goal_id) do update set title = excluded.title,"
                f" due_on = excluded.due_on, owner_id = excluded.owner_id, state = {OPEN}, note = ''",
                (event.goal_id, event.title, event.due_on, event.owner_id, event.key_account_id),
            )
        case KeyAccountGoalClosed():
            cursor.execute(
                "update key_account_goals set state = %s, note = %s where goal_id = %s",
                (REACHED if event.reached else GIVEN_UP, event.note, event.goal_id),
            )
        case _:
            return
    cursor.execute(
        "update key_accounts set version = %s where key_account_id = %s", (recorded.version, recorded.stream)
    )


KEY_ACCOUNTS = Inline(
    "key_accounts", ("key_accounts", "key_account_members", "key_account_goals", parties.TABLE), project
)


def one(cursor: Cursor[DictRow], customer_id: UUID) -> DictRow | None:
    """Return a customer's key account while its team is there."""
    return cursor.execute(
        "select * from key_accounts where customer_id = %s and not dissolved", (customer_id,)
    ).fetchone()


def members(cursor: Cursor[DictRow], key_account_id: UUID) -> list[DictRow]:
    """Return who is in the team now."""
    return cursor.execute(
        "select * from key_account_members where key_account_id = %s and until is null order by since, member_id",
        (key_account_id,),
    ).fetchall()


def goals(cursor: Cursor[DictRow], key_account_id: UUID) -> list[DictRow]:
    """Return the plan, the soonest first."""
    return cursor.execute(
        "select * from key_account_goals where key_account_id = %s order by due_on, goal_id limit %s",
        (key_account_id, MOST_SHOWN),
    ).fetchall()


def listed(cursor: Cursor[DictRow], scope: tuple[str, list[Any]], page: Page) -> list[DictRow]:
    """Return one row more than the page holds. `scope` filters on c.owner_id and c.customer_id."""
    condition, values = scope
    after, last = ("", []) if not page.after else (" and k.customer_id > %s::uuid", list(page.after))
    return cursor.execute(
        "select k.customer_id, (select count(*) from key_account_members m"
        " where m.key_account_id = k.key_account_id and m.until is null) as members,"
        f" (select count(*) from key_account_goals g where g.key_account_id = k.key_account_id and g.state = {OPEN})"
        " as open_goals, (select min(g.due_on) from key_account_goals g"
        f" where g.key_account_id = k.key_account_id and g.state = {OPEN}) as next_due_on"
        " from key_accounts k join customers c on c.customer_id = k.customer_id"
        f" where not k.dissolved and {condition}{after} order by k.customer_id limit %s",
        [*values, *last, page.limit + 1],
    ).fetchall()


def spans(cursor: Cursor[DictRow], customer_ids: list[UUID], since: datetime | None, until: datetime) -> list[DictRow]:
    """Return who was a member when, within the period."""
    return cursor.execute(
        "select member_id as grantee_id, since, until from key_account_members where customer_id = any(%s)"
        " and since < %s and (until is null or until > coalesce(%s, '-infinity'::timestamptz))"
        " order by since, since_version limit %s",
        (customer_ids, until, since, MOST_SHOWN),
    ).fetchall()
