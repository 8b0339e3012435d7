"""The catalogue of a workspace: where recordings lie, corrections, enrolled voices, failed files.

This is the one place that knows paths. Rows are only ever added to `corrections`; the newest
counts. SQLAlchemy over SQLite in the workspace; what is deleted is overwritten.
"""

import contextlib
import datetime as dt
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import (
    URL,
    Column,
    DateTime,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    event,
    insert,
    inspect,
    or_,
    select,
    text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import SQLAlchemyError

from pipeline.errors import InputError, StoreError

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
    Column("path", LargeBinary, nullable=False),  # a name that is not UTF-8 is one way to fail
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
        Digest of the network that made them.
    speech_ms
        Speech that they are the mean of.
    """

    therapist: str
    vector: bytes
    model: str
    speech_ms: int
    enrolled_at: dt.datetime


@dataclass(frozen=True)
class Entry:
    """A recording that the catalogue knows.

    Attributes
    ----------
    sidecar
        Canonical JSON of what its sidecar said.
    """

    recording_id: str
    path: Path
    sidecar: str


@dataclass(frozen=True)
class Failure:
    """A named file that failed and has not succeeded since.

    Attributes
    ----------
    path
        For a person who asks for it; never for a log.
    number
        Place of the file in the run that failed last.
    recording_id
        None where the failure came before the bytes were hashed.
    error, exit_code
        Of the last failure.
    first_at, last_at
        UTC.
    times
        Runs in which it failed, in a row.
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
        An existing folder; ``tether.db`` is made in it, mode 0600.
    """

    def __init__(self, workspace: Path) -> None:
        self._engine = connect(workspace)
        with told("opened"):
            _METADATA.create_all(self._engine)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def entries(self) -> list[Entry]:
        """All recordings, in the order in which they were first seen."""
        query = select(_RECORDINGS).order_by(_RECORDINGS.c.seen_at, _RECORDINGS.c.path)
        with told("read"), self._engine.connect() as connection:
            return [
                Entry(row.recording_id, Path(row.path), row.sidecar)
                for row in connection.execute(query)
            ]

    def remember(self, entry: Entry, now: dt.datetime) -> None:
        """Note where a recording lies and what its sidecar says.

        Raises
        ------
        InputError
            The same bytes lie at another path with another sidecar: it is not clear which holds.
        """
        with told("written"), self._engine.begin() as connection:
            same = select(_RECORDINGS).where(_RECORDINGS.c.recording_id == entry.recording_id)
            for row in connection.execute(same):
                elsewhere = Path(row.path)
                if elsewhere != entry.path and row.sidecar != entry.sidecar and elsewhere.exists():
                    raise InputError(
                        "the same recording lies in two places with differing sidecars",
                        expected="one recording, one sidecar",
                        hint="remove one of the two files, or make the sidecars equal",
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

    def find(self, session: str) -> Entry:
        """The recording of an id prefix (at least 6 digits) or a path.

        Raises
        ------
        InputError
            None or several recordings match.
        """
        path = place(Path(session))
        found = [entry for entry in self.entries() if entry.path == path]
        if not found and len(session) >= _PREFIX:
            found = [e for e in self.entries() if e.recording_id.startswith(session.lower())]
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
        """Add a correction: who `speaker` is. It wins over sidecar and inference from now on."""
        with told("written"), self._engine.begin() as connection:
            connection.execute(
                insert(_CORRECTIONS).values(
                    recording_id=recording_id, speaker=speaker, role=role, corrected_at=now
                )
            )

    def corrections(self, recording_id: str) -> dict[str, str]:
        """Role of each corrected speaker; the newest correction of a speaker counts."""
        query = (
            select(_CORRECTIONS.c.speaker, _CORRECTIONS.c.role)
            .where(_CORRECTIONS.c.recording_id == recording_id)
            .order_by(_CORRECTIONS.c.correction_id)
        )
        with told("read"), self._engine.connect() as connection:
            return {row.speaker: row.role for row in connection.execute(query)}

    def forget(self, recording_id: str, *, keep_corrections: bool) -> None:
        """Remove what is known of a recording, from the file too."""
        tables = [_RECORDINGS] if keep_corrections else [_RECORDINGS, _CORRECTIONS]
        with told("written"), self._engine.begin() as connection:
            paths = select(_RECORDINGS.c.path).where(_RECORDINGS.c.recording_id == recording_id)
            hashes = [path_hash(Path(row.path)) for row in connection.execute(paths)]
            own = or_(_FAILURES.c.recording_id == recording_id, _FAILURES.c.path_hash.in_(hashes))
            connection.execute(delete(_FAILURES).where(own))
            for table in tables:
                connection.execute(delete(table).where(table.c.recording_id == recording_id))
        settle(self._engine)

    def enrol(self, voice: Voice) -> None:
        """Keep the voice of a therapist in place of an older one."""
        with told("written"), self._engine.begin() as connection:
            connection.execute(delete(_VOICES).where(_VOICES.c.therapist == voice.therapist))
            connection.execute(insert(_VOICES).values(**asdict(voice)))

    def voices(self) -> list[Voice]:
        """All enrolled voices, by pseudonym."""
        query = select(_VOICES).order_by(_VOICES.c.therapist)
        with told("read"), self._engine.connect() as connection:
            return [Voice(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001  # its documented name

    def forget_voice(self, therapist: str) -> bool:
        """Remove the voice of a therapist, from the file too; False: there is none."""
        with told("written"), self._engine.begin() as connection:
            gone = connection.execute(delete(_VOICES).where(_VOICES.c.therapist == therapist))
        settle(self._engine)
        return bool(gone.rowcount)

    def failed(self, failure: Failure) -> None:
        """Note that a file failed; if it failed before, since when and how often are kept."""
        row = asdict(failure) | {"path": os.fsencode(failure.path)}
        new = sqlite.insert(_FAILURES).values(row)
        kept = {"path_hash", "first_at", "times"}
        last = {column.name: column for column in new.excluded if column.name not in kept}
        again = new.on_conflict_do_update(
            index_elements=["path_hash"],
            set_=last | {"times": _FAILURES.c.times + new.excluded.times},
        )
        with told("written"), self._engine.begin() as connection:
            connection.execute(again)

    def failures(self) -> list[Failure]:
        """Files that failed and have not succeeded since, the oldest failure first."""
        query = select(_FAILURES).order_by(_FAILURES.c.first_at, _FAILURES.c.path_hash)
        with told("read"), self._engine.connect() as connection:
            if not inspect(connection).has_table(_FAILURES.name):  # read-only, of an older version
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
        """Strike files off the list of failures: they succeeded, or a person dismissed them.

        Returns
        -------
        int
            How many were on it.
        """
        own = _FAILURES.c.path_hash.in_(list(hashes))
        with told("written"), self._engine.begin() as connection:
            return connection.execute(delete(_FAILURES).where(own)).rowcount


_PREFIX = 6


def place(path: Path) -> Path:
    """`path` as the catalogue has it: absolute, whatever way led there, links to files kept."""
    return path.absolute().parent.resolve() / path.name


def path_hash(path: Path) -> str:
    """12 hexadecimal digits of the SHA-256 of the absolute path: a name for logs.

    A person who guesses a path can compute its hash, so this hides a name from readers of a log;
    it does not make it anonymous.

    >>> path_hash(Path("/recordings/monday.wav"))
    '62d81ea09b47'
    """
    return hashlib.sha256(os.fsencode(place(path))).hexdigest()[:12]


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """Turn an error of the database or the disk into a `StoreError`.

    Parameters
    ----------
    what
        What could not be done with the catalogue: "read", "written".
    """
    try:
        yield
    except (OSError, SQLAlchemyError) as caught:
        raise StoreError(
            f"the catalogue of the workspace cannot be {what}",
            hint="make the workspace writable, or choose another folder with --workspace",
        ) from caught


def connect(workspace: Path) -> Engine:
    """The database of a workspace, made when it is missing, mode 0600.

    What is acknowledged is on disk; what is deleted is overwritten.

    Raises
    ------
    StoreError
        It cannot be opened.
    """
    path = workspace / "tether.db"
    with told("opened"):
        path.touch(mode=0o600, exist_ok=True)
    # A URL from parts: in a text, a "?" in the name of a folder would begin options.
    engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _durable(connection, _record) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA busy_timeout = 10000")
        cursor.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten with zeros
        cursor.close()

    return engine


def settle(engine: Engine) -> None:
    """Empty the log in which changes wait, so that nothing deleted is left on disk.

    Raises
    ------
    StoreError
        Another program reads the catalogue at this moment.
    """
    with told("written"), engine.connect() as connection:
        busy = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).scalar_one()
    if busy:
        raise StoreError(
            "what was deleted is not yet off the disk: another program reads the catalogue",
            hint="close it, and type the command again",
        )
