"""Old and new code read one log: during an upgrade, and after a step back."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message_factory import GetMessageClass

from kernel.codec import Codec
from kernel.errors import FromNewerVersion
from kernel.wire import status_of

TEXT = descriptor_pb2.FieldDescriptorProto.TYPE_STRING


def messages(**fields_of: tuple[str, ...]) -> ModuleType:
    """What a version's protos generate, in a pool of its own: another version has the same names."""
    file = descriptor_pb2.FileDescriptorProto(name="side/v1/things.proto", package="crm.side.v1", syntax="proto3")
    for name, fields in fields_of.items():
        message = file.message_type.add(name=name)
        for number, field in enumerate(fields, 1):
            message.field.add(name=field, number=number, type=TEXT)
    made = descriptor_pool.DescriptorPool().Add(file)
    module = ModuleType("things_pb2")
    for name in fields_of:
        setattr(module, name, GetMessageClass(made.message_types_by_name[name]))
    return module


class NoKeys:
    def obtain(self, subjects: set[str]) -> dict[str, bytes]:
        return {}

    def find(self, subjects: set[str]) -> dict[str, bytes | None]:
        return {}


@dataclass(frozen=True)
class Begun:
    name: str


@dataclass(frozen=True)
class BegunNow:
    """Begun, as the next version has it: one field more."""

    name: str
    colour: str


@dataclass(frozen=True)
class Painted:
    """An event that only the next version knows."""

    colour: str


BegunNow.__name__ = "Begun"
KEYS = NoKeys()


def old() -> Codec:
    return Codec([Begun], [messages(Begun=("name",))])


def new() -> Codec:
    return Codec([BegunNow, Painted], [messages(Begun=("name", "colour"), Painted=("colour",))])


def test_each_reads_what_the_other_wrote_of_the_events_that_both_know() -> None:
    [stored] = old().encode([(Begun("a"), "s/1")], KEYS)
    assert new().decode([(*stored, "s/1")], KEYS) == [BegunNow("a", "")]
    [stored] = new().encode([(BegunNow("b", "red"), "s/2")], KEYS)
    assert old().decode([(*stored, "s/2")], KEYS) == [Begun("b")]


def test_what_only_the_new_one_knows_the_old_one_refuses_as_something_that_passes() -> None:
    [stored] = new().encode([(Painted("red"), "s/3")], KEYS)
    for read in (old().decode, old().opened):
        with pytest.raises(FromNewerVersion, match=r"crm\.side\.v1\.Painted was written by a newer version") as refused:
            read([(*stored, "s/3")], KEYS)
        assert status_of(refused.value) is grpc.StatusCode.UNAVAILABLE, "the gateway asks again, another process knows"
    assert new().decode([(*stored, "s/3")], KEYS) == [Painted("red")]
