"""A fiscal year's vouchers for an auditor: headwater vouchers 2025 --out vouchers-2025.zip, or --check FILE.

The package holds tables, a manifest with their hashes, its signature, and the signed checkpoint of the log they stand
in. --check needs no suite: it compares the hashes and the signature, and says what the manifest says.
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from headwater.api import Away, Refused, add_connection_arguments, connect
from headwater.telling import say

KINDS = ("payment", "receivable", "order", "contract", "quote")
_MOST_BYTES = 512 * 1024 * 1024
"""Nothing larger is unpacked, whatever an archive says of itself."""


class NotGenuine(Exception):
    """A package is not what was signed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("fiscal_year", nargs="?", type=int, metavar="YEAR", help="the year in which it begins")
    parser.add_argument("--kind", choices=KINDS, help="only these, where a year is too large")
    parser.add_argument("--out", type=Path, help="the file; vouchers-YEAR.zip if not said")
    parser.add_argument("--check", type=Path, metavar="FILE", help="verify a package that was written before")
    parser.add_argument("--key", default="", help="with --check: the public key you were given, base64")
    add_connection_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """0 when it is written (with --check: genuine), 1 when it is not genuine, 2 otherwise."""
    if options.check is not None:
        return check(options.check, options.key)
    if not options.fiscal_year:
        print("say which year: headwater vouchers YEAR, or --check FILE", file=sys.stderr)
        return 2
    query = {"kind": f"VOUCHER_KIND_{options.kind.upper()}"} if options.kind else {}
    try:
        with connect(options) as api:
            answer = api.get(f"/v1/vouchers/packages/{options.fiscal_year}", **query)
    except (Away, Refused) as error:
        print(error, file=sys.stderr)
        return 2
    out = options.out or Path(answer["file_name"])
    out.touch(mode=0o600)
    out.write_bytes(b64decode(answer["package"]))
    say(f"{out}: {answer['vouchers']} vouchers; SHA-256 of the manifest {answer['manifest_sha256']}")
    say(f"anybody can check it: headwater vouchers --check {out}")
    return 0


def check(path: Path, expected_key: str) -> int:
    try:
        manifest, key = verified(path)
    except NotGenuine as error:
        print(f"{path}: NOT genuine: {error}", file=sys.stderr)
        return 1
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        print(f"{path} is no package of vouchers: {error}", file=sys.stderr)
        return 2
    if expected_key and expected_key != key:
        print(f"{path}: NOT genuine: signed by {key}, not by {expected_key}", file=sys.stderr)
        return 1
    print(f"genuine, signed by {key}")
    print(f"fiscal year {manifest['fiscal_year']}: {manifest['from']} to before {manifest['before']}")
    for total in manifest["totals"]:
        print(f"  {total['vouchers']} × {total['kind']}: {total['amount']} {total['currency']}")
    log = manifest["log"]
    sealed = "sealed by the checkpoint inside" if log["covered"] else "NOT all sealed yet when it was made"
    print(f"log {log['context']} up to position {log['last_position']}: {sealed}")
    return 0


def verified(path: Path) -> tuple[dict[str, Any], str]:
    """Return the manifest and the key that signed it. Raises NotGenuine, naming the first thing that differs."""
    with zipfile.ZipFile(path) as archive:
        if sum(it.file_size for it in archive.infolist()) > _MOST_BYTES:
            raise ValueError(f"unpacks to more than {_MOST_BYTES:,} bytes")
        document, said = archive.read("manifest.json"), json.loads(archive.read("manifest.sig"))
        try:
            Ed25519PublicKey.from_public_bytes(b64decode(said["public_key"])).verify(
                b64decode(said["signature"]), document
            )
        except InvalidSignature:
            raise NotGenuine("the manifest was changed after it was signed") from None
        manifest = json.loads(document)
        listed = {*manifest["files"], "manifest.json", "manifest.sig"}
        if extra := sorted(set(archive.namelist()) ^ listed):
            raise NotGenuine(f"{extra[0]} was added or taken away")
        for name, file in manifest["files"].items():
            if sha256(archive.read(name)).hexdigest() != file["sha256"]:
                raise NotGenuine(f"{name} was changed")
    return manifest, str(said["public_key"])
