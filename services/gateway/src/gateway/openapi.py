"""The OpenAPI 3.1 document, made from the same descriptors as the routes. Comments become descriptions."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from crm.options.v1 import options_pb2
from gateway.backups import PERMISSION
from gateway.composition import overview_parts, parked_parts, processing_parts, search_parts, settings_parts
from gateway.contracts import Binding, Contracts, Method, field_at
from gateway.contracts import contracts as all_contracts
from gateway.problems import KINDS, MEDIA_TYPE
from gateway.streams import MEDIA_TYPE as STREAM
from kernel.config import CONTEXTS
from kernel.rpc import PUBLIC, SIGNED_IN

_INT32 = {
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_SINT32,
    FieldDescriptor.TYPE_SFIXED32,
    FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_FIXED32,
}
_INT64 = {
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_SFIXED64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_FIXED64,
}
_WELL_KNOWN: dict[str, dict[str, Any]] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?\d+(\.\d{1,9})?s$"},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Empty": {"type": "object"},
    "google.protobuf.BoolValue": {"type": ["boolean", "null"]},
    "google.protobuf.StringValue": {"type": ["string", "null"]},
    "google.protobuf.Int64Value": {"type": ["string", "null"], "format": "int64"},
    "google.protobuf.Int32Value": {"type": ["integer", "null"], "format": "int32"},
    "google.protobuf.DoubleValue": {"type": ["number", "null"]},
    "google.protobuf.Any": {"type": "object"},
}
_DEEPEST_QUERY = 3
_HEADERS = ("IdempotencyKey", "EffectiveAt", "Timeline")
_QUERY_HEADERS = ("AsOf", "AsOfClock", "Purpose")
_AS_OF = [{"$ref": f"#/components/parameters/{name}"} for name in _QUERY_HEADERS]
_WITH_PAST = frozenset(CONTEXTS) - {"analytics"}  # it has no log, and so no views of its own log
_INTRODUCTION = """\
Every RPC of every service, as JSON. Field names are those of the contracts (`customer_id`); 64-bit integers \
are strings; times are RFC 3339; fields without a value are written too. Commands are idempotent: send \
`Idempotency-Key`, and the same key again gets the first answer. Refusals are problem details (RFC 9457)."""

_SANDBOX = """\
**This is a sandbox**: its data is invented, no message goes out, and every answer has the header \
`Headwater-Sandbox: true`. Its keys begin with `sandbox-` and work only here; those of a real installation do not."""


def document(
    contracts: Contracts, public_url: str = "", whole_answers: bool = False, sandbox: bool = False
) -> dict[str, Any]:
    """Return the document as JSON values.

    `whole_answers` marks as required what every answer holds, for clients that make types of it. Requests
    may leave the same fields out, so the document that is served does not say so. A `sandbox` says that it is one.
    """
    tree = _Document(contracts, whole_answers).tree(public_url)
    if sandbox:
        tree["info"]["title"] += " (sandbox)"
        tree["info"]["description"] = f"{_SANDBOX}\n\n{_INTRODUCTION}"
    return tree


def schemas_without_personal_fields(contracts: Contracts, descriptors: Iterable[Any]) -> dict[str, Any]:
    """Return JSON schemas by name, of these messages and what they hold, for what partners are told."""
    document = _Document(contracts, whole_answers=True, personal=False)
    for descriptor in descriptors:
        document._reference(descriptor)
    return dict(sorted(document._schemas.items()))


class _Document:
    def __init__(self, contracts: Contracts, whole_answers: bool, personal: bool = True) -> None:
        self._contracts = contracts
        self._whole_answers = whole_answers
        self._personal = personal
        self._schemas: dict[str, Any] = {}
        self._paths: dict[str, dict[str, Any]] = {}
        self._ids: set[str] = set()
        self._tags: dict[str, None] = {}

    def tree(self, public_url: str) -> dict[str, Any]:
        taken: set[tuple[str, str]] = set()
        for binding in self._contracts.bindings:
            key = binding.http_method, binding.path.pattern.pattern
            if key not in taken:  # a clash is served by the first, so that is what is described
                taken.add(key)
                path = binding.path.openapi()
                self._paths.setdefault(path, {})[binding.http_method.lower()] = self._operation(binding)
        self._add_compositions()
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "Headwater",
                "version": "1",
                "summary": "A CRM whose source is its event log",
                "description": _INTRODUCTION,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": public_url or "/"}],
            "security": [{"session": []}, {"cookie": []}],
            "tags": [
                {"name": tag, "description": self._comment(service)}
                for tag, service in sorted(self._services().items())
                if tag in self._tags
            ],
            "paths": dict(sorted(self._paths.items())),
            "components": {
                "schemas": dict(sorted({**self._schemas, **_problem_schemas()}.items())),
                "responses": _responses(),
                "parameters": _parameters(),
                "securitySchemes": {
                    "session": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "The session_token that POST /v1/session gave.",
                    },
                    "cookie": {
                        "type": "apiKey",
                        "in": "cookie",
                        "name": "headwater_session",
                        "description": "Set by POST /v1/session with the header `Headwater-Session: cookie`."
                        " Commands then need the header `Headwater-Csrf: 1`.",
                    },
                },
            },
        }

    # -- operations ----------------------------------------------------------------

    def _operation(self, binding: Binding) -> dict[str, Any]:
        method = binding.method
        descriptor: Any = method.request_type.DESCRIPTOR
        tag = method.service.rpartition(".")[2].removesuffix("Service")
        self._tags[tag] = None
        first, _, rest = method.summary.partition(". ")
        operation: dict[str, Any] = {
            "operationId": self._operation_id(tag, method.name),
            "tags": [tag],
            "summary": first.rstrip(".") or method.name,
            "description": f"{rest}\n\nNeeds: `{method.permission}`.".strip(),
            "parameters": [
                *self._path_parameters(binding, descriptor),
                *({"$ref": f"#/components/parameters/{name}"} for name in _headers(method)),
                *self._query_parameters(binding, descriptor),
            ],
            "responses": self._answers(binding),
        }
        if method.is_public:
            operation["security"] = []
        if binding.body == "*":
            operation["requestBody"] = _json_content(
                self._reference(descriptor, without=frozenset(binding.path.fields))
            )
        elif binding.body:
            field = field_at(descriptor, binding.body)
            operation["requestBody"] = _json_content(self._field_schema(field))
        return operation

    def _operation_id(self, tag: str, name: str) -> str:
        wanted, n = name, 1
        if wanted in self._ids:
            wanted = f"{tag}_{name}"
        while wanted in self._ids:
            n += 1
            wanted = f"{tag}_{name}_{n}"
        self._ids.add(wanted)
        return wanted

    def _path_parameters(self, binding: Binding, descriptor: Any) -> Iterator[dict[str, Any]]:
        for path in binding.path.fields:
            field = field_at(descriptor, path)
            yield {
                "name": path,
                "in": "path",
                "required": True,
                "description": self._comment(field.full_name),
                "schema": self._field_schema(field),
            }

    def _query_parameters(self, binding: Binding, descriptor: Any) -> Iterator[dict[str, Any]]:
        if binding.body == "*":
            return
        for path, field in _query_fields(descriptor):
            if path in binding.path.fields or path.split(".")[0] == binding.body:
                continue
            yield {
                "name": path,
                "in": "query",
                "description": self._comment(field.full_name),
                "schema": self._field_schema(field),
            }

    def _answers(self, binding: Binding) -> dict[str, Any]:
        descriptor: Any = binding.method.response_type.DESCRIPTOR
        if binding.response_body:
            schema = self._field_schema(field_at(descriptor, binding.response_body))
        else:
            schema = self._reference(descriptor)
        refusals = [400, 404, 409, 429, 500, 503, 504]
        if not binding.method.is_public:
            refusals += [401, 403]
        return {
            "200": {
                "description": self._comment(descriptor.full_name) or "Done.",
                "content": _stream_of(schema) if binding.method.is_stream else {"application/json": {"schema": schema}},
            },
            **{str(s): {"$ref": f"#/components/responses/Problem{s}"} for s in sorted(refusals)},
        }

    def _add_compositions(self) -> None:
        overview = self._whole(
            "CustomerOverview", [p.rpc for p in overview_parts("x")], [p.name for p in overview_parts("x")]
        )
        search = self._whole(
            "SearchResults", [p.rpc for p in search_parts("x", 1)], [p.name for p in search_parts("x", 1)]
        )
        self._paths["/v1/customers/{customer_id}/overview"] = {
            "get": _composed(
                "GetCustomerOverview",
                "Everything about a customer on one page",
                "Asks several services at once. What does not answer in time is named in `missing`.",
                [_parameter("customer_id", "path", "The customer.", {"type": "string"}), *_AS_OF],
                overview,
            )
        }
        self._paths["/v1/search"] = {
            "get": _composed(
                "Search",
                "Finds customers, leads, opportunities, orders and tickets",
                "By name, telephone number, company or tag; Chinese names of two characters too.",
                [
                    _parameter(
                        "q",
                        "query",
                        "What to look for.",
                        {"type": "string", "minLength": 1, "maxLength": 200},
                        required=True,
                    ),
                    _parameter(
                        "limit",
                        "query",
                        "Most of each kind.",
                        {"type": "integer", "minimum": 1, "maximum": 50, "default": 10},
                    ),
                    *_AS_OF,
                ],
                search,
            )
        }
        self._paths["/v1/settings"] = {
            "get": _composed(
                "GetSettings",
                "What everything is set to, and where it is changed",
                "Roles, grants, teams, policies, rules, directories, clients and imports of all services. `places`"
                " names the call that changes each, its permission, and whether you have it.",
                [],
                self._whole("Settings", [p.rpc for p in settings_parts()], [p.name for p in settings_parts()]),
            )
        }
        self._paths["/v1/data-protection"] = {
            "get": _composed(
                "GetDataProtection",
                "The register of processing",
                "Where the data is, what stands in clear and what is sealed, and every outbound call with its switch.",
                [],
                self._whole(
                    "DataProtection", [p.rpc for p in processing_parts()], [p.name for p in processing_parts()]
                ),
            )
        }
        self._paths["/v1/parked"] = {
            "get": _composed(
                "GetParked",
                "What could not be handled",
                "Events, timers and jobs that every service has parked. Needs audit.parking.admin; one service by"
                " itself, trying again and setting aside: /v1/audit/{context}/parked.",
                [],
                self._whole("Parked", [p.rpc for p in parked_parts()], [p.name for p in parked_parts()]),
            )
        }
        self._add_backups()
        changes = _composed(
            "FollowChanges",
            "Live changes as server-sent events",
            "Events `hello`, `change` ({context, event, stream_id, version}) and `reset` (reload everything, then"
            " connect again). No personal data, no actor. Whoever does not see all records gets stream_id and"
            " version only for the streams he names. `Last-Event-ID` is best effort: what is not known any"
            " more is answered with `reset` first.",
            [
                _parameter(
                    "stream",
                    "query",
                    "Ids of records on show, at most 200.",
                    {"type": "array", "items": {"type": "string"}},
                ),
                _parameter(
                    "context",
                    "query",
                    "Only changes of these contexts.",
                    {"type": "array", "items": {"type": "string"}},
                ),
            ],
            {},
        )
        changes["responses"]["200"] = {
            "description": "The stream.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
        self._paths["/v1/changes"] = {"get": changes}

    def _add_backups(self) -> None:
        text = {"type": "string"}
        self._schemas["Backup"] = {
            "type": "object",
            "properties": {
                "backup_id": {**text, "description": "When it was taken: 20260131T031500Z."},
                "taken_at": {**text, "format": "date-time", "description": "The same as a time."},
                "size_bytes": {**text, "format": "int64", "description": "Of all its files."},
                "services": {"type": "array", "items": text, "description": "Whose data is in it."},
            },
            "required": ["backup_id", "taken_at", "size_bytes", "services"],
        }
        self._schemas["Backups"] = {
            "type": "object",
            "properties": {
                "backups": {"type": "array", "items": {"$ref": "#/components/schemas/Backup"}},
                "kept": {"type": "boolean", "description": "Whether the operator said where backups are kept."},
            },
            "required": ["backups", "kept"],
        }
        self._paths["/v1/backups"] = {
            "get": _composed(
                "ListBackups",
                "Backups to download",
                f"Newest first, at most a hundred. Needs: `{PERMISSION}`.",
                [],
                {"$ref": "#/components/schemas/Backups"},
            )
        }
        download = _composed(
            "DownloadBackup",
            "One backup as a zip file",
            "Sealed as it is: it opens with the operator's `backup-keys.json` only, and `headwater restore` brings it"
            f" back. Needs: `{PERMISSION}`.",
            [_parameter("backup_id", "path", "Which one.", text)],
            {},
        )
        download["responses"]["200"] = {
            "description": "The file.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        }
        self._paths["/v1/backups/{backup_id}:download"] = {"get": download}

    def _whole(self, name: str, rpcs: list[str], parts: list[str]) -> dict[str, Any]:
        properties = {
            part: self._reference(self._contracts.method(rpc).response_type.DESCRIPTOR)
            for part, rpc in zip(parts, rpcs, strict=True)
        }
        missing = {
            "type": "object",
            "properties": {k: {"type": "string"} for k in ("part", "context", "reason", "detail")},
        }
        self._schemas[name] = {
            "type": "object",
            "properties": {
                **properties,
                "missing": {
                    "type": "array",
                    "items": missing,
                    "description": "Parts that did not answer, and why.",
                },
                "took_ms": {"type": "integer"},
            },
            "required": ["missing", "took_ms"],
        }
        return {"$ref": f"#/components/schemas/{name}"}

    # -- schemas ---------------------------------------------------------------------

    def _reference(self, descriptor: Any, without: frozenset[str] = frozenset()) -> dict[str, Any]:
        if descriptor.full_name in _WELL_KNOWN:
            return dict(_WELL_KNOWN[descriptor.full_name])
        if descriptor.full_name.startswith("google.protobuf."):
            return {"type": "string"}
        name = descriptor.full_name.removeprefix("crm.")
        if without:
            name += ".Body"
        if name not in self._schemas:
            self._schemas[name] = {}  # against endless recursion
            shown = [f for f in descriptor.fields if f.name not in without and (self._personal or not _is_personal(f))]
            schema: dict[str, Any] = {
                "type": "object",
                "properties": {f.name: self._field_schema(f, described=True) for f in shown},
                "additionalProperties": False,
            }
            always = [f.name for f in shown if not f.has_presence]
            if self._whole_answers and always:
                schema["required"] = always
            if comment := self._comment(descriptor.full_name):
                schema["description"] = comment
            self._schemas[name] = schema
        return {"$ref": f"#/components/schemas/{name}"}

    def _field_schema(self, field: Any, described: bool = False) -> dict[str, Any]:
        message = field.message_type
        if message is not None and message.GetOptions().map_entry:
            value = self._one(message.fields_by_name["value"])
            schema: dict[str, Any] = {"type": "object", "additionalProperties": value}
        elif field.is_repeated:
            schema = {"type": "array", "items": self._one(field)}
        else:
            schema = self._one(field)
        if described:
            if comment := self._comment(field.full_name):
                schema = {**schema, "description": comment}
            if _is_personal(field):
                schema["x-personal"] = True
            if field.GetOptions().deprecated:
                schema["deprecated"] = True
        return schema

    def _one(self, field: Any) -> dict[str, Any]:
        if field.message_type is not None:
            return self._reference(field.message_type)
        kind = field.type
        if kind == FieldDescriptor.TYPE_ENUM:
            return self._enumeration(field.enum_type)
        if kind == FieldDescriptor.TYPE_BOOL:
            return {"type": "boolean"}
        if kind in _INT32:
            return {"type": "integer", "format": "int32"}
        if kind in _INT64:
            return {"type": "string", "format": "int64", "pattern": r"^-?\d+$"}
        if kind in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
            return {"type": "number", "format": "double"}
        if kind == FieldDescriptor.TYPE_BYTES:
            return {"type": "string", "contentEncoding": "base64"}
        return {"type": "string"}

    def _enumeration(self, enum: Any) -> dict[str, Any]:
        name = enum.full_name.removeprefix("crm.")
        if name not in self._schemas:
            lines = [self._comment(enum.full_name)]
            lines += [f"- `{v.name}`: {self._comment(f'{enum.full_name}.{v.name}')}" for v in enum.values]
            self._schemas[name] = {
                "type": "string",
                "enum": [value.name for value in enum.values],
                "description": "\n".join(lines).strip(),
            }
        return {"$ref": f"#/components/schemas/{name}"}

    def _comment(self, full_name: str) -> str:
        return self._contracts.comments.get(full_name, "")

    def _services(self) -> dict[str, str]:
        names = {method.service for method in self._contracts.methods.values()}
        return {n.rpartition(".")[2].removesuffix("Service"): n for n in names}


def _is_personal(field: Any) -> bool:
    return bool(field.GetOptions().Extensions[options_pb2.personal])


def _headers(method: Method) -> tuple[str, ...]:
    if not method.is_query:
        return _HEADERS
    has_past = method.context in _WITH_PAST and method.permission not in (PUBLIC, SIGNED_IN)
    return _QUERY_HEADERS if has_past else ()


def _query_fields(descriptor: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for field in descriptor.fields:
        path = f"{prefix}{field.name}"
        message = field.message_type
        if message is None or message.full_name in _WELL_KNOWN:
            yield path, field
        elif not field.is_repeated and depth < _DEEPEST_QUERY:
            yield from _query_fields(message, f"{path}.", depth + 1)


def _stream_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Server-sent events: the data of each is one such answer, as JSON."""
    event = {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}
    return {STREAM: {"schema": event}}


