"""Turns, silences and overlaps from speech spans and words.

Definitions (Heldner & Edlund 2010, J. Phonetics 38; Sacks, Schegloff & Jefferson 1974)::

    A  ███████  ████          ██████████        unit    █ speech of one speaker without a pause
    B            ▒     ██████      ▒▒▒          turn    units joined by pauses
          pause      gap        overlap

- A **unit** is speech of one speaker whose inner silences are at most `unit_pause_ms`.
- A **turn** is a run of one speaker's units, with pauses of at most `turn_pause_ms` between them,
  while nobody else takes the floor. Speech of another that ends inside the holder's unit does not
  end the holder's turn: it becomes a turn of its own, and no word is lost.
- A **backchannel** is a unit of acknowledgements only, short and of few words, while or just after
  the other holds the floor, when the other goes on afterwards. After a question, or after a longer
  silence, the same words are an answer.
- A **silence** is time in which nobody speaks: *pause* of at most `turn_pause_ms` after which the
  same speaker goes on, *lapse* if it is longer, *gap* between speakers, *edge* before the first and
  after the last speech. Silences come from speech activity, never from the gaps between recognised
  words.
- A **word** belongs to the unit of its speaker that holds it or lies nearest. Words of a speaker
  without any speech, or measured further than `turn_pause_ms` from it, were spoken where nobody
  heard speech: they make units of their own from their own times, and a silence in which they lie
  carries the risk of missed speech.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import polars as pl

from pipeline import config
from pipeline.tables import OVERLAPS, SILENCES, TURNS, UNITS, Tables


@dataclass
class _Unit:
    """Speech of one speaker without a pause."""

    speaker: str
    start_ms: int
    end_ms: int
    words: list[str] = field(default_factory=list)
    is_backchannel: bool | None = None
    heard: bool = True


@dataclass
class _Turn:
    speaker: str
    units: list[_Unit]
    is_backchannel: bool | None = None

    @property
    def start_ms(self) -> int:
        return self.units[0].start_ms

    @property
    def end_ms(self) -> int:
        return max(unit.end_ms for unit in self.units)


def build(
    tables: Tables,
    settings: config.Turns,
    is_acknowledgement: Callable[[str], bool] | None,
) -> dict[str, pl.DataFrame]:
    """Tables `turns`, `silences` and `overlaps`; all roles are still unknown.

    Parameters
    ----------
    tables
        `media`, `dropouts`, `spans`, `diarization`, `words`, `transcription`.
    is_acknowledgement
        Whether a text is made of acknowledgements only; None where the language has no lexicon.
    """
    duration_ms = tables["media"]["duration_ms"][0]
    words = tables["words"]
    spoken = _in_order(tables["spans"].filter("regular"), words)
    has_words = tables["transcription"]["engine"][0] != "none"
    units = _units(spoken, settings.unit_pause_ms)
    units = _in_time([*units, *_unheard(units, words, settings)])
    _place_words(units, words)
    if has_words and is_acknowledgement:
        _mark_backchannels(units, settings, is_acknowledgement)
    turns = _turns(units, settings.turn_pause_ms)
    knows_overlap = bool(tables["diarization"]["knows_overlap"][0])
    return {
        "turns": TURNS.frame(_turn_rows(turns)),
        "units": UNITS.frame(_unit_rows(turns)),
        "silences": SILENCES.frame(
            _silence_rows(
                spoken, _doubtful(tables["dropouts"], units), duration_ms, settings.turn_pause_ms
            )
        ),
        "overlaps": OVERLAPS.frame(_overlap_rows(turns, settings) if knows_overlap else []),
    }


def merge(intervals: Iterable[tuple[int, int]], join_ms: int = 0) -> list[tuple[int, int]]:
    """Union of intervals; those at most `join_ms` apart become one.

    >>> merge([(0, 100), (50, 200), (230, 300)], join_ms=30)
    [(0, 300)]
    """
    merged: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1] + join_ms:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _in_order(spoken: pl.DataFrame, words: pl.DataFrame) -> pl.DataFrame:
    """`spoken` by time, speakers at the same time in an order that does not rest on their names."""
    both = pl.concat(
        [frame.select("speaker", "start_ms", "end_ms") for frame in (spoken, words)]
    ).sort("start_ms", "end_ms")
    times = both.group_by("speaker").agg("start_ms", "end_ms").rows()
    rank = {
        name: k for k, (name, *_) in enumerate(sorted(times, key=lambda row: (*row[1:], row[0])))
    }
    order = pl.col("speaker").replace_strict(rank, return_dtype=pl.Int64)
    return spoken.with_columns(order=order).sort("start_ms", "end_ms", "order").drop("order")


def _units(spoken: pl.DataFrame, pause_ms: int) -> list[_Unit]:
    units = []
    for (speaker,), spans in spoken.group_by("speaker", maintain_order=True):
        intervals = zip(spans["start_ms"], spans["end_ms"], strict=True)
        units += [_Unit(str(speaker), start, end) for start, end in merge(intervals, pause_ms)]
    return _in_time(units)


def _in_time(units: Iterable[_Unit]) -> list[_Unit]:
    return sorted(units, key=lambda unit: (unit.start_ms, unit.end_ms))


class _Nearest:
    """The unit of a speaker that holds, or lies nearest to, a time."""

    def __init__(self, units: Iterable[_Unit]) -> None:
        self._units: dict[str, list[_Unit]] = defaultdict(list)
        for unit in units:
            self._units[unit.speaker].append(unit)
        self._starts = {
            speaker: [unit.start_ms for unit in own] for speaker, own in self._units.items()
        }

    def __call__(self, speaker: str, at_ms: int) -> tuple[_Unit | None, int]:
        """The unit, and how far from it the time is; None for a speaker without units."""
        if speaker not in self._starts:
            return None, 0
        after = bisect_right(self._starts[speaker], at_ms)
        near = self._units[speaker][max(0, after - 1) : after + 1]
        apart = [max(unit.start_ms - at_ms, at_ms - unit.end_ms, 0) for unit in near]
        return near[apart.index(min(apart))], min(apart)


def _unheard(
    units: Iterable[_Unit], words: pl.DataFrame, settings: config.Turns
) -> Iterator[_Unit]:
    """Units of words that stand where their speaker was not heard."""
    nearest = _Nearest(units)
    stray: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for start, end, speaker, timing in words.select(
        "start_ms", "end_ms", "speaker", "timing"
    ).iter_rows():
        unit, apart_ms = nearest(speaker, (start + end) // 2)
        # An interpolated time is a guess, and no ground to contradict the speech detector.
        if unit is None or (apart_ms > settings.turn_pause_ms and timing == "aligned"):
            stray[speaker].append((start, end))
    for speaker, intervals in stray.items():
        for start, end in merge(intervals, settings.unit_pause_ms):
            yield _Unit(speaker, start, end, heard=False)


def _place_words(units: Iterable[_Unit], words: pl.DataFrame) -> None:
    """Each word goes to the unit of its speaker that holds, or lies nearest to, its middle."""
    nearest = _Nearest(units)
    for start, end, speaker, text in words.select(
        "start_ms", "end_ms", "speaker", "text"
    ).iter_rows():
        unit, _ = nearest(speaker, (start + end) // 2)
        assert unit is not None
        unit.words.append(text)


def _doubtful(dropouts: pl.DataFrame, units: Iterable[_Unit]) -> list[tuple[int, int]]:
    """Stretches in which speech may have been missed: lost signal, and words without speech."""
    lost = zip(dropouts["start_ms"], dropouts["end_ms"], strict=True)
    return merge([*lost, *((unit.start_ms, unit.end_ms) for unit in units if not unit.heard)])


def _mark_backchannels(
    units: Sequence[_Unit], settings: config.Turns, is_acknowledgement: Callable[[str], bool]
) -> None:
    """Mark units that acknowledge while the other has the floor and goes on."""
    candidates = [
        unit.end_ms - unit.start_ms <= settings.backchannel_ms
        and 0 < len(unit.words) <= settings.backchannel_words
        and is_acknowledgement(" ".join(unit.words))
        for unit in units
    ]
    for unit in units:
        if unit.words:
            unit.is_backchannel = False
    floor = [unit for unit, small in zip(units, candidates, strict=True) if not small]
    starts = [unit.start_ms for unit in floor]
    last: dict[str, _Unit] = {}  # of each speaker's units with the floor, the one that ends last
    for unit, small in zip(units, candidates, strict=True):
        if small:
            at = bisect_left(starts, unit.start_ms)
            after = floor[at] if at < len(floor) else None
            unit.is_backchannel = _acknowledges(unit, _holder(unit, last), after, settings)
        elif unit.speaker not in last or unit.end_ms >= last[unit.speaker].end_ms:
            last[unit.speaker] = unit


def _holder(unit: _Unit, last: Mapping[str, _Unit]) -> _Unit | None:
    """Who had the floor last before `unit` began; None if nobody or its own speaker."""
    before = [each for each in last.values() if each.start_ms < unit.start_ms]
    holder = max(before, key=lambda each: each.end_ms, default=None)
    return None if holder is None or holder.speaker == unit.speaker else holder


def _acknowledges(
    unit: _Unit, before: _Unit | None, after: _Unit | None, settings: config.Turns
) -> bool:
    """Whether a short unit leaves the floor with whoever has it."""
    if before is None or unit.start_ms - before.end_ms > settings.backchannel_latency_ms:
        return False
    if unit.start_ms >= before.end_ms and _asks(before):
        return False
    return before.end_ms > unit.end_ms or (
        after is not None
        and after.speaker == before.speaker
        and after.start_ms - unit.end_ms <= settings.turn_pause_ms
    )


def _asks(unit: _Unit) -> bool:
    """Whether a unit ends in a question mark, be it inside quotes or brackets."""
    return bool(unit.words) and unit.words[-1].rstrip("\"')\u201d\u2019").endswith("?")


def _turns(units: Sequence[_Unit], pause_ms: int) -> list[_Turn]:
    turns: list[_Turn] = []
    open_turns: dict[str, _Turn] = {}
    for unit in units:
        if unit.is_backchannel:
            turns.append(_Turn(unit.speaker, [unit], is_backchannel=True))
            continue
        own = open_turns.get(unit.speaker)
        if own and unit.start_ms - own.end_ms <= pause_ms:
            own.units.append(unit)
        else:
            own = _Turn(unit.speaker, [unit])
            open_turns[unit.speaker] = own
            turns.append(own)
        # Whoever else was silent before this unit ends has lost the floor.
        for speaker, other in list(open_turns.items()):
            if speaker != unit.speaker and other.end_ms < unit.end_ms:
                del open_turns[speaker]
    for turn in turns:
        known = [unit.is_backchannel for unit in turn.units if unit.is_backchannel is not None]
        if turn.is_backchannel is None and known:
            turn.is_backchannel = False
    return sorted(turns, key=lambda turn: (turn.start_ms, turn.end_ms))


def _turn_rows(turns: Sequence[_Turn]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    before: _Turn | None = None
    for number, turn in enumerate(turns):
        words = [word for unit in turn.units for word in unit.words]
        latency_ms = None
        if not turn.is_backchannel:
            if before is not None and before.speaker != turn.speaker:
                latency_ms = turn.start_ms - before.end_ms
            if before is None or turn.end_ms > before.end_ms:
                before = turn
        rows.append(
            {
                "turn_id": number,
                "speaker": turn.speaker,
                "role": "unknown",
                "start_ms": turn.start_ms,
                "end_ms": turn.end_ms,
                "text": " ".join(words) if words else None,
                "n_words": len(words) if words else None,
                "is_backchannel": turn.is_backchannel,
                "latency_ms": latency_ms,
            }
        )
    return rows


def _unit_rows(turns: Sequence[_Turn]) -> Iterator[dict[str, object]]:
    placed = [(unit, number) for number, turn in enumerate(turns) for unit in turn.units]
    placed.sort(key=lambda pair: (pair[0].start_ms, pair[0].end_ms))
    for unit_id, (unit, turn_id) in enumerate(placed):
        yield {
            "unit_id": unit_id,
            "turn_id": turn_id,
            "speaker": unit.speaker,
            "start_ms": unit.start_ms,
            "end_ms": unit.end_ms,
            "n_words": len(unit.words) or None,
        }


def _silence_rows(
    spoken: pl.DataFrame, doubtful: Sequence[tuple[int, int]], duration_ms: int, pause_ms: int
) -> list[dict[str, object]]:
    spans = list(spoken.select("start_ms", "end_ms", "speaker").iter_rows())
    speech = merge((start, end) for start, end, _ in spans)
    last: dict[int, str] = {}
    first: dict[int, str] = {}
    for start, end, speaker in spans:
        last.setdefault(end, speaker)
        first.setdefault(start, speaker)
    edges = [(0, 0), *speech, (duration_ms, duration_ms)]
    rows: list[dict[str, object]] = []
    for (_, start), (end, _) in pairwise(edges):
        if start >= end:
            continue
        before, after = last.get(start), first.get(end)
        if before is None or after is None:
            kind = "edge"
        elif before != after:
            kind = "gap"
        else:
            kind = "pause" if end - start <= pause_ms else "lapse"
        rows.append(
            {
                "silence_id": len(rows),
                "start_ms": start,
                "end_ms": end,
                "length_ms": end - start,
                "before_speaker": before,
                "after_speaker": after,
                "before_role": None if before is None else "unknown",
                "after_role": None if after is None else "unknown",
                "kind": kind,
                "missed_speech_risk": any(a < end and start < b for a, b in doubtful),
                "dropout_ms": 0,
            }
        )
    return rows


def _overlap_rows(turns: Sequence[_Turn], settings: config.Turns) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for number, earlier in enumerate(turns):
        for later in (turns[k] for k in range(number + 1, len(turns))):
            if later.start_ms >= earlier.end_ms:
                break
            if later.speaker == earlier.speaker:
                continue
            holder, other = _sides(earlier, later)
            both = [
                (max(a.start_ms, b.start_ms), min(a.end_ms, b.end_ms))
                for a in holder.units
                for b in other.units
                if max(a.start_ms, b.start_ms) < min(a.end_ms, b.end_ms)
            ]
            rows += [
                {
                    "start_ms": start,
                    "end_ms": end,
                    "holder": holder.speaker,
                    "other": other.speaker,
                    "holder_role": "unknown",
                    "other_role": "unknown",
                    "kind": _kind(holder, other, start, settings),
                    "holder_turn": turns.index(holder),
                    "other_turn": turns.index(other),
                    "into_ms": max(0, other.start_ms - holder.start_ms),
                    "went_on": "holder" if holder.end_ms > other.end_ms else "other",
                }
                for start, end in merge(both)
            ]
    rows.sort(key=lambda row: (row["start_ms"], row["end_ms"]))
    return [{"overlap_id": number, **row} for number, row in enumerate(rows)]


def _sides(earlier: _Turn, later: _Turn) -> tuple[_Turn, _Turn]:
    """Who has the floor and who comes in: a backchannel never has it, nor the shorter of a tie."""
    if earlier.is_backchannel or (earlier.start_ms == later.start_ms and not later.is_backchannel):
        return later, earlier
    return earlier, later


def _kind(holder: _Turn, other: _Turn, start_ms: int, settings: config.Turns) -> str | None:
    """What came of an overlap.

    ===================  ==================  ====================
    the other ...        holder still goes   holder stops
                         on afterwards
    ===================  ==================  ====================
    only acknowledges    backchannel         backchannel
    comes in near the    cooperative         cooperative
    holder's end
    comes in earlier     failed_attempt      floor_taking
    ===================  ==================  ====================

    Short units without recognised words may be either backchannels or attempts: null.
    """
    if other.is_backchannel:
        return "backchannel"
    short = all(u.end_ms - u.start_ms <= settings.backchannel_ms for u in other.units)
    if other.is_backchannel is None and short:
        return None
    if holder.end_ms - start_ms <= settings.terminal_overlap_ms:
        return "cooperative"
    return "failed_attempt" if other.end_ms <= holder.end_ms else "floor_taking"
