"""Runs the programs under examples/ as whoever copies them would: as processes, by their own command lines."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
EXAMPLES = ROOT / "examples"
TYPESCRIPT = ROOT / "web" / "node_modules" / "typescript"
_RUNS_TYPESCRIPT = (22, 18)
_TRANSPILE = (
    "const [,from,to,lib]=process.argv;const ts=require(lib);const fs=require('fs');"
    "fs.writeFileSync(to,ts.transpileModule(fs.readFileSync(from,'utf8'),"
    "{compilerOptions:{module:'esnext',target:'es2022'}}).outputText)"
)


def command_of(name: str, folder: Path) -> list[str]:
    """What runs the example; skips the test where no Node can run TypeScript."""
    if name.endswith(".py"):
        return [sys.executable, str(EXAMPLES / "python" / name)]
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node is installed here")
    source = EXAMPLES / "typescript" / name
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60).stdout
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) >= _RUNS_TYPESCRIPT:
        return [node, str(source)]
    if not TYPESCRIPT.exists():
        pytest.skip(f"Node {version.strip()} does not run TypeScript, and the web UI's packages are not installed")
    made = folder / f"{source.stem}.mjs"
    command = [node, "-e", _TRANSPILE, str(source), str(made), str(TYPESCRIPT)]
    subprocess.run(command, check=True, timeout=120)
    return [node, str(made)]


def run_example(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> str:
    """Run it to its end in the folder; return what it said."""
    done = subprocess.run(
        command, env={**os.environ, **environment}, cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@contextmanager
def listening_example(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Iterator[int]:
    """Run a receiver while the block lasts, which gets its port."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        found = re.fullmatch(r"listening on (\d+)\n", first)
        assert found, first + process.stdout.read()
        yield int(found[1])
    finally:
        process.kill()
        process.wait(20)
        process.stdout.close()
