"""The certificate of an erasure: what was searched, where and when, signed; never whose it was."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from customer.domain.erasure import ErasureRequested, ErasureStepDone
from kernel.store import Recorded

TYPE = "headwater.erasure-certificate/1"
PROMISE = (
    "In the services and tables listed, on the times listed, the person's keys were destroyed and personal text"
    " in clear was emptied or removed. Sealed text that logs, queues and backups still hold opens with no key"
    " that exists. Not covered: pages and write-ahead log that the database has not written over yet, and text"
    " that was entered into fields not meant for personal data. What is listed as kept holds numbers, dates and"
    " amounts without the person; a law asks for it until the day named."
)


class Notary:
    """Signs certificates with a key derived from the service's secret: the same after every start."""

    def __init__(self, secret: bytes) -> None:
        seed = HKDF(SHA256(), 32, None, b"headwater erasure certificate").derive(secret)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = b64encode(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    def sign(self, document: str) -> str:
        """Return the signature over the document's UTF-8 bytes, base64."""
        return b64encode(self._key.sign(document.encode())).decode()


def document_of(history: Sequence[Recorded[Any]], completed_at: Any) -> str:
    """Return the certificate's JSON: the same bytes for the same history."""
    first = history[0]
    requested = first.event
    assert isinstance(requested, ErasureRequested)
    steps = [(it.metadata.recorded_at, it.event) for it in history if isinstance(it.event, ErasureStepDone)]
    return json.dumps(
        {
            "type": TYPE,
            "erasure_id": str(requested.erasure_id),
            "reason": requested.reason,
            "request_ref": requested.request_ref,
            "requested_at": first.metadata.recorded_at.isoformat(),
            "completed_at": completed_at.isoformat(),
            "seconds": round((completed_at - first.metadata.recorded_at).total_seconds(), 1),
            "contexts": list(requested.contexts),
            "keys_destroyed": sum(step.keys_destroyed for _, step in steps),
            "rows_purged": sum(table.rows for _, step in steps for table in step.searched),
            "searched": [
                {
                    "context": step.context,
                    "round": step.round,
                    "at": at.isoformat(),
                    "keys_destroyed": step.keys_destroyed,
                    "wrapping_keys_destroyed": list(step.destroyed_generations),
                    "tables": [{"table": table.table, "rows": table.rows} for table in step.searched],
                }
                for at, step in steps
            ],
            "kept": _kept(steps),
            "promise": PROMISE,
        },
        indent=1,
        sort_keys=True,
    )


def _kept(steps: Sequence[tuple[datetime, ErasureStepDone]]) -> list[dict[str, object]]:
    """What each service keeps by law, as it answered last, when all ids were known."""
    last = {step.context: step.kept for _, step in steps}
    return [
        {"context": context, "kind": it.kind, "records": it.records, "free_on": it.free_on, "basis": it.basis}
        for context, kept in sorted(last.items())
        for it in kept
    ]
