"""Salesforce JSON trees (sfdx data export): accounts, contacts, cases and opportunities with their references."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headwater.importing.plan import Plan, Problem, Ref, Row, opening
from headwater.importing.presets.reading_folder import new_plan
from headwater.importing.reading import Line, Table, Unreadable, read
from headwater.importing.values import YMD, BadValue, to_date, to_datetime, to_money

_TYPES = ("Account", "Contact", "Opportunity", "Case")
_PRIORITIES = {"Low": "PRIORITY_LOW", "Medium": "PRIORITY_NORMAL", "High": "PRIORITY_HIGH"}
_CHANNELS = {
    "Phone": "CHANNEL_PHONE",
    "Email": "CHANNEL_EMAIL",
    "Web": "CHANNEL_FORM",
    "Chat": "CHANNEL_CHAT",
}


def plan(folder: Path, overrides: Mapping[str, Path]) -> Plan:
    """Read every tree in the folder that holds records of a known type. Others are named and left out."""
    paths = sorted({*folder.glob("*.json"), *overrides.values()}) if folder.is_dir() else [folder]
    found: dict[str, Table] = {}
    records: dict[str, list[tuple[str, Line]]] = {kind: [] for kind in _TYPES}
    left_out: dict[str, int] = {}
    for path in paths:
        content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        if not isinstance(content, dict) or "records" not in content:
            continue  # a plan file, or something else
        table = read(path)
        found[path.name] = table
        for line in table.lines:
            kind = line.cells.get("attributes.type", "")
            if kind in records:
                records[kind].append((path.name, line))
            else:
                left_out[kind] = left_out.get(kind, 0) + 1
    if not any(records.values()):
        raise Unreadable(f"{folder} holds no Salesforce records of type {', '.join(_TYPES)}")
    made = new_plan("salesforce", found)
    made.notes += [f"left out: {count} records of type {kind}" for kind, count in sorted(left_out.items())]
    _accounts(made, records["Account"])
    _contacts(made, records["Contact"])
    _opportunities(made, records["Opportunity"])
    _cases(made, records["Case"])
    return made


def _ref(value: str) -> str:
    return f"salesforce:{value.removeprefix('@')}"


def _accounts(made: Plan, records: list[tuple[str, Line]]) -> None:
    for file, line in records:
        cells = line.cells
        address = ", ".join(
            cells.get(f"Billing{part}", "")
            for part in ("Street", "PostalCode", "City", "State")
            if cells.get(f"Billing{part}")
        )
        profile = {
            "name": cells.get("Name", ""),
            "region_code": cells.get("BillingCountry", ""),
            "address": address,
            "website": cells.get("Website", ""),
            "phones": [cells["Phone"]] if cells.get("Phone") else [],
        }
        _customer(made, file, line, {"profile": profile, "source": "import"})


def _contacts(made: Plan, records: list[tuple[str, Line]]) -> None:
    """A contact of an account joins it; one of none is a person who is a customer."""
    accounts = {row.external_ref: row for row in made.step("customers").rows}
    for file, line in records:
        cells = line.cells
        name = f"{cells.get('FirstName', '')} {cells.get('LastName', '')}".strip()
        phones = [cells[c] for c in ("Phone", "MobilePhone") if cells.get(c)]
        emails = [cells["Email"]] if cells.get("Email") else []
        if cells.get("AccountId") and (account := accounts.get(_ref(cells["AccountId"]))):
            contact = {"name": name, "position": cells.get("Title", ""), "phones": phones, "emails": emails}
            dict(account.body).setdefault("contacts", []).append(contact)
            continue
        profile: dict[str, Any] = {
            "name": name,
            "region_code": cells.get("MailingCountry", ""),
            "phones": phones,
            "emails": emails,
            "address": ", ".join(
                cells[c] for c in ("MailingStreet", "MailingPostalCode", "MailingCity", "MailingState") if cells.get(c)
            ),
        }
        source = cells.get("LeadSource", "") or "import"
        _customer(made, file, line, {"kind": "CUSTOMER_KIND_PERSON", "profile": profile, "source": source})


def _customer(made: Plan, file: str, line: Line, body: dict[str, Any]) -> None:
    ref = _ref(line.cells.get("attributes.referenceId", str(line.number)))
    if not body["profile"]["name"]:
        made.problems.append(Problem(file, line.number, "Name", "", "is empty but required", "fill it in"))
        return
    body["external_ref"] = ref
    columns = {"profile.name": "Name", "profile.phones": "Phone", "profile.emails": "Email"}
    made.step("customers").rows.append(Row(file, line.number, ref, body, columns=columns))


def _opportunities(made: Plan, records: list[tuple[str, Line]]) -> None:
    for file, line in records:
        cells = line.cells
        ref = _ref(cells.get("attributes.referenceId", str(line.number)))
        body: dict[str, Any] = {"external_ref": ref, "title": cells.get("Name", ""), "stage": ""}
        try:
            if cells.get("Amount"):
                body["amount"] = to_money(cells["Amount"], "USD")
            if cells.get("CloseDate"):
                body["expected_close_on"] = to_date(cells["CloseDate"], YMD).isoformat()
        except BadValue as error:
            made.problems.append(Problem(file, line.number, "Amount", "", error.wrong, error.mend))
            continue
        refs = (Ref(("customer_id",), "customers", _ref(cells["AccountId"])),) if cells.get("AccountId") else ()
        made.step("opportunities").rows.append(Row(file, line.number, ref, body, refs))


def _cases(made: Plan, records: list[tuple[str, Line]]) -> None:
    for file, line in records:
        cells = line.cells
        ref = _ref(cells.get("attributes.referenceId", str(line.number)))
        body: dict[str, Any] = {
            "external_ref": ref,
            "subject": cells.get("Subject", ""),
            "description": cells.get("Description", ""),
            "category": cells.get("Type", ""),
            "priority": _PRIORITIES.get(cells.get("Priority", ""), "PRIORITY_NORMAL"),
            "channel": _CHANNELS.get(cells.get("Origin", ""), "CHANNEL_UNSPECIFIED"),
            "complaint": cells.get("Reason", "") == "Complaint",
        }
        try:
            opened = to_datetime(cells["CreatedDate"], YMD) if cells.get("CreatedDate") else None
        except BadValue as error:
            made.problems.append(
                Problem(file, line.number, "CreatedDate", cells["CreatedDate"][:80], error.wrong, error.mend)
            )
            continue
        body["activities"] = [opening(opened.isoformat() if opened else "")]
        whose = cells.get("AccountId") or cells.get("ContactId")
        refs = (Ref(("customer_id",), "customers", _ref(whose)),) if whose else ()
        made.step("tickets").rows.append(Row(file, line.number, ref, body, refs, {"customer_id": "ContactId"}))
