"""A salesperson's day on a phone: what is done most is one tap away. Approving so is in test_deals."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PageAs = Callable[..., Page]
COMMAND = {"Headwater-Csrf": "1"}
# One white dot.
PHOTO = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg=="
)


@pytest.mark.feature("GWY-14")
def test_call_visit_next_step_and_photo_are_one_tap_away(page_as: PageAs, faults: Any, shot: Any) -> None:
    page = page_as("rep", phone=True)
    name, number = f"Phone {secrets.token_hex(4)} Ltd", f"+8613{secrets.randbelow(10**9):09d}"
    body = {
        "profile": {"name": name},
        "contacts": [{"name": "Ada Stone", "phones": [number], "is_primary": True}],
        "allow_duplicates": True,
    }
    answer = page.request.post("/v1/customers", data=body, headers=COMMAND | {"Idempotency-Key": secrets.token_hex(8)})
    assert answer.ok, answer.text()
    customer = f"/customers/{answer.json()['customer_id']}"

    page.goto(f"/customers?q={name.split()[1]}")
    call = page.get_by_role("link", name=f"Call {name}")  # from the list, without opening anything
    expect(call).to_have_attribute("href", f"tel:{number}")
    size = call.bounding_box()
    assert size
    assert min(size["width"], size["height"]) >= 40, "a thumb must hit it"

    page.goto(customer)
    expect(page.get_by_role("link", name=re.compile("Call$"))).to_have_attribute("href", f"tel:{number}")
    # The visit is chosen already: words, a photo, save.
    expect(page.get_by_role("radio", name="Visit")).to_be_checked()
    page.get_by_label("What happened").fill("Stood in front of the new hall")
    with page.expect_file_chooser() as chosen:
        page.get_by_label("Photo or file").tap()
    camera = chosen.value.element
    assert camera.get_attribute("capture") == "environment"  # the camera opens, not a list of files
    chosen.value.set_files({"name": "hall.png", "mimeType": "image/png", "buffer": PHOTO})
    page.get_by_role("button", name="Save", exact=True).tap()
    expect(page.locator(".timeline")).to_contain_text("Stood in front of the new hall")
    expect(page.locator(".timeline")).to_contain_text("Visit")
    with page.expect_download() as kept:
        page.locator(".timeline").get_by_role("button", name="hall.png").tap()
    assert kept.value.path().read_bytes() == PHOTO

    page.get_by_role("button", name="Plan a follow-up").first.tap()
    dialog = page.get_by_role("dialog", name="Plan a follow-up")
    expect(dialog.get_by_label("Due")).not_to_have_value("")  # tomorrow at nine, unless one says otherwise
    dialog.get_by_label("Subject").fill("Measure the hall")
    shot(page, "next-step-en-phone")
    assert faults(page) == []
    dialog.get_by_role("button", name="Plan a follow-up").tap()
    expect(page.locator(".todo")).to_contain_text("Measure the hall")
