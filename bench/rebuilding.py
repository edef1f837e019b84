"""How fast views are replayed beside the live ones."""

from __future__ import annotations

from bench.figures import Figure
from bench.projecting import OURS, bus
from bench.relaying import relaying
from bench.service import service, settings
from bench.stage import LONGEST_S, Stage, execute, fill
from bench.views import TABLES, TOTALS
from kernel.rebuild import compare
from testkit import wait_until


def measure(stage: Stage) -> list[Figure]:
    """Events per second of an eventual view's replay over the broker, comparison included."""
    with stage.database() as owner, stage.database() as database, stage.vhost() as amqp_url:
        execute(database.owner_url, TABLES)
        fill(owner, OURS)
        with relaying(owner.url, amqp_url), bus(database.url, amqp_url, "totals"):
            wait_until(lambda: execute(database.url, "select sum(amount) from totals") == [(300 * OURS,)], LONGEST_S)
            own = service(settings(database.url, amqp_url, database.owner_url), TOTALS)
            result = compare(own, TOTALS)
    assert result.equal, result
    return [Figure("rebuild of an eventual view", "plain", round(result.rate), "events/s")]
