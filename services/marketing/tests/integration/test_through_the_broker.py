"""The real processes: what marketing records comes back to its own reactions through RabbitMQ."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from crm.marketing.v1 import form_events_pb2 as frm
from crm.marketing.v1 import journey_events_pb2 as jny
from crm.marketing.v1 import marketing_service_pb2 as pb
from crm.marketing.v1.marketing_service_pb2_grpc import MarketingServiceStub
from kernel.config import Settings
from kernel.service import endpoints_of
from kernel.slots import SLOTS
from kernel.wire import Peers
from marketing.bootstrap import bootstrap
from testkit.grpc_server import channel_as, serving
from testkit.waiting import wait_until


@contextmanager
def a_process(settings: Settings, part: str, extra: dict[str, str], log: Path) -> Iterator[None]:
    environment = {
        **os.environ,
        "MARKETING_DATABASE_URL": settings.database_url,
        "MARKETING_OWNER_DATABASE_URL": settings.owner_database_url,
        "MARKETING_AMQP_URL": settings.amqp_url,
        "MARKETING_MASTER_KEY": b64encode(settings.master_key).decode(),
        "MARKETING_SERVICE_SECRET": settings.service_secret,
        "HEADWATER_TOKEN_PUBLIC_KEY": settings.token_public_key,
        **extra,
    }
    with (log / f"{part}.log").open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "marketing", part], env=environment, stdout=out, stderr=out)
        try:
            yield
        finally:
            process.terminate()
            process.wait(15)


@pytest.mark.feature("MKT-12")
def test_a_form_sent_in_public_walks_into_a_journey_and_its_mail_arrives(
    a_settings: Any, amqp: str, mail_server: Any, tmp_path: Path
) -> None:
    mail, smtp_url = mail_server
    extra = {"MARKETING_SMTP_URL": smtp_url, "MARKETING_MAIL_FROM": "news@example.org"}
    settings = a_settings("marketing", amqp_url=amqp, extra=extra)
    with ExitStack() as stack:
        service = bootstrap(settings)
        stack.callback(service.store.close)
        peers = Peers({})
        stack.callback(peers.close)
        target = stack.enter_context(serving(*endpoints_of(service, peers)))
        for part in ("bus", "relay", "worker"):
            stack.enter_context(a_process(settings, part, extra, tmp_path))
        stub = MarketingServiceStub(stack.enter_context(channel_as(target)))
        template = stub.DraftTemplate(
            pb.DraftTemplateRequest(name="t", channel=1, subject_line="Welcome", text_body="Hi")  # type: ignore[arg-type]
        ).template_id
        form = stub.DraftForm(
            pb.DraftFormRequest(
                title="Demo",
                source_channel="website",
                fields=[frm.FormField(key="email", label="E", kind=frm.FORM_FIELD_KIND_EMAIL)],
            )
        ).form_id
        stub.PublishForm(pb.PublishFormRequest(form_id=form))
        journey = stub.DefineJourney(
            pb.DefineJourneyRequest(
                name="j",
                trigger=jny.TRIGGER_KIND_FORM,
                trigger_ref=form,
                steps=[
                    jny.JourneyStep(step_id="wait", kind=jny.STEP_KIND_WAIT, wait_s=1, next_step_id="mail"),
                    jny.JourneyStep(step_id="mail", kind=jny.STEP_KIND_SEND, template_id=template),
                ],
            )
        ).journey_id
        stub.ActivateJourney(pb.ActivateJourneyRequest(journey_id=journey))
        wait_until(lambda: _is_listening(service), 60, lambda: _logs(tmp_path))
        now = [("effective-at", service.store.clock().isoformat())]
        stub.SubmitForm(pb.SubmitFormRequest(form_id=form, values={"email": "a@example.com"}), metadata=now)
        wait_until(lambda: mail.to("a@example.com"), 60, lambda: _logs(tmp_path))
        assert mail.to("a@example.com")[0]["Subject"] == "Welcome"


def _is_listening(service: Any) -> bool:
    """Whether the reactions read every slot of our own log."""
    with service.store.connection() as connection:
        rows = connection.execute(
            "select slot from tracking where consumer = 'reactions' and context = 'marketing'"
        ).fetchall()
    return len(rows) == SLOTS


def _logs(folder: Path) -> str:
    return "\n".join(f"{path.name}:\n{path.read_text()[-2000:]}" for path in sorted(folder.glob("*.log")))
