"""Stage `media`: format, length and channels of the recording, and whether channels differ."""

from importlib.metadata import version

import polars as pl

from pipeline.core.errors import InputError
from pipeline.core.tables import DROPOUTS, MEDIA, Tables
from pipeline.formats import transcript
from pipeline.session.context import Fresh
from pipeline.session.intake import Source
from pipeline.session.stage import Stage
from pipeline.speech import activity


def _run(context: Fresh, _tables: Tables) -> Tables:
    if not context.source.audio:
        return {"media": _of_transcript(context.source), "dropouts": DROPOUTS.empty()}
    decoded = context.sound.decoded()
    distinct = activity.distinct_channels(decoded.audio, context.settings.activity)
    media = decoded.media.with_columns(pl.lit(distinct, pl.Boolean).alias("distinct_channels"))
    return {"media": MEDIA.conform(media), "dropouts": decoded.dropouts}


def _of_transcript(source: Source) -> pl.DataFrame:
    """Media of a transcript without audio, which lasts until its last line ends."""
    duration_ms = transcript.load(source.transcript).duration_ms
    if not duration_ms:
        raise InputError("the transcript contains no words", expected="at least one timed line")
    row = {"duration_ms": duration_ms, "channels": 0, "damaged_packets": 0, "gap_ms": 0}
    return MEDIA.frame([dict[str, object](row)])


STAGE = Stage(
    name="media",
    version=3,
    needs=(),
    run=_run,
    settings=("audio", "activity"),
    parameters=lambda context: {} if context.source.audio else {"reading": transcript.VERSION},
    engine=lambda _context: {"av": version("av")},
    calls=("pipeline.audio.decoder",),
)
