"""Prove that nobody rewrote the past, find who saw what: audit verify | export | checkpoints | key | retain | who-saw.

Every service's relay seals its log, and the record of who was shown what, into signed checkpoints, and keeps
these outside the database too. docs/audit.md says what is found, what is not, and how to check it elsewhere.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from headwater import auditing, who_saw
from headwater.home import Home, NotProvisioned
from headwater.operating import named, settings_of
from headwater.telling import say
from headwater.verify_export import Unreadable, keys_from_pem
from kernel.config import ConfigurationError, Settings
from kernel.seal import CHAINS, Kept, SealBroken


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    chains = [chain.table for chain in CHAINS]

    verify = actions.add_parser("verify", help="check the logs of the live suite; name the first bad position")
    verify.add_argument("contexts", nargs="*", metavar="CONTEXT", help="all if none")
    verify.add_argument("--chain", choices=chains, help="only this table; both if none")
    verify.add_argument("--checkpoints", type=Path, metavar="FOLDER", help="checkpoints kept elsewhere")
    verify.add_argument("--key", type=Path, help="public keys, PEM; the suite's own if none")
    verify.add_argument("--json", action="store_true", help="for programs")

    export = actions.add_parser("export", help="write a sealed table to a file that verify_export.py checks alone")
    export.add_argument("context", metavar="CONTEXT")
    export.add_argument("file", type=Path, metavar="FILE")
    export.add_argument("--chain", choices=chains, default=chains[0])

    checkpoints = actions.add_parser("checkpoints", help="copy the checkpoints kept outside the database to a file")
    checkpoints.add_argument("context", metavar="CONTEXT")
    checkpoints.add_argument("file", type=Path, metavar="FILE")
    checkpoints.add_argument("--chain", choices=chains, default=chains[0])

    key = actions.add_parser("key", help="print the public key that a service's checkpoints are signed with")
    key.add_argument("context", metavar="CONTEXT")

    retain = actions.add_parser("retain", help="remove old records of reads, as a signed checkpoint declares")
    retain.add_argument("contexts", nargs="*", metavar="CONTEXT", help="all if none")
    retain.add_argument(
        "--older-than", type=int, metavar="DAYS", dest="days", help="as the retention policy says, if not given"
    )

    who_saw.add_arguments(actions)


def run(options: argparse.Namespace) -> int:
    """0 when all is well, 1 when a log is damaged, 2 when something is not there or cannot be read."""
    if options.action == "who-saw":
        return who_saw.run(options)
    home = Home.here()
    contexts = getattr(options, "contexts", None) or []
    try:
        if options.action == "verify":
            return verify([settings_of(name, home) for name in named(contexts)], options)
        if options.action == "retain":
            days = options.days or auditing.days_of_reads(settings_of("customer", home))
            return retain([settings_of(name, home) for name in named(contexts)], days)
        (context,) = named([options.context])
        settings = settings_of(context, home)
        if options.action == "key":
            print(auditing.signer_of(settings).public_pem(), end="")
            return 0
        return export(settings, options) if options.action == "export" else copy(settings, options)
    except (NotProvisioned, ValueError, ConfigurationError, Unreadable, SealBroken, OSError, psycopg.Error) as error:
        print(error, file=sys.stderr)
        return 2


def verify(all_settings: list[Settings], options: argparse.Namespace) -> int:
    given = keys_from_pem(options.key.read_bytes()) if options.key else None
    chains = [chain for chain in CHAINS if options.chain in (None, chain.table)]
    verdicts = []
    for settings in all_settings:
        folder = options.checkpoints or (Path(settings.checkpoints) if settings.checkpoints else None)
        keys = given or auditing.keys_of(settings)
        for chain in chains:
            verdict = auditing.verify(settings, chain, keys, folder)
            verdicts.append(verdict)
            if not options.json:
                print("\n".join(verdict.lines()), flush=True)
    damaged = [verdict for verdict in verdicts if not verdict.sound]
    if options.json:
        print(json.dumps([verdict.as_dict() for verdict in verdicts], indent=1))
    elif damaged:
        print(f"{len(damaged)} of {len(verdicts)} chains are DAMAGED: keep the checkpoints, see docs/audit.md")
    else:
        checked = sum(verdict.checked for verdict in verdicts)
        print(f"{len(verdicts)} chains are sound: {checked:,} rows are as they were sealed")
    return 1 if damaged else 0


def export(settings: Settings, options: argparse.Namespace) -> int:
    chain = auditing.chain_named(options.chain)
    checkpoints, rows = auditing.export(settings, chain, auditing.keys_of(settings), options.file)
    say(f"{options.file}: {rows:,} rows and {checkpoints:,} checkpoints of {settings.service} {chain.table}")
    say(f"check it anywhere: python verify_export.py {options.file} --key KEY --checkpoints CHECKPOINTS")
    return 0


def copy(settings: Settings, options: argparse.Namespace) -> int:
    kept = Kept.of(settings)
    file = kept.file(settings.service, auditing.chain_named(options.chain)) if kept else None
    if file is None or not file.exists():
        print("no checkpoints are kept outside the database: set HEADWATER_CHECKPOINTS to a folder", file=sys.stderr)
        return 2
    options.file.write_bytes(file.read_bytes())
    say(f"{options.file}: as {file}")
    return 0


def retain(all_settings: list[Settings], days: int) -> int:
    if days < 1:
        raise ValueError("--older-than must be at least 1 day")
    before = datetime.now(UTC) - timedelta(days=days)
    for settings in all_settings:
        for chain in (chain for chain in CHAINS if chain.may_be_cut):
            position, removed = auditing.retain(settings, chain, before)
            print(f"{settings.service} {chain.table}: {removed} rows removed; sealed that up to {position} may be gone")
    return 0
