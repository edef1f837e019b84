from functools import reduce
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.customer.v1 import customer_service_pb2
from crm.options.v1.options_pb2 import permission
from identity.domain.presets import ALSO_CALLED, PRESETS, SERVICE_PERMISSIONS, Preset
from identity.domain.role import (
    DataScope,
    FieldAccess,
    FieldRule,
    Role,
    RoleDefined,
    RoleGone,
    RoleProtected,
    RoleRetired,
    RoleRevised,
    checked_patterns,
    define_role,
    evolve,
    rules_beside_others,
)
from kernel.auth import Caller
from kernel.errors import InvalidArgument

ID = UUID(int=1)
defined = RoleDefined(ID, "buyer", "Buyer", ("customer.*.read",), DataScope.OWN, False)


def a_role(*events: object) -> Role:
    state = reduce(evolve, (defined, *events), None)  # type: ignore[arg-type]
    assert isinstance(state, Role)
    return state


def holder_of(role: str) -> Caller:
    preset = next(it for it in PRESETS if it.name == role)
    return Caller("person", str(ID), (role,), preset.permissions, "all")


def test_revising_records_what_was_allowed_before() -> None:
    assert a_role().revise("", ["pipeline.*.read", "customer.*.read"], DataScope.TEAM) == [
        RoleRevised(
            ID,
            "Buyer",
            ("customer.*.read", "pipeline.*.read"),
            DataScope.TEAM,
            ("customer.*.read",),
            DataScope.OWN,
        )
    ]
    assert a_role().revise("Buyer", ["customer.*.read"], DataScope.OWN) == []


def test_field_rules_are_kept_unless_new_ones_are_given() -> None:
    masked = (FieldRule("customer.*.phone", FieldAccess.MASK),)
    (ruled,) = a_role().revise("", ["customer.*.read"], DataScope.OWN, masked)
    assert isinstance(ruled, RoleRevised)
    assert (ruled.field_rules, ruled.from_field_rules) == (masked, ())
    assert a_role(ruled).revise("", ["customer.*.read"], DataScope.OWN) == []
    (cleared,) = a_role(ruled).revise("", ["customer.*.read"], DataScope.OWN, ())
    assert isinstance(cleared, RoleRevised)
    assert (cleared.field_rules, cleared.from_field_rules) == ((), masked)


@pytest.mark.parametrize(
    "rules",
    [
        [("customer.phone", FieldAccess.MASK)],
        [("customer.*.read;", FieldAccess.MASK)],
        [("?.b.phone", FieldAccess.MASK)],
        [("a.b.phone", FieldAccess.MASK), ("a.b.phone", FieldAccess.HIDE)],
        [(f"a.b{n}.phone", FieldAccess.MASK) for n in range(101)],
    ],
)
def test_malformed_field_rules_are_refused(rules: list[tuple[str, FieldAccess]]) -> None:
    with pytest.raises(InvalidArgument, match="field_rules"):
        define_role(ID, "x1", "X", ["a.b.read"], DataScope.OWN, [FieldRule(*rule) for rule in rules])


@pytest.mark.feature("IDN-05")
def test_a_role_that_shows_nothing_in_a_context_does_not_unmask_it() -> None:
    messages = rules_beside_others(["notification.*.read"], (), ["customer", "notification"])
    assert FieldRule("customer.*.*", FieldAccess.HIDE) in messages
    assert FieldRule("notification.*.*", FieldAccess.HIDE) not in messages
    assert rules_beside_others(["*"], (), ["customer"]) == ()


def test_a_retired_role_is_not_changed() -> None:
    with pytest.raises(RoleGone):
        a_role(RoleRetired(ID)).revise("", ["a.b.read"], DataScope.OWN)
    assert a_role(RoleRetired(ID)).retire() == []


def test_admin_stays_and_presets_are_not_retired() -> None:
    admin = evolve(None, RoleDefined(ID, "admin", "Administrator", ("*",), DataScope.ALL, True))
    with pytest.raises(RoleProtected):
        admin.revise("", ["a.b.read"], DataScope.OWN)
    with pytest.raises(RoleProtected):
        admin.retire()


@pytest.mark.parametrize("pattern", ["", "customer", "a.b.c.d", "A.b.read", "a.b.read;", "?.b.read", "[a].b.c"])
def test_a_malformed_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidArgument, match="permissions"):
        checked_patterns([pattern])


@given(st.lists(st.from_regex(r"\A([a-z]{1,5}|\*)\.([a-z]{1,5}|\*)\.([a-z]{1,5}|\*)\Z"), min_size=1))
def test_patterns_are_kept_once_and_sorted(patterns: list[str]) -> None:
    kept = checked_patterns(patterns)
    assert set(kept) == set(patterns)
    assert list(kept) == sorted(set(patterns))


@pytest.mark.feature("IDN-03")
def test_every_role_of_the_requirements_is_preset() -> None:
    assert {preset.name for preset in PRESETS} >= {
        "admin", "sales_rep", "sales_manager", "regional_manager", "agent", "agent_supervisor",
        "marketer", "leader", "finance", "legal", "auditor", "partner", "customer",
    }  # fmt: skip


