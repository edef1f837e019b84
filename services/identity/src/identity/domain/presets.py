"""The roles that come with Headwater, and what each service may ask of the others.

A preset may be changed by the organisation (except admin); installing never overwrites such a change.
"""

from __future__ import annotations

from typing import NamedTuple

from identity.domain.role import ADMIN, DataScope, FieldAccess, FieldRule


class Preset(NamedTuple):
    name: str
    title: str
    data_scope: DataScope
    permissions: tuple[str, ...]
    field_rules: tuple[FieldRule, ...] = ()


def _rules(access: FieldAccess, *patterns: str) -> tuple[FieldRule, ...]:
    return tuple(FieldRule(pattern, access) for pattern in patterns)


_MASKED_PEOPLE = _rules(FieldAccess.MASK, "*.*.phone", "*.*.email", "*.*.identifier", "*.*.birthday", "*.*.address")
_FIXED_AMOUNTS = _rules(FieldAccess.VIEW, "pipeline.contract.amount", "pipeline.order.amount")
_MASKED_PHONES = _rules(FieldAccess.MASK, "*.*.phone", "*.*.identifier")

_EVERYBODY = (
    "identity.person.read",
    "identity.role.read",
    "identity.team.read",
    "notification.*.read",
    "notification.*.write",
)

# What selling is about, spelt out: what a product costs us (pipeline.cost) is not for everybody who sells.
_SALES = ("approval", "contract", "lead", "opportunity", "order", "price-list", "product", "quote", "receivable")
_SALES_READ = tuple(f"pipeline.{noun}.read" for noun in _SALES)

_SELLING = (
    "analytics.*.read",
    "customer.*.read",
    "customer.*.write",
    "customer.group.delete",
    "marketing.*.read",
    *_SALES_READ,
    *(f"pipeline.{noun}.write" for noun in _SALES),
    "ticketing.*.read",
    "ticketing.ticket.write",
    *_EVERYBODY,
)
# Who leads takes lists out and in; whoever sells or answers the phone does not.
_LEADING = (
    *_SELLING,
    "analytics.figure.export",
    "customer.*.approve",
    "customer.*.export",
    "customer.*.import",
    "pipeline.*.approve",
    *(f"pipeline.{noun}.{verb}" for noun in _SALES for verb in ("export", "import")),
)
_SERVING = (
    "analytics.*.read",
    "customer.*.read",
    "customer.customer.write",
    "pipeline.order.read",
    "pipeline.product.read",
    "ticketing.*.read",
    "ticketing.*.write",
    *_EVERYBODY,
)

# What is theirs, once they are a customer's or partner's guests: the kernel shows guests nothing else.
_GUESTS = (
    "customer.customer.read",
    *(f"pipeline.{noun}.read" for noun in ("contract", "order", "quote", "receivable")),
    "ticketing.ticket.read",
    "ticketing.ticket.write",
)

