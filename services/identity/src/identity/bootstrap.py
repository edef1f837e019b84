"""Puts the service together; the only place that chooses implementations."""

from __future__ import annotations

from crm.identity.v1 import (
    access_service_pb2,
    identity_service_pb2,
    person_events_pb2,
    role_events_pb2,
    team_events_pb2,
)
from identity.accounts import Passwords
from identity.application import Identity, timers
from identity.domain import person, role, session, team
from identity.entrypoints.access_api import AccessApi
from identity.entrypoints.grpc_api import IdentityApi
from identity.projections import people, permission_changes, roles, teams
from identity.signing import Signer
from kernel.config import ConfigurationError, Settings
from kernel.forgetting import PersonalData
from kernel.service import Service, open_store

SIGNING_KEY = "IDENTITY_SIGNING_KEY"

EVENTS: tuple[type, ...] = (
    team.TeamFormed,
    team.TeamRenamed,
    team.TeamMoved,
    team.TeamManagerAppointed,
    team.TeamDissolved,
    role.RoleDefined,
    role.RoleRevised,
    role.RoleRetired,
    person.PersonJoined,
    person.PersonRevised,
    person.PersonMoved,
    person.PersonLeft,
    person.PersonReturned,
    person.RoleGranted,
    person.RoleWithdrawn,
    person.PasswordChanged,
    person.SecondFactorEnrolled,
    person.SecondFactorRemoved,
    person.RecoveryCodeUsed,
    person.ProviderLinked,
    person.ProviderUnlinked,
    session.SessionOpened,
    session.SessionClosed,
)
MESSAGES = (team_events_pb2, role_events_pb2, person_events_pb2)
VIEWS = (people.VIEW, teams.VIEW, roles.VIEW, permission_changes.VIEW)


def bootstrap(settings: Settings, passwords: Passwords | None = None) -> Service:
    signing_key = settings.extra.get(SIGNING_KEY, "")
    if not signing_key:
        raise ConfigurationError(f"identity cannot start:\n  {SIGNING_KEY} is missing")
    store = open_store(settings, EVENTS, MESSAGES, VIEWS)
    identity = Identity(store, passwords or Passwords())
    services = (
        identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"],
        access_service_pb2.DESCRIPTOR.services_by_name["AccessService"],
    )
    apis = (IdentityApi(identity, Signer(signing_key)), AccessApi(store))
    return Service(
        name="identity",
        settings=settings,
        store=store,
        apis=list(zip(services, apis, strict=True)),
        inline=VIEWS,
        timers=timers(identity),
        personal=PersonalData(keeps_keys=True),  # its subjects are the staff
    )
