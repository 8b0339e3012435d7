"""Units: speech of one speaker without a pause, and the words that belong to each."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import polars as pl

from pipeline import config
from pipeline.core.intervals import Intervals


@dataclass(frozen=True)
class Word:
    """A word with its punctuation."""

    start_ms: int
    end_ms: int
    text: str


@dataclass(eq=False)
class Unit:
    """Speech of one speaker without a pause.

    Attributes
    ----------
    heard
        False: the transcript has words there, but no speech was detected.
    is_backchannel
        None: no words, or no lexicon.
    """

    speaker: str
    start_ms: int
    end_ms: int
    words: list[Word] = field(default_factory=list)
    heard: bool = True
    is_backchannel: bool | None = None

    @property
    def text(self) -> str:
        """Its words."""
        return " ".join(word.text for word in self.words)


def in_order(spoken: pl.DataFrame, words: pl.DataFrame) -> pl.DataFrame:
    """`spoken` by time; the order of simultaneous speakers does not depend on their names."""
    both = pl.concat(
        [frame.select("speaker", "start_ms", "end_ms") for frame in (spoken, words)]
    ).sort("start_ms", "end_ms")
    times = both.group_by("speaker").agg("start_ms", "end_ms").rows()
    rank = {
        name: k for k, (name, *_) in enumerate(sorted(times, key=lambda row: (*row[1:], row[0])))
    }
    order = pl.col("speaker").replace_strict(rank, return_dtype=pl.Int64)
    return spoken.with_columns(order=order).sort("start_ms", "end_ms", "order").drop("order")


def cut(spoken: pl.DataFrame, words: pl.DataFrame, settings: config.Turns) -> list[Unit]:
    """Units by time, each with its words.

    Parameters
    ----------
    spoken
        Spans in which timing is measured, sorted by `in_order`.
    words
        Each word goes to its speaker's unit that contains its middle or lies nearest to it, or to a
        unit of its own if its speaker was not detected there.
    """
    units = []
    for (speaker,), spans in spoken.group_by("speaker", maintain_order=True):
        joined = Intervals.of_rows(spans, settings.unit_pause_ms)
        units += [Unit(str(speaker), start, end) for start, end in joined]
    placed = _placed(units, words)
    unheard = list(_unheard(placed, settings))
    if unheard:
        units += unheard
        placed = _placed(units, words)
    for unit, _, word, *_ in placed:
        assert unit is not None
        unit.words.append(word)
    return _in_time(units)


def _in_time(units: Iterable[Unit]) -> list[Unit]:
    return sorted(units, key=lambda unit: (unit.start_ms, unit.end_ms))


class _Nearest:
    """Finds a speaker's unit that contains a time or lies nearest to it."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self._units: dict[str, list[Unit]] = defaultdict(list)
        for unit in _in_time(units):
            self._units[unit.speaker].append(unit)
        self._starts = {
            speaker: [unit.start_ms for unit in mine] for speaker, mine in self._units.items()
        }

    def __call__(self, speaker: str, at_ms: int) -> tuple[Unit | None, int]:
        """The unit and the distance to it, ms; None for a speaker without units."""
        if speaker not in self._starts:
            return None, 0
        after = bisect_right(self._starts[speaker], at_ms)
        near = self._units[speaker][max(0, after - 1) : after + 1]
        if near[0].start_ms <= at_ms <= near[0].end_ms:
            return near[0], 0
        apart = [max(unit.start_ms - at_ms, at_ms - unit.end_ms) for unit in near]
        return near[apart.index(min(apart))], min(apart)


_Placed = tuple[Unit | None, int, Word, str, str]


def _placed(units: Iterable[Unit], words: pl.DataFrame) -> list[_Placed]:
    """For each word: its unit, the distance to it in ms, the word, its speaker and timing."""
    nearest = _Nearest(units)
    placed = []
    columns = words.select("start_ms", "end_ms", "speaker", "text", "timing")
    for start, end, speaker, text, timing in columns.iter_rows():
        unit, apart_ms = nearest(speaker, (start + end) // 2)
        placed.append((unit, apart_ms, Word(start, end, text), speaker, timing))
    return placed


def _unheard(placed: Iterable[_Placed], settings: config.Turns) -> Iterator[Unit]:
    """Units of words at times where their speaker was not detected."""
    stray: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for unit, apart_ms, word, speaker, timing in placed:
        # An interpolated time is a guess, too weak to contradict the speech detector.
        if unit is None or (apart_ms > settings.turn_pause_ms and timing == "aligned"):
            stray[speaker].append((word.start_ms, word.end_ms))
    for speaker, intervals in stray.items():
        for start, end in Intervals.of(intervals, settings.unit_pause_ms):
            yield Unit(speaker, start, end, heard=False)
