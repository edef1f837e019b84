"""Resolve the workspace's dependencies into requirements.lock: versions and hashes, no address.

What only the web UI needs (Node, a browser's driver) is large, and goes to requirements-web.lock; what services
need to run, and nothing else, to requirements-run.lock, for images.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    uv = str(Path(sys.executable).parent / "uv")
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never"}
    export = "export --frozen --no-emit-workspace --no-header --quiet"
    for command in (
        [uv, "lock", "--python", sys.executable, *sys.argv[1:]],
        [uv, *export.split(), "--all-packages", "--all-groups", "--no-group", "web", "-o", "requirements.lock"],
        [uv, *export.split(), "--package", "headwater", "--no-default-groups", "-o", "requirements-run.lock"],
        [uv, *export.split(), "--only-group", "web", "-o", "requirements-web.lock"],
    ):
        subprocess.run(command, cwd=ROOT, env=environment, check=True)


if __name__ == "__main__":
    main()
