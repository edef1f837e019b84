"""The report of a run: a CSV that a spreadsheet opens as it is, one line per problem."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from headwater.importing.plan import Problem

HEADINGS = (
    "file 文件",
    "line 行",
    "column 列",
    "value 值",
    "what is wrong 问题",
    "how to mend it 如何修改",
    "row kept out 未导入",
)


def write(path: Path, problems: Iterable[Problem]) -> int:
    """Write the report; return how many problems stand in it."""
    count = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        for p in problems:
            writer.writerow(
                [
                    p.file,
                    p.line,
                    p.column,
                    harmless(p.value),
                    p.wrong,
                    p.mend,
                    "yes 是" if p.fatal else "no 否",
                ]
            )
            count += 1
    return count


def harmless(value: str) -> str:
    """A cell that no spreadsheet will compute."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(value) else value


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
