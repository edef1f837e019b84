"""Every cell of docs/permissions.md, asked of the running suite: what is allowed and what is refused.

Calls go to the services themselves, past the gateway, with the tokens that identity issues. Each carries a
request id that no call may have, so that what is let through is refused for that and nothing is carried out.
"""

from __future__ import annotations

import importlib
import secrets
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import grpc
import jwt
import pytest

from crm.identity.v1 import identity_service_pb2 as identity
from crm.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from gateway.contracts import contracts
from headwater.api import Api, Refused
from identity.domain.presets import PRESETS
from identity.domain.role import DataScope
from kernel.wire import channel_to
from testkit import a_name, wait_until

TOO_LONG_A_REQUEST_ID = "x" * 300
SCOPE_IN_THE_TOKEN = {
    DataScope.OWN: "own",
    DataScope.SUBORDINATES: "team",
    DataScope.TEAM: "team",
    DataScope.ALL: "all",
}


@pytest.fixture(scope="module")
def matrix() -> ModuleType:
    tools = Path(__file__).parents[2] / "tools"
    sys.path.insert(0, str(tools))
    try:
        return importlib.import_module("permission_matrix")
    finally:
        sys.path.remove(str(tools))


@pytest.fixture(scope="module")
def services(suite: Any) -> Iterator[grpc.Channel]:
    with channel_to(f"127.0.0.1:{suite.home.read()['ports']['apis']}") as channel:
        yield channel


def token_of(services: grpc.Channel, session: Api) -> str:
    answer = IdentityServiceStub(services).RefreshSession(
        identity.RefreshSessionRequest(session_token=session.session_token), timeout=20
    )
    return str(answer.access_token)


def outcome(services: grpc.Channel, method: Any, token: str) -> str:
    """ "allowed", "refused", or what else the call met, which is a fault."""
    request = method.request_type()
    if "context" in request.DESCRIPTOR.fields_by_name:  # every service answers it, each for itself
        request.context = "customer"
    call = services.unary_unary(
        f"/{method.full_name}",
        request_serializer=method.request_type.SerializeToString,
        response_deserializer=method.response_type.FromString,
    )
    metadata = [("request-id", TOO_LONG_A_REQUEST_ID)]
    if token:
        metadata.append(("authorization", f"Bearer {token}"))
    try:
        call(request, metadata=metadata, timeout=20)
    except grpc.RpcError as error:
        refusals = {grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED}
        if error.code() in refusals:
            return "refused"
        if error.code() is grpc.StatusCode.INVALID_ARGUMENT and "request_id" in str(error.trailing_metadata()):
            return "allowed"
        return f"{error.code().name}: {error.details()}"
    return "carried out"


@pytest.mark.feature("IDN-03")
def test_every_role_gets_what_the_table_says_of_every_rpc(
    suite: Any, services: grpc.Channel, matrix: ModuleType
) -> None:
    wrong: list[str] = []
    asked = 0
    methods = contracts().methods
    for column, preset in enumerate(PRESETS):
        _, session = suite.person(preset.name)
        token = token_of(services, session)
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["scope"] == SCOPE_IN_THE_TOKEN[preset.data_scope], preset.name
        for row in matrix.rows():
            expected = "allowed" if row.cells[column] else "refused"
            asked += 1
            if (met := outcome(services, methods[row.rpc], token)) != expected:
                wrong.append(f"{preset.name} {row.rpc}: {met}, the table says {expected}")
    assert wrong == []
    assert asked == len(PRESETS) * len(methods)


def test_nobody_gets_in_without_signing_in_but_where_the_table_says_public(
    services: grpc.Channel, matrix: ModuleType
) -> None:
    methods = contracts().methods
    wrong = [
        row.rpc
        for row in matrix.rows()
        if outcome(services, methods[row.rpc], "") != ("allowed" if row.permission == "public" else "refused")
    ]
    assert wrong == []


# -- whose records ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def house(suite: Any) -> dict[str, Any]:
    """Two teams of one salesman each; the first has a manager. The first salesman owns one of everything."""
    admin = suite.admin
    found: dict[str, Any] = {}
    for team in ("first", "second"):
        team_id = admin.post("/v1/teams", {"name": f"{team} {secrets.token_hex(3)}"})["team_id"]
        found[f"{team}_rep_id"], found[f"{team}_rep"] = suite.person("sales_rep", team_id)
        manager_id, found[f"{team}_manager"] = suite.person("sales_manager", team_id)
        admin.post(f"/v1/teams/{team_id}:appointManager", {"manager_id": manager_id})
    _, found["leader"] = suite.person("leader")
    found["records"] = _one_of_everything(admin, found["first_rep"])
    return found


