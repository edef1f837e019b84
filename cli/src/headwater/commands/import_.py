"""Bring files in: headwater import KIND FILE, or a preset: headwater import maven FOLDER.

KIND is customers, leads, products, opportunities or tickets. Presets are maven, northwind, helpdesk and
salesforce. Rows are checked first; what is wrong goes into a report that a spreadsheet opens.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib import import_module
from pathlib import Path

from headwater.api import Api, Away, Refused, add_connection_arguments, connect
from headwater.commands.report import PATHS, pipeline_named, totals_in_words
from headwater.home import Home
from headwater.importing import reporting
from headwater.importing.mapping import FIELDS, Mapping_, MappingWrong, apply, guess, show
from headwater.importing.plan import Plan
from headwater.importing.reading import Unreadable, read
from headwater.importing.running import POLICIES, Journal, Runner, revert
from headwater.telling import say

_ANALYTICS_PATIENCE_S = 120.0
_LOOK_AGAIN_S = 0.5
PRESETS = ("maven", "northwind", "helpdesk", "salesforce")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=[*FIELDS, *PRESETS], help="a kind of record, or a preset")
    parser.add_argument("path", nargs="?", type=Path, help="the file; for a preset its folder")
    parser.add_argument("--check", action="store_true", help="only check and report; nothing is changed")
    parser.add_argument("--duplicates", choices=POLICIES, help="what to do with what is there already")
    parser.add_argument("--mapping", type=Path, help="a mapping file instead of the guessed one")
    parser.add_argument("--save-mapping", type=Path, help="write the guessed mapping here for editing, and stop")
    parser.add_argument("--use", action="append", default=[], metavar="ROLE=FILE", help="another file of a preset")
    parser.add_argument("--dates", choices=("ymd", "dmy", "mdy"), default="", help="how the file spells dates")
    parser.add_argument("--currency", default="CNY", help="of amounts without one (CNY)")
    parser.add_argument("--phone-region", default="", help="country of numbers without a code (CN)")
    parser.add_argument("--encoding", default="", help="instead of the one found out")
    parser.add_argument("--separator", default="", help="instead of the one found out")
    parser.add_argument("--sheet", default="", help="of a workbook; the first")
    parser.add_argument("--report", type=Path, help="where the report goes")
    parser.add_argument("--revert", metavar="IMPORT", help="take this import back as a whole")
    add_connection_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """0 when every row is in, 1 when some were kept out, 2 when nothing could be done."""
    try:
        if options.revert:
            return _revert(options)
        if not options.what or not options.path:
            print("say what to import and from where, e.g. headwater import customers my.csv", file=sys.stderr)
            return 2
        plan = _plan(options)
        return 0 if plan is None else _run(options, plan)
    except (Unreadable, MappingWrong, Away, Refused) as error:
        print(error, file=sys.stderr)
        return 2


def _plan(options: argparse.Namespace) -> Plan | None:
    if options.what in PRESETS:
        overrides = {}
        for pair in options.use:
            role, _, file = pair.partition("=")
            if not file:
                raise Unreadable(f"--use {pair}: write it as ROLE=FILE")
            overrides[role] = Path(file)
        preset = import_module(f"headwater.importing.presets.{options.what}")
        plan: Plan = preset.plan(options.path, overrides)
        for note in plan.notes:
            say(note)
        return plan
    table = read(options.path, options.encoding, options.separator, options.sheet)
    if options.mapping:
        mapping = Mapping_.load(options.mapping)
    else:
        mapping = guess(options.what, table, options.currency, options.dates)
    show(mapping, table, say)
    if options.save_mapping:
        mapping.save(options.save_mapping)
        say(f"the mapping is in {options.save_mapping}; edit it and give it with --mapping")
        return None
    import hashlib

    plan = Plan(options.what, hashlib.sha256(table.path.read_bytes()).hexdigest())
    apply(plan, mapping, table)
    return plan


def _run(options: argparse.Namespace, plan: Plan) -> int:
    folder = Home.here().folder / "imports"
    with connect(options) as api:
        journal = Journal(folder, plan)
        if journal.resumed and not options.check:
            say(f"import {journal.import_id} was begun before; what is in already stays")
        policy = options.duplicates or _ask_policy(options, api, plan, journal)
        runner = Runner(api, plan, journal, policy, _progress, options.phone_region)
        if options.check:
            runner.check()
        else:
            runner.run()
            for name in [row.external_ref for step in plan.steps if step.kind == "pipelines" for row in step.rows]:
                _say_what_is_there(api, name, sum(len(s.rows) for s in plan.steps if s.kind == "opportunities"))
    report = options.report or folder / f"{plan.name}-{plan.fingerprint[:12]}-report.csv"
    problems = reporting.write(report, plan.problems)
    fatal = sum(p.fatal for p in plan.problems)
    for kind, outcomes in runner.outcomes.items():
        counted = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.items() if count)
        print(f"{kind}: {counted or 'nothing'}")
    for problem in [p for p in plan.problems if p.fatal][:10]:
        where = f"{problem.file} line {problem.line}" + (f", {problem.column}" if problem.column else "")
        print(f"  {where}: {problem.value!r} {problem.wrong}; {problem.mend}", file=sys.stderr)
    if problems:
        print(f"{fatal:,} rows or cells kept out, {problems - fatal:,} remarks: see {report}")
    if options.check:
        print(f"checked {plan.rows:,} rows; nothing was changed")
    else:
        print(f"To take all of it back: headwater import --revert {journal.import_id}")
    return 1 if fatal else 0


def _say_what_is_there(api: Api, pipeline: str, expected: int) -> None:
    """The totals of the pipeline that was imported into, once analytics has seen them all; without it, say so."""
    query = {"slice.pipeline_id": pipeline_named(api, pipeline)}
    deadline = time.monotonic() + _ANALYTICS_PATIENCE_S
    totals = api.get(PATHS["funnel"], **query).get("totals", {})
    while int(totals.get("opportunities", 0)) < expected and time.monotonic() < deadline:
        time.sleep(_LOOK_AGAIN_S)
        totals = api.get(PATHS["funnel"], **query).get("totals", {})
    print(f"in the pipeline {pipeline} there are now {totals_in_words(totals)}")
    if int(totals.get("opportunities", 0)) < expected:
        print("  (analytics has not seen all of them yet)")
    print(f"  see them with: headwater report funnel --pipeline {pipeline} [--json]")


def _ask_policy(options: argparse.Namespace, api: Api, plan: Plan, journal: Journal) -> str:
    """Ask when somebody is there and duplicates are; otherwise what is there already stays."""
    if options.check or not sys.stdin.isatty() or not any(s.kind == "customers" for s in plan.steps):
        return "skip"
    trial = Plan(plan.name, plan.fingerprint, plan.steps)
    Runner(api, trial, journal, "skip", lambda *_: None, options.phone_region).check()
    likely = sum("looks like the customer" in p.wrong for p in trial.problems)
    if not likely:
        return "skip"
    say(f"{likely:,} rows look like customers that are there already")
    for _ in range(3):
        answer = input("skip them, overwrite what is there, or merge (fill what is empty)? [skip] ").strip() or "skip"
        if answer in POLICIES:
            return answer
    return "skip"


def _revert(options: argparse.Namespace) -> int:
    with connect(options) as api:
        counts = revert(api, options.revert, print)
    Journal.mark_reverted(Home.here().folder / "imports", options.revert)
    print("taken back: " + (", ".join(f"{n:,} {what}" for what, n in counts.items() if n) or "nothing was left of it"))
    return 0


def _progress(what: str, done: int, total: int) -> None:
    if total and sys.stderr.isatty():
        filled = 30 * done // total
        end = "\n" if done == total else ""
        print(f"\r{what:14} [{'#' * filled:30}] {done:,}/{total:,}", end=end, file=sys.stderr, flush=True)
    elif total and done == total:
        say(f"{what}: {done:,} of {total:,}")
