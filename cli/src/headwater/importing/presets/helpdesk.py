"""A help desk's event log: one line per activity, many lines per ticket, in the order they happened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headwater.importing.plan import Plan, Problem, Ref, Row
from headwater.importing.presets.reading_folder import need, new_plan, tables
from headwater.importing.values import YMD, BadValue, to_datetime

FILES = {"log": "helpdesk.csv"}
_PRIORITIES = {"Value 1": "PRIORITY_NORMAL", "Value 2": "PRIORITY_HIGH", "Value 3": "PRIORITY_URGENT"}
_ATTRIBUTES = (
    "seriousness_2",
    "service_level",
    "service_type",
    "support_section",
    "responsible_section",
    "workgroup",
)


def plan(folder: Path, overrides: Mapping[str, Path]) -> Plan:
    """Read the log into people, customers and tickets with their histories."""
    found = tables(folder, FILES, overrides)
    table = found["log"]
    need(table, "Case ID", "Activity", "Resource", "Complete Timestamp", "customer", "product", "seriousness")
    made = new_plan("helpdesk", found)
    people, customers = made.step("people"), made.step("customers")
    seen: set[tuple[str, str]] = set()
    cases: dict[str, dict[str, Any]] = {}
    lines: dict[str, int] = {}
    refs: dict[str, list[Ref]] = {}
    broken: set[str] = set()
    for line in table.lines:
        cells = line.cells
        case, resource, customer = cells["Case ID"], cells["Resource"], cells["customer"]
        if ("person", resource) not in seen:
            seen.add(("person", resource))
            number = resource.rpartition(" ")[2]
            person = {"name": f"Help desk {number}", "login": f"helpdesk.{number}", "team": "Help desk"}
            people.rows.append(Row(table.path.name, line.number, f"helpdesk:{resource}", person))
        if ("customer", customer) not in seen:
            seen.add(("customer", customer))
            ref = f"helpdesk:{customer}"
            body = {
                "external_ref": ref,
                "profile": {"name": f"Help desk customer {customer.rpartition(' ')[2]}"},
                "source": "import",
                "status": "CUSTOMER_STATUS_ACTIVE",
            }
            customers.rows.append(Row(table.path.name, line.number, ref, body))
        try:
            at = to_datetime(cells["Complete Timestamp"], YMD).isoformat().replace("+00:00", "Z")
        except BadValue as error:
            made.problems.append(
                Problem(
                    table.path.name,
                    line.number,
                    "Complete Timestamp",
                    cells["Complete Timestamp"][:80],
                    error.wrong,
                    error.mend,
                )
            )
            broken.add(case)
            continue
        if case not in cases:
            lines[case] = line.number
            refs[case] = [Ref(("customer_id",), "customers", f"helpdesk:{customer}")]
            cases[case] = {
                "external_ref": f"helpdesk:{case}",
                "category": cells["product"],
                "priority": _PRIORITIES.get(cells["seriousness"], "PRIORITY_NORMAL"),
                "subject": case,
                "queue": cells.get("support_section", ""),
                "attributes": {name: cells[name] for name in _ATTRIBUTES if cells.get(name)},
                "opened_at": at,
                "activities": [],
            }
        activities = cases[case]["activities"]
        refs[case].append(Ref(("activities", len(activities), "assignee_id"), "people", f"helpdesk:{resource}"))
        activities.append({"activity": cells["Activity"], "at": at})
    step = made.step("tickets")
    for case, body in cases.items():
        if case in broken:
            continue  # a history with a hole is not the ticket's history; the report names the line
        step.rows.append(Row(table.path.name, lines[case], f"helpdesk:{case}", body, tuple(refs[case])))
    return made
