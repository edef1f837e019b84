"""Print a figure: headwater report funnel | forecast | ranking | kpis | health | freshness.

Every figure says what it means and how fresh it is; --json is for programs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from headwater.api import Api, Away, Refused, add_connection_arguments, connect
from kernel.money import Money, decimals_of

PATHS = {
    "funnel": "/v1/analytics/funnel",
    "forecast": "/v1/analytics/forecast",
    "ranking": "/v1/analytics/ranking",
    "kpis": "/v1/analytics/executive-kpis",
    "health": "/v1/analytics/pipeline-health",
    "win-cycle": "/v1/analytics/win-cycle",
    "freshness": "/v1/analytics/freshness",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("figure", choices=PATHS)
    parser.add_argument("--json", action="store_true", help="the API's answer as it is")
    parser.add_argument(
        "--where", action="append", default=[], metavar="FIELD=VALUE", help="slice.owner_id=…, group_by=…"
    )
    parser.add_argument("--pipeline", default="", help="only this sales pipeline, by name; of what has one")
    add_connection_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """0 when the figure was printed."""
    query = dict(pair.partition("=")[::2] for pair in options.where)
    try:
        with connect(options) as api:
            if options.pipeline:
                query["slice.pipeline_id"] = pipeline_named(api, options.pipeline)
            answer = api.get(PATHS[options.figure], **query)
    except (Away, Refused) as error:
        print(error, file=sys.stderr)
        return 2
    printer = _PRINTERS.get(options.figure)
    if options.json or printer is None:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        printer(answer)
    return 0


def pipeline_named(api: Api, name: str) -> str:
    """The id of the sales pipeline with that name; Refused names those there are."""
    found = {p["name"]: p["pipeline_id"] for p in api.get("/v1/pipelines").get("pipelines", [])}
    if name not in found:
        raise Refused(404, {"title": f"there is no pipeline {name!r}", "detail": f"there are {', '.join(found)}"})
    return str(found[name])


def print_funnel(answer: Mapping[str, Any]) -> None:
    """The funnel as people read it."""
    print(f"{'stage':24} {'entered':>8} {'converted':>10} {'dropped':>8} {'open':>7} {'conv.':>7} {'median days':>12}")
    for stage in answer.get("stages", []):
        days = stage.get("days_in_stage", {}).get("median", 0)
        print(
            f"{stage.get('name', '')[:24]:24} {int(stage.get('entered', 0)):>8,} {int(stage.get('converted', 0)):>10,}"
            f" {int(stage.get('dropped_off', 0)):>8,} {int(stage.get('still_open', 0)):>7,}"
            f" {stage.get('conversion', 0):>7.1%} {days:>12.1f}"
        )
    print(f"all: {totals_in_words(answer.get('totals', {}))}")


def totals_in_words(totals: Mapping[str, Any]) -> str:
    """How many there are, what became of them, and what was won."""
    return (
        f"{int(totals.get('opportunities', 0)):,} opportunities, {int(totals.get('won', 0)):,} won,"
        f" {int(totals.get('lost', 0)):,} lost, {int(totals.get('open', 0)):,} open;"
        f" won {amounts(totals.get('won_value', []))}; {totals.get('win_rate', 0):.2%} of those closed"
    )


def print_forecast(answer: Mapping[str, Any]) -> None:
    """The forecast with its band and its past error."""
    for currency in answer.get("currencies", []):
        code = currency["currency_code"]
        print(f"forecast of what will be won, {code}")
        print(f"{'month':10} {'P10':>16} {'P50':>16} {'P90':>16}")
        for month in currency.get("months", []):
            band = (f"{float(month.get(name, 0)) / 10 ** decimals_of(code):>16,.0f}" for name in ("p10", "p50", "p90"))
            print(f"{month['month']:10} {' '.join(band)}")
        for score in currency.get("scores", []):
            if int(score.get("horizon", 0)) == 1:
                within = f", {score['coverage']:.0%} inside P10 to P90" if "coverage" in score else ""
                print(
                    f"  past error a month ahead, {score['method']}: {score.get('wape', 0):.1%} of the value"
                    f" over {int(score.get('sample', 0)):,} forecasts{within}"
                )
        print(f"  the best a month ahead was: {currency.get('best_method', '')}")


def amounts(found: list[Mapping[str, Any]]) -> str:
    """Amounts as 1,234.50 CNY, joined."""
    return " + ".join(str(Money(int(m.get("minor_units", 0)), m.get("currency_code", ""))) for m in found) or "0"


def print_kpis(answer: Mapping[str, Any]) -> None:
    """The executives' figures, each with that of the period before and with what it does not cover."""
    before = {figure["key"]: figure for figure in answer.get("before", [])}
    period = answer.get("about", {}).get("slice", {})
    print(f"{period.get('from_on', '')} to {period.get('to_on', '')}; in brackets the period before")
    for figure in answer.get("figures", []):
        earlier = before.get(figure["key"], {})
        remark = figure.get("remark_en", "")
        print(
            f"{figure['definition']['label_en'][:24]:24} {value_of(figure)} ({value_of(earlier)})"
            + (f"  {remark}" if remark else "")
        )


def value_of(figure: Mapping[str, Any]) -> str:
    """A figure's value as people read it; – when nothing is known."""
    ratio = figure.get("definition", {}).get("unit") == "UNIT_RATIO"
    if figure.get("shares"):
        return ", ".join(f"{one.get('share', 0):.1%} {one['currency_code']}" for one in figure["shares"])
    if "number" in figure:
        return f"{figure['number']:.1%}" if ratio else f"{figure['number']:,.10g}"
    return amounts(figure["amounts"]) if figure.get("amounts") else "–"


_PRINTERS: dict[str, Callable[[Mapping[str, Any]], None]] = {
    "funnel": print_funnel,
    "forecast": print_forecast,
    "kpis": print_kpis,
}
