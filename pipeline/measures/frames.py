"""Table `frames`: pitch, level and periodicity every 10 ms, on stretches of speech only.

Each channel is heard in pieces with real audio on either side, which begin on a multiple of 80 ms,
where the 10 ms grid of the table and the 16 ms grid of the pitch tracker meet. So a frame's
values depend on the audio around it, not on where a piece was cut::

    speech      ████ ██            ██████
    pieces   ··█████████··      ··████████··        · context, tracked and dropped
    frames      |||| ||            ||||||
    tracked  ··█████████····████████··          end to end, about a minute at once

Harmonics-to-noise ratio, cepstral peak, jitter and shimmer are measured on every second frame or
so (``phonation.step_ms``), and only where they are valid: one person speaks, voiced, at a steady
pitch; for jitter and shimmer also unclipped, with cycles that resemble each other.
"""

from collections.abc import Collection, Iterator
from functools import cache
from itertools import pairwise

import numpy as np
import polars as pl
import scipy
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pipeline.audio.samples import Audio, Samples
from pipeline.config import Settings
from pipeline.core.intervals import Intervals, Ints
from pipeline.core.tables import FRAMES
from pipeline.core.time import FRAME_MS, SAMPLE_RATE_HZ, SAMPLES_PER_FRAME, ms_to_samples
from pipeline.engines.protocols import PitchTracker
from pipeline.measures import periodicity
from pipeline.measures.intervals import inside, intervals, sorted_groups

_GRID_MS = 80
# What swift-f0 hears around a frame (0.3: 11 frames of 16 ms before it, 10 after).
_BEFORE_MS, _AFTER_MS = 176, 160
# Beyond a moment, in periods: half of one to the first mark, two cycles and what they match.
_CYCLES_REACH = 5
# Order of the band-pass of vowels, and the time in which it forgets how it began.
_ORDER, _SETTLE_MS = 4, 80
_PHONATION = ("hnr_db", "cpp_db", "jitter", "shimmer")
# Longest piece, and about what is handed to the tracker at once: memory stays bounded.
_PIECE_MS = 60_000

Floats = NDArray[np.float64]
Piece = tuple[int, int]
"""Start and end in ms, context not counted."""


def measure(
    audio: Audio, spans: pl.DataFrame, tracker: PitchTracker, settings: Settings
) -> pl.DataFrame:
    """Pitch, level and periodicity of the speech in `spans`.

    Parameters
    ----------
    spans
        Table `spans`; the regular view is measured. Spans without a channel are measured on the
        mean of all channels, in rows without a channel.

    Returns
    -------
    DataFrame
        Table `frames`, sorted by channel and time. level_dbfs is the root mean square over
        ``pitch.level_window_ms`` around the frame (a full-scale sine has -3 dBFS), null where all
        of that is digital zeros; vowel_dbfs the same after a band-pass. Before tracking, each
        channel is brought to ``pitch.speech_dbfs``, for trackers miss quiet voices; levels are
        those of the recording. hnr_db, cpp_db, jitter and shimmer: see `periodicity`.
    """
    regular = spans.filter("regular")
    parts = [FRAMES.empty()]
    for channel in regular["channel"].unique().sort(nulls_last=True):
        heard = regular.filter(pl.col("channel").eq_missing(pl.lit(channel, pl.Int16)))
        parts.append(_channel(audio, channel, heard, tracker, settings))
    return FRAMES.conform(pl.concat(parts))


def without(frames: pl.DataFrame, spans: pl.DataFrame, speakers: Collection[str]) -> pl.DataFrame:
    """`frames` but those in which one of `speakers` talks and nobody else does.

    Parameters
    ----------
    spans
        Table `spans`; whoever else is heard on the same channel at that time keeps the frame.
    """
    regular = spans.filter("regular")
    kept = []
    for (channel,), own in frames.group_by("channel", maintain_order=True):
        heard = regular.filter(pl.col("channel").eq_missing(pl.lit(channel, pl.Int16)))
        shown = intervals(heard.filter(~pl.col("speaker").is_in(list(speakers))))
        _, numbers = inside(own["t_ms"].to_numpy(), shown.starts, shown.ends)
        kept.append(own[numbers])
    return FRAMES.conform(pl.concat(kept)) if kept else frames


