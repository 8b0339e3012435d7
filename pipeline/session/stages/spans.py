"""Stage `spans`: who spoke when."""

from typing import Any

from pipeline.core.tables import DIARIZATION, Tables
from pipeline.session.context import Fresh
from pipeline.session.stage import Stage, repeated, sections
from pipeline.workspace.provenance import EngineChoice


def _diarizer(context: Fresh) -> EngineChoice:
    return context.plan.choice("who spoke when")


def _run(context: Fresh, tables: Tables) -> Tables:
    found = context.plan.diarizer.diarize(
        context.sound.audio, tables["activity"], context.recording
    )
    row: dict[str, object] = {
        "engine": _diarizer(context).name,
        "speakers": found.spans["speaker"].n_unique(),
        "margin": found.margin,
        "knows_overlap": found.knows_overlap,
        "ends_estimated": found.ends_estimated,
        "repairs": list(found.repairs) or None,
    }
    return {"spans": found.spans, "diarization": DIARIZATION.frame([row])}


def _parameters(context: Fresh) -> dict[str, Any]:
    chosen = _diarizer(context)
    return (
        sections(context.settings, chosen.name)
        | {"speakers": context.recording.metadata.speakers, "engine": chosen.name}
        | repeated(chosen.identity)
    )


STAGE = Stage(
    name="spans",
    version=4,
    needs=("media", "activity"),
    run=_run,
    parameters=_parameters,
    engine=lambda context: context.plan.diarizer.identity(),
    because=lambda context: _diarizer(context).because,
    calls=("pipeline.engines.diarization", "pipeline.engines.imported"),
)
