"""The backups that `headwater backup` left in a folder: which there are, and one of them as one file.

All of it is sealed, and the keys that open it are nowhere near the gateway: who downloads a backup can keep it and
bring it back with the operator's `backup-keys.json`, and reads nothing with it alone.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PERMISSION = "audit.backup.export"
STAMP = re.compile(r"\d{8}T\d{6}Z")
_PART = re.compile(r"[a-z]+\.(log|clear)\.sealed|manifest\.json")
_KEY = re.compile(r"[a-z]+\.(keys|ring)\.sealed")
_PIECE = 256 * 1024
_MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup that is whole: its manifest is written last."""

    stamp: str
    files: tuple[Path, ...]
    services: tuple[str, ...]

    def told(self) -> dict[str, Any]:
        taken_at = datetime.strptime(self.stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return {
            "backup_id": self.stamp,
            "taken_at": taken_at.isoformat().replace("+00:00", "Z"),
            "size_bytes": str(sum(path.stat().st_size for path in self.files)),
            "services": list(self.services),
        }


class Backups:
    """The folder; an empty name means that nobody said where backups are."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder) if folder else None

    def newest_first(self) -> list[Backup]:
        """Return the latest ones, at most a hundred."""
        if self._folder is None or not self._folder.is_dir():
            return []
        names = sorted((it.name for it in self._folder.iterdir() if STAMP.fullmatch(it.name)), reverse=True)
        return [found for name in names[:_MOST_LISTED] if (found := self.find(name)) is not None]

    def find(self, stamp: str) -> Backup | None:
        """Return one; None when there is none, or it is not whole."""
        if self._folder is None or not STAMP.fullmatch(stamp):
            return None
        folder = self._folder / stamp
        try:
            services = tuple(sorted(json.loads((folder / "manifest.json").read_text())["services"]))
            files = tuple(sorted(it for it in folder.iterdir() if _PART.fullmatch(it.name)))
        except (OSError, ValueError, KeyError):
            return None
        keys = self._folder / "keys"
        beside = sorted(it for it in keys.iterdir() if _KEY.fullmatch(it.name)) if keys.is_dir() else []
        return Backup(stamp, (*files, *beside), services)


def packed(backup: Backup) -> Iterator[bytes]:
    """Yield a zip file, laid out as `headwater restore` wants it, without ever holding more than a piece of it."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for path in backup.files:
            about = zipfile.ZipInfo(f"{path.parent.name}/{path.name}", (1980, 1, 1, 0, 0, 0))
            about.external_attr = 0o600 << 16
            with path.open("rb") as source, archive.open(about, "w", force_zip64=True) as sink:
                while piece := source.read(_PIECE):
                    sink.write(piece)
                    yield pipe.taken()
    yield pipe.taken()


class _Pipe:
    """What zipfile writes, taken away as it comes. It has no seek, so zipfile does not turn back."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Everything is taken from memory."""

    def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> bytes:
        held, self._held = bytes(self._held), bytearray()
        return held
