"""Who could see a record: at every moment what the rights of that moment, folded one person at a time, say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from crm.identity.v1 import access_service_pb2 as access
from crm.identity.v1 import identity_service_pb2 as pb
from crm.identity.v1 import role_events_pb2
from identity.past import Past
from kernel.auth import Caller

OWN, TEAM, ALL = role_events_pb2.DATA_SCOPE_OWN, role_events_pb2.DATA_SCOPE_TEAM, role_events_pb2.DATA_SCOPE_ALL
SEEING = "customer.customer.read"


def stamp(at: datetime) -> Any:
    from google.protobuf.timestamp_pb2 import Timestamp

    made = Timestamp()
    made.FromDatetime(at)
    return made


def test_spans_equal_the_rights_of_every_moment(running: Any, admin: Any, a_person: Any) -> None:
    for name, scope in (("seller", OWN), ("lead", TEAM), ("auditing", ALL)):
        admin.DefineRole(pb.DefineRoleRequest(role=name, title=name, permissions=["customer.*.read"], data_scope=scope))
    east, west = (admin.FormTeam(pb.FormTeamRequest(name=name)).team_id for name in ("East", "West"))
    began = datetime.now(UTC)
    anna = a_person("anna", team_id=east, roles=["seller"])
    bernd = a_person("bernd", team_id=west, roles=["seller"])
    boss = a_person("boss", team_id=east, roles=["lead"])
    moments = [datetime.now(UTC)]

    def then() -> None:
        moments.append(datetime.now(UTC))

    auditor = a_person("auditor", roles=["auditing"])
    then()
    admin.MovePerson(pb.MovePersonRequest(person_id=boss, team_id=west))
    then()
    admin.WithdrawRole(pb.WithdrawRoleRequest(person_id=auditor, role="auditing"))
    then()
    handed_over = datetime.now(UTC)
    admin.ReviseRole(pb.ReviseRoleRequest(role="lead", permissions=["pipeline.*.read"], data_scope=TEAM))
    then()
    admin.OffboardPerson(pb.OffboardPersonRequest(person_id=anna))
    then()
    ended = datetime.now(UTC)
    record = str(uuid4())
    rights = running.access(running.sign_in("admin", "a river runs uphill").session_token)
    request = access.ListWhoCouldSeeRequest(
        record_id=record,
        permission=SEEING,
        owned=[
            access.OwnedSince(since=stamp(began), owner_id=anna),
            access.OwnedSince(since=stamp(handed_over), owner_id=bernd),
        ],
        from_at=stamp(began),
        to_at=stamp(ended),
    )
    spans = rights.ListWhoCouldSee(request).could

    def at(span: Any, moment: datetime) -> bool:
        return bool(span.from_at.ToDatetime(UTC) <= moment < span.to_at.ToDatetime(UTC))

    everybody = (anna, bernd, boss, auditor)
    with running.service.store.query() as cursor:
        for moment in moments:
            owner = UUID(anna if moment < handed_over else bernd)
            expected = set()
            for who in everybody:
                past = Past(running.service.store, cursor, moment).of(UUID(who))
                sees_all = past.person is not None and not past.owners and past.data_scope == 3
                if Caller("person", who, permissions=past.permissions).may(SEEING) and (
                    sees_all or owner in past.owners
                ):
                    expected.add(f"person:{who}")
            found = {span.actor for span in spans if at(span, moment)}
            assert found & {f"person:{who}" for who in everybody} == expected, moment
    reasons = {(span.actor.removeprefix("person:"), span.reason) for span in spans}
    assert {
        (anna, access.SIGHT_REASON_OWNER),
        (bernd, access.SIGHT_REASON_OWNER),
        (boss, access.SIGHT_REASON_TEAM),
        (auditor, access.SIGHT_REASON_ALL),
    } <= reasons
    (auditing,) = (span for span in spans if span.actor == f"person:{auditor}")
    assert list(auditing.roles) == ["auditing"]
    assert auditing.to_at.ToDatetime(UTC) < ended


def test_a_record_that_was_not_there_was_seen_by_nobody(running: Any, admin: Any) -> None:
    rights = running.access(running.sign_in("admin", "a river runs uphill").session_token)
    now = datetime.now(UTC)
    request = access.ListWhoCouldSeeRequest(
        record_id=str(uuid4()),
        permission=SEEING,
        owned=[access.OwnedSince(since=stamp(now + timedelta(hours=2)))],
        from_at=stamp(now - timedelta(hours=1)),
        to_at=stamp(now + timedelta(hours=1)),
    )
    assert not rights.ListWhoCouldSee(request).could
    request.owned[0].since.FromDatetime(now)
    assert rights.ListWhoCouldSee(request).could, "the administrator"
    request.to_at.CopyFrom(request.from_at)
    with pytest.raises(grpc.RpcError) as refused:
        rights.ListWhoCouldSee(request)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
