"""Every screen there is, as each role sees its own: readable by everybody, in both languages, whole on a phone.

The looks are chosen so that any language, theme and width meet each other. Each screen leaves its picture in
build/screenshots, from where `make screenshots` takes those that the documents show.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from headwater.api import Api
from headwater.home import Home

pytestmark = pytest.mark.timeout(900)

PageAs = Callable[..., Page]
FEATURES = Path(__file__).resolve().parents[2] / "web" / "src" / "features"
LOOKS = [
    ("zh", "light", False),
    ("en", "light", False),
    ("en", "dark", False),
    ("en", "light", True),
    ("zh", "dark", True),
]
SCREENS = {
    "rep": {
        "home-rep": "/",
        "customers": "/customers",
        "customer": "/customers/{customer}",
        "customer-new": "/customers/new",
        "customer-duplicates": "/customers/{customer}/duplicates",
        "leads": "/leads",
        "lead": "/leads/{lead}",
        "board": "/deals",
        "deals": "/deals/list",
        "deal": "/deals/{deal}",
        "quotes": "/quotes",
        "quote": "/quotes/{quote}",
        "quote-new": "/quotes/new?deal={deal}",
        "quote-edit": "/quotes/{draft}/edit",
        "contracts": "/contracts",
        "contract": "/contracts/{contract}",
        "orders": "/orders",
        "order": "/orders/{order}",
        "products": "/products",
        "price-lists": "/price-lists",
        "calendar": "/calendar",
    },
    "manager": {
        "home-manager": "/",
        "approvals": "/approvals?state=APPROVAL_STATE_GRANTED",
        "approval": "/approvals/{approval}",
    },
    "agent": {
        "home-agent": "/",
        "tickets": "/tickets",
        "ticket": "/tickets/{ticket}",
        "ticket-new": "/tickets/new",
        "pop": "/pop?phone={phone}",
    },
    "marketer": {
        "home-marketer": "/",
        "campaigns": "/campaigns",
        "campaign": "/campaigns/{campaign}",
        "segments": "/segments",
        "segment": "/segments/{segment}",
        "journeys": "/journeys",
        "journey": "/journeys/{journey}",
        "forms": "/forms",
        "form": "/forms/{form}",
        "templates": "/templates",
        "template": "/templates/{template}",
        "coupons": "/coupons",
    },
    "finance": {"home-finance": "/", "receivables": "/receivables"},
    "leader": {
        "home-leader": "/",
        "analytics": "/analytics",
        "analytics-overview": "/analytics/overview?period=all_time",
        "analytics-funnel": "/analytics/funnel?period=all_time",
        "analytics-forecast": "/analytics/forecast?period=all_time",
        "analytics-health": "/analytics/health?period=all_time",
        "analytics-team": "/analytics/team?period=all_time",
        "analytics-channels": "/analytics/channels?period=all_time",
        "analytics-records": "/analytics/records/{figure}?period=all_time",
        "audit": "/audit",
        "audit-trail": "/audit/trail",
        "audit-history": "/audit/records/{deal}",
    },
    "admin": {
        "home-admin": "/",
        "customers-import": "/customers/import",
        "leads-import": "/leads/import",
        "audit-reads": "/audit/reads",
        "audit-leak": "/audit/leak",
        "audit-seals": "/audit/seals",
        "audit-undo": "/audit/undo",
        "admin": "/admin",
        "admin-people": "/admin/people",
        "admin-teams": "/admin/teams",
        "admin-roles": "/admin/roles",
        "admin-grants": "/admin/grants",
        "admin-changes": "/admin/changes",
        "admin-signins": "/admin/signins",
        "admin-clients": "/admin/clients",
        "admin-handovers": "/admin/handovers",
        "admin-pipelines": "/admin/pipelines",
        "admin-assignment": "/admin/assignment",
        "admin-scoring": "/admin/scoring",
        "admin-desk": "/admin/desk",
        "admin-privacy": "/admin/privacy",
        "admin-retention": "/admin/retention",
        "admin-webhooks": "/admin/webhooks",
        "admin-parked": "/admin/parked",
        "admin-health": "/admin/health",
        "admin-person": "/admin/people/{person}",
        "admin-role": "/admin/roles/{role}",
        "admin-handover": "/admin/handovers/{handover}",
        "admin-erasure": "/admin/erasures/{erasure}",
    },
}
RECORDS = {
    "customer": ("/v1/customers?status=CUSTOMER_STATUS_ACTIVE", "customers", "customer_id"),
    "lead": ("/v1/leads", "leads", "lead_id"),
    "deal": ("/v1/opportunities", "opportunities", "opportunity_id"),
    "quote": ("/v1/quotes", "quotes", "quote_id"),
    "contract": ("/v1/contracts", "contracts", "contract_id"),
    "order": ("/v1/orders", "orders", "order_id"),
    "approval": ("/v1/approvals?state=APPROVAL_STATE_GRANTED", "approvals", "approval_id"),
    "ticket": ("/v1/tickets", "tickets", "ticket_id"),
    "campaign": ("/v1/campaigns", "campaigns", "campaign_id"),
    "segment": ("/v1/segments", "segments", "segment_id"),
    "form": ("/v1/forms", "forms", "form_id"),
    "template": ("/v1/message-templates", "templates", "template_id"),
    "journey": ("/v1/journeys", "journeys", "journey_id"),
    "draft": ("/v1/quotes?state=QUOTE_STATE_DRAFT", "quotes", "quote_id"),
    "phone": ("/v1/customers?status=CUSTOMER_STATUS_ACTIVE", "customers", "phone"),
    "person": ("/v1/people?role=sales_rep", "people", "person_id"),
    "handover": ("/v1/handovers", "handovers", "handover_id"),
    "erasure": ("/v1/erasures", "erasures", "erasure_id"),
}
"""Where to ask for a record of each kind, the list in the answer, and what of its first one the place needs."""
CHOSEN = {"figure": "won", "role": "sales_rep"}
LEFT_OVER = re.compile(
    r"\b[A-Z]{2,}_[A-Z_]{2,}\b|\bundefined\b|\bNaN\b|\[object |Invalid Date"
    r"|(?<!/)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
)
"""What no person should read: codes of the API, ids outside of links, what a program says when a value is missing."""


class Records:
    """Ids for the places of records, asked for by whoever looks at them: `"/deals/{deal}".format_map(records)`."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def __getitem__(self, name: str) -> str:
        if name in CHOSEN:
            return CHOSEN[name]
        path, field, key = RECORDS[name]
        answer = self._page.request.get(path)
        assert answer.ok, f"{path}: {answer.text()}"
        found = answer.json()[field]
        assert found, f"the sample business has no {name}"
        return str(found[0][key])


