"""How likely an opportunity is to be won on a day, by its stage and its age in it.

A semi-Markov model in discrete days with competing risks: in each stage and age band, a daily rate of
being won, of being lost, and of moving to each other stage, estimated as events per day of exposure
(occurrence / exposure rates: Aalen, Borgan, Gjessing, "Survival and Event History Analysis", 2008, ch. 3;
Kalbfleisch, Prentice, "The Statistical Analysis of Failure Time Data", 2002, ch. 8). Opportunities still open
count as exposure, not as failures. Sparse bands are drawn towards their stage's rate, and stages towards the
rate of all, by a gamma prior worth two events, and one. Closing also has a rhythm within the quarter: each of its three
months has a factor, drawn towards 1; and the level of the last three months counts more than what was
longer ago. What months still differ by after that is kept as the size of a shock
that the simulation repeats.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.forecasting.calendar import month_at, start_of
from analytics.forecasting.history import LOST, NEVER, WON, Floats, History

BANDS: Floats = np.array(
    [0, 3, 7, 14, 21, 28, 42, 56, 70, 84, 98, 112, 126, 140, 182, 273, 365, NEVER], dtype=np.float64
)
"""Edges of the age bands, in days."""

OLDEST_DAYS = 400
"""Ages above this are treated alike."""

_LEARN_MONTHS = 36
_BAND_PRIOR_EVENTS = 2.0
_STAGE_PRIOR_EVENTS = 1.0
_RHYTHM_PRIOR_MONTHS = 1.0
_LEVEL_MONTHS = 3
_LEVEL_PRIOR_MONTHS = 1.0
_SHOCK_PRIOR = 0.15
_SHOCK_PRIOR_MONTHS = 3.0
_ARRIVAL_DAYS = 180.0
_MIX_DAYS = 365.0


@dataclass(frozen=True, slots=True)
class Hazards:
    """Daily rates as learnt up to a cut-off. Axes: stage, age band, cause; causes: won, lost, stages."""

    rates: Floats
    rhythm: Floats
    """Factor of winning in the first, second and third month of a quarter."""
    shock: float
    """Standard deviation of the logarithm of a month's own factor."""
    arrivals_per_day: float
    arrivals_seen: float
    """How many arrivals that rate rests on."""
    arriving_in: Floats
    """Share of new opportunities that begin in each stage."""
    months: int
    """Full months of history."""

    def chances(self, cut_off: float, months: list[int]) -> tuple[Floats, Floats]:
        """Return the probability of being won in each of the months.

        First by (stage, age in whole days, month) for an opportunity open at the cut-off; then by month for
        everything not yet opened: the expected number of wins.
        """
        stages = self.rates.shape[0]
        end = int(np.ceil(start_of(months[-1] + 1) - cut_off))
        band_of_age = np.searchsorted(BANDS, np.arange(OLDEST_DAYS) + 0.5, side="right") - 1
        rates = self.rates[:, band_of_age, :]
        ahead = np.zeros((stages, OLDEST_DAYS, len(months)))
        fresh = np.zeros(len(months))
        next_age = np.minimum(np.arange(OLDEST_DAYS) + 1, OLDEST_DAYS - 1)
        by_factor: dict[float, tuple[Floats, Floats, Floats]] = {}
        for day in range(end - 1, -1, -1):
            month = min(max(month_at(cut_off + day), months[0]), months[-1])
            factor = float(self.rhythm[month % 3])
            if factor not in by_factor:
                by_factor[factor] = _step(rates, factor)
            stays, wins, moves = by_factor[factor]
            now = stays[:, :, None] * ahead[:, next_age, :]
            if stages > 1:
                now += np.einsum("sax,xm->sam", moves, ahead[:, 0, :])
            now[:, :, months.index(month)] += wins
            ahead = now
            fresh += self.arriving_in @ ahead[:, 0, :]
        return ahead, fresh * self.arrivals_per_day


def _step(rates: Floats, factor: float) -> tuple[Floats, Floats, Floats]:
    """Return the chances of one day: to stay, to be won, to move to each stage."""
    today = rates.copy()
    today[:, :, 0] *= factor
    total = today.sum(axis=2)
    gone = -np.expm1(-total)
    share = today * np.divide(gone, total, out=np.zeros_like(total), where=total > 0)[:, :, None]
    return 1.0 - gone, share[:, :, 0], share[:, :, 2:]


