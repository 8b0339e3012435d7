"""Layout of a timeline: turns, overlaps, silences, moments and voice, with their positions.

Positions in time are per cent of the width, so that the page zooms by making the picture wider;
heights are pixels::

    moments      (1)          <2>                 labels
    Therapist   ##  ####   #   ## ###
    overlap        |    |         |
    Client        ##    ##  ##     #  ####
    silences       .     :      |
                00:00     05:00      10:00
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.core.tables import DIARIZATION, MOMENTS, OVERLAPS, SILENCES, TURNS, Tables
from pipeline.core.time import ms_to_clock
from pipeline.report import labels, number_format, voice
from pipeline.report.speakers import People
from pipeline.report.voice import Curve

SHOWN_SILENCE_MS = 1_000
"""Shorter silences are not drawn: they would be invisible at this scale."""

# Sizes in pixels.
_LABEL_ROW = 26
_TURNS = 26
_BACKCHANNEL = 10
_OVERLAPS = 12
_SILENCES = 30
_SHORTEST_BAR = 4
_MOVES = 22
_SPACE = 8
_AXIS = 24
# Share of a picture, in per cent, that a label takes at the smallest width; with many moments a
# label is only its number, or labels would pile up.
_LABEL_WIDTH = 8.0
_NUMBER_WIDTH = 4.2
_MANY = 24
_FLIP_FROM = 93.0

_STEPS_MS = (5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_200_000, 1_800_000)
_MOST_TICKS = 11
_EDGE = 0.015


@dataclass(frozen=True)
class Bar:
    """A rectangle: `x` and `width` in per cent, the rest in pixels."""

    x: str
    width: str
    y: float
    height: float
    css: str
    title: str


@dataclass(frozen=True)
class Lane:
    """One row of the picture."""

    name: str
    note: str
    y: float
    height: float
    css: str
    bars: tuple[Bar, ...] = ()
    curve: Curve | None = None


@dataclass(frozen=True)
class Mark:
    """A moment in the picture: a band across all lanes, and a label that links to its card."""

    number: int
    anchor: str
    kind: str
    code: str
    title: str
    x: str
    width: str
    label_x: str
    label_y: float
    flip: bool


@dataclass(frozen=True)
class Tick:
    """A line of the time axis; `major` ones show their label at every zoom.

    `anchor` keeps the label inside the picture: start, middle or end.
    """

    x: str
    label: str
    major: bool
    anchor: str


@dataclass(frozen=True)
class Timeline:
    """A picture of ``[start_ms, end_ms)``."""

    start_ms: int
    end_ms: int
    top: float
    bottom: float
    height: float
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    summary: str


@dataclass(frozen=True)
class _Window:
    start_ms: int
    end_ms: int

    def x(self, ms: int) -> str:
        return _percent(100 * (ms - self.start_ms) / (self.end_ms - self.start_ms))

    def bar(self, span: tuple[int, int], y: float, height: float, css: str, title: str) -> Bar:
        start, end = max(span[0], self.start_ms), min(span[1], self.end_ms)
        width = _percent(100 * (end - start) / (self.end_ms - self.start_ms))
        return Bar(self.x(start), width, y, height, css, title)

    def of(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.filter((pl.col("end_ms") > self.start_ms) & (pl.col("start_ms") < self.end_ms))


def whole(tables: Tables, people: People, duration_ms: int, numbers: dict[int, int]) -> Timeline:
    """The whole session.

    Parameters
    ----------
    numbers
        moment_id to the number on its card; therapist moves have none and get their own lane.
    """
    window = _Window(0, max(duration_ms, 1))
    marks, top = _marks(tables, window, numbers)
    lanes = _lanes(tables, people, window, top)
    bottom = _below(lanes, top)
    client = people.of_role("client")
    if client is not None:
        for name, curve in (
            ("Client pitch", voice.pitch(tables, client, duration_ms)),
            ("Client level", voice.level(tables, client, duration_ms)),
        ):
            if curve is not None:
                lanes.append(Lane(name, curve.bound, bottom, curve.height, "curve", curve=curve))
                bottom += curve.height + _SPACE
    moves = _moves(tables, window)
    if moves:
        lanes.append(Lane("Moves", "of the therapist", bottom, _MOVES, "moves", moves))
        bottom += _MOVES + _SPACE
    return Timeline(
        start_ms=0,
        end_ms=window.end_ms,
        top=top,
        bottom=bottom,
        height=bottom + _AXIS,
        lanes=tuple(lanes),
        marks=tuple(marks),
        ticks=_ticks(window, minor=True),
        summary=_summary(tables, people, len(marks)),
    )


def excerpt(
    tables: Tables, people: People, start_ms: int, end_ms: int, moment: tuple[int, int, str]
) -> Timeline:
    """The stretch around one moment; `moment` is its start, end and kind."""
    window = _Window(start_ms, end_ms)
    top = float(_SPACE)
    lanes = _lanes(tables, people, window, top)
    bottom = _below(lanes, top)
    began, ended, kind = moment
    band = window.bar((began, ended), 0, 0, kind, "")
    mark = Mark(0, "", kind, "", "", band.x, band.width, band.x, 0, flip=False)
    return Timeline(
        start_ms=start_ms,
        end_ms=end_ms,
        top=0,
        bottom=bottom,
        height=bottom + _AXIS,
        lanes=tuple(lanes),
        marks=(mark,),
        ticks=_ticks(window, minor=False),
        summary=f"Who spoke from {ms_to_clock(start_ms)} to {ms_to_clock(end_ms)}.",
    )


def _lanes(tables: Tables, people: People, window: _Window, top: float) -> list[Lane]:
    """Everyone's turns, overlaps below the first lane, silences last."""
    turns = window.of(tables.get("turns", TURNS.empty()))
    overlaps = _overlaps(tables, window)
    lanes: list[Lane] = []
    y = top
    for index, person in enumerate(people.lanes):
        if index == 1 and overlaps is not None:
            bars = tuple(
                window.bar((start, end), 0, _OVERLAPS, f"o {kind or 'any'}", title)
                for start, end, kind, title in overlaps
            )
            lanes.append(Lane("Overlap", "", y, _OVERLAPS, "overlaps", bars))
            y += _OVERLAPS + _SPACE / 2
        of_person = turns.filter(pl.col("speaker").is_in(person.speakers))
        bars = tuple(
            _turn(window, person.name, (start, end), slight=bool(backchannel))
            for start, end, backchannel in of_person.select(
                "start_ms", "end_ms", "is_backchannel"
            ).iter_rows()
        )
        lanes.append(Lane(person.name, "", y, _TURNS, f"turns {person.role}", bars))
        y += _TURNS + _SPACE / 2
    if people.lanes:
        bars = tuple(_silence_bars(tables, window))
        lanes.append(Lane("Silence", "1 s or longer", y, _SILENCES, "silences", bars))
    return lanes


