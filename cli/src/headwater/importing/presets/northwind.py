"""The Northwind files: customers with contacts, products, employees, and 830 orders with their lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from headwater.importing.plan import Plan, Problem, Ref, Row
from headwater.importing.presets.reading_folder import login_of, need, new_plan, tables
from headwater.importing.reading import Line, Table
from headwater.importing.values import MDY, BadValue, spelling_of, to_date, to_datetime, to_decimal, to_money

FILES = {
    "customers": "Customers.csv",
    "categories": "Categories.csv",
    "products": "Products.csv",
    "employees": "Employees.csv",
    "orders": "Orders.csv",
    "lines": "Order_Details.csv",
}
_BASIS_POINTS = 10_000


def plan(folder: Path, overrides: Mapping[str, Path]) -> Plan:
    """Read the files into people, products, customers and orders."""
    found = tables(folder, FILES, overrides)
    need(found["customers"], "CustomerID", "CompanyName", "ContactName", "ContactTitle", "Country", "Phone")
    need(found["products"], "ProductID", "ProductName", "CategoryID", "UnitPrice", "QuantityPerUnit")
    need(found["employees"], "EmployeeID", "LastName", "FirstName", "Title")
    need(found["orders"], "OrderID", "CustomerID", "EmployeeID", "OrderDate", "ShippedDate", "Freight")
    need(found["lines"], "OrderID", "ProductID", "UnitPrice", "Quantity", "Discount")
    made = new_plan("northwind", found)
    people = made.step("people")
    for line in found["employees"].lines:
        cells = line.cells
        name = f"{cells['FirstName']} {cells['LastName']}"
        body = {"name": name, "login": login_of(name), "position": cells["Title"], "team": "Northwind sales"}
        people.rows.append(Row(FILES["employees"], line.number, f"northwind:{cells['EmployeeID']}", body))
    _products(made, found)
    _customers(made, found["customers"])
    _orders(made, found["orders"], found["lines"], found["products"])
    return made


def _products(made: Plan, found: Mapping[str, Table]) -> None:
    categories = {line.cells["CategoryID"]: line.cells["CategoryName"] for line in found["categories"].lines}
    step = made.step("products")
    for line in found["products"].lines:
        cells = line.cells
        ref = f"northwind:{cells['ProductID']}"
        try:
            price = to_money(cells["UnitPrice"], "USD")
        except BadValue as error:
            _wrong(made, found["products"], line, "UnitPrice", error)
            continue
        body = {
            "external_ref": ref,
            "sku": f"NW-{cells['ProductID']}",
            "name": cells["ProductName"],
            "category": categories.get(cells["CategoryID"], ""),
            "list_price": price,
            "unit": cells["QuantityPerUnit"],
            "withdrawn": cells.get("Discontinued") == "1",
        }
        step.rows.append(Row(FILES["products"], line.number, ref, body))


def _customers(made: Plan, table: Table) -> None:
    step = made.step("customers")
    for line in table.lines:
        cells = line.cells
        address = ", ".join(cells.get(c, "") for c in ("Address", "PostalCode", "City", "Region") if cells.get(c))
        ref = f"northwind:{cells['CustomerID']}"
        body: dict[str, Any] = {
            "external_ref": ref,
            "profile": {
                "name": cells["CompanyName"],
                "region_code": cells["Country"],
                "address": address,
                "phones": [cells["Phone"]] if cells["Phone"] else [],
                "custom_fields": {"fax": cells["Fax"]} if cells.get("Fax") else {},
            },
            "contacts": [{"name": cells["ContactName"], "position": cells["ContactTitle"], "is_primary": True}],
            "source": "import",
        }
        columns = {"profile.name": "CompanyName", "profile.phones": "Phone", "profile.region_code": "Country"}
        step.rows.append(Row(table.path.name, line.number, ref, body, columns=columns))


def _orders(made: Plan, orders: Table, details: Table, products: Table) -> None:
    names = {line.cells["ProductID"]: line.cells["ProductName"] for line in products.lines}
    lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
    refs: dict[str, list[Ref]] = defaultdict(list)
    broken: set[str] = set()
    for line in details.lines:
        cells = line.cells
        order = cells["OrderID"]
        try:
            points = to_decimal(cells["Discount"]) * _BASIS_POINTS
            lines[order].append(
                {
                    "product_name": names.get(cells["ProductID"], cells["ProductID"]),
                    "quantity": str(to_decimal(cells["Quantity"])),
                    "unit_price": to_money(cells["UnitPrice"], "USD"),
                    "discount_basis_points": int(points.quantize(Decimal(1))),
                }
            )
        except BadValue as error:
            _wrong(made, details, line, "UnitPrice", error)
            broken.add(order)
            continue
        place = ("lines", len(lines[order]) - 1, "product_id")
        refs[order].append(Ref(place, "products", f"northwind:{cells['ProductID']}"))
    spelling = spelling_of(line.cells["OrderDate"] for line in orders.lines) or MDY
    step = made.step("orders")
    for line in orders.lines:
        cells = line.cells
        order = cells["OrderID"]
        if order in broken or order not in lines:
            made.problems.append(
                Problem(orders.path.name, line.number, "OrderID", order, "has no good lines", "mend its lines")
            )
            continue
        try:
            placed = to_datetime(cells["OrderDate"], spelling).isoformat().replace("+00:00", "Z")
            history = [{"at": placed, "state": "ORDER_STATE_CONFIRMED"}]
            if cells["ShippedDate"]:
                shipped = to_datetime(cells["ShippedDate"], spelling).isoformat().replace("+00:00", "Z")
                history.append({"at": shipped, "state": "ORDER_STATE_SHIPPED", "carrier": cells.get("ShipVia", "")})
            delivery: dict[str, Any] = {
                "recipient": cells.get("ShipName", ""),
                "address": cells.get("ShipAddress", ""),
                "city": cells.get("ShipCity", ""),
                "country": cells.get("ShipCountry", ""),
                "freight": to_money(cells["Freight"], "USD"),
            }
            if cells.get("RequiredDate"):
                delivery["required_on"] = to_date(cells["RequiredDate"], spelling).isoformat()
        except BadValue as error:
            _wrong(made, orders, line, "OrderDate", error)
            continue
        ref = f"northwind:{order}"
        body = {
            "external_ref": ref,
            "lines": lines[order],
            "placed_at": placed,
            "delivery": delivery,
            "history": history,
        }
        all_refs = (
            Ref(("customer_id",), "customers", f"northwind:{cells['CustomerID']}"),
            Ref(("owner_id",), "people", f"northwind:{cells['EmployeeID']}"),
            *refs[order],
        )
        columns = {"customer_id": "CustomerID", "owner_id": "EmployeeID", "lines": "OrderID"}
        step.rows.append(Row(orders.path.name, line.number, ref, body, all_refs, columns))


def _wrong(made: Plan, table: Table, line: Line, column: str, error: BadValue) -> None:
    made.problems.append(
        Problem(table.path.name, line.number, column, line.cells[column][:80], error.wrong, error.mend)
    )
