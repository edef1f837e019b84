"""The audit trail: who did what, when, before and after, from which request; searched and exported."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from analytics.projections import audit_trail
from analytics.projections.audit_trail import SEALED, Wanted
from crm.customer.v1 import customer_events_pb2 as customer
from crm.notification.v1 import message_events_pb2 as notice
from crm.pipeline.v1 import order_events_pb2 as order
from crm.pipeline.v1 import product_events_pb2 as product
from kernel.errors import InvalidArgument, NotFound
from kernel.ids import derived_id
from testkit import a_caller

START = datetime(2026, 5, 1, tzinfo=UTC)
ANNA, BERND = (str(derived_id("audit", name)) for name in ("anna", "bernd"))
WHO = str(derived_id("audit", "customer"))


@pytest.fixture
def trail(folding: Any, happenings: Any) -> Any:
    """A customer registered by Anna, entered late, with a contact; a deal; a message by a service."""
    happenings.add(
        customer.CustomerRegistered(customer_id=WHO, industry_code="C26", owner_id=ANNA, person_name="=sealed name"),
        START - timedelta(days=30),
        recorded_at=START,
        actor=f"person:{ANNA}",
        request_id="import 7/row 3",
    )
    revised = customer.CustomerRevised(customer_id=WHO)
    revised.changes.industry_code = "C34"
    happenings.add(revised, START + timedelta(hours=1), actor=f"person:{BERND}")
    happenings.opportunity("audited", START + timedelta(hours=2), won=START + timedelta(hours=3))
    happenings.add(notice.MessageQueued(message_id=WHO), START + timedelta(hours=4))
    folding.feed(happenings.events)
    return folding


def found(trail: Any, wanted: Wanted = Wanted(), limit: int = 100, after: Any = (), **given: Any) -> Any:
    return trail.ask(lambda cursor, caller, _: audit_trail.search(cursor, wanted, caller, limit, after), **given)


def types(events: Any) -> list[str]:
    return [event.short_type for event in events]


def test_events_of_all_contexts_are_found_newest_first(trail: Any) -> None:
    events = found(trail)
    assert types(events) == [
        "MessageQueued",
        "OpportunityWon",
        "OpportunityOpened",
        "CustomerRevised",
        "CustomerRegistered",
    ]
    registered = events[-1]
    assert registered.actor == f"person:{ANNA}"
    assert registered.request_id == "import 7/row 3"
    assert registered.recorded_at == START
    assert registered.effective_at == START - timedelta(days=30)
    assert "sealed name" not in registered.data_json
    assert SEALED in registered.data_json


def test_search_by_actor_time_type_request_context_and_record(trail: Any, happenings: Any) -> None:
    assert types(found(trail, Wanted(actor=f"person:{BERND}"))) == ["CustomerRevised"]
    assert types(found(trail, Wanted(actor=BERND))) == ["CustomerRevised"]
    assert len(found(trail, Wanted(actor="service:test"))) == 3
    assert types(found(trail, Wanted(event_type="OpportunityWon"))) == ["OpportunityWon"]
    full = "crm.pipeline.v1.OpportunityWon"
    assert types(found(trail, Wanted(event_type=full))) == ["OpportunityWon"]
    assert found(trail, Wanted(event_type="Nothing")) == []
    assert types(found(trail, Wanted(request_id="import 7/row 3"))) == ["CustomerRegistered"]
    by_id = happenings.events[1].metadata
    assert types(found(trail, Wanted(request_id=by_id.request_id))) == ["CustomerRevised"]
    assert types(found(trail, Wanted(correlation_id=by_id.correlation_id))) == ["CustomerRevised"]
    assert types(found(trail, Wanted(context="notification"))) == ["MessageQueued"]
    assert len(found(trail, Wanted(record_id=UUID(WHO)))) == 3
    later = Wanted(from_at=START + timedelta(hours=1), to_at=START + timedelta(hours=2))
    assert types(found(trail, later)) == ["CustomerRevised"]
    with pytest.raises(InvalidArgument, match="context"):
        found(trail, Wanted(context="sales"))


def test_pages_join_without_gap_or_repeat(trail: Any) -> None:
    pages = []
    after: Any = ()
    for _ in range(5):
        (event,) = found(trail, limit=1, after=after)
        pages.append(event)
        after = audit_trail.key_of(event)
    assert types(pages) == types(found(trail))
    assert found(trail, limit=1, after=after) == []


def test_who_does_not_see_everything_sees_what_people_in_scope_did(trail: Any) -> None:
    own = a_caller(scope="own", person_id=UUID(ANNA))
    assert types(found(trail, caller=own)) == ["CustomerRegistered"]
    team = a_caller(scope="team", person_id=UUID(ANNA), owners=[UUID(BERND)])
    assert types(found(trail, caller=team)) == ["CustomerRevised", "CustomerRegistered"]


def test_what_says_costs_is_shown_only_to_who_may_see_them(trail: Any, happenings: Any) -> None:
    cost = product.ProductCostSet(product_id=str(derived_id("audit", "product")), valid_from="2026-05-01")
    order_id = str(derived_id("audit", "order"))
    happenings.add(cost, START + timedelta(hours=5))
    happenings.add(order.OrderPlaced(order_id=order_id), START + timedelta(hours=6))
    happenings.add(order.OrderCosted(order_id=order_id, cost_exact="1"), START + timedelta(hours=6))
    trail.feed(happenings.events)
    assert types(found(trail))[:3] == ["OrderCosted", "OrderPlaced", "ProductCostSet"]
    rep = a_caller(permissions=("analytics.*.read", "pipeline.order.read"))
    assert types(found(trail, caller=rep))[:2] == ["OrderPlaced", "MessageQueued"]

    def history(caller: Any = None) -> list[str]:
        shown = trail.ask(lambda cursor, who, _: audit_trail.history(cursor, UUID(order_id), who), caller=caller)
        return types(event for event, _ in shown)

    assert history() == ["OrderPlaced", "OrderCosted"]
    assert history(rep) == ["OrderPlaced"]


def test_history_of_a_record_before_and_after(trail: Any) -> None:
    history = trail.ask(lambda cursor, caller, _: audit_trail.history(cursor, UUID(WHO), caller))
    (registered, first), (revised, second), _ = history
    assert (registered.version, revised.version) == (1, 2)
    (industry,) = second
    assert (industry.field, industry.before, industry.after) == ("industry_code", "C26", "C34")
    (name,) = [change for change in first if change.personal]
    assert (name.field, name.before, name.after) == ("person_name", "", SEALED)


def test_history_is_kept_within_the_callers_scope_and_as_of_then(trail: Any) -> None:
    def history(caller: Any, as_of: Any = None) -> Any:
        with trail.connection.cursor() as cursor:
            return audit_trail.history(cursor, UUID(WHO), caller, as_of)

    assert len(history(a_caller(scope="own", person_id=UUID(ANNA)))) == 3
    with pytest.raises(NotFound):
        history(a_caller(scope="own", person_id=UUID(BERND)))
    assert len(history(a_caller(), START + timedelta(minutes=1))) == 1


def test_export_is_csv_that_a_spreadsheet_does_not_run(trail: Any) -> None:
    text = audit_trail.csv_lines(found(trail), header=True)
    rows = list(csv.reader(io.StringIO(text)))
    assert tuple(rows[0]) == audit_trail.COLUMNS
    assert len(rows) == 6
    assert "sealed name" not in text
    record = dict(zip(rows[0], rows[-1], strict=True))
    assert record["request_id"] == "import 7/row 3"
    assert all(cell[:1] not in ("=", "+", "@") for row in rows for cell in row)
    assert audit_trail.csv_lines(found(trail), header=False).count("\r\n") == 5


def test_an_event_costs_little_room(trail: Any, happenings: Any) -> None:
    for n in range(2000):
        happenings.opportunity(f"many {n}", START)
    trail.feed(happenings.events)
    row = trail.connection.execute(
        "select pg_total_relation_size('audit_events') as bytes, count(*) as events from audit_events"
    ).fetchone()
    assert row["bytes"] / row["events"] < 900
