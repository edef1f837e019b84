"""For how long vouchers are kept, and what is kept of somebody who is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from kernel.purged import KeptRecords
from pipeline.application.streams import VOUCHER_RULES, Tx, put, setting
from pipeline.domain import voucher as it
from pipeline.projections import vouchers as view


class Vouchers:
    def set_rules(self, tx: Tx, fiscal_year_begins: int, changed: Sequence[it.VoucherRule]) -> int:
        before = setting(tx, VOUCHER_RULES, it.DEFAULT_VOUCHER_RULES)
        return put(tx, VOUCHER_RULES, it.set_voucher_rules(before, VOUCHER_RULES, fiscal_year_begins, changed))


def kept_of_person(tx: Tx, ids: Sequence[UUID]) -> tuple[KeptRecords, ...]:
    """Return what vouchers there are of a person who is forgotten, until when each kind is kept, and why."""
    clocks = it.clocks(setting(tx, VOUCHER_RULES, it.DEFAULT_VOUCHER_RULES))
    found = []
    for row in view.of_person(tx.cursor, ids):
        kind = it.VoucherKind(row["kind"])
        free_on = clocks.free_on(kind, row["last_dated_on"])
        found.append(KeptRecords(kind.name.lower(), row["records"], free_on.isoformat(), clocks.basis(kind)))
    return tuple(found)
