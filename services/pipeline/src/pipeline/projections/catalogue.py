"""What is sold: products by name or article number, categories, which price lists there are."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.commonness import Commonness
from kernel.money import Money
from kernel.projections import Inline
from kernel.request import Page
from kernel.store import Recorded
from kernel.text import grams
from pipeline.domain import catalogue as it
from pipeline.projections.conditions import Conditions

_PIECES = Commonness("products", "grams")


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    match recorded.event:
        case it.ProductListed() as listed:
            cursor.execute(
                "insert into products (product_id, sku, name, category, list_price, currency_code, unit,"
                " tax_basis_points, external_ref, import_id, grams, version)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    listed.product_id,
                    listed.sku,
                    listed.name,
                    listed.category,
                    listed.list_price.minor_units,
                    listed.list_price.currency_code,
                    listed.unit,
                    listed.tax_basis_points,
                    listed.external_ref,
                    listed.import_id,
                    grams(f"{listed.name} {listed.sku}"),
                    recorded.version,
                ),
            )
        case it.ProductRevised() as revised:
            cursor.execute(
                "update products set version = %s, name = %s, category = %s, list_price = %s,"
                " currency_code = %s, unit = %s, tax_basis_points = %s, grams = %s || grams"
                " where product_id = %s",
                (
                    recorded.version,
                    revised.name,
                    revised.category,
                    revised.list_price.minor_units,
                    revised.list_price.currency_code,
                    revised.unit,
                    revised.tax_basis_points,
                    grams(revised.name),
                    revised.product_id,
                ),
            )
        case it.ProductWithdrawn() as withdrawn:
            cursor.execute(
                "update products set version = %s, withdrawn = true where product_id = %s",
                (recorded.version, withdrawn.product_id),
            )
        case it.ProductCostSet() as cost:
            cursor.execute(
                "update products set version = %s where product_id = %s",
                (recorded.version, cost.product_id),
            )
            cursor.execute(
                "insert into product_costs (product_id, currency_code, valid_from, unit_cost) values (%s, %s, %s, %s)"
                " on conflict (product_id, currency_code, valid_from) do update set unit_cost = excluded.unit_cost",
                (cost.product_id, cost.unit_cost.currency_code, cost.valid_from, cost.unit_cost.minor_units),
            )
        case it.CategoryDefined() as category:
            cursor.execute(
                "insert into categories (category_id, name, parent_category_id) values (%s, %s, %s)"
                " on conflict (category_id) do update"
                " set name = excluded.name, parent_category_id = excluded.parent_category_id",
                (category.category_id, category.name, category.parent_category_id),
            )
        case it.PriceListDefined() as price_list:
            cursor.execute(
                "insert into price_lists (price_list_id, name, kind, customer_ids, version)"
                " values (%s, %s, %s, %s, %s) on conflict (price_list_id) do update"
                " set name = excluded.name, kind = excluded.kind, customer_ids = excluded.customer_ids,"
                " version = excluded.version",
                (
                    price_list.price_list_id,
                    price_list.name,
                    int(price_list.kind),
                    list(price_list.customer_ids),
                    price_list.version,
                ),
            )


INLINE = Inline("catalogue", ("products", "product_costs", "categories", "price_lists"), project)


def one(cursor: Cursor[DictRow], product_id: UUID) -> DictRow | None:
    return cursor.execute("select * from products where product_id = %s", (product_id,)).fetchone()


def products(
    cursor: Cursor[DictRow], page: Page, search: str = "", category: str = "", include_withdrawn: bool = False
) -> tuple[list[DictRow], int]:
    """Return a page and one row more, by name, and how many there are."""
    where = Conditions()
    where.search(cursor, search, _PIECES, "grams", "name || ' ' || sku")
    where.add_if(category, "category = %s")
    if not include_withdrawn:
        where.add("not withdrawn")
    counted = cursor.execute(f"select count(*) as n from products where {where.sql}", where.parameters).fetchone()
    where.after(("name", "product_id"), page.after, descending=False)
    rows = cursor.execute(
        f"select * from products where {where.sql} order by name, product_id limit %s",
        [*where.parameters, page.limit + 1],
    ).fetchall()
    return rows, counted["n"] if counted else 0


def by_ids(cursor: Cursor[DictRow], product_ids: Collection[UUID]) -> dict[UUID, DictRow]:
    rows = cursor.execute("select * from products where product_id = any(%s)", (list(product_ids),)).fetchall()
    return {row["product_id"]: row for row in rows}


def costs(cursor: Cursor[DictRow], product_ids: Collection[UUID]) -> dict[UUID, list[it.ProductCostSet]]:
    """Return what was ever said about the costs of these products."""
    found: dict[UUID, list[it.ProductCostSet]] = {}
    for row in cursor.execute(
        "select * from product_costs where product_id = any(%s)", (list(product_ids),)
    ).fetchall():
        cost = Money(row["unit_cost"], row["currency_code"])
        said = it.ProductCostSet(row["product_id"], cost, row["valid_from"])
        found.setdefault(said.product_id, []).append(said)
    return found


def by_sku(cursor: Cursor[DictRow], skus: Collection[str]) -> dict[str, DictRow]:
    rows = cursor.execute("select * from products where sku = any(%s) order by version", (list(skus),)).fetchall()
    return {row["sku"]: row for row in rows}


def by_ref(cursor: Cursor[DictRow], refs: Collection[str]) -> dict[str, DictRow]:
    rows = cursor.execute(
        "select * from products where external_ref = any(%s) and external_ref <> ''", (list(refs),)
    ).fetchall()
    return {row["external_ref"]: row for row in rows}


def categories(cursor: Cursor[DictRow]) -> list[DictRow]:
    return cursor.execute("select * from categories order by name, category_id limit 2000").fetchall()


def price_list_ids(cursor: Cursor[DictRow], customer_id: UUID | None) -> list[UUID]:
    """Return the standard lists and those that name the customer; all lists without one."""
    where = Conditions()
    where.add_if(customer_id, "(kind = 1 or customer_ids @> array[%s]::uuid[])")
    rows = cursor.execute(
        f"select price_list_id from price_lists where {where.sql} order by name, price_list_id limit 500",
        where.parameters,
    ).fetchall()
    return [row["price_list_id"] for row in rows]
