"""Stage `measures`: each value compared with the baseline of its speaker or pair."""

from typing import Any

import polars as pl

from pipeline.core.tables import Tables
from pipeline.measures import baseline, frames
from pipeline.session.context import Context
from pipeline.session.stage import Stage


def _run(context: Context, tables: Tables) -> Tables:
    features, settings = context.resources.features, context.settings
    earlier = [each.read() for each in context.past]
    scored = baseline.score(tables["values"], features, tables, settings.baseline, earlier)
    if settings.features.therapist_voice:
        return {"measures": scored, "frames": tables["frames"]}
    roles = tables["roles"]
    hidden = roles.filter(pl.col("role").is_in(("therapist", "unknown")))["speaker"].to_list()
    return {
        "measures": baseline.without_voice_of(scored, roles, features),
        "frames": frames.without(tables["frames"], tables["spans"], hidden),
    }


def _parameters(context: Context) -> dict[str, Any]:
    voice = {"therapist_voice": context.settings.features.therapist_voice}
    past = context.past
    return voice | ({"earlier": [each.facts for each in past]} if past else {})


STAGE = Stage(
    name="measures",
    version=2,
    needs=("roles", "values"),
    run=_run,
    settings=("baseline",),
    parameters=_parameters,
)
