"""Products, categories and price lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from uuid import UUID

from kernel.errors import AlreadyExists, NotFound
from kernel.money import Money
from kernel.store import Transaction
from pipeline.application.streams import Tx, loaded, lock, today
from pipeline.domain import catalogue as it
from pipeline.projections import catalogue as view

Revise = Callable[[it.Product], it.ProductRevised]


class Catalogue:
    def add_product(self, tx: Tx, listed: it.ProductListed) -> int:
        events = it.list_product(listed)
        lock(tx, "catalogue")
        if listed.sku in view.by_sku(tx.cursor, [listed.sku]):
            raise AlreadyExists(f"there is a product with the article number {listed.sku}")
        return tx.append(listed.product_id, 0, events)

    def revise_product(self, tx: Tx, product_id: UUID, revise: Revise) -> int:
        product, version = loaded(tx, product_id, it.evolve_product, "product")
        return tx.append(product_id, version, product.revise(revise(product)))

    def set_product_cost(self, tx: Tx, product_id: UUID, unit_cost: Money, valid_from: date | None) -> int:
        product, version = loaded(tx, product_id, it.evolve_product, "product")
        return tx.append(product_id, version, product.set_cost(unit_cost, valid_from or today(tx)))

    def withdraw_product(self, tx: Tx, product_id: UUID, reason: str) -> int:
        product, version = loaded(tx, product_id, it.evolve_product, "product")
        return tx.append(product_id, version, product.withdraw(reason))

    def define_category(self, tx: Tx, defined: it.CategoryDefined) -> int:
        history = tx.history(defined.category_id)
        if history and history[-1] == defined:
            return len(history)
        return tx.append(defined.category_id, len(history), [defined])

    def define_price_list(self, tx: Tx, defined: it.PriceListDefined) -> int:
        version = len(tx.history(defined.price_list_id)) + 1
        events = it.define_price_list(replace(defined, version=version))
        return tx.append(defined.price_list_id, version - 1, events)


def product_and_price(
    tx: Transaction[it.Event],
    product_id: UUID,
    price_lists: list[it.PriceListDefined],
    customer_id: UUID | None,
    on: date,
    currency_code: str,
) -> tuple[it.Product, it.Price]:
    """Return a product and what it costs this customer on this day."""
    product = tx.load(product_id, it.evolve_product).state  # type: ignore[arg-type]
    if product is None:
        raise NotFound(f"no product {product_id}")
    return product, it.price_of(product, price_lists, customer_id, on, currency_code)


def unit_costs(tx: Tx, product_ids: Iterable[UUID | None], on: date, currency_code: str) -> dict[UUID, Money]:
    """Return what a unit costs us on a day, of those products for which somebody said."""
    said = view.costs(tx.cursor, {product_id for product_id in product_ids if product_id is not None})
    found = {product_id: it.cost_of(costs, on, currency_code) for product_id, costs in said.items()}
    return {product_id: cost for product_id, cost in found.items() if cost is not None}


def price_lists_for(tx: Tx, customer_id: UUID | None) -> list[it.PriceListDefined]:
    """Return today's version of the lists that may hold for the customer."""
    ids = view.price_list_ids(tx.cursor, customer_id)
    return [history[-1] for history in tx.histories(ids).values() if history]
