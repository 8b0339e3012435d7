"""Estimate missing times of words and segments from their neighbours, in the text's order.

::

    the file   How ────  1999 (no time)   was ───
    placed     How ────  1999 ··········  was ───      "interpolated"
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from pipeline.formats.repairs import Repairs
from pipeline.formats.text import LATEST_S
from pipeline.formats.timed_text.cues import MS_PER_CHARACTER, spoken_words, spread

Times = tuple[int, int]
"""First millisecond, and first millisecond after."""

_OUTSIDE_MS = 500
"""A word this far outside its segment is misplaced; nearer, the segment's end is imprecise."""


@dataclass(frozen=True)
class Word:
    """A word as a file has it.

    Attributes
    ----------
    times
        None: the file has no usable ones.
    confidence
        0-1; None: the file gives none.
    """

    text: str
    times: Times | None
    speaker: str | None
    confidence: float | None
    timing: str = "aligned"


@dataclass(frozen=True)
class Segment:
    """Some words of a file that belong together; each of the ends may be missing, or be wrong."""

    start_ms: int | None
    end_ms: int | None
    speaker: str | None
    text: str
    words: tuple[Word, ...]

    @property
    def times(self) -> Times | None:
        """Both ends; None if they are not usable."""
        if self.start_ms is None or self.end_ms is None or self.end_ms <= self.start_ms:
            return None
        return self.start_ms, self.end_ms


def timed_segments(segments: Sequence[Segment], repairs: Repairs) -> tuple[list[Segment], int]:
    """`segments`, each with times, and how many neither they nor their words gave."""
    times = [segment.times or _times_of_words(segment) for segment in segments]
    by_words = sum(not segment.times for segment in segments) - times.count(None)
    repairs["Segments without usable times, placed by their words"] += by_words
    guessed = times.count(None)
    repairs["Segments without usable times, placed between their neighbours"] += guessed
    if guessed:
        times = _guessed(segments, times)
    pairs = zip(segments, times, strict=True)
    return [replace(one, start_ms=pair[0], end_ms=pair[1]) for one, pair in pairs if pair], guessed


def _times_of_words(segment: Segment) -> Times | None:
    known = [word.times for word in segment.words if word.times]
    kept = [known[row] for row in in_order([start_ms for start_ms, _ in known])]
    if not kept:
        return None
    return min(start_ms for start_ms, _ in kept), max(end_ms for _, end_ms in kept)


def _guessed(segments: Sequence[Segment], times: Sequence[Times | None]) -> list[Times | None]:
    """`times` with the missing ones as the segments hint at them, else spread over the gap."""
    following = LATEST_S * 1000
    nexts: list[int] = []
    for pair in reversed(times):
        nexts.append(following)
        following = pair[0] if pair else following
    found: list[Times | None] = []
    last_ms = 0
    for segment, pair, next_ms in zip(segments, times, reversed(nexts), strict=True):
        found.append(pair or _hinted(segment, last_ms, next_ms))
        last_ms = found[-1][1] if found[-1] else last_ms
    texts = [segment.text for segment in segments]
    return [*placed(found, texts, 0, LATEST_S * 1000, MS_PER_CHARACTER)]


def _hinted(segment: Segment, last_ms: int, next_ms: int) -> Times | None:
    """Times between the neighbours, from one end alone or from both in the wrong order."""
    start_ms, end_ms = segment.start_ms, segment.end_ms
    needed_ms = max(len(segment.text), 1) * MS_PER_CHARACTER
    if start_ms is not None and end_ms is not None and end_ms < start_ms:
        low_ms, high_ms = end_ms, start_ms
    elif start_ms is not None:
        low_ms, high_ms = start_ms, start_ms + needed_ms
    elif end_ms is not None:
        low_ms, high_ms = end_ms - needed_ms, end_ms
    else:
        return None
    low_ms, high_ms = max(low_ms, last_ms), min(high_ms, next_ms)
    return (low_ms, high_ms) if low_ms < high_ms else None


def timed_words(segment: Segment, repairs: Repairs) -> Segment:
    """A segment that has times, with times for each word; without words, its text's."""
    start_ms, end_ms = segment.start_ms, segment.end_ms
    assert start_ms is not None
    assert end_ms is not None
    words = segment.words or tuple(
        Word(text, None, segment.speaker, None) for text in spoken_words(segment.text)
    )
    times: list[Times | None] = [
        word.times
        if word.times
        and word.times[0] <= end_ms + _OUTSIDE_MS
        and word.times[1] >= start_ms - _OUTSIDE_MS
        else None
        for word in words
    ]
    rows = [row for row, pair in enumerate(times) if pair]
    kept = in_order([pair[0] for pair in times if pair])
    for number, row in enumerate(rows):
        if number not in kept:
            times[row] = None
    if segment.words:
        missing = times.count(None)
        repairs["Words without usable times, placed between their neighbours"] += missing
    together = placed(times, [word.text for word in words], start_ms, end_ms)
    return replace(
        segment,
        words=tuple(
            replace(word, times=pair, timing="aligned" if known else "interpolated")
            for word, known, pair in zip(words, times, together, strict=True)
        ),
    )


def placed(
    times: Sequence[Times | None],
    texts: Sequence[str],
    start_ms: int,
    end_ms: int,
    ms_per_character: int | None = None,
) -> list[Times]:
    """`times`, the missing ones between their neighbours in proportion to their characters.

    Parameters
    ----------
    start_ms, end_ms
        Stand for the neighbours of the first and the last.
    ms_per_character
        The missing ones last so long at most; None: up to the next neighbour. Where neighbours
        leave no time between them, those in between share 1 ms.

    Examples
    --------
    >>> placed([(0, 400), None, (900, 990)], ["a", "b", "c"], 0, 1000)
    [(0, 400), (400, 900), (900, 990)]
    """
    found: list[Times] = []
    for missing, run in groupby(times, key=lambda pair: pair is None):
        own = [pair for pair in run if pair is not None]
        if missing:
            at = len(found)
            later = next((k for k in range(at, len(times)) if times[k] is not None), len(times))
            following = times[later] if later < len(times) else None
            said = texts[at:later]
            low_ms = found[-1][1] if found else start_ms
            high_ms = following[0] if following else end_ms
            if ms_per_character is not None:
                needed_ms = sum(max(len(text), 1) for text in said) * ms_per_character
                high_ms = min(high_ms, low_ms + needed_ms)
            own = spread(low_ms, max(high_ms, low_ms + 1), said)
        found += own
    return found


def in_order(starts: Sequence[int]) -> set[int]:
    """Positions of the longest part of `starts` that never goes back; the rest is out of place.

    >>> sorted(in_order([1, 20, 2, 3]))
    [0, 2, 3]
    """
    least: list[int] = []  # the earliest start with which a part of each length can end
    ends: list[int] = []  # its position
    before: list[int] = []  # for each position, the one ahead of it; -1: none
    for row, start in enumerate(starts):
        length = bisect_right(least, start)
        before.append(ends[length - 1] if length else -1)
        least[length : length + 1] = [start]
        ends[length : length + 1] = [row]
    kept: set[int] = set()
    row = ends[-1] if ends else -1
    while row >= 0:
        kept.add(row)
        row = before[row]
    return kept
