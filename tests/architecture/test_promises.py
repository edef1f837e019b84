"""What the guides promise names tests that are there, and what they show are pictures that are there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`([\w./-]*test_\w+\.py)(?:::(\w+))?`")
GUIDES = (
    "docs/security.md",
    "docs/guarantees.md",
    "docs/decisions/0030-a-person-is-forgotten-by-destroying-keys-twice.md",
)


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


def test_every_picture_that_a_document_shows_is_there_and_no_other() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "screenshots.py", "--check"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("guide", sorted((ROOT / "docs" / "user-guide").glob("*/*.md")), ids=lambda path: path.stem)
def test_a_guide_calls_things_what_the_screen_calls_them(guide: Path) -> None:
    bold = re.findall(r"\*\*(.+?)\*\*", guide.read_text(encoding="utf-8"))
    said = {part.strip() for words in bold for part in words.replace("\n", " ").split("→")}
    screen = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "web" / "src").rglob("*.ts*"))
    assert sorted(words for words in said if f'"{words}"' not in screen) == []


@pytest.mark.feature("NFR-10")
@pytest.mark.parametrize(
    "family",
    [
        *("安全物理环境", "安全通信网络", "安全区域边界", "安全计算环境", "安全管理中心"),
        *("安全管理制度", "安全管理机构", "安全管理人员", "安全建设管理", "安全运维管理"),
        *("身份鉴别", "访问控制", "安全审计", "入侵防范", "恶意代码防范", "可信验证"),
        *("数据完整性", "数据备份恢复", "剩余信息保护", "个人信息保护", "通信传输", "系统管理", "审计管理"),
    ],
)
def test_every_family_of_classified_protection_is_mapped(family: str) -> None:
    text = (ROOT / "docs" / "classified-protection.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|") and family in line]
    assert any(by in row for row in rows for by in ("| Headwater |", "| shared |", "| operator |"))
