"""The catalogue of a workspace: paths of recordings, corrections, voices, failed files.

Only the catalogue knows paths. Rows are only ever added to `corrections`; the newest counts. It
uses SQLAlchemy over SQLite in the workspace; deleted data is overwritten.
"""

import datetime as dt
import hashlib
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    insert,
    inspect,
    or_,
    select,
)
from sqlalchemy.dialects import sqlite

from pipeline.core.errors import InputError
from pipeline.core.spelling import spellings
from pipeline.workspace.database import connect, read, settle, store_errors

_METADATA = MetaData()

_RECORDINGS = Table(
    "recordings",
    _METADATA,
    Column("recording_id", String(64), primary_key=True),
    Column("path", String, primary_key=True),
    Column("sidecar", String, nullable=False),
    Column("seen_at", DateTime, nullable=False),
)

_CORRECTIONS = Table(
    "corrections",
    _METADATA,
    Column("correction_id", Integer, primary_key=True),
    Column("recording_id", String(64), nullable=False, index=True),
    Column("speaker", String, nullable=False),
    Column("role", String, nullable=False),
    Column("corrected_at", DateTime, nullable=False),
)

_REPLACED = Table(  # recordings whose path has other bytes now
    "replaced",
    _METADATA,
    Column("recording_id", String(64), primary_key=True),
    Column("path", String, primary_key=True),
)

_WITHHELD = Table(  # recordings that must not be processed again: no path, no name
    "withheld",
    _METADATA,
    Column("recording_id", String(64), primary_key=True),
    Column("reason", String, nullable=False),
    Column("since", DateTime, nullable=False),
)

_VOICES = Table(
    "voices",
    _METADATA,
    Column("therapist", String, primary_key=True),
    Column("vector", LargeBinary, nullable=False),
    Column("model", String, nullable=False),
    Column("speech_ms", Integer, nullable=False),
    Column("enrolled_at", DateTime, nullable=False),
)

_FAILURES = Table(
    "failures",
    _METADATA,
    Column("path_hash", String(12), primary_key=True),
    Column("path", LargeBinary, nullable=False),  # bytes: the name may not be UTF-8
    Column("number", Integer, nullable=False),
    Column("recording_id", String(64)),
    Column("error", String, nullable=False),
    Column("exit_code", Integer, nullable=False),
    Column("first_at", DateTime, nullable=False),
    Column("last_at", DateTime, nullable=False),
    Column("times", Integer, nullable=False),
)


@dataclass(frozen=True)
class Voice:
    """The enrolled voice of a therapist. It identifies a person.

    Attributes
    ----------
    therapist
        Pseudonym.
    vector
        Float32 numbers, little-endian.
    model
        Digest of the model that computed them.
    speech_ms
        Speech that the vector is the mean of.
    enrolled_at
        UTC.
    """

    therapist: str
    vector: bytes
    model: str
    speech_ms: int
    enrolled_at: dt.datetime


@dataclass(frozen=True)
class Entry:
    """A recording in the catalogue.

    Attributes
    ----------
    sidecar
        Canonical JSON of its session notes.
    replaced
        Whether its path has other bytes now.
    """

    recording_id: str
    path: Path
    sidecar: str
    replaced: bool = False


Reason = Literal["purged", "consent withdrawn"]


@dataclass(frozen=True)
class Withheld:
    """A recording that must not be processed again."""

    recording_id: str
    reason: Reason
    since: dt.datetime


@dataclass(frozen=True)
class Failure:
    """A file that failed and has not succeeded since.

    Attributes
    ----------
    path_hash
        Name of the file in logs; see `path_hash`.
    path
        Shown to people only; never in a log.
    number
        1-based position of the file in the run that failed last.
    recording_id
        None if the failure came before the bytes were hashed.
    error, exit_code
        Message and exit code of the last failure.
    first_at, last_at
        UTC.
    times
        Number of consecutive runs in which it failed.
    """

    path_hash: str
    path: Path
    number: int
    recording_id: str | None
    error: str
    exit_code: int
    first_at: dt.datetime
    last_at: dt.datetime
    times: int


