"""The whole loop, once, as its people live it: from a campaign's form to a paid order and an answered survey."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from headwater.api import Refused
from testkit import wait_until

pytestmark = pytest.mark.timeout(300)


def cny(minor_units: int) -> dict[str, str]:
    return {"minor_units": str(minor_units), "currency_code": "CNY"}


def day(offset: int) -> str:
    return (datetime.now(UTC) + timedelta(days=offset)).date().isoformat()


def found(session: Any, path: str, field: str) -> dict[str, Any] | None:
    """The field of an answer; None while there is nothing at that address."""
    try:
        answer: dict[str, Any] = session.get(path)
    except Refused as refused:
        if refused.status != 404:
            raise
        return None
    return answer.get(field)


def accepted(ask: Any) -> Any:
    """What was answered; None while a rule says no."""
    try:
        return ask()
    except Refused as refused:
        if refused.status != 409:
            raise
        return None


@pytest.fixture(scope="module")
def company(suite: Any) -> dict[str, Any]:
    """A team with a manager, a rep, an agent with a supervisor, a marketer, finance and a leader."""
    team = suite.admin.post("/v1/teams", {"name": f"Loop sales {uuid4().hex[:6]}"})["team_id"]
    people = {
        role: suite.person(role, team if role.startswith("sales") else "")
        for role in ("sales_manager", "sales_rep", "agent", "agent_supervisor", "marketer", "finance", "leader")
    }
    suite.admin.post(f"/v1/teams/{team}:appointManager", {"manager_id": people["sales_manager"][0]})
    rep, manager = people["sales_rep"][0], people["sales_manager"][0]
    admin = suite.admin
    product = admin.post(
        "/v1/products",
        {
            "sku": f"LOOP-{uuid4().hex[:8]}",
            "name": "回路网关",
            "category": "硬件",
            "list_price": cny(10_000_00),
            "tax_basis_points": 1300,
        },
    )["product_id"]
    stages = [
        {"name": name, "probability": p, "norm_days": 10, "order": n}
        for n, (name, p) in enumerate((("初步接触", 10), ("需求确认", 30), ("报价", 50), ("谈判", 75)), 1)
    ]
    pipeline = admin.post("/v1/pipelines", {"name": f"Loop {team[:8]}", "stages": stages})["pipeline_id"]
    admin.post("/v1/discount-policy", {"limit_basis_points": 1000, "fallback_approver_id": manager})
    step = {"step_id": "manager", "name": "manager", "approver_ids": [manager], "rule": "STEP_RULE_ANY_OF"}
    flow = {"name": "discounts", "subject_kind": "SUBJECT_KIND_QUOTE", "steps": [step], "priority": 1_000_000}
    former = [f for f in admin.get("/v1/approval-flows").get("flows", []) if f["name"] == "discounts"]
    admin.post("/v1/approval-flows", flow | ({"flow_id": former[0]["flow_id"]} if former else {}))
    scoring = [
        {
            "rule_id": "phone",
            "reason": "left a telephone number",
            "points": 70,
            "conditions": [{"field": "phone", "operator": "RULE_OPERATOR_PRESENT"}],
        }
    ]
    admin.post("/v1/scoring-rules", {"name": "loop", "rules": scoring, "high_intent_threshold": 60})
    rule = {
        "rule_id": "beijing",
        "name": "Beijing goes to the rep",
        "conditions": [{"field": "region_code", "operator": "RULE_OPERATOR_IN", "values": ["11"]}],
        "strategy": "ASSIGNMENT_STRATEGY_FIXED",
        "candidates": [{"person_id": rep}],
    }
    admin.post(
        "/v1/assignment-rules",
        {
            "name": "loop",
            "rules": [rule],
            "priority_rules": [rule | {"rule_id": "beijing-first"}],
            "fallback_owner_id": manager,
        },
    )
    desk = people["agent_supervisor"][0]
    admin.post("/v1/queues/loop:define", {"name": "Loop desk", "department": "Service", "supervisor_id": desk})
    admin.post(
        f"/v1/ticket-agents/{people['agent'][0]}:profile",
        {"queues": ["loop"], "skills": [], "capacity": 9, "available": True},
    )
    calendar = str(uuid4())
    hours = [{"weekday": d, "from_minute": 0, "to_minute": 1440} for d in range(1, 8)]
    admin.post(f"/v1/calendars/{calendar}:define", {"name": "Always", "timezone": "Asia/Shanghai", "weekly": hours})
    target = {"priority": "PRIORITY_URGENT", "first_response_s": "1", "resolution_s": "3600"}
    policy = {
        "name": "Loop",
        "calendar_id": calendar,
        "targets": [target],
        "warn_at_percent": 50,
        "escalation": [{"after_s": "1", "to_person_id": desk}],
    }
    admin.post(f"/v1/sla-policies/{uuid4()}:define", policy)
    admin.post(
        "/v1/ticket-assignment-rules:define",
        {"rules": [{"rule_id": "all", "name": "all", "queue": "loop"}], "fallback_queue": "loop"},
    )
    admin.post(
        "/v1/survey-rules:define", {"after_s": "0", "low_up_to": 2, "after_tickets": True, "supervisor_id": desk}
    )
    return {"people": people, "product": product, "pipeline": pipeline, "team": team}


@pytest.mark.feature("PIP-01", "PIP-05", "PIP-09", "PIP-11", "PIP-13", "PIP-15", "PIP-40", "PIP-51", "TIC-05")
@pytest.mark.feature("CUS-15", "MKT-02", "TIC-21", "TIC-22", "PIP-56", "PIP-59", "NOT-01")
def test_a_form_becomes_a_paid_order_and_an_answered_survey(suite: Any, company: dict[str, Any]) -> None:
    people = company["people"]
    _, marketer = people["marketer"]
    rep_id, rep = people["sales_rep"]
    _, manager = people["sales_manager"]
    _, finance = people["finance"]
    _, agent = people["agent"]
    supervisor_id, supervisor = people["agent_supervisor"]
    _, leader = people["leader"]

    company_name = "北京" + "".join(random.sample("鹏翔麒麟瑞雪梧桐松涛碧波朝霞星河沧海", 5)) + "有限公司"
    phone = f"139{random.randrange(10**8):08d}"

    # a campaign brings a form submission
    campaign = marketer.post(
        "/v1/campaigns",
        {
            "name": "Loop fair",
            "kind": "CAMPAIGN_KIND_EXHIBITION",
            "channel": "fair",
            "budget": cny(50_000_00),
            "starts_on": day(-1),
            "ends_on": day(30),
        },
    )["campaign_id"]
    marketer.post(f"/v1/campaigns/{campaign}:launch", {})
    marketer.post(
        f"/v1/campaigns/{campaign}:bookCost", {"amount": cny(20_000_00), "purpose": "stand", "booked_on": day(0)}
    )
    fields = [
        {"key": "person_name", "label": "姓名", "kind": "FORM_FIELD_KIND_TEXT", "required": True},
        {"key": "phone", "label": "手机", "kind": "FORM_FIELD_KIND_PHONE"},
        {"key": "company", "label": "公司", "kind": "FORM_FIELD_KIND_TEXT"},
        {"key": "region_code", "label": "地区", "kind": "FORM_FIELD_KIND_TEXT"},
    ]
    form = marketer.post(
        "/v1/forms",
        {"title": "留资", "campaign_id": campaign, "source_channel": "fair", "fields": fields, "hourly_limit": 1000},
    )["form_id"]
    marketer.post(f"/v1/forms/{form}:publish", {})
    page = marketer.get(f"/v1/public/forms/{form}")["form"]
    values = {"person_name": "欧阳晓", "phone": phone, "company": company_name, "region_code": "11"}
    sheet = {
        "values": values,
        "form_token": page.get("form_token", ""),
        "campaign_id": campaign,
        "utm": {"utm_source": "fair"},
        "consent_given": True,
    }
    with pytest.raises(Refused, match="that was quick"):
        marketer.post(f"/v1/public/forms/{form}:submit", sheet)  # nobody fills a form in no time but a machine
    wait_until(lambda: accepted(lambda: marketer.post(f"/v1/public/forms/{form}:submit", sheet)), timeout_s=20)

    # it becomes a lead that is scored and assigned, with the reason kept
    leads = wait_until(
        lambda: [x for x in rep.get("/v1/leads", campaign_id=campaign).get("leads", []) if x.get("owner_id")],
        timeout_s=5,
        describe="a lead within five seconds of the form",
    )
    [lead] = leads
    assert lead["owner_id"] == rep_id
    assert lead["person_name"] == "欧阳晓"
    assert lead["campaign_id"] == campaign
    assert lead["high_intent"] is True
    why = rep.get(f"/v1/leads/{lead['lead_id']}/assignment")
    assert "Beijing goes to the rep" in str(why)
    notified = wait_until(
        lambda: [n for n in rep.get("/v1/notifications").get("notifications", []) if lead["lead_id"] in str(n)],
        timeout_s=60,
        describe="the owner is told of the lead",
    )
    assert notified

    # customer and opportunity
    rep.post(f"/v1/leads/{lead['lead_id']}:qualify", {"reason": "budget and need"})
    converted = rep.post(
        f"/v1/leads/{lead['lead_id']}:convert",
        {
            "customer_name": company_name,
            "title": "网关采购",
            "amount": cny(30_000_00),
            "pipeline_id": company["pipeline"],
            "expected_close_on": day(20),
        },
    )
    customer, opportunity = converted["customer_id"], converted["opportunity_id"]
    stages = rep.get("/v1/pipelines")["pipelines"]
    stage_ids = next(p for p in stages if p["pipeline_id"] == company["pipeline"])["stages"]
    for stage in stage_ids[1:4]:
        rep.post(f"/v1/opportunities/{opportunity}:advance", {"to_stage_id": stage["stage_id"]})

    # a quote with too large a discount waits for an approval
    line = {
        "product_id": company["product"],
        "quantity": "3",
        "unit_price": cny(10_000_00),
        "discount_basis_points": 1500,
        "tax_basis_points": 1300,
    }
    quote = rep.post("/v1/quotes", {"opportunity_id": opportunity, "lines": [line], "valid_until": day(30)})["quote_id"]
    approval = rep.post(f"/v1/quotes/{quote}:submit", {})["approval_id"]
    assert approval
    with pytest.raises(Refused) as refused:
        rep.post(f"/v1/quotes/{quote}:send", {})
    assert refused.value.status in (400, 409, 412, 422)
    with pytest.raises(Refused) as refused:
        rep.post(f"/v1/approvals/{approval}:giveOpinion", {"decision": "DECISION_APPROVE", "opinion": "mine"})
    assert refused.value.status == 403
    manager.post(
        f"/v1/approvals/{approval}:giveOpinion", {"decision": "DECISION_APPROVE", "opinion": "strategic customer"}
    )
    record = rep.get(f"/v1/approvals/{approval}")
    assert record["approval"]["state"] == "APPROVAL_STATE_GRANTED"
    assert "strategic customer" in str(record["record"])
    rep.post(f"/v1/quotes/{quote}:send", {})
    rep.post(f"/v1/quotes/{quote}:accept", {})

    # the won deal becomes a contract and an order, the order is paid
    rep.post(f"/v1/opportunities/{opportunity}:win", {"reason": "best service"})
    contract = rep.post(
        "/v1/contracts",
        {
            "title": "销售合同",
            "customer_id": customer,
            "opportunity_id": opportunity,
            "quote_id": quote,
            "starts_on": day(0),
        },
    )["contract_id"]
    rep.post(f"/v1/contracts/{contract}:submit", {})
    rep.post(f"/v1/contracts/{contract}:sign", {"signed_on": day(0)})
    order = rep.post("/v1/orders", {"contract_id": contract, "placed_on": day(0)})
    total = int(order["total"]["minor_units"])
    assert total == 28_815_00  # 3 x 10,000 less 15 %, plus 13 % tax
    rep.post(f"/v1/orders/{order['order_id']}:submit", {})
    if rep.get(f"/v1/orders/{order['order_id']}")["order"]["state"] != "ORDER_STATE_CONFIRMED":
        rep.post(f"/v1/orders/{order['order_id']}:confirm", {})
    finance.post(
        f"/v1/orders/{order['order_id']}:planReceivables", {"instalments": [{"due_on": day(10), "amount": cny(total)}]}
    )
    finance.post(
        f"/v1/orders/{order['order_id']}:recordPayment",
        {"amount": cny(total), "received_on": day(0), "method": "bank"},
    )
    wait_until(
        lambda: rep.get(f"/v1/customers/{customer}")["card"]["status"] == "CUSTOMER_STATUS_ACTIVE",
        timeout_s=2,
        describe="a signed customer is active everywhere within two seconds",
    )
    wait_until(
        lambda: not rep.get("/v1/receivables", customer_id=customer, open=True).get("receivables"),
        describe="nothing is owed any more",
    )

    # a ticket is opened, its clock runs out, it is escalated, resolved and surveyed
    opened = agent.post(
        "/v1/tickets",
        {
            "customer_id": customer,
            "channel": "CHANNEL_PHONE",
            "category": "gateway",
            "priority": "PRIORITY_URGENT",
            "subject": "设备离线",
        },
    )
    ticket = opened["ticket_id"]
    context = agent.get(f"/v1/tickets/{ticket}/context")
    assert company_name in str(context)
    wait_until(
        lambda: [n for n in supervisor.get("/v1/notifications").get("notifications", []) if ticket in str(n)],
        timeout_s=30,
        describe="the supervisor is told of the breach",
    )
    agent.post(f"/v1/tickets/{ticket}:respond", {"channel": "CHANNEL_PHONE", "text": "正在处理"})
    agent.post(f"/v1/tickets/{ticket}:resolve", {"resolution_code": "fixed", "cause": "cable", "solution": "replaced"})
    agent.post(f"/v1/tickets/{ticket}:close", {"reason": "confirmed"})
    surveys = wait_until(
        lambda: supervisor.get("/v1/surveys", ticket_id=ticket).get("surveys"),
        timeout_s=30,
        describe="the survey is sent",
    )
    token = suite.admin.get(f"/v1/surveys/{surveys[0]['survey_id']}/link")
    answered = suite.admin.post(f"/v1/survey-forms/{token['token']}:answer", {"score": 1})
    assert answered["recorded"] is True
    wait_until(
        lambda: supervisor.get("/v1/surveys", ticket_id=ticket)["surveys"][0].get("follow_up_ticket_id"),
        timeout_s=30,
        describe="a low score opens a ticket for the supervisor",
    )

    # analytics shows the funnel and the audit trail of all of it; the campaign knows what it brought
    totals = wait_until(
        lambda: (
            t
            if int((t := leader.get("/v1/analytics/funnel", **{"slice.campaign_id": campaign})["totals"]).get("won", 0))
            == 1
            else None
        ),
        timeout_s=10,
        describe="the funnel knows the deal",
    )
    assert totals["won_value"]
    history = wait_until(
        lambda: found(leader, f"/v1/audit/records/{opportunity}", "changes"), describe="the audit trail of the deal"
    )
    text = str(history)
    for happened in ("OpportunityOpened", "OpportunityAdvanced", "OpportunityWon"):
        assert happened in text
    assert f"person:{rep_id}" in text
    results = wait_until(
        lambda: (
            r if int((r := marketer.get(f"/v1/campaigns/{campaign}/results")["results"]).get("won_deals", 0)) else None
        ),
        describe="the campaign's results",
    )
    assert (int(results["leads"]), int(results["deals"]), int(results["won_deals"])) == (1, 1, 1)
    assert results["cost_per_lead"] == cny(20_000_00)
    assert supervisor_id
