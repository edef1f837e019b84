"""Requests in, calls out. No decisions here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from psycopg import Cursor
from psycopg.rows import DictRow

from crm.identity.v1 import identity_service_pb2 as pb
from crm.identity.v1.person_events_pb2 import PersonKind as PersonKindMessage
from crm.identity.v1.role_events_pb2 import DataScope as DataScopeMessage
from crm.identity.v1.role_events_pb2 import FieldAccess as FieldAccessMessage
from crm.identity.v1.role_events_pb2 import FieldRule as FieldRuleMessage
from identity import accounts
from identity.application import Identity
from identity.domain.person import Grant, PersonKind
from identity.domain.presets import ALSO_CALLED
from identity.domain.role import DataScope, FieldAccess, FieldRule
from identity.projections import people, roles, sign_in_policy, teams
from identity.sessions import PASSWORD, Origin, Sessions
from identity.signing import Signer, fields_claim
from kernel.auth import Caller, Scope, all_of
from kernel.clock import Clock, system_clock
from kernel.config import CONTEXTS
from kernel.errors import Forbidden, InvalidArgument, NotFound, Unauthenticated
from kernel.request import optional_text
from kernel.rpc import Call, Page, optional_uuid, page_of, required_text, required_uuid

_PERSON_ADMIN = "identity.person.admin"
_MOST_PEOPLE = 500
MOST_OWNERS = 1000
"""People whose ids a token carries: 1,000 make 53 KiB of the 64 KiB that a call's metadata may have."""

_SCOPES: Mapping[DataScope, Scope] = {
    DataScope.OWN: "own",
    DataScope.SUBORDINATES: "team",  # the owners say whose
    DataScope.TEAM: "team",
    DataScope.ALL: "all",
}
_SCOPE_OF: Mapping[Scope, DataScope] = {"own": DataScope.OWN, "team": DataScope.TEAM, "all": DataScope.ALL}


