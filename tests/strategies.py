"""Conversations for tests: written down as scripts, or drawn by hypothesis.

A script is what was said and when; `tables_of` makes of it every table that rules read, through the
pipeline's own turns, roles, features and baseline. Nothing here needs audio.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

import polars as pl
from hypothesis import strategies as st

from pipeline import config, lexicons
from pipeline.core.tables import (
    DIARIZATION,
    FRAMES,
    LOSSES,
    MEDIA,
    QUALITY,
    SPANS,
    TRANSCRIPTION,
    WORDS,
    Metadata,
)
from pipeline.core.vocabulary import Role
from pipeline.evaluation.material import derivation
from pipeline.evaluation.material.derivation import derived
from pipeline.lexicons import Lexicons
from pipeline.measures.feature import Feature
from pipeline.rules import RuleBook
from pipeline.rules.detection import response
from pipeline.rules.explanation import trace
from pipeline.session.plan import LanguageResources

WORD_MS = 300
"""Length of a word where a script gives no end."""

Session = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class Utterance:
    """One utterance; `text` None: it was spoken, and no word was recognised."""

    role: str
    start_ms: int
    end_ms: int
    text: str | None = None


@cache
def settings() -> config.Settings:
    return config.load()


def english() -> Lexicons:
    return derivation.english().lexicons


@cache
def catalogue() -> tuple[Feature, ...]:
    """The pipeline's features of timing and words; those of the voice need audio."""
    return tuple(feature for feature in everything() if feature.needs != "voice")


@cache
def named() -> tuple[Feature, ...]:
    """Those of `catalogue` on which hits and moments of the built-in rules depend.

    Measuring them alone takes less than half the time; `test_invariants.py` holds this to all.
    """
    return named_by(book())


def named_by(rules: RuleBook) -> tuple[Feature, ...]:
    """As `named`, of other rules."""
    names = {name for compiled in rules.rules for name in compiled.columns}
    names |= set(response.features(english()))
    return tuple(each for each in catalogue() if any(each.name in name for name in names))


def everything() -> tuple[Feature, ...]:
    """All features: what rules may name."""
    return derivation.english().features


def book() -> RuleBook:
    """The built-in rules."""
    return derivation.english().rules


def script(*lines: tuple[str, float, str], start_ms: int = 500) -> list[Utterance]:
    """Utterances one after the other: who ("T", "C"), seconds since the last end, the words.

    A negative gap begins in overlap. A word takes `WORD_MS`.
    """
    said: list[Utterance] = []
    now_ms = start_ms
    for who, gap_s, text in lines:
        role = {"T": "therapist", "C": "client"}[who]
        begin_ms = now_ms + round(gap_s * 1000)
        end_ms = begin_ms + WORD_MS * len(text.split())
        said.append(Utterance(role, begin_ms, end_ms, text))
        now_ms = max(now_ms, end_ms)
    return said


def words_of(said: Iterable[Utterance]) -> pl.DataFrame:
    """Words spread evenly over each utterance."""
    rows: list[dict[str, object]] = []
    for utterance in said:
        words = (utterance.text or "").split()
        for number, word in enumerate(words):
            length_ms = (utterance.end_ms - utterance.start_ms) / len(words)
            start_ms = utterance.start_ms + round(number * length_ms)
            end_ms = utterance.start_ms + round((number + 1) * length_ms)
            rows.append(
                {
                    "start_ms": start_ms,
                    "end_ms": max(end_ms, start_ms + 1),
                    "speaker": utterance.role,
                    "text": word,
                    "timing": "interpolated",
                }
            )
    rows.sort(key=lambda row: (row["start_ms"], row["speaker"]))
    return WORDS.frame({"word_id": number, **row} for number, row in enumerate(rows))


def tables_of(
    said: Sequence[Utterance],
    *,
    duration_ms: int | None = None,
    names: Mapping[str, str] | None = None,
    known_roles: bool = True,
    disabled: Sequence[str] = (),
    features: tuple[Feature, ...] | None = None,
) -> Session:
    """All tables that rules read.

    Parameters
    ----------
    duration_ms
        Length of the recording; by default it ends ten minutes after the last word, so that what
        the therapist did next can be judged.
    names
        Speaker label of each role; by default the role's name.
    known_roles
        False: nobody knows who is who.
    disabled
        Families of rules that quality disables.
    features
        What is measured; None: all of `catalogue`.
    """
    names = names or {role: role for role in ("therapist", "client", "other")}
    end_ms = max(utterance.end_ms for utterance in said)
    spans = [
        {
            "start_ms": each.start_ms,
            "end_ms": each.end_ms,
            "speaker": names[each.role],
            "exclusive": True,
            "regular": True,
        }
        for each in said
    ]
    has_words = any(each.text for each in said)
    words = words_of(said).with_columns(pl.col("speaker").replace(dict(names)))
    tables: Session = {
        "media": MEDIA.frame(
            [
                {
                    "duration_ms": duration_ms or end_ms + 600_000,
                    "channels": 0,
                    "damaged_packets": 0,
                    "gap_ms": 0,
                }
            ]
        ),
        "losses": LOSSES.empty(),
        "spans": SPANS.frame(spans).sort("start_ms", "end_ms"),
        "diarization": DIARIZATION.frame(
            [{"engine": "script", "speakers": 2, "knows_overlap": True}]
        ),
        "words": WORDS.conform(words),
        "transcription": TRANSCRIPTION.frame(
            [
                {
                    "engine": "script" if has_words else "none",
                    "language": "en" if has_words else None,
                    "dropped_words": 0,
                }
            ]
        ),
        "frames": FRAMES.empty(),
        "quality": QUALITY.frame(
            [{"measure": "snr_db", "value": 0.0, "disables": list(disabled), "because": "noise"}]
            if disabled
            else []
        ),
    }
    return decided(tables, names, known_roles=known_roles, features=features)