def learn(history: History, cut_off: float) -> Hazards:
    """Estimate the rates from what had happened before the cut-off."""
    stages = len(history.stages)
    seen = history.stay_entered < cut_off
    stage = history.stay_stage[seen]
    entered = history.stay_entered[seen]
    left = history.stay_left[seen]
    ended = left < cut_off
    until = np.minimum(left, cut_off)
    cause = history.stay_end[seen]
    last = month_at(cut_off)
    # Exposure counts from the first closing: histories often begin with deals whose early closings were
    # never entered, and counting those months as months without a win would make every rate too small.
    closings = left[ended & (cause < 0)]
    first = month_at(float(closings.min())) if len(closings) else last
    first = max(first, last - _LEARN_MONTHS)
    months = list(range(first, last + 1))
    exposure = _exposure(stage, entered, until, stages, months)
    column = np.where(cause == WON, 0, np.where(cause == LOST, 1, cause + 2))
    counted = ended & (left >= start_of(first)) & ((cause >= 0) | (cause == WON) | (cause == LOST))
    band = np.searchsorted(BANDS, left - entered, side="right") - 1
    events = np.zeros((stages, len(BANDS) - 1, stages + 2))
    np.add.at(events, (stage[counted], band[counted], column[counted]), 1.0)
    won_on = left[counted & (cause == WON)]
    won_in = np.zeros(len(months))
    np.add.at(won_in, [month_at(day) - first for day in won_on], 1.0)

    of_quarter = np.array([month % 3 for month in months])
    full = np.array([start_of(m + 1) <= cut_off for m in months])
    rhythm = np.ones(3)
    rates = _rates(events, exposure.sum(axis=2), exposure.sum(axis=2))
    for _ in range(3):
        weighted = (exposure * rhythm[of_quarter]).sum(axis=2)
        rates = _rates(events, exposure.sum(axis=2), weighted)
        expected = np.einsum("sbm,sb->m", exposure, rates[:, :, 0])
        rhythm = _rhythm(won_in, expected, of_quarter, full)
    expected = np.einsum("sbm,sb->m", exposure, rates[:, :, 0]) * rhythm[of_quarter]
    rates = rates.copy()
    rates[:, :, 0] *= _level(won_in[full][-_LEVEL_MONTHS:], expected[full][-_LEVEL_MONTHS:])

    recent = (history.opened >= cut_off - _ARRIVAL_DAYS) & (history.opened < cut_off)
    known_days = min(_ARRIVAL_DAYS, max(cut_off - float(history.opened.min()), 1.0)) if stages else 1.0
    return Hazards(
        rates,
        rhythm,
        _shock(won_in[full], expected[full]),
        float(recent.sum()) / known_days,
        float(recent.sum()),
        _arriving_in(history, cut_off, stages),
        int(full.sum()),
    )


def _exposure(
    stage: np.typing.NDArray[np.int64], entered: Floats, until: Floats, stages: int, months: list[int]
) -> Floats:
    """Return days at risk by stage, age band and month."""
    found = np.zeros((stages, len(BANDS) - 1, len(months)))
    for m, month in enumerate(months):
        begins, ends = start_of(month), start_of(month + 1)
        here = np.flatnonzero((entered < ends) & (until > begins))
        if not len(here):
            continue
        low_age = np.maximum(begins - entered[here], 0.0)
        high_age = np.minimum(until[here], ends) - entered[here]
        for b in range(len(BANDS) - 1):
            days = np.minimum(high_age, BANDS[b + 1]) - np.maximum(low_age, BANDS[b])
            inside = days > 0
            if inside.any():
                found[:, b, m] += np.bincount(stage[here][inside], weights=days[inside], minlength=stages)
    return found


def _rates(events: Floats, exposure: Floats, for_winning: Floats) -> Floats:
    """Return gamma-shrunk occurrence / exposure rates; winning's exposure is weighted by its rhythm."""
    days = np.repeat(exposure[:, :, None], events.shape[2], axis=2)
    days[:, :, 0] = for_winning
    all_events, all_days = events.sum(axis=(0, 1)), days.sum(axis=(0, 1))
    overall = np.divide(all_events, all_days, out=np.zeros_like(all_events), where=all_days > 0)
    stage_days = days.sum(axis=1) + _per(_STAGE_PRIOR_EVENTS, overall)
    # A stage that is never left by a cause is not lent that cause's rate: only winning and losing are lent.
    lent = np.where(np.arange(events.shape[2]) < 2, _STAGE_PRIOR_EVENTS, 0.0) * (overall > 0)
    of_stage = np.divide(events.sum(axis=1) + lent, stage_days, out=np.zeros_like(stage_days), where=stage_days > 0)
    band_days = days + _per(_BAND_PRIOR_EVENTS, of_stage)[:, None, :]
    lent_band = _BAND_PRIOR_EVENTS * (of_stage > 0)[:, None, :]
    rates: Floats = np.divide(events + lent_band, band_days, out=np.zeros_like(band_days), where=band_days > 0)
    return rates


def _per(prior_events: float, rate: Floats) -> Floats:
    return np.divide(prior_events, rate, out=np.zeros_like(rate), where=rate > 0)


def _rhythm(won: Floats, expected: Floats, of_quarter: object, full: object) -> Floats:
    """Return the quarter's three factors: mean log ratio of won to expected, drawn towards none."""
    logs = np.zeros(3)
    for third in range(3):
        mine = (np.asarray(of_quarter) == third) & np.asarray(full) & (expected >= 1.0)
        if mine.any():
            ratios = np.log((won[mine] + 0.5) / (expected[mine] + 0.5))
            logs[third] = ratios.sum() / (mine.sum() + _RHYTHM_PRIOR_MONTHS)
    factors: Floats = np.exp(logs - logs.mean())
    return factors


def _level(won: Floats, expected: Floats) -> float:
    """Return by how much the last months differ from all of history, drawn towards not at all."""
    ratio = np.log((won.sum() + 1.0) / (expected.sum() + 1.0))
    return float(np.exp(ratio * len(won) / (len(won) + _LEVEL_PRIOR_MONTHS)))


def _shock(won: Floats, expected: Floats) -> float:
    """Return how far months differ beyond chance: variance of the log ratio less its Poisson part."""
    enough = expected >= 3.0
    ratios = np.log((won[enough] + 0.5) / (expected[enough] + 0.5))
    free = max(len(ratios) - 3, 0)
    excess = float((ratios**2 - 1.0 / expected[enough]).sum()) if free else 0.0
    prior = _SHOCK_PRIOR**2 * _SHOCK_PRIOR_MONTHS
    return float(np.sqrt(max(excess + prior, 0.05**2) / (free + _SHOCK_PRIOR_MONTHS)))


def _arriving_in(history: History, cut_off: float, stages: int) -> Floats:
    opened = history.opened[history.stay_opportunity]
    first = (history.stay_entered == opened) & (opened < cut_off) & (opened >= cut_off - _MIX_DAYS)
    counts = np.bincount(history.stay_stage[first], minlength=stages).astype(np.float64)
    total = counts.sum()
    return counts / total if total else counts
