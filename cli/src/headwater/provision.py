"""Makes what the services need and is not there: databases, roles, broker users, keys, tables.

Running it again finds everything and changes nothing. Servers are, in this order, the ones named in
the environment, containers if HEADWATER_SERVERS=containers, or private instances.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from psycopg import sql

from headwater.certificates import Certificates
from headwater.home import Home
from headwater.servers import Addresses, PrivateServers, postgres, rabbitmq
from headwater.servers.management import Management
from headwater.servers.processes import free_port, port_is_free
from kernel.config import CONTEXTS, ConfigurationError, Settings, Tls, modules_in, partners_in, sandbox_in
from kernel.migrations import keys_role
from kernel.service import run_migrations
from kernel.topology import (
    ANSWERS,
    BACKFILL,
    EVENTS,
    EXCHANGES,
    PARTNER_KEYS,
    PARTNER_STREAM,
    PARTNERS,
    backfill_queue,
)

Tell = Callable[[str], None]

GATEWAY = "gateway"
BROKER_USERS = (*CONTEXTS, GATEWAY)
_LASTING = {"durable": True, "auto_delete": False}
MAIL_FROM = "headwater@localhost.localdomain"
PORTS = ("apis", "gateway", "smtp", "mail")
WEB = Path(__file__).resolve().parents[3] / "build" / "web"
"""Where `make web` puts the UI; not there in an installed package, and then the gateway says so."""


class SuiteRuns(Exception):
    """This can only be changed while nothing runs."""


class ServersNotNamed(Exception):
    """Some, but not all, of the servers are named in the environment."""


def provision(
    home: Home,
    tell: Tell,
    environment: Mapping[str, str] = os.environ,
    tls: bool | None = None,
    modules: str | None = None,
) -> None:
    """Everything up to a suite that can be started: servers up, tables migrated, somebody to sign in as.

    `tls` switches the encryption of every hop on or off; None leaves it as it was. Servers that are named in
    the environment speak TLS if their URLs say so. `modules` names the services that are to run, "all" for all of
    them; None leaves them as they were. The others' databases are made too, empty, for when they join.
    """
    choose_kind(home, environment)
    choose_modules(home, modules)
    certificates = keep_certificates(home, tell, tls)
    addresses = find_servers(home, tell, environment, certificates)
    with home.changing() as state:
        state["servers"] = {
            "postgres_url": addresses.postgres_url,
            "amqp_url": addresses.amqp_url,
            "rabbitmq_api": addresses.rabbitmq_api,
        }
        state["name"] = state.get("name") or environment.get("HEADWATER_NAME") or "headwater"
        if "HEADWATER_PARTNERS" in environment:
            wrong: list[str] = []
            state["partners"] = list(partners_in(environment, wrong))
            if wrong:
                raise ConfigurationError("; ".join(wrong))
        choose_secrets(state.setdefault("secrets", {}), state.get("partners", ()))
        state.setdefault("administrator", {"login": "admin", "password": secrets.token_urlsafe(9)})
        choose_ports(state.setdefault("ports", {}), home, environment)
        make_databases(state, tell)
        if servers_are_private(environment):
            close_the_rest(state)
        make_broker_users(state)
        suite = suite_environment(state, home, environment)
    for service in CONTEXTS:
        run_migrations(
            service,
            Settings.from_environment(service, suite),
            lambda line: None if " 0 migrations" in line else tell(line),
        )
    run_once([sys.executable, "-m", "identity", "bootstrap"], suite, tell)


def choose_kind(home: Home, environment: Mapping[str, str]) -> None:
    """A sandbox or not, once for ever: a real one must not become a place where things are tried, nor the reverse."""
    wrong: list[str] = []
    wanted = sandbox_in(environment, wrong)
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    with home.changing() as state:
        if state.setdefault("sandbox", wanted if "secrets" not in state else False) != wanted:
            kind = ("no sandbox", "a sandbox")[state["sandbox"]]
            raise ConfigurationError(
                f"the suite in {home.folder} is {kind} and stays so: set HEADWATER_SANDBOX as it was,"
                " or make another one (headwater sandbox up)"
            )


def choose_modules(home: Home, modules: str | None) -> None:
    """Remember which services run. Raises ConfigurationError for what cannot be, SuiteRuns while others do."""
    wanted = None if modules is None else "" if modules == "all" else modules
    wrong: list[str] = []
    modules_in({"HEADWATER_MODULES": wanted or ""}, wrong)
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    with home.changing() as state:
        if wanted is not None and wanted != state.get("modules", ""):
            if home.process("supervisor", "headwater"):
                raise SuiteRuns("the suite runs; stop it before modules are switched on or off: headwater down")
            state["modules"] = wanted


# -- servers -----------------------------------------------------------------------


def keep_certificates(home: Home, tell: Tell, tls: bool | None) -> Certificates | None:
    """Those of this suite, none near its end; None when it does without TLS."""
    with home.changing() as state:
        if tls is not None and tls != state.get("tls", False):
            if home.process("supervisor", "headwater"):
                raise SuiteRuns("the suite runs; stop it before TLS is switched on or off: headwater down")
            state["tls"] = tls
        if not state.get("tls"):
            return None
    certificates = Certificates(home.tls)
    if made := certificates.renew():
        tell(f"certificates made: {', '.join(made)}")
    return certificates


def find_servers(
    home: Home, tell: Tell, environment: Mapping[str, str] = os.environ, certificates: Certificates | None = None
) -> Addresses:
    """The servers to use, running."""
    names = ("HEADWATER_POSTGRES_URL", "HEADWATER_AMQP_URL", "HEADWATER_RABBITMQ_API")
    given = [environment.get(name, "") for name in names]
    if all(given):
        return Addresses(*given)
    if any(given):
        missing = [name for name, value in zip(names, given, strict=True) if not value]
        raise ServersNotNamed(f"{', '.join(missing)} must be set too: name all servers, or none")
    if environment.get("HEADWATER_SERVERS") == "containers":
        from headwater.servers.containers import Containers

        if certificates:
            raise ServersNotNamed("--tls knows private servers and named ones; containers are not set up for it")
        return Containers(home.folder).up(tell)
    return PrivateServers(home.folder / "servers").up(tell, certificates)


def servers_are_private(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the servers are ours to start and stop as processes of this machine."""
    return not environment.get("HEADWATER_POSTGRES_URL") and (environment.get("HEADWATER_SERVERS") != "containers")


