"""Forms in public: shown, filled in by people, refused to robots, and read by those who may."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import grpc
import pytest

from crm.marketing.v1 import form_events_pb2 as frm
from crm.marketing.v1 import marketing_service_pb2 as pb
from crm.marketing.v1.marketing_service_pb2_grpc import MarketingServiceStub
from crm.pipeline.v1 import lead_events_pb2 as lead_told
from kernel.store import Cause
from testkit.callers import a_caller

FIELDS = [
    frm.FormField(key="person_name", label="姓名", kind=frm.FORM_FIELD_KIND_TEXT, required=True),
    frm.FormField(key="email", label="E-mail", kind=frm.FORM_FIELD_KIND_EMAIL),
    frm.FormField(key="company", label="公司", kind=frm.FORM_FIELD_KIND_TEXT),
    frm.FormField(key="interest", label="Interest", kind=frm.FORM_FIELD_KIND_CHOICE, choices=["CRM", "ERP"]),
]
VALUES = {"person_name": "王芳", "email": "wang@example.com", "interest": "CRM"}
VISITOR = str(UUID(int=900))


def a_form(running: Any, publish: bool = True, **fields: Any) -> str:
    given = {
        "title": "试用申请",
        "source_channel": "website",
        "fields": FIELDS,
        "thank_you": frm.ThankYou(message="谢谢", download_url="https://example.com/manual.pdf"),
    } | fields
    form_id = running.stub.DraftForm(pb.DraftFormRequest(**given)).form_id
    if publish:
        running.stub.PublishForm(pb.PublishFormRequest(form_id=form_id))
    return str(form_id)


def shown(running: Any, form_id: str) -> pb.PublicForm:
    return running.public().GetPublicForm(pb.GetPublicFormRequest(form_id=form_id)).form


def a_submission(running: Any, form_id: str, wait_s: float = 10, **fields: Any) -> pb.SubmitFormRequest:
    """What a browser would send after a person filled in the form for a while."""
    token = shown(running, form_id).form_token
    running.go(seconds=wait_s)
    return pb.SubmitFormRequest(**({"form_id": form_id, "form_token": token, "values": VALUES} | fields))


def refused_with(error: pytest.ExceptionInfo[grpc.RpcError]) -> grpc.StatusCode:
    code: grpc.StatusCode = error.value.code()
    return code


@pytest.mark.feature("MKT-05")
def test_a_published_form_is_shown_filled_in_and_thanked_for(running: Any) -> None:
    form_id = a_form(running)
    public = shown(running, form_id)
    assert (public.title, [f.key for f in public.fields]) == (
        "试用申请",
        ["person_name", "email", "company", "interest"],
    )
    answer = running.public().SubmitForm(a_submission(running, form_id, utm={"utm_source": "oa"}))
    assert answer.thank_you.message == "谢谢"
    assert answer.thank_you.download_url == "https://example.com/manual.pdf"
    got = running.stub.GetFormSubmission(pb.GetFormSubmissionRequest(submission_id=answer.submission_id)).submission
    assert (got.person_name, got.email, got.source_channel) == ("王芳", "wang@example.com", "website")
    assert [(a.key, a.value) for a in got.answers] == [("interest", "CRM")]
    assert dict(got.utm) == {"utm_source": "oa"}
    form = running.stub.GetForm(pb.GetFormRequest(form_id=form_id)).form
    assert (form.submissions, form.public_url) == (1, f"https://crm.example.org/f/{form_id}")


@pytest.mark.feature("MKT-05")
def test_the_same_token_sends_once_whatever_is_repeated(running: Any) -> None:
    request = a_submission(running, a_form(running))
    first, second = (running.public().SubmitForm(request).submission_id for _ in range(2))
    assert first == second
    assert running.kinds(first) == ["FormSubmitted"]


@pytest.mark.feature("MKT-05")
def test_a_robot_in_the_honeypot_is_thanked_and_forgotten(running: Any) -> None:
    form_id = a_form(running)
    assert shown(running, form_id).honeypot_field == "website_url"
    answer = running.public().SubmitForm(a_submission(running, form_id, honeypot="https://spam.example"))
    assert answer.thank_you.message == "谢谢"
    assert running.kinds(answer.submission_id) == []
    assert running.stub.GetForm(pb.GetFormRequest(form_id=form_id)).form.submissions == 0


@pytest.mark.feature("MKT-05")
@pytest.mark.parametrize(("wait_s", "text"), [(1, "quick"), (25 * 3600, "too long")])
def test_too_fast_and_too_late_are_refused(running: Any, wait_s: float, text: str) -> None:
    request = a_submission(running, a_form(running), wait_s)
    with pytest.raises(grpc.RpcError) as error:
        running.public().SubmitForm(request)
    assert refused_with(error) is grpc.StatusCode.FAILED_PRECONDITION
    assert text in error.value.details()


@pytest.mark.feature("MKT-05")
def test_one_source_may_send_only_so_often_in_an_hour(running: Any) -> None:
    form_id = a_form(running, hourly_limit=2)
    here = [("x-source", "203.0.113.9")]
    for _ in range(2):
        running.public().SubmitForm(a_submission(running, form_id), metadata=here)
    with pytest.raises(grpc.RpcError) as error:
        running.public().SubmitForm(a_submission(running, form_id), metadata=here)
    assert refused_with(error) is grpc.StatusCode.RESOURCE_EXHAUSTED
    running.public().SubmitForm(a_submission(running, form_id), metadata=[("x-source", "203.0.113.10")])
    with running.service.store.connection() as connection:
        rows = connection.execute("select source from form_attempts").fetchall()
    assert not any("203.0.113" in row["source"] for row in rows), "addresses are not kept"
    running.go(hours=1)
    running.public().SubmitForm(a_submission(running, form_id), metadata=here)
    running.go(hours=3)
    with running.service.store.connection() as connection:
        assert connection.execute("select from form_attempts").fetchall() == []


@pytest.mark.feature("MKT-05")
def test_a_token_of_another_form_or_none_is_refused(running: Any) -> None:
    one, other = a_form(running), a_form(running)
    request = a_submission(running, one)
    request.form_id = other
    for token in (request.form_token, "", "AAAA", request.form_token[:-4] + "AAAA"):
        request.form_token = token
        with pytest.raises(grpc.RpcError) as error:
            running.public().SubmitForm(request)
        assert refused_with(error) is grpc.StatusCode.NOT_FOUND


def test_a_draft_and_a_withdrawn_form_do_not_exist_in_public(running: Any) -> None:
    draft, withdrawn = a_form(running, publish=False), a_form(running)
    running.stub.WithdrawForm(pb.WithdrawFormRequest(form_id=withdrawn))
    for form_id in (draft, withdrawn):
        with pytest.raises(grpc.RpcError) as error:
            shown(running, form_id)
        assert refused_with(error) is grpc.StatusCode.NOT_FOUND


@pytest.mark.feature("MKT-05")
def test_a_wrong_entry_is_refused_by_its_field(running: Any) -> None:
    request = a_submission(running, a_form(running), values=VALUES | {"email": "not an address"})
    with pytest.raises(grpc.RpcError) as error:
        running.public().SubmitForm(request)
    assert refused_with(error) is grpc.StatusCode.INVALID_ARGUMENT
    assert dict(error.value.trailing_metadata())["field"] == "values.email"
    assert "not an address" not in error.value.details()


@pytest.mark.feature("MKT-05")
def test_the_qr_code_carries_the_channel_into_the_link(running: Any) -> None:
    form_id = a_form(running)
    code = running.stub.GetFormQrCode(pb.GetFormQrCodeRequest(form_id=form_id, source_channel="wechat"))
    assert code.url == f"https://crm.example.org/f/{form_id}?source=wechat"
    assert code.svg.startswith("<svg")
    assert "<path" in code.svg


def test_what_a_visitor_did_before_goes_along_with_the_form(running: Any) -> None:
    form_id = a_form(running)
    public = shown(running, form_id)
    for kind in ("form-viewed", "downloaded-manual", "watched-demo"):
        visit = pb.RecordVisitRequest(form_id=form_id, visitor_id=VISITOR, kind=kind, form_token=public.form_token)
        first, second = (running.public().RecordVisit(visit).touch_id for _ in range(2))
        assert first == second
    began = running.at
    request = a_submission(running, form_id, visitor_id=VISITOR)
    submission_id = running.public().SubmitForm(request).submission_id
    got = running.stub.GetFormSubmission(pb.GetFormSubmissionRequest(submission_id=submission_id)).submission
    assert list(got.behaviours) == ["downloaded-manual", "watched-demo"]
    assert got.first_touch_at.ToDatetime() == began.replace(tzinfo=None)
    assert running.stub.GetForm(pb.GetFormRequest(form_id=form_id)).form.views == 1


@pytest.mark.feature("MKT-05")
def test_what_was_entered_is_shown_only_to_those_who_may_and_never_published(running: Any) -> None:
    submission_id = running.public().SubmitForm(a_submission(running, a_form(running))).submission_id
    request = pb.GetFormSubmissionRequest(submission_id=submission_id)
    with running.as_caller(a_caller(permissions=["marketing.form.read"])) as channel:
        stub = MarketingServiceStub(channel)
        with pytest.raises(grpc.RpcError) as error:
            stub.GetFormSubmission(request)
        assert refused_with(error) is grpc.StatusCode.PERMISSION_DENIED
        [row] = stub.ListFormSubmissions(pb.ListFormSubmissionsRequest()).submissions
        assert row.submission_id == submission_id
    with running.as_caller(a_caller(scope="own")) as channel:
        with pytest.raises(grpc.RpcError) as error:
            MarketingServiceStub(channel).GetFormSubmission(request)
        assert refused_with(error) is grpc.StatusCode.NOT_FOUND
    with running.service.store.connection() as connection:
        for table in ("events", "submissions", "touches", "timers"):
            rows = connection.execute(f"select t::text as line from {table} t").fetchall()
            assert not any("王芳" in row["line"] or "wang@" in row["line"] for row in rows), table


def test_a_forgotten_person_reads_as_erased(running: Any) -> None:
    submission_id = running.public().SubmitForm(a_submission(running, a_form(running))).submission_id
    with running.service.store.transaction(Cause.of("service:test")) as tx:
        assert tx.forget(submission_id)
    running.service.store._key_cache.drop(submission_id)
    got = running.stub.GetFormSubmission(pb.GetFormSubmissionRequest(submission_id=submission_id)).submission
    assert (got.erased, got.person_name, got.email) == (True, "", "")
    assert got.source_channel == "website"


def test_the_thank_you_mail_goes_to_the_address_that_was_left(running: Any) -> None:
    template = running.a_template()
    form_id = a_form(running, thank_you=frm.ThankYou(message="谢谢", template_id=template))
    running.public().SubmitForm(a_submission(running, form_id))
    running.settle()
    [mail] = running.mail.mails
    assert (mail["To"], mail["Subject"]) == ("wang@example.com", "News for 王芳")


def test_a_simulated_visitor_needs_neither_token_nor_patience(running: Any) -> None:
    form_id = a_form(running)
    past = [("effective-at", "2025-05-01T09:00:00+00:00"), ("timeline-id", "sim")]
    request = pb.SubmitFormRequest(form_id=form_id, values=VALUES)
    answer = running.stub.SubmitForm(request, metadata=past)
    [row] = running.stub.ListFormSubmissions(pb.ListFormSubmissionsRequest(form_id=form_id)).submissions
    assert row.submission_id == answer.submission_id
    assert row.submitted_at.ToDatetime().year == 2025
    with pytest.raises(grpc.RpcError) as error:
        running.public().SubmitForm(request, metadata=past)
    assert refused_with(error) is grpc.StatusCode.PERMISSION_DENIED


def test_a_submission_shows_the_lead_it_became(running: Any) -> None:
    submission_id = running.public().SubmitForm(a_submission(running, a_form(running))).submission_id
    lead = UUID(int=31)
    running.tell(lead_told.LeadCaptured(lead_id=str(lead), source_channel="website", submission_id=submission_id), lead)
    [row] = running.stub.ListFormSubmissions(pb.ListFormSubmissionsRequest()).submissions
    assert row.lead_id == str(lead)
