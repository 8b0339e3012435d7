"""Level correction: inaudible or overloaded sound is scaled, inverted channels are turned over.

A float recording may lie 90 dB below full scale or far above it, and a cable or a plug-in may
invert a channel, so that two channels cancel when they are mixed. Each channel gets one factor; a
negative one turns it over. Factors are powers of two, so that samples keep all their bits and the
channels of a file keep their relation.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.samples import Samples
from pipeline.config import AudioDecoding
from pipeline.core.time import SAMPLE_RATE_HZ, SAMPLES_PER_FRAME

_BLOCK = 60 * SAMPLE_RATE_HZ
_TINY = 1e-12
_DB_OF_TWO = 20 * np.log10(2)


@dataclass(frozen=True)
class Level:
    """The factor of the channels of one file.

    Attributes
    ----------
    factor
        A power of two.
    cut
        Number of 10 ms frames that still exceed full scale and are clipped.
    """

    factor: float = 1.0
    cut: int = 0

    def sentences(self) -> Iterator[str]:
        """What was done, in sentences."""
        by_db = round(abs(np.log2(self.factor)) * _DB_OF_TWO)
        if self.factor > 1:
            yield f"The sound is very quiet; it was turned up by {by_db} dB."
        if self.factor < 1:
            yield f"The sound is far above full scale; it was turned down by {by_db} dB."
        if self.cut:
            yield f"Frames of 10 ms clipped at full scale: {self.cut}."


def level(channels: Sequence[Samples], settings: AudioDecoding) -> Level:
    """The factor that makes the sound of one file audible and playable.

    Parameters
    ----------
    channels
        All channels of the file.
    """
    loud, peaks = -np.inf, np.zeros(1, np.float64)
    for samples in channels:
        spread, peak = _frames(samples)
        heard = spread[spread > 0]
        if heard.size:
            power = float(np.percentile(heard, settings.loud_percentile))
            loud = max(loud, 10 * np.log10(max(power, _TINY**2)))
        peaks = np.maximum(peaks, peak) if peaks.size == peak.size else peak
    top = float(np.percentile(peaks, settings.peak_percentile))
    if peaks.max() > settings.over_scale:
        factor = 2.0 ** min(0, -np.ceil(np.log2(max(top, 1))))
    elif np.isfinite(loud) and loud < settings.quiet_dbfs:
        most = np.log2(1 / top) if top > 0 else 0
        wanted = (settings.raised_dbfs - loud) / _DB_OF_TWO
        factor = 2.0 ** max(0, np.floor(min(wanted, most)))
    else:
        return Level()
    return Level(float(factor), int(np.sum(peaks * factor > 1)))


def _frames(samples: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variance and peak of each 10 ms frame; variance ignores a constant offset."""
    spread, peak = [], []
    for start in range(0, len(samples), _BLOCK):
        block = np.asarray(samples[start : start + _BLOCK], np.float64)
        block = np.pad(block, (0, -len(block) % SAMPLES_PER_FRAME))
        framed = block.reshape(-1, SAMPLES_PER_FRAME)
        spread.append(framed.var(axis=1))
        peak.append(np.abs(framed).max(axis=1))
    return np.concatenate(spread), np.concatenate(peak)


def products(channels: Sequence[Samples]) -> NDArray[np.float64]:
    """Sum of products of each pair of channels, with the mean of each minute removed."""
    total = np.zeros((len(channels), len(channels)))
    for start in range(0, len(channels[0]), _BLOCK):
        block = np.stack([samples[start : start + _BLOCK] for samples in channels])
        block = block - block.mean(axis=1, keepdims=True)
        total += block @ block.T
    return total


def correlations(of_pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation of each pair of channels, -1 to 1; 0 if one is silent."""
    size = np.sqrt(np.diag(of_pairs))
    scale = np.outer(size, size)
    alike: NDArray[np.float64] = np.where(scale > 0, of_pairs / np.where(scale > 0, scale, 1), 0)
    return alike


def turned_over(of_pairs: NDArray[np.float64], settings: AudioDecoding) -> dict[int, int]:
    """Inverted channels, each with the earlier channel that it would cancel."""
    alike = correlations(of_pairs)
    signs: dict[int, int] = {}
    against: dict[int, int] = {}
    for first in range(len(alike)):
        if first in signs:
            continue
        signs[first] = 1
        reached = [first]
        for one in reached:
            for two in range(len(alike)):
                if two not in signs and abs(alike[one, two]) >= settings.inverted_correlation:
                    signs[two] = signs[one] * (1 if alike[one, two] > 0 else -1)
                    reached.append(two)
                    if signs[two] < 0:
                        against[two] = first
    return dict(sorted(against.items()))
