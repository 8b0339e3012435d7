"""The timeline as a table: what happened in each stretch of the session.

It says what the picture shows, for readers who cannot see it or who want the numbers.
"""

from dataclasses import dataclass

import polars as pl

from pipeline.core.tables import DIARIZATION, MOMENTS, OVERLAPS, SILENCES, TURNS, Tables
from pipeline.report import number_format, quality, voice
from pipeline.report.number_format import MINUTE_MS
from pipeline.report.speakers import People
from pipeline.report.timeline import SHOWN_SILENCE_MS

_STEPS_MS = tuple(minutes * MINUTE_MS for minutes in (1, 2, 5, 10, 15, 30))
_MOST_ROWS = 13


@dataclass(frozen=True)
class Stretch:
    """One row of the table.

    Attributes
    ----------
    cells
        In the order of the table's columns.
    moments
        Number and anchor of each moment that begins here.
    """

    time: str
    cells: tuple[str, ...]
    moments: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Stretches:
    """The table; `columns` are the headings of `Stretch.cells`."""

    columns: tuple[str, ...]
    rows: tuple[Stretch, ...]


def stretches(
    tables: Tables, people: People, duration_ms: int, numbers: dict[int, int]
) -> Stretches:
    """The session in about a dozen stretches of equal length at most.

    Parameters
    ----------
    numbers
        moment_id to the number on its card.
    """
    if not people.lanes:
        return Stretches((), ())
    step_ms = next((s for s in _STEPS_MS if duration_ms / s <= _MOST_ROWS), _STEPS_MS[-1])
    count = max(-(-duration_ms // step_ms), 1)
    columns = {
        **_spoken(tables, people, duration_ms, step_ms, count),
        **_silent(tables, step_ms, count),
        **_overlapping(tables, step_ms, count),
        **_voiced(tables, people, step_ms, count),
    }
    moments = tables.get("moments", MOMENTS.empty()).sort("start_ms", "moment_id")
    begun: list[list[tuple[int, str]]] = [[] for _ in range(count)]
    for moment_id, start_ms in moments.select("moment_id", "start_ms").iter_rows():
        if moment_id in numbers:
            number = numbers[moment_id]
            begun[min(start_ms // step_ms, count - 1)].append((number, f"moment-{number}"))
    rows = tuple(
        Stretch(
            number_format.clock_range(n * step_ms, min((n + 1) * step_ms, duration_ms)),
            tuple(cells[n] for cells in columns.values()),
            tuple(begun[n]),
        )
        for n in range(count)
    )
    return Stretches(tuple(columns), rows)


def _spoken(
    tables: Tables, people: People, duration_ms: int, step_ms: int, count: int
) -> dict[str, list[str]]:
    """Share of each stretch filled by each lane's turns; the last stretch ends with the session."""
    if not quality.ends_known(tables):
        return {}
    lengths_ms = [max(min(step_ms, duration_ms - n * step_ms), 1) for n in range(count)]
    turns = tables.get("turns", TURNS.empty())
    columns = {}
    for person in people.lanes:
        spans = turns.filter(pl.col("speaker").is_in(person.speakers)).select("start_ms", "end_ms")
        filled = [0] * count
        for start, end in spans.iter_rows():
            for n in range(start // step_ms, min(-(-end // step_ms), count)):
                filled[n] += min(end, (n + 1) * step_ms) - max(start, n * step_ms)
        columns[f"{person.name} has the floor"] = [
            number_format.percent(ms / length_ms)
            for ms, length_ms in zip(filled, lengths_ms, strict=True)
        ]
    return columns


def _silent(tables: Tables, step_ms: int, count: int) -> dict[str, list[str]]:
    """Number of silences in each stretch, and the longest; empty if not measured."""
    if not quality.ends_known(tables):
        return {}
    silences = tables.get("silences", SILENCES.empty()).filter(
        (pl.col("length_ms") >= SHOWN_SILENCE_MS) & (pl.col("kind") != "edge")
    )
    cells = ["none"] * count
    for n, number, longest in (
        silences.group_by(pl.col("start_ms") // step_ms)
        .agg(pl.len().alias("n"), pl.col("length_ms").max())
        .iter_rows()
    ):
        cells[min(n, count - 1)] = f"{number}, longest {number_format.length(longest)}"
    return {"Silences of 1 s or longer": cells}


def _overlapping(tables: Tables, step_ms: int, count: int) -> dict[str, list[str]]:
    """Number of overlaps in each stretch; empty if the diarizer does not detect overlap."""
    known = tables.get("diarization", DIARIZATION.empty())["knows_overlap"]
    if known.len() and not known.all():
        return {}
    cells = [0] * count
    for start in tables.get("overlaps", OVERLAPS.empty())["start_ms"]:
        cells[min(start // step_ms, count - 1)] += 1
    return {"Overlaps": [str(n) for n in cells]}


def _voiced(tables: Tables, people: People, step_ms: int, count: int) -> dict[str, list[str]]:
    """The client's median pitch and level, relative to the client's median of the session."""
    client = people.of_role("client")
    if client is None:
        return {}
    columns = {}
    for name, unit, values in (
        ("Client pitch", "semitones", voice.pitches(tables, client)),
        ("Client level", "dB", voice.levels(tables, client)),
    ):
        if voice.enough(values):
            cells = ["not measured"] * count
            for n, middle in (
                values.group_by(pl.col("t_ms") // step_ms)
                .agg(pl.col("value").median(), pl.len().alias("n"))
                .filter(pl.col("n") >= voice.FEWEST_FRAMES)
                .select("t_ms", "value")
                .iter_rows()
            ):
                cells[min(n, count - 1)] = number_format.offset(middle, unit)
            columns[name] = cells
    return columns
