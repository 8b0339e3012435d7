"""Evaluate rules against human codes: the researcher's bench.

::

    from pathlib import Path
    from pipeline import config, research

    codes = research.Annotations.read([Path("codes.csv")], uncertain=[Path("unsure.csv")])
    result = research.evaluate(Path("workspace"), codes, settings=config.load("mine.yaml"))
    result.evaluation.tally("withdrawal").f1           # None: not defined
    result.evaluation.intervals("withdrawal")["f1"]    # by bootstrap over sessions
    result.evaluation.events                           # a polars frame: each event, found or missed
    tune, held = result.evaluation.split("8")          # eight sessions held out by hash

    changes = research.compare(Path("workspace"), None, config.load("mine.yaml"), codes)
    changes.moments                                    # what appeared, vanished, moved, changed
    changes.differences("withdrawal")["f1"]            # the same sessions drawn for both

Nothing here writes to a workspace. `text_report.text` prints an evaluation, `text_report.machine`
converts it to plain values; `holdout` explains why sessions are held out before rules are written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import config
from pipeline.config import Settings
from pipeline.research.agreement.alignment import Tolerance
from pipeline.research.agreement.annotations import Annotations
from pipeline.research.agreement.bootstrap import Interval
from pipeline.research.agreement.metrics import MarkerTally, RuleTally, Segments, Tally
from pipeline.research.comparison import Comparison, compared
from pipeline.research.search.sweeps import Sweep
from pipeline.research.search.tuning import Tuning, tune
from pipeline.research.sessions.cases import Case
from pipeline.research.sessions.load_sessions import Opened, read
from pipeline.research.study import Evaluation, Score, Study
from pipeline.research.text_report import listed

__all__ = [
    "Annotations",
    "Case",
    "Comparison",
    "Evaluation",
    "EvaluationResult",
    "Interval",
    "MarkerTally",
    "Opened",
    "RuleTally",
    "Score",
    "Segments",
    "Study",
    "Sweep",
    "Tally",
    "Tolerance",
    "Tuning",
    "compare",
    "evaluate",
    "read",
    "tune",
]


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """An evaluation with its study, and remarks on sessions that were left out."""

    evaluation: Evaluation
    study: Study
    remarks: tuple[str, ...]


def evaluate(
    workspace: Path,
    said: Annotations,
    sessions: Sequence[str] = (),
    *,
    tolerance: Tolerance | None = None,
    settings: Settings | None = None,
    processes: int = 1,
) -> EvaluationResult:
    """Score the moments of a workspace against human codes.

    Parameters
    ----------
    said
        Human codes.
    sessions
        Ids or paths; all of them count as coded, even without a code. Without any, the sessions
        that the codes name.
    tolerance
        By default `evaluation.tolerance_ms` of the settings.
    settings
        Run roles and rules again with these, in memory; None: the workspace's moments.
    processes
        See `read`.

    Raises
    ------
    InputError
        No session is coded, or a code cannot be placed in its session.
    """
    opened = read(workspace, sessions, settings, processes=processes)
    measured = (settings or config.load()).evaluation
    within = tolerance or Tolerance(measured.tolerance_ms, "ms")
    study = Study.of(opened.cases, said, within, all_looked_at=bool(sessions))
    unnamed = len(opened.cases) - len(study.cases)
    remarks = (
        *listed(study.unmatched_sessions, unnamed, opened.n_unreadable),
        *study.repairs.sentences(),
    )
    return EvaluationResult(study.evaluate(measured), study, remarks)


def compare(
    workspace: Path,
    first: Settings | None,
    second: Settings | None,
    said: Annotations | None = None,
    sessions: Sequence[str] = (),
    *,
    tolerance: Tolerance | None = None,
    processes: int = 1,
) -> Comparison:
    """Compare two settings, moment by moment and against human codes.

    Parameters
    ----------
    first, second
        None: the workspace's moments.
    said
        Human codes; None: moments are compared but not scored.
    sessions, tolerance
        As in `evaluate`; both settings are scored with the first's `evaluation` section.
    processes
        See `read`.
    """
    before = read(workspace, sessions, first, processes=processes).cases
    after = read(workspace, sessions, second, processes=processes).cases
    if said is None:
        return compared(before, after)
    measured = (first or config.load()).evaluation
    within = tolerance or Tolerance(measured.tolerance_ms, "ms")
    study = Study.of(before, said, within, all_looked_at=bool(sessions))
    coded = {case.recording.recording_id for case in study.cases}
    again = [case for case in after if case.recording.recording_id in coded]
    result = compared(before, after, study.evaluate(measured), study.evaluate(measured, again))
    return replace(result, remarks=study.repairs.sentences())
