"""The forecast of won deals and won value by month, as quantiles of a seeded simulation.

Method. `hazards.learn` estimates from history how likely an opportunity is to be won on a day, by stage and
by age in the stage, and how many new ones arrive. `Hazards.chances` turns that into the probability that each
open opportunity is won in each coming month, exactly, by going backwards through the days. The simulation
then draws which are won (Bernoulli trials; a normal limit for very many), draws how many wins come from
business that has not yet arrived (Poisson), gives wins without a known amount an amount drawn from past wins,
multiplies months by the shock that past months showed, and reads P10, P50 and P90 off the outcomes. That is
the standard way to put a band round a compound sum (Asmussen, Glynn, "Stochastic Simulation", 2007, ch. 3).
It promises no more than its back-test shows, which is why `backtest` stands beside it.

Baselines: the mean of the last three full months; the same month of the year before; and open amounts times
stage probability in the month they are expected to close (the "weighted pipeline" of most CRMs).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.forecasting.calendar import month_at, start_of
from analytics.forecasting.hazards import OLDEST_DAYS, Hazards, learn
from analytics.forecasting.history import Floats, History, Snapshot

DRAWS = 2000
_MOST_TRIALS = 4_000_000
_MOST_AMOUNTS = 2_000_000
_AMOUNT_DAYS = 365.0
_UNDATED_MONTHS = 3
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Outlook:
    """One month's forecast beside its baselines. Values are deals, or money in minor units."""

    month: int
    p10: float
    p50: float
    p90: float
    mean: float
    from_open: float
    from_new: float
    already: float
    naive_mean: float
    same_month_last_year: float | None
    weighted_pipeline: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """Deals, and value by currency, month by month."""

    deals: tuple[Outlook, ...]
    value: dict[str, tuple[Outlook, ...]]
    hazards: Hazards
    opportunities: int
    won: int
    open: int


def months_ahead(cut_off: float, months: int) -> list[int]:
    """Return the month the cut-off lies in and those after it."""
    first = month_at(cut_off)
    return list(range(first, first + months))


def forecast(history: History, cut_off: float, months: int, seed: int = 0, draws: int = DRAWS) -> Forecast:
    """Forecast from what had happened before the cut-off. The same seed gives the same answer."""
    ahead = months_ahead(cut_off, months)
    hazards = learn(history, cut_off)
    won_at, won_amount, won_currency = history.wins(cut_off)
    snapshot = history.open_at(cut_off)
    currencies = sorted({str(c) for c in won_currency if c} | {str(c) for c in snapshot.currency if c})
    main = _most_frequent(won_currency) or _most_frequent(snapshot.currency)
    by_age, fresh = hazards.chances(cut_off, ahead)
    age = np.minimum(snapshot.age.astype(np.int64), OLDEST_DAYS - 1)
    chance = by_age[snapshot.stage, age, :] if len(age) else np.zeros((0, months))
    random = np.random.default_rng(np.random.SeedSequence([seed, int(cut_off * 86_400)]))
    shocks = np.exp(
        random.normal(-(hazards.shock**2) / 2, hazards.shock, size=(draws, months))
        + random.normal(0.0, 1.0, size=(draws, 1)) / np.sqrt(max(len(won_at), 4))
    )
    arrival_noise = random.gamma(hazards.arrivals_seen + 1.0, size=(draws, 1)) / (hazards.arrivals_seen + 1.0)
    fresh_wins = random.poisson(np.maximum(fresh * shocks * arrival_noise, 0.0))
    wins = _trials(random, chance, np.ones(len(age)), shocks)
    deals = _outlooks(
        ahead,
        wins + fresh_wins,
        chance.sum(axis=0),
        fresh,
        _history_months(won_at, np.ones(len(won_at)), cut_off, ahead),
        _weighted(snapshot, np.ones(len(age)), ahead),
    )
    value: dict[str, tuple[Outlook, ...]] = {}
    for currency in currencies:
        mine = won_currency == currency
        share = float(mine.sum()) / len(mine) if len(mine) else float(currency == main)
        recent = mine & (won_at >= cut_off - _AMOUNT_DAYS) & ~np.isnan(won_amount)
        pool = won_amount[recent]
        typical = float(pool.mean()) if len(pool) else 0.0
        owned = (snapshot.currency == currency) | ((snapshot.currency == "") & (currency == main))
        amount = snapshot.amount[owned]
        priced = ~np.isnan(amount)
        realised = _realised(history, currency, cut_off)
        sums = _trials(random, chance[owned][priced], amount[priced] * realised, shocks)
        unpriced = _trials(random, chance[owned][~priced], np.ones(int((~priced).sum())), shocks)
        unpriced = unpriced + random.binomial(fresh_wins.astype(np.int64), share)
        sums = sums + _drawn(random, pool, unpriced)
        expected = np.where(priced, amount * realised, typical)
        value[currency] = _outlooks(
            ahead,
            sums,
            (chance[owned] * expected[:, None]).sum(axis=0),
            fresh * share * typical,
            _history_months(won_at[mine], np.nan_to_num(won_amount[mine]), cut_off, ahead),
            _weighted(
                Snapshot(*(column[owned] for column in snapshot)),
                np.where(priced, amount, typical),
                ahead,
            ),
        )
    return Forecast(
        deals,
        value,
        hazards,
        int((history.opened < cut_off).sum()),
        len(won_at),
        len(age),
    )


