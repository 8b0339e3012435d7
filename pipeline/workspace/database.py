"""The database of a workspace, ``tether.db``: SQLite, opened to write, otherwise to read.

Acknowledged changes are on disk; deleted data is overwritten. A workspace of another owner, or one
that is mounted read-only, is read without writing anything to it.
"""

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    URL,
    Engine,
    MetaData,
    NullPool,
    Row,
    Select,
    Table,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.exc import SQLAlchemyError

from pipeline.core.errors import ConfigError, StoreError

FILE = "tether.db"
_MAGIC = b"SQLite format 3\0"
_OURS = {"corrections", "failures", "recordings", "verdicts"}
_CANNOT = "the catalogue of the workspace cannot be {}"
_RESTORE = (
    f"put {FILE} back from a backup; or move {FILE} to another folder and run again: results and "
    "reports are kept, but corrections, decisions and enrolled voices are only in that file"
)
_OTHER = "choose another folder with --workspace"


def require(workspace: Path) -> None:
    """Refuse a missing workspace, because reading must not create it.

    Raises
    ------
    ConfigError
        The folder is missing, or was not created by a run.
    """
    with store_errors("read"):
        try:
            (workspace / FILE).lstat()
        except (FileNotFoundError, NotADirectoryError):
            pass
        else:
            return
    lacks = f"'{workspace}' is not a workspace: it has no {FILE}"
    raise ConfigError(
        lacks if workspace.is_dir() else f"there is no workspace '{workspace}'",
        expected="a folder that `tether run` has created",
        hint="tether run RECORDING...",
    )


def connect(workspace: Path, tables: MetaData) -> Engine:
    """The database of a workspace, created if missing, mode 0600.

    If it cannot be written, it is opened to read, and a missing table counts as empty.

    Raises
    ------
    StoreError
        It cannot be opened, or was not written by Tether.
    """
    path = workspace / FILE
    with store_errors("opened"):
        there = os.path.lexists(path)
        if there:
            _require_sqlite(path)
        reads = there and not (os.access(workspace, os.W_OK) and os.access(path, os.W_OK))
        if not reads:
            path.touch(mode=0o600, exist_ok=True)
        if there:
            _require_ours(_reading(path), tables)
    if reads:
        return _reading(path)
    engine = _writing(path)
    with store_errors("opened"):
        tables.create_all(engine)
    return engine


def read(engine: Engine, table: Table, query: Select[Any]) -> list[Row[Any]]:
    """Rows of `table`; none if a read-only workspace of an older version lacks the table."""
    with store_errors("read"), engine.connect() as connection:
        return list(connection.execute(query)) if inspect(connection).has_table(table.name) else []


def settle(engine: Engine) -> None:
    """Empty the write-ahead log, so that no deleted data is left on disk.

    Raises
    ------
    StoreError
        Another program is reading the catalogue.
    """
    with store_errors("written"), engine.connect() as connection:
        busy = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).scalar_one()
    if busy:
        raise StoreError(
            "deleted data is still on disk, because another program is reading the catalogue",
            hint="close it, and run the command again",
        )


@contextlib.contextmanager
def store_errors(what: str) -> Iterator[None]:
    """Turn an error of the database or the disk into a `StoreError` that says what to do.

    Parameters
    ----------
    what
        What could not be done with the catalogue: "opened", "read", "written".
    """
    try:
        yield
    except SQLAlchemyError as caught:
        code = getattr(getattr(caught, "orig", None), "sqlite_errorcode", None)
        raise _of_code(what, None if code is None else code & 0xFF) from caught
    except OSError as caught:
        codes = {
            errno.ENOSPC: sqlite3.SQLITE_FULL,
            errno.EDQUOT: sqlite3.SQLITE_FULL,
            errno.EIO: sqlite3.SQLITE_IOERR,
        }
        raise _of_code(what, codes.get(caught.errno or 0, sqlite3.SQLITE_CANTOPEN)) from caught


