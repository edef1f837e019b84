"""Ways of signing in and what is known about who did: requests in, calls out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from crm.identity.v1 import sign_in_service_pb2 as pb
from identity import sign_in_log
from identity.application import Identity
from identity.domain.sign_in_policy import SignInPolicy
from identity.entrypoints.grpc_api import (
    after,
    id_out,
    maybe_time,
    myself,
    origin_of,
    person_out,
    position_after,
    time_out,
)
from identity.projections import people, sign_in_policy
from identity.provider_sign_in import ProviderSignIn
from identity.sessions import Sessions
from kernel.clock import Clock, system_clock
from kernel.errors import InvalidArgument
from kernel.request import optional_text
from kernel.rpc import Call, optional_uuid, page_of, required_text, required_uuid


class SignInApi:
    def __init__(
        self,
        identity: Identity,
        sessions: Sessions,
        providers: ProviderSignIn,
        clock: Clock = system_clock,
    ) -> None:
        self._clock = clock
        self._identity = identity
        self._sessions = sessions
        self._providers = providers

    # -- identity providers --------------------------------------------------------

    def ListProviders(self, _: pb.ListProvidersRequest, __: Call) -> pb.ListProvidersResponse:
        known = sorted(self._providers.providers.values(), key=lambda it: it.name)
        return pb.ListProvidersResponse(providers=[pb.SignInProvider(provider=it.name, title=it.title) for it in known])

    def BeginProviderSignIn(self, request: pb.BeginProviderSignInRequest, call: Call) -> pb.BeginProviderSignInResponse:
        begun = self._providers.begin(required_text(request, "provider", 40), origin_of(call))
        return pb.BeginProviderSignInResponse(
            authorization_url=begun.authorization_url, browser_token=begun.browser_token
        )

    def FinishProviderSignIn(
        self, request: pb.FinishProviderSignInRequest, call: Call
    ) -> pb.FinishProviderSignInResponse:
        signed_in = self._providers.finish(
            required_text(request, "state", 200),
            required_text(request, "code", 4000),
            required_text(request, "browser_token", 200),
            origin_of(call, optional_text(request, "device", 300)),
        )
        return pb.FinishProviderSignInResponse(
            session_token=signed_in.session_token,
            expires_at=maybe_time(signed_in.expires_at),
            person=person_out(people.person(call.query(), signed_in.person_id, self._clock())),
        )

    # -- identities of one person --------------------------------------------------

    def ListIdentities(self, _: pb.ListIdentitiesRequest, call: Call) -> pb.ListIdentitiesResponse:
        return pb.ListIdentitiesResponse(
            identities=[
                pb.HeldIdentity(
                    role=row["role"],
                    title=row["title"],
                    team_id=id_out(row["team_id"]),
                    team_name=row["team_name"] or "",
                    ends_at=maybe_time(row["ends_at"]),
                )
                for row in people.identities(call.query(), myself(call), self._clock())
            ]
        )

    def SwitchIdentity(self, request: pb.SwitchIdentityRequest, call: Call) -> pb.SwitchIdentityResponse:
        person_id = myself(call)
        role, token = optional_text(request, "role", 40), required_text(request, "session_token", 200)
        self._sessions.switch(call.transaction(), person_id, token, role)
        return pb.SwitchIdentityResponse()

    # -- second factor ---------------------------------------------------------------

    def BeginSecondFactor(self, request: pb.BeginSecondFactorRequest, call: Call) -> pb.BeginSecondFactorResponse:
        secret, uri = self._sessions.begin_second_factor(myself(call), request.current_password)
        return pb.BeginSecondFactorResponse(secret=secret, otpauth_uri=uri)

    def ConfirmSecondFactor(self, request: pb.ConfirmSecondFactorRequest, call: Call) -> pb.ConfirmSecondFactorResponse:
        codes = self._sessions.confirm_second_factor(myself(call), required_text(request, "code", 40))
        return pb.ConfirmSecondFactorResponse(recovery_codes=codes)

    def RemoveSecondFactor(self, request: pb.RemoveSecondFactorRequest, call: Call) -> pb.RemoveSecondFactorResponse:
        code = required_text(request, "code", 40)
        self._sessions.remove_second_factor(myself(call), request.current_password, code)
        return pb.RemoveSecondFactorResponse()

    def ResetSecondFactor(self, request: pb.ResetSecondFactorRequest, call: Call) -> pb.ResetSecondFactorResponse:
        version = self._sessions.reset_second_factor(call.transaction(), required_uuid(request, "person_id"))
        return pb.ResetSecondFactorResponse(version=version)

    def CloseSessions(self, request: pb.CloseSessionsRequest, call: Call) -> pb.CloseSessionsResponse:
        closed = self._identity.close_sessions(call.transaction(), required_uuid(request, "person_id"))
        return pb.CloseSessionsResponse(closed_sessions=closed)

    def UnlinkProvider(self, request: pb.UnlinkProviderRequest, call: Call) -> pb.UnlinkProviderResponse:
        version = self._identity.unlink_provider(
            call.transaction(), required_uuid(request, "person_id"), required_text(request, "provider", 40)
        )
        return pb.UnlinkProviderResponse(version=version)

    # -- who tried to sign in ----------------------------------------------------------

    def ListSignIns(self, request: pb.ListSignInsRequest, call: Call) -> pb.ListSignInsResponse:
        page = page_of(request)
        rows = sign_in_log.entries(
            call.query(),
            person_id=optional_uuid(request, "person_id"),
            only_failures=request.only_failures,
            since=request.since.ToDatetime(UTC) if request.HasField("since") else None,
            until=request.until.ToDatetime(UTC) if request.HasField("until") else None,
            limit=page.limit + 1,
            after=position_after(page),
        )
        shown = rows[: page.limit]
        next_token = page.next_token(rows, (shown[-1]["entry_id"],) if shown else ())
        return pb.ListSignInsResponse(attempts=_attempts(shown), next_page_token=next_token)

    def ListMySignIns(self, request: pb.ListMySignInsRequest, call: Call) -> pb.ListMySignInsResponse:
        page = page_of(request)
        rows = sign_in_log.entries(
            call.query(),
            person_id=myself(call),
            only_failures=False,
            since=None,
            until=None,
            limit=page.limit + 1,
            after=position_after(page),
        )
        shown = rows[: page.limit]
        next_token = page.next_token(rows, (shown[-1]["entry_id"],) if shown else ())
        return pb.ListMySignInsResponse(attempts=_attempts(shown), next_page_token=next_token)

    def ListSharedAccounts(self, request: pb.ListSharedAccountsRequest, call: Call) -> pb.ListSharedAccountsResponse:
        page = page_of(request)
        behind = after(page.after)
        if behind:
            _require_moment(behind[0])
        rows = sign_in_policy.shared_accounts(call.query(), page.limit + 1, behind)
        shown = rows[: page.limit]
        key = (shown[-1]["suspected_at"].isoformat(), shown[-1]["session_id"]) if shown else ()
        return pb.ListSharedAccountsResponse(
            accounts=[
                pb.SharedAccount(
                    person_id=str(row["person_id"]),
                    suspected_at=time_out(row["suspected_at"]),
                    addresses=row["addresses"],
                    session_id=str(row["session_id"]),
                    other_session_ids=[str(it) for it in row["other_session_ids"]],
                )
                for row in shown
            ],
            next_page_token=page.next_token(rows, key),
        )

    # -- rules -------------------------------------------------------------------------

    def GetSignInPolicy(self, _: pb.GetSignInPolicyRequest, call: Call) -> pb.GetSignInPolicyResponse:
        policy = sign_in_policy.policy(call.query())
        return pb.GetSignInPolicyResponse(
            policy=pb.SignInPolicy(
                max_age_days=policy.max_age_days,
                remembered=policy.remembered,
                most_addresses=policy.most_addresses,
                second_factor_roles=policy.second_factor_roles,
            )
        )

    def SetSignInPolicy(self, request: pb.SetSignInPolicyRequest, call: Call) -> pb.SetSignInPolicyResponse:
        wanted = request.policy
        version = self._identity.set_sign_in_policy(
            call.transaction(),
            SignInPolicy(
                wanted.max_age_days, wanted.remembered, wanted.most_addresses, tuple(wanted.second_factor_roles)
            ),
        )
        return pb.SetSignInPolicyResponse(version=version)


def _require_moment(text: str) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidArgument("page_token", "is not one that this list gave") from error


def _attempts(rows: Iterable[Mapping[str, Any]]) -> list[pb.SignInAttempt]:
    return [
        pb.SignInAttempt(
            at=time_out(row["at"]),
            person_id=id_out(row["person_id"]),
            outcome=row["outcome"],
            via=row["via"],
            source=row["source"],
            device=row["device"],
            session_id=id_out(row["session_id"]),
        )
        for row in rows
    ]
