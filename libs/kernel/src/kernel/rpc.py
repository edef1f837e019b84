"""Answer RPCs: tokens, permissions, idempotency, the one transaction of a command. Free of gRPC.

A service's api is a plain class with one method per RPC, `(request, call) -> response`. Everything else is
read from the descriptor: the permission, whether it is a query, the types. A method without a permission,
or an api without a method, is refused at start.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from psycopg import Cursor
from psycopg.rows import DictRow

from crm.options.v1.options_pb2 import guests as guests_option
from crm.options.v1.options_pb2 import permission as permission_option
from kernel.as_of import AS_OF, CLOCK, LIVE, Moment, Moments, moment_in
from kernel.auth import NOBODY, Caller, Verifier
from kernel.clock import presenting, system_clock
from kernel.errors import (
    DomainError,
    Forbidden,
    InvalidArgument,
    LostRace,
    Unauthenticated,
)
from kernel.fields import (
    AMOUNT,
    Access,
    Shape,
    Withheld,
    clear_internal,
    first_internal,
    holds,
    ids_in,
    shape_of,
    subjects_in,
    withheld,
)
from kernel.ids import new_id
from kernel.reads import Read, ReadRecorder
from kernel.request import (
    Page,
    optional_date,
    optional_text,
    optional_uuid,
    page_of,
    required_date,
    required_text,
    required_uuid,
)
from kernel.store import Cause, EventStore, Transaction
from kernel.telemetry import current_traceparent

PUBLIC, SIGNED_IN = "public", "signed-in"
BACKDATE = "log.backdate"
PURPOSE, EXPORT = "purpose", "export"
_RACES = 3
_TIMELINE = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class Method:
    """What a descriptor says about one RPC."""

    full_name: str  # "crm.pipeline.v1.PipelineService/AdvanceOpportunity"
    name: str
    permission: str
    is_query: bool
    is_stream: bool
    guests: bool
    request_type: type[Message]
    response_type: type[Message]
    request_shape: Shape
    response_shape: Shape


class Call:
    """One request being answered: who asks, why, and the one transaction of a command."""

    def __init__(
        self,
        caller: Caller,
        cause: Cause,
        store: EventStore[Any] | None,
        token: str,
        connect: Callable[[str], Any] | None,
        time_remaining: Callable[[], float | None] = lambda: None,
        source: str = "",
        past: Past | None = None,
    ) -> None:
        self.caller = caller
        self.cause = cause
        self.token = token
        self.source = source
        self._store = store
        self._connect = connect
        self._stack = ExitStack()
        self._transaction: Transaction[Any] | None = None
        self._cursor: Cursor[DictRow] | None = None
        self.time_remaining = time_remaining
        self._past = past

    @property
    def request_id(self) -> str:
        """The command's idempotency key."""
        return self.cause.request_id

    @property
    def effective_at(self) -> datetime | None:
        """The time the caller says this happened, or the moment he asks for; None for now."""
        return self.cause.effective_at if self._past is None else self._past.moment.at

    def transaction(self) -> Transaction[Any]:
        """The transaction of this command, begun on first use; committed after the handler returned."""
        if self._past is not None:
            return self._of_past(self._past)
        if self._transaction is None:
            assert self._store is not None, "this service owns no log"
            self._transaction = self._stack.enter_context(self._store.transaction(self.cause))
        return self._transaction

    def query(self) -> Cursor[DictRow]:
        """A cursor for reading. Inside a command that has begun, it is the transaction's own."""
        if self._transaction is not None:
            return self._transaction.cursor
        if self._cursor is None:
            assert self._store is not None, "this service has no database"
            if self._past is not None:
                self._cursor = self._of_past(self._past).cursor
            else:
                self._cursor = self._stack.enter_context(self._store.query())
        return self._cursor

    def _of_past(self, past: Past) -> Transaction[Any]:
        """What reads as of the moment; begun on first use, kept as the transaction of the call."""
        if self._transaction is None:
            reading = past.moments.reading(past.moment, self.cause, self.time_remaining(), past.live)
            self._transaction = self._stack.enter_context(reading)
        return self._transaction

    def key_of(self, subject: str) -> bytes | None:
        """A data subject's key, for reading what is sealed beside the log; None when it is destroyed."""
        assert self._store is not None, "this service has no database"
        return self._store.keys(self.query()).find({subject})[subject]

    def peer(self, context: str) -> Any:
        """A channel to another service that forwards the caller's token, request id and trace.

        It answers as things are now, even when a moment was asked for; the answer then says so.
        """
        if self._past is not None:
            self._past.live.add(context)
        assert self._connect is not None, "no peers are configured"
        metadata = [("request-id", f"{self.request_id}")]
        if self.token:
            metadata.append(("authorization", f"Bearer {self.token}"))
        if self.cause.effective_at is not None:
            metadata.append(("effective-at", self.cause.effective_at.isoformat()))
        if self.cause.timeline_id:
            metadata.append(("timeline-id", self.cause.timeline_id))
        metadata.append(("correlation-id", str(self.cause.correlation_id)))
        from kernel.wire import sending  # here, because bus processes must never import grpc

        return sending(self._connect(context), metadata)

    def refuse_unless(self, permission: str) -> None:
        """Raise Forbidden when the caller lacks a further permission."""
        if not self.caller.may(permission):
            raise Forbidden(f"this needs the permission {permission}")

    def close(self, error: BaseException | None = None) -> None:
        """End what was begun: commit without an error, roll back with one."""
        if error is None:
            self._stack.close()
        else:
            self._stack.__exit__(type(error), error, error.__traceback__)


