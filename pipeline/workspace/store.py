"""Artifacts of a workspace by address, written so that a crash loses nothing.

::

    workspace/                      0700
    ├── tether.db                   catalogue
    ├── .lock                       one run at a time
    └── sessions/<12 hex digits>/
        ├── report.html
        ├── walk.json               run manifest: the result of the last run
        └── artifacts/
            └── <stage>-<16 hex digits of its slot>/
                ├── manifest.json   address, inputs, parameters, engine, digest of each table
                └── <table>.parquet

A slot is an address without the engine's versions (see `stage_cache`): after an engine upgrade the
older result in the slot is used and reported as stale.

An artifact is written into a temporary folder beside its place, flushed to disk, and published by
one rename: it exists whole, or not at all. Audio is never kept here; it is in unlinked scratch
files that disappear with the process.
"""

import contextlib
import errno
import fcntl
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import polars as pl

from pipeline.core.errors import DamagedError, StoreError
from pipeline.core.schema import split
from pipeline.core.tables import SCHEMAS, Tables
from pipeline.workspace.layout import MANIFEST, artifact, session_folder


def canonical(value: object) -> bytes:
    """Canonical JSON: sorted keys, no white space; equal values give equal bytes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")


def digest(content: bytes) -> str:
    """SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Place:
    """The name of a folder in hints, and the option that chooses another."""

    name: str
    option: str


WORKSPACE = Place("workspace", "--workspace")


@contextlib.contextmanager
def store_errors(doing: str, place: Place = WORKSPACE, *, must: str = "writable") -> Iterator[None]:
    """Turn an `OSError` into a `StoreError` that says what to do.

    Parameters
    ----------
    doing
        What cannot be done, as a clause.
    must
        What `place` needs to be: "writable", "readable".
    """
    try:
        yield
    except OSError as caught:
        reason = os.strerror(caught.errno) if caught.errno else "unknown reason"
        other = f"choose another folder with {place.option}"
        if caught.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = f"free some space, or {other}; what was finished is kept"
        elif caught.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            hint = f"make the {place.name} {must}, or {other}"
        elif caught.errno in (errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO):
            hint = f"check the disk or the network share, or {other}"
        elif caught.errno in (errno.ENOTDIR, errno.EEXIST):
            hint = f"move away the file that is in the place of a folder, or {other}"
        elif caught.errno in (errno.EMFILE, errno.ENFILE):
            hint = "close other programs, or raise the limit of open files (ulimit -n)"
        else:
            hint = other
        raise StoreError(f"{doing}: {reason.lower()}", hint=hint) from caught


def private_folder(path: Path, place: Place = WORKSPACE) -> Path:
    """Create `path` and its parents, readable by their owner only."""
    with store_errors(f"the {place.name} folder cannot be created", place):
        for folder in [*reversed(path.parents), path]:
            if not folder.is_dir():
                folder.mkdir(mode=0o700, exist_ok=True)
    return path


def write_private(path: Path, content: bytes, place: Place = WORKSPACE) -> None:
    """Publish `content` at `path` in one step, mode 0600: never a partial file.

    Raises
    ------
    StoreError
        The disk is full, or the folder cannot be written.
    """
    with store_errors("a file cannot be written", place):
        handle, temporary = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _damaged(what: str) -> DamagedError:
    return DamagedError(f"{what} is damaged on disk", hint="run `tether run` on its recording")


def _manifest(place: Path, stage: str) -> dict[str, Any] | None:
    """The manifest of an artifact; None: it is not finished."""
    with store_errors("an artifact cannot be read", must="readable"):
        try:
            content = (place / MANIFEST).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
    try:
        loaded: dict[str, Any] = json.loads(content)
        if not {"address", "tables"} <= loaded.keys():
            raise _damaged(f"the manifest of stage '{stage}'")
    except (ValueError, AttributeError):
        raise _damaged(f"the manifest of stage '{stage}'") from None
    return loaded


@dataclass(frozen=True)
class _Written:
    """A table of a finished artifact on disk.

    Attributes
    ----------
    place
        Folder of the artifact.
    stage
        Stage that made it.
    name
        Name of the table.
    sha256
        Digest of its file, as hexadecimal digits.
    rows
        Number of rows.
    """

    place: Path
    stage: str
    name: str
    sha256: str
    rows: int

    def __call__(self) -> pl.DataFrame:
        """Read the table.

        Raises
        ------
        DamagedError
            The table is not as it was written, or has other columns than in this version.
        """
        content = self.content()
        try:
            return SCHEMAS[self.name].shaped(pl.read_parquet(content))
        except (KeyError, StoreError):  # intact, but written by another version of Tether
            raise self._damaged() from None

    def content(self) -> io.BytesIO:
        """The bytes of its file, checked against the digest."""
        with store_errors("an artifact cannot be read", must="readable"):
            file = self.place / f"{self.name}.parquet"
            content = file.read_bytes() if file.is_file() else b""
        if digest(content) != self.sha256:
            raise self._damaged()
        return io.BytesIO(content)

    def _damaged(self) -> DamagedError:
        return _damaged(f"table '{self.name}' of stage '{self.stage}'")


