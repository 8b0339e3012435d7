"""Progress: a live line on a terminal, plain lines in a log.

A log line names a recording by its number in the run, the hash of its path and, once its bytes are
hashed, its id, but never by its file name.
"""

import logging
import sys
import time
from pathlib import Path

from pipeline.core.spelling import SHORT_ID, printable
from pipeline.session.batch import Listener, Result
from pipeline.workspace.catalogue import path_hash

_LOG = logging.getLogger("tether")


def set_up_logging() -> None:
    """Log to standard error; drop records of other libraries, which may contain words."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    _LOG.handlers = [handler]
    _LOG.setLevel(logging.INFO)
    _LOG.propagate = False
    logging.getLogger().handlers = [logging.NullHandler()]


class Log(Listener):
    """Plain lines through `logging`."""

    def __init__(self) -> None:
        self._where = ""
        self._since = 0.0

    def begins(self, number: int, total: int, path: Path) -> None:
        """Log that a recording begins, with the hash of its path only."""
        self._where = f"recording {number}/{total} path {path_hash(path)}"
        _LOG.info("%s begins", self._where)

    def stage(self, name: str, state: str) -> None:
        """Log a stage that was computed, or is damaged or stale."""
        if state == "started":
            self._since = time.monotonic()
        elif state == "done":
            took = time.monotonic() - self._since
            _LOG.info("%s stage %s done in %.1f s", self._where, name, took)
        elif state == "damaged":
            _LOG.warning("%s stage %s was damaged on disk and is computed again", self._where, name)
        elif state == "stale":
            _LOG.warning(
                "%s stage %s was made by an older engine; --refresh renews it", self._where, name
            )

    def ends(self, result: Result) -> None:
        """Log the outcome, with the id."""
        name = (result.recording_id or "")[:SHORT_ID]
        if result.error:
            _LOG.error("%s %s failed: %s", self._where, name, result.error)
        else:
            for line in _choices(result):
                _LOG.info("%s %s", self._where, line)
            _LOG.info("%s %s %s in %.1f s", self._where, name, result.status, result.seconds)

    def stop(self) -> None:
        """The run stops early; every line is written already."""


class Screen(Listener):
    """A live line on the terminal, which may show file names."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415  # only where there is a terminal

        self._console = Console(stderr=True)
        self._status = self._console.status("")
        self._title = ""

    def begins(self, number: int, total: int, path: Path) -> None:
        """Show the recording being processed."""
        self._title = printable(f"[{number}/{total}] {path.name}")
        self._status.update(_plain(self._title))
        self._status.start()

    def stage(self, name: str, state: str) -> None:
        """Show the stage being computed."""
        if state == "started":
            self._status.update(_plain(f"{self._title}  ·  {name}"))
        elif state == "damaged":
            line = f"{self._title}: stage {name} was damaged on disk and is computed again"
            self._console.print(_plain(line))
        elif state == "stale":
            line = f"{self._title}: stage {name} was made by an older engine; --refresh renews it"
            self._console.print(_plain(line))

    def ends(self, result: Result) -> None:
        """Replace the live line by one with the outcome."""
        self._status.stop()
        text = result.error.replace("\n", "\n    ") if result.error else result.status
        self._console.print(_plain(f"{self._title}: {text} ({result.seconds:.1f} s)"))
        for line in _choices(result):
            self._console.print(_plain(f"    {line}"), style="dim")

    def stop(self) -> None:
        """The run stops early: give the terminal back, with its cursor."""
        self._status.stop()


def _choices(result: Result) -> list[str]:
    """Engines used, with the reason, and notes; empty where nothing was computed."""
    if result.processed is None or result.status == "kept":
        return []
    provenance = result.processed.provenance
    engines = [f"{e.task}: {e.name} ({e.because})" for e in provenance.engines]
    return [*engines, *(f"note: {note}" for note in provenance.notes)]


def _plain(text: str) -> str:
    """`text` with rich's markup characters made inert."""
    from rich.markup import escape  # noqa: PLC0415  # only where there is a terminal

    return escape(text)
