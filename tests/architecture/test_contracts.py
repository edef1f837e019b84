"""Rules that every contract keeps; buf's lint and breaking rules are checked by `make check`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from google.api.annotations_pb2 import http
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, MethodOptions

from crm.options.v1.options_pb2 import field_class, guests, internal, permission, personal, subject

PERMISSION = re.compile(
    r"(public|signed-in|[a-z]+\.[a-z-]+\.(read|view|write|create|edit|import|delete|export|approve|admin))"
)

NOT_OVER_HTTP = {
    "crm.identity.v1.IdentityService.RefreshSession",  # the gateway's own
    "crm.identity.v1.IdentityService.IssueServiceToken",  # between services
}

PERSONAL_NAMES = re.compile(
    r"(^|_)(phones?|mobiles?|e?mails?|email_address(es)?|person_name|full_name|given_name|family_name"
    r"|birthday|birth_date|id_number|wechat|home_address|comment|transcript)$"
)

SHOWN_TO_THEMSELVES = [
    # what the caller himself has just sent
    "crm.customer.v1.CustomerService.UploadFile.attachment.name",
    # one's own sessions, shown to nobody else
    "crm.identity.v1.IdentityService.ListSessions.sessions.device",
    "crm.identity.v1.IdentityService.ListSessions.sessions.source",
    # the person who is asked holds the survey's token
    "crm.ticketing.v1.TicketingService.GetSurveyForm.subject",
]

OF_STAFF = re.compile(
    r"^score$|(^|_)(owner_id|assignee_id|opportunity_id|approval_id|import_id|actor|by|level|tags|queue|remark"
    r"|costs?|unit_cost|assignment_reason|external_ref|status_reason)$"
)
"""Names of fields that are nothing to a customer's portal user or a partner."""

CLASS_OF_NAME = re.compile(r"(?:^|_)(phone|email)s?$")


def test_every_rpc_names_a_permission(contracts: Any) -> None:
    wrong = {
        name: method.options.Extensions[permission]
        for name, method in rpcs(contracts)
        if not PERMISSION.fullmatch(method.options.Extensions[permission])
    }
    assert wrong == {}


@pytest.mark.feature("IDN-16")
def test_what_guests_may_call_shows_them_no_field_of_staff(contracts: Any) -> None:
    known = {f".{file.package}.{message.name}": message for file in contracts for message in file.message_type}

    def shown(message: DescriptorProto, path: str, depth: int) -> list[str]:
        found = []
        for field in message.field:
            if field.options.Extensions[internal]:
                continue
            if OF_STAFF.search(field.name):
                found.append(f"{path}.{field.name}")
            if depth and field.type_name in known:
                found += shown(known[field.type_name], f"{path}.{field.name}", depth - 1)
        return found

    open_to_guests = [method for _, method in rpcs(contracts) if method.options.Extensions[guests]]
    assert [it for method in open_to_guests for it in shown(known[method.output_type], method.name, depth=6)] == []
    assert len(open_to_guests) > 10


def test_every_rpc_can_be_called_over_http_by_one_path(contracts: Any) -> None:
    rules = {name: rule_of(method) for name, method in rpcs(contracts)}
    assert {name for name, rule in rules.items() if rule is None} == NOT_OVER_HTTP
    taken = Counter(shape(*rule) for rule in rules.values() if rule is not None)
    assert [rule for rule, times in taken.items() if times > 1] == []


def test_a_get_has_no_side_effects(contracts: Any) -> None:
    wrong = [
        name
        for name, method in rpcs(contracts)
        if (rule_of(method) or ("",))[0] == "GET" and method.options.idempotency_level != MethodOptions.NO_SIDE_EFFECTS
    ]
    assert wrong == []


def test_every_event_says_in_words_what_happened(events: Any) -> None:
    assert events
    assert [event.name for event in events if len(event.comment.strip()) < 10] == []


def test_every_event_begins_with_the_id_of_its_aggregate(events: Any) -> None:
    wrong = [
        event.name
        for event in events
        if not any(field.number == 1 and field.name.endswith("_id") for field in event.message.field)
    ]
    assert wrong == []


