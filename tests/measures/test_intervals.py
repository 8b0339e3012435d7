import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.intervals import Intervals
from pipeline.core.tables import Tables
from pipeline.evaluation.material.small_session import session
from pipeline.measures import intervals

TIMES = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60)), max_size=25)


def _line(
    pairs: list[tuple[int, int]], length: int = 500
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    line = np.zeros(length, np.bool_)
    for start, duration in pairs:
        line[start : start + duration] = True
    return line


@given(TIMES, st.integers(0, 480), st.integers(0, 480))
def test_covered_time_is_that_of_a_line_of_milliseconds(
    pairs: list[tuple[int, int]], start: int, end: int
) -> None:
    start, end = min(start, end), max(start, end)
    union = Intervals.union([a for a, _ in pairs], [a + d for a, d in pairs])
    line = _line(pairs)
    found = union.covered_ms(np.array([start]), np.array([end]))
    assert found[0] == line[start:end].sum()
    assert (union.ends[:-1] < union.starts[1:]).all()
    assert (union.ends - union.starts).sum() == line.sum()


@given(TIMES, TIMES)
def test_what_is_left_of_intervals_is_that_of_a_line_of_milliseconds(
    pairs: list[tuple[int, int]], taken: list[tuple[int, int]]
) -> None:
    whole = Intervals.union([a for a, _ in pairs], [a + d for a, d in pairs])
    other = Intervals.union([a for a, _ in taken], [a + d for a, d in taken])
    left = whole.minus(other)
    expected = _line(pairs) & ~_line(taken)
    found = _line(list(zip(left.starts, left.ends - left.starts, strict=True)))
    assert (found == expected).all()
    assert (left.ends[:-1] < left.starts[1:]).all()


@given(st.lists(st.integers(0, 300), unique=True), TIMES)
def test_inside_pairs_every_point_with_every_interval_that_holds_it(
    points: list[int], pairs: list[tuple[int, int]]
) -> None:
    at = np.array(sorted(points), np.int64)
    starts = np.array([a for a, _ in pairs], np.int64)
    ends = np.array([a + d for a, d in pairs], np.int64)
    which, where = intervals.inside(at, starts, ends)
    expected = {
        (i, k) for i in range(len(pairs)) for k in range(len(at)) if starts[i] <= at[k] < ends[i]
    }
    assert set(zip(which.tolist(), where.tolist(), strict=True)) == expected
    assert len(which) == len(expected)


def test_windows_follow_each_other_from_the_first_turn() -> None:
    tables = session([("a", 5_000, 70_000), ("b", 71_000, 160_000)])
    cut = intervals.windows(tables, "window_60s", 0.5)
    assert cut.rows() == [(0, 5_000, 65_000), (1, 65_000, 125_000), (2, 125_000, 160_000)]
    assert intervals.windows(tables, "window_60s", 0.6).height == 2
    assert intervals.windows(tables, "window_300s", 0.5).rows() == [(0, 5_000, 160_000)]
    short = session([("a", 500, 1_000)])
    assert intervals.windows(short, "window_60s", 0.5).is_empty()
    assert intervals.windows(short, "session", 0.5).rows() == [(0, 500, 1_000)]
    assert intervals.windows(tables, "session", 0.5).rows() == [(0, 5_000, 160_000)]


def test_the_voice_of_a_session_is_that_of_its_windows_together() -> None:
    lines = [("a", 5_000, 70_000), ("b", 71_000, 125_000)]
    tables = session(lines, frames={"a": lambda _: (200.0, -20.0)})
    whole, parts = (
        intervals.heard_in(_of_a(tables, item), tables, "semitones")
        for item in ("session", "window_60s")
    )
    assert (whole["row"] == 0).all()
    assert parts.drop("row").equals(whole.drop("row"))
    assert parts.group_by("row").len().sort("row").rows() == [(0, 6_000), (1, 500)]


def _of_a(tables: Tables, item: str) -> pl.DataFrame:
    return intervals.windows(tables, item, 0.5).with_columns(speaker=pl.lit("a"))


def test_what_happens_to_a_person_is_counted_in_the_items_of_the_person() -> None:
    items = pl.DataFrame(
        {"speaker": ["b", "a", "b"], "start_ms": [0, 0, 50], "end_ms": [100, 100, 200]}
    )
    events = pl.DataFrame({"who": ["b", "a", "b"], "start_ms": [150, 100, 60], "value": [1, 2, 4]})
    assert intervals.count_in(items, events, "who").tolist() == [1, 0, 2]
    found = intervals.statistic_in(items, events, pl.col("value").first(), "who")
    assert found.to_list() == [4, None, 4], "in order of time"


def test_one_microphone_gives_overlapping_speech_to_nobody() -> None:
    lines = [("a", 0, 1_000), ("b", 600, 1_500)]
    sound = {name: lambda _: (200.0, -20.0) for name in "ab"}
    mixed = intervals.voice(session(lines, frames=sound, one_channel=True))
    assert mixed.filter(pl.col("speaker") == "a")["t_ms"].max() == 590
    assert mixed.filter(pl.col("speaker") == "b")["t_ms"].min() == 1_000
    apart = intervals.voice(session(lines, frames=sound))
    assert apart.group_by("speaker").len().sort("speaker")["len"].to_list() == [100, 90]
    assert apart["semitones"].unique().to_list() == [12.0]


def test_pauses_lie_between_own_speech_within_own_turns() -> None:
    lines = [
        ("a", 0, 1_000),
        ("a", 1_400, 2_000),
        ("a", 2_100, 3_000),
        ("b", 3_500, 4_000),
        ("a", 5_000, 6_000),
    ]
    tables = session(lines)
    found = intervals.pauses(tables, 250)["a"]
    assert (found.starts.tolist(), found.ends.tolist()) == ([1_000], [1_400])
    lost = tables["silences"].with_columns(dropout_ms=pl.lit(200, pl.Int64))
    assert not len(intervals.pauses({**tables, "silences": lost}, 250)["a"].starts)
