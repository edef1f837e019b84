"""gRPC in, application calls out: how long personal data is kept."""

from __future__ import annotations

from uuid import UUID

from crm.customer.v1 import retention_service_pb2 as pb
from customer.domain.policy import Months
from customer.entrypoints.messages import stamp
from customer.projections import retention as view
from customer.retention import Retention, in_force, limits
from kernel.clock import Clock, system_clock
from kernel.errors import InvalidArgument
from kernel.rpc import Call, page_of, required_text


class RetentionApi:
    """One method per RPC of RetentionService."""

    def __init__(self, retention: Retention, clock: Clock = system_clock) -> None:
        self._retention = retention
        self._clock = clock

    def SetRetentionPolicy(self, request: pb.SetRetentionPolicyRequest, call: Call) -> pb.SetRetentionPolicyResponse:
        months = Months(request.person_months, request.lead_months, request.requester_months, request.sender_months)
        self._retention.set_policy(call.transaction(), months, request.reads_days)
        return pb.SetRetentionPolicyResponse()

    def GetRetentionPolicy(self, _: pb.GetRetentionPolicyRequest, call: Call) -> pb.GetRetentionPolicyResponse:
        policy = in_force(call.query())
        return pb.GetRetentionPolicyResponse(
            person_months=policy.months.person,
            reads_days=policy.reads_days,
            lead_months=policy.months.lead,
            requester_months=policy.months.requester,
            sender_months=policy.months.sender,
        )

    def ListDueForErasure(self, request: pb.ListDueForErasureRequest, call: Call) -> pb.ListDueForErasureResponse:
        page, months = page_of(request), in_force(call.query()).months
        if not months.any:
            return pb.ListDueForErasureResponse()
        before = limits(self._clock(), months)
        rows = view.due(call.query(), before, page)
        shown = rows[: page.limit]
        return pb.ListDueForErasureResponse(
            people=[
                pb.DuePerson(
                    person_id=str(row["person_id"]),
                    person_kind=row["kind"],
                    customer_id=str(row["customer_id"] or ""),
                    name=row["name"],
                    last_purpose_at=stamp(row["last_purpose_at"]),
                )
                for row in shown
            ],
            total_size=sum(view.count_due(call.query(), before).values()),
            next_page_token=page.next_token(rows, [shown[-1]["last_purpose_at"], shown[-1]["person_id"]])
            if shown
            else "",
        )

    def ApproveRetention(self, request: pb.ApproveRetentionRequest, call: Call) -> pb.ApproveRetentionResponse:
        try:
            person_ids = [str(UUID(it)) for it in request.person_ids]
        except ValueError:
            raise InvalidArgument("person_ids", "names something that is no id") from None
        approval_id = self._retention.approve(
            call.transaction(), person_ids, required_text(request, "confirmation", 60)
        )
        return pb.ApproveRetentionResponse(approval_id=str(approval_id))
