"""What an auditor asks for: every voucher with its clock, a year as one signed package, and what forgetting leaves."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from crm.common.v1.money_pb2 import Money
from crm.customer.v1 import customer_events_pb2 as customer
from crm.erasure.v1.erasure_events_pb2 import PurgeAsked
from crm.pipeline.v1 import sales_service_pb2 as sales
from crm.pipeline.v1 import voucher_events_pb2 as rules
from crm.pipeline.v1 import voucher_service_pb2 as pb
from headwater.commands.vouchers import NotGenuine, verified
from kernel.consumers import reactions_of
from kernel.ids import new_id
from kernel.projections import Delivered
from kernel.rebuild import compare
from kernel.service import Service
from kernel.store import Cause, Metadata
from testkit import a_caller

LONG_AGO = datetime(2015, 3, 1, tzinfo=UTC)
SET = pb.SetVoucherRulesRequest


def yuan(minor_units: int) -> Money:
    return Money(minor_units=minor_units, currency_code="CNY")


def sold(who: Any, customer_id: str, name: str = "泵") -> str:
    """An order that was confirmed, with money owed and half of it paid."""
    line = sales.OrderLineDraft(product_name=name, quantity="3", unit_price=yuan(1_000))
    order_id = who.sales.PlaceOrder(sales.PlaceOrderRequest(customer_id=customer_id, lines=[line])).order_id
    who.sales.ConfirmOrder(sales.ConfirmOrderRequest(order_id=order_id))
    who.sales.PlanReceivables(
        sales.PlanReceivablesRequest(
            order_id=order_id, instalments=[sales.PlannedInstalment(due_on="2015-04-01", amount=yuan(3_000))]
        )
    )
    paid(who, order_id, 1_000)
    return str(order_id)


def paid(who: Any, order_id: str, minor_units: int) -> None:
    who.sales.RecordPayment(
        sales.RecordPaymentRequest(order_id=order_id, amount=yuan(minor_units), reference=str(minor_units))
    )


def listed(who: Any, **which: Any) -> list[Any]:
    found: list[Any] = []
    token = ""
    while True:
        page = who.vouchers.ListVouchers(pb.ListVouchersRequest(page_size=2, page_token=token, **which))
        found += page.vouchers
        token = page.next_page_token
        if not token:
            assert page.total_size == len(found)
            return found


def kinds(vouchers: list[Any]) -> list[str]:
    return sorted(rules.VoucherKind.Name(it.kind).removeprefix("VOUCHER_KIND_").lower() for it in vouchers)


def happened(service: Service, message: Any) -> None:
    """Deliver another context's event to the views and to the reaction it has."""
    at = datetime.now(UTC)
    stream = UUID(getattr(message, message.DESCRIPTOR.fields[0].name))
    metadata = Metadata(new_id(), at, at, "service:customer", "r", new_id(), None, "", "")
    event = Delivered("customer", 0, 1, stream, 1, message.DESCRIPTOR.full_name, metadata, message)
    with service.store.connection() as connection, connection.transaction(), connection.cursor() as cursor:
        for view in service.eventual:
            view.project(cursor, [event])
    if (reaction := reactions_of(service).get(type(message))) is not None:
        with service.store.transaction(Cause.from_event("pipeline", metadata)) as tx:
            reaction(event, tx)


@pytest.mark.feature("NFR-24")
def test_every_voucher_has_its_clock_and_stays_when_the_order_ends(crm: SimpleNamespace, asked_by: Any) -> None:
    then = asked_by(None, ("effective-at", LONG_AGO.isoformat()))
    old, fresh = str(uuid4()), str(uuid4())
    old_order, fresh_order = sold(then, old), sold(crm, fresh)
    crm.sales.CancelOrder(sales.CancelOrderRequest(order_id=fresh_order, reason="changed their mind"))

    assert kinds(listed(crm)) == sorted(["order", "receivable", "payment"] * 2)
    mine = listed(crm, customer_id=fresh)
    assert all(it.ended and it.record_id == fresh_order and it.number for it in mine), "cancelled is not gone"
    by_kind = {rules.VoucherKind.Name(it.kind): it for it in listed(crm, customer_id=old)}
    order, payment = by_kind["VOUCHER_KIND_ORDER"], by_kind["VOUCHER_KIND_PAYMENT"]
    assert (order.fiscal_year, order.free_on, order.amount.minor_units) == (2015, "2026-01-01", 3_000)
    assert (payment.fiscal_year, payment.free_on) == (2015, "2046-01-01")
    assert order.unsettled, "2,000 are still owed"
    assert listed(crm, clock=pb.VOUCHER_CLOCK_OVER) == []
    paid(then, old_order, 2_000)
    over = listed(crm, clock=pb.VOUCHER_CLOCK_OVER)
    assert [it.voucher_id for it in over] == [order.voucher_id]
    assert len(listed(crm, clock=pb.VOUCHER_CLOCK_RUNNING)) == len(listed(crm)) - 1
    assert kinds(listed(crm, fiscal_year=2015)) == ["order", "payment", "payment", "receivable"]

    with pytest.raises(grpc.RpcError, match="name the law") as refused:
        crm.vouchers.SetVoucherRules(SET(rules=[rules.VoucherRule(kind=rules.VOUCHER_KIND_PAYMENT, years=5)]))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    crm.vouchers.SetVoucherRules(SET(rules=[rules.VoucherRule(kind=rules.VOUCHER_KIND_ORDER, years=20)]))
    in_force = crm.vouchers.GetVoucherRules(pb.GetVoucherRulesRequest()).rules
    order_rule = next(it for it in in_force if it.kind == rules.VOUCHER_KIND_ORDER)
    assert (order_rule.years, order_rule.floor_years) == (20, 10)
    assert "第二十九条" in order_rule.floor_source
    assert listed(crm, clock=pb.VOUCHER_CLOCK_OVER) == []

    own = asked_by(a_caller(scope="own"))
    assert listed(own) == [], "what is not his he does not see"
    seller = asked_by(a_caller(permissions=("pipeline.order.*",)))
    for call in (
        lambda: seller.vouchers.ListVouchers(pb.ListVouchersRequest()),
        lambda: seller.vouchers.SetVoucherRules(SET()),
        lambda: seller.vouchers.ExportVouchers(pb.ExportVouchersRequest(fiscal_year=2015)),
        lambda: own.vouchers.ExportVouchers(pb.ExportVouchersRequest(fiscal_year=2015)),
    ):
        with pytest.raises(grpc.RpcError) as denied:
            call()
        assert denied.value.code() is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.feature("NFR-24")
