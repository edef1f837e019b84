"""The builders of callers, tokens, calls and settings say what the kernel reads from them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kernel.auth import TOKEN_LIFE, Verifier
from kernel.errors import Unauthenticated
from testkit import a_caller, a_token, signing_key


def test_a_token_holds_the_caller_and_expires() -> None:
    caller = a_caller(permissions=("pipeline.*",), scope="team")
    verifier = Verifier(signing_key().public_pem)
    assert verifier.verify(a_token(caller)) == caller
    with pytest.raises(Unauthenticated, match="expired"):
        verifier.verify(a_token(caller, issued_at=datetime.now(UTC) - timedelta(minutes=5), life=TOKEN_LIFE))


def test_settings_lead_to_a_database_of_that_service(a_settings: Any) -> None:
    settings = a_settings("identity", targets={"customer": "127.0.0.1:1"})
    assert settings.service == "identity"
    assert settings.targets == {"customer": "127.0.0.1:1"}
    assert settings.database_url != settings.owner_url()
    assert "IDENTITY_SIGNING_KEY" in settings.extra
