"""Everything one may ask of analytics that takes more than one question to a read model.

It takes no commands: nothing here appends an event or writes a row.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.forecasting.backtest import Judged, backtest
from analytics.forecasting.calendar import day_of, month_at
from analytics.forecasting.forecast import Forecast, forecast
from analytics.projections import figures, health
from analytics.projections.figures import Measured
from analytics.projections.freshness import CONTEXTS
from analytics.projections.past import Past, past
from analytics.projections.slices import Slice
from kernel.auth import Caller
from kernel.clock import Clock, system_clock
from kernel.consumers import VIEWS

MONTHS_AHEAD = 3
MOST_MONTHS = 12
_PERIOD_DAYS = 30
_MOST_PASTS = 4
_MOST_JUDGED = 32


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far one context has been folded. What the owner could not be asked for is None."""

    context: str
    position: int
    recorded_at: datetime | None
    effective_at: datetime | None
    head: int | None
    lag_events: int | None
    lag_seconds: float | None
    parked: int


@dataclass(frozen=True, slots=True)
class Health:
    """The state of the open pipeline."""

    figures: Sequence[Measured]
    ageing: Sequence[health.AgeBand]
    stages: Sequence[health.StageHealth]


@dataclass(frozen=True, slots=True)
class Predicted:
    """A forecast, what it was learnt from, and how good it was."""

    cut_off: datetime
    forecast: Forecast
    judged: Sequence[Judged]
    recorded_late: float


class Analytics:
    """Composes figures from the logs of `contexts`. `log_ends` says how far those go, as far as they answer."""

    def __init__(
        self,
        log_ends: Callable[[], Mapping[str, int]] = dict,
        clock: Clock = system_clock,
        contexts: Sequence[str] = CONTEXTS,
    ) -> None:
        self.contexts = tuple(contexts)
        self.services = (*self.contexts, "analytics")
        self._log_ends = log_ends
        self._clock = clock
        self._judged = _Remembered(_MOST_JUDGED)
        self._pasts = _Remembered(_MOST_PASTS)

    def now(self) -> datetime:
        return self._clock()

    def freshness(self, cursor: Cursor[DictRow], contexts: Collection[str] = CONTEXTS) -> list[Freshness]:
        """Return how far each context of this installation has been folded, and how far behind its log that is."""
        rows = {
            row["context"]: row
            for row in cursor.execute(
                "select context, max(position) as position, max(recorded_at) as recorded_at,"
                " max(effective_at) as effective_at from folded_slots group by 1"
            ).fetchall()
        }
        parked = {
            row["context"]: row["parked"]
            for row in cursor.execute(
                "select context, count(*) as parked from parked"
                " where consumer = %s and set_aside_at is null group by 1",
                (VIEWS,),
            ).fetchall()
        }
        ends, now = self._log_ends(), self.now()
        found = []
        for context in (it for it in self.contexts if it in contexts):
            row: Any = rows.get(context) or {}
            position = int(row.get("position") or 0)
            recorded = row.get("recorded_at")
            head = ends.get(context)
            behind = None if head is None else max(head - position, 0)
            seconds = None
            if behind is not None:
                since = recorded or now
                seconds = max((now - since).total_seconds(), 0.0) if behind else 0.0
            found.append(
                Freshness(
                    context,
                    position,
                    recorded,
                    row.get("effective_at"),
                    head,
                    behind,
                    seconds,
                    parked.get(context, 0),
                )
            )
        return found

    def executive_kpis(
        self, cursor: Cursor[DictRow], slice_: Slice, caller: Caller
    ) -> tuple[Slice, list[Measured], list[Measured]]:
        """Return the period used, its figures, and those of the period of equal length before."""
        period = self._with_period(slice_)
        now = self.now()
        current = figures.measure(cursor, figures.EXECUTIVE_KPIS, period, caller, now)
        earlier = figures.measure(cursor, figures.EXECUTIVE_KPIS, period.before_it(), caller, now)
        return period, current, earlier

    def dashboard(
        self, cursor: Cursor[DictRow], role: str, slice_: Slice, caller: Caller
    ) -> tuple[Slice, list[Measured]]:
        """Return the period used and the figures of a role."""
        period = self._with_period(slice_)
        return period, figures.measure(cursor, figures.DASHBOARDS[role], period, caller, self.now())

    def _with_period(self, slice_: Slice) -> Slice:
        """Give a slice without a period the last 30 days, and one with half a period the other half."""
        today = slice_.at(self.now()).astimezone(slice_.zone).date()
        if slice_.from_on is not None and slice_.to_on is None:
            return replace(slice_, to_on=max(today, slice_.from_on))
        if slice_.to_on is not None and slice_.from_on is None:
            return replace(slice_, from_on=slice_.to_on - timedelta(days=_PERIOD_DAYS - 1))
        return slice_.last_days(_PERIOD_DAYS, self.now())

    def pipeline_health(
        self,
        cursor: Cursor[DictRow],
        slice_: Slice,
        caller: Caller,
        target: tuple[int, str] | None = None,
    ) -> Health:
        """Return the open pipeline's figures; `target` is (minor units, currency) for the next 90 days."""
        whole, now = slice_.without_period(), self.now()
        measured = figures.measure(cursor, figures.PIPELINE_HEALTH, whole, caller, now)
        by_key = {one.figure.key: one for one in measured}
        return Health(
            [
                *measured,
                coverage(by_key["due_90_days_value"], by_key["won_90_days_value"], target),
            ],
            health.ageing(cursor, whole, caller, now),
            health.stages(cursor, whole, caller, now),
        )

    def forecast(
        self,
        cursor: Cursor[DictRow],
        slice_: Slice,
        caller: Caller,
        months: int,
        seed: int,
        judge: bool = True,
    ) -> Predicted:
        """Forecast the months from the cut-off on, the one it lies in included; see forecasting.forecast.

        The cut-off is the slice's `effective_until`, else its `as_of`, else now.
        """
        now = self.now()
        cut_off = min(moment for moment in (slice_.effective_until, slice_.as_of, now) if moment)
        state = tuple(
            (f["context"], f["slot"], f["position"])
            for f in cursor.execute(
                "select context, slot, position from folded_slots where context = 'pipeline' order by slot"
            ).fetchall()
        )
        whole = slice_.without_period()
        key = (whole, state, caller.scope, caller.subject, caller.owners)
        known: Past = self._pasts.get(key, lambda: past(cursor, whole, caller, now))
        day = day_of(cut_off, slice_.zone)
        partial_month = cut_off.astimezone(slice_.zone).day > 1
        ahead = min(months or MONTHS_AHEAD, MOST_MONTHS) + partial_month
        judged: Sequence[Judged] = ()
        if judge:
            judged = self._judged.get((key, month_at(day), seed), lambda: backtest(known.history, day, seed=seed))
        return Predicted(cut_off, forecast(known.history, day, ahead, seed), judged, known.recorded_late)


def coverage(due: Measured, won: Measured, target: tuple[int, str] | None) -> Measured:
    """Return open value due in 90 days over the target, or over what was won in the last 90 days."""
    one = figures.figure("coverage")
    if target is None:
        if not won.amounts:
            return Measured(one, None, {}, due.sample)
        currency = max(won.amounts, key=lambda c: (won.amounts[c], c))
        target = (won.amounts[currency], currency)
    amount, currency = target
    value = due.amounts.get(currency, 0) / amount if amount else None
    return Measured(one, value, {}, due.sample)


class _Remembered:
    """The last few answers that take long; an answer is good while its key, the folded positions, stands."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        made = make()
        with self._lock:
            self._answers[key] = made
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return made
