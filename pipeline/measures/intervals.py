"""Who speaks in which interval, frame and window: what all features are made of.

::

    spans     A ██ ███    ████████           regular view, overlapping speech kept
              B      ██████     ███
    talk      A, B: the union of each one's spans
    windows   |-- 0 --|-- 1 --|-- 2 --|      from the start of the first turn on
    session   |----------- 0 ---------|      the same, all of it
    voice     frames of A or B; none where one microphone hears both
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline import config
from pipeline.core.intervals import Intervals, Ints
from pipeline.core.tables import FRAMES, Tables
from pipeline.core.time import FRAME_MS
from pipeline.core.vocabulary import WINDOWS_MS
from pipeline.measures.feature import Feature

Floats = NDArray[np.float64]

_HEARD = ("level_dbfs", "vowel_dbfs", "hnr_db", "cpp_db", "jitter", "shimmer")


def columns(frame: pl.DataFrame) -> tuple[Ints, Ints]:
    """start_ms and end_ms as arrays."""
    return frame["start_ms"].to_numpy(), frame["end_ms"].to_numpy()


def intervals(frame: pl.DataFrame) -> Intervals:
    """Union of the rows' times."""
    return Intervals.union(*columns(frame))


def talk(tables: Tables) -> dict[str, Intervals]:
    """When each speaker speaks, overlapping speech included."""
    spans = tables["spans"].filter("regular")
    return {str(name): intervals(own) for (name,), own in sorted_groups(spans)}


def pauses(tables: Tables, min_ms: int) -> dict[str, Intervals]:
    """Silences of each speaker within the own turns, at least `min_ms` long.

    Speech of another in such a silence changes nothing: the speaker pauses. Where the signal was
    lost, nobody knows.
    """
    found = {}
    spoken, gone = talk(tables), lost(tables)
    for (name,), turns in sorted_groups(tables["turns"]):
        speech = spoken.get(str(name))
        if speech is None:
            continue
        gaps = speech.gaps()
        long = gaps.ends - gaps.starts >= min_ms
        inside = intervals(turns).covered_ms(gaps.starts, gaps.ends) == gaps.ends - gaps.starts
        clear = gone.covered_ms(gaps.starts, gaps.ends) == 0
        found[str(name)] = gaps.where(long & inside & clear)
    return found


def sorted_groups(frame: pl.DataFrame) -> list[tuple[tuple[object, ...], pl.DataFrame]]:
    """Rows of each speaker, in order of the speakers' labels."""
    return sorted(frame.group_by("speaker", maintain_order=True), key=lambda group: str(group[0]))


def speakers(tables: Tables) -> list[str]:
    """Everybody who has a turn, in order of label."""
    return cast("list[str]", tables["turns"]["speaker"].unique().sort().to_list())


def windows(tables: Tables, item: str, min_share: float) -> pl.DataFrame:
    """The windows of a session: item_id, start_ms, end_ms.

    They follow each other from the start of the first turn; the last ends with the last turn and
    is left out where it is shorter than `min_share` of a window. Of item ``session`` there is one,
    from the first turn to the last, however short.
    """
    turns = tables["turns"]
    types = {"item_id": pl.Int64, "start_ms": pl.Int64, "end_ms": pl.Int64}
    if turns.is_empty():
        return pl.DataFrame(schema=types)
    starts, ends = columns(turns)
    first, last = int(starts.min()), int(ends.max())
    if item == "session":
        return pl.DataFrame([(0, first, last)], schema=types, orient="row")
    length_ms = WINDOWS_MS[item]
    begins = np.arange(first, last, length_ms, dtype=np.int64)
    stops = np.minimum(begins + length_ms, last)
    frame = pl.DataFrame(
        {"item_id": np.arange(len(begins)), "start_ms": begins, "end_ms": stops}, schema=types
    )
    return frame.filter(pl.col("end_ms") - pl.col("start_ms") >= min_share * length_ms)


def lost(tables: Tables) -> Intervals:
    """Silences in which the signal was lost: exact digital zeros are a dropout, no silence."""
    gone = (tables["silences"]["dropout_ms"] > 0).to_numpy()
    starts, ends = columns(tables["silences"])
    return Intervals.union(starts[gone], ends[gone])


