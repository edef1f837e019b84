"""What a service's users may do on the servers, found out by trying: one that may do too much is refused.

A wall that nobody looks at falls unnoticed: a superuser in a connection string, a broker without topic
permissions. Every process tries, when it starts, what must be refused, in ways that change nothing.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any
from uuid import uuid4

import amqp
import psycopg
from amqp.exceptions import AccessRefused, NotFound

from kernel.broker import BROKER_ERRORS, connect
from kernel.config import CONTEXTS, ConfigurationError
from kernel.topology import ANSWERS, EVENTS

log = logging.getLogger(__name__)

_AWAY: tuple[type[Exception], ...] = (*BROKER_ERRORS, psycopg.OperationalError)
SKIP = "HEADWATER_SKIP_PERMISSION_CHECK"
_AGAIN_S = 2.0
_TIMEOUT_S = 5.0

_TOO_MUCH = """
select what from (
    select 'is a superuser' as what, rolsuper as so from pg_roles where rolname = current_user
    union all select 'may make roles', rolcreaterole from pg_roles where rolname = current_user
    union all select 'may make databases', rolcreatedb from pg_roles where rolname = current_user
    union all select 'may create schemas in its database', has_database_privilege(current_database(), 'create')
    union all select 'may create tables', has_schema_privilege('public', 'create')
    union all select 'may ' || verb || ' events', has_table_privilege('public.events', verb)
        from unnest(array['update', 'delete', 'truncate', 'trigger']) as verb
        where to_regclass('public.events') is not null
    union all select 'may ' || verb || ' keys', has_table_privilege('public.subject_keys', verb)
        from unnest(array['update', 'delete', 'truncate']) as verb
        where to_regclass('public.subject_keys') is not null
) as found where so
"""


class TooMuchAllowed(ConfigurationError):
    """A user of this process may do what no service may. The message says what, and which variable names him."""


def refuse_too_much(service: str, amqp_url: str, database_url: str = "") -> None:
    """Raise TooMuchAllowed when the users of these URLs may do too much.

    A server that is away is asked again until it answers; then this process is asked to end.
    """
    if os.environ.get(SKIP) == "1":
        log.warning("permissions were not checked", extra={"because": SKIP})
        return
    checks: dict[str, Callable[[], list[str]]] = {"AMQP_URL": lambda: broker_excess(service, amqp_url)}
    if database_url:
        checks["DATABASE_URL"] = lambda: database_excess(database_url)
    for name, check in checks.items():
        variable = f"{service.upper()}_{name}"
        try:
            _refuse(service, variable, check())
        except _AWAY:
            threading.Thread(target=_later, args=(service, variable, check), daemon=True).start()


def _refuse(service: str, variable: str, excess: list[str]) -> None:
    if excess:
        raise TooMuchAllowed(
            f"{service} does not start: the user of {variable} may do too much. It\n  "
            + "\n  ".join(excess)
            + f"\nName a user in {variable} that has a service's rights only, as `headwater up` makes them."
            f" For development alone, {SKIP}=1 starts all the same."
        )


def _later(service: str, variable: str, check: Callable[[], list[str]]) -> None:
    while True:
        time.sleep(_AGAIN_S)
        try:
            _refuse(service, variable, check())
        except _AWAY:
            continue
        except TooMuchAllowed as error:
            log.critical("%s", error)
            os.kill(os.getpid(), signal.SIGTERM)
        return


def database_excess(url: str) -> list[str]:
    """What the role of this URL may do and must not; empty when all is well."""
    with psycopg.connect(url, autocommit=True, connect_timeout=int(_TIMEOUT_S)) as connection:
        return [str(what) for (what,) in connection.execute(_TOO_MUCH).fetchall()]


def broker_excess(service: str, url: str) -> list[str]:
    """What the user of this URL may do on the broker and must not; empty when all is well."""
    other = next(context for context in CONTEXTS if context != service)
    name = f"{other}.probe.{uuid4().hex}"

    def an_exchange(channel: Any) -> None:
        channel.exchange_declare(name, "topic", durable=False, auto_delete=True)
        channel.exchange_delete(name)

    def a_queue(channel: Any) -> None:
        channel.queue_declare(name, exclusive=True, auto_delete=True)

    def publishing(exchange: str, key: str) -> Callable[[Any], None]:
        # No queue is bound to such keys: events' have three words, and nobody has this name.
        return lambda channel: channel.basic_publish_confirm(amqp.Message(b""), exchange, key, timeout=_TIMEOUT_S)

    forbidden: dict[str, Callable[[Any], None]] = {
        "may declare exchanges": an_exchange,
        "may declare queues of other services": a_queue,
        "may publish events of other services (it has no topic permissions?)": publishing(EVENTS, f"00.{name}"),
        "may answer for other services": publishing(ANSWERS, name),
        "may publish into every queue, through the default exchange": publishing("", name),
    }
    found = []
    with closing(connect(url)) as connection:
        for what, attempt in forbidden.items():
            channel = connection.channel()
            try:
                attempt(channel)
            except (AccessRefused, NotFound):
                continue  # its channel is closed; an exchange that is not there cannot be misused either
            found.append(what)
            channel.close()
    return found
