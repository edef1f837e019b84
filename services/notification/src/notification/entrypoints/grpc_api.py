"""Requests in, calls out. No decisions here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, TypeVar
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from crm.notification.v1 import notification_service_pb2 as pb
from kernel.errors import Forbidden, InvalidArgument, NotFound
from kernel.ids import new_id
from kernel.request import optional_text
from kernel.rpc import Call, optional_uuid, page_of, required_uuid
from notification.application import Notification
from notification.domain.message import Channel, MessageScheduled, RecipientKind, State
from notification.domain.preferences import LANGUAGES, KindPreference, PreferencesSet
from notification.domain.templates import TEMPLATES, render
from notification.projections import messages as view
from notification.projections.preferences import preferences_of
from notification.records import NOTHING, Record, describe

_ADMIN = "notification.message.admin"
_MOST_FIELDS = 50
_LONGEST_TEXT = 20_000

K = TypeVar("K", bound=IntEnum)


class NotificationApi:
    def __init__(self, notification: Notification) -> None:
        self._notification = notification

    # -- the centre ------------------------------------------------------------------

    def ListNotifications(self, request: pb.ListNotificationsRequest, call: Call) -> pb.ListNotificationsResponse:
        person_id, cursor, page = _person(call), call.query(), page_of(request)
        preferences = preferences_of(cursor, person_id)
        language = request.language or preferences.language
        if language not in LANGUAGES:
            raise InvalidArgument("language", f"is one of {', '.join(LANGUAGES)}")
        rows = view.centre(cursor, person_id, request.unread_only, page)
        shown = rows[: page.limit]
        named = describe(call.peer, [_record(row) for row in shown])
        response = pb.ListNotificationsResponse(
            next_page_token=page.next_token(rows, _key(shown)), unread=view.unread(cursor, person_id)
        )
        for row in shown:
            found = named.get(_record(row), NOTHING)
            words = render(
                row["kind"],
                language,
                row["subject_kind"],
                row["subject_id"],
                row["fields"],
                found.name,
                found.detail,
                row["title"],
                row["text"],
                preferences.timezone,
            )
            response.notifications.add(
                message_id=str(row["message_id"]),
                kind=row["kind"],
                title=words.title,
                text=words.text,
                subject_kind=row["subject_kind"],
                subject_id=row["subject_id"],
                deep_link=words.deep_link,
                queued_at=_stamp(row["queued_at"]),
                read=row["state"] == State.READ,
                historic=row["historic"],
                fields=row["fields"],
            )
        return response

    def CountUnread(self, request: pb.CountUnreadRequest, call: Call) -> pb.CountUnreadResponse:
        return pb.CountUnreadResponse(unread=view.unread(call.query(), _person(call)))

    def MarkRead(self, request: pb.MarkReadRequest, call: Call) -> pb.MarkReadResponse:
        version = self._notification.mark_read(call.transaction(), _person(call), required_uuid(request, "message_id"))
        return pb.MarkReadResponse(version=version)

    def MarkAllRead(self, request: pb.MarkAllReadRequest, call: Call) -> pb.MarkAllReadResponse:
        marked = self._notification.mark_all_read(call.transaction(), _person(call))
        return pb.MarkAllReadResponse(marked=marked)

    # -- the delivery log ------------------------------------------------------------

    def ListMessages(self, request: pb.ListMessagesRequest, call: Call) -> pb.ListMessagesResponse:
        page = page_of(request)
        recipient_id = optional_uuid(request, "recipient_id")
        if not _sees_all(call):
            mine = call.caller.person_id
            if mine is None or recipient_id not in (None, mine):
                raise Forbidden(f"other people's messages need the permission {_ADMIN}")
            recipient_id = mine
        wanted: list[tuple[str, Any]] = [
            (column, value)
            for column, value in (
                ("recipient_id", recipient_id),
                ("channel", request.channel),
                ("state", request.state),
                ("kind", request.kind),
                ("subject_id", request.subject_id),
            )
            if value
        ]
        rows = view.log_page(call.query(), wanted, page)
        shown = rows[: page.limit]
        return pb.ListMessagesResponse(
            messages=[_message(row) for row in shown], next_page_token=page.next_token(rows, _key(shown))
        )

    def GetMessage(self, request: pb.GetMessageRequest, call: Call) -> pb.GetMessageResponse:
        message_id = required_uuid(request, "message_id")
        row = view.message(call.query(), message_id)
        if row is None or not (_sees_all(call) or row["recipient_id"] == call.caller.person_id):
            raise NotFound(f"no message {message_id}")
        return pb.GetMessageResponse(
            message=_message(row),
            steps=[
                pb.DeliveryStep(
                    step=step["step"],
                    at=_stamp(step["happened_at"]),
                    attempt=step["attempt"],
                    detail=step["detail"],
                )
                for step in view.steps(call.query(), message_id)
            ],
        )

    def RetryMessage(self, request: pb.RetryMessageRequest, call: Call) -> pb.RetryMessageResponse:
        version = self._notification.retry_message(call.transaction(), required_uuid(request, "message_id"))
        return pb.RetryMessageResponse(version=version)

    # -- arranged messages -----------------------------------------------------------

    def ScheduleMessage(self, request: pb.ScheduleMessageRequest, call: Call) -> pb.ScheduleMessageResponse:
        if not request.HasField("send_at"):
            raise InvalidArgument("send_at", "is required")
        if len(request.fields) > _MOST_FIELDS:
            raise InvalidArgument("fields", f"at most {_MOST_FIELDS} values fit")
        scheduled = MessageScheduled(
            optional_uuid(request, "message_id") or new_id(),
            required_uuid(request, "recipient_id"),
            _member("recipient_kind", request.recipient_kind or RecipientKind.PERSON, RecipientKind),
            optional_uuid(request, "customer_id"),
            _member("channel", request.channel, Channel),
            optional_text(request, "kind", 100) or "reminder",
            optional_text(request, "subject_kind", 100),
            optional_text(request, "subject_id"),
            dict(request.fields),
            optional_text(request, "title", 500),
            optional_text(request, "text", _LONGEST_TEXT),
            request.send_at.ToDatetime(tzinfo=UTC),
        )
        _check_recipient(scheduled)
        version = self._notification.schedule_message(call.transaction(), scheduled)
        return pb.ScheduleMessageResponse(message_id=str(scheduled.message_id), version=version)

    def CancelSchedule(self, request: pb.CancelScheduleRequest, call: Call) -> pb.CancelScheduleResponse:
        version = self._notification.cancel_schedule(call.transaction(), required_uuid(request, "message_id"))
        return pb.CancelScheduleResponse(version=version)

    # -- preferences -----------------------------------------------------------------

    def GetPreferences(self, request: pb.GetPreferencesRequest, call: Call) -> pb.GetPreferencesResponse:
        found = preferences_of(call.query(), _person(call))
        response = pb.GetPreferencesResponse(known_kinds=sorted(TEMPLATES))
        response.preferences.language = found.language
        response.preferences.quiet_from_minute = found.quiet_from_minute
        response.preferences.quiet_to_minute = found.quiet_to_minute
        response.preferences.timezone = found.timezone
        for kind in found.kinds:
            response.preferences.kinds.add(kind=kind.kind, channels=[int(c) for c in kind.channels])
        return response

    def SetPreferences(self, request: pb.SetPreferencesRequest, call: Call) -> pb.SetPreferencesResponse:
        wanted = request.preferences
        unknown = sorted({kind.kind for kind in wanted.kinds} - TEMPLATES.keys())
        if unknown:
            raise InvalidArgument("kinds", f"{unknown[0][:40]!r} is not a kind of message")
        version = self._notification.set_preferences(
            call.transaction(),
            PreferencesSet(
                _person(call),
                wanted.language or "zh",
                tuple(
                    KindPreference(kind.kind, tuple(_member("kinds", c, Channel) for c in kind.channels))
                    for kind in wanted.kinds
                ),
                wanted.quiet_from_minute,
                wanted.quiet_to_minute,
                wanted.timezone or "Asia/Shanghai",
            ),
        )
        return pb.SetPreferencesResponse(version=version)


def _person(call: Call) -> UUID:
    person_id = call.caller.person_id
    if person_id is None:
        raise Forbidden("only people have a notification centre")
    return person_id


def _sees_all(call: Call) -> bool:
    return call.caller.kind == "service" or call.caller.may(_ADMIN)


def _check_recipient(scheduled: MessageScheduled) -> None:
    if scheduled.recipient_kind == RecipientKind.CONTACT:
        if scheduled.customer_id is None:
            raise InvalidArgument("customer_id", "is required: a contact is found through its customer")
        if scheduled.channel != Channel.EMAIL:
            raise InvalidArgument("channel", "a contact has no notification centre; use e-mail")


def _record(row: Mapping[str, Any]) -> Record:
    return Record(row["subject_kind"], row["subject_id"], row["fields"].get("customer_id", ""))


def _key(rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    return [rows[-1]["queued_at"].isoformat(), rows[-1]["message_id"]] if rows else []


def _message(row: Mapping[str, Any]) -> pb.Message:
    return pb.Message(
        message_id=str(row["message_id"]),
        recipient_id=str(row["recipient_id"]),
        recipient_kind=row["recipient_kind"],
        channel=row["channel"],
        kind=row["kind"],
        subject_kind=row["subject_kind"],
        subject_id=row["subject_id"],
        state=row["state"],
        attempts=row["attempts"],
        last_failure=row["last_failure"],
        queued_at=_stamp(row["queued_at"]),
        send_at=_stamp(row["send_at"]),
        sent_at=_stamp(row["sent_at"]),
        read_at=_stamp(row["read_at"]),
        historic=row["historic"],
        cause_event_id=str(row["cause_event_id"]) if row["cause_event_id"] else "",
    )


def _stamp(value: datetime | None) -> Timestamp | None:
    if value is None:
        return None
    message = Timestamp()
    message.FromDatetime(value.astimezone(UTC))
    return message


def _member(field: str, number: int, kind: type[K]) -> K:
    try:
        return kind(number)
    except ValueError as error:
        raise InvalidArgument(field, f"{number} is not one of {', '.join(kind.__members__)}") from error
