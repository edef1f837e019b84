"""The whole loop, clicked through by its people: from a campaign's form to a paid order and an answered survey."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from testkit import wait_until

pytestmark = pytest.mark.timeout(900)

PageAs = Callable[..., Page]
SLOW_MS = 60_000
SEARCH_MS = 10_000
HEADERS = {"Headwater-Csrf": "1"}


@pytest.fixture
def asked_at_once(page_as: PageAs) -> Iterator[None]:
    """Customers are asked how it went as soon as their ticket is closed; afterwards as before."""
    admin = page_as("admin")
    keep: dict[str, Any] = admin.request.get("/v1/survey-rules").json()
    keep.pop("version")

    def define(body: dict[str, Any]) -> None:
        answer = admin.request.post("/v1/survey-rules:define", data=body, headers=HEADERS)
        assert answer.ok, answer.text()

    define(keep | {"after_s": "0"})
    yield
    define(keep)


def title(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def choose(page: Page, control: Locator, option: str | re.Pattern[str]) -> None:
    """Type into a field with a list, and take the option of that name."""
    control.click()
    if isinstance(option, str):
        page.keyboard.type(option)
    page.locator(".ant-select-dropdown:not(.ant-select-dropdown-hidden) .ant-select-item-option").filter(
        has_text=option
    ).first.click()


def find(page: Page, what: str) -> None:
    """Open something by its name, as people do who know it: search and Enter."""
    hit = page.get_by_role("option").filter(has_text=what).first

    def asked() -> bool:
        page.keyboard.press("Escape")
        page.keyboard.press("Control+k")
        page.keyboard.type(what)
        try:
            expect(hit).to_be_visible(timeout=SEARCH_MS)
        except AssertionError:
            return False
        return True

    wait_until(asked, timeout_s=120, describe=f"{what} is found")
    hit.click()
    expect(page.get_by_role("combobox")).to_have_count(0)


@pytest.mark.feature("MKT-05")
@pytest.mark.usefixtures("asked_at_once")
def test_from_a_form_to_a_paid_order_and_an_answered_survey(page_as: Any, shot: Any) -> None:
    page_as.allowed = [r"favicon", r"status of 400.*/f/"]  # a form that is sent in no time is refused
    mark = secrets.token_hex(3)
    company, person, phone = f"Loop {mark} Ltd", f"Ada {mark}", f"139{secrets.randbelow(10**8):08d}"

    # a marketer plans a campaign with a form
    marketer = page_as("marketer")
    marketer.goto("/campaigns?new=1")
    dialog = marketer.get_by_role("dialog")
    dialog.get_by_label("Name").fill(f"Loop fair {mark}")
    dialog.get_by_role("combobox", name="Channel").fill("fair")
    dialog.get_by_label("First day").fill("2026-11-01")
    dialog.get_by_label("Last day").fill("2027-12-31")
    dialog.get_by_label("Budget").fill("50000")
    dialog.get_by_role("button", name="Plan it").click()
    expect(title(marketer)).to_contain_text(f"Loop fair {mark}")
    campaign = marketer.url
    marketer.get_by_role("button", name="Launch").click()
    expect(title(marketer)).to_contain_text("Running")
    marketer.get_by_role("button", name="Book cost").click()
    dialog = marketer.get_by_role("dialog")
    dialog.get_by_label("Amount").fill("20000")
    dialog.get_by_label("What for").fill("Stand")
    dialog.get_by_role("button", name="Book cost").click()
    expect(dialog).to_be_hidden()
    marketer.goto("/forms/new")
    marketer.get_by_label("What the visitor reads on top").fill(f"Ask for an offer {mark}")
    for _ in range(3):  # e-mail, company, region
        marketer.get_by_role("button", name="Add a field").click()
    choose(marketer, marketer.get_by_label("Collects for"), f"Loop fair {mark}")
    marketer.get_by_label("Channel of its leads").fill("fair")
    marketer.get_by_label("What is said once it is sent").fill("Thank you, we will call you.")
    marketer.get_by_label("Least seconds to fill it").fill("1")
    marketer.get_by_role("button", name="Save").click()
    expect(marketer).to_have_url(re.compile(r"/forms/[0-9a-f-]{36}$"))
    marketer.get_by_role("button", name="Publish").click()
    expect(title(marketer)).to_contain_text("Public")
    public = marketer.get_by_role("link", name="Open the page").get_attribute("href") or ""

    # a visitor fills it in on a phone
    visitor = page_as(phone=True)
    visitor.goto(public)
    thanks = visitor.get_by_text("Thank you, we will call you.")

    def sent() -> bool:
        visitor.get_by_label("Name").fill(person)
        visitor.get_by_label("Phone").fill(phone)
        visitor.get_by_label("Company").fill(company)
        visitor.get_by_label("Region").fill("11")
        with visitor.expect_response(lambda answer: answer.request.method == "POST") as told:
            visitor.get_by_role("button", name="Send").click()
        if told.value.ok:
            expect(thanks).to_be_visible()
        return bool(told.value.ok)

    shot(visitor, "public-form-en-phone")
    wait_until(sent, timeout_s=20, describe="the form was filled in slowly enough")

    # the lead is in the pool within seconds, with its reason; the manager gives it to the rep
    rep = page_as("rep")
    mine = rep.request.get("/v1/me").json()["person"]
    manager = page_as("manager")
    manager.goto("/")
    find(manager, person)
    expect(title(manager)).to_contain_text(person)
    why = manager.locator("section", has_text="Why it went to whom").locator(".timeline > li")
    expect(why.first.locator(".timeline-text")).not_to_be_empty()
    manager.get_by_role("button", name="More").click()
    manager.get_by_role("menuitem", name="Assign").click()
    choose(manager, manager.get_by_role("dialog").get_by_label("To whom"), mine["name"])
    manager.get_by_role("dialog").get_by_label("Reason").fill("Knows the company")
    manager.get_by_role("dialog").get_by_role("button", name="Assign").click()
    expect(why.first).to_contain_text(mine["name"])

    # the rep is told, qualifies it, and makes a customer and a deal of it
    rep.goto("/")
    rep.get_by_role("button", name=re.compile("^Notifications")).click()
    expect(rep.locator(".notice-row").first).to_be_visible(timeout=SLOW_MS)
    rep.keyboard.press("Escape")
    rep.goto(manager.url)
    rep.get_by_role("button", name="Qualify").click()
    rep.get_by_role("dialog").get_by_label("Reason").fill("Budget and need")
    rep.get_by_role("dialog").get_by_role("button", name="Qualify").click()
    expect(title(rep)).to_contain_text("Qualified")
    rep.get_by_role("button", name="Convert").click()
    dialog = rep.get_by_role("dialog")
    expect(dialog.get_by_label("Name of the new customer")).to_have_value(company)
    dialog.get_by_label("Deal", exact=True).fill(f"Gateways {mark}")
    dialog.get_by_label("Amount").fill("30000")
    dialog.get_by_role("button", name="Convert").click()
    expect(rep).to_have_url(re.compile(r"/deals/[0-9a-f-]{36}$"))
    deal = rep.url
    stages = rep.get_by_role("navigation", name="Stage").get_by_role("button")
    for stage in (1, 2, 3):
        stages.nth(stage).click()
        expect(stages.nth(stage)).to_have_attribute("aria-current", "step")

    # a quote with too large a discount waits for the manager
    rep.get_by_role("link", name="New quote").click()
    rep.get_by_label("Product").click()
    rep.locator(".ant-select-item-option").first.click()
    expect(rep.get_by_label("Unit price")).not_to_have_value("")
    rep.get_by_label("Discount").fill("15")
    rep.get_by_role("button", name="Save draft").click()
    expect(title(rep)).to_contain_text("Draft")
    number = re.split(r"\s", title(rep).inner_text())[0]
    rep.get_by_role("button", name="Submit").click()
    expect(title(rep)).to_contain_text("In approval")
    expect(rep.get_by_role("button", name="Mark as sent")).to_have_count(0)
    manager.goto("/approvals")
    manager.get_by_role("link", name=re.compile(number)).click()
    manager.get_by_role("button", name="Approve + Comment").click()
    manager.get_by_role("dialog").get_by_label("Comment").fill("Strategic customer")
    manager.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(title(manager)).to_contain_text("Approved")
    rep.get_by_role("button", name="Mark as sent").click()
    rep.get_by_role("button", name="Customer accepts").click()
    expect(title(rep)).to_contain_text("Accepted")

    # the won deal becomes a contract and an order
    rep.goto(deal)
    rep.get_by_role("button", name="Won", exact=True).first.click()
    dialog = rep.get_by_role("dialog")
    dialog.get_by_label("Why did we win?").fill("Best service")
    dialog.get_by_role("button", name="Won").click()
    expect(title(rep)).to_contain_text("Won")
    rep.get_by_role("button", name="Draw up").click()
    dialog = rep.get_by_role("dialog")
    choose(rep, dialog.get_by_label("From quote"), re.compile(number))
    dialog.get_by_role("button", name="Draw up").click()
    expect(rep).to_have_url(re.compile(r"/contracts/[0-9a-f-]{36}$"))
    rep.get_by_role("button", name="Submit").click()
    rep.get_by_role("button", name="Both sides signed").click()
    rep.get_by_role("tooltip").get_by_role("button", name="OK").click()
    expect(title(rep)).to_contain_text("Signed")
    rep.get_by_role("button", name="Place order").click()
    rep.get_by_role("tooltip").get_by_role("button", name="OK").click()
    expect(rep).to_have_url(re.compile(r"/orders/[0-9a-f-]{36}$"))
    order = rep.url
    rep.get_by_role("button", name="Confirm").click()
    rep.get_by_role("tooltip").get_by_role("button", name="OK").click()
    expect(title(rep)).to_contain_text("Confirmed")

    # finance plans the instalment and takes the payment in
    finance = page_as("finance")
    finance.goto(order)
    finance.get_by_role("button", name="Plan instalments").click()
    finance.get_by_role("dialog").get_by_role("button", name="Plan instalments").click()
    expect(finance.get_by_text("Nothing is planned yet")).to_be_hidden()
    finance.get_by_role("button", name="Record payment").click()
    finance.get_by_role("dialog").get_by_role("button", name="Record payment").click()
    expect(finance.get_by_role("progressbar", name="Paid")).to_have_attribute("aria-valuenow", "100")

    # the customer calls: the agent sees who it is, and sees the ticket through
    agent = page_as("agent")
    agent.goto(f"/pop?phone={phone}")
    expect(agent.get_by_role("link", name=company).first).to_be_visible()
    shot(agent, "pop-known-en-light")
    agent.get_by_role("link", name="Open a ticket").click()
    subject = f"Gateway is off-line {mark}"
    agent.get_by_label("Category").fill("gateway")
    agent.get_by_label("Subject").fill(subject)
    agent.get_by_role("button", name="Open ticket").click()
    expect(title(agent)).to_contain_text(subject)
    expect(agent.locator("main")).to_contain_text(company)
    ticket = agent.url.rpartition("/")[2]
    agent.get_by_label("What the customer is told").fill("We are on it.")
    agent.get_by_role("button", name="Send answer").click()
    agent.get_by_role("button", name="More").click()
    agent.get_by_role("menuitem", name="Escalate").click()
    agent.get_by_role("dialog").get_by_label("Why").fill("A whole line stands still")
    agent.get_by_role("dialog").get_by_role("button", name="Escalate").click()
    expect(title(agent)).to_contain_text("Level 1")
    agent.get_by_role("button", name="Resolve", exact=True).click()
    agent.get_by_label("What was wrong").fill("A loose cable")
    agent.get_by_label("What was done").fill("Fastened it")
    agent.get_by_role("dialog").get_by_role("button", name="Resolve", exact=True).click()
    expect(title(agent)).to_contain_text("Resolved")
    agent.get_by_role("button", name="Close", exact=True).first.click()
    agent.get_by_role("dialog").get_by_label(re.compile("^Why")).fill("The customer agrees")
    agent.get_by_role("dialog").get_by_role("button", name="Close", exact=True).last.click()
    expect(title(agent)).to_contain_text("Closed")

    # the customer is not content; the supervisor gets a ticket for it
    admin = page_as("admin")

    def survey() -> str:
        found = admin.request.get("/v1/surveys", params={"ticket_id": ticket}).json().get("surveys")
        return str(found[0]["survey_id"]) if found else ""

    survey_id = wait_until(survey, timeout_s=60, describe="the survey is sent")
    token = admin.request.get(f"/v1/surveys/{survey_id}/link").json()["token"]
    customer = page_as(phone=True, language="zh")
    customer.goto(f"/s/{token}")
    shot(customer, "public-survey-zh-phone")
    customer.get_by_label("1").check()
    customer.get_by_role("textbox").fill("Too slow")
    customer.get_by_role("button", name="提交").click()
    expect(customer.get_by_text("谢谢").first).to_be_visible()
    supervisor = page_as("supervisor")
    supervisor.goto(f"/tickets/{ticket}")
    expect(supervisor.get_by_text("a follow-up ticket was opened")).to_be_visible(timeout=SLOW_MS)

    # the leader sees it in the figures, and how it came about; the marketer what the campaign brought
    leader = page_as("leader")
    leader.goto(f"/audit/records/{deal.rpartition('/')[2]}")
    expect(leader.get_by_role("status").filter(has_text="Change")).to_be_visible(timeout=SLOW_MS)
    marketer.goto(campaign)
    won = marketer.locator(".steps-down > li").last

    def counted() -> bool:
        marketer.reload()
        expect(won).to_be_visible()
        return won.locator("strong").inner_text() == "1"

    wait_until(counted, timeout_s=60, describe="the campaign knows its won deal")
    shot(marketer, "campaign-brought-en-light")
    rep.goto("/")
    find(rep, company)
    expect(rep.locator(".timeline > li").nth(2)).to_be_visible()
    shot(rep, "customer-whole-en-light")
