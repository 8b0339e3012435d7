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
- A **silence** is time in which nobody speaks: *pause* within a speaker's turn, *lapse* between two
  turns of one speaker, *gap* between speakers, *edge* before the first and after the last speech.
  Silences come from speech activity, never from the gaps between recognised words.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import polars as pl

from pipeline import config
from pipeline.tables import OVERLAPS, SILENCES, TURNS, Tables


@dataclass
class _Unit:
    """Speech of one speaker without a pause."""

    speaker: str
    start_ms: int
    end_ms: int
    words: list[str] = field(default_factory=list)
    is_backchannel: bool | None = None

    @property
    def text(self) -> str | None:
        return " ".join(self.words) if self.words else None


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
    spoken = tables["spans"].filter("regular").sort("start_ms", "end_ms", "speaker")
    has_words = tables["transcription"]["engine"][0] != "none"
    units = _units(spoken, settings.unit_pause_ms)
    _place_words(units, tables["words"])
    if has_words and is_acknowledgement:
        _mark_backchannels(units, settings, is_acknowledgement)
    turns = _turns(units, settings.turn_pause_ms)
    knows_overlap = bool(tables["diarization"]["knows_overlap"][0])
    return {
        "turns": TURNS.frame(_turn_rows(turns)),
        "silences": SILENCES.frame(_silence_rows(spoken, turns, tables["dropouts"], duration_ms)),
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


def _units(spoken: pl.DataFrame, pause_ms: int) -> list[_Unit]:
    units = []
    for (speaker,), spans in spoken.group_by("speaker", maintain_order=True):
        intervals = zip(spans["start_ms"], spans["end_ms"], strict=True)
        units += [_Unit(str(speaker), start, end) for start, end in merge(intervals, pause_ms)]
    return sorted(units, key=lambda unit: (unit.start_ms, unit.end_ms, unit.speaker))


def _place_words(units: Sequence[_Unit], words: pl.DataFrame) -> None:
    """Each word goes to the unit of its speaker that holds, or lies nearest to, its middle."""
    by_speaker: dict[str, list[_Unit]] = defaultdict(list)
    for unit in units:
        by_speaker[unit.speaker].append(unit)
    starts = {speaker: [u.start_ms for u in own] for speaker, own in by_speaker.items()}
    for start, end, speaker, text in words.select(
        "start_ms", "end_ms", "speaker", "text"
    ).iter_rows():
        own = by_speaker.get(speaker)
        if not own:
            continue
        middle = (start + end) // 2
        after = bisect_right(starts[speaker], middle)
        near = own[max(0, after - 1) : after + 1]
        unit = min(near, key=lambda u: max(u.start_ms - middle, middle - u.end_ms, 0))
        unit.words.append(text)


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
    for unit, small in zip(units, candidates, strict=True):
        if not small:
            continue
        at = bisect_left(starts, unit.start_ms)
        before = floor[at - 1] if at else None
        after = floor[at] if at < len(floor) else None
        if before is None or before.speaker == unit.speaker:
            continue
        if unit.start_ms - before.end_ms > settings.backchannel_latency_ms or (
            unit.start_ms >= before.end_ms and before.words[-1:] and before.words[-1][-1:] == "?"
        ):
            continue
        goes_on = before.end_ms > unit.end_ms or (
            after is not None
            and after.speaker == before.speaker
            and after.start_ms - unit.end_ms <= settings.turn_pause_ms
        )
        unit.is_backchannel = goes_on


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
    return sorted(turns, key=lambda turn: (turn.start_ms, turn.end_ms, turn.speaker))


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


def _silence_rows(
    spoken: pl.DataFrame, turns: Sequence[_Turn], dropouts: pl.DataFrame, duration_ms: int
) -> list[dict[str, object]]:
    spans = list(spoken.select("start_ms", "end_ms", "speaker").iter_rows())
    speech = merge((start, end) for start, end, _ in spans)
    last: dict[int, str] = {}
    for _, end, speaker in spans:
        last.setdefault(end, speaker)
    first: dict[int, str] = {}
    for start, _, speaker in spans:
        first.setdefault(start, speaker)
    inside = _HoldsAt(turns)
    lost = merge(zip(dropouts["start_ms"], dropouts["end_ms"], strict=True))
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
            kind = "pause" if inside(before, start) else "lapse"
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
                "missed_speech_risk": any(a < end and start < b for a, b in lost),
            }
        )
    return rows


class _HoldsAt:
    """Whether a time lies inside a turn of a speaker."""

    def __init__(self, turns: Sequence[_Turn]) -> None:
        self._spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for turn in turns:
            self._spans[turn.speaker].append((turn.start_ms, turn.end_ms))

    def __call__(self, speaker: str, at_ms: int) -> bool:
        spans = self._spans[speaker]
        at = bisect_right(spans, (at_ms, at_ms))
        return any(start <= at_ms < end for start, end in spans[max(0, at - 2) : at])


def _overlap_rows(turns: Sequence[_Turn], settings: config.Turns) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for number, holder in enumerate(turns):
        for other in turns[number + 1 :]:
            if other.start_ms >= holder.end_ms:
                break
            if other.speaker == holder.speaker:
                continue
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
                }
                for start, end in merge(both)
            ]
    rows.sort(key=lambda row: (row["start_ms"], row["end_ms"], row["holder"]))
    return [{"overlap_id": number, **row} for number, row in enumerate(rows)]


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

    A short unit without recognised words may be either a backchannel or an attempt: null.
    """
    if other.is_backchannel:
        return "backchannel"
    short = other.end_ms - other.start_ms <= settings.backchannel_ms
    if other.is_backchannel is None and short:
        return None
    if holder.end_ms - start_ms <= settings.terminal_overlap_ms:
        return "cooperative"
    return "failed_attempt" if other.end_ms <= holder.end_ms else "floor_taking"
