"""Settings: from variables or from files, all that is wrong named at once, and secrets shown nowhere."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from kernel.config import ConfigurationError, Settings

GOOD = {
    "PIPELINE_DATABASE_URL": "postgresql://pipeline@db/pipeline",
    "PIPELINE_AMQP_URL": "amqp://broker/v",
    "PIPELINE_MASTER_KEY": b64encode(bytes(32)).decode(),
    "PIPELINE_SERVICE_SECRET": "a secret",
    "HEADWATER_TOKEN_PUBLIC_KEY": "k",
}


def test_any_variable_may_stand_in_a_file(tmp_path: Path) -> None:
    files = {}
    for name, value in GOOD.items():
        (tmp_path / name).write_text(value + "\n")
        files[f"{name}_FILE"] = str(tmp_path / name)
    read, given = Settings.from_environment("pipeline", files), Settings.from_environment("pipeline", GOOD)
    assert read.service_secret == "a secret"
    assert (read.database_url, read.master_key, read.amqp_url) == (given.database_url, given.master_key, given.amqp_url)


def test_what_is_wrong_with_files_is_named_with_everything_else(tmp_path: Path) -> None:
    (tmp_path / "large").write_text("x" * 70_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_environment(
            "pipeline",
            {
                "PIPELINE_DATABASE_URL": "x",
                "PIPELINE_DATABASE_URL_FILE": "/x",
                "PIPELINE_AMQP_URL_FILE": "/no/such/file",
                "PIPELINE_MASTER_KEY_FILE": str(tmp_path / "binary"),
                "PIPELINE_SERVICE_SECRET_FILE": str(tmp_path / "large"),
                "UNRELATED_FILE": "/no/such/file/either",
            },
        )
    said = str(refused.value)
    assert "PIPELINE_DATABASE_URL and PIPELINE_DATABASE_URL_FILE are both set" in said
    assert "PIPELINE_AMQP_URL_FILE names /no/such/file, which cannot be read" in said
    assert "PIPELINE_MASTER_KEY_FILE names" in said
    assert "which is larger than 65536 characters" in said
    assert "HEADWATER_TOKEN_PUBLIC_KEY is missing" in said
    assert "UNRELATED" not in said


def test_settings_do_not_show_their_secrets() -> None:
    url = f"postgresql://p:{'hidden'}@db/p"
    shown = repr(Settings.from_environment("pipeline", GOOD | {"PIPELINE_DATABASE_URL": url}))
    assert "a secret" not in shown
    assert "hidden" not in shown


@pytest.mark.feature("INT-01")
@pytest.mark.parametrize("service", ["NOTIFICATION", "MARKETING"])
def test_a_sandbox_does_not_start_where_its_messages_could_go_out(service: str) -> None:
    good = {name.replace("PIPELINE", service): value for name, value in GOOD.items()} | {"HEADWATER_SANDBOX": "true"}

    def started(**more: str) -> Settings:
        return Settings.from_environment(service.lower(), good | more)

    assert started().sandbox
    assert started(**{f"{service}_SMTP_URL": "smtp://127.0.0.1:2525"}).sandbox
    with pytest.raises(ConfigurationError, match=f"{service}_SMTP_URL must be empty in a sandbox"):
        started(**{f"{service}_SMTP_URL": "smtp://mail.example.org"})
    outside = {f"{service}_SMTP_URL": "smtp://mail.example.org"}
    assert not Settings.from_environment(service.lower(), good | {"HEADWATER_SANDBOX": ""} | outside).sandbox
    with pytest.raises(ConfigurationError, match="HEADWATER_SANDBOX must be true or false, not 'yes'"):
        started(HEADWATER_SANDBOX="yes")
