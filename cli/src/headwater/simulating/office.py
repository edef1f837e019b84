"""The company that does the business: its people, products, rules, campaigns and service desk."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from headwater.api import Api
from kernel.ids import derived_id

BACKDATING = "late_entry"
"""The preset role that may enter work late; everybody holds it while the business is generated."""
CNY = "CNY"


@dataclass(frozen=True, slots=True)
class Colleague:
    """One of the company's people. `skill` is 1 for an average one; more wins more."""

    login: str
    name: str
    role: str
    team: str
    position: str
    skill: float = 1.0


PEOPLE = (
    Colleague("lin.boss", "林若水", "leader", "", "总经理"),
    Colleague("zhao.lei", "赵磊", "sales_manager", "北方销售部", "销售经理"),
    Colleague("sun.yue", "孙悦", "sales_manager", "南方销售部", "销售经理"),
    Colleague("wang.fang", "王芳", "sales_rep", "北方销售部", "客户经理", 1.35),
    Colleague("li.qiang", "李强", "sales_rep", "北方销售部", "客户经理", 0.9),
    Colleague("chen.jing", "陈静", "sales_rep", "南方销售部", "客户经理", 1.15),
    Colleague("zhou.tao", "周涛", "sales_rep", "南方销售部", "客户经理", 0.7),
    Colleague("emma.keller", "Emma Keller", "sales_rep", "南方销售部", "International sales", 1.05),
    Colleague("he.min", "何敏", "agent_supervisor", "客户服务部", "服务主管"),
    Colleague("ma.chao", "马超", "agent", "客户服务部", "服务工程师", 1.1),
    Colleague("xu.lin", "徐琳", "agent", "客户服务部", "服务工程师", 0.8),
    Colleague("gao.yang", "高扬", "marketer", "市场部", "市场专员"),
    Colleague("luo.dan", "罗丹", "finance", "财务部", "会计"),
)

PRODUCTS = (
    ("HW-100", "边缘网关 EG-100", "硬件", 6_800_00, 4_350_00),
    ("HW-200", "边缘网关 EG-200", "硬件", 12_800_00, 7_900_00),
    ("SW-PRO", "产线监控 专业版", "软件", 36_000_00, 5_400_00),
    ("SW-ENT", "产线监控 企业版", "软件", 98_000_00, 13_700_00),
    ("SV-INS", "现场实施服务", "服务", 15_000_00, 10_200_00),
    ("SV-YR", "年度维保", "服务", 9_600_00, 3_800_00),
)
"""What is sold: article number, name, category, list price and what a unit costs the company."""

STAGES = (
    ("初步接触", 10, 10),
    ("需求确认", 30, 14),
    ("报价", 50, 12),
    ("谈判", 75, 14),
)


@dataclass(frozen=True, slots=True)
class Campaign:
    """How a campaign does: its share of the arrivals, how good they are, and what it costs."""

    name: str
    kind: str
    channel: str
    share: float
    quality: float
    budget: int
    form_title: str = ""


CAMPAIGNS = (
    Campaign("春季线上研讨会", "WEBINAR", "webinar", 0.2, 1.5, 40_000_00, "预约研讨会"),
    Campaign("工业互联网展会", "EXHIBITION", "exhibition", 0.2, 1.2, 260_000_00, "展会留资"),
    Campaign("搜索广告", "ADVERTISING", "search-ads", 0.35, 0.55, 180_000_00, "申请试用"),
    Campaign("白皮书下载", "CONTENT", "content", 0.15, 0.8, 25_000_00, "下载白皮书"),
    Campaign("信息流投放", "SOCIAL", "social", 0.1, 0.2, 90_000_00, "领取资料"),
)


