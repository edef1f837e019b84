"""Write any list as CSV or XLSX: headwater export customers --out customers.xlsx.

Which lists there are is read from the contracts; `headwater export --lists` names them. What you may not
see is not written: the export asks as you, and says that it exports, which needs a role with that verb.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

from google.api import annotations_pb2

import crm
from headwater.api import Away, Refused, add_connection_arguments, connect
from headwater.importing.reporting import harmless
from headwater.telling import say
from kernel.money import Money

_TELL_EVERY = 5_000
_EXPORTING = {"Headwater-Purpose": "export"}
_MOST_ROWS_XLSX = 1_048_575


@dataclass(frozen=True, slots=True)
class Listing:
    """A list the API offers: its name, path, the field of its rows, and the columns a row may fill."""

    name: str
    path: str
    field: str
    columns: tuple[str, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", help="a list; --lists names them")
    parser.add_argument("--lists", action="store_true", help="name the lists there are")
    parser.add_argument("--out", type=Path, help="the file; .csv or .xlsx. CSV on standard output without it")
    parser.add_argument("--where", action="append", default=[], metavar="FIELD=VALUE", help="a filter of the list")
    add_connection_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """0 when everything was written."""
    found = listings()
    if options.lists or not options.what:
        for listing in found.values():
            print(f"{listing.name:28} {listing.path}")
        return 0
    if options.what not in found:
        print(f"there is no list {options.what!r}; there are {', '.join(found)}", file=sys.stderr)
        return 2
    if options.out and options.out.suffix.lower() not in (".csv", ".xlsx"):
        print(f"{options.out}: the file's name must end in .csv or .xlsx", file=sys.stderr)
        return 2
    listing = found[options.what]
    query = dict(pair.partition("=")[::2] for pair in options.where)
    try:
        with connect(options) as api:
            rows = (flat(row) for row in api.pages(listing.path, listing.field, _EXPORTING, **query))
            count = write(listing.columns, told(rows, listing.name), options.out)
    except (Away, Refused) as error:
        print(error, file=sys.stderr)
        return 2
    say(f"{count:,} {listing.name} written to {options.out or 'standard output'}")
    return 0


@cache
def listings() -> dict[str, Listing]:
    """Every paged GET without a path parameter, by the last part of its path."""
    found: dict[str, Listing] = {}
    for module in walk_packages(crm.__path__, "crm."):
        if not module.name.endswith("_service_pb2"):
            continue
        for service in import_module(module.name).DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                path = method.GetOptions().Extensions[annotations_pb2.http].get
                answer = method.output_type
                rows = [f for f in answer.fields if f.is_repeated and f.message_type is not None]
                if path and "{" not in path and "next_page_token" in answer.fields_by_name and rows:
                    name = path.removeprefix("/v1/").replace("/", "-")
                    found[name] = Listing(name, path, rows[0].name, tuple(_columns(rows[0].message_type)))
    return dict(sorted(found.items()))


def _columns(descriptor: Any, prefix: str = "", depth: int = 0) -> Iterator[str]:
    for field in descriptor.fields:
        name = f"{prefix}{field.name}"
        below = field.message_type
        if below is None or field.is_repeated or below.full_name.startswith("google.protobuf.") or depth > 2:
            yield name
        elif below.full_name == "crm.common.v1.Money":
            yield name
            yield f"{name}_currency"
        else:
            yield from _columns(below, f"{name}.", depth + 1)


def flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """One level: nested fields by dotted names, money as a decimal and its currency, lists joined."""
    cells: dict[str, str] = {}
    for key, value in row.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and set(value) <= {"minor_units", "currency_code"} and value:
            cells[name] = f"{Money(int(value.get('minor_units', 0)), value.get('currency_code', '')).major():f}"
            cells[f"{name}_currency"] = str(value.get("currency_code", ""))
        elif isinstance(value, dict):
            cells.update(flat(value, f"{name}."))
        elif isinstance(value, list):
            cells[name] = "; ".join(
                " ".join(flat(item).values()) if isinstance(item, dict) else str(item) for item in value
            )
        else:
            cells[name] = "" if value is None else str(value)
    return cells


def told(rows: Iterable[dict[str, str]], what: str) -> Iterator[dict[str, str]]:
    """The rows, with a word about progress now and then."""
    for number, row in enumerate(rows, 1):
        if number % _TELL_EVERY == 0:
            say(f"{number:,} {what}")
        yield row


def write(columns: tuple[str, ...], rows: Iterable[dict[str, str]], out: Path | None) -> int:
    """Write the rows; return how many. Cells that a spreadsheet would compute are written as text."""
    if out is not None and out.suffix.lower() == ".xlsx":
        return _write_xlsx(columns, rows, out)
    count = 0
    opened = out.open("w", encoding="utf-8-sig", newline="") if out else nullcontext(sys.stdout)
    with opened as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", restval="")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: harmless(value) for name, value in row.items()})
            count += 1
    return count


def _write_xlsx(columns: tuple[str, ...], rows: Iterable[dict[str, str]], out: Path) -> int:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("export")
    sheet.append(list(columns))
    count = 0
    for row in rows:
        if count == _MOST_ROWS_XLSX:
            raise Refused(
                413, {"title": "too many rows for a workbook", "detail": "write .csv, or filter with --where"}
            )
        cells = []
        for name in columns:
            cell = WriteOnlyCell(sheet, row.get(name, ""))
            cell.data_type = "s"  # never a formula
            cells.append(cell)
        sheet.append(cells)
        count += 1
    book.save(out)
    return count
