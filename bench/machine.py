"""What was measured on: without it a figure says nothing."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg

from headwater.servers.management import Management


def facts(postgres_url: str, management: Management) -> dict[str, Any]:
    """Return the machine's processors and memory, the versions of everything, and how busy it is."""
    with psycopg.connect(postgres_url) as connection:
        row = connection.execute("show server_version").fetchone()
    broker: Any = management.ask("GET", "overview")
    return {
        "processor": _line("/proc/cpuinfo", "model name"),
        "processors": os.cpu_count(),
        "memory": _line("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "postgresql": row[0] if row else "",
        "rabbitmq": str(broker["rabbitmq_version"]),
        "packages": {
            name: version(name) for name in ("eventsourcing", "psycopg", "kombu", "amqp", "nameko", "protobuf")
        },
        "load_average_before": os.getloadavg()[0],
    }


def _line(path: str, name: str) -> str:
    file = Path(path)
    if not file.exists():
        return platform.processor()
    for line in file.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
