"""Whether a caller sees a record: in his data scope, of a key account of his, or his own as a guest."""

from __future__ import annotations

from psycopg.rows import DictRow

from kernel.rpc import Call
from pipeline.projections import customer_names


def seen(call: Call, row: DictRow) -> bool:
    """Whether the caller sees a record with this owner and customer."""
    caller = call.caller
    return caller.sees(row["owner_id"]) or caller.sees(
        row["owner_id"], row["customer_id"], customer_names.seen_whole(call.query(), caller)
    )
