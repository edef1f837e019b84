"""gRPC in, questions out. Every answer carries its slice, its definitions and how fresh it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from analytics.application import MOST_MONTHS, Analytics, Predicted
from analytics.entrypoints import answers, leak, reads
from analytics.entrypoints.answers import choice, money, slice_of, stamp
from analytics.entrypoints.kept import KeptAnswers, kept
from analytics.forecasting import backtest
from analytics.projections import audit_trail, figures, funnel, ranking, trends, why
from analytics.projections.audit_trail import Wanted
from analytics.projections.figures import FIGURES
from analytics.projections.freshness import CONTEXTS
from analytics.projections.funnel import Dimension
from analytics.projections.slices import Slice
from analytics.projections.trends import Interval
from crm.analytics.v1 import analytics_service_pb2 as pb
from crm.analytics.v1 import figures_pb2 as shared
from kernel.errors import InvalidArgument
from kernel.request import LARGEST_PAGE, Page, optional_text, optional_uuid, page_of, required_uuid
from kernel.rpc import Call

_LEAST_MONTHS = 6
_LEAST_WINS = 30
_METHOD_EN = (
    "Semi-Markov competing-risks model: daily rates of being won, lost or moved on, by stage and age in the"
    " stage, as events per day of exposure with gamma shrinkage, a rhythm within the quarter and the level of the"
    " last three months; arrivals of the last 180 days; 2,000 seeded simulations with the monthly shock that"
    " the past showed. Sources: Aalen, Borgan, Gjessing (2008); Kalbfleisch, Prentice (2002)."
)
_METHOD_ZH = (
    "半马尔可夫竞争风险模型：按阶段与停留天数估计每日赢单、输单、推进的发生率（事件数÷暴露天数，伽马先验收缩），"
    "含季度内节奏与最近三个月的水平；新增商机取最近 180 天的速率；以固定种子模拟 2000 次，并叠加历史上各月的波动。"
    "文献：Aalen、Borgan、Gjessing（2008）；Kalbfleisch、Prentice（2002）。"
)


class AnalyticsApi:
    """Answers AnalyticsService."""

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics
        self.kept_answers = KeptAnswers()

    @kept
    def GetFunnel(self, request: pb.GetFunnelRequest, call: Call) -> pb.GetFunnelResponse:
        slice_, cursor, now = slice_of(request), call.query(), self._analytics.now()
        whole = funnel.totals(cursor, slice_, Dimension.NONE, call.caller, now)
        response = pb.GetFunnelResponse(
            totals=answers.totals(whole.get("", funnel.Totals())),
            about=self._about(
                cursor,
                slice_,
                "opportunities",
                "won",
                "lost",
                "won_value",
                "open_value",
                "win_rate",
                "opportunity_conversion",
                "days_to_win",
            ),
        )
        for stage in funnel.stages(cursor, slice_, call.caller, now):
            response.stages.add(
                pipeline_id=stage.pipeline_id,
                stage_id=stage.stage_id,
                name=stage.name,
                position=stage.position,
                entered=stage.entered,
                converted=stage.converted,
                dropped_off=stage.dropped_off,
                still_open=stage.still_open,
                now_in_stage=stage.now_in_stage,
                conversion=funnel.ratio(stage.converted, stage.entered),
                drop_off=funnel.ratio(stage.dropped_off, stage.entered),
                days_in_stage=answers.spread(stage.days),
                open_amount=money(stage.open_amount),
            )
        if request.group_by:
            dimension = choice(Dimension, request.group_by, Dimension.NONE, "group_by")
            groups = funnel.totals(cursor, slice_, dimension, call.caller, now)
            names = funnel.labels(cursor, dimension, list(groups))
            for key, one in sorted(groups.items(), key=lambda g: (-g[1].opportunities, g[0])):
                response.groups.add(key=key, label=names.get(key, ""), totals=answers.totals(one))
        return response

    @kept
    def GetForecast(self, request: pb.GetForecastRequest, call: Call) -> pb.GetForecastResponse:
        if not 0 <= request.months <= MOST_MONTHS:
            raise InvalidArgument("months", f"must be 1 to {MOST_MONTHS}")
        if request.seed < 0:
            raise InvalidArgument("seed", "must not be negative")
        slice_, cursor = slice_of(request), call.query()
        made = self._analytics.forecast(
            cursor, slice_, call.caller, request.months, request.seed, not request.skip_backtest
        )
        response = pb.GetForecastResponse(
            cut_off=stamp(made.cut_off),
            deals=[answers.month(one) for one in made.forecast.deals],
            about=self._about(cursor, slice_, "won", "won_value"),
            basis=_basis(made),
            method_en=_METHOD_EN,
            method_zh=_METHOD_ZH,
        )
        of_deals = [one for one in made.judged if not one.currency]
        response.deal_scores.extend(answers.backtest_score(s) for s in backtest.scores(of_deals))
        response.deal_points.extend(answers.backtest_point(p, slice_.zone) for p in of_deals)
        response.best_deal_method = backtest.best(of_deals)
        for currency, months in made.forecast.value.items():
            judged = [one for one in made.judged if one.currency == currency]
            response.currencies.add(
                currency_code=currency,
                months=[answers.month(one) for one in months],
                scores=[answers.backtest_score(score) for score in backtest.scores(judged)],
                points=[answers.backtest_point(point, slice_.zone) for point in judged],
                best_method=backtest.best(judged),
            )
        return response

    @kept
    def GetRanking(self, request: pb.GetRankingRequest, call: Call) -> pb.GetRankingResponse:
        by = choice(Dimension, request.by, Dimension.OWNER, "by")
        if by not in (Dimension.OWNER, Dimension.TEAM):
            raise InvalidArgument("by", "must be the owner or the team")
        figure = request.figure or "won_value"
        if figure not in ranking.ORDERS_BY:
            raise InvalidArgument("figure", f"must be one of {', '.join(ranking.ORDERS_BY)}")
        slice_, cursor = slice_of(request), call.query()
        performers = ranking.ranking(
            cursor,
            slice_,
            by is Dimension.TEAM,
            figure,
            optional_text(request, "currency_code", 3),
            call.caller,
            self._analytics.now(),
        )
        names = funnel.labels(cursor, by, [one.id for one in performers])
        response = pb.GetRankingResponse(
            about=self._about(
                cursor,
                slice_,
                "won_value",
                "won",
                "lost",
                "win_rate",
                "revenue",
                "opportunities",
                "leads_converted",
                "days_to_win",
            )
        )
        for one in performers:
            response.performers.add(
                rank=one.rank,
                id=one.id,
                label=names.get(one.id, ""),
                won=one.won,
                lost=one.lost,
                win_rate=one.win_rate,
                won_value=money(one.won_value),
                revenue=money(one.revenue),
                opened=one.opened,
                leads_converted=one.leads_converted,
                median_days_to_win=one.median_days_to_win,
            )
        return response

    @kept
    def GetSalesTrend(self, request: pb.GetSalesTrendRequest, call: Call) -> pb.GetSalesTrendResponse:
        slice_, cursor = slice_of(request), call.query()
        points = trends.sales(
            cursor,
            slice_,
            choice(Interval, request.interval, Interval.MONTH, "interval"),
            call.caller,
            self._analytics.now(),
        )
        return pb.GetSalesTrendResponse(
            points=[
                pb.SalesPoint(
                    starts_on=one.starts_on.isoformat(),
                    won=one.won,
                    won_value=money(one.won_value),
                    orders=one.orders,
                    revenue=money(one.revenue),
                    paid=money(one.paid),
                    opened=one.opened,
                )
                for one in points
            ],
            about=self._about(cursor, slice_, "won", "won_value", "orders", "revenue", "paid", "opportunities"),
        )

    @kept
    def GetCustomerGrowth(self, request: pb.GetCustomerGrowthRequest, call: Call) -> pb.GetCustomerGrowthResponse:
        slice_, cursor = slice_of(request), call.query()
        points = trends.growth(
            cursor,
            slice_,
            choice(Interval, request.interval, Interval.MONTH, "interval"),
            call.caller,
            self._analytics.now(),
        )
        return pb.GetCustomerGrowthResponse(
            points=[
                pb.GrowthPoint(
                    starts_on=one.starts_on.isoformat(),
                    gained=one.gained,
                    lost=one.lost,
                    total=one.total,
                    churn=one.churn,
                )
                for one in points
            ],
            about=self._about(cursor, slice_, "new_customers", "lost_customers", "customers", "churn"),
        )

    @kept
    def GetExecutiveKpis(self, request: pb.GetExecutiveKpisRequest, call: Call) -> pb.GetExecutiveKpisResponse:
        cursor = call.query()
        period, current, earlier = self._analytics.executive_kpis(cursor, slice_of(request), call.caller)
        return pb.GetExecutiveKpisResponse(
            figures=self._figures(cursor, current, period),
            before=self._figures(cursor, earlier, period.before_it()),
            about=self._about(cursor, period),
        )

    @kept
    def GetPipelineHealth(self, request: pb.GetPipelineHealthRequest, call: Call) -> pb.GetPipelineHealthResponse:
        slice_, cursor = slice_of(request), call.query()
        target = None
        if request.HasField("target"):
            if request.target.minor_units <= 0 or len(request.target.currency_code) != 3:
                raise InvalidArgument("target", "must be above 0, in an ISO 4217 currency")
            target = (request.target.minor_units, request.target.currency_code)
        found = self._analytics.pipeline_health(cursor, slice_, call.caller, target)
        return pb.GetPipelineHealthResponse(
            figures=self._figures(cursor, found.figures, slice_.without_period()),
            ageing=[
                pb.AgeBand(
                    from_days=band.from_days,
                    to_days=band.to_days,
                    opportunities=band.opportunities,
                    amount=money(band.amount),
                )
                for band in found.ageing
            ],
            stages=[
                pb.StageHealth(
                    pipeline_id=stage.pipeline_id,
                    stage_id=stage.stage_id,
                    name=stage.name,
                    opportunities=stage.opportunities,
                    amount=money(stage.amount),
                    norm_days=stage.norm_days,
                    over_norm=stage.over_norm,
                    median_days=stage.median_days,
                )
                for stage in found.stages
            ],
            about=self._about(cursor, slice_.without_period()),
        )

    @kept
    def GetWinCycle(self, request: pb.GetWinCycleRequest, call: Call) -> pb.GetWinCycleResponse:
        slice_, cursor, now = slice_of(request), call.query(), self._analytics.now()
        by = choice(Dimension, request.by, Dimension.INDUSTRY, "by")
        overall = trends.win_cycles(cursor, slice_, Dimension.NONE, call.caller, now)
        cycles = trends.win_cycles(cursor, slice_, by, call.caller, now)
        names = funnel.labels(cursor, by, list(cycles))
        return pb.GetWinCycleResponse(
            overall=answers.spread(overall.get("", funnel.Spread())),
            cycles=[
                pb.WinCycle(key=key, label=names.get(key, ""), days=answers.spread(days))
                for key, days in cycles.items()
            ],
            about=self._about(cursor, slice_, "days_to_win"),
        )

    @kept
    def GetOpportunityConversion(
        self, request: pb.GetOpportunityConversionRequest, call: Call
    ) -> pb.GetOpportunityConversionResponse:
        slice_, cursor, now = slice_of(request), call.query(), self._analytics.now()
        keys = ("opportunity_conversion", "win_rate", "days_to_win")
        return pb.GetOpportunityConversionResponse(
            figures=self._figures(cursor, figures.measure(cursor, keys, slice_, call.caller, now), slice_),
            trend=_trend(trends.opportunity_conversion(cursor, slice_, call.caller, now)),
            about=self._about(cursor, slice_, *keys),
        )

    @kept
    def GetLeadConversion(self, request: pb.GetLeadConversionRequest, call: Call) -> pb.GetLeadConversionResponse:
        slice_, cursor, now = slice_of(request), call.query(), self._analytics.now()
        keys = (
            "leads",
            "leads_converted",
            "lead_conversion",
            "lead_cycle_mean",
            "lead_cycle_median",
        )
        return pb.GetLeadConversionResponse(
            figures=self._figures(cursor, figures.measure(cursor, keys, slice_, call.caller, now), slice_),
            trend=_trend(trends.lead_conversion(cursor, slice_, call.caller, now)),
            sources=[
                pb.SourceConversion(
                    source_channel=one.key,
                    leads=one.started,
                    converted=one.converted,
                    conversion=one.conversion,
                    median_days=one.median_days,
                )
                for one in trends.lead_conversion(cursor, slice_, call.caller, now, by_source=True)
            ],
            about=self._about(cursor, slice_, *keys),
        )

    @kept
    def GetDashboard(self, request: pb.GetDashboardRequest, call: Call) -> pb.GetDashboardResponse:
        role = (
            pb.DashboardRole.Name(request.role).removeprefix("DASHBOARD_ROLE_")
            if request.role in pb.DashboardRole.values()
            else ""
        )
        if role not in figures.DASHBOARDS:
            raise InvalidArgument("role", f"must be one of {', '.join(figures.DASHBOARDS)}")
        cursor = call.query()
        period, measured = self._analytics.dashboard(cursor, role, slice_of(request), call.caller)
        return pb.GetDashboardResponse(
            figures=self._figures(cursor, measured, period), about=self._about(cursor, period)
        )

    def ListRecordsBehind(self, request: pb.ListRecordsBehindRequest, call: Call) -> pb.ListRecordsBehindResponse:
        one = figures.figure(request.figure)
        slice_, cursor, page = slice_of(request), call.query(), page_of(request)
        offset = _offset(page)
        rows, total = figures.records_behind(
            cursor,
            one,
            slice_,
            call.caller,
            self._analytics.now(),
            page.limit + 1,
            offset,
            optional_text(request, "stage_id"),
        )
        response = pb.ListRecordsBehindResponse(
            next_page_token=page.next_token(rows, [offset + page.limit]),
            total_size=total,
            about=self._about(cursor, slice_, one.key),
        )
        kind = answers.definition(one).record_kind
        for row in rows[: page.limit]:
            record = response.records.add(
                kind=kind,
                record_id=str(row["record_id"]),
                owner_id=str(row["owner_id"] or ""),
                customer_id=str(row["customer_id"] or ""),
                status=row["status"],
                title=row["title"] or "",
                counted_at=stamp(row["counted_at"]),
            )
            if row["currency"] and row["amount"] is not None:
                record.amount.minor_units = round(row["amount"])
                record.amount.currency_code = row["currency"]
        return response

    def ListDefinitions(self, request: pb.ListDefinitionsRequest, _: Call) -> pb.ListDefinitionsResponse:
        wanted = [figures.figure(request.key)] if request.key else list(FIGURES.values())
        return pb.ListDefinitionsResponse(definitions=[answers.definition(one) for one in wanted])

    def GetFreshness(self, _: pb.GetFreshnessRequest, call: Call) -> pb.GetFreshnessResponse:
        return pb.GetFreshnessResponse(contexts=self._freshness(call.query(), CONTEXTS))

    def SearchEvents(self, request: pb.SearchEventsRequest, call: Call) -> pb.SearchEventsResponse:
        cursor, page = call.query(), page_of(request)
        found = audit_trail.search(cursor, _wanted(request), call.caller, page.limit + 1, _key(page, 3))
        shown = found[: page.limit]
        return pb.SearchEventsResponse(
            events=[answers.audited(one) for one in shown],
            next_page_token=page.next_token(found, audit_trail.key_of(shown[-1])) if shown else "",
            freshness=self._freshness(cursor, CONTEXTS),
        )

    def GetRecordHistory(self, request: pb.GetRecordHistoryRequest, call: Call) -> pb.GetRecordHistoryResponse:
        cursor, page = call.query(), page_of(request)
        found = audit_trail.history(
            cursor,
            required_uuid(request, "record_id"),
            call.caller,
            answers.moment(request, "as_of"),
        )
        offset = _offset(page)
        rest = found[offset:]
        response = pb.GetRecordHistoryResponse(
            next_page_token=page.next_token(rest, [offset + page.limit]),
            total_size=len(found),
            freshness=self._freshness(cursor, sorted({one.context for one, _ in found})),
        )
        for one, fields in rest[: page.limit]:
            change = response.changes.add(event=answers.audited(one))
            for field in fields:
                change.fields.append(answers.field_change(field))
        return response

    def ExplainValue(self, request: pb.ExplainValueRequest, call: Call) -> pb.ExplainValueResponse:
        found = why.explain(
            call.query(),
            required_uuid(request, "record_id"),
            optional_text(request, "field", 200),
            call.caller,
            answers.moment(request, "as_of"),
        )
        return answers.explained(found)

    def ExportEvents(self, request: pb.ExportEventsRequest, call: Call) -> pb.ExportEventsResponse:
        page = page_of(request)
        limit = page.limit if request.page_size else LARGEST_PAGE
        wide = Page(limit, page.after)
        found = audit_trail.search(call.query(), _wanted(request), call.caller, limit + 1, _key(wide, 3))
        shown = found[:limit]
        return pb.ExportEventsResponse(
            csv=audit_trail.csv_lines(shown, header=not page.after),
            next_page_token=wide.next_token(found, audit_trail.key_of(shown[-1])) if shown else "",
        )

    def InvestigateLeak(self, request: pb.InvestigateLeakRequest, call: Call) -> pb.InvestigateLeakResponse:
        return self._investigated(request, call)

    def ExportInvestigation(self, request: pb.ExportInvestigationRequest, call: Call) -> pb.ExportInvestigationResponse:
        found = self._investigated(request, call)
        return pb.ExportInvestigationResponse(
            csv=leak.csv_lines(found), unanswered=found.unanswered, truncated=found.truncated
        )

    def _investigated(
        self, request: pb.InvestigateLeakRequest | pb.ExportInvestigationRequest, call: Call
    ) -> pb.InvestigateLeakResponse:
        return leak.investigate(
            required_uuid(request, "customer_id"),
            answers.moment(request, "from_at"),
            answers.moment(request, "to_at"),
            call,
            self._analytics.now(),
            self._analytics.services,
        )

    def SearchReads(self, request: pb.SearchReadsRequest, call: Call) -> pb.SearchReadsResponse:
        found = reads.search(request, page_of(request), call, self._analytics.services)
        return pb.SearchReadsResponse(
            reads=found.reads, next_page_token=found.next_page_token, unanswered=found.unanswered
        )

    def ExportReads(self, request: pb.ExportReadsRequest, call: Call) -> pb.ExportReadsResponse:
        page = page_of(request)
        found = reads.search(request, page, call, self._analytics.services)
        return pb.ExportReadsResponse(
            csv=reads.csv_lines(found.reads, header=not page.after),
            next_page_token=found.next_page_token,
            unanswered=found.unanswered,
        )

    def _freshness(self, cursor: Cursor[DictRow], contexts: Sequence[str]) -> list[shared.ContextFreshness]:
        return [answers.freshness_message(one) for one in self._analytics.freshness(cursor, contexts)]

    def _figures(
        self, cursor: Cursor[DictRow], measured: Sequence[figures.Measured], slice_: Slice
    ) -> list[shared.Figure]:
        fresh = self._analytics.freshness(cursor)
        return [answers.figure_message(one, slice_, fresh) for one in measured]

    def _about(self, cursor: Cursor[DictRow], slice_: Slice, *keys: str) -> shared.About:
        used = {context for key in keys for context in FIGURES[key].contexts} or set(CONTEXTS)
        return shared.About(
            slice=answers.slice_message(slice_),
            freshness=self._freshness(cursor, [c for c in CONTEXTS if c in used]),
            definitions=answers.definitions(*keys),
            computed_at=stamp(self._analytics.now()),
        )


def _basis(made: Predicted) -> pb.ForecastBasis:
    learnt = made.forecast.hazards
    thin = learnt.months < _LEAST_MONTHS or made.forecast.won < _LEAST_WINS
    return pb.ForecastBasis(
        months=learnt.months,
        opportunities=made.forecast.opportunities,
        won=made.forecast.won,
        open=made.forecast.open,
        arrivals_per_day=learnt.arrivals_per_day,
        monthly_shock=learnt.shock,
        recorded_late=made.recorded_late,
        warning_en=f"Little history: {learnt.months} full months, {made.forecast.won} wins. Do not rely on this."
        if thin
        else "",
        warning_zh=f"历史数据不足：完整月份 {learnt.months} 个，赢单 {made.forecast.won} 个，请勿依赖此预测。"
        if thin
        else "",
    )


def _trend(points: Sequence[trends.ConversionPoint]) -> list[pb.ConversionPoint]:
    return [
        pb.ConversionPoint(
            month=one.key,
            started=one.started,
            converted=one.converted,
            lost=one.lost,
            conversion=one.conversion,
            median_days=one.median_days,
        )
        for one in points
    ]


def _wanted(request: pb.SearchEventsRequest | pb.ExportEventsRequest) -> Wanted:
    return Wanted(
        optional_text(request, "context"),
        optional_uuid(request, "record_id"),
        optional_text(request, "event_type"),
        optional_text(request, "actor"),
        optional_text(request, "request_id"),
        optional_uuid(request, "correlation_id"),
        answers.moment(request, "from_at"),
        answers.moment(request, "to_at"),
    )


def _offset(page: Page) -> int:
    """Return how many rows the pages before held; refuse a token that says nothing of the sort."""
    if not page.after:
        return 0
    (offset,) = _key(page, 1)
    if not isinstance(offset, int) or not 0 <= offset < 10_000_000:
        raise InvalidArgument("page_token", "is not one that this list gave")
    return offset


def _key(page: Page, length: int) -> tuple[Any, ...]:
    if page.after and len(page.after) != length:
        raise InvalidArgument("page_token", "is not one that this list gave")
    return page.after
