"""Stage `frames`: pitch, level and voice quality of speech, every 10 ms."""

from pipeline.core.tables import FRAMES, Tables
from pipeline.measures import frames
from pipeline.session.context import Fresh
from pipeline.session.stage import Stage


def _run(context: Fresh, tables: Tables) -> Tables:
    sound = context.sound.audio
    if sound is None:
        return {"frames": FRAMES.empty()}
    measured = frames.measure(sound, tables["spans"], context.plan.pitch, context.settings)
    return {"frames": measured}


STAGE = Stage(
    name="frames",
    version=4,
    needs=("spans",),
    run=_run,
    settings=("pitch", "phonation"),
    parameters=lambda context: {"engine": context.settings.engines.pitch},
    engine=lambda context: context.plan.pitch.identity(),
    calls=("pipeline.engines.pitch",),
)
