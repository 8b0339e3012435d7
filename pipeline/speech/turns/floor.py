"""Turns: who has the floor, from when to when, and how it passes.

Who may go on after a pause
---------------------------
A speaker who falls silent and speaks again within `turn_pause_ms` goes on with the same turn,
unless somebody else took the floor in between. For another's speech, other than backchannels:

=====================================  =========================================================
it began and ended ...                 then the first speaker's turn ...
=====================================  =========================================================
within the first's unit                goes on: an attempt that failed
in the silence                         ended, unless both began again at once (`latch_ms`)
over the first's last                  ended: it answers a turn whose end was foreseeable
`terminal_overlap_ms`, in the silence
earlier over the unit, in the silence  goes on if the other was alone for `yield_ms` at most
and lasted until the first resumed     goes on if the silence was `yield_ms` at most: taking a
                                       breath while another talks over is not yielding
=====================================  =========================================================

An attempt that the holder outlasts has ended: the next unit of its speaker is a new turn.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pipeline import config
from pipeline.speech.turns.units import Unit, Word


@dataclass(eq=False)
class Turn:
    """Units of one speaker who has the floor, or comes in while another has it.

    Attributes
    ----------
    within
        The other's turn that began before this one and ended after it; None: this turn had the
        floor, or is a backchannel.
    latency_ms
        None: nobody else had the floor just before, or the other kept it.
    """

    speaker: str
    units: list[Unit]
    start_ms: int
    end_ms: int
    is_backchannel: bool | None = None
    within: "Turn | None" = None
    latency_ms: int | None = None

    @property
    def words(self) -> list[Word]:
        """The words of all its units."""
        return [word for unit in self.units for word in unit.words]

    def add(self, unit: Unit) -> None:
        """Extend the turn by `unit`."""
        self.units.append(unit)
        self.end_ms = max(self.end_ms, unit.end_ms)


@dataclass
class _Open:
    """A turn that may go on, and the units of others that have outlasted it so far."""

    turn: Turn
    since: list[Unit] = field(default_factory=list)


def build_turns(units: Sequence[Unit], settings: config.Turns) -> list[Turn]:
    """Turns by start, with latencies."""
    turns: list[Turn] = []
    floor: dict[str, _Open] = {}
    latest: dict[str, Unit] = {}
    for unit in units:
        if unit.is_backchannel:
            turns.append(Turn(unit.speaker, [unit], unit.start_ms, unit.end_ms, True))  # noqa: FBT003
            continue
        current = floor.get(unit.speaker)
        if current is not None and _goes_on(current, unit, settings):
            current.turn.add(unit)
        else:
            current = _Open(Turn(unit.speaker, [unit], unit.start_ms, unit.end_ms))
            floor[unit.speaker] = current
            turns.append(current.turn)
        others = [each for name, each in latest.items() if name != unit.speaker]
        current.since = [each for each in others if each.end_ms > current.turn.end_ms]
        for name, other in floor.items():
            if name != unit.speaker and _may_end(other.turn, unit, settings):
                other.since.append(unit)
        if unit.speaker not in latest or unit.end_ms >= latest[unit.speaker].end_ms:
            latest[unit.speaker] = unit
    for turn in turns:
        if any(unit.is_backchannel is False for unit in turn.units):
            turn.is_backchannel = False
    turns.sort(key=lambda turn: (turn.start_ms, turn.end_ms))
    _time(turns, settings)
    return turns


def _may_end(turn: Turn, unit: Unit, settings: config.Turns) -> bool:
    return turn.end_ms < unit.end_ms and unit.start_ms <= turn.end_ms + settings.turn_pause_ms


def _goes_on(current: _Open, unit: Unit, settings: config.Turns) -> bool:
    turn = current.turn
    if unit.start_ms - turn.end_ms > settings.turn_pause_ms:
        return False
    return not any(_took_the_floor(turn, other, unit, settings) for other in current.since)


def _took_the_floor(turn: Turn, other: Unit, unit: Unit, settings: config.Turns) -> bool:
    """Whether `other`, which outlasted `turn`, ended it before `unit` of the same speaker."""
    if other.start_ms >= unit.start_ms - settings.latch_ms:
        return False
    if other.end_ms > unit.start_ms:
        return unit.start_ms - turn.end_ms > settings.yield_ms
    outlasted = other.start_ms <= turn.units[-1].start_ms
    at_the_end = other.start_ms >= turn.end_ms - settings.terminal_overlap_ms
    return outlasted or at_the_end or other.end_ms - turn.end_ms > settings.yield_ms


class _Before:
    """For each speaker, the unit that began last before a time."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns: dict[str, list[tuple[Unit, Turn]]] = defaultdict(list)
        for turn in turns:
            self._turns[turn.speaker] += [(unit, turn) for unit in turn.units]
        self._starts: dict[str, list[int]] = {}
        for name, pairs in self._turns.items():
            pairs.sort(key=lambda pair: pair[0].start_ms)
            self._starts[name] = [unit.start_ms for unit, _ in pairs]

    def __call__(self, turn: Turn, settings: config.Turns) -> Iterator[tuple[Unit, Turn]]:
        """The unit of each speaker before `turn`, with its turn.

        Speakers who begin within `latch_ms` begin at the same time: nobody answers that fast.
        """
        for name, pairs in self._turns.items():
            margin_ms = 0 if name == turn.speaker else settings.latch_ms
            at = bisect_left(self._starts[name], turn.start_ms - margin_ms)
            if at:
                yield pairs[at - 1]


def _time(turns: Sequence[Turn], settings: config.Turns) -> None:
    """Set `within` of turns that lie inside another's turn, and `latency_ms` of the others."""
    floor = [turn for turn in turns if not turn.is_backchannel]
    before = _Before(floor)
    for turn in floor:
        around = [
            other
            for _, other in before(turn, settings)
            if other.speaker != turn.speaker and other.end_ms >= turn.end_ms
        ]
        turn.within = max(around, key=lambda other: other.end_ms, default=None)
    before = _Before([turn for turn in floor if turn.within is None])
    for turn in floor:
        if turn.within is None:
            turn.latency_ms = _latency(turn, list(before(turn, settings)))


def _latency(turn: Turn, before: Sequence[tuple[Unit, Turn]]) -> int | None:
    """Time from the end of the other's speech to the start of `turn`; negative in overlap."""
    speaking = [
        other.end_ms
        for unit, other in before
        if unit.end_ms > turn.start_ms and other.speaker != turn.speaker
    ]
    if speaking:
        return turn.start_ms - max(speaking)
    last_ms = max((unit.end_ms for unit, _ in before), default=None)
    if last_ms is None or any(
        unit.end_ms == last_ms and other.speaker == turn.speaker for unit, other in before
    ):
        return None
    return turn.start_ms - last_ms


def transition(
    latency_ms: int | None, settings: config.Turns, *, knows_overlap: bool
) -> str | None:
    """How a turn took over from the one before (Heldner 2011).

    Parameters
    ----------
    knows_overlap
        Whether the diarizer detects overlapping speech. If not, a turn that begins at the end of
        another may have begun before it, and only a gap is certain.
    """
    if latency_ms is None:
        return None
    if latency_ms > settings.latch_ms:
        return "gap"
    if not knows_overlap:
        return None
    return "overlap" if latency_ms < -settings.latch_ms else "latch"
