"""API clients: requests in, calls out."""

from __future__ import annotations

from datetime import UTC

from crm.identity.v1 import api_client_service_pb2 as pb
from identity.api_clients import ApiClients
from identity.domain.role import DataScope
from identity.entrypoints.grpc_api import after, maybe_time, myself, scope_in, scope_out, time_out
from identity.projections import api_clients, people, roles
from identity.signing import Signer
from kernel.auth import Caller
from kernel.clock import Clock, system_clock
from kernel.errors import Forbidden, InvalidArgument
from kernel.request import optional_text
from kernel.rpc import Call, page_of, required_text, required_uuid


class ApiClientApi:
    def __init__(self, clients: ApiClients, signer: Signer, clock: Clock = system_clock) -> None:
        self._clients = clients
        self._signer = signer
        self._clock = clock

    def RegisterApiClient(self, request: pb.RegisterApiClientRequest, call: Call) -> pb.RegisterApiClientResponse:
        owner_id = myself(call)
        for pattern in request.permissions:
            if not call.caller.may(pattern):
                raise InvalidArgument("permissions", f"you have not {pattern:.80} yourself, so a client cannot get it")
        if call.caller.fields:
            raise Forbidden("a role of yours masks or hides fields, which a client would see; ask an administrator")
        client_id, secret = self._clients.register(
            owner_id,
            required_text(request, "name", 80),
            request.permissions,
            scope_in(request.data_scope),
            roles.data_scope_of(call.query(), call.caller.roles),
            request.expires_at.ToDatetime(UTC) if request.HasField("expires_at") else None,
            call.cause,
        )
        return pb.RegisterApiClientResponse(client_id=str(client_id), client_secret=secret)

    def RotateApiClient(self, request: pb.RotateApiClientRequest, call: Call) -> pb.RotateApiClientResponse:
        until = request.older_valid_until.ToDatetime(UTC) if request.HasField("older_valid_until") else None
        secret = self._clients.rotate(required_uuid(request, "client_id"), until, call.cause)
        return pb.RotateApiClientResponse(client_secret=secret)

    def RevokeApiClient(self, request: pb.RevokeApiClientRequest, call: Call) -> pb.RevokeApiClientResponse:
        version = self._clients.revoke(
            call.transaction(), required_uuid(request, "client_id"), optional_text(request, "reason", 200)
        )
        return pb.RevokeApiClientResponse(version=version)

    def ListApiClients(self, request: pb.ListApiClientsRequest, call: Call) -> pb.ListApiClientsResponse:
        page = page_of(request)
        rows = api_clients.clients(
            call.query(),
            include_revoked=request.include_revoked,
            limit=page.limit + 1,
            after=after(page.after),
        )
        shown = rows[: page.limit]
        return pb.ListApiClientsResponse(
            clients=[
                pb.ApiClient(
                    client_id=str(row["client_id"]),
                    name=row["name"],
                    permissions=row["permissions"],
                    data_scope=scope_out(DataScope(row["data_scope"])),
                    owner_id=str(row["owner_id"]),
                    registered_at=time_out(row["registered_at"]),
                    expires_at=maybe_time(row["expires_at"]),
                    revoked_at=maybe_time(row["revoked_at"]),
                    last_used_at=maybe_time(row["last_used_at"]),
                    last_source=row["source"] or "",
                    secrets=row["secrets"],
                )
                for row in shown
            ],
            next_page_token=page.next_token(rows, (shown[-1]["name"], shown[-1]["client_id"]) if shown else ()),
        )

    def IssueClientToken(self, request: pb.IssueClientTokenRequest, call: Call) -> pb.IssueClientTokenResponse:
        now = self._clock()
        client_id = required_uuid(request, "client_id")
        secret = required_text(request, "client_secret", 200)
        client = self._clients.proved(client_id, secret, call.source[:200], now)
        everything = client.data_scope is DataScope.ALL
        owners = [] if everything else people.visible_owners(call.query(), client.owner_id, client.data_scope)
        behind = people.person(call.query(), client.owner_id, now)
        caller = Caller(
            "client",
            str(client.id),
            (),
            client.permissions,
            "all" if everything else "team",
            tuple(owners),
            guest_of=None if behind is None else behind["customer_id"],
        )
        token, expires_at = self._signer.issue(caller, now)
        return pb.IssueClientTokenResponse(access_token=token, expires_at=time_out(expires_at))
