"""How periodic a voice is around moments whose pitch is known: HNR, CPP, jitter, shimmer.

Written against the published definitions. All moments are measured at once; a moment is the centre
of a window, or lies within the middle one of a few cycles::

    samples   ~|~~~~~~|~~~~~~|~~~~~~|~~~~~~|~~~~~
    moment                     ↑
    window           [         ·         ]           HNR, CPP
    cycles      |------|------|------|------|        jitter, shimmer: neighbours of each other

Boersma (1993), "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound". Hillenbrand, Cleveland & Erickson (1994), "Acoustic
correlates of breathy vocal quality"; smoothed as by Maryn & Weenink (2015). Jitter and shimmer
are the "local" ones of the MDVP and of Praat's manual.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pipeline.audio.samples import Samples
from pipeline.core.time import SAMPLE_RATE_HZ

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Half the taps of the windowed sinc that reads an autocorrelation between samples, and how finely.
_HALF_TAPS, _FINE = 8, 8
# Cycles on either side of a moment.
_SIDE = 2
# Periods that share a window lie within this factor of each other.
_BAND = 1.25
# Share of a period on either side of its peak in which its amplitude is measured: the excitation,
# before the ringing of the vocal tract takes over.
_PEAK_SHARE = 0.2
_TINY = 1e-20


def harmonicity(
    samples: Samples, centres: Ints, f0_hz: Floats, length: int, tolerance: float
) -> Floats:
    """Harmonics-to-noise ratio in dB (Boersma 1993).

    The autocorrelation of a windowed sound is divided by that of the window. Where r is its height
    at one period, a share r of the power is periodic: ``10 log10(r / (1 - r))``.

    Parameters
    ----------
    samples
        Every window must lie within.
    centres, f0_hz
        Moments, as numbers of samples, and the pitch there.
    length
        Of the window, in samples; 4.5 periods of the lowest voice give HNR up to 40 dB.
    tolerance
        The peak is looked for within this share of the period.

    Returns
    -------
    ndarray
        NaN where nothing is periodic.
    """
    if not len(centres):
        return np.empty(0)
    period = SAMPLE_RATE_HZ / f0_hz
    longest = int(period.max() * (1 + tolerance)) + _HALF_TAPS + 2
    size = scipy.fft.next_fast_len(length + longest, real=True)
    of_window = scipy.fft.irfft(np.abs(scipy.fft.rfft(_hann(length), size)) ** 2, size)[:longest]
    found = scipy.fft.irfft(_power(samples, centres, length, size), size, axis=1)[:, :longest]
    with np.errstate(divide="ignore", invalid="ignore"):
        r = found / found[:, :1] * np.asarray(of_window[0] / of_window, np.float32)
        height = _highest(r, period, tolerance)
        share = np.minimum(height, 1 - 1e-6)
        return np.where(height > 0, 10 * np.log10(share / (1 - share)), np.nan)


def cepstral_prominence(
    samples: Samples,
    centres: Ints,
    f0_hz: Floats,
    length: int,
    tolerance: float,
    shape: "CepstrumShape",
) -> Floats:
    """Cepstral peak prominence in dB (Hillenbrand, Cleveland & Erickson 1994).

    The cepstrum is the spectrum of the spectrum in dB; a voice with strong harmonics has a peak at
    its period. Its prominence is how far, in dB, it stands over a straight line through the rest.

    Parameters
    ----------
    samples, centres, f0_hz, length, tolerance
        As in `harmonicity`.

    Returns
    -------
    ndarray
        NaN where all of the window is digital zeros.
    """
    if not len(centres):
        return np.empty(0)
    size = scipy.fft.next_fast_len(length + SAMPLE_RATE_HZ * shape.last_ms // 2000, real=True)
    power = _power(samples, centres, length, size)
    bins = int(shape.top_hz / SAMPLE_RATE_HZ * size) + 1
    per_ms = 2 * (bins - 1) / size * SAMPLE_RATE_HZ / 1000
    first, last = int(np.ceil(shape.first_ms * per_ms)), int(shape.last_ms * per_ms)
    level = np.log10(power[:, :bins] + np.float32(_TINY))
    width = 2 * int(shape.smooth_ms * per_ms / 2) + 1
    cepstrum = scipy.fft.irfft(level, 2 * (bins - 1), axis=1)[:, : last + width] ** 2
    cepstrum = scipy.ndimage.uniform_filter1d(cepstrum, width, axis=1)[:, first:last]
    height = 10 * np.log10(cepstrum.astype(np.float64) + _TINY)
    quefrency = np.arange(first, last) / per_ms
    apart = quefrency - quefrency.mean()
    slope = height @ apart / (apart @ apart)
    height -= height.mean(axis=1, keepdims=True) + slope[:, None] * apart
    period_ms = 1000 / f0_hz
    near = np.abs(quefrency - period_ms[:, None]) <= tolerance * period_ms[:, None]
    near |= np.abs(quefrency - period_ms[:, None]) <= 0.5 / per_ms
    _, found = _vertex(height, np.argmax(np.where(near, height, -np.inf), axis=1))
    return np.where(power.max(axis=1) > 0, found, np.nan)


@dataclass(frozen=True)
class CepstrumShape:
    """Which part of a cepstrum counts.

    Attributes
    ----------
    top_hz
        The spectrum up to here.
    smooth_ms
        Width of the running mean over quefrencies.
    first_ms, last_ms
        The line runs from one quefrency to the other.
    """

    top_hz: float
    smooth_ms: float
    first_ms: float
    last_ms: int


@dataclass(frozen=True)
class Cycles:
    """Successive cycles around moments, found by matching each waveform with the next.

    Attributes
    ----------
    periods
        Length of each in samples, between samples; shape (moments, 4).
    amplitudes
        At the cycles' marks; shape (moments, 5).
    fit
        Correlation of each cycle with its neighbour, -1 to 1; shape (moments, 4).
    """

    periods: Floats
    amplitudes: Floats
    fit: Floats

    def jitter(self, max_ratio: float) -> Floats:
        """Mean difference of neighbouring periods, over the mean period.

        Neighbours that differ by more than the factor `max_ratio` are not counted: one of them is
        no cycle. NaN where no two are left.
        """
        return _perturbation(self.periods, max_ratio)

    def shimmer(self, max_ratio: float) -> Floats:
        """Mean difference of neighbouring amplitudes, over the mean amplitude."""
        return _perturbation(self.amplitudes, max_ratio)


def cycles(samples: Samples, centres: Ints, f0_hz: Floats, reach: float) -> Cycles:
    """The four cycles around each moment.

    The first mark is the peak within half a period of the moment. From there to either side, a
    cycle ends where a stretch of one period correlates best with the one at its beginning.

    Parameters
    ----------
    samples
        Three periods to either side of each moment must lie within.
    reach
        A cycle differs from the tracked period by at most this share.
    """
    count = len(centres)
    periods, fit = np.full((count, 2 * _SIDE), np.nan), np.full((count, 2 * _SIDE), np.nan)
    amplitudes = np.full((count, 2 * _SIDE + 1), np.nan)
    for rows, period in _bands(SAMPLE_RATE_HZ / f0_hz):
        width = int(np.ceil(period.max()))
        around = np.abs(sliding_window_view(samples, width)[centres[rows] - width // 2])
        peak = centres[rows] - width // 2 + np.argmax(around, axis=1)
        marks = {0: peak}
        for way in (1, -1):
            at = peak
            for step in range(_SIDE):
                lag, length, r = _match(samples, at, period, way, reach)
                at = at + way * lag
                column = _SIDE + step if way > 0 else _SIDE - 1 - step
                periods[rows, column], fit[rows, column] = length, r
                marks[way * (step + 1)] = at
        ordered = np.stack([marks[step] for step in range(-_SIDE, _SIDE + 1)], axis=1)
        near = 2 * int(_PEAK_SHARE * width) + 1
        squares = sliding_window_view(samples, near)[ordered - near // 2] ** 2
        amplitudes[rows] = np.sqrt(squares @ _hann(near))
    return Cycles(periods, amplitudes, fit)


def _perturbation(values: Floats, max_ratio: float) -> Floats:
    one, other = values[:, :-1], values[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        counted = np.maximum(one, other) <= max_ratio * np.minimum(one, other)
        apart = np.where(counted, np.abs(one - other), 0).sum(axis=1)
        return np.asarray(apart / counted.sum(axis=1) / values.mean(axis=1))


def _hann(length: int) -> Samples:
    return np.asarray(np.hanning(length + 2)[1:-1], np.float32)


def _power(samples: Samples, centres: Ints, length: int, size: int) -> Samples:
    """Power spectra of Hann windows around `centres`, means removed; shape (centres, bins)."""
    cut = sliding_window_view(samples, length)[centres - length // 2]
    cut = (cut - cut.mean(axis=1, keepdims=True)) * _hann(length)
    spectrum = scipy.fft.rfft(cut, size, axis=1)
    return np.asarray(spectrum.real**2 + spectrum.imag**2)


def _highest(r: Samples, period: Floats, tolerance: float) -> Floats:
    """Largest value of each row near its period, read between samples by a windowed sinc."""
    lags = np.arange(r.shape[1])
    near = np.abs(lags - period[:, None]) <= np.maximum(tolerance * period, 0.5)[:, None]
    at = np.argmax(np.where(near, r, -np.inf), axis=1)
    at = np.clip(at, _HALF_TAPS, r.shape[1] - _HALF_TAPS - 1)
    taps = np.arange(-_HALF_TAPS, _HALF_TAPS + 1)
    around = np.take_along_axis(r, at[:, None] + taps, axis=1)
    apart = taps[:, None] - np.arange(-_FINE, _FINE + 1) / _FINE
    kernel = np.sinc(apart) * np.cos(np.pi / 2 * apart / (_HALF_TAPS + 1)) ** 2
    return np.asarray((around @ kernel).max(axis=1), np.float64)


def _vertex(rows: Samples | Floats, at: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Where the parabola through a peak and its neighbours is highest, and how high."""
    at = np.clip(at, 1, rows.shape[1] - 2)
    before, peak, after = (
        np.take_along_axis(rows, at[:, None] + step, axis=1)[:, 0].astype(np.float64)
        for step in (-1, 0, 1)
    )
    bend = before - 2 * peak + after
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = (before - after) / 2 / bend
    shift = np.where((bend < 0) & (np.abs(shift) <= 1), shift, 0)
    return at + shift, peak - (before - after) / 4 * shift


