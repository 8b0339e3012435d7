"""Many recordings, one after the other: one that fails does not stop the rest."""

import datetime as dt
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from pipeline import intake
from pipeline.assembly import Workbench
from pipeline.catalogue import Entry
from pipeline.errors import EXIT_BUG, EXIT_DONE, EXIT_PARTLY_FAILED, TetherError
from pipeline.session import Walked


@dataclass(frozen=True)
class Result:
    """What came of one recording.

    Attributes
    ----------
    number
        1-based place in the run.
    path
        What the user named; for a terminal only, never for a log.
    walked
        None where it failed.
    error
        None where it is done.
    exit_code
        Of this recording alone.
    """

    number: int
    path: Path
    recording_id: str | None
    walked: Walked | None
    error: str | None
    exit_code: int
    seconds: float

    @property
    def status(self) -> Literal["done", "kept", "failed"]:
        """`kept`: everything was there already."""
        if self.walked is None:
            return "failed"
        return "done" if self.walked.computed else "kept"


class Listener(Protocol):
    """Is told of progress; must not raise."""

    def begins(self, number: int, total: int, path: Path) -> None:
        """A recording is taken up."""

    def stage(self, name: str, state: str) -> None:
        """A stage is kept, stale, started or done."""

    def ends(self, result: Result) -> None:
        """A recording is finished or failed."""


def run(
    paths: Sequence[Path],
    bench: Workbench,
    listener: Listener,
    *,
    options: Mapping[str, Any],
    refresh: bool,
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
) -> list[Result]:
    """Walk every recording under `paths`.

    Parameters
    ----------
    options
        Keys of the sidecar from the command line; only for a single session.
    """
    named = intake.discover(paths, bench.settings.intake)
    if bench.settings.baseline.earlier_sessions:
        named = intake.in_order(
            named, bench.settings.intake
        )  # an earlier session is part of a later one's baseline
    if options and len(named) > 1:
        raise TetherError("unreachable: options for several sessions")
    results = []
    with bench.store.lock():
        for number, one in enumerate(named, start=1):
            listener.begins(number, len(named), one.path)
            result = _one(number, one, bench, listener, options, refresh=refresh, now=now)
            listener.ends(result)
            results.append(result)
    return results


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
    walked = None
    error = None
    exit_code = EXIT_DONE
    try:
        settings = bench.settings
        consent = settings.require_consent
        source = intake.read(named, options, consent=consent, limits=settings.intake)
        recording_id = source.recording_id
        bench.catalogue.remember(Entry(recording_id, source.path, source.sidecar), now())
        walked = bench.walk(source, refresh=refresh, tell=listener.stage)
    except TetherError as caught:
        error, exit_code = str(caught), caught.exit_code
    except Exception as caught:  # noqa: BLE001  # one bug must not cost the rest of the night
        error, exit_code = describe_bug(caught), EXIT_BUG
    return Result(
        number, named.path, recording_id, walked, error, exit_code, time.monotonic() - began
    )


def describe_bug(caught: BaseException) -> str:
    """Where a bug stands, without its message: that may hold somebody's words."""
    frames = traceback.extract_tb(caught.__traceback__)
    ours = [frame for frame in frames if "pipeline" in Path(frame.filename).parts] or frames
    where = " < ".join(f"{Path(f.filename).stem}:{f.lineno}" for f in reversed(ours[-4:]))
    return f"a bug in Tether: {type(caught).__name__} at {where}; next: report this line"


def exit_code(results: Sequence[Result]) -> int:
    """Exit code of a whole run: 0, 6 where some failed, else the code of the first failure."""
    failed = [result.exit_code for result in results if result.exit_code != EXIT_DONE]
    if not failed:
        return EXIT_DONE
    return EXIT_PARTLY_FAILED if len(failed) < len(results) else failed[0]
