"""What a leaver owns here moves in batches, everybody else is asked until nothing is left, and the sheet names it."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import UUID

import pytest
from grpc import StatusCode

from crm.customer.v1 import handover_service_pb2 as pb
from crm.customer.v1.handover_service_pb2_grpc import HandoverServiceStub
from crm.handover.v1.handover_events_pb2 import RecordsHandedOver
from customer.domain.customer import CustomerKind, register
from customer.domain.handover import KINDS
from customer.domain.profile import Profile
from customer.handovers import Handovers
from kernel.errors import AlreadyExists
from kernel.ids import new_id
from kernel.rebuild import compare
from kernel.store import Cause
from testkit import a_caller, a_token
from testkit.grpc_server import patiently

pytestmark = pytest.mark.feature("CUS-38")
LEAVER, HEIR, STRANGER = new_id(), new_id(), new_id()
OTHERS = [context for context in KINDS if context != "customer"]


def handovers(running: Any, caller: Any = None) -> HandoverServiceStub:
    token = ("authorization", f"Bearer {a_token(caller or a_caller())}")
    return HandoverServiceStub(patiently(running.channel, [token]))


def owned_by(running: Any, owner_id: UUID, number: int) -> list[UUID]:
    ids = [new_id() for _ in range(number)]
    with running.service.store.transaction(Cause.of("service:test")) as tx:
        made = [
            (id_, event) for id_ in ids for event in register(id_, CustomerKind.COMPANY, Profile(name="X"), owner_id)
        ]
        tx.append_all([(id_, 0, event, None) for id_, event in made])
    return ids


def order(running: Any, *, watch: bool = True) -> UUID:
    with running.service.store.transaction(Cause.of("service:test")) as tx:
        return Handovers().order_handover(tx, LEAVER, HEIR, [], "left", watch)


def state_of(running: Any, handover_id: UUID) -> pb.Handover:
    return handovers(running).GetHandover(pb.GetHandoverRequest(handover_id=str(handover_id))).handover


def others_answer(running: Any, handover_id: UUID, round_: int) -> None:
    for context in OTHERS:
        running.happened(
            RecordsHandedOver(handover_id=str(handover_id), context=context, round=round_, batch=1, last=True)
        )


def owners(running: Any) -> dict[UUID, int]:
    return {r["owner_id"]: r["n"] for r in running.rows("select owner_id, count(*) as n from customers group by 1")}


def test_more_than_one_batch_moves_and_the_sheet_names_every_record(running: Any) -> None:
    ids, _ = owned_by(running, LEAVER, 600), owned_by(running, STRANGER, 1)
    handover_id = order(running)
    assert running.pass_time(seconds=1) == 4, "three batches, and the end of the round"
    assert owners(running) == {HEIR: 600, STRANGER: 1}
    assert list(state_of(running, handover_id).waiting_for) == sorted(OTHERS)
    others_answer(running, handover_id, 1)
    assert state_of(running, handover_id).round == 2, "something moved, so all are asked once more"
    running.pass_time(seconds=2)
    others_answer(running, handover_id, 2)
    shown = state_of(running, handover_id)
    assert (shown.state, shown.moved, shown.left, list(shown.waiting_for)) == ("complete", 600, 0, [])

    rows: list[dict[str, str]] = []
    text, token = "", ""
    for _ in range(3):
        page = handovers(running).GetHandoverSheet(
            pb.GetHandoverSheetRequest(handover_id=str(handover_id), page_size=250, page_token=token)
        )
        text, token = text + page.csv, page.next_page_token
    assert token == ""
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {UUID(row["record_id"]) for row in rows} == set(ids)
    assert len(rows) == 600
    assert {(row["kind"], row["from_person_id"], row["to_person_id"]) for row in rows} == {
        ("customers", str(LEAVER), str(HEIR))
    }
    for view in running.service.inline:
        assert compare(running.service, view).equal, view.name
    causes = running.rows(
        "select distinct correlation_id from events where topic like '%%OwnerChanged' or topic like '%%HandoverOrdered'"
    )
    assert len(causes) == 1, "every change of owner says what caused it"


def test_what_arrives_later_is_moved_by_the_daily_look_or_at_once_when_asked(running: Any) -> None:
    handover_id = order(running)
    running.pass_time(seconds=1)
    with pytest.raises(AlreadyExists, match="running"):
        order(running)
    others_answer(running, handover_id, 1)
    assert state_of(running, handover_id).state == "complete"
    owned_by(running, LEAVER, 1)
    running.pass_time(days=1, minutes=1)
    running.pass_time(days=1, minutes=2)
    assert owners(running) == {HEIR: 1}
    others_answer(running, handover_id, 2)
    owned_by(running, LEAVER, 1)
    repeated = handovers(running).RepeatHandover(pb.RepeatHandoverRequest(handover_id=str(handover_id)))
    assert repeated.round == 3
    running.pass_time(days=1, minutes=3)
    assert owners(running) == {HEIR: 2}
    assert state_of(running, handover_id).moved == 2


def test_who_never_answers_is_asked_again_and_named(running: Any, refused: Any) -> None:
    handover_id = order(running)
    for minutes in (1, 3, 8):
        running.pass_time(minutes=minutes)
    shown = state_of(running, handover_id)
    assert (shown.state, list(shown.waiting_for)) == ("overdue", sorted(OTHERS))
    asked = running.rows("select count(*) as n from events where topic = %s", ("crm.handover.v1.HandoverAsked",))
    assert asked[0]["n"] == 4
    nobody = a_caller(permissions=("customer.customer.admin",))
    with refused(StatusCode.PERMISSION_DENIED):
        handovers(running, nobody).GetHandover(pb.GetHandoverRequest(handover_id=str(handover_id)))
