"""Features of the words of a turn: its length, and what each lexicon finds in it."""

from collections.abc import Callable
from functools import partial

import polars as pl

from pipeline.lexicon import Lexicons
from pipeline.ports import Feature
from pipeline.tables import Tables

_NULL = "no words were recognised, or the language has no such lexicon"


def features(lexicons: Lexicons) -> tuple[Feature, ...]:
    """Word features of turns, in order of name.

    Of each lexicon there are two: ``<id>``, the matches that count, and ``<id>_refused``, those
    that its own exceptions refused (reported speech, a generic *you*), where it has exceptions.

    Parameters
    ----------
    lexicons
        Of the session's language. Names are the same for every language; where it lacks a
        lexicon, values are null.
    """
    made = [_feature("n_words", "words", "words of the turn", _n_words)]
    if "question" in lexicons.ids:
        asks = partial(_is_question, lexicons)
        made.append(_feature("is_question", "0-1", "the turn holds a question", asks))
    if "acknowledgement" in lexicons.ids:
        only = partial(_acknowledgement_only, lexicons)
        means = "the turn is made of acknowledgements"
        made.append(_feature("acknowledgement_only", "0-1", means, only))
    for name in lexicons.ids:
        entry = lexicons.entries.get(name)
        means = entry.means if entry else "no such lexicon in this language"
        made.append(_feature(name, "matches", means, partial(_counted, lexicons, name)))
        if entry is None or entry.unless:
            refused = f"as {name}, but refused by its exceptions"
            counts = partial(_refused, lexicons, name)
            made.append(_feature(f"{name}_refused", "matches", refused, counts))
    return tuple(sorted(made, key=lambda feature: feature.name))


def _feature(
    name: str, unit: str, means: str, values: Callable[[pl.DataFrame], pl.Series]
) -> Feature:
    def compute(tables: Tables) -> pl.DataFrame:
        turns = tables["turns"]
        return pl.DataFrame(
            {"item_id": turns["turn_id"], "speaker": turns["speaker"], "value": values(turns)}
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
        source="Tether, configs/lexicons" if unit == "matches" else "Tether",
        compute=compute,
    )


def _n_words(turns: pl.DataFrame) -> pl.Series:
    return turns["n_words"]


def _is_question(lexicons: Lexicons, turns: pl.DataFrame) -> pl.Series:
    return lexicons.counts("question", turns["text"])[0] > 0


def _acknowledgement_only(lexicons: Lexicons, turns: pl.DataFrame) -> pl.Series:
    only = [
        None if text is None else lexicons.only("acknowledgement", text) for text in turns["text"]
    ]
    return pl.Series(only, dtype=pl.Boolean)


def _counted(lexicons: Lexicons, name: str, turns: pl.DataFrame) -> pl.Series:
    return lexicons.counts(name, turns["text"])[0]


def _refused(lexicons: Lexicons, name: str, turns: pl.DataFrame) -> pl.Series:
    return lexicons.counts(name, turns["text"])[1]
