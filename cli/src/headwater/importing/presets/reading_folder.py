"""What presets share: finding their files, one fingerprint for all of them, and names as logins."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from headwater.importing.plan import Plan, Problem
from headwater.importing.reading import Table, Unreadable, read


def tables(folder: Path, names: Mapping[str, str], overrides: Mapping[str, Path]) -> dict[str, Table]:
    """Read the preset's files: `names` maps a role to a file name in the folder, `overrides` to another file."""
    unknown = set(overrides) - set(names)
    if unknown:
        raise Unreadable(f"this preset has no file {sorted(unknown)[0]!r}; it has {', '.join(names)}")
    if not folder.is_dir():
        raise Unreadable(f"{folder} is no folder; give the folder that holds {', '.join(names.values())}")
    return {role: read(overrides.get(role, folder / name)) for role, name in names.items()}


def new_plan(name: str, found: Mapping[str, Table]) -> Plan:
    """An empty plan for these files, with their troubles."""
    digest = hashlib.sha256()
    for table in found.values():
        digest.update(table.path.read_bytes())
    plan = Plan(name, digest.hexdigest())
    for table in found.values():
        plan.notes.append(f"{table.path.name}: {table.how}, {len(table.lines):,} rows")
        plan.problems += [Problem(table.path.name, t.line, t.column, t.value, t.wrong, t.mend) for t in table.troubles]
    return plan


def need(table: Table, *columns: str) -> None:
    """Raise Unreadable when a column is missing, naming all that are."""
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise Unreadable(
            f"{table.path} has no column {', '.join(map(repr, missing))}; it has {', '.join(table.columns[:20])}."
            " It is not the file this preset knows; import it with a mapping instead: headwater import KIND FILE"
        )


def login_of(name: str) -> str:
    """A login made from a name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", ".", plain).strip(".") or "person." + hashlib.sha256(name.encode()).hexdigest()[:8]
