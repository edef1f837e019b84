"""Requests in, calls out. No decisions here."""

from __future__ import annotations

import csv
import io
from base64 import b64decode
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from psycopg.rows import DictRow

from crm.marketing.v1 import form_events_pb2, journey_events_pb2, segment_events_pb2
from crm.marketing.v1 import marketing_service_pb2 as pb
from crm.marketing.v1.template_events_pb2 import TemplateLink
from kernel.clock import Clock, system_clock
from kernel.errors import InvalidArgument, NotFound, Unavailable
from kernel.ids import derived_id, new_id
from kernel.money import Money
from kernel.request import (
    optional_date,
    optional_text,
    optional_uuid,
    page_of,
    required_date,
    required_text,
    required_uuid,
)
from kernel.rpc import Call
from kernel.vault import ERASED
from marketing.application.campaigns import Campaigns
from marketing.application.forms import Forms
from marketing.application.journeys import Journeys
from marketing.application.mailings import Mailings, Recipient
from marketing.application.preferences import Preferences
from marketing.application.segments import Segments, Templates
from marketing.contracts import (
    condition_at,
    filter_of,
    form_fields,
    from_json,
    money_at,
    money_message,
    step_at,
    text,
    thank_you,
    thank_you_message,
)
from marketing.domain import segment as segment_domain
from marketing.domain.attribution import AttributionModel
from marketing.domain.campaign import CampaignKind, Plan, checked_channel
from marketing.domain.form import (
    DEFAULT_FILL_S,
    DEFAULT_HOURLY_LIMIT,
    HONEYPOT,
    FormSubmitted,
    Layout,
    Visit,
)
from marketing.domain.journey import Definition, TriggerKind
from marketing.domain.preference import ContactPolicy
from marketing.domain.template import MessageChannel, Words, render
from marketing.projections import (
    campaigns,
    coupons,
    forms,
    journeys,
    messages,
    preferences,
    results,
    segments,
    templates,
    touches,
)
from marketing.projections.results import RevenueBasis
from marketing.qr import svg_of
from marketing.tokens import Links, ShownForm

_PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_MOST_TOUCHES = 500
_MOST_SUBJECTS = 500
_EXPORT_BATCH = 500
_MOST_EXPORTED = 200_000
_LONGEST_BODY = 200_000


