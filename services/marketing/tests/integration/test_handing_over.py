"""Whatever a leaver answers for in marketing, his successor answers for afterwards."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from crm.marketing.v1 import form_events_pb2 as frm
from crm.marketing.v1 import journey_events_pb2 as jny
from crm.marketing.v1 import marketing_service_pb2 as pb
from kernel.handover import count_owned
from kernel.ids import new_id
from kernel.rebuild import compare
from kernel.store import Cause


@pytest.mark.feature("CUS-38")
def test_forms_segments_templates_mailings_journeys_and_campaigns_follow_the_successor(running: Any) -> None:
    template_id, segment_id = running.a_template(), running.a_segment()
    campaign_id = running.a_campaign()
    mailing = pb.PlanMailingRequest(name="m", segment_id=segment_id, template_id=template_id, campaign_id=campaign_id)
    running.stub.PlanMailing(mailing)
    field = frm.FormField(key="email", label="e-mail", kind=frm.FORM_FIELD_KIND_EMAIL, required=True)
    running.stub.DraftForm(pb.DraftFormRequest(title="Trial", source_channel="website", fields=[field]))
    step = jny.JourneyStep(step_id="mail", kind=jny.STEP_KIND_SEND, template_id=template_id)
    journey = pb.DefineJourneyRequest(name="Spring", trigger=jny.TRIGGER_KIND_MANUAL, steps=[step])
    running.stub.DefineJourney(journey)
    retired = running.a_segment(name="old")
    running.stub.RetireSegment(pb.RetireSegmentRequest(segment_id=retired))
    service = running.service
    with service.store.query() as cursor:
        row = cursor.execute("select owner_id from campaigns").fetchone()
    assert row
    leaver, heir = UUID(str(row["owner_id"])), new_id()

    def owned_by(person_id: UUID) -> dict[str, int]:
        with service.store.query() as cursor:
            return count_owned(cursor, service.owned, person_id)

    before = owned_by(leaver)
    assert before == dict.fromkeys(("campaigns", "forms", "segments", "templates", "mailings", "journeys"), 1)
    with service.store.transaction(Cause.of("service:test")) as tx:
        for owned in service.owned.kinds:
            ids = [r["id"] for r in tx.cursor.execute(owned.open_of, {"person_id": leaver})]
            owned.move(tx, ids, leaver, heir, "left")
    assert (owned_by(leaver), owned_by(heir)) == (dict.fromkeys(before, 0), before)
    for view in service.inline:
        assert compare(service, view).equal, view.name
