"""Stage `moments`: what the rules flag, and how the therapist responded."""

from pipeline.core.tables import Tables
from pipeline.session.context import Context
from pipeline.session.stage import Stage


def _run(context: Context, tables: Tables) -> Tables:
    resources = context.resources
    return resources.rules.flag(tables, resources.lexicons, context.settings)


STAGE = Stage(
    name="moments",
    version=5,
    needs=("measures", "roles", "quality"),
    run=_run,
    settings=("moments", "response"),
    parameters=lambda context: context.resources.digests,
    calls=("pipeline.rules",),
)