def _json_content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _parameter(
    name: str, where: str, description: str, schema: dict[str, Any], required: bool = False
) -> dict[str, Any]:
    found = {"name": name, "in": where, "description": description, "schema": schema}
    return found | ({"required": True} if required or where == "path" else {})


def _composed(
    id_: str, summary: str, description: str, parameters: list[Any], schema: dict[str, Any]
) -> dict[str, Any]:
    return {
        "operationId": id_,
        "tags": ["Gateway"],
        "summary": summary,
        "description": description,
        "parameters": parameters,
        "responses": {
            "200": {"description": summary + ".", "content": {"application/json": {"schema": schema}}},
            **{str(s): {"$ref": f"#/components/responses/Problem{s}"} for s in (400, 401, 404, 503)},
        },
    }


def _problem_schemas() -> dict[str, Any]:
    return {
        "Problem": {
            "type": "object",
            "description": "Why a request was refused (RFC 9457).",
            "required": ["type", "title", "status", "detail", "instance"],
            "properties": {
                "type": {
                    "type": "string",
                    "format": "uri",
                    "description": "The kind of problem.",
                    "examples": [f"urn:headwater:problem:{kind.name}" for kind in KINDS],
                },
                "title": {"type": "string", "description": "The kind, for people."},
                "status": {"type": "integer", "description": "The HTTP status."},
                "detail": {"type": "string", "description": "What happened this time, fit to be shown."},
                "instance": {"type": "string", "format": "uri", "description": "The request's id."},
                "violations": {
                    "type": "array",
                    "description": "Fields that are wrong.",
                    "items": {
                        "type": "object",
                        "required": ["field", "description"],
                        "properties": {"field": {"type": "string"}, "description": {"type": "string"}},
                    },
                },
            },
        }
    }