# -- secrets and ports ---------------------------------------------------------------


def choose_secrets(kept: dict[str, str], partners: Iterable[str] = ()) -> None:
    """Fill in what is missing; what exists is never replaced."""
    for partner in partners:
        kept.setdefault(f"partner.{partner}", secrets.token_urlsafe(24))
    for service in BROKER_USERS:
        for what in ("owner", "database", "broker", "service"):
            kept.setdefault(f"{service}.{what}", secrets.token_urlsafe(24))
    for service in CONTEXTS:
        kept.setdefault(f"{service}.master_key", b64encode(secrets.token_bytes(32)).decode())
    for name in ("signing_key", *(f"{service}.seal_key" for service in CONTEXTS)):
        if name not in kept:
            key = Ed25519PrivateKey.generate()
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            kept[name] = pem.decode()


def choose_ports(kept: dict[str, int], home: Home, environment: Mapping[str, str]) -> None:
    """Free ports, the same ones for ever; HEADWATER_PORT says which one the gateway gets."""
    if home.process("supervisor", "headwater"):
        return
    for name in PORTS:
        if name not in kept or not port_is_free(kept[name]):
            kept[name] = free_port()
    wanted = environment.get("HEADWATER_PORT")
    if wanted:
        kept["gateway"] = int(wanted)


def public_key(signing_key_pem: str) -> str:
    """The half of identity's key that everybody may have."""
    key = load_pem_private_key(signing_key_pem.encode(), None).public_key()
    pem: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


# -- databases -----------------------------------------------------------------------


def database_url(state: Mapping[str, Any], service: str, what: str, tls: Tls | None = None) -> str:
    """As the service itself (`what` = "database") or as the role that owns its tables ("owner").

    `tls` is the service's own certificate for private servers; a named server's URL is kept as it is.
    """
    parts = urlsplit(state["servers"]["postgres_url"])
    role, database = _names(state["name"], service)
    user = f"{role}_owner" if what == "owner" else role
    login = f"{user}:{quote(state['secrets'][f'{service}.{what}'], safe='')}"
    host = parts.netloc.rpartition("@")[2]
    query = postgres.tls_query(tls) if tls else parts.query
    return str(urlunsplit(parts._replace(netloc=f"{login}@{host}", path=f"/{database}", query=query)))


