"""The queue: the moments of all sessions with their decisions, filtered and sorted.

Results of a session are read once and kept in memory until its run manifest changes. So a thousand
sessions are shown quickly, and a run in another process is noticed on the next page. This is only a
cache: it can be dropped at any time.
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
    """A suggested moment as the queue shows it.

    Attributes
    ----------
    moment_id
        Valid for the stored results; a later run may number moments differently.
    response
        The therapist's response; None: it could not be assessed.
    observed
        The headline; may quote the session.
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
        """Identifies the moment on a page, so that newer results are noticed."""
        return f"{self.kind}:{self.start_ms}:{self.end_ms}"


@dataclass(frozen=True)
class Session:
    """A processed session.

    Attributes
    ----------
    moments
        Withdrawal and confrontation, in order of time; therapist moves are never in the queue.
    profile
        Name of the settings it was processed with.
    stamp
        Time (ns) and inode of the run manifest; differs after every run.
    """

    recording: Recording
    moments: tuple[Moment, ...]
    profile: str
    stamp: tuple[int, int]

    @property
    def title(self) -> str:
        """Its title: pseudonym and session number, as far as they are known."""
        return title(self.recording)

    @property
    def metadata(self) -> Metadata:
        """Metadata from the session notes file or the command line."""
        return self.recording.metadata


@dataclass(frozen=True)
class Row:
    """A moment of the queue with its decisions.

    Attributes
    ----------
    verdicts
        Decisions of all reviewers, or those that one reviewer may see (`seen_by`).
    """

    session: Session
    moment: Moment
    verdicts: tuple[Verdict, ...]

    def of(self, reviewer: str) -> Verdict | None:
        """The decision of this reviewer; None: not decided."""
        return next((v for v in self.verdicts if v.reviewer == reviewer), None)

    def seen_by(self, reviewer: str) -> "Row":
        """The row as this reviewer may see it: others' decisions only after their own."""
        return self if self.of(reviewer) else replace(self, verdicts=())


@dataclass(frozen=True)
class Filter:
    """The filter of the queue; an empty text means all. Dates are ISO 8601."""

    kind: str = ""
    marker: str = ""
    client: str = ""
    therapist: str = ""
    session: str = ""
    since: str = ""
    until: str = ""
    status: Status = "undecided"

    def takes(self, row: Row) -> bool:
        """Whether a moment matches, whatever its status."""
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
        """Whether a moment has the wanted status for this reviewer."""
        decided = row.of(reviewer) is not None
        return self.status == "all" or decided == (self.status == "decided")

    @property
    def query(self) -> dict[str, str]:
        """The parts that differ from the defaults, for a link."""
        return {
            name: value for name, value in vars(self).items() if value != getattr(_DEFAULTS, name)
        }

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Filter":
        """The filter in the query of a link; unknown names and invalid values are ignored."""
        known = {name: given[name].strip() for name in vars(_DEFAULTS) if given.get(name)}
        if known.get("status") not in STATUSES:
            known.pop("status", None)
        for name in ("since", "until"):
            if not _is_date(known.get(name, "")):
                known.pop(name, None)
        return replace(_DEFAULTS, **known)  # type: ignore[arg-type]  # status was checked


_DEFAULTS = Filter()


@dataclass(frozen=True)
class Queue:
    """The rows that match a filter, strongest evidence first.

    Attributes
    ----------
    rows
        Rows of every status, so that positions stay the same while a reviewer decides.
    """

    filter: Filter
    reviewer: str
    rows: tuple[Row, ...]

    @cached_property
    def shown(self) -> tuple[Row, ...]:
        """The rows with the wanted status."""
        return tuple(row for row in self.rows if self.filter.wants(row, self.reviewer))

    @cached_property
    def undecided(self) -> int:
        """The number of rows that this reviewer has not decided."""
        return sum(row.of(self.reviewer) is None for row in self.rows)

    def neighbours(self, moment: Moment) -> tuple[Row | None, Row | None]:
        """The shown rows before and after this moment; None at the ends."""
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
    """The decisions in a session that one reviewer may see.

    Reviewers see others' decisions on a moment only after deciding it themselves, and what others
    added or decided elsewhere in the session only after deciding all its moments.

    Attributes
    ----------
    rows
        The moments of the session.
    loose
        Decisions that belong to no suggested moment: the reviewer's own and, unless `blind`, those
        of others.
    blind
        The reviewer still has moments to decide here; or there are none, and they added none.
    """

    rows: tuple[Row, ...]
    loose: tuple[Verdict, ...]
    blind: bool


