"""Pitch of turns and windows, in semitones, since pitch is heard in ratios.

The median and the quantiles of the span bear some octave errors; what follows the line of pitch
does not, so there frames far off the turn's median are left out (``features.octave_st``).

Semitones count from 100 Hz (12 make an octave); z and percentile compare with the same speaker.
F0 span is two-sided: it widened both in withdrawal and in confrontation (Dolev-Amit 2020, one
case), and a flat voice means nothing by itself.
"""

from functools import partial

import polars as pl

from pipeline import config
from pipeline.core.tables import Tables
from pipeline.core.vocabulary import WINDOWS
from pipeline.measures.feature import Feature, Given
from pipeline.measures.intervals import frames_in, heard_in, of_each, over

_SEMITONES = pl.col("semitones")


def features(given: Given) -> tuple[Feature, ...]:
    """All pitch features."""
    settings = given.settings.features
    of_turns = _over_frames("turn", settings, settings.voiced_min_ms)
    of_windows = _over_frames("window", settings, settings.window_voiced_min_ms)
    return (*of_turns, _slope(settings), _final(settings), *over(WINDOWS, settings, of_windows))


def _over_frames(item: str, settings: config.Features, least_ms: int) -> list[Feature]:
    low, high = settings.span_low, settings.span_high
    span = _SEMITONES.quantile(high, "linear") - _SEMITONES.quantile(low, "linear")
    null = _too_little(least_ms)
    return [
        Feature(
            name="f0_median_st",
            item=item,
            unit="semitones",
            group="speaker",
            needs="voice",
            min_mad=0.25,
            detrend=True,
            means="median pitch, in semitones above 100 Hz",
            null=null,
            source="de Looze & Hirst 2008",
            compute=partial(_statistic, _SEMITONES.median(), least_ms),
        ),
        Feature(
            name="f0_span_st",
            item=item,
            unit="semitones",
            group="speaker",
            needs="voice",
            min_mad=0.25,
            detrend=True,
            means=f"pitch span: from the {low:.0%} to the {high:.0%} quantile",
            null=null,
            source="Dolev-Amit 2020; quantiles: de Looze & Hirst 2008",
            compute=partial(_statistic, span, least_ms),
        ),
    ]


def _too_little(least_ms: int) -> str:
    return f"less than {least_ms} ms of voiced speech that is certainly this person's"


def _statistic(statistic: pl.Expr, least_ms: int, tables: Tables, items: pl.DataFrame) -> pl.Series:
    """A statistic over the voiced frames of each item."""
    enough = pl.when(pl.len() >= frames_in(least_ms))
    return of_each(items, heard_in(items, tables, "semitones"), enough.then(statistic))


def _near(settings: config.Features, tables: Tables, turns: pl.DataFrame) -> pl.DataFrame:
    """Voiced frames of turns but for those that are octave errors or creak."""
    off = (_SEMITONES - _SEMITONES.median().over("row")).abs()
    return heard_in(turns, tables, "semitones").filter(off < settings.octave_st)


def _slope(settings: config.Features) -> Feature:
    seconds = pl.col("t_ms") / 1000
    enough = pl.when(pl.len() >= frames_in(settings.voiced_min_ms))
    slope = enough.then(pl.cov(seconds, _SEMITONES) / seconds.var())
    return Feature(
        name="f0_slope_st_per_s",
        item="turn",
        unit="semitones per second",
        group="speaker",
        needs="voice",
        min_mad=0.25,
        means="slope of the line through the turn's pitch (least squares)",
        null=_too_little(settings.voiced_min_ms),
        source="'t Hart, Collier & Cohen 1990",
        version=2,
        compute=lambda tables, turns: of_each(turns, _near(settings, tables, turns), slope),
    )


def _final(settings: config.Features) -> Feature:
    last_ms, all_ms = settings.final_last_ms, settings.final_ms
    return Feature(
        name="f0_final_st",
        item="turn",
        unit="semitones",
        group="speaker",
        needs="voice",
        min_mad=0.5,
        means=f"how the turn's pitch ends: median of its last {last_ms} ms relative to that of the "
        f"{all_ms - last_ms} ms before",
        null=f"less than {settings.final_voiced_share:.0%} of either is voiced speech that is "
        "certainly this person's",
        source="after Gravano & Hirschberg 2011",
        compute=partial(_final_movement, settings),
    )


def _final_movement(settings: config.Features, tables: Tables, turns: pl.DataFrame) -> pl.Series:
    last_ms, all_ms = settings.final_last_ms, settings.final_ms
    before_end = pl.col("t_ms").max().over("row") - pl.col("t_ms")
    heard = _near(settings, tables, turns).filter(before_end < all_ms)
    last, rest = (_SEMITONES.filter(chosen) for chosen in (pl.col("last"), ~pl.col("last")))
    share = settings.final_voiced_share
    enough = (last.count() >= share * frames_in(last_ms)) & (
        rest.count() >= share * frames_in(all_ms - last_ms)
    )
    movement = pl.when(enough).then(last.median() - rest.median())
    return of_each(turns, heard.with_columns(last=before_end < last_ms), movement)
