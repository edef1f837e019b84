"""How long a running suite takes to bring in the 8,800 deals of the Maven files, by the command that people use."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from bench.figures import Figure

LONGEST_S = 120.0
_PROGRESS = re.compile(r"\[ *([\d.]+) s\] opportunities: 8,800 of 8,800")
_TAKE_BACK = re.compile(r"headwater import --revert (\S+)")


def measure(folder: Path) -> Figure:
    """Seconds until the last deal is in, in the suite of HEADWATER_RUN; what came in is taken back afterwards."""
    done = _headwater("import", "maven", str(folder))
    took, name = _PROGRESS.search(done.stderr), _TAKE_BACK.search(done.stdout)
    if took is None or name is None:
        raise SystemExit(f"the import did not come to its end:\n{done.stdout}\n{done.stderr}")
    _headwater("import", "--revert", name[1])
    seconds = float(took[1])
    return Figure("import of 8,800 deals", "plain", seconds, "s", goal="< 120 s", met=seconds < LONGEST_S)


def _headwater(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headwater", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20 * LONGEST_S, check=False)