@dataclass(frozen=True, slots=True)
class Past:
    """The moment that a query asks for; `live` collects what it was answered from besides."""

    moment: Moment
    moments: Moments
    live: set[str]

    def told(self) -> dict[str, str]:
        """What the answer's metadata says of it."""
        return {
            AS_OF: self.moment.at.isoformat(),
            CLOCK: self.moment.clock,
            LIVE: ",".join(sorted(self.live)),
        }


Handler = Callable[[Any, Call], Any]
"""Returns the answer; an iterator of them if it is a stream."""


def methods_of(service: Any) -> list[Method]:
    """Return the RPCs of a service descriptor; raise ValueError for one without a permission.

    Nor may a stream command anything, or show what field rules or audits speak of: they look at whole answers.
    """
    found = []
    for method in service.methods:
        options = method.GetOptions()
        permission = options.Extensions[permission_option]
        if not permission:
            raise ValueError(f"{method.full_name} names no permission")
        request_type, response_type = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
        is_query = options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS
        response_shape = shape_of(response_type.DESCRIPTOR)
        if method.server_streaming and (not is_query or response_shape.classes or response_shape.has_internal):
            raise ValueError(f"{method.full_name} is a stream: it can only be a query, and show nothing personal")
        found.append(
            Method(
                full_name=f"{service.full_name}/{method.name}",
                name=method.name,
                permission=permission,
                guests=options.Extensions[guests_option],
                is_query=is_query,
                is_stream=method.server_streaming,
                request_type=request_type,
                response_type=response_type,
                request_shape=shape_of(request_type.DESCRIPTOR),
                response_shape=response_shape,
            )
        )
    return found