class MarketingApi:
    """Answers every RPC of the contract."""

    def __init__(self, links: Links, clock: Clock = system_clock) -> None:
        self._links = links
        self._clock = clock
        self._campaigns = Campaigns()
        self._forms = Forms()
        self._segments = Segments()
        self._templates = Templates()
        self._mailings = Mailings()
        self._journeys = Journeys()
        self._preferences = Preferences()

    def _now(self, call: Call) -> datetime:
        """When the question is asked, or as of when."""
        return call.effective_at or self._clock()

    # -- campaigns ---------------------------------------------------------------

    def PlanCampaign(self, request: pb.PlanCampaignRequest, call: Call) -> pb.PlanCampaignResponse:
        campaign_id = optional_uuid(request, "campaign_id") or new_id()
        version = self._campaigns.plan(
            call.transaction(), call.caller, campaign_id, optional_uuid(request, "owner_id"), _plan(request)
        )
        return pb.PlanCampaignResponse(campaign_id=str(campaign_id), version=version)

    def ReviseCampaign(self, request: pb.ReviseCampaignRequest, call: Call) -> pb.ReviseCampaignResponse:
        version = self._campaigns.revise(
            call.transaction(),
            call.caller,
            required_uuid(request, "campaign_id"),
            _plan(request),
            request.expected_version,
        )
        return pb.ReviseCampaignResponse(version=version)

    def LaunchCampaign(self, request: pb.LaunchCampaignRequest, call: Call) -> pb.LaunchCampaignResponse:
        version = self._campaigns.launch(
            call.transaction(), call.caller, required_uuid(request, "campaign_id"), request.expected_version
        )
        return pb.LaunchCampaignResponse(version=version)

    def BookCampaignCost(self, request: pb.BookCampaignCostRequest, call: Call) -> pb.BookCampaignCostResponse:
        version, over_budget, cost_id = self._campaigns.book_cost(
            call.transaction(),
            call.caller,
            required_uuid(request, "campaign_id"),
            money_at("amount", request.amount),
            optional_text(request, "purpose"),
            optional_date(request, "booked_on"),
            request.expected_version,
        )
        return pb.BookCampaignCostResponse(version=version, over_budget=over_budget, cost_id=str(cost_id))

    def EndCampaign(self, request: pb.EndCampaignRequest, call: Call) -> pb.EndCampaignResponse:
        version = self._campaigns.end(
            call.transaction(),
            call.caller,
            required_uuid(request, "campaign_id"),
            optional_text(request, "conclusion", 2000),
            request.expected_version,
        )
        return pb.EndCampaignResponse(version=version)

    def HandOverCampaign(self, request: pb.HandOverCampaignRequest, call: Call) -> pb.HandOverCampaignResponse:
        version = self._campaigns.hand_over(
            call.transaction(),
            call.caller,
            required_uuid(request, "campaign_id"),
            required_uuid(request, "to_owner_id"),
            request.expected_version,
        )
        return pb.HandOverCampaignResponse(version=version)

    def GetCampaign(self, request: pb.GetCampaignRequest, call: Call) -> pb.GetCampaignResponse:
        return pb.GetCampaignResponse(campaign=_campaign(self._campaign_row(request, call)))

    def ListCampaigns(self, request: pb.ListCampaignsRequest, call: Call) -> pb.ListCampaignsResponse:
        page = page_of(request)
        rows, total = campaigns.page(
            call.query(),
            call.caller,
            page.limit,
            page.after,
            request.state,
            request.channel.strip().lower(),
            optional_text(request, "text"),
        )
        return pb.ListCampaignsResponse(
            campaigns=[_campaign(row) for row in rows[: page.limit]],
            next_page_token=_next(page, rows, "planned_at", "campaign_id"),
            total_size=total,
        )

    def _campaign_row(self, request: Any, call: Call) -> DictRow:
        campaign_id = required_uuid(request, "campaign_id")
        return _there(campaigns.one(call.query(), call.caller, campaign_id), "campaign", campaign_id)

    # -- results -----------------------------------------------------------------

    def GetCampaignResults(self, request: pb.GetCampaignResultsRequest, call: Call) -> pb.GetCampaignResultsResponse:
        row = self._campaign_row(request, call)
        [found] = _results(call, [row], request.model, request.basis)
        return pb.GetCampaignResultsResponse(results=found)

    def ListCampaignResults(self, request: pb.ListCampaignResultsRequest, call: Call) -> pb.ListCampaignResultsResponse:
        page = page_of(request)
        rows, _ = campaigns.page(call.query(), call.caller, page.limit, page.after)
        return pb.ListCampaignResultsResponse(
            results=_results(call, rows[: page.limit], request.model, request.basis),
            next_page_token=_next(page, rows, "planned_at", "campaign_id"),
        )

    def RankChannels(self, request: pb.RankChannelsRequest, call: Call) -> pb.RankChannelsResponse:
        found = results.channels(
            call.query(), call.caller, optional_date(request, "from_on"), optional_date(request, "to_on")
        )
        ranked = results.ranked(found, results.ChannelOrder(request.order))
        return pb.RankChannelsResponse(channels=[_channel_rank(number, it) for number, it in enumerate(ranked, 1)])

    def GetAttribution(self, request: pb.GetAttributionRequest, call: Call) -> pb.GetAttributionResponse:
        deals = results.won_deals(
            call.query(),
            RevenueBasis(request.basis),
            call.caller,
            optional_date(request, "from_on"),
            optional_date(request, "to_on"),
        )
        by_campaign = request.key == pb.ATTRIBUTION_KEY_CAMPAIGN
        found = results.attribution(deals, AttributionModel(request.model), by_campaign)
        named = {key for key, _ in found.revenue}
        rows = sorted(found.revenue.items(), key=lambda it: (-it[1], it[0][0] or ""))
        return pb.GetAttributionResponse(
            rows=[
                *(
                    pb.AttributionRow(
                        key=key or "",
                        revenue=money_message(Money(units, code)),
                        deals=_share(found.deals[key]),
                    )
                    for (key, code), units in rows
                ),
                *(
                    pb.AttributionRow(key=key or "", deals=_share(deals_share))
                    for key, deals_share in found.deals.items()
                    if key not in named
                ),
            ],
            total=_moneys(found.total),
            sourced=_moneys(found.sourced),
            influenced=_moneys(found.influenced),
            deals=found.count,
        )

    def GetDealAttribution(self, request: pb.GetDealAttributionRequest, call: Call) -> pb.GetDealAttributionResponse:
        opportunity_id = required_uuid(request, "opportunity_id")
        found = results.won_deals(call.query(), RevenueBasis(request.basis), call.caller, opportunity_id=opportunity_id)
        if not found:
            raise NotFound(f"there is no won deal {opportunity_id}")
        [deal] = found
        revenue = deal.revenue[0] if deal.revenue else None
        shares = (
            deal.shares(AttributionModel(request.model), revenue)
            if revenue
            else [(touch, None) for touch in deal.touches]
        )
        return pb.GetDealAttributionResponse(
            touches=[
                pb.DealTouch(
                    touch_ref=str(touch.touch_ref),
                    kind=touch.kind,
                    channel=touch.channel,
                    campaign_id=text(touch.campaign_id),
                    touched_at=touch.touched_at,  # type: ignore[arg-type]
                    share=money_message(share) if share else None,
                )
                for touch, share in shares
            ],
            revenue=money_message(revenue) if revenue else None,
        )

    # -- forms -------------------------------------------------------------------

    def DraftForm(self, request: pb.DraftFormRequest, call: Call) -> pb.DraftFormResponse:
        form_id = optional_uuid(request, "form_id") or new_id()
        version = self._forms.draft(
            call.transaction(), call.caller, form_id, optional_uuid(request, "owner_id"), _layout(request)
        )
        return pb.DraftFormResponse(form_id=str(form_id), version=version)

    def ReviseForm(self, request: pb.ReviseFormRequest, call: Call) -> pb.ReviseFormResponse:
        version = self._forms.revise(
            call.transaction(),
            call.caller,
            required_uuid(request, "form_id"),
            _layout(request),
            request.expected_version,
        )
        return pb.ReviseFormResponse(version=version)

    def PublishForm(self, request: pb.PublishFormRequest, call: Call) -> pb.PublishFormResponse:
        form_id = required_uuid(request, "form_id")
        version = self._forms.publish(call.transaction(), call.caller, form_id, request.expected_version)
        return pb.PublishFormResponse(version=version, public_url=self._links.form(form_id))

    def WithdrawForm(self, request: pb.WithdrawFormRequest, call: Call) -> pb.WithdrawFormResponse:
        version = self._forms.withdraw(
            call.transaction(), call.caller, required_uuid(request, "form_id"), request.expected_version
        )
        return pb.WithdrawFormResponse(version=version)

    def GetForm(self, request: pb.GetFormRequest, call: Call) -> pb.GetFormResponse:
        return pb.GetFormResponse(form=self._form(self._form_row(request, call)))

    def ListForms(self, request: pb.ListFormsRequest, call: Call) -> pb.ListFormsResponse:
        page = page_of(request)
        rows = forms.page(call.query(), call.caller, page.limit, page.after, optional_uuid(request, "campaign_id"))
        return pb.ListFormsResponse(
            forms=[self._form(row) for row in rows[: page.limit]],
            next_page_token=_next(page, rows, "drafted_at", "form_id"),
        )

    def GetFormQrCode(self, request: pb.GetFormQrCodeRequest, call: Call) -> pb.GetFormQrCodeResponse:
        row = self._form_row(request, call)
        parameters = {}
        if request.source_channel:
            parameters["source"] = checked_channel("source_channel", request.source_channel)
        if campaign_id := optional_uuid(request, "campaign_id"):
            parameters["campaign"] = str(campaign_id)
        url = self._links.form(row["form_id"]) + (f"?{urlencode(parameters)}" if parameters else "")
        return pb.GetFormQrCodeResponse(svg=svg_of(url), url=url)

    def GetPublicForm(self, request: pb.GetPublicFormRequest, call: Call) -> pb.GetPublicFormResponse:
        form_id = required_uuid(request, "form_id")
        row = _there(forms.published(call.query(), form_id), "form", form_id)
        definition = from_json(row["definition"], form_events_pb2.FormRevised())
        shown = ShownForm(form_id, new_id(), self._clock())
        return pb.GetPublicFormResponse(
            form=pb.PublicForm(
                form_id=str(form_id),
                title=row["title"],
                fields=definition.fields,
                form_token=self._links.tokens.form(shown),
                honeypot_field=HONEYPOT,
            )
        )

    def RecordVisit(self, request: pb.RecordVisitRequest, call: Call) -> pb.RecordVisitResponse:
        form_id = required_uuid(request, "form_id")
        visitor_id = required_uuid(request, "visitor_id")
        kind = required_text(request, "kind", 40)
        late = _is_late(call)
        if late and not request.form_token:
            touch_id = derived_id("visit", form_id, visitor_id, kind, call.request_id)
        else:
            shown = self._shown(form_id, request.form_token)
            touch_id = derived_id("visit", shown.nonce, kind)
        self._forms.record_visit(
            call.transaction(),
            form_id,
            touch_id,
            visitor_id,
            kind,
            optional_text(request, "source_channel", 50),
            dict(request.utm),
            "" if late else self._source(call, ""),
        )
        return pb.RecordVisitResponse(touch_id=str(touch_id))

    def SubmitForm(self, request: pb.SubmitFormRequest, call: Call) -> pb.SubmitFormResponse:
        form_id = required_uuid(request, "form_id")
        late = _is_late(call)
        shown_at = None
        if late and not request.form_token:
            submission_id = derived_id("submission", form_id, call.request_id)
        else:
            shown = self._shown(form_id, request.form_token)
            submission_id = derived_id("submission", form_id, shown.nonce)
            shown_at = None if late else shown.shown_at
        thanks = self._forms.submit(
            call.transaction(),
            form_id,
            submission_id,
            dict(request.values),
            Visit(
                optional_text(request, "source_channel", 50),
                optional_uuid(request, "campaign_id"),
                dict(request.utm),
                list(request.behaviours),
                optional_uuid(request, "visitor_id"),
                request.consent_given,
            ),
            honeypot=request.honeypot,
            shown_at=shown_at,
            source="" if late else self._source(call, request.source_address),
        )
        return pb.SubmitFormResponse(submission_id=str(submission_id), thank_you=thank_you_message(thanks))

    def GetFormSubmission(self, request: pb.GetFormSubmissionRequest, call: Call) -> pb.GetFormSubmissionResponse:
        submission_id = required_uuid(request, "submission_id")
        tx = call.transaction()
        row = _there(forms.submission(tx.cursor, call.caller, submission_id), "submission", submission_id)
        [it] = [event for event in tx.history(submission_id) if isinstance(event, FormSubmitted)]
        erased = ERASED in (it.person_name, it.phone, it.email, it.company)
        return pb.GetFormSubmissionResponse(
            submission=pb.FormSubmission(
                submission_id=str(submission_id),
                form_id=str(it.form_id),
                campaign_id=text(it.campaign_id),
                source_channel=it.source_channel,
                utm=it.utm,
                region_code=it.region_code,
                industry_code=it.industry_code,
                behaviours=it.behaviours,
                consent_given=it.consent_given,
                person_name=_shown_text(it.person_name),
                phone=_shown_text(it.phone),
                email=_shown_text(it.email),
                company=_shown_text(it.company),
                answers=[
                    form_events_pb2.FormAnswer(key=a.key, label=a.label, value=_shown_text(a.value)) for a in it.answers
                ],
                submitted_at=row["submitted_at"],
                first_touch_at=row["first_touch_at"],
                erased=erased,
            )
        )

    def ListFormSubmissions(self, request: pb.ListFormSubmissionsRequest, call: Call) -> pb.ListFormSubmissionsResponse:
        page = page_of(request)
        rows = forms.submissions_page(
            call.query(),
            call.caller,
            page.limit,
            page.after,
            optional_uuid(request, "form_id"),
            optional_uuid(request, "campaign_id"),
        )
        return pb.ListFormSubmissionsResponse(
            submissions=[
                pb.SubmissionRow(
                    submission_id=str(row["submission_id"]),
                    form_id=str(row["form_id"]),
                    campaign_id=text(row["campaign_id"]),
                    source_channel=row["source_channel"],
                    region_code=row["region_code"],
                    industry_code=row["industry_code"],
                    submitted_at=row["submitted_at"],
                    lead_id=text(row["lead_id"]),
                )
                for row in rows[: page.limit]
            ],
            next_page_token=_next(page, rows, "submitted_at", "submission_id"),
        )

    def _form_row(self, request: Any, call: Call) -> DictRow:
        form_id = required_uuid(request, "form_id")
        return _there(forms.one(call.query(), call.caller, form_id), "form", form_id)

    def _form(self, row: DictRow) -> pb.Form:
        definition = from_json(row["definition"], form_events_pb2.FormRevised())
        return pb.Form(
            form_id=str(row["form_id"]),
            title=row["title"],
            campaign_id=text(row["campaign_id"]),
            owner_id=str(row["owner_id"]),
            source_channel=row["source_channel"],
            fields=definition.fields,
            thank_you=definition.thank_you,
            minimum_fill_s=definition.minimum_fill_s,
            hourly_limit=definition.hourly_limit,
            state=row["state"],
            public_url=self._links.form(row["form_id"]),
            submissions=row["submissions"],
            views=row["views"],
            version=row["version"],
        )

    def _shown(self, form_id: UUID, form_token: str) -> ShownForm:
        shown = self._links.tokens.read_form(form_token)
        if shown.form_id != form_id:
            raise NotFound("this token is of another form")
        return shown

    def _source(self, call: Call, claimed: str) -> str:
        """Whom attempts are counted by: the address the gateway saw, unreadable, never what a body claims
        when the gateway says otherwise."""
        return self._links.tokens.source(call.source or claimed or "nowhere")

    # -- touches -----------------------------------------------------------------

    def RecordTouch(self, request: pb.RecordTouchRequest, call: Call) -> pb.RecordTouchResponse:
        touch_id = optional_uuid(request, "touch_id") or new_id()
        self._campaigns.record_touch(
            call.transaction(),
            call.caller,
            touch_id,
            required_text(request, "kind", 40),
            required_text(request, "channel", 50),
            campaign_id=optional_uuid(request, "campaign_id"),
            customer_id=optional_uuid(request, "customer_id"),
            contact_id=optional_uuid(request, "contact_id"),
            lead_id=optional_uuid(request, "lead_id"),
            visitor_id=optional_uuid(request, "visitor_id"),
            utm=dict(request.utm),
        )
        return pb.RecordTouchResponse(touch_id=str(touch_id))

    def ListTouches(self, request: pb.ListTouchesRequest, call: Call) -> pb.ListTouchesResponse:
        customer_id, lead_id = optional_uuid(request, "customer_id"), optional_uuid(request, "lead_id")
        if customer_id is None and lead_id is None:
            raise InvalidArgument("customer_id", "name a customer or a lead")
        rows = touches.of_somebody(call.query(), call.caller, customer_id, lead_id, _MOST_TOUCHES)
        return pb.ListTouchesResponse(
            touches=[
                pb.Touch(
                    touch_ref=str(row["touch_ref"]),
                    kind=row["kind"],
                    channel=row["channel"],
                    campaign_id=text(row["campaign_id"]),
                    customer_id=text(row["customer_id"]),
                    lead_id=text(row["lead_id"]),
                    touched_at=row["touched_at"],
                )
                for row in rows
            ]
        )

    # -- segments ----------------------------------------------------------------

    def DefineSegment(self, request: pb.DefineSegmentRequest, call: Call) -> pb.DefineSegmentResponse:
        segment_id = optional_uuid(request, "segment_id") or new_id()
        version = self._segments.define(
            call.transaction(),
            call.caller,
            segment_id,
            optional_uuid(request, "owner_id"),
            required_text(request, "name"),
            filter_of(request.filter),
        )
        return pb.DefineSegmentResponse(segment_id=str(segment_id), version=version)

    def ReviseSegment(self, request: pb.ReviseSegmentRequest, call: Call) -> pb.ReviseSegmentResponse:
        version = self._segments.revise(
            call.transaction(),
            call.caller,
            required_uuid(request, "segment_id"),
            required_text(request, "name"),
            filter_of(request.filter),
            request.expected_version,
        )
        return pb.ReviseSegmentResponse(version=version)

    def RetireSegment(self, request: pb.RetireSegmentRequest, call: Call) -> pb.RetireSegmentResponse:
        version = self._segments.retire(
            call.transaction(), call.caller, required_uuid(request, "segment_id"), request.expected_version
        )
        return pb.RetireSegmentResponse(version=version)

    def GetSegment(self, request: pb.GetSegmentRequest, call: Call) -> pb.GetSegmentResponse:
        return pb.GetSegmentResponse(segment=self._segment(call, self._segment_row(request, call)))

    def ListSegments(self, request: pb.ListSegmentsRequest, call: Call) -> pb.ListSegmentsResponse:
        page = page_of(request)
        rows = segments.page(call.query(), call.caller, page.limit, page.after)
        return pb.ListSegmentsResponse(
            segments=[self._segment(call, row) for row in rows[: page.limit]],
            next_page_token=_next(page, rows, "name", "segment_id"),
        )

    def CountSegment(self, request: pb.CountSegmentRequest, call: Call) -> pb.CountSegmentResponse:
        wanted = filter_of(request.filter)
        segment_domain.check(wanted)
        return pb.CountSegmentResponse(members=segments.count(call.query(), call.caller, wanted, self._now(call)))

    def ListSegmentMembers(self, request: pb.ListSegmentMembersRequest, call: Call) -> pb.ListSegmentMembersResponse:
        page = page_of(request)
        wanted = segments.stored_filter(self._segment_row(request, call))
        cursor, now = call.query(), self._now(call)
        rows = segments.members(cursor, call.caller, wanted, now, page.limit + 1, page.after)
        return pb.ListSegmentMembersResponse(
            members=[_member(row) for row in rows[: page.limit]],
            next_page_token=_next(page, rows, "customer_id"),
            total_size=segments.count(cursor, call.caller, wanted, now),
        )

    def ExportSegmentMembers(
        self, request: pb.ExportSegmentMembersRequest, call: Call
    ) -> pb.ExportSegmentMembersResponse:
        wanted = segments.stored_filter(self._segment_row(request, call))
        now = self._now(call)
        rows: list[DictRow] = []
        while len(rows) < _MOST_EXPORTED:
            after = [rows[-1]["customer_id"]] if rows else []
            batch = segments.members(call.query(), call.caller, wanted, now, _EXPORT_BATCH, after)
            rows += batch
            if len(batch) < _EXPORT_BATCH:
                break
        names = _names(call, [row["customer_id"] for row in rows])
        return pb.ExportSegmentMembersResponse(
            csv=_members_csv(rows, names or {}), rows=len(rows), names_missing=names is None
        )

    def _segment_row(self, request: Any, call: Call) -> DictRow:
        segment_id = required_uuid(request, "segment_id")
        return _there(segments.one(call.query(), call.caller, segment_id), "segment", segment_id)

    def _segment(self, call: Call, row: DictRow) -> pb.Segment:
        return pb.Segment(
            segment_id=str(row["segment_id"]),
            name=row["name"],
            owner_id=str(row["owner_id"]),
            filter=from_json(row["filter"], segment_events_pb2.SegmentFilter()),
            retired=row["retired"],
            version=row["version"],
            members=segments.count(call.query(), call.caller, segments.stored_filter(row), self._now(call)),
        )

    # -- templates ---------------------------------------------------------------

    def DraftTemplate(self, request: pb.DraftTemplateRequest, call: Call) -> pb.DraftTemplateResponse:
        template_id = optional_uuid(request, "template_id") or new_id()
        words = Words(
            required_text(request, "name"),
            MessageChannel(request.channel),
            optional_text(request, "subject_line", 500),
            optional_text(request, "html_body", _LONGEST_BODY),
            optional_text(request, "text_body", _LONGEST_BODY),
        )
        version = self._templates.draft(
            call.transaction(), call.caller, template_id, optional_uuid(request, "owner_id"), words
        )
        return pb.DraftTemplateResponse(template_id=str(template_id), version=version)

    def ReviseTemplate(self, request: pb.ReviseTemplateRequest, call: Call) -> pb.ReviseTemplateResponse:
        version, template_version = self._templates.revise(
            call.transaction(),
            call.caller,
            required_uuid(request, "template_id"),
            required_text(request, "name"),
            optional_text(request, "subject_line", 500),
            optional_text(request, "html_body", _LONGEST_BODY),
            optional_text(request, "text_body", _LONGEST_BODY),
            request.expected_version,
        )
        return pb.ReviseTemplateResponse(version=version, template_version=template_version)

    def RetireTemplate(self, request: pb.RetireTemplateRequest, call: Call) -> pb.RetireTemplateResponse:
        version = self._templates.retire(
            call.transaction(), call.caller, required_uuid(request, "template_id"), request.expected_version
        )
        return pb.RetireTemplateResponse(version=version)

    def GetTemplate(self, request: pb.GetTemplateRequest, call: Call) -> pb.GetTemplateResponse:
        return pb.GetTemplateResponse(template=_template(self._template_row(request, call)))

    def ListTemplates(self, request: pb.ListTemplatesRequest, call: Call) -> pb.ListTemplatesResponse:
        page = page_of(request)
        rows = templates.page(call.query(), call.caller, page.limit, page.after)
        return pb.ListTemplatesResponse(
            templates=[_template(row) for row in rows[: page.limit]],
            next_page_token=_next(page, rows, "name", "template_id"),
        )

    def PreviewTemplate(self, request: pb.PreviewTemplateRequest, call: Call) -> pb.PreviewTemplateResponse:
        rendered = render(_words(self._template_row(request, call)), dict(request.values))
        return pb.PreviewTemplateResponse(
            subject_line=rendered.subject_line, html_body=rendered.html_body, text_body=rendered.text_body
        )

    def SendTestMessage(self, request: pb.SendTestMessageRequest, call: Call) -> pb.SendTestMessageResponse:
        address = required_text(request, "address", 254)
        if address.count("@") != 1 or any(c in address for c in " ,;<>\r\n"):
            raise InvalidArgument("address", "must be one e-mail address")
        send_id = self._mailings.send_test(
            call.transaction(),
            call.caller,
            required_uuid(request, "template_id"),
            address,
            dict(request.values),
        )
        return pb.SendTestMessageResponse(send_id=str(send_id))

    def _template_row(self, request: Any, call: Call) -> DictRow:
        template_id = required_uuid(request, "template_id")
        return _there(templates.one(call.query(), call.caller, template_id), "template", template_id)

    # -- mailings and messages ---------------------------------------------------

    def PlanMailing(self, request: pb.PlanMailingRequest, call: Call) -> pb.PlanMailingResponse:
        mailing_id = optional_uuid(request, "mailing_id") or new_id()
        version = self._mailings.plan(
            call.transaction(),
            call.caller,
            mailing_id,
            required_text(request, "name"),
            optional_uuid(request, "campaign_id"),
            required_uuid(request, "segment_id"),
            required_uuid(request, "template_id"),
            optional_uuid(request, "owner_id"),
        )
        return pb.PlanMailingResponse(mailing_id=str(mailing_id), version=version)

    def LaunchMailing(self, request: pb.LaunchMailingRequest, call: Call) -> pb.LaunchMailingResponse:
        version = self._mailings.launch(
            call.transaction(), call.caller, required_uuid(request, "mailing_id"), request.expected_version
        )
        return pb.LaunchMailingResponse(version=version)

    def CancelMailing(self, request: pb.CancelMailingRequest, call: Call) -> pb.CancelMailingResponse:
        version = self._mailings.cancel(
            call.transaction(),
            call.caller,
            required_uuid(request, "mailing_id"),
            optional_text(request, "reason", 500),
            request.expected_version,
        )
        return pb.CancelMailingResponse(version=version)

    def GetMailing(self, request: pb.GetMailingRequest, call: Call) -> pb.GetMailingResponse:
        mailing_id = required_uuid(request, "mailing_id")
        row = _there(messages.mailing(call.query(), call.caller, mailing_id), "mailing", mailing_id)
        [found] = self._mailings_of(call, [row])
        return pb.GetMailingResponse(mailing=found)

    def ListMailings(self, request: pb.ListMailingsRequest, call: Call) -> pb.ListMailingsResponse:
        page = page_of(request)
        rows = messages.mailings_page(
            call.query(), call.caller, page.limit, page.after, optional_uuid(request, "campaign_id")
        )
        return pb.ListMailingsResponse(
            mailings=self._mailings_of(call, rows[: page.limit]),
            next_page_token=_next(page, rows, "planned_at", "mailing_id"),
        )

    def _mailings_of(self, call: Call, rows: list[DictRow]) -> list[pb.Mailing]:
        counted = messages.engagement(call.query(), "mailing_id", [row["mailing_id"] for row in rows])
        return [
            pb.Mailing(
                mailing_id=str(row["mailing_id"]),
                name=row["name"],
                campaign_id=text(row["campaign_id"]),
                segment_id=str(row["segment_id"]),
                template_id=str(row["template_id"]),
                channel=row["channel"],
                owner_id=str(row["owner_id"]),
                state=row["state"],
                version=row["version"],
                engagement=_engagement(counted.get(row["mailing_id"])),
            )
            for row in rows
        ]

    def ListMessages(self, request: pb.ListMessagesRequest, call: Call) -> pb.ListMessagesResponse:
        page = page_of(request)
        wanted = {
            name: optional_uuid(request, name) for name in ("campaign_id", "mailing_id", "journey_id", "customer_id")
        }
        rows = messages.messages_page(
            call.query(), call.caller, page.limit, page.after, {**wanted, "state": request.state}
        )
        return pb.ListMessagesResponse(
            messages=[_message(row) for row in rows[: page.limit]],
            next_page_token=_next(page, rows, "planned_at", "send_id"),
        )

    def ResendMessage(self, request: pb.ResendMessageRequest, call: Call) -> pb.ResendMessageResponse:
        version = self._mailings.resend(call.transaction(), call.caller, required_uuid(request, "send_id"))
        return pb.ResendMessageResponse(version=version)

    def GetMessageLinks(self, request: pb.GetMessageLinksRequest, call: Call) -> pb.GetMessageLinksResponse:
        send_id = required_uuid(request, "send_id")
        count = self._mailings.count_links(call.transaction(), call.caller, send_id)
        tokens = self._links.tokens
        return pb.GetMessageLinksResponse(
            open_token=tokens.open(send_id),
            click_tokens=[tokens.click(send_id, number) for number in range(count)],
            unsubscribe_token=tokens.unsubscribe(send_id),
            unsubscribe_url=self._links.unsubscribe(send_id),
        )

    def TrackOpen(self, request: pb.TrackOpenRequest, call: Call) -> pb.TrackOpenResponse:
        self._mailings.open(call.transaction(), self._links.tokens.read_open(request.token))
        return pb.TrackOpenResponse(image=_PIXEL, media_type="image/gif")

    def TrackClick(self, request: pb.TrackClickRequest, call: Call) -> pb.TrackClickResponse:
        send_id, link_number = self._links.tokens.read_click(request.token)
        return pb.TrackClickResponse(target_url=self._mailings.click(call.transaction(), send_id, link_number))

    def Unsubscribe(self, request: pb.UnsubscribeRequest, call: Call) -> pb.UnsubscribeResponse:
        send_id = self._links.tokens.read_unsubscribe(request.token)
        channel = self._preferences.unsubscribe(call.transaction(), send_id)
        return pb.UnsubscribeResponse(channel=int(channel))  # type: ignore[arg-type]

    # -- preferences -------------------------------------------------------------

    def StopContacting(self, request: pb.StopContactingRequest, call: Call) -> pb.StopContactingResponse:
        version = self._preferences.stop(
            call.transaction(), call.caller, _recipient(request), MessageChannel(request.channel)
        )
        return pb.StopContactingResponse(version=version)

    def ResumeContacting(self, request: pb.ResumeContactingRequest, call: Call) -> pb.ResumeContactingResponse:
        version = self._preferences.resume(
            call.transaction(), call.caller, _recipient(request), MessageChannel(request.channel)
        )
        return pb.ResumeContactingResponse(version=version)

    def SetContactPolicy(self, request: pb.SetContactPolicyRequest, call: Call) -> pb.SetContactPolicyResponse:
        wanted = ContactPolicy(request.most_messages, request.window_days, request.consent_required)
        return pb.SetContactPolicyResponse(version=self._preferences.set_policy(call.transaction(), wanted))

    def GetContactPolicy(self, request: pb.GetContactPolicyRequest, call: Call) -> pb.GetContactPolicyResponse:
        policy = preferences.policy(call.query())
        return pb.GetContactPolicyResponse(
            most_messages=policy.most_messages,
            window_days=policy.window_days,
            consent_required=policy.consent_required,
        )

    # -- journeys ----------------------------------------------------------------

    def DefineJourney(self, request: pb.DefineJourneyRequest, call: Call) -> pb.DefineJourneyResponse:
        journey_id = optional_uuid(request, "journey_id") or new_id()
        version = self._journeys.define(
            call.transaction(),
            call.caller,
            journey_id,
            optional_uuid(request, "owner_id"),
            _definition(request),
        )
        return pb.DefineJourneyResponse(journey_id=str(journey_id), version=version)

    def ReviseJourney(self, request: pb.ReviseJourneyRequest, call: Call) -> pb.ReviseJourneyResponse:
        version = self._journeys.revise(
            call.transaction(),
            call.caller,
            required_uuid(request, "journey_id"),
            _definition(request),
            request.expected_version,
        )
        return pb.ReviseJourneyResponse(version=version)

    def ActivateJourney(self, request: pb.ActivateJourneyRequest, call: Call) -> pb.ActivateJourneyResponse:
        version = self._journeys.activate(
            call.transaction(), call.caller, required_uuid(request, "journey_id"), request.expected_version
        )
        return pb.ActivateJourneyResponse(version=version)

    def PauseJourney(self, request: pb.PauseJourneyRequest, call: Call) -> pb.PauseJourneyResponse:
        version = self._journeys.pause(
            call.transaction(), call.caller, required_uuid(request, "journey_id"), request.expected_version
        )
        return pb.PauseJourneyResponse(version=version)

    def GetJourney(self, request: pb.GetJourneyRequest, call: Call) -> pb.GetJourneyResponse:
        journey_id = required_uuid(request, "journey_id")
        row = _there(journeys.one(call.query(), call.caller, journey_id), "journey", journey_id)
        return pb.GetJourneyResponse(journey=_journey(call, row))

    def ListJourneys(self, request: pb.ListJourneysRequest, call: Call) -> pb.ListJourneysResponse:
        page = page_of(request)
        rows = journeys.page(call.query(), call.caller, page.limit, page.after)
        return pb.ListJourneysResponse(
            journeys=[_journey(call, row) for row in rows[: page.limit]],
            next_page_token=_next(page, rows, "name", "journey_id"),
        )

    def EnterJourney(self, request: pb.EnterJourneyRequest, call: Call) -> pb.EnterJourneyResponse:
        if len(request.subjects) > _MOST_SUBJECTS:
            raise InvalidArgument("subjects", f"at most {_MOST_SUBJECTS} fit")
        entered, skipped = self._journeys.enter(
            call.transaction(),
            call.caller,
            required_uuid(request, "journey_id"),
            [_recipient(subject) for subject in request.subjects],
        )
        return pb.EnterJourneyResponse(entered=entered, skipped=skipped)

    def ListJourneyRuns(self, request: pb.ListJourneyRunsRequest, call: Call) -> pb.ListJourneyRunsResponse:
        page = page_of(request)
        journey_id = required_uuid(request, "journey_id")
        rows = journeys.runs_page(call.query(), call.caller, page.limit, page.after, journey_id, request.state)
        return pb.ListJourneyRunsResponse(
            runs=[_run(row) for row in rows[: page.limit]],
            next_page_token=_next(page, rows, "entered_at", "run_id"),
        )

    def GetJourneyRun(self, request: pb.GetJourneyRunRequest, call: Call) -> pb.GetJourneyRunResponse:
        run_id = required_uuid(request, "run_id")
        row = _there(journeys.run(call.query(), call.caller, run_id), "run", run_id)
        return pb.GetJourneyRunResponse(
            run=_run(row),
            steps=[
                pb.RunStep(
                    step_id=step["step_id"],
                    kind=step["kind"],
                    answer=step["answer"],
                    send_id=text(step["send_id"]),
                    message_state=step["message_state"],
                    coupon_id=text(step["coupon_id"]),
                    taken_at=step["taken_at"],
                )
                for step in journeys.steps_of_run(call.query(), run_id)
            ],
        )

    def TakeOutOfJourney(self, request: pb.TakeOutOfJourneyRequest, call: Call) -> pb.TakeOutOfJourneyResponse:
        version = self._journeys.take_out(call.transaction(), call.caller, required_uuid(request, "run_id"))
        return pb.TakeOutOfJourneyResponse(version=version)

    def ListCoupons(self, request: pb.ListCouponsRequest, call: Call) -> pb.ListCouponsResponse:
        page = page_of(request)
        rows = coupons.page(
            call.query(),
            call.caller,
            page.limit,
            page.after,
            optional_uuid(request, "customer_id"),
            optional_uuid(request, "campaign_id"),
        )
        return pb.ListCouponsResponse(
            coupons=[
                pb.Coupon(
                    coupon_id=str(row["coupon_id"]),
                    code=row["code"],
                    value=money_message(Money(row["value"], row["currency_code"])),
                    expires_on=row["expires_on"].isoformat(),
                    customer_id=text(row["customer_id"]),
                    contact_id=text(row["contact_id"]),
                    campaign_id=text(row["campaign_id"]),
                    run_id=text(row["run_id"]),
                )
                for row in rows[: page.limit]
            ],
            next_page_token=_next(page, rows, "issued_at", "coupon_id"),
        )


