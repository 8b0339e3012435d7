"""Recordings that are added from the desk: one run at a time, in a process of its own.

The run is that of `tether run`: what it finished stays, whatever happens to it or to the desk.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import Queue
from pathlib import Path
from pickle import UnpicklingError
from queue import Empty
from typing import Any

from pipeline import batch, intake, workers
from pipeline.assembly import Workbench
from pipeline.batch import Result
from pipeline.catalogue import place
from pipeline.config import Settings
from pipeline.errors import InputError, TetherError


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


class Adding:
    """The run that is at work, if any, and what came of it.

    Parameters
    ----------
    folders
        Where recordings may lie; nothing outside of them can be added.
    """

    def __init__(
        self,
        settings: Settings,
        workspace: Path,
        profile: str,
        options: tuple[str, ...],
        folders: Iterable[Path],
    ) -> None:
        self._job = (settings, workspace, profile, options)
        self.folders = tuple(dict.fromkeys(place(folder) for folder in folders))
        self._process: SpawnProcess | None = None
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
        return self._process is not None and self._process.is_alive()

    def candidates(self, known: Iterable[Path]) -> list[Path]:
        """Recordings in the folders that are not yet in the workspace."""
        inside = [folder for folder in self.folders if folder.is_dir()]
        seen = set(known)
        found = (place(named.path) for named in intake.discover(inside) if named.error is None)
        return [path for path in found if path not in seen]

    def begin(self, paths: Iterable[Path]) -> None:
        """Walk recordings; they come into the queue one by one, as they are done.

        Raises
        ------
        InputError
            A run is at work, or a recording lies in none of the folders.
        """
        wanted = list(dict.fromkeys(place(path) for path in paths))
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
            self._progress = {path: Progress(path) for path in wanted}
            told: Queue[tuple[Any, ...]] = workers.AFRESH.Queue()
            # A daemon: it ends with the desk, and the next run goes on from what it finished.
            self._process = workers.AFRESH.Process(
                target=_work, args=(*self._job, wanted, told), daemon=True, name="tether-run"
            )
            self._process.start()
        threading.Thread(
            target=self._follow, args=(self._process, told), daemon=True, name="follow"
        ).start()

    def stop(self) -> None:
        """End the run; what it finished stays."""
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
                self._change(path, changes)
        for each in self.progress:
            if each.state in ("waiting", "working"):
                self._change(
                    each.path,
                    {"state": "failed", "stage": "", "note": "the run ended before it was done"},
                )

    def _change(self, path: Path | None, changes: Mapping[str, Any]) -> None:
        with self._lock:
            for key in [path] if path else list(self._progress):
                if key in self._progress:
                    self._progress[key] = replace(self._progress[key], **changes)


def _work(
    settings: Settings,
    workspace: Path,
    profile: str,
    options: tuple[str, ...],
    paths: list[Path],
    told: "Queue[tuple[Any, ...]]",
) -> None:
    """Run in the other process: walk, and tell how far it is."""
    workers.end_with_parent()
    logging.disable(logging.CRITICAL)
    try:
        bench = Workbench(settings, workspace, profile=profile, options=options)
        batch.run(paths, bench, _Listener(told), options={}, refresh=False)
    except TetherError as caught:
        told.put((None, {"state": "failed", "note": str(caught)}))
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