def _channel(
    audio: Audio,
    channel: int | None,
    spans: pl.DataFrame,
    tracker: PitchTracker,
    settings: Settings,
) -> pl.DataFrame:
    speech = intervals(spans)
    shared = Intervals.shared(intervals(own) for _, own in sorted_groups(spans))
    pieces = list(_pieces(speech, audio.duration_ms))
    times = [_times(speech, start, end) for start, end in pieces]
    window = settings.pitch.level_window_ms
    band = (settings.pitch.vowel_low_hz, settings.pitch.vowel_high_hz)
    heard = [
        _levels(audio, channel, at, piece, window, band)
        for at, piece in zip(times, pieces, strict=True)
    ]
    levels = [level for level, _ in heard]
    gain = _gain(levels, settings.pitch.speech_dbfs)
    parts = [FRAMES.empty().drop("channel", "level_dbfs", "vowel_dbfs")]
    for batch in _batches(pieces):
        samples, starts = _end_to_end(audio, channel, [pieces[i] for i in batch])
        pitch, voiced = tracker.track(samples * gain)
        t_ms = np.concatenate([times[i] for i in batch])
        kept = np.concatenate([times[i] - start for i, start in zip(batch, starts, strict=True)])
        kept = kept // FRAME_MS
        valid = _steady(pitch, settings)[kept]
        valid &= t_ms % settings.phonation.step_ms == 0
        valid[inside(t_ms, shared.starts, shared.ends)[1]] = False
        measured = _phonation(samples, kept[valid], pitch, settings)
        columns = {"t_ms": t_ms, "f0_hz": pitch[kept], "voicing": voiced[kept]}
        for name, values in zip(_PHONATION, measured, strict=True):
            columns[name] = np.full(len(t_ms), np.nan, np.float32)
            columns[name][valid] = values
        parts.append(pl.DataFrame(columns))
    frame = pl.concat(parts, how="vertical_relaxed").with_columns(
        pl.lit(channel, pl.Int16).alias("channel"),
        pl.Series("level_dbfs", _joined(levels)),
        pl.Series("vowel_dbfs", _joined([vowels for _, vowels in heard])),
    )
    return FRAMES.conform(
        frame.with_columns(pl.col("f0_hz", "level_dbfs", "vowel_dbfs", *_PHONATION).fill_nan(None))
    )


def _steady(f0_hz: Samples, settings: Settings) -> NDArray[np.bool_]:
    """Which frames are voiced, with a pitch that changes little, for some time on either side."""
    voiced = (f0_hz >= settings.pitch.min_hz) & (f0_hz <= settings.pitch.max_hz)
    semitones = 12 * np.log2(np.where(voiced, f0_hz, np.nan))
    linked = np.abs(np.diff(semitones)) <= settings.phonation.steady_st  # of NaN: no
    side = settings.phonation.steady_ms // FRAME_MS
    around = np.r_[np.zeros(side, np.bool_), linked, np.zeros(side, np.bool_)]
    for shift in range(2 * side):
        voiced &= around[shift : shift + len(voiced)]
    return np.asarray(voiced)


