"""What the guides promise names tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`([\w./-]*test_\w+\.py)(?:::(\w+))?`")
GUIDES = ("docs/security.md", "docs/decisions/0030-a-person-is-forgotten-by-destroying-keys-twice.md")


@pytest.mark.parametrize("guide", GUIDES)
def test_every_test_that_a_guide_names_is_there(guide: str) -> None:
    named = NAMED.findall((ROOT / guide).read_text(encoding="utf-8"))
    missing = [f"{path}::{test}" for path, test in named if not is_there(ROOT / path, test)]
    assert missing == []
    assert len(named) >= 2


def is_there(path: Path, test: str) -> bool:
    if not path.exists():
        return False
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return not test or test in defined
