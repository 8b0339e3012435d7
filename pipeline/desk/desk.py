"""The actions of a reviewer at the desk, without pages and requests."""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import polars as pl

from pipeline.core.errors import InputError
from pipeline.core.tables import HITS
from pipeline.core.vocabulary import MARKERS
from pipeline.desk.audio_stream import Listening, Listenings
from pipeline.desk.ingest import Adding, Listed
from pipeline.desk.queue import Index, Moment, Session, clock
from pipeline.session import SessionResult, intake, reopen
from pipeline.session.intake import Source
from pipeline.session.workbench import Workbench
from pipeline.workspace.catalogue import Failure, path_hash
from pipeline.workspace.verdicts import Ledger, Verdict, attach, check_marker, standing
from pipeline.workspace.verdicts.verdict import Decision

SHOWN = (
    *("media", "diarization", "transcription", "turns", "silences", "overlaps", "roles"),
    *("quality", "hits", "moments", "set_aside"),
)
"""Tables that pages need; words and measures, the largest, are not read."""
_KEPT = 4
"""Sessions whose tables stay in memory: those opened last."""


class Desk:
    """One workspace with its decisions, for all reviewers.

    Parameters
    ----------
    bench
        The workspace, and the settings used when roles are corrected or recordings are added.
    folders
        Folders from which recordings may be added, besides those that the catalogue knows.
    now
        Returns the current time, with its time zone.
    """

    def __init__(
        self,
        bench: Workbench,
        folders: tuple[Path, ...] = (),
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self.bench = bench
        self.settings = bench.settings.review
        self.ledger = Ledger(bench.store.workspace)
        self.index = Index(bench.store, self.ledger)
        self._listenings = Listenings(self.settings.heard_at_once)
        self._now = now
        places = [entry.path.parent for entry in bench.catalogue.entries()]
        self.adding = Adding(
            bench.settings,
            bench.store.workspace,
            bench.profile,
            bench.options,
            (*folders, *places),
            self._note_failed,
        )
        self._opened = lru_cache(_KEPT)(self._open)

    def close(self) -> None:
        """Stop a run, free scratch files and close the databases."""
        self.adding.stop()
        self._listenings.close()
        self.ledger.close()
        self.bench.catalogue.close()

    def recordings(self) -> list[Listed]:
        """Recordings that are not in the queue; those that failed have a reason."""
        shown = {session.recording.recording_id for session in self.index.sessions()}
        entries = self.bench.catalogue.entries()
        known = [entry.path for entry in entries if entry.recording_id in shown]
        return self.adding.listed(known, self.bench.catalogue.failures())

    def opened(self, session: Session) -> SessionResult:
        """A session with the tables that pages need."""
        return self._opened(session.recording.recording_id, session.stamp)

    def with_voice(self, session: Session) -> SessionResult:
        """A session with the tables `spans` and `frames`, too, for the curves of the timeline."""
        processed = self.opened(session)
        curves = reopen(
            session.recording.recording_id, self.bench.store, ("spans", "frames")
        ).tables
        return replace(processed, tables={**processed.tables, **curves})

    def sound(self, session: Session) -> Listening:
        """The audio of a session.

        Raises
        ------
        InputError
            The session is a transcript without audio.
        """
        recording = session.recording
        if not recording.channels:
            raise InputError("this session is a transcript without audio")

        def begin() -> Listening:
            return Listening(
                lambda: self._source(session),
                recording.channels,
                recording.duration_ms,
                self.bench.store,
                self.settings.ahead_ms,
                self.opened(session).tables["media"]["factors"][0],
            )

        return self._listenings.of(recording.recording_id, begin)

    def moment(self, session: Session, moment_id: int, mark: str | None = None) -> Moment:
        """A moment of a session.

        Parameters
        ----------
        mark
            The moment's mark on the page (`Moment.mark`); None: any.

        Raises
        ------
        InputError
            There is no such moment, or the session was processed again since the page was loaded.
        """
        for moment in session.moments:
            if moment.moment_id == moment_id and mark in (None, moment.mark):
                return moment
        raise InputError(
            "this moment no longer exists: the session was processed again",
            hint="reload the page; decisions are kept",
        )

    def decide(
        self,
        session: Session,
        moment: Moment,
        reviewer: str,
        decision: Decision,
        *,
        kind: str | None = None,
        marker: str | None = None,
        salience: int | None = None,
        note: str = "",
    ) -> Verdict:
        """Store a reviewer's decision on a moment; it replaces their earlier one.

        Parameters
        ----------
        kind, marker
            The reviewer's own codes. None: as flagged. A marker alone sets its kind; the other kind
            alone has no marker.
        salience
            1 to 5; None: not given.

        Raises
        ------
        InputError
            The marker belongs to the other kind, or another value is not valid.
        """
        place = session.moments.index(moment)
        earlier = self.index.attached(session).moments.get(place, ())
        before = next((v for v in earlier if v.reviewer == reviewer), None)
        check_marker(kind, marker)
        if decision == "reject":
            kind = marker = None
        elif marker is not None:
            kind = MARKERS[marker]
        elif kind in (None, moment.kind):
            kind, marker = moment.kind, moment.marker
        return self.ledger.append(
            Verdict(
                moment.recording_id,
                moment.start_ms,
                moment.end_ms,
                decision,
                reviewer,
                self._now(),
                moment.kind,
                moment.marker,
                self._evidence(session, moment),
                kind,
                marker,
                salience,
                note,
                before.verdict_id if before else None,
            )
        )

    def add_missed(
        self,
        session: Session,
        reviewer: str,
        span: tuple[int, int],
        kind: str,
        marker: str | None,
        salience: int | None = None,
        note: str = "",
        replaces: int | None = None,
    ) -> Verdict:
        """Store a missed moment.

        Parameters
        ----------
        span
            Start and end in ms.
        replaces
            The entry by which this reviewer added the moment before; None: it is new.

        Raises
        ------
        InputError
            The moment does not lie within the recording or is already flagged, or `replaces` is not
            a standing missed moment of this reviewer.
        """
        start_ms, end_ms = span
        if end_ms > session.recording.duration_ms:
            raise InputError("this stretch lies beyond the end of the recording")
        if replaces is not None:
            self._own_standing(replaces, reviewer, "added")
        added = Verdict(
            session.recording.recording_id,
            start_ms,
            end_ms,
            "added",
            reviewer,
            self._now(),
            kind=kind,
            marker=marker,
            salience=salience,
            note=note,
            replaces=replaces,
        )
        flagged = attach(session.moments, [added]).moments
        if flagged:
            at = clock(session.moments[min(flagged)])
            raise InputError(
                f"this stretch is already a suggested moment, at {at}", hint="decide it there"
            )
        return self.ledger.append(added)

    def undo(self, verdict_id: int, reviewer: str) -> Verdict:
        """Undo a decision: a new entry restores what it had replaced.

        Raises
        ------
        InputError
            It is not a standing decision of this reviewer.
        """
        entries = {entry.verdict_id: entry for entry in self.ledger.all()}
        last = self._own_standing(verdict_id, reviewer)
        before = entries.get(last.replaces)
        again = before or last.but(decision="retracted")
        return self.ledger.append(
            again.but(replaces=verdict_id, decided_at=self._now(), verdict_id=None)
        )

    def _own_standing(self, verdict_id: int, reviewer: str, *decisions: Decision) -> Verdict:
        entries = self.ledger.all()
        last = next((e for e in entries if e.verdict_id == verdict_id), None)
        if (
            last is None
            or last.reviewer != reviewer
            or (decisions and last.decision not in decisions)
            or last not in standing(e for e in entries if e.recording_id == last.recording_id)
        ):
            raise InputError("this decision was replaced or undone", hint="reload the page")
        return last

    def mend_roles(self, session: Session, roles: Mapping[str, str]) -> SessionResult:
        """Correct who is who, and apply the rules again; later runs keep the correction."""
        return self.bench.correct(session.recording.recording_id, roles, self._now())

    def swapped(self, session: Session) -> dict[str, str]:
        """The known roles with therapist and client swapped, which corrects the usual mix-up.

        Of two speakers of whom one is known, the other gets the other role.
        """
        known: dict[str, str] = dict(
            self.opened(session).tables["roles"].select("speaker", "role").iter_rows()
        )
        other = {"therapist": "client", "client": "therapist"}
        return {speaker: other[role] for speaker, role in known.items() if role in other}

    def _note_failed(self, path: Path, reason: str, exit_code: int) -> None:
        now = self._now()
        failure = Failure(path_hash(path), path, 1, None, reason, exit_code, now, now, times=1)
        self.bench.catalogue.failed(failure)

    def _open(self, recording_id: str, _stamp: object) -> SessionResult:
        return reopen(recording_id, self.bench.store, SHOWN)

    def _source(self, session: Session) -> Source:
        entry = self.bench.catalogue.find(session.recording.recording_id)
        source = intake.read(
            intake.Named(entry.path, entry.path.parent),
            consent=False,
            limits=self.bench.settings.intake,
        )
        if source.recording_id != session.recording.recording_id:
            raise InputError(
                "the recording was replaced by another file", hint="run `tether run` on it"
            )
        return source

    def _evidence(self, session: Session, moment: Moment) -> str:
        """The rules behind a moment with observed numbers, as JSON; no words of the session."""
        tables = self.opened(session).tables
        row = tables["moments"].filter(moment_id=moment.moment_id).row(0, named=True)
        ids = [*row["primary_hits"], *row["supporting_hits"]]
        hits = tables.get("hits", HITS.empty()).filter(pl.col("hit_id").is_in(ids))
        evidence = {
            "score": round(moment.score, 4),
            "profile": session.profile,
            "hits": [
                {
                    "rule": hit["rule"],
                    "marker": hit["marker"],
                    "primary": hit["primary"],
                    "start_ms": hit["start_ms"],
                    "end_ms": hit["end_ms"],
                    "clauses": [
                        {"condition": clause["condition"], "held": clause["held"]}
                        | {"observed": _numbers(clause["observed"])}
                        for clause in hit["clauses"]
                    ],
                }
                for hit in hits.iter_rows(named=True)
            ],
        }
        return json.dumps(evidence)


def _numbers(observed: str | None) -> dict[str, float]:
    return {
        name: value
        for name, value in json.loads(observed or "{}").items()
        if isinstance(value, int | float)
    }
