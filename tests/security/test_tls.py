"""Every hop of a running suite is encrypted, and both ends of it are checked."""

from __future__ import annotations

import ssl
import stat
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import uuid4

import grpc
import httpx
import psycopg
import pytest

from crm.identity.v1 import identity_service_pb2 as identity
from headwater.api import Refused
from headwater.certificates import SUBJECTS, Certificates
from headwater.servers.management import Management
from headwater.servers.processes import command_line
from headwater.supervisor import COMMANDS, MARK, NAME
from kernel.broker import BROKER_ERRORS, connect
from kernel.config import CONTEXTS, Tls
from kernel.wire import channel_to
from testkit import wait_until

pytestmark = pytest.mark.security

SIGN_IN = "/crm.identity.v1.IdentityService/RefreshSession"


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates that look like the suite's and are of another authority."""
    certificates = Certificates(tmp_path_factory.mktemp("foreign"))
    certificates.renew()
    return certificates


@pytest.mark.feature("NFR-08")
def test_a_command_and_its_event_pass_over_encrypted_hops_only(tls_suite: Any) -> None:
    assert tls_suite.url.startswith("https://")
    made = tls_suite.admin.post("/v1/customers", {"profile": {"name": f"Encrypted Rivers {uuid4().hex}"}})
    customer = made["customer_id"]
    wait_until(
        lambda: "CustomerRegistered" in audit_trail(tls_suite, customer),
        describe="analytics has heard of it, through RabbitMQ",
    )
    with psycopg.connect(tls_suite.servers.postgres_url) as superuser:
        sessions = superuser.execute(
            "select usename, ssl, client_dn from pg_stat_activity join pg_stat_ssl using (pid)"
            " where backend_type = 'client backend'"
        ).fetchall()
    assert len(sessions) > len(CONTEXTS)
    assert [row for row in sessions if not row[1] or not row[2]] == []
    connections = ask_management(tls_suite.servers.rabbitmq_api, tls_suite.servers.amqp_url, "connections")
    users = {c["user"] for c in connections}
    assert {f"headwater-{context}" for context in CONTEXTS} < users
    assert [c["user"] for c in connections if not c["ssl"] or not c["peer_cert_subject"]] == []


def audit_trail(suite: Any, record: str) -> str:
    try:
        return str(suite.admin.get(f"/v1/audit/records/{record}"))
    except Refused as error:
        if error.status != 404:
            raise
        return ""


# -- what is refused ---------------------------------------------------------------------


def strangers(suite: Any, foreign: Certificates) -> dict[str, Tls | None]:
    """None is plain text; a Tls with an empty certificate shows none."""
    ours = suite.certificates.of("services")
    return {
        "plain text": None,
        "no certificate": Tls(ours.ca, "", ""),
        "a certificate of another authority": Tls(ours.ca, foreign.of("services").cert, foreign.of("services").key),
    }


def test_grpc_refuses_strangers(tls_suite: Any, foreign: Certificates) -> None:
    assert status_over_grpc(tls_suite.apis, tls_suite.certificates.of("services")) is grpc.StatusCode.UNAUTHENTICATED
    for what, tls in strangers(tls_suite, foreign).items():
        assert status_over_grpc(tls_suite.apis, tls) is grpc.StatusCode.UNAVAILABLE, what


def test_grpc_checks_names_on_both_sides(tls_suite: Any) -> None:
    services = tls_suite.certificates.of("services")
    for name in ("nobody", "rabbitmq"):
        assert status_over_grpc(tls_suite.apis, services, name) is grpc.StatusCode.UNAVAILABLE, name
    details = details_over_grpc(tls_suite.apis, tls_suite.certificates.of("operator"))
    assert details == "your certificate names nobody of this suite"
    # a server's certificate is not one to ask with
    assert status_over_grpc(tls_suite.apis, tls_suite.certificates.of("rabbitmq")) is grpc.StatusCode.UNAVAILABLE


def test_postgres_refuses_strangers(tls_suite: Any, foreign: Certificates) -> None:
    url = tls_suite.environment["CUSTOMER_DATABASE_URL"]
    psycopg.connect(url).close()
    for what, tls in strangers(tls_suite, foreign).items():
        given = {"sslmode": "disable", "sslcert": "", "sslkey": ""}
        if tls is not None:
            given = {"sslmode": "verify-full", "sslrootcert": tls.ca, "sslcert": tls.cert, "sslkey": tls.key}
        with pytest.raises(
            psycopg.OperationalError, match=r"no encryption|requires a valid client cert|alert|certificate"
        ):
            psycopg.connect(urlunsplit(urlsplit(url)._replace(query=urlencode(given)))).close()
            pytest.fail(f"taken: {what}")


def test_postgres_that_is_not_ours_is_not_trusted(tls_suite: Any, foreign: Certificates) -> None:
    url = tls_suite.environment["CUSTOMER_DATABASE_URL"]
    for change in (
        {"sslrootcert": foreign.of("services").ca},
        {"host": "localhost.localdomain", "hostaddr": "127.0.0.1"},
    ):
        query = dict(parse_qsl(urlsplit(url).query)) | change
        with pytest.raises(psycopg.OperationalError, match=r"certificate verify failed|does not match host name"):
            psycopg.connect(urlunsplit(urlsplit(url)._replace(query=urlencode(query)))).close()


