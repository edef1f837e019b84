"""gRPC in, application calls out: key accounts and shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from crm.customer.v1 import collaboration_service_pb2 as pb
from customer.collaboration import Collaboration
from customer.domain.key_account import Member
from customer.entrypoints.messages import follow_up_out, moment, required_moment, stamp, text_of, uuids
from customer.projections import follow_ups, search, shares
from customer.projections import key_accounts as accounts
from customer.projections.families import members as identities
from customer.projections.search import Card
from customer.projections.sight import sight
from kernel.clock import present
from kernel.errors import NotFound
from kernel.request import Page
from kernel.rpc import Call, optional_text, optional_uuid, page_of, required_date, required_text, required_uuid

_MOST_TASKS = 200


class CollaborationApi:
    """One method per RPC of CollaborationService."""

    def __init__(self, collaboration: Collaboration) -> None:
        self._collaboration = collaboration

    # -- key accounts --

    def FormKeyAccountTeam(self, request: pb.FormKeyAccountTeamRequest, call: Call) -> pb.FormKeyAccountTeamResponse:
        key_account_id, version = self._collaboration.form_team(
            call.transaction(),
            call.caller,
            required_uuid(request, "customer_id"),
            [_member(member) for member in request.members],
        )
        return pb.FormKeyAccountTeamResponse(key_account_id=str(key_account_id), version=version)

    def AddKeyAccountMember(self, request: pb.AddKeyAccountMemberRequest, call: Call) -> pb.AddKeyAccountMemberResponse:
        version = self._collaboration.add_member(
            call.transaction(), call.caller, required_uuid(request, "customer_id"), _member(request.member)
        )
        return pb.AddKeyAccountMemberResponse(version=version)

    def RemoveKeyAccountMember(
        self, request: pb.RemoveKeyAccountMemberRequest, call: Call
    ) -> pb.RemoveKeyAccountMemberResponse:
        version = self._collaboration.remove_member(
            call.transaction(),
            call.caller,
            required_uuid(request, "customer_id"),
            required_uuid(request, "member_id"),
            optional_text(request, "reason", 500),
        )
        return pb.RemoveKeyAccountMemberResponse(version=version)

    def DissolveKeyAccountTeam(
        self, request: pb.DissolveKeyAccountTeamRequest, call: Call
    ) -> pb.DissolveKeyAccountTeamResponse:
        version = self._collaboration.dissolve_team(
            call.transaction(),
            call.caller,
            required_uuid(request, "customer_id"),
            optional_text(request, "reason", 500),
        )
        return pb.DissolveKeyAccountTeamResponse(version=version)

    def SetKeyAccountGoal(self, request: pb.SetKeyAccountGoalRequest, call: Call) -> pb.SetKeyAccountGoalResponse:
        goal_id, version = self._collaboration.set_goal(
            call.transaction(),
            call.caller,
            required_uuid(request, "customer_id"),
            optional_uuid(request, "goal_id"),
            required_text(request, "title", 200),
            required_date(request, "due_on"),
            optional_uuid(request, "owner_id"),
        )
        return pb.SetKeyAccountGoalResponse(goal_id=str(goal_id), version=version)

    def CloseKeyAccountGoal(self, request: pb.CloseKeyAccountGoalRequest, call: Call) -> pb.CloseKeyAccountGoalResponse:
        version = self._collaboration.close_goal(
            call.transaction(),
            call.caller,
            required_uuid(request, "customer_id"),
            required_uuid(request, "goal_id"),
            request.reached,
            optional_text(request, "note", 500),
        )
        return pb.CloseKeyAccountGoalResponse(version=version)

    def GetKeyAccount(self, request: pb.GetKeyAccountRequest, call: Call) -> pb.GetKeyAccountResponse:
        customer_id = self._card(call, required_uuid(request, "customer_id")).row["customer_id"]
        cursor = call.query()
        row = accounts.one(cursor, customer_id)
        if row is None:
            raise NotFound(f"customer {customer_id} has no key account team")
        key_account_id = row["key_account_id"]
        tasks = follow_ups.listed(cursor, ("true", []), Page(_MOST_TASKS), customer_id=customer_id)
        response = pb.GetKeyAccountResponse(
            key_account_id=str(key_account_id),
            customer_id=str(customer_id),
            members=[
                pb.KeyAccountMember(
                    member_id=str(member["member_id"]),
                    is_team=member["is_team"],
                    duty=member["duty"],
                    since=stamp(member["since"]),
                )
                for member in accounts.members(cursor, key_account_id)
            ],
            tasks=[follow_up_out(task) for task in tasks[:_MOST_TASKS]],
            version=row["version"],
        )
        for goal in accounts.goals(cursor, key_account_id):
            response.goals.add(
                goal_id=str(goal["goal_id"]),
                title=goal["title"],
                due_on=goal["due_on"].isoformat(),
                owner_id=text_of(goal["owner_id"]),
                state=goal["state"],
                note=goal["note"],
            )
        return response

    def ListKeyAccounts(self, request: pb.ListKeyAccountsRequest, call: Call) -> pb.ListKeyAccountsResponse:
        page, cursor = page_of(request), call.query()
        rows = accounts.listed(cursor, sight(cursor, call.caller).filter(), page)
        return pb.ListKeyAccountsResponse(
            key_accounts=[
                pb.KeyAccountRow(
                    customer_id=str(row["customer_id"]),
                    members=row["members"],
                    open_goals=row["open_goals"],
                    next_due_on=row["next_due_on"].isoformat() if row["next_due_on"] else "",
                )
                for row in rows[: page.limit]
            ],
            next_page_token=_token(page, rows, "customer_id"),
        )

    # -- shares --

    def ShareCustomers(self, request: pb.ShareCustomersRequest, call: Call) -> pb.ShareCustomersResponse:
        share_id = self._collaboration.share_customers(
            call.transaction(),
            call.caller,
            required_uuid(request, "grantee_id"),
            uuids(request.customer_ids, "customer_ids"),
            list(request.field_classes),
            required_moment(request, "ends_at"),
            optional_text(request, "project", 100),
        )
        return pb.ShareCustomersResponse(share_id=str(share_id))

    def RevokeShare(self, request: pb.RevokeShareRequest, call: Call) -> pb.RevokeShareResponse:
        reason = optional_text(request, "reason", 200) or "revoked"
        self._collaboration.revoke_share(call.transaction(), call.caller, required_uuid(request, "share_id"), reason)
        return pb.RevokeShareResponse()

    def EndSharedProject(self, request: pb.EndSharedProjectRequest, call: Call) -> pb.EndSharedProjectResponse:
        project = required_text(request, "project", 100)
        return pb.EndSharedProjectResponse(
            ended=self._collaboration.end_project(call.transaction(), call.caller, project)
        )

    def ListShares(self, request: pb.ListSharesRequest, call: Call) -> pb.ListSharesResponse:
        page, cursor = page_of(request), call.query()
        customer_id = optional_uuid(request, "customer_id")
        rows = shares.listed(
            cursor,
            sight(cursor, call.caller).filter(),
            page,
            identities(cursor, customer_id) if customer_id else (),
            optional_uuid(request, "grantee_id"),
            optional_text(request, "project", 100),
            request.include_ended,
        )
        return pb.ListSharesResponse(
            shares=[
                pb.Share(
                    share_id=str(row["share_id"]),
                    grantee_id=str(row["grantee_id"]),
                    customer_ids=[str(seen) for seen in row["seen"]],
                    field_classes=row["field_classes"],
                    ends_at=stamp(row["ends_at"]),
                    project=row["project"],
                    shared_by=text_of(row["shared_by"]),
                    shared_at=stamp(row["shared_at"]),
                    ended_at=stamp(row["ended_at"]),
                    reason=row["reason"],
                )
                for row in rows[: page.limit]
            ],
            next_page_token=_token(page, rows, "shared_at", "share_id"),
        )

    def ListCustomerAccess(self, request: pb.ListCustomerAccessRequest, call: Call) -> pb.ListCustomerAccessResponse:
        customer_id = self._card(call, required_uuid(request, "customer_id")).row["customer_id"]
        cursor, since, until = call.query(), moment(request, "from_at"), moment(request, "to_at") or present()
        family = identities(cursor, customer_id)
        spans = [("key_account", row) for row in accounts.spans(cursor, family, since, until)]
        spans += [("share", row) for row in shares.spans(cursor, family, since, until)]
        return pb.ListCustomerAccessResponse(
            access=[
                pb.CustomerAccess(
                    grantee_id=str(row["grantee_id"]),
                    through=through,
                    from_at=stamp(row["since"]),
                    to_at=stamp(row["until"]),
                    field_classes=row.get("field_classes", ()),
                )
                for through, row in sorted(spans, key=lambda it: it[1]["since"])
            ]
        )

    # -- shared by several --

    def _card(self, call: Call, customer_id: UUID) -> Card:
        cards = search.load_cards(call.query(), [customer_id], sight(call.query(), call.caller).filter())
        if customer_id not in cards:
            raise NotFound(f"no customer {customer_id}")
        return cards[customer_id]


def _member(draft: pb.KeyAccountMemberDraft) -> Member:
    return Member(required_uuid(draft, "member_id"), draft.is_team, optional_text(draft, "duty", 100))


def _token(page: Page, rows: Sequence[DictRow], *columns: str) -> str:
    if not rows:
        return ""
    last: Any = rows[: page.limit][-1]
    return page.next_token(rows, [_key(last[column]) for column in columns])


def _key(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
