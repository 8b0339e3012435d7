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
from pipeline.measures.feature import Feature
from pipeline.measures.intervals import (
    Ints,
    columns,
    inside,
    latencies,
    lost,
    pauses,
    sorted_groups,
    together,
    values,
)

_TURNS_SOURCE = "Heldner & Edlund 2010"


def features(settings: config.Features) -> tuple[Feature, ...]:
    """All timing features of turns, silences and overlaps."""
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
            compute=lambda tables: _column(latencies(tables), pl.col("latency_ms")),
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
            compute=lambda tables: _column(tables["turns"], pl.col("end_ms") - pl.col("start_ms")),
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
            compute=_silence_length,
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
            compute=_overlap_length,
        ),
    ]


def _column(turns: pl.DataFrame, value: pl.Expr) -> pl.DataFrame:
    return turns.select(
        pl.col("turn_id").alias("item_id"), "speaker", value.cast(pl.Float64).alias("value")
    )


def _silence_length(tables: Tables) -> pl.DataFrame:
    between = tables["silences"].filter(pl.col("kind") != "edge")
    length = pl.when(pl.col("dropout_ms") == 0).then("length_ms").alias("length_ms")
    return values(between["silence_id"], None, between.select(length)["length_ms"])


def _overlap_length(tables: Tables) -> pl.DataFrame:
    overlaps = tables["overlaps"]
    return values(overlaps["overlap_id"], None, overlaps["end_ms"] - overlaps["start_ms"])


def _pause_share(settings: config.Features, tables: Tables) -> pl.DataFrame:
    silent, gone, parts = pauses(tables, settings.pause_min_ms), lost(tables), []
    for (name,), turns in sorted_groups(tables["turns"]):
        starts, ends = columns(turns)
        heard = ends - starts - gone.covered_ms(starts, ends)
        share = np.full(len(heard), np.nan)
        enough = heard >= settings.speech_min_ms
        if str(name) in silent:
            paused = silent[str(name)].covered_ms(starts, ends)
            share[enough] = paused[enough] / heard[enough]
        parts.append(values(turns["turn_id"], name, share))
    return together(parts)


def _n_pauses(settings: config.Features, tables: Tables) -> pl.DataFrame:
    silent, parts = pauses(tables, settings.pause_min_ms), []
    for (name,), turns in sorted_groups(tables["turns"]):
        count: Ints | None = None
        if str(name) in silent:
            which, _ = inside(silent[str(name)].starts, *columns(turns))
            count = np.bincount(which, minlength=turns.height)
        parts.append(values(turns["turn_id"], name, count))
    return together(parts)