class IdentityApi:
    def __init__(
        self,
        identity: Identity,
        sessions: Sessions,
        signer: Signer,
        clock: Clock = system_clock,
        modules: Collection[str] = CONTEXTS,
        sandbox: bool = False,
    ) -> None:
        self._sandbox = sandbox
        self._switched_off = [context for context in CONTEXTS if context not in modules]
        self._identity = identity
        self._sessions = sessions
        self._signer = signer
        self._clock = clock

    # -- sessions and tokens ---------------------------------------------------

    def SignIn(self, request: pb.SignInRequest, call: Call) -> pb.SignInResponse:
        # Not the command's own transaction: its answer, which holds the token, must not be kept.
        signed_in = self._sessions.sign_in(
            required_text(request, "login", 64),
            request.password,
            optional_text(request, "code", 40),
            origin_of(call, optional_text(request, "device", 300)),
        )
        if signed_in.second_factor_required:
            return pb.SignInResponse(second_factor_required=True)
        return pb.SignInResponse(
            session_token=signed_in.session_token,
            expires_at=maybe_time(signed_in.expires_at),
            person=person_out(people.person(call.query(), signed_in.person_id, self._clock())),
            must_change_password=signed_in.must_change_password,
        )

    def SignOut(self, request: pb.SignOutRequest, _: Call) -> pb.SignOutResponse:
        self._sessions.sign_out(required_text(request, "session_token"))
        return pb.SignOutResponse()

    def RefreshSession(self, request: pb.RefreshSessionRequest, call: Call) -> pb.RefreshSessionResponse:
        now = self._clock()
        self._sessions.touch(request.session_token, now)
        cursor = call.query()
        session = accounts.session_by_token(cursor, request.session_token)
        if session is None or session["expires_at"] <= now:
            raise Unauthenticated("the session is over; sign in again")
        person_id: UUID = session["person_id"]
        allowed = roles.allowed(cursor, person_id, now, session["role"])
        found = people.person(cursor, person_id, now)
        assert found is not None, "an account without a person"
        if session["via"].startswith(PASSWORD):  # a provider sees to its own passwords and factors
            policy = sign_in_policy.policy(cursor)
            must_change = session["must_change"] or policy.too_old(session["changed_at"], now)
            if must_change or policy.lacks_second_factor(found["roles"], enrolled=found["second_factor"]):
                allowed = allowed._replace(permissions=())  # until then he may do nothing but that
        if found["customer_id"]:  # whatever became of the role since it was granted
            allowed = allowed._replace(data_scope=DataScope.OWN)
        scope, owners = _scope_and_owners(cursor, person_id, allowed)
        caller = Caller(
            "person",
            str(person_id),
            allowed.roles,
            allowed.permissions,
            scope,
            owners,
            guest_of=found["customer_id"],
            teams=tuple(teams.line_above(cursor, allowed.team_id or found["team_id"])),
        )
        further = fields_claim(allowed.field_rules)
        token, expires_at = self._signer.issue(caller, now, further)
        return pb.RefreshSessionResponse(
            access_token=token,
            expires_at=time_out(expires_at),
            session_expires_at=time_out(session["expires_at"]),
        )

    def IssueServiceToken(self, request: pb.IssueServiceTokenRequest, call: Call) -> pb.IssueServiceTokenResponse:
        permissions = accounts.service_permissions(call.query(), request.service, request.secret)
        if permissions is None:
            raise Unauthenticated("service or secret is wrong")
        caller = all_of(service=request.service, permissions=permissions)
        token, expires_at = self._signer.issue(caller, self._clock())
        return pb.IssueServiceTokenResponse(access_token=token, expires_at=time_out(expires_at))

    def WhoAmI(self, _: pb.WhoAmIRequest, call: Call) -> pb.WhoAmIResponse:
        caller, cursor = call.caller, call.query()
        found = people.person(cursor, caller.person_id, self._clock()) if caller.person_id else None
        scope, lacking = _SCOPE_OF[caller.scope], False
        if found:
            scope = DataScope.OWN if found["customer_id"] else roles.data_scope_of(cursor, caller.roles)
            policy = sign_in_policy.policy(cursor)
            lacking = policy.lacks_second_factor(found["roles"], enrolled=found["second_factor"])
        return pb.WhoAmIResponse(
            person=person_out(found) if found else None,
            permissions=caller.permissions,
            data_scope=scope_out(scope),
            actor=caller.actor,
            field_rules=[
                pb.RoleFieldRules(role=role, rules=rules_out(rules))
                for role, rules in roles.field_rules_of(cursor, caller.roles)
            ],
            data_scope_narrowed=caller.scope != _SCOPES[scope],
            second_factor_missing=lacking,
            roles=caller.roles,
            switched_off=self._switched_off,
            sandbox=self._sandbox,
        )

    def ChangePassword(self, request: pb.ChangePasswordRequest, call: Call) -> pb.ChangePasswordResponse:
        closed = self._identity.change_password(
            call.transaction(),
            myself(call),
            request.current_password,
            request.new_password,
            request.session_token,
        )
        return pb.ChangePasswordResponse(closed_sessions=closed)

    def ListSessions(self, _: pb.ListSessionsRequest, call: Call) -> pb.ListSessionsResponse:
        rows = accounts.sessions_of(call.query(), myself(call), self._clock())
        return pb.ListSessionsResponse(
            sessions=[
                pb.Session(
                    session_id=str(row["session_id"]),
                    opened_at=time_out(row["opened_at"]),
                    expires_at=time_out(row["expires_at"]),
                    source=row["source"],
                    device=row["device"],
                    via=row["via"],
                    last_used_at=maybe_time(row["last_used_at"]),
                    role=row["role"],
                )
                for row in rows
            ]
        )

    # -- teams -----------------------------------------------------------------

    def FormTeam(self, request: pb.FormTeamRequest, call: Call) -> pb.FormTeamResponse:
        team_id, version = self._identity.form_team(
            call.transaction(),
            required_text(request, "name", 80),
            optional_uuid(request, "parent_team_id"),
            optional_uuid(request, "manager_id"),
        )
        return pb.FormTeamResponse(team_id=str(team_id), version=version)

    def RenameTeam(self, request: pb.RenameTeamRequest, call: Call) -> pb.RenameTeamResponse:
        version = self._identity.rename_team(
            call.transaction(),
            required_uuid(request, "team_id"),
            required_text(request, "name", 80),
            request.expected_version,
        )
        return pb.RenameTeamResponse(version=version)

    def MoveTeam(self, request: pb.MoveTeamRequest, call: Call) -> pb.MoveTeamResponse:
        version = self._identity.move_team(
            call.transaction(),
            required_uuid(request, "team_id"),
            optional_uuid(request, "parent_team_id"),
            request.expected_version,
        )
        return pb.MoveTeamResponse(version=version)

    def AppointManager(self, request: pb.AppointManagerRequest, call: Call) -> pb.AppointManagerResponse:
        version = self._identity.appoint_manager(
            call.transaction(),
            required_uuid(request, "team_id"),
            optional_uuid(request, "manager_id"),
            request.expected_version,
        )
        return pb.AppointManagerResponse(version=version)

    def DissolveTeam(self, request: pb.DissolveTeamRequest, call: Call) -> pb.DissolveTeamResponse:
        version = self._identity.dissolve_team(
            call.transaction(), required_uuid(request, "team_id"), request.expected_version
        )
        return pb.DissolveTeamResponse(version=version)

    def ListTeams(self, request: pb.ListTeamsRequest, call: Call) -> pb.ListTeamsResponse:
        page = page_of(request)
        rows = teams.all_teams(call.query(), page.limit + 1, after(page.after))
        shown = rows[: page.limit]
        key = (shown[-1]["name"], shown[-1]["team_id"]) if shown else ()
        return pb.ListTeamsResponse(
            teams=[
                pb.Team(
                    team_id=str(row["team_id"]),
                    name=row["name"],
                    parent_team_id=id_out(row["parent_team_id"]),
                    manager_id=id_out(row["manager_id"]),
                    version=row["version"],
                )
                for row in shown
            ],
            next_page_token=page.next_token(rows, key),
        )

    # -- people ----------------------------------------------------------------

    def RegisterPerson(self, request: pb.RegisterPersonRequest, call: Call) -> pb.RegisterPersonResponse:
        if request.roles or request.password:
            call.refuse_unless(_PERSON_ADMIN)
        person_id, version = self._identity.register_person(
            call.transaction(),
            name=required_text(request, "name", 120),
            email=optional_text(request, "email", 320),
            login=required_text(request, "login", 64),
            team_id=optional_uuid(request, "team_id"),
            position=optional_text(request, "position", 80),
            roles=list(request.roles),
            password=request.password,
            must_change=not request.keep_password,
            kind=_kind_in(request.kind),
            customer_id=optional_uuid(request, "customer_id"),
        )
        return pb.RegisterPersonResponse(person_id=str(person_id), version=version)

    def RevisePerson(self, request: pb.RevisePersonRequest, call: Call) -> pb.RevisePersonResponse:
        version = self._identity.revise_person(
            call.transaction(),
            required_uuid(request, "person_id"),
            _given(request, "name", 120),
            _given(request, "email", 320),
            _given(request, "position", 80),
            request.expected_version,
        )
        return pb.RevisePersonResponse(version=version)

    def MovePerson(self, request: pb.MovePersonRequest, call: Call) -> pb.MovePersonResponse:
        version = self._identity.move_person(
            call.transaction(),
            required_uuid(request, "person_id"),
            optional_uuid(request, "team_id"),
            request.expected_version,
        )
        return pb.MovePersonResponse(version=version)

    def OffboardPerson(self, request: pb.OffboardPersonRequest, call: Call) -> pb.OffboardPersonResponse:
        version, closed = self._identity.offboard_person(
            call.transaction(),
            required_uuid(request, "person_id"),
            optional_text(request, "reason", 200),
            request.expected_version,
        )
        return pb.OffboardPersonResponse(version=version, closed_sessions=closed)

    def ReinstatePerson(self, request: pb.ReinstatePersonRequest, call: Call) -> pb.ReinstatePersonResponse:
        version = self._identity.reinstate_person(
            call.transaction(),
            required_uuid(request, "person_id"),
            optional_uuid(request, "team_id"),
            request.expected_version,
        )
        return pb.ReinstatePersonResponse(version=version)

    def SetPassword(self, request: pb.SetPasswordRequest, call: Call) -> pb.SetPasswordResponse:
        version = self._identity.set_password(
            call.transaction(),
            required_uuid(request, "person_id"),
            request.password,
            must_change=not request.keep_password,
        )
        return pb.SetPasswordResponse(version=version)

    def GrantRole(self, request: pb.GrantRoleRequest, call: Call) -> pb.GrantRoleResponse:
        version = self._identity.grant_role(
            call.transaction(),
            required_uuid(request, "person_id"),
            required_text(request, "role", 40),
            request.expected_version,
            Grant(
                request.ends_at.ToDatetime(UTC) if request.HasField("ends_at") else None,
                optional_uuid(request, "team_id"),
            ),
        )
        return pb.GrantRoleResponse(version=version)

    def WithdrawRole(self, request: pb.WithdrawRoleRequest, call: Call) -> pb.WithdrawRoleResponse:
        version = self._identity.withdraw_role(
            call.transaction(),
            required_uuid(request, "person_id"),
            required_text(request, "role", 40),
            request.expected_version,
        )
        return pb.WithdrawRoleResponse(version=version)

    def GetPerson(self, request: pb.GetPersonRequest, call: Call) -> pb.GetPersonResponse:
        person_id = required_uuid(request, "person_id")
        row = people.person(call.query(), person_id, self._clock())
        if row is None:
            raise NotFound(f"no person {person_id}")
        return pb.GetPersonResponse(person=person_out(row))

    def BatchGetPeople(self, request: pb.BatchGetPeopleRequest, call: Call) -> pb.BatchGetPeopleResponse:
        if len(request.person_ids) > _MOST_PEOPLE:
            raise InvalidArgument("person_ids", f"at most {_MOST_PEOPLE} at once")
        wanted = [_uuid("person_ids", text) for text in request.person_ids]
        return pb.BatchGetPeopleResponse(
            people=[person_out(row) for row in people.people_of(call.query(), wanted, self._clock())]
        )

    def ListPeople(self, request: pb.ListPeopleRequest, call: Call) -> pb.ListPeopleResponse:
        page = page_of(request)
        rows, total = people.search(
            call.query(),
            query=optional_text(request, "query"),
            team_id=optional_uuid(request, "team_id"),
            teams_below=request.include_teams_below,
            role=ALSO_CALLED.get(request.role, request.role),
            include_left=request.include_left,
            include_guests=request.include_guests,
            now=self._clock(),
            limit=page.limit + 1,
            after=after(page.after),
        )
        shown = rows[: page.limit]
        key = (shown[-1]["name"], shown[-1]["person_id"]) if shown else ()
        return pb.ListPeopleResponse(
            people=[person_out(row) for row in shown],
            next_page_token=page.next_token(rows, key),
            total_size=total,
        )

    # -- roles -----------------------------------------------------------------

    def DefineRole(self, request: pb.DefineRoleRequest, call: Call) -> pb.DefineRoleResponse:
        version = self._identity.define_role(
            call.transaction(),
            required_text(request, "role", 40),
            required_text(request, "title", 80),
            request.permissions,
            scope_in(request.data_scope),
            _rules_in(request.field_rules),
        )
        return pb.DefineRoleResponse(version=version)

    def ReviseRole(self, request: pb.ReviseRoleRequest, call: Call) -> pb.ReviseRoleResponse:
        if request.field_rules and request.clear_field_rules:
            raise InvalidArgument("clear_field_rules", "give field rules or withdraw them, not both")
        version = self._identity.revise_role(
            call.transaction(),
            required_text(request, "role", 40),
            optional_text(request, "title", 80),
            request.permissions,
            scope_in(request.data_scope),
            _rules_in(request.field_rules) if request.field_rules or request.clear_field_rules else None,
        )
        return pb.ReviseRoleResponse(version=version)

    def RetireRole(self, request: pb.RetireRoleRequest, call: Call) -> pb.RetireRoleResponse:
        version = self._identity.retire_role(call.transaction(), required_text(request, "role", 40))
        return pb.RetireRoleResponse(version=version)

    def ListRoles(self, request: pb.ListRolesRequest, call: Call) -> pb.ListRolesResponse:
        rows = roles.all_roles(call.query(), include_retired=request.include_retired)
        return pb.ListRolesResponse(
            roles=[
                pb.Role(
                    role=row["role"],
                    title=row["title"],
                    permissions=row["permissions"],
                    data_scope=scope_out(DataScope(row["data_scope"])),
                    preset=row["preset"],
                    retired=row["retired"],
                    field_rules=rules_out(roles.field_rules(row)),
                )
                for row in rows
            ]
        )


