"""Templates as they read now. Older versions are read from the log, by whoever sends them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from kernel.auth import Caller
from kernel.projections import Inline
from kernel.store import Recorded
from marketing.domain.template import (
    TemplateDrafted,
    TemplateHandedOver,
    TemplateLink,
    TemplateRetired,
    TemplateRevised,
)


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    match recorded.event:
        case TemplateDrafted() as it:
            cursor.execute(
                "insert into templates (template_id, name, channel, owner_id, subject_line, html_body,"
                " text_body, links, template_version, version) values (%s, %s, %s, %s, %s, %s, %s, %s, 1, %s)",
                (
                    it.template_id,
                    it.name,
                    int(it.channel),
                    it.owner_id,
                    it.subject_line,
                    it.html_body,
                    it.text_body,
                    _links(it.links),
                    recorded.version,
                ),
            )
        case TemplateRevised() as it:
            cursor.execute(
                "update templates set name = %s, subject_line = %s, html_body = %s, text_body = %s,"
                " links = %s, template_version = %s, version = %s where template_id = %s",
                (
                    it.name,
                    it.subject_line,
                    it.html_body,
                    it.text_body,
                    _links(it.links),
                    it.template_version,
                    recorded.version,
                    it.template_id,
                ),
            )
        case TemplateHandedOver() as it:
            cursor.execute(
                "update templates set owner_id = %s, version = %s where template_id = %s",
                (it.to_owner_id, recorded.version, it.template_id),
            )
        case TemplateRetired(template_id=template_id):
            cursor.execute(
                "update templates set retired = true, version = %s where template_id = %s",
                (recorded.version, template_id),
            )


def _links(links: Iterable[TemplateLink]) -> Jsonb:
    return Jsonb([{"url": link.url, "tag": link.tag} for link in links])


VIEW = Inline("templates", ("templates",), project)

# -- questions -----------------------------------------------------------------


def one(cursor: Cursor[DictRow], caller: Caller, template_id: UUID) -> DictRow | None:
    """The template, if the caller may see it."""
    scope, values = caller.scope_filter("owner_id")
    return cursor.execute(
        f"select * from templates where template_id = %s and {scope}", (template_id, *values)
    ).fetchone()


def page(cursor: Cursor[DictRow], caller: Caller, limit: int, after: Sequence[Any]) -> list[DictRow]:
    """Templates in use that the caller may see, by name, one more than the limit."""
    scope, values = caller.scope_filter("owner_id")
    onwards = "and (name, template_id) > (%s, %s::uuid)" if after else ""
    return cursor.execute(
        f"select * from templates where not retired and {scope} {onwards} order by name, template_id limit %s",
        (*values, *after, limit + 1),
    ).fetchall()
