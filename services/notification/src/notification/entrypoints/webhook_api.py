"""Webhooks: requests in, calls out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from psycopg.rows import DictRow

from crm.notification.v1 import webhook_service_pb2 as pb
from kernel.errors import Forbidden
from kernel.request import optional_uuid
from kernel.rpc import Call, page_of, required_text, required_uuid
from notification import deliveries
from notification.domain.webhook import LONGEST_URL
from notification.projections import webhooks as view
from notification.webhooks import Webhooks

_LONGEST_NAME = 80


class WebhookApi:
    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    def RegisterWebhook(self, request: pb.RegisterWebhookRequest, call: Call) -> pb.RegisterWebhookResponse:
        owner_id = call.caller.person_id
        if owner_id is None:
            raise Forbidden("a person registers a webhook: somebody has to answer for it")
        webhook_id, secret = self._webhooks.register(
            call.peer,
            required_text(request, "name", _LONGEST_NAME),
            required_text(request, "url", LONGEST_URL),
            list(request.types),
            owner_id,
            call.cause,
        )
        return pb.RegisterWebhookResponse(webhook_id=str(webhook_id), secret=secret)

    def ReviseWebhook(self, request: pb.ReviseWebhookRequest, call: Call) -> pb.ReviseWebhookResponse:
        version = self._webhooks.revise(
            call.peer,
            call.transaction,
            required_uuid(request, "webhook_id"),
            required_text(request, "name", _LONGEST_NAME),
            required_text(request, "url", LONGEST_URL),
            list(request.types),
        )
        return pb.ReviseWebhookResponse(version=version)

    def RotateWebhookSecret(self, request: pb.RotateWebhookSecretRequest, call: Call) -> pb.RotateWebhookSecretResponse:
        until = request.older_valid_until.ToDatetime(UTC) if request.HasField("older_valid_until") else None
        secret = self._webhooks.rotate_secret(required_uuid(request, "webhook_id"), until, call.cause)
        return pb.RotateWebhookSecretResponse(secret=secret)

    def PauseWebhook(self, request: pb.PauseWebhookRequest, call: Call) -> pb.PauseWebhookResponse:
        version = self._webhooks.pause(call.transaction(), required_uuid(request, "webhook_id"))
        return pb.PauseWebhookResponse(version=version)

    def ResumeWebhook(self, request: pb.ResumeWebhookRequest, call: Call) -> pb.ResumeWebhookResponse:
        version = self._webhooks.resume(call.transaction(), required_uuid(request, "webhook_id"))
        return pb.ResumeWebhookResponse(version=version)

    def RemoveWebhook(self, request: pb.RemoveWebhookRequest, call: Call) -> pb.RemoveWebhookResponse:
        version = self._webhooks.remove(call.transaction(), required_uuid(request, "webhook_id"))
        return pb.RemoveWebhookResponse(version=version)

    def ListWebhooks(self, request: pb.ListWebhooksRequest, call: Call) -> pb.ListWebhooksResponse:
        page = page_of(request)
        rows = view.webhooks(call.query(), page)
        shown = rows[: page.limit]
        return pb.ListWebhooksResponse(
            webhooks=[_webhook(row) for row in shown],
            next_page_token=page.next_token(rows, (shown[-1]["name"], shown[-1]["webhook_id"]) if shown else ()),
            allowed=self._webhooks.destinations.setting,
        )

    def ListWebhookDeliveries(
        self, request: pb.ListWebhookDeliveriesRequest, call: Call
    ) -> pb.ListWebhookDeliveriesResponse:
        page = page_of(request)
        rows = deliveries.log_page(
            call.query(),
            required_uuid(request, "webhook_id"),
            request.state,
            optional_uuid(request, "record_id"),
            page,
        )
        shown = rows[: page.limit]
        last = (shown[-1]["queued_at"].isoformat(), shown[-1]["context"], shown[-1]["position"]) if shown else ()
        return pb.ListWebhookDeliveriesResponse(
            deliveries=[_delivery(row) for row in shown], next_page_token=page.next_token(rows, last)
        )

    def RetryWebhookDeliveries(
        self, request: pb.RetryWebhookDeliveriesRequest, call: Call
    ) -> pb.RetryWebhookDeliveriesResponse:
        count = self._webhooks.send_again(call.transaction(), required_uuid(request, "webhook_id"), request.delivery_id)
        return pb.RetryWebhookDeliveriesResponse(count=count)

    def SkipWebhookDelivery(self, request: pb.SkipWebhookDeliveryRequest, call: Call) -> pb.SkipWebhookDeliveryResponse:
        self._webhooks.skip(
            call.transaction(), required_uuid(request, "webhook_id"), required_text(request, "delivery_id", 60)
        )
        return pb.SkipWebhookDeliveryResponse()


def _webhook(row: DictRow) -> pb.Webhook:
    return pb.Webhook(
        webhook_id=str(row["webhook_id"]),
        name=row["name"],
        url=row["url"],
        types=row["types"],
        owner_id=str(row["owner_id"]),
        state=row["state"],
        pause_reason=row["pause_reason"],
        registered_at=_stamp(row["registered_at"]),
        last_delivered_at=_stamp(row["last_delivered_at"]),
        failures=row["failures"],
        waiting=row["waiting"],
        set_aside=row["set_aside"],
        secrets=row["secrets"],
    )


def _delivery(row: DictRow) -> pb.WebhookDelivery:
    waiting: Any = pb.WEBHOOK_DELIVERY_STATE_WAITING
    return pb.WebhookDelivery(
        delivery_id=deliveries.id_of(row),
        event_id=str(row["event_id"]),
        type=row["type"],
        record_id=str(row["record_id"]),
        state=row["state"],
        attempts=row["attempts"],
        queued_at=_stamp(row["queued_at"]),
        next_attempt_at=_stamp(row["next_attempt_at"]) if row["state"] == waiting else None,
        delivered_at=_stamp(row["delivered_at"]),
        last_status=row["last_status"],
        last_failure=row["last_failure"],
        body=row["body"],
    )


def _stamp(value: datetime | None) -> Timestamp | None:
    if value is None:
        return None
    message = Timestamp()
    message.FromDatetime(value.astimezone(UTC))
    return message
