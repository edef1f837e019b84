"""JSON and query to request and back, on the descriptors of all services."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.analytics.v1 import figures_pb2
from crm.customer.v1 import customer_service_pb2
from crm.identity.v1 import identity_service_pb2 as pb
from gateway.contracts import contracts, field_at
from gateway.transcoding import Malformed, Routes, request_of, response_json

ROUTES = Routes(contracts().bindings)


def asked(http_method: str, path: str, query: Any = (), body: Any = b"") -> Any:
    found = ROUTES.find(http_method, path)
    assert found is not None, f"{path} is not served"
    binding, values = found
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return request_of(binding, values, list(query), raw)


def refused(*arguments: Any) -> dict[str, str]:
    with pytest.raises(Malformed) as error:
        asked(*arguments)
    return {v.field: v.description for v in error.value.violations}


def test_every_annotated_rpc_is_served() -> None:
    for binding in contracts().bindings:
        values = dict.fromkeys(binding.path.fields, "x")
        found = ROUTES.find(binding.http_method, binding.path.expand(values))
        assert found is not None
        assert found[1] == values


def test_no_two_rpcs_share_a_path() -> None:
    assert ROUTES.clashes == []


def test_every_rpc_but_the_internal_ones_is_annotated() -> None:
    served = {binding.method.full_name for binding in contracts().bindings}
    assert set(contracts().methods) - served == {
        "crm.identity.v1.IdentityService/RefreshSession",
        "crm.identity.v1.IdentityService/IssueServiceToken",
    }


def test_body_path_and_both_ways_of_writing_names() -> None:
    assert asked("POST", "/v1/teams/t-1:move", (), {"parentTeamId": "p", "expected_version": "3"}) == (
        pb.MoveTeamRequest(team_id="t-1", parent_team_id="p", expected_version=3)
    )
    assert asked("POST", "/v1/teams/t-1:rename", (), {"team_id": "t-1", "name": "N"}).team_id == "t-1"


def test_the_path_wins_over_nothing() -> None:
    assert refused("POST", "/v1/teams/t-1:rename", (), {"team_id": "t-2", "name": "N"}) == {
        "team_id": "the path says otherwise"
    }


def test_queries_are_read_by_type() -> None:
    request = asked(
        "GET",
        "/v1/people",
        [("query", "王"), ("include_left", "true"), ("page_size", "20"), ("teamId", "t")],
    )
    assert request == pb.ListPeopleRequest(query="王", include_left=True, page_size=20, team_id="t")
    many = asked("GET", "/v1/people:batchGet", [("person_ids", "a"), ("person_ids", "b")])
    assert list(many.person_ids) == ["a", "b"]


def test_queries_reach_into_messages_enumerations_and_times() -> None:
    request = asked(
        "GET",
        "/v1/analytics/funnel",
        [
            ("slice.owner_id", "o"),
            ("slice.as_of", "2026-01-31T08:00:00Z"),
            ("group_by", "DIMENSION_OWNER"),
        ],
    )
    assert (request.slice.owner_id, request.slice.as_of.seconds) == ("o", 1769846400)
    assert request.group_by == figures_pb2.DIMENSION_OWNER


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ([("colour", "red")], "colour", "no such parameter"),
        ([("query.x", "1")], "query.x", "no such parameter"),
        ([("query", "a"), ("query", "b")], "query", "twice"),
        ([("page_size", "many")], "page_size", "whole number"),
        ([("page_size", "99999999999")], "page_size", "whole number"),
        ([("include_left", "perhaps")], "include_left", "true or false"),
    ],
)
def test_a_wrong_parameter_is_named(query: Any, field: str, words: str) -> None:
    assert words in refused("GET", "/v1/people", query)[field]


def test_an_unknown_enumeration_value_is_told_the_known_ones() -> None:
    found = refused("GET", "/v1/analytics/funnel", [("group_by", "COLOUR")])
    assert "DIMENSION_OWNER" in found["group_by"]


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        (b"nonsense", "body", "line 1, column 1"),
        (b"[]", "body", "object"),
        (b'{"name": "A", "name": "B"}', "body", "twice"),
        (b'{"name": NaN}', "body", "not a JSON number"),
        (b'{"name": "\xff"}', "body", "UTF-8"),
        (b'{"name": "\\ud800"}', "name", "half a character"),
        (b'{"name": {"a": 1}}', "name", "text"),
        (b'{"nom": "A"}', "nom", "no such field"),
    ],
)
def test_a_wrong_body_is_named_without_repeating_it(body: bytes, field: str, words: str) -> None:
    found = refused("POST", "/v1/teams", (), body)
    assert words in found[field]
    assert "nonsense" not in str(found)


def test_a_query_beside_a_whole_body_is_refused() -> None:
    assert refused("POST", "/v1/teams", [("name", "A")], {"name": "A"}) == {"name": "belongs into the body"}


def test_a_body_where_none_is_taken_is_refused() -> None:
    assert "body" in refused("GET", "/v1/people", (), {"query": "x"})


def test_nested_mistakes_are_named_with_their_place() -> None:
    found = refused("POST", "/v1/orders:import", (), {"rows": [{}, {"lines": [{"unit_price": {"colour": 1}}]}]})
    assert found == {"rows[1].lines[0].unit_price.colour": "there is no such field"}


def test_answers_use_the_contracts_names_and_show_empty_fields() -> None:
    answer = pb.GetPersonResponse(
        person=pb.Person(person_id="p", name="王小明", version=7, joined_at=Timestamp(seconds=0))
    )
    person = json.loads(response_json(answer))["person"]
    assert person["name"] == "王小明"
    assert (person["person_id"], person["version"], person["roles"]) == ("p", "7", [])
    assert person["joined_at"] == "1970-01-01T00:00:00Z"
    assert "王小明" in response_json(answer).decode(), "not escaped"


# -- round trips over all contracts ---------------------------------------------


def values_of(field: Any, depth: int) -> st.SearchStrategy[Any] | None:
    """JSON values that the mapping reads for a field, not the default; None: leave it out."""
    kind, message = field.type, field.message_type
    one: st.SearchStrategy[Any]
    if message is not None and message.GetOptions().map_entry:
        value = values_of(message.fields_by_name["value"], depth)
        return None if value is None else st.dictionaries(text, value, min_size=1, max_size=2)
    if message is not None and message.full_name == "google.protobuf.Timestamp":
        one = st.datetimes().map(lambda t: t.replace(microsecond=0, year=max(t.year, 1)).isoformat() + "Z")
    elif message is not None and message.full_name.startswith("google.protobuf."):
        return None
    elif message is not None:
        if depth == 0:
            return None
        one = trees_of(message, depth - 1)
    elif kind == FieldDescriptor.TYPE_ENUM:
        one = st.sampled_from([value.name for value in field.enum_type.values])
    elif kind == FieldDescriptor.TYPE_BOOL:
        one = st.booleans()
    elif kind in (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32):
        one = st.integers(-(2**31), 2**31 - 1)
    elif kind in (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64):
        one = st.integers(-(2**63), 2**63 - 1).map(str)
    elif kind in (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64):
        one = st.integers(0, 2**32 - 1)
    elif kind in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        one = st.integers(-1000, 1000).map(float)
    elif kind == FieldDescriptor.TYPE_BYTES:
        one = st.sampled_from(["AAEC", "aGk="])
    else:
        one = text
    return st.lists(one, max_size=2) if field.is_repeated else one


def trees_of(descriptor: Any, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    known = {field.name: values_of(field, depth) for field in descriptor.fields}
    oneofs = {f.name for o in descriptor.oneofs if len(o.fields) > 1 for f in o.fields[1:]}
    usable = {name: s for name, s in known.items() if s is not None and name not in oneofs}
    return st.fixed_dictionaries({}, optional=usable)


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
path_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(st.data())
def test_any_request_of_any_rpc_survives_the_way_through_path_and_body(data: st.DataObject) -> None:
    binding = data.draw(st.sampled_from([b for b in contracts().bindings if b.body == "*"]))
    descriptor: Any = binding.method.request_type.DESCRIPTOR
    tree = data.draw(trees_of(descriptor, 2))
    in_path: dict[str, str] = {}
    for name in binding.path.fields:
        field = field_at(descriptor, name)
        if field.type != FieldDescriptor.TYPE_STRING:
            return
        tree.pop(name.split(".")[0], None)
        in_path[name] = data.draw(path_text)
    path = binding.path.expand(in_path)
    matched = binding.path.match(path)
    assert matched == in_path
    request = request_of(binding, matched, [], json.dumps(tree).encode())
    expected = binding.method.request_type()
    json_format.ParseDict({**tree, **in_path}, expected)
    assert request == expected
    written = json.loads(response_json(request))
    again = binding.method.request_type()
    json_format.ParseDict(written, again)
    assert again == request


def test_a_large_answer_is_written_quickly() -> None:
    card = customer_service_pb2.CustomerCard(customer_id="c", name="上海大河科技有限公司", tags=["a"])
    answer = customer_service_pb2.ListCustomersResponse(customers=[card] * 500)
    assert len(json.loads(response_json(answer))["customers"]) == 500