class Endpoint:
    """One api behind one descriptor: turns bytes and metadata into calls, and refusals into statuses.

    `context` is set where every service answers the same descriptor: requests then name the one they are for.
    """

    def __init__(
        self,
        service: Any,
        api: object,
        store: EventStore[Any] | None,
        verifier: Verifier,
        connect: Callable[[str], Any] | None = None,
        context: str = "",
    ) -> None:
        self.context = context
        self._store = store
        self._verifier = verifier
        self._connect = connect
        self._reads = None if store is None else ReadRecorder(store)
        self._moments = Moments(store) if store is not None and store.inline and not context else None
        self.methods = methods_of(service)
        self.name: str = service.full_name
        missing = [m.name for m in self.methods if not callable(getattr(api, m.name, None))]
        if missing:
            raise ValueError(f"{type(api).__name__} does not answer {', '.join(missing)}")
        self._handlers: dict[str, Handler] = {m.name: getattr(api, m.name) for m in self.methods}

    def answer(
        self,
        method: Method,
        request: Message,
        metadata: Mapping[str, str],
        time_remaining: Callable[[], float | None] = lambda: None,
        source: str = "",
        tell: Callable[[Mapping[str, str]], None] = lambda _: None,
    ) -> Message:
        """Answer one request; raises what the wire will carry as a status. `tell` gets the answer's metadata."""
        token = metadata.get("authorization", "").removeprefix("Bearer ").strip()
        caller = self._caller(method, token)
        _refuse_purpose(caller, method, metadata.get(PURPOSE, ""))
        cause = _cause(caller, metadata)
        _refuse_fields(caller, method, request)
        past = self._past_of(method, caller, metadata)

        def fresh(past: Past | None = None) -> Call:
            return Call(
                caller,
                cause,
                self._store,
                token,
                self._connect,
                time_remaining,
                metadata.get("x-source", source),
                past,
            )

        if past is not None:
            if caller.scope != "all":  # what is not his today was perhaps taken from him
                _run(fresh(), lambda call: self._handlers[method.name](request, call))
            with presenting(past.moment.at):
                response = _run(fresh(past), lambda call: self._handlers[method.name](request, call))
            tell(past.told())
        elif method.is_query:
            response = _run(fresh(), lambda call: self._handlers[method.name](request, call))
        else:
            response = self._carry_out(method, request, fresh)
        if caller.guest_of is not None and method.response_shape.has_internal:
            clear_internal(response, method.response_shape)
        if method.response_shape.classes:
            self._show(method, request, response, caller, cause)
        return response

    def stream(
        self,
        method: Method,
        request: Message,
        metadata: Mapping[str, str],
        time_remaining: Callable[[], float | None] = lambda: None,
        source: str = "",
    ) -> Iterator[Message]:
        """Answer one request by many messages, for no longer than the token is good. Raises as `answer` does."""
        token = metadata.get("authorization", "").removeprefix("Bearer ").strip()
        caller = self._caller(method, token)
        _refuse_purpose(caller, method, metadata.get(PURPOSE, ""))
        cause = _cause(caller, metadata)
        if moment_in(metadata, system_clock()) is not None:
            raise InvalidArgument("as_of", f"{method.name} goes on with what happens, so it has no past")

        def left_s() -> float:
            remaining, good_for = time_remaining(), self._verifier.seconds_left(token)
            return good_for if remaining is None else min(remaining, good_for)

        call = Call(caller, cause, self._store, token, self._connect, left_s, metadata.get("x-source", source))
        try:
            yield from self._handlers[method.name](request, call)
        finally:
            call.close()

    def _show(self, method: Method, request: Message, response: Message, caller: Caller, cause: Cause) -> None:
        """Take out what the caller may not see; record what personal data is left for him to see."""
        shape = method.response_shape
        from_him = withheld(caller.fields, method.permission, shape.classes)
        if from_him:
            from_him.conceal(response, shape)
        seen = from_him.seen(shape.classes)
        if not seen or self._reads is None:
            return
        if not (subjects := subjects_in(response, shape, seen)):
            if not holds(response, shape, seen):
                return
            subjects = ids_in(request)
        if subjects:
            self._reads.record(
                Read(
                    caller.actor,
                    method.full_name,
                    cause.request_id,
                    cause.correlation_id,
                    sorted(subjects),
                    sorted(seen),
                )
            )

    def _past_of(self, method: Method, caller: Caller, metadata: Mapping[str, str]) -> Past | None:
        moment = moment_in(metadata, system_clock())
        if moment is None:
            return None
        if not method.is_query:
            raise InvalidArgument("as_of", "is for questions; the past cannot be changed")
        if self._moments is None or method.permission in (PUBLIC, SIGNED_IN):
            raise InvalidArgument("as_of", f"{method.name} is not answered from views of the log, so it has no past")
        if caller.scope != "all" and not method.name.startswith("Get"):
            raise Forbidden(
                "lists as of a moment need a role that sees all records: whose they were then may not be yours to"
                " see. Ask for single records, which must be yours today and have been yours then"
            )
        return Past(moment, self._moments, set())

    def _caller(self, method: Method, token: str) -> Caller:
        if method.permission == PUBLIC and not token:
            return NOBODY
        if not token:
            raise Unauthenticated("sign in first: the call carries no token")
        caller = self._verifier.verify(token)
        if method.permission not in (PUBLIC, SIGNED_IN) and not caller.may(method.permission):
            raise Forbidden(
                f"this needs the permission {method.permission}; an administrator can grant a role that has it"
            )
        if caller.guest_of is not None and not method.guests and method.permission not in (PUBLIC, SIGNED_IN):
            raise Forbidden("this is for staff; a portal shows what is yours: ask whoever looks after you")
        return caller

    def _carry_out(self, method: Method, request: Message, fresh: Callable[[], Call]) -> Message:
        """Carry a command out once: its answer is kept with its effects, and given again when asked again."""
        fingerprint = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
        store = self._store
        if store is None:
            return _run(fresh(), lambda call: self._handlers[method.name](request, call))

        def answered(call: Call) -> Mapping[str, Any] | None:
            with store.connection() as connection:
                return connection.execute(
                    "select fingerprint, response from idempotency"
                    " where actor = %s and method = %s and request_id = %s",
                    (call.caller.actor, method.full_name, call.request_id),
                    prepare=True,
                ).fetchone()

        def carry_out(call: Call) -> Message:
            if (row := answered(call)) is not None:
                return _again(method, row, fingerprint)
            try:
                response: Message = self._handlers[method.name](request, call)
            except DomainError as refusal:
                if answered(call) is not None:  # refused because it is done: the same request did it a moment ago
                    raise _AnsweredMeanwhile from refusal
                raise
            if call._transaction is not None:
                _remember(call, method, fingerprint, response)
            return response

        for attempt in range(_RACES):
            try:
                return _run(fresh(), carry_out)
            except _RUN_AGAIN:
                if attempt == _RACES - 1:
                    raise
        raise AssertionError("unreachable")