def heard_ms(tables: Tables, cut: pl.DataFrame, settings: config.Features) -> Floats:
    """Milliseconds of each window of `cut`, without silences in which the signal was lost.

    NaN where less than ``window_min_share`` of it is left, so that rates and shares become null.
    """
    starts, ends = columns(cut)
    left = ends - starts - lost(tables).covered_ms(starts, ends)
    return np.where(left >= settings.window_min_share * (ends - starts), left, np.nan)


def over(
    items: Iterable[str], settings: config.Features, declared: Iterable[Feature]
) -> tuple[Feature, ...]:
    """The features `declared` of item ``window``, once for each kind of window among `items`.

    They share `compute`, so `measure_all` hands it the windows of all these kinds at once.
    """
    own = list(declared)
    share = settings.window_min_share
    return tuple(replace(feature, item=item, min_share=share) for item in items for feature in own)


def rows_of(items: pl.DataFrame) -> dict[str, Ints]:
    """Numbers of the rows of each speaker, in order of the speakers' labels."""
    names = items["speaker"]
    return {name: np.flatnonzero(names == name) for name in sorted({*names.to_list()})}


def covered_ms(items: pl.DataFrame, known: Mapping[str, Intervals]) -> Floats:
    """Milliseconds of each item that its speaker's intervals cover; NaN: none are `known`."""
    starts, ends = columns(items)
    found = np.full(items.height, np.nan)
    for name, own in rows_of(items).items():
        if name in known:
            found[own] = known[name].covered_ms(starts[own], ends[own])
    return found


def events_in(
    items: pl.DataFrame, events: pl.DataFrame, whose: str = "speaker", at: str = "start_ms"
) -> tuple[Ints, pl.DataFrame]:
    """Each person's `events` in each item of the same person, in order of time.

    Parameters
    ----------
    items
        With speaker, start_ms, end_ms; they may overlap.
    whose, at
        Columns of `events`: the person, and the time.

    Returns
    -------
    ndarray, DataFrame
        Number of the item, and the event: a row for each pair, so an event in two items comes
        twice.
    """
    starts, ends = columns(items)
    times, names = events[at].to_numpy(), events[whose]
    which, points = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for name, own in rows_of(items).items():
        theirs = np.flatnonzero(names == name)
        theirs = theirs[np.argsort(times[theirs], kind="stable")]
        held, inner = inside(times[theirs], starts[own], ends[own])
        which.append(own[held])
        points.append(theirs[inner])
    return np.concatenate(which), events[np.concatenate(points)]


def count_between(times: Ints, starts: Ints, ends: Ints) -> Ints:
    """How many of the sorted `times` lie in each ``[start, end)``."""
    return np.searchsorted(times, ends) - np.searchsorted(times, starts)


def count_in(items: pl.DataFrame, events: pl.DataFrame, whose: str = "speaker") -> Ints:
    """How many of its speaker's `events` begin in each item."""
    which, _ = events_in(items, events, whose)
    return np.bincount(which, minlength=items.height)


def statistic_in(
    items: pl.DataFrame, events: pl.DataFrame, statistic: pl.Expr, whose: str = "speaker"
) -> pl.Series:
    """`statistic` of its speaker's `events` that begin in each item; null where none does."""
    which, own = events_in(items, events, whose)
    return of_each(items, own.with_columns(pl.Series("row", which)), statistic)


def of_each(items: pl.DataFrame, events: pl.DataFrame, statistic: pl.Expr) -> pl.Series:
    """`statistic` of each item's `events`, which name it by number in column row; null: none."""
    found = events.group_by("row").agg(statistic.alias("value"))
    rows = pl.DataFrame({"row": np.arange(items.height)})
    return rows.join(found, on="row", how="left", maintain_order="left")["value"]


def ratio(part: Floats | Ints, whole: Floats | Ints, least: float) -> Floats:
    """`part` over `whole` where the whole is at least `least`; else NaN."""
    found = np.full(len(whole), np.nan)
    return np.asarray(np.divide(part, whole, out=found, where=whole >= least))


def per_minute(count: Ints, length_ms: Floats) -> Floats:
    """Rate of what was counted in so many milliseconds."""
    return np.asarray(count * 60_000 / length_ms)


