"""Stage `quality`: how good the recording is, and which rules must abstain."""

from pipeline.core.tables import Tables
from pipeline.session.context import Fresh
from pipeline.session.stage import Stage
from pipeline.speech import quality


def _run(context: Fresh, tables: Tables) -> Tables:
    return {"quality": quality.assess(context.sound.audio, tables, context.settings.quality)}


STAGE = Stage(
    name="quality",
    version=2,
    needs=("media", "words"),
    run=_run,
    settings=("quality",),
)
