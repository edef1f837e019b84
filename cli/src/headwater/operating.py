"""How commands for operators reach one service of the suite of this folder: put together, in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.home import Home
from headwater.provision import suite_environment
from kernel.config import CONTEXTS, Settings

if TYPE_CHECKING:
    from kernel.service import Service


def named(names: Sequence[str]) -> tuple[str, ...]:
    """The contexts that were named, or all; ValueError for one that is none."""
    unknown = [name for name in names if name not in CONTEXTS]
    if unknown:
        raise ValueError(f"no such service: {', '.join(unknown)}; there are {', '.join(CONTEXTS)}")
    return tuple(names) or CONTEXTS


def settings_of(name: str, home: Home) -> Settings:
    """What a service of the suite is told."""
    return Settings.from_environment(name, suite_environment(home.read(), home, os.environ))


def backup_keys(home: Home) -> Path:
    """Where the keys of backups are."""
    return Path(os.environ.get("HEADWATER_BACKUP_KEYS") or home.folder / "backup-keys.json")


@contextmanager
def service(name: str, home: Home) -> Iterator[Service]:
    """The service as its own processes have it; its store is closed at the end."""
    found: Service = import_module(f"{name}.bootstrap").bootstrap(settings_of(name, home))
    try:
        yield found
    finally:
        found.store.close()
