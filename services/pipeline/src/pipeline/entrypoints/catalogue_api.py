"""Products and prices over gRPC: requests in, application calls out. No decisions here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from crm.pipeline.v1 import catalogue_service_pb2 as pb
from crm.pipeline.v1 import product_events_pb2 as product_pb
from kernel.errors import InvalidArgument, NotFound
from kernel.ids import derived_id
from kernel.money import Money
from kernel.request import optional_date, optional_text, optional_uuid, page_of, required_text, required_uuid
from kernel.rpc import Call
from kernel.store import EventStore
from pipeline.application.catalogue import Catalogue
from pipeline.application.imports import Imports, OnDuplicate, ProductRow
from pipeline.application.streams import read
from pipeline.domain import catalogue as it
from pipeline.entrypoints.import_rows import Rows
from pipeline.entrypoints.messages import SEES_COSTS, day_text, enum_of, ids_of, money, money_of, money_out, today
from pipeline.projections import catalogue as view


class CatalogueApi:
    def __init__(self, store: EventStore[Any], catalogue: Catalogue, imports: Imports) -> None:
        self._store = store
        self._catalogue = catalogue
        self._imports = imports

    def AddProduct(self, request: pb.AddProductRequest, call: Call) -> pb.AddProductResponse:
        product_id = optional_uuid(request, "product_id") or derived_id("product", call.caller.actor, call.request_id)
        listed = it.ProductListed(
            product_id,
            required_text(request, "sku", 80),
            required_text(request, "name"),
            optional_text(request, "category"),
            _required_money(request, "list_price"),
            optional_text(request, "unit", 40) or "piece",
            request.tax_basis_points,
            optional_text(request, "external_ref"),
            "",
        )
        version = self._catalogue.add_product(call.transaction(), listed)
        return pb.AddProductResponse(product_id=str(product_id), version=version)

    def ReviseProduct(self, request: pb.ReviseProductRequest, call: Call) -> pb.ReviseProductResponse:
        list_price = money_of(request, "list_price")

        def revised(product: it.Product) -> it.ProductRevised:
            return it.ProductRevised(
                product.id,
                required_text(request, "name") if request.HasField("name") else product.name,
                optional_text(request, "category") if request.HasField("category") else product.category,
                list_price or product.list_price,
                optional_text(request, "unit", 40) if request.HasField("unit") else product.unit,
                request.tax_basis_points if request.HasField("tax_basis_points") else product.tax_basis_points,
            )

        version = self._catalogue.revise_product(call.transaction(), required_uuid(request, "product_id"), revised)
        return pb.ReviseProductResponse(version=version)

    def SetProductCost(self, request: pb.SetProductCostRequest, call: Call) -> pb.SetProductCostResponse:
        version = self._catalogue.set_product_cost(
            call.transaction(),
            required_uuid(request, "product_id"),
            _required_money(request, "unit_cost"),
            optional_date(request, "valid_from"),
        )
        return pb.SetProductCostResponse(version=version)

    def WithdrawProduct(self, request: pb.WithdrawProductRequest, call: Call) -> pb.WithdrawProductResponse:
        version = self._catalogue.withdraw_product(
            call.transaction(), required_uuid(request, "product_id"), optional_text(request, "reason")
        )
        return pb.WithdrawProductResponse(version=version)

    def GetProduct(self, request: pb.GetProductRequest, call: Call) -> pb.GetProductResponse:
        product_id = required_uuid(request, "product_id")
        row = view.one(call.query(), product_id)
        if row is None:
            raise NotFound(f"no product {product_id}")
        return pb.GetProductResponse(product=_product(row, _costs(call, [row])))

    def ListProducts(self, request: pb.ListProductsRequest, call: Call) -> pb.ListProductsResponse:
        page = page_of(request)
        rows, total = view.products(
            call.query(),
            page,
            optional_text(request, "search"),
            optional_text(request, "category"),
            request.include_withdrawn,
        )
        shown = rows[: page.limit]
        last = (shown[-1]["name"], shown[-1]["product_id"]) if shown else ()
        costs = _costs(call, shown)
        return pb.ListProductsResponse(
            products=[_product(row, costs) for row in shown],
            next_page_token=page.next_token(rows, last),
            total_size=total,
        )

    def ImportProducts(self, request: pb.ImportProductsRequest, call: Call) -> pb.ImportProductsResponse:
        import_id = required_text(request, "import_id", 100)
        rows = Rows(request.rows, lambda row: _product_row(row, import_id))
        results = self._imports.import_products(
            call.transaction(),
            import_id,
            rows.good,
            enum_of(request, "on_duplicate", OnDuplicate, OnDuplicate.SKIP),
        )
        return pb.ImportProductsResponse(results=rows.answers(results))

    def DefineCategory(self, request: pb.DefineCategoryRequest, call: Call) -> pb.DefineCategoryResponse:
        category_id = optional_uuid(request, "category_id") or derived_id(
            "category", call.caller.actor, call.request_id
        )
        defined = it.CategoryDefined(
            category_id, required_text(request, "name"), optional_uuid(request, "parent_category_id")
        )
        version = self._catalogue.define_category(call.transaction(), defined)
        return pb.DefineCategoryResponse(category_id=str(category_id), version=version)

    def ListCategories(self, _: pb.ListCategoriesRequest, call: Call) -> pb.ListCategoriesResponse:
        return pb.ListCategoriesResponse(
            categories=[
                pb.Category(
                    category_id=str(row["category_id"]),
                    name=row["name"],
                    parent_category_id=str(row["parent_category_id"] or ""),
                )
                for row in view.categories(call.query())
            ]
        )

    def DefinePriceList(self, request: pb.DefinePriceListRequest, call: Call) -> pb.DefinePriceListResponse:
        said = request.price_list
        price_list_id = optional_uuid(said, "price_list_id") or derived_id(
            "price list", call.caller.actor, call.request_id
        )
        defined = it.PriceListDefined(
            price_list_id,
            0,
            required_text(said, "name"),
            enum_of(said, "kind", it.PriceListKind, it.PriceListKind.STANDARD),
            ids_of(said.customer_ids, "customer_ids", 5_000),
            required_text(said, "currency_code", 3),
            tuple(
                it.PriceEntry(required_uuid(entry, "product_id"), _required_money(entry, "unit_price"))
                for entry in said.entries
            ),
            optional_date(said, "valid_from"),
            optional_date(said, "valid_until"),
        )
        version = self._catalogue.define_price_list(call.transaction(), defined)
        return pb.DefinePriceListResponse(price_list_id=str(price_list_id), version=version)

    def ListPriceLists(self, request: pb.ListPriceListsRequest, call: Call) -> pb.ListPriceListsResponse:
        return pb.ListPriceListsResponse(
            price_lists=[
                pb.PriceList(
                    price_list_id=str(defined.price_list_id),
                    version=defined.version,
                    name=defined.name,
                    kind=int(defined.kind),  # type: ignore[arg-type]
                    customer_ids=[str(i) for i in defined.customer_ids],
                    currency_code=defined.currency_code,
                    entries=[
                        product_pb.PriceEntry(product_id=str(e.product_id), unit_price=money(e.unit_price))
                        for e in defined.entries
                    ],
                    valid_from=day_text(defined.valid_from),
                    valid_until=day_text(defined.valid_until),
                )
                for defined in self._price_lists(call, optional_uuid(request, "customer_id"))
            ]
        )

    def GetPrice(self, request: pb.GetPriceRequest, call: Call) -> pb.GetPriceResponse:
        product_id = required_uuid(request, "product_id")
        history = read(self._store, call.query(), [product_id]).get(product_id, [])
        product: it.Product | None = None
        for recorded in history:
            product = it.evolve_product(product, recorded.event)
        if product is None:
            raise NotFound(f"no product {product_id}")
        customer_id = optional_uuid(request, "customer_id")
        price = it.price_of(
            product,
            self._price_lists(call, customer_id),
            customer_id,
            optional_date(request, "on") or today(),
            optional_text(request, "currency_code", 3),
        )
        return pb.GetPriceResponse(
            unit_price=money(price.unit_price),
            list_price=money(product.list_price),
            price_list_id=str(price.price_list_id or ""),
            reason=price.reason,
        )

    def _price_lists(self, call: Call, customer_id: UUID | None) -> list[it.PriceListDefined]:
        ids = view.price_list_ids(call.query(), customer_id)
        streams = read(self._store, call.query(), ids)
        return [streams[id_][-1].event for id_ in ids]


Costs = Mapping[UUID, Sequence[it.ProductCostSet]]


def _costs(call: Call, rows: Sequence[DictRow]) -> Costs:
    """What was said about the products' costs; nothing for whoever may not see costs."""
    return view.costs(call.query(), [row["product_id"] for row in rows]) if call.caller.may(SEES_COSTS) else {}


