"""Brings a service's empty test database up to date through the kernel's own migrations."""

from __future__ import annotations

from importlib.util import find_spec

from kernel.migrations import folder_of, migrate

KERNEL = "kernel"
"""The name of a database that holds the kernel's tables and no service's."""


def migrate_service(owner_url: str, service: str, service_role: str) -> None:
    """Apply the kernel's and then the service's migrations as the owner."""
    folders = []
    if service != KERNEL:
        found = find_spec(service)
        if found is None or found.origin is None:
            raise LookupError(f"no package {service!r}: a database is named after its service")
        folders.append(folder_of(found.origin))
    migrate(owner_url, folders, service_role)
