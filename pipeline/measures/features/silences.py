"""Silences by speaker-switch pattern, per window and session.

Who spoke before a silence and who after it says more than its length: of all patterns, pauses with
the therapist's speech on both sides predict a minimal response best (Künsch et al. 2023, PLoS ONE
0280329). Roles are not known when values are computed, so each pattern is a person's::

    before    after     whose            name       of the therapist   of the client
    X         X         X               ``own_``    T→T                C→C
    another   X         X            ``answer_``    C→T                T→C

``own_silence_share`` of the therapist is the share of T→T silences, ``answer_silence_max_ms`` of
the client the longest T→C silence: how long the client let the therapist wait.

A silence belongs to the window in which it begins; of the share, what lies in the window counts.
Silences in which the signal was lost count nowhere. Where a quiet voice may have been missed, the
silence counts: a rule that must be sure looks at ``missed_speech_risk`` of the silence itself.
"""

from functools import partial
from itertools import chain

import polars as pl

from pipeline import config
from pipeline.core.tables import Tables
from pipeline.core.vocabulary import WINDOWS
from pipeline.measures.feature import Feature, Given
from pipeline.measures.intervals import (
    Floats,
    count_in,
    covered_ms,
    heard_ms,
    intervals,
    over,
    per_minute,
    speakers,
    statistic_in,
)

_PATTERNS = {
    "own": (
        pl.col("before_speaker") == pl.col("after_speaker"),
        "between two utterances of the person (therapist: T→T, client: C→C)",
    ),
    "answer": (
        pl.col("before_speaker") != pl.col("after_speaker"),
        "after which the person takes over from another (therapist: C→T, client: T→C)",
    ),
}
_SOURCE = "Künsch et al. 2023"


def features(given: Given) -> tuple[Feature, ...]:
    """Number, share, longest and median of the silences of each pattern."""
    settings = given.settings.features
    patterns = [(*_amounts(name, settings), *_lengths(name, settings)) for name in _PATTERNS]
    return over(WINDOWS, settings, chain.from_iterable(patterns))


def _amounts(name: str, settings: config.Features) -> list[Feature]:
    pattern, where = _PATTERNS[name]
    kind = f"silences of at least {settings.silence_min_ms} ms {where}"
    unheard = (
        f"lost signal in silences makes up more than {1 - settings.window_min_share:.0%} of it"
    )
    return [
        Feature(
            name=f"{name}_silences_per_min",
            item="window",
            unit="per minute",
            group="speaker",
            needs="timing",
            min_mad=0.5,
            means=f"number of {kind}",
            null=unheard,
            source=_SOURCE,
            compute=partial(_rate, settings, pattern),
        ),
        Feature(
            name=f"{name}_silence_share",
            item="window",
            unit="0-1",
            group="speaker",
            needs="timing",
            min_mad=0.02,
            means=f"share of the window in {kind}",
            null=unheard,
            source=_SOURCE,
            compute=partial(_share, settings, pattern),
        ),
    ]


def _lengths(name: str, settings: config.Features) -> list[Feature]:
    pattern, where = _PATTERNS[name]
    return [
        Feature(
            name=f"{name}_silence_{statistic}_ms",
            item="window",
            unit="ms",
            group="speaker",
            needs="timing",
            min_mad=0.1,  # of the logarithm: a tenth longer or shorter
            log=True,
            means=f"{adjective} silence of at least {settings.silence_min_ms} ms {where}",
            null="no such silence begins in the window",
            source=_SOURCE,
            compute=partial(_length, settings, pattern, taken),
        )
        for statistic, adjective, taken in (
            ("max", "longest", pl.col("length_ms").max()),
            ("median", "median", pl.col("length_ms").median()),
        )
    ]


def _chosen(settings: config.Features, pattern: pl.Expr, tables: Tables) -> pl.DataFrame:
    """The silences of a pattern that are long enough and were heard; each is `after_speaker`'s."""
    return tables["silences"].filter(
        pl.col("kind") != "edge",
        pl.col("dropout_ms") == 0,
        pl.col("length_ms") >= settings.silence_min_ms,
        pattern,
    )


def _rate(
    settings: config.Features, pattern: pl.Expr, tables: Tables, windows: pl.DataFrame
) -> Floats:
    count = count_in(windows, _chosen(settings, pattern, tables), "after_speaker")
    return per_minute(count, heard_ms(tables, windows, settings))


def _share(
    settings: config.Features, pattern: pl.Expr, tables: Tables, windows: pl.DataFrame
) -> Floats:
    chosen = _chosen(settings, pattern, tables)
    of_each = {
        name: intervals(chosen.filter(pl.col("after_speaker") == name)) for name in speakers(tables)
    }
    return covered_ms(windows, of_each) / heard_ms(tables, windows, settings)


def _length(
    settings: config.Features,
    pattern: pl.Expr,
    statistic: pl.Expr,
    tables: Tables,
    windows: pl.DataFrame,
) -> pl.Series:
    return statistic_in(windows, _chosen(settings, pattern, tables), statistic, "after_speaker")
