"""The table that a run prints: one row per session, on a terminal or in a log.

Nothing here knows a file: the caller passes the label of each session, and where its report lies.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO

import polars as pl

from pipeline.report import names
from pipeline.report.people import people
from pipeline.tables import KINDS, MOMENTS, TURNS, Recording, Tables
from pipeline.timebase import ms_to_clock

_HEADINGS = ("session", "length", "withdrawal", "confrontation", "strongest", "caveats", "status")
_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# So that a terminal of 80 columns folds the words and keeps the rest.
_LEAST_WIDTHS = {"session": 10, "strongest": 16, "status": 12}
_SHORT = {"withdrawal": "W", "confrontation": "C"}
_NUMBERS = ("length", "withdrawal", "confrontation", "caveats")


@dataclass(frozen=True)
class Strongest:
    """The moment of a session with the highest score."""

    kind: str
    marker: str
    start_ms: int
    score: float


@dataclass(frozen=True)
class SessionSummary:
    """One session in a line.

    Attributes
    ----------
    label
        What the caller calls the session: a pseudonym, an id or, on a terminal, a name.
    status
        "done", "unchanged", "failed" or what else the caller says.
    duration_ms
        None where the recording could not be read.
    moments
        Number of moments by kind; None where none could be looked for.
    strongest
        None where there is no moment.
    caveats
        Number of caveats on all moments.
    note
        What to know before trusting the row: "roles unknown", or why it failed.
    report
        Where the report lies, as the caller wants it shown.
    """

    label: str
    status: str
    duration_ms: int | None = None
    moments: Mapping[str, int] | None = field(default=None)
    strongest: Strongest | None = None
    caveats: int = 0
    note: str = ""
    report: str = ""


def summarize(
    recording: Recording, tables: Tables, *, label: str, status: str = "done", report: str = ""
) -> SessionSummary:
    """The line of a session whose tables are finished."""
    moments = tables.get("moments", MOMENTS.empty())
    turns = tables.get("turns", TURNS.empty())
    note = ""
    if turns.is_empty():
        note = "no speech"
    elif not people(tables, recording.metadata).known:
        note = "roles unknown"
    elif turns["text"].null_count() == turns.height:
        note = "timing only"
    ranked = moments.filter(pl.col("kind") != "therapist_move").sort(
        "score", "start_ms", descending=[True, False]
    )
    first = next(ranked.iter_rows(named=True), None)
    return SessionSummary(
        label=label,
        status=status,
        duration_ms=recording.duration_ms,
        moments=None
        if note in {"no speech", "roles unknown"}
        else {kind: moments.filter(pl.col("kind") == kind).height for kind in KINDS},
        strongest=None
        if first is None
        else Strongest(first["kind"], first["marker"], first["start_ms"], first["score"]),
        caveats=int(moments["caveats"].list.len().sum()),
        note=note,
        report=report,
    )


def write(summaries: Sequence[SessionSummary], stream: TextIO) -> None:
    """Print the table: drawn on a terminal, plain aligned text elsewhere."""
    if not stream.isatty():
        stream.write(as_text(summaries))
        return
    # Imported here: a run that writes to a log needs none of it.
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in _HEADINGS:
        table.add_column(
            _SHORT.get(heading, heading),
            justify="right" if heading in _NUMBERS else "left",
            overflow="fold",
            no_wrap=heading in _NUMBERS,
            min_width=_LEAST_WIDTHS.get(heading),
        )
    for summary in summaries:
        # Text, not markup: a label may hold brackets.
        table.add_row(*(Text(cell) for cell in _cells(summary)))
    console = Console(file=stream)
    console.print(table)
    console.print("W candidate withdrawal, C candidate confrontation", style="dim")
    for line in _places(summaries):
        console.print(Text(line), soft_wrap=True)


def as_text(summaries: Sequence[SessionSummary]) -> str:
    """The table as aligned plain text, a line per session, then where the reports lie."""
    rows = [_HEADINGS, *(_cells(summary) for summary in summaries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [
        "  ".join(
            cell.rjust(width) if heading in _NUMBERS else cell.ljust(width)
            for heading, cell, width in zip(_HEADINGS, row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, *_places(summaries)]) + "\n"


def _cells(summary: SessionSummary) -> tuple[str, ...]:
    counts = ["-", "-"]
    if summary.moments is not None:
        counts = [str(summary.moments.get(kind, 0)) for kind in ("withdrawal", "confrontation")]
    strongest = "-"
    if summary.strongest is not None:
        marker = summary.strongest.marker
        strongest = f"{ms_to_clock(summary.strongest.start_ms)} {marker} {names.marker(marker)}"
    status = f"{summary.status}, {summary.note}" if summary.note else summary.status
    duration = "-" if summary.duration_ms is None else ms_to_clock(summary.duration_ms)
    cells = (summary.label, duration, *counts, strongest, str(summary.caveats), status)
    return tuple(printable(cell) for cell in cells)


def _places(summaries: Sequence[SessionSummary]) -> list[str]:
    shown = [summary for summary in summaries if summary.report]
    return [printable(f"report of {summary.label}: {summary.report}") for summary in shown]


def printable(text: str) -> str:
    """Without controls, which could move a terminal's cursor or turn the direction of writing."""
    return "".join(
        "\ufffd" if unicodedata.category(c) == "Cc" or c in _DIRECTIONS else c for c in text
    )
