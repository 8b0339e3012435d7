"""A feature of turns: how much of the whole session's talk the turn is."""

import polars as pl

from pipeline.config import Settings
from pipeline.core.tables import Tables
from pipeline.measures.feature import Feature


def features(settings: Settings) -> tuple[Feature, ...]:
    """What the entry point names; the settings are those of the run."""
    del settings
    return (
        Feature(
            name="share_of_talk",
            item="turn",
            unit="0-1",
            group="speaker",
            needs="timing",
            min_mad=0.01,
            means="length of the turn as a share of all turns of the session",
            null="never",
            source="an example",
            compute=_share_of_talk,
        ),
    )


def _share_of_talk(tables: Tables, turns: pl.DataFrame) -> pl.Series:
    """A value for each turn, in their order."""
    del tables
    length_ms = turns["end_ms"] - turns["start_ms"]
    return length_ms / length_ms.sum()
