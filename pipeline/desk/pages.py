"""What pages show, in words and places, before any of it is HTML."""

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import polars as pl

from pipeline.core.tables import Tables
from pipeline.core.time import ms_to_clock
from pipeline.core.vocabulary import RUPTURES
from pipeline.desk.queue import Filter, Queue
from pipeline.report import labels, number_format
from pipeline.report.speakers import People
from pipeline.report.timeline import SHOWN_SILENCE_MS
from pipeline.session import SessionResult

DECISIONS = {
    "confirm": "confirmed",
    "reject": "rejected",
    "unsure": "unsure",
    "added": "added",
}
"""What a verdict is called in a list."""

MARKERS = {
    kind: {code: name for code, name in labels.MARKERS.items() if code.startswith(letter)}
    for kind, letter in (("withdrawal", "W"), ("confrontation", "C"))
}
"""Markers of the 3RS that a reviewer can choose, by kind."""


@dataclass(frozen=True)
class Line:
    """A turn of the transcript, or a silence between turns.

    Attributes
    ----------
    text
        None: no words were recognised.
    within
        Mostly in the moment that the page is about.
    """

    start_ms: int
    end_ms: int
    clock: str
    machine_time: str
    name: str
    role: str
    text: str | None
    slight: bool
    within: bool


@dataclass(frozen=True)
class Channel:
    """A channel that can be muted."""

    number: int
    name: str


def transcript(
    tables: Tables, people: People, span: tuple[int, int], within: tuple[int, int] | None = None
) -> list[Line]:
    """Turns that touch ``span``, and silences of a second and more, in order of time."""
    start_ms, end_ms = span
    inside = (pl.col("end_ms") > start_ms) & (pl.col("start_ms") < end_ms)
    lines = []
    by_speaker = people.by_speaker
    for turn in tables["turns"].filter(inside).iter_rows(named=True):
        person = by_speaker[turn["speaker"]]
        lines.append(
            _line(
                (turn["start_ms"], turn["end_ms"]),
                person.name,
                person.role,
                turn["text"],
                within,
                slight=bool(turn["is_backchannel"]),
            )
        )
    long = (pl.col("length_ms") >= SHOWN_SILENCE_MS) & (pl.col("kind") != "edge")
    for silence in tables["silences"].filter(inside & long).iter_rows(named=True):
        place = (silence["start_ms"], silence["end_ms"])
        text = f"{number_format.length(silence['length_ms'])} of silence"
        lines.append(_line(place, "", "silence", text, within, slight=True))
    return sorted(lines, key=lambda line: (line.start_ms, line.end_ms))


def _line(
    place: tuple[int, int],
    name: str,
    role: str,
    text: str | None,
    moment: tuple[int, int] | None,
    *,
    slight: bool,
) -> Line:
    shared = min(place[1], moment[1]) - max(place[0], moment[0]) if moment else 0
    return Line(
        place[0],
        place[1],
        ms_to_clock(place[0]),
        number_format.machine_time(place[0]),
        name,
        role,
        text,
        slight,
        2 * shared >= place[1] - place[0],
    )


def channels(processed: SessionResult, people: People) -> list[Channel]:
    """Channels by the person whose they are; none where there is but one."""
    count = processed.recording.channels
    if count < 2:  # noqa: PLR2004  # one channel cannot be muted apart
        return []
    found = []
    for number in range(1, count + 1):
        person = people.by_speaker.get(f"channel {number}")
        found.append(Channel(number, person.name if person else f"Channel {number}"))
    return found


def links(queue: Queue, page_size: int, page: int) -> list[tuple[str, str, bool]]:
    """Pages of the queue: number, link, and whether it is the one that is shown."""
    last = max(1, -(-len(queue.shown) // page_size))
    near = sorted({1, last, *range(max(1, page - 2), min(last, page + 2) + 1)})
    return [(str(n), link("/", queue.filter, page=n), n == page) for n in near]


def link(path: str, wanted: Filter, **more: object) -> str:
    """A link that keeps what is filtered by."""
    query = urlencode(wanted.query | {name: str(value) for name, value in more.items()})
    return f"{path}?{query}" if query else path


def counts(queue: Queue) -> dict[str, int]:
    """Moments of the queue by kind, and how many are undecided."""
    return {
        "all": len(queue.rows),
        "undecided": queue.undecided,
        "decided": len(queue.rows) - queue.undecided,
        **{kind: sum(row.moment.kind == kind for row in queue.rows) for kind in RUPTURES},
    }


def offers(roles: Iterable[Mapping[str, Any]]) -> list[tuple[str, dict[str, str]]]:
    """Ways to say who the therapist is with one click: of two speakers, either.

    Parameters
    ----------
    roles
        Rows of the table `roles`.
    """
    speakers = [row["speaker"] for row in roles]
    if len(speakers) != 2:  # noqa: PLR2004  # of three, nobody knows what the third would be
        return []
    first, second = speakers
    return [
        (first, {first: "therapist", second: "client"}),
        (second, {second: "therapist", first: "client"}),
    ]


def said(tables: Tables) -> dict[str, str]:
    """The begin of what each speaker said at some length, so that one knows them again.

    The first turn that is no shorter than their usual one; empty where no words are known.
    """
    turns = tables["turns"].filter(pl.col("text").is_not_null())
    long = turns.filter(pl.col("n_words") >= pl.col("n_words").median().over("speaker"))
    first = long.group_by("speaker", maintain_order=True).agg(pl.col("text").first())
    quoted: dict[str, str] = dict(first.iter_rows())
    spoken = tables["turns"]["speaker"].unique()
    return dict.fromkeys(spoken, "") | {who: shortened(text) for who, text in quoted.items()}


def shortened(text: str) -> str:
    """As much of a text as fits on a line or two."""
    return textwrap.shorten(text, _QUOTE_LENGTH, placeholder=" …")


_QUOTE_LENGTH = 90
