"""The queue: the moments of all sessions with what was decided, filtered and in order.

What a walk left is read once and kept in memory, for as long as the note of that walk stays the
same; so a thousand sessions are at hand at once, and a run beside the desk is seen at the next
look. Nothing here is a second truth: it can be thrown away at any time.
"""

import datetime as dt
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import polars as pl

from pipeline.core.errors import InputError, StoreError
from pipeline.core.spelling import SHORT_ID
from pipeline.core.tables import Metadata, Recording
from pipeline.report import cards, number_format, title
from pipeline.session import read_manifest
from pipeline.workspace.store import Store
from pipeline.workspace.verdicts import Attached, Ledger, Verdict, attach

Status = Literal["all", "undecided", "decided"]
STATUSES: tuple[Status, ...] = ("undecided", "decided", "all")


@dataclass(frozen=True)
class Moment:
    """A candidate moment as the queue shows it.

    Attributes
    ----------
    moment_id
        Of the walk that is kept now; another walk may number them otherwise.
    observed
        One sentence; it may quote the session.
    """

    recording_id: str
    moment_id: int
    kind: str
    marker: str
    start_ms: int
    end_ms: int
    score: float
    response: str | None
    observed: str

    @property
    def mark(self) -> str:
        """What a page says of the moment that it shows, so that a newer walk is noticed."""
        return f"{self.kind}:{self.start_ms}:{self.end_ms}"


@dataclass(frozen=True)
class Session:
    """A walked session.

    Attributes
    ----------
    moments
        Withdrawal and confrontation, in order of time; a therapist's moves are never in a queue.
    stamp
        Differs after every walk.
    """

    recording: Recording
    moments: tuple[Moment, ...]
    profile: str
    stamp: tuple[int, int]

    @property
    def title(self) -> str:
        """What it is called: by pseudonym and number, or by what there is of them."""
        return title(self.recording)

    @property
    def metadata(self) -> Metadata:
        """What its sidecar said."""
        return self.recording.metadata


@dataclass(frozen=True)
class Row:
    """A moment of the queue with what reviewers say of it.

    Attributes
    ----------
    verdicts
        Of all reviewers, or those that one reviewer may see (`seen_by`).
    """

    session: Session
    moment: Moment
    verdicts: tuple[Verdict, ...]

    def of(self, reviewer: str) -> Verdict | None:
        """What this reviewer decided; None: nothing yet."""
        return next((v for v in self.verdicts if v.reviewer == reviewer), None)

    def seen_by(self, reviewer: str) -> "Row":
        """As this reviewer may see it: without other reviewers' verdicts before their own."""
        return self if self.of(reviewer) else replace(self, verdicts=())


@dataclass(frozen=True)
class Filter:
    """What a reviewer wants to see; an empty text means all."""

    kind: str = ""
    marker: str = ""
    client: str = ""
    therapist: str = ""
    session: str = ""
    since: str = ""
    until: str = ""
    status: Status = "undecided"

    def takes(self, row: Row) -> bool:
        """Whether a moment is of what was asked for, whatever was decided of it."""
        stated = row.session.metadata
        day = stated.date.isoformat() if stated.date else ""
        return (
            (not self.kind or row.moment.kind == self.kind)
            and (not self.marker or row.moment.marker == self.marker)
            and (not self.client or stated.client == self.client)
            and (not self.therapist or stated.therapist == self.therapist)
            and (not self.session or row.moment.recording_id.startswith(self.session))
            and (not self.since or day >= self.since)
            and (not self.until or (bool(day) and day <= self.until))
        )

    def wants(self, row: Row, reviewer: str) -> bool:
        """Whether it is of what was asked for, by what this reviewer decided, too."""
        decided = row.of(reviewer) is not None
        return self.status == "all" or decided == (self.status == "decided")

    @property
    def query(self) -> dict[str, str]:
        """Its parts that differ from what is usual, for a link."""
        return {name: value for name, value in vars(self).items() if value != getattr(_USUAL, name)}

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Filter":
        """From the query of a link; what is unknown there is passed over."""
        known = {name: given[name].strip() for name in vars(_USUAL) if given.get(name)}
        if known.get("status") not in STATUSES:
            known.pop("status", None)
        for name in ("since", "until"):
            if not _is_date(known.get(name, "")):
                known.pop(name, None)
        return replace(_USUAL, **known)  # type: ignore[arg-type]  # status was looked at


_USUAL = Filter()


@dataclass(frozen=True)
class Queue:
    """All rows that a filter takes, those of the highest score first.

    Attributes
    ----------
    rows
        Whatever was decided of them, so that a place in the queue stays while one decides.
    """

    filter: Filter
    reviewer: str
    rows: tuple[Row, ...]

    @cached_property
    def shown(self) -> tuple[Row, ...]:
        """Those with the status that was asked for."""
        return tuple(row for row in self.rows if self.filter.wants(row, self.reviewer))

    @cached_property
    def undecided(self) -> int:
        """How many this reviewer has not decided."""
        return sum(row.of(self.reviewer) is None for row in self.rows)

    def neighbours(self, moment: Moment) -> tuple[Row | None, Row | None]:
        """The moments before and after this one among those that are shown."""
        before: Row | None = None
        passed = False
        for row in self.rows:
            if row.moment == moment:
                passed = True
            elif self.filter.wants(row, self.reviewer):
                if passed:
                    return before, row
                before = row
        return before, None


