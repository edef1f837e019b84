"""Coupons issued."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.auth import Caller
from kernel.projections import Inline
from kernel.store import Recorded
from marketing.domain.coupon import CouponIssued


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    match recorded.event:
        case CouponIssued() as it:
            cursor.execute(
                "insert into coupons (coupon_id, code, value, currency_code, expires_on, customer_id,"
                " contact_id, campaign_id, run_id, owner_id, issued_at)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    it.coupon_id,
                    it.code,
                    it.value.minor_units,
                    it.value.currency_code,
                    it.expires_on,
                    it.customer_id,
                    it.contact_id,
                    it.campaign_id,
                    it.run_id,
                    it.owner_id,
                    recorded.metadata.effective_at,
                ),
            )


VIEW = Inline("coupons", ("coupons",), project)

# -- questions -----------------------------------------------------------------


def page(
    cursor: Cursor[DictRow],
    caller: Caller,
    limit: int,
    after: Sequence[Any],
    customer_id: UUID | None,
    campaign_id: UUID | None,
) -> list[DictRow]:
    """Coupons the caller may see, newest first, one more than the limit."""
    scope, values = caller.scope_filter("owner_id")
    onwards = "and (issued_at, coupon_id) < (%s::timestamptz, %s::uuid)" if after else ""
    return cursor.execute(
        f"select * from coupons where {scope} and (%s::uuid is null or customer_id = %s)"
        f" and (%s::uuid is null or campaign_id = %s) {onwards}"
        " order by issued_at desc, coupon_id desc limit %s",
        (*values, customer_id, customer_id, campaign_id, campaign_id, *after, limit + 1),
    ).fetchall()
