"""What two people do together: who waits longer, and whether their levels go together.

Only what has held up is here:

- **Who talks how much and how long**: ``talk_share``, ``turn_length_median_ms`` and
  ``latency_median_ms`` stand in `windows`, for they are one person's.
- **Latency balance**: one's median response latency over the other's, as a logarithm, so that
  0 is even and 1 is twice as long. Two people grow alike in how long they wait, so what one of them
  does is understood beside the other (Jaffe & Feldstein 1970).
- **Entrainment of level** (Levitan & Hirschberg 2011), at changes of speaker: what the one says
  last beside what the other says first. Of their dimensions intensity entrains most surely. It
  needs the voice of both, the therapist's too, and is declared only where
  ``features.therapist_voice`` is set.

Not here, on purpose: **synchrony of f0**. That it goes with empathy or outcome was found in small
samples and failed to replicate in two larger ones (208 and 204 sessions; domain.md, section 3).
Nor is there any one score of "synchrony": its parts disagree, and nobody has validated a sum.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl

from pipeline import config
from pipeline.core.intervals import Ints
from pipeline.core.tables import UNITS, Tables
from pipeline.measures.feature import Feature, Given
from pipeline.measures.intervals import (
    Floats,
    columns,
    frames_in,
    heard_in,
    latencies,
    of_each,
    over,
    speakers,
    statistic_in,
    usual_level,
)

_ITEMS = ("window_300s", "session")
"""Shorter windows hold too few exchanges."""
_DYAD = 2

_Statistic = Callable[[Ints, Floats, Floats], float]


def features(given: Given) -> tuple[Feature, ...]:
    """Features of the dyad; those of both voices only where the settings allow."""
    settings, latch_ms = given.settings.features, given.settings.turns.latch_ms
    entrainment = _entrainment(settings) if settings.therapist_voice else ()
    return (
        *over(_ITEMS, settings, [_balance(settings, latch_ms)]),
        *over(_ITEMS, settings, entrainment),
    )


def _balance(settings: config.Features, latch_ms: int) -> Feature:
    return Feature(
        name="latency_balance",
        item="window",
        unit="doublings",
        group="speaker",
        needs="timing",
        min_mad=0.1,
        means="how much longer the person waits before answering than the other does: the "
        "logarithm to base 2 of the ratio of median latencies; 0: equal, 1: twice as long; "
        f"medians under {latch_ms} ms, which are not audible as a wait, count as {latch_ms} ms",
        null=f"either person has fewer than {settings.window_min_turns} turns with a latency",
        source="Jaffe & Feldstein 1970; threshold: Heldner 2011",
        compute=partial(_latency_balance, settings, latch_ms),
    )


def _entrainment(settings: config.Features) -> list[Feature]:
    null = (
        f"fewer than {settings.min_exchanges} changes of speaker with {settings.voiced_min_ms} ms "
        "of voiced speech on either side, or more than two speakers"
    )

    def declare(name: str, unit: str, min_mad: float, means: str, statistic: _Statistic) -> Feature:
        return Feature(
            name=name,
            item="window",
            unit=unit,
            group="pair",
            needs="voice",
            min_mad=min_mad,
            means=means,
            null=null,
            source="Levitan & Hirschberg 2011",
            compute=partial(_over_exchanges, settings, statistic),
        )

    return [
        declare(
            "level_proximity_db",
            "dB",
            0.3,
            "how much closer the two are in level, each relative to what is usual for them, at "
            "changes of speaker than in the same utterances paired at random; a drift of both, "
            "such as a moving microphone, raises it",
            _proximity_db,
        ),
        declare(
            "level_convergence",
            "-1 to 1",
            0.05,
            "whether the two come closer in level at changes of speaker over time: the "
            "correlation of their difference with time, with the sign reversed",
            _convergence,
        ),
    ]


def _latency_balance(
    settings: config.Features, latch_ms: int, tables: Tables, windows: pl.DataFrame
) -> pl.Series:
    waited = latencies(tables).drop_nulls("latency_ms")
    # Of each person what all the others waited.
    others = [
        waited.filter(pl.col("speaker") != name).with_columns(speaker=pl.lit(name))
        for name in speakers(tables)
    ]
    median = pl.when(pl.len() >= settings.window_min_turns).then(
        pl.col("latency_ms").median().clip(lower_bound=latch_ms)
    )
    theirs = pl.concat([waited.clear(), *others])
    usual, usual_of_others = (statistic_in(windows, turns, median) for turns in (waited, theirs))
    return (usual / usual_of_others).log(2)


def _over_exchanges(
    settings: config.Features, statistic: _Statistic, tables: Tables, windows: pl.DataFrame
) -> Floats:
    """`statistic` of time, level before and level after of the exchanges in each window."""
    at_ms, before, after = _exchanges(tables, settings)
    result = np.full(windows.height, np.nan)
    for number, (start, end) in enumerate(zip(*columns(windows), strict=True)):
        here = (at_ms >= start) & (at_ms < end)
        if here.sum() >= settings.min_exchanges:
            result[number] = statistic(at_ms[here], before[here], after[here])
    return result


def _exchanges(tables: Tables, settings: config.Features) -> tuple[Ints, Floats, Floats]:
    """When the speaker changes, the level of what is said last before and first after."""
    if len(speakers(tables)) != _DYAD:
        return np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
    small = tables["turns"].filter(pl.col("is_backchannel"))["turn_id"]
    units = tables.get("units", UNITS.empty()).filter(~pl.col("turn_id").is_in(small.implode()))
    units = _with_level(
        units.sort("start_ms", "unit_id"), tables, frames_in(settings.voiced_min_ms)
    )
    changes = units.with_columns(
        before=pl.col("level").shift(1), who=pl.col("speaker").shift(1)
    ).filter(pl.col("speaker") != pl.col("who"))
    known = changes.drop_nulls(("before", "level"))
    return known["start_ms"].to_numpy(), known["before"].to_numpy(), known["level"].to_numpy()


def _with_level(units: pl.DataFrame, tables: Tables, least: int) -> pl.DataFrame:
    """`units` with column level: median of voiced frames over the speaker's own, dB."""
    level = pl.col("level_dbfs").cast(pl.Float64).median()
    heard = heard_in(units, tables, "semitones", "level_dbfs")
    found = of_each(units, heard, pl.when(pl.len() >= least).then(level))
    return units.with_columns(level=found - usual_level(units, tables))


def _proximity_db(_: Ints, before: Floats, after: Floats) -> float:
    every = np.abs(before[:, None] - after[None, :])
    adjacent = np.trace(every)
    n = len(before)
    return float((every.sum() - adjacent) / (n * (n - 1)) - adjacent / n)


def _convergence(at_ms: Ints, before: Floats, after: Floats) -> float:
    difference = np.abs(before - after)
    if np.ptp(difference) == 0 or np.ptp(at_ms) == 0:
        return float("nan")
    return float(-np.corrcoef(at_ms, difference)[0, 1])