def _bands(period: Floats) -> Iterator[tuple[Ints, Floats]]:
    """Rows whose periods are about as long, and these."""
    if not len(period):
        return
    band = np.floor(np.log(period) / np.log(_BAND)).astype(np.int64)
    for one in np.unique(band):
        rows = np.flatnonzero(band == one)
        yield rows, period[rows]


def _match(
    samples: Samples, at: Ints, period: Floats, way: int, reach: float
) -> tuple[Ints, Floats, Floats]:
    """The cycle after (way 1) or before (-1) each of `at`.

    Returns
    -------
    lag, length, fit
        Whole samples to the next mark; the same read between samples; the correlation. NaN where
        there is no best lag within `reach`.
    """
    width = int(np.ceil(period.max()))
    least, most = int(period.min() * (1 - reach)), int(np.ceil(period.max() * (1 + reach)))
    lags = np.arange(least - 1, most + 2)
    begin = at - width // 2
    one = sliding_window_view(samples, width)[begin]
    begin = begin + (lags[0] if way > 0 else -lags[-1])
    field = sliding_window_view(samples, width + len(lags) - 1)[begin]
    product = np.einsum("ij,ilj->il", one, sliding_window_view(field, width, axis=1))
    sums = np.cumsum(np.pad(field**2, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    energy = (sums[:, width:] - sums[:, :-width]) * (sums[:, :1] + (one**2).sum(1)[:, None])
    r = product / np.sqrt(np.maximum(energy, _TINY))
    if way < 0:
        r = r[:, ::-1]
    near = np.abs(lags - period[:, None]) <= reach * period[:, None]
    best = np.argmax(np.where(near, r, -np.inf), axis=1)
    place, height = _vertex(r, best)
    lag = lags[best]
    # A best lag at the end of the search is no peak.
    rows = np.arange(len(best))
    inner = near[rows, best - 1] & near[rows, np.minimum(best + 1, len(lags) - 1)]
    return lag, np.where(inner, lags[0] + place, np.nan), np.where(inner, height, np.nan)
