"""The contract and the registry say the same."""

from __future__ import annotations

import pytest

from analytics.application import Analytics
from analytics.entrypoints.grpc_api import AnalyticsApi
from analytics.projections import figures, funnel, trends
from analytics.projections.freshness import CONTEXTS
from crm.analytics.v1 import analytics_service_pb2 as pb
from crm.analytics.v1 import figures_pb2 as shared
from kernel.rpc import methods_of


@pytest.mark.feature("ANA-25")
def test_every_figure_is_defined_in_both_languages() -> None:
    for one in figures.FIGURES.values():
        texts = (one.label_zh, one.label_en, one.text_zh, one.text_en)
        assert all(texts), one.key
        assert one.text_zh.endswith("。")
        assert one.text_en.endswith(".")
        assert set(one.contexts) <= set(CONTEXTS)
        assert one.contexts
        assert shared.Unit.Name(int(one.unit)) == f"UNIT_{one.unit.name}"


@pytest.mark.feature("ANA-24")
def test_every_role_has_a_dashboard_of_known_figures() -> None:
    roles = {name.removeprefix("DASHBOARD_ROLE_") for name in pb.DashboardRole.keys()[1:]}
    assert roles == set(figures.DASHBOARDS)
    for keys in (*figures.DASHBOARDS.values(), figures.EXECUTIVE_KPIS, figures.PIPELINE_HEALTH):
        assert set(keys) <= set(figures.FIGURES)


def test_enums_have_the_contracts_numbers() -> None:
    for dimension in funnel.Dimension:
        name = "UNSPECIFIED" if dimension is funnel.Dimension.NONE else dimension.name
        assert shared.Dimension.Value(f"DIMENSION_{name}") == dimension
    for interval in trends.Interval:
        assert pb.Interval.Value(f"INTERVAL_{interval.name}") == interval


def test_every_rpc_is_a_query_that_is_answered() -> None:
    api = AnalyticsApi(Analytics())
    for method in methods_of(pb.DESCRIPTOR.services_by_name["AnalyticsService"]):
        assert method.is_query, method.name
        assert callable(getattr(api, method.name))
