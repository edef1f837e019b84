"""How fast views are replayed beside the live ones."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

from bench.figures import Figure
from bench.projecting import OURS, bus
from bench.relaying import relaying
from bench.stage import Stage, execute, fill
from bench.views import TABLES, TOTALS
from kernel.rebuild import compare


def measure(stage: Stage) -> list[Figure]:
    """Events per second of an eventual view's replay over the broker, comparison included."""
    with stage.database() as owner, stage.database() as database, stage.vhost() as amqp_url:
        execute(database.owner_url, TABLES)
        fill(owner, OURS)
        with relaying(owner.url, amqp_url), bus(database.url, amqp_url, "totals"):
            while execute(database.url, "select sum(amount) from totals") != [(300 * OURS,)]:
                time.sleep(0.05)
            settings = SimpleNamespace(owner_url=lambda: database.owner_url, amqp_url=amqp_url)
            service: Any = SimpleNamespace(name="bench", settings=settings, store=None)
            result = compare(service, TOTALS)
    assert result.equal, result
    return [Figure("rebuild of an eventual view", "plain", round(result.rate), "events/s")]
