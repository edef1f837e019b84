"""`python -m identity bootstrap`: preset roles, service accounts and the first administrator, once.

Running it again changes nothing that is there; a service's changed secret is taken over.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence

from identity import accounts
from identity.accounts import Passwords
from identity.api_clients import ApiClients
from identity.application import Identity
from identity.bootstrap import EVENTS, MESSAGES, VIEWS
from identity.domain.presets import SERVICE_PERMISSIONS
from identity.sessions import Sessions
from kernel.config import Settings, with_files
from kernel.service import open_store
from kernel.store import Cause


def install(
    settings: Settings,
    *,
    login: str,
    password: str,
    name: str = "Administrator",
    email: str = "",
    secrets: Mapping[str, str],
    passwords: Passwords | None = None,
) -> list[str]:
    """Return a line for everything that was made. Without a login, no administrator is made."""
    store = open_store(settings, EVENTS, MESSAGES, VIEWS)
    passwords = passwords or Passwords()
    identity = Identity(passwords, Sessions(store, passwords), ApiClients(store))
    told: list[str] = []
    try:
        with store.transaction(Cause.of("service:identity", "install")) as tx:
            if made := identity.install_presets(tx):
                told.append(f"{made} preset roles defined")
            for service, secret in sorted(secrets.items()):
                patterns = SERVICE_PERMISSIONS[service]
                if accounts.keep_service(tx.cursor, service, secret, patterns, tx.recorded_at):
                    told.append(f"service {service} may ask for tokens")
            if login:
                administrator = identity.install_administrator(
                    tx, login=login, password=password, name=name, email=email
                )
                told.append(
                    f"administrator {login} made" if administrator else "there is an administrator already; none made"
                )
    finally:
        store.close()
    return told


def secrets_from(environment: Mapping[str, str]) -> dict[str, str]:
    """The secret of every service that has its <SERVICE>_SERVICE_SECRET in the environment."""
    return {
        service: secret
        for service in SERVICE_PERMISSIONS
        if (secret := environment.get(f"{service.upper()}_SERVICE_SECRET"))
    }


def main(arguments: Sequence[str]) -> None:
    """The password comes from IDENTITY_ADMIN_PASSWORD or _PASSWORD_FILE only: everybody sees arguments."""
    wrong: list[str] = []
    environment = with_files(os.environ, wrong)
    parser = argparse.ArgumentParser(prog="python -m identity bootstrap", description=__doc__)
    parser.add_argument("--login", default=environment.get("IDENTITY_ADMIN_LOGIN", ""))
    parser.add_argument("--name", default="Administrator")
    parser.add_argument("--email", default="")
    options = parser.parse_args(arguments)
    password = environment.get("IDENTITY_ADMIN_PASSWORD", "")
    if wrong:
        parser.error("; ".join(wrong))
    if bool(options.login) != bool(password):
        parser.error("give both a login and IDENTITY_ADMIN_PASSWORD, or neither")
    told = install(
        Settings.from_environment("identity"),
        login=options.login,
        password=password,
        name=options.name,
        email=options.email,
        secrets=secrets_from(environment),
    )
    print("\n".join(f"identity: {line}" for line in told or ["everything was there already"]))
