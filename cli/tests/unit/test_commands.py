"""Every module of headwater.commands is a command; what is wrong is said in one line, not in a traceback."""

from pathlib import Path

import pytest

from headwater.__main__ import main
from headwater.home import Home, NotProvisioned


@pytest.fixture(autouse=True)
def no_suite_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_RUN", str(tmp_path))


def test_every_command_is_listed_with_its_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    for command, words in {
        "import": "",
        "demo": "Start the suite",
        "down": "Stop the suite",
        "status": "Say what runs",
        "rebuild": "Replay the log",
        "parked": "List what could not be handled",
    }.items():
        assert f"    {command}" in shown
        assert words in shown


@pytest.mark.parametrize("command", [["status"], ["rebuild", "identity"], ["parked", "list"]])
def test_without_a_suite_the_answer_says_how_to_get_one(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) in (2, 3)
    assert "make demo" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["rebuild", "nobody"], ["parked", "retry", "nobody"]])
def test_an_unknown_service_is_named_with_those_there_are(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 2
    assert "no such service: nobody; there are customer, pipeline" in capsys.readouterr().err


def test_stopping_what_does_not_run_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down"]) == 0
    assert "no suite was running" in capsys.readouterr().err


def test_what_is_remembered_is_kept_even_if_the_change_fails(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(NotProvisioned):
        home.read()

    def make_half() -> None:
        with home.changing() as state:
            state["half"] = "made"
            raise OSError

    with pytest.raises(OSError):
        make_half()
    assert home.read() == {"half": "made"}
