"""Second pass over the pauses: quiet voices that a loud one, or the noise, had hidden.

Every stretch without speech is analysed again on its own: with a fresh memory of the detector, and
at its own level. This finds a voice 25 dB below the other on the same microphone; what remains
uncertain is kept as a doubt::

    first       ======            =====
    pauses            ..:::..---..          each . - : stretch on its own, at its own level
    second               ===
    doubts                   ---
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline import config
from pipeline.audio.levels import Frames, periodicity
from pipeline.audio.samples import Samples
from pipeline.core.frame_runs import Mask, closed, edges, grown, long, under
from pipeline.core.time import FRAME_MS, SAMPLES_PER_FRAME
from pipeline.engines.protocols import SpeechDetector
from pipeline.speech.activity import detection
from pipeline.speech.activity.first_pass import Channel, rise_db


@dataclass(frozen=True)
class Again:
    """Results of the second pass over a channel.

    Attributes
    ----------
    voice
        Frames with speech that the first pass missed.
    doubt
        Frames that may be a quiet voice.
    sure
        Speech probability near each frame, 0-1: the larger one of both passes.
    """

    voice: Mask
    doubt: Mask
    sure: Frames


def hear_again(
    channel: Channel, busy: Mask, detector: SpeechDetector, settings: config.Activity
) -> Again:
    """Analyse the pauses of a channel again.

    Parameters
    ----------
    busy
        Frames in which somebody speaks, on this channel or another.
    """
    voice, sure = np.zeros_like(busy), np.zeros(len(busy), np.float32)
    raised = channel.raised & ~busy
    for start, end in _stretches(grown(busy, settings.guard_ms), raised, settings):
        heard = ~channel.measured.zero[start:end]
        level = channel.measured.voice_db[start:end]
        least_db = channel.loud_db - settings.alone_depth_db
        if heard.sum() * FRAME_MS < settings.knock_ms or level[heard].max() < least_db:
            continue
        piece = np.asarray(channel.samples[start * SAMPLES_PER_FRAME : end * SAMPLES_PER_FRAME])
        own = np.where(heard, detection.alone(piece, detector, level[heard], settings), 0)
        sure[start:end] = own
        if own.max() >= settings.alone_threshold or (
            own.max() >= settings.doubt_threshold and _voiced(piece, settings)
        ):
            voice[start:end] = _rising(level, channel.under_db[start:end], own, settings)
    near = grown(busy, settings.doubt_guard_ms)
    doubtful = np.maximum(sure, np.where(near, 0, channel.sure)) >= settings.doubt_threshold
    free = ~voice & ~busy
    doubt = closed(doubtful & free, settings.join_ms) & free
    return Again(voice, long(doubt, settings.knock_ms), np.maximum(sure, channel.sure))


def _voiced(piece: Samples, settings: config.Activity) -> bool:
    """Whether most frames are periodic at the pitch of a voice.

    Most frames of a voice are; hardly any of typing, paper and breath.
    """
    periodic = periodicity(piece, settings) >= settings.voice_periodicity
    return bool(periodic.mean() >= settings.voice_share)


def _rising(level: Frames, under_db: Frames, own: Frames, settings: config.Activity) -> Mask:
    """Frames of a stretch with a voice that rise above the noise; zeros never do."""
    loud_db = float(np.percentile(level[own >= settings.doubt_threshold], settings.loud_percentile))
    rise = np.maximum(rise_db(own, loud_db - under_db, settings), settings.least_rise_db)
    on = closed(level > under_db + rise, settings.bridge_ms)
    on = closed(long(on, settings.knock_ms), settings.join_ms)
    return on & ~under(on, own, settings.doubt_threshold)


def _stretches(busy: Mask, raised: Mask, settings: config.Activity) -> Iterator[tuple[int, int]]:
    """First frame, and first frame after, of each stretch to analyse.

    A rise above the noise is one stretch; what lies between is cut into equal pieces.
    """
    own = long(raised, settings.knock_ms)
    yield from zip(*edges(own), strict=True)
    longest = settings.alone_ms // FRAME_MS
    for start, end in zip(*edges(long(~busy & ~own, settings.alone_min_ms)), strict=True):
        count = -(-(end - start) // longest)
        for part in range(count):
            yield (
                start + (end - start) * part // count,
                start + (end - start) * (part + 1) // count,
            )
