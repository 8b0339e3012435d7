"""Process many recordings, one after the other; one bad file never stops the batch."""

import datetime as dt
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from pipeline import session
from pipeline.core.errors import (
    EXIT_BUG,
    EXIT_DONE,
    EXIT_PARTLY_FAILED,
    ChangingError,
    StoreError,
    TetherError,
)
from pipeline.session import Older, SessionResult, intake
from pipeline.session.workbench import Workbench
from pipeline.workspace.catalogue import Entry, Failure, Reason, path_hash, place


@dataclass(frozen=True)
class Result:
    """The outcome of one recording.

    Attributes
    ----------
    number
        1-based position in the run.
    path
        The path that the user gave; for a terminal only, never for a log.
    recording_id
        None where the bytes could not be hashed.
    processed
        None where the recording failed or is withheld.
    error
        None where the recording is done or withheld.
    exit_code
        Exit code of this recording alone.
    seconds
        Wall time.
    withheld
        Why the recording was not processed; None: it is not withheld.
    older
        Sessions from bytes that the file had before.
    """

    number: int
    path: Path
    recording_id: str | None
    processed: SessionResult | None
    error: str | None
    exit_code: int
    seconds: float
    withheld: Reason | None = None
    older: Older = field(default_factory=Older)

    @property
    def status(self) -> Literal["done", "kept", "failed", "withheld"]:
        """`kept` means that all results existed already."""
        if self.withheld:
            return "withheld"
        if self.processed is None:
            return "failed"
        return "done" if self.processed.computed else "kept"

    @property
    def path_hash(self) -> str:
        """The name of the file in logs; the same in every run."""
        return path_hash(self.path)


class Listener(Protocol):
    """Receives progress; must not raise."""

    def begins(self, number: int, total: int, path: Path) -> None:
        """A recording begins."""

    def stage(self, name: str, state: str) -> None:
        """A stage is kept, stale, damaged, started or done."""

    def ends(self, result: Result) -> None:
        """A recording finished or failed."""


def run(
    paths: Sequence[Path],
    bench: Workbench,
    listener: Listener,
    *,
    options: Mapping[str, Any],
    refresh: bool,
    passed_over: intake.PassedOver | None = None,
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
) -> int:
    """Process every recording under `paths`; return the exit code of the run.

    Each result goes to the listener and is not kept, so memory does not grow with the number of
    recordings. A file that fails stays on the workspace's list of failed files until it succeeds.
    The exit code is 0 if all succeeded, 6 if some failed, and that of the first failure if all
    failed.

    Parameters
    ----------
    options
        Keys of the session notes file, from the command line; only for a single session.
    refresh
        Compute everything again.
    passed_over
        Collects the files in the folders that are not processed.
    """
    limits = bench.settings.intake
    named = intake.discover(paths, passed_over, limits)
    if bench.settings.baseline.earlier_sessions:
        # An earlier session is part of a later one's baseline.
        named = intake.in_order(named, limits)
    if options and len(named) > 1:
        raise TetherError("unreachable: options for several sessions")
    codes = []
    with bench.store.lock():
        for number, one in enumerate(named, start=1):
            listener.begins(number, len(named), one.path)
            result = _one(number, one, bench, listener, options, refresh=refresh, now=now)
            listener.ends(result)
            codes.append(result.exit_code)
        _open_again(paths, named, bench)
    failed = [code for code in codes if code != EXIT_DONE]
    if not failed:
        return EXIT_DONE
    return EXIT_PARTLY_FAILED if len(failed) < len(codes) else failed[0]


def _one(
    number: int,
    named: intake.Named,
    bench: Workbench,
    listener: Listener,
    options: Mapping[str, Any],
    *,
    refresh: bool,
    now: Callable[[], dt.datetime],
) -> Result:
    began = time.monotonic()
    recording_id = None
    processed = None
    error = None
    exit_code = EXIT_DONE
    withheld = None
    older = Older()
    try:
        settings = bench.settings
        consent = settings.require_consent
        source = intake.read(named, options, consent=consent, limits=settings.intake)
        recording_id = source.recording_id
        withheld = bench.catalogue.reason_to_withhold(recording_id)
        if not withheld:
            bench.catalogue.remember(Entry(recording_id, source.path, source.sidecar), now())
            done = _process(source, bench, listener, refresh=refresh)
            older = session.replace_older(source.path, bench.store, bench.catalogue)
            processed = done
        # A file that failed on its own may be part of a session now.
        bench.catalogue.no_failure(path_hash(file) for file in (named.path, *source.audio))
    except TetherError as caught:
        error, exit_code = str(caught), caught.exit_code
    except Exception as caught:  # noqa: BLE001  # one bug must not stop the batch
        error, exit_code = describe_bug(caught), EXIT_BUG
    if error is not None:
        at, own = now(), path_hash(named.path)
        failure = Failure(
            own, place(named.path), number, recording_id, error, exit_code, at, at, times=1
        )
        try:
            bench.catalogue.failed(failure)
        except StoreError as caught:
            error += f"\n`tether sessions --failed` will not list it: {caught.found}"
    return Result(
        number,
        named.path,
        recording_id,
        processed,
        error,
        exit_code,
        time.monotonic() - began,
        withheld,
        older,
    )


def _open_again(paths: Sequence[Path], named: Sequence[intake.Named], bench: Workbench) -> None:
    """Remove folders from the list of failures that could be read this time."""
    failing = {place(one.path) for one in named if one.error}
    roots = [place(path) for path in paths]
    read = [
        failure.path_hash
        for failure in bench.catalogue.failures()
        if failure.path not in failing
        and failure.path.is_dir()
        and any(failure.path.is_relative_to(root) for root in roots)
    ]
    bench.catalogue.no_failure(read)


def _process(
    source: intake.Source, bench: Workbench, listener: Listener, *, refresh: bool
) -> SessionResult:
    try:
        return bench.process(source, refresh=refresh, on_progress=listener.stage)
    except ChangingError:  # the results so far are from other bytes than the file will have
        session.abandon(source.recording_id, bench.store, bench.catalogue)
        raise


def describe_bug(caught: BaseException) -> str:
    """The place of a bug, without its message, which may contain words of a session."""
    frames = traceback.extract_tb(caught.__traceback__)
    ours = [frame for frame in frames if "pipeline" in Path(frame.filename).parts] or frames
    where = " < ".join(f"{Path(f.filename).stem}:{f.lineno}" for f in reversed(ours[-4:]))
    return f"internal error: {type(caught).__name__} at {where}; next: please report this line"
