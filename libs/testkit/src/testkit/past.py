"""What a service answered at a moment, found without kernel.as_of: every question of its contracts, put to a
fresh service whose log holds only the events up to that moment, folded one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import grpc
import psycopg
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from kernel.rpc import PUBLIC, SIGNED_IN, methods_of
from kernel.service import Service

Question = tuple[str, Message]
Answers = dict[tuple[str, str], object]
"""By RPC and request: the answer, or the status that refused it."""


def questions(descriptors: Sequence[Any], ids: Sequence[str], words: Sequence[str] = ()) -> list[Question]:
    """Every query of these services: bare, and with each id in each field that is called …_id, …_ids."""
    found: list[Question] = []
    for service in descriptors:
        for method in methods_of(service):
            if not method.is_query or method.permission in (PUBLIC, SIGNED_IN):
                continue
            found.append((method.full_name, method.request_type()))
            for field in method.request_type.DESCRIPTOR.fields:
                values = ids if field.name.endswith(("_id", "_ids")) else words if field.name == "query" else ()
                for value in values:
                    request = method.request_type(**{field.name: [value] if field.is_repeated else value})
                    found.append((method.full_name, request))
    return found


def answers(channel: grpc.Channel, asked: Sequence[Question], metadata: Mapping[str, str] | None = None) -> Answers:
    """Put the questions, with this metadata."""
    found: Answers = {}
    for name, request in asked:
        ask: Any = channel.unary_unary(
            f"/{name}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=_response_of(request, name).FromString,
        )
        try:
            answer: object = str(ask(request, metadata=tuple((metadata or {}).items()), timeout=60))
        except grpc.RpcError as error:
            answer = error.code()
        found[name, str(request)] = answer
    return found


def _response_of(request: Message, name: str) -> type[Message]:
    service, _, method = name.partition("/")
    pool = request.DESCRIPTOR.file.pool
    found: Any = pool.FindServiceByName(service)
    return GetMessageClass(found.methods_by_name[method].output_type)


def differences(one: Answers, other: Answers) -> Iterator[str]:
    """What was answered differently, for people."""
    for key in one:
        if one[key] != other[key]:
            yield f"{key[0]} {key[1].strip()}\n--- one\n{one[key]}\n--- other\n{other[key]}"


def replay_until(source: Service, fresh: Service, column: str, at: datetime) -> int:
    """Copy the log up to the moment into a fresh service's database and fold it there; return how many events."""
    with (
        psycopg.connect(source.settings.owner_url(), autocommit=True) as old,
        psycopg.connect(fresh.settings.owner_url(), autocommit=True) as new,
    ):
        old.execute("set timezone to 'UTC'")
        for what, table in (
            (f"(select * from events where {column} <= '{at.isoformat()}' order by notification_id)", "events"),
            ("(select * from subject_keys)", "subject_keys"),
        ):
            taken, put = f"copy {what} to stdout".encode(), f"copy {table} from stdin".encode()
            with old.cursor().copy(taken) as read, new.cursor().copy(put) as write:
                for part in read:
                    write.write(part)
    with fresh.store.connection() as connection, connection.cursor() as cursor:
        entries = fresh.store.recorder.read_log(connection, 0, 2**60, 10**6)
        for recorded in fresh.store.decode(cursor, entries):
            for view in fresh.inline:
                view.project(cursor, recorded)
    return len(entries)