def myself(call: Call) -> UUID:
    if call.caller.person_id is None:
        raise Forbidden("only a person has sessions and a password")
    return call.caller.person_id


def person_out(row: Mapping[str, Any] | None) -> pb.Person:
    assert row is not None, "an account without a person"
    return pb.Person(
        person_id=str(row["person_id"]),
        name=row["name"],
        email=row["email"],
        login=row["login"],
        team_id=id_out(row["team_id"]),
        position=row["position"],
        roles=row["roles"],
        left=row["left"],
        joined_at=time_out(row["joined_at"]),
        version=row["version"],
        kind=PersonKindMessage.ValueType(row["kind"]),
        customer_id=id_out(row["customer_id"]),
        second_factor=row["second_factor"],
        providers=row["providers"],
    )


def _scope_and_owners(
    cursor: Cursor[DictRow], person_id: UUID, allowed: roles.Allowed
) -> tuple[Scope, tuple[UUID, ...]]:
    """The scope as the token says it, and whose records it shows."""
    if allowed.data_scope in (DataScope.OWN, DataScope.ALL):
        return _SCOPES[allowed.data_scope], (person_id,)
    owners = people.visible_owners(cursor, person_id, allowed.data_scope, allowed.team_id)
    if len(owners) > MOST_OWNERS:  # the token would not fit; too little is better than nothing or too much
        return "own", (person_id,)
    return "team", tuple(owners)