# -- requests into values --------------------------------------------------------


def _plan(request: pb.PlanCampaignRequest | pb.ReviseCampaignRequest) -> Plan:
    return Plan(
        required_text(request, "name"),
        CampaignKind(request.kind),
        required_text(request, "channel", 50),
        money_at("budget", request.budget),
        required_date(request, "starts_on"),
        required_date(request, "ends_on"),
        optional_uuid(request, "segment_id"),
        request.expected_leads,
    )


def _layout(request: pb.DraftFormRequest | pb.ReviseFormRequest) -> Layout:
    return Layout(
        required_text(request, "title"),
        form_fields(request.fields),
        required_text(request, "source_channel", 50),
        optional_uuid(request, "campaign_id"),
        thank_you(request.thank_you),
        request.minimum_fill_s or DEFAULT_FILL_S,
        request.hourly_limit or DEFAULT_HOURLY_LIMIT,
    )


def _definition(request: pb.DefineJourneyRequest | pb.ReviseJourneyRequest) -> Definition:
    return Definition(
        required_text(request, "name"),
        TriggerKind(request.trigger),
        tuple(step_at(f"steps[{i}]", step) for i, step in enumerate(request.steps)),
        optional_uuid(request, "campaign_id"),
        optional_uuid(request, "trigger_ref"),
        request.reentry,
        condition_at("goal", request.goal) if request.HasField("goal") and request.goal.kind else None,
    )


