"""Who talks how much, and how fast the floor changes hands, per window and session.

Each feature is measured over every item of `tables.WINDOWS`: windows of 60, 180 and 300 s, and
``session``, all of it as one window. Time in which the signal was lost counts for nothing: rates
and shares are over the time that was heard.
"""

from functools import partial

import polars as pl

from pipeline import config
from pipeline.core.tables import Tables
from pipeline.core.vocabulary import WINDOWS
from pipeline.measures.feature import Feature, Given
from pipeline.measures.intervals import (
    Floats,
    columns,
    count_between,
    covered_ms,
    heard_ms,
    intervals,
    latencies,
    lost,
    over,
    pauses,
    per_minute,
    ratio,
    sorted_groups,
    statistic_in,
    talk,
    without_backchannels,
)

_TURNS_SOURCE = "Heldner & Edlund 2010"


def features(given: Given) -> tuple[Feature, ...]:
    """Features of windows that need neither words nor knowledge of overlaps."""
    settings = given.settings.features
    return over(WINDOWS, settings, (*_amounts(settings), *_paces(settings)))


def _amounts(settings: config.Features) -> list[Feature]:
    """How much is spoken, and how much is not."""
    least = settings.window_speech_min_ms
    return [
        Feature(
            name="speech_ms",
            item="window",
            unit="ms",
            group="speaker",
            needs="timing",
            min_mad=1000,
            means="how long the person speaks",
            null="words are all that is known of the person: no speech was heard",
            source=_TURNS_SOURCE,
            compute=_speech_ms,
        ),
        Feature(
            name="talk_share",
            item="window",
            unit="0-1",
            group="speaker",
            needs="timing",
            min_mad=0.03,
            means="the person's share of all speech; overlapping speech counts for both",
            null=f"less than {least} ms of speech in the window",
            source="Tether",
            compute=partial(_talk_share, least),
        ),
        Feature(
            name="silence_share",
            item="window",
            unit="0-1",
            group="pair",
            needs="timing",
            min_mad=0.02,
            means="share of the window in which nobody speaks",
            null=_unheard(settings),
            source="Levitt 2001",
            version=2,
            compute=partial(_silence_share, settings),
        ),
        Feature(
            name="pause_share",
            item="window",
            unit="0-1",
            group="speaker",
            needs="timing",
            min_mad=0.02,
            means=f"share of the person's turns in pauses of at least {settings.pause_min_ms} ms",
            null=f"turns of the person fill less than {least} ms of the window",
            source="Goldman-Eisler 1968",
            version=2,
            compute=partial(_pause_share, settings),
        ),
    ]


def _paces(settings: config.Features) -> list[Feature]:
    """How long turns are, how soon they come, and how often they change."""
    return [
        Feature(
            name="switches_per_min",
            item="window",
            unit="per minute",
            group="pair",
            needs="timing",
            min_mad=1,
            means="changes of speaker, backchannels left out",
            null=_unheard(settings),
            source=_TURNS_SOURCE,
            version=2,
            compute=partial(_switches, settings),
        ),
        Feature(
            name="latency_median_ms",
            item="window",
            unit="ms",
            group="speaker",
            needs="timing",
            min_mad=50,  # the ends of speech are known to some 40 ms
            means="median silence before the person's turns that begin in the window",
            null="no such turn",
            source=_TURNS_SOURCE,
            version=2,
            compute=_latency_median,
        ),
        Feature(
            name="turn_length_median_ms",
            item="window",
            unit="ms",
            group="speaker",
            needs="timing",
            min_mad=0.1,  # of the logarithm: a tenth longer or shorter
            log=True,
            means="median length of the person's turns that begin in the window, backchannels "
            "left out",
            null="no such turn",
            source="Matarazzo & Wiens 1972",
            compute=_turn_length_median,
        ),
    ]


def _unheard(settings: config.Features) -> str:
    return f"signal was lost in silences over more than {1 - settings.window_min_share:.0%} of it"


def _speech_ms(tables: Tables, windows: pl.DataFrame) -> Floats:
    return covered_ms(windows, talk(tables))


def _talk_share(least_ms: int, tables: Tables, windows: pl.DataFrame) -> pl.Series:
    own = windows.select("item", "item_id", own=_speech_ms(tables, windows)).fill_nan(None)
    total = pl.col("own").sum().over("item", "item_id")
    return own.select(pl.when(total >= least_ms).then(pl.col("own") / total)).to_series()


def _silence_share(settings: config.Features, tables: Tables, windows: pl.DataFrame) -> Floats:
    speech = intervals(tables["spans"].filter("regular")).covered_ms(*columns(windows))
    return 1 - speech / heard_ms(tables, windows, settings)


def _pause_share(settings: config.Features, tables: Tables, windows: pl.DataFrame) -> Floats:
    gone = lost(tables)
    turns = {str(name): intervals(own) for (name,), own in sorted_groups(tables["turns"])}
    held = covered_ms(windows, {name: own.minus(gone) for name, own in turns.items()})
    paused = covered_ms(windows, pauses(tables, settings.pause_min_ms))
    return ratio(paused, held, settings.window_speech_min_ms)


def _switches(settings: config.Features, tables: Tables, windows: pl.DataFrame) -> Floats:
    turns = without_backchannels(tables)
    changed = turns.filter(pl.col("speaker") != pl.col("speaker").shift(1))
    count = count_between(changed["start_ms"].to_numpy(), *columns(windows))
    return per_minute(count, heard_ms(tables, windows, settings))


def _latency_median(tables: Tables, windows: pl.DataFrame) -> pl.Series:
    turns = latencies(tables).drop_nulls("latency_ms")
    return statistic_in(windows, turns, pl.col("latency_ms").median())


def _turn_length_median(tables: Tables, windows: pl.DataFrame) -> pl.Series:
    length = pl.col("end_ms") - pl.col("start_ms")
    return statistic_in(windows, without_backchannels(tables), length.median())