@dataclass(frozen=True)
class Seen:
    """What one reviewer may see of what was decided in a session.

    Nobody sees what others decided of a moment before they have decided it themselves, nor what
    others added or decided elsewhere in the session before they have decided all its moments.

    Attributes
    ----------
    rows
        The moments of the session.
    loose
        Verdicts that no moment answers to: the reviewer's own, and those of others once `blind` is
        over.
    blind
        The reviewer has moments to decide here; or there are none, and they added none.
    """

    rows: tuple[Row, ...]
    loose: tuple[Verdict, ...]
    blind: bool


class Index:
    """All walked sessions of a workspace, as their notes have them now."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._store, self._ledger = store, ledger
        self._read_of: dict[str, tuple[tuple[int, int], Session | None]] = {}
        self._sessions: tuple[Session, ...] = ()
        self._verdicts: tuple[int, dict[str, list[Verdict]]] = (-1, {})
        self._rows: tuple[object, object, tuple[Row, ...]] = (None, None, ())
        self._lock = threading.Lock()

    def sessions(self) -> tuple[Session, ...]:
        """Every session that was walked to the end; a damaged one is left out."""
        with self._lock:
            known: dict[str, tuple[tuple[int, int], Session | None]] = {}
            for name in self._store.sessions():
                seen = self._seen(name)
                if seen is not None:
                    old = self._read_of.get(name)
                    known[name] = old if old and old[0] == seen else (seen, self._read(name, seen))
            if known != self._read_of:
                self._read_of = known
                self._sessions = tuple(session for _, session in known.values() if session)
            return self._sessions

    @property
    def closed(self) -> int:
        """Sessions that could not be read at the last look: damaged, or of another version."""
        return sum(session is None for _, session in self._read_of.values())

    def session(self, name: str) -> Session:
        """The session whose short id is `name`.

        Raises
        ------
        InputError
            There is none.
        """
        for session in self.sessions():
            if session.recording.short_id == name:
                return session
        raise InputError("no such session in this workspace", hint="look into the queue again")

    def verdicts(self) -> Mapping[str, list[Verdict]]:
        """All entries of the ledger by recording, oldest first."""
        latest = self._ledger.latest()
        with self._lock:
            if self._verdicts[0] != latest:
                found: dict[str, list[Verdict]] = {}
                for verdict in self._ledger.all():
                    found.setdefault(verdict.recording_id, []).append(verdict)
                self._verdicts = (latest, found)
            return self._verdicts[1]

    def attached(self, session: Session) -> Attached:
        """What all reviewers decided in a session: for decisions, never for a page."""
        return attach(session.moments, self.verdicts().get(session.recording.recording_id, ()))

    def seen(self, session: Session, reviewer: str) -> Seen:
        """What a reviewer may see of what was decided in a session."""
        attached = self.attached(session)
        rows = tuple(row.seen_by(reviewer) for row in _rows(session, attached))
        own = tuple(v for v in attached.loose if v.reviewer == reviewer)
        undecided = any(row.of(reviewer) is None for row in rows)
        blind = undecided or not (rows or own)
        return Seen(rows, own if blind else attached.loose, blind)

    def queue(self, wanted: Filter, reviewer: str) -> Queue:
        """Moments of all sessions that `wanted` takes, by score, as a reviewer may see them."""
        sessions, verdicts = self.sessions(), self.verdicts()
        made_of, said, rows = self._rows
        if made_of is not sessions or said is not verdicts:
            every = (row for each in sessions for row in _rows(each, self.attached(each)))
            rows = tuple(sorted(every, key=_order))
            self._rows = (sessions, verdicts, rows)
        taken = (row.seen_by(reviewer) for row in rows if wanted.takes(row))
        return Queue(wanted, reviewer, tuple(taken))

    def _seen(self, name: str) -> tuple[int, int] | None:
        try:
            found = (self._store.session(name) / "walk.json").stat()
        except OSError:
            return None  # not walked to the end
        return found.st_mtime_ns, found.st_ino

    def _read(self, name: str, stamp: tuple[int, int]) -> Session | None:
        try:
            note = read_manifest(name, self._store)
            slot = dict(note.slots).get("moments")
            if slot is None:
                return None
            shelf = self._store.shelf(note.recording.recording_id, [("moments", slot)])
            tables = {name: shelf[name] for name in ("hits", "moments")}
        except (InputError, StoreError):
            return None  # damaged, or of another version: the others are shown
        observed = cards.observed(tables)
        found = tables["moments"].filter(pl.col("kind") != "therapist_move")
        moments = [
            Moment(
                note.recording.recording_id,
                row["moment_id"],
                row["kind"],
                row["marker"],
                row["start_ms"],
                row["end_ms"],
                row["score"],
                row["response"],
                observed[row["moment_id"]],
            )
            for row in found.sort("start_ms", "moment_id").iter_rows(named=True)
        ]
        return Session(note.recording, tuple(moments), note.provenance.profile, stamp)


def _rows(session: Session, attached: Attached) -> tuple[Row, ...]:
    said = attached.moments
    return tuple(
        Row(session, moment, said.get(place, ())) for place, moment in enumerate(session.moments)
    )


def clock(moment: Moment) -> str:
    """From when to when, for people."""
    return number_format.clock_range(moment.start_ms, moment.end_ms)


def choices(sessions: Iterable[Session]) -> dict[str, list[str]]:
    """What can be filtered by: clients, therapists and markers that there are."""
    sessions = list(sessions)
    clients = {s.metadata.client for s in sessions} - {None}
    therapists = {s.metadata.therapist for s in sessions} - {None}
    markers = {moment.marker for session in sessions for moment in session.moments}
    return {
        "client": sorted(map(str, clients)),
        "therapist": sorted(map(str, therapists)),
        "marker": sorted(markers),
    }


def _order(row: Row) -> tuple[float, str, int]:
    return -row.moment.score, row.moment.recording_id[:SHORT_ID], row.moment.start_ms


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True
