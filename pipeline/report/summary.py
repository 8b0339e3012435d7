"""The table that a run prints: one row for each session, on a terminal or in a log.

This module knows no files: the caller gives each session's label and the place of its report.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO

import polars as pl

from pipeline.core.spelling import printable
from pipeline.core.tables import MOMENTS, TURNS, Recording, Tables
from pipeline.core.time import ms_to_clock
from pipeline.core.vocabulary import MOMENT_KINDS
from pipeline.report import labels
from pipeline.report.quality import is_cut_off
from pipeline.report.speakers import people

_INPUT = ("no", "path")
_HEADINGS = ("session", "length", "withdrawal", "confrontation", "strongest", "caveats", "status")
# On a terminal of 80 columns words are folded and the rest is kept.
_LEAST_WIDTHS = {"session": 10, "strongest": 16, "status": 12}
_SHORT = {"withdrawal": "W", "confrontation": "C"}
_NUMBERS = ("no", "length", "withdrawal", "confrontation", "caveats")


@dataclass(frozen=True)
class Strongest:
    """The suggested moment with the highest score of a session."""

    kind: str
    marker: str
    start_ms: int
    score: float


@dataclass(frozen=True)
class SessionSummary:
    """One session, as a row of the table.

    Attributes
    ----------
    label
        The caller's name for the session: a pseudonym, an id or, on a terminal, a file name.
    status
        "done", "unchanged", "failed" or another word of the caller.
    duration_ms
        None: the recording could not be read.
    moments
        Number of moments by kind; None: moments could not be looked for.
    strongest
        None: there is no moment.
    caveats
        Number of caveats on all moments.
    note
        What to know before trusting the row: "roles unknown", or why it failed.
    report
        Place of the report, as the caller wants it shown.
    number
        Position of the file in the run; None: not shown.
    path_hash
        Stands for the path of the file; empty: not shown.
    """

    label: str
    status: str
    duration_ms: int | None = None
    moments: Mapping[str, int] | None = field(default=None)
    strongest: Strongest | None = None
    caveats: int = 0
    note: str = ""
    report: str = ""
    number: int | None = None
    path_hash: str = ""


def summarize(
    recording: Recording, tables: Tables, *, label: str, status: str = "done", report: str = ""
) -> SessionSummary:
    """The row of a session whose tables are complete."""
    moments = tables.get("moments", MOMENTS.empty())
    turns = tables.get("turns", TURNS.empty())
    note = ""
    if turns.is_empty():
        note = "no speech"
    elif not people(tables, recording.metadata).known:
        note = "roles unknown"
    elif turns["text"].null_count() == turns.height:
        note = "timing only"
    if is_cut_off(tables):
        note = ", ".join(filter(None, (note, "cut off")))
    ranked = moments.filter(pl.col("kind") != "therapist_move").sort(
        "score", "start_ms", descending=[True, False]
    )
    first = next(ranked.iter_rows(named=True), None)
    return SessionSummary(
        label=label,
        status=status,
        duration_ms=recording.duration_ms,
        moments=None
        if note.startswith(("no speech", "roles unknown"))
        else {kind: moments.filter(pl.col("kind") == kind).height for kind in MOMENT_KINDS},
        strongest=None
        if first is None
        else Strongest(first["kind"], first["marker"], first["start_ms"], first["score"]),
        caveats=int(moments["caveats"].list.len().sum()),
        note=note,
        report=report,
    )


def write(summaries: Sequence[SessionSummary], stream: TextIO) -> None:
    """Print the table: drawn on a terminal, aligned plain text elsewhere."""
    if not stream.isatty():
        stream.write(as_text(summaries))
        return
    # Imported here: a run that writes to a log does not need it.
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    headings, *rows = _rows(summaries)
    for heading in headings:
        table.add_column(
            _SHORT.get(heading, heading),
            justify="right" if heading in _NUMBERS else "left",
            overflow="fold",
            no_wrap=heading in _NUMBERS,
            min_width=_LEAST_WIDTHS.get(heading),
        )
    for row in rows:
        # Text, not markup: a label may contain brackets.
        table.add_row(*(Text(cell) for cell in row))
    console = Console(file=stream)
    console.print(table)
    console.print("W possible withdrawal, C possible confrontation", style="dim")
    for line in _places(summaries):
        console.print(Text(line), soft_wrap=True)


def as_text(summaries: Sequence[SessionSummary]) -> str:
    """The table as aligned plain text, a line for each session, then the places of the reports."""
    rows = _rows(summaries)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if heading in _NUMBERS else cell.ljust(width)
            for heading, cell, width in zip(rows[0], row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, *_places(summaries)]) + "\n"


def _rows(summaries: Sequence[SessionSummary]) -> list[tuple[str, ...]]:
    """Headings, then the cells of each session; columns that no session fills are left out."""
    rows = [(*_INPUT, *_HEADINGS), *(_cells(summary) for summary in summaries)]
    empty = [n for n in range(len(_INPUT)) if not any(row[n] for row in rows[1:])]
    return [tuple(cell for n, cell in enumerate(row) if n not in empty) for row in rows]


def _cells(summary: SessionSummary) -> tuple[str, ...]:
    counts = ["-", "-"]
    if summary.moments is not None:
        counts = [str(summary.moments.get(kind, 0)) for kind in ("withdrawal", "confrontation")]
    strongest = "-"
    if summary.strongest is not None:
        marker = summary.strongest.marker
        strongest = f"{ms_to_clock(summary.strongest.start_ms)} {marker} {labels.marker(marker)}"
    status = f"{summary.status}, {summary.note}" if summary.note else summary.status
    duration = "-" if summary.duration_ms is None else ms_to_clock(summary.duration_ms)
    number = "" if summary.number is None else str(summary.number)
    named = (number, summary.path_hash, summary.label)
    cells = (*named, duration, *counts, strongest, str(summary.caveats), status)
    return tuple(printable(cell) for cell in cells)


def _places(summaries: Sequence[SessionSummary]) -> list[str]:
    shown = [summary for summary in summaries if summary.report]
    return [printable(f"report of {summary.label}: {summary.report}") for summary in shown]
