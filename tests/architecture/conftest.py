"""What the rules look at: our source as syntax trees, and the contracts as descriptors with comments."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

import crm.options.v1.options_pb2  # so that our options are read as such  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Source:
    """One Python file of ours."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"))

    def strings(self) -> Iterator[str]:
        """Every string that is not a docstring."""
        documentation = {
            id(node.value)
            for parent in ast.walk(self.tree)
            if isinstance(parent, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            for node in parent.body
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                yield node.value

    def names_called(self) -> Iterator[str]:
        """The last name of everything that is called: `b` of `a.b()`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                called = node.func
                if isinstance(called, ast.Attribute):
                    yield called.attr
                elif isinstance(called, ast.Name):
                    yield called.id


def sources(*patterns: str) -> list[Source]:
    found = sorted({path for pattern in patterns for path in ROOT.glob(pattern)})
    return [Source(path) for path in found]


@pytest.fixture(scope="session")
def product() -> list[Source]:
    """All source that ships; the generated contracts are not ours to judge."""
    files = sources("libs/*/src/**/*.py", "services/*/src/**/*.py", "cli/src/**/*.py", "tools/*.py")
    return [source for source in files if "libs/contracts" not in source.name]


@pytest.fixture(scope="session")
def test_files() -> list[Source]:
    return sources("libs/*/tests/**/*.py", "services/*/tests/**/*.py", "cli/tests/**/*.py", "tests/**/*.py")


@pytest.fixture(scope="session")
def contracts() -> list[FileDescriptorProto]:
    """Our proto files, with comments."""
    everything = FileDescriptorSet.FromString(resources.files("crm").joinpath("descriptors.binpb").read_bytes())
    return [file for file in everything.file if file.package.startswith("crm.")]


@dataclass(frozen=True)
class Event:
    """A message that is stored, with the file's comment on it."""

    name: str
    message: DescriptorProto
    comment: str


@pytest.fixture(scope="session")
def events(contracts: list[FileDescriptorProto]) -> list[Event]:
    """The top-level messages of <aggregate>_events.proto that stand for something that happened.

    A part of an event (a line, a phone) is told from an event by being the type of somebody's field.
    """
    files = [file for file in contracts if file.name.endswith("_events.proto")]
    parts = {field.type_name for file in contracts for message in _all(file) for field in message.field}
    found = []
    for file in files:
        comments = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}
        for index, message in enumerate(file.message_type):
            name = f"{file.package}.{message.name}"
            if f".{name}" not in parts:
                found.append(Event(name, message, comments.get((4, index), "")))
    return found


def _all(file: FileDescriptorProto) -> Iterator[DescriptorProto]:
    waiting = list(file.message_type)
    while waiting:
        message = waiting.pop()
        yield message
        waiting += message.nested_type