def _trials(random: np.random.Generator, chance: Floats, worth: Floats, shocks: Floats) -> Floats:
    """Return the worth won by (draw, month) when each opportunity is won at most once."""
    draws, months = shocks.shape
    found = np.zeros((draws, months))
    if not len(chance):
        return found
    if chance.shape[0] * draws > _MOST_TRIALS:
        mean = np.minimum(chance[None, :, :].sum(axis=1), 1e12)
        mean = (chance * worth[:, None]).sum(axis=0)
        variance = (chance * (1 - chance) * (worth**2)[:, None]).sum(axis=0)
        noise = random.normal(size=(draws, months)) * np.sqrt(variance * shocks)
        clipped: Floats = np.maximum(mean * shocks + noise, 0.0)
        return clipped
    uniform = random.random((draws, chance.shape[0]))
    reached = np.zeros_like(uniform)
    for month in range(months):
        before = reached
        reached = np.minimum(before + chance[None, :, month] * shocks[:, month, None], 1.0)
        found[:, month] = ((uniform >= before) & (uniform < reached)) @ worth
    return found


def _drawn(random: np.random.Generator, pool: Floats, counts: Floats) -> Floats:
    """Return sums of so many amounts drawn from the pool, by (draw, month)."""
    total = int(counts.sum())
    if not len(pool) or not total:
        return np.zeros(counts.shape)
    if total > _MOST_AMOUNTS:
        noise = random.normal(size=counts.shape) * np.sqrt(counts) * pool.std()
        limit: Floats = np.maximum(counts * pool.mean() + noise, 0.0)
        return limit
    amounts = random.choice(pool, size=total)
    ends = np.cumsum(counts.astype(np.int64).ravel())
    running = np.concatenate([[0.0], np.cumsum(amounts)])
    sums: Floats = running[ends] - running[np.concatenate([[0], ends[:-1]])]
    return sums.reshape(counts.shape)


def _realised(history: History, currency: str, cut_off: float) -> float:
    """Return won amount per amount expected just before, over past wins; 1 when unknown."""
    known = (
        history.closed_won
        & (history.closed_at < cut_off)
        & (history.closed_at >= cut_off - _AMOUNT_DAYS)
        & (history.closed_currency == currency)
        & ~np.isnan(history.closed_amount)
        & ~np.isnan(history.closed_amount_before)
    )
    expected = float(history.closed_amount_before[known].sum())
    return float(history.closed_amount[known].sum()) / expected if expected > 0 else 1.0


def _outlooks(
    months: list[int],
    outcomes: Floats,
    from_open: Floats,
    from_new: Floats,
    past: tuple[Floats, float, list[float | None]],
    weighted: Floats,
) -> tuple[Outlook, ...]:
    already, naive, year_before = past
    total = outcomes + already
    low, middle, high = np.quantile(total, QUANTILES, axis=0)
    mean = total.mean(axis=0)
    return tuple(
        Outlook(
            month,
            float(low[i]),
            float(middle[i]),
            float(high[i]),
            float(mean[i]),
            float(from_open[i]),
            float(from_new[i]),
            float(already[i]),
            naive,
            year_before[i],
            float(weighted[i] + already[i]),
        )
        for i, month in enumerate(months)
    )


def _history_months(
    at: Floats, worth: Floats, cut_off: float, ahead: list[int]
) -> tuple[Floats, float, list[float | None]]:
    """Return what the months ahead have already, the mean of the last three full months, and last year's."""
    current = ahead[0]
    begins_whole = start_of(current) == cut_off or cut_off >= start_of(current)
    assert begins_whole, "the first month ahead is the one the cut-off lies in"
    first = month_at(float(at.min())) if len(at) else current

    def won_in(month: int) -> float:
        inside = (at >= start_of(month)) & (at < start_of(month + 1))
        return float(worth[inside].sum())

    past = [won_in(month) for month in range(max(current - 3, first), current)]
    already = np.zeros(len(ahead))
    already[0] = won_in(current)
    year_before = [won_in(month - 12) if first < month - 12 < current else None for month in ahead]
    return already, float(np.mean(past)) if past else 0.0, year_before


def _weighted(snapshot: Snapshot, worth: Floats, ahead: list[int]) -> Floats:
    """Return worth times probability in the month it is expected; overdue counts now, undated is spread."""
    found = np.zeros(len(ahead))
    if not len(worth):
        return found
    weight = worth * np.nan_to_num(snapshot.probability)
    dated = ~np.isnan(snapshot.expected_day)
    for day, one in zip(snapshot.expected_day[dated], weight[dated], strict=True):
        place = max(month_at(float(day)) - ahead[0], 0)
        if place < len(found):
            found[place] += one
    spread = float(weight[~dated].sum()) / _UNDATED_MONTHS
    found[:_UNDATED_MONTHS] += spread
    return found


def _most_frequent(names: np.typing.NDArray[np.str_]) -> str:
    kinds, counts = np.unique(names[names != ""], return_counts=True)
    return str(kinds[counts.argmax()]) if len(kinds) else ""
