"""Where somebody speaks on each channel: detector and level together.

The detector tells a voice from noise, but it lags by a block or two and misses much of a quiet
speaker; the level shows to 10 ms when a sound starts and stops, but not what it is. So the more
certain the detector is of speech nearby, the less the level must rise above the noise::

    level        ___.--~~--.__.-~~~-.______|click|____
    detector     0 0 1 1 1 1 1 1 1 1 1 0 0 0  0   0 0
    must rise    15 .. 6 6 6 6 6 6 6 6 .. 15 15  15     dB over the noise floor
    speech          ==================

Stretches without speech are analysed again on their own (`second_pass`); what may or may not be a
voice there becomes a doubt. Exact digital zeros are never speech; `signal_loss` decides whether
they are lost signal or recorded silence.
"""

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from pipeline import config
from pipeline.audio.levels import TINY, Frames, levels
from pipeline.audio.samples import Audio
from pipeline.core.frame_runs import Mask, closed, edges, long
from pipeline.core.tables import ACTIVITY, DOUBTS
from pipeline.core.time import FRAME_MS, SAMPLES_PER_MS
from pipeline.engines.protocols import SpeechDetector
from pipeline.speech.activity.distinct import distinct_channels
from pipeline.speech.activity.first_pass import Channel, hear_once
from pipeline.speech.activity.second_pass import hear_again
from pipeline.speech.activity.signal_loss import lost

__all__ = ["Frames", "Heard", "detect", "distinct_channels", "edges", "hear", "levels", "lost"]


@dataclass(frozen=True)
class Heard:
    """Speech activity on the channels of a recording.

    Attributes
    ----------
    activity
        Table `activity`, sorted by start_ms, channel. The stretches of a channel neither touch nor
        overlap; their boundaries are multiples of 10 ms, except at the end of the recording.
        A voice that leaks in from another channel counts as speech here: the diarizer tells
        crosstalk from speech.
    doubts
        Table `doubts`, sorted alike; they lie where no channel has speech.
    """

    activity: pl.DataFrame
    doubts: pl.DataFrame


def detect(audio: Audio, detector: SpeechDetector, settings: config.Activity) -> pl.DataFrame:
    """Speech on each channel: table `activity` of `hear`."""
    return hear(audio, detector, settings).activity


def hear(
    audio: Audio, detector: SpeechDetector, settings: config.Activity, threads: int = 1
) -> Heard:
    """Speech on each channel, and stretches that may be a quiet voice.

    Parameters
    ----------
    audio
        Read a minute at a time; memory grows by a few bytes for each 10 ms.
    detector
        Gives the probability of speech; it is called from several threads at once.
    threads
        Number of channels analysed at the same time.
    """
    with ThreadPoolExecutor(threads, "channel") as pool:
        return _hear(audio, detector, settings, pool)


def _hear(
    audio: Audio, detector: SpeechDetector, settings: config.Activity, pool: Executor
) -> Heard:
    first = partial(hear_once, detector=detector, settings=settings)
    channels = list(pool.map(first, audio.channels))
    busy = np.any([channel.on for channel in channels], axis=0)
    second = partial(hear_again, busy=busy, detector=detector, settings=settings)
    heard = list(zip(channels, pool.map(second, channels), strict=True))
    speech = [
        long(closed(channel.on | again.voice, settings.join_ms), settings.min_speech_ms)
        for channel, again in heard
    ]
    silent = ~np.any(speech, axis=0)
    activity, doubts = [], []
    for number, (on, (channel, again)) in enumerate(zip(speech, heard, strict=True)):
        activity.append(_table(on, channel, again.sure, number))
        doubts += _doubts(again.doubt & silent, again.sure, number, len(channel.samples))
    return Heard(
        ACTIVITY.conform(pl.concat(activity).sort("start_ms", "channel")),
        DOUBTS.frame(doubts).sort("start_ms", "channel"),
    )


def _table(speech: Mask, channel: Channel, sure: Frames, number: int) -> pl.DataFrame:
    duration_ms = len(channel.samples) // SAMPLES_PER_MS
    rows: list[dict[str, object]] = []
    for start, end in zip(*edges(speech), strict=True):
        power = float(np.mean(channel.measured.power[start:end]))
        row: dict[str, object] = {
            "start_ms": int(start) * FRAME_MS,
            "end_ms": min(int(end) * FRAME_MS, duration_ms),
            "channel": number,
            "speech_probability": float(np.mean(sure[start:end])),
            "level_dbfs": 10 * np.log10(power) if power > TINY else None,
        }
        rows.append(row)
    return ACTIVITY.frame(row for row in rows if row["start_ms"] < row["end_ms"])  # type: ignore[operator]


def _doubts(doubt: Mask, sure: Frames, number: int, n_samples: int) -> list[dict[str, object]]:
    duration_ms = n_samples // SAMPLES_PER_MS
    return [
        {
            "start_ms": int(start) * FRAME_MS,
            "end_ms": min(int(end) * FRAME_MS, duration_ms),
            "channel": number,
            "speech_probability": float(sure[start:end].max()),
        }
        for start, end in zip(*edges(doubt), strict=True)
        if int(start) * FRAME_MS < duration_ms
    ]