@pytest.fixture(scope="session")
def the_rare(home: Home, address: str, login_of: Any) -> None:
    """What the business has not always: a quote that is not sent, somebody who left, somebody who was forgotten."""

    def somebody_signed_in(role: str) -> Api:
        return Api(address, **login_of(role), ca=home.ca())

    with somebody_signed_in("rep") as rep:
        if not rep.get("/v1/quotes", state="QUOTE_STATE_DRAFT").get("quotes"):
            deal = rep.get("/v1/opportunities", state="OPPORTUNITY_STATE_OPEN")["opportunities"][0]["opportunity_id"]
            product = rep.get("/v1/products")["products"][0]
            line = {"product_id": product["product_id"], "quantity": "2", "unit_price": product["list_price"]}
            rep.post("/v1/quotes", {"opportunity_id": deal, "lines": [line]})
    with somebody_signed_in("admin") as admin:
        if not admin.get("/v1/handovers").get("handovers"):
            heir = admin.get("/v1/people")["people"][0]["person_id"]
            leaver = admin.post("/v1/people", {"login": f"left.{secrets.token_hex(3)}", "name": "Left Already"})
            admin.post(f"/v1/people/{leaver['person_id']}:offboard", {"reason": "moved away"})
            admin.post("/v1/handovers", {"leaver_id": leaver["person_id"], "to_person_id": heir})
        if not admin.get("/v1/erasures").get("erasures"):
            number = f"139{secrets.randbelow(10**8):08d}"
            lead = {"person_name": "Forget Me", "phone": number, "source_channel": "phone"}
            id_ = admin.post("/v1/leads", {"lead": lead})["lead_id"]
            body = {"person_kind": "PERSON_KIND_LEAD", "person_id": id_, "confirmation": f"forget {id_}"}
            admin.post("/v1/erasures", body | {"reason": "request", "request_ref": "R-2026-7"})


