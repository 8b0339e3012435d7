"""Errors of a pitch tracker against a laryngograph: of each moment, and of each utterance.

Rabiner et al. (1976), "A comparative performance study of several pitch detection algorithms":
a *gross error* is a pitch more than 20 % off where both call the moment voiced; a *voicing error* a
moment that one calls voiced and the other not. Moments are those of the reference, every 15 ms.

Of an utterance: its f0 median and span, as features measure them, from the tracker's own voiced
frames against those of the laryngograph.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from pipeline import config, measures
from pipeline.audio.samples import Samples
from pipeline.core.time import FRAME_MS
from pipeline.engines.protocols import PitchTracker
from pipeline.evaluation.material.small_session import session, value
from pipeline.measures.feature import Given
from pipeline.measures.features import pitch

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
    return moment_error(tracker.track(samples)[0], reference)


def moment_error(f0_hz: Samples, reference: NDArray[np.float64]) -> PitchError:
    """Errors of a track that is known already."""
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


@dataclass(frozen=True)
class UtteranceError:
    """Differences from the laryngograph in semitones, signed.

    Attributes
    ----------
    median_st, span_st, final_st
        Of the features f0_median_st, f0_span_st, f0_final_st; NaN where one of the two is null.
    """

    median_st: float
    span_st: float
    final_st: float


def utterance_error(
    f0_hz: Samples, reference: NDArray[np.float64], settings: config.Settings
) -> UtteranceError:
    """Errors of one sentence; pitch of the reference outside 60-500 Hz is left out."""
    inside = (reference >= LOWEST_HZ) & (reference <= HIGHEST_HZ)
    ours = _features(np.arange(len(f0_hz)) * FRAME_MS, f0_hz, settings)
    # Each frame takes the nearest moment of the reference, as it takes that of a tracker.
    t_ms = np.arange(0, (len(reference) - 1) * REFERENCE_HOP_MS + 1, FRAME_MS)
    nearest = np.rint(t_ms / REFERENCE_HOP_MS).astype(int)
    theirs = _features(t_ms, np.where(inside, reference, np.nan)[nearest], settings)
    return UtteranceError(*(our - their for our, their in zip(ours, theirs, strict=True)))


def _features(
    t_ms: NDArray[np.int64], f0_hz: NDArray[np.floating[Any]], settings: config.Settings
) -> list[float]:
    """f0 median, span and end of one turn; NaN for null."""
    last = int(t_ms[-1]) + FRAME_MS
    sounds = {int(t): float(f0) for t, f0 in zip(t_ms, f0_hz, strict=True) if not np.isnan(f0)}
    tables = session([("a", 0, last)], frames={"a": lambda t: (sounds.get(t), -20.0)})
    wanted = [
        feature
        for name in ("f0_median_st", "f0_span_st", "f0_final_st")
        for feature in pitch.features(Given(settings))
        if (feature.item, feature.name) == ("turn", name)
    ]
    found = measures.measure_all(tables, wanted)
    measured = [value(found, "turn", feature.name) for feature in wanted]
    return [np.nan if one is None else one for one in measured]
