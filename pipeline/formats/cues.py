"""Timed lines of speech: the table that every transcript format reads to, and speakers in text.

::

    start_ms  end_ms  speaker  text
    12400     15100   Jane     It was all right, I suppose.
    15100     null    null     an end or a speaker that the file does not give

A cue keeps its own times: cues may overlap, touch, and come in any order.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import polars as pl

from pipeline.errors import InputError
from pipeline.schema import Column, Schema

CUES = Schema(
    "cues",
    (
        Column("start_ms", pl.Int64, "first millisecond"),
        Column("end_ms", pl.Int64, "first millisecond after", null="the file gives no end"),
        Column("speaker", pl.String, "speaker label", null="the file names no speaker"),
        Column("text", pl.String, "what was said; empty if only the time is known"),
    ),
    (
        ("start_ms >= 0", pl.col("start_ms") >= 0),
        ("start_ms < end_ms", pl.col("start_ms") < pl.col("end_ms")),
    ),
)

_COLON = re.compile(
    r"\s*(?:-\s*|>>\s*)?((?:[^\s:,;?!<>\[\](){}]+ ){0,3}[^\s:,;?!<>\[\](){}]+)\s*:(?:\s+|$)"
)
_SQUARE = re.compile(r"\s*\[([^\[\]\n]{1,60})\]\s*:?\s*")
_ROUND = re.compile(r"\s*\(([^()\n]{1,60})\)\s*:?\s*")
_MARK = re.compile(r"</?[A-Za-z][^<>]*>|\[[^\[\]]*\]")


@dataclass(frozen=True)
class Part:
    """One speaker's lines within a cue, before a speaker is sought in the text."""

    speaker: str | None
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Cue:
    """A cue as it stands in the file."""

    start_ms: int
    end_ms: int
    parts: tuple[Part, ...]


def squeeze(text: str) -> str:
    """`text` with each run of white space as one space."""
    return " ".join(text.split())


def unmarked(text: str) -> str:
    """`text` without marks of the transcriber, such as ``[laughs]`` and ``<UNIN/>``.

    >>> unmarked("<UNSURE>Hello how</UNSURE> um [laughs]")
    'Hello how um'
    """
    return squeeze(_MARK.sub(" ", text))


def spoken_words(text: str) -> list[str]:
    """Words of `text` without marks; a sign that stands alone joins the word before it.

    >>> spoken_words("- I - uh, [sighs] no .")
    ['-I-', 'uh,', 'no.']
    """
    words: list[str] = []
    ahead = ""
    for piece in unmarked(text).split():
        if any(sign.isalnum() for sign in piece):
            words.append(ahead + piece)
            ahead = ""
        elif words:
            words[-1] += piece
        else:
            ahead += piece
    return words


def spread(start_ms: int, end_ms: int, texts: Sequence[str]) -> list[tuple[int, int]]:
    """Times of consecutive `texts` within a stretch, in proportion to their characters.

    Each lasts at least 1 ms and lies inside ``[start_ms, end_ms)``, which must not be empty; where
    there are more texts than milliseconds, neighbours share one.

    >>> spread(0, 900, ["well", "I", "guess"])
    [(0, 360), (360, 450), (450, 900)]
    """
    weights = [max(len(text), 1) for text in texts]
    total = sum(weights)
    length = end_ms - start_ms
    edges = [start_ms, *(start_ms + length * done // total for done in accumulate(weights))]
    starts = [min(edge, end_ms - 1) for edge in edges[:-1]]
    return [(a, max(b, a + 1)) for a, b in zip(starts, edges[1:], strict=True)]


def table(cues: Iterable[Cue], *, prefixes: bool) -> pl.DataFrame:
    """Table `CUES` of `cues`; a cue of several speakers shares its time by characters.

    Parameters
    ----------
    prefixes
        Seek speakers at the start of lines where the file marks none by its own means.
    """
    cues = list(cues)
    if prefixes and not any(part.speaker for cue in cues for part in cue.parts):
        pattern = _style(cues)
        if pattern is not None:
            cues = [Cue(cue.start_ms, cue.end_ms, tuple(_tagged(cue, pattern))) for cue in cues]
    rows: list[dict[str, object]] = []
    for cue in cues:
        said = [(part.speaker, squeeze(" ".join(part.lines))) for part in cue.parts]
        said = [(speaker, text) for speaker, text in said if text or speaker]
        times = spread(cue.start_ms, cue.end_ms, [text for _, text in said]) if said else []
        rows.extend(
            {"start_ms": start_ms, "end_ms": end_ms, "speaker": speaker, "text": text}
            for (start_ms, end_ms), (speaker, text) in zip(times, said, strict=True)
        )
    return CUES.frame(rows)


def closed(cues: pl.DataFrame) -> pl.DataFrame:
    """`cues`, in order, for a format that writes an end to each.

    Raises
    ------
    InputError
        A cue has no end.
    """
    cues = CUES.conform(cues)
    missing = cues["end_ms"].null_count()
    if missing:
        raise InputError(f"{missing} cues have no end", expected="a start and an end for each")
    return cues


def _style(cues: Sequence[Cue]) -> re.Pattern[str] | None:
    """How the file writes speakers into its text; None if it does not.

    A style is taken when at least half of the cues begin with it. ``Name:`` is also taken when
    the first cue begins with it and two names come back: then it stands at changes of speaker only.
    A file of ``[laughs]`` here and there, or one "and I said: no", has no speakers.
    """
    firsts = [cue.parts[0].lines[0] if cue.parts and cue.parts[0].lines else "" for cue in cues]
    for pattern in (_COLON, _SQUARE, _ROUND):
        names = [match[1] for first in firsts if (match := pattern.match(first))]
        if names and 2 * len(names) >= len(firsts):
            return pattern
    names = [match[1] for first in firsts if (match := _COLON.match(first))]
    again = {name for name in names if names.count(name) > 1}
    if len(again) > 1 and _COLON.match(firsts[0]):
        return _COLON
    return None


def _tagged(cue: Cue, pattern: re.Pattern[str]) -> list[Part]:
    """Parts of `cue`, a new one at each line that names a speaker."""
    parts: list[tuple[str | None, list[str]]] = []
    for line in (line for part in cue.parts for line in part.lines):
        match = pattern.match(line)
        if match:
            parts.append((squeeze(match[1]), [line[match.end() :]]))
        elif parts:
            parts[-1][1].append(line)
        else:
            parts.append((None, [line]))
    return [Part(speaker, tuple(lines)) for speaker, lines in parts]
