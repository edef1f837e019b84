"""What the tests of analytics share: events as the bus would deliver them, folded into real tables."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from google.protobuf.message import Message
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from analytics.application import Analytics
from analytics.bootstrap import VIEWS
from crm.pipeline.v1 import opportunity_events_pb2 as deal
from crm.pipeline.v1 import pipeline_definition_events_pb2 as definition
from kernel.auth import Caller
from kernel.ids import derived_id
from kernel.log import Metadata
from kernel.projections import Delivered
from kernel.slots import slot_of
from testkit import a_caller
from testkit.real_data import folder_of

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def named(*parts: object) -> str:
    """The same id for the same name."""
    return str(derived_id("test", *parts))


@dataclass
class Happenings:
    """A log of other contexts' events: each gets the next position and its stream's next version."""

    events: list[Delivered] = field(default_factory=list)
    _versions: dict[UUID, int] = field(default_factory=dict)

    def add(
        self,
        message: Any,
        at: datetime = NOW,
        stream: str = "",
        recorded_at: datetime | None = None,
        actor: str = "service:test",
        request_id: str = "",
    ) -> Delivered:
        first = message.DESCRIPTOR.fields[0].name
        stream_id = UUID(stream or getattr(message, first))
        version = self._versions.get(stream_id, 0) + 1
        self._versions[stream_id] = version
        position = len(self.events) + 1
        event_id = derived_id("event", position)
        event = Delivered(
            message.DESCRIPTOR.full_name.split(".")[1],
            slot_of(stream_id),
            position,
            stream_id,
            version,
            message.DESCRIPTOR.full_name,
            Metadata(
                event_id,
                recorded_at or at,
                at,
                actor,
                request_id or str(derived_id("request", position)),
                derived_id("correlation", position),
                None,
                "",
                "",
            ),
            message,
        )
        self.events.append(event)
        return event

    def opportunity(
        self,
        name: str,
        opened: datetime,
        amount: int = 100_00,
        currency: str = "CNY",
        moves: Sequence[tuple[str, datetime]] = (),
        won: datetime | None = None,
        lost: datetime | None = None,
        stage: str = "first",
        **given: Any,
    ) -> str:
        """An opportunity in the pipeline "main", moved through stages and perhaps closed."""
        opportunity_id = named("opportunity", name)
        opening = deal.OpportunityOpened(
            opportunity_id=opportunity_id,
            pipeline_id="main",
            stage_id=stage,
            title=name,
            probability=20,
            **given,
        )
        opening.amount.minor_units, opening.amount.currency_code = amount, currency
        self.add(opening, opened)
        here = stage
        for to_stage, at in moves:
            self.add(
                deal.OpportunityAdvanced(
                    opportunity_id=opportunity_id,
                    from_stage_id=here,
                    to_stage_id=to_stage,
                    probability=50,
                ),
                at,
            )
            here = to_stage
        if won:
            winning = deal.OpportunityWon(opportunity_id=opportunity_id, from_stage_id=here)
            winning.amount.minor_units, winning.amount.currency_code = amount, currency
            self.add(winning, won)
        if lost:
            self.add(
                deal.OpportunityLost(opportunity_id=opportunity_id, reason="price", from_stage_id=here),
                lost,
            )
        return opportunity_id

    def pipeline(self, norm_days: int = 10) -> None:
        """The pipeline "main": first, second, third."""
        stages = [
            definition.Stage(
                stage_id=stage,
                name=stage.title(),
                probability=20 * place,
                order=place,
                norm_days=norm_days,
                kind=definition.STAGE_KIND_OPEN,
            )
            for place, stage in enumerate(("first", "second", "third"), 1)
        ]
        self.add(
            definition.PipelineDefined(pipeline_id="main", name="Main", stages=stages),
            at=NOW - timedelta(days=900),
            stream=named("pipeline", "main"),
        )


@pytest.fixture
def happenings() -> Happenings:
    return Happenings()


@dataclass
class Folding:
    """The views' tables in a real database."""

    connection: Connection[DictRow]

    def feed(self, events: Sequence[Delivered], batch: int = 500) -> None:
        """Project events batch by batch, each in its own pipelined transaction as on the bus."""
        for start in range(0, len(events), batch):
            part = events[start : start + batch]
            with (
                self.connection.pipeline(),
                self.connection.transaction(),
                self.connection.cursor() as cursor,
            ):
                for view in VIEWS:
                    mine = [event for event in part if event.context in view.contexts]
                    if mine:
                        view.project(cursor, mine)

    def tables(self) -> dict[str, list[Any]]:
        """Every row of every view's table, in a fixed order."""
        return {
            table: sorted(
                repr(sorted(row.items())) for row in self.connection.execute(f"select * from {table}").fetchall()
            )
            for view in VIEWS
            for table in view.tables
        }

    def clear(self) -> None:
        for view in VIEWS:
            for table in view.tables:
                self.connection.execute(f"delete from {table}")

    def ask(self, question: Callable[..., Any], *arguments: Any, caller: Caller | None = None) -> Any:
        """Call a query with a cursor in front, and the caller and the time behind."""
        with self.connection.cursor() as cursor:
            return question(cursor, *arguments, caller or a_caller(), NOW)


@pytest.fixture
def folding(database: Callable[[str], Any]) -> Iterator[Folding]:
    with psycopg.connect(database("analytics").url, autocommit=True, row_factory=dict_row) as connection:
        yield Folding(connection)


@pytest.fixture
def analytics() -> Analytics:
    return Analytics(clock=lambda: NOW)


@pytest.fixture
def maven(happenings: Happenings) -> Happenings:
    """The Maven sales pipeline as events: opened, advanced and closed on their own dates, recorded today."""
    happenings.pipeline()
    with (folder_of("maven_crm") / "sales_pipeline.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            _maven_deal(happenings, row)
    return happenings


def _maven_deal(happenings: Happenings, row: dict[str, str]) -> None:
    engaged = row["engage_date"]
    opened = _day(engaged) if engaged else datetime(2017, 12, 31, tzinfo=UTC)
    opportunity_id = named("maven", row["opportunity_id"])
    messages: list[tuple[Message, datetime]] = [
        (
            deal.OpportunityOpened(
                opportunity_id=opportunity_id,
                pipeline_id="main",
                stage_id="second" if engaged else "first",
                owner_id=named("agent", row["sales_agent"]),
                customer_id=named("account", row["account"]) if row["account"] else "",
                product_ids=[named("product", row["product"])],
                probability=30,
            ),
            opened,
        )
    ]
    if row["deal_stage"] in ("Won", "Lost"):
        closing = deal.OpportunityWon if row["deal_stage"] == "Won" else deal.OpportunityLost
        message = closing(opportunity_id=opportunity_id, from_stage_id="second")
        message.amount.minor_units = int(float(row["close_value"] or 0) * 100)
        message.amount.currency_code = "USD"
        messages.append((message, _day(row["close_date"])))
    for message, at in messages:
        happenings.add(message, at, recorded_at=NOW - timedelta(hours=1))


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