def test_no_event_is_named_after_the_machinery(events: Any) -> None:
    assert [e.name for e in events if re.search(r"(Event|Updated|Created)$", e.name)] == []


def test_what_sounds_personal_is_marked_personal(contracts: Any) -> None:
    """In stored events, wherever the field sits; a count or an id of such a thing is not personal."""
    wrong = [
        f"{file.package}.{message.name}.{field.name}"
        for file in contracts
        if file.name.endswith("_events.proto")
        for message in with_nested(file.message_type)
        for field in message.field
        if PERSONAL_NAMES.search(field.name)
        and field.type == FieldDescriptorProto.TYPE_STRING
        and not field.options.Extensions[personal]
    ]
    assert wrong == []


def test_every_personal_event_names_whose_data_it_holds(contracts: Any, events: Any) -> None:
    known = {f".{file.package}.{message.name}": message for file in contracts for message in file.message_type}
    wrong = []
    for event in events:
        if not holds_personal(event.message, known, depth=6):
            continue
        named = event.message.options.Extensions[subject]
        fields = {field.name: field for field in event.message.field}
        if named not in fields or fields[named].options.Extensions[personal]:
            wrong.append(f"{event.name}: subject={named!r}")
    assert wrong == []


def test_every_answer_with_personal_data_names_the_record_it_shows(contracts: Any) -> None:
    """By a `(subject)` around the field, or by an id in the request: reads are recorded by it."""
    known = {f".{file.package}.{message.name}": message for file in contracts for message in file.message_type}

    def unnamed(message: DescriptorProto, path: str, depth: int) -> list[str]:
        if message.options.Extensions[subject] or depth == 0:
            return []
        found = [f"{path}.{field.name}" for field in message.field if field.options.Extensions[personal]]
        for field in message.field:
            if field.type_name in known:
                found += unnamed(known[field.type_name], f"{path}.{field.name}", depth - 1)
        return found

    wrong = []
    for name, method in rpcs(contracts):
        asked, answer = known[method.input_type], known[method.output_type]
        if not any(field.name.endswith("_id") for field in asked.field):
            wrong += unnamed(answer, name, depth=6)
    assert sorted(wrong) == sorted(SHOWN_TO_THEMSELVES)


def test_what_field_rules_speak_of_has_its_class(contracts: Any) -> None:
    wrong = [
        f"{file.package}.{message.name}.{field.name}"
        for file in contracts
        if file.name.endswith("_service.proto")
        for message in with_nested(file.message_type)
        for field in message.field
        if field.options.Extensions[personal]
        and (expected := CLASS_OF_NAME.search(field.name))
        and not expected[1].startswith(field.options.Extensions[field_class] or "none")
    ]
    assert wrong == []


def rpcs(contracts: Any) -> list[tuple[str, Any]]:
    return [
        (f"{file.package}.{service.name}.{method.name}", method)
        for file in contracts
        for service in file.service
        for method in service.method
    ]


def rule_of(method: Any) -> tuple[str, str] | None:
    rule = method.options.Extensions[http]
    verb = rule.WhichOneof("pattern")
    return None if verb is None else (verb.upper(), getattr(rule, verb))


def shape(verb: str, path: str) -> tuple[str, str]:
    """Two paths that differ only in the names of their variables are the same path."""
    return verb, re.sub(r"\{[^}]*\}", "{}", path)


def with_nested(messages: Any) -> list[DescriptorProto]:
    found = list(messages)
    for message in messages:
        found += with_nested(message.nested_type)
    return found


def holds_personal(message: DescriptorProto, known: dict[str, DescriptorProto], depth: int) -> bool:
    return any(
        field.options.Extensions[personal]
        or (depth > 0 and field.type_name in known and holds_personal(known[field.type_name], known, depth - 1))
        for field in message.field
    )


@pytest.mark.parametrize("tool", ["event_catalogue.py", "permission_matrix.py"])
def test_what_is_made_from_the_contracts_says_what_they_say(tool: str) -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, str(root / "tools" / tool), "--check"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