def _responses() -> dict[str, Any]:
    titles: dict[int, list[str]] = {}
    for kind in KINDS:
        titles.setdefault(kind.status, []).append(kind.title)
    return {
        f"Problem{status}": {
            "description": ". ".join(texts) + ".",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, texts in sorted(titles.items())
    }


def _parameters() -> dict[str, Any]:
    return {
        "IdempotencyKey": _parameter(
            "Idempotency-Key",
            "header",
            "The command's request id: sent again, it gets the first answer. Made up when absent.",
            {"type": "string", "minLength": 1, "maxLength": 200},
        ),
        "EffectiveAt": _parameter(
            "Headwater-Effective-At",
            "header",
            "When it really happened; needs the permission log.backdate.",
            {"type": "string", "format": "date-time"},
        ),
        "AsOf": _parameter(
            "Headwater-As-Of",
            "header",
            "Answer as of this moment. The answer's header `Headwater-As-Of-Live` names what of it is as of now:"
            " views of other services' events. Lists need a role that sees all records.",
            {"type": "string", "format": "date-time"},
        ),
        "AsOfClock": _parameter(
            "Headwater-As-Of-Clock",
            "header",
            "`recorded` (the default): what was known then. `effective`: what had happened by then, as known now.",
            {"type": "string", "enum": ["recorded", "effective"]},
        ),
        "Purpose": _parameter(
            "Headwater-Purpose",
            "header",
            "`export` when the answer is to be kept as a file; needs the verb export beside the permission to read.",
            {"type": "string", "enum": ["export"]},
        ),
        "Timeline": _parameter(
            "Headwater-Timeline",
            "header",
            "The backdated run this belongs to; needs the permission log.backdate.",
            {"type": "string", "maxLength": 100},
        ),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(all_contracts(), whole_answers=True), ensure_ascii=False))
