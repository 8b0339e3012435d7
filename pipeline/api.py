"""The public API of Tether, a thin layer over the other packages; use ``import pipeline``.

It offers the commands to programs: `run` is ``tether run``, `Session.export` is ``tether export``,
`evaluate`, `compare` and `tune` are the commands of that name, and `as_text` returns what these
print. Paths may be strings, and a single path may be given instead of several. `pipeline` itself
has the tutorial.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import polars as pl

from pipeline import config, exports, research
from pipeline.config import Settings
from pipeline.core.errors import InputError, StoreError
from pipeline.core.tables import Metadata
from pipeline.research import (
    Annotations,
    Comparison,
    Evaluation,
    EvaluationResult,
    Tolerance,
    Tuning,
    text_report,
)
from pipeline.research.search import sweeps, tuning_report
from pipeline.research.sessions.cases import Case, of_manifest
from pipeline.session import batch, intake, read_manifest
from pipeline.session.workbench import Workbench, workbench_of
from pipeline.workspace import database
from pipeline.workspace.catalogue import Catalogue, Entry
from pipeline.workspace.layout import USUAL_PROFILE, USUAL_WORKSPACE
from pipeline.workspace.store import Place, Store, private_folder, write_private
from pipeline.workspace.verdicts import Ledger

_FROM_PYTHON = "given from Python"

PathLike = str | os.PathLike[str]
Paths = PathLike | Iterable[PathLike]
SettingsLike = Settings | PathLike
"""Settings, the name of a built-in profile, or the path of a YAML file."""


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


@dataclass(frozen=True)
class RecordingResult:
    """The result of one recording in a run.

    Attributes
    ----------
    path
        As it was given, or found in a folder.
    status
        ``done``, ``kept`` (all results existed), ``failed``, or ``withheld`` (it was purged and
        must not be processed again).
    session
        None if it failed or is withheld.
    error
        What was found, what was expected, what to do next; None if it did not fail.
    exit_code
        Exit code of this recording; 0 if it did not fail.
    seconds
        Wall time.
    """

    path: Path
    status: Literal["done", "kept", "failed", "withheld"]
    session: Session | None
    error: str | None
    exit_code: int
    seconds: float


@dataclass(frozen=True)
class RunResult:
    """The result of a run.

    Attributes
    ----------
    recordings
        In the order in which they were processed.
    remarks
        Sentences on files in folders that were not processed, with counts; may be empty.
    exit_code
        0 if nothing failed, 6 if some recordings failed, that of the first failure if all did.
    """

    recordings: tuple[RecordingResult, ...]
    remarks: tuple[str, ...]
    exit_code: int


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


def load_settings(
    choice: PathLike = USUAL_PROFILE, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """Settings of a built-in profile or a YAML file.

    Parameters
    ----------
    choice
        ``default``, ``strict``, ``screening``, or the path of a file that lists what differs.
    overrides
        Values that override the file, by dotted key.

    Raises
    ------
    ConfigError
        There is no such profile or file, or it has errors; all are reported, with their lines.

    Examples
    --------
    >>> load_settings("strict", {"turns.turn_pause_ms": 1200}).turns.turn_pause_ms
    1200
    >>> try:
    ...     load_settings("strct")
    ... except ConfigError as error:
    ...     print(error.expected)
    a profile (did you mean 'strict'?) or the path of a .yaml file
    """
    return config.load(os.fspath(choice), overrides)


def run(
    paths: Paths,
    *,
    workspace: Workspace | PathLike = USUAL_WORKSPACE,
    settings: SettingsLike = USUAL_PROFILE,
    refresh: bool = False,
    on_result: Callable[[RecordingResult], None] = lambda _result: None,
) -> RunResult:
    """Process recordings: measure, suggest moments, write a report for each.

    Results that the workspace holds already are not computed again. A recording that fails does
    not stop the others and raises no exception: its result holds the error.

    Parameters
    ----------
    paths
        Recordings, transcripts, session notes files with ``parts``, or folders of recordings.
    workspace
        Created if missing.
    settings
        A profile, a file, or the result of `load_settings`.
    refresh
        Compute everything again.
    on_result
        Called with each result as a recording ends.

    Raises
    ------
    ConfigError
        Mistakes in settings, rules or lexicons, before anything is processed.
    StoreError
        The workspace cannot be used, or another run is at work in it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     done = run("monday.wav", workspace=folder)
    >>> done.recordings[0].status, done.recordings[0].error
    ('failed', 'no such file or folder; next: check the path')
    """
    bench = workbench(settings, workspace)
    passed_over = intake.PassedOver()
    try:
        with Workspace(bench.store.workspace) as opened:
            kept = _Kept(opened, on_result)
            code = batch.run(
                _paths(paths), bench, kept, options={}, refresh=refresh, passed_over=passed_over
            )
    finally:
        bench.catalogue.close()
    return RunResult(tuple(kept.results), passed_over.sentences(), code)


def workbench(settings: SettingsLike, workspace: Workspace | PathLike) -> Workbench:
    """A workbench whose reports repeat the command-line options of this workspace and profile."""
    folder = _folder(workspace)
    if isinstance(settings, Settings):
        options = () if str(folder) == USUAL_WORKSPACE else ("--workspace", str(folder))
        return Workbench(settings, folder, profile=_FROM_PYTHON, options=options)
    return workbench_of(config.load(os.fspath(settings)), folder, os.fspath(settings))


class _Kept:
    """A listener that keeps the result of each recording, without its tables."""

    def __init__(self, opened: Workspace, on_result: Callable[[RecordingResult], None]) -> None:
        self._opened = opened
        self._on_result = on_result
        self.results: list[RecordingResult] = []

    def begins(self, number: int, total: int, path: Path) -> None:
        """A recording begins."""

    def stage(self, name: str, state: str) -> None:
        """A stage is kept, stale, started or done."""

    def ends(self, result: batch.Result) -> None:
        """A recording finished or failed."""
        own = result.processed
        self.results.append(
            RecordingResult(
                result.path,
                result.status,
                None if own is None else self._opened[own.recording.recording_id],
                result.error,
                result.exit_code,
                result.seconds,
            )
        )
        self._on_result(self.results[-1])


def read_codes(paths: Paths, *, uncertain: Paths = (), benign: Paths = ()) -> Annotations:
    """Read human codes: CSV, five-minute 3RS sheets, or ELAN files named after their session.

    Results can be added: ``read_codes("codes.csv") + ws.decisions``.

    Parameters
    ----------
    paths
        Files of ruptures. Columns: ``session`` and ``start_ms`` or ``utterance_id``, with
        ``marker`` or ``kind``.
    uncertain
        Places that count neither as right nor as wrong.
    benign
        Places that must not be flagged.

    Raises
    ------
    InputError
        A file cannot be read, or all that is wrong with it, by line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "codes.csv"
    ...     _ = file.write_text('''session,start_ms,marker
    ... S-1,4500,C1
    ... ''')
    ...     codes = read_codes(file)
    >>> sorted(codes.sessions), codes.codes.codes["marker"].to_list()
    (['S-1'], ['C1'])
    """
    return Annotations.read(_paths(paths), _paths(uncertain), _paths(benign))


def evaluate(
    workspace: Workspace | PathLike,
    codes: Annotations | Paths,
    sessions: Sequence[str] = (),
    *,
    settings: SettingsLike | None = None,
    tolerance_ms: int | None = None,
    tolerance_utterances: int | None = None,
    processes: int = 1,
) -> EvaluationResult:
    """Score the moments of a workspace against human codes. It writes nothing.

    Parameters
    ----------
    codes
        From `read_codes` or `Workspace.decisions`, or the files.
    sessions
        Ids or paths; all of these were coded, also those that the codes do not name. None: the
        sessions that the codes name.
    settings
        Roles and rules are run again with these, in memory; None: moments as they were flagged.
    tolerance_ms, tolerance_utterances
        A moment this near has found a code; at most one of the two. None: as the settings say.
    processes
        With `settings`, as many work at once; a program that asks for more than one keeps its own
        work under ``if __name__ == "__main__"``.

    Returns
    -------
    EvaluationResult
        ``evaluation`` has tallies, intervals and polars frames of events and moments (null: cannot
        be said), ``study`` the sessions and codes, ``remarks`` what was left out.

    Raises
    ------
    ConfigError
        No such workspace, mistakes in settings, or two tolerances.
    InputError
        The codes name no session of the workspace, or a code has no place in its session.
    """
    return research.evaluate(
        _folder(workspace),
        _annotations(codes),
        sessions,
        tolerance=Tolerance.given(tolerance_ms, tolerance_utterances),
        settings=_settings(settings),
        processes=processes,
    )


def compare(
    workspace: Workspace | PathLike,
    first: SettingsLike | None,
    second: SettingsLike | None,
    codes: Annotations | Paths | None = None,
    sessions: Sequence[str] = (),
    *,
    tolerance_ms: int | None = None,
    tolerance_utterances: int | None = None,
    processes: int = 1,
) -> Comparison:
    """What changes from one settings to another, moment by moment. It writes nothing.

    Parameters
    ----------
    first, second
        None: moments as they were flagged.
    codes
        What people coded; None: moments are compared, and nothing is scored.
    sessions
        Ids or paths; none: all of the workspace.
    tolerance_ms, tolerance_utterances, processes
        As in `evaluate`.

    Returns
    -------
    Comparison
        ``moments`` has a row for each moment (same, moved, changed, appeared, vanished), ``before``
        and ``after`` the scores, None without codes.

    Raises
    ------
    ConfigError, InputError
        As `evaluate`.
    """
    return research.compare(
        _folder(workspace),
        _settings(first),
        _settings(second),
        None if codes is None else _annotations(codes),
        sessions,
        tolerance=Tolerance.given(tolerance_ms, tolerance_utterances),
        processes=processes,
    )


def tune(
    workspace: Workspace | PathLike,
    sweep: PathLike,
    sessions: Sequence[str] = (),
    *,
    output: PathLike | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
    processes: int = 1,
) -> Tuning:
    """Search the settings that do best against codes. It writes nothing into the workspace.

    Parameters
    ----------
    sweep
        YAML file that names codes, goal, folds and the parameters with their values. Nothing is
        scored on what it was tuned on.
    sessions
        As in `evaluate`.
    output
        The chosen settings are written here, as a file for `load_settings`, and `as_text` beside it
        with the ending ``.txt``; None: nothing is written.
    on_progress
        Called with the number of steps done and of all.
    processes
        As in `evaluate`.

    Raises
    ------
    ConfigError
        Mistakes in the sweep, each with its line, or a value that the settings may not have.
    InputError
        As `evaluate`, or there are fewer sessions than folds.
    StoreError
        The output cannot be written.
    """
    file = Path(sweep)
    asked = sweeps.read(file)
    coded = Annotations.read(
        *(asked.files(name, file.parent) for name in ("codes", "uncertain", "benign"))
    )
    found = research.tune(
        _folder(workspace), asked, coded, sessions, on_progress, processes=processes
    )
    if output is not None:
        place = Place("folder of the settings", "output (--output)")
        chosen = Path(output)
        write_private(chosen, tuning_report.settings(found).encode(), place)
        write_private(chosen.with_suffix(".txt"), f"{as_text(found)}\n".encode(), place)
    return found


def as_text(result: EvaluationResult | Evaluation | Comparison | Tuning) -> str:
    """What `evaluate`, `compare` or `tune` came to, as the commands print it."""
    if isinstance(result, Comparison):
        return text_report.changes(result)
    if isinstance(result, Tuning):
        return tuning_report.report(result)
    if isinstance(result, Evaluation):
        return text_report.text(result)
    remarks = "\n".join(result.remarks)
    return "\n\n".join(filter(None, [text_report.text(result.evaluation), remarks]))


def _folder(workspace: Workspace | PathLike) -> Path:
    return workspace.path if isinstance(workspace, Workspace) else Path(workspace)


def _paths(paths: Paths) -> list[Path]:
    """One path or several; a text is one path, not letters."""
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    return [Path(path) for path in several]


def _annotations(codes: Annotations | Paths) -> Annotations:
    return codes if isinstance(codes, Annotations) else read_codes(codes)


def _settings(choice: SettingsLike | None) -> Settings | None:
    return choice if choice is None or isinstance(choice, Settings) else load_settings(choice)