def make_databases(state: Mapping[str, Any], tell: Tell) -> None:
    """A database for each service, its owner, the service's role, which owns nothing, and one for its keys."""
    with psycopg.connect(state["servers"]["postgres_url"], autocommit=True) as admin:
        for service in CONTEXTS:
            make_database(admin, state, service, tell)


def make_database(admin: psycopg.Connection[Any], state: Mapping[str, Any], service: str, tell: Tell) -> None:
    """One service's, unless it is there. A context that joins is given its own in the same way."""
    role, database = _names(state["name"], service)
    owner = f"{role}_owner"
    _keep_role(admin, role, state["secrets"][f"{service}.database"])
    _keep_role(admin, owner, state["secrets"][f"{service}.owner"])
    _keep_keys_role(admin, keys_role(role), owner)
    if admin.execute("select from pg_database where datname = %s", (database,)).fetchone() is not None:
        return
    tell(f"making the database {database}")
    # A superuser may give databases away; anybody else must be a member of the new owner.
    admin.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(owner)))
    for statement in (
        sql.SQL("create database {} owner {}").format(sql.Identifier(database), sql.Identifier(owner)),
        sql.SQL("revoke all on database {} from public").format(sql.Identifier(database)),
        sql.SQL("grant connect on database {} to {}").format(sql.Identifier(database), sql.Identifier(role)),
    ):
        admin.execute(statement)


def close_the_rest(state: Mapping[str, Any]) -> None:
    """On a server of our own, the databases that belong to no service are the administrator's alone."""
    with psycopg.connect(state["servers"]["postgres_url"], autocommit=True) as admin:
        for database in ("postgres", "template1"):
            admin.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(database)))


def _names(suite: str, service: str) -> tuple[str, str]:
    """(service role, database)."""
    return f"{suite}_{service}", f"{suite}_{service}"


def _keep_role(admin: psycopg.Connection[Any], role: str, password: str) -> None:
    known = admin.execute("select from pg_roles where rolname = %s", (role,)).fetchone()
    verb = "create" if known is None else "alter"
    admin.execute(
        sql.SQL("{} role {} login password {}").format(sql.SQL(verb), sql.Identifier(role), sql.Literal(password))
    )


def _keep_keys_role(admin: psycopg.Connection[Any], keys: str, owner: str) -> None:
    """The role that alone may change personal keys: nobody signs in as it."""
    if admin.execute("select from pg_roles where rolname = %s", (keys,)).fetchone() is None:
        admin.execute(sql.SQL("create role {} nologin").format(sql.Identifier(keys)))
    admin.execute(sql.SQL("grant {} to {}").format(sql.Identifier(keys), sql.Identifier(owner)))


# -- broker ----------------------------------------------------------------------------


def make_broker_users(state: Mapping[str, Any]) -> None:
    """What all share on the broker, and a user for each service, who may declare none of it.

    Without topic permissions everybody could publish as everybody.
    """
    management = management_of(state)
    vhost = quote(management.vhost, safe="")
    for name, kind in EXCHANGES:
        management.ask("PUT", f"exchanges/{vhost}/{name}", {"type": kind, **_LASTING})
    for service in BROKER_USERS:
        make_broker_user(management, state, service)
    _make_partners(management, vhost, state)


def make_broker_user(management: Management, state: Mapping[str, Any], service: str) -> None:
    """One service's, with the queue of what it is asked for. A context that joins is given its own in the same way."""
    vhost = quote(management.vhost, safe="")
    if service != GATEWAY:
        queue = backfill_queue(service)
        management.ask("PUT", f"queues/{vhost}/{queue}", _LASTING)
        management.ask("POST", f"bindings/{vhost}/e/{BACKFILL}/q/{queue}", {"routing_key": service})
    user = f"{state['name']}-{service}"
    password = state["secrets"][f"{service}.broker"]
    management.ask("PUT", f"users/{user}", {"password": password, "tags": ""})
    management.ask("PUT", f"permissions/{vhost}/{user}", permissions_of(service))
    for rights in topic_permissions_of(service):
        management.ask("PUT", f"topic-permissions/{vhost}/{user}", rights)


