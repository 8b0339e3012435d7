"""Errors of a pitch tracker against a laryngograph: gross errors and voicing errors.

Rabiner et al. (1976), "A comparative performance study of several pitch detection algorithms":
a *gross error* is a pitch more than 20 % off where both call the moment voiced; a *voicing error* a
moment that one calls voiced and the other not. Moments are those of the reference, every 15 ms.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from pipeline.ports import PitchTracker, Samples

LOWEST_HZ, HIGHEST_HZ = 60, 500
REFERENCE_HOP_MS = 15


@dataclass(frozen=True)
class PitchError:
    """Counts of moments; results of several recordings add up."""

    compared: int = 0
    voicing_wrong: int = 0
    both_voiced: int = 0
    gross: int = 0

    @property
    def gross_error(self) -> float:
        """Share of the moments that both call voiced."""
        return self.gross / self.both_voiced

    @property
    def voicing_error(self) -> float:
        """Share of all moments."""
        return self.voicing_wrong / self.compared

    def __add__(self, other: "PitchError") -> "PitchError":
        return PitchError(
            self.compared + other.compared,
            self.voicing_wrong + other.voicing_wrong,
            self.both_voiced + other.both_voiced,
            self.gross + other.gross,
        )


def sentences(folder: Path) -> Iterator[tuple[Samples, NDArray[np.float64]]]:
    """Samples at 16 kHz and the reference in Hz (0: unvoiced) of each sentence."""
    for path in sorted(folder.glob("*.flac")):
        with av.open(path) as container:
            rate = container.streams.audio[0].rate
            blocks = [frame.to_ndarray().ravel() for frame in container.decode(audio=0)]
        assert rate == 20_000
        assert blocks[0].dtype == np.dtype(np.int16)
        whole = np.concatenate(blocks).astype(np.float64) / 2**15
        samples = resample_poly(whole, 4, 5).astype(np.float32)
        yield samples, np.loadtxt(path.with_suffix(".f0ref"))


def error(tracker: PitchTracker, samples: Samples, reference: NDArray[np.float64]) -> PitchError:
    """Errors of one sentence; moments with a reference outside 60-500 Hz are left out."""
    f0_hz, _ = tracker.track(samples)
    frame = np.rint(np.arange(len(reference)) * REFERENCE_HOP_MS / 10).astype(int)
    found = f0_hz[np.minimum(frame, len(f0_hz) - 1)]
    voiced, truly = ~np.isnan(found), reference > 0
    counted = ~truly | ((reference >= LOWEST_HZ) & (reference <= HIGHEST_HZ))
    both = voiced & truly & counted
    return PitchError(
        int(counted.sum()),
        int(((voiced != truly) & counted).sum()),
        int(both.sum()),
        int((np.abs(found[both] / reference[both] - 1) > 0.2).sum()),
    )
