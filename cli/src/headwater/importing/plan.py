"""What is to be imported: rows for the API, in steps that follow from each other, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Kind = Literal["people", "pipelines", "products", "customers", "leads", "opportunities", "orders", "tickets"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a cell or row. A fatal one keeps the row out; others are remarks."""

    file: str
    line: int
    column: str
    value: str
    wrong: str
    mend: str
    fatal: bool = True


@dataclass(frozen=True, slots=True)
class Ref:
    """A field that holds the id of something imported in an earlier step, by its name in the files."""

    path: tuple[str | int, ...]
    kind: Kind
    external_ref: str


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to import: where it came from, its name there, and the API's body for it."""

    file: str
    line: int
    external_ref: str
    body: Mapping[str, Any]
    refs: tuple[Ref, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)  # API field -> column of the file


def opening(at: str) -> dict[str, str]:
    """The one line of a ticket's history that is always known: that it was opened, now unless said."""
    moment = at or datetime.now(UTC).isoformat()
    return {"activity": "opened", "step": "IMPORTED_STEP_OPENED", "at": moment.replace("+00:00", "Z")}


@dataclass(slots=True)
class Step:
    """Rows of one kind. A row whose reference was refused is refused too."""

    kind: Kind
    rows: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """Everything one run sends. `name` and `fingerprint` identify it: the same files make the same plan."""

    name: str
    fingerprint: str
    steps: list[Step] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def step(self, kind: Kind) -> Step:
        """The step of that kind, made when there is none."""
        for step in self.steps:
            if step.kind == kind:
                return step
        step = Step(kind)
        self.steps.append(step)
        return step

    @property
    def rows(self) -> int:
        return sum(len(step.rows) for step in self.steps)