OPEN_REQUESTS = (
    ("PHONE", "网关", "URGENT", "整条产线的网关离线", "早班开机后，三号线的网关全部离线，指示灯为红色。"),
    ("WECHAT", "软件", "HIGH", "报表导出后缺少夜班数据", "昨天 20 点之后的数据没有出现在导出的报表里。"),
    ("EMAIL", "账号", "NORMAL", "新同事无法登录", "上周入职的同事收不到验证码，请帮忙开通。"),
    ("PHONE", "投诉", "HIGH", "实施工程师两次未按约到场", "约好的现场实施已经改期两次，希望尽快给出确定的时间。"),
    ("PORTAL", "网关", "LOW", "咨询固件升级的注意事项", "升级前是否需要备份配置？"),
)
"""What was asked this morning: channel, category, priority, subject and the request."""

TO_DO = ("回访试用情况", "发送更新后的报价", "预约现场演示")


@dataclass(slots=True)
class Office:
    """What was set up: ids by name, and a signed-in session for everybody."""

    people: dict[str, str] = field(default_factory=dict)  # login -> person id
    sessions: dict[str, Api] = field(default_factory=dict)  # person id -> session
    colleagues: dict[str, Colleague] = field(default_factory=dict)  # person id -> who
    products: dict[str, tuple[str, int]] = field(default_factory=dict)  # sku -> (id, price)
    stages: list[str] = field(default_factory=list)
    pipeline_id: str = ""
    campaigns: dict[str, str] = field(default_factory=dict)
    forms: dict[str, str] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)

    def of(self, role: str) -> list[str]:
        """Ids of everybody in that role."""
        return [id_ for id_, who in self.colleagues.items() if who.role == role]

    def close(self) -> None:
        for session in self.sessions.values():
            session.__exit__(None, None, None)


def new_password() -> str:
    """A password for one of the generated people."""
    return secrets.token_urlsafe(12)


def money(minor_units: int) -> dict[str, str]:
    return {"minor_units": str(minor_units), "currency_code": CNY}


def hire(admin: Api, office: Office, known_passwords: dict[str, str], request: Any) -> None:
    """Form the teams, register everybody who is not there yet, and sign them in."""
    teams = {team["name"]: team["team_id"] for team in admin.pages("/v1/teams", "teams")}
    there = {person["login"]: person["person_id"] for person in admin.pages("/v1/people", "people")}
    for who in PEOPLE:
        password = known_passwords[who.login]
        if who.team and who.team not in teams:
            teams[who.team] = admin.post("/v1/teams", {"name": who.team}, request())["team_id"]
        if who.login not in there:
            body: dict[str, Any] = {
                "name": who.name,
                "email": f"{who.login}@headwater.example",
                "login": who.login,
                "position": who.position,
                "roles": [who.role, BACKDATING],
                "password": password,
                "keep_password": True,
            }
            if who.team:
                body["team_id"] = teams[who.team]
            there[who.login] = admin.post("/v1/people", body, request())["person_id"]
        id_ = there[who.login]
        office.people[who.login], office.colleagues[id_] = id_, who
        office.passwords[who.login] = password
        if who.role in ("sales_manager", "agent_supervisor"):
            admin.post(f"/v1/teams/{teams[who.team]}:appointManager", {"manager_id": id_}, request())
    for who in PEOPLE:
        session = Api(admin.url, who.login, office.passwords[who.login])
        session.sign_in()
        office.sessions[office.people[who.login]] = session


def stop_backdating(admin: Api, office: Office, request: Any) -> None:
    """From now on nobody of the generated company enters work late."""
    for id_ in office.colleagues:
        admin.post(f"/v1/people/{id_}:withdrawRole", {"role": BACKDATING}, request())


