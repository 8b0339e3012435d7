"""A workspace, its sessions and their tables."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl

from pipeline import exports
from pipeline.api.arguments import PathLike
from pipeline.core.errors import InputError, StoreError
from pipeline.core.tables import Metadata
from pipeline.research import (
    Annotations,
)
from pipeline.research.sessions.cases import Case, of_manifest
from pipeline.session import read_manifest
from pipeline.workspace import database
from pipeline.workspace.catalogue import Catalogue, Entry
from pipeline.workspace.layout import USUAL_WORKSPACE
from pipeline.workspace.store import Place, Store, private_folder, write_private
from pipeline.workspace.verdicts import Ledger


class Session:
    """A processed session. Tables are read from disk each time they are used.

    It stays usable when its `Workspace` is closed. A later run may replace its tables.
    """

    def __init__(self, case: Case) -> None:
        self._case = case

    def __repr__(self) -> str:
        return f"<Session {self._case.recording.short_id}>"

    @property
    def id(self) -> str:
        """SHA-256 of the recording's bytes, 64 hexadecimal digits."""
        return self._case.recording.recording_id

    @property
    def name(self) -> str:
        """Its name in codes: ``code`` of the session notes file, otherwise 12 digits of the id."""
        return self._case.name

    @property
    def path(self) -> Path:
        """Path of the recording when it was processed; it may be gone."""
        return self._case.entry.path

    @property
    def metadata(self) -> Metadata:
        """Values of the session notes file; None: not given."""
        return self._case.recording.metadata

    @property
    def duration_ms(self) -> int:
        """Length in milliseconds on the recording's own clock."""
        return self._case.recording.duration_ms

    @property
    def language(self) -> str | None:
        """ISO 639 code of the lexicons and rules that were used; None: unknown."""
        return self._case.language

    @property
    def replaced(self) -> bool:
        """Whether the file at `path` has other bytes now, which make another session."""
        return self._case.entry.replaced

    @property
    def moments(self) -> pl.DataFrame:
        """Table ``moments``: the suggested moments that a supervisor sees, by start."""
        return self.table("moments")

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables of this session; see `table` for their content."""
        return tuple(exports.chosen((), self._case.tables))

    def table(self, name: str) -> pl.DataFrame:
        """One table as a polars frame.

        ============== ==========================================================================
        moments        candidate moments: kind, marker, start and end, score, therapist's response
        set_aside      moments that the settings keep from the list, and why
        hits           what each rule noticed: clauses with observed values, what ruled it out
        measures       value of each feature for each turn, silence, overlap and window, with z and
                       percentile within the person's own values
        values         the same before rules may see it, of everybody
        roles          who is therapist and client, where that comes from, margin 0-1
        turns          turns and backchannels: text, number of words, latency
        units          speech of one person without a pause (inter-pausal units)
        words          words with times and confidence 0-1
        readings       what replies show to a reader: marker, probability, the words that carry it
        silences       silences, who spoke before and after
        overlaps       overlapping speech: who held the floor, what came of it
        spans          who spoke when, as the diarizer has it
        frames         pitch, level and periodicity every 10 ms, where there is speech
        activity       stretches of speech on each channel
        doubts         stretches that may be a quiet voice
        dropouts       runs of exact digital zeros
        losses         those of dropouts in which the signal was lost
        quality        quality of the recording, and the families of rules that it disables
        voices         likeness to enrolled voices
        media          the file: length, channels, codec, what was repaired
        diarization    the diarizer, its margin, what was repaired
        transcription  the transcriber, language, why there is no transcript
        ============== ==========================================================================

        ``tether measures --tables`` gives unit, meaning and null of every column. Times are whole
        milliseconds, half-open ``[start_ms, end_ms)``; null means "could not be measured". A table
        with a column ``speaker`` has the ``role`` of each speaker beside it: therapist, client,
        other or unknown; null where the speaker is null, since the value belongs to the pair.

        Raises
        ------
        ConfigError
            No table has that name, or this session has none of that name.
        DamagedError
            The table is not what was written; running the recording again computes it anew.
        """
        exports.chosen([name], self._case.tables)
        frame = self._case.tables[name]
        if "speaker" not in frame.columns or "role" in frame.columns:
            return frame
        names = list(frame.columns)
        names.insert(names.index("speaker") + 1, "role")
        roles = self._case.tables["roles"].select("speaker", "role")
        known = frame.join(roles, on="speaker", how="left", maintain_order="left")
        unknown = pl.when(pl.col("speaker").is_not_null()).then(pl.lit("unknown"))
        return known.with_columns(pl.col("role").fill_null(unknown)).select(names)

    def export(self, fmt: str, folder: PathLike, tables: Iterable[str] = ()) -> list[Path]:
        """Write tables into a folder, each file named after the session and the table.

        Parameters
        ----------
        fmt
            ``parquet`` (exact), ``csv``, ``json``; ``rttm`` (who spoke when), ``vtt``, ``srt``
            (the transcript).
        folder
            Created if missing.
        tables
            Names; empty: every table of the session.

        Returns
        -------
        list of Path
            The files that were written.

        Raises
        ------
        ConfigError
            An unknown format or table, or subtitles of a session without a transcript.
        StoreError
            The folder cannot be written.
        """
        own = self._case.recording
        files = exports.export(own, self._case.tables, list(tables), fmt)
        place = Place("output folder", "folder (--output)")
        target = private_folder(Path(folder), place)
        written = []
        for name, content in files.items():
            written.append(target / f"{own.short_id}-{name}")
            write_private(written[-1], content, place)
        return written


class Workspace:
    """The folder in which ``tether run`` keeps its results; opened by `open_workspace`.

    Opening it changes nothing in it. As a context manager it closes its database at the end; later
    use opens the database again.
    """

    def __init__(self, path: Path) -> None:
        database.require(path)
        self.path = path
        self._store = Store(path)
        self._catalogue = Catalogue(path)

    def __repr__(self) -> str:
        return f"<Workspace {str(self.path)!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._catalogue.close()

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Sessions that can be opened, in the order in which they were first seen."""
        return tuple(each for each in self._all() if isinstance(each, Session))

    @property
    def n_unreadable(self) -> int:
        """Number of sessions that `sessions` leaves out: not fully processed, or damaged."""
        return sum(not isinstance(each, Session) for each in self._all())

    @property
    def decisions(self) -> Annotations:
        """Supervisors' decisions at the desk, to evaluate against; can be added to `read_codes`."""
        ledger = Ledger(self.path)
        try:
            return Annotations.of_verdicts(ledger.all())
        finally:
            ledger.close()

    def __iter__(self) -> Iterator[Session]:
        return iter(self.sessions)

    def __len__(self) -> int:
        return len(self.sessions)

    def __getitem__(self, session: str) -> Session:
        """The session with an id prefix (at least 6 digits) or the path of a recording.

        Raises
        ------
        InputError
            No session matches, several do, or it was never fully processed.
        StoreError
            Its results are damaged.
        """
        return self._open(self._catalogue.find(session))

    def _open(self, entry: Entry) -> Session:
        manifest = read_manifest(entry.recording_id, self._store)
        return Session(of_manifest(manifest, entry, self._store))

    def _all(self) -> Iterator[Session | InputError | StoreError]:
        entries = {entry.recording_id: entry for entry in self._catalogue.entries()}
        for entry in entries.values():
            try:
                yield self._open(entry)
            except (InputError, StoreError) as caught:
                yield caught


def open_workspace(path: PathLike = USUAL_WORKSPACE) -> Workspace:
    """Open a workspace to read its sessions.

    Raises
    ------
    ConfigError
        There is no workspace in that folder.
    StoreError
        Its database is damaged or cannot be read.

    Examples
    --------
    >>> open_workspace("no-such-folder")
    Traceback (most recent call last):
    pipeline.core.errors.ConfigError: there is no workspace 'no-such-folder'; \
expected: a folder that `tether run` has created; next: tether run RECORDING...
    """
    return Workspace(Path(path))


def folder_of(workspace: Workspace | PathLike) -> Path:
    """Folder of a workspace that is open, or named."""
    return workspace.path if isinstance(workspace, Workspace) else Path(workspace)
