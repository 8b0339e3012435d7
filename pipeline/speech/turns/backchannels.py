"""Backchannels: acknowledgements that leave the floor with its holder (Yngve 1970)."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from pipeline import config
from pipeline.speech.turns.lexical_cues import Wording
from pipeline.speech.turns.units import Unit


def mark(units: Sequence[Unit], settings: config.Turns, wording: Wording) -> None:
    """Mark units that acknowledge while the other has the floor and goes on.

    Parameters
    ----------
    units
        By time. Units without words stay undecided; without a lexicon, all units do.
    """
    if wording.acknowledges is None:
        return
    candidates = [
        unit.end_ms - unit.start_ms <= settings.backchannel_ms
        and len(unit.words) <= settings.backchannel_words
        and wording.only_acknowledges(unit.words)
        for unit in units
    ]
    for unit in units:
        if unit.words:
            unit.is_backchannel = False
    floor = [unit for unit, small in zip(units, candidates, strict=True) if not small]
    starts = [unit.start_ms for unit in floor]
    last: dict[str, Unit] = {}  # by speaker: the unit with the floor that ends last
    for unit, small in zip(units, candidates, strict=True):
        if small:
            at = bisect_left(starts, unit.start_ms)
            after = floor[at] if at < len(floor) else None
            before = _holder(unit, last)
            unit.is_backchannel = before is not None and _leaves_the_floor(
                unit, before, after, settings, wording
            )
        elif unit.speaker not in last or unit.end_ms >= last[unit.speaker].end_ms:
            last[unit.speaker] = unit


def _holder(unit: Unit, last: Mapping[str, Unit]) -> Unit | None:
    """The unit that had the floor last before `unit` began; None: none, or the same speaker's."""
    before = [each for each in last.values() if each.start_ms < unit.start_ms]
    holder = max(before, key=lambda each: each.end_ms, default=None)
    return None if holder is None or holder.speaker == unit.speaker else holder


def _leaves_the_floor(
    unit: Unit, before: Unit, after: Unit | None, settings: config.Turns, wording: Wording
) -> bool:
    """Whether the other goes on after an acknowledgement and had not asked for it."""
    if unit.start_ms - before.end_ms > settings.backchannel_latency_ms:
        return False
    if before.end_ms - unit.end_ms > settings.latch_ms:
        return True
    at_the_end = unit.start_ms >= before.end_ms - settings.terminal_overlap_ms
    if at_the_end and wording.ends_in_question(before.words):
        return False
    return (
        after is not None
        and after.speaker == before.speaker
        and after.start_ms - unit.end_ms <= settings.turn_pause_ms
    )
