"""The Maven data, folded and asked: the figures that a correct import must reproduce."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from analytics.application import Analytics
from analytics.forecasting import backtest
from analytics.projections import figures, funnel
from analytics.projections.funnel import Dimension
from analytics.projections.slices import Basis, Slice
from testkit import a_caller


@pytest.fixture
def folded(folding: Any, maven: Any) -> Any:
    folding.feed(maven.events)
    return folding


@pytest.mark.feature("ANA-01", "ANA-11")
def test_funnel_and_forecast_of_the_maven_deals(folded: Any, analytics: Analytics) -> None:
    whole = folded.ask(funnel.totals, Slice(), Dimension.NONE)[""]
    assert (whole.opportunities, whole.won, whole.lost) == (8800, 4238, 2473)
    assert whole.won_value == {"USD": 10_005_534_00}
    assert round(whole.win_rate, 4) == 0.6315

    stages = folded.ask(funnel.stages, Slice())
    for stage in stages:
        assert stage.entered == stage.converted + stage.dropped_off + stage.still_open
    second = next(stage for stage in stages if stage.stage_id == "second")
    assert (second.entered, second.converted, second.dropped_off) == (8300, 4238, 2473)

    march = Slice(from_on=date(2017, 3, 1), to_on=date(2017, 3, 31), basis=Basis.CLOSED)
    assert folded.ask(funnel.totals, march, Dimension.NONE)[""].won_value == {"USD": 1_134_672_00}

    (won,) = folded.ask(figures.measure, ["won_value"], Slice())
    assert won.amounts == {"USD": 10_005_534_00}
    assert won.sample == 4238

    end = datetime(2018, 1, 1, tzinfo=UTC)
    with folded.connection.cursor() as cursor:
        made = analytics.forecast(cursor, Slice(effective_until=end), a_caller(), 3, seed=7)
        again = Analytics(clock=analytics.now).forecast(cursor, Slice(effective_until=end), a_caller(), 3, seed=7)
    assert made.forecast.value == again.forecast.value, "the same seed gives the same forecast"
    assert made.recorded_late == 1.0, "all of it was written down long after it was true"
    dollars = [one for one in made.judged if one.currency == "USD"]
    assert len({one.outlook.month for one in dollars}) == 7
    by_method = {s.method: s for s in backtest.scores(dollars) if s.horizon == 1}
    assert by_method["model"].wape < 0.25
    assert by_method["model"].wape < by_method["naive_mean"].wape
    assert by_method["model"].wape < by_method["weighted_pipeline"].wape
    assert by_method["model"].coverage is not None
    assert by_method["model"].coverage >= 0.5
