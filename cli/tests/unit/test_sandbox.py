"""A sandbox shares nothing with the real suite beside it, and neither becomes the other."""

from pathlib import Path

import pytest

from headwater.__main__ import main
from headwater.commands.sandbox import environment_of
from headwater.home import Home
from headwater.provision import choose_kind
from kernel.config import ConfigurationError

pytestmark = pytest.mark.feature("INT-01")


def test_nothing_that_is_said_of_the_real_suite_holds_for_its_sandbox(tmp_path: Path) -> None:
    real = {
        "PATH": "/bin",
        "HEADWATER_RUN": "/real",
        "HEADWATER_NAME": "real",
        "HEADWATER_POSTGRES_URL": "postgresql://real",
        "HEADWATER_AMQP_URL": "amqp://real",
        "HEADWATER_LOGIN": "boss",
        "HEADWATER_SERVERS": "containers",
        "NOTIFICATION_SMTP_URL": "smtp://mail.example.org",
        "NOTIFICATION_WEBHOOKS_TO": "*",
        "IDENTITY_SIGNING_KEY_FILE": "/real/key",
        "GATEWAY_LISTEN": "0.0.0.0:443",
    }
    assert environment_of(Home(tmp_path), real) == {
        "PATH": "/bin",
        "HEADWATER_SERVERS": "containers",
        "HEADWATER_RUN": str(tmp_path.resolve()),
        "HEADWATER_NAME": "sandbox",
        "HEADWATER_SANDBOX": "true",
    }


@pytest.mark.parametrize(("first", "then"), [("", "true"), ("true", "")])
def test_a_suite_is_a_sandbox_for_ever_or_never(tmp_path: Path, first: str, then: str) -> None:
    home = Home(tmp_path)
    choose_kind(home, {"HEADWATER_SANDBOX": first})
    choose_kind(home, {"HEADWATER_SANDBOX": first})
    with pytest.raises(ConfigurationError, match="and stays so"):
        choose_kind(home, {"HEADWATER_SANDBOX": then})


def test_a_suite_from_before_there_were_sandboxes_is_none(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.changing() as state:
        state["secrets"] = {}
    with pytest.raises(ConfigurationError, match="is no sandbox and stays so"):
        choose_kind(home, {"HEADWATER_SANDBOX": "true"})


def test_without_a_sandbox_there_is_no_key_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADWATER_RUN", str(tmp_path))
    assert main(["sandbox", "key", "Shop"]) == 2
    assert "headwater sandbox up" in capsys.readouterr().err
