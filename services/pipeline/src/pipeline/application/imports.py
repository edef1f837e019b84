"""Bulk imports: up to 500 rows in one transaction, each with its own dated history; and taking them back.

A row is idempotent by its external_ref. One bad row refuses itself, not the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

from kernel.errors import DomainError, InvalidArgument
from kernel.ids import derived_id
from kernel.money import Money
from kernel.reversals import Reason, refused
from pipeline.application.leads import Leads
from pipeline.application.opportunities import Opportunities
from pipeline.application.sales import placed_order
from pipeline.application.streams import Tx, lock, settled
from pipeline.domain import catalogue as products
from pipeline.domain import lead as leads
from pipeline.domain import opportunity as deals
from pipeline.domain import order as orders
from pipeline.domain.opportunity import Opportunity, OpportunityOpened
from pipeline.domain.pipeline_definition import Pipeline
from pipeline.domain.quote import LineDraft
from pipeline.projections import board, lead_pool
from pipeline.projections import catalogue as catalogue_view
from pipeline.projections import orders as orders_view

MOST_ROWS = 500


class OnDuplicate(IntEnum):
    SKIP = 1
    OVERWRITE = 2
    MERGE = 3


class RowOutcome(IntEnum):
    CREATED = 1
    SKIPPED = 2
    OVERWRITTEN = 3
    MERGED = 4
    REFUSED = 5


@dataclass(frozen=True, slots=True)
class RowResult:
    external_ref: str
    id: UUID | None
    outcome: RowOutcome
    field: str = ""
    message: str = ""


class HistoryKind(IntEnum):
    MOVED = 1
    WON = 2
    LOST = 3
    AMOUNT_REVISED = 4
    TRANSFERRED = 5


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    at: datetime
    kind: HistoryKind
    stage: str = ""
    amount: Money | None = None
    reason: str = ""
    competitor: str = ""
    owner_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OpportunityRow:
    external_ref: str
    title: str
    pipeline_id: UUID | None
    stage: str
    amount: Money
    customer_id: UUID | None
    owner_id: UUID | None
    product_ids: tuple[UUID, ...]
    source_channel: str
    campaign_id: UUID | None
    expected_close_on: date | None
    opened_at: datetime | None
    history: tuple[HistoryEntry, ...]


@dataclass(frozen=True, slots=True)
class OrderHistoryEntry:
    at: datetime
    state: orders.OrderState
    carrier: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OrderRow:
    external_ref: str
    customer_id: UUID | None
    owner_id: UUID | None
    opportunity_id: UUID | None
    lines: tuple[LineDraft, ...]
    placed_at: datetime | None
    delivery: orders.Delivery | None
    history: tuple[OrderHistoryEntry, ...]


@dataclass(frozen=True, slots=True)
class ProductRow:
    listed: products.ProductListed
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class LeadRow:
    captured: leads.LeadCaptured
    captured_at: datetime | None
    owner_id: UUID | None


Placed = tuple[UUID, int, Any, datetime | None]
"""What append_all takes: stream, version before, event, effective time."""


_CHANGED = Reason("import_changed_since", "changed since the import")


@dataclass(frozen=True, slots=True)
class KeptThing:
    kind: str
    id: UUID
    external_ref: str
    reason: Reason


@dataclass(slots=True)
class Reverted:
    taken_back: int = 0
    remaining: int = 0
    kept: list[KeptThing] = field(default_factory=list)


class Imports:
    def __init__(self, leads_: Leads, opportunities: Opportunities) -> None:
        self._leads = leads_
        self._opportunities = opportunities

    # -- opportunities -------------------------------------------------------------

    def import_opportunities(
        self, tx: Tx, import_id: str, rows: Sequence[OpportunityRow], on_duplicate: OnDuplicate
    ) -> list[RowResult]:
        _check(import_id, rows)
        lock(tx, "import-opportunities")
        known = board.known_refs(tx.cursor, [row.external_ref for row in rows])
        again = [r["opportunity_id"] for r in known.values() if r["import_id"] != import_id]
        histories = tx.histories(again) if on_duplicate != OnDuplicate.SKIP and again else {}
        pipelines: dict[UUID | None, Pipeline] = {}
        placed: list[Placed] = []
        results: list[RowResult] = []
        seen: set[str] = set()
        for row in rows:
            try:
                _require_ref(row.external_ref, seen)
                there = known.get(row.external_ref)
                if there is None:
                    if row.pipeline_id not in pipelines:
                        pipelines[row.pipeline_id] = self._opportunities.pipeline(tx, row.pipeline_id)
                    events = _opportunity(row, import_id, pipelines[row.pipeline_id])
                    id_ = events[0][1].opportunity_id
                    placed += [(id_, 0, event, at) for at, event in events]
                    results.append(RowResult(row.external_ref, id_, RowOutcome.CREATED))
                    continue
                id_ = there["opportunity_id"]
                if there["import_id"] == import_id or on_duplicate == OnDuplicate.SKIP:
                    results.append(RowResult(row.external_ref, id_, RowOutcome.SKIPPED))
                    continue
                changes = _changes(histories[id_], row, on_duplicate)
                placed += [(id_, len(histories[id_]), event, None) for event in changes]
                results.append(_settled_result(row.external_ref, id_, on_duplicate, bool(changes)))
            except DomainError as refusal:
                results.append(_refused(row.external_ref, refusal))
        tx.append_all(placed)
        return results

    # -- orders --------------------------------------------------------------------

    def import_orders(
        self, tx: Tx, import_id: str, rows: Sequence[OrderRow], on_duplicate: OnDuplicate
    ) -> list[RowResult]:
        _check(import_id, rows)
        lock(tx, "import-orders")
        known = orders_view.known_refs(tx.cursor, [row.external_ref for row in rows])
        again = [r["order_id"] for r in known.values() if r["import_id"] != import_id]
        histories = tx.histories(again) if on_duplicate != OnDuplicate.SKIP and again else {}
        named = {line.product_id for row in rows for line in row.lines if line.product_id is not None}
        names = {k: v["name"] for k, v in catalogue_view.by_ids(tx.cursor, named).items()}
        costs = catalogue_view.costs(tx.cursor, named)
        placed: list[Placed] = []
        results: list[RowResult] = []
        seen: set[str] = set()
        for row in rows:
            try:
                _require_ref(row.external_ref, seen)
                there = known.get(row.external_ref)
                if there is None:
                    events = _order(row, import_id, names, costs, tx.effective_at)
                    id_ = events[0][1].order_id
                    placed += [(id_, 0, event, at) for at, event in events]
                    results.append(RowResult(row.external_ref, id_, RowOutcome.CREATED))
                    continue
                id_ = there["order_id"]
                if there["import_id"] == import_id or on_duplicate == OnDuplicate.SKIP:
                    results.append(RowResult(row.external_ref, id_, RowOutcome.SKIPPED))
                    continue
                order: orders.Order | None = None
                for event in histories[id_]:
                    order = orders.evolve(order, event)
                assert order is not None
                since = _order_history(order, row.history, forgiving=True)
                placed += [(id_, len(histories[id_]), event, at) for at, event in since]
                results.append(_settled_result(row.external_ref, id_, on_duplicate, bool(since)))
            except DomainError as refusal:
                results.append(_refused(row.external_ref, refusal))
        tx.append_all(placed)
        return results

    # -- products ------------------------------------------------------------------

    def import_products(
        self, tx: Tx, import_id: str, rows: Sequence[ProductRow], on_duplicate: OnDuplicate
    ) -> list[RowResult]:
        _check(import_id, rows)
        lock(tx, "catalogue")
        by_ref = catalogue_view.by_ref(tx.cursor, [row.listed.external_ref for row in rows])
        by_sku = catalogue_view.by_sku(tx.cursor, [row.listed.sku for row in rows])
        placed: list[Placed] = []
        results: list[RowResult] = []
        seen: set[str] = set()
        for row in rows:
            listed = row.listed
            try:
                _require_ref(listed.external_ref, seen)
                there = by_ref.get(listed.external_ref) or by_sku.get(listed.sku)
                if there is None:
                    events: list[Any] = [*products.list_product(listed)]
                    if row.withdrawn:
                        events.append(products.ProductWithdrawn(listed.product_id, "withdrawn at import"))
                    placed += [(listed.product_id, 0, event, None) for event in events]
                    results.append(RowResult(listed.external_ref, listed.product_id, RowOutcome.CREATED))
                    continue
                id_ = there["product_id"]
                if there["import_id"] == import_id or on_duplicate == OnDuplicate.SKIP:
                    results.append(RowResult(listed.external_ref, id_, RowOutcome.SKIPPED))
                    continue
                loaded = tx.load(id_, products.evolve_product)
                assert loaded.state is not None
                changes = loaded.state.revise(_revised(loaded.state, listed, on_duplicate))
                placed += [(id_, loaded.version, event, None) for event in changes]
                results.append(_settled_result(listed.external_ref, id_, on_duplicate, bool(changes)))
            except DomainError as refusal:
                results.append(_refused(listed.external_ref, refusal))
        tx.append_all(placed)
        return results

    # -- leads ---------------------------------------------------------------------

    def import_leads(
        self, tx: Tx, import_id: str, rows: Sequence[LeadRow], on_duplicate: OnDuplicate
    ) -> list[RowResult]:
        """Rows are captured like any lead: scored, assigned; the person of an open lead gets a touch."""
        _check(import_id, rows)
        in_force = self._leads.in_force(tx)
        known = lead_pool.known_refs(tx.cursor, [row.captured.external_ref for row in rows])
        results: list[RowResult] = []
        seen: set[str] = set()
        for row in rows:
            ref = row.captured.external_ref
            try:
                _require_ref(ref, seen)
                if ref in known:
                    results.append(self._lead_again(tx, row.captured, known[ref], on_duplicate))
                    continue
                captured = self._leads.capture_lead(
                    tx, row.captured, row.owner_id, at=row.captured_at, in_force=in_force
                )
                outcome = RowOutcome.MERGED if captured.duplicate else RowOutcome.CREATED
                results.append(RowResult(ref, captured.lead.id, outcome, "", captured.reason))
            except DomainError as refusal:
                results.append(_refused(ref, refusal))
        return results

    def _lead_again(
        self, tx: Tx, said: leads.LeadCaptured, there: Mapping[str, Any], on_duplicate: OnDuplicate
    ) -> RowResult:
        """A known external_ref: source and first touch stay; details are put right, or filled in."""
        lead_id: UUID = there["lead_id"]
        if there["import_id"] == said.import_id or on_duplicate == OnDuplicate.SKIP:
            return RowResult(said.external_ref, lead_id, RowOutcome.SKIPPED)
        given = {name: getattr(said, name) for name in leads.DETAILS if getattr(said, name)}
        changed = self._leads.put_right(tx, lead_id, given, on_duplicate == OnDuplicate.OVERWRITE)
        return _settled_result(said.external_ref, lead_id, on_duplicate, changed)

    # -- taking back -----------------------------------------------------------------

    def revert_import(self, tx: Tx, import_id: str, limit: int, preview: bool = False) -> Reverted:
        """Take back what nobody touched since, or only look; name what stays and why."""
        if not import_id:
            raise InvalidArgument("import_id", "is required")
        rows = tx.cursor.execute(
            "select 'opportunity' as kind, opportunity_id as id, external_ref from opportunities"
            " where import_id = %(id)s and state <> 4"
            " union all select 'order', order_id, external_ref from orders"
            " where import_id = %(id)s and state <> 6"
            " union all select 'lead', lead_id, external_ref from leads"
            " where import_id = %(id)s and state <> 4"
            " union all select 'product', product_id, external_ref from products"
            " where import_id = %(id)s and not withdrawn order by kind, id",
            {"id": import_id},
        ).fetchall()
        touched = {
            row["originator_id"]
            for row in tx.cursor.execute(
                "select originator_id from events where originator_id = any(%s)"
                " group by originator_id having count(distinct correlation_id) > 1",
                ([row["id"] for row in rows],),
            ).fetchall()
        }
        result = Reverted()
        free = [row for row in rows if row["id"] not in touched]
        histories = tx.histories([row["id"] for row in free[:limit]])
        placed: list[Placed] = []
        for row in free[:limit]:
            try:
                events = _compensation(row["kind"], histories[row["id"]], import_id)
            except DomainError as refusal:
                result.kept.append(KeptThing(row["kind"], row["id"], row["external_ref"], refused(refusal)))
                continue
            version = len(histories[row["id"]])
            placed += [(row["id"], version, event, None) for event in events]
            result.taken_back += 1
        if not preview:
            for stream, *_ in placed:
                tx.cancel_timer(f"stuck:{stream}")
            tx.append_all(placed)
        result.remaining = max(0, len(free) - limit)
        result.kept += [
            KeptThing(row["kind"], row["id"], row["external_ref"], _CHANGED) for row in rows if row["id"] in touched
        ][:MOST_ROWS]
        return result


# -- one row -----------------------------------------------------------------------


def _opportunity(row: OpportunityRow, import_id: str, pipeline: Pipeline) -> list[tuple[datetime | None, Any]]:
    """Return the dated events of a deal; refuse a history that could not have happened."""
    stage = pipeline.stage_called(row.stage) if row.stage else pipeline.first
    opened = OpportunityOpened(
        derived_id("imported opportunity", import_id, row.external_ref),
        row.customer_id,
        pipeline.id,
        stage.stage_id,
        row.title or row.external_ref,
        row.amount,
        stage.probability,
        row.owner_id,
        None,
        row.source_channel,
        row.campaign_id,
        row.expected_close_on,
        row.product_ids,
        row.external_ref,
        (),
        import_id,
    )
    dated: list[tuple[datetime | None, Any]] = [
        (row.opened_at, event) for event in deals.open_opportunity(opened, stage)
    ]
    deal = deals.evolve(None, opened)
    before = row.opened_at
    for i, entry in enumerate(row.history):
        if before is not None and entry.at < before:
            raise InvalidArgument(f"history[{i}].at", "is before what happened earlier")
        before = entry.at
        for event in _entry(deal, entry, pipeline, f"history[{i}]"):
            deal = deals.evolve(deal, event)
            dated.append((entry.at, event))
    return dated


def _entry(deal: Opportunity, entry: HistoryEntry, pipeline: Pipeline, where: str) -> Sequence[deals.Event]:
    reason = entry.reason or "imported"
    match entry.kind:
        case HistoryKind.MOVED:
            stage = pipeline.stage_called(entry.stage, f"{where}.stage")
            return deal.move_to(stage, pipeline, reason)
        case HistoryKind.WON:
            return deal.win(pipeline, reason, entry.competitor, entry.amount)
        case HistoryKind.LOST:
            return deal.lose(pipeline, reason, entry.competitor or "unknown")
        case HistoryKind.AMOUNT_REVISED:
            if entry.amount is None:
                raise InvalidArgument(f"{where}.amount", "is required")
            return deal.revise_amount(entry.amount)
        case HistoryKind.TRANSFERRED:
            if entry.owner_id is None:
                raise InvalidArgument(f"{where}.owner_id", "is required")
            return deal.transfer(entry.owner_id, reason)


def _changes(history: Sequence[Any], row: OpportunityRow, on_duplicate: OnDuplicate) -> list[Any]:
    """What the row says otherwise than the deal: all of it, or only what the deal leaves empty."""
    deal: Opportunity | None = None
    for event in history:
        deal = deals.evolve(deal, event)
    assert deal is not None
    wins = on_duplicate == OnDuplicate.OVERWRITE
    asks: list[Callable[[Opportunity], Sequence[Any]]] = []
    customer_id, owner_id, close_on = row.customer_id, row.owner_id, row.expected_close_on
    if row.title and wins:
        asks.append(lambda it: it.retitle(row.title))
    if row.amount.minor_units and (wins or not deal.amount.minor_units):
        asks.append(lambda it: it.revise_amount(row.amount))
    if close_on is not None and (wins or deal.expected_close_on is None):
        asks.append(lambda it: it.move_expected_close(close_on))
    if customer_id is not None and (wins or deal.customer_id is None):
        asks.append(lambda it: it.name_customer(customer_id))
    if row.product_ids and (wins or not deal.product_ids):
        asks.append(lambda it: it.choose_products(row.product_ids))
    if owner_id is not None and (wins or deal.owner_id is None):
        asks.append(lambda it: it.transfer(owner_id, "imported"))
    return settled(deal, deals.evolve, asks)


def _order(
    row: OrderRow,
    import_id: str,
    names: Mapping[UUID, str],
    costs: Mapping[UUID, Sequence[products.ProductCostSet]],
    now: datetime,
) -> list[tuple[datetime | None, Any]]:
    if row.customer_id is None:
        raise InvalidArgument("customer_id", "say who ordered")
    lines = tuple(
        replace(line, product_name=line.product_name or names.get(line.product_id, ""))
        if line.product_id is not None
        else line
        for line in row.lines
    )
    placed = placed_order(
        derived_id("imported order", import_id, row.external_ref),
        row.external_ref,
        lines,
        (row.placed_at or now).astimezone(UTC).date(),
        customer_id=row.customer_id,
        owner_id=row.owner_id,
        opportunity_id=row.opportunity_id,
        external_ref=row.external_ref,
        delivery=row.delivery,
        import_id=import_id,
    )
    currency = placed.net_total.currency_code
    known = {id_: products.cost_of(said, placed.placed_on, currency) for id_, said in costs.items()}
    events = orders.place(placed, {id_: cost for id_, cost in known.items() if cost is not None})
    dated: list[tuple[datetime | None, Any]] = [(row.placed_at, event) for event in events]
    return dated + _order_history(orders.evolve(None, placed), row.history, row.placed_at)


def _order_history(
    order: orders.Order,
    history: Sequence[OrderHistoryEntry],
    before: datetime | None = None,
    forgiving: bool = False,
) -> list[tuple[datetime | None, Any]]:
    """Return what happened to the order, dated. `forgiving` leaves out what it went through already."""
    dated: list[tuple[datetime | None, Any]] = []
    for i, entry in enumerate(history):
        if forgiving and entry.state <= order.state:
            continue
        if before is not None and entry.at < before:
            raise InvalidArgument(f"history[{i}].at", "is before what happened earlier")
        before = entry.at
        on = entry.at.astimezone(UTC).date()
        asks: list[Callable[[orders.Order], Sequence[Any]]]
        match entry.state:
            case orders.OrderState.CONFIRMED:
                asks = [lambda it: it.confirm()]
            case orders.OrderState.SHIPPED:
                asks = [
                    _confirmed_first,
                    lambda it, on=on, entry=entry: it.ship(on, entry.carrier, ""),  # type: ignore[misc]
                ]
            case orders.OrderState.DELIVERED:
                asks = [lambda it, on=on: it.deliver(on)]  # type: ignore[misc]
            case orders.OrderState.CANCELLED:
                asks = [lambda it, entry=entry: it.cancel(entry.reason or "imported")]  # type: ignore[misc]
            case _:
                raise InvalidArgument(f"history[{i}].state", "must be confirmed, shipped, delivered or cancelled")
        for event in settled(order, orders.evolve, asks):
            order = orders.evolve(order, event)
            dated.append((entry.at, event))
    return dated


def _confirmed_first(order: orders.Order) -> Sequence[Any]:
    return order.confirm() if order.state == orders.OrderState.PLACED else []


def _revised(
    product: products.Product, listed: products.ProductListed, on_duplicate: OnDuplicate
) -> products.ProductRevised:
    wins = on_duplicate == OnDuplicate.OVERWRITE
    return products.ProductRevised(
        product.id,
        listed.name if wins or not product.name else product.name,
        listed.category if listed.category and (wins or not product.category) else product.category,
        listed.list_price if wins or not product.list_price.minor_units else product.list_price,
        listed.unit if wins or not product.unit else product.unit,
        listed.tax_basis_points if wins or not product.tax_basis_points else product.tax_basis_points,
    )


def _compensation(kind: str, history: Sequence[Any], import_id: str) -> Sequence[Any]:
    if kind == "opportunity":
        deal: Opportunity | None = None
        for event in history:
            deal = deals.evolve(deal, event)
        assert deal is not None
        return deal.take_back(import_id)
    if kind == "order":
        order: orders.Order | None = None
        for event in history:
            order = orders.evolve(order, event)
        assert order is not None
        return order.cancel("import reverted", import_id)
    if kind == "lead":
        lead: leads.Lead | None = None
        for event in history:
            lead = leads.evolve(lead, event)
        assert lead is not None
        return lead.take_back(import_id)
    product: products.Product | None = None
    for event in history:
        product = products.evolve_product(product, event)
    assert product is not None
    return product.withdraw("import reverted")


def _check(import_id: str, rows: Sequence[Any]) -> None:
    if not import_id:
        raise InvalidArgument("import_id", "is required")
    if len(rows) > MOST_ROWS:
        raise InvalidArgument("rows", f"at most {MOST_ROWS} fit in one call, not {len(rows)}")


def _require_ref(external_ref: str, seen: set[str]) -> None:
    if not external_ref:
        raise InvalidArgument("external_ref", "is required")
    if external_ref in seen:
        raise InvalidArgument("external_ref", "occurs twice in this call")
    seen.add(external_ref)


def _refused(external_ref: str, refusal: DomainError) -> RowResult:
    if isinstance(refusal, InvalidArgument):
        return RowResult(external_ref, None, RowOutcome.REFUSED, refusal.field, refusal.reason)
    return RowResult(external_ref, None, RowOutcome.REFUSED, "", str(refusal))


def _settled_result(external_ref: str, id_: UUID, on_duplicate: OnDuplicate, changed: bool) -> RowResult:
    if not changed:
        return RowResult(external_ref, id_, RowOutcome.SKIPPED)
    wins = on_duplicate == OnDuplicate.OVERWRITE
    return RowResult(external_ref, id_, RowOutcome.OVERWRITTEN if wins else RowOutcome.MERGED)
