"""Real data sets that stand beside the project and are never committed: a test that needs one skips without it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def folder_of(name: str, start: Path | None = None) -> Path:
    """Return the data set's folder: below HEADWATER_DATA, or in shared/data beside the checkout; else skip."""
    named = os.environ.get("HEADWATER_DATA")
    root = Path(named) if named else (start or Path.cwd()).resolve().parent / "shared" / "data"
    found = root / name
    if not found.is_dir():
        pytest.skip(f"the data set {name} is not at {found}; set HEADWATER_DATA to the folder that holds it")
    return found
