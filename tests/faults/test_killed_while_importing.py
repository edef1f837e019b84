"""Whatever is killed while an import runs, the import ends with the same numbers: nothing lost, nothing twice."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from testkit import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

DEALS = 2_400


def a_small_maven(folder: Path, seed: int) -> tuple[int, int, int]:
    """Files of the Maven kind with made-up content; returns won, lost and the won value in cents."""
    random = Random(seed)
    agents, products, accounts = ["Ada One", "Bo Two"], ["P Alpha", "P Beta"], ["Acme", "Beco", "Cyco"]

    def write(name: str, heading: list[str], rows: list[list[Any]]) -> None:
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([heading, *rows])

    accounts_heading = [
        "account",
        "sector",
        "year_established",
        "revenue",
        "employees",
        "office_location",
        "subsidiary_of",
    ]
    write(
        "accounts.csv",
        accounts_heading,
        [[f"{a} {seed}", "retail", 1990, "12.5", 100, "United States", ""] for a in accounts],
    )
    write("products.csv", ["product", "series", "sales_price"], [[p, "P", 100 * n] for n, p in enumerate(products, 1)])
    write("sales_teams.csv", ["sales_agent", "manager", "regional_office"], [[a, "Max Boss", "West"] for a in agents])
    won = lost = value = 0
    rows: list[list[Any]] = []
    for n in range(DEALS):
        stage = random.choice(("Won", "Won", "Lost", "Engaging"))
        engaged = date(2025, 1, 1) + timedelta(days=random.randrange(300))
        closed = engaged + timedelta(days=random.randrange(1, 60))
        amount = random.randrange(50, 500)
        over = stage in ("Won", "Lost")
        rows.append(
            [
                f"S{seed}N{n:05d}",
                random.choice(agents),
                random.choice(products),
                f"{random.choice(accounts)} {seed}",
                stage,
                engaged.isoformat(),
                closed.isoformat() if over else "",
                amount if stage == "Won" else "",
            ]
        )
        won += stage == "Won"
        lost += stage == "Lost"
        value += amount * 100 if stage == "Won" else 0
    heading = [
        "opportunity_id",
        "sales_agent",
        "product",
        "account",
        "deal_stage",
        "engage_date",
        "close_date",
        "close_value",
    ]
    write("sales_pipeline.csv", heading, rows)
    return won, lost, value


def totals(suite: Any) -> tuple[int, int, int, int]:
    found = suite.admin.get("/v1/analytics/funnel").get("totals", {})
    value = sum(int(m["minor_units"]) for m in found.get("won_value", []) if m["currency_code"] == "USD")
    return int(found.get("opportunities", 0)), int(found.get("won", 0)), int(found.get("lost", 0)), value


@pytest.mark.feature("NFR-20")
@pytest.mark.parametrize(
    ("seed", "victim"),
    [
        (101, "apis"),
        (102, "buses"),
        (103, "gateway"),
        (104, "postgres"),
        (105, "rabbitmq"),
        (106, "the import itself"),
    ],
)
def test_kill_9_of_any_part_during_an_import_changes_no_number(
    suite: Any, tmp_path: Path, seed: int, victim: str
) -> None:
    if victim in ("postgres", "rabbitmq") and not suite.private:
        pytest.skip("only private servers may be killed: HEADWATER_TEST_SERVERS=private")
    won, lost, value = a_small_maven(tmp_path, seed)
    before = wait_until(lambda: totals(suite), timeout_s=60)
    command = [sys.executable, "-m", "headwater", "import", "maven", str(tmp_path)]
    importing = subprocess.Popen(command, env=suite.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    journals, mark = suite.home.folder / "imports", f"S{seed}N"

    def under_way() -> bool:
        texts = [path.read_text() for path in journals.glob("maven-*.jsonl")]
        return sum(text.count('"opportunities"') for text in texts if mark in text) >= 250

    wait_until(under_way, timeout_s=120, describe="the import has sent some deals")
    os.kill(importing.pid if victim == "the import itself" else suite.pid(victim), signal.SIGKILL)
    words = importing.communicate(timeout=400)[0].decode()
    if victim == "the import itself":
        assert importing.returncode == -signal.SIGKILL
    else:
        assert importing.returncode == 0, words
    suite.headwater("import", "maven", str(tmp_path))  # once more: what is in stays, what is missing comes
    expected = (before[0] + DEALS, before[1] + won, before[2] + lost, before[3] + value)
    wait_until(lambda: totals(suite) == expected, timeout_s=120, describe=lambda: (expected, totals(suite), words))