def test_the_broker_refuses_strangers_and_is_checked(tls_suite: Any, foreign: Certificates) -> None:
    url = tls_suite.environment["CUSTOMER_AMQP_URL"]
    connect(url).close()
    plain = urlunsplit(urlsplit(url)._replace(scheme="amqp", query=""))
    ours, theirs = tls_suite.certificates.of("services"), foreign.of("services")
    tried = {
        "plain text": plain,
        "no certificate": with_query(url, {"cacertfile": ours.ca}),
        "a foreign certificate": with_query(
            url, {"cacertfile": ours.ca, "certfile": theirs.cert, "keyfile": theirs.key}
        ),
        "a broker of another authority": with_query(
            url, {"cacertfile": theirs.ca, "certfile": ours.cert, "keyfile": ours.key}
        ),
        "a broker of unknown authority": with_query(url, {"certfile": ours.cert, "keyfile": ours.key}),
    }
    for what, attempt in tried.items():
        with pytest.raises(BROKER_ERRORS):
            connect(attempt).close()
            pytest.fail(f"taken: {what}")


def test_the_brokers_management_refuses_strangers(tls_suite: Any, foreign: Certificates) -> None:
    api, url = tls_suite.servers.rabbitmq_api, tls_suite.servers.amqp_url
    assert api.startswith("https://")
    assert ask_management(api, url, "overview")["rabbitmq_version"]
    ours, theirs = tls_suite.certificates.of("operator"), foreign.of("operator")
    for query in ({"cacertfile": ours.ca}, {"cacertfile": ours.ca, "certfile": theirs.cert, "keyfile": theirs.key}):
        with pytest.raises(OSError):
            ask_management(api, with_query(url, query), "overview")
    with pytest.raises((OSError, HTTPException)):
        urllib.request.urlopen(api.replace("https:", "http:"), timeout=5)


def test_browsers_reach_the_gateway_by_https_only(tls_suite: Any, foreign: Certificates) -> None:
    answer = httpx.get(f"{tls_suite.url}/livez", verify=ssl.create_default_context(cafile=tls_suite.home.ca()))
    assert answer.status_code == 200
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{tls_suite.url.replace('https:', 'http:')}/livez")
    for untrusting in (ssl.create_default_context(cafile=foreign.of("https").ca), ssl.create_default_context()):
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{tls_suite.url}/livez", verify=untrusting)


# -- certificates and secrets -------------------------------------------------------------


def test_no_secret_stands_on_a_command_line(tls_suite: Any) -> None:
    state = tls_suite.home.read()
    secrets = {*state["secrets"].values(), state["administrator"]["password"]}
    secrets |= {urlsplit(url).password for url in (state["servers"]["postgres_url"], state["servers"]["amqp_url"])}
    pids = {name: tls_suite.home.process(name, MARK) for name in (NAME, *COMMANDS)}
    lines = {name: command_line(pid) for name, pid in pids.items()} | server_command_lines(tls_suite.home.folder)
    assert len(lines) >= len(COMMANDS) + 3
    assert all(lines.values())
    assert [name for name, line in lines.items() if any(secret in line for secret in secrets)] == []


def server_command_lines(folder: Path) -> dict[str, str]:
    """Of every process that mentions the suite's servers, the Erlang virtual machine included."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        line = command_line(int(entry.name))
        if str(folder / "servers") in line:
            found[entry.name] = line
    return found


def test_keys_are_their_owners_alone(tls_suite: Any) -> None:
    kept = [*tls_suite.home.tls.glob("*.key"), tls_suite.home.folder / "suite.json"]
    kept += [p for p in (tls_suite.home.folder / "servers").rglob("*") if p.name in ("server.key", "state.json")]
    assert len(kept) >= len(SUBJECTS) + 4
    assert [path for path in kept if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


# -- means -----------------------------------------------------------------------------------


def call_over_grpc(target: str, tls: Tls | None, name: str = "identity") -> grpc.RpcError:
    """What a call without a session ends with."""
    if tls is not None and not tls.cert:
        credentials = grpc.ssl_channel_credentials(Path(tls.ca).read_bytes())
        channel = grpc.secure_channel(target, credentials, [("grpc.ssl_target_name_override", name)])
    else:
        channel = channel_to(target, name, tls)
    with channel, pytest.raises(grpc.RpcError) as refused:
        call = channel.unary_unary(
            SIGN_IN,
            request_serializer=identity.RefreshSessionRequest.SerializeToString,
            response_deserializer=identity.RefreshSessionResponse.FromString,
        )
        call(identity.RefreshSessionRequest(session_token="none"), timeout=10)
    return refused.value


def status_over_grpc(target: str, tls: Tls | None, name: str = "identity") -> grpc.StatusCode:
    return call_over_grpc(target, tls, name).code()


def details_over_grpc(target: str, tls: Tls | None) -> str:
    return str(call_over_grpc(target, tls).details())


def with_query(url: str, query: dict[str, str]) -> str:
    return urlunsplit(urlsplit(url)._replace(query=urlencode(query)))


def ask_management(api: str, amqp_url: str, path: str) -> Any:
    return Management(amqp_url, api).ask("GET", path)