def stock(admin: Api, office: Office, act: Any, when: datetime) -> None:
    """Products and what they cost, the sales pipeline, the discount limit and who approves beyond it."""
    there = {p["sku"]: p["product_id"] for p in admin.pages("/v1/products", "products")}
    for sku, name, category, price, cost in PRODUCTS:
        if sku not in there:
            body = {
                "sku": sku,
                "name": name,
                "category": category,
                "list_price": money(price),
                "tax_basis_points": 1300,
            }
            there[sku] = act(admin, when, "/v1/products", body)["product_id"]
            act(admin, when, f"/v1/products/{there[sku]}:setCost", {"unit_cost": money(cost)})
        office.products[sku] = (there[sku], price)
    pipelines = admin.get("/v1/pipelines").get("pipelines", [])
    found = next((p for p in pipelines if p["name"] == "直销"), None)
    if found is None:
        stages = [
            {"name": name, "probability": probability, "norm_days": norm, "order": order}
            for order, (name, probability, norm) in enumerate(STAGES, 1)
        ]
        act(admin, when, "/v1/pipelines", {"name": "直销", "stages": stages, "is_default": True})
        found = next(p for p in admin.get("/v1/pipelines")["pipelines"] if p["name"] == "直销")
    office.pipeline_id = found["pipeline_id"]
    office.stages = [s["stage_id"] for s in found["stages"] if s.get("kind", "STAGE_KIND_OPEN") == "STAGE_KIND_OPEN"]
    managers = office.of("sales_manager")
    act(admin, when, "/v1/discount-policy", {"limit_basis_points": 1000, "fallback_approver_id": managers[0]})
    step = {"name": "销售经理审批", "approver_ids": managers, "rule": "STEP_RULE_ANY_OF"}
    boss = {
        "name": "总经理审批",
        "approver_ids": office.of("leader"),
        "rule": "STEP_RULE_ALL_OF",
        "min_discount_basis_points": 1800,
    }
    flow = {"name": "折扣审批", "subject_kind": "SUBJECT_KIND_QUOTE", "steps": [step, boss]}
    if not admin.get("/v1/approval-flows").get("flows"):
        act(admin, when, "/v1/approval-flows", flow)


def lay_down_rules(admin: Api, office: Office, act: Any, when: datetime) -> None:
    """How leads are scored and who gets them: as data, in order."""

    def condition(name: str, operator: str, *values: str) -> dict[str, Any]:
        return {"field": name, "operator": f"RULE_OPERATOR_{operator}", "values": list(values)}

    scoring = [
        {"rule_id": "phone", "reason": "留下了电话", "points": 20, "conditions": [condition("phone", "PRESENT")]},
        {
            "rule_id": "industry",
            "reason": "来自制造业",
            "points": 25,
            "conditions": [condition("industry_code", "IN", "34", "35", "39")],
        },
        {
            "rule_id": "demo",
            "reason": "看过演示",
            "points": 30,
            "conditions": [condition("behaviours", "CONTAINS", "watched_demo")],
        },
        {
            "rule_id": "manual",
            "reason": "下载过手册",
            "points": 15,
            "conditions": [condition("behaviours", "CONTAINS", "downloaded_manual")],
        },
    ]
    act(admin, when, "/v1/scoring-rules", {"name": "基础评分", "rules": scoring, "high_intent_threshold": 60})
    rep = office.people

    def rule(rule_id: str, name: str, strategy: str, logins: list[str], *conditions: dict[str, Any]) -> dict[str, Any]:
        return {
            "rule_id": rule_id,
            "name": name,
            "conditions": list(conditions),
            "strategy": f"ASSIGNMENT_STRATEGY_{strategy}",
            "candidates": [{"person_id": rep[login]} for login in logins],
        }

    rules = [
        rule("abroad", "海外", "FIXED", ["emma.keller"], condition("region_code", "IN", "DE", "US", "GB", "FR")),
        rule("north", "北方", "ROUND_ROBIN", ["wang.fang", "li.qiang"], condition("region_code", "IN", "11", "51")),
        rule("south", "南方", "BALANCED", ["chen.jing", "zhou.tao"], condition("region_code", "IN", "31", "33", "44")),
    ]
    priority = [rule("high-intent", "高意向给最强的人", "ROUND_ROBIN", ["wang.fang", "chen.jing"])]
    body = {"name": "按地区", "rules": rules, "priority_rules": priority, "fallback_owner_id": rep["zhao.lei"]}
    act(admin, when, "/v1/assignment-rules", body)
    for login in ("wang.fang", "li.qiang", "chen.jing", "zhou.tao", "emma.keller"):
        act(admin, when, f"/v1/agents/{rep[login]}:setAvailability", {"capacity": 500})


