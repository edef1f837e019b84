"""Which customers a caller sees, and how much of them: his data scope, key accounts, his own if a guest, shares.

The one place where this service decides it; whoever reads customers asks here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from psycopg import Cursor
from psycopg.rows import DictRow

from customer.projections import shares
from customer.projections.families import survivors
from kernel.auth import Caller
from kernel.clock import present
from kernel.fields import nothing_but, shape_of
from kernel.parties import parties_of


@dataclass(frozen=True, slots=True)
class Sight:
    """What a caller sees beside his data scope, by the ids of those who answer for merged customers."""

    caller: Caller
    whole: tuple[UUID, ...] = ()
    shared: Mapping[UUID, frozenset[str]] = field(default_factory=dict)
    """Field classes shown of customers that are shared with him."""

    def filter(self, column: str = "c.owner_id", party: str = "c.customer_id") -> tuple[str, list[Any]]:
        """Return the SQL condition for the customers seen, and its parameters."""
        return self.caller.scope_filter(column, party, (*self.whole, *self.shared))

    def sees(self, owner_id: UUID | None, customer_id: UUID) -> bool:
        """Whether the customer is seen whole."""
        return self.caller.sees(owner_id, customer_id, self.whole)

    def conceal(self, message: Message, customer_id: UUID) -> None:
        """Take out, in place, what a share does not show of this customer."""
        if customer_id in self.shared:
            shape = shape_of(message.DESCRIPTOR)
            nothing_but(self.shared[customer_id], shape).conceal(message, shape)


def sight(cursor: Cursor[DictRow], caller: Caller) -> Sight:
    """Return what the caller sees now, or at the moment he asks for."""
    parties = parties_of(cursor, caller)
    whole = tuple(dict.fromkeys(survivors(cursor, parties).values())) if parties else ()
    if caller.guest_of is None:
        return Sight(caller, whole)
    grantees = [caller.guest_of, *([caller.person_id] if caller.person_id else [])]
    found = shares.in_force(cursor, grantees, present())
    roots = survivors(cursor, list(found))
    shared: dict[UUID, frozenset[str]] = {}
    for customer_id, classes in found.items():
        root = roots[customer_id]
        if root not in whole:
            shared[root] = shared.get(root, frozenset()) | classes
    return Sight(caller, whole, shared)
