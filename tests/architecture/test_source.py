"""Rules that our own source keeps, beyond what ruff, mypy and import-linter can say."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BANNED = {"utils", "helpers", "common", "base", "manager", "core", "misc", "impl"}
WORDS = re.compile(r"[A-Z]?[a-z]+")


def test_no_module_or_class_has_a_name_that_says_nothing(product: Any) -> None:
    wrong = [source.name for source in product if {source.path.stem, source.path.parent.name} & BANNED]
    for source in product:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef):
                last = WORDS.findall(node.name)[-1:]
                wrong += [f"{source.name}: {node.name}" for word in last if word.lower() in BANNED]
    assert wrong == []


def test_every_module_says_what_it_is_for(product: Any) -> None:
    wrong = [s.name for s in product if s.tree.body and not ast.get_docstring(s.tree)]
    assert wrong == []


def test_no_consumer_is_cancelled_before_its_channel_closes(product: Any) -> None:
    """basic.cancel on a single active consumer lost up to 556 of 60,000 events."""
    wrong = [source.name for source in product if {"basic_cancel", "cancel_consumer"} & set(source.names_called())]
    assert wrong == []


def test_no_queue_has_a_delivery_limit(product: Any) -> None:
    """With batches it dead-letters the innocent: 12,259 of them for 7 poison messages."""
    assert [s.name for s in product if any("x-delivery-limit" in text for text in s.strings())] == []


def test_domains_and_views_read_no_clock_and_draw_no_lots(product: Any) -> None:
    """A fold that does would give another answer when it is replayed."""
    clocks = {"now", "utcnow", "today", "perf_counter", "monotonic", "time_ns"}
    lots = {"new_id", "uuid1", "uuid4", "uuid7", "random", "choice", "token_hex"}
    in_sql = ("now()", "current_timestamp", "clock_timestamp()", "random()", "gen_random_uuid()")
    wrong = []
    for source in product:
        if not re.search(r"/(domain|projections)/|/upcasts", source.name):
            continue
        wrong += [f"{source.name}: {name}" for name in (clocks | lots) & set(source.names_called())]
        sql = " ".join(source.strings()).lower()
        wrong += [f"{source.name}: {words} in SQL" for words in in_sql if words in sql]
    assert wrong == []


def test_views_keep_messages_in_one_spelling(product: Any) -> None:
    """The entries of a map are written in any order unless asked otherwise: live and rebuilt rows would differ."""
    wrong = [
        f"{source.name}:{node.lineno}"
        for source in product
        if "/projections/" in source.name
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", "") == "SerializeToString"
        and all(keyword.arg != "deterministic" for keyword in node.keywords)
    ]
    assert wrong == []


def test_no_test_sleeps_or_mocks(test_files: Any) -> None:
    wrong = []
    for source in test_files:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and node.attr == "sleep":
                wrong.append(f"{source.name}:{node.lineno} sleeps")
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [f"{node.module}.{alias.name}" for alias in node.names]
            wrong += [f"{source.name}:{node.lineno} mocks" for name in modules if "mock" in name]
    assert wrong == []


CALLS_OUT = {"httpx", "smtplib", "urllib.request", "http.client", "requests", "aiohttp", "ftplib"}
WITHOUT_CALLING = {"identity.providers"}
"""Imports a name only to say what may go wrong."""


def test_whoever_can_call_out_is_named_by_a_declared_way_out(product: Any) -> None:
    """Nothing leaves unless it is switched on, and the register of processing lists every switch."""
    able = set()
    for source in product:
        if source.path.is_relative_to(ROOT / "cli"):
            continue  # the operator's own hand
        imported = {
            name
            for node in ast.walk(source.tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in ([it.name for it in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        }
        if imported & CALLS_OUT or any("exporter.otlp" in name for name in imported):
            parts = source.path.with_suffix("").parts
            able.add(".".join(parts[len(parts) - parts[::-1].index("src") :]))
    declared = {
        ast.literal_eval(argument)
        for source in product
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Tuple) and len(node.elts) == 1
        for argument in node.elts
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and "." in argument.value
    }
    assert able - WITHOUT_CALLING - declared == set()
    assert {"identity.outside", "notification.mail", "marketing.channels", "kernel.telemetry"} <= able


def test_nothing_that_is_committed_is_a_link() -> None:
    """A link leads out of a clone, or to what another machine lacks."""
    listed = subprocess.run(["git", "ls-files", "--stage"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    assert len(listed.splitlines()) > 300
    assert [line for line in listed.splitlines() if line.startswith("120000")] == []
