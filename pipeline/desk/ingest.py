"""Adding recordings from the desk: one run at a time, in a separate process.

The run is the same as `tether run`: finished recordings stay, whatever happens to the run or to the
desk, and failed ones stay on the workspace's list of failed files until they succeed.
"""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import Queue
from pathlib import Path
from pickle import UnpicklingError
from queue import Empty
from typing import Any

from pipeline.config import Settings
from pipeline.core import processes
from pipeline.core.errors import EXIT_INTERRUPTED, InputError, StoreError, TetherError
from pipeline.session import batch, intake
from pipeline.session.batch import Result
from pipeline.session.workbench import Workbench
from pipeline.workspace.catalogue import Failure, path_hash, place


@dataclass(frozen=True)
class Progress:
    """The progress of one recording.

    Attributes
    ----------
    state
        waiting, working, done, kept (already processed) or failed.
    stage
        The stage being computed; empty unless working.
    note
        Why it failed; empty otherwise.
    recording_id
        Empty until it is processed.
    since
        Start of processing on the monotonic clock, in s.
    """

    path: Path
    state: str = "waiting"
    stage: str = ""
    note: str = ""
    recording_id: str = ""
    since: float = field(default_factory=time.monotonic)

    @property
    def open(self) -> bool:
        """Whether it is still to be processed."""
        return self.state in ("waiting", "working")


@dataclass(frozen=True)
class Listed:
    """A file on the page of recordings.

    Attributes
    ----------
    reason
        Why it failed; empty if it was not tried yet.
    takes
        Whether it can be added.
    """

    path: Path
    reason: str = ""
    takes: bool = True

    @property
    def key(self) -> str:
        """Its identifier on pages: the hash of its path."""
        return path_hash(self.path)

    @property
    def name(self) -> str:
        """Its file name; bytes that are not text are replaced."""
        return os.fsencode(self.path.name).decode(errors="replace")

    @property
    def folder(self) -> str:
        """Its folder; bytes that are not text are replaced."""
        return os.fsencode(self.path.parent).decode(errors="replace")


_ENDING_S = 10


