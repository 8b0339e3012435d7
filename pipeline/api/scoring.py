"""Moments against human codes: evaluate, compare, tune."""

from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline import research
from pipeline.api.arguments import PathLike, Paths, SettingsLike, paths_of
from pipeline.api.processing import settings_of
from pipeline.api.workspace import Workspace, folder_of
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
from pipeline.workspace.store import Place, write_private


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
    return Annotations.read(paths_of(paths), paths_of(uncertain), paths_of(benign))


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
        folder_of(workspace),
        _annotations(codes),
        sessions,
        tolerance=Tolerance.given(tolerance_ms, tolerance_utterances),
        settings=settings_of(settings),
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
        folder_of(workspace),
        settings_of(first),
        settings_of(second),
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
        folder_of(workspace), asked, coded, sessions, on_progress, processes=processes
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


def _annotations(codes: Annotations | Paths) -> Annotations:
    return codes if isinstance(codes, Annotations) else read_codes(codes)
