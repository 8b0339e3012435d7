"""Level of turns and windows, relative to the speaker's own.

A level in dBFS says more of microphone and distance than of the voice; so the value is the
difference from the speaker's median over the session. Voiced frames only: pauses and noise within
a turn do not make it quiet.
"""

from functools import partial

import polars as pl

from pipeline import config
from pipeline.core.tables import Tables
from pipeline.core.vocabulary import WINDOWS_MS
from pipeline.measures.feature import Feature
from pipeline.measures.intervals import frames_in, in_turns, in_windows, voice


def features(settings: config.Features) -> tuple[Feature, ...]:
    """All features of level."""
    found = []
    for item in ("turn", *WINDOWS_MS):
        least_ms = settings.voiced_min_ms if item == "turn" else settings.window_voiced_min_ms
        found.append(
            Feature(
                name="level_db",
                item=item,
                unit="dB",
                group="speaker",
                needs="voice",
                min_mad=0.5,
                detrend=True,
                means="median level of voiced speech, relative to the person's median in this "
                "session",
                null=f"less than {least_ms} ms of voiced speech that is certainly this person's",
                source="Tether",
                compute=partial(_level, item, settings, least_ms),
            )
        )
    return tuple(found)


def _level(item: str, settings: config.Features, least_ms: int, tables: Tables) -> pl.DataFrame:
    if item == "turn":
        heard = in_turns(tables)
    else:
        heard = in_windows(tables, item, settings.window_min_share)
    level = pl.col("level_dbfs").cast(pl.Float64)
    own = (
        voice(tables)
        .drop_nulls(("semitones", "level_dbfs"))
        .group_by("speaker")
        .agg(level.median().alias("own"))
    )
    enough = pl.when(level.count() >= frames_in(least_ms))
    return (
        heard.drop_nulls(("semitones", "level_dbfs"))
        .group_by("item_id", "speaker")
        .agg(enough.then(level.median()).alias("value"))
        .join(own, on="speaker", how="left")
        .select("item_id", "speaker", pl.col("value") - pl.col("own"))
    )
