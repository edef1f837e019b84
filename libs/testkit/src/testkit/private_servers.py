"""Private servers that all test sessions of this clone share; the last one out turns them off."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from headwater.servers import NotHealthy, PrivateServers
from testkit.servers import Servers, ServersMissing

FOLDER = Path(".run") / "test"
"""Below the folder pytest was started in, which is the repository's."""

_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 4 * 1024**3


def place(folder: Path = FOLDER, memory: Path = _MEMORY) -> Path:
    """Where this clone's servers keep their data: in memory where there is plenty, else in the folder.

    Each test has a database of its own, hundreds of files that nobody needs a second later: a disk takes
    ten times as long over them.
    """
    if not _has_plenty(memory):
        return folder
    found = memory / f"headwater-{os.geteuid()}-{hashlib.sha256(bytes(folder.resolve())).hexdigest()[:12]}"
    found.mkdir(mode=0o711, exist_ok=True)
    return folder if found.is_symlink() or found.stat().st_uid != os.geteuid() else found


def _has_plenty(memory: Path) -> bool:
    return os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= _ENOUGH_BYTES


@contextmanager
def suite_folder() -> Iterator[Path]:
    """An empty folder for a suite that a test starts, in memory where there is plenty; gone at the end.

    Not below pytest's own: every session that starts closes that one to PostgreSQL's account again.
    """
    above = _MEMORY if _has_plenty(_MEMORY) else Path("/var/tmp")
    with TemporaryDirectory(prefix="headwater-suite-", dir=above, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@contextmanager
def private_servers() -> Iterator[Servers]:
    """Up and not durable: a test's data need not survive a power cut."""
    folder = place()
    private = PrivateServers(folder, durable=False)
    with (private.folder / "users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            addresses = private.up()
        except NotHealthy as error:
            raise ServersMissing(f"no private test servers: {error}") from None
        try:
            yield Servers(addresses.postgres_url, addresses.amqp_url, addresses.rabbitmq_api)
        finally:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # another session still needs them, and will turn them off
            else:
                private.down()
                if folder.is_relative_to(_MEMORY):
                    _free(folder)


def _free(folder: Path) -> None:
    """Give the memory back; the file that sessions lock stays."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in ("users", "lock"):
            path.unlink()