def open_service_desk(admin: Api, office: Office, act: Any, when: datetime) -> None:
    """Queues, agents, working hours, service levels and the survey."""
    supervisor = office.people["he.min"]
    for queue, name in (("support", "技术支持"), ("complaints", "投诉处理")):
        body = {"name": name, "department": "客户服务部", "supervisor_id": supervisor}
        act(admin, when, f"/v1/queues/{queue}:define", body)
    for login in ("ma.chao", "xu.lin"):
        profile: dict[str, Any] = {
            "queues": ["support", "complaints"],
            "skills": ["gateway"],
            "capacity": 50,
            "available": True,
        }
        act(admin, when, f"/v1/ticket-agents/{office.people[login]}:profile", profile)
    hours = [
        {"weekday": day, "from_minute": start, "to_minute": end}
        for day in range(1, 6)
        for start, end in ((9 * 60, 12 * 60), (13 * 60, 18 * 60))
    ]
    days_off = [
        {"on": date(year, month, day).isoformat(), "working": False, "name": name}
        for year in range(when.year, when.year + 3)
        for month, day, name in (
            (1, 1, "元旦"),
            (5, 1, "劳动节"),
            (10, 1, "国庆节"),
            (10, 2, "国庆节"),
            (10, 3, "国庆节"),
        )
    ]
    calendar_id = str(derived_id("demo", "calendar"))
    calendar: dict[str, Any] = {
        "name": "客服工作时间",
        "timezone": "Asia/Shanghai",
        "weekly": hours,
        "special_days": days_off,
    }
    act(admin, when, f"/v1/calendars/{calendar_id}:define", calendar)
    hour = 3_600
    targets = [
        {"priority": f"PRIORITY_{name}", "first_response_s": str(first * hour), "resolution_s": str(last * hour)}
        for name, first, last in (("LOW", 8, 40), ("NORMAL", 4, 24), ("HIGH", 2, 12), ("URGENT", 1, 6))
    ]
    policy: dict[str, Any] = {
        "name": "标准服务",
        "calendar_id": calendar_id,
        "targets": targets,
        "warn_at_percent": 75,
        "escalation": [{"after_s": "1", "to_person_id": supervisor}],
        "close_resolved_after_s": str(3 * 24 * hour),
    }
    act(admin, when, f"/v1/sla-policies/{derived_id('demo', 'service level')}:define", policy)
    rules: list[dict[str, Any]] = [
        {"rule_id": "complaints", "name": "投诉", "complaints_only": True, "queue": "complaints"},
        {"rule_id": "others", "name": "其余", "queue": "support"},
    ]
    act(admin, when, "/v1/ticket-assignment-rules:define", {"rules": rules, "fallback_queue": "support"})
    survey: dict[str, Any] = {"after_s": str(hour), "low_up_to": 2, "after_tickets": True, "supervisor_id": supervisor}
    act(admin, when, "/v1/survey-rules:define", survey)