def latencies(tables: Tables) -> pl.DataFrame:
    """Table `turns`; latency_ms is null where signal was lost between the two turns."""
    turns = tables["turns"]
    starts = turns["start_ms"].to_numpy()
    waited = turns["latency_ms"].fill_null(0).to_numpy().clip(min=0)
    gone = pl.Series(lost(tables).covered_ms(starts - waited, starts) > 0)
    return turns.with_columns(latency_ms=pl.when(~gone).then("latency_ms"))


def without_backchannels(tables: Tables) -> pl.DataFrame:
    """Turns that take the floor, in order of start."""
    turns = tables["turns"].filter(~pl.col("is_backchannel").fill_null(value=False))
    return turns.sort("start_ms", "turn_id")


def knows_overlap(tables: Tables) -> bool:
    """Whether overlapping speech was told apart; without a word of the diarizer, no."""
    found = tables.get("diarization")
    return found is not None and not found.is_empty() and bool(found["knows_overlap"][0])


def inside(points: Ints, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """Which of the sorted `points` lie in which ``[start, end)``: interval numbers, point numbers.

    >>> inside(np.array([0, 10, 20]), np.array([0, 10]), np.array([20, 30]))
    (array([0, 0, 1, 1]), array([0, 1, 1, 2]))
    """
    low, high = np.searchsorted(points, starts), np.searchsorted(points, ends)
    count = np.maximum(high - low, 0)
    which = np.repeat(np.arange(len(starts)), count)
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return which, np.repeat(low, count) + offset


def voice(tables: Tables) -> pl.DataFrame:
    """Frames that belong to one speaker.

    Returns
    -------
    DataFrame
        speaker, t_ms, semitones (f0 over 100 Hz; null: unvoiced), level_dbfs, vowel_dbfs, hnr_db,
        cpp_db, jitter, shimmer; sorted by speaker and time. Where one microphone hears two
        speakers at once, the frame is nobody's: its f0 is that of either, its level that of both.
    """
    if "voice" in tables:
        return tables["voice"]
    frames, spans = tables.get("frames", FRAMES.empty()), tables["spans"].filter("regular")
    parts = []
    for (channel,), heard in frames.group_by("channel", maintain_order=True):
        heard_here = heard.sort("t_ms")
        times = heard_here["t_ms"].to_numpy()
        own = {
            str(name): intervals(spoken)
            for (name,), spoken in sorted_groups(
                spans.filter(pl.col("channel").eq_missing(pl.lit(channel)))
            )
        }
        points = {name: inside(times, i.starts, i.ends)[1] for name, i in own.items()}
        claims = np.zeros(len(times), np.int8)
        for found in points.values():
            claims[found] += 1
        for name, found in points.items():
            kept = heard_here[found[claims[found] == 1]]
            parts.append(kept.with_columns(pl.lit(name).alias("speaker")))
    f0 = pl.col("f0_hz").cast(pl.Float64)
    columns_: dict[str, type[pl.DataType]] = {
        "speaker": pl.String,
        "t_ms": pl.Int64,
        "semitones": pl.Float64,
        **dict.fromkeys(_HEARD, pl.Float32),
    }
    if not parts:
        return pl.DataFrame(schema=columns_)
    made: pl.DataFrame = pl.concat(parts).with_columns((12 * (f0 / 100).log(2)).alias("semitones"))
    return made.select(list(columns_)).sort("speaker", "t_ms")


def heard_in(items: pl.DataFrame, tables: Tables, *needed: str) -> pl.DataFrame:
    """Frames of its speaker's `voice` in each item.

    Parameters
    ----------
    needed
        Columns that are not null in them.

    Returns
    -------
    DataFrame
        row (number of the item), t_ms, and what is needed.
    """
    known = voice(tables).select("speaker", "t_ms", *needed).drop_nulls(needed)
    which, heard = events_in(items, known, at="t_ms")
    return heard.drop("speaker").with_columns(pl.Series("row", which))


def usual_level(items: pl.DataFrame, tables: Tables) -> pl.Series:
    """Median level of all voiced frames of each item's speaker, dB."""
    clear = voice(tables).drop_nulls(("semitones", "level_dbfs"))
    level = pl.col("level_dbfs").cast(pl.Float64).median().alias("level")
    own = clear.group_by("speaker").agg(level)
    return items.select("speaker").join(own, on="speaker", how="left", maintain_order="left")[
        "level"
    ]


def frames_in(ms: int) -> int:
    """Frames that `ms` of speech fill."""
    return ms // FRAME_MS
