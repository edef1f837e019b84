"""Commands over real gRPC: who may, what is refused and how, and that asking twice does it once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import grpc
import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from crm.audit.v1 import reads_service_pb2 as audit
from crm.audit.v1.reads_service_pb2_grpc import ReadsServiceStub
from kernel.auth import ALGORITHM, AUDIENCE, LEEWAY, Caller, Verifier, claims_of
from kernel.errors import Conflict, DomainError
from kernel.reads import ReadsApi
from kernel.rpc import Call, Endpoint, required_text, required_uuid
from kernel.store import EventStore
from kernel.wire import FIELD_TRAILER, channel_to, serve

PERSON = UUID(int=7)


class NoteApi:
    def __init__(self, notes: SimpleNamespace) -> None:
        self._notes = notes
        self.races = 0
        self.race: threading.Barrier | None = None
        self.meanwhile: Any = None

    def TakeNote(self, request: Any, call: Call) -> Any:
        note_id = required_uuid(request, "note_id")
        text = required_text(request, "text")
        if self.meanwhile is not None:
            do, self.meanwhile = self.meanwhile, None
            do()
        tx = call.transaction()
        before = tx.load(note_id, lambda _, event: event)
        if self.race is not None:
            self.races += 1
            if self.races <= self.race.parties:
                self.race.wait(10)
        if text == "forbidden word":
            raise DomainError("that word is not said here; choose another")
        if text == "boom":
            raise KeyError("张伟 13812345678")
        if before.version >= 2:
            raise Conflict("the note says 'b', you expected 'a'")
        event = self._notes.NoteTaken(note_id, PERSON, text, answers={})
        version = tx.append(note_id, before.version, [event])
        return self._notes.messages.TakeNoteResponse(version=version, text=text if text.startswith("echo") else "")

    def GetNote(self, request: Any, call: Call) -> Any:
        row = call.query().execute("select text from notes where note_id = %s", (request.note_id,)).fetchone()
        return self._notes.messages.GetNoteResponse(text=row["text"] if row else "")


@pytest.fixture(scope="session")
def signing_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture
def api(notes: SimpleNamespace) -> NoteApi:
    return NoteApi(notes)


@pytest.fixture
def ask(store: EventStore[Any], notes: SimpleNamespace, api: NoteApi, signing_key: Ed25519PrivateKey) -> Iterator[Any]:
    public = signing_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    service = notes.messages.DESCRIPTOR.services_by_name["NoteService"]
    server, port = serve([Endpoint(service, api, store, Verifier(public))], "127.0.0.1:0")
    channel = channel_to(f"127.0.0.1:{port}")

    def token(permissions: tuple[str, ...] = ("*",), life_s: int = 60, **more: Any) -> str:
        claims = claims_of(Caller("person", str(PERSON), permissions=permissions, scope="all"))
        now = int(time.time())
        return jwt.encode(
            claims | {"iat": now - 30, "exp": now + life_s, "aud": AUDIENCE} | more, signing_key, ALGORITHM
        )

    def ask(name: str, _token: str | None = None, _metadata: tuple[tuple[str, str], ...] = (), **values: Any) -> Any:
        request = getattr(notes.messages, f"{name}Request")(**values)
        call = channel.unary_unary(
            f"/kernel_test.v1.NoteService/{name}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=getattr(notes.messages, f"{name}Response").FromString,
        )
        bearer = token() if _token is None else _token
        metadata = ((("authorization", f"Bearer {bearer}"),) if bearer else ()) + _metadata
        return call(request, metadata=metadata, timeout=20)

    ask.token = token  # type: ignore[attr-defined]
    yield ask
    channel.close()
    server.stop(None).wait()


def refused(call: Any, code: grpc.StatusCode) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as error:
        call()
    assert error.value.code() is code, error.value
    return error.value


def test_a_command_is_carried_out_and_its_writer_reads_it(ask: Any) -> None:
    note = str(uuid4())
    assert ask("TakeNote", note_id=note, text="hello").version == 1
    assert ask("GetNote", note_id=note).text == "hello"


@pytest.mark.feature("NFR-19")
def test_asking_twice_with_one_request_id_does_it_once(ask: Any, store: EventStore[Any]) -> None:
    note = str(uuid4())
    for _ in range(3):
        assert ask("TakeNote", None, (("request-id", "r1"),), note_id=note, text="once").version == 1
    with store.connection() as connection:
        assert connection.execute("select count(*) as n from events").fetchone() == {"n": 1}


def test_a_request_id_is_not_for_two_requests(ask: Any) -> None:
    ask("TakeNote", None, (("request-id", "r1"),), note_id=str(uuid4()), text="a")
    error = refused(
        lambda: ask("TakeNote", None, (("request-id", "r1"),), note_id=str(uuid4()), text="b"),
        grpc.StatusCode.INVALID_ARGUMENT,
    )
    assert dict(error.trailing_metadata())[FIELD_TRAILER] == "request_id"


def test_the_same_request_from_two_threads_at_once_is_done_once(ask: Any, store: EventStore[Any]) -> None:
    note = str(uuid4())
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda _: ask("TakeNote", None, (("request-id", "same"),), note_id=note, text="x").version,
                range(8),
            )
        )
    assert answers == [1] * 8
    with store.connection() as connection:
        assert connection.execute("select count(*) as n from events").fetchone() == {"n": 1}


def test_what_is_refused_because_the_same_request_did_it_meanwhile_is_answered(ask: Any, api: NoteApi) -> None:
    """A caller who was not answered in time asks again while his first request is still being carried out."""
    note = str(uuid4())
    ask("TakeNote", note_id=note, text="a")

    def request() -> int:
        return int(ask("TakeNote", None, (("request-id", "slow"),), note_id=note, text="b").version)

    first: list[int] = []
    api.meanwhile = lambda: first.append(request())
    assert request() == 2
    assert first == [2]
    refused(lambda: ask("TakeNote", note_id=note, text="b"), grpc.StatusCode.ABORTED)


def test_a_race_lost_is_run_again(ask: Any, api: NoteApi) -> None:
    api.race = threading.Barrier(2)
    note = str(uuid4())
    with ThreadPoolExecutor(2) as pool:
        versions = sorted(pool.map(lambda text: ask("TakeNote", note_id=note, text=text).version, ("a", "b")))
    assert versions == [1, 2]
    assert api.races == 3


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        ({"note_id": "nonsense", "text": "x"}, grpc.StatusCode.INVALID_ARGUMENT, "is not an id"),
        ({"note_id": str(UUID(int=1)), "text": ""}, grpc.StatusCode.INVALID_ARGUMENT, "is required"),
        (
            {"note_id": str(UUID(int=1)), "text": "forbidden word"},
            grpc.StatusCode.FAILED_PRECONDITION,
            "choose another",
        ),
        ({"note_id": str(UUID(int=1)), "text": "boom"}, grpc.StatusCode.INTERNAL, "changed nothing"),
    ],
)
def test_refusals_have_their_status_and_say_the_way_out(
    ask: Any, store: EventStore[Any], values: dict[str, str], code: grpc.StatusCode, words: str
) -> None:
    error = refused(lambda: ask("TakeNote", **values), code)
    assert words in error.details()
    with store.connection() as connection:
        assert connection.execute("select count(*) as n from events").fetchone() == {"n": 0}


def test_what_broke_is_logged_without_what_a_person_typed(ask: Any, caplog: pytest.LogCaptureFixture) -> None:
    from kernel.telemetry import JsonLines

    error = refused(lambda: ask("TakeNote", note_id=str(uuid4()), text="boom"), grpc.StatusCode.INTERNAL)
    lines = [JsonLines().format(record) for record in caplog.records if record.name == "kernel.wire"]
    assert any("KeyError" in line for line in lines)
    assert not any("张伟" in text or "13812345678" in text for text in [*lines, error.details()])


def test_nobody_gets_in_without_a_good_token(ask: Any, signing_key: Ed25519PrivateKey) -> None:
    stranger = jwt.encode(
        {"sub": "x", "aud": AUDIENCE, "iat": 0, "exp": 2**33}, Ed25519PrivateKey.generate(), ALGORITHM
    )
    for bad in ("", "rubbish", stranger, ask.token(life_s=-20), ask.token(aud="elsewhere")):
        refused(lambda bad=bad: ask("GetNote", bad, note_id="x"), grpc.StatusCode.UNAUTHENTICATED)


def test_a_token_that_was_good_is_refused_once_it_has_expired(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    note, token = str(uuid4()), ask.token()
    ask("TakeNote", token, note_id=note, text="hello")
    assert ask("GetNote", token, note_id=note).text == "hello"
    expires = jwt.decode(token, options={"verify_signature": False})["exp"]
    monkeypatch.setattr("kernel.auth.time.time", lambda: expires + LEEWAY.total_seconds() + 0.01)
    refused(lambda: ask("GetNote", token, note_id=note), grpc.StatusCode.UNAUTHENTICATED)


def test_a_permission_is_needed_for_every_call(ask: Any) -> None:
    reader = ask.token(permissions=("kernel.note.read",))
    ask("GetNote", reader, note_id=str(uuid4()))
    error = refused(lambda: ask("TakeNote", reader, note_id=str(uuid4()), text="x"), grpc.StatusCode.PERMISSION_DENIED)
    assert "kernel.note.write" in error.details()


def test_whoever_says_that_he_exports_needs_that_verb_beside_reading(ask: Any) -> None:
    def read(held: tuple[str, ...], purpose: str) -> Any:
        token = ask.token(permissions=tuple(f"kernel.note.{verb}" for verb in held))
        return ask("GetNote", token, (("purpose", purpose),) if purpose else (), note_id=str(uuid4()))

    assert read(("read",), "") is not None
    refusal = refused(lambda: read(("read",), "export"), grpc.StatusCode.PERMISSION_DENIED)
    assert "kernel.note.export" in refusal.details()
    assert read(("read", "export"), "export") is not None
    refused(lambda: read(("export",), "export"), grpc.StatusCode.PERMISSION_DENIED)
    assert "purpose" in str(refused(lambda: read(("read",), "fun"), grpc.StatusCode.INVALID_ARGUMENT).details())


def test_entering_work_late_needs_its_own_permission(ask: Any, store: EventStore[Any]) -> None:
    late = (("effective-at", "2025-01-02T03:04:05+08:00"), ("timeline-id", "import-1"))
    writer = ask.token(permissions=("kernel.*",))
    refused(
        lambda: ask("TakeNote", writer, late, note_id=str(uuid4()), text="x"),
        grpc.StatusCode.PERMISSION_DENIED,
    )
    ask("TakeNote", None, late, note_id=str(uuid4()), text="x")
    with store.connection() as connection:
        row = connection.execute("select effective_at, timeline_id from events").fetchone()
        reached = connection.execute("select reached_at from timelines").fetchone()
    assert row is not None
    assert row["effective_at"].isoformat() == "2025-01-01T19:04:05+00:00"
    assert row["timeline_id"] == "import-1"
    assert reached == {"reached_at": row["effective_at"]}


def test_an_api_that_leaves_an_rpc_unanswered_is_refused_at_start(
    notes: SimpleNamespace, store: EventStore[Any]
) -> None:
    class Half:
        def TakeNote(self, request: Any, call: Call) -> Any: ...

    service = notes.messages.DESCRIPTOR.services_by_name["NoteService"]
    with pytest.raises(ValueError, match="GetNote"):
        Endpoint(service, Half(), store, None)  # type: ignore[arg-type]


# -- field rules ---------------------------------------------------------------------------------


def rules(*roles: dict[str, str]) -> list[list[list[str]]]:
    return [[[pattern, access] for pattern, access in role.items()] for role in roles]


@pytest.mark.feature("IDN-05")
def test_a_field_is_masked_or_hidden_by_the_rules_of_the_roles_held(ask: Any) -> None:
    note = str(uuid4())
    ask("TakeNote", note_id=note, text="the whole story")

    def shown(*roles: dict[str, str]) -> str:
        return str(ask("GetNote", ask.token(fields=rules(*roles)), note_id=note).text)

    assert shown({"*.*.personal": "mask"}) == "***"
    assert shown({"kernel.note.*": "hide"}) == ""
    assert shown({"kernel.note.personal": "view"}) == "the whole story"
    assert shown({"customer.*.personal": "hide"}) == "the whole story"
    assert shown({"*.*.*": "view", "kernel.note.personal": "mask"}) == "***", "within a role the strictest rule holds"
    assert shown({"*.*.personal": "hide"}, {"*.*.personal": "mask"}) == "***", "of several roles the freest wins"
    assert shown({"*.*.personal": "hide"}, {"*.*.amount": "hide"}) == "the whole story"
    assert shown({"*.*.personal": "unheard-of"}) == "", "an access that is not known shows nothing"


@pytest.mark.feature("IDN-05")
def test_what_may_not_be_edited_may_not_be_written(ask: Any) -> None:
    viewer = ask.token(fields=rules({"kernel.note.personal": "view"}))
    error = refused(lambda: ask("TakeNote", viewer, note_id=str(uuid4()), text="x"), grpc.StatusCode.PERMISSION_DENIED)
    assert "text" in error.details()
    refused(lambda: ask("TakeNote", viewer, note_id=str(uuid4())), grpc.StatusCode.INVALID_ARGUMENT)


def test_an_answer_to_a_command_is_kept_without_personal_text(ask: Any, store: EventStore[Any]) -> None:
    """It outlives the person it may be about; and what it shows is a read like any other."""
    note, metadata = uuid4(), (("request-id", "again"),)
    first = ask("TakeNote", None, metadata, note_id=str(note), text="echo 张伟")
    again = ask("TakeNote", None, metadata, note_id=str(note), text="echo 张伟")
    assert (first.version, first.text) == (1, "echo 张伟")
    assert (again.version, again.text) == (1, "")
    with store.connection() as connection:
        (kept,) = connection.execute("select response from idempotency").fetchall()
    assert "张伟".encode() not in bytes(kept["response"])
    assert [read["subjects"] for read in reads(store)] == [[note]]


# -- reads ---------------------------------------------------------------------------------------


def reads(store: EventStore[Any]) -> list[Any]:
    with store.connection() as connection:
        return connection.execute("select * from reads order by position").fetchall()


@pytest.mark.feature("ANA-27", "IDN-14")
def test_whoever_is_shown_personal_data_is_on_record_before_he_sees_it(ask: Any, store: EventStore[Any]) -> None:
    note = uuid4()
    ask("TakeNote", note_id=str(note), text="hello")
    assert reads(store) == [], "writing shows nothing"
    ask("GetNote", None, (("request-id", "r-77"),), note_id=str(note))
    (read,) = reads(store)
    assert (read["actor"], read["method"]) == (f"person:{PERSON}", "kernel_test.v1.NoteService/GetNote")
    assert (read["subjects"], read["classes"], read["request_id"]) == ([note], ["personal"], "r-77")


def test_what_was_not_shown_is_not_a_read(ask: Any, store: EventStore[Any]) -> None:
    note = str(uuid4())
    ask("GetNote", note_id=note)
    ask("TakeNote", note_id=note, text="hello")
    for access in ("mask", "hide"):
        ask("GetNote", ask.token(fields=rules({"kernel.note.personal": access})), note_id=note)
    assert reads(store) == []


def test_an_answer_that_cannot_be_recorded_is_not_given(ask: Any, notes_database: Any) -> None:
    note = str(uuid4())
    ask("TakeNote", note_id=note, text="hello")
    with psycopg.connect(notes_database.owner_url, autocommit=True) as owner:
        owner.execute("alter table reads add constraint nothing check (false)")
        refused(lambda: ask("GetNote", note_id=note), grpc.StatusCode.INTERNAL)
        owner.execute("alter table reads drop constraint nothing")
    assert ask("GetNote", note_id=note).text == "hello"


def test_reads_at_the_same_moment_are_all_recorded(ask: Any, store: EventStore[Any]) -> None:
    notes = [str(uuid4()) for _ in range(40)]
    for note in notes:
        ask("TakeNote", note_id=note, text="hello")
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda note: ask("GetNote", note_id=note), notes))
    assert sorted(str(read["subjects"][0]) for read in reads(store)) == sorted(notes)


def test_a_service_may_add_reads_and_never_change_them(store: EventStore[Any], ask: Any) -> None:
    note = str(uuid4())
    ask("TakeNote", note_id=note, text="hello")
    ask("GetNote", note_id=note)
    for statement in ("update reads set actor = 'x'", "delete from reads", "truncate reads"):
        with store.connection() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


@pytest.mark.feature("ANA-27", "IDN-14")
def test_reads_are_listed_by_record_actor_and_time_from_the_service_that_is_named(
    ask: Any, store: EventStore[Any], notes: SimpleNamespace, signing_key: Ed25519PrivateKey
) -> None:
    mine, other = str(uuid4()), str(uuid4())
    for note in (mine, other):
        ask("TakeNote", note_id=note, text="hello")
        ask("GetNote", note_id=note)
    public = signing_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    descriptor = audit.DESCRIPTOR.services_by_name["ReadsService"]
    endpoints = [
        Endpoint(descriptor, ReadsApi(context), store, Verifier(public), context=context)
        for context in ("notes", "papers")
    ]
    server, port = serve(endpoints, "127.0.0.1:0")
    bearer = (("authorization", f"Bearer {ask.token()}"),)
    with channel_to(f"127.0.0.1:{port}") as channel:
        stub = ReadsServiceStub(channel)

        def listed(context: str = "notes", **wanted: Any) -> list[Any]:
            return list(stub.ListReads(audit.ListReadsRequest(context=context, **wanted), metadata=bearer).reads)

        assert [list(read.subject_ids) for read in listed()] == [[other], [mine]], "newest first"
        assert [read.position for read in listed(subject_id=mine)] == [1]
        assert [read.context for read in listed("papers", actor=str(PERSON))] == ["papers", "papers"]
        assert listed(actor="person:" + str(uuid4())) == []
        moment = listed(subject_id=other)[0].read_at
        assert [read.position for read in listed(to_at=moment)] == [1]
        assert [read.position for read in listed(from_at=moment)] == [2]
        assert [read.position for read in listed(before_position=2)] == [1]
        refused(lambda: listed("letters"), grpc.StatusCode.NOT_FOUND)
        refused(lambda: stub.ListReads(audit.ListReadsRequest(context="notes")), grpc.StatusCode.UNAUTHENTICATED)
    server.stop(None).wait()
