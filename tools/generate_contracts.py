"""Generates libs/contracts from proto/: messages, stubs, types, one descriptor set with comments."""

from __future__ import annotations

import fcntl
import shutil
import sys
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

from contracts_workspace import google_api

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
OUT = ROOT / "libs" / "contracts" / "src"
STAMP = ROOT / "build" / ".contracts"
"""Newer than every proto file that is generated; make reads it."""


def main() -> int:
    annotations = google_api().parent.parent
    well_known = Path(str(resources.files("grpc_tools"))) / "_proto"
    files = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    fresh = OUT.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    scripts = Path(sys.executable).parent
    status: int = protoc.main(
        [
            "protoc",
            f"-I{PROTO}",
            f"-I{annotations}",
            f"-I{well_known}",
            f"--plugin=protoc-gen-mypy={scripts / 'protoc-gen-mypy'}",
            f"--plugin=protoc-gen-mypy_grpc={scripts / 'protoc-gen-mypy_grpc'}",
            f"--python_out={fresh}",
            f"--grpc_python_out={fresh}",
            f"--mypy_out=quiet:{fresh}",
            f"--mypy_grpc_out=quiet:{fresh}",
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={fresh / 'descriptors.binpb'}",
            *files,
        ]
    )
    if status:
        return status
    package = fresh / "crm"
    for folder in [package, *(p for p in package.rglob("*") if p.is_dir())]:
        (folder / "__init__.py").touch()
        (folder / "py.typed").touch()
    (fresh / "descriptors.binpb").rename(package / "descriptors.binpb")
    old = OUT.with_suffix(".old")
    shutil.rmtree(old, ignore_errors=True)
    if OUT.exists():
        OUT.rename(old)
    fresh.rename(OUT)
    shutil.rmtree(old, ignore_errors=True)
    STAMP.parent.mkdir(exist_ok=True)
    STAMP.touch()
    print(f"{len(files)} contracts generated into {OUT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    with open(ROOT / "libs" / "contracts" / ".lock", "w") as lock:  # two at once: the second waits
        fcntl.flock(lock, fcntl.LOCK_EX)
        sys.exit(main())
