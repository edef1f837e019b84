"""What happens to a lead, a deal and a ticket over time. Each life is a generator that yields when it goes on."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from headwater.api import Api, Refused
from headwater.simulating.names import Prospect
from headwater.simulating.office import CAMPAIGNS, Campaign, Office, money
from kernel.ids import derived_id

Life = Iterator[datetime]
Act = Callable[..., dict[str, Any]]
_LOST_TO = ("竞争对手甲", "竞争对手乙", "维持现状", "unknown")
_REASONS_WON = ("性价比高", "服务好", "功能契合", "老客户推荐")
_REASONS_LOST = ("价格太高", "预算取消", "功能不足", "选择竞品", "没有回应")
_PROBLEMS = ("设备无法联网", "数据采集延迟", "报表打不开", "账号无法登录", "安装咨询", "网关重启", "License 到期")


def working_time(moment: datetime) -> datetime:
    """The same moment, or the next one in which people in Shanghai are at their desks."""
    local = moment + timedelta(hours=8)
    if local.weekday() >= 5:
        local = (local + timedelta(days=7 - local.weekday())).replace(hour=9)
    if not 9 <= local.hour < 18:
        local = (local + timedelta(days=local.hour >= 18)).replace(hour=9)
        if local.weekday() >= 5:
            local += timedelta(days=7 - local.weekday())
    return local - timedelta(hours=8)


class World:
    """What every life needs: the office, the dice, the clock's end, and ways to act and to look."""

    def __init__(self, office: Office, random: Random, end: datetime, act: Act, wait: Callable[..., Any]) -> None:
        self.office = office
        self.random = random
        self.end = end
        self.act = act
        self.wait = wait
        self.started: list[tuple[datetime, Life]] = []
        self.overtaken = 0

    def days(self, median: float, spread: float = 0.6) -> timedelta:
        """A log-normal span of time."""
        return timedelta(days=median * math.exp(self.random.gauss(0, spread)))

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def begin(self, at: datetime, life: Life) -> None:
        """Have another life begin at that time."""
        self.started.append((at, life))


def a_lead(world: World, at: datetime, prospect: Prospect, campaign: Campaign | None) -> Life:
    """From the first sign of interest until it is converted, refused, or forgotten."""
    random, office, act = world.random, world.office, world.act
    behaviours = [b for b, p in (("downloaded_manual", 0.3), ("watched_demo", 0.22)) if world.chance(p)]
    quality = campaign.quality if campaign else 0.9
    if campaign:
        lead_id = _fill_form(world, at, prospect, campaign, behaviours)
    else:
        channel = random.choice(("phone", "wechat", "referral", "website"))
        draft = {
            "source_channel": channel,
            "person_name": prospect.person,
            "phone": prospect.phone,
            "email": prospect.email,
            "company": prospect.company,
            "region_code": prospect.region,
            "industry_code": prospect.industry,
            "behaviours": behaviours,
        }
        manager = office.sessions[office.of("sales_manager")[0]]
        lead_id = act(manager, at, "/v1/leads", {"lead": draft})["lead_id"]
    admin = office.sessions[office.of("leader")[0]]
    lead = world.wait(lambda: _owned(admin, lead_id))
    rep = lead["owner_id"]
    if rep not in office.sessions:
        return
    session, skill = office.sessions[rep], office.colleagues[rep].skill
    at = working_time(at + world.days(0.4 / skill))
    yield at
    if world.chance(0.12):
        return  # it goes cold: nobody calls, and the pool takes it back in time
    act(session, at, f"/v1/leads/{lead_id}:logContact", {"kind": "call", "note": "首次电话沟通"})
    at = working_time(at + world.days(1.5))
    yield at
    good = min(0.85, 0.42 * quality * (0.6 + 0.4 * skill))
    if not world.chance(good):
        verb = "nurture" if world.chance(0.4) else "disqualify"
        act(
            session,
            at,
            f"/v1/leads/{lead_id}:{verb}",
            {"reason": random.choice(("暂无预算", "不是目标客户", "联系不上"))},
        )
        return
    act(session, at, f"/v1/leads/{lead_id}:qualify", {"reason": "需求明确"})
    at = working_time(at + world.days(1))
    yield at
    skus = random.sample(list(office.products), random.choice((1, 1, 2, 3)))
    quantity = random.choice((1, 1, 2, 3, 5, 10))
    amount = sum(office.products[sku][1] for sku in skus) * quantity
    closing = at + world.days(38, 0.35)
    body = {
        "customer_name": prospect.company,
        "title": f"{prospect.company[:20]} {'设备采购' if prospect.chinese else 'rollout'}",
        "amount": money(amount),
        "pipeline_id": office.pipeline_id,
        "expected_close_on": closing.date().isoformat(),
    }
    try:
        converted = act(session, at, f"/v1/leads/{lead_id}:convert", body)
    except Refused as refused:
        if refused.status not in (400, 409, 412):
            raise
        return  # the company is there already and belongs to somebody else
    world.begin(at, a_deal(world, at, rep, converted, skus, quantity, amount, closing, quality))


