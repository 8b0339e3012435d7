"""Probabilities that mean what they say, and how well a reader tells ruptures from the rest."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from pipeline.research.agreement.metrics import Point, Tally

Floats = NDArray[np.float64]


def platt(odds: Floats, shows: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept that make log odds calibrated (Platt 1999, with his soft targets).

    Parameters
    ----------
    odds
        Log odds that a turn shows a rupture, as the network has them.
    shows
        Whether it shows one.
    """
    positive, negative = int(shows.sum()), int((~shows).sum())
    wanted = np.where(shows, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(line: Floats) -> float:
        scores = odds * line[0] + line[1]
        return float(np.mean(np.logaddexp(0, scores) - wanted * scores))

    found = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead")
    return float(found.x[0]), float(found.x[1])


def ranked(probabilities: Floats, shows: NDArray[np.bool_]) -> Tally:
    """Turns as a tally, whose curve, average precision and reliability say how well they rank."""
    pairs = zip(probabilities.tolist(), shows.tolist(), strict=True)
    return Tally(events=int(shows.sum()), ranked=tuple(pairs))


def best_f1(tally: Tally) -> Point:
    """The point of the curve with the highest F1."""
    return max(
        tally.curve,
        key=lambda point: point.precision * point.recall / (point.precision + point.recall or 1),
    )
