"""Views are what the log says: rebuilt equals live, and neither order nor repetition changes them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from crm.common.v1.money_pb2 import Money
from crm.customer.v1 import customer_service_pb2 as pb
from crm.marketing.v1.form_events_pb2 import FormSubmitted
from crm.marketing.v1.preference_events_pb2 import Unsubscribed
from crm.pipeline.v1.lead_events_pb2 import LeadCaptured, LeadConverted, LeadNextStepPlanned, LeadTouchedAgain
from crm.pipeline.v1.order_events_pb2 import PaymentReceived
from crm.ticketing.v1.ticket_events_pb2 import TicketOpened, TicketReopened, TicketResolved
from kernel.ids import new_id
from kernel.rebuild import compare
from kernel.store import Cause
from testkit import a_caller


def in_days(days: float) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(datetime.now(UTC) + timedelta(days=days))
    return message


def a_busy_life(running: Any, company: Any, order: Any) -> tuple[str, str]:
    """Let every kind of event happen at least once; return two customers."""
    api = running.ask()
    one = company("Alpha Ltd", tags=["a"], custom_fields={"x": "1"}, phones=["13800138000"])
    one.contacts.add(name="王小明", phones=["13900139000"])
    a = api.RegisterCustomer(one)
    b = api.RegisterCustomer(company("Beta GmbH", region_code="DE", tags=["b"])).customer_id
    a_id, wang = a.customer_id, a.contact_ids[0]
    api.ReviseCustomer(
        pb.ReviseCustomerRequest(
            customer_id=a_id,
            profile=pb.Profile(name="Alpha Holding Ltd", emails=["x@example.com"], employees=9),
            fields=["name", "emails", "employees", "phones", "custom_fields"],
        )
    )
    added = api.AddContact(pb.AddContactRequest(customer_id=a_id, contact=pb.Contact(name="Ada", is_primary=True)))
    api.GiveConsent(
        pb.GiveConsentRequest(customer_id=a_id, contact_id=wang, channel="email", purpose="marketing", source="fair")
    )
    api.RemoveContact(pb.RemoveContactRequest(customer_id=a_id, contact_id=added.contact_id))
    api.ChangeTags(pb.ChangeTagsRequest(customer_ids=[a_id], add=["c", "d"], remove=["a"]))
    logged = api.LogActivity(
        pb.LogActivityRequest(customer_id=a_id, kind=2, content="visit", next_contact_at=in_days(3))
    )
    api.MoveFollowUp(pb.MoveFollowUpRequest(follow_up_id=logged.follow_up_id, due_at=in_days(4)))
    api.AssignLevel(pb.AssignLevelRequest(customer_id=a_id, level=3, reason="x"))
    api.TransferCustomers(pb.TransferCustomersRequest(customer_ids=[a_id], to_owner_id=str(new_id())))
    api.MergeCustomers(pb.MergeCustomersRequest(survivor_id=a_id, absorbed_id=b))
    api.UnmergeCustomers(pb.UnmergeCustomersRequest(survivor_id=a_id, absorbed_id=b))
    api.MergeCustomers(pb.MergeCustomersRequest(survivor_id=a_id, absorbed_id=b))
    api.SaveCustomerGroup(pb.SaveCustomerGroupRequest(name="all"))
    api.SetLevelRules(pb.SetLevelRulesRequest(rules=[{"rule_id": "1", "name": "n", "level": 2}]))
    api.SetCarePolicy(pb.SetCarePolicyRequest(silent_after_months=2))
    rows = [{"external_ref": "1", "profile": {"name": "Imported Ltd"}, "tags": ["i"]}]
    api.ImportCustomers(pb.ImportCustomersRequest(import_id="i", rows=rows))
    api.RevertImport(pb.RevertImportRequest(import_id="i"))
    api.ImportCustomers(pb.ImportCustomersRequest(import_id="i", rows=rows))
    running.happened(order(a_id, 100_00, datetime.now(UTC).date().isoformat()))
    running.pass_time(days=100)
    return a_id, b


def test_rebuilt_views_equal_the_live_ones_row_for_row(running: Any, company: Any, order: Any) -> None:
    a_busy_life(running, company, order)
    for view in running.service.inline:
        outcome = compare(running.service, view)
        assert outcome.equal, (view.name, outcome)
        assert outcome.events > 20, view.name


def test_other_contexts_events_give_the_same_rows_in_any_order_across_streams(
    running: Any, company: Any, order: Any, cancellation: Any
) -> None:
    """Within one stream the order holds; across streams it does not."""
    a, b = str(new_id()), str(new_id())
    streams: list[list[Any]] = []
    for n in range(1, 6):
        first = order(a if n % 2 else b, n * 100, f"2026-01-0{n}", n)
        paid = PaymentReceived(
            order_id=first.order_id,
            customer_id=first.customer_id,
            amount=Money(minor_units=n, currency_code="CNY"),
        )
        streams.append([first, paid] if n < 4 else [first, cancellation(first)])
        ticket_id = str(new_id())
        streams.append(
            [
                TicketOpened(ticket_id=ticket_id, customer_id=a),
                TicketResolved(ticket_id=ticket_id, customer_id=a),
                *([TicketReopened(ticket_id=ticket_id)] if n % 2 else []),
            ]
        )
        lead_id, asked_id = str(new_id()), str(new_id())
        lead = [LeadCaptured(lead_id=lead_id), LeadNextStepPlanned(lead_id=lead_id, due_on="2030-01-01")]
        streams.append([*lead, LeadConverted(lead_id=lead_id)] if n % 2 else [*lead, LeadTouchedAgain(lead_id=lead_id)])
        streams.append(
            [TicketOpened(ticket_id=asked_id, requester_id=asked_id), TicketResolved(ticket_id=asked_id)][: n % 2 + 1]
        )
        streams.append([FormSubmitted(submission_id=str(new_id()))])
    delivered = [[running.happened(message) for message in stream] for stream in streams]
    tables = [table for view in running.service.eventual for table in view.tables]

    def rows() -> dict[str, list[str]]:
        return {t: sorted(str(r) for r in running.rows(f"select * from {t}")) for t in tables}

    live = rows()
    assert all(live.values())
    shuffled = random.Random(7)
    for _ in range(3):
        with running.service.store.connection() as connection:
            for table in tables:
                connection.execute(f"delete from {table}")
        waiting = [list(stream) for stream in delivered]
        while waiting:
            stream = shuffled.choice(waiting)
            event = stream.pop(0)
            if not stream:
                waiting.remove(stream)
            with running.service.store.transaction(Cause.of("service:test")) as tx:
                for view in running.service.eventual:
                    if event.context in view.contexts:
                        view.project(tx.cursor, [event])
        assert rows() == live


def test_unsubscribing_elsewhere_withdraws_the_consent(running: Any, company: Any) -> None:
    api = running.ask()
    request = company()
    request.contacts.add(name="王小明")
    made = api.RegisterCustomer(request)
    contact_id = made.contact_ids[0]
    for purpose in ("marketing", "service"):
        api.GiveConsent(
            pb.GiveConsentRequest(
                customer_id=made.customer_id,
                contact_id=contact_id,
                channel="email",
                purpose=purpose,
                source="form",
            )
        )
    running.happened(
        Unsubscribed(recipient_id=contact_id, customer_id=made.customer_id, contact_id=contact_id, channel=1)
    )
    left = api.GetCustomer(pb.GetCustomerRequest(customer_id=made.customer_id)).consents
    assert [(c.channel, c.purpose) for c in left] == [("email", "service")]


def test_a_backdated_run_has_silence_and_neglect_at_their_own_times(running: Any, company: Any, order: Any) -> None:
    caller = a_caller(person_id=new_id())
    metadata = {"timeline_id": "sim", "effective_at": "2024-01-10T08:00:00+00:00"}
    made = running.ask(caller, **metadata).RegisterCustomer(company())
    running.happened(order(made.customer_id, 100, "2024-01-20"), datetime(2024, 1, 20, tzinfo=UTC), timeline="sim")
    running.pass_time(seconds=5)
    assert not running.events("CustomerWentSilent")
    later = running.ask(caller, timeline_id="sim", effective_at="2024-06-01T08:00:00+00:00")
    later.ChangeTags(pb.ChangeTagsRequest(customer_ids=[made.customer_id], add=["later"]))
    running.pass_time(seconds=5)
    assert len(running.events("CustomerWentSilent")) == 1
    assert len(running.events("CustomerNeglected")) >= 1
    at = running.rows("select effective_at from events where topic = 'crm.customer.v1.CustomerWentSilent'")
    assert at[0]["effective_at"].date().isoformat() == "2024-04-20"


@pytest.mark.parametrize("permission", ["customer.customer.read", "pipeline.lead.write"])
def test_reading_is_not_writing(running: Any, company: Any, refused: Any, permission: str) -> None:
    with refused(StatusCode.PERMISSION_DENIED):
        running.ask(a_caller((permission,))).RegisterCustomer(company())
