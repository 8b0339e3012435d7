"""Silences: where nobody speaks, between whom, and how sure that is.

A silence runs from the end of somebody's speech to the begin of somebody's speech; the first and
the last are cut by the edges of the recording. Of two who stop together, who began earlier spoke
*before* the silence; of two who begin together, who goes on longer speaks *after* it.

Which channels matter for lost signal: where each speaker has a channel of their own, the loss of
any of those is a loss, and a channel on which nobody ever speaks is none. Where the speakers were
told apart in the mix, it is lost where every channel is, unless the channels carry different
speech.
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
        Those that nobody heard put the silence around them in doubt.
    """
    own = [
        (start, end, str(speaker))
        for (speaker,), spans in spoken.group_by("speaker", maintain_order=True)
        for start, end in Intervals.of_rows(spans)
    ]
    own.sort(key=lambda stretch: stretch[:2])
    speech = Intervals.of((start, end) for start, end, _ in own)
    last: dict[int, str] = {}
    first: dict[int, tuple[int, str]] = {}
    for start, end, speaker in own:
        last.setdefault(end, speaker)
        if start not in first or end > first[start][0]:
            first[start] = (end, speaker)
    duration_ms = tables["media"]["duration_ms"][0]
    lost = _lost(tables)
    unsure = Intervals.of([*lost, *pairs_of(tables.get("doubts", DOUBTS.empty()))])
    unheard = Intervals.of((unit.start_ms, unit.end_ms) for unit in units if not unit.heard)
    made: list[dict[str, object]] = []
    for (_, start), (end, _) in pairwise([(0, 0), *speech, (duration_ms, duration_ms)]):
        if start >= end:
            continue
        before, after = last.get(start), first.get(end, (0, None))[1]
        longest_ms = max((b - a for a, b in unsure.within(start, end)), default=0)
        made.append(
            {
                "silence_id": len(made),
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
    return made


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
