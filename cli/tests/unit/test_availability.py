"""The month's figure is what was asked and answered in it, and survives a broken file and a full year."""

import json
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from headwater.availability import Availability, Measured, is_ready, measure

MARCH = datetime(2026, 3, 31, 23, 59, 55, tzinfo=UTC)

pytestmark = pytest.mark.feature("NFR-03")


def test_a_month_is_what_was_asked_in_it(tmp_path: Path) -> None:
    counted = Availability(tmp_path / "availability.json")
    for answered in (True, True, False):
        counted.note(answered, MARCH)
    counted.note(True, MARCH + timedelta(seconds=10))
    assert counted.of_month(date(2026, 3, 1)) == Measured(3, 2)
    assert counted.of_month(date(2026, 4, 1)) == Measured(1, 1)
    assert counted.of_month(date(2026, 5, 1)).words().startswith("100.000 % this month (promised: 99.9 %)")


def test_the_promise_is_broken_after_43_minutes_of_a_month() -> None:
    asked = 30 * 24 * 360
    assert Measured(asked, asked - 43 * 6).is_kept
    assert not Measured(asked, asked - 44 * 6).is_kept
    assert "away for 44.0 min" in Measured(asked, asked - 44 * 6).words()


def test_it_keeps_a_year_and_begins_again_after_a_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "availability.json"
    path.write_text(json.dumps({f"{date(2024, 1, 1) + timedelta(n)}": (1, 1) for n in range(600)}))
    Availability(path).note(True, MARCH)
    assert len(json.loads(path.read_text())) == 400
    path.write_text('{"2026-')
    Availability(path).note(False, MARCH)
    assert Availability(path).of_month(MARCH.date()) == Measured(1, 0)


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
def test_it_is_there_when_the_gateway_says_so(status: int, ready: bool) -> None:
    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        Thread(target=server.handle_request, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert is_ready(address, "") is ready
    assert not is_ready(address, "")


def test_starting_up_is_not_counted_and_being_away_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.availability.EVERY_S", 0.001)
    stop, answers = Event(), iter([False, False, True, False, True])

    def ready() -> bool:
        answer = next(answers, None)
        if answer is None:
            stop.set()
        return bool(answer)

    counted = Availability(tmp_path / "availability.json")
    measure(counted, ready, stop)
    assert counted.of_month(datetime.now(UTC).date()) == Measured(3, 2)