def _product(row: DictRow, costs: Costs) -> pb.Product:
    cost = it.cost_of(costs.get(row["product_id"], ()), today(), row["currency_code"])
    return pb.Product(
        product_id=str(row["product_id"]),
        sku=row["sku"],
        name=row["name"],
        category=row["category"],
        list_price=money_out(row["list_price"], row["currency_code"]),
        unit=row["unit"],
        tax_basis_points=row["tax_basis_points"],
        external_ref=row["external_ref"],
        withdrawn=row["withdrawn"],
        version=row["version"],
        unit_cost=money(cost) if cost else None,
    )


def _required_money(request: Any, field: str) -> Money:
    amount = money_of(request, field)
    if amount is None:
        raise InvalidArgument(field, "is required")
    return amount


def _product_row(row: pb.ProductRow, import_id: str) -> ProductRow:
    return ProductRow(
        it.ProductListed(
            derived_id("imported product", import_id, row.external_ref),
            optional_text(row, "sku", 80) or row.external_ref,
            optional_text(row, "name"),
            optional_text(row, "category"),
            _required_money(row, "list_price"),
            optional_text(row, "unit", 40) or "piece",
            row.tax_basis_points,
            optional_text(row, "external_ref"),
            import_id,
        ),
        row.withdrawn,
    )