def go(page: Page, place: str) -> None:
    """Open a place as a link does, without loading the program again; until the page shows what it asked for."""
    if page.url == "about:blank":
        page.goto(place)
    else:
        page.get_by_role("heading", level=1).evaluate("(shown) => { shown.dataset.before = '' }")
        page.evaluate("(to) => { history.pushState({}, '', to); dispatchEvent(new PopStateEvent('popstate')) }", place)
        expect(page.locator("[data-before]")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("main .waiting, main .ant-spin-spinning")).to_have_count(0)
    expect(page.get_by_text("…", exact=True)).to_have_count(0)


def blemishes(page: Page) -> Iterator[str]:
    """What axe does not look for: words of the program, and a page wider than its screen."""
    text = page.locator("main").inner_text()
    for code in page.locator("main code").all_inner_texts():  # those are meant to be read
        text = text.replace(code, "")
    for left in sorted(set(LEFT_OVER.findall(text))):
        yield f"shows {left}"
    wide = page.evaluate("() => { const m = document.querySelector('main'); return m.scrollWidth - m.clientWidth }")
    if wide > 1:
        yield f"is {wide} px wider than the screen"


@pytest.mark.parametrize(
    ("language", "theme", "phone"),
    LOOKS,
    ids=[f"{language}-{theme}{'-phone' if phone else ''}" for language, theme, phone in LOOKS],
)
@pytest.mark.parametrize("role", SCREENS)
@pytest.mark.usefixtures("the_rare")
def test_every_screen_can_be_read_in_every_look(
    page_as: PageAs, shot: Any, faults: Any, role: str, language: str, theme: str, phone: bool
) -> None:
    page = page_as(role, language=language, theme=theme, phone=phone)
    records = Records(page)
    found = []
    for name, place in SCREENS[role].items():
        go(page, place.format_map(records))  # type: ignore[arg-type]
        shot(page, f"{name}-{language}-{theme}{'-phone' if phone else ''}")
        found += [f"{name} {each}" for each in (*faults(page), *blemishes(page))]
    assert not found, "\n".join(found)


def test_no_screen_is_forgotten() -> None:
    places = [place for of_role in SCREENS.values() for place in of_role.values()]
    shown = {re.sub(r"\{\w+\}", "{}", place.partition("?")[0]) for place in places}
    missing = []
    for index in FEATURES.glob("*/index.tsx"):
        for route in re.findall(r'path: "([^"]+)"', index.read_text(encoding="utf-8")):
            named = [route.replace(":view", view) for view in views(index.parent)] if ":view" in route else [route]
            missing += [each for each in named if re.sub(r":\w+", "{}", each) not in shown]
    assert missing == []


def views(feature: Path) -> list[str]:
    """The names in a feature's table of views."""
    tables = [text for each in feature.glob("*.tsx") if "const views = {" in (text := each.read_text(encoding="utf-8"))]
    assert len(tables) == 1, feature
    table = tables[0].partition("const views = {")[2].partition("\n}")[0]
    return re.findall(r"^  (\w+):", table, re.MULTILINE)
