"""The organisation's rules of signing in: how old a password may be, what it must not repeat, who needs more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from kernel.errors import InvalidArgument

# -- what can happen ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SignInPolicySet:
    policy_id: UUID
    max_age_days: int
    remembered: int
    most_addresses: int
    second_factor_roles: tuple[str, ...]


# -- what it is, and what may be decided about it ----------------------------


@dataclass(frozen=True, slots=True)
class SignInPolicy:
    """`max_age_days` of 0: passwords do not age. `remembered`: so many former passwords are refused."""

    max_age_days: int = 180
    remembered: int = 5
    most_addresses: int = 2
    second_factor_roles: tuple[str, ...] = ()

    def too_old(self, changed_at: datetime | None, now: datetime) -> bool:
        if not self.max_age_days or changed_at is None:
            return False
        return now - changed_at > timedelta(days=self.max_age_days)

    def lacks_second_factor(self, roles: Sequence[str], *, enrolled: bool) -> bool:
        return not enrolled and bool(set(roles) & set(self.second_factor_roles))

    def revise(self, policy_id: UUID, wanted: SignInPolicy) -> list[SignInPolicySet]:
        for field, value, most in (
            ("max_age_days", wanted.max_age_days, 3650),
            ("remembered", wanted.remembered, 24),
        ):
            if not 0 <= value <= most:
                raise InvalidArgument(field, f"0 to {most}")
        if not 1 <= wanted.most_addresses <= 50:
            raise InvalidArgument("most_addresses", "1 to 50")
        if wanted == self:
            return []
        return [
            SignInPolicySet(
                policy_id,
                wanted.max_age_days,
                wanted.remembered,
                wanted.most_addresses,
                wanted.second_factor_roles,
            )
        ]


# -- how it comes to be ------------------------------------------------------


def evolve(_: SignInPolicy | None, event: SignInPolicySet) -> SignInPolicy:
    """Fold one event into the state. Total, pure, and never refuses history."""
    return SignInPolicy(event.max_age_days, event.remembered, event.most_addresses, event.second_factor_roles)
