"""Who is that lead, and is he here already? Clear text for search, keyed hashes for duplicates.

Both go when the person is forgotten: by the LeadForgotten event, and on a rebuild because the text
reads as erased.
"""

from __future__ import annotations

import hmac
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.projections import Inline
from kernel.store import Recorded
from kernel.text import grams
from kernel.vault import ERASED
from pipeline.domain.lead import LeadCaptured, LeadCorrected, LeadForgotten
from pipeline.domain.lead_identity import identity_keys


class LeadPeople:
    """The view, and the questions asked of it. `secret` keys the hashes."""

    def __init__(self, secret: bytes) -> None:
        self._secret = hmac.digest(secret, b"pipeline lead identity", "sha256")
        self.inline = Inline("lead_people", ("lead_people", "lead_keys"), self.project)

    def project(self, cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
        match recorded.event:
            case LeadCaptured() | LeadCorrected() as said:
                self._forget(cursor, recorded.stream)
                person = (said.person_name, said.phone, said.email, said.company)
                if ERASED not in person:
                    self._remember(cursor, recorded.stream, *person)
            case LeadForgotten():
                self._forget(cursor, recorded.stream)

    def _remember(
        self, cursor: Cursor[DictRow], lead_id: UUID, name: str, phone: str, email: str, company: str
    ) -> None:
        pieces = grams(f"{name} {company} {email} {phone}")
        cursor.execute(
            "insert into lead_people (lead_id, person_name, phone, email, company, grams)"
            " values (%s, %s, %s, %s, %s, %s)",
            (lead_id, name, phone, email, company, pieces),
        )
        keys = self._keys(phone, email, company)
        if keys:
            cursor.execute(
                "insert into lead_keys (kind, key, lead_id)"
                " select kind, key, %s from unnest(%s::text[], %s::bytea[]) as k(kind, key)",
                (lead_id, [kind for kind, _ in keys], [key for _, key in keys]),
            )

    @staticmethod
    def _forget(cursor: Cursor[DictRow], lead_id: UUID) -> None:
        cursor.execute("delete from lead_people where lead_id = %s", (lead_id,))
        cursor.execute("delete from lead_keys where lead_id = %s", (lead_id,))

    def alike(self, cursor: Cursor[DictRow], phone: str, email: str, company: str, limit: int = 20) -> list[DictRow]:
        """Return (lead_id, state, owner_id, matched_on) of leads that share a key, the best first."""
        keys = self._keys(phone, email, company)
        if not keys:
            return []
        return cursor.execute(
            "select l.lead_id, l.state, l.owner_id, array_agg(k.kind order by k.kind) as matched_on"
            " from lead_keys k join leads l using (lead_id)"
            " join unnest(%s::text[], %s::bytea[]) as w(kind, key) on w.kind = k.kind and w.key = k.key"
            " group by l.lead_id, l.state, l.owner_id, l.captured_at"
            " order by (array_agg(k.kind) && array['phone', 'email']) desc, count(*) desc,"
            " l.captured_at, l.lead_id limit %s",
            ([kind for kind, _ in keys], [key for _, key in keys], limit),
        ).fetchall()

    def _keys(self, phone: str, email: str, company: str) -> list[tuple[str, bytes]]:
        return [
            (kind, hmac.digest(self._secret, f"{kind}:{key}".encode(), "sha256")[:16])
            for kind, key in identity_keys(phone, email, company)
        ]
