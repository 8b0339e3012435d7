"""The content of pages, before it becomes HTML."""

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
"""Names of decisions in lists."""

MARKERS = {
    kind: {code: name for code, name in labels.MARKERS.items() if code.startswith(letter)}
    for kind, letter in (("withdrawal", "W"), ("confrontation", "C"))
}
"""3RS markers that a reviewer can choose, by kind."""


@dataclass(frozen=True)
class Line:
    """A turn of the transcript, or a silence between turns.

    Attributes
    ----------
    text
        None: no words were recognised.
    slight
        A backchannel or a silence, shown less prominently.
    within
        At least half of it lies in the moment that the page shows.
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
    """Turns and silences of 1 s or longer that touch ``span`` (ms), in order of time."""
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
    """Channels, named by their speaker; an empty list if there is only one."""
    count = processed.recording.channels
    if count < 2:  # noqa: PLR2004  # a single channel holds every speaker
        return []
    result = []
    for number in range(1, count + 1):
        person = people.by_speaker.get(f"channel {number}")
        result.append(Channel(number, person.name if person else f"Channel {number}"))
    return result


def links(queue: Queue, page_size: int, page: int) -> list[tuple[str, str, bool]]:
    """Pages of the queue: number, link, and whether it is the current one."""
    last = max(1, -(-len(queue.shown) // page_size))
    near = sorted({1, last, *range(max(1, page - 2), min(last, page + 2) + 1)})
    return [(str(n), link("/", queue.filter, page=n), n == page) for n in near]


def link(path: str, wanted: Filter, **more: object) -> str:
    """A link that keeps the filter."""
    query = urlencode(wanted.query | {name: str(value) for name, value in more.items()})
    return f"{path}?{query}" if query else path


def counts(queue: Queue) -> dict[str, int]:
    """Numbers of moments in the queue: all, undecided, decided, and by kind."""
    return {
        "all": len(queue.rows),
        "undecided": queue.undecided,
        "decided": len(queue.rows) - queue.undecided,
        **{kind: sum(row.moment.kind == kind for row in queue.rows) for kind in RUPTURES},
    }


def offers(roles: Iterable[Mapping[str, Any]]) -> list[tuple[str, dict[str, str]]]:
    """Choices that name the therapist with one click: either of two speakers.

    Parameters
    ----------
    roles
        Rows of the table `roles`.
    """
    speakers = [row["speaker"] for row in roles]
    if len(speakers) != 2:  # noqa: PLR2004  # the role of a third is not known
        return []
    first, second = speakers
    return [
        (first, {first: "therapist", second: "client"}),
        (second, {second: "therapist", first: "client"}),
    ]


def quotes(tables: Tables) -> dict[str, str]:
    """A quote from each speaker, to recognise them by.

    The first turn that is no shorter than their median turn; empty if no words were recognised.
    """
    turns = tables["turns"].filter(pl.col("text").is_not_null())
    long = turns.filter(pl.col("n_words") >= pl.col("n_words").median().over("speaker"))
    first = long.group_by("speaker", maintain_order=True).agg(pl.col("text").first())
    texts: dict[str, str] = dict(first.iter_rows())
    speakers = tables["turns"]["speaker"].unique()
    return dict.fromkeys(speakers, "") | {who: shortened(text) for who, text in texts.items()}


def shortened(text: str) -> str:
    """The beginning of a text, at most 90 characters, cut at a word."""
    return textwrap.shorten(text, _QUOTE_LENGTH, placeholder=" …")


_QUOTE_LENGTH = 90
