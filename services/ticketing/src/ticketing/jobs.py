"""What needs another service's answer before it can be done here; runs in the worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from crm.marketing.v1 import marketing_service_pb2 as marketing
from kernel.errors import Unavailable
from kernel.ids import derived_id
from kernel.timers import JobHandler, Timer, Worker
from ticketing.application.tickets import Ticketing
from ticketing.domain.ticket_events import TicketOpened
from ticketing.domain.vocabulary import Channel, Priority

REQUEST_KEY, CATEGORY_KEY = "service_request", "service_category"
_TIMEOUT_S = 5.0
_LONGEST_SUBJECT = 80

ticketing = Ticketing()


def open_ticket_from_form(timer: Timer, worker: Worker) -> None:
    """Open a ticket from what somebody sent with a form; once, however often this runs."""
    submission = _submission(worker, timer.payload["submission_id"])
    answers = {answer.key: answer.value for answer in submission.answers}
    request = answers.get(REQUEST_KEY, "").strip()
    if submission.erased or not request:
        return
    ticket_id = derived_id("ticketing", "form", submission.submission_id)
    sender = (submission.person_name, submission.company, submission.phone, submission.email)
    opened = TicketOpened(
        ticket_id,
        None,
        None,
        ticket_id,  # nobody knows yet whose words these are
        Channel.FORM,
        answers.get(CATEGORY_KEY, "").strip()[:100] or "general",
        Priority.NORMAL,
        "",
        request.splitlines()[0][:_LONGEST_SUBJECT],
        "\n".join([request, "", *(text for text in sender if text)]),
        False,
        f"form:{submission.submission_id}",
        None,
        "",
        "",
        None,
        {},
    )
    with worker.transaction() as tx:
        ticketing.open_ticket(tx, opened)


def _submission(worker: Worker, submission_id: str) -> marketing.FormSubmission:
    import grpc

    from crm.marketing.v1.marketing_service_pb2_grpc import MarketingServiceStub

    stub = MarketingServiceStub(worker.peer("marketing"))
    request = marketing.GetFormSubmissionRequest(submission_id=str(UUID(submission_id)))
    try:
        found: marketing.FormSubmission = stub.GetFormSubmission(request, timeout=_TIMEOUT_S).submission
        return found
    except grpc.RpcError as error:
        code: Any = error.code() if isinstance(error, grpc.Call) else None
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            raise Unavailable("marketing is away") from error
        raise


JOBS: Mapping[str, JobHandler] = {"open_ticket_from_form": open_ticket_from_form}
