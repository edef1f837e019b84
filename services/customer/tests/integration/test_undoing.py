"""One person's day, or all that one request led to, is previewed and taken back; the log only grows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from grpc import StatusCode

from crm.audit.v1 import undo_service_pb2 as undo
from crm.audit.v1.undo_service_pb2_grpc import UndoServiceStub
from crm.customer.v1 import customer_service_pb2 as pb
from kernel.auth import Caller
from kernel.ids import new_id
from testkit import a_caller, a_token
from testkit.grpc_server import patiently


def undoing(running: Any, caller: Caller | None = None, request_id: str = "") -> UndoServiceStub:
    metadata = [("authorization", f"Bearer {a_token(caller or a_caller())}")]
    return UndoServiceStub(
        patiently(running.channel, [*metadata, *([("request-id", request_id)] if request_id else [])])
    )


def day_of(caller: Caller) -> dict[str, Any]:
    """His day; it begins at another hour than UTC's, and holds now whatever the hour."""
    now = datetime.now(UTC)
    zone = "Etc/GMT-6" if now.hour < 12 else "Etc/GMT+6"
    day = (now + timedelta(hours=6 if now.hour < 12 else -6)).date()
    return {"context": "customer", "actor": str(caller.person_id), "day": day.isoformat(), "time_zone": zone}


def events_of(running: Any) -> list[tuple[int, str]]:
    rows = running.rows("select notification_id as n, md5(events::text) as hash from events order by 1")
    return [(row["n"], row["hash"]) for row in rows]


def a_day(running: Any, company: Any) -> tuple[Caller, str, str, str]:
    """He revised and tagged a customer, gave it a contact, planned a call, and entered another customer."""
    him, api = a_caller(), running.ask()
    customer = api.RegisterCustomer(company("Alpha Ltd", website="a.example.com", region_code="31")).customer_id
    his = running.ask(him)
    his.ReviseCustomer(
        pb.ReviseCustomerRequest(
            customer_id=customer,
            profile=pb.Profile(website="b.example.com", region_code="11", remark="old friend"),
            fields=["website", "region_code", "remark"],
        )
    )
    his.ChangeTags(pb.ChangeTagsRequest(customer_ids=[customer], add=["vip"]))
    his.AddContact(pb.AddContactRequest(customer_id=customer, contact=pb.Contact(name="Ada", phones=["13900139000"])))
    due = pb.PlanFollowUpRequest(customer_id=customer, subject="call")
    due.due_at.FromDatetime(datetime.now(UTC) + timedelta(days=3))
    follow_up = his.PlanFollowUp(due).follow_up_id
    mistake = his.RegisterCustomer(company("Beta Ltd")).customer_id
    api.ReviseCustomer(
        pb.ReviseCustomerRequest(customer_id=customer, profile=pb.Profile(website="c.example.com"), fields=["website"])
    )
    return him, customer, follow_up, mistake


def test_his_day_is_taken_back_but_for_what_others_changed_since(running: Any, company: Any, refused: Any) -> None:
    him, customer, follow_up, mistake = a_day(running, company)
    before, cause = events_of(running), day_of(him)
    preview = undoing(running).PreviewUndo(undo.PreviewUndoRequest(**cause))
    assert events_of(running) == before
    assert {record.record_id for record in preview.records} == {customer, follow_up, mistake}
    stays = [(kept.field, kept.reason) for r in preview.records for change in r.changes for kept in change.kept]
    assert [field for field, _ in stays] == ["website"]
    assert "changed since by person:" in stays[0][1]

    request = undo.UndoRequest(**cause, fingerprint=preview.fingerprint)
    done = undoing(running, request_id="once").Undo(request)
    assert done.records == preview.records
    got = running.ask().GetCustomer(pb.GetCustomerRequest(customer_id=customer))
    assert (got.profile.website, got.profile.region_code, got.profile.remark) == ("c.example.com", "31", "")
    assert (list(got.card.tags), list(got.contacts)) == ([], [])
    assert running.ask().GetCustomer(pb.GetCustomerRequest(customer_id=mistake)).card.status == 5
    after = events_of(running)
    assert after[: len(before)] == before
    assert len(after) - len(before) >= done.recorded > 0
    (names,) = running.rows(
        "select count(*) as n, count(distinct correlation_id) as runs from events"
        " where notification_id > %s and causation_id = %s and actor <> %s",
        (before[-1][0], done.undo_id, him.actor),
    )
    assert (names["n"], names["runs"]) == (len(after) - len(before), 1)

    with refused(StatusCode.ABORTED):
        undoing(running).Undo(request)
    again = undoing(running).PreviewUndo(undo.PreviewUndoRequest(**cause))
    assert sum(record.compensating_events for record in again.records) == 0
    repeated = undo.UndoRequest(**cause, fingerprint=again.fingerprint)
    assert undoing(running).Undo(repeated).recorded == 0
    assert events_of(running) == after

    redo = {"context": "customer", "correlation_id": done.correlation_id}
    preview = undoing(running).PreviewUndo(undo.PreviewUndoRequest(**redo))
    undoing(running).Undo(undo.UndoRequest(**redo, fingerprint=preview.fingerprint))
    got = running.ask().GetCustomer(pb.GetCustomerRequest(customer_id=customer))
    assert (got.profile.website, got.profile.region_code, got.profile.remark) == ("c.example.com", "11", "old friend")
    assert (list(got.card.tags), [contact.name for contact in got.contacts]) == (["vip"], ["Ada"])


