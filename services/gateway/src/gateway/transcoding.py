"""JSON over HTTP into requests, responses into JSON: proto3's JSON mapping, after google.api.http.

Written with the fields' own names (`customer_id`, not `customerId`); both are read. A field that does not
exist is refused by name, in a body and in a query alike. Fields without presence are always written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from gateway.contracts import Binding, clashes, field_at

_WELL_KNOWN = "google.protobuf."
_FAILED_FIELD = re.compile(r"Failed to parse (\w+) field")
_AT = re.compile(r" at \w+\.([\w.\[\]]+?)\.?$")
_DEEPEST = 32


class Violation(NamedTuple):
    field: str
    description: str


class Malformed(Exception):
    """The request does not fit the contract; says where and why, without repeating personal data."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("; ".join(f"{v.field}: {v.description}" for v in violations))
        self.violations = tuple(violations)


class Routes:
    """Finds the binding for a path. More literal parts win; of two equal ones the first."""

    def __init__(self, bindings: Iterable[Binding]) -> None:
        every = list(bindings)
        self.clashes = clashes(every)
        every.sort(key=lambda binding: -binding.path.literals)
        self._by_shape: dict[tuple[str, int], list[Binding]] = {}
        self._unbounded: dict[str, list[Binding]] = {}
        self._methods = sorted({binding.http_method for binding in every})
        for binding in every:
            if "**" in binding.path.text:
                self._unbounded.setdefault(binding.http_method, []).append(binding)
            else:
                shape = binding.http_method, binding.path.text.count("/")
                self._by_shape.setdefault(shape, []).append(binding)

    def find(self, http_method: str, raw_path: str) -> tuple[Binding, dict[str, str]] | None:
        candidates = self._by_shape.get((http_method, raw_path.count("/")), [])
        for binding in [*candidates, *self._unbounded.get(http_method, [])]:
            values = binding.path.match(raw_path)
            if values is not None:
                return binding, values
        return None

    def allowed(self, raw_path: str) -> list[str]:
        """The HTTP methods that this path can be asked with."""
        return [method for method in self._methods if self.find(method, raw_path)]


def request_of(
    binding: Binding,
    path_values: Mapping[str, str],
    query: Sequence[tuple[str, str]],
    body: bytes,
) -> Message:
    """Return the RPC's request. Raises Malformed naming every field that is wrong."""
    descriptor = binding.method.request_type.DESCRIPTOR
    tree: dict[str, Any] = {}
    violations: list[Violation] = []
    if binding.body == "*":
        tree = _object(_json(body))
        violations += [Violation(name, "belongs into the body") for name, _ in query]
    else:
        if binding.body:
            tree = {binding.body: _json(body)} if body else {}
        elif body:
            violations.append(Violation("body", "this takes none"))
        violations += _add_query(tree, descriptor, query, {*path_values, binding.body})
    violations += unknown_fields(descriptor, tree)
    for path, text in path_values.items():
        violations += _add_path(tree, descriptor, path, text)
    if violations:
        raise Malformed(violations)
    message = binding.method.request_type()
    try:
        json_format.ParseDict(tree, message, max_recursion_depth=_DEEPEST)
    except (json_format.ParseError, ValueError, TypeError, RecursionError) as error:
        raise Malformed([_violation(descriptor, str(error))]) from error
    return message


def response_json(message: Message, response_body: str = "") -> bytes:
    """Return the message, or one field of it, as JSON."""
    tree = as_tree(message)
    return dump(tree.get(response_body) if response_body else tree)


def as_tree(message: Message) -> dict[str, Any]:
    """Return the message as JSON values."""
    tree: dict[str, Any] = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return tree


def dump(tree: Any) -> bytes:
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()


# -- body ------------------------------------------------------------------------


def _json(body: bytes) -> Any:
    if not body:
        return {}
    try:
        return json.loads(body, parse_constant=_refuse_constant, object_pairs_hook=_no_doubles)
    except RecursionError as error:
        raise Malformed([Violation("body", f"is nested deeper than {_DEEPEST} levels")]) from error
    except (ValueError, UnicodeDecodeError) as error:
        raise Malformed([Violation("body", f"is not JSON: {_where(error)}")]) from error


def _where(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(n for n in names if names.count(n) > 1)!r:.60} is given twice")
    return found


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed([Violation("body", "must be a JSON object")])
    return value


def unknown_fields(descriptor: Any, tree: Any, at: str = "", depth: int = 0) -> list[Violation]:
    """Name every key of the tree that is not a field of the message."""
    if not isinstance(tree, dict) or depth > _DEEPEST:
        return []
    found: list[Violation] = []
    for name, value in tree.items():
        here = f"{at}.{name}" if at else name
        field = field_at(descriptor, name) if "." not in name else None
        if field is None:
            found.append(Violation(here[:200], "there is no such field"))
        elif field.message_type is not None and not _is_leaf(field.message_type):
            if field.message_type.GetOptions().map_entry:
                below = field.message_type.fields_by_name["value"].message_type
                entries = list(value.items()) if isinstance(value, dict) else []
            else:
                below = field.message_type
                entries = list(enumerate(value)) if isinstance(value, list) else [("", value)]
            if below is not None and not _is_leaf(below):
                for key, item in entries:
                    spot = here if key == "" else f"{here}[{key}]"
                    found += unknown_fields(below, item, spot, depth + 1)
    return found


