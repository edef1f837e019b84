"""Real files come in through the command line and come out as the numbers they are known for."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from testkit import wait_until
from testkit.real_data import folder_of

pytestmark = pytest.mark.timeout(600)


def funnel(suite: Any, pipeline: str = "Maven") -> dict[str, Any]:
    pipelines = suite.admin.get("/v1/pipelines")["pipelines"]
    found = next(p["pipeline_id"] for p in pipelines if p["name"] == pipeline)
    answer: dict[str, Any] = suite.admin.get("/v1/analytics/funnel", **{"slice.pipeline_id": found})
    return answer


def maven_numbers(totals: dict[str, Any]) -> tuple[int, int, int, int]:
    value = sum(int(m["minor_units"]) for m in totals.get("won_value", []))
    return int(totals.get("opportunities", 0)), int(totals.get("won", 0)), int(totals.get("lost", 0)), value


MAVEN = (8_800, 4_238, 2_473, 10_005_534_00)


@pytest.mark.feature("ANA-01", "ANA-18", "CUS-24", "CUS-25")
def test_maven_comes_in_once_whatever_its_dates_look_like_and_the_same_numbers_come_out_everywhere(suite: Any) -> None:
    folder = folder_of("maven_crm")
    first = suite.headwater("import", "maven", str(folder))
    took_s = float(re.search(r"\[ *([\d.]+) s\] opportunities: 8,800 of 8,800", first.stderr)[1])
    assert "opportunities: 8,800 created" in first.stdout
    assert "8,800 opportunities, 4,238 won, 2,473 lost, 2,089 open; won 10,005,534.00 USD; 63.15%" in first.stdout
    assert took_s < 120, f"the import took {took_s:.0f} s"
    wait_until(lambda: maven_numbers(funnel(suite)["totals"]) == MAVEN, timeout_s=60)
    assert round(funnel(suite)["totals"]["win_rate"], 4) == 0.6315

    report = json.loads(suite.headwater("report", "funnel", "--json", "--pipeline", "Maven").stdout)
    assert maven_numbers(report["totals"]) == MAVEN

    again = suite.headwater("import", "maven", str(folder))
    assert "created" not in again.stdout
    for variant in ("mdy", "dmy_crlf"):
        other = folder / "locale_variants" / f"sales_pipeline_{variant}.csv"
        done = suite.headwater("import", "maven", str(folder), "--use", f"deals={other}")
        assert "opportunities: 8,800 skipped" in done.stdout
    assert maven_numbers(funnel(suite)["totals"]) == MAVEN


@pytest.mark.feature("PIP-56")
def test_northwind_comes_in_to_the_cent(suite: Any) -> None:
    folder = folder_of("northwind")
    done = suite.headwater("import", "northwind", str(folder))
    assert "customers: 91 created" in done.stdout
    assert "orders: 830 created" in done.stdout
    totals = suite.admin.get("/v1/sales-totals", placed_from="1996-01-01", placed_until="1998-12-31")
    assert json.dumps(totals).count("126579304") == 1, totals


@pytest.mark.feature("TIC-24")
def test_the_help_desks_tickets_keep_their_histories(suite: Any) -> None:
    folder = folder_of("helpdesk_italian")
    done = suite.headwater("import", "helpdesk", str(folder))
    assert "tickets: 4,580 created" in done.stdout
    import_id = done.stdout.rpartition("--revert ")[2].split()[0]
    counted = suite.admin.get(f"/v1/ticket-imports/{import_id}")
    assert int(counted["tickets"]) == 4_580
    assert int(counted["closed"]) == 4_557
    assert int(counted["resolved_more_than_once"]) == 386
    assert int(counted["ever_waited"]) == 1_236
    assert int(counted["with_events_after_closing"]) == 17


def test_salesforce_trees_come_in_with_their_references(suite: Any) -> None:
    folder = folder_of("sfdx_samples")
    done = suite.headwater("import", "salesforce", str(folder), ok=(0, 1))
    assert "tickets: 2 created" in done.stdout
    assert "customers:" in done.stdout