def _make_partners(management: Management, vhost: str, state: Mapping[str, Any]) -> None:
    """The stream of published events if there are partners, and a user for each; former ones may do nothing."""
    partners = state.get("partners", ())
    if partners:
        stream = {"durable": True, "auto_delete": False, "arguments": PARTNER_STREAM}
        management.ask("PUT", f"queues/{vhost}/{PARTNERS}", stream)
        management.ask("POST", f"bindings/{vhost}/e/{EVENTS}/q/{PARTNERS}", {"routing_key": PARTNER_KEYS})
    for partner in partners:
        user = partner_user(state["name"], partner)
        management.ask("PUT", f"users/{user}", {"password": state["secrets"][f"partner.{partner}"], "tags": ""})
        management.ask("PUT", f"permissions/{vhost}/{user}", partner_permissions_of(partner))
        for rights in partner_topic_permissions():
            management.ask("PUT", f"topic-permissions/{vhost}/{user}", rights)
    for name in [name for name in state["secrets"] if name.startswith("partner.")]:
        if name.removeprefix("partner.") not in partners:
            former = partner_user(state["name"], name.removeprefix("partner."))
            management.ask("PUT", f"users/{former}", {"password": secrets.token_urlsafe(24), "tags": ""})
            management.ask("PUT", f"permissions/{vhost}/{former}", {"configure": "^$", "write": "^$", "read": "^$"})


def partner_user(suite: str, partner: str) -> str:
    """How a partner system signs in at the broker."""
    return f"{suite}-partner-{partner}"


def partner_url(state: Mapping[str, Any], partner: str) -> str:
    """Where a partner system reads the stream, its password included."""
    return management_of(state).url(partner_user(state["name"], partner), state["secrets"][f"partner.{partner}"])


def permissions_of(service: str) -> dict[str, str]:
    """What a service may declare, write to and read from: its own queues and, but for declaring, the exchanges.

    Nobody writes to the default exchange, which would carry anything into anybody's queue.
    """
    if service == GATEWAY:  # it only listens
        own = rf"{service}\..*"
        return {"configure": f"^({own})$", "write": f"^({own})$", "read": rf"^({own}|crm\.events)$"}
    own = rf"{service}\..*|amq\.gen-.*"
    shared = r"crm\.events|crm\.answers"
    return {
        "configure": f"^({own})$",
        "write": rf"^({own}|{shared}|crm\.backfill)$",
        "read": rf"^({own}|{shared}|crm\.backfill\.{service})$",
    }


def topic_permissions_of(service: str) -> list[dict[str, str]]:
    """A service publishes its own events, heartbeat and answers only; it may bind to everything."""
    nothing = "^$"
    if service == GATEWAY:
        return [
            {"exchange": EVENTS, "write": nothing, "read": ".*"},
            {"exchange": ANSWERS, "write": nothing, "read": nothing},
        ]
    mine = rf"^([0-9]{{2}}\.{service}\..*|heartbeat\.{service})$"
    return [
        {"exchange": EVENTS, "write": mine, "read": ".*"},
        {"exchange": ANSWERS, "write": rf"^{service}\..*$", "read": ".*"},
    ]


def partner_permissions_of(partner: str) -> dict[str, str]:
    """What a partner system may do: read the stream, and the one queue that is filled for it. It declares and writes
    nothing."""
    own = rf"crm\.partners|partner\.{re.escape(partner)}"
    return {"configure": "^$", "write": "^$", "read": f"^({own})$"}


def partner_topic_permissions() -> list[dict[str, str]]:
    """A partner binds to nothing: without these rows it could bind to everything."""
    return [{"exchange": name, "write": "^$", "read": "^$"} for name, kind in EXCHANGES if kind == "topic"]


def empty_queues(state: Mapping[str, Any]) -> None:
    """Throw away what waits in the services' queues: it tells of a time that is no more."""
    management = management_of(state)
    vhost = quote(management.vhost, safe="")
    queues: Any = management.ask("GET", f"queues/{vhost}?columns=name,type")
    for queue in queues:
        if queue["name"].partition(".")[0] in (*CONTEXTS, "crm") and queue.get("type") != "stream":
            management.ask("DELETE", f"queues/{vhost}/{quote(queue['name'], safe='')}/contents")


def management_of(state: Mapping[str, Any]) -> Management:
    return Management(state["servers"]["amqp_url"], state["servers"]["rabbitmq_api"])


# -- what the processes are told ---------------------------------------------------------


