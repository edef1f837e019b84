"""Why nothing that people did here is taken back by an undo: rights are given and withdrawn by hand, one by one."""

from __future__ import annotations

from collections.abc import Sequence

from identity.domain import api_client, person, role, session, sign_in_policy, team
from kernel.reversals import Reason, Reversals, kept

_TEAM = Reason("teams_decide", "who sees what follows from the teams: set it right by hand")
_ROLE = Reason("roles_decide", "who may do what follows from the roles: set it right by hand")
_PERSON = Reason("people_by_hand", "who may come in is decided by hand: set it right among the people")
_GRANT = Reason("rights_by_hand", "rights are not given or withdrawn by an undo: grant or withdraw the role by hand")
_OWN = Reason("sign_in_is_his", "how somebody signs in is his own: he, or who helps him, sets it anew")
_SEEN = Reason("signed_in", "that somebody signed in or out is a fact")
_CLIENT = Reason("client_by_hand", "what a program may do is decided by hand: rotate or revoke its secret")

REVERSALS: Sequence[Reversals] = (
    kept(
        "team",
        {
            team.TeamFormed: Reason("team_by_hand", "dissolve the team by hand: people may be in it"),
            team.TeamRenamed: _TEAM,
            team.TeamMoved: _TEAM,
            team.TeamManagerAppointed: _TEAM,
            team.TeamDissolved: Reason("team_dissolved", "a dissolved team is formed anew by hand"),
        },
    ),
    kept(
        "role",
        {
            role.RoleDefined: _ROLE,
            role.RoleRevised: _ROLE,
            role.RoleRetired: Reason("role_retired", "a retired role is defined anew by hand"),
        },
    ),
    kept(
        "person",
        {
            person.PersonJoined: _PERSON,
            person.PersonRevised: _PERSON,
            person.PersonMoved: _TEAM,
            person.PersonLeft: _PERSON,
            person.PersonReturned: _PERSON,
            person.RoleGranted: _GRANT,
            person.RoleWithdrawn: _GRANT,
            person.PasswordChanged: _OWN,
            person.SecondFactorEnrolled: _OWN,
            person.SecondFactorRemoved: _OWN,
            person.RecoveryCodeUsed: _SEEN,
            person.ProviderLinked: _OWN,
            person.ProviderUnlinked: _OWN,
        },
    ),
    kept(
        "session",
        {
            session.SessionOpened: _SEEN,
            session.IdentitySwitched: _SEEN,
            session.AccountSharingSuspected: _SEEN,
            session.SessionClosed: _SEEN,
        },
    ),
    kept(
        "sign-in policy",
        {
            sign_in_policy.SignInPolicySet: Reason(
                "sign_in_policy_by_hand", "people sign in by it: set it right by hand"
            )
        },
    ),
    kept(
        "API client",
        {
            api_client.ApiClientRegistered: _CLIENT,
            api_client.ApiClientRotated: _CLIENT,
            api_client.ApiClientRevoked: Reason("client_revoked", "a revoked client is registered anew by hand"),
        },
    ),
)
"""Every event, so that a person's day shows all he did, with what to do instead."""
