"""Small charts of talk, silences and response times. They describe; none of them is a score."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from pipeline.core.tables import DIARIZATION, OVERLAPS, SILENCES, SPANS, TURNS, Tables
from pipeline.report import labels, number_format
from pipeline.report.speakers import People
from pipeline.report.timeline import SHOWN_SILENCE_MS

# Ends of the scales; values beyond them are drawn at the end.
_SILENCE_EDGE_MS = 30_000
_SILENCE_TICKS_MS = (1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000)
_LATENCY_FROM_MS = -2_000
_LATENCY_TO_MS = 6_000
_LATENCY_TICKS_MS = (-2_000, -1_000, 0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000)

_SWITCHES = (
    ("therapist", "therapist"),
    ("therapist", "client"),
    ("client", "client"),
    ("client", "therapist"),
)


@dataclass(frozen=True)
class Share:
    """One lane's share of all speech."""

    name: str
    role: str
    x: str
    width: str
    percent: str
    time: str


@dataclass(frozen=True)
class Row:
    """Values of one kind along a line: one stroke each, the median longer.

    Attributes
    ----------
    places
        Where the values lie, in per cent of the width.
    median, middle_x, middle_width
        Where the median and the middle half lie; empty without values.
    words
        The same in words.
    """

    name: str
    css: str
    places: tuple[str, ...]
    median: str
    middle_x: str
    middle_width: str
    words: str


@dataclass(frozen=True)
class Strip:
    """Rows on one scale."""

    rows: tuple[Row, ...]
    ticks: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ComingIn:
    """How often one person came in while another was speaking.

    Attributes
    ----------
    counts
        Number of overlaps of each kind, in the order of `labels.OVERLAPS`, then of unclear ones.
    """

    name: str
    role: str
    counts: tuple[int, ...]


def shares(tables: Tables, people: People) -> tuple[Share, ...]:
    """Share of speech by lane, from spans of speech, or from turns where there are none."""
    spans = tables.get("spans", SPANS.empty()).filter("regular")
    speech = spans if spans.height else tables.get("turns", TURNS.empty())
    spoken = [
        (
            person,
            int(
                speech.filter(pl.col("speaker").is_in(person.speakers))
                .select((pl.col("end_ms") - pl.col("start_ms")).sum())
                .item()
            ),
        )
        for person in people.lanes
    ]
    total = sum(ms for _, ms in spoken)
    if not total:
        return ()
    placed, before = [], 0
    for person, ms in spoken:
        placed.append(
            Share(
                person.name,
                person.role,
                _place(before / total),
                _place(ms / total),
                number_format.percent(ms / total),
                number_format.length(ms),
            )
        )
        before += ms
    return tuple(placed)


def silences(tables: Tables, people: People) -> Strip:
    """Silences of 1 s or longer by who spoke before and after, on a logarithmic scale."""
    shown = tables.get("silences", SILENCES.empty()).filter(
        (pl.col("length_ms") >= SHOWN_SILENCE_MS) & (pl.col("kind") != "edge")
    )
    rows = []
    if people.known:
        for before, after in _SWITCHES:
            chosen = shown.filter(
                (pl.col("before_role") == before) & (pl.col("after_role") == after)
            )
            name = f"{before.capitalize()} \u2192 {after}"
            rows.append(_row(name, f"{before}-{after}", chosen["length_ms"], _silence_place))
    else:
        same = pl.col("before_speaker") == pl.col("after_speaker")
        rows.append(_row("Same speaker", "any", shown.filter(same)["length_ms"], _silence_place))
        rows.append(
            _row("Between speakers", "any", shown.filter(~same)["length_ms"], _silence_place)
        )
    ticks = tuple((_place(_silence_place(ms)), f"{ms // 1000}") for ms in _SILENCE_TICKS_MS)
    return Strip(tuple(rows), ticks)


def latencies(tables: Tables, people: People) -> Strip:
    """Response times: from the end of the other's turn to the start of one's own.

    Backchannels are left out.
    """
    turns = tables.get("turns", TURNS.empty()).filter(
        pl.col("latency_ms").is_not_null() & ~pl.col("is_backchannel").fill_null(value=False)
    )
    rows = []
    for person in people.lanes:
        latencies_ms = turns.filter(pl.col("speaker").is_in(person.speakers))["latency_ms"]
        rows.append(_row(f"{person.name} answers", person.role, latencies_ms, _latency_place))
    ticks = tuple((_place(_latency_place(ms)), f"{ms // 1000}") for ms in _LATENCY_TICKS_MS)
    return Strip(tuple(rows), ticks)


def coming_in(tables: Tables, people: People) -> tuple[ComingIn, ...]:
    """Overlaps by who came in; empty if the diarizer does not detect overlapping speech."""
    if not tables.get("diarization", DIARIZATION.empty())["knows_overlap"].any():
        return ()
    overlaps = tables.get("overlaps", OVERLAPS.empty())
    rows = []
    for person in people.lanes:
        kinds = overlaps.filter(pl.col("other").is_in(person.speakers))["kind"]
        known = tuple(int((kinds == kind).sum()) for kind in labels.OVERLAPS)
        rows.append(ComingIn(person.name, person.role, (*known, kinds.null_count())))
    return tuple(rows) if overlaps.height else ()


def _row(name: str, css: str, values: pl.Series, place: Callable[[float], float]) -> Row:
    ordered = values.sort().to_list()
    if not ordered:
        return Row(name, css, (), "", "", "", "none")
    low, middle, high = (float(values.quantile(q, "linear") or 0) for q in (0.25, 0.5, 0.75))
    return Row(
        name=name,
        css=css,
        places=tuple(dict.fromkeys(_place(place(ms)) for ms in ordered)),
        median=_place(place(middle)),
        middle_x=_place(place(low)),
        middle_width=_place(place(high) - place(low)),
        words=(
            f"{len(ordered):,}, median {number_format.length(middle)}, "
            f"longest {number_format.length(ordered[-1])}"
        ),
    )


def _silence_place(ms: float) -> float:
    inside = min(max(ms, SHOWN_SILENCE_MS), _SILENCE_EDGE_MS)
    return math.log(inside / SHOWN_SILENCE_MS) / math.log(_SILENCE_EDGE_MS / SHOWN_SILENCE_MS)


def _latency_place(ms: float) -> float:
    inside = min(max(ms, _LATENCY_FROM_MS), _LATENCY_TO_MS)
    return (inside - _LATENCY_FROM_MS) / (_LATENCY_TO_MS - _LATENCY_FROM_MS)


def _place(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0") + "%"