def plan_campaigns(office: Office, act: Any, start: datetime, months: int, random: Random) -> None:
    """Plan and launch every campaign, book what it costs, and publish its form."""
    marketer = office.sessions[office.of("marketer")[0]]
    end = start + timedelta(days=30 * months)
    for campaign in CAMPAIGNS:
        body = {
            "name": campaign.name,
            "kind": f"CAMPAIGN_KIND_{campaign.kind}",
            "channel": campaign.channel,
            "budget": money(campaign.budget),
            "starts_on": start.date().isoformat(),
            "ends_on": end.date().isoformat(),
            "expected_leads": 50,
        }
        id_ = act(marketer, start, "/v1/campaigns", body)["campaign_id"]
        office.campaigns[campaign.name] = id_
        act(marketer, start + timedelta(hours=1), f"/v1/campaigns/{id_}:launch", {})
        for month in range(months):
            cost = int(campaign.budget / months * random.uniform(0.7, 1.2))
            on = (start + timedelta(days=30 * month + 3)).date().isoformat()
            body = {"amount": money(cost), "purpose": "投放" if month else "启动", "booked_on": on}
            act(marketer, start + timedelta(hours=2), f"/v1/campaigns/{id_}:bookCost", body)
        fields = [
            {"key": key, "label": label, "kind": f"FORM_FIELD_KIND_{kind}", "required": needed}
            for key, label, kind, needed in (
                ("person_name", "姓名", "TEXT", True),
                ("phone", "手机", "PHONE", False),
                ("email", "邮箱", "EMAIL", False),
                ("company", "公司", "TEXT", False),
                ("region_code", "地区", "TEXT", False),
                ("industry_code", "行业", "TEXT", False),
            )
        ]
        form = {
            "title": campaign.form_title,
            "campaign_id": id_,
            "source_channel": campaign.channel,
            "fields": fields,
            "thank_you": {"message": "谢谢，我们会尽快联系您。"},
            "minimum_fill_s": 0,
            "hourly_limit": 10_000,
        }
        form_id = act(marketer, start + timedelta(hours=3), "/v1/forms", form)["form_id"]
        act(marketer, start + timedelta(hours=4), f"/v1/forms/{form_id}:publish", {})
        office.forms[campaign.name] = form_id


def write_to_customers(office: Office, request: Any) -> None:
    """A mailing of today to everybody who bought: it leaves, and can be looked at in the demo's mail sink."""
    marketer = office.sessions[office.of("marketer")[0]]
    bought = {
        "kind": "FILTER_KIND_RULE",
        "field": "SEGMENT_FIELD_STATUS",
        "operator": "FILTER_OPERATOR_IS_ANY_OF",
        "values": ["active"],
    }
    segment = marketer.post("/v1/segments", {"name": "成交客户", "filter": bought}, request())["segment_id"]
    template = marketer.post(
        "/v1/message-templates",
        {
            "name": "维保提醒",
            "subject_line": "{{company|贵公司}}：年度维保即将开始",
            "html_body": "<p>{{person_name|朋友}}，您好：</p><p>年度维保将于下月开始，欢迎预约时间。</p>",
            "text_body": "{{person_name|朋友}}，您好：年度维保将于下月开始，欢迎预约时间。",
            "channel": "MESSAGE_CHANNEL_EMAIL",
        },
        request(),
    )["template_id"]
    campaign = office.campaigns[CAMPAIGNS[0].name]
    body = {"name": "年度维保", "campaign_id": campaign, "segment_id": segment, "template_id": template}
    mailing = marketer.post("/v1/mailings", body, request())["mailing_id"]
    marketer.post(f"/v1/mailings/{mailing}:launch", {}, request())


