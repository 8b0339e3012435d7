"""Pitch of turns and windows, in semitones, since pitch is heard in ratios.

The median and the quantiles of the span bear some octave errors; what follows the line of pitch
does not, so there frames far off the turn's median are left out (``features.octave_st``).

Semitones count from 100 Hz (12 make an octave); z and percentile compare with the same speaker.
F0 span is two-sided: it widened both in withdrawal and in confrontation (Dolev-Amit 2020, one
case), and a flat voice means nothing by itself.
"""

from collections.abc import Callable
from functools import partial

import polars as pl

from pipeline import config
from pipeline.core.tables import Tables
from pipeline.core.vocabulary import WINDOWS
from pipeline.measures.feature import Feature
from pipeline.measures.intervals import frames_in, in_turns, in_windows

_SEMITONES = pl.col("semitones")


def features(settings: config.Features) -> tuple[Feature, ...]:
    """All pitch features."""
    low, high = settings.span_low, settings.span_high
    median = _SEMITONES.median()
    span = _SEMITONES.quantile(high, "linear") - _SEMITONES.quantile(low, "linear")
    seconds = pl.col("t_ms") / 1000
    slope = pl.cov(seconds, _SEMITONES) / seconds.var()
    found = []
    for item in ("turn", *WINDOWS):
        least_ms = settings.voiced_min_ms if item == "turn" else settings.window_voiced_min_ms
        null = f"less than {least_ms} ms of voiced speech that is certainly this person's"
        take = _taken(item, settings, least_ms)
        found += [
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
                compute=take(median),
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
                compute=take(span),
            ),
        ]
        if item == "turn":
            found.append(
                Feature(
                    name="f0_slope_st_per_s",
                    item=item,
                    unit="semitones per second",
                    group="speaker",
                    needs="voice",
                    min_mad=0.25,
                    means="slope of the line through the turn's pitch (least squares)",
                    null=null,
                    source="'t Hart, Collier & Cohen 1990",
                    version=2,
                    compute=partial(_slope, settings, slope),
                )
            )
            found.append(_final(settings))
    return tuple(found)


def _taken(
    item: str, settings: config.Features, least_ms: int
) -> Callable[[pl.Expr], Callable[[Tables], pl.DataFrame]]:
    """Makes the computation of a statistic over the voiced frames of each item."""
    least = frames_in(least_ms)

    def make(statistic: pl.Expr) -> Callable[[Tables], pl.DataFrame]:
        def compute(tables: Tables) -> pl.DataFrame:
            if item == "turn":
                heard = in_turns(tables)
            else:
                heard = in_windows(tables, item, settings.window_min_share)
            enough = pl.when(_SEMITONES.count() >= least)
            return (
                heard.drop_nulls("semitones")
                .group_by("item_id", "speaker")
                .agg(enough.then(statistic).alias("value"))
            )

        return compute

    return make


def _near(settings: config.Features, tables: Tables) -> pl.DataFrame:
    """Voiced frames of turns but for those that are octave errors or creak."""
    turn = ("item_id", "speaker")
    off = (_SEMITONES - _SEMITONES.median().over(turn)).abs()
    return in_turns(tables).drop_nulls("semitones").filter(off < settings.octave_st)


def _slope(settings: config.Features, slope: pl.Expr, tables: Tables) -> pl.DataFrame:
    enough = pl.when(_SEMITONES.count() >= frames_in(settings.voiced_min_ms))
    grouped = _near(settings, tables).group_by("item_id", "speaker")
    return grouped.agg(enough.then(slope).alias("value"))


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


def _final_movement(settings: config.Features, tables: Tables) -> pl.DataFrame:
    last_ms, all_ms = settings.final_last_ms, settings.final_ms
    before_end = pl.col("t_ms").max().over("item_id", "speaker") - pl.col("t_ms")
    heard = _near(settings, tables).filter(before_end < all_ms)
    last = _SEMITONES.filter(pl.col("last"))
    rest = _SEMITONES.filter(~pl.col("last"))
    share = settings.final_voiced_share
    enough = (last.count() >= share * frames_in(last_ms)) & (
        rest.count() >= share * frames_in(all_ms - last_ms)
    )
    return (
        heard.with_columns((before_end < last_ms).alias("last"))
        .group_by("item_id", "speaker")
        .agg(pl.when(enough).then(last.median() - rest.median()).alias("value"))
    )
