"""The rules customers are treated by: which level they get, how long they may go unheard. Data, versioned."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from customer.domain.dictionary import Dictionary
from customer.domain.profile import Profile
from customer.domain.standards import revenue_is_at_least
from kernel.errors import InvalidArgument
from kernel.money import Money

MOST_RULES = 100
MOST_APPROVED = 500
DEFAULT_SILENT_AFTER_MONTHS = 3
LEAST_MONTHS, MOST_MONTHS = 6, 240


class CustomerLevel(IntEnum):
    """How much a customer matters."""

    UNSPECIFIED = 0
    C = 1
    B = 2
    A = 3
    VIP = 4


@dataclass(frozen=True, slots=True)
class LevelRule:
    """Everything it names must hold; an empty list, a 0 and a missing amount ask for nothing."""

    rule_id: str
    name: str
    level: CustomerLevel
    industry_codes: tuple[str, ...] = ()
    region_codes: tuple[str, ...] = ()
    size_codes: tuple[str, ...] = ()
    min_annual_revenue: Money | None = None
    min_employees: int = 0
    min_orders: int = 0
    min_order_total: Money | None = None
    min_months_since_first_order: int = 0


@dataclass(frozen=True, slots=True)
class ContactInterval:
    """Days without contact that a level allows; 0 for any."""

    level: CustomerLevel
    days: int


@dataclass(frozen=True, slots=True)
class LevelRulesSet:
    policy_id: UUID
    rule_set_version: int
    rules: tuple[LevelRule, ...]
    default_level: CustomerLevel


@dataclass(frozen=True, slots=True)
class CarePolicySet:
    policy_id: UUID
    silent_after_months: int
    contact_intervals: tuple[ContactInterval, ...]


@dataclass(frozen=True, slots=True)
class RetentionPolicySet:
    policy_id: UUID
    person_months: int
    reads_days: int
    lead_months: int = 0
    requester_months: int = 0
    sender_months: int = 0


@dataclass(frozen=True, slots=True)
class RetentionApproved:
    approval_id: UUID
    person_months: int
    person_ids: tuple[str, ...]
    lead_months: int = 0
    requester_months: int = 0
    sender_months: int = 0


@dataclass(frozen=True, slots=True)
class RetentionDue:
    look_id: UUID
    people: int
    leads: int
    requesters: int
    senders: int


PolicyEvent = LevelRulesSet | CarePolicySet | RetentionPolicySet | RetentionApproved | RetentionDue


@dataclass(frozen=True, slots=True)
class Months:
    """Months without purpose after which somebody is due for erasure; 0 for never."""

    person: int = 0
    lead: int = 0
    requester: int = 0
    sender: int = 0

    @property
    def any(self) -> bool:
        """Whether anybody can ever be due."""
        return bool(self.person or self.lead or self.requester or self.sender)


@dataclass(frozen=True, slots=True)
class Cooperation:
    """What a customer bought so far, one total per currency."""

    orders: int = 0
    totals: tuple[Money, ...] = ()
    first_order_at: datetime | None = None
    last_order_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grade:
    """The level a customer gets, and why."""

    level: CustomerLevel
    rule_id: str
    rule_set_version: int
    reason: str


_DEFAULT_DAYS = {
    CustomerLevel.VIP: 14,
    CustomerLevel.A: 30,
    CustomerLevel.B: 60,
    CustomerLevel.C: 90,
    CustomerLevel.UNSPECIFIED: 90,
}


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force. Before any were set: no levels, silence after three months."""

    rule_set_version: int = 0
    rules: tuple[LevelRule, ...] = ()
    default_level: CustomerLevel = CustomerLevel.UNSPECIFIED
    silent_after_months: int = DEFAULT_SILENT_AFTER_MONTHS
    contact_days: Mapping[CustomerLevel, int] | None = None
    months: Months = Months()
    reads_days: int = 0

    @property
    def care(self) -> tuple[int, tuple[ContactInterval, ...]]:
        """How long customers may go unheard: months until one is silent, days without contact by level."""
        days = _DEFAULT_DAYS if self.contact_days is None else self.contact_days
        return self.silent_after_months, tuple(ContactInterval(level, days[level]) for level in sorted(days))

    def days_without_contact(self, level: CustomerLevel) -> int:
        """Return the days a level allows, 0 for any."""
        days = _DEFAULT_DAYS if self.contact_days is None else self.contact_days
        return days.get(level, 0)

    def set_level_rules(
        self, policy_id: UUID, rules: Sequence[LevelRule], default_level: CustomerLevel
    ) -> list[PolicyEvent]:
        """Set the rules anew."""
        if len(rules) > MOST_RULES:
            raise InvalidArgument("rules", f"has {len(rules)} rules; at most {MOST_RULES} fit")
        seen: set[str] = set()
        for i, rule in enumerate(rules):
            if not rule.rule_id or rule.rule_id in seen:
                raise InvalidArgument(f"rules[{i}].rule_id", "must be there and differ from the others'")
            if not rule.name:
                raise InvalidArgument(f"rules[{i}].name", "is required: it is the reason people read")
            if rule.level is CustomerLevel.UNSPECIFIED:
                raise InvalidArgument(f"rules[{i}].level", "is required")
            if min(rule.min_employees, rule.min_orders, rule.min_months_since_first_order) < 0:
                raise InvalidArgument(f"rules[{i}]", "asks for a number below 0")
            seen.add(rule.rule_id)
        if tuple(rules) == self.rules and default_level == self.default_level and self.rule_set_version:
            return []
        return [LevelRulesSet(policy_id, self.rule_set_version + 1, tuple(rules), default_level)]

    def set_care(
        self, policy_id: UUID, silent_after_months: int, intervals: Sequence[ContactInterval]
    ) -> list[PolicyEvent]:
        """Set the care policy anew."""
        if not 1 <= silent_after_months <= 60:
            raise InvalidArgument("silent_after_months", "must be between 1 and 60")
        if any(not 0 <= interval.days <= 3650 for interval in intervals):
            raise InvalidArgument("contact_intervals", "days must be between 0 (no reminder) and 3650")
        if len({interval.level for interval in intervals}) != len(intervals):
            raise InvalidArgument("contact_intervals", "names a level twice")
        return [CarePolicySet(policy_id, silent_after_months, tuple(intervals))]

    def set_retention(self, policy_id: UUID, months: Months, reads_days: int) -> list[PolicyEvent]:
        """Set anew how long is kept what nothing needs; 0 is for ever."""
        for field in fields(Months):
            value = getattr(months, field.name)
            if value and not LEAST_MONTHS <= value <= MOST_MONTHS:
                raise InvalidArgument(
                    f"{field.name}_months",
                    f"must be between {LEAST_MONTHS} and {MOST_MONTHS}, or 0 to keep them for ever",
                )
        if reads_days and not 30 <= reads_days <= 3650:
            raise InvalidArgument("reads_days", "must be between 30 and 3650, or 0 to keep reads for ever")
        if (months, reads_days) == (self.months, self.reads_days):
            return []
        return [RetentionPolicySet(policy_id, months.person, reads_days, months.lead, months.requester, months.sender)]

    def approve_erasures(
        self, approval_id: UUID, person_ids: Sequence[str], due: Collection[str], confirmation: str
    ) -> list[PolicyEvent]:
        """`due` are those of them who are due now."""
        wanted = tuple(dict.fromkeys(person_ids))
        if not 1 <= len(wanted) <= MOST_APPROVED:
            raise InvalidArgument("person_ids", f"name 1 to {MOST_APPROVED} people")
        if confirmation != f"forget {len(wanted)} people":
            raise InvalidArgument("confirmation", f'must be "forget {len(wanted)} people": it cannot be taken back')
        if not self.months.any:
            raise InvalidArgument("person_ids", "nobody is due: set person_months or another rule first")
        if beyond := [it for it in wanted if it not in due]:
            raise InvalidArgument("person_ids", f"{beyond[0]} is not due, nor are {len(beyond) - 1} others; list anew")
        months = self.months
        return [RetentionApproved(approval_id, months.person, wanted, months.lead, months.requester, months.sender)]

    def grade(
        self,
        profile: Profile,
        cooperation: Cooperation,
        at: datetime,
        industries: Dictionary,
        regions: Dictionary,
    ) -> Grade:
        """Return the level the rules give: the first one that applies decides."""
        for rule in self.rules:
            if _applies(rule, profile, cooperation, at, industries, regions):
                return Grade(rule.level, rule.rule_id, self.rule_set_version, rule.name)
        return Grade(self.default_level, "", self.rule_set_version, "no rule applied")


