"""docs/asyncapi.json is a valid AsyncAPI document, and every published event fits it as it leaves."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import jsonschema_rs
import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from crm.options.v1.options_pb2 import personal
from kernel.codec import personal_fields
from kernel.config import CONTEXTS
from kernel.delivered import message_class
from kernel.log import Entry, Metadata
from kernel.outgoing import cloud_event, is_published

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
PACKAGE = "@asyncapi/specs"
SCHEMA = Path("node_modules", PACKAGE, "schemas", "3.0.0.json")
AT, ID = datetime(2026, 3, 1, tzinfo=UTC), UUID(int=7)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "docs" / "asyncapi.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def specification(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The published JSON schema: of the web UI's packages, or that one package installed as their lock has it."""
    path = WEB / SCHEMA
    if not path.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("there is no npm to install its JSON schema with; make check finds or installs one")
        path = installed(npm, tmp_path_factory.mktemp("asyncapi")) / SCHEMA
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def installed(npm: str, folder: Path) -> Path:
    """A folder with the package of the schema and what it needs, nothing else; its hashes are checked."""
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
    entries = {name: lock["packages"][f"node_modules/{name}"] for name in (PACKAGE, "@types/json-schema")}
    needs = {PACKAGE: entries[PACKAGE]["version"]}
    about = {"name": "schema", "version": "0.0.0", "dependencies": needs}
    locked = {**lock, "packages": {"": about} | {f"node_modules/{name}": entry for name, entry in entries.items()}}
    (folder / "package.json").write_text(json.dumps({**about, "private": True}))
    (folder / "package-lock.json").write_text(json.dumps(locked))
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    return folder


def test_it_is_what_the_specification_asks_for(document: dict[str, Any], specification: dict[str, Any]) -> None:
    published = jsonschema_rs.Draft7Validator(specification)
    assert [error.message for error in published.iter_errors(document)] == []
    assert not published.is_valid({**document, "servers": {"it": {"host": 7}}}), "it looks at nothing"


def filled(descriptor: Any, depth: int = 6) -> Message:
    """A message of which no field is empty."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            value = field.message_type.fields_by_name["value"]
            if value.message_type is None:
                getattr(message, field.name)["key"] = example(value)
            elif depth:
                getattr(message, field.name)["key"].CopyFrom(filled(value.message_type, depth - 1))
        elif field.message_type is not None:
            if depth and field.is_repeated:
                getattr(message, field.name).add().CopyFrom(filled(field.message_type, depth - 1))
            elif depth:
                getattr(message, field.name).CopyFrom(filled(field.message_type, depth - 1))
        elif field.is_repeated:
            getattr(message, field.name).append(example(field))
        else:
            setattr(message, field.name, example(field))
    return message


def example(field: Any) -> Any:
    if field.type == field.TYPE_ENUM:
        return field.enum_type.values[-1].number
    if field.type == field.TYPE_BYTES:
        return b"x"
    return {field.CPPTYPE_STRING: "x", field.CPPTYPE_BOOL: True}.get(field.cpp_type, 7)


def test_every_published_event_fits_its_schema_as_it_leaves(document: dict[str, Any]) -> None:
    components = document["components"]
    payloads = {message["name"]: message["payload"] for message in components["messages"].values()}
    assert len(payloads) > 100
    for name, payload in payloads.items():
        package = name.split(".")[1]
        context = package if package in CONTEXTS else "customer"
        message = filled(message_class(name).DESCRIPTOR)
        metadata = Metadata(ID, AT, AT, "person:x", "r", ID, ID, "00-1-2-00", "t")
        event = cloud_event(context, Entry(7, ID, 3, name, message.SerializeToString(), metadata))
        jsonschema.validate(event, {**payload, "components": components})
        for path in personal_paths(message.DESCRIPTOR):
            assert not holds(event["data"], path), f"{name}.{'.'.join(path)}"
        assert is_published(name)


def personal_paths(descriptor: Any, depth: int = 4) -> Iterator[tuple[str, ...]]:
    for field, is_personal in personal_fields(descriptor):
        assert is_personal == field.GetOptions().Extensions[personal]
        if is_personal:
            yield (field.name,)
        elif depth and not field.message_type.GetOptions().map_entry:
            yield from ((field.name, *below) for below in personal_paths(field.message_type, depth - 1))


def holds(tree: Any, path: tuple[str, ...]) -> bool:
    if isinstance(tree, list):
        return any(holds(one, path) for one in tree)
    if not isinstance(tree, dict) or path[0] not in tree:
        return False
    return len(path) == 1 or holds(tree[path[0]], path[1:])
