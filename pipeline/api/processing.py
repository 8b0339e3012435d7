"""Process recordings, under settings of one's own."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline import config
from pipeline.api.arguments import PathLike, Paths, SettingsLike, paths_of
from pipeline.api.workspace import Session, Workspace, folder_of
from pipeline.config import Settings
from pipeline.session import batch, intake
from pipeline.session.workbench import Workbench, workbench_of
from pipeline.workspace.layout import USUAL_PROFILE, USUAL_WORKSPACE

_FROM_PYTHON = "given from Python"


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
    >>> from pipeline import ConfigError
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
                paths_of(paths), bench, kept, options={}, refresh=refresh, passed_over=passed_over
            )
    finally:
        bench.catalogue.close()
    return RunResult(tuple(kept.results), passed_over.sentences(), code)


def workbench(settings: SettingsLike, workspace: Workspace | PathLike) -> Workbench:
    """A workbench whose reports repeat the command-line options of this workspace and profile."""
    folder = folder_of(workspace)
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


def settings_of(choice: SettingsLike | None) -> Settings | None:
    """Settings of a choice; None stays None."""
    return choice if choice is None or isinstance(choice, Settings) else load_settings(choice)
