"""Measures of turns, silences, overlaps, windows and the session, one file per kind.

`catalogue` gathers what the files declare, `measure_all` computes it. A new feature is a
`ports.Feature` in one of these files, or a new file with a function ``features``; no table changes.
``tether measures`` prints them all with definition, unit, source and meaning of null.

=========  ===========================================================  ====================
file       measures                                                     needs
=========  ===========================================================  ====================
timing     a turn's latency, length and pauses; lengths of silences     timing
           and overlaps
windows    talk and silence, pauses, latency, turn length, switches     timing
silences   silences by who spoke before and after                       timing
overlaps   floor takings, failed attempts, cut-offs, backchannels       timing; words (kinds)
dyad       latency balance; entrainment of level                        timing; both voices
pitch      f0 median, span, slope, end of the turn, in semitones        voice
phonation  HNR, cepstral peak, jitter, shimmer                          voice
loudness   level over the speaker's own                                 voice
rate       speech rate, articulation rate                               words; voice
wording    counts of lexicons                                           words
=========  ===========================================================  ====================

All but `timing` also measure windows and the session (`tables.WINDOWS`), but not every one of them:
`loudness`, which is over the session's own, has none of the session; `wording`, none of the
shortest window; and `dyad` has the longest window and the session only.

`speech` is what all of them share: who speaks in which interval, frame and window. `frames` makes
the table of that name from sound, with `periodicity`; `accuracy` holds what is known of errors.
"""

from collections import Counter
from collections.abc import Iterable

import polars as pl

from pipeline import config
from pipeline.core.tables import VALUES, Tables
from pipeline.lexicons import Lexicons
from pipeline.measures import (
    dyad,
    intervals,
    known_errors,
    loudness,
    overlaps,
    phonation,
    pitch,
    rate,
    silences,
    timing,
    windows,
)
from pipeline.measures.feature import Feature
from pipeline.measures.plugin_features import plugin_features


def catalogue(
    settings: config.Settings, *extra: Feature, lexicons: Lexicons | None = None
) -> tuple[Feature, ...]:
    """All features: built-in ones, `extra` ones (those of the words), then those of plug-ins.

    Parameters
    ----------
    lexicons
        Of the session's language; None: syllables are not counted from words.

    Raises
    ------
    ValueError
        Two features of one item have the same name.
    """
    own = settings.features
    modules = (timing, windows, silences, overlaps, pitch, phonation, loudness)
    declared = [feature for module in modules for feature in module.features(own)]
    declared += rate.features(own, lexicons)
    declared += [*dyad.features(own, settings.turns.latch_ms), *extra]
    declared += plugin_features(settings, declared)
    found = tuple(known_errors.told(feature) for feature in declared)
    often = Counter((feature.item, feature.name) for feature in found)
    twice = [key for key, count in often.items() if count > 1]
    if twice:
        raise ValueError(f"two features of one name: {twice}")
    return found


def measure_all(tables: Tables, features: Iterable[Feature]) -> pl.DataFrame:
    """Values of all features, long.

    Parameters
    ----------
    tables
        `spans`, `words`, `turns`, `units`, `silences`, `overlaps`, `frames`; `diarization` (else
        nothing is known of overlaps) and `transcription` (else syllables are not counted from
        words).

    Returns
    -------
    DataFrame
        Table `values`. Every feature has a row for
        every item (and speaker) of its kind; value is null where it could not be measured.
    """
    shared = dict(tables)
    shared["voice"] = intervals.voice(shared)
    shared["voice_in_turns"] = intervals.in_turns(shared)
    parts = [VALUES.empty()]
    declared = list(features)
    for feature in declared:
        found = feature.compute(shared)
        known = pl.col("value").cast(pl.Float64)
        parts.append(
            found.select(
                pl.lit(feature.item).alias("item"),
                "item_id",
                "speaker",
                pl.lit(feature.name).alias("feature"),
                pl.when(known.is_finite()).then(known).alias("value"),
            )
        )
    return VALUES.conform(_complete(pl.concat(parts), declared))


def _complete(found: pl.DataFrame, declared: Iterable[Feature]) -> pl.DataFrame:
    """`found` with a null where a feature says nothing of an item that others measure."""
    pairs = found.select("item", "item_id", "speaker", pair=pl.col("speaker").is_null()).unique()
    said = found.select("item", "feature", pair=pl.col("speaker").is_null())
    meant = [(f.item, f.name, f.group == "pair") for f in declared if f.group != "session"]
    features = said.extend(pl.DataFrame(meant, schema=said.schema, orient="row")).unique()
    index = features.join(pairs, on=["item", "pair"]).drop("pair")
    return (
        index.join(
            found, on=["item", "item_id", "speaker", "feature"], how="left", nulls_equal=True
        )
        .select(VALUES.names)
        .sort("item", "feature", "speaker", "item_id")
    )
