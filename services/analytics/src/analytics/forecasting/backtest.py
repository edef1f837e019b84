"""How good the forecast would have been: made again at past cut-offs, from what was known then.

At each cut-off only what had happened before it is used, by effective time. Imported history was recorded
later than it was true; `Judged` therefore says nothing about what could have been known at the time, and the
service reports the share of such history beside the scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.forecasting.calendar import month_at, start_of
from analytics.forecasting.forecast import QUANTILES, Outlook, forecast
from analytics.forecasting.history import History

METHODS = ("model", "naive_mean", "same_month_last_year", "weighted_pipeline")
_LEAST_MONTHS = 3
_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Judged:
    """One forecast of one month beside what came true. `currency` is empty for deals."""

    cut_off: float
    horizon: int
    currency: str
    outlook: Outlook
    actual: float


@dataclass(frozen=True, slots=True)
class Score:
    """The error of one method. `horizon` 0 means all."""

    method: str
    horizon: int
    sample: int
    wape: float
    mape: float
    pinball: float
    coverage: float | None
    bias: float


def backtest(history: History, until: float, cut_offs: int = 12, horizons: int = 3, seed: int = 0) -> list[Judged]:
    """Forecast again from the start of each of the last months before `until`, and note what came true.

    Only months that were over by `until` are judged, and only cut-offs after three months with wins.
    """
    at, amount, currency = history.wins(until)
    if not len(at):
        return []
    over = month_at(until)
    first = max(month_at(float(at.min())) + _LEAST_MONTHS, over - cut_offs)
    judged: list[Judged] = []
    for month in range(first, over):
        cut_off = start_of(month)
        ahead = min(horizons, over - month)
        made = forecast(history, cut_off, ahead, seed, _DRAWS)
        for name, outlooks in [("", made.deals), *made.value.items()]:
            mine = currency == name if name else np.ones(len(at), np.bool_)
            worth = np.nan_to_num(amount) if name else np.ones(len(at))
            for horizon, outlook in enumerate(outlooks, 1):
                inside = mine & (at >= start_of(outlook.month)) & (at < start_of(outlook.month + 1))
                judged.append(Judged(cut_off, horizon, name, outlook, float(worth[inside].sum())))
    return judged


def scores(judged: Sequence[Judged]) -> list[Score]:
    """Return the errors of every method by horizon and for all horizons together."""
    horizons = sorted({one.horizon for one in judged})
    found = []
    for horizon in [*horizons, 0]:
        mine = [one for one in judged if horizon in (0, one.horizon)]
        for method in METHODS:
            score = _score(method, horizon, mine)
            if score is not None:
                found.append(score)
    return found


def _score(method: str, horizon: int, judged: Sequence[Judged]) -> Score | None:
    pairs = [(one, guess) for one in judged if (guess := _guess(method, one.outlook)) is not None]
    if not pairs:
        return None
    actual = np.array([one.actual for one, _ in pairs])
    guessed = np.array([guess for _, guess in pairs])
    coverage = None
    pinball = pinball_loss(actual, guessed, 0.5)
    if method == "model":
        low = np.array([one.outlook.p10 for one, _ in pairs])
        high = np.array([one.outlook.p90 for one, _ in pairs])
        coverage = float(((actual >= low) & (actual <= high)).mean())
        bands = zip(QUANTILES, (low, guessed, high), strict=True)
        pinball = float(np.mean([pinball_loss(actual, band, q) for q, band in bands]))
    return Score(
        method,
        horizon,
        len(pairs),
        wape(actual, guessed),
        mape(actual, guessed),
        pinball,
        coverage,
        float((guessed - actual).sum() / actual.sum()) if actual.sum() else 0.0,
    )


def best(judged: Sequence[Judged]) -> str:
    """Return the method with the smallest WAPE one month ahead, among those judged as often as the model."""
    first = [score for score in scores(judged) if score.horizon == 1]
    most = max((score.sample for score in first), default=0)
    rivals = [score for score in first if score.sample == most]
    return min(rivals, key=lambda score: score.wape).method if rivals else ""


def _guess(method: str, outlook: Outlook) -> float | None:
    match method:
        case "model":
            return outlook.p50
        case "naive_mean":
            return outlook.naive_mean
        case "same_month_last_year":
            return outlook.same_month_last_year
        case _:
            return outlook.weighted_pipeline


def wape(actual: np.typing.NDArray[np.float64], guessed: np.typing.NDArray[np.float64]) -> float:
    """Sum of absolute errors over the sum of actual values; 0 when nothing came true and nothing was said."""
    total = float(np.abs(actual).sum())
    wrong = float(np.abs(actual - guessed).sum())
    return wrong / total if total else float(wrong > 0)


def mape(actual: np.typing.NDArray[np.float64], guessed: np.typing.NDArray[np.float64]) -> float:
    """Mean of absolute errors over actual values, where those are not zero."""
    known = actual != 0
    return float(np.abs((actual[known] - guessed[known]) / actual[known]).mean()) if known.any() else 0.0


def pinball_loss(
    actual: np.typing.NDArray[np.float64], guessed: np.typing.NDArray[np.float64], quantile: float
) -> float:
    """Mean of q·(y-f) above and (1-q)·(f-y) below (Koenker, Bassett, 1978): least at the true quantile."""
    above = actual - guessed
    return float(np.maximum(quantile * above, (quantile - 1) * above).mean())
