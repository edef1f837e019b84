import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import InvalidArgument
from testkit.real_data import folder_of
from ticketing.domain.business_time import (
    Calendar,
    SpecialDay,
    WorkingHours,
    add_business_time,
    elapsed_business_time,
    is_working_day,
    zone_of,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE = tuple(hours for d in range(1, 6) for hours in (WorkingHours(d, 540, 720), WorkingHours(d, 780, 1080)))
SPRING_2024 = (
    SpecialDay(date(2024, 2, 4), True, "Spring Festival"),
    *(SpecialDay(date(2024, 2, day), False, "Spring Festival") for day in range(10, 18)),
    SpecialDay(date(2024, 2, 18), True, "Spring Festival"),
)
CHINA = Calendar(OFFICE, SPRING_2024)


def shanghai(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=SHANGHAI)  # type: ignore[misc, arg-type]


@pytest.mark.feature("TIC-04")
@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        (shanghai(2024, 3, 4, 9), 2, shanghai(2024, 3, 4, 11)),
        (shanghai(2024, 3, 4, 11), 2, shanghai(2024, 3, 4, 14)),  # over lunch
        (shanghai(2024, 3, 8, 17), 2, shanghai(2024, 3, 11, 10)),  # over a weekend
        (shanghai(2024, 3, 9, 12), 1, shanghai(2024, 3, 11, 10)),  # begun on a Saturday
        (shanghai(2024, 2, 2, 17), 2, shanghai(2024, 2, 4, 10)),  # Sunday 4 February is made up
        (shanghai(2024, 2, 9, 17), 2, shanghai(2024, 2, 18, 10)),  # eight days off, Sunday 18 made up
    ],
)
def test_a_deadline_falls_where_people_work(start, hours, end):
    assert add_business_time(start, timedelta(hours=hours), CHINA, SHANGHAI) == end


def test_a_working_day_has_eight_hours_and_a_holiday_none():
    day = elapsed_business_time(shanghai(2024, 3, 4), shanghai(2024, 3, 5), CHINA, SHANGHAI)
    holiday = elapsed_business_time(shanghai(2024, 2, 10), shanghai(2024, 2, 18), CHINA, SHANGHAI)
    assert (day, holiday) == (timedelta(hours=8), timedelta(0))


def test_summer_time_moves_the_clock_and_not_the_working_day():
    berlin = ZoneInfo("Europe/Berlin")
    around = Calendar(tuple(WorkingHours(d, 0, 1440) for d in range(1, 8)))
    spring = elapsed_business_time(
        datetime(2024, 3, 31, tzinfo=berlin), datetime(2024, 4, 1, tzinfo=berlin), around, berlin
    )
    autumn = elapsed_business_time(
        datetime(2024, 10, 27, tzinfo=berlin), datetime(2024, 10, 28, tzinfo=berlin), around, berlin
    )
    assert (spring, autumn) == (timedelta(hours=23), timedelta(hours=25))


@st.composite
def calendars(draw):
    weekly = []
    for weekday in draw(st.sets(st.integers(1, 7), min_size=1)):
        # half hours: a minute a week would need more than sixty years for the longest duration, which is refused
        cuts = sorted(30 * cut for cut in draw(st.sets(st.integers(0, 48), min_size=2, max_size=4)))
        weekly += [WorkingHours(weekday, a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    days = draw(st.dictionaries(st.dates(date(2024, 1, 1), date(2024, 12, 31)), st.booleans(), max_size=20))
    special = tuple(SpecialDay(on, working, "") for on, working in days.items())
    return Calendar(tuple(weekly), special, draw(st.integers(1, 7)))


zones = st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "UTC"]).map(ZoneInfo)
moments = st.datetimes(datetime(2024, 1, 1), datetime(2024, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)
durations = st.integers(0, 400 * 3600).map(lambda s: timedelta(seconds=s))


@given(moments, durations, calendars(), zones)
def test_what_is_added_has_elapsed(start, duration, calendar, zone):
    end = add_business_time(start, duration, calendar, zone)
    assert elapsed_business_time(start, end, calendar, zone) == duration


@given(moments, moments, calendars(), zones)
def test_what_has_elapsed_leads_back_to_the_end_or_to_the_close_of_work_before_it(a, b, calendar, zone):
    start, end = sorted((a, b))
    elapsed = elapsed_business_time(start, end, calendar, zone)
    reached = add_business_time(start, elapsed, calendar, zone)
    assert reached <= end
    assert elapsed_business_time(reached, end, calendar, zone) == timedelta(0)


@given(moments, moments, moments, calendars(), zones)
def test_elapsed_time_adds_up(a, b, c, calendar, zone):
    first, middle, last = sorted((a, b, c))
    parts = [
        elapsed_business_time(first, middle, calendar, zone),
        elapsed_business_time(middle, last, calendar, zone),
    ]
    assert sum(parts, timedelta(0)) == elapsed_business_time(first, last, calendar, zone)


@pytest.mark.parametrize(
    "calendar",
    [
        lambda: Calendar(()),
        lambda: Calendar((WorkingHours(8, 0, 60),)),
        lambda: Calendar((WorkingHours(1, 60, 60),)),
        lambda: Calendar((WorkingHours(1, 0, 60), WorkingHours(1, 30, 90))),
        lambda: Calendar(OFFICE, (SpecialDay(date(2024, 1, 1), True, ""),) * 2),
        lambda: Calendar(OFFICE, (), 8),
    ],
)
def test_a_calendar_that_cannot_be_is_refused(calendar):
    with pytest.raises(InvalidArgument):
        calendar()


def test_an_unknown_time_zone_is_refused():
    with pytest.raises(InvalidArgument, match="timezone"):
        zone_of("Mars/Olympus")


def test_the_official_year_2024_has_28_days_off_and_8_made_up():
    days = [
        SpecialDay(date.fromisoformat(day["date"]), not day["isOffDay"], day["name"])
        for day in json.loads((folder_of("cn_holidays") / "2024.json").read_text())["days"]
    ]
    assert (sum(not d.working for d in days), sum(d.working for d in days)) == (28, 8)
    calendar = Calendar(OFFICE, tuple(days))
    assert all(is_working_day(d.on, calendar) == d.working for d in days)
