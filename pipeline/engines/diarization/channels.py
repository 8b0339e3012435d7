"""Diarizer `channels`: every speaker has a channel; crosstalk is separated from speech.

A microphone hears the other speaker too, weaker by a nearly fixed number of decibels, the *leak*.
It is measured where the other is loud: the lower end of how far one's own channel lies under
theirs, where one is silent. Activity on a channel is its speaker's only while it rises clearly over
what leaks::

    channel 0  ~~~====~~~____..._____      = loud speech
    channel 1  __......______~~===~~_      . leak: follows the other channel at a fixed distance
    speaker 1      (crosstalk)  spans

Overlapping speech survives, for both are then over the other's leak; words come from each channel
on its own, so every span belongs to both views, `regular` and `exclusive`.
"""

from itertools import combinations

import numpy as np
import polars as pl
import scipy
from numpy.typing import NDArray
from pydantic import Field

from pipeline.audio.levels import Frames
from pipeline.audio.levels import levels as frame_levels
from pipeline.audio.samples import Audio
from pipeline.config import Section, Settings
from pipeline.core.errors import EngineError
from pipeline.core.frame_runs import edges
from pipeline.core.registry import engine
from pipeline.core.tables import SPANS, Recording
from pipeline.core.time import FRAME_MS
from pipeline.engines.protocols import Diarized, Identity

Mask = NDArray[np.bool_]


class Channels(Section):
    """Diarizer `channels`: one speaker per channel, crosstalk separated from speech."""

    loud_percentile: float = Field(gt=0, lt=100, description="level of a channel's loud speech")
    loud_range_db: float = Field(gt=0, description="the leak is measured this far under it")
    leak_percentile: float = Field(gt=0, lt=100, description="of level differences: the leak")
    over_leak_db: float = Field(gt=0, description="speech stands this much over the leak")
    echo_ms: int = Field(ge=0, description="how far in time the leak of a sound reaches")
    join_ms: int = Field(ge=0, description="shorter crosstalk within speech is part of it")
    min_speech_ms: int = Field(ge=0, description="shorter speech between crosstalk is none")
    clear_db: float = Field(gt=0, description="leaks this far down give a margin of 1")


@engine("diarizer", "channels", settings=Channels)
class ChannelsDiarizer:
    """One speaker per channel.

    Parameters
    ----------
    settings
        Uses `channels` and `activity`.
    """

    def __init__(self, settings: Settings) -> None:
        self._chosen = settings.section(Channels)
        self._activity = settings.activity

    def identity(self) -> Identity:
        """It depends on this package only."""
        return {"engine": "channels"}

    def diarize(
        self,
        audio: Audio | None,
        activity: pl.DataFrame,
        recording: Recording,  # noqa: ARG002
    ) -> Diarized:
        """Spans of "channel 1", "channel 2", ...: the activity of each channel without crosstalk.

        `margin` is how far the leaks lie down, on average, as a share of `clear_db`; with one
        channel that speaks it is None, because nothing had to be separated.

        Raises
        ------
        EngineError
            There is no audio.
        """
        if audio is None:
            raise EngineError(
                "the diarizer 'channels' needs audio", hint="set engines.diarizer: imported"
            )
        levels = [frame_levels(samples, self._activity).voice_db for samples in audio.channels]
        active = _masks(activity, len(audio.channels), len(levels[0]))
        leaks = self._leaks(levels, active)
        own = [self._own(channel, levels, active, leaks) for channel in range(len(levels))]
        margin = None
        if leaks:
            apart_db = -float(np.mean(list(leaks.values())))
            margin = float(np.clip(apart_db / self._chosen.clear_db, 0, 1))
        return Diarized(
            _spans(own, active, activity, audio.duration_ms), margin, knows_overlap=True
        )

    def _leaks(self, levels: list[Frames], active: list[Mask]) -> dict[tuple[int, int], float]:
        """How far speech of the second channel of a pair lies lower on the first, dB.

        A louder microphone makes one leak of a pair smaller and the other greater; their mean is
        what tells the channels apart, and is kept under `-over_leak_db`.
        """
        over = self._chosen.over_leak_db
        found = {}
        speaking = [channel for channel, mask in enumerate(active) if mask.any()]
        for one, two in combinations(speaking, 2):
            to_one = self._leak(levels[one], levels[two], active[two])
            to_two = self._leak(levels[two], levels[one], active[one])
            excess = max(0.0, (to_one + to_two) / 2 + over)
            found[one, two], found[two, one] = to_one - excess, to_two - excess
        return found

    def _leak(self, own: Frames, other: Frames, active: Mask) -> float:
        settings = self._chosen
        loud = np.percentile(other[active], settings.loud_percentile)
        at = active & (other >= loud - settings.loud_range_db)
        return float(np.percentile(own[at] - other[at], settings.leak_percentile))

    def _own(
        self,
        channel: int,
        levels: list[Frames],
        active: list[Mask],
        leaks: dict[tuple[int, int], float],
    ) -> Mask:
        """Frames in which the speaker of `channel` speaks."""
        settings = self._chosen
        own = active[channel].copy()
        reach = 2 * (settings.echo_ms // FRAME_MS) + 1
        for other, level in enumerate(levels):
            leak = leaks.get((channel, other))
            if leak is not None:
                near = scipy.ndimage.maximum_filter1d(level, reach)
                over = levels[channel] > near + leak + settings.over_leak_db
                own &= over | ~active[other]
        return _tidy(own, active[channel], settings.join_ms, settings.min_speech_ms)


def _tidy(own: Mask, active: Mask, join_ms: int, min_ms: int) -> Mask:
    """`own` with the gaps within activity that are shorter than `join_ms` filled, and no crumbs."""
    tidy = own.copy()
    starts, ends = edges(own)
    for start, end in zip(ends[:-1], starts[1:], strict=True):
        if (end - start) * FRAME_MS < join_ms and active[start:end].all():
            tidy[start:end] = True
    for start, end in zip(*edges(tidy), strict=True):
        if (end - start) * FRAME_MS < min_ms:
            tidy[start:end] = False
    return tidy


def _masks(activity: pl.DataFrame, n_channels: int, n_frames: int) -> list[Mask]:
    masks = [np.zeros(n_frames, dtype=np.bool_) for _ in range(n_channels)]
    for channel, start_ms, end_ms in activity.select("channel", "start_ms", "end_ms").iter_rows():
        masks[channel][start_ms // FRAME_MS : -(-end_ms // FRAME_MS)] = True
    return masks


def _spans(
    own: list[Mask], active: list[Mask], activity: pl.DataFrame, duration_ms: int
) -> pl.DataFrame:
    rows: list[dict[str, object]] = []
    for channel, mask in enumerate(own):
        table = activity.filter(pl.col("channel") == channel)
        sure = np.zeros(len(active[channel]), dtype=np.float32)
        for start_ms, end_ms, value in table.select(
            "start_ms", "end_ms", "speech_probability"
        ).iter_rows():
            sure[start_ms // FRAME_MS : -(-end_ms // FRAME_MS)] = value
        rows.extend(
            {
                "start_ms": int(start) * FRAME_MS,
                "end_ms": min(int(end) * FRAME_MS, duration_ms),
                "speaker": f"channel {channel + 1}",
                "channel": channel,
                "confidence": float(np.mean(sure[start:end])),
                "exclusive": True,
                "regular": True,
            }
            for start, end in zip(*edges(mask), strict=True)
        )
    return SPANS.frame(rows).sort("start_ms", "channel")
