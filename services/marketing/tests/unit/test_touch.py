"""A touch is of somebody."""

from uuid import UUID

import pytest

from kernel.errors import InvalidArgument
from marketing.domain.touch import record_touch

TOUCH, LEAD = UUID(int=1), UUID(int=2)


def test_a_touch_names_who_what_and_where() -> None:
    [touch] = record_touch(TOUCH, "ad-clicked", "Search-Ads", lead_id=LEAD, utm={"utm_term": "crm", "x": "y"})
    assert (touch.channel, touch.lead_id, touch.utm) == ("search-ads", LEAD, {"utm_term": "crm"})


@pytest.mark.parametrize(
    ("kind", "channel", "lead"), [("ad-clicked", "ads", None), ("Ad!", "ads", LEAD), ("ad", "", LEAD)]
)
def test_a_touch_of_nobody_or_by_nothing_is_refused(kind: str, channel: str, lead: UUID | None) -> None:
    with pytest.raises(InvalidArgument):
        record_touch(TOUCH, kind, channel, lead_id=lead)
