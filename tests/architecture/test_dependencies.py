"""What is installed is what the projects ask for: locked with hashes, from no particular address."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("requirements.lock", "requirements-web.lock"))
OURS = "headwater"


def test_every_dependency_is_locked() -> None:
    """A forgotten `make lock` shows here, not on somebody's fresh machine."""
    locked = set(re.findall(r"^([a-z0-9.-]+)==", LOCK, re.MULTILINE))
    wanted = {
        normal(requirement)
        for path in [ROOT / "pyproject.toml", ROOT / "cli" / "pyproject.toml", *ROOT.glob("*/*/pyproject.toml")]
        for requirement in requirements(tomllib.loads(path.read_text(encoding="utf-8")))
    }
    assert sorted(name for name in wanted - locked if not name.startswith(OURS)) == []


def test_every_locked_package_has_hashes_and_no_address() -> None:
    packages = re.split(r"^(?=[a-z0-9.-]+==)", LOCK, flags=re.MULTILINE)[1:]
    assert packages
    assert [package.partition(" ")[0] for package in packages if "--hash=sha256:" not in package] == []
    assert re.findall(r"\w+://|--index-url|--find-links", LOCK) == []


def requirements(project: dict[str, object]) -> list[str]:
    about, groups = project.get("project", {}), project.get("dependency-groups", {})
    assert isinstance(about, dict)
    assert isinstance(groups, dict)
    return [*about.get("dependencies", []), *(one for group in groups.values() for one in group)]


def normal(requirement: str) -> str:
    """The name as an index spells it: "PyJWT[crypto]>=2" is pyjwt."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;]", requirement)[0]).lower()
