"""Times travel as protobuf's own conversion has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from kernel.envelope import timestamp_of

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-3, minutes=-30))])


@given(st.timedeltas(timedelta(days=-600_000), timedelta(days=600_000)), ZONES)
def test_a_time_becomes_what_protobuf_makes_of_it(since: timedelta, zone: tzinfo) -> None:
    moment = (datetime(2000, 1, 1, tzinfo=UTC) + since).astimezone(zone)
    expected = Timestamp()
    expected.FromDatetime(moment)
    assert timestamp_of(moment) == expected
