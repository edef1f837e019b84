"""Makes a fresh machine ready: system packages, .venv, the locked packages, our own as editable.

Standard library only: it runs before anything is installed. It refuses to guess: what it may not
install it names, with the command that does.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
READY = VENV / ".ready"
LOCK = ROOT / "requirements.lock"
OLDEST_PYTHON = (3, 11)
POLICY = Path("/usr/sbin/policy-rc.d")
"""Debian asks this script whether a package may start its service; 101 means no."""


def main() -> None:
    python = find_python()
    packages = missing_packages(python)
    if packages:
        install_packages(packages)
    make_venv(python)
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never", "VIRTUAL_ENV": str(VENV)}
    uv = str(VENV / "bin" / "uv")
    say("installing the locked packages")
    run([uv, "pip", "sync", "-q", "--require-hashes", "--only-binary", ":all:", str(LOCK)], environment)
    say("generating the contracts")
    run([str(VENV / "bin" / "python"), "tools/generate_contracts.py"], environment)
    say("installing Headwater's own packages")
    own = [path.parent for path in sorted(ROOT.glob("*/*/pyproject.toml"))] + [ROOT / "cli"]
    editable = [part for folder in own for part in ("-e", str(folder))]
    run([uv, "pip", "install", "-q", "--no-deps", "--no-build-isolation", *editable], environment)
    READY.touch()


def find_python() -> str:
    """The path of a Python that is new enough; the one that runs this, if it is."""
    if sys.version_info >= OLDEST_PYTHON:
        return sys.executable
    for minor in range(20, OLDEST_PYTHON[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    wanted = ".".join(map(str, OLDEST_PYTHON))
    raise SystemExit(f"Python {sys.version.split()[0]} is too old: install Python {wanted} or newer")


def missing_packages(python: str) -> list[str]:
    """Debian names of what is needed and not there."""
    missing = []
    if not VENV.exists() and run_quietly([python, "-c", "import venv, ensurepip"]) != 0:
        missing.append("python3-venv")
    if servers_are_ours():
        if not (glob.glob("/usr/lib/postgresql/*/bin/initdb") or shutil.which("initdb")):
            missing.append("postgresql")
        if not (Path("/usr/lib/rabbitmq/bin/rabbitmq-server").exists() or shutil.which("rabbitmq-server")):
            missing.append("rabbitmq-server")
    return missing


def servers_are_ours() -> bool:
    """Whether private servers will be started: unless others are named, or containers wanted."""
    elsewhere = ("containers", "environment")
    if os.environ.get("HEADWATER_TEST_SERVERS") in elsewhere:
        return False
    if os.environ.get("HEADWATER_SERVERS") == "containers":
        return False
    named = ("HEADWATER_POSTGRES_URL", "HEADWATER_TEST_POSTGRES_URL")
    return not any(os.environ.get(name) for name in named)


def install_packages(packages: list[str]) -> None:
    """Install with apt when root on a Debian; otherwise say what to install and stop."""
    command = f"apt-get install {' '.join(packages)}"
    if not shutil.which("apt-get"):
        raise SystemExit(f"missing: {', '.join(packages)}. Install them with your system's packager.")
    if os.geteuid() != 0:
        raise SystemExit(
            f"missing: {', '.join(packages)}. I may not install them; run\n  sudo {command}\nor name "
            "servers that run elsewhere in HEADWATER_POSTGRES_URL and HEADWATER_AMQP_URL."
        )
    say(command)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with no_service_starts():
        run(["apt-get", "update", "-qq"], environment)
        quiet = ["-y", "-qq", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0"]
        run(["apt-get", "install", *quiet, *packages], environment, quietly=True)


@contextmanager
def no_service_starts() -> Iterator[None]:
    """While packages are installed, forbid their services to start; then as it was before."""
    if POLICY.exists():
        yield  # somebody else's rule; a service that starts all the same does not disturb ours
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def make_venv(python: str) -> None:
    """The virtual environment with uv in it; uv's hash comes from the lock like all others."""
    if not (VENV / "bin" / "python").exists():
        say(f"making .venv with {python}")
        run([python, "-m", "venv", str(VENV)], dict(os.environ))
    if (VENV / "bin" / "uv").exists():
        return
    say("installing uv")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as only_uv:
        only_uv.write(locked("uv"))
        only_uv.flush()
        pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "-q", "--no-deps"]
        pip += ["--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"]
        run([*pip, "-r", only_uv.name], dict(os.environ))


def locked(package: str) -> str:
    """The lines of requirements.lock that pin `package`."""
    lines: list[str] = []
    for line in LOCK.read_text().splitlines():
        starts = not line.startswith((" ", "#"))
        if lines and starts:
            break
        if lines or line.startswith(f"{package}=="):
            lines.append(line)
    if not lines:
        raise SystemExit(f"{package} is not in {LOCK.name}: make lock")
    return "\n".join(line for line in lines if not line.lstrip().startswith("#")) + "\n"


def say(words: str) -> None:
    print(f"setup: {words}", flush=True)


def run(command: list[str], environment: dict[str, str], quietly: bool = False) -> None:
    """Run to the end or stop with what it said; `quietly` shows its words only if it failed."""
    kept = subprocess.PIPE if quietly else None
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=kept, stderr=kept and subprocess.STDOUT)
    if done.returncode:
        print((done.stdout or b"").decode(errors="replace"))
        raise SystemExit(f"setup failed ({done.returncode}): {' '.join(command[:6])} …")


def run_quietly(command: list[str]) -> int:
    nowhere = subprocess.DEVNULL
    return subprocess.run(command, stdout=nowhere, stderr=nowhere).returncode


if __name__ == "__main__":
    main()
