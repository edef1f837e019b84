"""One measured thing beside its peer and its goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` of ours, in `unit`, against `peer_value` of `peer`; `goal` is in words, `met` may be unknown."""

    what: str
    disk: str
    value: float
    unit: str
    peer: str = ""
    peer_value: float | None = None
    goal: str = ""
    met: bool | None = None

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's."""
        return self.value / self.peer_value if self.peer_value else None

    def as_dict(self) -> dict[str, Any]:
        ratio = self.ratio
        return asdict(self) | {"ratio": round(ratio, 2) if ratio is not None else None}


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as an aligned table."""
    head = ("what", "disk", "ours", "peer", "its figure", "ratio", "goal", "")
    rows = [head] + [
        (
            figure.what,
            figure.disk,
            f"{_number(figure.value)} {figure.unit}",
            figure.peer,
            _number(figure.peer_value),
            f"{figure.ratio:.2f}x" if figure.ratio is not None else "",
            figure.goal,
            {True: "met", False: "MISSED", None: ""}[figure.met],
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
