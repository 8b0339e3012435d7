"""Search for better settings without overfitting.

Settings that were chosen on some sessions look better there than they are. So each score of a
search is given three times::

    apparent          the chosen settings on the sessions they were chosen on: optimistic
    cross-validated   each fold with the settings that the others would have chosen: no session is
                      scored with settings tuned on it, but each fold may have other settings
    held out          the chosen settings on sessions that were not used; look once

Folds are cut by session, because moments of one session are alike. All trials are scored on every
session once; the choice of a fold is arithmetic on tallies.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import config
from pipeline.config import Settings
from pipeline.core.errors import ConfigError, InputError
from pipeline.research import holdout
from pipeline.research.agreement.alignment import Tolerance
from pipeline.research.agreement.annotations import Annotations
from pipeline.research.agreement.bootstrap import RANKED, STATISTICS
from pipeline.research.agreement.metrics import Tally, total
from pipeline.research.search.sweeps import Sweep, Value
from pipeline.research.search.trials import START, Tried
from pipeline.research.sessions.load_sessions import read
from pipeline.research.study import Study


@dataclass(frozen=True)
class Trial:
    """One point of the search.

    Attributes
    ----------
    values
        Of each parameter.
    tallies
        Of each session, by name.
    """

    values: Mapping[str, Value]
    tallies: Mapping[str, Tally]

    def tally(self, names: Iterable[str]) -> Tally:
        """The sum over sessions of these names."""
        return total(self.tallies[name] for name in names)


@dataclass(frozen=True)
class Tuning:
    """What a search came to.

    Attributes
    ----------
    trials
        In the order in which they were tried.
    best
        Number of the chosen one.
    bounded
        It keeps all bounds on the sessions it was chosen on.
    start, apparent, crossed
        Tallies on the sessions to tune on: of the settings without any change, of the chosen ones,
        and of each fold by what would have been chosen on the others.
    held_start, held
        On sessions that were held out, without any change and chosen; None: none were.
    agreed
        Folds whose choice is the chosen one.
    remarks
        What was mended in the codes or left out of them, with counts.
    """

    sweep: Sweep
    trials: tuple[Trial, ...]
    best: int
    bounded: bool
    start: Tally
    apparent: Tally
    cross_validated: Tally
    held_start: Tally | None
    held: Tally | None
    folds: tuple[tuple[str, ...], ...]
    agreed: int
    remarks: tuple[str, ...] = ()

    @property
    def chosen(self) -> Mapping[str, Value]:
        """Values of the chosen trial."""
        return self.trials[self.best].values


def tune(
    workspace: Path,
    sweep: Sweep,
    said: Annotations,
    sessions: Sequence[str] = (),
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
    *,
    processes: int = 1,
) -> Tuning:
    """Try every point of a sweep on processed sessions; nothing is written.

    Parameters
    ----------
    said
        Human codes.
    sessions
        As in `evaluate`.
    on_progress
        Called with the number of steps done and of all steps: a trial takes one step for each
        batch of sessions.
    processes
        Number of processes, see `load_sessions.read`.

    Raises
    ------
    ConfigError
        A parameter is not a key of the settings, or a value is not allowed.
    InputError
        There are fewer sessions than folds.
    """
    points = list(sweep.points())
    # Reports errors in settings before any work.
    settings = tuple(_settings(sweep, point) for point in points)
    plain = config.load(sweep.extends)
    given = sweep.tolerance
    tolerance = given.tolerance if given else Tolerance(plain.evaluation.tolerance_ms, "ms")
    opened = read(workspace, sessions, plain, processes=processes)
    study = Study.of(opened.cases, said, tolerance, all_looked_at=bool(sessions))
    names = [case.name for case in study.cases]
    held = holdout.chosen(names, str(sweep.hold_out)) if sweep.hold_out else frozenset()
    folds = _folds([name for name in names if name not in held], sweep.folds)
    tallies = Tried(workspace, plain, settings, sweep.group).tallies(study, on_progress, processes)
    trials = [Trial(point, tallies[number]) for number, point in enumerate(points)]
    found = _settled(sweep, trials, tallies[START], folds, held)
    return replace(found, remarks=study.repairs.sentences())


def _settled(
    sweep: Sweep,
    trials: Sequence[Trial],
    start: Mapping[str, Tally],
    folds: Sequence[tuple[str, ...]],
    held: frozenset[str],
) -> Tuning:
    tuned = [name for fold in folds for name in fold]
    best = choice(sweep, trials, tuned)
    winners = [
        choice(sweep, trials, [name for name in tuned if name not in fold]) for fold in folds
    ]
    cross_validated = [
        trials[winner].tally(fold) for winner, fold in zip(winners, folds, strict=True)
    ]
    apparent = trials[best].tally(tuned)
    return Tuning(
        sweep=sweep,
        trials=tuple(trials),
        best=best,
        bounded=_kept(sweep, apparent),
        start=total(start[name] for name in tuned),
        apparent=apparent,
        cross_validated=total(cross_validated),
        held_start=total(start[name] for name in sorted(held)) if held else None,
        held=trials[best].tally(sorted(held)) if held else None,
        folds=tuple(folds),
        agreed=winners.count(best),
    )


def choice(sweep: Sweep, trials: Sequence[Trial], names: Iterable[str]) -> int:
    """Number of the best trial on sessions of these names.

    A trial that keeps all bounds comes first, then the one with the larger goal, then the earlier
    one. An undefined goal counts as the smallest.
    """
    names = list(names)
    of = goal_of(sweep)

    def worth(number: int) -> tuple[bool, bool, float, int]:
        tally = trials[number].tally(names)
        goal = of(tally)
        return (_kept(sweep, tally), goal is not None, goal or 0.0, -number)

    return max(range(len(trials)), key=worth)


def goal_of(sweep: Sweep) -> Callable[[Tally], float | None]:
    """The function that computes the goal from a tally."""
    return _number(sweep.goal)


def _kept(sweep: Sweep, tally: Tally) -> bool:
    """Whether all bounds hold; an undefined score breaks none."""
    above = [(_number(name)(tally), bound) for name, bound in sweep.at_most.items()]
    under = [(_number(name)(tally), bound) for name, bound in sweep.at_least.items()]
    return all(value is None or value <= bound for value, bound in above) and all(
        value is None or value >= bound for value, bound in under
    )


def _number(name: str) -> Callable[[Tally], float | None]:
    if name == RANKED:
        return lambda tally: tally.average_precision
    return STATISTICS[name]


def _folds(names: Sequence[str], number: int) -> list[tuple[str, ...]]:
    """Distribute names over folds in order of their hash, so that the choice is arbitrary."""
    if len(names) < number:
        raise InputError(
            f"{len(names)} coded sessions to tune on, but {number} folds",
            expected="at least one session for each fold",
        )
    ordered, _ = holdout.split(names, len(set(names)))
    return [ordered[first::number] for first in range(number)]


def _settings(sweep: Sweep, point: Mapping[str, Value]) -> Settings:
    try:
        return config.load(sweep.extends, point)
    except ConfigError as caught:
        raise ConfigError(
            f"parameters: {caught.found}", expected=caught.expected, hint=caught.hint
        ) from None
