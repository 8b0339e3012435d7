"""Stage `values`: all measures of all speakers, before roles are known."""

from typing import Any

from pipeline import measures
from pipeline.core.tables import Tables
from pipeline.session.context import Context
from pipeline.session.stage import Stage


def _run(context: Context, tables: Tables) -> Tables:
    return {"values": measures.measure_all(tables, context.resources.features)}


def _parameters(context: Context) -> dict[str, Any]:
    resources = context.resources
    catalogue = [[each.name, each.version, each.item] for each in resources.features]
    return {"catalogue": catalogue, "lexicons": resources.digests["lexicons"]}


STAGE = Stage(
    name="values",
    version=2,
    needs=("turns", "frames"),
    optional=("readings",),
    run=_run,
    settings=("features",),
    parameters=_parameters,
    calls=("pipeline.measures.features",),
)
