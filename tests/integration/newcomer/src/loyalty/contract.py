"""The message of its event, as a file crm/loyalty/v1/loyalty_events.proto of its own would have it."""

from __future__ import annotations

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message_factory import GetMessageClass

from crm.options.v1 import options_pb2

_FILE = descriptor_pb2.FileDescriptorProto(
    name="crm/loyalty/v1/loyalty_events.proto",
    package="crm.loyalty.v1",
    syntax="proto3",
    dependency=["crm/options/v1/options.proto"],
)
_MESSAGE = _FILE.message_type.add(name="PointsGiven")
_MESSAGE.options.Extensions[options_pb2.published] = True
_FIELD = descriptor_pb2.FieldDescriptorProto
_MESSAGE.field.add(name="customer_id", number=1, type=_FIELD.TYPE_STRING, label=_FIELD.LABEL_OPTIONAL)
_MESSAGE.field.add(name="points", number=2, type=_FIELD.TYPE_INT64, label=_FIELD.LABEL_OPTIONAL)

PointsGiven = GetMessageClass(descriptor_pool.Default().Add(_FILE).message_types_by_name["PointsGiven"])
