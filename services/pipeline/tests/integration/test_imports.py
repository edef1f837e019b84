"""Bulk imports over gRPC and PostgreSQL: dated histories, one answer per row, taken back, and fast enough."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from crm.common.v1.money_pb2 import Money
from crm.pipeline.v1 import catalogue_service_pb2 as catalogue
from crm.pipeline.v1 import imports_pb2
from crm.pipeline.v1 import lead_service_pb2 as leads
from crm.pipeline.v1 import opportunity_service_pb2 as deals
from crm.pipeline.v1 import sales_service_pb2 as sales
from crm.pipeline.v1.pipeline_definition_events_pb2 import Stage
from testkit.real_data import folder_of

CREATED, SKIPPED, OVERWRITTEN, MERGED, REFUSED = (
    imports_pb2.ROW_OUTCOME_CREATED,
    imports_pb2.ROW_OUTCOME_SKIPPED,
    imports_pb2.ROW_OUTCOME_OVERWRITTEN,
    imports_pb2.ROW_OUTCOME_MERGED,
    imports_pb2.ROW_OUTCOME_REFUSED,
)


def at(text: str) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(datetime.fromisoformat(text).replace(tzinfo=UTC))
    return made


def us_date(text: str) -> str:
    month, day, year = text.split("/")
    return f"{year}-{int(month):02}-{int(day):02}"


def dollars(text: str) -> Money:
    return Money(minor_units=round(float(text) * 100), currency_code="USD")


def an_id(*parts: str) -> str:
    return str(uuid5(NAMESPACE_OID, "/".join(parts)))


def a_row(ref: str, **more: Any) -> deals.OpportunityRow:
    said = {"title": f"Deal {ref}", "opened_at": at("2017-01-01"), "currency_code": "USD"}
    return deals.OpportunityRow(external_ref=ref, **{**said, **more})


def imported(crm: SimpleNamespace, import_id: str, *rows: Any, on_duplicate: int = 1) -> list[Any]:
    request = deals.ImportOpportunitiesRequest(import_id=import_id, rows=rows, on_duplicate=on_duplicate)  # type: ignore[arg-type]
    return list(crm.deals.ImportOpportunities(request).results)


def test_rows_carry_their_own_times_and_a_bad_row_refuses_only_itself(crm: SimpleNamespace) -> None:
    won = deals.HistoryEntry(at=at("2017-03-01"), kind=deals.HISTORY_KIND_WON, amount=dollars("50"))
    early = deals.HistoryEntry(at=at("2016-03-01"), kind=deals.HISTORY_KIND_LOST)
    nowhere = deals.HistoryEntry(at=at("2017-02-01"), kind=deals.HISTORY_KIND_MOVED, stage="Nirvana")
    moved = deals.HistoryEntry(at=at("2017-02-01"), kind=deals.HISTORY_KIND_MOVED, stage="报价")
    results = imported(
        crm,
        "one",
        a_row("a", history=[moved, won]),
        a_row("b", history=[early]),
        a_row("c", history=[nowhere]),
        a_row(""),
        a_row("a"),
        a_row("d", customer_id="not an id"),
        a_row("e"),
    )
    assert [r.outcome for r in results] == [CREATED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, CREATED]
    assert [r.field for r in results[1:6]] == [
        "history[0].at",
        "history[0].stage",
        "external_ref",
        "external_ref",
        "customer_id",
    ]
    got = crm.deals.GetOpportunity(deals.GetOpportunityRequest(opportunity_id=results[0].id))
    assert [m.at.ToDatetime().date().isoformat() for m in got.moves] == ["2017-01-01", "2017-02-01", "2017-03-01"]
    assert (got.opportunity.state, got.opportunity.amount.minor_units) == (deals.OPPORTUNITY_STATE_WON, 5_000)


def test_the_same_rows_again_change_nothing_unless_they_win_or_fill(crm: SimpleNamespace) -> None:
    row = a_row("a", amount=dollars("10"))
    id_ = imported(crm, "one", row)[0].id
    assert [(r.outcome, r.id) for r in imported(crm, "one", row)] == [(SKIPPED, id_)]
    better = a_row("a", title="Better", amount=dollars("20"), expected_close_on="2030-01-01")
    assert imported(crm, "two", better)[0].outcome == SKIPPED

    def the_deal() -> deals.Opportunity:
        return crm.deals.GetOpportunity(deals.GetOpportunityRequest(opportunity_id=id_)).opportunity

    assert imported(crm, "two", better, on_duplicate=imports_pb2.ON_DUPLICATE_MERGE)[0].outcome == MERGED
    assert (the_deal().title, the_deal().amount.minor_units, the_deal().expected_close_on) == (
        "Deal a",
        1_000,
        "2030-01-01",
    )
    assert imported(crm, "two", better, on_duplicate=imports_pb2.ON_DUPLICATE_OVERWRITE)[0].outcome == OVERWRITTEN
    assert (the_deal().title, the_deal().amount.minor_units) == ("Better", 2_000)


def test_an_import_is_taken_back_but_not_what_was_changed_since(crm: SimpleNamespace) -> None:
    ids = [r.id for r in imported(crm, "one", *(a_row(str(n)) for n in range(5)))]
    other = imported(crm, "two", a_row("x"))[0].id
    crm.deals.ReviseOpportunity(deals.ReviseOpportunityRequest(opportunity_id=ids[3], title="Touched"))
    preview = crm.deals.RevertImport(deals.RevertImportRequest(import_id="one", limit=3, preview=True))
    assert len(crm.deals.ListOpportunities(deals.ListOpportunitiesRequest()).opportunities) == 6
    first = crm.deals.RevertImport(deals.RevertImportRequest(import_id="one", limit=3))
    assert preview == first
    assert (first.taken_back, first.remaining) == (3, 1)
    second = crm.deals.RevertImport(deals.RevertImportRequest(import_id="one"))
    assert (second.taken_back, second.remaining) == (1, 0)
    assert [(k.id, k.external_ref) for k in second.kept] == [(ids[3], "3")]
    left = crm.deals.ListOpportunities(deals.ListOpportunitiesRequest()).opportunities
    assert {o.opportunity_id for o in left} == {ids[3], other}


def test_products_and_leads_come_in_bulk_and_go_back(crm: SimpleNamespace) -> None:
    rows = [
        catalogue.ProductRow(external_ref="1", name="Chai", list_price=dollars("18")),
        catalogue.ProductRow(external_ref="2", name="Old", list_price=dollars("1"), withdrawn=True),
        catalogue.ProductRow(external_ref="3", list_price=dollars("1")),
    ]
    done = crm.catalogue.ImportProducts(catalogue.ImportProductsRequest(import_id="p", rows=rows)).results
    assert [(r.outcome, r.field) for r in done] == [(CREATED, ""), (CREATED, ""), (REFUSED, "name")]
    people = [
        leads.LeadRow(lead=leads.LeadDraft(external_ref=str(n), person_name=f"P{n}", email=f"{n % 2}@x.org"))
        for n in range(3)
    ]
    request = leads.ImportLeadsRequest(import_id="p", rows=people)
    assert [r.outcome for r in crm.leads.ImportLeads(request).results] == [CREATED, CREATED, MERGED]
    again = leads.LeadRow(lead=leads.LeadDraft(external_ref="1", person_name="P one", company="Acme"))
    for how, outcome, name in (
        (imports_pb2.ON_DUPLICATE_SKIP, SKIPPED, "P1"),
        (imports_pb2.ON_DUPLICATE_MERGE, MERGED, "P1"),
        (imports_pb2.ON_DUPLICATE_OVERWRITE, OVERWRITTEN, "P one"),
    ):
        second = leads.ImportLeadsRequest(import_id="second", rows=[again], on_duplicate=how)
        (done_again,) = crm.leads.ImportLeads(second).results
        assert done_again.outcome == outcome
        lead = crm.leads.GetLead(leads.GetLeadRequest(lead_id=done_again.id)).lead
        assert (lead.person_name, lead.source_channel) == (name, "import")
    reverted = crm.deals.RevertImport(deals.RevertImportRequest(import_id="p"))
    assert reverted.taken_back == 2, "a lead and the live product"
    assert [k.external_ref for k in reverted.kept] == ["1"], "the other lead was put right since"
    assert not crm.catalogue.ListProducts(catalogue.ListProductsRequest()).products


def test_more_than_500_rows_are_refused(crm: SimpleNamespace) -> None:
    with pytest.raises(grpc.RpcError, match="at most 500") as refused:
        imported(crm, "one", *(a_row(str(n)) for n in range(501)))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.timeout(240)
def test_the_maven_pipeline_comes_out_as_published(crm: SimpleNamespace) -> None:
    folder = folder_of("maven_crm")
    pipeline_id = crm.deals.DefinePipeline(
        deals.DefinePipelineRequest(
            name="Maven",
            stages=[Stage(name="Prospecting", probability=10), Stage(name="Engaging", probability=30)],
        )
    ).pipeline_id
    rows = []
    with (folder / "sales_pipeline.csv").open(encoding="utf-8") as file:
        for line in csv.DictReader(file):
            row = deals.OpportunityRow(
                external_ref=line["opportunity_id"],
                pipeline_id=pipeline_id,
                owner_id=an_id("agent", line["sales_agent"]),
                customer_id=an_id("account", line["account"]) if line["account"] else "",
                currency_code="USD",
                opened_at=at(line["engage_date"] or "2017-12-01"),
                stage="Prospecting" if line["deal_stage"] == "Prospecting" else "Engaging",
            )
            if line["deal_stage"] == "Won":
                row.history.add(
                    at=at(line["close_date"]), kind=deals.HISTORY_KIND_WON, amount=dollars(line["close_value"])
                )
            elif line["deal_stage"] == "Lost":
                row.history.add(at=at(line["close_date"]), kind=deals.HISTORY_KIND_LOST)
            rows.append(row)
    started = datetime.now(UTC)
    for i in range(0, len(rows), 500):
        assert {r.outcome for r in imported(crm, "maven", *rows[i : i + 500])} == {CREATED}
    seconds = (datetime.now(UTC) - started).total_seconds()
    print(f"{len(rows)} deals in {seconds:.1f} s: {len(rows) / seconds:.0f}/s")

    def total(state: int) -> int:
        request = deals.ListOpportunitiesRequest(page_size=1, state=state)  # type: ignore[arg-type]
        return crm.deals.ListOpportunities(request).total_size

    states = (deals.OPPORTUNITY_STATE_WON, deals.OPPORTUNITY_STATE_LOST, deals.OPPORTUNITY_STATE_OPEN)
    assert [total(state) for state in states] == [4_238, 2_473, 2_089]
    value, token = 0, ""
    for _ in range(20):
        page = crm.deals.ListOpportunities(
            deals.ListOpportunitiesRequest(page_size=500, page_token=token, state=deals.OPPORTUNITY_STATE_WON)
        )
        value += sum(o.amount.minor_units for o in page.opportunities)
        token = page.next_page_token
        if not token:
            break
    assert value == 10_005_534_00


def test_northwinds_net_sales_come_out_to_the_cent(crm: SimpleNamespace) -> None:
    folder = folder_of("northwind")
    lines: dict[str, list[sales.OrderLineDraft]] = defaultdict(list)
    with (folder / "Order_Details.csv").open(encoding="utf-8") as file:
        for line in csv.DictReader(file):
            lines[line["OrderID"]].append(
                sales.OrderLineDraft(
                    product_name=f"Product {line['ProductID']}",
                    quantity=line["Quantity"],
                    unit_price=dollars(line["UnitPrice"]),
                    discount_basis_points=round(float(line["Discount"]) * 10_000),
                )
            )
    rows = []
    with (folder / "Orders.csv").open(encoding="utf-8") as file:
        for line in csv.DictReader(file):
            row = sales.OrderRow(
                external_ref=line["OrderID"],
                customer_id=an_id("customer", line["CustomerID"]),
                lines=lines[line["OrderID"]],
                placed_at=at(us_date(line["OrderDate"])),
            )
            row.history.add(at=row.placed_at, state=sales.ORDER_STATE_CONFIRMED)
            if line["ShippedDate"]:
                row.history.add(at=at(us_date(line["ShippedDate"])), state=sales.ORDER_STATE_SHIPPED)
            rows.append(row)
    for i in range(0, len(rows), 500):
        request = sales.ImportOrdersRequest(import_id="northwind", rows=rows[i : i + 500])
        assert {r.outcome for r in crm.sales.ImportOrders(request).results} == {CREATED}
    total = crm.sales.GetSalesTotals(sales.GetSalesTotalsRequest()).totals[0]
    assert (total.orders, total.lines) == (830, 2_155)
    assert (total.net_sales.minor_units, total.net_exact) == (126_579_304, "1265793.0395")
    order_id = crm.sales.ListOrders(sales.ListOrdersRequest(search="10250")).orders[0].order_id
    order = crm.sales.GetOrder(sales.GetOrderRequest(order_id=order_id)).order
    assert sum(line.net.minor_units for line in order.lines) == order.net_total.minor_units


def test_an_order_imported_again_only_gets_what_happened_since(
    crm: SimpleNamespace, log_of: Callable[[str], list[Any]]
) -> None:
    line = sales.OrderLineDraft(product_name="Tea", quantity="2", unit_price=dollars("9.80"))
    row = sales.OrderRow(external_ref="7", customer_id=str(uuid4()), lines=[line], placed_at=at("1997-01-02"))
    first = crm.sales.ImportOrders(sales.ImportOrdersRequest(import_id="a", rows=[row])).results[0]
    row.history.add(at=at("1997-01-05"), state=sales.ORDER_STATE_SHIPPED)
    again = crm.sales.ImportOrders(
        sales.ImportOrdersRequest(import_id="b", rows=[row], on_duplicate=imports_pb2.ON_DUPLICATE_OVERWRITE)
    ).results[0]
    assert (again.id, again.outcome) == (first.id, OVERWRITTEN)
    names = [type(r.event).__name__ for r in log_of(first.id)]
    assert names == ["OrderPlaced", "OrderConfirmed", "OrderShipped"]
    assert {r.metadata.effective_at.date().isoformat() for r in log_of(first.id)} == {"1997-01-02", "1997-01-05"}


def test_an_imported_order_carries_the_cost_of_the_day_it_was_placed(crm: SimpleNamespace) -> None:
    said = catalogue.AddProductRequest(sku="C", name="Chai", list_price=dollars("18"))
    product = crm.catalogue.AddProduct(said).product_id
    for cost, day in (("10", "1997-01-01"), ("12", "1997-03-01")):
        crm.catalogue.SetProductCost(
            catalogue.SetProductCostRequest(product_id=product, unit_cost=dollars(cost), valid_from=day)
        )
    line = sales.OrderLineDraft(product_id=product, quantity="3", unit_price=dollars("18"))
    rows = [
        sales.OrderRow(external_ref=ref, customer_id=str(uuid4()), lines=[line], placed_at=at(day))
        for ref, day in (("before", "1996-12-31"), ("first", "1997-02-28"), ("second", "1997-03-01"))
    ]
    results = crm.sales.ImportOrders(sales.ImportOrdersRequest(import_id="costed", rows=rows)).results
    orders = [crm.sales.GetOrder(sales.GetOrderRequest(order_id=r.id)) for r in results]
    assert [[c.unit_cost for c in found.costs] for found in orders] == [[], [dollars("10")], [dollars("12")]]
