"""Which pipelines there are, and which stages they have today."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import DictRow

from kernel.projections import Inline
from kernel.store import Recorded
from pipeline.domain.pipeline_definition import PipelineDefined, PipelineRetired, PipelineRevised


def project(cursor: Cursor[DictRow], recorded: Recorded[Any]) -> None:
    match recorded.event:
        case PipelineDefined() | PipelineRevised() as said:
            cursor.execute(
                "insert into pipelines (pipeline_id, name, default_position) values (%s, %s, %s)"
                " on conflict (pipeline_id) do update"
                " set name = excluded.name, default_position = excluded.default_position",
                (said.pipeline_id, said.name, recorded.position if said.is_default else None),
            )
            cursor.execute("delete from stages where pipeline_id = %s", (said.pipeline_id,))
            cursor.executemany(
                "insert into stages (pipeline_id, stage_id, name, probability, norm_days, ordinal, kind)"
                " values (%s, %s, %s, %s, %s, %s, %s)",
                [
                    (said.pipeline_id, s.stage_id, s.name, s.probability, s.norm_days, s.order, int(s.kind))
                    for s in said.stages
                ],
            )
        case PipelineRetired():
            cursor.execute("update pipelines set retired = true where pipeline_id = %s", (recorded.stream,))


INLINE = Inline("stages", ("pipelines", "stages"), project)


def pipelines(cursor: Cursor[DictRow], include_retired: bool = False) -> list[DictRow]:
    """Return pipelines with their stages as a list, the default one first."""
    return cursor.execute(
        "select p.*, coalesce(json_agg(s.* order by s.ordinal), '[]') as stages"
        " from pipelines p join stages s using (pipeline_id) where not p.retired or %s"
        " group by p.pipeline_id order by p.retired, p.default_position desc nulls last, p.name limit 500",
        (include_retired,),
    ).fetchall()


def default_pipeline_id(cursor: Cursor[DictRow]) -> UUID | None:
    row = cursor.execute(
        "select pipeline_id from pipelines where default_position is not null and not retired"
        " order by default_position desc limit 1"
    ).fetchone()
    return row["pipeline_id"] if row else None
