"""A fiscal year's vouchers as one file for an auditor: tables, a manifest with their hashes, its signature.

The manifest holds the newest signed checkpoint of the log: the vouchers' positions in it lead from each row to the
sealed event it was made from, so whoever has the log's export can check that nothing was rewritten.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from psycopg.rows import DictRow

from kernel.money import decimals_of
from pipeline.domain.order import OrderConfirmed
from pipeline.domain.voucher import Clocks, VoucherKind

TYPE = "headwater.voucher-package/1"
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_THE_SAME_TIME = (1980, 1, 1, 0, 0, 0)
"""In every entry of the archive: the same content gives the same bytes."""

VOUCHER_COLUMNS = (
    "kind", "number", "voucher_id", "record_id", "fiscal_year", "dated_on", "customer_id", "customer_name", "amount",
    "currency", "ended", "free_on", "log_position", "event_id", "recorded_at",
)  # fmt: skip
LINE_COLUMNS = (
    "order_number", "order_id", "line_id", "product_id", "product_name", "quantity", "unit_price",
    "discount_basis_points", "tax_basis_points", "net", "currency",
)  # fmt: skip


class Packer:
    """Signs packages with a key derived from the service's secret: the same after every start."""

    def __init__(self, secret: bytes) -> None:
        seed = HKDF(SHA256(), 32, None, b"headwater voucher package").derive(secret)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = b64encode(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    def sign(self, document: bytes) -> str:
        """Return the signature over the bytes, base64."""
        return b64encode(self._key.sign(document)).decode()


@dataclass(frozen=True, slots=True)
class Package:
    content: bytes
    manifest_sha256: str


def packed(
    packer: Packer,
    clocks: Clocks,
    fiscal_year: int,
    rows: Sequence[DictRow],
    confirmed: Iterable[tuple[str, OrderConfirmed]],
    checkpoint: Mapping[str, Any] | None,
    made_at: datetime,
) -> Package:
    """Return the archive. `confirmed` are the orders among the rows, each with its number."""
    tables = {
        "vouchers.csv": _table(VOUCHER_COLUMNS, [_voucher(row, clocks) for row in rows]),
        "order_lines.csv": _table(
            LINE_COLUMNS, [line for number, order in confirmed for line in _lines(number, order)]
        ),
    }
    manifest = {
        "type": TYPE,
        "fiscal_year": fiscal_year,
        "from": clocks.first_day(fiscal_year).isoformat(),
        "before": clocks.first_day(fiscal_year + 1).isoformat(),
        "made_at": made_at.isoformat(),
        "rules": [
            {**asdict(rule), "kind": rule.kind.name.lower(), "legal_basis": clocks.basis(rule.kind)}
            for rule in clocks.rules.values()
        ],
        "files": {
            name: {"sha256": sha256(content).hexdigest(), "bytes": len(content), "rows": rows_}
            for name, (content, rows_) in tables.items()
        },
        "totals": _totals(rows),
        "log": _sealed(rows, checkpoint),
    }
    document = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True).encode()
    signature = {"signature": packer.sign(document), "public_key": packer.public_key}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (
            *((name, content) for name, (content, _) in tables.items()),
            ("manifest.json", document),
            ("manifest.sig", json.dumps(signature, indent=1).encode()),
        ):
            archive.writestr(zipfile.ZipInfo(name, _THE_SAME_TIME), content, zipfile.ZIP_DEFLATED)
    return Package(out.getvalue(), sha256(document).hexdigest())


def _voucher(row: DictRow, clocks: Clocks) -> tuple[object, ...]:
    kind = VoucherKind(row["kind"])
    return (
        kind.name.lower(),
        row["number"],
        row["voucher_id"],
        row["record_id"],
        clocks.fiscal_year_of(row["dated_on"]),
        row["dated_on"].isoformat(),
        row["current_customer_id"] or "",
        row["customer_name"],
        _major(row["amount"], row["currency_code"]),
        row["currency_code"],
        "yes" if row["ended"] else "no",
        clocks.free_on(kind, row["dated_on"]).isoformat(),
        row["log_position"],
        row["event_id"],
        row["recorded_at"].isoformat(),
    )


def _lines(number: str, order: OrderConfirmed) -> list[tuple[object, ...]]:
    return [
        (
            number,
            order.order_id,
            line.line_id,
            line.product_id or "",
            line.product_name,
            line.quantity,
            _major(line.unit_price.minor_units, line.unit_price.currency_code),
            line.discount_basis_points,
            line.tax_basis_points,
            _major(line.net.minor_units, line.net.currency_code),
            line.net.currency_code,
        )
        for line in order.lines
    ]


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> tuple[bytes, int]:
    """UTF-8 with BOM, so that Excel reads Chinese; a cell of words never begins like a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode(), len(rows)


def _harmless(cell: object) -> object:
    if isinstance(cell, str) and cell.startswith(_BEGINS_A_FORMULA):
        return f"'{cell}"
    return cell


def _major(minor_units: int, currency_code: str) -> Decimal:
    return Decimal(minor_units).scaleb(-decimals_of(currency_code))


def _totals(rows: Sequence[DictRow]) -> list[dict[str, object]]:
    """Per kind and currency: how many vouchers, and their sum in major units."""
    found: dict[tuple[int, str], list[int]] = {}
    for row in rows:
        found.setdefault((row["kind"], row["currency_code"]), []).append(row["amount"])
    return [
        {
            "kind": VoucherKind(kind).name.lower(),
            "currency": currency_code,
            "vouchers": len(amounts),
            "amount": str(_major(sum(amounts), currency_code)),
        }
        for (kind, currency_code), amounts in sorted(found.items())
    ]


def _sealed(rows: Sequence[DictRow], checkpoint: Mapping[str, Any] | None) -> dict[str, object]:
    last = max((row["log_position"] for row in rows), default=0)
    if checkpoint is None:
        return {"context": "pipeline", "last_position": last, "checkpoint": None, "covered": False}
    return {
        "context": "pipeline",
        "last_position": last,
        "checkpoint": {"body": checkpoint["body"], "signature": b64encode(bytes(checkpoint["signature"])).decode()},
        "covered": json.loads(checkpoint["body"])["position"] >= last,
    }
