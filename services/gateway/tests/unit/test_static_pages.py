"""The pages that are not built: what the content security policy demands of them."""

import re
from pathlib import Path

import pytest

import gateway

STATIC = Path(gateway.__file__).parent / "static"


@pytest.mark.parametrize("page", ["not-built.html", "docs.html"])
def test_pages_hold_no_inline_code_and_nothing_from_elsewhere(page: str) -> None:
    text = (STATIC / page).read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\bstyle=|\bon\w+=", text)
    for address in re.findall(r"(?:src|href)=\"([^\"]+)\"", text):
        assert address.startswith("/"), address
        if address.startswith("/static/"):
            assert (STATIC / address.removeprefix("/static/")).exists()


@pytest.mark.parametrize("script", ["docs.js"])
def test_scripts_never_write_markup(script: str) -> None:
    text = (STATIC / script).read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text)