def _turn(window: _Window, name: str, span: tuple[int, int], *, slight: bool) -> Bar:
    height = _BACKCHANNEL if slight else _TURNS
    title = f"{ms_to_clock(span[0])} {name}, {number_format.length(span[1] - span[0])}"
    return window.bar(span, (_TURNS - height) / 2, height, "", title)


def _overlaps(tables: Tables, window: _Window) -> list[tuple[int, int, str | None, str]] | None:
    """Start, end, kind and title of each; None if the diarizer does not detect overlap."""
    known = tables.get("diarization", DIARIZATION.empty())["knows_overlap"]
    if known.len() and not known.all():
        return None
    rows = window.of(tables.get("overlaps", OVERLAPS.empty())).select("start_ms", "end_ms", "kind")
    return [
        (start, end, kind, f"{ms_to_clock(start)} overlap, {number_format.length(end - start)}"
         + (f", {labels.OVERLAPS[kind]}" if kind else ""))
        for start, end, kind in rows.iter_rows()
    ]  # fmt: skip


def _silence_bars(tables: Tables, window: _Window) -> list[Bar]:
    """Bars whose height grows with the logarithm of the length; 10 s fills the lane."""
    rows = window.of(tables.get("silences", SILENCES.empty())).filter(
        pl.col("length_ms") >= SHOWN_SILENCE_MS
    )
    grown = (pl.col("length_ms") / SHOWN_SILENCE_MS).log10().clip(0, 1)
    height = _SHORTEST_BAR + (_SILENCES - _SHORTEST_BAR) * grown
    bars = []
    for start, end, kind, tall in rows.select(
        "start_ms", "end_ms", "kind", height.round(1)
    ).iter_rows():
        title = f"{ms_to_clock(start)} silence, {number_format.length(end - start)}: "
        bars.append(
            window.bar(
                (start, end), round(_SILENCES - tall, 1), tall, kind, title + labels.SILENCES[kind]
            )
        )
    return bars


