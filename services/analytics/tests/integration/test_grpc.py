"""Every RPC over a real gRPC server, with tokens, scopes and refusals."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import grpc
import psycopg
import pytest
from psycopg.rows import dict_row

from analytics.application import Analytics
from analytics.bootstrap import VIEWS, bootstrap
from analytics.entrypoints.grpc_api import AnalyticsApi
from crm.analytics.v1 import analytics_service_pb2 as pb
from crm.analytics.v1 import figures_pb2 as shared
from crm.analytics.v1.analytics_service_pb2_grpc import AnalyticsServiceStub
from kernel.auth import Verifier
from kernel.ids import derived_id
from kernel.rpc import Endpoint
from testkit import a_caller, signing_key
from testkit.grpc_server import channel_as, serving

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
ANNA, BERND = (str(derived_id("grpc", name)) for name in ("anna", "bernd"))


@dataclass
class Served:
    """The service on a port, its store behind it, and stubs for any caller."""

    target: str
    connection: Any

    def ask(self, rpc: str, request: Any, **caller: Any) -> Any:
        with channel_as(self.target, a_caller(**caller)) as channel:
            return getattr(AnalyticsServiceStub(channel), rpc)(request, timeout=20)

    def refusal(self, rpc: str, request: Any, **caller: Any) -> Any:
        with pytest.raises(grpc.RpcError) as refused:
            self.ask(rpc, request, **caller)
        return refused.value


@pytest.fixture
def served(a_settings: Any, happenings: Any) -> Iterator[Served]:
    settings = a_settings("analytics")
    service = bootstrap(settings)
    ((descriptor, _),) = service.apis
    analytics = Analytics(lambda: {"pipeline": 10_000}, lambda: NOW)
    endpoint = Endpoint(descriptor, AnalyticsApi(analytics), service.store, Verifier(signing_key().public_pem))
    happenings.pipeline()
    start = NOW - timedelta(days=400)
    for n in range(60):
        opened = start + timedelta(days=6 * n)
        happenings.opportunity(
            f"deal {n}",
            opened,
            (n + 1) * 10_00,
            moves=[("second", opened + timedelta(days=3))],
            won=opened + timedelta(days=20) if n % 2 else None,
            owner_id=ANNA if n % 3 else BERND,
        )
    with psycopg.connect(settings.database_url, autocommit=True, row_factory=dict_row) as connection:
        with connection.transaction(), connection.cursor() as cursor:
            for view in VIEWS:
                mine = [e for e in happenings.events if e.context in view.contexts]
                if mine:
                    view.project(cursor, mine)
        with serving(endpoint) as target:
            yield Served(target, connection)
    service.store.close()


@pytest.mark.feature("ANA-01", "ANA-25")
def test_the_funnel_carries_definition_slice_and_freshness(served: Served) -> None:
    funnel = served.ask("GetFunnel", pb.GetFunnelRequest(group_by=shared.DIMENSION_OWNER))
    assert (funnel.totals.opportunities, funnel.totals.won) == (60, 30)
    assert [stage.name for stage in funnel.stages] == ["First", "Second", "Third"]
    assert sum(group.totals.opportunities for group in funnel.groups) == 60
    about = funnel.about
    assert about.slice.time_zone == "UTC"
    assert {one.key for one in about.definitions} >= {"won", "won_value", "win_rate"}
    (fresh,) = about.freshness
    assert fresh.context == "pipeline"
    assert fresh.last_position > 0
    assert fresh.lag_events == 10_000 - fresh.last_position
    assert fresh.lag_seconds > 0


@pytest.mark.feature("ANA-25")
def test_every_figure_says_what_it_means_and_how_fresh_it_is(served: Served) -> None:
    for role in pb.DashboardRole.values()[1:]:
        dashboard = served.ask("GetDashboard", pb.GetDashboardRequest(role=role))
        assert len(dashboard.figures) >= 7
        for figure in dashboard.figures:
            assert figure.definition.text_zh
            assert figure.definition.text_en
            assert figure.definition.unit == shared.Unit.ValueType(figure.definition.unit)
            assert figure.slice.from_on == "2026-05-17"
            assert figure.slice.to_on == "2026-06-15"
            assert {f.context for f in figure.freshness} == set(figure.definition.contexts)
            assert all(f.HasField("lag_events") == (f.context == "pipeline") for f in figure.freshness)
    (one,) = served.ask("ListDefinitions", pb.ListDefinitionsRequest(key="won")).definitions
    assert one.record_kind == "opportunity"
    assert len(served.ask("GetFreshness", pb.GetFreshnessRequest()).contexts) == 6


@pytest.mark.feature("ANA-24")
def test_a_figure_of_a_dashboard_drills_down_to_its_records(served: Served) -> None:
    dashboard = served.ask("GetDashboard", pb.GetDashboardRequest(role=pb.DASHBOARD_ROLE_SALES_MANAGER))
    won = next(figure for figure in dashboard.figures if figure.key == "won")
    assert won.number > 0
    seen: list[str] = []
    token = ""
    for _ in range(50):
        page = served.ask(
            "ListRecordsBehind",
            pb.ListRecordsBehindRequest(figure=won.key, slice=won.slice, page_size=2, page_token=token),
        )
        assert page.total_size == won.number
        seen += [record.record_id for record in page.records]
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) == won.number
    assert page.records[0].status == "won"
    assert page.records[0].amount.currency_code == "CNY"


def test_a_caller_sees_his_own_figures_only(served: Served) -> None:
    own = {"scope": "own", "person_id": UUID(BERND)}
    assert served.ask("GetFunnel", pb.GetFunnelRequest(), **own).totals.opportunities == 20
    records = served.ask("ListRecordsBehind", pb.ListRecordsBehindRequest(figure="opportunities"), **own)
    assert records.total_size == 20
    forecast = served.ask("GetForecast", pb.GetForecastRequest(skip_backtest=True), **own)
    assert forecast.basis.opportunities == 20
    assert [one.id for one in served.ask("GetRanking", pb.GetRankingRequest(), **own).performers] == [BERND]


@pytest.mark.feature("ANA-11")
def test_the_forecast_shows_its_error_beside_the_baselines(served: Served) -> None:
    forecast = served.ask("GetForecast", pb.GetForecastRequest(months=3, seed=4))
    (currency,) = forecast.currencies
    assert [month.month for month in currency.months] == ["2026-06", "2026-07", "2026-08", "2026-09"]
    assert currency.months[0].p10 <= currency.months[0].p50 <= currency.months[0].p90
    methods = {score.method for score in currency.scores}
    assert {"model", "naive_mean", "weighted_pipeline"} <= methods
    assert currency.best_method in methods
    assert all(point.month < "2026-06" for point in currency.points)
    assert forecast.basis.won == 30
    assert forecast.method_en
    assert forecast.method_zh
    assert forecast.deal_scores
    again = served.ask("GetForecast", pb.GetForecastRequest(months=3, seed=4))
    assert again.currencies == forecast.currencies
    empty = shared.Slice(pipeline_id="nothing")
    none = served.ask("GetForecast", pb.GetForecastRequest(slice=empty))
    assert none.basis.warning_en


@pytest.mark.feature("ANA-02", "ANA-05", "ANA-09", "ANA-12", "ANA-18", "ANA-19")
def test_every_question_is_answered_over_the_wire(served: Served) -> None:
    ranking = served.ask("GetRanking", pb.GetRankingRequest(figure="won"))
    assert [(one.rank, one.id, one.won) for one in ranking.performers] == [
        (1, ANNA, 20),
        (2, BERND, 10),
    ]
    trend = served.ask("GetSalesTrend", pb.GetSalesTrendRequest(interval=pb.INTERVAL_QUARTER))
    assert sum(point.won for point in trend.points) == 30
    assert served.ask("GetCustomerGrowth", pb.GetCustomerGrowthRequest()).about.definitions
    kpis = served.ask("GetExecutiveKpis", pb.GetExecutiveKpisRequest())
    assert [one.key for one in kpis.figures] == [one.key for one in kpis.before]
    margin = next(one for one in kpis.figures if one.key == "margin")
    assert not margin.HasField("number")
    assert margin.remark_en == "There is no revenue in the period."
    assert margin.remark_zh
    health = served.ask("GetPipelineHealth", pb.GetPipelineHealthRequest())
    assert sum(band.opportunities for band in health.ageing) == 30
    assert served.ask("GetWinCycle", pb.GetWinCycleRequest()).overall.median == 20
    conversion = served.ask("GetOpportunityConversion", pb.GetOpportunityConversionRequest())
    assert conversion.figures[0].number == 0.5
    assert sum(point.started for point in conversion.trend) == 60
    leads = served.ask("GetLeadConversion", pb.GetLeadConversionRequest())
    assert leads.figures[0].number == 0


def test_the_audit_explorer_over_the_wire(served: Served) -> None:
    opportunity = str(derived_id("test", "opportunity", "deal 1"))
    history = served.ask("GetRecordHistory", pb.GetRecordHistoryRequest(record_id=opportunity))
    assert [change.event.event_type for change in history.changes] == [
        "OpportunityOpened",
        "OpportunityAdvanced",
        "OpportunityWon",
    ]
    stage = next(f for f in history.changes[1].fields if f.field == "stage_id")
    assert (stage.before, stage.after) == ("first", "second")
    lines: list[str] = []
    token = ""
    for _ in range(10):
        page = served.ask("ExportEvents", pb.ExportEventsRequest(page_size=100, page_token=token))
        lines.append(page.csv)
        token = page.next_page_token
        if not token:
            break
    rows = list(csv.reader(io.StringIO("".join(lines))))
    stored = served.connection.execute("select count(*) as n from audit_events").fetchone()
    assert len(rows) == stored["n"] + 1
    first = served.ask("SearchEvents", pb.SearchEventsRequest(page_size=3))
    second = served.ask("SearchEvents", pb.SearchEventsRequest(page_size=3, page_token=first.next_page_token))
    assert {e.event_id for e in first.events}.isdisjoint(e.event_id for e in second.events)


WRONG: list[tuple[str, Any, str]] = [
    ("GetFunnel", pb.GetFunnelRequest(slice=shared.Slice(owner_id="me")), "owner_id"),
    ("GetFunnel", pb.GetFunnelRequest(slice=shared.Slice(time_zone="Mars/Base")), "time_zone"),
    ("GetFunnel", pb.GetFunnelRequest(slice=shared.Slice(from_on="yesterday")), "from_on"),
    (
        "GetFunnel",
        pb.GetFunnelRequest(slice=shared.Slice(from_on="2026-02-02", to_on="2026-02-01")),
        "to_on",
    ),
    ("GetForecast", pb.GetForecastRequest(months=13), "months"),
    ("GetRanking", pb.GetRankingRequest(figure="beauty"), "figure"),
    ("GetRanking", pb.GetRankingRequest(by=shared.DIMENSION_REGION), "by"),
    ("GetDashboard", pb.GetDashboardRequest(), "role"),
    ("ListRecordsBehind", pb.ListRecordsBehindRequest(figure="nothing"), "figure"),
    (
        "ListRecordsBehind",
        pb.ListRecordsBehindRequest(figure="won", page_token="bm90aGluZw"),
        "page_token",
    ),
    ("GetRecordHistory", pb.GetRecordHistoryRequest(), "record_id"),
    ("SearchEvents", pb.SearchEventsRequest(page_token="WzFd"), "page_token"),
]


def test_what_cannot_be_asked_is_refused_by_the_fields_name(served: Served) -> None:
    for rpc, request, field in WRONG:
        refused = served.refusal(rpc, request)
        assert refused.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert field in refused.details()


def test_permissions_are_needed(served: Served) -> None:
    refused = served.refusal("SearchEvents", pb.SearchEventsRequest(), permissions=("analytics.figure.read",))
    assert refused.code() is grpc.StatusCode.PERMISSION_DENIED
    assert served.ask("GetFunnel", pb.GetFunnelRequest(), permissions=("analytics.figure.read",))
    unknown = served.refusal("GetRecordHistory", pb.GetRecordHistoryRequest(record_id=str(derived_id("nobody"))))
    assert unknown.code() is grpc.StatusCode.NOT_FOUND