def _one_of_everything(admin: Api, rep: Api) -> dict[str, str]:
    name = a_name("Scope")
    stage = {"name": "talks", "probability": 50, "norm_days": 10, "order": 1}
    pipeline = admin.post("/v1/pipelines", {"name": name, "stages": [stage]})["pipeline_id"]
    customer = rep.post("/v1/customers", {"profile": {"name": name}})["customer_id"]
    contact = rep.post(f"/v1/customers/{customer}/contacts", {"contact": {"name": "王小明"}})["contact_id"]
    due = (datetime.now(UTC) + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    follow_up = rep.post(f"/v1/customers/{customer}/follow-ups", {"due_at": due, "subject": "call"})["follow_up_id"]
    opportunity = rep.post(
        "/v1/opportunities",
        {
            "customer_id": customer,
            "pipeline_id": pipeline,
            "title": name,
            "amount": {"minor_units": "100000", "currency_code": "CNY"},
        },
    )["opportunity_id"]
    return {
        "customers": customer,
        "contacts": contact,
        "follow-ups": follow_up,
        "opportunities": opportunity,
    }


LISTS = {"customers": "customer_id", "follow-ups": "follow_up_id", "opportunities": "opportunity_id"}


@pytest.mark.feature("IDN-04")
@pytest.mark.parametrize("noun", sorted(LISTS))
def test_a_list_shows_what_is_in_scope_and_nothing_else(house: dict[str, Any], noun: str) -> None:
    wanted = house["records"][noun]

    def sees(who: str) -> bool:
        return wanted in str(house[who].get(f"/v1/{noun}", page_size=500))

    wait_until(lambda: sees("first_rep"))
    seen = {who: sees(who) for who in ("first_rep", "first_manager", "leader", "second_rep", "second_manager")}
    assert seen == {
        "first_rep": True,
        "first_manager": True,
        "leader": True,
        "second_rep": False,
        "second_manager": False,
    }


@pytest.mark.feature("IDN-04")
def test_what_is_out_of_scope_is_as_if_it_did_not_exist(house: dict[str, Any]) -> None:
    """Read or written, by any RPC whose path names the record: never 200, and never a word that it is there."""
    records = {
        "customer_id": house["records"]["customers"],
        "contact_id": house["records"]["contacts"],
        "opportunity_id": house["records"]["opportunities"],
        "follow_up_id": house["records"]["follow-ups"],
    }
    stranger = house["second_rep"]

    def changes() -> int:
        return int(house["leader"].get(f"/v1/audit/records/{records['customer_id']}")["total_size"])

    wait_until(lambda: refused_with(changes) is None)  # what is audited arrives over the bus
    before = changes()
    asked, wrong = 0, []
    for binding in contracts().bindings:
        names = binding.path.fields
        if not names or not set(names) <= set(records):
            continue
        path = binding.path.text
        for name in names:
            path = path.replace(f"{{{name}}}", records[name])
        asked += 1
        try:
            answer = stranger.get(path) if binding.http_method == "GET" else stranger.post(path, {})
        except Refused as refused:
            if refused.status not in (400, 403, 404):
                wrong.append(f"{binding.http_method} {path}: {refused}")
        else:
            if any(record in str(answer) for record in records.values()):
                wrong.append(f"{binding.http_method} {path}: answered {str(answer)[:200]}")
    assert wrong == []
    assert asked > 20
    assert changes() == before
    unknown = refused_with(lambda: stranger.get(f"/v1/customers/{uuid4()}"))
    known = refused_with(lambda: stranger.get(f"/v1/customers/{records['customer_id']}"))
    assert known
    assert unknown
    assert known.status == unknown.status == 404
    assert known.problem["title"] == unknown.problem["title"]


def refused_with(ask: Callable[[], object]) -> Refused | None:
    try:
        ask()
    except Refused as refused:
        return refused
    return None


# -- ways out --------------------------------------------------------------------------------------


@pytest.mark.feature("IDN-02")
def test_who_may_not_export_is_refused_on_every_way_out_and_who_may_is_not(suite: Any, tmp_path: Path) -> None:
    exporting = {"Headwater-Purpose": "export"}
    segment = f"/v1/segments/{uuid4()}/members:export"
    ways: dict[str, Callable[[Api], Any]] = {
        "analytics.audit.export": lambda api: api.get("/v1/audit/events:export"),
        "marketing.segment.export": lambda api: api.get(segment),
        "customer.customer.export": lambda api: api.get_with_headers("/v1/customers", exporting),
        "pipeline.opportunity.export": lambda api: api.get_with_headers("/v1/opportunities", exporting),
        "ticketing.ticket.export": lambda api: api.get_with_headers("/v1/tickets", exporting),
    }
    _, rep = suite.person("sales_rep")
    for permission, way in ways.items():
        with pytest.raises(Refused, match=permission) as refused:
            way(rep)
        assert refused.value.status == 403
    with pytest.raises(Refused, match=r"customer\.customer\.export"):
        rep.post("/v1/customers:search", {"query": "x"}, headers=exporting)
    assert "customers" in rep.get("/v1/customers"), "to look is his right"

    _, leader = suite.person("leader")
    for permission, way in ways.items():
        if permission == "marketing.segment.export":
            with pytest.raises(Refused) as refused:
                way(leader)
            assert refused.value.status == 404, "the segment is missing, not the right"
        else:
            assert way(leader)

    for api, ok in ((rep, 2), (leader, 0)):
        secret = tmp_path / f"{ok}"
        secret.write_text(api._password, encoding="utf-8")
        who = ("--login", api._login, "--password-file", str(secret))
        done = suite.headwater("export", "customers", "--out", str(tmp_path / f"{ok}.csv"), *who, ok=(ok,))
        assert ok == 0 or "customer.customer.export" in done.stderr
    with pytest.raises(Refused, match=r"customer\.customer\.import"):
        rep.post("/v1/customers:import", {"import_id": str(uuid4()), "rows": []})
