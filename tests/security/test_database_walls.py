"""Every statement that a service must not be able to make, tried as every role of every service.

A role that is refused says `insufficient_privilege` and nothing else: a statement that fails for another
reason has not been refused and fails the test.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from kernel.config import CONTEXTS
from kernel.migrations import RoleMissing, keys_role, migrate
from testkit import Database, Servers

NEVER = (
    # out of the database, into the machine
    "copy events to program 'cat'",
    "copy migrations from program 'id'",
    "copy events to '/tmp/headwater-events'",
    "select pg_read_file('/etc/passwd')",
    "select pg_read_binary_file('/etc/passwd')",
    "select pg_ls_dir('.')",
    "select lo_import('/etc/passwd')",
    "select lo_export(1, '/tmp/headwater-large-object')",
    # other roles, the server
    "select rolpassword from pg_authid",
    "select passwd from pg_shadow",
    "select * from pg_hba_file_rules",
    "select pg_reload_conf()",
    "select pg_switch_wal()",
    "select pg_stat_reset()",
    "alter system set fsync = off",
    "set session_replication_role = replica",
    "set session authorization {admin}",
    "set role {admin}",
    "set role {stranger}",
    "set role pg_execute_server_program",
    "alter role {stranger} password 'x'",
    "alter role {admin} nologin",
    "grant {stranger} to current_user",
    "grant pg_read_all_data to current_user",
    "alter role current_user superuser",
    "alter role current_user bypassrls",
    "create role a_new_one",
    "create database a_new_one",
    "drop database {strange_database}",
    "alter database {strange_database} set jit = off",
    "create publication p for all tables",
    "create tablespace t location '/tmp'",
)
"""As any role at all, the owner of the tables included."""

SERVICE = (
    # the log
    "update events set topic = 'x'",
    "update events set notification_id = notification_id + 1",
    "delete from events",
    "truncate events",
    "drop table events",
    "alter table events add column x int",
    "alter table events rename to elsewhere",
    "alter table events disable trigger all",
    "alter table events owner to current_user",
    "create trigger t before insert on events for each row execute function suppress_redundant_updates_trigger()",
    "create rule r as on insert to events do instead nothing",
    "create index i on events (topic)",
    "drop index events_notification_id_idx",
    "do $$ begin lock table events in exclusive mode; end $$",
    "select 1 from events for update",
    "select setval('events_notification_id_seq', 1)",
    "alter sequence events_notification_id_seq restart",
    "drop sequence events_notification_id_seq cascade",
    "merge into events e using (select 1) s on false when matched then delete when not matched then do nothing",
    # what proves that the log was not changed
    "update seals set body = 'x'",
    "delete from seals",
    "truncate seals",
    # keys
    "update subject_keys set wrapped = null",
    "delete from subject_keys",
    "truncate subject_keys",
    "insert into subject_keys values ('x', 'y') on conflict (subject) do update set wrapped = excluded.wrapped",
    "alter table subject_keys disable trigger all",
    "create or replace function forget_key(whose text) returns boolean language sql as 'select true'",
    "alter function forget_key(text) owner to current_user",
    "alter function forget_key(text) security invoker",
    "drop function rewrap_key(text, bytea, bytea)",
    "set role {keys}",
    "set role {owner}",
    "grant {keys} to current_user",
    # what was applied, and making anything new
    "insert into migrations (name, checksum) values ('x', 'y')",
    "update migrations set checksum = 'x'",
    "delete from migrations",
    "truncate migrations",
    "create table public.mine (x int)",
    "create temporary table mine (x int)",
    "create schema mine",
    "create function public.mine() returns int language sql as 'select 1'",
    "drop schema public cascade",
    "alter schema public rename to private",
    "drop table timers",
    "truncate timers",
    "alter database {database} set jit = on",
    "drop database {database}",
)

KEYS = (
    "delete from subject_keys",
    "truncate subject_keys",
    "drop table subject_keys",
    "select * from events",
    "insert into events default values",
    "update events set topic = 'x'",
    "select * from timers",
    "select * from idempotency",
    "update migrations set checksum = 'x'",
    "create table public.mine (x int)",
    "create function public.mine() returns int language sql as 'select 1'",
)


@pytest.fixture(params=CONTEXTS)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def own(database: Callable[[str], Database], service: str) -> Database:
    return database(service)


@pytest.fixture
def strange(database: Callable[[str], Database], service: str) -> Database:
    """The database of the next service."""
    return database(CONTEXTS[(CONTEXTS.index(service) + 1) % len(CONTEXTS)])


@pytest.fixture
def names(own: Database, strange: Database, servers: Servers) -> dict[str, sql.Identifier]:
    role = str(urlsplit(own.url).username)
    return {
        "keys": sql.Identifier(keys_role(role)),
        "owner": sql.Identifier(str(urlsplit(own.owner_url).username)),
        "admin": sql.Identifier(str(urlsplit(servers.postgres_url).username)),
        "database": sql.Identifier(urlsplit(own.url).path[1:]),
        "stranger": sql.Identifier(str(urlsplit(strange.url).username)),
        "strange_database": sql.Identifier(urlsplit(strange.url).path[1:]),
    }


def allowed(connection: psycopg.Connection, statements: tuple[str, ...], names: dict[str, sql.Identifier]) -> list[str]:
    """The statements that were not refused; each is tried alone and undone. Whole-cluster ones cannot be undone."""
    found = []
    for statement in statements:
        text = sql.SQL(statement).format(**names)
        try:
            with connection.cursor() as cursor:
                cursor.execute(text)
                found.append(statement)
        except psycopg.errors.InsufficientPrivilege:
            pass
        except psycopg.Error as error:
            found.append(f"{statement}: not refused, but {error}")
    return found


def test_a_services_role_is_refused_everything_but_its_work(own: Database, names: dict[str, sql.Identifier]) -> None:
    with psycopg.connect(own.url, autocommit=True) as connection:
        assert allowed(connection, NEVER + SERVICE, names) == []


def test_the_owner_of_the_tables_is_no_administrator(own: Database, names: dict[str, sql.Identifier]) -> None:
    with psycopg.connect(own.owner_url, autocommit=True) as connection:
        assert allowed(connection, NEVER, names) == []


def test_the_role_of_the_keys_reaches_the_keys_only(own: Database, names: dict[str, sql.Identifier]) -> None:
    with psycopg.connect(own.owner_url, autocommit=True) as connection:
        connection.execute(sql.SQL("set role {}").format(names["keys"]))
        assert connection.execute("select count(*) from subject_keys").fetchone() == (0,)
        assert allowed(connection, KEYS, names) == []


def test_no_role_of_a_service_enters_the_database_of_another(own: Database, strange: Database) -> None:
    for url in (own.url, own.owner_url):
        trespass = url.rpartition("/")[0] + "/" + strange.url.rpartition("/")[2]
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(trespass)


def test_nobody_signs_in_as_the_role_of_the_keys(own: Database) -> None:
    role = str(urlsplit(own.url).username)
    as_keys = own.url.replace(f"//{role}:", f"//{keys_role(role)}:")
    assert as_keys != own.url
    with pytest.raises(psycopg.OperationalError, match=r"password authentication failed|not permitted to log in"):
        psycopg.connect(as_keys)


def test_the_schema_is_closed_to_everybody_else(own: Database) -> None:
    """Grants to `public` would open a table to every role that may connect."""
    with psycopg.connect(own.owner_url) as connection:
        schema = connection.execute(
            "select privilege_type from pg_namespace, aclexplode(nspacl) where nspname = 'public' and grantee = 0"
        ).fetchall()
        open_things = connection.execute(
            "select relname from pg_class, aclexplode(relacl) where relnamespace = 'public'::regnamespace"
            " and grantee = 0 union all select proname from pg_proc, aclexplode(coalesce(proacl,"
            " acldefault('f', proowner))) where pronamespace = 'public'::regnamespace and grantee = 0"
        ).fetchall()
        database = connection.execute(
            "select has_database_privilege('pg_monitor', current_database(), p) from unnest("
            "array['connect', 'temporary', 'create']) as p"
        ).fetchall()
    assert (schema, open_things, database) == ([], [], [(False,)] * 3)


def test_a_destroyed_key_stays_destroyed(database: Callable[[str], Database]) -> None:
    with psycopg.connect(database("customer").url, autocommit=True) as connection:
        connection.execute("insert into subject_keys (subject, wrapped) values ('li', 'one')")
        ask = connection.execute
        assert ask("select rewrap_key('li', 'other', 'two')").fetchone() == (None,)
        assert ask("select rewrap_key('li', 'one', 'two')").fetchone() == (True,)
        assert ask("select forget_key('li')").fetchone() == (True,)
        assert ask("select forget_key('li')").fetchone() == (None,), "there was none any more"
        assert ask("select rewrap_key('li', null, 'three')").fetchone() == (None,)
        connection.execute("insert into subject_keys (subject, wrapped) values ('li', 'four') on conflict do nothing")
        assert ask("select wrapped from subject_keys").fetchall() == [(None,)]


def test_tables_are_not_granted_without_a_role_for_the_keys(database: Callable[[str], Database]) -> None:
    fresh = database("identity")
    stranger = str(urlsplit(fresh.owner_url).username)
    with pytest.raises(RoleMissing, match=rf"create role {stranger}_keys nologin"):
        migrate(fresh.owner_url, [], stranger)
