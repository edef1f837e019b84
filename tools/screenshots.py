"""Takes the pictures that the documents show from those that the browser tests left: `make screenshots`.

The documents name them, so there is no list: `![…](…/images/board-en-light.png)` is the picture of that name in
build/screenshots, by the last `make test-e2e`. With --check nothing is written; a picture that is named and missing
fails, and so does one that no document names.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TAKEN = ROOT / "build" / "screenshots"
SHOWN = ROOT / "docs" / "images"
DOCUMENTS = ("README*.md", "docs/**/*.md")
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]*images/([\w.-]+)\.png)\)")


def main(check: bool) -> int:
    wanted = {name for document in documents() for name in named(document)}
    if check:
        missing = sorted(wanted - {each.stem for each in SHOWN.glob("*.png")})
    else:
        missing = sorted(name for name in wanted if not (TAKEN / f"{name}.png").exists())
        for name in sorted(wanted.difference(missing)):
            (SHOWN / f"{name}.png").write_bytes((TAKEN / f"{name}.png").read_bytes())
    unused = sorted(each.name for each in SHOWN.glob("*.png") if each.stem not in wanted)
    if missing:
        print(f"named by a document, but not there: {', '.join(missing)}; make test-e2e takes them", file=sys.stderr)
    if unused:
        print(f"in {SHOWN.relative_to(ROOT)}, but named by no document: {', '.join(unused)}", file=sys.stderr)
    return 1 if missing or unused else 0


def documents() -> Iterator[Path]:
    for pattern in DOCUMENTS:
        yield from sorted(ROOT.glob(pattern))


def named(document: Path) -> Iterator[str]:
    """The pictures that a document shows. Raises ValueError for a link that leads elsewhere."""
    for link, name in PICTURE.findall(document.read_text(encoding="utf-8")):
        if (document.parent / link).resolve() != SHOWN / f"{name}.png":
            raise ValueError(f"{document.relative_to(ROOT)}: {link} is not in {SHOWN.relative_to(ROOT)}")
        yield name


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
