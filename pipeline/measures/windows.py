"""Who talks how much, and how fast the floor changes hands, per window and session.

Each feature is measured over every item of `tables.WINDOWS`: windows of 60, 180 and 300 s, and
``session``, all of it as one window. Time in which the signal was lost counts for nothing: rates
and shares are over the time that was heard.
"""

from functools import partial

import numpy as np
import polars as pl

from pipeline import config
from pipeline.core.tables import Tables
from pipeline.core.vocabulary import WINDOWS
from pipeline.measures.feature import Feature
from pipeline.measures.intervals import (
    columns,
    count_in,
    heard_ms,
    intervals,
    latencies,
    lost,
    over,
    pauses,
    per_minute,
    sorted_groups,
    speakers,
    statistic_in,
    talk,
    together,
    values,
    without_backchannels,
)

_TURNS_SOURCE = "Heldner & Edlund 2010"


def features(settings: config.Features) -> tuple[Feature, ...]:
    """Features of windows that need neither words nor knowledge of overlaps."""
    return tuple(
        feature
        for item in WINDOWS
        for feature in (*_amounts(item, settings), *_paces(item, settings))
    )


def _amounts(item: str, settings: config.Features) -> list[Feature]:
    """How much is spoken, and how much is not."""
    least = settings.window_speech_min_ms
    return [
        Feature(
            name="speech_ms",
            item=item,
            unit="ms",
            group="speaker",
            needs="timing",
            min_mad=1000,
            means="how long the person speaks",
            null="words are all that is known of the person: no speech was heard",
            source=_TURNS_SOURCE,
            compute=over(item, settings, _speech_ms),
        ),
        Feature(
            name="talk_share",
            item=item,
            unit="0-1",
            group="speaker",
            needs="timing",
            min_mad=0.03,
            means="the person's share of all speech; overlapping speech counts for both",
            null=f"less than {least} ms of speech in the window",
            source="Tether",
            compute=over(item, settings, partial(_talk_share, least)),
        ),
        Feature(
            name="silence_share",
            item=item,
            unit="0-1",
            group="pair",
            needs="timing",
            min_mad=0.02,
            means="share of the window in which nobody speaks",
            null=_unheard(settings),
            source="Levitt 2001",
            version=2,
            compute=over(item, settings, partial(_silence_share, settings)),
        ),
        Feature(
            name="pause_share",
            item=item,
            unit="0-1",
            group="speaker",
            needs="timing",
            min_mad=0.02,
            means=f"share of the person's turns in pauses of at least {settings.pause_min_ms} ms",
            null=f"turns of the person fill less than {least} ms of the window",
            source="Goldman-Eisler 1968",
            version=2,
            compute=over(item, settings, partial(_pause_share, settings)),
        ),
    ]


def _paces(item: str, settings: config.Features) -> list[Feature]:
    """How long turns are, how soon they come, and how often they change."""
    return [
        Feature(
            name="switches_per_min",
            item=item,
            unit="per minute",
            group="pair",
            needs="timing",
            min_mad=1,
            means="changes of speaker, backchannels left out",
            null=_unheard(settings),
            source=_TURNS_SOURCE,
            version=2,
            compute=over(item, settings, partial(_switches, settings)),
        ),
        Feature(
            name="latency_median_ms",
            item=item,
            unit="ms",
            group="speaker",
            needs="timing",
            min_mad=50,  # the ends of speech are known to some 40 ms
            means="median silence before the person's turns that begin in the window",
            null="no such turn",
            source=_TURNS_SOURCE,
            version=2,
            compute=over(item, settings, _latency_median),
        ),
        Feature(
            name="turn_length_median_ms",
            item=item,
            unit="ms",
            group="speaker",
            needs="timing",
            min_mad=0.1,  # of the logarithm: a tenth longer or shorter
            log=True,
            means="median length of the person's turns that begin in the window, backchannels "
            "left out",
            null="no such turn",
            source="Matarazzo & Wiens 1972",
            compute=over(item, settings, _turn_length_median),
        ),
    ]


def _unheard(settings: config.Features) -> str:
    return f"signal was lost in silences over more than {1 - settings.window_min_share:.0%} of it"


def _speech_ms(tables: Tables, cut: pl.DataFrame) -> pl.DataFrame:
    spoken = talk(tables)
    starts, ends = columns(cut)
    return together(
        values(cut["item_id"], name, spoken[name].covered_ms(starts, ends))
        for name in speakers(tables)
        if name in spoken
    )


def _talk_share(least_ms: int, tables: Tables, cut: pl.DataFrame) -> pl.DataFrame:
    own = _speech_ms(tables, cut)
    total = pl.col("value").sum().over("item_id")
    share = pl.when(total >= least_ms).then(pl.col("value") / total)
    return own.with_columns(share.alias("value"))


def _silence_share(settings: config.Features, tables: Tables, cut: pl.DataFrame) -> pl.DataFrame:
    speech = intervals(tables["spans"].filter("regular")).covered_ms(*columns(cut))
    return values(cut["item_id"], None, 1 - speech / heard_ms(tables, cut, settings))


def _pause_share(settings: config.Features, tables: Tables, cut: pl.DataFrame) -> pl.DataFrame:
    silent, gone, parts = pauses(tables, settings.pause_min_ms), lost(tables), []
    starts, ends = columns(cut)
    for (name,), turns in sorted_groups(tables["turns"]):
        held = intervals(turns).minus(gone).covered_ms(starts, ends)
        share = np.full(len(held), np.nan)
        enough = held >= settings.window_speech_min_ms
        if str(name) in silent:
            paused = silent[str(name)].covered_ms(starts, ends)
            share[enough] = paused[enough] / held[enough]
        parts.append(values(cut["item_id"], name, share))
    return together(parts)


def _switches(settings: config.Features, tables: Tables, cut: pl.DataFrame) -> pl.DataFrame:
    turns = without_backchannels(tables)
    changed = turns.filter(pl.col("speaker") != pl.col("speaker").shift(1))
    rate = per_minute(count_in(cut, changed["start_ms"]), heard_ms(tables, cut, settings))
    return values(cut["item_id"], None, rate)


def _latency_median(tables: Tables, cut: pl.DataFrame) -> pl.DataFrame:
    turns = latencies(tables).drop_nulls("latency_ms")
    return _median_of_turns(tables, cut, turns.with_columns(value="latency_ms"))


def _turn_length_median(tables: Tables, cut: pl.DataFrame) -> pl.DataFrame:
    turns = without_backchannels(tables)
    return _median_of_turns(
        tables, cut, turns.with_columns(value=pl.col("end_ms") - pl.col("start_ms"))
    )


def _median_of_turns(tables: Tables, cut: pl.DataFrame, turns: pl.DataFrame) -> pl.DataFrame:
    parts = []
    for name in speakers(tables):
        own = turns.filter(pl.col("speaker") == name)
        median = statistic_in(cut, own["start_ms"], own["value"], pl.col("value").median())
        parts.append(values(cut["item_id"], name, median))
    return together(parts)