def _refuse_purpose(caller: Caller, method: Method, purpose: str) -> None:
    """Reading records to look at them and taking them out as a file are two rights.

    Whoever says that he reads in order to export needs `export` beside the permission to read.
    """
    if not purpose:
        return
    if purpose != EXPORT:
        raise InvalidArgument(PURPOSE, f"{purpose[:40]!r} is no purpose; there is {EXPORT}, or leave it out")
    if method.permission in (PUBLIC, SIGNED_IN):
        return
    needed = f"{method.permission.rpartition('.')[0]}.{EXPORT}"
    if not caller.may(needed):
        raise Forbidden(
            f"to export this you need the permission {needed}; an administrator can grant a role that has it"
        )


def _refuse_fields(caller: Caller, method: Method, request: Message) -> None:
    if caller.guest_of is not None and (path := first_internal(request, method.request_shape)):
        raise Forbidden(f"{path} is for staff; leave it out")
    if method.is_query or not caller.fields or not method.request_shape.classes:
        return
    from_him = withheld(caller.fields, method.permission, method.request_shape.classes)
    if path := from_him.first_refused(request, method.request_shape):
        raise Forbidden(f"your roles do not let you write {path}; leave it out")


class _AnsweredMeanwhile(Exception):
    """The same request was carried out by somebody else between looking and writing."""


_RUN_AGAIN = (LostRace, _AnsweredMeanwhile, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
"""What another transaction caused: nothing was done, and the same request may succeed at once."""


def _remember(call: Call, method: Method, fingerprint: bytes, response: Message) -> None:
    cursor = call.transaction().cursor
    cursor.execute(
        "insert into idempotency (actor, method, request_id, fingerprint, response)"
        " values (%s, %s, %s, %s, %s) on conflict do nothing",
        (
            call.caller.actor,
            method.full_name,
            call.request_id,
            fingerprint,
            _without_personal(response, method.response_shape).SerializeToString(),
        ),
        prepare=True,
    )
    if cursor.rowcount == 0:
        raise _AnsweredMeanwhile


def _without_personal(response: Message, shape: Shape) -> Message:
    """What is kept of an answer outlives the person it may be about: it is kept without personal text."""
    personal = shape.classes - {AMOUNT}
    if not personal:
        return response
    kept = type(response)()
    kept.CopyFrom(response)
    Withheld(dict.fromkeys(personal, Access.HIDE)).conceal(kept, shape)
    return kept


def _again(method: Method, row: Mapping[str, Any], fingerprint: bytes) -> Message:
    if bytes(row["fingerprint"]) != fingerprint:
        raise InvalidArgument("request_id", "was used before for another request; use a fresh one for every command")
    return method.response_type.FromString(bytes(row["response"]))


def _run(call: Call, handle: Callable[[Call], Message]) -> Message:
    try:
        response = handle(call)
    except BaseException as error:
        call.close(error)
        raise
    call.close()
    return response


def _cause(caller: Caller, metadata: Mapping[str, str]) -> Cause:
    request_id = metadata.get("request-id", "") or str(new_id())
    if not _REQUEST_ID.fullmatch(request_id):
        raise InvalidArgument("request_id", "must be 1 to 200 visible ASCII characters")
    effective_at = None
    if text := metadata.get("effective-at", ""):
        effective_at = _time(text)
    timeline_id = metadata.get("timeline-id", "")
    if timeline_id and not _TIMELINE.fullmatch(timeline_id):
        raise InvalidArgument("timeline_id", "must be 1 to 100 letters, digits, or . _ : -")
    if (effective_at or timeline_id) and not caller.may(BACKDATE):
        raise Forbidden(f"entering work late needs the permission {BACKDATE}")
    correlation = metadata.get("correlation-id", "")
    return Cause(
        actor=caller.actor,
        request_id=request_id,
        correlation_id=_uuid_or_new(correlation),
        traceparent=current_traceparent(),
        effective_at=effective_at,
        timeline_id=timeline_id,
    )


def _uuid_or_new(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return new_id()


def _time(text: str) -> datetime:
    try:
        time_ = datetime.fromisoformat(text)
    except ValueError:
        time_ = None
    if time_ is None or time_.tzinfo is None:
        raise InvalidArgument("effective_at", f"{text[:40]!r} is not an RFC 3339 time with an offset")
    try:
        return time_.astimezone(UTC)
    except OverflowError:
        raise InvalidArgument("effective_at", f"{text[:40]!r} is beyond the calendar") from None


__all__ = [
    "Call",
    "Endpoint",
    "Method",
    "Page",
    "methods_of",
    "optional_date",
    "optional_text",
    "optional_uuid",
    "page_of",
    "required_date",
    "required_text",
    "required_uuid",
]