def _recipient(request: Any) -> Recipient:
    return Recipient(
        optional_uuid(request, "customer_id"),
        optional_uuid(request, "contact_id"),
        optional_uuid(request, "submission_id"),
    )


def _is_late(call: Call) -> bool:
    """Work entered late by somebody who may: the kernel checked that he may."""
    return call.effective_at is not None


# -- values into answers -----------------------------------------------------------


def _there(row: DictRow | None, what: str, id_: UUID) -> DictRow:
    if row is None:
        raise NotFound(f"there is no {what} {id_}")
    return row


def _next(page: Any, rows: list[DictRow], *keys: str) -> str:
    if len(rows) <= page.limit:
        return ""
    last = rows[page.limit - 1]
    token: str = page.next_token(rows, [last[key] for key in keys])
    return token


def _shown_text(value: str) -> str:
    return "" if value == ERASED else value


def _moneys(totals: Mapping[str, int]) -> list[Any]:
    return [money_message(Money(units, code)) for code, units in sorted(totals.items())]


def _share(share: Fraction) -> str:
    return f"{Decimal(share.numerator) / Decimal(share.denominator):.6f}"


def _campaign(row: DictRow) -> pb.Campaign:
    return pb.Campaign(
        campaign_id=str(row["campaign_id"]),
        name=row["name"],
        kind=row["kind"],
        channel=row["channel"],
        budget=money_message(Money(row["budget"], row["currency_code"])),
        cost=money_message(Money(row["cost"], row["currency_code"])),
        owner_id=str(row["owner_id"]),
        starts_on=row["starts_on"].isoformat(),
        ends_on=row["ends_on"].isoformat(),
        segment_id=text(row["segment_id"]),
        expected_leads=row["expected_leads"],
        state=row["state"],
        conclusion=row["conclusion"],
        version=row["version"],
    )


