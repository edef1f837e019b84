"""A pipeline service over a fresh database, asked in process over gRPC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from kernel.service import Service, endpoints_of
from kernel.timers import TimerRunner
from testkit import a_caller
from testkit.grpc_server import channel_as, serving


@pytest.fixture
def service(a_settings: Callable[..., Any]) -> Iterator[Service]:
    from pipeline.bootstrap import bootstrap

    made = bootstrap(a_settings("pipeline"))
    yield made
    made.store.close()


@pytest.fixture
def target(service: Service) -> Iterator[str]:
    from kernel.wire import Peers

    with serving(*endpoints_of(service, Peers({}))) as at:
        yield at


@pytest.fixture
def asked_by(target: str) -> Iterator[Callable[..., Any]]:
    """`asked_by(caller, *metadata)`: the five services' stubs with that caller's token."""
    from crm.pipeline.v1 import (
        catalogue_service_pb2_grpc,
        lead_service_pb2_grpc,
        opportunity_service_pb2_grpc,
        sales_service_pb2_grpc,
        voucher_service_pb2_grpc,
    )

    with ExitStack() as stack:

        def stubs(caller: Any = None, *metadata: tuple[str, str]) -> SimpleNamespace:
            caller = caller or a_caller()
            channel = stack.enter_context(channel_as(target, caller, metadata))
            return SimpleNamespace(
                caller=caller,
                person_id=str(caller.person_id),
                leads=lead_service_pb2_grpc.LeadServiceStub(channel),
                deals=opportunity_service_pb2_grpc.OpportunityServiceStub(channel),
                catalogue=catalogue_service_pb2_grpc.CatalogueServiceStub(channel),
                sales=sales_service_pb2_grpc.SalesServiceStub(channel),
                vouchers=voucher_service_pb2_grpc.VoucherServiceStub(channel),
            )

        yield stubs


@pytest.fixture
def crm(asked_by: Callable[..., Any]) -> SimpleNamespace:
    """Somebody who may do everything."""
    made: SimpleNamespace = asked_by()
    return made


@pytest.fixture
def days_later(service: Service) -> Callable[[int], int]:
    """`days_later(8)`: fire every timer that is due within so many days; returns how many fired."""

    def fire(days: int) -> int:
        object.__setattr__(service.store, "clock", lambda: datetime.now(UTC) + timedelta(days=days))
        try:
            return TimerRunner("pipeline", service.store, service.timers).run_once()
        finally:
            object.__setattr__(service.store, "clock", lambda: datetime.now(UTC))

    return fire


@pytest.fixture
def log_of(service: Service) -> Callable[[str], list[Any]]:
    """`log_of(id)`: what is recorded in that stream."""
    from uuid import UUID

    from pipeline.application.streams import read

    def events(stream: str) -> list[Any]:
        with service.store.query() as cursor:
            return read(service.store, cursor, [UUID(stream)]).get(UUID(stream), [])

    return events
