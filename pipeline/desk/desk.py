"""What a reviewer does at the desk, apart from pages and requests."""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import polars as pl

from pipeline import session
from pipeline.core.errors import InputError
from pipeline.core.tables import HITS
from pipeline.core.vocabulary import MARKERS
from pipeline.desk.audio_stream import Listening, Listenings
from pipeline.desk.ingest import Adding, Listed
from pipeline.desk.queue import Index, Moment, Session, clock
from pipeline.session import SessionResult, intake
from pipeline.session.intake import Source
from pipeline.session.workbench import Workbench
from pipeline.workspace.catalogue import Failure, path_hash
from pipeline.workspace.verdicts import Ledger, Verdict, attach, check_marker, standing
from pipeline.workspace.verdicts.verdict import Decision

SHOWN = (
    *("media", "diarization", "transcription", "turns", "silences", "overlaps", "roles"),
    *("quality", "hits", "moments", "set_aside"),
)
"""Tables that pages show; those that grow fastest, words and measures, are not among them."""
_KEPT = 4
"""Sessions whose tables stay in memory: the one that is looked at, and those just before."""


class Desk:
    """One workspace with its verdicts, for all reviewers.

    Parameters
    ----------
    bench
        With the settings by which roles that are mended run again.
    folders
        Where recordings may lie that are added, beside the folders that the catalogue knows.
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
        """Free what is held: scratch files, a run at work, the databases."""
        self.adding.stop()
        self._listenings.close()
        self.ledger.close()
        self.bench.catalogue.close()

    def recordings(self) -> list[Listed]:
        """Recordings that are not in the queue, those that failed among them with their reasons."""
        shown = {found.recording.recording_id for found in self.index.sessions()}
        entries = self.bench.catalogue.entries()
        known = [entry.path for entry in entries if entry.recording_id in shown]
        return self.adding.listed(known, self.bench.catalogue.failures())

    def opened(self, found: Session) -> SessionResult:
        """A session with the tables that pages show."""
        return self._opened(found.recording.recording_id, found.stamp)

    def with_voice(self, found: Session) -> SessionResult:
        """A session with what its client's curves are drawn of, for the picture of the whole."""
        processed = self.opened(found)
        curves = session.reopen(
            found.recording.recording_id, self.bench.store, ("spans", "frames")
        ).tables
        return replace(processed, tables={**processed.tables, **curves})

    def sound(self, found: Session) -> Listening:
        """The sound of a session.

        Raises
        ------
        InputError
            It is a transcript without audio.
        """
        recording = found.recording
        if not recording.channels:
            raise InputError("there is no sound: this session is a transcript")

        def begin() -> Listening:
            return Listening(
                lambda: self._source(found),
                recording.channels,
                recording.duration_ms,
                self.bench.store,
                self.settings.ahead_ms,
                self.opened(found).tables["media"]["factors"][0],
            )

        return self._listenings.of(recording.recording_id, begin)

    def moment(self, found: Session, moment_id: int, mark: str | None = None) -> Moment:
        """A moment of a session.

        Parameters
        ----------
        mark
            What the page said of it; None: any.

        Raises
        ------
        InputError
            There is none, or the session was run again since the page was loaded.
        """
        for moment in found.moments:
            if moment.moment_id == moment_id and mark in (None, moment.mark):
                return moment
        raise InputError(
            "this moment is not there any more: the session was run again meanwhile",
            hint="load the page again; verdicts are kept",
        )

    def decide(
        self,
        found: Session,
        moment: Moment,
        reviewer: str,
        decision: Decision,
        *,
        kind: str | None = None,
        marker: str | None = None,
        salience: int | None = None,
        note: str = "",
    ) -> Verdict:
        """Keep what a reviewer decided of a moment, in place of what they had decided before.

        Parameters
        ----------
        kind, marker
            As the reviewer sees it. None: as it was flagged; a marker alone brings its kind, and
            another kind alone has no marker.

        Raises
        ------
        InputError
            The marker belongs to the other kind, or something else cannot have been decided.
        """
        place = found.moments.index(moment)
        said = self.index.attached(found).moments.get(place, ())
        before = next((v for v in said if v.reviewer == reviewer), None)
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
                self._evidence(found, moment),
                kind,
                marker,
                salience,
                note,
                before.verdict_id if before else None,
            )
        )

    def add_missed(
        self,
        found: Session,
        reviewer: str,
        span: tuple[int, int],
        kind: str,
        marker: str | None,
        salience: int | None = None,
        note: str = "",
        replaces: int | None = None,
    ) -> Verdict:
        """Keep a moment that was missed.

        Parameters
        ----------
        replaces
            The entry by which this reviewer added it before; None: it is new.

        Raises
        ------
        InputError
            It does not lie within the recording, or is flagged already, or what it replaces is no
            missed moment of this reviewer that stands.
        """
        start_ms, end_ms = span
        if end_ms > found.recording.duration_ms:
            raise InputError("a stretch beyond the end of the recording")
        if replaces is not None:
            self._own_standing(replaces, reviewer, "added")
        added = Verdict(
            found.recording.recording_id,
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
        flagged = attach(found.moments, [added]).moments
        if flagged:
            at = clock(found.moments[min(flagged)])
            raise InputError(
                f"this stretch is a candidate already, at {at}", hint="give your verdict there"
            )
        return self.ledger.append(added)

    def undo(self, verdict_id: int, reviewer: str) -> Verdict:
        """Take a verdict back: what it had replaced stands again, by a new entry.

        Raises
        ------
        InputError
            It is not a standing verdict of this reviewer.
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
            raise InputError("this verdict does not stand any more", hint="load the page again")
        return last

    def mend_roles(self, found: Session, roles: Mapping[str, str]) -> SessionResult:
        """Say who is who; every later run obeys. Rules run again."""
        return self.bench.correct(found.recording.recording_id, roles, self._now())

    def swapped(self, found: Session) -> dict[str, str]:
        """Roles with therapist and client the other way round: the usual mix-up.

        Of two speakers of whom one is known, the other gets the other role.
        """
        known: dict[str, str] = dict(
            self.opened(found).tables["roles"].select("speaker", "role").iter_rows()
        )
        other = {"therapist": "client", "client": "therapist"}
        return {speaker: other[role] for speaker, role in known.items() if role in other}

    def _note_failed(self, path: Path, reason: str, exit_code: int) -> None:
        now = self._now()
        failure = Failure(path_hash(path), path, 1, None, reason, exit_code, now, now, times=1)
        self.bench.catalogue.failed(failure)

    def _open(self, recording_id: str, _stamp: object) -> SessionResult:
        return session.reopen(recording_id, self.bench.store, SHOWN)

    def _source(self, found: Session) -> Source:
        entry = self.bench.catalogue.find(found.recording.recording_id)
        source = intake.read(
            intake.Named(entry.path, entry.path.parent),
            consent=False,
            limits=self.bench.settings.intake,
        )
        if source.recording_id != found.recording.recording_id:
            raise InputError(
                "another file lies where the recording was", hint="run `tether run` on it"
            )
        return source

    def _evidence(self, found: Session, moment: Moment) -> str:
        """Rules with observed numbers: no word of the session."""
        tables = self.opened(found).tables
        row = tables["moments"].filter(moment_id=moment.moment_id).row(0, named=True)
        ids = [*row["primary_hits"], *row["supporting_hits"]]
        hits = tables.get("hits", HITS.empty()).filter(pl.col("hit_id").is_in(ids))
        told = {
            "score": round(moment.score, 4),
            "profile": found.profile,
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
        return json.dumps(told)


def _numbers(observed: str | None) -> dict[str, float]:
    return {
        name: value
        for name, value in json.loads(observed or "{}").items()
        if isinstance(value, int | float)
    }
