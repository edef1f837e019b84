"""What waits in a running suite: events not yet published, views and reactions behind others' logs, what is parked.

Read from the services' own databases, each as its service: what is compared is how far a relay has published a log and
how far the consumers have come in it. Nothing is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from headwater.home import Home
from headwater.operating import settings_of
from kernel.consumers import VIEWS
from kernel.relay import WHAT_WAITS
from kernel.unheard import known_now

LATE_AFTER_S = 60.0
"""From when it is worth somebody's look: the same as the alerts'."""

_MOST_COUNTED = 100_000
_TIMEOUT_S = 10

_TO_PUBLISH = f"""
    select count(*) as events, coalesce(extract(epoch from now() - min(recorded_at)), 0)::float8 as seconds
    from (select recorded_at from events
        where notification_id > coalesce((select position from relay_checkpoint where relay = 'events'), 0)
        limit {_MOST_COUNTED}) e
"""
_OLDEST_IN_SLOT = """
    select extract(epoch from now() - recorded_at)::float8 as seconds from events
    where notification_id > %s and notification_id <= %s and slot_of(originator_id) = %s
    order by notification_id limit 1
"""


@dataclass(slots=True)
class Waiting:
    """What waits in one service."""

    service: str
    to_publish: int = 0
    """Events that the relay has not published yet; not counted beyond a hundred thousand."""
    to_publish_seconds: float = 0.0
    """How old the oldest of them is."""
    behind: dict[tuple[str, str], float] = field(default_factory=dict)
    """By consumer and the service whose events it follows: the age in seconds of the oldest event not yet handled."""
    parked_streams: int = 0
    failed_timers: int = 0
    timers_overdue_seconds: float = 0.0
    views_lack: int = 0
    """Events that older code passed over in views, and that this code knows."""

    @property
    def is_late(self) -> bool:
        """Whether somebody should look."""
        oldest = max(self.timers_overdue_seconds, self.to_publish_seconds, *self.behind.values())
        return oldest > LATE_AFTER_S or self.parked_streams + self.failed_timers + self.views_lack > 0

    def words(self) -> str:
        """In one line."""
        said = []
        if self.to_publish:
            said.append(f"{self.to_publish:,} events not published, the oldest {self.to_publish_seconds:,.0f} s old")
        said += [f"{consumer} {seconds:,.0f} s behind {owner}" for (consumer, owner), seconds in self.behind.items()]
        said += [f"{self.parked_streams} streams parked"] if self.parked_streams else []
        said += [f"{self.failed_timers} timers failed"] if self.failed_timers else []
        said += [f"views lack {self.views_lack:,} events"] if self.views_lack else []
        if self.timers_overdue_seconds > LATE_AFTER_S:
            said.append(f"timers {self.timers_overdue_seconds:,.0f} s overdue")
        return "; ".join(said) or "nothing waits"

    def advice(self) -> list[str]:
        """What to do, a sentence for each thing that is late."""
        done = []
        if self.to_publish_seconds > LATE_AFTER_S:
            done.append(f"{self.service} publishes late: see its relay in the log of apis; does RabbitMQ run?")
        if max(self.behind.values(), default=0.0) > LATE_AFTER_S:
            done.append(f"{self.service} is behind: ask again; if it does not catch up, the log of buses says why")
        if self.parked_streams or self.failed_timers:
            done.append(
                f"{self.service} has set things aside: headwater parked list {self.service} says why,"
                f" headwater parked retry {self.service} tries again in order"
            )
        if self.views_lack:
            done.append(
                f"{self.service} met events that its code did not know before the upgrade: once no old bus runs,"
                f" headwater rebuild {self.service} brings its views up to date"
            )
        if self.timers_overdue_seconds > LATE_AFTER_S:
            done.append(f"timers of {self.service} are overdue: see its worker in the log of apis")
        return done

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "service": self.service,
            "late": self.is_late,
            "to_publish": self.to_publish,
            "to_publish_s": round(self.to_publish_seconds, 1),
            "behind": [
                {"consumer": consumer, "of": owner, "oldest_s": round(seconds, 1)}
                for (consumer, owner), seconds in self.behind.items()
            ],
            "parked_streams": self.parked_streams,
            "failed_timers": self.failed_timers,
            "views_lack": self.views_lack,
            "timers_overdue_s": round(self.timers_overdue_seconds, 1),
        }


def waiting(home: Home, modules: Sequence[str]) -> list[Waiting]:
    """Return what waits in each of these services. Raises psycopg.Error when a database does not answer."""
    connections = {name: _connect(home, name) for name in modules}
    try:
        published = {name: _published(connection) for name, connection in connections.items()}
        return [_of(name, connections, published) for name in modules]
    finally:
        for connection in connections.values():
            connection.close()


def _of(name: str, connections: dict[str, Connection[DictRow]], published: dict[str, list[int]]) -> Waiting:
    connection, found = connections[name], Waiting(name)
    row = _one(connection, _TO_PUBLISH)
    found.to_publish, found.to_publish_seconds = row["events"], row["seconds"]
    waits = _one(connection, WHAT_WAITS)
    found.parked_streams, found.failed_timers = waits["parked_streams"], waits["failed_timers"]
    found.views_lack = sum(known_now(connection, VIEWS).values())
    found.timers_overdue_seconds = float(waits["timers_overdue_seconds"])
    for row in connection.execute("select consumer, context, slot, position from tracking order by 1, 2, 3").fetchall():
        owner, slots = row["context"], published.get(row["context"], [])
        last = slots[row["slot"]] if row["slot"] < len(slots) else 0
        if row["position"] < last:
            values = (row["position"], last, row["slot"])
            oldest = connections[owner].execute(_OLDEST_IN_SLOT.encode(), values).fetchone()
            if oldest is not None:
                key = (row["consumer"], owner)
                found.behind[key] = max(oldest["seconds"], found.behind.get(key, 0.0))
    return found


def _published(connection: Connection[DictRow]) -> list[int]:
    """The last position of each slot that the relay knows to be published."""
    row = connection.execute("select slot_positions from relay_checkpoint where relay = 'events'").fetchone()
    return list(row["slot_positions"]) if row else []


def _one(connection: Connection[DictRow], statement: str, values: Sequence[Any] = ()) -> DictRow:
    row = connection.execute(statement.encode(), values).fetchone()
    assert row is not None
    return row


def _connect(home: Home, name: str) -> Connection[DictRow]:
    connection = psycopg.connect(
        settings_of(name, home).database_url, autocommit=True, row_factory=dict_row, connect_timeout=_TIMEOUT_S
    )
    connection.execute(f"set statement_timeout = '{_TIMEOUT_S}s'".encode())
    return connection