def _fill_form(world: World, at: datetime, prospect: Prospect, campaign: Campaign, behaviours: list[str]) -> str:
    office = world.office
    marketer = office.sessions[office.of("marketer")[0]]
    form_id = office.forms[campaign.name]
    page = marketer.get(f"/v1/public/forms/{form_id}")["form"]
    values = {
        "person_name": prospect.person,
        "phone": prospect.phone,
        "email": prospect.email,
        "company": prospect.company,
        "region_code": prospect.region,
        "industry_code": prospect.industry,
    }
    body = {
        "values": values,
        "source_channel": campaign.channel,
        "campaign_id": office.campaigns[campaign.name],
        "utm": {"utm_source": campaign.channel, "utm_medium": campaign.kind.lower()},
        "behaviours": behaviours,
        "consent_given": world.chance(0.8),
    }
    token = page.get("form_token", "")
    answer = world.act(marketer, at, f"/v1/public/forms/{form_id}:submit", body, unrepeated={"form_token": token})
    return str(derived_id(answer["submission_id"], "lead"))


def _owned(session: Api, lead_id: str) -> dict[str, Any] | None:
    try:
        lead: dict[str, Any] = session.get(f"/v1/leads/{lead_id}").get("lead", {})
    except Refused as refused:
        if refused.status != 404:
            raise
        return None
    return lead if lead.get("owner_id") else None


def a_deal(
    world: World,
    at: datetime,
    rep: str,
    ids: dict[str, Any],
    skus: list[str],
    quantity: int,
    amount: int,
    closing: datetime,
    quality: float,
) -> Life:
    """From the first talk to an order that is paid, or to a loss; some slip and some are left lying."""
    random, office, act = world.random, world.office, world.act
    session, skill = office.sessions[rep], office.colleagues[rep].skill
    opportunity, customer = ids["opportunity_id"], ids["customer_id"]
    stay = min(0.97, 0.78 + 0.08 * skill + 0.04 * quality)
    quote = ""
    for number, stage in enumerate(office.stages[1:], 2):
        note = {
            "kind": "ACTIVITY_KIND_CALL",
            "content": f"跟进：准备进入第 {number} 阶段",
            "outcome": "ACTIVITY_OUTCOME_REACHED",
        }
        step_on = (at + timedelta(days=7)).date().isoformat()
        act(session, at, f"/v1/opportunities/{opportunity}:planNextStep", {"subject": "下次沟通", "due_on": step_on})
        at = working_time(at + world.days(8 / (0.7 + 0.3 * skill)))
        yield at
        if world.chance(0.5):
            act(session, at, f"/v1/customers/{customer}/activities", note)
        if at > closing and world.chance(0.8):
            closing = at + world.days(20, 0.4)
            body = {"expected_close_on": closing.date().isoformat()}
            act(session, at, f"/v1/opportunities/{opportunity}:revise", body)
        if not world.chance(stay):
            if world.chance(0.2):
                return  # left lying: open, ageing, without a next step
            body = {"reason": random.choice(_REASONS_LOST), "competitor": random.choice(_LOST_TO)}
            act(session, at, f"/v1/opportunities/{opportunity}:lose", body)
            return
        act(session, at, f"/v1/opportunities/{opportunity}:advance", {"to_stage_id": stage})
        if number == 3:
            quote = yield from _a_quote(world, at, session, opportunity, skus, quantity)
    at = working_time(at + world.days(7))
    yield at
    if not quote or not world.chance(min(0.92, 0.55 + 0.2 * skill)):
        body = {"reason": random.choice(_REASONS_LOST), "competitor": random.choice(_LOST_TO)}
        act(session, at, f"/v1/opportunities/{opportunity}:lose", body)
        return
    act(session, at, f"/v1/quotes/{quote}:accept", {})
    act(session, at, f"/v1/opportunities/{opportunity}:win", {"reason": random.choice(_REASONS_WON)})
    yield from _fulfilment(world, at, rep, opportunity, customer, quote, ids.get("contact_id", ""))