def _results(call: Call, rows: list[DictRow], model: int, basis: int) -> list[pb.CampaignResults]:
    cursor = call.query()
    ids = [row["campaign_id"] for row in rows]
    if not ids:
        return []
    counted = results.counts_of_campaigns(cursor, ids)
    sent = messages.engagement(cursor, "campaign_id", ids)
    chosen = AttributionModel(model) if model else AttributionModel.LINEAR
    by = RevenueBasis(basis) if basis else RevenueBasis.WON
    attributed = results.attribution(results.won_deals(cursor, by), chosen, by_campaign=True)
    return [_campaign_results(row, counted[row["campaign_id"]], attributed, sent, chosen, by) for row in rows]


def _campaign_results(
    row: DictRow,
    counts: results.Counts,
    attributed: results.Attributed,
    sent: Mapping[UUID, DictRow],
    model: AttributionModel,
    basis: RevenueBasis,
) -> pb.CampaignResults:
    code = row["currency_code"]
    cost = Money(row["cost"], code)
    mine = {currency: units for (key, currency), units in attributed.revenue.items() if key == str(row["campaign_id"])}
    revenue = mine.pop(code, 0)
    cost_per_lead = results.per_each(cost, counts.leads)
    cost_per_deal = results.per_each(cost, counts.won)
    return pb.CampaignResults(
        campaign_id=str(row["campaign_id"]),
        budget=money_message(Money(row["budget"], code)),
        cost=money_message(cost),
        leads=counts.leads,
        qualified_leads=counts.qualified,
        deals=counts.deals,
        won_deals=counts.won,
        cost_per_lead=money_message(cost_per_lead) if cost_per_lead else None,
        cost_per_deal=money_message(cost_per_deal) if cost_per_deal else None,
        won_amount=money_message(Money((counts.won_amount or {}).get(code, 0), code)),
        attributed_revenue=money_message(Money(revenue, code)),
        roi=results.ratio(revenue - cost.minor_units, cost.minor_units),
        model=int(model),  # type: ignore[arg-type]
        basis=int(basis),  # type: ignore[arg-type]
        other_revenue=_moneys(mine),
        submissions=counts.submissions,
        engagement=_engagement(sent.get(row["campaign_id"])),
    )


