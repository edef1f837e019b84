"""The service that is measured: a real one, with nothing in it but what a benchmark gives it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

from kernel.config import Settings
from kernel.projections import Eventual
from kernel.service import Service, open_store

CONTEXT = "bench"


def settings(database_url: str, amqp_url: str = "unused", owner_url: str = "", **more: str) -> Settings:
    """Settings as the environment would give them; `more` adds variables."""
    environment: Mapping[str, str] = {
        "BENCH_DATABASE_URL": database_url,
        "BENCH_OWNER_DATABASE_URL": owner_url or database_url,
        "BENCH_AMQP_URL": amqp_url,
        "BENCH_MASTER_KEY": b64encode(bytes(32)).decode(),
        "BENCH_SERVICE_SECRET": "unused",
        "HEADWATER_TOKEN_PUBLIC_KEY": "unused",
    }
    return Settings.from_environment(CONTEXT, {**environment, **more})


def service(of: Settings, *eventual: Eventual) -> Service:
    """A service with these views and no events of its own."""
    return Service(CONTEXT, of, open_store(of, (), ()), eventual=eventual)
