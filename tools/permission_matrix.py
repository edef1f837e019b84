"""Write docs/permissions.md from the contracts and the preset roles: who may call what, and whose records. --check."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm.options.v1.options_pb2 import internal
from gateway.contracts import Method, contracts
from identity.domain.presets import PRESETS, Preset
from kernel.auth import Caller

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "permissions.md"
_HEAD = """# Who may call what

Every RPC, the permission it asks for, and what each role that comes with Headwater gets: **own** records, those of
the **team** (the people one leads, or the department), or **all**; a dash is a refusal. Made from `proto/` and the
preset roles by `make proto`; do not edit. `tests/integration/test_permission_matrix.py` asks every cell of the
running suite.

A role may also mask, hide or lock fields: the rules stand under the tables. Whoever holds several roles may do
what any of them allows, in the widest scope of those roles.
"""


@dataclass(frozen=True)
class Row:
    """One RPC. `cells` holds a scope for each role, "" where it is refused, in the order of the presets."""

    context: str
    rpc: str
    http: str
    permission: str
    cells: Sequence[str]


def rows() -> list[Row]:
    """Return every RPC that people, clients or services call, in the order of the contracts."""
    paths = {b.method.full_name: f"{b.http_method} {b.path.text}" for b in reversed(contracts().bindings)}
    return [
        Row(
            method.context,
            method.full_name,
            paths.get(method.full_name, "between services"),
            method.permission,
            [cell(method, preset) for preset in PRESETS],
        )
        for method in contracts().methods.values()
    ]


def cell(method: Method, preset: Preset) -> str:
    """Return the scope in which the role may call the RPC; "" for a refusal."""
    caller = Caller("person", str(_SOMEBODY), permissions=preset.permissions)
    if method.permission in ("public", "signed-in") or caller.may(method.permission):
        return preset.data_scope.name.lower()
    return ""


_DEEPEST = 4
_SOMEBODY = "00000000-0000-0000-0000-000000000001"


def document() -> str:
    return "\n".join([_HEAD, *_tables(), *_guests(), *_field_rules(), ""])


def _tables() -> Iterator[str]:
    found = rows()
    for context in sorted({row.context for row in found}):
        yield f"## {context}\n"
        yield f"| RPC | HTTP | permission | {' | '.join(preset.name for preset in PRESETS)} |"
        yield "|" + "---|" * (3 + len(PRESETS))
        for row in found:
            if row.context == context:
                name = row.rpc.partition("/")[2]
                cells = " | ".join(text or "–" for text in row.cells)
                yield f"| {name} | `{row.http}` | `{row.permission}` | {cells} |"
        yield ""


def _guests() -> Iterator[str]:
    yield "## Guests\n"
    yield "Portal users and partners belong to a customer. Whatever their roles say, they may call only these RPCs, for"
    yield "what is theirs or shared with them, and never get or fill in the fields that are for staff. Everything else"
    yield "that is not public or for anybody signed in refuses them.\n"
    yield "| RPC | permission | fields for staff, taken out or refused |"
    yield "|---|---|---|"
    for method in contracts().methods.values():
        if method.guests:
            hidden = sorted({*_internal(method.request_type.DESCRIPTOR), *_internal(method.response_type.DESCRIPTOR)})
            shown = ", ".join(f"`{path}`" for path in hidden) or "–"
            yield f"| {method.context} {method.name} | `{method.permission}` | {shown} |"
    yield ""


def _internal(descriptor: Any, prefix: str = "", depth: int = 0) -> Iterator[str]:
    for field in descriptor.fields:
        if field.GetOptions().Extensions[internal]:
            yield prefix + field.name
        elif field.message_type is not None and field.message_type.full_name.startswith("crm.") and depth < _DEEPEST:
            yield from _internal(field.message_type, f"{prefix}{field.name}.", depth + 1)


def _field_rules() -> Iterator[str]:
    yield "## Fields\n"
    yield "| role | fields (context.noun.class) | access |"
    yield "|---|---|---|"
    for preset in PRESETS:
        for rule in preset.field_rules:
            yield f"| {preset.name} | `{rule.pattern}` | {rule.access.name.lower()} |"


def main() -> int:
    text = document()
    if "--check" in sys.argv:
        if not OUT.exists() or OUT.read_text(encoding="utf-8") != text:
            print("docs/permissions.md is not what the contracts and roles say: make proto")
            return 1
        return 0
    OUT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
