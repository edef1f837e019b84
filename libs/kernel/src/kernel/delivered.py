"""An event of another context as its owner's relay sent it, read lazily: most readers want few.

Personal fields are sealed text here: never show them, never store them.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from crm.common.v1.envelope_pb2 import RecordedEvent
from kernel.log import Metadata

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

_log = logging.getLogger(__name__)


class Delivered:
    """One delivered event; equal to another if it is the same event of the same log."""

    __slots__ = (
        "_message",
        "_metadata",
        "_record",
        "_stream",
        "context",
        "position",
        "slot",
        "type",
        "version",
    )

    def __init__(
        self,
        context: str,
        slot: int,
        position: int,
        stream: UUID,
        version: int,
        type: str,
        metadata: Metadata,
        message: Message,
    ) -> None:
        self.context = context
        self.slot = slot
        self.position = position
        self.version = version
        self.type = type
        self._stream: UUID | None = stream
        self._metadata: Metadata | None = metadata
        self._message: Message | None = message
        self._record: RecordedEvent | None = None

    @classmethod
    def of(cls, record: RecordedEvent) -> Delivered:
        """Wrap what came over the wire without reading more of it than the envelope."""
        self = cls.__new__(cls)
        self.context = record.context
        self.slot = record.slot
        self.position = record.position
        self.version = record.version
        self.type = record.type
        self._stream = self._metadata = self._message = None
        self._record = record
        return self

    def record(self) -> RecordedEvent:
        """The envelope it came in. Raises ValueError for an event that did not come from a log."""
        if self._record is None:
            raise ValueError(f"{self!r} did not travel")
        return self._record

    @property
    def stream(self) -> UUID:
        """The aggregate's id."""
        if self._stream is None:
            self._stream = UUID(self.record().stream_id)
        return self._stream

    @property
    def metadata(self) -> Metadata:
        """Who recorded the event, when, and because of what."""
        if self._metadata is None:
            raw = self.record().metadata
            self._metadata = Metadata(
                event_id=UUID(raw.event_id),
                recorded_at=_moment(raw.recorded_at),
                effective_at=_moment(raw.effective_at),
                actor=raw.actor,
                request_id=raw.request_id,
                correlation_id=UUID(raw.correlation_id),
                causation_id=UUID(raw.causation_id) if raw.causation_id else None,
                traceparent=raw.traceparent,
                timeline_id=raw.timeline_id,
            )
        return self._metadata

    @property
    def recorded_at_s(self) -> float:
        """When the log accepted it, in seconds since 1970; cheaper than reading all metadata."""
        if self._metadata is not None:
            return self._metadata.recorded_at.timestamp()
        recorded_at = self.record().metadata.recorded_at
        return recorded_at.seconds + recorded_at.nanos / 1e9

    @property
    def message(self) -> Message:
        """The event; `Empty` if this build does not know the type, so that it matches no case."""
        if self._message is None:
            self._message = message_class(self.type).FromString(self.record().data)
        return self._message

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Delivered):
            return NotImplemented
        return (self.context, self.position) == (other.context, other.position)

    def __hash__(self) -> int:
        return hash((self.context, self.position))

    def __repr__(self) -> str:
        return f"Delivered({self.context} #{self.position} {self.type} {self.stream}/{self.version})"


@cache
def message_class(event_type: str) -> type[Message]:
    """Return the generated class of an event's full name, importing its context's contracts."""
    _import_contracts(event_type.rpartition(".")[0])
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(event_type)
    except KeyError:
        _log.warning("%s is unknown to this build: it is read as an event without meaning", event_type)
        return Empty
    return message_factory.GetMessageClass(descriptor)


@cache
def _import_contracts(package: str) -> None:
    """Import every message module of a package; never the stubs, which would import grpc."""
    if not package.startswith("crm."):
        return
    try:
        parent = importlib.import_module(package)
    except ModuleNotFoundError:
        return
    for module in pkgutil.iter_modules(parent.__path__):
        if module.name.endswith("_pb2"):
            importlib.import_module(f"{package}.{module.name}")


def _moment(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(tzinfo=UTC)
