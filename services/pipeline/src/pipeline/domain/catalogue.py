"""What is sold and for how much: products, categories, price lists, dealers' prices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument
from kernel.money import Money


@dataclass(frozen=True, slots=True)
class ProductListed:
    product_id: UUID
    sku: str
    name: str
    category: str
    list_price: Money
    unit: str
    tax_basis_points: int
    external_ref: str
    import_id: str


@dataclass(frozen=True, slots=True)
class ProductRevised:
    product_id: UUID
    name: str
    category: str
    list_price: Money
    unit: str
    tax_basis_points: int


@dataclass(frozen=True, slots=True)
class ProductWithdrawn:
    product_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class ProductCostSet:
    product_id: UUID
    unit_cost: Money
    valid_from: date


@dataclass(frozen=True, slots=True)
class CategoryDefined:
    category_id: UUID
    name: str
    parent_category_id: UUID | None


class PriceListKind(IntEnum):
    STANDARD = 1
    DEALER = 2


@dataclass(frozen=True, slots=True)
class PriceEntry:
    product_id: UUID
    unit_price: Money


@dataclass(frozen=True, slots=True)
class PriceListDefined:
    price_list_id: UUID
    version: int
    name: str
    kind: PriceListKind
    customer_ids: tuple[UUID, ...]
    currency_code: str
    entries: tuple[PriceEntry, ...]
    valid_from: date | None
    valid_until: date | None


Event = ProductListed | ProductRevised | ProductWithdrawn | ProductCostSet | CategoryDefined | PriceListDefined
ProductEvent = ProductListed | ProductRevised | ProductWithdrawn | ProductCostSet


@dataclass(frozen=True, slots=True)
class Product:
    id: UUID
    name: str
    category: str
    list_price: Money
    unit: str
    tax_basis_points: int
    import_id: str
    revised: bool = False
    withdrawn: bool = False
    costs: tuple[ProductCostSet, ...] = ()

    def revise(self, revised: ProductRevised) -> list[Event]:
        if self.withdrawn:
            raise DomainError(f"product {self.name} is withdrawn")
        _check(revised.name, revised.list_price, revised.tax_basis_points)
        now = (self.name, self.category, self.list_price, self.unit, self.tax_basis_points)
        then = (
            revised.name,
            revised.category,
            revised.list_price,
            revised.unit,
            revised.tax_basis_points,
        )
        return [] if now == then else [revised]

    def set_cost(self, unit_cost: Money, valid_from: date) -> list[Event]:
        if self.withdrawn:
            raise DomainError(f"product {self.name} is withdrawn")
        if unit_cost.minor_units < 0:
            raise InvalidArgument("unit_cost", "must not be negative")
        cost = ProductCostSet(self.id, unit_cost, valid_from)
        return [] if cost in self.costs else [cost]

    def withdraw(self, reason: str) -> list[Event]:
        return [] if self.withdrawn else [ProductWithdrawn(self.id, reason)]


def list_product(listed: ProductListed) -> list[Event]:
    if not listed.sku:
        raise InvalidArgument("sku", "is required")
    _check(listed.name, listed.list_price, listed.tax_basis_points)
    return [listed]


def define_price_list(defined: PriceListDefined) -> list[Event]:
    if not defined.name:
        raise InvalidArgument("name", "is required")
    if defined.kind == PriceListKind.DEALER and not defined.customer_ids:
        raise InvalidArgument("customer_ids", "a dealer list names its dealers")
    if defined.valid_from and defined.valid_until and defined.valid_until < defined.valid_from:
        raise InvalidArgument("valid_until", "is before valid_from")
    seen: set[UUID] = set()
    for entry in defined.entries:
        if entry.product_id in seen:
            raise InvalidArgument("entries", f"product {entry.product_id} occurs twice")
        seen.add(entry.product_id)
        if entry.unit_price.currency_code != defined.currency_code:
            raise InvalidArgument("entries", f"product {entry.product_id} is not priced in {defined.currency_code}")
        if entry.unit_price.minor_units < 0:
            raise InvalidArgument("entries", f"product {entry.product_id} has a negative price")
    return [defined]


@dataclass(frozen=True, slots=True)
class Price:
    unit_price: Money
    price_list_id: UUID | None
    reason: str


def price_of(
    product: Product,
    lists: Iterable[PriceListDefined],
    customer_id: UUID | None,
    on: date,
    currency_code: str = "",
) -> Price:
    """Return what one unit costs: his dealer list before the standard list before the catalogue.

    Of two lists of one kind the lower price holds.
    """
    currency = currency_code or product.list_price.currency_code
    found: list[tuple[bool, int, str, Price]] = []
    for price_list in lists:
        if not _holds(price_list, customer_id, on) or price_list.currency_code != currency:
            continue
        for entry in price_list.entries:
            if entry.product_id == product.id:
                dealer = price_list.kind == PriceListKind.DEALER
                kind = "dealer" if dealer else "standard"
                why = f"{kind} price list {price_list.name} v{price_list.version}"
                found.append(
                    (
                        not dealer,
                        entry.unit_price.minor_units,
                        str(price_list.price_list_id),
                        Price(entry.unit_price, price_list.price_list_id, why),
                    )
                )
    if found:
        return min(found, key=lambda each: each[:3])[3]
    if product.list_price.currency_code != currency:
        raise DomainError(f"product {product.name} has no price in {currency}")
    return Price(product.list_price, None, "the catalogue's price")


def cost_of(costs: Iterable[ProductCostSet], on: date, currency_code: str) -> Money | None:
    """Return what one unit costs us on a day in a currency; None when nobody said, for costs are not converted."""
    holding = [c for c in costs if c.valid_from <= on and c.unit_cost.currency_code == currency_code]
    return max(holding, key=lambda cost: cost.valid_from).unit_cost if holding else None


def _holds(price_list: PriceListDefined, customer_id: UUID | None, on: date) -> bool:
    if price_list.valid_from and on < price_list.valid_from:
        return False
    if price_list.valid_until and on > price_list.valid_until:
        return False
    return price_list.kind == PriceListKind.STANDARD or customer_id in price_list.customer_ids


def _check(name: str, list_price: Money, tax_basis_points: int) -> None:
    if not name:
        raise InvalidArgument("name", "is required")
    if list_price.minor_units < 0 or len(list_price.currency_code) != 3:
        raise InvalidArgument("list_price", "needs an ISO 4217 currency and must not be negative")
    if not 0 <= tax_basis_points <= 10_000:
        raise InvalidArgument("tax_basis_points", "must be 0 to 10000")


def evolve_product(product: Product | None, event: ProductEvent) -> Product:
    """Fold one event into the state. Total, pure, and never refuses history."""
    match event:
        case ProductListed():
            return Product(
                event.product_id,
                event.name,
                event.category,
                event.list_price,
                event.unit,
                event.tax_basis_points,
                event.import_id,
            )
        case ProductRevised():
            assert product is not None, "history must begin with ProductListed"
            return replace(
                product,
                name=event.name,
                category=event.category,
                list_price=event.list_price,
                unit=event.unit,
                tax_basis_points=event.tax_basis_points,
                revised=True,
            )
        case ProductWithdrawn():
            assert product is not None, "history must begin with ProductListed"
            return replace(product, withdrawn=True)
        case ProductCostSet(unit_cost=unit_cost, valid_from=valid_from):
            assert product is not None, "history must begin with ProductListed"
            same = (valid_from, unit_cost.currency_code)
            others = (c for c in product.costs if (c.valid_from, c.unit_cost.currency_code) != same)
            return replace(product, costs=(*others, event))
