"""The Maven CRM sales files: accounts, products, teams, and 8,800 deals with their dates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from headwater.importing.plan import Plan, Problem, Ref, Row
from headwater.importing.presets.reading_folder import login_of, need, new_plan, tables
from headwater.importing.reading import Line, Table
from headwater.importing.values import (
    SPELLINGS,
    BadValue,
    DateSpelling,
    spelling_of,
    to_datetime,
    to_decimal,
    to_money,
    to_whole,
)

FILES = {
    "accounts": "accounts.csv",
    "products": "products.csv",
    "teams": "sales_teams.csv",
    "deals": "sales_pipeline.csv",
}
PIPELINE = "Maven"
_STAGES = (("Prospecting", 10, 60), ("Engaging", 40, 90))
_SECTORS = {"technolgy": "technology"}
_COUNTRIES = {"Philipines": "Philippines"}
_NOTHING = {"", "null", "NULL"}


def plan(folder: Path, overrides: Mapping[str, Path]) -> Plan:
    """Read the four files into people, pipeline, products, customers and opportunities."""
    found = tables(folder, FILES, overrides)
    need(found["accounts"], "account", "sector", "revenue", "employees", "office_location")
    need(found["products"], "product", "series", "sales_price")
    need(found["teams"], "sales_agent", "manager", "regional_office")
    need(
        found["deals"],
        *("opportunity_id", "sales_agent", "product", "account", "deal_stage"),
        *("engage_date", "close_date", "close_value"),
    )
    made = new_plan("maven", found)
    _people(made, found["teams"])
    stages = [
        {"name": name, "probability": probability, "norm_days": norm, "order": order}
        for order, (name, probability, norm) in enumerate(_STAGES, 1)
    ]
    made.step("pipelines").rows.append(Row("", 0, PIPELINE, {"name": PIPELINE, "stages": stages}))
    prices = _products(made, found["products"])
    _accounts(made, found["accounts"])
    _deals(made, found["deals"], prices)
    return made


def _people(made: Plan, table: Table) -> None:
    step = made.step("people")
    managers: dict[str, str] = {}
    for line in table.lines:
        managers.setdefault(line.cells["manager"], line.cells["regional_office"])
    for name, office in managers.items():
        body = {"name": name, "login": login_of(name), "position": "Sales manager", "team": f"Sales {office}"}
        step.rows.append(Row(table.path.name, 1, name, body))
    for line in table.lines:
        name = line.cells["sales_agent"]
        team = f"Sales {line.cells['regional_office']}"
        body = {"name": name, "login": login_of(name), "position": "Sales agent", "team": team}
        step.rows.append(Row(table.path.name, line.number, name, body))


def _products(made: Plan, table: Table) -> dict[str, dict[str, Any]]:
    step = made.step("products")
    prices: dict[str, dict[str, Any]] = {}
    for line in table.lines:
        name = line.cells["product"]
        price = _taken(made, table, line, "sales_price", lambda cell: to_money(cell, "USD"))
        if price is None:
            continue
        body = {
            "external_ref": f"maven:{name}",
            "sku": name,
            "name": name,
            "category": line.cells["series"],
            "list_price": price,
        }
        prices[_squeezed(name)] = {"name": name, "price": price}
        step.rows.append(Row(table.path.name, line.number, f"maven:{name}", body))
    return prices


def _accounts(made: Plan, table: Table) -> None:
    step = made.step("customers")
    for line in table.lines:
        cells = line.cells
        revenue = _taken(made, table, line, "revenue", lambda cell: to_money(str(to_decimal(cell) * 1_000_000), "USD"))
        employees = _taken(made, table, line, "employees", to_whole)
        profile: dict[str, Any] = {
            "name": cells["account"],
            "industry_code": _SECTORS.get(cells["sector"], cells["sector"]),
            "region_code": _COUNTRIES.get(cells["office_location"], cells["office_location"]),
            "employees": str(employees or 0),
            "custom_fields": {"year_established": cells.get("year_established", "")},
        }
        if revenue is not None:
            profile["annual_revenue"] = revenue
        if cells.get("subsidiary_of"):
            profile["custom_fields"]["subsidiary_of"] = cells["subsidiary_of"]
        for column, right in (("sector", "industry_code"), ("office_location", "region_code")):
            if cells[column] != profile[right]:
                made.problems.append(
                    Problem(
                        table.path.name,
                        line.number,
                        column,
                        cells[column],
                        f"was read as {profile[right]!r}",
                        "nothing to do",
                        False,
                    )
                )
        ref = f"maven:{cells['account']}"
        body = {
            "external_ref": ref,
            "profile": profile,
            "source": "import",
            "status": "CUSTOMER_STATUS_PROSPECT",
        }
        step.rows.append(Row(table.path.name, line.number, ref, body, columns={"profile.name": "account"}))


def _deals(made: Plan, table: Table, prices: Mapping[str, Mapping[str, Any]]) -> None:
    step = made.step("opportunities")
    dates = [line.cells[c] for line in table.lines for c in ("engage_date", "close_date")]
    spelling = spelling_of(dates) or SPELLINGS["ymd"]
    for line in table.lines:
        row = _deal(made, table, line, prices, spelling)
        if row is not None:
            step.rows.append(row)


def _deal(
    made: Plan, table: Table, line: Line, prices: Mapping[str, Mapping[str, Any]], spelling: DateSpelling
) -> Row | None:
    cells = {name: "" if value in _NOTHING else value for name, value in line.cells.items()}
    before = len(made.problems)

    def moment(column: str) -> datetime | None:
        if not cells[column]:
            return None
        found: datetime | None = _taken(made, table, line, column, lambda cell: to_datetime(cell, spelling))
        return found

    engaged, closed = moment("engage_date"), moment("close_date")
    stage = cells["deal_stage"].casefold()
    if stage not in ("prospecting", "engaging", "won", "lost"):
        _wrong(made, table, line, "deal_stage", "is no stage", "write Prospecting, Engaging, Won or Lost")
    if stage in ("won", "lost") and closed is None and not cells["close_date"]:
        _wrong(made, table, line, "close_date", "is empty although the deal is closed", "fill it in")
    if engaged and closed and closed < engaged:
        _wrong(made, table, line, "close_date", "is before engage_date", "mend one of the two")
    product = prices.get(_squeezed(cells["product"]))
    if product is None:
        _wrong(made, table, line, "product", "is not in the products file", "add it there or mend the name")
    value = None
    if stage == "won":
        value = _taken(made, table, line, "close_value", lambda cell: to_money(cell, "USD"))
    if any(p.fatal for p in made.problems[before:]):
        return None
    assert product is not None
    history: list[dict[str, Any]] = []
    if engaged and stage in ("won", "lost"):
        history.append({"at": _at(engaged), "kind": "HISTORY_KIND_MOVED", "stage": "Engaging"})
    if stage == "won":
        history.append({"at": _at(closed), "kind": "HISTORY_KIND_WON", "amount": value, "reason": "imported"})
    if stage == "lost":
        history.append({"at": _at(closed), "kind": "HISTORY_KIND_LOST", "reason": "imported"})
    account = cells["account"]
    ref = f"maven:{cells['opportunity_id']}"
    body: dict[str, Any] = {
        "external_ref": ref,
        "title": f"{account or 'Unknown account'}: {product['name']}",
        "stage": "Prospecting" if stage == "prospecting" or history else "Engaging",
        "amount": product["price"],
        "currency_code": "USD",
        "source_channel": "import",
        "history": history,
    }
    if engaged:
        body["opened_at"] = _at(engaged)
    refs = [
        Ref(("pipeline_id",), "pipelines", PIPELINE),
        Ref(("owner_id",), "people", cells["sales_agent"]),
        Ref(("product_ids", 0), "products", f"maven:{product['name']}"),
    ]
    if account:
        refs.append(Ref(("customer_id",), "customers", f"maven:{account}"))
    columns = {"owner_id": "sales_agent", "customer_id": "account", "product_ids": "product"}
    return Row(table.path.name, line.number, ref, body, tuple(refs), columns)


def _taken(made: Plan, table: Table, line: Line, column: str, read: Any) -> Any:
    try:
        return read(line.cells[column])
    except BadValue as error:
        _wrong(made, table, line, column, error.wrong, error.mend)
        return None


def _wrong(made: Plan, table: Table, line: Line, column: str, wrong: str, mend: str) -> None:
    made.problems.append(Problem(table.path.name, line.number, column, line.cells[column][:80], wrong, mend))


def _at(moment: datetime | None) -> str:
    assert moment is not None
    return moment.isoformat().replace("+00:00", "Z")


def _squeezed(name: str) -> str:
    return name.replace(" ", "").casefold()
