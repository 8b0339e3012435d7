"""Voices whose pitch, jitter, shimmer and harmonics-to-noise ratio are known.

A train of pulses, placed between samples, shaped by a source and by formants (Fant's source and
filter); noise of the same spectrum may be added.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter, resample_poly

from pipeline.audio.samples import Samples
from pipeline.core.time import SAMPLE_RATE_HZ

Floats = NDArray[np.float64]
_FINE = 16
_FORMANTS_HZ = ((600, 80), (1200, 100), (2500, 140), (3400, 200))
_SOURCE_HZ = (200, 500)
# Mean size of the difference of two normal deviates, over their standard deviation.
_APART = 2 / np.sqrt(np.pi)


@dataclass(frozen=True)
class Voice:
    """What was made.

    Attributes
    ----------
    samples
        At 16 kHz.
    jitter, shimmer
        Of this very voice: mean difference of neighbours over the mean.
    """

    samples: Samples
    jitter: float
    shimmer: float


def voice(
    f0_hz: float,
    *,
    seconds: float = 2.0,
    jitter: float = 0.0,
    shimmer: float = 0.0,
    hnr_db: float | None = None,
    seed: int = 0,
) -> Voice:
    """A steady vowel.

    Parameters
    ----------
    jitter, shimmer
        Wanted: periods and amplitudes vary independently from cycle to cycle.
    hnr_db
        Power of the voice over that of the noise; None: no noise.
    """
    rng = np.random.default_rng(seed)
    count = round(seconds * f0_hz * 1.1)
    periods = (1 + jitter / _APART * rng.normal(size=count)) / f0_hz
    heights = 1 + shimmer / _APART * rng.normal(size=count)
    at = np.cumsum(periods)
    inside = at < seconds - 0.05
    periods, heights, at = periods[inside], heights[inside], at[inside]
    n = round(seconds * SAMPLE_RATE_HZ)
    pulses = np.zeros(n * _FINE)
    pulses[np.rint(at * SAMPLE_RATE_HZ * _FINE).astype(int)] = heights
    tone = _shaped(resample_poly(pulses, 1, _FINE, window=("kaiser", 8.0)))
    if hnr_db is not None:
        tone = tone + 10 ** (-hnr_db / 20) * _shaped(rng.normal(size=n))
    return Voice(np.asarray(0.1 * tone, np.float32), _relative(periods), _relative(heights))


def _shaped(excitation: Floats) -> Floats:
    """The excitation through source and formants, of power 1."""
    made = excitation
    for corner_hz in _SOURCE_HZ:
        pole = np.exp(-np.pi * corner_hz / SAMPLE_RATE_HZ)
        made = lfilter([1 - pole], [1, -pole], made)
    made = lfilter([1, -0.97], [1], made)
    for centre_hz, width_hz in _FORMANTS_HZ:
        pole = np.exp(-np.pi * width_hz / SAMPLE_RATE_HZ)
        turn = 2 * pole * np.cos(2 * np.pi * centre_hz / SAMPLE_RATE_HZ)
        made = lfilter([1 - turn + pole**2], [1, -turn, pole**2], made)
    return np.asarray(made / np.std(made))


def _relative(values: Floats) -> float:
    return float(np.mean(np.abs(np.diff(values))) / np.mean(values))