def _phonation(
    samples: Samples, frames: Ints, f0_hz: Samples, settings: Settings
) -> tuple[Floats, Floats, Floats, Floats]:
    """HNR, CPP, jitter and shimmer at some frames of `samples`; NaN where not valid."""
    chosen = settings.phonation
    window = ms_to_samples(chosen.hnr_window_ms)
    margin = window + int(_CYCLES_REACH * SAMPLE_RATE_HZ / settings.pitch.min_hz)
    padded = np.pad(samples, margin)
    centres = frames * SAMPLES_PER_FRAME + margin
    pitch = f0_hz[frames].astype(np.float64)
    hnr = periodicity.harmonicity(padded, centres, pitch, window, chosen.period_reach)
    cpp = periodicity.cepstral_prominence(
        padded,
        centres,
        pitch,
        ms_to_samples(chosen.cpp_window_ms),
        chosen.period_reach,
        periodicity.CepstrumShape(
            chosen.cpp_top_hz, chosen.cpp_smooth_ms, chosen.cpp_first_ms, chosen.cpp_last_ms
        ),
    )
    found = periodicity.cycles(padded, centres, pitch, chosen.cycle_reach)
    clipped = np.flatnonzero(np.abs(padded) >= chosen.clip_level)
    near = np.searchsorted(clipped, (centres - window // 2, centres + window // 2))
    alike = (found.fit >= chosen.min_fit).all(axis=1) & (near[0] == near[1])
    jitter = np.where(alike, found.jitter(chosen.max_period_ratio), np.nan)
    shimmer = np.where(alike, found.shimmer(chosen.max_amplitude_ratio), np.nan)
    return hnr, cpp, jitter, shimmer


def _pieces(speech: Intervals, duration_ms: int) -> Iterator[Piece]:
    """Starts and ends between which all speech lies, none longer than `_PIECE_MS`.

    Stretches so close that their contexts would overlap share a piece.
    """
    starts = speech.starts // FRAME_MS * FRAME_MS
    ends = np.minimum(speech.ends, duration_ms)
    near = starts[1:] - ends[:-1] <= _BEFORE_MS + _AFTER_MS + _GRID_MS
    edges = np.flatnonzero(np.r_[True, ~near, True]) if len(starts) else np.empty(0, np.int64)
    for first, after in pairwise(edges):
        end = int(ends[after - 1])
        for start in range(int(starts[first]), end, _PIECE_MS):
            yield start, min(start + _PIECE_MS, end)


def _batches(pieces: list[Piece]) -> Iterator[list[int]]:
    """Numbers of successive pieces that are tracked at once."""
    batch: list[int] = []
    held_ms = 0
    for number, (start, end) in enumerate(pieces):
        batch.append(number)
        held_ms += end - start
        if held_ms >= _PIECE_MS:
            yield batch
            batch, held_ms = [], 0
    if batch:
        yield batch


def _end_to_end(
    audio: Audio, channel: int | None, pieces: list[Piece]
) -> tuple[Samples, list[int]]:
    """Audio of the pieces with their context, end to end, each filling whole steps of the grid.

    Returns
    -------
    samples, starts
        ``starts``: what is to be subtracted from a time within each piece to find it in `samples`.
    """
    parts, starts, at_ms = [], [], 0
    for start, end in pieces:
        begin = max(0, (start - _BEFORE_MS) // _GRID_MS * _GRID_MS)
        length_ms = -(-(end + _AFTER_MS - begin) // _GRID_MS) * _GRID_MS
        part = np.zeros(ms_to_samples(length_ms), np.float32)
        heard = _samples(audio, channel, begin, begin + length_ms)
        part[: len(heard)] = heard
        parts.append(part)
        starts.append(begin - at_ms)
        at_ms += length_ms
    return np.concatenate(parts), starts


def _times(speech: Intervals, start: int, end: int) -> Ints:
    """Frame centres in ``[start, end)`` that lie in speech."""
    centres = np.arange(start, end, FRAME_MS, dtype=np.int64)
    return centres[inside(centres, speech.starts, speech.ends)[1]]


def _samples(audio: Audio, channel: int | None, start_ms: int, end_ms: int) -> Samples:
    start, end = ms_to_samples(start_ms), min(ms_to_samples(end_ms), audio.n_samples)
    return audio.mixed(start, end) if channel is None else audio.channels[channel][start:end]


def _levels(
    audio: Audio,
    channel: int | None,
    times: Ints,
    piece: Piece,
    window_ms: int,
    band_hz: tuple[float, float],
) -> tuple[Samples, Samples]:
    """Level in dBFS around each of `times`, of all and of a band; NaN for digital zeros."""
    half = window_ms // FRAME_MS // 2
    begin = max(0, piece[0] - half * FRAME_MS)
    early = max(0, begin - _SETTLE_MS)
    samples = _samples(audio, channel, early, piece[1] + (half + 1) * FRAME_MS)
    kept = slice(ms_to_samples(begin - early), None)
    filtered = np.asarray(scipy.signal.sosfilt(_band_pass(*band_hz), samples), np.float32)
    at = (times - begin) // FRAME_MS
    silent = np.isnan(level := _root_mean_square(samples[kept], at, half))
    vowels = _root_mean_square(filtered[kept], at, half)
    vowels[silent] = np.nan
    return level, vowels


def _root_mean_square(samples: Samples, at: Ints, half: int) -> Samples:
    """Level of the blocks of 10 ms from ``k - half`` to ``k + half - 1``, for each k of `at`."""
    blocks = -(-len(samples) // SAMPLES_PER_FRAME)
    padded = np.zeros(blocks * SAMPLES_PER_FRAME, np.float32)
    padded[: len(samples)] = samples
    blocked = padded.reshape(blocks, SAMPLES_PER_FRAME)
    energy = np.einsum("ij,ij->i", blocked, blocked, dtype=np.float64)
    # Fewer samples at the file's ends.
    count = np.minimum(len(samples) - np.arange(blocks) * SAMPLES_PER_FRAME, SAMPLES_PER_FRAME)
    total = sliding_window_view(np.pad(energy, half), 2 * half).sum(axis=1)[at]
    counted = sliding_window_view(np.pad(count, half), 2 * half).sum(axis=1)[at]
    level = np.full(len(at), np.nan, np.float32)
    heard = total > 0
    level[heard] = 10 * np.log10(total[heard] / counted[heard])
    return level


@cache
def _band_pass(low_hz: float, high_hz: float) -> Floats:
    band = (low_hz, high_hz)
    sections = scipy.signal.butter(_ORDER, band, "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    return np.asarray(sections, np.float64)


def _joined(parts: list[Samples]) -> Samples:
    return np.concatenate([np.empty(0, np.float32), *parts])


def _gain(levels: list[Samples], target_dbfs: float) -> np.float32:
    """Factor that brings the median level of speech to the target."""
    known = _joined(levels)
    known = known[~np.isnan(known)]
    if not len(known):
        return np.float32(1)
    return np.float32(10 ** ((target_dbfs - float(np.median(known))) / 20))
