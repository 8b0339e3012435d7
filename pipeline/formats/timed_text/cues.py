"""Timed lines of speech: the table that every transcript format reads to, and speakers in text.

::

    start_ms  end_ms  speaker  text
    12400     15100   Jane     It was all right, I suppose.
    15100     null    null     an end or a speaker that the file does not give

A cue keeps its own times: cues may overlap, touch, and come in any order.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import polars as pl

from pipeline.core.errors import InputError
from pipeline.core.schema import Column, Schema
from pipeline.formats.repairs import Repairs

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

UNNAMED = "speaker ?"
"""Label of lines without a speaker in a file that names speakers elsewhere; it has no role."""

MS_PER_CHARACTER = 60
"""Median of 1968 utterances of more than 40 characters in PriMock57 (acted consultations)."""

Times = tuple[int | None, int | None]
"""Start and end in ms; None: missing or unreadable."""

_MARK = re.compile(r"</?[A-Za-z][^<>]*>|\[[^\[\]]*\]")


@dataclass(frozen=True)
class Part:
    """One speaker's lines within a cue, before a speaker is sought in the text."""

    speaker: str | None
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Cue:
    """A cue as it stands in the file.

    Attributes
    ----------
    times
        As written; `placed` mends what is missing or ends before it starts.
    name
        The line above the times, if there is one.
    """

    times: Times
    parts: tuple[Part, ...]
    name: str | None = None


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


def placed(times: Sequence[Times], texts: Sequence[str]) -> list[tuple[int, int]]:
    """`times`, in the file's order, with a start before each end.

    What ends before it starts or lacks a time keeps what fits between its neighbours; the rest is
    estimated by `MS_PER_CHARACTER` and ends at the next start. A stretch without length (its times
    were rounded to the same millisecond) lasts 1 ms, so that nothing that was said is lost.

    >>> placed([(0, 900), (1000, 400), (None, 3000), (4000, 5000)], ["a", "bcdef", "gh", "i"])
    [(0, 900), (1000, 1300), (2880, 3000), (4000, 5000)]
    """
    good = [start is not None and end is not None and start <= end for start, end in times]
    following: list[int | None] = [None] * len(times)
    for number in range(len(times) - 1, 0, -1):
        following[number - 1] = times[number][0] if good[number] else following[number]
    found: list[tuple[int, int]] = []
    before = low = 0
    for (start, end), fits, high, text in zip(times, good, following, texts, strict=True):
        if start is None or end is None or not fits:
            before, last = _between((start, end), before, low, high, text)
        else:
            before, last = start, end
        found.append((before, max(last, before + 1)))
        low = last if high is None else min(last, max(high, before))
    return found


def _between(times: Times, before: int, low: int, high: int | None, text: str) -> tuple[int, int]:
    """A time for `text` before the next start, `high`, that keeps the start or end if it fits.

    The neighbour before starts at `before` and ends at `low`; None: there is no cue after.
    """
    needed_ms = max(len(text), 1) * MS_PER_CHARACTER
    last = low + needed_ms if high is None else max(high, low + 1)
    start, end = times
    if start is not None and before <= start and (high is None or start < last):
        return start, start + needed_ms if high is None else min(last, start + needed_ms)
    if end is not None and low < end and (high is None or end <= last):
        return max(low, end - needed_ms), end
    return low, min(last, low + needed_ms)


def table(cues: Sequence[Cue], repairs: Repairs) -> pl.DataFrame:
    """Table `CUES` of `cues`; a cue of several speakers shares its time by characters."""
    texts = [squeeze(" ".join(line for part in cue.parts for line in part.lines)) for cue in cues]
    rows: list[dict[str, object]] = []
    last_ms = 0
    for cue, (start_ms, end_ms) in zip(cues, placed([c.times for c in cues], texts), strict=True):
        repairs["Cues out of order, sorted by their start"] += start_ms < last_ms
        last_ms = start_ms
        said = [(part.speaker, squeeze(" ".join(part.lines))) for part in cue.parts]
        said = [(speaker, text) for speaker, text in said if text or speaker]
        repairs["Cues without text, skipped"] += not said
        times = spread(start_ms, end_ms, [text for _, text in said]) if said else []
        rows.extend(
            {"start_ms": start, "end_ms": end, "speaker": speaker, "text": text}
            for (start, end), (speaker, text) in zip(times, said, strict=True)
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
