"""Requests into slices, values into messages. No question is answered here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from google.protobuf.timestamp_pb2 import Timestamp

from analytics.application import Freshness
from analytics.forecasting.backtest import Judged, Score
from analytics.forecasting.calendar import moment_of, name_of
from analytics.forecasting.forecast import Outlook
from analytics.projections.audit_trail import Audited, FieldChange
from analytics.projections.figures import FIGURES, Figure, Measured
from analytics.projections.funnel import Spread, Totals
from analytics.projections.slices import Basis, Slice
from analytics.projections.why import Explanation, Rule
from analytics.wording import sentences
from crm.analytics.v1 import analytics_service_pb2 as pb
from crm.analytics.v1 import figures_pb2 as shared
from crm.common.v1.money_pb2 import Money
from kernel.errors import InvalidArgument
from kernel.request import optional_date, optional_text, optional_uuid


def slice_of(request: Any) -> Slice:
    """Read the slice of a request; refuse what cannot be by its field's name."""
    wanted: shared.Slice = request.slice
    from_on, to_on = optional_date(wanted, "from_on"), optional_date(wanted, "to_on")
    if from_on is not None and to_on is not None and to_on < from_on:
        raise InvalidArgument("to_on", f"{to_on} lies before from_on {from_on}")
    try:
        zone = ZoneInfo(wanted.time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidArgument("time_zone", f"{wanted.time_zone[:40]!r} is no IANA time zone") from error
    return Slice(
        optional_text(wanted, "pipeline_id"),
        optional_uuid(wanted, "owner_id"),
        optional_uuid(wanted, "team_id"),
        optional_text(wanted, "source_channel"),
        optional_uuid(wanted, "product_id"),
        optional_text(wanted, "industry_code"),
        optional_text(wanted, "region_code"),
        optional_uuid(wanted, "campaign_id"),
        from_on,
        to_on,
        Basis.CLOSED if wanted.basis == shared.PERIOD_BASIS_CLOSED else Basis.OPENED,
        zone,
        moment(wanted, "as_of"),
        moment(wanted, "effective_until"),
    )


_E = TypeVar("_E", bound=IntEnum)


def choice(kinds: type[_E], number: int, default: _E, field: str) -> _E:
    """Return the enum's member of a number, the default for 0; refuse one that does not exist."""
    try:
        return kinds(number) if number else default
    except ValueError as error:
        raise InvalidArgument(field, f"{number} is none of its values") from error


def moment(request: Any, field: str) -> datetime | None:
    """Return a timestamp field in UTC, None when it is not set."""
    if not request.HasField(field):
        return None
    stamp: Timestamp = getattr(request, field)
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(field, "is not a time") from error


def stamp(at: datetime | None) -> Timestamp | None:
    """Return a moment as a message."""
    if at is None:
        return None
    found = Timestamp()
    found.FromDatetime(at.astimezone(UTC))
    return found


def slice_message(one: Slice) -> shared.Slice:
    return shared.Slice(
        pipeline_id=one.pipeline_id,
        owner_id=_id(one.owner_id),
        team_id=_id(one.team_id),
        source_channel=one.source_channel,
        product_id=_id(one.product_id),
        industry_code=one.industry_code,
        region_code=one.region_code,
        campaign_id=_id(one.campaign_id),
        from_on=one.from_on.isoformat() if one.from_on else "",
        to_on=one.to_on.isoformat() if one.to_on else "",
        basis=shared.PERIOD_BASIS_CLOSED if one.basis is Basis.CLOSED else shared.PERIOD_BASIS_OPENED,
        time_zone=one.zone.key,
        as_of=stamp(one.as_of),
        effective_until=stamp(one.effective_until),
    )


def _id(one: UUID | None) -> str:
    return str(one) if one else ""


def money(amounts: Mapping[str, int]) -> list[Money]:
    """Return amounts by currency, largest first."""
    ordered = sorted(amounts.items(), key=lambda item: (-item[1], item[0]))
    return [Money(minor_units=amount, currency_code=code) for code, amount in ordered]


def definition(one: Figure) -> shared.Definition:
    return shared.Definition(
        key=one.key,
        label_zh=one.label_zh,
        label_en=one.label_en,
        text_zh=one.text_zh,
        text_en=one.text_en,
        unit=shared.Unit.ValueType(int(one.unit)),
        contexts=one.contexts,
        record_kind="customer" if one.relation == "departure" else one.relation,
    )


def definitions(*keys: str) -> list[shared.Definition]:
    return [definition(FIGURES[key]) for key in keys]


def freshness_message(one: Freshness) -> shared.ContextFreshness:
    return shared.ContextFreshness(
        context=one.context,
        last_position=one.position,
        last_recorded_at=stamp(one.recorded_at),
        last_effective_at=stamp(one.effective_at),
        head_position=one.head,
        lag_events=one.lag_events,
        lag_seconds=one.lag_seconds,
        parked_events=one.parked,
    )


def figure_message(measured: Measured, slice_: Slice, fresh: Sequence[Freshness]) -> shared.Figure:
    one = measured.figure
    return shared.Figure(
        key=one.key,
        number=measured.number,
        amounts=money(measured.amounts),
        sample=measured.sample,
        definition=definition(one),
        slice=slice_message(slice_),
        freshness=[freshness_message(f) for f in fresh if f.context in one.contexts],
        shares=[
            shared.CurrencyShare(currency_code=code, share=share) for code, share in sorted(measured.shares.items())
        ],
        remark_zh=measured.remark.zh if measured.remark else "",
        remark_en=measured.remark.en if measured.remark else "",
    )


def spread(one: Spread) -> pb.Spread:
    return pb.Spread(sample=one.sample, median=one.median, mean=one.mean, p90=one.p90)


def totals(one: Totals) -> pb.FunnelTotals:
    return pb.FunnelTotals(
        opportunities=one.opportunities,
        won=one.won,
        lost=one.lost,
        open=one.open,
        won_value=money(one.won_value),
        open_value=money(one.open_value),
        win_rate=one.win_rate,
        conversion=one.conversion,
        days_to_win=spread(one.days_to_win),
    )


def month(one: Outlook) -> pb.MonthForecast:
    return pb.MonthForecast(
        month=name_of(one.month),
        p10=one.p10,
        p50=one.p50,
        p90=one.p90,
        mean=one.mean,
        from_open=one.from_open,
        from_new=one.from_new,
        already=one.already,
        naive_mean=one.naive_mean,
        same_month_last_year=one.same_month_last_year,
        weighted_pipeline=one.weighted_pipeline,
    )


def backtest_score(one: Score) -> pb.BacktestScore:
    return pb.BacktestScore(
        method=one.method,
        horizon=one.horizon,
        sample=one.sample,
        wape=one.wape,
        mape=one.mape,
        pinball=one.pinball,
        coverage=one.coverage,
        bias=one.bias,
    )


def backtest_point(one: Judged, zone: ZoneInfo) -> pb.BacktestPoint:
    return pb.BacktestPoint(
        cut_off=stamp(moment_of(one.cut_off, zone)),
        month=name_of(one.outlook.month),
        horizon=one.horizon,
        actual=one.actual,
        p10=one.outlook.p10,
        p50=one.outlook.p50,
        p90=one.outlook.p90,
        naive_mean=one.outlook.naive_mean,
        same_month_last_year=one.outlook.same_month_last_year,
        weighted_pipeline=one.outlook.weighted_pipeline,
    )


def field_change(one: FieldChange) -> pb.FieldChange:
    return pb.FieldChange(field=one.field, before=one.before, after=one.after, personal=one.personal)


def explained(found: Explanation) -> pb.ExplainValueResponse:
    """The steps, each with its sentences; of what lies outside the caller's scope only the kind of event."""
    response = pb.ExplainValueResponse(field=found.field, value=found.value, cut_short=found.cut_short)
    for step in found.steps:
        last = step is found.steps[-1]
        english, chinese = sentences(step, found.field if last else "")
        event = audited(step.event)
        if step.withheld:
            event = pb.AuditedEvent(context=event.context, event_type=event.event_type, recorded_at=event.recorded_at)
        response.steps.add(
            link=pb.StepLink.ValueType(step.link),
            event=event,
            fields=[field_change(one) for one in step.fields],
            rules=[_deciding(one) for one in step.rules],
            sentence=english,
            sentence_zh=chinese,
            withheld=step.withheld,
        )
    return response


def _deciding(rule: Rule) -> pb.DecidingRule:
    found = pb.DecidingRule(rule_id=rule.rule_id, name=rule.name, rule_set_version=rule.version, reason=rule.reason)
    if rule.defined is not None:
        found.defined_by_event_id = str(rule.defined.event_id)
        found.defined_at.FromDatetime(rule.defined.recorded_at)
        found.defined_by = rule.defined.actor
    return found


def audited(one: Audited) -> pb.AuditedEvent:
    return pb.AuditedEvent(
        context=one.context,
        record_id=str(one.record_id),
        version=one.version,
        position=one.position,
        event_type=one.short_type,
        actor=one.actor,
        request_id=one.request_id,
        correlation_id=str(one.correlation_id),
        causation_id=_id(one.causation_id),
        event_id=str(one.event_id),
        recorded_at=stamp(one.recorded_at),
        effective_at=stamp(one.effective_at),
        data_json=one.data_json,
    )