def test_a_run_is_taken_back_page_by_page_and_only_as_previewed(running: Any, company: Any, refused: Any) -> None:
    api, run = running.ask(), str(new_id())
    ids = [api.RegisterCustomer(company(name)).customer_id for name in ("Alder Ltd", "Birch Ltd", "Cedar Ltd")]
    for id_ in ids:
        running.ask(correlation_id=run).ChangeTags(pb.ChangeTagsRequest(customer_ids=[id_], add=["wrong"]))
    cause = {"context": "customer", "correlation_id": run, "page_size": 2}
    first = undoing(running).PreviewUndo(undo.PreviewUndoRequest(**cause))
    second = undoing(running).PreviewUndo(undo.PreviewUndoRequest(**cause, page_token=first.next_page_token))
    assert [r.record_id for r in (*first.records, *second.records)] == sorted(ids)
    assert (second.next_page_token, len(second.records)) == ("", 1)

    api.ChangeTags(pb.ChangeTagsRequest(customer_ids=[second.records[0].record_id], add=["other"]))
    undoing(running).Undo(undo.UndoRequest(**cause, fingerprint=first.fingerprint))
    with refused(StatusCode.ABORTED):
        undoing(running).Undo(
            undo.UndoRequest(**cause, page_token=first.next_page_token, fingerprint=second.fingerprint)
        )
    tags = {
        id_: list(api.GetCustomer(pb.GetCustomerRequest(customer_id=id_)).card.tags)
        for id_ in (r.record_id for r in (*first.records, *second.records))
    }
    assert list(tags.values()) == [[], [], ["other", "wrong"]]


def test_an_undo_is_for_one_cause_and_for_who_sees_all(running: Any, refused: Any) -> None:
    cause = {"context": "customer", "correlation_id": str(new_id())}
    for caller in (a_caller(scope="own"), a_caller(("customer.*.*",))):
        with refused(StatusCode.PERMISSION_DENIED):
            undoing(running, caller).PreviewUndo(undo.PreviewUndoRequest(**cause))
    wrong = (
        {},
        {"correlation_id": str(new_id()), "of_request_id": "r"},
        {"actor": str(new_id())},
        {"day": "2026-01-31"},
        {"actor": "person:1", "day": "2026-01-31", "time_zone": "Mars/Olympus"},
        {"correlation_id": str(new_id()), "page_token": "WyJ4Il0"},
    )
    for fields in wrong:
        with refused(StatusCode.INVALID_ARGUMENT):
            undoing(running).PreviewUndo(undo.PreviewUndoRequest(context="customer", **fields))
    assert not undoing(running).PreviewUndo(undo.PreviewUndoRequest(**cause)).records


def test_a_group_goes_again_and_what_cannot_be_taken_back_says_why(running: Any, company: Any) -> None:
    him = a_caller()
    customer = running.ask().RegisterCustomer(company("Alpha Ltd")).customer_id
    due = pb.PlanFollowUpRequest(customer_id=customer, subject="call")
    due.due_at.FromDatetime(datetime.now(UTC) + timedelta(days=3))
    planned = running.ask().PlanFollowUp(due).follow_up_id
    running.ask(him).CancelFollowUp(pb.CancelFollowUpRequest(follow_up_id=planned, reason="by mistake"))
    running.ask(him).SaveCustomerGroup(pb.SaveCustomerGroupRequest(name="Mine"))
    cause = day_of(him)
    preview = undoing(running).PreviewUndo(undo.PreviewUndoRequest(**cause))
    told = {
        record.kind: (change.event, change.verdict, [(kept.field, kept.reason) for kept in change.kept])
        for record in preview.records
        for change in record.changes
    }
    reason = "what was called off is planned anew"
    assert told == {
        "follow-up": ("FollowUpCancelled", undo.UNDO_VERDICT_KEPT, [("state", reason)]),
        "group": ("CustomerGroupSaved", undo.UNDO_VERDICT_TAKEN_BACK, []),
    }
    done = undoing(running).Undo(undo.UndoRequest(**cause, fingerprint=preview.fingerprint))
    assert done.recorded == 1
    assert not running.ask(him).ListCustomerGroups(pb.ListCustomerGroupsRequest()).groups
