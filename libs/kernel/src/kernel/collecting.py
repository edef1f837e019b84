"""Everything a service recorded about one person, read from its log: for access and portability.

The log is where it all is: a person's text is sealed in it under one of his ids, so his events are those
that name him. Nothing is shown of anybody else: text of other people in the same event is left out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from crm.audit.v1 import person_service_pb2 as pb
from kernel.codec import subjects_of
from kernel.errors import InvalidArgument
from kernel.forgetting import MOST_IDS, PersonalData, ids_of
from kernel.rpc import Call, page_of, required_uuid

if TYPE_CHECKING:
    from kernel.service import Service


class PersonApi:
    """Answers what one service recorded about a person."""

    def __init__(self, service: Service) -> None:
        self._context = service.name
        self._store = service.store
        self._data = service.personal or PersonalData()

    def CollectPerson(self, request: pb.CollectPersonRequest, call: Call) -> pb.CollectPersonResponse:
        return self.collect(request, call)

    def collect(self, request: pb.CollectPersonRequest, call: Call) -> pb.CollectPersonResponse:
        page = page_of(request)
        limit = page.limit if request.page_size else 500
        asked = {required_uuid(request, "person_id"), *_uuids(request.other_ids)}
        cursor = call.query()
        ids, related = ids_of(cursor, self._data, asked)
        response = pb.CollectPersonResponse(related_ids=sorted(str(id_) for id_ in related))
        if self._data.keeps_keys:
            return response
        mine = {str(id_) for id_ in ids}
        rows = cursor.execute(
            "select notification_id, originator_id, originator_version, topic, state, recorded_at, effective_at"
            " from events where topic = any(%s) and notification_id > %s and exists"
            " (select from unnest(%s::text[]) i where position(convert_to(i, 'UTF8') in state) > 0)"
            " order by notification_id limit %s",
            (self._store.codec.personal_types, int(page.after[0]) if page.after else 0, sorted(mine), limit + 1),
        ).fetchall()
        shown = rows[:limit]
        stored = [
            (row["topic"], bytes(row["state"]), f"{row['originator_id']}/{row['originator_version']}") for row in shown
        ]
        for row, message in zip(shown, self._store.codec.opened(stored, self._store.keys(cursor)), strict=True):
            whose = sorted(subjects_of(message) & mine)
            if whose:
                response.records.append(self._record(row, message, whose[0], subjects_of(message) <= mine))
        if len(rows) > limit:
            response.next_page_token = page.next_token([None] * (page.limit + 1), [shown[-1]["notification_id"]])
        return response

    def _record(self, row: Any, message: Message, whose: str, all_his: bool) -> pb.PersonRecord:
        said = MessageToDict(message, preserving_proto_field_name=True) if all_his else {"mentioned_with_others": True}
        return pb.PersonRecord(
            person_id=whose,
            context=self._context,
            event=row["topic"],
            recorded_at=_stamp(row["recorded_at"]),
            effective_at=_stamp(row["effective_at"]),
            data=json.dumps(said, ensure_ascii=False, sort_keys=True),
        )


def _uuids(texts: Any) -> set[UUID]:
    if len(texts) > MOST_IDS:
        raise InvalidArgument("other_ids", f"has {len(texts)} ids; at most {MOST_IDS} can be one person")
    try:
        return {UUID(text) for text in texts}
    except ValueError as error:
        raise InvalidArgument("other_ids", "must all be ids") from error


def _stamp(moment: Any) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
