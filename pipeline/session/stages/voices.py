"""Stage `voices`: how similar each speaker's voice is to those of enrolled therapists.

It runs only where enrolment is on and a voice is enrolled.
"""

from typing import Any

from pipeline.core.tables import Tables
from pipeline.session.context import Fresh
from pipeline.session.plan import Enrolled
from pipeline.session.stage import Stage
from pipeline.speech import voices


def _enrolled(context: Fresh) -> Enrolled:
    enrolled = context.plan.enrolled
    assert enrolled is not None, "`applies` has checked it"
    return enrolled


def _run(context: Fresh, tables: Tables) -> Tables:
    enrolled, sound = _enrolled(context), context.sound.decoded().audio
    settings = context.settings.voices
    found = voices.compare(sound, tables["spans"], enrolled.voices, enrolled.encoder, settings)
    return {"voices": found}


def _parameters(context: Fresh) -> dict[str, Any]:
    return {"enrolled": _enrolled(context).digests}


STAGE = Stage(
    name="voices",
    version=1,
    needs=("spans",),
    run=_run,
    settings=("voices",),
    parameters=_parameters,
    engine=lambda context: _enrolled(context).encoder.identity(),
    calls=("pipeline.engines.diarization.clustering.encoder",),
    applies=lambda context: context.plan.enrolled is not None,
)
