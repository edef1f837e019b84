"""Brings a service's empty test database up to date through the kernel's own migrations."""

from __future__ import annotations


def migrate_service(owner_url: str, service: str, service_role: str) -> None:
    """Apply the kernel's and then the service's migrations as the owner."""
    from kernel.migrations import migrate

    migrate(owner_url, service, service_role)
