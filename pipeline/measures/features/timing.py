"""Timing of single turns, silences and overlaps: who waits, and how long.

Silences and latencies are what the first withdrawal rules stand on (Künsch et al. 2023, PLoS ONE
0280329). All of them come from speech activity, none from the gaps between recognised words. What
they come to per window and session stands in `windows`, `silences`, `overlaps` and `dyad`.
"""

from functools import partial

import numpy as np
import polars as pl

from pipeline import config
from pipeline.core.tables import Tables
from pipeline.measures.feature import Feature, Given
from pipeline.measures.intervals import (
    Floats,
    columns,
    count_between,
    covered_ms,
    latencies,
    lost,
    pauses,
    ratio,
    rows_of,
)

_TURNS_SOURCE = "Heldner & Edlund 2010"


def features(given: Given) -> tuple[Feature, ...]:
    """All timing features of turns, silences and overlaps."""
    settings = given.settings.features
    return (*_of_turns(settings), *_of_events())


def _of_turns(settings: config.Features) -> list[Feature]:
    return [
        Feature(
            name="latency_ms",
            item="turn",
            unit="ms",
            group="speaker",
            needs="timing",
            min_mad=50,  # the ends of speech are known to some 40 ms
            means="silence before the turn; negative: it began before the other had finished",
            null="nobody else spoke before it, it is a backchannel, or signal was lost there",
            source=_TURNS_SOURCE,
            version=2,
            compute=lambda tables, _: latencies(tables)["latency_ms"],
        ),
        Feature(
            name="length_ms",
            item="turn",
            unit="ms",
            group="speaker",
            needs="timing",
            min_mad=0.1,  # of the logarithm: a tenth longer or shorter
            log=True,
            means="length of the turn, pauses included",
            null="never",
            source=_TURNS_SOURCE,
            compute=_length,
        ),
        Feature(
            name="pause_share",
            item="turn",
            unit="0-1",
            group="speaker",
            needs="timing",
            min_mad=0.02,
            means=f"share of the turn in pauses of at least {settings.pause_min_ms} ms",
            null=f"the turn is shorter than {settings.speech_min_ms} ms, lost signal excluded",
            source="Goldman-Eisler 1968",
            version=2,
            compute=partial(_pause_share, settings),
        ),
        Feature(
            name="n_pauses",
            item="turn",
            unit="pauses",
            group="speaker",
            needs="timing",
            min_mad=1,
            means=f"number of pauses of at least {settings.pause_min_ms} ms in the turn",
            null="never",
            source="Goldman-Eisler 1968",
            version=2,
            compute=partial(_n_pauses, settings),
        ),
    ]


def _of_events() -> list[Feature]:
    return [
        Feature(
            name="length_ms",
            item="silence",
            unit="ms",
            group="pair",
            needs="timing",
            min_mad=0.1,  # of the logarithm: a tenth longer or shorter
            log=True,
            means="length of the silence",
            null="signal was lost in it (exact digital zeros); silences before the first and after "
            "the last speech are not measured",
            source="Künsch et al. 2023",
            version=2,
            compute=_heard_length,
        ),
        Feature(
            name="length_ms",
            item="overlap",
            unit="ms",
            group="pair",
            needs="timing",
            min_mad=0.1,  # of the logarithm: a tenth longer or shorter
            log=True,
            means="how long both speak at once",
            null="never",
            source=_TURNS_SOURCE,
            compute=_length,
        ),
    ]


def _length(_: Tables, items: pl.DataFrame) -> pl.Series:
    return items["end_ms"] - items["start_ms"]


def _heard_length(_: Tables, silences: pl.DataFrame) -> pl.Series:
    return silences.select(pl.when(pl.col("dropout_ms") == 0).then("length_ms")).to_series()


def _pause_share(settings: config.Features, tables: Tables, turns: pl.DataFrame) -> Floats:
    starts, ends = columns(turns)
    heard = ends - starts - lost(tables).covered_ms(starts, ends)
    paused = covered_ms(turns, pauses(tables, settings.pause_min_ms))
    return ratio(paused, heard, settings.speech_min_ms)


def _n_pauses(settings: config.Features, tables: Tables, turns: pl.DataFrame) -> Floats:
    silent = pauses(tables, settings.pause_min_ms)
    starts, ends = columns(turns)
    count = np.full(turns.height, np.nan)
    for name, own in rows_of(turns).items():
        if name in silent:
            count[own] = count_between(silent[name].starts, starts[own], ends[own])
    return count
