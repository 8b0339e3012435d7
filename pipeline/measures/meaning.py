"""Meaning as a measure: what a turn says beside sentences of a lexicon, and beside the question.

A sentence encoder gives each sentence a vector; two that say nearly the same have a cosine near 1,
whatever words they use. `compare` makes the table `meaning` of it, where an encoder is at hand:

===================  =========================================================================
``like_<set>``       cosine of the turn's sentence that is nearest to a prototype of the set
``answer_distance``  1 - cosine of the turn and of what another person said last before it
===================  =========================================================================

Long turns say many things, and the mean of them is like nothing: so prototypes are compared
sentence by sentence (measured on 15 counselling conversations: nine sets as wholes rank the
client's turns with codes of their kind by an area of .49 to .68, by sentences .67 to .81).

Vectors know too little of *not*, of who did it and when: "let's talk about it" is near to "I don't
want to talk about it". Hence counter-sentences in the lexicon: a sentence that is nearer to one of
them does not count. Still these are measures to stand beside words and timing, not instead.

From vectors words can be read back, so they are not kept: only cosines are, to three digits, for
the further ones depend on which sentences the encoder was given together.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline import config
from pipeline.core.tables import MEANING, Tables
from pipeline.engines.protocols import SentenceEncoder
from pipeline.lexicons import Lexicons, Prototypes
from pipeline.measures.feature import Feature

ANSWERED = "answered"
"""What stands in column `beside` for what another said last."""
_DIGITS = 3
_SENTENCE_END = re.compile(r"(?<=[.?!\u2026])\s+")
_NOT_COMPARED = "no sentence encoder is installed (`tether doctor`), or too few words"

Vectors = NDArray[np.float32]


def features(lexicons: Lexicons) -> tuple[Feature, ...]:
    """Features of meaning, null where nothing was compared.

    Parameters
    ----------
    lexicons
        Of the session's language. Names are the same for every language.
    """
    distance = _feature(
        "answer_distance",
        ANSWERED,
        "1 - cosine",
        "how far the turn is in meaning from what another person last said before it; 0: the same, "
        "1: nothing in common",
        f"{_NOT_COMPARED}; nobody else spoke before; a backchannel",
        error="hardly detects changes of topic that people coded: of 4 in 15 counselling "
        "conversations, 2 are among the furthest fifth of answers of 15 or more words (area .70)",
    )
    found = [distance]
    for name in lexicons.prototype_ids:
        chosen = lexicons.prototypes.get(name)
        means = chosen.means if chosen else "no such set in this language"
        null = f"{_NOT_COMPARED}; the language has no such set"
        error = chosen.error if chosen else ""
        found.append(_feature(f"like_{name}", name, "cosine", f"like: {means}", null, error=error))
    return tuple(found)


def _feature(
    name: str, beside: str, unit: str, means: str, null: str, *, error: str = ""
) -> Feature:
    return Feature(
        name=name,
        item="turn",
        unit=unit,
        group="speaker",
        needs="words",
        min_mad=0.05,  # a word more or less moves a cosine by as much
        means=means,
        null=null,
        source="Reimers & Gurevych 2019; sentences: Tether, configs/lexicons",
        error=error,
        compute=partial(_read, beside),
    )


def _read(beside: str, tables: Tables, turns: pl.DataFrame) -> pl.Series:
    """Values of one feature, by time and speaker: turns that are cut otherwise have none."""
    own = tables.get("meaning", MEANING.empty()).filter(pl.col("beside") == beside)
    on = ["start_ms", "end_ms", "speaker"]
    found = turns.join(own.select(*on, "similarity"), on=on, how="left", maintain_order="left")
    return found["similarity"] if beside != ANSWERED else 1 - found["similarity"]


@dataclass(frozen=True)
class _Turn:
    """A turn, its sentences, and what another said last before it; None: nothing to compare."""

    start_ms: int
    end_ms: int
    speaker: str
    sentences: tuple[str, ...]
    answer: str | None
    answered: str | None


def compare(
    turns: pl.DataFrame,
    prototypes: Mapping[str, Prototypes],
    encoder: SentenceEncoder,
    settings: config.Meaning,
) -> pl.DataFrame:
    """Table `meaning`: each turn beside what it answers, and beside each set of prototypes.

    Parameters
    ----------
    turns
        Table `turns`; roles are not needed.

    Raises
    ------
    EngineError
        The encoder failed.
    """
    read = list(_turns(turns, settings))
    said = [[*turn.sentences, *_both(turn)] for turn in read]
    sets = [[*each.like, *each.unlike] for each in prototypes.values()]
    texts = list(dict.fromkeys(text for texts in (*said, *sets) for text in texts))
    place = {text: number for number, text in enumerate(texts)}
    vectors = encoder.encode(texts)

    def of(chosen: Iterable[str]) -> Vectors:
        return vectors[[place[text] for text in chosen]]

    known = {name: (of(each.like), of(each.unlike)) for name, each in prototypes.items()}
    rows: list[dict[str, object]] = []
    for turn in read:
        where = {"start_ms": turn.start_ms, "end_ms": turn.end_ms, "speaker": turn.speaker}
        both = of(_both(turn))
        found = {ANSWERED: float(both[0] @ both[1]) if len(both) else None}
        own = of(turn.sentences) if turn.sentences else None
        for name, (like, unlike) in known.items():
            found[name] = None if own is None else _nearest(own, like, unlike)
        rows += [
            {
                **where,
                "beside": beside,
                "similarity": None if near is None else round(near, _DIGITS),
            }
            for beside, near in found.items()
        ]
    return MEANING.frame(rows)


def _nearest(own: Vectors, like: Vectors, unlike: Vectors) -> float:
    """Cosine of the sentence nearest to a prototype, of those nearer to one than to the others."""
    near, far = (own @ like.T).max(axis=1), (own @ unlike.T).max(axis=1)
    return float(np.where(near > far, near, 0).max(initial=0))


def _both(turn: _Turn) -> tuple[str, ...]:
    """A turn and what it answers; nothing where one of them is not there."""
    return (turn.answer, turn.answered) if turn.answer and turn.answered else ()


def _turns(turns: pl.DataFrame, settings: config.Meaning) -> Iterator[_Turn]:
    """All turns, with what can be compared of them, in order of start."""
    columns = ("start_ms", "end_ms", "speaker", "text", "is_backchannel")
    rows = list(turns.sort("start_ms", "turn_id").select(columns).iter_rows())
    floor = [row for row in rows if not row[-1]]
    for start_ms, end_ms, speaker, text, _ in (row for row in rows if row[-1]):
        yield _Turn(start_ms, end_ms, speaker, sentences(text or "", settings), None, None)
    before = ""
    for _, stretch in groupby(floor, key=itemgetter(2)):
        together: list[str] = []
        for start_ms, end_ms, speaker, text, _ in stretch:
            words = (text or "").split()
            answer = _enough(words[: settings.longest_words], settings)
            answered = _enough(before.split()[-settings.longest_words :], settings)
            own = sentences(text or "", settings)
            yield _Turn(start_ms, end_ms, speaker, own, answer, answered)
            together += words
        before = " ".join(together)


def _enough(words: Sequence[str], settings: config.Meaning) -> str | None:
    return " ".join(words) if len(words) >= settings.min_words else None


def sentences(text: str, settings: config.Meaning) -> tuple[str, ...]:
    """The sentences of a text that are long enough to compare; very long ones in pieces."""
    found = []
    for sentence in _SENTENCE_END.split(text):
        words = sentence.split()
        pieces = max(1, -(-len(words) // settings.sentence_words))
        size = -(-len(words) // pieces)
        found += [words[at : at + size] for at in range(0, len(words), max(1, size))]
    return tuple(" ".join(words) for words in found if len(words) >= settings.min_words)