def evolve(policy: Policy | None, event: PolicyEvent) -> Policy:
    """Fold one event into the policy."""
    state = policy or Policy()
    match event:
        case LevelRulesSet():
            return replace(
                state,
                rule_set_version=event.rule_set_version,
                rules=event.rules,
                default_level=event.default_level,
            )
        case CarePolicySet():
            return replace(
                state,
                silent_after_months=event.silent_after_months,
                contact_days={i.level: i.days for i in event.contact_intervals},
            )
        case RetentionPolicySet():
            return replace(state, months=months_of(event), reads_days=event.reads_days)
        case RetentionApproved() | RetentionDue():
            return state


def months_of(event: RetentionPolicySet | RetentionApproved) -> Months:
    """Return the months that the event speaks of."""
    return Months(event.person_months, event.lead_months, event.requester_months, event.sender_months)


def _applies(
    rule: LevelRule,
    profile: Profile,
    cooperation: Cooperation,
    at: datetime,
    industries: Dictionary,
    regions: Dictionary,
) -> bool:
    if rule.industry_codes and not set(rule.industry_codes).intersection(
        industries.with_ancestors(profile.industry_code)
    ):
        return False
    if rule.region_codes and not set(rule.region_codes).intersection(regions.with_ancestors(profile.region_code)):
        return False
    if rule.size_codes and profile.size_code not in rule.size_codes:
        return False
    if not revenue_is_at_least(profile.annual_revenue, rule.min_annual_revenue):
        return False
    if profile.employees < rule.min_employees or cooperation.orders < rule.min_orders:
        return False
    if rule.min_order_total is not None and not any(
        revenue_is_at_least(total, rule.min_order_total) for total in cooperation.totals
    ):
        return False
    if rule.min_months_since_first_order:
        first = cooperation.first_order_at
        return first is not None and months_after(first, rule.min_months_since_first_order) <= at
    return True


def months_after(start: datetime, months: int) -> datetime:
    """Return the same day so many months later, or that month's last day when it has none such."""
    index = start.year * 12 + start.month - 1 + months
    year, month = divmod(index, 12)
    for day in range(start.day, 27, -1):
        try:
            return start.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    return start.replace(year=year, month=month + 1)
