"""A log entry as it travels: crm.common.v1.RecordedEvent."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from crm.common.v1.envelope_pb2 import EventMetadata, RecordedEvent
from kernel.log import Entry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def enveloped(context: str, slot: int, previous_position: int, entry: Entry) -> RecordedEvent:
    """Wrap an entry of a context's log; `previous_position` is its predecessor's in the slot."""
    metadata = entry.metadata
    return RecordedEvent(
        context=context,
        position=entry.position,
        slot=slot,
        previous_position=previous_position,
        stream_id=str(entry.stream),
        version=entry.version,
        type=entry.type,
        data=entry.data,
        metadata=EventMetadata(
            event_id=str(metadata.event_id),
            recorded_at=timestamp_of(metadata.recorded_at),
            effective_at=timestamp_of(metadata.effective_at),
            actor=metadata.actor,
            request_id=metadata.request_id,
            correlation_id=str(metadata.correlation_id),
            causation_id=str(metadata.causation_id) if metadata.causation_id else "",
            traceparent=metadata.traceparent,
            timeline_id=metadata.timeline_id,
        ),
    )


def timestamp_of(moment: datetime) -> Timestamp:
    """As Timestamp.FromDatetime, in a third of the time; the relay makes two for every event."""
    since = moment - _EPOCH
    return Timestamp(seconds=since.days * 86400 + since.seconds, nanos=since.microseconds * 1000)