def test_every_preset_can_be_defined() -> None:
    for preset in PRESETS:
        assert define_role(ID, preset.name, preset.title, preset.permissions, preset.data_scope, preset.field_rules)
    for patterns in SERVICE_PERMISSIONS.values():
        assert checked_patterns(patterns)


@pytest.mark.parametrize(
    ("role", "allowed", "denied"),
    [
        ("sales_rep", "pipeline.opportunity.write", "pipeline.quote.approve"),
        ("sales_manager", "pipeline.quote.approve", "identity.person.write"),
        ("sales_rep", "pipeline.price-list.write", "pipeline.cost.read"),
        ("sales_manager", "pipeline.cost.read", "pipeline.cost.write"),
        ("legal", "pipeline.order.read", "pipeline.cost.read"),
        ("finance", "pipeline.cost.write", "pipeline.product.write"),
        ("agent", "ticketing.ticket.write", "pipeline.opportunity.write"),
        ("marketer", "marketing.campaign.write", "ticketing.ticket.write"),
        ("finance", "pipeline.receivable.write", "customer.customer.write"),
        ("leader", "analytics.funnel.read", "customer.customer.write"),
        ("auditor", "analytics.audit.read", "pipeline.opportunity.write"),
        ("sales_rep", "identity.person.read", "log.backdate"),
        ("leader", "customer.handover.admin", "identity.person.write"),
        ("auditor", "analytics.reads.admin", "customer.handover.admin"),
        ("sales_rep", "customer.customer.create", "customer.customer.export"),
        ("sales_rep", "customer.group.delete", "customer.contact.delete"),
        ("sales_rep", "pipeline.lead.edit", "pipeline.lead.import"),
        ("sales_manager", "pipeline.lead.export", "pipeline.cost.export"),
        ("agent", "ticketing.ticket.create", "ticketing.ticket.export"),
        ("agent_supervisor", "ticketing.ticket.import", "customer.customer.import"),
        ("marketer", "marketing.segment.export", "customer.customer.export"),
        ("auditor", "analytics.audit.export", "customer.customer.import"),
        ("may_export", "customer.customer.export", "customer.customer.read"),
        ("admin", "log.backdate", None),
    ],
)
def test_a_preset_allows_its_work_and_not_more(role: str, allowed: str, denied: str | None) -> None:
    assert holder_of(role).may(allowed)
    assert denied is None or not holder_of(role).may(denied)


@pytest.mark.parametrize(
    ("verb", "by"),
    [
        ("read", {"view", "read", "edit", "write", "approve", "admin"}),
        ("view", {"view", "read", "edit", "write", "approve", "admin"}),
        ("write", {"write", "admin"}),
        ("create", {"create", "write", "admin"}),
        ("edit", {"edit", "write", "admin"}),
        ("import", {"import", "admin"}),
        ("delete", {"delete", "admin"}),
        ("export", {"export", "admin"}),
        ("approve", {"approve", "admin"}),
    ],
)
def test_every_verb_is_given_by_itself_and_by_those_that_include_it(verb: str, by: set[str]) -> None:
    verbs = ("view", "create", "edit", "delete", "export", "import", "approve", "read", "write", "admin")
    giving = {it for it in verbs if Caller("person", str(ID), (), (f"a.b.{it}",)).may(f"a.b.{verb}")}
    assert giving == by


@pytest.mark.feature("IDN-06")
def test_no_manager_deletes_customers_unless_he_was_granted_it() -> None:
    asked = customer_service_pb2.DESCRIPTOR.services_by_name["CustomerService"].methods_by_name["ArchiveCustomer"]
    needed = asked.GetOptions().Extensions[permission]
    may = {preset.name for preset in PRESETS if holder_of(preset.name).may(needed)}
    assert may == {"admin", "may_delete"}
    managing = ("sales_manager", "regional_manager", "leader")
    assert all(holder_of(name).may("customer.customer.read") for name in managing)
    assert all(holder_of(name).may("analytics.figure.read") for name in managing), "summaries are theirs to read"


@pytest.mark.parametrize("preset", PRESETS, ids=lambda it: it.name)
def test_the_table_of_roles_says_what_the_presets_are(preset: Preset) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    other = " ".join(f"`{name}`" for name, role in ALSO_CALLED.items() if role == preset.name)
    by_access: dict[str, list[str]] = {}
    for rule in preset.field_rules:
        by_access.setdefault(rule.access.name.lower(), []).append(rule.pattern.replace("*", "\\*"))
    fields = "; ".join(f"{access}: {', '.join(patterns)}" for access, patterns in by_access.items()) or "everything"
    scope = preset.data_scope.name.lower()
    also = f" {other} " if other else " "
    assert f"| `{preset.name}` |{also}| {preset.title} | {scope} | {fields} |" in readme