class Adding:
    """The current or last run that adds recordings.

    Parameters
    ----------
    settings, workspace, profile, options
        Of the run, as for `Workbench`.
    folders
        Folders of recordings; no file outside them can be added.
    failed
        Called with each recording that the run did not reach, the reason and an exit code. The run
        itself records the files that failed in it.
    """

    def __init__(
        self,
        settings: Settings,
        workspace: Path,
        profile: str,
        options: tuple[str, ...],
        folders: Iterable[Path],
        failed: Callable[[Path, str, int], None],
    ) -> None:
        self._job = (settings, workspace, profile, options)
        self.folders = tuple(dict.fromkeys(place(folder) for folder in folders))
        self._failed = failed
        self._stopped = False
        self._process: SpawnProcess | None = None
        self._follower: threading.Thread | None = None
        self._progress: dict[Path, Progress] = {}
        self._lock = threading.Lock()

    @property
    def progress(self) -> tuple[Progress, ...]:
        """Progress of each recording, in the order of the run."""
        with self._lock:
            return tuple(self._progress.values())

    @property
    def working(self) -> bool:
        """Whether a run is in progress."""
        return self._follower is not None and self._follower.is_alive()

    def listed(self, known: Iterable[Path], failures: Iterable[Failure]) -> list[Listed]:
        """Recordings that failed, and those that were not tried yet.

        Recordings that the current run will process are left out.

        Parameters
        ----------
        known
            Recordings of the sessions in the queue.
        failures
            The workspace's list of failed files.
        """
        inside = [folder for folder in self.folders if folder.is_dir()]
        open_now = {each.path for each in self.progress if each.open}
        listed = {
            each.path: Listed(each.path, each.error, self._inside(each.path)) for each in failures
        }
        seen = {*known, *listed}
        for named in intake.discover(inside):
            path = place(named.path)
            if path in seen:
                continue
            if named.error is None:
                listed[path] = Listed(path)
            elif path not in inside or not os.access(path, os.R_OK | os.X_OK):
                # an empty folder that can be read is not listed
                listed[path] = Listed(path, str(named.error), takes=False)
        return [each for path, each in listed.items() if path not in open_now]

    def begin(self, paths: Iterable[Path]) -> None:
        """Start to process recordings; each appears in the queue when it is done.

        Raises
        ------
        InputError
            A run is in progress, or a recording lies in none of the folders.
        """
        wanted = list(dict.fromkeys(place(path) for path in paths))
        if self._follower is not None and not any(each.open for each in self.progress):
            self._follower.join(_ENDING_S)  # all are done, and the process is about to end
        with self._lock:
            if self.working:
                raise InputError(
                    "recordings are already being added", hint="wait until they are done"
                )
            if not wanted or not all(self._inside(path) for path in wanted):
                raise InputError(
                    "this recording is in none of the desk's folders",
                    expected="a recording from the list",
                    hint="tether review --recordings FOLDER",
                )
            messages: Queue[tuple[Any, ...]] = processes.AFRESH.Queue()
            # A daemon ends with the desk; the next run continues from what is finished.
            self._process = processes.AFRESH.Process(
                target=_work, args=(*self._job, wanted, messages), daemon=True, name="tether-run"
            )
            self._process.start()
            self._progress = {path: Progress(path) for path in wanted}
            self._follower = threading.Thread(
                target=self._follow, args=(self._process, messages), daemon=True, name="follow"
            )
            self._follower.start()

    def stop(self) -> None:
        """End the run; finished recordings stay."""
        self._stopped = True
        process = self._process
        if process is not None and process.is_alive():
            process.terminate()
            process.join(5)

    def _inside(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in self.folders) and path.is_file()

    def _follow(self, process: SpawnProcess, messages: "Queue[tuple[Any, ...]]") -> None:
        while process.is_alive() or not messages.empty():
            # No message for a while, or half a message from a process that was killed.
            with contextlib.suppress(Empty, EOFError, OSError, UnpicklingError):
                path, changes = messages.get(timeout=0.2)
                if path is None:
                    self._give_up(**changes)
                else:
                    self._change(path, changes)
        self._give_up("the run ended before this recording was processed", EXIT_INTERRUPTED)

    def _give_up(self, note: str, exit_code: int) -> None:
        """Mark open recordings as failed, unless the desk itself is closing."""
        for each in self.progress:
            if each.open and not self._stopped:
                with contextlib.suppress(StoreError):  # then only this run's progress shows it
                    self._failed(each.path, note, exit_code)
                self._change(each.path, {"state": "failed", "stage": "", "note": note})

    def _change(self, path: Path, changes: Mapping[str, Any]) -> None:
        with self._lock:
            if path in self._progress:
                self._progress[path] = replace(self._progress[path], **changes)


def _work(
    settings: Settings,
    workspace: Path,
    profile: str,
    options: tuple[str, ...],
    paths: list[Path],
    messages: "Queue[tuple[Any, ...]]",
) -> None:
    """Process the recordings, in the other process, and report progress."""
    processes.end_with_parent()
    logging.disable(logging.CRITICAL)
    try:
        bench = Workbench(settings, workspace, profile=profile, options=options)
        batch.run(paths, bench, _Listener(messages), options={}, refresh=False)
    except TetherError as caught:
        messages.put((None, {"note": str(caught), "exit_code": caught.exit_code}))
    messages.close()
    messages.join_thread()


class _Listener:
    """Reports progress to the desk."""

    def __init__(self, messages: "Queue[tuple[Any, ...]]") -> None:
        self._messages = messages
        self._path: Path | None = None

    def begins(self, number: int, total: int, path: Path) -> None:  # noqa: ARG002  # a Listener's
        self._path = place(path)
        self._messages.put(
            (self._path, {"state": "working", "stage": "", "since": time.monotonic()})
        )

    def stage(self, name: str, state: str) -> None:
        if state == "started":
            self._messages.put((self._path, {"stage": name}))

    def ends(self, result: Result) -> None:
        changes = {
            "state": result.status,
            "stage": "",
            "note": result.error or "",
            "recording_id": result.recording_id or "",
        }
        self._messages.put((self._path, changes))