def test_a_year_is_one_package_that_says_when_it_was_touched(
    crm: SimpleNamespace, asked_by: Any, service: Service, tmp_path: Path
) -> None:
    then = asked_by(None, ("effective-at", LONG_AGO.isoformat()))
    customer_id = str(uuid4())
    happened(service, customer.CustomerRegistered(customer_id=customer_id, name="上海云杉"))
    order_id = sold(then, customer_id, name="=1+1")
    sold(crm, customer_id)
    with service.store.connection() as connection:
        connection.execute(
            "insert into seals (chain, number, body, signature, marks) values ('events', 1, %s, %s, %s)",
            ('{"position": 100000}', b"signed", b""),
        )
    answer = crm.vouchers.ExportVouchers(pb.ExportVouchersRequest(fiscal_year=2015))
    assert (answer.file_name, answer.vouchers) == ("vouchers-2015.zip", 3)
    file = tmp_path / answer.file_name
    file.write_bytes(answer.package)
    manifest, key = verified(file)
    assert key == crm.vouchers.GetVoucherRules(pb.GetVoucherRulesRequest()).package_key
    assert {(it["kind"], it["vouchers"], it["amount"]) for it in manifest["totals"]} == {
        ("order", 1, "30.00"), ("receivable", 1, "30.00"), ("payment", 1, "10.00"),
    }  # fmt: skip
    assert manifest["log"]["covered"]
    assert manifest["log"]["checkpoint"]["body"] == '{"position": 100000}'
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    assert content["vouchers.csv"].startswith(b"\xef\xbb\xbf"), "Excel reads it as UTF-8"
    rows = list(csv.DictReader(io.StringIO(content["vouchers.csv"].decode("utf-8-sig"))))
    assert {row["customer_name"] for row in rows} == {"上海云杉"}
    (line,) = csv.DictReader(io.StringIO(content["order_lines.csv"].decode("utf-8-sig")))
    assert (line["order_id"], line["product_name"], line["net"]) == (order_id, "'=1+1", "30.00")

    def touched(name: str, data: bytes) -> Path:
        other = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(other, "w") as archive:
            for each, as_it_was in {**content, name: b""}.items():
                archive.writestr(each, data if each == name else as_it_was)
        return other

    cheaper = {**manifest, "totals": []}
    for other, word in (
        (touched("vouchers.csv", content["vouchers.csv"].replace(b"30.00", b"20.00")), "vouchers.csv was changed"),
        (touched("manifest.json", json.dumps(cheaper).encode()), "after it was signed"),
        (touched("more.csv", b"x"), "more.csv was added"),
    ):
        with pytest.raises(NotGenuine, match=word):
            verified(other)
    with pytest.raises(grpc.RpcError, match="four digits"):
        crm.vouchers.ExportVouchers(pb.ExportVouchersRequest())


@pytest.mark.feature("NFR-24")
def test_who_is_forgotten_leaves_numbers_and_the_answer_says_which_until_when(
    crm: SimpleNamespace, asked_by: Any, service: Service, log_of: Any
) -> None:
    customer_id, erasure_id = str(uuid4()), str(uuid4())
    sold(asked_by(None, ("effective-at", LONG_AGO.isoformat())), customer_id)
    sold(crm, str(uuid4()))
    happened(service, PurgeAsked(erasure_id=erasure_id, round=1, subject_ids=[customer_id]))
    from kernel.ids import derived_id

    (recorded,) = log_of(str(derived_id(UUID(erasure_id), "purged in", "pipeline")))
    kept = {it.kind: it for it in recorded.event.kept}
    assert {kind: it.records for kind, it in kept.items()} == {"payment": 1, "receivable": 1, "order": 1}
    assert (kept["payment"].free_on, kept["order"].free_on) == ("2046-01-01", "2026-01-01")
    assert "会计档案管理办法" in kept["payment"].basis
    amounts = [it.amount.minor_units for it in listed(crm, customer_id=customer_id)]
    assert sorted(amounts) == [1_000, 3_000, 3_000]
    (view,) = [it for it in service.inline if it.name == "vouchers"]
    assert compare(service, view).equal