def accompany_customers(office: Office, request: Any) -> None:
    """A journey of today for everybody who bought: a coupon to those nearby, a question to the others, and waits."""
    marketer = office.sessions[office.of("marketer")[0]]
    template = marketer.post(
        "/v1/message-templates",
        {
            "name": "使用回访",
            "subject_line": "{{person_name|朋友}}，设备使用还顺利吗？",
            "html_body": "<p>{{person_name|朋友}}，您好：</p><p>设备使用中有任何问题，直接回复此邮件即可。</p>",
            "text_body": "{{person_name|朋友}}，您好：设备使用中有任何问题，直接回复此邮件即可。",
            "channel": "MESSAGE_CHANNEL_EMAIL",
        },
        request(),
    )["template_id"]

    def step(step_id: str, name: str, kind: str, next_step_id: str = "", **what: Any) -> dict[str, Any]:
        return {"step_id": step_id, "name": name, "kind": f"STEP_KIND_{kind}", "next_step_id": next_step_id} | what

    def wait(step_id: str, name: str, next_step_id: str, days: int) -> dict[str, Any]:
        return step(step_id, name, "WAIT", next_step_id, wait_s=str(days * 24 * 3600))

    nearby = {
        "kind": "CONDITION_KIND_FIELD_VALUE",
        "field": "SEGMENT_FIELD_REGION",
        "values": ["11", "31"],
        "within_s": "0",
    }
    opened = {"kind": "CONDITION_KIND_OPENED", "within_s": str(7 * 24 * 3600)}
    steps = [
        step("where", "在北京或上海？", "CONDITION", condition=nearby, yes_step_id="coupon", no_step_id="month"),
        step("coupon", "到店体验券", "COUPON", "visit", coupon_value=money(200_00), coupon_valid_days=60),
        wait("visit", "等待到店", "ask", 14),
        wait("month", "使用一个月", "ask", 30),
        step("ask", "使用回访", "SEND", "read", template_id=template),
        step("read", "看过了吗？", "CONDITION", condition=opened, yes_step_id="warm", no_step_id=""),
        step("warm", "互动良好", "TAG", tag="互动良好"),
    ]
    body = {"name": "新客户陪伴", "trigger": "TRIGGER_KIND_MANUAL", "steps": steps}
    journey = marketer.post("/v1/journeys", body, request())["journey_id"]
    marketer.post(f"/v1/journeys/{journey}:activate", {}, request())
    bought = marketer.get("/v1/customers", status="CUSTOMER_STATUS_ACTIVE", page_size=200)["customers"]
    subjects = [{"customer_id": each["customer_id"]} for each in bought]
    marketer.post(f"/v1/journeys/{journey}:enter", {"subjects": subjects}, request())


def leave_work_for_today(office: Office, request: Any) -> None:
    """What people find in the morning: tickets whose clocks run, follow-ups that are due, a discount to decide on."""
    [agent, *_] = [office.sessions[id_] for id_ in office.of("agent")]
    bought = agent.get("/v1/customers", status="CUSTOMER_STATUS_ACTIVE", page_size=len(OPEN_REQUESTS))["customers"]
    for customer, (channel, category, priority, subject, text) in zip(bought, OPEN_REQUESTS, strict=False):
        body = {
            "customer_id": customer["customer_id"],
            "channel": f"CHANNEL_{channel}",
            "category": category,
            "priority": f"PRIORITY_{priority}",
            "subject": subject,
            "description": text,
            "complaint": category == "投诉",
        }
        agent.post("/v1/tickets", body, request())
    now = datetime.now(UTC)
    for id_ in office.of("sales_rep"):
        rep = office.sessions[id_]
        known = rep.get("/v1/customers", page_size=len(TO_DO))["customers"]
        for hours, (customer, subject) in enumerate(zip(known, TO_DO, strict=False), 1):
            body = {"due_at": (now + timedelta(hours=hours)).isoformat(), "subject": subject}
            rep.post(f"/v1/customers/{customer['customer_id']}/follow-ups", body, request())
    rep = office.sessions[office.people["wang.fang"]]
    open_ = rep.get("/v1/opportunities", state="OPPORTUNITY_STATE_OPEN", page_size=1)["opportunities"]
    for deal in open_:
        product, price = office.products["SW-PRO"]
        line = {
            "product_id": product,
            "quantity": "2",
            "unit_price": money(price),
            "discount_basis_points": 1500,
            "tax_basis_points": 1300,
        }
        body = {
            "opportunity_id": deal["opportunity_id"],
            "lines": [line],
            "valid_until": (now + timedelta(days=30)).date().isoformat(),
        }
        quote = rep.post("/v1/quotes", body, request())["quote_id"]
        rep.post(f"/v1/quotes/{quote}:submit", {}, request())
