"""The forecast's mathematics, with answers known beforehand."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.forecasting import calendar
from analytics.forecasting.backtest import (
    Judged,
    backtest,
    best,
    mape,
    pinball_loss,
    scores,
    wape,
)
from analytics.forecasting.forecast import Outlook, forecast
from analytics.forecasting.hazards import learn
from analytics.forecasting.history import History, Kind, Move

START = calendar.day_of_date(date(2024, 1, 1))


def generated(days: int, per_day: int, win_rate: float, lose_rate: float, seed: int = 1) -> list[Move]:
    """Opportunities of 100.00 that are won and lost at constant daily rates, cut off after so many days."""
    random = np.random.default_rng(seed)
    moves = []
    for number in range(days * per_day):
        opened = START + number // per_day
        moves.append(Move(number, Kind.OPENED, opened, "open", 10_000, "EUR", 0.5, opened + 30.0))
        closed = opened + random.exponential(1 / (win_rate + lose_rate))
        if closed < START + days:
            won = random.random() < win_rate / (win_rate + lose_rate)
            kind = Kind.WON if won else Kind.LOST
            moves.append(Move(number, kind, closed, None, 10_000 if won else None, "EUR"))
    return moves


def test_constant_rates_are_found_again() -> None:
    history = History.of(generated(420, 10, win_rate=0.02, lose_rate=0.01))
    learnt = learn(history, START + 420)
    exposure_weighted = learnt.rates[0, :8, 0].mean()
    assert exposure_weighted == pytest.approx(0.02, rel=0.15)
    assert learnt.rates[0, :8, 1].mean() == pytest.approx(0.01, rel=0.15)
    assert learnt.arrivals_per_day == pytest.approx(10, rel=0.01)
    assert learnt.rhythm == pytest.approx([1, 1, 1], abs=0.1), "there is no rhythm in this history"


def test_the_chance_of_a_constant_rate_is_the_exponential_law() -> None:
    history = History.of(generated(420, 10, win_rate=0.02, lose_rate=0.01))
    cut_off = calendar.start_of(calendar.month_at(START + 400))
    learnt = learn(history, cut_off)
    flat = learnt.rates.copy()
    flat[:, :, 0], flat[:, :, 1], flat[:, :, 2:] = 0.02, 0.01, 0
    exact = replace(learnt, rates=flat, rhythm=np.ones(3))
    month = calendar.month_at(cut_off)
    chance, _ = exact.chances(cut_off, [month])
    days = calendar.start_of(month + 1) - cut_off
    assert chance[0, 5, 0] == pytest.approx(2 / 3 * (1 - math.exp(-0.03 * days)), rel=1e-9)


def test_a_move_to_a_better_stage_counts_its_chances() -> None:
    moves = []
    for number in range(400):
        opened = START + number % 200
        moves.append(Move(number, Kind.OPENED, opened, "slow", 100, "EUR", 0.1))
        moves.append(Move(number, Kind.STAGED, opened + 10, "fast", None, "", 0.5))
        moves.append(Move(number, Kind.WON, opened + 12, None, 100, "EUR"))
    history = History.of(sorted(moves, key=lambda m: int(str(m.opportunity))))
    made = forecast(history, calendar.start_of(calendar.month_at(START + 180)), 1)
    snapshot = history.open_at(START + 180)
    assert made.deals[0].from_open == pytest.approx(len(snapshot.stage), rel=0.2)


@pytest.mark.feature("ANA-11")
def test_the_same_seed_gives_the_same_forecast_and_another_does_not() -> None:
    history = History.of(generated(300, 2, 0.02, 0.02))
    cut_off = START + 290
    first = forecast(history, cut_off, 3, seed=5)
    assert first.value == forecast(history, cut_off, 3, seed=5).value
    assert first.value != forecast(history, cut_off, 3, seed=6).value
    for outlook in (*first.deals, *first.value["EUR"]):
        assert outlook.p10 <= outlook.p50 <= outlook.p90
    outlook = first.value["EUR"][1]
    assert outlook.mean == pytest.approx(outlook.from_open + outlook.from_new, rel=0.1)


def test_what_happens_after_the_cut_off_changes_nothing() -> None:
    moves = generated(300, 3, 0.02, 0.02)
    cut_off = START + 200
    known = [move for move in moves if move.day < cut_off]
    assert forecast(History.of(moves), cut_off, 3).value == forecast(History.of(known), cut_off, 3).value


@pytest.mark.feature("ANA-11")
def test_the_backtest_covers_what_came_true_about_as_often_as_it_says() -> None:
    history = History.of(generated(700, 6, 0.015, 0.02))
    judged = backtest(history, START + 700)
    model = next(s for s in scores(judged) if (s.method, s.horizon) == ("model", 1))
    assert model.sample >= 10
    assert model.wape < 0.15
    assert model.coverage is not None
    assert 0.6 <= model.coverage <= 1.0
    assert {s.method for s in scores(judged)} == {
        "model",
        "naive_mean",
        "same_month_last_year",
        "weighted_pipeline",
    }


def test_nothing_known_gives_a_forecast_of_nothing() -> None:
    made = forecast(History.of([]), START, 3)
    assert [outlook.mean for outlook in made.deals] == [0, 0, 0]
    assert made.value == {}
    assert backtest(History.of([]), START) == []


def test_only_open_opportunities_and_no_win_yet() -> None:
    history = History.of([Move(1, Kind.OPENED, START, "open", 500, "EUR", 0.5, START + 3)])
    made = forecast(history, START + 1, 1)
    assert made.open == 1
    assert made.value["EUR"][0].weighted_pipeline == 250


def test_a_reopened_win_counts_until_it_was_reopened() -> None:
    history = History.of(
        [
            Move(1, Kind.OPENED, START, "open", 500, "EUR"),
            Move(1, Kind.WON, START + 5, None, 700, "EUR"),
            Move(1, Kind.REOPENED, START + 9, "open"),
        ]
    )
    assert list(history.wins(START + 6)[1]) == [700]
    assert list(history.wins(START + 10)[1]) == []
    assert len(history.open_at(START + 6).stage) == 0
    assert len(history.open_at(START + 10).stage) == 1


def test_an_opportunity_opened_without_a_stage_is_in_none_not_in_the_one_before_it() -> None:
    history = History.of([Move(1, Kind.OPENED, START, "first"), Move(2, Kind.OPENED, START, None)])
    assert history.stages == ("first", None)
    assert list(history.stay_stage) == [0, 1]
    assert forecast(history, START + 5, 2).open == 2


def test_a_taken_back_opportunity_counts_for_nothing() -> None:
    history = History.of(
        [
            Move(1, Kind.OPENED, START, "open", 500, "EUR"),
            Move(1, Kind.WON, START + 5, None, 700, "EUR"),
            Move(1, Kind.REMOVED, START + 9),
        ]
    )
    assert len(history.wins()[0]) == 0


def test_errors_are_as_defined() -> None:
    actual, guessed = np.array([100.0, 200.0, 0.0]), np.array([110.0, 150.0, 5.0])
    assert wape(actual, guessed) == pytest.approx(65 / 300)
    assert mape(actual, guessed) == pytest.approx((0.1 + 0.25) / 2)
    assert pinball_loss(np.array([10.0]), np.array([6.0]), 0.9) == pytest.approx(0.9 * 4)
    assert pinball_loss(np.array([6.0]), np.array([10.0]), 0.9) == pytest.approx(0.1 * 4)


def test_a_baseline_that_is_better_is_named_the_best() -> None:
    outlook = Outlook(660, 5, 6, 7, 6, 6, 0, 0, 10, None, 20)
    judged = [Judged(START, 1, "", outlook, 10.0)]
    assert best(judged) == "naive_mean"
    by_method = {score.method: score for score in scores(judged) if score.horizon == 1}
    assert by_method["model"].wape == pytest.approx(0.4)
    assert by_method["model"].coverage == 0
    assert by_method["naive_mean"].wape == 0
    assert "same_month_last_year" not in by_method


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 20_000), st.floats(0, 0.999))
def test_days_and_months_agree_with_the_calendar(day: int, part: float) -> None:
    month = calendar.month_at(day + part)
    assert calendar.start_of(month) <= day < calendar.start_of(month + 1)
    on = calendar.moment_of(float(day), ZoneInfo("UTC")).date()
    assert calendar.name_of(month) == f"{on:%Y-%m}"


def test_a_day_begins_at_the_zones_midnight() -> None:
    moment = datetime(2026, 1, 31, 17, tzinfo=UTC)
    assert calendar.name_of(calendar.month_at(calendar.day_of(moment, ZoneInfo("UTC")))) == "2026-01"
    shanghai = ZoneInfo("Asia/Shanghai")
    assert calendar.name_of(calendar.month_at(calendar.day_of(moment, shanghai))) == "2026-02"
