"""Power of a channel every 10 ms, the level of its noise, and how periodic it is."""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from pipeline import config
from pipeline.audio.samples import Samples
from pipeline.core.frame_runs import Mask
from pipeline.core.time import FRAME_MS, SAMPLE_RATE_HZ, SAMPLES_PER_FRAME

Frames = NDArray[np.float32]
"""One value for each 10 ms ``[10 * k, 10 * k + 10)``."""

TINY = 1e-12  # power below -120 dBFS counts as none
_FRAMES_PER_READ = 6_000  # one minute, read at a time however long the recording


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
        Frames in which all samples are exactly zero.
    """

    power: Frames
    voice_db: Frames
    zero: Mask


def levels(samples: Samples, settings: config.Activity) -> Levels:
    """Power of each frame; an incomplete last frame is padded with zeros."""
    n = -(-len(samples) // SAMPLES_PER_FRAME)
    power = np.empty(n, dtype=np.float32)
    voice = np.empty(n, dtype=np.float32)
    zero = np.empty(n, dtype=np.bool_)
    rumble = _rumble(settings)
    state = np.zeros((len(rumble), 2))
    for first in range(0, n, _FRAMES_PER_READ):
        last = min(first + _FRAMES_PER_READ, n)
        piece = np.asarray(samples[first * SAMPLES_PER_FRAME : last * SAMPLES_PER_FRAME])
        piece = np.pad(piece, (0, (last - first) * SAMPLES_PER_FRAME - len(piece)))
        filtered, state = scipy.signal.sosfilt(rumble, piece, zi=state)
        framed = piece.reshape(-1, SAMPLES_PER_FRAME)
        zero[first:last] = ~framed.any(axis=1)
        power[first:last] = np.mean(framed**2, axis=1)
        voice[first:last] = np.mean(filtered.reshape(-1, SAMPLES_PER_FRAME) ** 2, axis=1)
    smooth = scipy.ndimage.convolve1d(voice, np.array([0.25, 0.5, 0.25], dtype=np.float32))
    return Levels(power, 10 * np.log10(np.maximum(smooth, TINY)).astype(np.float32), zero)


def without_rumble(samples: Samples, settings: config.Activity) -> Samples:
    """A short piece of samples without the frequencies below every voice."""
    rumble = _rumble(settings)
    start = scipy.signal.sosfilt_zi(rumble) * samples[0]
    filtered: Samples = scipy.signal.sosfilt(rumble, samples, zi=start)[0].astype(np.float32)
    return filtered


def _rumble(settings: config.Activity) -> NDArray[np.float64]:
    sections: NDArray[np.float64] = scipy.signal.butter(
        2, settings.rumble_hz, "highpass", fs=SAMPLE_RATE_HZ, output="sos"
    )
    return sections


def floor(measured: Levels, settings: config.Activity) -> Frames:
    """Level of the noise around each frame, dBFS: the quietest block within `floor_ms`."""
    block = settings.floor_block_ms // FRAME_MS
    n = len(measured.voice_db)
    count = -(-n // block)
    padded = np.full(count * block, np.nan, dtype=np.float32)
    padded[:n] = np.where(measured.zero, np.nan, measured.voice_db)
    quiet = np.full(count, np.inf, dtype=np.float32)
    framed = padded.reshape(count, block)
    heard = np.isfinite(framed).any(axis=1)
    quiet[heard] = np.nanpercentile(framed[heard], settings.floor_percentile, axis=1)
    reach = 2 * (settings.floor_ms // settings.floor_block_ms) + 1
    lowest = scipy.ndimage.minimum_filter1d(quiet, reach)
    lowest = np.where(np.isfinite(lowest), lowest, np.min(quiet))
    smooth = scipy.ndimage.uniform_filter1d(lowest, reach)
    under: Frames = np.repeat(smooth, block)[:n]
    return under


def periodicity(samples: Samples, settings: config.Activity) -> Frames:
    """How periodic the `period_window_ms` from each 10 ms on are, -1 to 1.

    The largest normalised autocorrelation at the pitch of voices.
    """
    window = settings.period_window_ms * SAMPLE_RATE_HZ // 1000
    periods = slice(
        SAMPLE_RATE_HZ // settings.period_max_hz, SAMPLE_RATE_HZ // settings.period_min_hz
    )
    padded = np.pad(samples, (0, max(0, window - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)[::SAMPLES_PER_FRAME]
    windows = windows - windows.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(windows, 2 * window, axis=1)
    alike = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, periods]
    energy = np.pad(np.cumsum(windows**2, axis=1), ((0, 0), (1, 0)))
    before = energy[:, window - np.arange(window)[periods]]
    after = energy[:, -1:] - energy[:, periods]
    alike /= np.sqrt(np.maximum(before * after, TINY**2))
    largest: Frames = np.asarray(alike.max(axis=1), np.float32)
    return largest
