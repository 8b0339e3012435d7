"""Turns against an independent way to the same definitions, on a grid of 10 ms."""

from collections import Counter

import polars as pl
from hypothesis import given
from talk_scenes import SETTINGS, Speech, end_of, rest, tables_of, talks
from turns_oracle import Grid, stretches

from pipeline.speech import turns


def both(talk: list[Speech], rest_ms: int) -> tuple[dict[str, pl.DataFrame], Grid]:
    duration_ms = end_of(talk) + rest_ms
    silent = [Speech(o.speaker, o.start_ms, o.end_ms) for o in talk]
    tables = tables_of(silent, duration_ms, engine="none")
    spoken = stretches([(o.speaker, o.start_ms, o.end_ms) for o in talk])
    return turns.build(tables, SETTINGS, None), Grid(spoken, duration_ms, SETTINGS)


@given(talk=talks(speakers=("A", "B", "C")), rest_ms=rest)
def test_silences_agree_with_the_grid(talk: list[Speech], rest_ms: int) -> None:
    got, grid = both(talk, rest_ms)
    want = grid.silences()
    rows = got["silences"].rows(named=True)
    assert [(r["start_ms"] // 10, r["end_ms"] // 10) for r in rows] == [w[:2] for w in want]
    for row, (_, _, kind, before, after) in zip(rows, want, strict=True):
        assert row["before_speaker"] in (before or [None])
        assert row["after_speaker"] in (after or [None])
        if len(before) < 2 and len(after) < 2:  # of two equals either may stand
            assert row["kind"] == kind


@given(talk=talks(speakers=("A", "B", "C")))
def test_turns_latencies_and_transitions_agree_with_the_grid(talk: list[Speech]) -> None:
    got, grid = both(talk, 10)
    want = Counter(
        (turn.speaker, turn.start * 10, turn.end * 10, latency_ms, grid.transition(latency_ms))
        for turn in grid.turns()
        for latency_ms in [grid.latency_ms(turn)]
    )
    columns = ("speaker", "start_ms", "end_ms", "latency_ms", "transition")
    assert Counter(got["turns"].select(columns).rows()) == want


@given(talk=talks(speakers=("A", "B", "C")))
def test_overlaps_agree_with_the_grid(talk: list[Speech]) -> None:
    got, grid = both(talk, 10)
    if len({(turn.start, turn.end) for turn in grid.turns()}) < len(grid.turns()):
        return  # twins: either of the two may hold the floor
    want = Counter(tuple(overlap.values()) for overlap in grid.overlaps())
    columns = ("start_ms", "end_ms", "holder", "other", "kind", "into_ms", "went_on")
    assert Counter(got["overlaps"].select(columns).rows()) == want
