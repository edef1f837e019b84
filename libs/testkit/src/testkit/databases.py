"""A migrated database for each test: cloned from one template per service and session.

Names are random, so several people's sessions share one server without meeting.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from kernel.migrations import keys_role

Migrate = Callable[[str, str, str], None]
"""(owner's URL, service, service role): bring an empty database of that service up to date."""


@dataclass(frozen=True, slots=True)
class Database:
    """One database: `url` as the service itself, `owner_url` as the role that migrates."""

    url: str
    owner_url: str


class Databases:
    """Templates and clones of one session on one PostgreSQL server, whose superuser we are."""

    def __init__(self, admin_url: str, migrate: Migrate) -> None:
        self._admin_url = admin_url
        self._migrate = migrate
        self._session = f"t_{secrets.token_hex(4)}"
        self._password = secrets.token_urlsafe(18)
        self._templates: dict[str, str] = {}
        self._roles: list[str] = []
        self._next_clone = 0

    @contextmanager
    def fresh(self, service: str) -> Iterator[Database]:
        """A clone of the service's template; dropped at the end, whoever is still connected."""
        template = self._templates.get(service) or self._make_template(service)
        owner = f"{template}_owner"
        self._next_clone += 1
        name = f"{template}_{self._next_clone}"
        with psycopg.connect(self._admin_url, autocommit=True) as admin:
            admin.execute(
                sql.SQL("create database {} template {} owner {} strategy file_copy").format(
                    sql.Identifier(name),
                    sql.Identifier(template),
                    sql.Identifier(f"{template}_owner"),
                )
            )
            self._grant_connect(admin, name, template)
        try:
            yield Database(self._url(name, template), self._url(name, owner))
        finally:
            self._drop(name)

    def close(self) -> None:
        """Drop the templates and the roles of this session."""
        for template in self._templates.values():
            self._drop(template)
        with psycopg.connect(self._admin_url, autocommit=True) as admin:
            for role in self._roles:
                admin.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(role)))

    def _make_template(self, service: str) -> str:
        template = f"{self._session}_{service}"
        owner = f"{template}_owner"
        with psycopg.connect(self._admin_url, autocommit=True) as admin:
            for role in (owner, template):
                admin.execute(
                    sql.SQL("create role {} login password {}").format(
                        sql.Identifier(role), sql.Literal(self._password)
                    )
                )
                self._roles.append(role)
            keys = sql.Identifier(keys_role(template))
            admin.execute(sql.SQL("create role {} nologin").format(keys))
            admin.execute(sql.SQL("grant {} to {}").format(keys, sql.Identifier(owner)))
            self._roles.append(keys_role(template))
            admin.execute(
                sql.SQL("create database {} owner {}").format(sql.Identifier(template), sql.Identifier(owner))
            )
            self._grant_connect(admin, template, template)
        try:
            self._migrate(self._url(template, owner), service, template)
        except BaseException:
            self._drop(template)
            raise
        self._templates[service] = template
        return template

    @staticmethod
    def _grant_connect(admin: psycopg.Connection[tuple[object, ...]], database: str, role: str) -> None:
        """Only this service's two roles may enter (public may by default)."""
        for text in ("revoke all on database {} from public", "grant connect on database {} to {}"):
            admin.execute(sql.SQL(text).format(sql.Identifier(database), sql.Identifier(role)))

    def _drop(self, database: str) -> None:
        with psycopg.connect(self._admin_url, autocommit=True) as admin:
            admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database)))

    def _url(self, database: str, role: str) -> str:
        parts = urlsplit(self._admin_url)
        host = (parts.netloc.rpartition("@"))[2]
        login = f"{quote(role)}:{quote(self._password)}"
        return urlunsplit(parts._replace(netloc=f"{login}@{host}", path=f"/{quote(database)}"))
