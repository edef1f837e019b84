"""A person is forgotten here at once, everybody else is asked until all have answered, and it is certified."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from crm.customer.v1 import customer_service_pb2 as pb
from crm.customer.v1 import erasure_service_pb2 as erasing
from crm.customer.v1.erasure_service_pb2_grpc import ErasureServiceStub
from crm.erasure.v1.erasure_events_pb2 import PersonPurged
from crm.pipeline.v1.lead_events_pb2 import LeadForgotten
from kernel.config import CONTEXTS
from kernel.ids import new_id
from kernel.rebuild import compare
from testkit import a_caller, a_token
from testkit.grpc_server import patiently

MARK = "Zyxomma"
OTHERS = [context for context in CONTEXTS if context != "customer"]


def in_a_day() -> Timestamp:
    message = Timestamp()
    message.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    return message


def erasures(running: Any, caller: Any = None) -> ErasureServiceStub:
    token = ("authorization", f"Bearer {a_token(caller or a_caller())}")
    return ErasureServiceStub(patiently(running.channel, [token]))


def forget(running: Any, kind: int, person_id: str, **fields: str) -> str:
    request = erasing.ForgetPersonRequest(
        person_kind=kind,
        person_id=person_id,
        confirmation=f"forget {person_id}",
        reason="request",
        request_ref="DSR-7/2026",
    )
    for name, value in fields.items():
        setattr(request, name, value)
    return str(erasures(running).ForgetPerson(request).erasure_id)


def answered(running: Any, erasure_id: str, contexts: list[str], round_: int, *related: str) -> None:
    for context in contexts:
        said = PersonPurged(
            erasure_id=erasure_id,
            context=context,
            round=round_,
            searched=[{"table": "things", "rows": 1}],
            keys_destroyed=1,
            related_ids=related,
            kept=[{"kind": "order", "records": round_, "free_on": "2037-01-01", "basis": "the law"}]
            if context == "pipeline"
            else [],
        )
        running.happened(said)


def tables_with(running: Any, mark: str) -> list[str]:
    """Every table of the database in which the mark stands, in whatever column."""
    names = [r["t"] for r in running.rows("select tablename as t from pg_tables where schemaname = 'public'")]
    hex_ = mark.encode().hex()
    return [
        name
        for name in names
        if running.rows(
            f"select from {name} x where x::text ilike %s or x::text like %s limit 1", [f"%{mark}%", f"%{hex_}%"]
        )
    ]


@pytest.fixture
def known(running: Any, company: Any) -> tuple[str, str]:
    """A company and its contact, marked in every field there is."""
    api = running.ask()
    made = company("Alpha Ltd", phones=["13800138000"])
    made.contacts.add(name=f"{MARK} One", phones=["13900139000"], emails=[f"{MARK}@example.com"], remark=MARK)
    made.contacts.add(name="Somebody Else")
    a = api.RegisterCustomer(made)
    customer_id, contact_id = a.customer_id, a.contact_ids[0]
    content = f"letter of {MARK}".encode()
    kept = api.UploadFile(pb.UploadFileRequest(name=f"{MARK}.txt", media_type="text/plain", content=content))
    assert kept.attachment.sha256 == hashlib.sha256(content).hexdigest()
    api.LogActivity(
        pb.LogActivityRequest(
            customer_id=customer_id,
            contact_id=contact_id,
            kind=2,
            content=f"met {MARK}",
            result=f"{MARK} agreed",
            attachments=[kept.attachment],
            next_contact_at=in_a_day(),
            next_subject=f"call {MARK}",
        )
    )
    api.ReviseContact(
        pb.ReviseContactRequest(
            customer_id=customer_id, contact_id=contact_id, contact=pb.Contact(name=f"{MARK} Two", position=MARK)
        )
    )
    api.LogActivity(pb.LogActivityRequest(customer_id=customer_id, kind=2, content="with the company itself"))
    return customer_id, contact_id


@pytest.mark.feature("CUS-50")
def test_nothing_of_a_forgotten_contact_is_left_here_and_a_rebuild_brings_nothing_back(
    running: Any, known: tuple[str, str]
) -> None:
    customer_id, contact_id = known
    assert {"contacts", "timeline", "follow_ups", "search_terms", "files"} <= set(tables_with(running, MARK))
    [file] = running.rows("select content, size_bytes, file_id from files")
    assert MARK.encode() not in bytes(file["content"]), "bytes are sealed"
    erasure_id = forget(running, erasing.PERSON_KIND_CONTACT, contact_id)
    assert tables_with(running, MARK) == []
    for view in running.service.inline:
        assert compare(running.service, view).equal, view.name
    api = running.ask()
    shown = api.GetCustomer(pb.GetCustomerRequest(customer_id=customer_id))
    assert [contact.name for contact in shown.contacts] == ["Somebody Else"]
    entries = api.GetTimeline(pb.GetTimelineRequest(customer_id=customer_id)).entries
    assert [e.content for e in entries if e.type == "activity"] == ["with the company itself", "[erased]"]
    [step] = erasures(running).GetErasure(erasing.GetErasureRequest(erasure_id=erasure_id)).steps
    assert step.keys_destroyed == 2, "his, and his file's"
    assert {it.table: it.rows for it in step.searched} == {
        "files": 1, "timeline": 4, "follow_ups": 1, "search_terms": 1, "contacts": 1, "customers": 0,
    }  # fmt: skip


@pytest.mark.feature("CUS-50", "NFR-11", "NFR-24")
def test_it_is_complete_when_all_have_answered_twice_and_the_certificate_says_so(
    running: Any, known: tuple[str, str]
) -> None:
    _, contact_id = known
    erasure_id = forget(running, erasing.PERSON_KIND_CONTACT, contact_id)
    api, lead_id = erasures(running), str(new_id())

    def state() -> Any:
        return api.GetErasure(erasing.GetErasureRequest(erasure_id=erasure_id)).erasure

    assert list(state().waiting_for) == sorted(OTHERS)
    answered(running, erasure_id, OTHERS[:-1], 1)
    answered(running, erasure_id, OTHERS[:1], 1)  # twice is once
    assert (state().round, list(state().waiting_for)) == (1, OTHERS[-1:])
    answered(running, erasure_id, OTHERS[-1:], 1, lead_id)
    assert (state().round, len(state().waiting_for)) == (2, len(OTHERS)), "the lead is unknown to the others"
    answered(running, erasure_id, OTHERS, 1)
    assert len(state().waiting_for) == len(OTHERS), "answers to an earlier round do not count"
    answered(running, erasure_id, OTHERS, 2)
    assert state().state == "running"
    with pytest.raises(Exception, match="the last round is still to come"):
        api.GetErasureCertificate(erasing.GetErasureCertificateRequest(erasure_id=erasure_id))
    running.pass_time(seconds=9)
    assert state().round == 3
    answered(running, erasure_id, OTHERS, 3)
    assert state().state == "complete"
    certificate = api.GetErasureCertificate(erasing.GetErasureCertificateRequest(erasure_id=erasure_id))
    key = Ed25519PublicKey.from_public_bytes(b64decode(certificate.public_key))
    key.verify(b64decode(certificate.signature), certificate.document.encode())
    with pytest.raises(InvalidSignature):
        key.verify(b64decode(certificate.signature), certificate.document.replace('"rows": 1', '"rows": 0').encode())
    said = json.loads(certificate.document)
    assert {step["context"] for step in said["searched"]} == set(CONTEXTS)
    assert said["request_ref"] == "DSR-7/2026"
    assert said["rows_purged"] == 8 + 3 * len(OTHERS)
    (kept,) = said["kept"]
    assert kept == {
        "context": "pipeline", "kind": "order", "records": 3, "free_on": "2037-01-01", "basis": "the law",
    }, "as it was answered last, when all ids were known"  # fmt: skip
    steps = api.GetErasure(erasing.GetErasureRequest(erasure_id=erasure_id)).steps
    assert [it.kept[0].records for it in steps if it.context == "pipeline"] == [1, 2, 3]
    assert not any(text in certificate.document for text in (contact_id, lead_id, MARK))
    asked = running.events("ErasureRequested")
    assert len(asked) == 1
    assert forget(running, erasing.PERSON_KIND_LEAD, lead_id) == erasure_id, "his lead was forgotten with him"


@pytest.mark.feature("CUS-50")
def test_who_does_not_answer_is_asked_again_and_the_delay_is_said(running: Any, known: tuple[str, str]) -> None:
    erasure_id = forget(running, erasing.PERSON_KIND_CONTACT, known[1])
    answered(running, erasure_id, OTHERS[1:], 1)

    def asked() -> int:
        [row] = running.rows("select count(*) as n from events where topic = 'crm.erasure.v1.PurgeAsked'")
        return int(row["n"])

    assert asked() == 1
    running.pass_time(seconds=11)
    assert (asked(), running.events("ErasureOverdue")) == (2, [])
    running.pass_time(seconds=40)
    [overdue] = running.events("ErasureOverdue")
    assert (asked(), overdue.missing_contexts) == (3, (OTHERS[0],))
    running.pass_time(seconds=120)
    assert asked() == 4, "and on it goes"
    answered(running, erasure_id, OTHERS[:1], 1)
    running.pass_time(seconds=140)
    answered(running, erasure_id, OTHERS, 2)
    [row] = running.rows("select state from erasures")
    assert row["state"] == "complete"
    assert running.rows("select key from timers where starts_with(kind, 'erasure')") == []


@pytest.mark.feature("CUS-50")
def test_a_private_customer_is_forgotten_with_his_contacts_and_counted_as_before(running: Any, company: Any) -> None:
    api = running.ask()
    request = company(f"{MARK} Person", phones=["13700137000"], emails=[f"{MARK}@p.example"])
    request.profile.address, request.profile.remark = f"{MARK} Road 1", MARK
    request.profile.custom_fields["hobby"] = MARK
    request.kind = 2
    request.contacts.add(name=f"{MARK} Wife")
    customer_id = api.RegisterCustomer(request).customer_id
    api.LogActivity(pb.LogActivityRequest(customer_id=customer_id, kind=2, content=f"asked {MARK}"))
    before = api.ListCustomers(pb.ListCustomersRequest()).total_size
    forget(running, erasing.PERSON_KIND_CUSTOMER, customer_id)
    assert tables_with(running, MARK) == []
    for view in running.service.inline:
        assert compare(running.service, view).equal, view.name
    assert api.ListCustomers(pb.ListCustomersRequest()).total_size == before
    shown = api.GetCustomer(pb.GetCustomerRequest(customer_id=customer_id))
    assert (shown.card.name, list(shown.profile.phones), len(shown.contacts)) == ("[erased]", [], 0)


@pytest.mark.feature("CUS-52")
def test_a_consent_is_kept_with_who_when_where_and_the_words(running: Any, known: tuple[str, str]) -> None:
    customer_id, contact_id = known
    who = a_caller()
    running.ask(who).GiveConsent(
        pb.GiveConsentRequest(
            customer_id=customer_id,
            contact_id=contact_id,
            channel="email",
            purpose="marketing",
            source="fair in Hangzhou",
            wording="I want to hear of new pumps.",
        )
    )
    [kept] = running.ask().GetCustomer(pb.GetCustomerRequest(customer_id=customer_id)).consents
    assert (kept.recorded_by, kept.source, kept.wording) == (
        who.actor,
        "fair in Hangzhou",
        "I want to hear of new pumps.",
    )
    assert abs(kept.given_at.ToDatetime(UTC) - datetime.now(UTC)) < timedelta(minutes=5)
    for view in running.service.inline:
        assert compare(running.service, view).equal, view.name


def test_what_is_no_request_is_refused(running: Any, known: tuple[str, str], refused: Any) -> None:
    customer_id, contact_id = known
    with refused(StatusCode.INVALID_ARGUMENT) as why:
        forget(running, erasing.PERSON_KIND_CONTACT, contact_id, confirmation="yes")
    assert f"forget {contact_id}" in why.details
    for kind in (erasing.PERSON_KIND_CUSTOMER, erasing.PERSON_KIND_LEAD):
        with refused(StatusCode.INVALID_ARGUMENT):
            forget(running, kind, customer_id)
    with refused(StatusCode.INVALID_ARGUMENT):
        forget(running, erasing.PERSON_KIND_CONTACT, contact_id, request_ref="Li Wei's letter")
    with refused(StatusCode.INVALID_ARGUMENT):
        forget(running, erasing.PERSON_KIND_CONTACT, contact_id, reason="because")
    with refused(StatusCode.NOT_FOUND):
        forget(running, erasing.PERSON_KIND_CONTACT, str(new_id()))
    with refused(StatusCode.PERMISSION_DENIED):
        erasures(running, a_caller(permissions=("customer.customer.write",))).ForgetPerson(
            erasing.ForgetPersonRequest(person_id=contact_id)
        )
    assert "contacts" in tables_with(running, MARK), "nobody was forgotten"


@pytest.mark.feature("CUS-50")
def test_a_lead_forgotten_in_the_pipeline_is_forgotten_everywhere_once(running: Any) -> None:
    lead_id = str(new_id())
    running.happened(LeadForgotten(lead_id=lead_id, reason="asked us to"))
    [asked] = running.events("ErasureRequested")
    assert (str(asked.person_id), asked.reason) == (lead_id, "lead_forgotten")
    running.happened(LeadForgotten(lead_id=str(new_id()), reason=f"erasure {asked.erasure_id}"))
    assert len(running.events("ErasureRequested")) == 1, "an erasure's own doing begins none"


def test_nobody_can_be_written_about_again_under_a_forgotten_id(
    running: Any, known: tuple[str, str], refused: Any
) -> None:
    customer_id, contact_id = known
    forget(running, erasing.PERSON_KIND_CONTACT, contact_id)
    with refused(StatusCode.INVALID_ARGUMENT):
        running.ask().LogActivity(
            pb.LogActivityRequest(customer_id=customer_id, contact_id=contact_id, kind=2, content=MARK)
        )
    assert tables_with(running, MARK) == []
