"""Pitch tracker `pyin`: librosa's probabilistic YIN, the classical method to compare with.

Mauch & Dixon (2014), "pYIN: A Fundamental Frequency Estimator Using Probabilistic Threshold
Distributions". About ten times slower than `swift_f0` and with three times its voicing errors.
"""

from importlib.metadata import PackageNotFoundError, version

import numpy as np

from pipeline.audio.samples import Samples
from pipeline.config import Settings
from pipeline.core.errors import EngineError
from pipeline.core.registry import engine
from pipeline.core.time import SAMPLE_RATE_HZ, SAMPLES_PER_FRAME
from pipeline.engines.protocols import Identity

# YIN needs two periods of the lowest pitch in half of its frame: 64 ms hold that from 63 Hz.
_FRAME_SAMPLES = 1024


@engine("pitch tracker", "pyin")
class PyinTracker:
    """Fundamental frequency by ``librosa.pyin`` with a hop of 10 ms."""

    def __init__(self, settings: Settings) -> None:
        self._pitch = settings.pitch

    def identity(self) -> Identity:
        """Library version.

        Raises
        ------
        EngineError
            librosa is not installed.
        """
        try:
            return {"engine": "pyin", "librosa": version("librosa")}
        except PackageNotFoundError as caught:
            raise EngineError(
                "pitch tracker 'pyin' needs librosa",
                hint="pip install 'librosa>=0.11,<0.12', or set engines.pitch: swift_f0",
            ) from caught

    def track(self, samples: Samples) -> tuple[Samples, Samples]:
        """Pitch of one stretch of speech; see `ports.PitchTracker.track`.

        pYIN decides on voicing by itself (Viterbi over voiced and unvoiced states); its voicing
        probability is on another scale than swift-f0's, so ``pitch.min_voicing`` is not applied.

        Raises
        ------
        EngineError
            librosa failed.
        """
        frames = -(-len(samples) // SAMPLES_PER_FRAME)
        if frames == 0:
            return np.empty(0, np.float32), np.empty(0, np.float32)
        self.identity()
        import librosa

        try:
            f0_hz, _, voicing = librosa.pyin(
                np.asarray(samples),
                sr=SAMPLE_RATE_HZ,
                fmin=self._pitch.min_hz,
                fmax=self._pitch.max_hz,
                frame_length=_FRAME_SAMPLES,
                hop_length=SAMPLES_PER_FRAME,
                fill_na=np.nan,
            )
        except Exception as caught:
            raise EngineError(f"pitch tracker 'pyin' failed ({type(caught).__name__})") from caught
        return f0_hz[:frames].astype(np.float32), voicing[:frames].astype(np.float32)
