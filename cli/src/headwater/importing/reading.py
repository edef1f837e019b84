"""Read CSV, XLSX and JSON files as they come: any common encoding, separator and line end.

A file that cannot be read at all raises Unreadable with the way out. A cell that cannot be taken is a
problem of its row, not of the file.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

LARGEST_FILE = 512 * 1024 * 1024
LONGEST_CELL = 32_767
"""Characters; what a cell of a spreadsheet can hold."""
_SEPARATORS = ",;\t|"
_SAMPLE = 64 * 1024
_MOST_COLUMNS = 1_000


class Unreadable(Exception):
    """The file cannot be read. The message says what it is and what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row: where it stands in the file (as an editor or a spreadsheet counts), and its cells as text."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A cell or row that cannot be taken as it is."""

    line: int
    column: str
    value: str
    wrong: str
    mend: str


@dataclass(slots=True)
class Table:
    """What a file holds. `how` tells the user how it was read."""

    path: Path
    columns: list[str]
    lines: list[Line]
    how: str
    troubles: list[Trouble] = field(default_factory=list)


def read(path: Path, encoding: str = "", separator: str = "", sheet: str = "") -> Table:
    """Read a file by what it is, not by its name. `encoding` and `separator` override what is found out."""
    if not path.exists():
        raise Unreadable(f"{path}: there is no such file")
    if path.is_dir():
        raise Unreadable(f"{path} is a folder; name a file in it, or a preset before it")
    size = path.stat().st_size
    if size == 0:
        raise Unreadable(f"{path} is empty: nothing was imported")
    if size > LARGEST_FILE:
        raise Unreadable(f"{path} has {size >> 20} MiB; split it into files of at most {LARGEST_FILE >> 20} MiB")
    raw = path.read_bytes()
    if raw[:4] == b"PK\x03\x04":
        return _xlsx(path, raw, sheet)
    if raw[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise Unreadable(f"{path} is an old .xls workbook; save it as .xlsx or CSV and try again")
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        raise Unreadable(f"{path} is called .xlsx but is no workbook; save it again as .xlsx or CSV")
    text, encoding = _decode(path, raw, encoding)
    if not text.strip():
        raise Unreadable(f"{path} holds nothing but blanks: nothing was imported")
    if text.lstrip()[:1] in "[{" and (path.suffix.lower() == ".json" or _is_json(text)):
        return _json(path, text)
    return _csv(path, text, encoding, separator)


# -- text ------------------------------------------------------------------------


def _decode(path: Path, raw: bytes, wanted: str) -> tuple[str, str]:
    if wanted:
        try:
            return raw.decode(wanted), wanted
        except LookupError as error:
            raise Unreadable(f"there is no encoding {wanted!r}; try utf-8 or gb18030") from error
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise Unreadable(
                f"{path} is not {wanted}: line {line} does not fit; leave --encoding out to have it found out"
            ) from error
    if raw[:3] == b"\xef\xbb\xbf":
        candidates: Iterable[str] = ("utf-8-sig",)
    elif raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        candidates = ("utf-16",)
    else:
        candidates = ("utf-8", "gb18030")
    for encoding in candidates:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        if encoding == "gb18030" and not _plausible_chinese(text):
            continue
        return text, encoding
    raise Unreadable(
        f"{path} is neither UTF-8 nor GBK text (is it a picture, an archive, or in another encoding?);"
        " save it as CSV UTF-8, or name its encoding with --encoding"
    )


def _plausible_chinese(text: str) -> bool:
    """Whether the characters beyond ASCII are mostly everyday Chinese: random bytes also decode as GB 18030."""
    beyond = [c for c in text if ord(c) > 127]
    usual = sum(
        1
        for c in beyond
        if "\u4e00" <= c <= "\u9fff" or "\u3000" <= c <= "\u303f" or "\uff00" <= c <= "\uffef" or c in "“”‘’—…·°×"
    )
    return bool(beyond) and usual >= 0.8 * len(beyond)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


# -- CSV -------------------------------------------------------------------------


def _csv(path: Path, text: str, encoding: str, separator: str) -> Table:
    if text[:4].lower() == "sep=" and len(text) > 5:  # a hint that Excel writes
        separator = separator or text[4]
        text = text.partition("\n")[2]
    separator = separator or _separator(text[:_SAMPLE])
    csv.field_size_limit(LARGEST_FILE)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    troubles: list[Trouble] = []
    lines: list[Line] = []
    columns: list[str] = []
    start = 1
    try:
        for cells in reader:
            here, start = start, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = _unique(cells)
                continue
            if len(cells) != len(columns):
                troubles.append(
                    Trouble(
                        here,
                        "",
                        "",
                        f"has {len(cells)} cells, the heading has {len(columns)}",
                        "quote cells that hold the separator or a line break",
                    )
                )
                continue
            lines.append(Line(here, dict(zip(columns, (c.strip() for c in cells), strict=True))))
    except csv.Error as error:
        raise Unreadable(
            f"{path} line {reader.line_num}: {error}; a quote is probably not closed. Mend that line and try again"
        ) from error
    names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
    return _checked(
        path, columns, lines, f"CSV, {encoding}, {names.get(separator, repr(separator))}-separated", troubles
    )


def _separator(sample: str) -> str:
    """The separator that cuts the first lines into the most even columns."""
    best, best_score = ",", (0.0, 0)
    for candidate in _SEPARATORS:
        try:
            rows = [r for r in csv.reader(io.StringIO(sample, newline=""), delimiter=candidate) if r][:50]
        except csv.Error:
            continue
        rows = rows[:-1] if len(rows) > 2 else rows  # the sample may end in mid-row
        width = len(rows[0]) if rows else 1
        if width < 2:
            continue
        score = (sum(len(r) == width for r in rows) / len(rows), width)
        if score > best_score:
            best, best_score = candidate, score
    return best


# -- XLSX ------------------------------------------------------------------------


def _xlsx(path: Path, raw: bytes, sheet: str) -> Table:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        if sum(info.file_size for info in zipfile.ZipFile(io.BytesIO(raw)).infolist()) > LARGEST_FILE:
            raise Unreadable(f"{path} unpacks to more than {LARGEST_FILE >> 20} MiB; split it")
        values = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
        formulas = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=False)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise Unreadable(
            f"{path} is a zip archive but no workbook; save it again as .xlsx, or as CSV, and try again"
        ) from error
    if sheet and sheet not in values.sheetnames:
        raise Unreadable(f"{path} has no sheet {sheet!r}; it has {', '.join(values.sheetnames)}")
    name = sheet or values.sheetnames[0]
    troubles: list[Trouble] = []
    lines: list[Line] = []
    columns: list[str] = []
    rows = zip(values[name].iter_rows(values_only=True), formulas[name].iter_rows(values_only=True), strict=False)
    for number, (cells, written) in enumerate(rows, 1):
        texts = [_cell(value) for value in cells]
        if not any(texts) and not any(written):
            continue
        if not columns:
            while texts and not texts[-1]:
                texts.pop()
            columns = _unique(texts)
            continue
        row: dict[str, str] = {}
        bad = False
        for column, value, formula in zip(columns, texts, written, strict=False):
            if not value and isinstance(formula, str) and formula.startswith("="):
                troubles.append(
                    Trouble(
                        number,
                        column,
                        formula[:80],
                        "is a formula whose result is not stored",
                        "open the file in a spreadsheet, save it, or paste values instead",
                    )
                )
                bad = True
            row[column] = value
        if not bad:
            lines.append(Line(number, row | {c: "" for c in columns if c not in row}))
    values.close()
    formulas.close()
    return _checked(path, columns, lines, f"workbook, sheet {name!r}", troubles)


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
        case date():
            return value.isoformat()
        case float() if value.is_integer():
            return str(int(value))
        case float():
            return repr(value)
        case _:
            return str(value).strip()


