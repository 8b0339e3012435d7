"""Silences: where nobody speaks, between whom, and how certain that is.

A silence runs from the end of speech to the next start of speech; the first and the last one are
cut off by the edges of the recording. If two people stop together, the one who began earlier spoke
*before* the silence; if two begin together, the one who goes on longer speaks *after* it.

Lost signal depends on the channels. If each speaker has a channel, loss on any of these channels
counts, and channels on which nobody ever speaks do not. If the speakers were separated in the mix,
signal is lost where all channels are lost, or where any is if the channels carry different speech.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

import polars as pl

from pipeline import config
from pipeline.core.tables import DOUBTS, Tables
from pipeline.core.time import merge
from pipeline.speech.turns.units import Unit

Stretches = list[tuple[int, int]]


def rows(
    spoken: pl.DataFrame, units: Iterable[Unit], tables: Tables, settings: config.Turns
) -> list[dict[str, object]]:
    """Rows of table `silences`.

    Parameters
    ----------
    spoken
        Spans in which timing is measured, in order.
    units
        Units without detected speech mark the silence around them as a risk of missed speech.
    """
    spoken_by = [
        (start, end, str(speaker))
        for (speaker,), spans in spoken.group_by("speaker", maintain_order=True)
        for start, end in merge(_stretches(spans))
    ]
    spoken_by.sort(key=lambda stretch: stretch[:2])
    speech = merge((start, end) for start, end, _ in spoken_by)
    last: dict[int, str] = {}
    first: dict[int, tuple[int, str]] = {}
    for start, end, speaker in spoken_by:
        last.setdefault(end, speaker)
        if start not in first or end > first[start][0]:
            first[start] = (end, speaker)
    duration_ms = tables["media"]["duration_ms"][0]
    losses = _lost(tables)
    unsure = _Cover([*losses, *_stretches(tables.get("doubts", DOUBTS.empty()))])
    unheard = _Cover((unit.start_ms, unit.end_ms) for unit in units if not unit.heard)
    lost = _Cover(losses)
    silences: list[dict[str, object]] = []
    for (_, start), (end, _) in pairwise([(0, 0), *speech, (duration_ms, duration_ms)]):
        if start >= end:
            continue
        before, after = last.get(start), first.get(end, (0, None))[1]
        longest_ms = max((b - a for a, b in unsure.within(start, end)), default=0)
        silences.append(
            {
                "silence_id": len(silences),
                "start_ms": start,
                "end_ms": end,
                "length_ms": end - start,
                "before_speaker": before,
                "after_speaker": after,
                "before_role": None if before is None else "unknown",
                "after_role": None if after is None else "unknown",
                "kind": _kind(before, after, end - start, settings),
                "missed_speech_risk": longest_ms >= settings.doubt_ms
                or bool(unheard.within(start, end)),
                "dropout_ms": sum(b - a for a, b in lost.within(start, end)),
            }
        )
    return silences


def _kind(before: str | None, after: str | None, length_ms: int, settings: config.Turns) -> str:
    if before is None or after is None:
        return "edge"
    if before != after:
        return "gap"
    return "pause" if length_ms <= settings.turn_pause_ms else "lapse"


class _Cover:
    """The union of stretches, with a look-up of its part within a silence."""

    def __init__(self, stretches: Iterable[tuple[int, int]]) -> None:
        self._stretches = merge(stretches)
        self._ends = [end for _, end in self._stretches]

    def within(self, start_ms: int, end_ms: int) -> Stretches:
        """The part of the union within ``[start_ms, end_ms)``."""
        found = []
        for number in range(bisect_left(self._ends, start_ms + 1), len(self._ends)):
            start, end = self._stretches[number]
            if start >= end_ms:
                break
            found.append((max(start, start_ms), min(end, end_ms)))
        return found


def _stretches(table: pl.DataFrame) -> Stretches:
    return table.select("start_ms", "end_ms").rows()


def _lost(tables: Tables) -> Stretches:
    """When the signal of a speaker was lost."""
    losses, media, spans = tables["losses"], tables["media"], tables["spans"]
    if spans.height and not spans["channel"].has_nulls():
        return merge(
            _stretches(losses.filter(pl.col("channel").is_in(spans["channel"].unique().implode())))
        )
    if media["distinct_channels"][0]:
        return merge(_stretches(losses))
    by_channel = losses.sort("channel").select("channel", "start_ms", "end_ms").rows()
    each = [
        [(start, end) for _, start, end in group]
        for _, group in groupby(by_channel, key=lambda row: row[0])
    ]
    return _in_all(each, media["channels"][0])


def _in_all(stretches: Sequence[Stretches], count: int) -> Stretches:
    """Where `count` of the sets of stretches overlap.

    >>> _in_all([[(0, 50), (70, 90)], [(30, 80)]], 2)
    [(30, 50), (70, 80)]
    """
    changes = sorted(
        (at, step) for one in stretches for a, b in merge(one) for at, step in ((a, 1), (b, -1))
    )
    found, open_ = [], 0
    for (at, step), (until, _) in pairwise(changes):
        open_ += step
        if open_ == count and at < until:
            found.append((at, until))
    return merge(found)
