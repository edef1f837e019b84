"""Write docs/events.md from the contracts: every event, what it says, and whether it may leave. --check compares."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import descriptor_pb2

import crm
from crm.options.v1 import options_pb2

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "events.md"
_HEAD = """# Events

Everything that is ever recorded, by the context that records it. Made from the comments in `proto/` by
`make proto`; do not edit.

*Published* events may leave Headwater; fields marked **personal** never do: they are sealed under the key of
the person named by *subject*.
"""


def main() -> int:
    text = "\n".join([_HEAD, *_contexts()])
    if "--check" in sys.argv:
        if OUT.read_text(encoding="utf-8") != text:
            print("docs/events.md is not what the contracts say: make proto")
            return 1
        return 0
    OUT.write_text(text, encoding="utf-8")
    return 0


def _contexts() -> Iterator[str]:
    found = descriptor_pb2.FileDescriptorSet.FromString((Path(crm.__path__[0]) / "descriptors.binpb").read_bytes())
    files = [f for f in found.file if f.name.endswith("_events.proto")]
    for context in sorted({f.package.split(".")[1] for f in files}):
        yield f"## {context}\n"
        for file in sorted((f for f in files if f.package.split(".")[1] == context), key=lambda f: f.name):
            yield f"### {Path(file.name).stem.removesuffix('_events').replace('_', ' ')}\n"
            yield from _events(file)


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
