"""Features of words: how many, and what each lexicon finds in them.

========================  ==================================================  ======================
feature                   is                                                  of
========================  ==================================================  ======================
``n_words``               words                                               turn, windows, session
``share_as_short``        share of the person's turns that have no more words   turn
``is_question``           holds a question                                    turn
``acknowledgement_only``  is made of acknowledgements                         turn
``<id>``                  matches of a lexicon that count                     turn
``<id>_refused``          matches that its own exceptions refused             turn
``<id>_rate``             matches per 100 words                               turn, windows, session
``<id>_excess``           matches over what all the person's words lead one   turn, windows
                          to expect, in standard deviations
========================  ==================================================  ======================

The two before exist for lexicons with ``rate: true``. Turns differ in length, so a count alone says
little; and since most turns hold no word of feeling at all, the median of their rates is zero, and
no turn can lie under it. The excess minds both: of a person's N words, M of which match, a stretch
of n words holds by chance ``M * n / N`` matches with variance ``M * n / N * (1 - n / N)`` (two
Poisson counts given their sum, Przyborowski & Wilenski 1940). Like a z it counts standard
deviations, and it is null where so little was said that no number of matches would stand out.

A turn that reaches into two windows counts in each by the share of its time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline import config
from pipeline.core.tables import Tables
from pipeline.lexicons import Lexicons
from pipeline.measures.feature import Feature
from pipeline.measures.intervals import columns, sorted_groups, together, values, windows

_NULL = "no words were recognised, or the language has no such lexicon"
_WINDOWS = ("window_180s", "window_300s")  # a minute holds too few words for a rate
_FROM_LEXICONS = "Tether, configs/lexicons"

Floats = NDArray[np.float64]
Column = Callable[[pl.DataFrame], pl.Series]
"""Of each turn a value."""


def features(lexicons: Lexicons, settings: config.Features) -> tuple[Feature, ...]:
    """Word features, in order of name.

    Parameters
    ----------
    lexicons
        Of the session's language. Names are the same for every language; where it lacks a
        lexicon, values are null.
    """
    made = [_of_turns("n_words", "words", "words of the turn", lambda turns: turns["n_words"])]
    made += [_n_words(item, settings) for item in (*_WINDOWS, "session")]
    made.append(_share_as_short(settings))
    if "question" in lexicons.ids:
        asks = partial(_is_question, lexicons)
        made.append(_of_turns("is_question", "0-1", "the turn holds a question", asks))
    if "acknowledgement" in lexicons.ids:
        only = partial(_acknowledgement_only, lexicons)
        means = "the turn is made of acknowledgements"
        made.append(_of_turns("acknowledgement_only", "0-1", means, only))
    for name in lexicons.ids:
        entry = lexicons.entries.get(name)
        means = entry.means if entry else "no such lexicon in this language"
        counted = partial(_counted, lexicons, name)
        made.append(_of_turns(name, "matches", means, counted, entry.error if entry else ""))
        if entry is None or entry.unless:
            refused = f"as {name}, but refused by its exceptions"
            counts = partial(_refused, lexicons, name)
            made.append(_of_turns(f"{name}_refused", "matches", refused, counts))
        if name in lexicons.rated:
            made += [_rate(name, item, means, counted, settings) for item in _items("session")]
            made += [_excess(name, item, means, counted, settings) for item in _items()]
    return tuple(sorted(made, key=lambda feature: (feature.name, feature.item)))


def _items(*more: str) -> tuple[str, ...]:
    return ("turn", *_WINDOWS, *more)


def _of_turns(name: str, unit: str, means: str, column: Column, error: str = "") -> Feature:
    def compute(tables: Tables) -> pl.DataFrame:
        turns = tables["turns"]
        return pl.DataFrame(
            {"item_id": turns["turn_id"], "speaker": turns["speaker"], "value": column(turns)}
        ).cast({"value": pl.Float64})

    return Feature(
        name=name,
        item="turn",
        unit=unit,
        group="speaker",
        needs="words",
        # Of the logarithm: a tenth longer. Counts are mostly zero: one match more or less.
        min_mad=0.1 if unit == "words" else 1.0,
        log=unit == "words",
        means=means,
        null=_NULL,
        source=_FROM_LEXICONS if unit == "matches" else "Tether",
        version=2,
        error=error,
        compute=compute,
    )


def _n_words(item: str, settings: config.Features) -> Feature:
    return Feature(
        name="n_words",
        item=item,
        unit="words",
        group="speaker",
        needs="words",
        min_mad=0.1,  # of the logarithm: a tenth more or fewer
        log=True,
        means="words that the person says",
        null="no words were recognised",
        source="Tether",
        compute=_over(item, settings, lambda turns: turns["n_words"], lambda said: said.words),
    )


def _share_as_short(settings: config.Features) -> Feature:
    least = settings.window_min_turns

    def compute(tables: Tables) -> pl.DataFrame:
        parts = []
        for (name,), own in sorted_groups(tables["turns"]):
            words = _known(own["n_words"])
            counts = ~np.isnan(words) & ~own["is_backchannel"].fill_null(value=False).to_numpy()
            usual = np.sort(words[counts])
            share = np.searchsorted(usual, words, side="right") / max(len(usual), 1)
            unknown = np.isnan(words) | (len(usual) < least)
            parts.append(values(own["turn_id"], name, np.where(unknown, np.nan, share)))
        return together(parts)

    return Feature(
        name="share_as_short",
        item="turn",
        unit="0-1",
        group="speaker",
        needs="words",
        min_mad=0.1,  # a tenth of the turns
        means="share of all the person's turns that have no more words, backchannels left out",
        null=f"no words were recognised, or the person has fewer than {least} turns",
        source="Tether",
        compute=compute,
    )


def _rate(name: str, item: str, means: str, counted: Column, settings: config.Features) -> Feature:
    least = settings.rate_min_words if item == "turn" else settings.window_rate_min_words

    def rate(said: _Said) -> Floats:
        return 100 * said.matches / np.where(said.words >= least, said.words, np.nan)

    return Feature(
        name=f"{name}_rate",
        item=item,
        unit="per 100 words",
        group="speaker",
        needs="words",
        min_mad=2 if item == "turn" else 0.5,  # about one match more or less
        means=f"{means}: matches per 100 words",
        null=f"fewer than {least} words, or the language has no such lexicon",
        source=_FROM_LEXICONS,
        compute=_over(item, settings, counted, rate),
    )


def _excess(
    name: str, item: str, means: str, counted: Column, settings: config.Features
) -> Feature:
    least = settings.excess_min_variance

    def excess(said: _Said) -> Floats:
        share = said.words / said.all_words
        expected = said.all_matches * share
        variance = expected * (1 - share)
        spread = np.sqrt(np.where(variance >= least, variance, np.nan))
        return (said.matches - expected) / spread

    return Feature(
        name=f"{name}_excess",
        item=item,
        unit="standard deviations",
        group="speaker",
        needs="words",
        min_mad=0.5,
        means=f"{means}: matches over what all the person's words lead one to expect",
        null=f"so few matches were to be expected that their variance is under {least}, "
        "or the language has no such lexicon",
        source="Przyborowski & Wilenski 1940",
        compute=_over(item, settings, counted, excess),
    )


def _counted(lexicons: Lexicons, name: str, turns: pl.DataFrame) -> pl.Series:
    return lexicons.counts(name, turns["text"])[0]


def _refused(lexicons: Lexicons, name: str, turns: pl.DataFrame) -> pl.Series:
    return lexicons.counts(name, turns["text"])[1]


def _is_question(lexicons: Lexicons, turns: pl.DataFrame) -> pl.Series:
    return _counted(lexicons, "question", turns) > 0


def _acknowledgement_only(lexicons: Lexicons, turns: pl.DataFrame) -> pl.Series:
    only = [
        None if text is None else lexicons.only("acknowledgement", text) for text in turns["text"]
    ]
    return pl.Series(only, dtype=pl.Boolean)


@dataclass(frozen=True)
class _Said:
    """What one person says in each of several stretches, and in the whole session.

    Attributes
    ----------
    words, matches
        Of each stretch, NaN where they are not known; not whole where a turn lies in two windows.
    all_words, all_matches
        Of the session.
    """

    words: Floats
    matches: Floats
    all_words: float
    all_matches: float


def _over(
    item: str, settings: config.Features, column: Column, measure: Callable[[_Said], Floats]
) -> Callable[[Tables], pl.DataFrame]:
    """`measure` of what each person says in each turn or window, with the matches of `column`."""

    def compute(tables: Tables) -> pl.DataFrame:
        turns = tables["turns"].with_columns(matches=column(tables["turns"]))
        cut = None if item == "turn" else windows(tables, item, settings.window_min_share)
        parts = []
        for (name,), own in sorted_groups(turns):
            ids = own["turn_id"] if cut is None else cut["item_id"]
            with np.errstate(invalid="ignore", divide="ignore"):
                found = measure(_said(own, cut))
            parts.append(values(ids, name, found))
        return together(parts)

    return compute


def _said(turns: pl.DataFrame, cut: pl.DataFrame | None) -> _Said:
    """What is said in the `turns` of one person, or in the windows of `cut`."""
    words, matches = _known(turns["n_words"]), _known(turns["matches"])
    known = ~np.isnan(words + matches)
    all_words = float(words[known].sum()) if known.any() else np.nan
    all_matches = float(matches[known].sum()) if known.any() else np.nan
    if cut is not None:
        share = _shares(turns, cut)[known]
        words = words[known] @ share if known.any() else np.full(cut.height, np.nan)
        matches = matches[known] @ share if known.any() else np.full(cut.height, np.nan)
    return _Said(words, matches, all_words, all_matches)


def _known(column: pl.Series) -> Floats:
    """As floats; NaN for null."""
    return np.asarray(column.cast(pl.Float64).fill_null(float("nan")).to_numpy())


def _shares(turns: pl.DataFrame, cut: pl.DataFrame) -> Floats:
    """What part of each turn's time lies in each window: one row per turn."""
    starts, ends = (edge[:, np.newaxis] for edge in columns(turns))
    from_ms, to_ms = columns(cut)
    inside = np.minimum(ends, to_ms) - np.maximum(starts, from_ms)
    return np.asarray(np.maximum(inside, 0) / (ends - starts))
