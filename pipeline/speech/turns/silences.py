"""Silences: where nobody speaks, between whom, and how certain that is.

A silence runs from the end of speech to the next start of speech; the first and the last one are
cut off by the edges of the recording. If two people stop together, the one who began earlier spoke
*before* the silence; if two begin together, the one who goes on longer speaks *after* it.

Lost signal depends on the channels. If each speaker has a channel, loss on any of these channels
counts, and channels on which nobody ever speaks do not. If the speakers were separated in the mix,
signal is lost where all channels are lost, or where any is if the channels carry different speech.
"""

from collections.abc import Iterable
from itertools import pairwise

import polars as pl

from pipeline import config
from pipeline.core.intervals import Intervals, pairs_of
from pipeline.core.tables import DOUBTS, Tables
from pipeline.speech.turns.units import Unit


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
        for start, end in Intervals.of_rows(spans)
    ]
    spoken_by.sort(key=lambda stretch: stretch[:2])
    speech = Intervals.of((start, end) for start, end, _ in spoken_by)
    last: dict[int, str] = {}
    first: dict[int, tuple[int, str]] = {}
    for start, end, speaker in spoken_by:
        last.setdefault(end, speaker)
        if start not in first or end > first[start][0]:
            first[start] = (end, speaker)
    duration_ms = tables["media"]["duration_ms"][0]
    lost = _lost(tables)
    unsure = Intervals.of([*lost, *pairs_of(tables.get("doubts", DOUBTS.empty()))])
    unheard = Intervals.of((unit.start_ms, unit.end_ms) for unit in units if not unit.heard)
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
                or len(unheard.within(start, end)) > 0,
                "dropout_ms": lost.within(start, end).total_ms,
            }
        )
    return silences


def _kind(before: str | None, after: str | None, length_ms: int, settings: config.Turns) -> str:
    if before is None or after is None:
        return "edge"
    if before != after:
        return "gap"
    return "pause" if length_ms <= settings.turn_pause_ms else "lapse"


def _lost(tables: Tables) -> Intervals:
    """When the signal of a speaker was lost."""
    losses, media, spans = tables["losses"], tables["media"], tables["spans"]
    if spans.height and not spans["channel"].has_nulls():
        return Intervals.of_rows(
            losses.filter(pl.col("channel").is_in(spans["channel"].unique().implode()))
        )
    if media["distinct_channels"][0]:
        return Intervals.of_rows(losses)
    by_channel = [Intervals.of_rows(rows) for _, rows in losses.group_by("channel")]
    return Intervals.shared(by_channel, media["channels"][0])