def _marks(tables: Tables, window: _Window, numbers: dict[int, int]) -> tuple[list[Mark], float]:
    """Moments with labels in enough rows not to collide, and where the lanes begin."""
    moments = tables.get("moments", MOMENTS.empty()).sort("start_ms", "moment_id")
    many = len(numbers) > _MANY
    ends: list[float] = []
    marks = []
    for row in moments.iter_rows(named=True):
        if row["moment_id"] not in numbers:
            continue
        number = numbers[row["moment_id"]]
        middle = (row["start_ms"] + row["end_ms"]) // 2
        at = 100 * middle / window.end_ms
        level = next((i for i, end in enumerate(ends) if end <= at), len(ends))
        ends[level : level + 1] = [at + (_NUMBER_WIDTH if many else _LABEL_WIDTH)]
        band = window.bar((row["start_ms"], row["end_ms"]), 0, 0, row["kind"], "")
        title = (
            f"Moment {number}, {labels.KINDS[row['kind']]}: {labels.marker(row['marker'])}, "
            f"{number_format.clock_range(row['start_ms'], row['end_ms'])}"
        )
        marks.append(
            Mark(
                number=number,
                anchor=f"moment-{number}",
                kind=row["kind"],
                code="" if many else row["marker"],
                title=title,
                x=band.x,
                width=band.width,
                label_x=window.x(middle),
                label_y=level * _LABEL_ROW + _LABEL_ROW / 2,
                flip=at > _FLIP_FROM,
            )
        )
    return marks, len(ends) * _LABEL_ROW + float(_SPACE)


def _moves(tables: Tables, window: _Window) -> tuple[Bar, ...]:
    moves = tables.get("moments", MOMENTS.empty()).filter(pl.col("kind") == "therapist_move")
    return tuple(
        window.bar((start, end), 0, _MOVES, "move", f"{ms_to_clock(start)} therapist move")
        for start, end in moves.sort("start_ms").select("start_ms", "end_ms").iter_rows()
    )


def _ticks(window: _Window, *, minor: bool) -> tuple[Tick, ...]:
    length = window.end_ms - window.start_ms
    step = next((s for s in _STEPS_MS if length / s <= _MOST_TICKS), _STEPS_MS[-1])
    fine = max(step // 5, _STEPS_MS[4]) if minor and step > _STEPS_MS[4] else step
    first = -(-window.start_ms // fine) * fine
    ticks = []
    for at in range(first, window.end_ms + 1, fine):
        share = (at - window.start_ms) / length
        anchor = "start" if share < _EDGE else "end" if share > 1 - _EDGE else "middle"
        ticks.append(Tick(window.x(at), ms_to_clock(at), major=at % step == 0, anchor=anchor))
    return tuple(ticks)


def _below(lanes: Sequence[Lane], top: float) -> float:
    return max((lane.y + lane.height for lane in lanes), default=top) + _SPACE


def _summary(tables: Tables, people: People, moments: int) -> str:
    silences = tables.get("silences", SILENCES.empty())
    shown = silences.filter(pl.col("length_ms") >= SHOWN_SILENCE_MS).height
    turns = tables.get("turns", TURNS.empty())
    spoken = ", ".join(
        f"{person.name} {number_format.count(n, 'turn')}"
        for person in people.lanes
        for n in [turns.filter(pl.col("speaker").is_in(person.speakers)).height]
    )
    return (
        f"The session from left to right. {spoken or 'No speech'}; "
        f"{number_format.count(shown, 'silence')} of 1 s or longer; "
        f"{number_format.count(moments, 'suggested moment')}. "
        "The cards below say the same in words."
    )


def _percent(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") + "%"
