"""Measures of turns, silences, overlaps, windows and the session, one file per kind.

`catalogue` gathers what the files of `features/` declare, `measure_all` computes it. A new feature
is a `feature.Feature` in one of these files, or a new file there with a function ``features``; no
table changes. Its `compute` gives a value for each item that it gets, usually in a line or two::

    def _length(tables: Tables, turns: pl.DataFrame) -> pl.Series:
        return turns["end_ms"] - turns["start_ms"]

    def _speech_ms(tables: Tables, windows: pl.DataFrame) -> Floats:
        return covered_ms(windows, talk(tables))

It gets windows of all kinds at once (`intervals.over`); `measure_all` names and sorts the values.
``tether measures`` prints all features with definition, unit, source and meaning of null.

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

`intervals` is what all of them share: who speaks in which interval, frame and window. `frames`
makes the table of that name from sound, with `periodicity`; `known_errors` says how far measures
were off; `baseline` says how unusual a value is.
"""

from collections import Counter
from collections.abc import Iterable

import polars as pl

from pipeline import config
from pipeline.core.tables import VALUES, Tables
from pipeline.core.vocabulary import WINDOWS
from pipeline.lexicons import Lexicons
from pipeline.measures import features, intervals, known_errors
from pipeline.measures.feature import Feature, Given
from pipeline.measures.plugin_features import plugin_features


def catalogue(settings: config.Settings, lexicons: Lexicons | None = None) -> tuple[Feature, ...]:
    """All features: built-in ones, then those of plug-ins.

    Parameters
    ----------
    lexicons
        Of the session's language; None: no features of words, and no syllables.

    Raises
    ------
    ValueError
        Two features of one item have the same name.
    """
    declared = list(features.declared(Given(settings, lexicons)))
    declared += plugin_features(settings, declared)
    found = tuple(known_errors.with_error(feature) for feature in declared)
    often = Counter((feature.item, feature.name) for feature in found)
    twice = [key for key, count in often.items() if count > 1]
    if twice:
        raise ValueError(f"two features of one name: {twice}")
    return found


def measure_all(tables: Tables, measured: Iterable[Feature]) -> pl.DataFrame:
    """Values of all features, long.

    What `Feature.compute` gets beside the tables are the items, with their id as ``item_id``:

    ================  ===========================================================================
    item              rows
    ================  ===========================================================================
    turn              table `turns`
    silence           table `silences` without its edges; speaker is null
    overlap           table `overlaps`; speaker is null
    window, session   item, item_id, speaker, start_ms, end_ms: of group ``speaker`` each window of
                      everybody who has a turn, else each window, speaker null
    ================  ===========================================================================

    Parameters
    ----------
    tables
        `spans`, `words`, `turns`, `units`, `silences`, `overlaps`, `frames`; `diarization` (else
        nothing is known of overlaps) and `transcription` (else syllables are not counted from
        words).

    Returns
    -------
    DataFrame
        Table `values`. Every feature has a row for every item (and speaker) of its kind; value is
        null where it could not be measured.
    """
    shared = {**tables, "voice": intervals.voice(tables)}
    declared = list(measured)
    items = {kind: _items(*kind, shared, declared) for kind in {*map(_kind, declared)}}
    columns: dict[_Kind, list[pl.Series]] = {kind: [] for kind in items}
    for alike in _computed_together(declared):
        parts = [items[_kind(feature)] for feature in alike]
        found = alike[0].compute(shared, parts[0] if len(parts) == 1 else pl.concat(parts))
        column = pl.Series(found).cast(pl.Float64)
        if len(column) != sum(part.height for part in parts):
            raise ValueError(f"feature '{alike[0].name}' must give a value for each item")
        for feature, part in zip(alike, parts, strict=True):
            columns[_kind(feature)].append(column.head(part.height).alias(feature.name))
            column = column.slice(part.height)
    wide = (
        frame.select(pl.lit(kind[0]).alias("item"), "item_id", "speaker", *columns[kind])
        for kind, frame in items.items()
    )
    index = ["item", "item_id", "speaker"]
    long = [each.unpivot(index=index, variable_name="feature") for each in wide]
    known = pl.when(pl.col("value").is_finite()).then("value").alias("value")
    return VALUES.conform(
        pl.concat([VALUES.empty(), *long])
        .with_columns(known)
        .sort("item", "feature", "speaker", "item_id")
    )


_Kind = tuple[str, bool]
"""Item, and whether each speaker is measured apart."""


def _kind(feature: Feature) -> _Kind:
    return feature.item, feature.group == "speaker"


def _computed_together(declared: Iterable[Feature]) -> Iterable[list[Feature]]:
    """Features that share `compute`, each of another kind of window."""
    alike: dict[object, list[Feature]] = {}
    for feature in declared:
        item, apart = _kind(feature)
        kind = "window" if item in WINDOWS else item
        alike.setdefault((feature.compute, kind, apart), []).append(feature)
    return alike.values()


def _items(item: str, apart: bool, tables: Tables, declared: Iterable[Feature]) -> pl.DataFrame:
    """The items of a kind, a row for each value; `apart`: each speaker's windows by themselves."""
    nobody = pl.lit(None, pl.String).alias("speaker")
    if item == "turn":
        return tables["turns"].rename({"turn_id": "item_id"})
    if item not in WINDOWS:
        own = tables[f"{item}s"].rename({f"{item}_id": "item_id"}).with_columns(nobody)
        return own.filter(pl.col("kind") != "edge") if item == "silence" else own
    # All features of an item have the same rows: the strictest says which windows are long enough.
    share = max(feature.min_share for feature in declared if feature.item == item)
    cut = intervals.windows(tables, item, share).with_columns(pl.lit(item).alias("item"))
    who = intervals.speakers(tables) if apart else [None]
    return pl.DataFrame({"speaker": who}, schema={"speaker": pl.String}).join(cut, how="cross")
