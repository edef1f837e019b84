"""What stages and products are called, and in which order stages come. Current definitions only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Cursor
from psycopg.rows import DictRow

from crm.pipeline.v1 import pipeline_definition_events_pb2 as definitions
from crm.pipeline.v1 import product_events_pb2 as products
from kernel.projections import Delivered, Eventual

_PIPELINES = {
    definitions.PipelineDefined.DESCRIPTOR.full_name,
    definitions.PipelineRevised.DESCRIPTOR.full_name,
}
_PRODUCTS = {
    products.ProductListed.DESCRIPTOR.full_name,
    products.ProductRevised.DESCRIPTOR.full_name,
}


def project(cursor: Cursor[DictRow], events: Sequence[Delivered]) -> None:
    stages: dict[tuple[str, str], tuple[Any, ...]] = {}
    listed: dict[str, tuple[Any, ...]] = {}
    for event in events:
        if event.type in _PIPELINES:
            defined: Any = event.message
            for stage in defined.stages:
                stages[defined.pipeline_id, stage.stage_id] = (
                    defined.pipeline_id,
                    stage.stage_id,
                    event.version,
                    defined.name,
                    stage.name,
                    stage.order,
                    stage.kind,
                    stage.norm_days,
                    stage.probability,
                )
        elif event.type in _PRODUCTS:
            product: Any = event.message
            listed[product.product_id] = (
                product.product_id,
                event.version,
                product.name,
                product.category,
            )
    if stages:
        cursor.executemany(
            "insert into stages (pipeline_id, stage_id, version, pipeline_name, name, position, kind,"
            " norm_days, probability) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (pipeline_id, stage_id) do update set version = excluded.version,"
            " pipeline_name = excluded.pipeline_name, name = excluded.name,"
            " position = excluded.position, kind = excluded.kind, norm_days = excluded.norm_days,"
            " probability = excluded.probability where stages.version < excluded.version",
            list(stages.values()),
        )
    if listed:
        cursor.executemany(
            "insert into products (product_id, version, name, category) values (%s, %s, %s, %s)"
            " on conflict (product_id) do update set version = excluded.version,"
            " name = excluded.name, category = excluded.category"
            " where products.version < excluded.version",
            list(listed.values()),
        )


VIEW = Eventual("catalogue", ("stages", "products"), ("pipeline",), project)
