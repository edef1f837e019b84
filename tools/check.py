"""Everything that can be said of the source without running it: each check by name, then a verdict.

Given folders, the checks that can be narrowed look only there: `tools/check.py services/customer`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import contracts_workspace
import web

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
DOCUMENTS = {
    "asyncapi": "tests/architecture/test_published_events.py",
    "deployment": "tests/architecture/test_deployment.py",
}
"""What is held to a published schema: docs/asyncapi.json, and the manifests in deploy/."""

MOST_LINES = 80
"""Shown of what a failed check said."""


def main(folders: list[str]) -> int:
    everywhere = folders or ["."]
    sources = source_folders(folders)
    now, before = contracts_workspace.prepare()
    checks: dict[str, list[str]] = {
        "lint": ["ruff", "check", "-q", "--output-format=concise", *everywhere],
        "format": ["ruff", "format", "--check", *everywhere],
        "types": ["mypy", *sources],
    }
    if not folders:
        checks |= {
            "imports": ["lint-imports", "--no-logo"],
            "contracts": ["buf", "lint", str(now)],
            "breaking": ["buf", "breaking", str(now), "--against", str(before)],
        }
    failed = [name for name, command in checks.items() if not passes(name, command)]
    if (not folders or "web" in folders) and not web_passes():
        failed.append("web")
    if not folders:
        failed += [name for name, path in DOCUMENTS.items() if not passes(name, ["pytest", "-q", path])]
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return 1 if failed else 0


def source_folders(folders: list[str]) -> list[str]:
    """The src folders below `folders`, or all of them."""
    patterns = [f"{folder}/src" for folder in folders] or ["libs/*/src", "services/*/src", "cli/src"]
    found = sorted(path for pattern in patterns for path in ROOT.glob(pattern))
    return [str(path.relative_to(ROOT)) for path in found if path.parent.name != "contracts"]


def passes(name: str, command: list[str]) -> bool:
    """Run one check; its output is shown only if it failed."""
    started = time.monotonic()
    program, *arguments = command
    done = subprocess.run(
        [str(BIN / program), *arguments], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True
    )
    verdict = "ok" if done.returncode == 0 else "FAILED"
    print(f"{name:10} {verdict:7} {time.monotonic() - started:5.1f} s", flush=True)
    if done.returncode:
        lines = (done.stdout + done.stderr).splitlines()
        print("\n".join(lines[-MOST_LINES:]))
    return done.returncode == 0


def web_passes() -> bool:
    """Types, lint and logic of the web UI; passed over where there is no Node."""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "tools/web.py", "check"], cwd=ROOT, capture_output=True, text=True)
    verdict = {0: "ok", web.NO_NODE: "skipped"}.get(done.returncode, "FAILED")
    print(f"{'web':10} {verdict:7} {time.monotonic() - started:5.1f} s", flush=True)
    if verdict != "ok":
        print("\n".join((done.stdout + done.stderr).splitlines()[-MOST_LINES:]))
    return verdict != "FAILED"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