class Index:
    """All processed sessions of a workspace, as their run manifests describe them now."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._store, self._ledger = store, ledger
        self._read_of: dict[str, tuple[tuple[int, int], Session | None]] = {}
        self._sessions: tuple[Session, ...] = ()
        self._verdicts: tuple[int, dict[str, list[Verdict]]] = (-1, {})
        self._rows: tuple[object, object, tuple[Row, ...]] = (None, None, ())
        self._lock = threading.Lock()

    def sessions(self) -> tuple[Session, ...]:
        """Every fully processed session; damaged ones are left out."""
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
        """Number of sessions that could not be read: damaged, or from another version."""
        return sum(session is None for _, session in self._read_of.values())

    def session(self, name: str) -> Session:
        """The session whose short id is `name`.

        Raises
        ------
        InputError
            There is no such session.
        """
        for session in self.sessions():
            if session.recording.short_id == name:
                return session
        raise InputError("no such session in this workspace", hint="go back to the queue")

    def verdicts(self) -> Mapping[str, list[Verdict]]:
        """All entries of the ledger by recording, oldest first."""
        latest = self._ledger.latest()
        with self._lock:
            if self._verdicts[0] != latest:
                by_recording: dict[str, list[Verdict]] = {}
                for verdict in self._ledger.all():
                    by_recording.setdefault(verdict.recording_id, []).append(verdict)
                self._verdicts = (latest, by_recording)
            return self._verdicts[1]

    def attached(self, session: Session) -> Attached:
        """The decisions of all reviewers in a session; pages use `seen` instead."""
        return attach(session.moments, self.verdicts().get(session.recording.recording_id, ()))

    def seen(self, session: Session, reviewer: str) -> Seen:
        """The decisions in a session that this reviewer may see."""
        attached = self.attached(session)
        rows = tuple(row.seen_by(reviewer) for row in _rows(session, attached))
        own = tuple(v for v in attached.loose if v.reviewer == reviewer)
        undecided = any(row.of(reviewer) is None for row in rows)
        blind = undecided or not (rows or own)
        return Seen(rows, own if blind else attached.loose, blind)

    def queue(self, wanted: Filter, reviewer: str) -> Queue:
        """Moments that match `wanted`, strongest evidence first, as this reviewer may see them."""
        sessions, verdicts = self.sessions(), self.verdicts()
        old_sessions, old_verdicts, rows = self._rows
        if old_sessions is not sessions or old_verdicts is not verdicts:
            every = (row for each in sessions for row in _rows(each, self.attached(each)))
            rows = tuple(sorted(every, key=_order))
            self._rows = (sessions, verdicts, rows)
        taken = (row.seen_by(reviewer) for row in rows if wanted.takes(row))
        return Queue(wanted, reviewer, tuple(taken))

    def _seen(self, name: str) -> tuple[int, int] | None:
        try:
            manifest = (self._store.session(name) / "walk.json").stat()
        except OSError:
            return None  # not fully processed
        return manifest.st_mtime_ns, manifest.st_ino

    def _read(self, name: str, stamp: tuple[int, int]) -> Session | None:
        try:
            manifest = read_manifest(name, self._store)
            slot = dict(manifest.slots).get("moments")
            if slot is None:
                return None
            shelf = self._store.shelf(manifest.recording.recording_id, [("moments", slot)])
            tables = {name: shelf[name] for name in ("hits", "moments")}
        except (InputError, StoreError):
            return None  # damaged, or from another version: the other sessions are shown
        observed = cards.observed(tables)
        ruptures = tables["moments"].filter(pl.col("kind") != "therapist_move")
        moments = [
            Moment(
                manifest.recording.recording_id,
                row["moment_id"],
                row["kind"],
                row["marker"],
                row["start_ms"],
                row["end_ms"],
                row["score"],
                row["response"],
                observed[row["moment_id"]],
            )
            for row in ruptures.sort("start_ms", "moment_id").iter_rows(named=True)
        ]
        return Session(manifest.recording, tuple(moments), manifest.provenance.profile, stamp)


def _rows(session: Session, attached: Attached) -> tuple[Row, ...]:
    verdicts = attached.moments
    return tuple(
        Row(session, moment, verdicts.get(place, ()))
        for place, moment in enumerate(session.moments)
    )


def clock(moment: Moment) -> str:
    """Start and end of a moment, as text."""
    return number_format.clock_range(moment.start_ms, moment.end_ms)


def choices(sessions: Iterable[Session]) -> dict[str, list[str]]:
    """The choices of the filter: clients, therapists and markers that occur."""
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
