"""Lays out proto/ for buf, as it is and as the main branch has it, beside the google.api it imports.

google/api comes from the installed googleapis-common-protos, so no copy of it stands in git.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "buf"
BORROWED = ("annotations.proto", "http.proto")


def prepare(against: str = os.environ.get("HEADWATER_BREAKING_AGAINST", "main")) -> tuple[Path, Path]:
    """(workspace of the tree as it is, workspace of the commit `against`).

    A clone that has no such branch (a CI checkout) compares with its remote's, else with itself.
    """
    now, before = BUILD / "now", BUILD / "before"
    for folder in (now, before):
        shutil.rmtree(folder, ignore_errors=True)
        borrowed = folder / "borrowed" / "google" / "api"
        borrowed.mkdir(parents=True)
        for name in BORROWED:
            shutil.copy(google_api() / name, borrowed / name)
        shutil.copy(ROOT / "buf.yaml", folder)
    shutil.copytree(ROOT / "proto", now / "proto")
    subprocess.run(["tar", "-x"], cwd=before, input=committed(against), check=True)
    return now, before


def committed(revision: str) -> bytes:
    """A tar of proto/ as committed."""
    for candidate in (revision, f"origin/{revision}", "HEAD"):
        done = subprocess.run(["git", "archive", "--format=tar", candidate, "proto"], cwd=ROOT, capture_output=True)
        if done.returncode == 0:
            return done.stdout
    raise SystemExit(f"no contracts to compare with: {done.stderr.decode()}")


def google_api() -> Path:
    """Where googleapis-common-protos keeps google/api."""
    found = find_spec("google.api.annotations_pb2")
    if found is None or found.origin is None:
        raise SystemExit("googleapis-common-protos is missing: make setup")
    return Path(found.origin).parent
