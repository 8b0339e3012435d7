"""Decoded audio: the samples of each channel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.time import SAMPLE_RATE_HZ, samples_to_ms

Samples = NDArray[np.float32]
"""Shape (n,), 16 kHz, full scale -1 to 1."""


@dataclass(frozen=True)
class Audio:
    """The decoded recording: one array per channel, all of the same length.

    Attributes
    ----------
    channels
        Samples of each channel at 16 kHz, usually memory-mapped: slice them, do not copy all.
    """

    channels: Sequence[Samples]
    sample_rate_hz: int = SAMPLE_RATE_HZ

    @property
    def n_samples(self) -> int:
        """Samples per channel."""
        return len(self.channels[0])

    @property
    def duration_ms(self) -> int:
        """Length in whole milliseconds."""
        return samples_to_ms(self.n_samples)

    def mixed(self, start: int, end: int) -> Samples:
        """Mean of all channels over the samples ``[start, end)``."""
        if len(self.channels) == 1:
            return self.channels[0][start:end]
        total = np.zeros(min(end, self.n_samples) - start, dtype=np.float32)
        for channel in self.channels:
            total += channel[start:end]
        return total / np.float32(len(self.channels))
