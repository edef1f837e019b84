"""The console's files: what the content security policy demands, and words in both languages."""

import re
from pathlib import Path

import pytest

import gateway

STATIC = Path(gateway.__file__).parent / "static"


@pytest.mark.parametrize("page", ["index.html", "docs.html"])
def test_pages_hold_no_inline_code_and_nothing_from_elsewhere(page: str) -> None:
    text = (STATIC / page).read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\bstyle=|\bon\w+=", text)
    for address in re.findall(r"(?:src|href)=\"([^\"]+)\"", text):
        assert address.startswith("/"), address
        if address.startswith("/static/"):
            assert (STATIC / address.removeprefix("/static/")).exists()


@pytest.mark.parametrize("script", ["console.js", "charts.js", "docs.js", "words.js"])
def test_scripts_never_write_markup(script: str) -> None:
    text = (STATIC / script).read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text)


def test_both_languages_have_the_same_words_and_all_that_are_used() -> None:
    text = (STATIC / "words.js").read_text()
    english, chinese = (
        set(re.findall(r"(\w+): \"", block))
        for block in re.findall(r"^  (?:en|zh): \{\n(.*?)^  \},", text, re.S | re.M)[:2]
    )
    assert english == chinese
    used = set(re.findall(r"\bw\(\"(\w+)\"\)", (STATIC / "console.js").read_text()))
    used |= set(re.findall(r"words\.(\w+)", (STATIC / "charts.js").read_text()))
    assert used <= english
