"""Vouchers over gRPC: requests in, application calls out. No decisions here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from crm.pipeline.v1 import voucher_service_pb2 as pb
from kernel.errors import DomainError, Forbidden, InvalidArgument
from kernel.ids import derived_id
from kernel.request import optional_text, optional_uuid, page_of
from kernel.rpc import Call
from kernel.store import EventStore
from pipeline.application.streams import VOUCHER_RULES, read
from pipeline.application.vouchers import Vouchers
from pipeline.domain import voucher as it
from pipeline.domain.order import OrderConfirmed
from pipeline.entrypoints.messages import day_text, enum_of, id_text, money_out, now, stamp, today
from pipeline.packages import Packer, packed
from pipeline.projections import vouchers as view

MOST_IN_A_PACKAGE = 100_000
_ORDERS_AT_ONCE = 500
_OVER = {pb.VOUCHER_CLOCK_RUNNING: False, pb.VOUCHER_CLOCK_OVER: True}


class TooManyVouchers(DomainError):
    """A year does not fit into one package."""


class VoucherApi:
    def __init__(self, store: EventStore[Any], vouchers: Vouchers, packer: Packer) -> None:
        self._store = store
        self._vouchers = vouchers
        self._packer = packer

    def SetVoucherRules(self, request: pb.SetVoucherRulesRequest, call: Call) -> pb.SetVoucherRulesResponse:
        rules = [
            it.VoucherRule(enum_of(rule, "kind", it.VoucherKind), rule.years, optional_text(rule, "legal_basis", 400))
            for rule in request.rules
        ]
        return pb.SetVoucherRulesResponse(
            version=self._vouchers.set_rules(call.transaction(), request.fiscal_year_begins or 1, rules)
        )

    def GetVoucherRules(self, _: pb.GetVoucherRulesRequest, call: Call) -> pb.GetVoucherRulesResponse:
        clocks = self._clocks(call)
        return pb.GetVoucherRulesResponse(
            fiscal_year_begins=clocks.fiscal_year_begins,
            rules=[
                pb.VoucherRuleInForce(
                    kind=int(kind),  # type: ignore[arg-type]
                    years=rule.years,
                    legal_basis=rule.legal_basis,
                    floor_years=it.FLOORS[kind].years,
                    floor_source=it.FLOORS[kind].source,
                )
                for kind, rule in clocks.rules.items()
            ],
            package_key=self._packer.public_key,
        )

    def ListVouchers(self, request: pb.ListVouchersRequest, call: Call) -> pb.ListVouchersResponse:
        page, clocks = page_of(request), self._clocks(call)
        rows, total = view.vouchers(
            call.query(),
            call.caller,
            page,
            clocks,
            today(),
            _fiscal_year(request, 0),
            _kind(request),
            optional_uuid(request, "customer_id"),
            _OVER.get(request.clock),
        )
        shown = rows[: page.limit]
        last = (shown[-1]["dated_on"], shown[-1]["voucher_id"]) if shown else ()
        return pb.ListVouchersResponse(
            vouchers=[_voucher(row, clocks) for row in shown],
            next_page_token=page.next_token(rows, last),
            total_size=total,
        )

    def ExportVouchers(self, request: pb.ExportVouchersRequest, call: Call) -> pb.ExportVouchersResponse:
        year = _fiscal_year(request, 1)
        if call.caller.scope != "all":
            raise Forbidden("a year's package holds everybody's vouchers: it takes a role that sees all records")
        clocks, cursor, kind = self._clocks(call), call.query(), _kind(request)
        rows = view.of_year(cursor, clocks, year, kind, MOST_IN_A_PACKAGE)
        if len(rows) > MOST_IN_A_PACKAGE:
            raise TooManyVouchers(
                f"fiscal year {year} has more than {MOST_IN_A_PACKAGE:,} vouchers; take them out kind by kind"
            )
        package = packed(
            self._packer, clocks, year, rows, self._confirmed(call, rows), view.last_checkpoint(cursor), now()
        )
        part = f"-{it.VoucherKind(kind).name.lower()}s" if kind else ""
        return pb.ExportVouchersResponse(
            package_id=str(derived_id("pipeline", "voucher package", year, kind)),
            file_name=f"vouchers-{year}{part}.zip",
            package=package.content,
            vouchers=len(rows),
            manifest_sha256=package.manifest_sha256,
        )

    def _confirmed(self, call: Call, rows: Sequence[DictRow]) -> Iterator[tuple[str, OrderConfirmed]]:
        """Read the orders' lines from the log, some hundred orders at a time."""
        orders: list[tuple[UUID, str]] = [
            (row["record_id"], row["number"]) for row in rows if row["kind"] == it.VoucherKind.ORDER
        ]
        for begin in range(0, len(orders), _ORDERS_AT_ONCE):
            some = orders[begin : begin + _ORDERS_AT_ONCE]
            histories = read(self._store, call.query(), [order_id for order_id, _ in some])
            for order_id, number in some:
                for recorded in histories.get(order_id, []):
                    if isinstance(recorded.event, OrderConfirmed):
                        yield number, recorded.event

    def _clocks(self, call: Call) -> it.Clocks:
        history = read(self._store, call.query(), [VOUCHER_RULES]).get(VOUCHER_RULES)
        return it.clocks(history[-1].event if history else it.DEFAULT_VOUCHER_RULES)


def _fiscal_year(request: pb.ListVouchersRequest | pb.ExportVouchersRequest, least: int) -> int:
    if not least <= request.fiscal_year <= 9_000:
        raise InvalidArgument("fiscal_year", "is a year with four digits, the one in which the fiscal year begins")
    return request.fiscal_year


def _kind(request: pb.ListVouchersRequest | pb.ExportVouchersRequest) -> int:
    return int(enum_of(request, "kind", it.VoucherKind)) if request.kind else 0


def _voucher(row: DictRow, clocks: it.Clocks) -> pb.Voucher:
    kind = it.VoucherKind(row["kind"])
    free_on = clocks.free_on(kind, row["dated_on"])
    return pb.Voucher(
        voucher_id=str(row["voucher_id"]),
        kind=int(kind),  # type: ignore[arg-type]
        record_id=str(row["record_id"]),
        number=row["number"],
        customer_id=id_text(row["current_customer_id"]),
        owner_id=id_text(row["accountable"]),
        dated_on=day_text(row["dated_on"]),
        fiscal_year=clocks.fiscal_year_of(row["dated_on"]),
        amount=money_out(row["amount"], row["currency_code"]),
        ended=row["ended"],
        free_on=day_text(free_on),
        unsettled=free_on <= today() and row["owing"],
        log_position=row["log_position"],
        recorded_at=stamp(row["recorded_at"]),
    )