def suite_environment(
    state: Mapping[str, Any], home: Home, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The variables of all services; what the caller's environment already says wins."""
    ports, kept = state["ports"], state["secrets"]
    management = management_of(state)
    certificates = Certificates(home.tls) if state.get("tls") else None
    services = certificates.of("services") if certificates else None
    ours = services if servers_are_private(environment) else None
    url = f"http{'s' if certificates else ''}://127.0.0.1:{ports['gateway']}"
    variables = {
        "HEADWATER_RUN": str(home.folder),
        "HEADWATER_CHECKPOINTS": str(home.folder / "checkpoints"),
        "HEADWATER_TOKEN_PUBLIC_KEY": public_key(kept["signing_key"]),
        "HEADWATER_MAIL_PAGE": f"http://127.0.0.1:{ports['mail']}/",
        "HEADWATER_SMTP_URL": f"smtp://127.0.0.1:{ports['smtp']}",
        "HEADWATER_PUBLIC_URL": url,
        "HEADWATER_BACKUPS": str(home.backups),
        "HEADWATER_PARTNERS": ",".join(state.get("partners", ())),
        "HEADWATER_MODULES": state.get("modules", ""),
        "HEADWATER_SANDBOX": "true" if state.get("sandbox") else "",
        "IDENTITY_SIGNING_KEY": kept["signing_key"],
        "IDENTITY_ADMIN_LOGIN": state["administrator"]["login"],
        "IDENTITY_ADMIN_PASSWORD": state["administrator"]["password"],
        "GATEWAY_LISTEN": f"127.0.0.1:{ports['gateway']}",
        "GATEWAY_WEB": str(WEB),
    }
    for prefix in ("MARKETING", "NOTIFICATION"):
        variables[f"{prefix}_SMTP_URL"] = variables["HEADWATER_SMTP_URL"]
        variables[f"{prefix}_MAIL_FROM"] = MAIL_FROM
        variables[f"{prefix}_PUBLIC_URL"] = variables["HEADWATER_PUBLIC_URL"]
        # Our mail server delivers nothing, so a simulated past may be shown there too.
        variables[f"{prefix}_SEND_BACKDATED"] = "true"
    if "NOTIFICATION_SMTP_URL" not in environment:
        # Nor can a message that a customer did not agree to reach him from here.
        variables["NOTIFICATION_CONSENT"] = "not-needed"
    for service in BROKER_USERS:
        prefix = service.upper()
        shown = certificates.of("gateway" if service == "gateway" else "services") if certificates else None
        if shown:
            variables |= {
                f"{prefix}_TLS_CA": shown.ca,
                f"{prefix}_TLS_CERT": shown.cert,
                f"{prefix}_TLS_KEY": shown.key,
            }
        variables[f"{prefix}_AMQP_URL"] = management.url(
            f"{state['name']}-{service}",
            kept[f"{service}.broker"],
            query=rabbitmq.tls_query(shown) if shown and ours else None,
        )
        variables[f"{prefix}_SERVICE_SECRET"] = kept[f"{service}.service"]
    for service in CONTEXTS:
        prefix = service.upper()
        variables[f"{prefix}_DATABASE_URL"] = database_url(state, service, "database", ours)
        variables[f"{prefix}_OWNER_DATABASE_URL"] = database_url(state, service, "owner", ours)
        variables[f"{prefix}_MASTER_KEY"] = kept[f"{service}.master_key"]
        variables[f"{prefix}_KEYRING"] = str(home.folder / "keys" / f"{service}.json")
        variables[f"{prefix}_SEAL_KEY"] = kept.get(f"{service}.seal_key", "")
        variables[f"{prefix}_TARGET"] = f"127.0.0.1:{ports['apis']}"
        variables[f"{prefix}_LISTEN"] = f"127.0.0.1:{ports['apis']}"
    if certificates:
        https = certificates.of("https")
        variables |= {"GATEWAY_HTTPS_CERT": https.cert, "GATEWAY_HTTPS_KEY": https.key}
    return variables | dict(environment)


def run_once(command: list[str], environment: Mapping[str, str], tell: Tell) -> None:
    """Run a job to its end and pass on what it says; a failure ends the program with its words."""
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, timeout=120)
    for line in done.stdout.splitlines():
        tell(line)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[1:])} failed\n{done.stderr}")
