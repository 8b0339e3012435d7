"""Where somebody speaks on each channel: detector and energy together.

The detector knows a voice from a noise, but it lags by a block or two and misses much of a quiet
speaker on a telephone; the level knows to 10 ms when something starts and stops, but not what. So
the detector is asked how sure it is of speech nearby, and the surer it is, the less the level must
stand above the noise::

    level        ___.--~~--.__.-~~~-.______|click|____
    detector     0 0 1 1 1 1 1 1 1 1 1 0 0 0  0   0 0
    must rise    15 .. 6 6 6 6 6 6 6 6 .. 15 15  15     dB over the noise floor
    speech          ==================

Exact digital zeros are a lost signal, never speech.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import ndimage, signal

from pipeline import config
from pipeline.ports import Audio, Samples, SpeechDetector
from pipeline.tables import ACTIVITY
from pipeline.timebase import FRAME_MS, SAMPLE_RATE_HZ, SAMPLES_PER_FRAME, SAMPLES_PER_MS

Frames = NDArray[np.float32]
"""One value for each 10 ms ``[10 * k, 10 * k + 10)``."""

_FRAMES_PER_READ = 6_000  # one minute; what is read at once, however long the recording
_TINY = 1e-12  # power under -120 dBFS is as good as none
_RESCUE_FRAMES = 300  # three seconds tell whether a stretch is voiced
_PERIOD_WINDOW = SAMPLE_RATE_HZ // 20
_PERIODS = slice(SAMPLE_RATE_HZ // 400, SAMPLE_RATE_HZ // 70)  # pitch of voices


@dataclass(frozen=True)
class Levels:
    """Power of a channel, every 10 ms.

    Attributes
    ----------
    power
        Mean square, full scale 1.
    voice_db
        Level without rumble, smoothed over 30 ms, dBFS.
    zero
        All samples are exactly zero.
    """

    power: Frames
    voice_db: Frames
    zero: NDArray[np.bool_]


def detect(audio: Audio, detector: SpeechDetector, settings: config.Activity) -> pl.DataFrame:
    """Speech on each channel.

    Parameters
    ----------
    audio
        Read in pieces of a minute; memory grows by a few bytes for each 10 ms.
    detector
        Gives the probability of speech.

    Returns
    -------
    Table `activity`, sorted by start_ms, channel. On a channel the stretches neither touch nor
    overlap; their boundaries are multiples of 10 ms, but for the end of the recording. Another
    channel's voice that leaks in is speech here: telling crosstalk from speech is the diarizer's
    work.
    """
    tables = [
        _channel(samples, index, detector, settings) for index, samples in enumerate(audio.channels)
    ]
    return ACTIVITY.conform(pl.concat(tables).sort("start_ms", "channel"))


def _channel(
    samples: Samples, channel: int, detector: SpeechDetector, settings: config.Activity
) -> pl.DataFrame:
    found = levels(samples, settings)
    heard = found.voice_db[~found.zero]
    if not heard.size:
        return ACTIVITY.empty()
    gain_db = settings.loud_dbfs - float(np.percentile(heard, settings.loud_percentile))
    gain = np.float32(10 ** (min(gain_db, settings.max_gain_db) / 20))
    sure = _probability(samples, detector, gain, len(found.power), settings)
    speech = _speech(samples, found, sure, settings)
    return _table(speech, found, sure, channel, len(samples))


def levels(samples: Samples, settings: config.Activity) -> Levels:
    """Power of each frame; a frame that the end cuts short is filled up with zeros."""
    n = -(-len(samples) // SAMPLES_PER_FRAME)
    power = np.empty(n, dtype=np.float32)
    voice = np.empty(n, dtype=np.float32)
    zero = np.empty(n, dtype=np.bool_)
    rumble = signal.butter(2, settings.rumble_hz, "highpass", fs=SAMPLE_RATE_HZ, output="sos")
    state = np.zeros((len(rumble), 2))
    for first in range(0, n, _FRAMES_PER_READ):
        last = min(first + _FRAMES_PER_READ, n)
        piece = np.asarray(samples[first * SAMPLES_PER_FRAME : last * SAMPLES_PER_FRAME])
        piece = np.pad(piece, (0, (last - first) * SAMPLES_PER_FRAME - len(piece)))
        filtered, state = signal.sosfilt(rumble, piece, zi=state)
        framed = piece.reshape(-1, SAMPLES_PER_FRAME)
        zero[first:last] = ~framed.any(axis=1)
        power[first:last] = np.mean(framed**2, axis=1)
        voice[first:last] = np.mean(filtered.reshape(-1, SAMPLES_PER_FRAME) ** 2, axis=1)
    smooth = ndimage.convolve1d(voice, np.array([0.25, 0.5, 0.25], dtype=np.float32))
    return Levels(power, 10 * np.log10(np.maximum(smooth, _TINY)).astype(np.float32), zero)


def distinct_channels(audio: Audio, settings: config.Activity) -> bool | None:
    """Whether the channels carry different speakers, so that no model is needed to tell them apart.

    Every channel is taken relative to its own loud frames. A channel counts where, in a fair share
    of the loud frames, it stands clearly above every other. One signal on both channels never does,
    nor a pair of microphones that hear both speakers alike, nor a channel without a signal.

    Returns
    -------
    None with fewer than two channels, or without samples.
    """
    if len(audio.channels) < 2 or not audio.n_samples:  # noqa: PLR2004  "two" is in the name
        return None
    relative = []
    for samples in audio.channels:
        level = ndimage.uniform_filter1d(levels(samples, settings).voice_db, settings.lean_frames)
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


def _probability(
    samples: Samples,
    detector: SpeechDetector,
    gain: np.float32,
    n_frames: int,
    settings: config.Activity,
) -> Frames:
    """Largest speech probability near each frame, from the channel at an even level.

    The channel is heard in pieces, each with a lead-in for the detector's memory.
    """
    block = detector.block_ms * SAMPLES_PER_MS
    piece, lead = settings.piece_ms // detector.block_ms, settings.lead_ms // detector.block_ms
    heard_blocks = []
    for first in range(0, -(-len(samples) // block), piece):
        start = max(first - lead, 0)
        heard = np.asarray(samples[start * block : (first + piece) * block]) * gain
        heard_blocks.append(detector.probabilities(np.clip(heard, -1, 1))[first - start :])
    blocks = np.concatenate(heard_blocks)
    centres = np.arange(n_frames) * FRAME_MS + FRAME_MS // 2
    frames = blocks[np.minimum(centres // detector.block_ms, len(blocks) - 1)]
    reach = 2 * (settings.near_ms // FRAME_MS) + 1
    near: Frames = ndimage.maximum_filter1d(frames, reach)
    return near


def _speech(
    samples: Samples, found: Levels, sure: Frames, settings: config.Activity
) -> NDArray[np.bool_]:
    """Whether each frame is speech; pauses shorter than `join_ms` are part of it."""
    floor = _floor(found, settings)
    voiced = found.voice_db[(sure >= settings.threshold) & ~found.zero]
    heard = voiced if voiced.size else found.voice_db[~found.zero]
    loud = np.percentile(heard, settings.loud_percentile)
    rise = settings.doubt_rise_db + (settings.sure_rise_db - settings.doubt_rise_db) * sure
    rise = np.minimum(rise, settings.max_rise_share * np.maximum(loud - floor, 0))
    on = found.voice_db > np.maximum(floor + rise, loud - settings.depth_db)
    on = _closed(on & ~found.zero, settings.bridge_ms)
    sure = _rescued(samples, on, sure, settings)
    knocks = _unheard(on, sure, settings.rescue_threshold) & ~_long(on, settings.knock_ms)
    on = _closed(on & ~knocks, settings.join_ms)
    on &= ~_unheard(on, sure, settings.rescue_threshold)
    return _long(on, settings.min_speech_ms)


def _rescued(
    samples: Samples, on: NDArray[np.bool_], sure: Frames, settings: config.Activity
) -> Frames:
    """`sure`, raised where the detector doubts a stretch that swings like a voice.

    On a telephone the detector gives whole clear phrases 0.1 or 0.2. Most frames of a voice repeat
    themselves at the pitch; of typing, paper and breath hardly any do. What the detector is sure is
    no voice (hum, tones) stays so.
    """
    raised = sure.copy()
    for start, end in zip(*edges(on), strict=True):
        doubt = settings.doubt_threshold <= sure[start:end].max() < settings.rescue_threshold
        if doubt and (end - start) * FRAME_MS >= settings.knock_ms:
            last = min(end, start + _RESCUE_FRAMES)
            stretch = np.asarray(samples[start * SAMPLES_PER_FRAME : last * SAMPLES_PER_FRAME])
            voiced = _periodicity(stretch) >= settings.voice_periodicity
            if voiced.mean() >= settings.voice_share:
                raised[start:end] = np.maximum(sure[start:end], settings.rescue_threshold)
    return raised


def _periodicity(samples: Samples) -> Frames:
    """Largest normalised autocorrelation, 70-400 Hz, of the 50 ms that begin at each 10 ms."""
    padded = np.pad(samples, (0, max(0, _PERIOD_WINDOW - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _PERIOD_WINDOW)[::SAMPLES_PER_FRAME]
    windows = windows - windows.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(windows, 2 * _PERIOD_WINDOW, axis=1)
    alike = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, _PERIODS]
    energy = np.pad(np.cumsum(windows**2, axis=1), ((0, 0), (1, 0)))
    before = energy[:, _PERIOD_WINDOW - np.arange(_PERIOD_WINDOW)[_PERIODS]]
    after = energy[:, -1:] - energy[:, _PERIODS]
    alike /= np.sqrt(np.maximum(before * after, _TINY**2))
    found: Frames = np.asarray(alike.max(axis=1), np.float32)
    return found


def _floor(found: Levels, settings: config.Activity) -> Frames:
    """Level of the noise around each frame, dBFS: the lowest quiet stretch within `floor_ms`."""
    block = settings.floor_block_ms // FRAME_MS
    n = len(found.voice_db)
    count = -(-n // block)
    padded = np.full(count * block, np.nan, dtype=np.float32)
    padded[:n] = np.where(found.zero, np.nan, found.voice_db)
    quiet = np.full(count, np.inf, dtype=np.float32)
    framed = padded.reshape(count, block)
    heard = np.isfinite(framed).any(axis=1)
    quiet[heard] = np.nanpercentile(framed[heard], settings.floor_percentile, axis=1)
    reach = 2 * (settings.floor_ms // settings.floor_block_ms) + 1
    lowest = ndimage.minimum_filter1d(quiet, reach)
    lowest = np.where(np.isfinite(lowest), lowest, np.min(quiet))
    smooth = ndimage.uniform_filter1d(lowest, reach)
    floor: Frames = np.repeat(smooth, block)[:n]
    return floor


def _closed(on: NDArray[np.bool_], join_ms: int) -> NDArray[np.bool_]:
    """`on`, with the gaps shorter than `join_ms` between two stretches filled."""
    closed = on.copy()
    starts, ends = edges(on)
    for start, end in zip(ends[:-1], starts[1:], strict=True):
        if (start - end) * -FRAME_MS < join_ms:
            closed[start:end] = True
    return closed


def _unheard(on: NDArray[np.bool_], sure: Frames, threshold: float) -> NDArray[np.bool_]:
    """The stretches of `on` in which the detector hears no voice at all: knocks, clicks, breath."""
    found = np.zeros_like(on)
    for start, end in zip(*edges(on), strict=True):
        found[start:end] = sure[start:end].max() < threshold
    return found


def _long(on: NDArray[np.bool_], min_ms: int) -> NDArray[np.bool_]:
    """`on` without the stretches shorter than `min_ms`."""
    kept = on.copy()
    for start, end in zip(*edges(on), strict=True):
        if (end - start) * FRAME_MS < min_ms:
            kept[start:end] = False
    return kept


def edges(on: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First index of each run of true, and first index after it."""
    change = np.diff(on.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(change == 1), np.flatnonzero(change == -1)


def _table(
    speech: NDArray[np.bool_], found: Levels, sure: Frames, channel: int, n_samples: int
) -> pl.DataFrame:
    duration_ms = n_samples // SAMPLES_PER_MS
    rows: list[dict[str, object]] = []
    for start, end in zip(*edges(speech), strict=True):
        power = float(np.mean(found.power[start:end]))
        row: dict[str, object] = {
            "start_ms": int(start) * FRAME_MS,
            "end_ms": min(int(end) * FRAME_MS, duration_ms),
            "channel": channel,
            "speech_probability": float(np.mean(sure[start:end])),
            "level_dbfs": 10 * np.log10(power) if power > _TINY else None,
        }
        rows.append(row)
    return ACTIVITY.frame(row for row in rows if row["start_ms"] < row["end_ms"])  # type: ignore[operator]
