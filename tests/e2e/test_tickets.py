"""The service desk: a ticket from the call to its close, two agents at once, who calls, and the queue in every look."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]
SLOW_MS = 15_000


def open_ticket(page: Page) -> str:
    """Open a ticket by hand; return its subject."""
    subject = f"Gateway restarts {secrets.token_hex(3)}"
    page.goto("/tickets/new")
    page.get_by_label("Category").fill("gateway")
    page.get_by_label("Subject").fill(subject)
    page.get_by_label("The whole request").fill("It restarts every night at two.")
    page.get_by_role("button", name="Open ticket").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(subject)
    return subject


def test_an_agent_sees_a_ticket_through(page_as: PageAs, faults: Any, shot: Any) -> None:
    page = page_as("agent")
    open_ticket(page)
    expect(page.get_by_text(re.compile(r"Solution .* left"))).to_be_visible()
    talk = page.get_by_role("list", name="Conversation")
    expect(talk).to_contain_text("It restarts every night")

    page.get_by_label("What the customer is told").fill("We look into it.")
    page.get_by_role("button", name="Send answer").click()
    expect(talk).to_contain_text("We look into it.")
    expect(page.get_by_text(re.compile("First answer in time"))).to_be_visible()

    page.get_by_role("button", name="Wait for customer").click()
    page.get_by_label("What is waited for").fill("The log file")
    page.get_by_role("dialog").get_by_role("button", name="Wait for customer").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Waiting")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("In progress")

    page.get_by_role("button", name="Resolve", exact=True).click()
    page.get_by_label("What was wrong").fill("A loose cable")
    page.get_by_label("What was done").fill("Fastened it")
    page.get_by_role("dialog").get_by_role("button", name="Resolve", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Resolved")

    page.get_by_role("button", name="Reopen").click()
    page.get_by_label("Why").fill("It came back")
    page.get_by_role("dialog").get_by_role("button", name="Reopen").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("In progress")
    page.get_by_role("tab", name="Steps and times").click()
    expect(page.get_by_role("cell", name="Reopened")).to_be_visible()
    assert faults(page) == []
    shot(page, "ticket-en-light")


def test_two_agents_at_once_choose_which_value_stays(page_as: Any) -> None:
    page_as.allowed = [r"status of 409"]
    first = page_as("agent")
    open_ticket(first)
    second = page_as("supervisor")
    second.goto(first.url)

    def edit(page: Page) -> None:
        page.get_by_role("button", name="More").click()
        page.get_by_role("menuitem", name="Edit category and priority").click()

    edit(first)
    edit(second)
    second.get_by_role("dialog").get_by_label("Urgent").check()
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("heading", level=1)).to_contain_text("Urgent")

    page = first
    page.get_by_role("dialog").get_by_label("Low").check()
    page.get_by_role("button", name="Save").click()
    conflict = page.get_by_role("dialog", name="Somebody changed this meanwhile")
    expect(conflict.get_by_role("row", name=re.compile("Priority"))).to_contain_text("Urgent")
    conflict.get_by_role("radio").nth(1).check()
    conflict.get_by_role("button", name="Save my choice").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Urgent")


def test_the_caller_is_shown_by_number(page_as: PageAs, faults: Any, shot: Any) -> None:
    page = page_as("agent")
    found = page.request.get("/v1/customers", params={"page_size": 50}).json()["customers"]
    called = next(each for each in found if each["phone"])
    page.goto(f"/pop?phone={called['phone'].removeprefix('+')[-9:]}")
    expect(page.get_by_role("link", name=called["name"]).first).to_be_visible()
    assert faults(page) == []
    shot(page, "pop-en-light")
    page.goto("/pop?phone=99999999999")
    expect(page.get_by_text("Nobody with this number is known")).to_be_visible()


@pytest.mark.parametrize(
    ("language", "theme", "phone"), [("zh", "dark", False), ("en", "light", False), ("zh", "light", True)]
)
def test_the_queue_in_every_look(
    page_as: PageAs, faults: Any, shot: Any, language: str, theme: str, phone: bool
) -> None:
    page = page_as("agent", language=language, theme=theme, phone=phone)
    page.goto("/tickets")
    expect(page.get_by_role("link", name=re.compile("技术支持")).first).to_be_visible(timeout=SLOW_MS)
    expect(page.locator(".list .ant-table-row, .cards > li").first).to_be_visible()
    assert faults(page) == []
    shot(page, f"tickets-{language}-{theme}{'-phone' if phone else ''}")
