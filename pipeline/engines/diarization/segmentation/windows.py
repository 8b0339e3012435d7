"""What a segmentation network hears in windows of 10 s: speech, overlap, and who is whom nearby.

Plaquet & Bredin, "Powerset multi-class cross entropy loss for neural speaker diarization"
(Interspeech 2023); the network is pyannote's segmentation-3.0 (MIT). In each window it tells up to
three *local* speakers apart, of whom two may speak at once; who is whom from window to window it
does not know::

    window 1   ··1111··2222211111·······
    window 2           222221111····33333···     (its 2 is the 2 above, its 1 the 1)
    speech       ████  ███████████  █████        mean over the windows, most weight on their middles
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.samples import Audio
from pipeline.core.time import FRAME_MS, SAMPLE_RATE_HZ, SAMPLES_PER_FRAME

Halves = NDArray[np.float16]
Floats = NDArray[np.float32]

WINDOW_MS = 10_000
WINDOW_FRAMES = WINDOW_MS // FRAME_MS
LOCAL = 3
_CLASSES = 7  # nobody; one of three; two of three
_HOP = 270  # samples from one output to the next, and the field that each of them sees
_FIELD = 991
_EDGE = 0.01  # weight of the first and last frame of a window beside its middle

Network = Callable[[Floats], Floats]
"""From windows of samples, shape (n, 160000), to class log probabilities, (n, 589, 7)."""


@dataclass(frozen=True)
class Windows:
    """Probabilities on the grid of 10 ms frames.

    Attributes
    ----------
    speech, overlap
        That somebody, and that more than one, speaks in each frame of the recording; shape (n,).
    alone
        For each window, that each local speaker speaks alone; shape (windows, 1000, 3).
    step
        Frames from the start of one window to that of the next.
    """

    speech: Floats
    overlap: Floats
    alone: Halves
    step: int


def listen(audio: Audio, network: Network, step_ms: int, at_once: int) -> Windows:
    """Lay windows over the recording, all channels mixed; what lies beyond its end is silence."""
    step = step_ms // FRAME_MS
    n = -(-audio.n_samples // SAMPLES_PER_FRAME)
    count = max(1, -(-(n - WINDOW_FRAMES) // step) + 1)
    frames = _grid()
    weight = window_weight()
    speech, overlap, total = (np.zeros(n + WINDOW_FRAMES, np.float32) for _ in range(3))
    alone = np.empty((count, WINDOW_FRAMES, LOCAL), np.float16)
    for first in range(0, count, at_once):
        numbers = range(first, min(first + at_once, count))
        batch = np.stack([_samples(audio, number * step) for number in numbers])
        found = np.exp(network(batch)[:, frames])
        alone[first : first + len(batch)] = found[:, :, 1 : 1 + LOCAL]
        for number, own in zip(numbers, found, strict=True):
            at = slice(number * step, number * step + WINDOW_FRAMES)
            speech[at] += weight * own[:, 1:].sum(axis=1)
            overlap[at] += weight * own[:, 1 + LOCAL :].sum(axis=1)
            total[at] += weight
    total = np.maximum(total[:n], 1e-6)
    return Windows(speech[:n] / total, overlap[:n] / total, alone, step)


def window_weight() -> Floats:
    """Weight of each frame of a window: the middle has heard most of what is around it."""
    return (np.hanning(WINDOW_FRAMES + 2)[1:-1] + _EDGE).astype(np.float32)


def _grid() -> NDArray[np.intp]:
    """Of each 10 ms frame of a window the output whose field is centred nearest."""
    centres = np.arange(WINDOW_FRAMES) * SAMPLES_PER_FRAME + SAMPLES_PER_FRAME / 2
    last = (WINDOW_MS * SAMPLE_RATE_HZ // 1000 - _FIELD) // _HOP
    return np.clip(np.rint((centres - _FIELD / 2) / _HOP), 0, last).astype(np.intp)


def _samples(audio: Audio, frame: int) -> Floats:
    start = frame * SAMPLES_PER_FRAME
    samples = audio.mixed(start, start + WINDOW_FRAMES * SAMPLES_PER_FRAME)
    window = np.zeros(WINDOW_FRAMES * SAMPLES_PER_FRAME, np.float32)
    window[: len(samples)] = samples
    return window