# -- JSON ------------------------------------------------------------------------


def _json(path: Path, text: str) -> Table:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Unreadable(f"{path} is not JSON: {error}") from error
    records = found.get("records") if isinstance(found, dict) else found
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        raise Unreadable(f'{path}: a list of objects is expected, or {{"records": [...]}}')
    columns: dict[str, None] = {}
    lines = []
    for number, record in enumerate(records, 1):
        cells = _flat(record)
        columns.update(dict.fromkeys(cells))
        lines.append(Line(number, cells))
    names = list(columns)
    lines = [Line(line.number, {c: line.cells.get(c, "") for c in names}) for line in lines]
    return _checked(path, names, lines, "JSON, a list of objects", [])


def _flat(record: dict[str, Any], prefix: str = "") -> dict[str, str]:
    cells: dict[str, str] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            cells.update(_flat(value, f"{name}."))
        elif isinstance(value, list):
            cells[name] = "; ".join(_cell(v) if not isinstance(v, dict | list) else json.dumps(v) for v in value)
        else:
            cells[name] = _cell(value)
    return cells


# -- checks that every file undergoes -----------------------------------------------


def _unique(cells: list[str]) -> list[str]:
    """Headings, trimmed; empty ones named by position, repeated ones numbered."""
    columns: list[str] = []
    for position, cell in enumerate(cells, 1):
        name = " ".join(cell.split()) or f"column {position}"
        again, base = 2, name
        while name in columns:
            name, again = f"{base} ({again})", again + 1
        columns.append(name)
    return columns


def _checked(path: Path, columns: list[str], lines: list[Line], how: str, troubles: list[Trouble]) -> Table:
    if not columns:
        raise Unreadable(f"{path} has no heading row: nothing was imported")
    if len(columns) > _MOST_COLUMNS:
        raise Unreadable(f"{path} has {len(columns)} columns; at most {_MOST_COLUMNS} can be taken")
    kept = []
    for line in lines:
        bad = False
        for column, value in line.cells.items():
            if len(value) > LONGEST_CELL:
                troubles.append(
                    Trouble(
                        line.number,
                        column,
                        f"{value[:40]}… ({len(value):,} characters)",
                        f"is longer than {LONGEST_CELL:,} characters",
                        "shorten it, or keep it in a file of its own",
                    )
                )
                bad = True
            elif "\x00" in value:
                troubles.append(Trouble(line.number, column, "", "holds a NUL character", "remove what is not text"))
                bad = True
        if not bad:
            kept.append(line)
    return Table(path, columns, kept, how, troubles)
