"""The audit speaks Chinese: every event, every field and every reason to stay has its words in the web UI."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NAMES = ROOT / "web" / "src" / "features" / "audit" / "names.ts"
OWN_FIELDS = {"changes", "taken", "restored", "restores"}
"""Nested messages that hold a record's own fields, as analytics.projections.audit_trail shows them."""


def test_every_event_and_field_of_the_audit_has_its_chinese_words() -> None:
    events, fields = shown()
    said_events, said_fields = said("eventsInChinese"), said("fieldsInChinese")
    assert sorted(events - said_events.keys()) == [], "events without words"
    assert sorted(fields - said_fields.keys()) == [], "fields without words"
    assert sorted(said_events.keys() - events) == [], "words of events that there are not"
    assert sorted(said_fields.keys() - fields) == [], "words of fields that there are not"
    for name, text in (said_events | said_fields).items():
        assert re.search(r"[\u4e00-\u9fff]", text), f"{name} has no Chinese words: {text}"


def test_every_reason_why_an_undo_leaves_something_has_its_chinese_words() -> None:
    told = reasons()
    said_reasons = said("reasonsInChinese")
    assert sorted(told.keys() - said_reasons.keys()) == [], "reasons without words"
    assert sorted(said_reasons.keys() - told.keys()) == [], "words of reasons that there are not"
    assert {code: words for code, (words, _) in told.items() if len(words) > 1} == {}, "one code means one thing"
    for code, text in said_reasons.items():
        assert re.search(r"[\u4e00-\u9fff]", text), f"{code} has no Chinese words: {text}"
        assert set(re.findall(r"{(\w+)}", text)) <= told[code][1], f"{code} names a value that it has not"


def reasons() -> dict[str, tuple[set[str], set[str]]]:
    """By the code: the English words, and the names of the values. Both stand in the source where it is told."""
    found: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for path in (*ROOT.glob("services/*/src/**/*.py"), *ROOT.glob("libs/kernel/src/**/*.py")):
        source = path.read_text(encoding="utf-8")
        if "Reason(" not in source:
            continue
        for call in ast.walk(ast.parse(source)):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Reason"):
                continue
            code, words = call.args[:2]
            assert isinstance(code, ast.Constant), f"{path}:{call.lineno}: a reason's code is not written down"
            found[code.value][0].add(ast.unparse(words))
            found[code.value][1].update(keyword.arg or "" for keyword in call.keywords)
    return found


def shown() -> tuple[set[str], set[str]]:
    """Names of the events, and of their fields as the trail names them."""
    messages = list(stored())
    parts = {field.message_type.full_name for message in messages for field in message.fields if field.message_type}
    events = [message for message in messages if message.full_name not in parts]
    names = {name for event in events for name in fields_of(event)}
    return {event.name for event in events}, {re.sub(r"^(from|to)_|_id$", "", name) for name in names}


def stored() -> Iterator[Any]:
    """Every message of the files that hold events."""
    for path in sorted((ROOT / "proto" / "crm").glob("*/v1/*_events.proto")):
        module = import_module(".".join(path.relative_to(ROOT / "proto").with_suffix("").parts) + "_pb2")
        yield from module.DESCRIPTOR.message_types_by_name.values()


def fields_of(message: Any) -> Iterator[str]:
    for field in message.fields:
        if field.name in OWN_FIELDS and field.message_type is not None:
            yield from fields_of(field.message_type)
        else:
            yield field.name


def said(table: str) -> dict[str, str]:
    [body] = re.findall(rf"export const {table}[^{{]*{{(.*?)^}};", NAMES.read_text(encoding="utf-8"), re.S | re.M)
    return dict(re.findall(r'(\w+): "([^"]*)"', body))
