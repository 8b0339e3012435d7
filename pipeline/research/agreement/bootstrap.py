"""Uncertainty of scores: bootstrap intervals over sessions.

The scores of a session depend on the people in it, so whole sessions are drawn with replacement, as
many as there are (Efron & Tibshirani 1993, percentile method); each draw is summed, and the score
is computed from the sum. With few sessions such intervals tend to be too narrow.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.research.agreement.metrics import Segments, Tally

Statistic = Callable[[Tally], float | None]

STATISTICS: Mapping[str, Statistic] = {
    "precision": lambda tally: tally.precision,
    "recall": lambda tally: tally.recall,
    "f1": lambda tally: tally.f1,
    "misses_per_hour": lambda tally: tally.misses_per_hour,
    "false_alarms_per_hour": lambda tally: tally.false_alarms_per_hour,
    "benign_share": lambda tally: tally.benign_share,
    "agreement": lambda tally: tally.segments.agreement,
    "kappa": lambda tally: tally.segments.kappa,
    "pabak": lambda tally: tally.segments.pabak,
}
"""Scores that are computed from counts."""

RANKED = "average_precision"
"""The score that is computed from the ranking."""

_COUNTS = (
    *("sessions", "duration_ms", "events", "found", "false_alarms"),
    *("benign", "benign_flagged"),
)
_CELLS = ("both", "codes_only", "flags_only", "neither")
_AT_ONCE = 5_000_000


@dataclass(frozen=True)
class Interval:
    """Bounds of a score in the central `level` of the samples."""

    low: float
    high: float


def intervals(
    tallies: Sequence[Tally], *, draws: int, level: float, seed: int
) -> dict[str, Interval | None]:
    """An interval for each of `STATISTICS`, `RANKED` and ``precision_at_<k>``.

    Parameters
    ----------
    tallies
        One for each session.
    draws
        Samples of sessions.
    level
        Share of the samples that an interval covers, 0-1.
    seed
        Seed of the draws: the same input gives the same intervals.

    Returns
    -------
    intervals
        None with fewer than two sessions, or if the score is undefined in over half of the
        samples.
    """
    samples = _samples([tallies], draws=draws, seed=seed)
    return {name: _interval(values[0], level) for name, values in samples.items()}


def differences(
    first: Sequence[Tally], second: Sequence[Tally], *, draws: int, level: float, seed: int
) -> dict[str, Interval | None]:
    """As `intervals`, of second minus first: the same sessions are drawn for both.

    An interval that excludes 0 is stronger evidence than two overlapping intervals suggest, because
    both settings face the same hard sessions.
    """
    samples = _samples([first, second], draws=draws, seed=seed)
    return {
        name: _interval(
            [
                None if one is None or other is None else other - one
                for one, other in zip(*values, strict=True)
            ],
            level,
        )
        for name, values in samples.items()
    }


def _samples(
    several: Sequence[Sequence[Tally]], *, draws: int, seed: int
) -> dict[str, list[list[float | None]]]:
    """Each score in each sample, for each list of tallies; empty lists with too few sessions."""
    top = sorted({k for tallies in several for tally in tallies for k in tally.top})
    read = {**STATISTICS, **{f"precision_at_{k}": _precision_at(k) for k in top}}
    number = len(several[0])
    if number < 2:  # noqa: PLR2004  # one session shows no variation
        return {name: [[] for _ in several] for name in (*read, RANKED)}
    weights = np.random.default_rng(seed).multinomial(number, [1 / number] * number, size=draws)
    found: dict[str, list[list[float | None]]] = {name: [] for name in (*read, RANKED)}
    for tallies in several:
        summed = weights @ np.array([_numbers(tally, top) for tally in tallies])
        samples = [_tally(row.tolist(), top) for row in summed]
        for name, of in read.items():
            found[name].append([of(tally) for tally in samples])
        found[RANKED].append(_average_precisions(tallies, weights))
    return found


def _precision_at(k: int) -> Statistic:
    return lambda tally: tally.precision_at(k)


def _numbers(tally: Tally, top: Sequence[int]) -> list[int]:
    return [
        *(getattr(tally, name) for name in _COUNTS),
        *(getattr(tally.segments, name) for name in _CELLS),
        *(tally.top.get(k, 0) for k in top),
        *(tally.top_right.get(k, 0) for k in top),
    ]


def _tally(numbers: Sequence[int], top: Sequence[int]) -> Tally:
    """A tally without ranking, from the result of `_numbers`."""
    cells, after = len(_COUNTS), len(_COUNTS) + len(_CELLS)
    counts: dict[str, Any] = dict(zip(_COUNTS, numbers[:cells], strict=True))
    return Tally(
        **counts,
        segments=Segments(*numbers[cells:after]),
        top=dict(zip(top, numbers[after : after + len(top)], strict=True)),
        top_right=dict(zip(top, numbers[after + len(top) :], strict=True)),
    )


def _average_precisions(tallies: Sequence[Tally], weights: NDArray[np.int64]) -> list[float | None]:
    """`Tally.average_precision` of each sample, all at once.

    Parameters
    ----------
    weights
        How often each session was drawn, shape (draws, sessions).
    """
    events = weights @ np.array([tally.events for tally in tallies])
    moments = [
        (score, is_right, session)
        for session, tally in enumerate(tallies)
        for score, is_right in tally.ranked
    ]
    moments.sort(key=lambda moment: -moment[0])
    if not moments:
        return [0.0 if number else None for number in events.tolist()]
    scores = np.array([score for score, _, _ in moments])
    right = np.array([is_right for _, is_right, _ in moments], dtype=np.int64)
    session = np.array([number for _, _, number in moments])
    last = np.append(scores[1:] != scores[:-1], values=True)  # of moments with equal score
    found: list[float | None] = []
    step = max(_AT_ONCE // len(moments), 1)
    for first in range(0, len(weights), step):
        drawn = weights[first : first + step, session]
        shown = drawn.cumsum(axis=1)[:, last]
        hits = (drawn * right).cumsum(axis=1)[:, last]
        gained = np.diff(hits, axis=1, prepend=0)
        gains = (gained * hits / np.maximum(shown, 1)).sum(axis=1)
        many = events[first : first + step]
        found += [
            float(gain / number) if number else None
            for gain, number in zip(gains, many, strict=True)
        ]
    return found


def _interval(values: Sequence[float | None], level: float) -> Interval | None:
    told = [value for value in values if value is not None]
    if not told or 2 * len(told) < len(values):
        return None
    low, high = np.quantile(told, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
