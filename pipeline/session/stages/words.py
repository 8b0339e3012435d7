"""Stage `words`: transcribes regions of one speaker each; the language is known afterwards."""

from typing import Any

import polars as pl

from pipeline.core.tables import TRANSCRIPTION, WORDS, Tables
from pipeline.engines.protocols import Identity, Transcribed
from pipeline.engines.transcription import asr_segments
from pipeline.session.context import Fresh
from pipeline.session.stage import Stage, repeated, sections
from pipeline.workspace.provenance import EngineChoice


def _transcriber(context: Fresh) -> EngineChoice:
    return context.plan.choice("words")


def _run(context: Fresh, tables: Tables) -> Tables:
    settings = context.settings.transcription
    regions = asr_segments.cut(tables["spans"], context.recording.duration_ms, settings)
    heard = _transcribe(context, regions)
    row: dict[str, object] = {
        "engine": _transcriber(context).name,
        "language": heard.language,
        "dropped_words": heard.dropped_words,
        "note": context.plan.no_words,
        "repairs": list(heard.repairs) or None,
    }
    return {"words": heard.words, "transcription": TRANSCRIPTION.frame([row])}


def _transcribe(context: Fresh, regions: pl.DataFrame) -> Transcribed:
    plan = context.plan
    if plan.transcriber is None:
        return Transcribed(WORDS.empty(), None, 0)
    return plan.transcriber.transcribe(context.sound.audio, regions, plan.language)


def _parameters(context: Fresh) -> dict[str, Any]:
    chosen = _transcriber(context)
    return (
        sections(context.settings, chosen.name)
        | {"language": context.plan.language, "engine": chosen.name}
        | repeated(chosen.identity)
    )


def _identity(context: Fresh) -> Identity:
    transcriber = context.plan.transcriber
    return transcriber.identity() if transcriber else {}


STAGE = Stage(
    name="words",
    version=3,
    needs=("spans",),
    run=_run,
    settings=("transcription",),
    parameters=_parameters,
    engine=_identity,
    because=lambda context: _transcriber(context).because,
    calls=("pipeline.engines.transcription", "pipeline.engines.imported"),
)
