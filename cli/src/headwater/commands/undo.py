"""Take back one import, one automation run, or what one person did on one day: preview first, then only that.

Every service is asked, and takes back by new events what nobody changed since; what stays is printed with the reason.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from headwater.api import Api, Away, Refused, add_connection_arguments, connect
from headwater.home import Home
from headwater.importing.running import Journal, revert
from headwater.operating import named

_MOST_PAGES = 1000
_MOST_PRINTED = 200
_PAGE_SIZE = 50
_DONE = ("UNDO_VERDICT_TAKEN_BACK", "UNDO_VERDICT_PARTLY_KEPT")


class NoSuchPerson(Exception):
    """Nobody, or more than one, goes by that name."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a preview, as it has to be named to be taken back."""

    context: str
    token: str
    fingerprint: str
    records: Sequence[Mapping[str, Any]]

    @property
    def is_empty(self) -> bool:
        return not any(record.get("compensating_events", 0) for record in self.records)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    cause = parser.add_mutually_exclusive_group(required=True)
    cause.add_argument("--person", metavar="PERSON", help="who did it: id or login; with --day")
    cause.add_argument("--correlation", metavar="ID", help="all that one request led to: an automation run")
    cause.add_argument("--import", metavar="ID", dest="import_id", help="an import")
    parser.add_argument("--day", type=date.fromisoformat, metavar="2026-01-31", help="the day of --person")
    parser.add_argument("--time-zone", default="UTC", metavar="ZONE", help="where the day begins: Asia/Shanghai")
    parser.add_argument("--preview", action="store_true", help="only say what would be taken back, and what stays")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_connection_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """0 when done, 1 when nothing was to be done or the answer was no, 2 when it was refused."""
    if bool(options.person) != bool(options.day):
        print("--person and --day go together: whose changes, and of which day", file=sys.stderr)
        return 2
    try:
        with connect(options) as api:
            if options.import_id:
                return _undo_import(api, options)
            return undo(api, _cause(api, options), named(()), options.yes, options.preview)
    except (Refused, Away, NoSuchPerson) as error:
        print(error, file=sys.stderr)
        return 2


def undo(
    api: Api, cause: Mapping[str, str], contexts: Sequence[str], yes: bool = False, only_look: bool = False
) -> int:
    """Preview, ask, and take back what was previewed."""
    pages = [page for context in contexts for page in preview(api, context, cause)]
    _print(pages)
    wanted = [page for page in pages if not page.is_empty]
    if not wanted:
        print("Nothing is to be taken back.")
        return 1
    if only_look:
        print(f"{sum(map(_count, wanted)):,} records would be taken back. Nothing was changed.")
        return 0
    if not yes and not _agreed(f"Take back {sum(map(_count, wanted)):,} records by new events?"):
        print("Nothing was changed.")
        return 1
    recorded, refused = 0, 0
    correlations = []
    for page in wanted:
        body = {**cause, "page_size": _PAGE_SIZE, "page_token": page.token, "fingerprint": page.fingerprint}
        try:
            answer = api.post(f"/v1/audit/{page.context}:undo", body)
        except Refused as error:
            refused += 1
            print(f"{page.context}: {error}", file=sys.stderr)
            continue
        recorded += int(answer.get("recorded", 0))
        correlations.append(answer["correlation_id"])
    print(f"{recorded:,} compensating events were recorded; nothing was removed from any log.")
    for correlation in correlations[:10]:
        print(f"To have the changes again: headwater undo --correlation {correlation}")
    if refused:
        print(f"{refused} pages changed since the preview and were left alone: run the same command again.")
        return 2
    return 0


def preview(api: Api, context: str, cause: Mapping[str, str]) -> Iterator[Page]:
    """What an undo would do in one service; a service without a log, or away, is said."""
    token = ""
    for _ in range(_MOST_PAGES):
        answer = api.get(f"/v1/audit/{context}/undo", **cause, page_size=_PAGE_SIZE, page_token=token)
        if records := answer.get("records", []):
            yield Page(context, token, answer.get("fingerprint", ""), records)
        token = answer.get("next_page_token", "")
        if not token:
            return
    print(
        f"{context}: only the first {_MOST_PAGES * _PAGE_SIZE:,} records are looked at; run it again", file=sys.stderr
    )


def _count(page: Page) -> int:
    return sum(1 for record in page.records if record.get("compensating_events", 0))


def _print(pages: Sequence[Page]) -> None:
    verdicts: Counter[str] = Counter()
    lines = []
    for page in pages:
        for record in page.records:
            what = f"{page.context} {record.get('kind') or 'record'} {record['record_id']}"
            for change in record.get("changes", []):
                verdict = change.get("verdict", "")
                verdicts[verdict.removeprefix("UNDO_VERDICT_").lower().replace("_", " ")] += 1
                if verdict in _DONE:
                    lines.append(f"  back:  {what}: {change['event']}: {', '.join(change.get('fields', []))}")
                for kept in change.get("kept", []):
                    lines.append(f"  stays: {what}: {change['event']}: {kept['field']}: {kept['reason']}")
    print("\n".join(lines[:_MOST_PRINTED]) or "No changes were found.")
    if len(lines) > _MOST_PRINTED:
        print(f"  … and {len(lines) - _MOST_PRINTED:,} more")
    if verdicts:
        print("Changes: " + ", ".join(f"{n:,} {verdict}" for verdict, n in sorted(verdicts.items())))


def _agreed(question: str) -> bool:
    try:
        return input(f"{question} [no] ").strip().casefold() in ("y", "yes")
    except EOFError:
        print("\nNobody is there to ask: say --yes.", file=sys.stderr)
        return False


def _cause(api: Api, options: argparse.Namespace) -> dict[str, str]:
    if options.correlation:
        return {"correlation_id": options.correlation}
    actor = _person(api, options.person)
    return {"actor": actor, "day": options.day.isoformat(), "time_zone": options.time_zone}


def _person(api: Api, text: str) -> str:
    """The id of a person; a login is looked up."""
    try:
        return str(UUID(text))
    except ValueError:
        if ":" in text:
            return text
    found = [p for p in api.get("/v1/people", query=text).get("people", []) if p.get("login") == text.casefold()]
    if len(found) != 1:
        raise NoSuchPerson(f"nobody signs in as {text!r}: give the person's id")
    return str(found[0]["person_id"])


def _undo_import(api: Api, options: argparse.Namespace) -> int:
    """An import knows its rows; every service takes its own back, and says what was changed since."""
    if options.preview:
        would = _told(revert(api, options.import_id, print, preview=True))
        print(f"would be taken back: {would or 'nothing is left of it'}. Nothing was changed.")
        return 0 if would else 1
    if not options.yes and not _agreed(f"Take import {options.import_id} back as a whole? What was changed stays."):
        print("Nothing was changed.")
        return 1
    done = _told(revert(api, options.import_id, print))
    Journal.mark_reverted(Home.here().folder / "imports", options.import_id)
    print(f"taken back: {done or 'nothing was left of it'}")
    return 0 if done else 1


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {what.replace('_', ' ')}" for what, n in counts.items() if n)
