"""What the generated descriptors say: every RPC with its HTTP bindings, permission and comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet, MethodOptions
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from crm.options.v1 import options_pb2
from gateway.paths import PathTemplate, parse

EVERYWHERE = "audit"
"""The context of RPCs that every service answers: each request names the service it is for."""
_VERBS = ("get", "put", "post", "delete", "patch")
_LONG_RUNNING = ("Import", "Revert", "Export", "Rebuild", "Try", "Sync", "PreviewDirectorySync", "RetryParked")


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC. `context` names the service that answers it: "pipeline"; or it is EVERYWHERE."""

    context: str
    service: str  # "crm.pipeline.v1.LeadService"
    name: str
    permission: str
    is_query: bool
    is_stream: bool
    guests: bool
    request_type: type[Message]
    response_type: type[Message]
    summary: str

    @property
    def full_name(self) -> str:
        return f"{self.service}/{self.name}"

    @property
    def is_public(self) -> bool:
        return self.permission == "public"

    @property
    def is_long(self) -> bool:
        """Whether it works on many records at once and may take longer."""
        return self.name.startswith(_LONG_RUNNING)


@dataclass(frozen=True, slots=True)
class Binding:
    """One way to ask an RPC over HTTP. `body` is "*", a field's name, or "" for none."""

    http_method: str
    path: PathTemplate
    body: str
    response_body: str
    method: Method


@dataclass(frozen=True, slots=True)
class Contracts:
    """All services' RPCs, their bindings, and the comments of every element by its full name."""

    methods: Mapping[str, Method]
    bindings: Sequence[Binding]
    comments: Mapping[str, str]

    def method(self, full_name: str) -> Method:
        return self.methods[full_name]


class BadContract(Exception):
    """An annotation does not fit the message it is about."""


@cache
def contracts() -> Contracts:
    """Read the generated descriptor set, once."""
    return read(files("crm").joinpath("descriptors.binpb").read_bytes())


def read(descriptor_set: bytes) -> Contracts:
    """Read a descriptor set whose messages are generated as Python modules. Raises BadContract."""
    listed = FileDescriptorSet.FromString(descriptor_set)
    methods: dict[str, Method] = {}
    bindings: list[Binding] = []
    comments: dict[str, str] = {}
    for file in listed.file:
        if not file.package.startswith("crm."):
            continue
        import_module(file.name.removesuffix(".proto").replace("/", ".") + "_pb2")
        comments.update(_comments(file))
        for service in file.service:
            full = f"{file.package}.{service.name}"
            for described in service.method:
                method = Method(
                    context=file.package.split(".")[1],
                    service=full,
                    name=described.name,
                    permission=described.options.Extensions[options_pb2.permission],
                    is_query=described.options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS,
                    is_stream=described.server_streaming,
                    guests=described.options.Extensions[options_pb2.guests],
                    request_type=_message_class(described.input_type),
                    response_type=_message_class(described.output_type),
                    summary=comments.get(f"{full}.{described.name}", ""),
                )
                methods[method.full_name] = method
                if described.options.HasExtension(annotations_pb2.http):
                    rule = described.options.Extensions[annotations_pb2.http]
                    bindings += [_binding(it, method) for it in (rule, *rule.additional_bindings)]
    return Contracts(methods, bindings, comments)


def clashes(bindings: Sequence[Binding]) -> list[str]:
    """Say which bindings take the same requests: the same method and template, whatever the fields' names."""
    seen: dict[tuple[str, str], Binding] = {}
    found = []
    for binding in bindings:
        key = binding.http_method, binding.path.pattern.pattern
        other = seen.setdefault(key, binding)
        if other is not binding:
            found.append(
                f"{binding.http_method} {binding.path.text} is both"
                f" {other.method.full_name} and {binding.method.full_name}"
            )
    return found


def field_at(descriptor: Any, path: str, *, through_lists: bool = False) -> Any:
    """Return the field at a dotted path, by proto or JSON names; None when there is none."""
    field = None
    for name in path.split("."):
        if field is not None:
            if field.message_type is None or (field.is_repeated and not through_lists):
                return None
            descriptor = field.message_type
        field = descriptor.fields_by_name.get(name) or descriptor.fields_by_camelcase_name.get(name)
        if field is None:
            return None
    return field


def _binding(rule: HttpRule, method: Method) -> Binding:
    kind = rule.WhichOneof("pattern")
    if kind not in _VERBS:
        raise BadContract(f"{method.full_name}: {kind or 'no'} HTTP method is not served")
    path = parse(getattr(rule, kind))
    descriptor = method.request_type.DESCRIPTOR
    for name in [*path.fields, *([rule.body] if rule.body not in ("", "*") else [])]:
        if field_at(descriptor, name) is None:
            raise BadContract(f"{method.full_name}: {descriptor.name} has no field {name}")
    return Binding(kind.upper(), path, rule.body, rule.response_body, method)


def _message_class(type_name: str) -> type[Message]:
    pool = descriptor_pool.Default()
    return GetMessageClass(pool.FindMessageTypeByName(type_name.removeprefix(".")))


# -- comments ------------------------------------------------------------------

# field numbers inside descriptors, as source locations name them
_FILE = {4: ("message_type", "message"), 5: ("enum_type", "enum"), 6: ("service", "service")}
_BELOW = {
    "message": {2: ("field", "leaf"), 3: ("nested_type", "message"), 4: ("enum_type", "enum")},
    "enum": {2: ("value", "leaf")},
    "service": {2: ("method", "leaf")},
}


def _comments(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    for location in file.source_code_info.location:
        text = location.leading_comments.strip()
        if text and (name := _name_at(file, list(location.path))):
            yield name, " ".join(line.strip() for line in text.splitlines())


def _name_at(file: FileDescriptorProto, path: list[int]) -> str:
    if len(path) < 2 or len(path) % 2 or path[0] not in _FILE:
        return ""
    node: Any = file
    names, steps = [file.package], _FILE
    for number, index in zip(path[::2], path[1::2], strict=True):
        if number not in steps:
            return ""
        attribute, kind = steps[number]
        node = getattr(node, attribute)[index]
        names.append(node.name)
        steps = _BELOW.get(kind, {})
    return ".".join(names)
