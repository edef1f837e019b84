"""One person's data, gathered from every service; and forgotten from the command line, with a certificate."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from headwater.api import Refused
from testkit import a_name

pytestmark = pytest.mark.timeout(180)


@pytest.mark.security
@pytest.mark.feature("CUS-50", "CUS-51", "NFR-11")
def test_a_person_gets_all_that_is_recorded_of_him_then_is_forgotten_then_there_is_nothing(
    suite: Any, work: Path
) -> None:
    admin, mark = suite.admin, "pd" + secrets.token_hex(5)
    lead = admin.post(
        "/v1/leads",
        {
            "lead": {
                "source_channel": "call",
                "person_name": f"{mark} lead",
                "phone": f"137{secrets.randbelow(10**8):08d}",
                "company": "Persons Ltd",
            }
        },
    )["lead_id"]
    admin.post(f"/v1/leads/{lead}:qualify", {"reason": "need"})
    converted = admin.post(f"/v1/leads/{lead}:convert", {"customer_name": a_name("Persons"), "no_opportunity": True})
    customer, contact = converted["customer_id"], converted["contact_id"]
    admin.post(
        "/v1/tickets",
        {
            "channel": "CHANNEL_PHONE",
            "category": "x",
            "priority": "PRIORITY_NORMAL",
            "subject": f"{mark} ticket",
            "customer_id": customer,
            "contact_id": contact,
        },
    )
    somebody_else = admin.post(f"/v1/customers/{customer}/contacts", {"contact": {"name": "Somebody Else"}})
    told = suite.headwater("person", contact, "--out", str(work / "me.json"))
    assert "records of customer, pipeline, ticketing" in told.stdout
    mine = json.loads((work / "me.json").read_text())
    assert {lead, contact} <= set(mine["known_as"])
    assert customer not in mine["known_as"], "a company is nobody"
    said = {
        (r["context"], r["event"].rpartition(".")[2]): json.dumps(r["data"], ensure_ascii=False)
        for r in mine["records"]
    }
    for what in (("pipeline", "LeadCaptured"), ("customer", "ContactAdded"), ("ticketing", "TicketOpened")):
        assert mark in said[what], what
    assert "Somebody Else" not in str(mine)
    agent_id, agent = suite.person("agent")
    with pytest.raises(Refused) as refused:
        agent.get(f"/v1/persons/{contact}/export")
    assert refused.value.status == 403
    assert agent_id

    done = suite.headwater("forget", "contact", contact, "--yes", "--reference", "DSR-1", "--out", str(work / "c.json"))
    assert "complete after" in done.stdout
    assert "genuine" in suite.headwater("certificate", "--check", str(work / "c.json")).stdout
    forged = json.loads((work / "c.json").read_text())
    forged["document"] = forged["document"].replace("DSR-1", "DSR-2")
    (work / "forged.json").write_text(json.dumps(forged))
    assert "NOT genuine" in suite.headwater("certificate", "--check", str(work / "forged.json"), ok=(1,)).stderr
    after = suite.headwater("person", contact).stdout
    assert mark not in after
    assert "[erased]" in after
    assert somebody_else["contact_id"] in str(admin.get(f"/v1/customers/{customer}")["contacts"])
