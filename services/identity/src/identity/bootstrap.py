"""Puts the service together; the only place that chooses implementations."""

from __future__ import annotations

from crm.identity.v1 import (
    access_service_pb2,
    api_client_events_pb2,
    api_client_service_pb2,
    directory_service_pb2,
    identity_service_pb2,
    person_events_pb2,
    role_events_pb2,
    sign_in_policy_events_pb2,
    sign_in_service_pb2,
    team_events_pb2,
)
from identity.accounts import Passwords
from identity.api_clients import ApiClients
from identity.application import Identity, timers
from identity.directory_sync import DirectorySync
from identity.domain import api_client, person, role, session, sign_in_policy, team
from identity.entrypoints.access_api import AccessApi
from identity.entrypoints.api_client_api import ApiClientApi
from identity.entrypoints.directory_api import DirectoryApi
from identity.entrypoints.grpc_api import IdentityApi
from identity.entrypoints.sign_in_api import SignInApi
from identity.projections import api_clients, people, permission_changes, roles, teams
from identity.projections import sign_in_policy as signing_in_views
from identity.provider_sign_in import ProviderSignIn
from identity.providers import providers_from, ways_out
from identity.reversals import REVERSALS
from identity.sessions import Sessions
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
    session.IdentitySwitched,
    session.AccountSharingSuspected,
    session.SessionClosed,
    sign_in_policy.SignInPolicySet,
    api_client.ApiClientRegistered,
    api_client.ApiClientRotated,
    api_client.ApiClientRevoked,
)
MESSAGES = (team_events_pb2, role_events_pb2, person_events_pb2, sign_in_policy_events_pb2, api_client_events_pb2)
VIEWS = (
    people.VIEW,
    teams.VIEW,
    roles.VIEW,
    permission_changes.VIEW,
    signing_in_views.POLICY,
    signing_in_views.SHARING,
    api_clients.VIEW,
)


def bootstrap(settings: Settings, passwords: Passwords | None = None) -> Service:
    signing_key = settings.extra.get(SIGNING_KEY, "")
    if not signing_key:
        raise ConfigurationError(f"identity cannot start:\n  {SIGNING_KEY} is missing")
    store = open_store(settings, EVENTS, MESSAGES, VIEWS)
    passwords = passwords or Passwords()
    sessions = Sessions(store, passwords)
    clients = ApiClients(store, settings.sandbox)
    identity = Identity(passwords, sessions, clients)
    signer = Signer(signing_key)
    services = (
        identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"],
        access_service_pb2.DESCRIPTOR.services_by_name["AccessService"],
        sign_in_service_pb2.DESCRIPTOR.services_by_name["SignInService"],
        api_client_service_pb2.DESCRIPTOR.services_by_name["ApiClientService"],
        directory_service_pb2.DESCRIPTOR.services_by_name["DirectoryService"],
    )
    known = providers_from(settings.extra)
    providers = ProviderSignIn(store, sessions, known)
    directories = DirectorySync(identity, known)
    apis = (
        IdentityApi(identity, sessions, signer, modules=settings.modules, sandbox=settings.sandbox),
        AccessApi(store),
        SignInApi(identity, sessions, providers),
        ApiClientApi(clients, signer),
        DirectoryApi(directories),
    )
    return Service(
        name="identity",
        settings=settings,
        store=store,
        apis=list(zip(services, apis, strict=True)),
        inline=VIEWS,
        timers=timers(identity),
        jobs=directories.jobs(),
        personal=PersonalData(keeps_keys=True),  # its subjects are the staff
        undoing=REVERSALS,
        outbound=ways_out(known),
    )
