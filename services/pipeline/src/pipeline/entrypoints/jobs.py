"""What has to ask other services: run by the worker, harmless to repeat. grpc is imported only when it runs."""

from __future__ import annotations

from datetime import UTC
from typing import Any
from uuid import UUID

from kernel.ids import derived_id
from kernel.timers import JobHandler, Timer, Worker
from pipeline.application.leads import CAPTURE, CHECK_CUSTOMERS, Leads
from pipeline.domain.lead import CustomerMatch, LeadCaptured
from pipeline.entrypoints.asking import asking
from pipeline.projections import lead_pool


def jobs(leads: Leads) -> dict[str, JobHandler]:
    """Return the service's jobs by kind."""

    def capture_lead(timer: Timer, worker: Worker) -> None:
        """Ask marketing who filled the form in, and take the lead in. The same form is the same lead."""
        from crm.marketing.v1.marketing_service_pb2 import GetFormSubmissionRequest
        from crm.marketing.v1.marketing_service_pb2_grpc import MarketingServiceStub

        submission_id = timer.payload["submission_id"]
        stub: Any = MarketingServiceStub(worker.peer("marketing"))
        with asking("marketing"):
            said = stub.GetFormSubmission(GetFormSubmissionRequest(submission_id=submission_id)).submission
        if said.erased:
            return
        with worker.transaction() as tx:
            first_touch = (
                said.first_touch_at.ToDatetime(tzinfo=UTC) if said.HasField("first_touch_at") else tx.effective_at
            )
            leads.capture_lead(
                tx,
                LeadCaptured(
                    lead_id=derived_id(submission_id, "lead"),
                    source_channel=said.source_channel or "web_form",
                    campaign_id=UUID(said.campaign_id) if said.campaign_id else None,
                    submission_id=UUID(submission_id),
                    external_ref="",
                    region_code=said.region_code,
                    industry_code=said.industry_code,
                    utm=dict(said.utm),
                    first_touch_at=first_touch,
                    person_name=said.person_name,
                    phone=said.phone,
                    email=said.email,
                    company=said.company,
                    behaviours=tuple(said.behaviours),
                    product_interest="",
                    note="",
                    status_id="",
                    import_id="",
                ),
            )

    def check_customers(timer: Timer, worker: Worker) -> None:
        """Ask the customer service whether this person is known there; write the answer down."""
        from crm.customer.v1 import customer_service_pb2 as customers
        from crm.customer.v1.customer_service_pb2_grpc import CustomerServiceStub

        lead_id = UUID(timer.payload["lead_id"])
        with worker.query() as cursor:
            row = lead_pool.one(cursor, lead_id)
        if row is None or row["erased"] or row["customers_checked"]:
            return
        request = customers.FindDuplicatesRequest()
        if row["company"]:
            request.profile.name = row["company"]
        request.profile.phones.extend([row["phone"]] if row["phone"] else [])
        request.profile.emails.extend([row["email"]] if row["email"] else [])
        if row["person_name"]:
            request.contacts.add(name=row["person_name"], phones=request.profile.phones, emails=request.profile.emails)
        stub: Any = CustomerServiceStub(worker.peer("customer"))
        with asking("customer"):
            answer = stub.FindDuplicates(request)
        matches = [
            CustomerMatch(UUID(candidate.customer_id), None, tuple(candidate.matched_on))
            for candidate in answer.candidates[:20]
        ]
        with worker.transaction() as tx:
            leads.record_customer_matches(tx, lead_id, matches)

    return {CAPTURE: capture_lead, CHECK_CUSTOMERS: check_customers}
