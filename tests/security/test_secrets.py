"""No secret stands in the source: they come from the environment or from files, and are made at provisioning."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SHAPES = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/]{16}"),
    "a cloud key": re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
    "a forge's token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{20}"),
    "a chat's token": re.compile(r"\bxox[abpr]-[A-Za-z0-9-]{10}"),
    "a signed token": re.compile(r"\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{10,}"),
    "a password in a URL": re.compile(r"\b[a-z][a-z+]+://[^\s/:@{}<>\[$\"']+:[^\s/@{}<>$\"']{3,}@"),
    "a master key": re.compile(r"[\"'][A-Za-z0-9+/]{43}=[\"']"),
    "an assigned secret": re.compile(
        r"(?i)(?<![a-z])(?:password|passwd|secret|api_?key|master_?key|private_?key|token)[\"']?\s*[:=]\s*"
        r"[\"'](?=[^\"']*[0-9])[A-Za-z0-9+/_=-]{16,}[\"']"
    ),
}
HARMLESS = ("amqp://nobody:nothing@", "smtp://user:password@")
"""Examples that open nothing: nobody listens there."""

LARGEST = 2_000_000


def sources() -> list[Path]:
    """Every text file that is committed, lock files aside."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    paths = [ROOT / name for name in listed.split("\0") if name and not name.endswith((".lock", ".png", ".xlsx"))]
    return [path for path in paths if path.is_file() and path.stat().st_size < LARGEST]


def found_in(text: str) -> list[str]:
    return [
        f"{what}: {match.group()[:40]}"
        for what, shape in SHAPES.items()
        for match in shape.finditer(text)
        if not match.group().startswith(HARMLESS)
    ]


def test_the_source_holds_no_secret() -> None:
    paths = sources()
    assert len(paths) > 300
    found = {}
    for path in paths:
        if hits := found_in(path.read_text(encoding="utf-8", errors="ignore")):
            found[str(path.relative_to(ROOT))] = hits
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN " + "PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA",
        "AKIA" + "A" * 16,
        "ghp_" + "a1" * 12,
        "xoxb-" + "1" * 12,
        "eyJ" + "h" * 22 + ".eyJ" + "p" * 12,
        "amqp" + "://crm:zbotgHhl5q@127.0.0.1",
        '"' + "A" * 43 + '="',
        "PASSWORD" + ' = "Abcdefgh1jklmnop"',
        '{"service_secret' + '": "0123456789abcdef0123"}',
    ],
)
def test_what_is_looked_for_is_found(text: str) -> None:
    assert found_in(text)
