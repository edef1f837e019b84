"""Who may do what, and who might: requests in, calls out."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from crm.identity.v1 import access_service_pb2 as pb
from identity.domain.presets import ALSO_CALLED
from identity.entrypoints.grpc_api import after, id_out, maybe_time, position_after, rules_out, scope_out, time_out
from identity.past import Past
from identity.projections import people, permission_changes
from identity.who_could import How, LetSee, Owned, who_could
from kernel.clock import Clock, system_clock
from kernel.errors import InvalidArgument
from kernel.rpc import Call, optional_uuid, page_of, required_text, required_uuid
from kernel.store import EventStore

_MOST_OWNERS = 500
_MOST_LET_SEE = 5_000


class AccessApi:
    def __init__(self, store: EventStore[Any], clock: Clock = system_clock) -> None:
        self._store = store
        self._clock = clock

    def ListGrants(self, request: pb.ListGrantsRequest, call: Call) -> pb.ListGrantsResponse:
        page = page_of(request)
        *key_before, role_before = page.after or ("",)
        if not isinstance(role_before, str) or len(page.after) == 1:
            raise InvalidArgument("page_token", "is not one that this list gave")
        behind = after(tuple(key_before))
        rows = people.grants(
            call.query(),
            person_id=optional_uuid(request, "person_id"),
            role=ALSO_CALLED.get(request.role, request.role),
            only_ending=request.only_ending,
            now=self._clock(),
            limit=page.limit + 1,
            after=(*behind, role_before) if behind else (),
        )
        shown = rows[: page.limit]
        key = (shown[-1]["name"], shown[-1]["person_id"], shown[-1]["role"]) if shown else ()
        return pb.ListGrantsResponse(
            grants=[
                pb.RoleGrant(
                    person_id=str(row["person_id"]),
                    role=row["role"],
                    granted_at=maybe_time(row["granted_at"]),
                    granted_by=row["granted_by"],
                    ends_at=maybe_time(row["ends_at"]),
                    team_id=id_out(row["team_id"]),
                )
                for row in shown
            ],
            next_page_token=page.next_token(rows, key),
        )

    def ListPermissionChanges(
        self, request: pb.ListPermissionChangesRequest, call: Call
    ) -> pb.ListPermissionChangesResponse:
        page = page_of(request)
        rows = permission_changes.changes(
            call.query(),
            person_id=optional_uuid(request, "person_id"),
            role=ALSO_CALLED.get(request.role, request.role),
            since=request.since.ToDatetime(UTC) if request.HasField("since") else None,
            until=request.until.ToDatetime(UTC) if request.HasField("until") else None,
            limit=page.limit + 1,
            after=position_after(page),
        )
        shown = rows[: page.limit]
        return pb.ListPermissionChangesResponse(
            changes=[
                pb.PermissionChange(
                    position=row["position"],
                    recorded_at=time_out(row["recorded_at"]),
                    effective_at=time_out(row["effective_at"]),
                    actor=row["actor"],
                    what=row["what"],
                    person_id=id_out(row["person_id"]),
                    role=row["role_name"],
                    team_id=id_out(row["team_id"]),
                    details=row["details"],
                    client_id=id_out(row["client_id"]),
                )
                for row in shown
            ],
            next_page_token=page.next_token(rows, (shown[-1]["position"],) if shown else ()),
        )

    def ListWhoCouldSee(self, request: pb.ListWhoCouldSeeRequest, call: Call) -> pb.ListWhoCouldSeeResponse:
        if len(request.owned) > _MOST_OWNERS:
            raise InvalidArgument("owned", f"has {len(request.owned)} owners; at most {_MOST_OWNERS} are taken")
        if not request.HasField("from_at") or not request.HasField("to_at"):
            raise InvalidArgument("from_at", "and to_at are needed: say the period")
        from_at, to_at = request.from_at.ToDatetime(UTC), request.to_at.ToDatetime(UTC)
        if from_at >= to_at:
            raise InvalidArgument("to_at", "must be after from_at")
        owned = []
        for each in request.owned:
            if not each.HasField("since"):
                raise InvalidArgument("owned", "each needs since")
            owned.append(Owned(each.since.ToDatetime(UTC), optional_uuid(each, "owner_id")))
        found = who_could(
            self._store,
            call.query(),
            required_text(request, "permission", 100),
            required_uuid(request, "record_id"),
            sorted(owned, key=lambda it: it.since),
            from_at,
            to_at,
            _let_see(request),
        )
        return pb.ListWhoCouldSeeResponse(
            could=[
                pb.CouldSee(
                    actor=it.actor,
                    from_at=time_out(it.since),
                    to_at=time_out(it.until),
                    reason=pb.SightReason.ValueType(it.how),
                    roles=it.roles,
                )
                for it in found
            ]
        )

    def GetPermissionsAt(self, request: pb.GetPermissionsAtRequest, call: Call) -> pb.GetPermissionsAtResponse:
        at = request.at.ToDatetime(UTC) if request.HasField("at") else self._clock()
        then = Past(self._store, call.query(), at).of(required_uuid(request, "person_id"))
        return pb.GetPermissionsAtResponse(
            at=time_out(at),
            present=then.person is not None and not then.person.left,
            team_id=id_out(then.person.team_id if then.person else None),
            roles=[
                pb.RoleHeld(
                    role=it.role.name,
                    permissions=it.role.permissions,
                    data_scope=scope_out(it.role.data_scope),
                    field_rules=rules_out(it.role.field_rules),
                    ends_at=maybe_time(it.grant.ends_at),
                    team_id=id_out(it.grant.team_id),
                )
                for it in then.roles
            ],
            permissions=then.permissions,
            data_scope=scope_out(then.data_scope),
            owner_ids=[str(it) for it in then.owners],
        )


def _let_see(request: pb.ListWhoCouldSeeRequest) -> list[LetSee]:
    if len(request.let_see) > _MOST_LET_SEE:
        raise InvalidArgument("let_see", f"at most {_MOST_LET_SEE:,} fit; ask for a shorter period")
    found = []
    for each in request.let_see:
        if each.reason not in (pb.SIGHT_REASON_KEY_ACCOUNT, pb.SIGHT_REASON_SHARE) or not each.HasField("from_at"):
            raise InvalidArgument("let_see", "each needs from_at and a reason: key account or share")
        until = each.to_at.ToDatetime(UTC) if each.HasField("to_at") else None
        how = How(each.reason)
        found.append(LetSee(required_uuid(each, "grantee_id"), each.from_at.ToDatetime(UTC), until, how))
    return found
