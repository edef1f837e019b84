"""Customers in the browser: added, followed up, edited by two at once, merged and parted, imported, and off-line."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]


def add_customer(page: Page, name: str, phone: str = "") -> str:
    """Add a customer by its form; returns its id."""
    page.goto("/customers/new")
    page.get_by_label("Name", exact=True).first.fill(name)
    if phone:
        page.get_by_label("Name", exact=True).nth(1).fill("Ada Stone")
        page.get_by_label(re.compile("^Phone numbers")).first.fill(phone)
    page.get_by_role("button", name="New customer").click()
    expect(page).to_have_url(re.compile(r"/customers/[0-9a-f-]{36}$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    return page.url.rpartition("/")[2]


def fresh_name() -> str:
    return f"Brook {secrets.token_hex(4)} Ltd"


def test_a_newcomer_adds_a_customer_logs_a_call_and_plans_what_comes_next(page_as: PageAs, shot: Any) -> None:
    page = page_as("rep")
    name = fresh_name()
    add_customer(page, name)
    page.get_by_label("What happened").fill("Asked for a demonstration")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".timeline")).to_contain_text("Asked for a demonstration")
    page.get_by_role("button", name="Plan a follow-up").click()
    dialog = page.get_by_role("dialog", name="Plan a follow-up")
    dialog.get_by_label("Subject").fill("Send the offer")
    dialog.get_by_role("button", name="Plan a follow-up").click()
    expect(page.locator(".todo")).to_contain_text("Send the offer")
    shot(page, "customer-en-light")
    page.get_by_role("button", name="Done: Send the offer").click()
    expect(page.get_by_text("Nothing planned")).to_be_visible()


@pytest.mark.feature("GWY-06")
def test_a_view_follows_its_owner_and_others_see_it_only_when_it_is_shared(page_as: PageAs) -> None:
    mine, shared = f"Mine {secrets.token_hex(3)}", f"Ours {secrets.token_hex(3)}"

    def views(page: Page) -> Any:
        return page.get_by_role("group", name="Views")

    def save(page: Page, name: str, *, everybody: bool) -> None:
        page.get_by_role("button", name="Save view", exact=True).click()
        form = page.locator("form").filter(has=page.get_by_label("Name of the view"))
        form.get_by_label("Name of the view").fill(name)
        if everybody:
            form.get_by_label("Everybody sees it").check()
        form.get_by_role("button", name="Save view", exact=True).click()
        expect(views(page).get_by_role("button", name=name)).to_be_visible()

    def remove(page: Page, *names: str) -> None:
        page.get_by_role("button", name="Columns").click()
        for name in names:
            page.get_by_role("button", name=f"Remove: {name}").click()
            expect(views(page).get_by_role("button", name=name)).to_have_count(0)

    page = page_as("rep")
    page.goto("/customers")
    first = page.locator(".list-foot span").first  # "84 in all"
    everybody = first.inner_text()
    page.goto("/customers?status=CUSTOMER_STATUS_SILENT")
    expect(page.locator(".list .ant-table-row").first).to_be_visible()
    expect(first).not_to_have_text(everybody)
    silent = first.inner_text()
    save(page, mine, everybody=False)
    save(page, shared, everybody=True)

    device = page_as("rep")  # nothing of the first browser is there
    device.goto("/customers")
    views(device).get_by_role("button", name=mine).click()
    expect(device.locator(".list-foot span").first).to_have_text(silent)
    expect(device).to_have_url(re.compile("group="))

    device.goto("/customers")  # not at a view that is about to go

    other = page_as("manager")
    other.goto("/customers")
    expect(views(other).get_by_role("button", name=shared)).to_be_visible()
    expect(views(other).get_by_role("button", name=mine)).to_have_count(0)
    other.get_by_role("button", name="Columns").click()
    expect(other.get_by_role("button", name=f"Remove: {shared}")).to_have_count(0)

    remove(page, mine, shared)
    other.reload()
    expect(views(other).get_by_role("button", name="Silent")).to_be_visible()
    expect(views(other).get_by_role("button", name=shared)).to_have_count(0)


def test_what_one_does_another_sees_without_asking(page_as: PageAs) -> None:
    mine = page_as("rep")
    id_ = add_customer(mine, fresh_name())
    other = page_as("rep", language="zh")
    other.goto(f"/customers/{id_}")
    expect(other.get_by_role("heading", level=1)).to_be_visible()
    mine.get_by_label("What happened").fill("Seen at once")
    mine.get_by_role("button", name="Save", exact=True).click()
    expect(other.locator(".timeline")).to_contain_text("Seen at once", timeout=5_000)


def test_two_who_edit_the_same_field_choose_and_nothing_is_lost(page_as: Any, shot: Any) -> None:
    page_as.allowed = [r"status of 409"]
    first, second = page_as("rep"), page_as("rep")
    id_ = add_customer(first, fresh_name())
    second.goto(f"/customers/{id_}")
    for page in (first, second):
        page.get_by_role("button", name="Edit", exact=True).click()
    edit = first.get_by_role("dialog", name="Edit customer")
    edit.get_by_label("Website").fill("first.example")
    edit.get_by_label("Address", exact=True).fill("1 Mill Lane")
    edit.get_by_role("button", name="Save").click()
    expect(edit).to_be_hidden()
    edit = second.get_by_role("dialog", name="Edit customer")
    edit.get_by_label("Website").fill("second.example")
    edit.get_by_role("button", name="Save").click()
    clash = second.get_by_role("dialog", name="Somebody changed this meanwhile")
    expect(clash.get_by_text("first.example")).to_be_visible()
    expect(clash.get_by_text("1 Mill Lane")).to_have_count(0)  # only one of them changed it
    shot(second, "conflict-en-light")
    clash.get_by_role("button", name="Save my choice").click()
    second.get_by_role("tab", name="Details").click()
    expect(second.get_by_text("second.example")).to_be_visible()
    expect(second.get_by_text("1 Mill Lane")).to_be_visible()


def test_duplicates_are_merged_field_by_field_and_parted_again(page_as: PageAs, shot: Any) -> None:
    page = page_as("rep")
    phone = f"+86138{secrets.randbelow(10**8):08d}"
    survivor = add_customer(page, fresh_name(), phone)
    page.goto("/customers/new")
    second = fresh_name()
    page.get_by_label("Name", exact=True).first.fill(second)
    page.get_by_label("Name", exact=True).nth(1).fill("Ada Stone")
    page.get_by_label(re.compile("^Phone numbers")).first.fill(phone)
    expect(page.get_by_text("There may be this customer already")).to_be_visible()
    page.get_by_label("Add anyway").check()
    page.get_by_role("button", name="New customer").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(second)
    page.goto(f"/customers/{survivor}/duplicates")
    page.get_by_role("button", name="Compare").first.click()
    page.get_by_role("row", name=re.compile("^Name")).get_by_role("radio").nth(1).check()
    shot(page, "merge-en-light")
    page.get_by_role("button", name="Merge", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(second)
    page.get_by_role("button", name="More fields").click()
    page.get_by_role("menuitem", name=re.compile("Take the merge back")).click()
    expect(page.get_by_role("heading", level=1)).not_to_contain_text(second)


def test_a_list_is_imported_checked_and_taken_back(page_as: PageAs, shot: Any) -> None:
    page = page_as("admin")
    names = [fresh_name() for _ in range(3)]
    rows = [f"{name},Ada {i},not a number" if i == 2 else f"{name},Ada {i}," for i, name in enumerate(names)]
    page.goto("/customers/import")
    table = "Company,Contact,Phone\n" + "\n".join(rows)
    file = {"name": "list.csv", "mimeType": "text/csv", "buffer": table.encode()}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Check 3 rows").click()
    expect(page.get_by_role("status").filter(has_text="2 ready")).to_contain_text("1 refused")
    shot(page, "import-en-light")
    page.get_by_role("button", name="Import 2 rows").click()
    expect(page.get_by_role("heading", name="Import finished")).to_be_visible()
    page.get_by_role("button", name="Take the import back").click()
    expect(page.get_by_text("Taken back: 2 customers")).to_be_visible()


def test_an_import_is_looked_at_and_taken_back_long_after(page_as: Any, shot: Any, faults: Any) -> None:
    page_as.allowed = [r"status of 404.*-imports/[\w-]+:revert"]  # nothing is left of it, which the page says
    page = page_as("admin")
    names = [fresh_name() for _ in range(2)]
    page.goto("/customers/import")
    table = "Company,Contact,Phone\n" + "\n".join(f"{name},Ada," for name in names)
    file = {"name": "list.csv", "mimeType": "text/csv", "buffer": table.encode()}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Check 2 rows").click()
    with page.expect_request("**/v1/customers:import") as asked:
        page.get_by_role("button", name="Import 2 rows").click()
    expect(page.get_by_role("heading", name="Import finished")).to_be_visible()
    number = asked.value.post_data_json["import_id"]
    page.goto("/audit/undo")
    page.get_by_role("combobox", name="Cause").click()
    page.get_by_title("An import").click()
    page.get_by_label("Number of the cause").fill(number)
    page.get_by_role("button", name="Preview").click()
    undo = page.get_by_role("button", name="Take back 2 changes")
    expect(undo).to_be_enabled()
    shot(page, "undo-import-en-light")
    assert faults(page) == []
    undo.click()
    page.get_by_role("dialog").get_by_role("button", name="Take back 2 changes").click()
    expect(page.get_by_text("2 records were taken back.")).to_be_visible()
    expect(page.get_by_text("Nothing was found for this cause.")).to_be_visible()  # twice is once
    page.goto(f"/customers?q={names[0]}")
    expect(page.get_by_text("Nothing matches")).to_be_visible()


@pytest.mark.feature("GWY-15")
def test_off_line_one_reads_what_was_seen_and_what_one_does_is_sent_later(page_as: Any) -> None:
    page_as.allowed = [r"ERR_INTERNET_DISCONNECTED", r"ERR_FAILED"]
    page = page_as("rep", phone=True, worker=True)
    id_ = add_customer(page, fresh_name())
    page.evaluate("() => navigator.serviceWorker.ready.then(() => 1)")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.goto(f"/customers/{id_}")  # seen through the worker
    name = page.get_by_role("heading", level=1).inner_text()
    expect(page.get_by_text("in ", exact=False).last).to_be_visible()
    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.get_by_label("What happened").fill("Noted under the tunnel")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="1 kept")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_role("button", name="1 kept")).to_be_hidden()
    expect(page.locator(".timeline")).to_contain_text("Noted under the tunnel")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("phone", [False, True])
def test_pages_of_customers_have_no_serious_fault(
    page_as: PageAs, faults: Any, shot: Any, theme: str, phone: bool
) -> None:
    page = page_as("rep", language="zh", theme=theme, phone=phone)
    suffix = f"zh-{theme}{'-phone' if phone else ''}"
    page.goto("/customers")
    row = page.locator(".card-row a, .list .ant-table-row a").first
    expect(row).to_be_visible()
    shot(page, f"customers-{suffix}")
    assert faults(page) == []
    row.click()
    expect(page.locator(".timeline > li").first).to_be_visible()
    shot(page, f"customer-{suffix}")
    assert faults(page) == []
