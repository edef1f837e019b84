from datetime import UTC, datetime
from uuid import UUID

import grpc
import pytest

from crm.ticketing.v1 import ticketing_service_pb2 as pb
from testkit.real_data import folder_of

CALENDAR = str(UUID(int=501))
A_LIST = """{"year": 2024, "days": [
  {"name": "元旦", "date": "2024-01-01", "isOffDay": true},
  {"name": "春节", "date": "2024-02-04", "isOffDay": false}]}"""


@pytest.mark.feature("TIC-04")
def test_a_list_of_holidays_changes_what_is_business_time(desk_of_two):
    stub = desk_of_two.stub
    read = stub.ImportHolidays(pb.ImportHolidaysRequest(calendar_id=CALENDAR, document=A_LIST))
    assert (read.days_off, read.working_days) == (1, 1)
    measure = pb.MeasureBusinessTimeRequest(
        calendar_id=CALENDAR,
        start=datetime(2023, 12, 31, 23, tzinfo=UTC),
        end=datetime(2024, 1, 2, 1, tzinfo=UTC),
    )
    assert stub.MeasureBusinessTime(measure).business_seconds == 2 * 3600
    back = pb.MeasureBusinessTimeRequest(calendar_id=CALENDAR, start=measure.start, business_seconds=2 * 3600)
    assert stub.MeasureBusinessTime(back).end == measure.end
    again = stub.ImportHolidays(pb.ImportHolidaysRequest(calendar_id=CALENDAR, document=A_LIST))
    assert again.version == read.version


@pytest.mark.parametrize("name", ["2024.json", "2024.ics"])
def test_the_official_lists_of_2024_read_alike(desk_of_two, name):
    document = (folder_of("cn_holidays") / name).read_text(encoding="utf-8")
    read = desk_of_two.stub.ImportHolidays(pb.ImportHolidaysRequest(calendar_id=CALENDAR, document=document))
    assert (read.days_off, read.working_days) == (28, 8)


def test_a_text_that_is_no_list_is_refused(desk_of_two):
    with pytest.raises(grpc.RpcError) as caught:
        desk_of_two.stub.ImportHolidays(pb.ImportHolidaysRequest(calendar_id=CALENDAR, document="hello"))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "document" in caught.value.details()


def test_a_calendar_may_have_a_name_instead_of_an_id(desk_of_two):
    wanted = desk_of_two.stub.GetCalendar(pb.GetCalendarRequest(calendar_id=CALENDAR)).calendar
    request = pb.DefineCalendarRequest(calendar_id="desk", name="Desk", timezone="Asia/Shanghai", weekly=wanted.weekly)
    assert desk_of_two.stub.DefineCalendar(request).version == 1
    found = desk_of_two.stub.GetCalendar(pb.GetCalendarRequest(calendar_id="desk")).calendar
    assert (found.name, UUID(found.calendar_id).version) == ("Desk", 5)