def _a_quote(
    world: World, at: datetime, session: Api, opportunity: str, skus: list[str], quantity: int
) -> Generator[datetime, None, str]:
    """Draft, have approved when the discount needs it, send. Returns the quote, empty when it was not to be."""
    random, office, act = world.random, world.office, world.act
    discount = random.choice((0, 0, 300, 500, 800, 1000, 1200, 1500, 2000))
    quote = ""
    for wanted in (discount, min(discount, 1000)):
        lines = [
            {
                "product_id": office.products[sku][0],
                "quantity": str(quantity),
                "unit_price": money(office.products[sku][1]),
                "discount_basis_points": wanted,
                "tax_basis_points": 1300,
            }
            for sku in skus
        ]
        valid = (at + timedelta(days=60)).date().isoformat()
        if not quote:
            body = {"opportunity_id": opportunity, "lines": lines, "valid_until": valid}
            quote = act(session, at, "/v1/quotes", body)["quote_id"]
        else:
            act(session, at, f"/v1/quotes/{quote}:revise", {"lines": lines, "valid_until": valid})
        approval = act(session, at, f"/v1/quotes/{quote}:submit", {}).get("approval_id", "")
        granted = True
        if approval:
            granted = yield from _approval(world, at, approval)
            at = working_time(at + timedelta(hours=20))
            yield at
        if granted:
            act(session, at, f"/v1/quotes/{quote}:send", {})
            return quote
    return ""


def _approval(world: World, at: datetime, approval: str) -> Generator[datetime, None, bool]:
    """Everybody who is waited for gives an opinion, one after the other."""
    for _ in range(3):
        found = world.office.sessions[world.office.of("leader")[0]].get(f"/v1/approvals/{approval}")["approval"]
        if found.get("state") != "APPROVAL_STATE_PENDING":
            return bool(found.get("state") == "APPROVAL_STATE_GRANTED")
        at = working_time(at + world.days(0.3))
        yield at
        approve = world.chance(0.85)
        body = {
            "decision": "DECISION_APPROVE" if approve else "DECISION_RETURN",
            "opinion": "同意" if approve else "折扣过大，请调整",
        }
        world.act(world.office.sessions[found["waiting_for"][0]], at, f"/v1/approvals/{approval}:giveOpinion", body)
        if not approve:
            return False
    return True


def _fulfilment(
    world: World, at: datetime, rep: str, opportunity: str, customer: str, quote: str, contact: str
) -> Life:
    """Contract, order, delivery, money; and then the first service requests."""
    office, act = world.office, world.act
    session = office.sessions[rep]
    at = working_time(at + timedelta(days=2))
    yield at
    today = at.date().isoformat()
    body = {
        "title": "销售合同",
        "customer_id": customer,
        "opportunity_id": opportunity,
        "quote_id": quote,
        "starts_on": today,
    }
    contract = act(session, at, "/v1/contracts", body)["contract_id"]
    act(session, at, f"/v1/contracts/{contract}:submit", {})
    act(session, at, f"/v1/contracts/{contract}:sign", {"signed_on": today})
    order = act(session, at, "/v1/orders", {"contract_id": contract, "placed_on": today})
    order_id, total = order["order_id"], int(order["total"]["minor_units"])
    act(session, at, f"/v1/orders/{order_id}:submit", {})
    confirmed = session.get(f"/v1/orders/{order_id}")["order"]
    if confirmed.get("state") in ("ORDER_STATE_PLACED", "ORDER_STATE_PENDING"):
        act(session, at, f"/v1/orders/{order_id}:confirm", {})
    first = total // 2
    instalments = [
        {"due_on": (at + timedelta(days=days)).date().isoformat(), "amount": money(part)}
        for days, part in ((10, first), (40, total - first))
    ]
    finance = office.sessions[office.of("finance")[0]]
    act(finance, at, f"/v1/orders/{order_id}:planReceivables", {"instalments": instalments})
    world.begin(at + world.days(12), a_customers_service(world, at + world.days(12), customer, contact))
    at = working_time(at + world.days(5))
    yield at
    act(session, at, f"/v1/orders/{order_id}:ship", {"shipped_on": at.date().isoformat(), "carrier": "顺丰"})
    for part in (first, total - first):
        at = working_time(at + world.days(12 if world.chance(0.8) else 45, 0.3))
        yield at
        payment = {"amount": money(part), "received_on": at.date().isoformat(), "method": "bank"}
        act(finance, at, f"/v1/orders/{order_id}:recordPayment", payment)


