"""The caseload: suggested moments and decisions by client and session.

Each reviewer has their own caseload: another reviewer's decision on a moment counts once this
reviewer has decided it, too (`queue.Seen`). A moment counts once, however many decided it. There is
no total for a session, and nothing about therapists. Each client has a chart with one column per
session and kind::

        +--+
        |  |  rejected        dashed
        +--+
        |::|  open            pale
        |##|  confirmed       full
    ----+--+---------------
         7     8     9        sessions in order
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.core.vocabulary import RUPTURES
from pipeline.desk import pages
from pipeline.desk.queue import Filter, Index, Row, Seen, Session

STATES = {
    "undecided": "Undecided",
    "confirm": "Confirmed",
    "reject": "Rejected",
    "unsure": "Unsure",
    "differ": "Reviewers differ",
    "added": "Added as missed",
}
"""States of a moment, with their names on the page."""

_SHADES = {
    "confirm": "sure",
    "added": "sure",
    "unsure": "open",
    "undecided": "open",
    "differ": "open",
    "reject": "rejected",
}
_STEP, _BAR, _UNIT, _HIGHEST, _FOOT = 76, 22, 14, 84, 36
"""Pixels: width of a session and of a column; height of a moment, of the tallest column and of the
labels."""


@dataclass(frozen=True)
class Visit:
    """A session of a client.

    Attributes
    ----------
    counts
        Number of moments of each kind, then of each state, in the order of `STATES`.
    states
        Number of moments of each kind and state, missed moments included.
    """

    session: Session
    name: str
    counts: Mapping[str, int]
    states: Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Block:
    """Moments of one kind and state in the chart; positions and sizes in pixels."""

    kind: str
    state: str
    x: int
    y: float
    width: int
    height: float
    title: str


@dataclass(frozen=True)
class Picture:
    """The chart of a client's moments over time; positions and sizes in pixels.

    Attributes
    ----------
    labels
        Horizontal position, name and date of each session.
    """

    width: int
    height: int
    base_y: int
    blocks: tuple[Block, ...]
    labels: tuple[tuple[int, str, str], ...]
    summary: str


@dataclass(frozen=True)
class Client:
    """A client with their sessions in order.

    Attributes
    ----------
    queue
        Link to their moments; empty without a pseudonym to filter by.
    """

    name: str
    visits: tuple[Visit, ...]
    queue: str

    @property
    def picture(self) -> Picture:
        """The chart of moments over time."""
        most = max((_count(visit, kind) for visit in self.visits for kind in RUPTURES), default=0)
        unit = min(_UNIT, _HIGHEST / max(most, 1))
        base_y = round(most * unit) + 4
        blocks = tuple(_blocks(self.visits, unit, base_y))
        labels = tuple(
            (_STEP * number + _STEP // 2, visit.name, str(visit.session.metadata.date or ""))
            for number, visit in enumerate(self.visits)
        )
        sessions = "; ".join(
            f"session {v.name}: "
            + ", ".join(f"{v.counts[kind]} {kind}" for kind in RUPTURES)
            + f", {v.counts['confirm']} confirmed, {v.counts['added']} added"
            for v in self.visits
        )
        width = _STEP * len(self.visits)
        summary = f"Moments over time. {sessions}"
        return Picture(width, base_y + _FOOT, base_y, blocks, labels, summary)


def clients(index: Index, reviewer: str) -> list[Client]:
    """All clients by pseudonym, as this reviewer may see them; those without one come last."""
    by_client: dict[str, list[Session]] = {}
    for session in index.sessions():
        by_client.setdefault(session.metadata.client or "", []).append(session)
    return [
        Client(
            name or "No pseudonym",
            tuple(
                _visit(each, index.seen(each, reviewer))
                for each in sorted(by_client[name], key=_when)
            ),
            pages.link("/", Filter(client=name, status="all")) if name else "",
        )
        for name in sorted(by_client, key=lambda name: (not name, name))
    ]


def _visit(session: Session, seen: Seen) -> Visit:
    flagged = Counter((row.moment.kind, _state(row)) for row in seen.rows)
    added = Counter((str(v.kind), "added") for v in seen.loose if v.decision == "added")
    counts = {
        **{kind: sum(n for (of, _), n in flagged.items() if of == kind) for kind in RUPTURES},
        **{state: sum(n for (_, of), n in flagged.items() if of == state) for state in STATES},
        "added": added.total(),
    }
    number = session.metadata.session_number
    name = str(number) if number is not None else session.recording.short_id[:6]
    return Visit(session, name, counts, flagged + added)


def _state(row: Row) -> str:
    # A moment that was added as missed and is flagged now counts as confirmed.
    decisions = {"confirm" if v.decision == "added" else v.decision for v in row.verdicts}
    if not decisions:
        return "undecided"
    return "differ" if len(decisions) > 1 else min(decisions)


def _blocks(visits: tuple[Visit, ...], unit: float, base_y: int) -> Iterator[Block]:
    for number, visit in enumerate(visits):
        for place, kind in enumerate(RUPTURES):
            x = _STEP * number + _STEP // 2 - _BAR - 1 + place * (_BAR + 2)
            y = float(base_y)
            for state in ("confirm", "added", "differ", "unsure", "undecided", "reject"):
                count = visit.states.get((kind, state), 0)
                if count:
                    y -= count * unit
                    title = f"Session {visit.name}, {kind}: {count} {STATES[state].lower()}"
                    shade = _SHADES[state]
                    yield Block(kind, shade, x, round(y, 1), _BAR, round(count * unit, 1), title)


def _count(visit: Visit, kind: str) -> int:
    return sum(count for (of, _), count in visit.states.items() if of == kind)


def _when(session: Session) -> tuple[int, str, str]:
    stated = session.metadata
    return stated.session_number or 0, str(stated.date or ""), session.recording.recording_id