def _kind_in(value: int) -> PersonKind:
    if value not in set(PersonKind):
        raise InvalidArgument("kind", "say PERSON_KIND_PORTAL or PERSON_KIND_PARTNER, or leave it out for staff")
    return PersonKind(value)


def _given(request: Message, field: str, max_length: int) -> str | None:
    return optional_text(request, field, max_length) if request.HasField(field) else None


def after(key: tuple[Any, ...]) -> tuple[str, ...]:
    """The sort key (name, id) of the last row seen."""
    if not key:
        return ()
    if len(key) != 2 or not all(isinstance(part, str) for part in key):
        raise InvalidArgument("page_token", "is not one that this list gave")
    return key[0], str(_uuid("page_token", key[1]))


def _uuid(field: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidArgument(field, f"{text[:40]!r} is not an id") from error


def id_out(value: UUID | None) -> str:
    return "" if value is None else str(value)


def maybe_time(value: datetime | None) -> Timestamp | None:
    return None if value is None else time_out(value)


def origin_of(call: Call, device: str = "") -> Origin:
    return Origin(call.source[:200], device)


def position_after(page: Page) -> int | None:
    """The number that the page begins behind, of a list that is ordered by one."""
    if not page.after:
        return None
    position = page.after[0] if len(page.after) == 1 else None
    if not isinstance(position, int) or not 0 <= position < 2**63:
        raise InvalidArgument("page_token", "is not one that this list gave")
    return position


def time_out(value: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp


def scope_in(value: int) -> DataScope:
    if value not in set(DataScope):
        raise InvalidArgument(
            "data_scope", "say DATA_SCOPE_OWN, DATA_SCOPE_SUBORDINATES, DATA_SCOPE_TEAM or DATA_SCOPE_ALL"
        )
    return DataScope(value)


def scope_out(scope: DataScope) -> DataScopeMessage.ValueType:
    return DataScopeMessage.ValueType(int(scope))


def _rules_in(rules: Iterable[FieldRuleMessage]) -> list[FieldRule]:
    for rule in rules:
        if int(rule.access) not in set(FieldAccess):
            raise InvalidArgument(
                "field_rules", f"say what may be done with {rule.pattern[:80]}: edit, view, mask, hide"
            )
    return [FieldRule(rule.pattern, FieldAccess(rule.access)) for rule in rules]


def rules_out(rules: Iterable[FieldRule]) -> list[FieldRuleMessage]:
    return [
        FieldRuleMessage(pattern=rule.pattern, access=FieldAccessMessage.ValueType(int(rule.access))) for rule in rules
    ]
