"""Whatever is recorded can be taken back, goes along with something else, or stays for a reason: deny by default."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from importlib import import_module

import pytest

from kernel.config import CONTEXTS, Settings
from kernel.undoing import EVERYWHERE
from testkit import signing_key
from testkit.databases import Databases

LONGEST_REASON = 140


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_event_has_a_compensation_or_a_stated_reason(context: str, url: str) -> None:
    service = import_module(f"{context}.bootstrap").bootstrap(settings_of(context, url))
    kinds = (*service.undoing, *EVERYWHERE)
    thought_of = Counter(event for kind in kinds for event in kind.changes)
    recorded = set(service.store.codec.events)
    service.store.close()
    assert sorted(event.__name__ for event in recorded - thought_of.keys()) == []
    assert sorted(event.__name__ for event in thought_of if event not in recorded) == []
    assert [event.__name__ for event, times in thought_of.items() if times > 1] == []
    assert all(kind.record for kind in kinds)
    reasons = {change.reason for kind in kinds for change in kind.changes.values() if change.reason}
    assert [reason for reason in reasons if not 10 < len(reason) <= LONGEST_REASON or reason[-1] in ".!?"] == []


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    """A database to be connected to; nothing is asked of it."""
    with databases.fresh("analytics") as fresh:
        yield fresh.url


def settings_of(context: str, url: str) -> Settings:
    prefix = context.upper()
    environment = {
        f"{prefix}_DATABASE_URL": url,
        f"{prefix}_AMQP_URL": "amqp://nobody:nothing@127.0.0.1:1/none",
        f"{prefix}_MASTER_KEY": b64encode(bytes(32)).decode(),
        f"{prefix}_SERVICE_SECRET": "secret",
        "HEADWATER_TOKEN_PUBLIC_KEY": signing_key().public_pem,
        "IDENTITY_SIGNING_KEY": signing_key().private_pem,
    }
    return Settings.from_environment(context, environment)