PRESETS = (
    Preset(ADMIN, "Administrator", DataScope.ALL, ("*",)),
    Preset("sales_rep", "Sales representative", DataScope.OWN, _SELLING),
    Preset(
        "sales_manager",
        "Sales manager",
        DataScope.TEAM,
        _LEADING,
    ),
    Preset(
        "regional_manager",
        "Regional manager",
        DataScope.TEAM,
        (*_LEADING, "ticketing.*.approve", "ticketing.*.export"),
    ),
    # Whoever answers the phone must find any customer who calls: all records, few permissions.
    Preset("agent", "Service agent", DataScope.ALL, _SERVING, _FIXED_AMOUNTS),
    Preset(
        "agent_supervisor",
        "Service supervisor",
        DataScope.ALL,
        (*_SERVING, "ticketing.*.admin"),
        _FIXED_AMOUNTS,
    ),
    Preset(
        "marketer",
        "Marketer",
        DataScope.ALL,
        (
            "analytics.*.read",
            "customer.*.read",
            "marketing.*.delete",
            "marketing.*.export",
            "marketing.*.import",
            "marketing.*.read",
            "marketing.*.write",
            "pipeline.lead.import",
            "pipeline.lead.read",
            "pipeline.opportunity.read",
            "pipeline.product.read",
            *_EVERYBODY,
        ),
        _rules(FieldAccess.MASK, "customer.*.phone", "customer.*.identifier", "pipeline.lead.phone"),
    ),
    Preset(
        "leader",
        "Executive",
        DataScope.ALL,
        ("*.*.read", "*.*.approve", "*.*.export", "notification.*.write", "customer.handover.admin"),
        _MASKED_PHONES,
    ),
    Preset(
        "finance",
        "Finance",
        DataScope.ALL,
        (
            "analytics.*.read",
            "analytics.figure.export",
            "customer.customer.read",
            "pipeline.*.approve",
            *(
                f"pipeline.{noun}.export"
                for noun in ("contract", "cost", "order", "product", "quote", "receivable", "voucher")
            ),
            "pipeline.*.read",
            "pipeline.cost.write",
            "pipeline.order.write",
            "pipeline.receivable.write",
            *_EVERYBODY,
        ),
        _MASKED_PEOPLE,
    ),
    Preset(
        "legal",
        "Legal",
        DataScope.ALL,
        (
            "customer.customer.read",
            *_SALES_READ,
            "pipeline.contract.approve",
            "pipeline.contract.export",
            "pipeline.contract.write",
            *_EVERYBODY,
        ),
        _MASKED_PEOPLE,
    ),
    Preset("auditor", "Auditor", DataScope.ALL, ("*.*.read", "*.*.export", "analytics.reads.admin"), _MASKED_PEOPLE),
    # Held beside another role, by whoever enters work late: imports, simulations, paper from last week.
    # It shows nothing by itself, and rules_beside_others() keeps it from showing what the other role masks.
    Preset("late_entry", "May enter work late", DataScope.OWN, ("log.backdate",)),
    # Held beside another role by whom the organisation trusts to export; no seller may by himself.
    Preset(
        "may_export",
        "May export",
        DataScope.OWN,
        ("*.*.export",),
        _rules(FieldAccess.HIDE, "*.*.*"),
    ),
    # Held beside another role by whom the organisation trusts to delete; no manager may by himself.
    # Its field rule keeps it from showing what the other role masks.
    Preset(
        "may_delete",
        "May delete customers",
        DataScope.OWN,
        ("customer.contact.delete", "customer.customer.delete"),
        _rules(FieldAccess.HIDE, "*.*.*"),
    ),
    Preset(
        "partner",
        "Partner",
        DataScope.OWN,
        ("pipeline.lead.read", "pipeline.lead.write", "pipeline.product.read", *_GUESTS),
    ),
    Preset(
        "customer",
        "Customer",
        DataScope.OWN,
        _GUESTS,
    ),
)

ALSO_CALLED = {"rep": "sales_rep", "service_supervisor": "agent_supervisor", "executive": "leader"}
"""Other names of preset roles. Whoever grants one of them grants the role itself."""

_BACKDATE = "log.backdate"  # what follows from backdated work is backdated too
_READS_ALL = ("*.*.read", _BACKDATE)

# A service sees every record; what it may ask is as narrow as its work.
SERVICE_PERMISSIONS = {
    "analytics": _READS_ALL,
    "customer": (*_READS_ALL, "pipeline.*.write", "ticketing.*.write"),
    "gateway": _READS_ALL,
    "identity": ("identity.*.read",),
    "marketing": (*_READS_ALL, "customer.*.write", "pipeline.lead.write"),
    "notification": (*_READS_ALL, "marketing.*.write"),
    "pipeline": (*_READS_ALL, "customer.*.write", "marketing.*.write"),
    "ticketing": (*_READS_ALL, "customer.*.write", "marketing.*.write"),
}
