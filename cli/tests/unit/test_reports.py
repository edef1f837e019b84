"""What `headwater report` prints, from answers as the API gives them."""

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from crm.analytics.v1 import analytics_service_pb2 as pb
from crm.analytics.v1 import figures_pb2 as shared
from crm.common.v1.money_pb2 import Money
from headwater.commands.report import print_kpis


def a_figure(key: str, label: str, unit: shared.Unit.ValueType = shared.UNIT_COUNT, **given: Any) -> shared.Figure:
    return shared.Figure(key=key, definition=shared.Definition(label_en=label, unit=unit), **given)


def test_the_kpis_show_what_a_margin_covers_and_why_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    yuan = Money(minor_units=320_00, currency_code="CNY")
    covers = {"remark_en": "Covers 87 % of the revenue in CNY."}
    rates = [shared.CurrencyShare(currency_code="CNY", share=0.25), shared.CurrencyShare(currency_code="EUR", share=0)]
    answer = pb.GetExecutiveKpisResponse(
        figures=[
            a_figure("margin", "Margin", shared.UNIT_MONEY, amounts=[yuan], **covers),
            a_figure("margin_rate", "Margin rate", shared.UNIT_RATIO, shares=rates, **covers),
            a_figure("new_customers", "New customers", number=3),
            a_figure("churn", "Churn", shared.UNIT_RATIO, number=0.5),
        ],
        before=[
            a_figure("margin", "Margin", shared.UNIT_MONEY, remark_en="There is no revenue in the period."),
            a_figure("new_customers", "New customers", number=0),
        ],
        about=shared.About(slice=shared.Slice(from_on="2026-02-01", to_on="2026-02-28")),
    )
    print_kpis(MessageToDict(answer, preserving_proto_field_name=True))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "2026-02-01 to 2026-02-28; in brackets the period before",
        "Margin 320.00 CNY (–) Covers 87 % of the revenue in CNY.",
        "Margin rate 25.0% CNY, 0.0% EUR (–) Covers 87 % of the revenue in CNY.",
        "New customers 3 (0)",
        "Churn 50.0% (–)",
    ]
