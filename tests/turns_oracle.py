"""Turns, latencies, silences and overlaps worked out on a grid of 10 ms, without words.

Another way to the definitions in `pipeline.speech.turns`: which frames each person speaks in,
sets of frames, and every pair looked at with every other. It is slow, and shares no
code with the pipeline. Times are in frames.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from pipeline import config

FRAME_MS = 10
Talk = Mapping[str, Iterable[tuple[int, int]]]
"""Stretches of speech of each person, ms."""


@dataclass(frozen=True)
class Turn:
    speaker: str
    runs: tuple[tuple[int, int], ...]

    @property
    def start(self) -> int:
        return self.runs[0][0]

    @property
    def end(self) -> int:
        return self.runs[-1][1]

    @property
    def frames(self) -> set[int]:
        return {k for start, end in self.runs for k in range(start, end)}


class Grid:
    """What can be said of a talk."""

    def __init__(self, talk: Talk, duration_ms: int, settings: config.Turns) -> None:
        self.settings = settings
        self.length = duration_ms // FRAME_MS
        self.speech = {
            name: {k for a, b in stretches for k in range(a // FRAME_MS, b // FRAME_MS)}
            for name, stretches in talk.items()
        }
        self.units = {
            name: runs(frames, settings.unit_pause_ms // FRAME_MS)
            for name, frames in self.speech.items()
        }

    def silences(self) -> list[tuple[int, int, str, set[str], set[str]]]:
        """Start, end, kind, and who may count as having spoken before and after."""
        anybody = set().union(*self.speech.values())
        quiet = runs(set(range(self.length)) - anybody)
        return [
            (start, end, self._kind(start, end, before, after), before, after)
            for start, end in quiet
            for before, after in [(self._until(start), self._from(end))]
        ]

    def _kind(self, start: int, end: int, before: set[str], after: set[str]) -> str:
        if not before or not after:
            return "edge"
        if before != after:
            return "gap"
        return "lapse" if (end - start) * FRAME_MS > self.settings.turn_pause_ms else "pause"

    def _until(self, start: int) -> set[str]:
        """Of those who stop at `start`, who spoke longest; several if that is a tie."""
        length = {
            name: next(a for a, b in runs(frames) if b == start)
            for name, frames in self.speech.items()
            if start - 1 in frames
        }
        return {name for name, begin in length.items() if begin == min(length.values())}

    def _from(self, end: int) -> set[str]:
        length = {
            name: next(b for a, b in runs(frames) if a == end)
            for name, frames in self.speech.items()
            if end in frames
        }
        return {name for name, stop in length.items() if stop == max(length.values())}

    def turns(self) -> list[Turn]:
        found = []
        for name, own in self.units.items():
            group: list[tuple[int, int]] = []
            for unit in own:
                if group and not self._same_turn(name, group[-1], unit):
                    found.append(Turn(name, tuple(group)))
                    group = []
                group.append(unit)
            if group:
                found.append(Turn(name, tuple(group)))
        return found

    def _same_turn(self, name: str, one: tuple[int, int], two: tuple[int, int]) -> bool:
        rest = (two[0] - one[1]) * FRAME_MS
        if rest > self.settings.turn_pause_ms:
            return False
        others = [u for who, units in self.units.items() if who != name for u in units]
        return all(self._keeps(one, two, other, rest) for other in others)

    def _keeps(
        self, one: tuple[int, int], two: tuple[int, int], other: tuple[int, int], rest: int
    ) -> bool:
        """Whether the silence between two units of a person survives somebody's unit."""
        silence = set(range(one[1], two[0]))
        alone = silence & set(range(*other))
        at_once = (two[0] - other[0]) * FRAME_MS <= self.settings.latch_ms
        if not alone or at_once:
            return True
        if two[0] - 1 in alone and two[0] < other[1]:
            return rest <= self.settings.yield_ms
        came_in = one[0] < other[0]
        early = (one[1] - other[0]) * FRAME_MS > self.settings.terminal_overlap_ms
        return came_in and early and len(alone) * FRAME_MS <= self.settings.yield_ms

    def around(self, turn: Turn) -> list[Turn]:
        """Turns of others that began perceptibly earlier and did not end before `turn` did."""
        latch = self.settings.latch_ms
        return [
            other
            for other in self.turns()
            if other.speaker != turn.speaker
            and (turn.start - other.start) * FRAME_MS > latch
            and other.end >= turn.end
        ]

    def latency_ms(self, turn: Turn) -> int | None:
        """Frame by frame back from the begin of the turn to whoever spoke last."""
        if self.around(turn):
            return None
        speaking: dict[int, list[Turn]] = {}
        for other in self.turns():
            if other != turn and not self.around(other):
                for start, end in other.runs:
                    late = 0 if other.speaker == turn.speaker else self.settings.latch_ms
                    if start < turn.start and (turn.start - start) * FRAME_MS > late:
                        for k in range(start, end):
                            speaking.setdefault(k, []).append(other)
        now = [other.end for other in speaking.get(turn.start, ())]
        if now:
            return (turn.start - max(now)) * FRAME_MS
        for k in range(turn.start - 1, -1, -1):
            if k in speaking:
                own = any(other.speaker == turn.speaker for other in speaking[k])
                return None if own else (turn.start - k - 1) * FRAME_MS
        return None

    def transition(self, latency_ms: int | None) -> str | None:
        if latency_ms is None:
            return None
        if abs(latency_ms) <= self.settings.latch_ms:
            return "latch"
        return "gap" if latency_ms > 0 else "overlap"

    def overlaps(self) -> list[dict[str, object]]:
        found = []
        for one, two in combinations(self.turns(), 2):
            if one.speaker == two.speaker:
                continue
            both = runs(one.frames & two.frames, self.settings.yield_ms // FRAME_MS)
            holder, other = self._sides(one, two)
            above = max(self.around(holder), key=lambda t: t.end, default=other)
            found += [
                self._overlap(holder, other, start, end)
                for start, end in both
                if above == other or not (above.start <= start and end <= above.end)
            ]
        return found

    def _sides(self, one: Turn, two: Turn) -> tuple[Turn, Turn]:
        first, second = sorted((one, two), key=lambda t: (t.start, t.end))
        together = (second.start - first.start) * FRAME_MS <= self.settings.latch_ms
        return (second, first) if together and second.end > first.end else (first, second)

    def _overlap(self, holder: Turn, other: Turn, start: int, end: int) -> dict[str, object]:
        came_in = min(a for a, b in other.runs if b > start)
        heard = {
            who: (turn.end - end) * FRAME_MS > self.settings.latch_ms
            for who, turn in (("holder", holder), ("other", other))
        }
        lasting = [who for who, so in heard.items() if so]
        return {
            "start_ms": start * FRAME_MS,
            "end_ms": end * FRAME_MS,
            "holder": holder.speaker,
            "other": other.speaker,
            "kind": self._kind_by_time(holder, other, start),
            "into_ms": max(0, came_in - holder.start) * FRAME_MS,
            "went_on": {0: "neither", 2: "both"}.get(len(lasting)) or lasting[0],
        }

    def _kind_by_time(self, holder: Turn, other: Turn, start: int) -> str | None:
        if all((b - a) * FRAME_MS <= self.settings.backchannel_ms for a, b in other.runs):
            return None
        if (holder.end - start) * FRAME_MS <= self.settings.terminal_overlap_ms:
            return "cooperative"
        return "floor_taking" if max(other.frames) > max(holder.frames) else "failed_attempt"


def runs(frames: Iterable[int], bridge: int = 0) -> list[tuple[int, int]]:
    """Runs of frames, half-open; those at most `bridge` frames apart become one."""
    found: list[tuple[int, int]] = []
    for k in sorted(frames):
        if found and k - found[-1][1] <= bridge:
            found[-1] = (found[-1][0], k + 1)
        else:
            found.append((k, k + 1))
    return found


def stretches(speech: Sequence[tuple[str, int, int]]) -> Talk:
    """Speech by person."""
    talk: dict[str, list[tuple[int, int]]] = {}
    for name, start, end in speech:
        talk.setdefault(name, []).append((start, end))
    return talk