class LazyTables(Mapping[str, pl.DataFrame]):
    """Tables by name, each read from disk and checked against its digest when it is used.

    No table is kept in memory, so a thousand sessions may be open at once.

    Raises
    ------
    DamagedError
        A table is not as it was written, or has other columns than in this version.
    """

    def __init__(self, tables: Mapping[str, Callable[[], pl.DataFrame]]) -> None:
        self._tables = tables

    def __getitem__(self, name: str) -> pl.DataFrame:
        return self._tables[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def source(self, name: str) -> Callable[[], pl.DataFrame]:
        """The function that reads one of the tables."""
        return self._tables[name]


def together(
    sessions: Sequence[Tables], wanted: Mapping[str, Collection[str] | None]
) -> list[dict[str, pl.DataFrame]]:
    """Tables of many sessions, in a third of the time that reading them one by one takes.

    Parameters
    ----------
    wanted
        Names of tables, with the columns to read; None: all columns. A table that a session does
        not have is empty.

    Raises
    ------
    DamagedError
        As for `LazyTables`.
    """
    found: list[dict[str, pl.DataFrame]] = [{} for _ in sessions]
    for name, columns in wanted.items() if sessions else ():
        empty = SCHEMAS[name].only(None if columns is None else list(columns)).empty
        sources = [_source(tables, name) if name in tables else empty for tables in sessions]
        frames = _together(sources, columns)
        for own, frame in zip(found, frames, strict=True):
            own[name] = frame
    return found


def _together(
    tables: Sequence[Callable[[], pl.DataFrame]], columns: Collection[str] | None
) -> list[pl.DataFrame]:
    """Tables of one name: a polars call takes as long for one file as for many."""
    written = [each for each in tables if isinstance(each, _Written)]
    if len(written) < len(tables):  # some are in memory
        return [each() for each in tables]
    contents: list[IO[bytes]] = [each.content() for each in written]
    asked = None if columns is None else list(columns)
    try:
        schema = SCHEMAS[written[0].name].only(asked)
        every = schema.shaped(pl.read_parquet(contents, columns=asked))
    except (KeyError, StoreError, pl.exceptions.PolarsError):
        every = None
    if every is None or every.height != sum(each.rows for each in written):
        return [each() for each in tables]  # read singly, the damaged table is reported
    return split(every, (each.rows for each in written))


def layered(upper: Tables, lower: Tables) -> LazyTables:
    """Tables of both; `upper` wins where both have a table. Reads none of them."""
    return LazyTables(
        {name: _source(upper if name in upper else lower, name) for name in (*lower, *upper)}
    )


def without(names: Collection[str], tables: Tables) -> LazyTables:
    """The tables without those of these names. Reads none of them."""
    return LazyTables({name: _source(tables, name) for name in tables if name not in names})


def _source(tables: Tables, name: str) -> Callable[[], pl.DataFrame]:
    return (
        tables.source(name) if isinstance(tables, LazyTables) else partial(tables.__getitem__, name)
    )


class Store:
    """Artifacts of one workspace.

    Parameters
    ----------
    workspace
        Its folder; created if missing.
    """

    def __init__(self, workspace: Path) -> None:
        self.workspace = private_folder(workspace)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the workspace for one run; the system releases it when the process ends.

        Raises
        ------
        StoreError
            Another run holds it.
        """
        with store_errors("the workspace cannot be locked"):
            handle = os.open(self.workspace / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreError(
                    "another run is using this workspace",
                    hint="wait for it, or choose another folder with --workspace",
                ) from None
            self._sweep()
            yield
        finally:
            os.close(handle)

    def session(self, recording_id: str) -> Path:
        """Folder of one session."""
        return session_folder(self.workspace, recording_id)

    def sessions(self) -> Iterator[str]:
        """Short ids of the sessions in the workspace, sorted."""
        with store_errors("the workspace cannot be read", must="readable"):
            try:
                places = list((self.workspace / "sessions").iterdir())
            except FileNotFoundError:
                return
            yield from sorted(path.name for path in places if path.is_dir())

    def artifacts(self, session: str) -> dict[str, int]:
        """Names and sizes in bytes of the finished artifacts of a session.

        Parameters
        ----------
        session
            Its id, or the digits that name its folder.
        """
        with store_errors("the workspace cannot be read", must="readable"):
            return {
                place.name: sum(file.stat().st_size for file in place.iterdir())
                for place in sorted(self._artifacts(session).glob("[!.]*/"))
            }

    def drop(self, session: str, name: str) -> None:
        """Remove an artifact: it is whole or gone; the next run removes what a kill left."""
        self._remove(self._artifacts(session) / name)

    def remove(self, session: str) -> None:
        """Remove the folder of a session in the same way, if there is one."""
        self._remove(self.session(session))

    def _remove(self, place: Path) -> None:
        with store_errors("a result cannot be removed"):
            if place.exists():
                hidden = Path(tempfile.mkdtemp(prefix=".tmp-", dir=place.parent))
                place.rename(hidden / place.name)
                _sync_folder(place.parent)
                shutil.rmtree(hidden)

    def scratch(self) -> IO[bytes]:
        """A scratch file without a name, which disappears with the process in any case."""
        with store_errors("no scratch space for decoded audio"):
            return tempfile.TemporaryFile(dir=self.workspace, buffering=1 << 20)

    def manifest(self, recording_id: str, stage: str, slot: str) -> dict[str, Any] | None:
        """Manifest of the artifact in a slot; None if there is no finished one.

        Raises
        ------
        DamagedError
            The manifest is damaged.
        """
        return _manifest(self._place(recording_id, stage, slot), stage)

    def read(self, recording_id: str, stage: str, slot: str) -> dict[str, pl.DataFrame]:
        """Tables of a finished artifact.

        Raises
        ------
        StoreError
            There is no such artifact.
        DamagedError
            A table is not as it was written, or has other columns than in this version.
        """
        return dict(self.shelf(recording_id, [(stage, slot)]))

    def shelf(self, recording_id: str, slots: Iterable[tuple[str, str]]) -> "LazyTables":
        """Tables of finished artifacts, each read when it is used.

        Parameters
        ----------
        slots
            Stages with their slots: a later table replaces an earlier one of that name.

        Raises
        ------
        StoreError
            An artifact is missing. Damage is reported when a table is used (`LazyTables`).
        """
        found: dict[str, Callable[[], pl.DataFrame]] = {}
        artifacts = self._artifacts(recording_id)
        for stage, slot in slots:
            place = artifacts / artifact(stage, slot)
            manifest = _manifest(place, stage)
            if manifest is None:
                raise StoreError(f"no result of stage '{stage}'", hint="run the recording again")
            for name, written in manifest["tables"].items():
                found[name] = _Written(place, stage, name, written["sha256"], written["rows"])
        return LazyTables(found)

    def write(
        self,
        recording_id: str,
        stage: str,
        slot: str,
        tables: Tables,
        facts: Mapping[str, object],
    ) -> None:
        """Publish the tables of one stage; each must conform to its schema.

        Parameters
        ----------
        facts
            The address and everything that it is made of, for the manifest.
        """
        place = self._place(recording_id, stage, slot)
        private_folder(place.parent)
        written = {}
        with store_errors(f"the result of stage '{stage}' cannot be kept"):
            temporary = Path(tempfile.mkdtemp(prefix=".tmp-", dir=place.parent))
            try:
                for name, frame in tables.items():
                    buffer = io.BytesIO()
                    SCHEMAS[name].conform(frame).write_parquet(buffer, compression="zstd")
                    content = buffer.getvalue()
                    written[name] = {"sha256": digest(content), "rows": frame.height}
                    write_private(temporary / f"{name}.parquet", content)
                manifest = {"recording_id": recording_id, **facts, "tables": written}
                text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False)
                write_private(temporary / MANIFEST, text.encode("utf-8"))
                if place.exists():  # a refresh: `_sweep` removes the old one
                    place.rename(temporary.with_name(f"{temporary.name}-old"))
                temporary.rename(place)
                shutil.rmtree(temporary.with_name(f"{temporary.name}-old"), ignore_errors=True)
                _sync_folder(place.parent)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise

    def _place(self, recording_id: str, stage: str, slot: str) -> Path:
        return self._artifacts(recording_id) / artifact(stage, slot)

    def _artifacts(self, session: str) -> Path:
        return self.session(session) / "artifacts"

    def _sweep(self) -> None:
        """Remove partial files that a killed run left."""
        for pattern in (
            ".tmp-*",
            "sessions/.tmp-*",
            "sessions/*/.tmp-*",
            "sessions/*/artifacts/.tmp-*",
        ):
            for leftover in self.workspace.glob(pattern):
                if leftover.is_dir():
                    shutil.rmtree(leftover, ignore_errors=True)
                else:
                    leftover.unlink(missing_ok=True)
