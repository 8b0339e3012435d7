"""Level of turns and windows, relative to the speaker's own.

A level in dBFS says more of microphone and distance than of the voice; so the value is the
difference from the speaker's median over the session. Voiced frames only: pauses and noise within
a turn do not make it quiet.
"""

from functools import partial

import polars as pl

from pipeline.core.tables import Tables
from pipeline.core.vocabulary import WINDOWS_MS
from pipeline.measures.feature import Feature, Given
from pipeline.measures.intervals import frames_in, heard_in, of_each, over, usual_level


def features(given: Given) -> tuple[Feature, ...]:
    """All features of level."""
    settings = given.settings.features
    return (
        _level_db("turn", settings.voiced_min_ms),
        *over(WINDOWS_MS, settings, [_level_db("window", settings.window_voiced_min_ms)]),
    )


def _level_db(item: str, least_ms: int) -> Feature:
    return Feature(
        name="level_db",
        item=item,
        unit="dB",
        group="speaker",
        needs="voice",
        min_mad=0.5,
        detrend=True,
        means="median level of voiced speech, relative to the person's median in this session",
        null=f"less than {least_ms} ms of voiced speech that is certainly this person's",
        source="Tether",
        compute=partial(_level, least_ms),
    )


def _level(least_ms: int, tables: Tables, items: pl.DataFrame) -> pl.Series:
    level = pl.col("level_dbfs").cast(pl.Float64)
    heard = heard_in(items, tables, "semitones", "level_dbfs")
    enough = pl.when(pl.len() >= frames_in(least_ms))
    return of_each(items, heard, enough.then(level.median())) - usual_level(items, tables)
