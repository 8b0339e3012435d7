"""First pass over a channel: where the level rises and the detector finds a voice nearby."""

from dataclasses import dataclass

import numpy as np

from pipeline import config
from pipeline.audio.levels import Frames, Levels, floor, levels
from pipeline.audio.samples import Samples
from pipeline.core.frame_runs import Mask, closed, long, under
from pipeline.engines.protocols import SpeechDetector
from pipeline.speech.activity import detection


@dataclass(frozen=True)
class Channel:
    """A channel after the first pass.

    Attributes
    ----------
    sure
        Probability of speech near each frame, 0-1.
    under_db
        Level of the noise around each frame, dBFS.
    loud_db
        Level of loud speech, dBFS.
    on
        Frames with speech.
    raised
        Frames above the noise, speech or not.
    """

    samples: Samples
    measured: Levels
    sure: Frames
    under_db: Frames
    loud_db: float
    on: Mask
    raised: Mask


def hear_once(samples: Samples, detector: SpeechDetector, settings: config.Activity) -> Channel:
    """Speech on a channel by level and detector; none if all samples are zero."""
    measured = levels(samples, settings)
    heard = measured.voice_db[~measured.zero]
    if not heard.size:
        none = np.zeros_like(measured.zero)
        return Channel(
            samples, measured, np.zeros_like(measured.power), measured.voice_db, 0.0, none, none
        )
    sure = detection.whole(samples, detector, heard, settings)
    under_db = floor(measured, settings)
    loud_db = _loud_db(measured, sure, settings)
    raised = _raised(measured, under_db, sure, loud_db, settings)
    knocks = under(raised, sure, settings.stretch_threshold) & ~long(raised, settings.knock_ms)
    on = closed(raised & ~knocks, settings.join_ms)
    on &= ~under(on, sure, settings.stretch_threshold)
    on = long(on, settings.min_speech_ms)
    return Channel(samples, measured, sure, under_db, loud_db, on, raised)


def rise_db(sure: Frames, range_db: Frames, settings: config.Activity) -> Frames:
    """Level above the noise that a frame needs, dB: the surer the detector, the less."""
    rise = settings.doubt_rise_db + (settings.sure_rise_db - settings.doubt_rise_db) * sure
    needed: Frames = np.minimum(rise, settings.max_rise_share * np.maximum(range_db, 0))
    return needed


def _loud_db(measured: Levels, sure: Frames, settings: config.Activity) -> float:
    """Level of loud speech, dBFS; of anything loud if the detector finds no speech."""
    voiced = measured.voice_db[(sure >= settings.threshold) & ~measured.zero]
    heard = voiced if voiced.size else measured.voice_db[~measured.zero]
    return float(np.percentile(heard, settings.loud_percentile))


def _raised(
    measured: Levels, under_db: Frames, sure: Frames, loud_db: float, settings: config.Activity
) -> Mask:
    """Frames that rise above the noise and are not reverberation."""
    needed = under_db + rise_db(sure, loud_db - under_db, settings)
    on = measured.voice_db > np.maximum(needed, loud_db - settings.depth_db)
    return closed(on & ~measured.zero, settings.bridge_ms)
