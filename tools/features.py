"""Which rows of docs/features.csv are covered by which tests, as their @pytest.mark.feature says.

With --check it fails when a row of docs/promised.txt is covered by none, or a mark names no row.
Marks are read from the source: nothing is run.
"""

from __future__ import annotations

import argparse
import ast
import csv
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ("libs/*/tests/**/*.py", "services/*/tests/**/*.py", "cli/tests/**/*.py", "tests/**/*.py")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when a promised row is not covered")
    parser.add_argument("--all", action="store_true", help="show the rows that nobody promised, too")
    options = parser.parse_args()
    with (ROOT / "docs" / "features.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row["requirement"] for row in csv.DictReader(file)}
    promised = read_promised(ROOT / "docs" / "promised.txt")
    covered = marks()
    for row, requirement in rows.items():
        if row not in promised and row not in covered and not options.all:
            continue
        tests = covered.get(row, [])
        print(f"{row}  {'covered' if tests else 'MISSING' if row in promised else '-':8} {requirement[:90]}")
        for test in tests:
            print(f"          {test}")
    missing = sorted(promised - covered.keys())
    unknown = sorted((covered.keys() | promised) - rows.keys())
    done = len(promised & covered.keys())
    print(f"\n{done} of {len(promised)} promised rows are covered, {len(covered)} of all {len(rows)}")
    for words, ids in (("promised but not covered", missing), ("no such row", unknown)):
        if ids:
            print(f"{words}: {', '.join(ids)}")
    return 1 if options.check and (missing or unknown) else 0


def read_promised(path: Path) -> set[str]:
    """Ids from lines like `PIP 01-16 18`."""
    found = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        context, *numbers = line.split()
        for number in numbers:
            first, _, last = number.partition("-")
            found |= {f"{context}-{n:02d}" for n in range(int(first), int(last or first) + 1)}
    return found


def marks() -> dict[str, list[str]]:
    """The tests of every row that is marked somewhere, as `path::test`."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted({path for pattern in TESTS for path in ROOT.glob(pattern)}):
        for row, test in marked_in(ast.parse(path.read_text(encoding="utf-8"))):
            found[row].append(f"{path.relative_to(ROOT)}::{test}")
    return found


def marked_in(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(row, test) for every mark on a test or on a class of tests."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not node.name.lower().startswith("test"):
                continue
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("mark.feature"):
                    for argument in decorator.args:
                        yield str(ast.literal_eval(argument)), node.name


if __name__ == "__main__":
    sys.exit(main())
