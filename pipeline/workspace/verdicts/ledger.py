"""The ledger on disk: a table of ``tether.db`` to which rows are only ever added."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    DateTime,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
)

from pipeline.core.errors import InputError
from pipeline.workspace.database import connect, read, settle, store_errors
from pipeline.workspace.verdicts.verdict import Verdict

_METADATA = MetaData()

_VERDICTS = Table(
    "verdicts",
    _METADATA,
    Column("verdict_id", Integer, primary_key=True),
    Column("recording_id", String(64), nullable=False, index=True),
    Column("start_ms", Integer, nullable=False),
    Column("end_ms", Integer, nullable=False),
    Column("decision", String, nullable=False),
    Column("reviewer", String, nullable=False),
    Column("decided_at", DateTime, nullable=False),
    Column("detected_kind", String),
    Column("detected_marker", String),
    Column("evidence", String, nullable=False),
    Column("kind", String),
    Column("marker", String),
    Column("salience", Integer),
    Column("note", String, nullable=False),
    Column("replaces", Integer),
    sqlite_autoincrement=True,  # ids are never reused
)


class Ledger:
    """Verdicts of one workspace; several processes may append at the same time.

    Parameters
    ----------
    workspace
        An existing folder; the ledger is in its ``tether.db``.
    """

    def __init__(self, workspace: Path) -> None:
        self._engine: Engine = connect(workspace, _METADATA)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def append(self, verdict: Verdict) -> Verdict:
        """Add an entry, and return it with its id once it is safely on disk.

        Raises
        ------
        InputError
            It replaces an entry that is not this reviewer's in this session.
        StoreError
            The disk is full, or the workspace cannot be written.
        """
        values = asdict(verdict)
        del values["verdict_id"]
        values["decided_at"] = verdict.decided_at.astimezone(dt.UTC).replace(tzinfo=None)
        with store_errors("written"), self._engine.begin() as connection:
            if verdict.replaces is not None:
                columns = (_VERDICTS.c.recording_id, _VERDICTS.c.reviewer)
                older = connection.execute(
                    select(*columns).where(_VERDICTS.c.verdict_id == verdict.replaces)
                ).one_or_none()
                if older is None or tuple(older) != (verdict.recording_id, verdict.reviewer):
                    raise InputError(
                        "the decision to replace is not this reviewer's",
                        hint="reload the page",
                    )
            key = connection.execute(insert(_VERDICTS).values(**values)).inserted_primary_key
        assert key is not None
        return verdict.but(verdict_id=int(key[0]))

    def of(self, recording_id: str) -> list[Verdict]:
        """All entries on a session, oldest first, including replaced ones."""
        return list(self._read(_VERDICTS.c.recording_id == recording_id))

    def all(self) -> list[Verdict]:
        """All entries, oldest first."""
        return list(self._read())

    def latest(self) -> int:
        """Id of the newest entry, which shows whether there is a new one; 0 without entries."""
        rows = read(self._engine, _VERDICTS, select(func.max(_VERDICTS.c.verdict_id)))
        return int(rows[0][0] or 0) if rows else 0

    def forget(self, recording_id: str) -> None:
        """Remove all entries on a session, also from the file; for a purge only."""
        with store_errors("written"), self._engine.begin() as connection:
            connection.execute(delete(_VERDICTS).where(_VERDICTS.c.recording_id == recording_id))
        settle(self._engine)

    def _read(self, *conditions: Any) -> Iterator[Verdict]:
        query = select(_VERDICTS).where(*conditions).order_by(_VERDICTS.c.verdict_id)
        for row in read(self._engine, _VERDICTS, query):
            when = row.decided_at.replace(tzinfo=dt.UTC)
            yield Verdict.kept(**{**row._mapping, "decided_at": when})  # noqa: SLF001  # its documented name
