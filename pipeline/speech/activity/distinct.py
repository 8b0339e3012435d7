"""Whether the channels of a recording carry different speakers."""

import numpy as np
import scipy

from pipeline import config
from pipeline.audio.levels import levels
from pipeline.audio.samples import Audio


def distinct_channels(audio: Audio, settings: config.Activity) -> bool | None:
    """Whether the channels carry different speakers, so that no model is needed to separate them.

    Each channel is measured relative to its own loud frames. A channel counts if it is clearly
    above every other one in a fair share of the loud frames. The same signal on both channels never
    counts, nor do two microphones that pick up both speakers equally, nor a channel without signal.

    Returns
    -------
    None if there are fewer than two channels, or no samples.
    """
    if len(audio.channels) < 2 or not audio.n_samples:  # noqa: PLR2004  "two" is in the name
        return None
    relative = []
    for samples in audio.channels:
        level = scipy.ndimage.uniform_filter1d(
            levels(samples, settings).voice_db, settings.lean_frames
        )
        quiet, loud = np.percentile(level, [settings.floor_percentile, settings.lean_percentile])
        if loud - quiet >= settings.lean_range_db and loud > settings.lean_dbfs:
            relative.append(level - loud)
    if len(relative) < 2:  # noqa: PLR2004
        return False
    ranked = np.sort(np.stack(relative), axis=0)
    loud_frames = ranked[-1] > -settings.lean_range_db
    leader = np.argmax(np.stack(relative), axis=0)
    clear = loud_frames & (ranked[-1] - ranked[-2] >= settings.lean_db)
    shares = [np.sum(clear & (leader == c)) / loud_frames.sum() for c in range(len(relative))]
    return sum(bool(share >= settings.lean_share) for share in shares) >= 2  # noqa: PLR2004
