"""Stage `activity`: where there is speech on each channel, and where the signal was lost."""

from pipeline.core.tables import ACTIVITY, DOUBTS, LOSSES, Tables
from pipeline.session.context import Fresh
from pipeline.session.stage import Stage, repeated
from pipeline.speech import activity


def _run(context: Fresh, tables: Tables) -> Tables:
    sound, settings = context.sound.audio, context.settings.activity
    if sound is None:
        return {schema.name: schema.empty() for schema in (ACTIVITY, DOUBTS, LOSSES)}
    heard = activity.hear(sound, context.detector, settings, context.settings.engines.threads)
    losses = activity.lost(sound, tables["dropouts"], heard.activity, settings)
    return {"activity": heard.activity, "doubts": heard.doubts, "losses": losses}


STAGE = Stage(
    name="activity",
    version=6,
    needs=("media",),
    run=_run,
    settings=("activity",),
    parameters=lambda context: repeated(context.detector.identity()),
    engine=lambda context: context.detector.identity(),
    calls=("pipeline.engines.vad",),
)
