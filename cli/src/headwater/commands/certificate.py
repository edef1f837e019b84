"""The certificate of an erasure: headwater certificate ERASURE_ID, or --check FILE, which needs no suite."""

from __future__ import annotations

import argparse
import json
import sys
from base64 import b64decode
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from headwater.api import Away, Refused, add_connection_arguments, connect
from headwater.commands.forget import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("erasure_id", nargs="?", metavar="ERASURE_ID")
    parser.add_argument("--out", type=Path, help="write it there")
    parser.add_argument("--check", type=Path, metavar="FILE", help="verify a certificate that was written before")
    parser.add_argument("--key", default="", help="with --check: the public key you were given, base64")
    add_connection_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """0 when it is there (with --check: genuine), 1 when it is not genuine, 2 otherwise."""
    if options.check is not None:
        return check(options.check, options.key)
    if not options.erasure_id:
        print("say which: headwater certificate ERASURE_ID", file=sys.stderr)
        return 2
    try:
        with connect(options) as api:
            show(api, options.erasure_id, options.out)
    except (Away, Refused) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def check(path: Path, expected_key: str) -> int:
    """Verify the signature over the document's bytes; nothing else is trusted."""
    try:
        certificate = json.loads(path.read_text(encoding="utf-8"))
        key, document = certificate["public_key"], certificate["document"]
        Ed25519PublicKey.from_public_bytes(b64decode(key)).verify(
            b64decode(certificate["signature"]), document.encode()
        )
    except InvalidSignature:
        print(f"{path}: NOT genuine: it was changed after it was signed", file=sys.stderr)
        return 1
    except (OSError, KeyError, ValueError) as error:
        print(f"{path} is no certificate: {error}", file=sys.stderr)
        return 2
    if expected_key and expected_key != key:
        print(f"{path}: NOT genuine: signed by {key}, not by {expected_key}", file=sys.stderr)
        return 1
    said = json.loads(document)
    print(f"genuine, signed by {key}")
    print(f"erasure {said['erasure_id']}, {said['requested_at']} to {said['completed_at']}")
    for step in said["searched"]:
        tables = ", ".join(f"{it['table']} {it['rows']}" for it in step["tables"]) or "no table in clear"
        print(f"  {step['at']} {step['context']} (round {step['round']}): {step['keys_destroyed']} keys; {tables}")
    for kept in said.get("kept", ()):
        print(f"  kept by law: {kept['records']} × {kept['kind']} until {kept['free_on']} ({kept['basis']})")
    return 0
