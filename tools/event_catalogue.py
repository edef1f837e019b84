"""Write docs/events.md from the contracts: every event, what it says, and whether it may leave. --check compares.

And docs/asyncapi.json (AsyncAPI 3.0): how the published ones travel to partners, and the schema of each.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool

import crm
from crm.options.v1 import options_pb2
from gateway.contracts import contracts
from gateway.openapi import schemas_without_personal_fields
from kernel.config import CONTEXTS
from kernel.outgoing import MEDIA_TYPE
from kernel.topology import PARTNERS

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "events.md"
ASYNCAPI = ROOT / "docs" / "asyncapi.json"
_HEAD = """# Events

Everything that is ever recorded, by the context that records it. Made from the comments in `proto/` by
`make proto`; do not edit.

*Published* events may leave Headwater; fields marked **personal** never do: they are sealed under the key of
the person named by *subject*.
"""


def main() -> int:
    made = {
        OUT: "\n".join([_HEAD, *_contexts()]),
        ASYNCAPI: json.dumps(asyncapi(), ensure_ascii=False, indent=1) + "\n",
    }
    if "--check" in sys.argv:
        old = [path.name for path, text in made.items() if path.read_text(encoding="utf-8") != text]
        for name in old:
            print(f"docs/{name} is not what the contracts say: make proto")
        return 1 if old else 0
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    return 0


# -- AsyncAPI ------------------------------------------------------------------------

_TEXT, _MOMENT = {"type": "string"}, {"type": "string", "format": "date-time"}
_CLOUD_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "A CloudEvent 1.0 in structured mode; docs/partners.md says what each attribute means.",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid", "description": "Names the event for ever."},
        "source": {"type": "string", "pattern": "^urn:headwater:[a-z]+$"},
        "type": _TEXT,
        "subject": {"type": "string", "format": "uuid", "description": "The record."},
        "time": _MOMENT,
        "datacontenttype": {"const": "application/json"},
        "sequence": {"type": "string", "pattern": "^[0-9]{20}$", "description": "Position in the log of its source."},
        "partitionkey": {"type": "string", "description": "The record: events of one are in order."},
        "recordversion": {"type": "integer", "minimum": 1},
        "effectivetime": _MOMENT,
        "correlationid": _TEXT,
        "causationid": _TEXT,
        "timelineid": _TEXT,
        "traceparent": _TEXT,
        "data": {"type": "object"},
    },
    "required": [
        *("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "sequence", "partitionkey"),
        *("recordversion", "effectivetime", "correlationid", "data"),
    ],
    "additionalProperties": False,
}


def asyncapi() -> dict[str, Any]:
    """Return the document as JSON values."""
    known = contracts()
    events = published_events()
    messages = {name.removeprefix("crm.").replace(".", "-"): name for name in events}
    everything = {key: {"$ref": f"#/components/messages/{key}"} for key in messages}
    schemas = schemas_without_personal_fields(
        known, [descriptor_pool.Default().FindMessageTypeByName(name) for name in events]
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Headwater: published events",
            "version": "1",
            "description": "What partner systems may be told, and how; docs/partners.md is the guide. Made from the"
            " comments in `proto/` by `make proto`; do not edit.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": MEDIA_TYPE,
        "servers": {
            "broker": {"host": "localhost:5672", "protocol": "amqp", "description": "`headwater partners` says where."},
            "gateway": {"host": "localhost:443", "protocol": "https", "description": "The suite's public address."},
        },
        "channels": {
            "stream": {
                "address": PARTNERS,
                "description": "A RabbitMQ stream of all services' events, read from any offset (x-stream-offset).",
                "servers": [{"$ref": "#/servers/broker"}],
                "messages": everything,
                "bindings": {
                    "amqp": {
                        "is": "queue",
                        "queue": {"name": PARTNERS, "durable": True, "exclusive": False, "autoDelete": False},
                        "bindingVersion": "0.3.0",
                    }
                },
            },
            "feed": {
                "address": "/v1/events/{context}:stream",
                "description": "Server-sent events named `events`: those of one service, from any position.",
                "servers": [{"$ref": "#/servers/gateway"}],
                "parameters": {"context": {"enum": list(CONTEXTS), "description": "The service."}},
                "messages": everything,
            },
            "webhook": {
                "address": None,
                "description": "A POST to the partner's own server, signed as Standard Webhooks has it.",
                "messages": everything,
            },
        },
        "operations": {
            name: {"action": "send", "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}
            for name, channel, summary in (
                ("tellStream", "stream", "Every published event, from the first on."),
                ("tellFeed", "feed", "Those of one service behind a position, and then those that happen."),
                ("tellWebhook", "webhook", "Those that a webhook asked for, again until it takes them."),
            )
        },
        "components": {
            "messages": {
                key: {
                    "name": name,
                    "title": name.rpartition(".")[2],
                    "summary": known.comments.get(name, ""),
                    "contentType": MEDIA_TYPE,
                    "tags": [{"name": name.split(".")[1]}],
                    "payload": {
                        "allOf": [
                            {"$ref": "#/components/schemas/CloudEvent"},
                            {
                                "properties": {
                                    "type": {"const": name},
                                    **_source_of(name),
                                    "data": {"$ref": f"#/components/schemas/{name.removeprefix('crm.')}"},
                                }
                            },
                        ]
                    },
                }
                for key, name in messages.items()
            },
            "schemas": {"CloudEvent": _CLOUD_EVENT, **schemas},
        },
    }


def _source_of(name: str) -> dict[str, Any]:
    """Which service it comes from; nothing for what every service records."""
    context = name.split(".")[1]
    return {"source": {"const": f"urn:headwater:{context}"}} if context in CONTEXTS else {}


def published_events() -> list[str]:
    """Full names of the messages that may leave."""
    return sorted(
        f"{file.package}.{message.name}"
        for file in _event_files()
        for message in file.message_type
        if message.options.Extensions[options_pb2.published]
    )


# -- the catalogue -------------------------------------------------------------------


def _contexts() -> Iterator[str]:
    files = _event_files()
    for context in sorted({f.package.split(".")[1] for f in files}):
        yield f"## {context}\n"
        for file in sorted((f for f in files if f.package.split(".")[1] == context), key=lambda f: f.name):
            yield f"### {Path(file.name).stem.removesuffix('_events').replace('_', ' ')}\n"
            yield from _events(file)


def _event_files() -> list[descriptor_pb2.FileDescriptorProto]:
    found = descriptor_pb2.FileDescriptorSet.FromString((Path(crm.__path__[0]) / "descriptors.binpb").read_bytes())
    return [f for f in found.file if f.name.endswith("_events.proto")]


def _events(file: descriptor_pb2.FileDescriptorProto) -> Iterator[str]:
    comments = {
        tuple(at.path): " ".join(at.leading_comments.split())
        for at in file.source_code_info.location
        if at.leading_comments
    }
    used = {field.type_name for message in file.message_type for field in message.field}
    for index, message in enumerate(file.message_type):
        if f".{file.package}.{message.name}" in used:
            continue  # a part of an event, not an event
        published = message.options.Extensions[options_pb2.published]
        subject = message.options.Extensions[options_pb2.subject]
        marks = [*(["published"] if published else []), *([f"subject `{subject}`"] if subject else [])]
        noted = f" ({', '.join(marks)})" if marks else ""
        yield f"**{message.name}**{noted}: {comments.get((4, index), '')}\n"
        for number, field in enumerate(message.field):
            personal = " **personal**" if field.options.Extensions[options_pb2.personal] else ""
            yield f"- `{field.name}`{personal} {comments.get((4, index, 2, number), '')}"
        yield ""


if __name__ == "__main__":
    sys.exit(main())
