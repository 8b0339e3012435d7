"""Short audio clips of a recording, in Opus, for listening to a moment.

A clip is a voice, so it is made only on request. It is WebM, which all current browsers play, and
contains nothing but sound: no date, no program version. The same input gives the same bytes.
"""

import io
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame

from pipeline.audio.samples import Audio, Samples
from pipeline.config import Clips
from pipeline.core.time import SAMPLE_RATE_HZ, ms_to_samples

MEDIA_TYPE = "audio/webm"

_FRAME = SAMPLE_RATE_HZ // 50  # 20 ms, the usual frame of Opus
_FULL_SCALE = 32767


@dataclass(frozen=True)
class Clip:
    """Audio of ``[start_ms, end_ms)``; `webm` is a complete file."""

    start_ms: int
    end_ms: int
    webm: bytes


def clip(audio: Audio, start_ms: int, end_ms: int, settings: Clips) -> Clip:
    """Audio around a moment, all channels mixed, at the recorded level.

    Parameters
    ----------
    start_ms, end_ms
        The moment. The clip begins `settings.before_ms` earlier, ends `settings.after_ms` later and
        lasts at most `settings.longest_ms`, so that a long moment is cut off at its end.
    """
    start = max(start_ms - settings.before_ms, 0)
    end = min(end_ms + settings.after_ms, start + settings.longest_ms, audio.duration_ms)
    samples = audio.mixed(ms_to_samples(start), ms_to_samples(end))
    return Clip(start, end, _webm(samples, settings.kbps))


def _webm(samples: Samples, kbps: int) -> bytes:
    file = io.BytesIO()
    whole = (np.clip(samples, -1, 1) * _FULL_SCALE).astype(np.int16)
    with av.open(file, "w", format="webm", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(
            "libopus", rate=SAMPLE_RATE_HZ, options={"application": "voip", "vbr": "constrained"}
        )
        stream.layout = "mono"
        stream.bit_rate = kbps * 1000
        for start in range(0, len(whole), _FRAME):
            piece = np.zeros(_FRAME, np.int16)
            part = whole[start : start + _FRAME]
            piece[: len(part)] = part
            frame = AudioFrame.from_ndarray(piece[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE_HZ, start
            frame.time_base = Fraction(1, SAMPLE_RATE_HZ)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()
