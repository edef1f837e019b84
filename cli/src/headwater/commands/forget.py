"""Forget a person everywhere, for ever: headwater forget contact | customer | lead | requester | submission ID.

Waits until all services have purged, and prints the certificate: --out FILE writes it for others to keep.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from headwater.api import Api, Away, Refused, add_connection_arguments, connect

KINDS = ("contact", "customer", "lead", "requester", "submission")
_LONGEST_S = 120.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("person_id", metavar="ID")
    parser.add_argument("--yes", action="store_true", help="do not ask; it cannot be taken back")
    parser.add_argument("--reason", default="request", choices=("request", "consent_withdrawn", "retention_ended"))
    parser.add_argument("--reference", default="", help="the request's number in your register; never a name")
    parser.add_argument("--out", type=Path, help="write the certificate there")
    add_connection_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """0 with a certificate, 1 when it takes longer than two minutes, 2 when it is refused."""
    confirmation = f"forget {options.person_id}"
    if not options.yes and input(f'This cannot be taken back. Type "{confirmation}": ').strip() != confirmation:
        print("nothing was done", file=sys.stderr)
        return 2
    body = {
        "person_kind": f"PERSON_KIND_{options.kind.upper()}",
        "person_id": options.person_id,
        "confirmation": confirmation,
        "reason": options.reason,
        "request_ref": options.reference,
    }
    try:
        with connect(options) as api:
            erasure_id = api.post("/v1/erasures", body)["erasure_id"]
            print(f"erasure {erasure_id}: the keys are destroyed; services purge now")
            if wait_until_complete(api, erasure_id)["state"] != "complete":
                print(f"not complete yet; later: headwater certificate {erasure_id}", file=sys.stderr)
                return 1
            show(api, erasure_id, options.out)
    except (Away, Refused) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def wait_until_complete(api: Api, erasure_id: str) -> dict[str, Any]:
    """The erasure as it stands when it is complete, or after two minutes."""
    deadline = time.monotonic() + _LONGEST_S
    while True:
        erasure: dict[str, Any] = api.get(f"/v1/erasures/{erasure_id}")["erasure"]
        if erasure["state"] == "complete" or time.monotonic() > deadline:
            return erasure
        time.sleep(0.5)


def show(api: Api, erasure_id: str, out: Path | None) -> None:
    """Print what the certificate says; write it with its signature if wanted."""
    certificate = api.get(f"/v1/erasures/{erasure_id}/certificate")
    said = json.loads(certificate["document"])
    print(
        f"complete after {said['seconds']} s: {said['keys_destroyed']} keys destroyed, {said['rows_purged']} rows"
        f" purged in {', '.join(said['contexts'])}"
    )
    if out is not None:
        out.write_text(json.dumps(certificate, indent=1), encoding="utf-8")
        print(f"certificate: {out}; anybody can check it: headwater certificate --check {out}")