def _of_code(what: str, code: int | None) -> StoreError:
    cannot = _CANNOT.format(what)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(f"{cannot}: {FILE} is damaged", hint=_RESTORE)
    if code == sqlite3.SQLITE_ERROR:
        return StoreError(f"{cannot}: its tables are not those of Tether", hint=_RESTORE)
    if code == sqlite3.SQLITE_FULL:
        return StoreError(
            f"{cannot}: no space left on the disk", hint=f"free some space, or {_OTHER}"
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(
            f"{cannot}: another program is writing to it",
            hint="wait for it, and run the command again",
        )
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(
            f"{cannot}: the disk reports an error",
            hint="check the disk or the network share, and run the command again",
        )
    must = "readable" if what == "read" else "writable"
    return StoreError(cannot, hint=f"make the workspace {must}, or {_OTHER}")


def _require_sqlite(path: Path) -> None:
    """Refuse a file that SQLite did not write, before anything is written to it."""
    cannot = _CANNOT.format("opened")
    if not path.is_file():
        what = "a folder" if path.is_dir() else "not a regular file, or a broken link"
        raise StoreError(f"{cannot}: {FILE} is {what}", expected="a database", hint=_RESTORE)
    if not path.stat().st_size:  # a run was killed while creating it, or it was emptied
        if any((path.parent / "sessions").glob("*/")):
            raise StoreError(
                f"{cannot}: {FILE} is empty, although the workspace has sessions", hint=_RESTORE
            )
    elif not _is_sqlite(path):
        raise StoreError(
            f"{cannot}: {FILE} is not a database", expected="a SQLite file", hint=_RESTORE
        )


def _is_sqlite(path: Path) -> bool:
    """Whether a file starts like a SQLite database.

    SQLite itself checks it: opening and closing the file by other means would release the locks
    that other connections of this process hold on it (POSIX). Another process could then remove
    the log of changes while this one still writes to it.
    """
    try:
        with contextlib.closing(sqlite3.connect(_address(path), uri=True)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.DatabaseError as caught:
        if caught.sqlite_errorcode & 0xFF == sqlite3.SQLITE_NOTADB:
            return path.read_bytes().startswith(_MAGIC)  # otherwise damaged, and not in use
    return True


def content(path: Path) -> bytes:
    """All bytes of a file of the database, to search in them.

    The descriptor stays open until the process ends, for the reason given in `_is_sqlite`.
    """
    with os.fdopen(os.open(path, os.O_RDONLY), "rb", closefd=False) as file:
        return file.read()


def _require_ours(engine: Engine, tables: MetaData) -> None:
    """Refuse a database of another program, or one whose tables have other columns."""
    with engine.connect() as connection:
        found = inspect(connection)
        names = set(found.get_table_names())
        ours = [table for table in tables.tables.values() if table.name in names]
        if names and not names & _OURS:
            what = "it is the database of another program"
        elif any(
            not set(table.columns.keys())
            <= {column["name"] for column in found.get_columns(table.name)}
            for table in ours
        ):
            what = "its tables have other columns: another version or program made them"
        else:
            return
    raise StoreError(f"{_CANNOT.format('opened')}: {what}", hint=_RESTORE)


def _writing(path: Path) -> Engine:
    # A URL from parts: in a string, a "?" in a folder's name would start the options.
    engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _durable(connection, _record) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA busy_timeout = 10000")
        cursor.execute("PRAGMA secure_delete = ON")  # deleted data is overwritten with zeros
        cursor.close()

    return engine


def _reading(path: Path) -> Engine:
    return create_engine(
        "sqlite://", creator=partial(_reader, path), poolclass=NullPool, hide_parameters=True
    )


def _address(path: Path) -> str:
    return f"file:{quote(str(path.absolute()))}?mode=ro"


def _reader(path: Path) -> sqlite3.Connection:
    """A connection that writes nothing, not even SQLite's lock files."""
    address = _address(path)
    connection = sqlite3.connect(address, uri=True, check_same_thread=False)
    try:
        connection.execute("SELECT name FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as caught:
        connection.close()
        if caught.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
    else:
        return connection
    # Without lock files SQLite opens only a file declared as unchanging; it would then ignore the
    # log of changes that are not yet in the file.
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise StoreError(
            "the catalogue of the workspace has recent changes that cannot be read from here",
            expected="a workspace in which no run or desk was killed",
            hint="ask its owner to run `tether sessions` once; or copy the workspace, and give the "
            "copy with --workspace",
        )
    return sqlite3.connect(f"{address}&immutable=1", uri=True, check_same_thread=False)
