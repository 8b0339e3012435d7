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

from pipeline import config
from pipeline.core.intervals import Ints
from pipeline.core.tables import Tables
from pipeline.lexicons import Lexicons
from pipeline.measures.feature import Feature, Given
from pipeline.measures.intervals import Floats, columns, over, rows_of

_NULL = "no words were recognised, or the language has no such lexicon"
_WINDOWS = ("window_180s", "window_300s")  # a minute holds too few words for a rate
_FROM_LEXICONS = "Tether, configs/lexicons"

Column = Callable[[pl.DataFrame], pl.Series]
"""Of each turn a value."""


def features(given: Given) -> tuple[Feature, ...]:
    """Word features, in order of name; none where no lexicons are given.

    Names are the same for every language; where it lacks a lexicon, values are null.
    """
    settings, lexicons = given.settings.features, given.lexicons
    if lexicons is None:
        return ()
    made = [_of_turns("n_words", "words", "words of the turn", _words)]
    made += over((*_WINDOWS, "session"), settings, [_n_words()])
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
            rate = partial(_rate, name, means, counted, settings)
            excess = partial(_excess, name, means, counted, settings)
            made += [rate("turn"), *over((*_WINDOWS, "session"), settings, [rate("window")])]
            made += [excess("turn"), *over(_WINDOWS, settings, [excess("window")])]
    return tuple(sorted(made, key=lambda feature: (feature.name, feature.item)))


def _words(turns: pl.DataFrame) -> pl.Series:
    return turns["n_words"]


def _of_turns(name: str, unit: str, means: str, column: Column, error: str = "") -> Feature:
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
        compute=lambda _, turns: column(turns),
    )


def _n_words() -> Feature:
    return Feature(
        name="n_words",
        item="window",
        unit="words",
        group="speaker",
        needs="words",
        min_mad=0.1,  # of the logarithm: a tenth more or fewer
        log=True,
        means="words that the person says",
        null="no words were recognised",
        source="Tether",
        compute=partial(_measured, lambda said: said.words, _words),
    )


def _share_as_short(settings: config.Features) -> Feature:
    least = settings.window_min_turns

    def compute(_: Tables, turns: pl.DataFrame) -> Floats:
        words = _known(turns["n_words"])
        counts = ~np.isnan(words) & ~turns["is_backchannel"].fill_null(value=False).to_numpy()
        share = np.full(len(words), np.nan)
        for own in rows_of(turns).values():
            usual = np.sort(words[own][counts[own]])
            if len(usual) >= least:
                share[own] = np.searchsorted(usual, words[own], side="right") / len(usual)
        return np.where(np.isnan(words), np.nan, share)

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


def _rate(name: str, means: str, counted: Column, settings: config.Features, item: str) -> Feature:
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
        compute=partial(_measured, rate, counted),
    )


def _excess(
    name: str, means: str, counted: Column, settings: config.Features, item: str
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
        compute=partial(_measured, excess, counted),
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
    """What people say in turns or windows, and in the whole session; NaN where it is not known.

    Attributes
    ----------
    words, matches
        Of each item; not whole where a turn lies in two windows.
    all_words, all_matches
        Of the session, all that the person of each item says.
    """

    words: Floats
    matches: Floats
    all_words: Floats
    all_matches: Floats


def _measured(
    measure: Callable[[_Said], Floats], counted: Column, tables: Tables, items: pl.DataFrame
) -> Floats:
    """`measure` of what is said in each turn or window, with the matches of a lexicon."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return measure(_said(items, tables["turns"], counted))


def _said(items: pl.DataFrame, turns: pl.DataFrame, counted: Column) -> _Said:
    words, matches = _known(turns["n_words"]), _known(counted(turns))
    known = ~np.isnan(words + matches)
    here, in_all = np.full((2, 2, items.height), np.nan)
    of = rows_of(turns)
    times, windows = np.stack(columns(turns)), np.stack(columns(items))
    for name, own in rows_of(items).items():
        said = of[name][known[of[name]]]
        if len(said):
            both = np.stack([words[said], matches[said]])
            in_all[:, own] = both.sum(axis=1, keepdims=True)
            here[:, own] = both @ _shares(times[:, said], windows[:, own])
    if "n_words" in items.columns:  # the items are the turns themselves
        here = np.stack([words, matches])
    return _Said(*here, *in_all)


def _known(column: pl.Series) -> Floats:
    """As floats; NaN for null."""
    return column.cast(pl.Float64).to_numpy()


def _shares(turns: Ints, windows: Ints) -> Floats:
    """What part of each turn's time lies in each window: one row per turn.

    Parameters
    ----------
    turns, windows
        Start and end of each, shape (2, n).
    """
    (starts, ends), (from_ms, to_ms) = turns[:, :, np.newaxis], windows
    inside = np.minimum(ends, to_ms) - np.maximum(starts, from_ms)
    return np.asarray(np.maximum(inside, 0) / (ends - starts))
