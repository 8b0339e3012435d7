"""Who speaks in each 50 ms: adapted Gaussian mixtures and the best path through them.

Reynolds, Quatieri & Dunn, "Speaker verification using adapted Gaussian mixture models" (Digital
Signal Processing 10, 2000): one mixture is trained on everybody's speech, and its means are moved
towards each speaker's.
"""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Sums = NDArray[np.float64]
Labels = NDArray[np.int64]

COEFFICIENTS = 20
_SLOPE_REACH = 4  # frames to either side over which a slope is taken
_FRAMES_AT_ONCE = 16_384
_MIN_VARIANCE = 1e-2  # of features scaled to variance 1


@dataclass(frozen=True)
class Mixture:
    """Gaussian mixture with diagonal covariances.

    Attributes
    ----------
    weights, means, variances
        Shapes (m,), (m, d), (m, d).
    """

    weights: Matrix
    means: Matrix
    variances: Matrix

    def joint(self, frames: Matrix) -> Matrix:
        """Log density of each frame together with each component, shape (n, m)."""
        precision = 1 / self.variances
        constant = (
            np.log(self.weights)
            - 0.5 * np.log(2 * np.pi * self.variances).sum(axis=1)
            - 0.5 * (self.means**2 * precision).sum(axis=1)
        )
        found: Matrix = np.asarray(
            constant + frames @ (self.means * precision).T - 0.5 * (frames**2) @ precision.T,
            np.float32,
        )
        return found

    def likelihood(self, frames: Matrix) -> Matrix:
        """Log density of each frame, shape (n,)."""
        parts = [
            _log_sum(self.joint(frames[at : at + _FRAMES_AT_ONCE]))
            for at in range(0, len(frames), _FRAMES_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)

    def statistics(self, frames: Matrix) -> tuple[Sums, Sums, Sums]:
        """Count, sum and sum of squares of the frames that each component explains."""
        m, d = self.means.shape
        count, first, second = np.zeros(m), np.zeros((m, d)), np.zeros((m, d))
        for at in range(0, len(frames), _FRAMES_AT_ONCE):
            piece = frames[at : at + _FRAMES_AT_ONCE]
            joint = self.joint(piece)
            level = _log_sum(joint)
            share = np.exp(joint - level[:, None])
            count += share.sum(axis=0)
            first += share.T @ piece
            second += share.T @ piece**2
        return count, first, second


def _log_sum(joint: Matrix) -> Matrix:
    top = joint.max(axis=1)
    found: Matrix = top + np.log(np.exp(joint - top[:, None]).sum(axis=1))
    return found


def cepstra(spectrum: Matrix, floor_db: float) -> Matrix:
    """MFCC 1-20 and their slopes, shape (n, 40), from a mel power spectrum of shape (n, bands).

    Parameters
    ----------
    floor_db
        Bands weaker than the loudest by more than this are raised to it: what a telephone
        cuts away is no voice.
    """
    decibel = 10 * np.log10(np.maximum(spectrum, 1e-10))
    decibel = np.maximum(decibel, decibel.max() - floor_db)
    static = scipy.fft.dct(decibel, axis=1, norm="ortho")[:, 1 : COEFFICIENTS + 1]
    reach = np.arange(-_SLOPE_REACH, _SLOPE_REACH + 1)
    padded = np.pad(static, ((_SLOPE_REACH, _SLOPE_REACH), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(reach), axis=0)
    slope = windows @ (reach / (reach**2).sum())
    return np.concatenate([static, slope], axis=1).astype(np.float32)


def train(frames: Matrix, components: int, rounds: int, seed: int) -> Mixture:
    """A mixture over `frames`, by expectation and maximisation from random frames."""
    random = np.random.default_rng(seed)
    means = frames[random.choice(len(frames), components, replace=False)]
    variance = np.maximum(frames.var(axis=0), _MIN_VARIANCE)
    mixture = Mixture(
        np.full(components, 1 / components, dtype=np.float32),
        means,
        np.tile(variance, (components, 1)),
    )
    for _ in range(rounds):
        count, first, second = mixture.statistics(frames)
        safe = np.maximum(count, 1e-3)[:, None]
        centre = first / safe
        spread = np.maximum(second / safe - centre**2, _MIN_VARIANCE)
        weights = safe[:, 0] / safe.sum()
        mixture = Mixture(
            weights.astype(np.float32), centre.astype(np.float32), spread.astype(np.float32)
        )
    return mixture


def adapted(mixture: Mixture, frames: Matrix, relevance: float) -> Mixture:
    """`mixture` with its means moved towards `frames`, the more the more frames a component has."""
    count, first, _ = mixture.statistics(frames)
    share = (count / (count + relevance))[:, None]
    means = share * first / np.maximum(count, 1e-6)[:, None] + (1 - share) * mixture.means
    return Mixture(mixture.weights, means.astype(np.float32), mixture.variances)


def best_path(scores: NDArray[np.float64], switch: NDArray[np.float64]) -> tuple[float, Labels]:
    """Score and states of the best path (Viterbi).

    Parameters
    ----------
    scores
        Log likelihood of each block under each speaker, shape (n, k).
    switch
        Cost of another speaker in this block than in the block before, shape (n,).
    """
    n, k = scores.shape
    came = np.zeros((n, k), dtype=np.int64)
    best = scores[0].tolist()
    rows, costs = scores.tolist(), switch.tolist()
    for at in range(1, n):
        leader = max(range(k), key=best.__getitem__)
        hop = best[leader] - costs[at]
        row = rows[at]
        following = came[at]
        for state in range(k):
            if best[state] >= hop:
                following[state] = state
                row[state] += best[state]
            else:
                following[state] = leader
                row[state] += hop
        best = row
    state = max(range(k), key=best.__getitem__)
    score = best[state]
    path = np.empty(n, dtype=np.int64)
    for at in range(n - 1, -1, -1):
        path[at] = state
        state = int(came[at, state])
    return float(score), path