def _engagement(row: DictRow | None) -> pb.Engagement:
    if row is None:
        return pb.Engagement()
    return pb.Engagement(
        planned=row["planned"],
        sent=row["sent"],
        simulated=row["simulated"],
        withheld=row["withheld"],
        bounced=row["bounced"],
        unknown=row["unknown"],
        opened=row["opened"],
        clicked=row["clicked"],
        unsubscribed=row["unsubscribed"],
        open_rate=results.ratio(row["opened"], row["sent"]),
        click_rate=results.ratio(row["clicked"], row["sent"]),
    )


def _channel_rank(number: int, it: results.ChannelFigures) -> pb.ChannelRank:
    rank = pb.ChannelRank(
        rank=number,
        channel=it.channel,
        currency_code=it.currency_code,
        leads=it.leads,
        deals=it.deals,
        won_deals=it.won,
        conversion_rate=results.ratio(it.won, it.leads),
    )
    if it.currency_code:
        cost = Money(it.cost, it.currency_code)
        rank.cost.CopyFrom(money_message(cost))
        rank.won_amount.CopyFrom(money_message(Money(it.won_amount, it.currency_code)))
        if per_lead := results.per_each(cost, it.leads):
            rank.cost_per_lead.CopyFrom(money_message(per_lead))
        if per_deal := results.per_each(cost, it.won):
            rank.cost_per_deal.CopyFrom(money_message(per_deal))
    return rank