def decided(
    tables: Session,
    names: Mapping[str, str],
    *,
    known_roles: bool = True,
    features: tuple[Feature, ...] | None = None,
) -> Session:
    """`tables` with turns, roles, and measures made anew."""
    known = {name: cast("Role", role if known_roles else "unknown") for role, name in names.items()}
    resources = LanguageResources(english(), catalogue() if features is None else features, book())
    return derived(tables, resources, settings(), Metadata(roles=known), until="measures")


def flagged(said: Sequence[Utterance], **options: object) -> Session:
    """Tables of a script, with `hits` and `moments` of the built-in rules."""
    tables = tables_of(said, **{"features": named(), **options})  # type: ignore[arg-type]
    return tables | book().flag(tables, english(), settings())


def taken_back_by(session: Session, rule: str, span_ms: tuple[int, int] | None = None) -> set[str]:
    """Ids of the guards that take hits of a built-in rule back, of each item the first that fires.

    Parameters
    ----------
    session
        All tables that rules read.
    span_ms
        Only items that overlap it; None: all.
    """
    start_ms, end_ms = span_ms or (0, int(session["media"]["duration_ms"][0]))
    alone = replace(book(), rules=tuple(each for each in book().rules if each.rule.id == rule))
    at_ms, reach_ms = (start_ms + end_ms) // 2, (end_ms - start_ms) // 2
    (traced,) = trace.trace(alone, session, english(), at_ms=at_ms, reach_ms=reach_ms)
    suppressed = [item for item in traced.items if item.outcome == "suppressed"]
    return {str(item.guards[0].id) for item in suppressed if item.guards[0].state == "held"}


_THERAPIST_SAYS = (
    "So what was that like for you, when you heard it from her the other day?",
    "Could you say a bit more about how the week has been since we last met here?",
    "Okay.",
    "Mm-hm.",
    "Did you sleep?",
    "I wonder what comes up for you when you think about it now, sitting here?",
    "And now breathe in, and let your shoulders drop.",
    "I'm sorry, I went too fast.",
    "Let's come back to the plan.",
    "That sounds like a long day at the office and then the drive as well.",
)
_CLIENT_SAYS = (
    "Fine.",
    "I don't know.",
    "Mm-hm.",
    "Not much, really.",
    "You don't listen to me.",
    "She said you never listen to me.",
    "I don't see how this is supposed to help.",
    "It was a long week and I was tired most of the time but the kids were good and we went out.",
    "No, it wasn't like that at all.",
    "I guess so.",
)


@st.composite
def conversations(
    draw: st.DrawFn, *, min_size: int = 1, max_size: int = 40, worded: bool = True
) -> list[Utterance]:
    """Utterances of a therapist and a client, with silences, overlaps and lost words.

    Times are multiples of 10 ms. With `worded` false no words were recognised.
    """
    count = draw(st.integers(min_size, max_size))
    said: list[Utterance] = []
    free_ms = {"therapist": 0, "client": 0}
    now_ms = draw(st.integers(0, 300)) * 10
    for _ in range(count):
        role = draw(st.sampled_from(("therapist", "client")))
        gap_ms = draw(st.one_of(st.integers(-80, 120), st.integers(250, 900))) * 10
        start_ms = max(now_ms + gap_ms, free_ms[role], 0)
        length_ms = draw(st.integers(20, 600)) * 10
        says = _THERAPIST_SAYS if role == "therapist" else _CLIENT_SAYS
        text = draw(st.one_of(st.sampled_from(says), st.none())) if worded else None
        utterance = Utterance(role, start_ms, start_ms + length_ms, text)
        said.append(utterance)
        free_ms[role] = utterance.end_ms + 10
        now_ms = max(now_ms, utterance.end_ms)
    return sorted(said, key=lambda each: (each.start_ms, each.end_ms))


def shifted(said: Iterable[Utterance], by_ms: int) -> list[Utterance]:
    """The same, later by `by_ms`."""
    return [
        replace(each, start_ms=each.start_ms + by_ms, end_ms=each.end_ms + by_ms) for each in said
    ]


def lexicon_free(said: Sequence[Utterance]) -> Session:
    """As `flagged`, of a language without lexicons."""
    tables = tables_of(said, features=named())
    other = lexicons.load("tlh")
    return tables | book().flag(tables, other, settings())
