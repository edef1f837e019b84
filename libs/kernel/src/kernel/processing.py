"""The register of processing: where personal data stands, how it is kept, and where it may go.

Made from what code obeys: the purges say which tables hold it in clear, the marks in the contracts which events seal
it. A service names its ways out itself; a test refuses a module that can call out and is named by none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from crm.audit.v1 import processing_service_pb2 as pb
from crm.options.v1.options_pb2 import subject

if TYPE_CHECKING:
    from kernel.rpc import Call
    from kernel.service import Service


@dataclass(frozen=True, slots=True)
class Outbound:
    """A way out of the suite. `url` is where it leads, "" while `setting` does not switch it on.

    `modules` are the modules of the service that make the call.
    """

    purpose: str
    carries: str
    setting: str
    url: str
    modules: tuple[str, ...] = ()


def telemetry(otlp_endpoint: str) -> Outbound:
    """The way out that every service has."""
    return Outbound(
        "traces and metrics",
        "names of calls and events, times, ids; never personal text",
        "HEADWATER_OTLP_ENDPOINT",
        otlp_endpoint,
        ("kernel.telemetry",),
    )


class ProcessingApi:
    def __init__(self, service: Service) -> None:
        self._service = service

    def DescribeProcessing(self, request: Any, _: Call) -> pb.DescribeProcessingResponse:
        service, settings = self._service, self._service.settings
        purges = service.personal.purges if service.personal else ()
        return pb.DescribeProcessingResponse(
            context=service.name,
            location=settings.location,
            storage_encryption=settings.storage_encryption,
            destroys_keys_in_backups=bool(settings.extra.get(f"{service.name.upper()}_KEYRING")),
            encrypts_hops=settings.tls is not None,
            clear_tables=[pb.ClearTable(table=it.table, columns=it.columns) for it in purges],
            sealed_events=sorted(
                name
                for name, message in service.store.codec.types.items()
                if message.DESCRIPTOR.GetOptions().Extensions[subject]
            ),
            outbound_calls=[_shown(it) for it in (*service.outbound, telemetry(settings.otlp_endpoint))],
        )


def outbound_of(services: Sequence[Service]) -> list[Outbound]:
    """Every way out that the services name."""
    return [way for service in services for way in (*service.outbound, telemetry(service.settings.otlp_endpoint))]


def _shown(way: Outbound) -> pb.OutboundCall:
    return pb.OutboundCall(
        purpose=way.purpose,
        carries=way.carries,
        setting=way.setting,
        switched_on=bool(way.url),
        host=(urlsplit(way.url).hostname or "") if way.url else "",
    )