class Catalogue:
    """SQL tables of one workspace.

    Parameters
    ----------
    workspace
        An existing folder; ``tether.db`` is created in it, mode 0600.
    """

    def __init__(self, workspace: Path) -> None:
        self._engine = connect(workspace, _METADATA)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def entries(self) -> list[Entry]:
        """All recordings, in the order in which they were first seen."""
        query = select(_RECORDINGS).order_by(_RECORDINGS.c.seen_at, _RECORDINGS.c.path)
        replaced = {tuple(row) for row in read(self._engine, _REPLACED, select(_REPLACED))}
        return [
            Entry(row.recording_id, Path(row.path), row.sidecar, key in replaced)
            for row in read(self._engine, _RECORDINGS, query)
            if (key := (row.recording_id, row.path))
        ]

    def remember(self, entry: Entry, now: dt.datetime) -> None:
        """Keep the path and the session notes of a recording.

        Other recordings at that path are marked as replaced; see `replaced_at`.

        Raises
        ------
        InputError
            The same bytes are at another path with other session notes: it is unclear which apply.
        """
        with store_errors("written"), self._engine.begin() as connection:
            same = select(_RECORDINGS).where(_RECORDINGS.c.recording_id == entry.recording_id)
            for row in connection.execute(same):
                elsewhere = Path(row.path)
                if elsewhere != entry.path and row.sidecar != entry.sidecar and elsewhere.exists():
                    raise InputError(
                        "the same recording is in two places with different session notes files",
                        expected="one recording, one session notes file",
                        hint="remove one of the two recordings, or make their notes equal",
                    )
            key = (_RECORDINGS.c.recording_id == entry.recording_id) & (
                _RECORDINGS.c.path == str(entry.path)
            )
            changed = connection.execute(
                _RECORDINGS.update().where(key).values(sidecar=entry.sidecar)
            )
            if not changed.rowcount:
                connection.execute(
                    insert(_RECORDINGS).values(
                        recording_id=entry.recording_id,
                        path=str(entry.path),
                        sidecar=entry.sidecar,
                        seen_at=now,
                    )
                )
            self._mark_replaced(connection, entry)

    @staticmethod
    def _mark_replaced(connection: Connection, entry: Entry) -> None:
        """Mark the other recordings at its path; drop one that only differs in spelling."""
        here = _RECORDINGS.c.path.in_(spellings(entry.path))
        ids = (_RECORDINGS.c.recording_id, _RECORDINGS.c.path)
        at_path = [
            (row.recording_id, row.path) for row in connection.execute(select(*ids).where(here))
        ]
        connection.execute(delete(_REPLACED).where(_REPLACED.c.path.in_(spellings(entry.path))))
        for recording_id, path in at_path:
            if recording_id != entry.recording_id:
                connection.execute(insert(_REPLACED).values(recording_id=recording_id, path=path))
            elif path != str(entry.path) and not Path(path).exists():
                gone = (ids[0] == recording_id) & (ids[1] == path)
                connection.execute(delete(_RECORDINGS).where(gone))

    def replaced_at(self, path: Path) -> list[Entry]:
        """Recordings kept from bytes that `path` had before."""
        return [e for e in self.entries() if e.replaced and str(e.path) in spellings(path)]

    def leave(self, entry: Entry) -> None:
        """Forget a path of a recording that is elsewhere too."""
        with store_errors("written"), self._engine.begin() as connection:
            for table in (_RECORDINGS, _REPLACED):
                key = (table.c.recording_id == entry.recording_id, table.c.path == str(entry.path))
                connection.execute(delete(table).where(*key))

    def find(self, session: str) -> Entry:
        """The recording with an id prefix (at least 6 digits) or a path.

        Raises
        ------
        InputError
            No recording matches, or several do.
        """
        entries = self.entries()
        path = place(Path(session))
        found = [entry for entry in entries if entry.path == path]
        found = found or [entry for entry in entries if str(entry.path) in spellings(path)]
        found = [entry for entry in found if not entry.replaced] or found
        if not found and len(session) >= _PREFIX:
            found = [e for e in entries if e.recording_id.startswith(session.lower())]
        ids = {entry.recording_id for entry in found}
        if len(ids) != 1:
            what = "no session" if not ids else f"{len(ids)} sessions"
            raise InputError(
                f"{what} of this workspace matches",
                expected=f"an id prefix of at least {_PREFIX} digits, or the path of a recording",
                hint="tether sessions",
            )
        return found[-1]

    def correct(self, recording_id: str, speaker: str, role: str, now: dt.datetime) -> None:
        """Add a correction: who `speaker` is. It overrides session notes and inference."""
        with store_errors("written"), self._engine.begin() as connection:
            connection.execute(
                insert(_CORRECTIONS).values(
                    recording_id=recording_id, speaker=speaker, role=role, corrected_at=now
                )
            )

    def corrections(self, recording_id: str) -> dict[str, str]:
        """Role by corrected speaker; a speaker's newest correction counts."""
        query = (
            select(_CORRECTIONS.c.speaker, _CORRECTIONS.c.role)
            .where(_CORRECTIONS.c.recording_id == recording_id)
            .order_by(_CORRECTIONS.c.correction_id)
        )
        return {row.speaker: row.role for row in read(self._engine, _CORRECTIONS, query)}

    def forget(self, recording_id: str, *, keep_corrections: bool) -> None:
        """Remove all data about a recording, also from the file."""
        tables = [_RECORDINGS, _REPLACED]
        if not keep_corrections:
            tables.append(_CORRECTIONS)
        with store_errors("written"), self._engine.begin() as connection:
            paths = select(_RECORDINGS.c.path).where(_RECORDINGS.c.recording_id == recording_id)
            hashes = [path_hash(Path(row.path)) for row in connection.execute(paths)]
            own = or_(_FAILURES.c.recording_id == recording_id, _FAILURES.c.path_hash.in_(hashes))
            connection.execute(delete(_FAILURES).where(own))
            for table in tables:
                connection.execute(delete(table).where(table.c.recording_id == recording_id))
        settle(self._engine)

    def withhold(self, recording_id: str, reason: Reason, now: dt.datetime) -> None:
        """Keep a recording from being processed again; a new reason replaces an older one."""
        with store_errors("written"), self._engine.begin() as connection:
            connection.execute(delete(_WITHHELD).where(_WITHHELD.c.recording_id == recording_id))
            connection.execute(
                insert(_WITHHELD).values(recording_id=recording_id, reason=reason, since=now)
            )

    def withheld(self) -> list[Withheld]:
        """Recordings that must not be processed again, oldest first."""
        query = select(_WITHHELD).order_by(_WITHHELD.c.since, _WITHHELD.c.recording_id)
        return [
            Withheld(row.recording_id, row.reason, row.since.replace(tzinfo=dt.UTC))
            for row in read(self._engine, _WITHHELD, query)
        ]

    def reason_to_withhold(self, recording_id: str) -> Reason | None:
        """Why a recording must not be processed; None: it may be."""
        found = (one.reason for one in self.withheld() if one.recording_id == recording_id)
        return next(found, None)

    def lift(self, recording_id: str) -> None:
        """Let a recording be processed again, and remove its id from the file."""
        with store_errors("written"), self._engine.begin() as connection:
            connection.execute(delete(_WITHHELD).where(_WITHHELD.c.recording_id == recording_id))
        settle(self._engine)

    def enrol(self, voice: Voice) -> None:
        """Keep the voice of a therapist, replacing an older one."""
        with store_errors("written"), self._engine.begin() as connection:
            connection.execute(delete(_VOICES).where(_VOICES.c.therapist == voice.therapist))
            connection.execute(insert(_VOICES).values(**asdict(voice)))

    def voices(self) -> list[Voice]:
        """All enrolled voices, by pseudonym."""
        query = select(_VOICES).order_by(_VOICES.c.therapist)
        rows = read(self._engine, _VOICES, query)
        return [Voice(**row._mapping) for row in rows]  # noqa: SLF001  # its documented name

    def forget_voice(self, therapist: str) -> bool:
        """Remove the voice of a therapist, also from the file; False: there is none."""
        with store_errors("written"), self._engine.begin() as connection:
            gone = connection.execute(delete(_VOICES).where(_VOICES.c.therapist == therapist))
        settle(self._engine)
        return bool(gone.rowcount)

    def failed(self, failure: Failure) -> None:
        """Keep a failure; if the file failed before, keep since when and how often."""
        row = asdict(failure) | {"path": os.fsencode(failure.path)}
        new = sqlite.insert(_FAILURES).values(row)
        kept = {"path_hash", "first_at", "times"}
        last = {column.name: column for column in new.excluded if column.name not in kept}
        again = new.on_conflict_do_update(
            index_elements=["path_hash"],
            set_=last | {"times": _FAILURES.c.times + new.excluded.times},
        )
        with store_errors("written"), self._engine.begin() as connection:
            connection.execute(again)

    def failures(self) -> list[Failure]:
        """Files that failed and have not succeeded since, the oldest failure first."""
        query = select(_FAILURES).order_by(_FAILURES.c.first_at, _FAILURES.c.path_hash)
        with store_errors("read"), self._engine.connect() as connection:
            if not inspect(connection).has_table(
                _FAILURES.name
            ):  # read-only workspace of an older version
                return []
            return [
                Failure(
                    row.path_hash,
                    Path(os.fsdecode(row.path)),
                    row.number,
                    row.recording_id,
                    row.error,
                    row.exit_code,
                    row.first_at.replace(tzinfo=dt.UTC),
                    row.last_at.replace(tzinfo=dt.UTC),
                    row.times,
                )
                for row in connection.execute(query)
            ]

    def no_failure(self, hashes: Iterable[str]) -> int:
        """Remove files from the list of failures: they succeeded, or a person dismissed them.

        Returns
        -------
        int
            Number of files that were on the list.
        """
        own = _FAILURES.c.path_hash.in_(list(hashes))
        with store_errors("written"), self._engine.begin() as connection:
            return connection.execute(delete(_FAILURES).where(own)).rowcount


_PREFIX = 6


def place(path: Path) -> Path:
    """`path` as in the catalogue: absolute, folders resolved, links to files kept."""
    return path.absolute().parent.resolve() / path.name


def path_hash(path: Path) -> str:
    """12 hexadecimal digits of the SHA-256 of the absolute path: a name for logs.

    It hides a name from readers of a log but does not make it anonymous: anyone who guesses a path
    can compute its hash.

    >>> path_hash(Path("/recordings/monday.wav"))
    '62d81ea09b47'
    """
    return hashlib.sha256(os.fsencode(place(path))).hexdigest()[:12]