def _is_leaf(descriptor: Any) -> bool:
    """Whether JSON writes the message as one value: a time, a duration, a wrapper."""
    return bool(descriptor.full_name.startswith(_WELL_KNOWN))


# -- path and query ----------------------------------------------------------------


def _add_path(tree: dict[str, Any], descriptor: Any, path: str, text: str) -> list[Violation]:
    field = field_at(descriptor, path)
    *above, name = path.split(".")
    node = tree
    for step in above:
        below = node.setdefault(step, {})
        if not isinstance(below, dict):
            return [Violation(path, "is not where the path puts it")]
        node = below
    value, problem = _value(field, text)
    if problem:
        return [Violation(path, problem)]
    given = [node.pop(alias) for alias in {name, field.camelcase_name} if alias in node]
    node[name] = value
    if any(str(it) not in ("", text) for it in given):
        return [Violation(path, "the path says otherwise")]
    return []


def _add_query(
    tree: dict[str, Any],
    descriptor: Any,
    query: Sequence[tuple[str, str]],
    taken: set[str],
) -> list[Violation]:
    violations: list[Violation] = []
    for path, text in query:
        field = field_at(descriptor, path)
        if field is None:
            violations.append(Violation(path[:200], "there is no such parameter"))
            continue
        if path in taken or path.split(".")[0] in taken:
            violations.append(Violation(path, "is given in another place already"))
            continue
        value, problem = _value(field, text)
        node = _node(tree, descriptor, path)
        if problem:
            violations.append(Violation(path, problem))
        elif field.is_repeated:
            node.setdefault(field.name, []).append(value)
        elif field.name in node:
            violations.append(Violation(path, "is given twice"))
        else:
            node[field.name] = value
    return violations


def _node(tree: dict[str, Any], descriptor: Any, path: str) -> dict[str, Any]:
    for step in path.split(".")[:-1]:
        field = field_at(descriptor, step)
        descriptor = field.message_type
        tree = tree.setdefault(field.name, {})
    return tree


def _value(field: Any, text: str) -> tuple[Any, str]:
    """Return what the JSON mapping reads for this text, and what is wrong with it."""
    if field.type == FieldDescriptor.TYPE_BOOL:
        known = {"true": True, "1": True, "": True, "false": False, "0": False}
        if text.lower() not in known:
            return None, "must be true or false"
        return known[text.lower()], ""
    if field.type == FieldDescriptor.TYPE_ENUM:
        names = field.enum_type.values_by_name
        if text not in names and not text.lstrip("-").isdecimal():
            return None, f"must be one of {', '.join(names)}"
        return (text if text in names else int(text)), ""
    if field.message_type is not None:
        if not _is_leaf(field.message_type) or field.message_type.GetOptions().map_entry:
            return None, "cannot be given here"
        if field.message_type.full_name.endswith("BoolValue"):
            return text.lower() in ("true", "1"), ""
    return text, ""


def _violation(descriptor: Any, message: str) -> Violation:
    """The parser's message as a field and what it should hold; what was sent is not repeated."""
    path = ".".join(_FAILED_FIELD.findall(message))
    field = field_at(descriptor, path, through_lists=True) if path else None
    if field is None:
        too_deep = "recursion" in message.lower()
        return Violation(path or "body", "is nested too deeply" if too_deep else "is malformed")
    if "surrogate" in message.lower():
        return Violation(path, "holds half a character (an unpaired surrogate)")
    found = _AT.search(message)
    return Violation(found.group(1).rstrip(".") if found else path, _expected(field))


def _expected(field: Any) -> str:
    """What the JSON mapping wants for this field."""
    if field.message_type is not None:
        name = field.message_type.full_name
        known = {
            f"{_WELL_KNOWN}Timestamp": "a time such as 2026-01-31T08:00:00Z",
            f"{_WELL_KNOWN}Duration": 'a duration such as "3.5s"',
        }
        one = known.get(name, "an object")
        is_list = field.is_repeated and not field.message_type.GetOptions().map_entry
        return f"must be a list, each {one}" if is_list else f"must be {one}"
    if field.type == FieldDescriptor.TYPE_ENUM:
        one = "one of " + ", ".join(field.enum_type.values_by_name)
    elif field.type == FieldDescriptor.TYPE_BOOL:
        one = "true or false"
    elif field.type == FieldDescriptor.TYPE_STRING:
        one = "text"
    elif field.type == FieldDescriptor.TYPE_BYTES:
        one = "base64"
    elif field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        one = "a number"
    else:
        one = "a whole number"
    return f"must be a list, each {one}" if field.is_repeated else f"must be {one}"
