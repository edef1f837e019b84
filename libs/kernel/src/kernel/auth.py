"""Who is asking, and what he may do. Tokens are verified here; only identity can issue them.

A token is a JWT signed with EdDSA, good for 55 seconds. Claims: `sub` person, client or service id;
`kind` person | client | service; `name` a label that is not personal (the login of a service, the person's
id otherwise); `roles`; `perms` permission patterns; `scope` own | team | all; `owners` the people whose
records a team scope shows (the person included); `teams` the person's team and those above it; `customer`
whose guest the person is, absent for staff; `fields` what roles may not see or write of a record, one
list of [pattern, access] for each role held, absent when one of them restricts nothing; `iat`, `exp`,
`aud` = "headwater".
"""

from __future__ import annotations

import time
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from kernel.errors import Unauthenticated
from kernel.fields import FieldRules

AUDIENCE = "headwater"
ALGORITHM = "EdDSA"
TOKEN_LIFE = timedelta(seconds=55)
LEEWAY = timedelta(seconds=5)
"""For clocks that differ. Life and leeway make 60 s: how long a leaver's last token is worth anything."""

_EXPIRED = "the token has expired; ask for a fresh one"
_MOST_VERIFIED = 4096

Scope = Literal["own", "team", "all"]


@dataclass(frozen=True, slots=True)
class Caller:
    """The verified holder of a token."""

    kind: Literal["person", "client", "service", "nobody"]
    subject: str
    roles: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    scope: Scope = "own"
    owners: tuple[UUID, ...] = ()
    fields: FieldRules = ()
    guest_of: UUID | None = None
    """The party (for us: the customer) that a portal user or partner belongs to; None for staff."""
    teams: tuple[UUID, ...] = ()

    @property
    def person_id(self) -> UUID | None:
        """The person's id; None for clients, services and the public."""
        return UUID(self.subject) if self.kind == "person" else None

    @property
    def actor(self) -> str:
        """How events name the caller."""
        return f"{self.kind}:{self.subject}"

    @property
    def name(self) -> str:
        """A label for logs; never a person's name."""
        return self.actor

    def may(self, permission: str) -> bool:
        """Whether a pattern held covers "context.noun.verb". Which verb covers which: `_COVERED_BY`."""
        return _covers(self.permissions, permission)

    def sees(self, owner_id: UUID | None, party_id: UUID | None = None, parties: Container[UUID | None] = ()) -> bool:
        """Whether a record of that owner is in the caller's data scope; unowned: not in scope own.

        `party_id` is whom the record is about; those in `parties` (see `kernel.parties`) he sees whoever owns them.
        """
        if self.scope == "all" or (party_id is not None and party_id in parties):
            return True
        if owner_id is None:
            return self.scope == "team"
        return owner_id == self.person_id or (self.scope == "team" and owner_id in self.owners)

    def scope_filter(self, column: str, party: str = "", parties: Sequence[UUID] = ()) -> tuple[str, list[Any]]:
        """Return an SQL condition over the owner's column, and its parameters.

        `party` is the column of whom the record is about, `parties` as for `sees`. Columns are written by us,
        never by a user.
        """
        if self.scope == "all":
            return "true", []
        mine = [self.person_id] if self.person_id else []
        text, values = f"{column} = any(%s)", [mine]
        if self.scope == "team":
            text, values = f"({column} = any(%s) or {column} is null)", [[*self.owners, *mine]]
        if party and parties:
            return f"({text} or {party} = any(%s))", [*values, list(parties)]
        return text, values


NOBODY = Caller("nobody", "public")


@lru_cache(maxsize=4096)
def _covers(patterns: tuple[str, ...], permission: str) -> bool:
    area, _, verb = permission.rpartition(".")
    verbs = _COVERED_BY.get(verb, (verb,))
    return any(fnmatchcase(f"{area}.{v}", pattern) for pattern in patterns for v in verbs)


_COVERED_BY = {
    # "view" is another word for "read". Whoever edits sees what he edits; whoever only creates need not.
    "read": ("read", "view", "edit", "write", "approve", "admin"),
    "view": ("view", "read", "edit", "write", "approve", "admin"),
    "write": ("write", "admin"),
    "create": ("create", "write", "admin"),
    "edit": ("edit", "write", "admin"),
    "approve": ("approve", "admin"),
    # To delete, to import and to export is not part of writing and reading: each is granted by its name.
    "delete": ("delete", "admin"),
    "import": ("import", "admin"),
    "export": ("export", "admin"),
}
"""Verb an RPC asks for -> verbs of a pattern that include it."""


class Verifier:
    """Checks tokens against identity's public key; each once, for as long as it is good."""

    def __init__(self, public_key_pem: str) -> None:
        self._key: Any = load_pem_public_key(public_key_pem.encode())
        self._verified: dict[str, tuple[float, Caller]] = {}

    def verify(self, token: str) -> Caller:
        """Return who holds the token; raise Unauthenticated with a reason that gives nothing away."""
        good_until, caller = self._verified.get(token) or self._verify(token)
        if good_until <= time.time():
            self._verified.pop(token, None)
            raise Unauthenticated(_EXPIRED)
        return caller

    def seconds_left(self, token: str) -> float:
        """How long a token is good from now on; 0 for one that was not verified here."""
        good_until, _ = self._verified.get(token) or (0.0, NOBODY)
        return max(0.0, good_until - time.time())

    def _verify(self, token: str) -> tuple[float, Caller]:
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "sub", "aud"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated(_EXPIRED) from error
        except jwt.InvalidTokenError as error:
            raise Unauthenticated("the token is not valid") from error
        guest_of = UUID(claims["customer"]) if claims.get("customer") else None
        caller = Caller(
            kind=claims.get("kind", "person"),
            subject=claims["sub"],
            roles=tuple(claims.get("roles", ())),
            permissions=tuple(claims.get("perms", ())),
            scope=claims.get("scope", "own") if guest_of is None else "own",
            owners=tuple(UUID(owner) for owner in claims.get("owners", ())),
            fields=tuple(tuple((str(p), str(a)) for p, a in role) for role in claims.get("fields", ())),
            guest_of=guest_of,
            teams=tuple(UUID(team) for team in claims.get("teams", ())),
        )
        if len(self._verified) >= _MOST_VERIFIED:
            self._verified.clear()
        known = self._verified[token] = (claims["exp"] + LEEWAY.total_seconds(), caller)
        return known


def claims_of(caller: Caller) -> dict[str, Any]:
    """Return the claims that `Verifier.verify` turns back into this caller, without times and audience."""
    return {
        "sub": caller.subject,
        "kind": caller.kind,
        "roles": list(caller.roles),
        "perms": list(caller.permissions),
        "scope": caller.scope,
        "owners": [str(owner) for owner in caller.owners],
        **({"fields": [[list(rule) for rule in role] for role in caller.fields]} if caller.fields else {}),
        **({"customer": str(caller.guest_of)} if caller.guest_of else {}),
        **({"teams": [str(team) for team in caller.teams]} if caller.teams else {}),
    }


def all_of(*, service: str, permissions: Sequence[str] = ("*",)) -> Caller:
    """Return the caller that a service is when nobody asked it."""
    return Caller("service", service, ("service",), tuple(permissions), "all")
