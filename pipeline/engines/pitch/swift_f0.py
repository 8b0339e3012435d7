"""Pitch tracker `swift_f0`: a small neural network whose weights are part of its package.

Nieradzik (2025), "SwiftF0: Fast and Accurate Monophonic Pitch Detection". The model answers every
16 ms; a 10 ms frame takes the answer of the nearest model frame, never a value between two, for
between a voiced and an unvoiced frame lies no pitch::

    model    0         16        32        48        64        80      every 16 ms
    frame    0     10     20     30     40     50    60     70     80  every 10 ms
    from     0     16     16     32     32     48    64     64     80
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.audio.samples import Samples
from pipeline.config import Settings
from pipeline.core.errors import EngineError
from pipeline.core.registry import engine
from pipeline.core.time import SAMPLE_RATE_HZ, SAMPLES_PER_FRAME
from pipeline.engines.protocols import Identity

# The model's own grid and reach (swift-f0 0.3): with 11 frames of context on each side a piece
# gives exactly what the whole gives.
_HOP = 256
_CONTEXT_FRAMES = 11
# 4 s of audio stay in the processor's cache; longer pieces are slower, shorter ones waste context.
_PIECE_FRAMES = 250


@engine("pitch tracker", "swift_f0")
class SwiftF0Tracker:
    """Fundamental frequency by swift-f0 on the processor.

    Pieces of 4 s are tracked side by side on ``engines.threads`` threads; the result does not
    depend on the number of threads.
    """

    def __init__(self, settings: Settings) -> None:
        self._pitch = settings.pitch
        self._threads = settings.engines.threads

    def identity(self) -> Identity:
        """Library version and SHA-256 of the model.

        Raises
        ------
        EngineError
            swift-f0 is not installed.
        """
        found = find_spec("swift_f0")
        if found is None or not found.submodule_search_locations:
            raise EngineError(
                "pitch tracker 'swift_f0' is not installed",
                hint="pip install 'swift-f0==0.3.*', or set engines.pitch: pyin",
            )
        model = Path(next(iter(found.submodule_search_locations))) / "model.onnx"
        try:
            digest = sha256(model.read_bytes()).hexdigest()
        except OSError as caught:
            raise EngineError(
                "pitch tracker 'swift_f0' lacks its model",
                hint="pip install --force-reinstall 'swift-f0==0.3.*'",
            ) from caught
        return {"engine": "swift_f0", "swift_f0": version("swift-f0"), "model": digest}

    def track(self, samples: Samples) -> tuple[Samples, Samples]:
        """Pitch of one stretch of speech; see `ports.PitchTracker.track`.

        A frame is voiced where the model's confidence is at least ``pitch.min_voicing``. Model
        frames whose audio stays under -60 dBFS count as unvoiced: bring quiet speech up first.

        Raises
        ------
        EngineError
            The model failed.
        """
        frames = -(-len(samples) // SAMPLES_PER_FRAME)
        if frames == 0:
            return np.empty(0, np.float32), np.empty(0, np.float32)
        pieces = list(_pieces(max(1, len(samples) // _HOP)))
        detector = self._detector
        try:
            with ThreadPoolExecutor(self._threads) as pool:
                parts = list(pool.map(lambda piece: self._piece(detector, samples, *piece), pieces))
        except Exception as caught:
            reason = type(caught).__name__
            raise EngineError(f"pitch tracker 'swift_f0' failed ({reason})") from caught
        f0_hz, voicing = (np.concatenate(values) for values in zip(*parts, strict=True))
        # Half-way between two model frames the earlier one is taken, wherever the stretch began.
        nearest = (np.arange(frames) * SAMPLES_PER_FRAME + (_HOP // 2 - 1)) // _HOP
        nearest = np.minimum(nearest, len(f0_hz) - 1)
        f0_hz, voicing = f0_hz[nearest], np.clip(voicing[nearest], 0, 1)
        f0_hz[voicing < self._pitch.min_voicing] = np.nan
        return f0_hz, voicing

    @cached_property
    def _detector(self) -> Any:
        self.identity()
        from swift_f0 import SwiftF0

        # Pieces run side by side: one thread each, and none that waits by spinning.
        return SwiftF0(threads=1, spin=False)

    def _piece(
        self, detector: Any, samples: Samples, start: int, end: int
    ) -> tuple[Samples, Samples]:
        left = max(0, start - _CONTEXT_FRAMES)
        audio = samples[left * _HOP : (end + _CONTEXT_FRAMES) * _HOP]
        found = detector.detect(audio, SAMPLE_RATE_HZ, self._pitch.min_hz, self._pitch.max_hz)
        kept = slice(start - left, end - left)
        return (
            found.pitch_hz[kept].astype(np.float32),
            found.confidence[kept].astype(np.float32),
        )


def _pieces(frames: int) -> Iterator[tuple[int, int]]:
    for start in range(0, frames, _PIECE_FRAMES):
        yield start, min(start + _PIECE_FRAMES, frames)