def a_customers_service(world: World, at: datetime, customer: str, contact: str) -> Life:
    """Now and then something does not work."""
    for _ in range(world.random.choice((0, 1, 1, 2, 3))):
        at = working_time(at)
        yield at
        world.begin(at, a_ticket(world, at, customer, contact))
        at += world.days(25)


def a_ticket(world: World, at: datetime, customer: str, contact: str) -> Life:
    """From the call to the answer to the survey; a slow agent breaches."""
    random, office, act = world.random, world.office, world.act
    complaint = world.chance(0.12)
    priority = random.choices(("LOW", "NORMAL", "HIGH", "URGENT"), (2, 5, 2, 1))[0]
    opener = office.sessions[random.choice(office.of("agent"))]
    body: dict[str, Any] = {
        "customer_id": customer,
        "channel": f"CHANNEL_{random.choice(('PHONE', 'EMAIL', 'WECHAT', 'PORTAL', 'CHAT'))}",
        "category": "投诉" if complaint else random.choice(("网关", "软件", "账号")),
        "priority": f"PRIORITY_{priority}",
        "subject": random.choice(_PROBLEMS),
        "complaint": complaint,
    }
    if contact:
        body["contact_id"] = contact
    opened = act(opener, at, "/v1/tickets", body)
    ticket, agent = opened["ticket_id"], opened.get("assignee_id", "")
    if agent not in office.sessions:
        agent = office.of("agent")[0]
        act(
            office.sessions[office.of("agent_supervisor")[0]],
            at,
            f"/v1/tickets/{ticket}:assign",
            {"assignee_id": agent},
        )
    session, skill = office.sessions[agent], office.colleagues[agent].skill
    at = working_time(at + world.days(0.07 / skill, 1.0))
    yield at
    act(session, at, f"/v1/tickets/{ticket}:respond", {"channel": body["channel"], "text": "您好，已收到，正在处理。"})
    if world.chance(0.3):
        act(session, at, f"/v1/tickets/{ticket}:hold", {"reason": "等待客户提供日志"})
        at = working_time(at + world.days(1))
        yield at
        act(session, at, f"/v1/tickets/{ticket}:recordReply", {"channel": body["channel"], "text": "日志已发送。"})
    at = working_time(at + world.days(0.6 / skill, 0.9))
    yield at
    solution = {"resolution_code": "fixed", "cause": "配置问题", "solution": "已调整配置并验证"}
    if complaint:
        act(
            session,
            at,
            f"/v1/tickets/{ticket}:recordRootCause",
            {"cause_code": "process", "cause": "交付延迟", "remedy": "改进排期"},
        )
    act(session, at, f"/v1/tickets/{ticket}:resolve", solution)
    if world.chance(0.06):
        at = working_time(at + world.days(1))
        yield at
        act(session, at, f"/v1/tickets/{ticket}:reopen", {"reason": "问题再次出现"})
        at = working_time(at + world.days(0.5))
        yield at
        act(session, at, f"/v1/tickets/{ticket}:resolve", solution)
    if complaint:
        act(session, at, f"/v1/tickets/{ticket}:followUpComplaint", {"satisfied": True, "note": "客户已确认"})
    at = working_time(at + timedelta(hours=5))
    yield at
    act(session, at, f"/v1/tickets/{ticket}:close", {"reason": "客户确认"})
    if world.chance(0.55):
        at = at + timedelta(hours=8)
        yield at
        _answer_survey(world, at, ticket, 5 if world.chance(0.5 * skill) else random.choice((1, 2, 3, 4, 4)))


def _answer_survey(world: World, at: datetime, ticket: str, score: int) -> None:
    """Answer the survey if it has been sent by then; some are never answered in time, as in life."""
    supervisor = world.office.sessions[world.office.of("agent_supervisor")[0]]
    surveys = supervisor.get("/v1/surveys", ticket_id=ticket).get("surveys", [])
    if surveys:
        token = supervisor.get(f"/v1/surveys/{surveys[0]['survey_id']}/link")["token"]
        world.act(supervisor, at, f"/v1/survey-forms/{token}:answer", {"score": score}, key=f"survey:{ticket}")


def pick_campaign(random: Random) -> Campaign | None:
    """Where a lead comes from; about half come by themselves."""
    if random.random() < 0.4:
        return None
    return random.choices(CAMPAIGNS, [c.share for c in CAMPAIGNS])[0]


def in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
