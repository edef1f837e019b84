"""As of a moment, every question is answered as it was then: as seen at the time, and as an independent replay says."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from grpc import StatusCode

from crm.customer.v1 import customer_service_pb2 as pb
from customer.bootstrap import bootstrap
from kernel import as_of
from kernel.as_of_schemas import SLOTS
from kernel.service import Service, endpoints_of
from kernel.store import Cause
from kernel.vault import ERASED
from kernel.wire import Peers
from testkit import a_caller
from testkit.grpc_server import channel_as, serving
from testkit.past import answers, differences, questions, replay_until

SERVICE = pb.DESCRIPTOR.services_by_name["CustomerService"]


@pytest.fixture
def fresh(a_settings: Callable[..., Any]) -> Any:
    """Makes customer services over empty databases."""
    with ExitStack() as stack:

        def make() -> tuple[Service, str]:
            service = bootstrap(a_settings("customer"))
            stack.callback(service.store.close)
            return service, stack.enter_context(serving(*endpoints_of(service, Peers({}))))

        yield make


def a_life(running: Any, company: Any, seen: Callable[[], None]) -> list[str]:
    """Let things happen; `seen` is called between them. Returns ids worth asking for."""
    api = running.ask()
    first = company("Alpha Ltd", tags=["a"], phones=["13800138000"])
    first.contacts.add(name="王小明", phones=["13900139000"])
    one = api.RegisterCustomer(first)
    seen()
    two = api.RegisterCustomer(company("Beta GmbH", region_code="DE")).customer_id
    seen()
    a = one.customer_id
    api.ReviseCustomer(
        pb.ReviseCustomerRequest(customer_id=a, profile=pb.Profile(name="Alpha Holding Ltd"), fields=["name"])
    )
    api.ChangeTags(pb.ChangeTagsRequest(customer_ids=[a], add=["c"], remove=["a"]))
    seen()
    due = pb.LogActivityRequest(customer_id=a, kind=2, content="visit")
    due.next_contact_at.FromDatetime(datetime.now(UTC) + timedelta(days=3))
    api.LogActivity(due)
    api.AddContact(pb.AddContactRequest(customer_id=a, contact=pb.Contact(name="Ada", is_primary=True)))
    seen()
    api.MergeCustomers(pb.MergeCustomersRequest(survivor_id=a, absorbed_id=two))
    seen()
    api.UnmergeCustomers(pb.UnmergeCustomersRequest(survivor_id=a, absorbed_id=two))
    api.SaveCustomerGroup(pb.SaveCustomerGroupRequest(name="all"))
    seen()
    return [a, two]


def test_every_question_is_answered_as_it_was_answered_then(running: Any, company: Any) -> None:
    moments: list[datetime] = []
    a, b = a_life(running, company, lambda: moments.append(datetime.now(UTC)))
    token = a_caller()
    with serving(*endpoints_of(running.service, Peers({}))) as target, channel_as(target, token) as channel:
        asked = questions([SERVICE], [a, b], ["Alpha", "Beta", "王小"])
        now = answers(channel, asked)
        last = {"as-of": moments[-1].isoformat()}
        assert not list(differences(now, answers(channel, asked, last)))
        early = answers(channel, asked, {"as-of": moments[0].isoformat()})
        changed = {name for (name, request), answer in now.items() if early[name, request] != answer}
    assert {"ListCustomers", "GetCustomer", "SearchCustomers", "GetTimeline", "ListFollowUps"} <= {
        name.rpartition("/")[2] for name in changed
    }


def test_lists_and_pages_of_any_moment_equal_an_independent_replay(running: Any, company: Any, fresh: Any) -> None:
    began = datetime.now(UTC)
    ids = a_life(running, company, lambda: None)
    late = running.ask(effective_at=(began - timedelta(days=30)).isoformat())
    ids.append(late.RegisterCustomer(company("Late Ltd")).customer_id)
    ended = datetime.now(UTC)
    chance = random.Random(20261122)
    moments = [(began + (ended - began) * chance.random(), clock) for clock in ("recorded", "effective")]
    moments.append((began - timedelta(days=1), "effective"))
    asked = questions([SERVICE], ids, ["Alpha", "Late"])
    with serving(*endpoints_of(running.service, Peers({}))) as target, channel_as(target) as channel:
        for at, clock in moments:
            replayed, where = fresh()
            replay_until(running.service, replayed, f"{clock}_at", at)
            with channel_as(where) as there:
                expected = answers(there, asked)
            found = answers(channel, asked, {"as-of": at.isoformat(), "as-of-clock": clock})
            assert not list(differences(expected, found)), at


def test_the_effective_past_learns_what_is_recorded_later(running: Any, company: Any) -> None:
    at = datetime.now(UTC) - timedelta(days=10)
    asking = running.ask(as_of=at.isoformat(), as_of_clock="effective")
    assert asking.ListCustomers(pb.ListCustomersRequest()).customers == []
    late = running.ask(effective_at=(at - timedelta(days=1)).isoformat())
    late.RegisterCustomer(company("Late Ltd"))
    assert [card.name for card in asking.ListCustomers(pb.ListCustomersRequest()).customers] == ["Late Ltd"]
    recorded = running.ask(as_of=at.isoformat())
    assert recorded.ListCustomers(pb.ListCustomersRequest()).customers == []


def test_the_answer_says_what_of_it_is_live(running: Any, company: Any) -> None:
    customer = running.ask().RegisterCustomer(company()).customer_id
    at = datetime.now(UTC).isoformat()
    api = running.ask(as_of=at)
    _, call = api.GetCustomerCard.with_call(pb.GetCustomerCardRequest(customer_id=customer))
    told = dict(call.trailing_metadata())
    assert (told["as-of"], told["as-of-clock"]) == (at, "recorded")
    assert "order_totals" in told["as-of-live"].split(",")
    _, call = api.ListFollowUps.with_call(pb.ListFollowUpsRequest())
    assert dict(call.trailing_metadata())["as-of-live"] == ""


def test_the_past_cannot_be_changed_and_does_not_lie_ahead(running: Any, company: Any, refused: Any) -> None:
    now = datetime.now(UTC)
    with refused(StatusCode.INVALID_ARGUMENT) as refusal:
        running.ask(as_of=now.isoformat()).RegisterCustomer(company())
    assert "cannot be changed" in refusal.details
    for metadata in (
        {"as_of": (now + timedelta(hours=1)).isoformat()},
        {"as_of": "yesterday"},
        {"as_of": "2026-01-01T00:00:00"},
        {"as_of": now.isoformat(), "as_of_clock": "lunar"},
        {"as_of_clock": "recorded"},
    ):
        with refused(StatusCode.INVALID_ARGUMENT):
            running.ask(**metadata).ListCustomers(pb.ListCustomersRequest())
    assert running.rows("select from events") == []


def test_todays_rights_hold(running: Any, company: Any, refused: Any) -> None:
    """Whose customer it is no longer does not see its past; neither does he whose it was not yet."""
    before, after = a_caller(scope="own"), a_caller(scope="own")
    customer = running.ask(before).RegisterCustomer(company()).customer_id
    get = pb.GetCustomerRequest(customer_id=customer)
    at = datetime.now(UTC).isoformat()
    assert running.ask(before, as_of=at).GetCustomer(get).card.customer_id == customer
    running.ask().TransferCustomers(
        pb.TransferCustomersRequest(customer_ids=[customer], to_owner_id=str(after.person_id))
    )
    for caller in (before, after):
        with refused(StatusCode.NOT_FOUND):
            running.ask(caller, as_of=at).GetCustomer(get)
    with refused(StatusCode.PERMISSION_DENIED) as refusal:
        running.ask(after, as_of=at).ListCustomers(pb.ListCustomersRequest())
    assert "sees all records" in refusal.details
    with refused(StatusCode.PERMISSION_DENIED):
        running.ask(a_caller(["pipeline.*.read"]), as_of=at).GetCustomer(get)


def test_a_forgotten_person_is_forgotten_in_every_moment(running: Any, company: Any) -> None:
    request = company("Alpha Ltd")
    request.contacts.add(name="王小明", phones=["13900139000"])
    customer = running.ask().RegisterCustomer(request).customer_id
    at = datetime.now(UTC).isoformat()
    get = pb.GetCustomerRequest(customer_id=customer)
    past = running.ask(as_of=at)
    assert [contact.name for contact in past.GetCustomer(get).contacts] == ["王小明"]
    with running.service.store.transaction(Cause.of("service:test")) as tx:
        for row in tx.cursor.execute("select subject from subject_keys").fetchall():
            tx.forget(row["subject"])
    left = "select count(*) as n from pg_tables where schemaname like %s"
    assert running.rows(left, ["as_of_%"]) == [{"n": 0}]
    assert [contact.name for contact in past.GetCustomer(get).contacts] == [ERASED]


def test_a_bounded_number_of_moments_is_kept(running: Any, company: Any) -> None:
    running.ask().RegisterCustomer(company())
    at = datetime.now(UTC)
    for seconds in range(len(SLOTS) + 2):
        api = running.ask(as_of=(at - timedelta(seconds=seconds)).isoformat())
        assert len(api.ListCustomers(pb.ListCustomersRequest()).customers) == (seconds == 0)
    kept = running.rows("select count(*) as n, count(distinct slot) as slots from as_of_moments")
    assert kept == [{"n": len(SLOTS), "slots": len(SLOTS)}]


@pytest.mark.parametrize("limit", ["MOST_EVENTS", "LONGEST_BUILD_S"])
def test_a_past_that_is_too_long_is_refused_with_a_way_out(
    running: Any, company: Any, refused: Any, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    running.ask().RegisterCustomer(company())
    monkeypatch.setattr(as_of, limit, 0)
    with refused(StatusCode.FAILED_PRECONDITION) as refusal:
        running.ask(as_of=datetime.now(UTC).isoformat()).ListCustomers(pb.ListCustomersRequest())
    assert "one record's history" in refusal.details
    assert running.rows("select from as_of_moments") == []


def test_a_service_makes_tables_in_those_schemas_only(running: Any) -> None:
    with psycopg.connect(running.service.settings.database_url, autocommit=True) as connection:
        connection.execute("create table as_of_1.mine (x int)")
        connection.execute("drop table as_of_1.mine")
        for statement in ("create table public.mine (x int)", "create schema as_of_9", "drop schema as_of_1"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
