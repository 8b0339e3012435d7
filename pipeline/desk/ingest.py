"""Recordings that are added from the desk: one run at a time, in a process of its own.

The run is that of `tether run`: what it finished stays, whatever happens to it or to the desk, and
what failed is on the workspace's list of failed files until it succeeds.
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
    """How far one recording is.

    Attributes
    ----------
    state
        waiting, working, done, kept or failed.
    stage
        What is being computed, while it is working.
    note
        Why it failed.
    """

    path: Path
    state: str = "waiting"
    stage: str = ""
    note: str = ""
    recording_id: str = ""
    since: float = field(default_factory=time.monotonic)

    @property
    def open(self) -> bool:
        """Whether it is still to be done."""
        return self.state in ("waiting", "working")


@dataclass(frozen=True)
class Listed:
    """A file of the page of recordings.

    Attributes
    ----------
    reason
        Why it failed; empty where it was not tried yet.
    takes
        Whether it can be added as it is.
    """

    path: Path
    reason: str = ""
    takes: bool = True

    @property
    def key(self) -> str:
        """What a page calls it."""
        return path_hash(self.path)

    @property
    def name(self) -> str:
        """Its name as far as it can be shown."""
        return os.fsencode(self.path.name).decode(errors="replace")

    @property
    def folder(self) -> str:
        """Where it lies, as far as that can be shown."""
        return os.fsencode(self.path.parent).decode(errors="replace")


_ENDING_S = 10


class Adding:
    """The run that is at work, if any, and what came of it.

    Parameters
    ----------
    folders
        Where recordings may lie; nothing outside of them can be added.
    failed
        Is given each recording that the run did not come to, with the reason and an exit code. What
        failed in the run itself is on the workspace's list already.
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
        """Of each recording of the run, in its order."""
        with self._lock:
            return tuple(self._progress.values())

    @property
    def working(self) -> bool:
        """Whether a run is at work."""
        return self._follower is not None and self._follower.is_alive()

    def listed(self, known: Iterable[Path], failures: Iterable[Failure]) -> list[Listed]:
        """Recordings that are not in the queue: those that failed, and those that were not tried.

        What the run is to do now is not among them.

        Parameters
        ----------
        known
            Recordings of sessions that are in the queue.
        failures
            The workspace's list of failed files.
        """
        inside = [folder for folder in self.folders if folder.is_dir()]
        open_now = {each.path for each in self.progress if each.open}
        found = {
            each.path: Listed(each.path, each.error, self._inside(each.path)) for each in failures
        }
        seen = {*known, *found}
        for named in intake.discover(inside):
            path = place(named.path)
            if path in seen:
                continue
            if named.error is None:
                found[path] = Listed(path)
            elif path not in inside or not os.access(path, os.R_OK | os.X_OK):  # else it is empty
                found[path] = Listed(path, str(named.error), takes=False)
        return [each for path, each in found.items() if path not in open_now]

    def begin(self, paths: Iterable[Path]) -> None:
        """Walk recordings; they come into the queue one by one, as they are done.

        Raises
        ------
        InputError
            A run is at work, or a recording lies in none of the folders.
        """
        wanted = list(dict.fromkeys(place(path) for path in paths))
        if self._follower is not None and not any(each.open for each in self.progress):
            self._follower.join(_ENDING_S)  # all is done, and its process is about to end
        with self._lock:
            if self.working:
                raise InputError(
                    "recordings are being added already", hint="wait until they are done"
                )
            if not wanted or not all(self._inside(path) for path in wanted):
                raise InputError(
                    "a recording that lies in none of the folders of this desk",
                    expected="one that the page lists",
                    hint="tether review --recordings FOLDER",
                )
            told: Queue[tuple[Any, ...]] = processes.AFRESH.Queue()
            # A daemon: it ends with the desk, and the next run goes on from what it finished.
            self._process = processes.AFRESH.Process(
                target=_work, args=(*self._job, wanted, told), daemon=True, name="tether-run"
            )
            self._process.start()
            self._progress = {path: Progress(path) for path in wanted}
            self._follower = threading.Thread(
                target=self._follow, args=(self._process, told), daemon=True, name="follow"
            )
            self._follower.start()

    def stop(self) -> None:
        """End the run; what it finished stays."""
        self._stopped = True
        process = self._process
        if process is not None and process.is_alive():
            process.terminate()
            process.join(5)

    def _inside(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in self.folders) and path.is_file()

    def _follow(self, process: SpawnProcess, told: "Queue[tuple[Any, ...]]") -> None:
        while process.is_alive() or not told.empty():
            # Nothing came for a while, or half a message of a process that was killed.
            with contextlib.suppress(Empty, EOFError, OSError, UnpicklingError):
                path, changes = told.get(timeout=0.2)
                if path is None:
                    self._give_up(**changes)
                else:
                    self._change(path, changes)
        self._give_up("the run ended before this recording was done", EXIT_INTERRUPTED)

    def _give_up(self, note: str, exit_code: int) -> None:
        """What is still to be done failed; where the desk itself ends, it is just not done."""
        for each in self.progress:
            if each.open and not self._stopped:
                with contextlib.suppress(StoreError):  # then the page alone says so, while it lives
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
    told: "Queue[tuple[Any, ...]]",
) -> None:
    """Run in the other process: walk, and tell how far it is."""
    processes.end_with_parent()
    logging.disable(logging.CRITICAL)
    try:
        bench = Workbench(settings, workspace, profile=profile, options=options)
        batch.run(paths, bench, _Listener(told), options={}, refresh=False)
    except TetherError as caught:
        told.put((None, {"note": str(caught), "exit_code": caught.exit_code}))
    told.close()
    told.join_thread()


class _Listener:
    """Tells the desk of progress."""

    def __init__(self, told: "Queue[tuple[Any, ...]]") -> None:
        self._told = told
        self._path: Path | None = None

    def begins(self, number: int, total: int, path: Path) -> None:  # noqa: ARG002  # a Listener's
        self._path = place(path)
        self._told.put((self._path, {"state": "working", "stage": "", "since": time.monotonic()}))

    def stage(self, name: str, state: str) -> None:
        if state == "started":
            self._told.put((self._path, {"stage": name}))

    def ends(self, result: Result) -> None:
        changes = {
            "state": result.status,
            "stage": "",
            "note": result.error or "",
            "recording_id": result.recording_id or "",
        }
        self._told.put((self._path, changes))
