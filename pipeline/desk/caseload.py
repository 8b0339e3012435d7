"""The caseload: what was found and decided of each client, session after session.

Each reviewer has a caseload: what others decided counts in it where this reviewer has decided, too
(`queue.Seen`). A moment counts once, however many decided it; nothing is added up to a number of a
session, and nothing is said of therapists. The picture of a client stands on a line of time, one
column a session and kind::

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
    "added": "Missed, added",
}
"""What can have become of a moment, and what it is called."""

_SHADES = {
    "confirm": "sure",
    "added": "sure",
    "unsure": "open",
    "undecided": "open",
    "differ": "open",
    "reject": "rejected",
}
_STEP, _BAR, _UNIT, _HIGHEST, _FOOT = 76, 22, 14, 84, 36
"""Pixels: from session to session, width of a column; height of a moment, at most, of labels."""


@dataclass(frozen=True)
class Visit:
    """A session in a client's row.

    Attributes
    ----------
    counts
        Moments by kind, then by what became of them, in the order of `STATES`.
    found
        How many of a kind and a state there are; missed moments are among them.
    """

    session: Session
    name: str
    counts: Mapping[str, int]
    found: Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Block:
    """Moments of one kind and state in the picture; places in pixels."""

    kind: str
    state: str
    x: int
    y: float
    width: int
    height: float
    title: str


@dataclass(frozen=True)
class Picture:
    """A client's moments over time.

    Attributes
    ----------
    labels
        Place, name and day of each session.
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
        Link to their moments; empty where there is no pseudonym to filter by.
    """

    name: str
    visits: tuple[Visit, ...]
    queue: str

    @property
    def picture(self) -> Picture:
        """Moments over time."""
        most = max((_count(visit, kind) for visit in self.visits for kind in RUPTURES), default=0)
        unit = min(_UNIT, _HIGHEST / max(most, 1))
        base_y = round(most * unit) + 4
        blocks = tuple(_blocks(self.visits, unit, base_y))
        labels = tuple(
            (_STEP * number + _STEP // 2, visit.name, str(visit.session.metadata.date or ""))
            for number, visit in enumerate(self.visits)
        )
        told = "; ".join(
            f"session {v.name}: "
            + ", ".join(f"{v.counts[kind]} {kind}" for kind in RUPTURES)
            + f", {v.counts['confirm']} confirmed, {v.counts['added']} added"
            for v in self.visits
        )
        width = _STEP * len(self.visits)
        summary = f"Moments over time. {told}"
        return Picture(width, base_y + _FOOT, base_y, blocks, labels, summary)


def clients(index: Index, reviewer: str) -> list[Client]:
    """Every client as a reviewer may see them, by pseudonym; sessions without one come last."""
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
    found = Counter((row.moment.kind, _state(row)) for row in seen.rows)
    added = Counter((str(v.kind), "added") for v in seen.loose if v.decision == "added")
    counts = {
        **{kind: sum(n for (own, _), n in found.items() if own == kind) for kind in RUPTURES},
        **{state: sum(n for (_, own), n in found.items() if own == state) for state in STATES},
        "added": added.total(),
    }
    number = session.metadata.session_number
    name = str(number) if number is not None else session.recording.short_id[:6]
    return Visit(session, name, counts, found + added)


def _state(row: Row) -> str:
    # What somebody had added as missed and is flagged now was confirmed beforehand.
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
                count = visit.found.get((kind, state), 0)
                if count:
                    y -= count * unit
                    title = f"Session {visit.name}, {kind}: {count} {STATES[state].lower()}"
                    shade = _SHADES[state]
                    yield Block(kind, shade, x, round(y, 1), _BAR, round(count * unit, 1), title)


def _count(visit: Visit, kind: str) -> int:
    return sum(count for (own, _), count in visit.found.items() if own == kind)


def _when(session: Session) -> tuple[int, str, str]:
    stated = session.metadata
    return stated.session_number or 0, str(stated.date or ""), session.recording.recording_id
