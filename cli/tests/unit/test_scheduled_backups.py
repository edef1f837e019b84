"""Backups on schedule: while the suite runs, sooner again after a failure, and no more than are kept."""

from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from headwater.backups import drop_oldest
from headwater.commands import backup
from headwater.supervisor import scheduled

pytestmark = pytest.mark.feature("NFR-05")


class Clockwork(Event):
    """Remembers how long it was to wait, and is told to stop after so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = times
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(round(timeout or 0))
        self.left -= 1
        if not self.left:
            self.set()
        return self.is_set()


def test_a_backup_is_taken_every_so_often_and_sooner_after_a_failure() -> None:
    answers, stop = iter([0, 2, 1, 0]), Clockwork(4)
    backup.repeat(lambda: next(answers), 24, stop)
    assert stop.waited == [86_400, 8_640, 8_640, 86_400]
    stop = Clockwork(1)
    backup.repeat(lambda: 2, 0.1, stop)
    assert stop.waited == [60], "never faster than once a minute"


def test_the_oldest_go_and_the_keys_stay(tmp_path: Path) -> None:
    names = [f"202603{day:02d}T031500Z" for day in range(1, 6)]
    for name in (*names, "keys", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    assert drop_oldest(tmp_path, 0) == []
    assert drop_oldest(tmp_path, 2) == names[:3]
    assert {path.name for path in tmp_path.iterdir()} == {*names[3:], "keys", "mine"}
    assert drop_oldest(tmp_path, 2) == []


def test_the_supervisor_runs_them_when_it_is_told_how_often() -> None:
    assert scheduled({}) == {}
    command = scheduled({"HEADWATER_BACKUP_EVERY_HOURS": "6", "HEADWATER_BACKUP_KEEP": "8"})["backups"]
    assert command == ("-m", "headwater", "backup", "--every-hours", "6", "--keep", "8")


def test_a_backup_that_cannot_be_made_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADWATER_RUN", str(tmp_path))
    options = SimpleNamespace(folder=None, every_hours=None, check=False, keep=0, keep_days=30)
    assert backup.run(options) == 2  # type: ignore[arg-type]
    assert "headwater up" in capsys.readouterr().err