def _member(row: DictRow, name: str = "") -> pb.SegmentMember:
    return pb.SegmentMember(
        customer_id=str(row["customer_id"]),
        owner_id=text(row["owner_id"]),
        industry_code=row["industry_code"],
        region_code=row["region_code"],
        level=row["level"],
        status=row["status"],
        tags=row["tags"],
        name=name,
    )


def _names(call: Call, ids: list[UUID]) -> dict[str, str] | None:
    """The customers' names as the customer service shows them to the caller; None when it is away."""
    import grpc

    from crm.customer.v1 import customer_service_pb2 as asked
    from crm.customer.v1.customer_service_pb2_grpc import CustomerServiceStub

    found: dict[str, str] = {}
    try:
        stub = CustomerServiceStub(call.peer("customer"))
        for start in range(0, len(ids), _EXPORT_BATCH):
            batch = [str(it) for it in ids[start : start + _EXPORT_BATCH]]
            answer = stub.BatchGetCustomers(asked.BatchGetCustomersRequest(customer_ids=batch))
            found |= {card.asked_id or card.customer_id: card.name for card in answer.cards}
    except (grpc.RpcError, Unavailable):
        return None
    return found


def _members_csv(rows: Iterable[DictRow], names: Mapping[str, str]) -> bytes:
    """UTF-8 with BOM, so that Excel reads Chinese; a cell never begins like a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    header = ("customer_id", "name", "owner_id", "industry_code", "region_code", "level", "status", "tags")
    writer.writerow(header)
    for row in rows:
        customer_id = str(row["customer_id"])
        cells = (
            customer_id,
            names.get(customer_id, ""),
            text(row["owner_id"]),
            row["industry_code"],
            row["region_code"],
            row["level"],
            row["status"],
            " ".join(row["tags"]),
        )
        writer.writerow([f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell for cell in cells])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _words(row: DictRow) -> Words:
    return Words(row["name"], MessageChannel(row["channel"]), row["subject_line"], row["html_body"], row["text_body"])


def _template(row: DictRow) -> pb.Template:
    return pb.Template(
        template_id=str(row["template_id"]),
        name=row["name"],
        channel=row["channel"],
        subject_line=row["subject_line"],
        html_body=row["html_body"],
        text_body=row["text_body"],
        links=[TemplateLink(url=link["url"], tag=link["tag"]) for link in row["links"]],
        variables=_words(row).variables,
        template_version=row["template_version"],
        retired=row["retired"],
        owner_id=str(row["owner_id"]),
        version=row["version"],
    )


def _message(row: DictRow) -> pb.Message:
    return pb.Message(
        send_id=str(row["send_id"]),
        campaign_id=text(row["campaign_id"]),
        mailing_id=text(row["mailing_id"]),
        journey_id=text(row["journey_id"]),
        customer_id=text(row["customer_id"]),
        contact_id=text(row["contact_id"]),
        submission_id=text(row["submission_id"]),
        channel=row["channel"],
        template_id=str(row["template_id"]),
        state=row["state"],
        reason=row["reason"],
        planned_at=row["planned_at"],
        left_at=row["left_at"],
        opened_at=row["opened_at"],
        clicked_at=row["clicked_at"],
        clicks=row["clicks"],
        test=row["test"],
    )


def _journey(call: Call, row: DictRow) -> pb.Journey:
    definition = from_json(row["definition"], journey_events_pb2.JourneyRevised())
    counts = journeys.run_counts(call.query(), row["journey_id"])
    steps = journeys.step_counts(call.query(), row["journey_id"])
    return pb.Journey(
        journey_id=str(row["journey_id"]),
        name=row["name"],
        campaign_id=text(row["campaign_id"]),
        owner_id=str(row["owner_id"]),
        trigger=row["trigger_kind"],
        trigger_ref=text(row["trigger_ref"]),
        reentry=definition.reentry,
        steps=definition.steps,
        goal=definition.goal if definition.HasField("goal") else None,
        state=row["state"],
        journey_version=row["journey_version"],
        version=row["version"],
        step_counts=[
            pb.StepCount(
                step_id=step.step_id,
                taken=int(steps[step.step_id]["taken"]) if step.step_id in steps else 0,
                answered_yes=int(steps[step.step_id]["answered_yes"]) if step.step_id in steps else 0,
                waiting=int(steps[step.step_id]["waiting"]) if step.step_id in steps else 0,
            )
            for step in definition.steps
        ],
        entered=counts["entered"],
        active=counts["active"],
        finished=counts["finished"],
        goal_reached=counts["goal_reached"],
        left_early=counts["left_early"],
    )


def _run(row: DictRow) -> pb.JourneyRun:
    return pb.JourneyRun(
        run_id=str(row["run_id"]),
        journey_id=str(row["journey_id"]),
        customer_id=text(row["customer_id"]),
        contact_id=text(row["contact_id"]),
        submission_id=text(row["submission_id"]),
        state=row["state"],
        reason=row["reason"],
        current_step_id=row["current_step_id"],
        entered_at=row["entered_at"],
        waiting_until=row["waiting_until"],
        left_at=row["left_at"],
        journey_version=row["journey_version"],
    )
