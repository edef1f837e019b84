"""An event as partners get it: a CloudEvents 1.0 JSON object, the same in the feed, the stream queue and webhooks.

Only events marked (published) leave, and never a personal field: those are not emptied, they are not there. The
attributes beyond the standard's own are extensions of its documented kind: `sequence` (position in the service's log,
twenty digits: text sorts as numbers do), `partitionkey` (the record; events of one are in order), `traceparent`,
and of ours `recordversion`, `effectivetime`, `correlationid`, `causationid`, `timelineid`.
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from google.protobuf import json_format

from crm.options.v1.options_pb2 import published
from kernel.codec import personal_fields
from kernel.delivered import message_class
from kernel.errors import InvalidArgument
from kernel.log import Entry

MEDIA_TYPE = "application/cloudevents+json"
MOST_TYPES = 50
_SEQUENCE_DIGITS = 20


@cache
def is_published(event_type: str) -> bool:
    """Whether events of this full name may leave; not those that this build does not know."""
    return bool(message_class(event_type).DESCRIPTOR.GetOptions().Extensions[published])


class Wanted:
    """Which types somebody asked for: full names, or "crm.pipeline.v1.*". All published ones when none is named."""

    def __init__(self, types: Iterable[str]) -> None:
        """Raises InvalidArgument for a pattern that can match nothing."""
        self._all = tuple(types)
        if len(self._all) > MOST_TYPES:
            raise InvalidArgument("types", f"at most {MOST_TYPES} types or patterns")
        for pattern in self._all:
            if "*" in pattern.removesuffix(".*") or not pattern.startswith("crm."):
                raise InvalidArgument(
                    "types", f"{pattern[:80]!r} is neither an event's full name nor crm.<context>.v1.*"
                )
            if not pattern.endswith(".*") and not is_published(pattern):
                raise InvalidArgument("types", f"{pattern[:80]} is not published; docs/events.md lists what is")
        self._names = frozenset(self._all)
        self._prefixes = tuple(pattern.removesuffix("*") for pattern in self._all if pattern.endswith(".*"))

    def __contains__(self, event_type: object) -> bool:
        name = str(event_type)
        if self._all and name not in self._names and not name.startswith(self._prefixes or ("*",)):
            return False
        return is_published(name)


def cloud_event(context: str, entry: Entry) -> dict[str, Any]:
    """Return a published entry of the context's log as partners get it."""
    metadata = entry.metadata
    message = message_class(entry.type).FromString(entry.data)
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(metadata.event_id),
        "source": f"urn:headwater:{context}",
        "type": entry.type,
        "subject": str(entry.stream),
        "time": _moment(metadata.recorded_at),
        "datacontenttype": "application/json",
        "sequence": f"{entry.position:0{_SEQUENCE_DIGITS}d}",
        "partitionkey": str(entry.stream),
        "recordversion": entry.version,
        "effectivetime": _moment(metadata.effective_at),
        "correlationid": str(metadata.correlation_id),
    }
    if metadata.causation_id is not None:
        event["causationid"] = str(metadata.causation_id)
    if metadata.timeline_id:
        event["timelineid"] = metadata.timeline_id
    if metadata.traceparent:
        event["traceparent"] = metadata.traceparent
    tree = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    _leave_out_personal(tree, message.DESCRIPTOR)
    event["data"] = tree
    return event


def as_json(event: dict[str, Any]) -> bytes:
    """Return the event as it travels."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _leave_out_personal(tree: Any, descriptor: Any) -> None:
    for field, is_personal in personal_fields(descriptor):
        if is_personal:
            tree.pop(field.name, None)
            continue
        found = tree.get(field.name)
        if found is None:
            continue
        below = field.message_type
        if below.GetOptions().map_entry:
            below, found = below.fields_by_name["value"].message_type, list(found.values())
        for one in found if isinstance(found, list) else [found]:
            _leave_out_personal(one, below)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
