"""Speech probability from the detector: of a whole channel, and of single stretches on their own.

The detector has a memory. After a loud voice, or in the noise of a distant microphone, it gives a
quiet voice a probability near zero; with a fresh memory and at its own level, the same stretch is
clear.
"""

import numpy as np
import scipy

from pipeline import config
from pipeline.audio.levels import Frames, without_rumble
from pipeline.audio.samples import Samples
from pipeline.core.time import FRAME_MS, SAMPLES_PER_FRAME, SAMPLES_PER_MS
from pipeline.engines.protocols import SpeechDetector


def whole(
    samples: Samples, detector: SpeechDetector, voice_db: Frames, settings: config.Activity
) -> Frames:
    """Largest speech probability near each frame, with the channel at a standard level.

    The channel is processed in pieces, each with a lead-in for the detector's memory.

    Parameters
    ----------
    voice_db
        Levels of the frames that are not digital zeros, dBFS; the loud ones set the gain.
    """
    gain = _gain(voice_db, settings.loud_dbfs, settings)
    n_frames = -(-len(samples) // SAMPLES_PER_FRAME)
    block = detector.block_ms * SAMPLES_PER_MS
    piece, lead = settings.piece_ms // detector.block_ms, settings.lead_ms // detector.block_ms
    heard_blocks = []
    for first in range(0, -(-len(samples) // block), piece):
        start = max(first - lead, 0)
        part = np.asarray(samples[start * block : (first + piece) * block])
        # With a DC offset, the amplified signal would exceed full scale and hide the speech.
        heard = (part - part.mean(dtype=np.float64).astype(np.float32)) * gain
        heard_blocks.append(detector.probabilities(np.clip(heard, -1, 1))[first - start :])
    return _near(np.concatenate(heard_blocks), detector.block_ms, n_frames, settings)


def alone(
    samples: Samples, detector: SpeechDetector, voice_db: Frames, settings: config.Activity
) -> Frames:
    """Largest speech probability near each frame of a stretch, analysed on its own.

    Parameters
    ----------
    samples
        Samples of the stretch.
    voice_db
        Its levels without digital zeros, dBFS.
    """
    gain = _gain(voice_db, settings.alone_dbfs, settings)
    heard = np.clip(without_rumble(samples, settings) * gain, -1, 1)
    n_frames = -(-len(samples) // SAMPLES_PER_FRAME)
    return _near(detector.probabilities(heard), detector.block_ms, n_frames, settings)


def _gain(voice_db: Frames, loud_dbfs: float, settings: config.Activity) -> np.float32:
    gain_db = loud_dbfs - float(np.percentile(voice_db, settings.loud_percentile))
    return np.float32(10 ** (min(gain_db, settings.max_gain_db) / 20))


def _near(blocks: Frames, block_ms: int, n_frames: int, settings: config.Activity) -> Frames:
    centres = np.arange(n_frames) * FRAME_MS + FRAME_MS // 2
    frames = blocks[np.minimum(centres // block_ms, len(blocks) - 1)]
    near: Frames = scipy.ndimage.maximum_filter1d(frames, 2 * (settings.near_ms // FRAME_MS) + 1)
    return near
