"""Pieces of audio for a transcriber: regions, long ones cut where it is quiet."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.audio.samples import Audio, Samples
from pipeline.core.time import FRAME_MS, SAMPLES_PER_FRAME, ms_to_samples

_SMOOTH_FRAMES = 20
"""Frames (200 ms) over which loudness is averaged for a cut: longer than the closure of a stop."""


@dataclass(frozen=True)
class Piece:
    """A stretch of one speaker on one channel (None: all channels mixed)."""

    start_ms: int
    end_ms: int
    speaker: str
    channel: int | None

    @property
    def length_ms(self) -> int:
        """Its length."""
        return self.end_ms - self.start_ms


def cut(audio: Audio, regions: pl.DataFrame, longest_ms: int) -> list[Piece]:
    """Regions in order of start, each longer than `longest_ms` cut at its quietest places.

    A cut lies in the second half of what may be heard at once. What lies past the end of the audio
    is left out.
    """
    columns = regions.select("start_ms", "end_ms", "speaker", "channel")
    return [
        piece
        for start, end, speaker, channel in columns.iter_rows()
        for piece in _cut(
            audio, Piece(start, min(end, audio.duration_ms), speaker, channel), longest_ms
        )
    ]


def _cut(audio: Audio, piece: Piece, longest_ms: int) -> Iterator[Piece]:
    while piece.length_ms > longest_ms:
        first, last = piece.start_ms + longest_ms // 2, piece.start_ms + longest_ms
        at = first + quietest(samples(audio, piece.channel, first, last)) * FRAME_MS
        yield Piece(piece.start_ms, at, piece.speaker, piece.channel)
        piece = Piece(at, piece.end_ms, piece.speaker, piece.channel)
    if piece.length_ms > 0:
        yield piece


def samples(audio: Audio, channel: int | None, start_ms: int, end_ms: int) -> Samples:
    """The samples of ``[start_ms, end_ms)`` on a channel, or the mean of all."""
    start, end = ms_to_samples(start_ms), ms_to_samples(end_ms)
    if channel is None:
        return np.ascontiguousarray(audio.mixed(start, end), dtype=np.float32)
    return np.ascontiguousarray(audio.channels[channel][start:end], dtype=np.float32)


def levels_dbfs(sound: Samples) -> NDArray[np.float64]:
    """Root mean square of each 10 ms frame, shape (ceil(n / 160),), in dB full scale.

    Digital zeros have -200 dB, a level lower than any that 24 bits can hold.
    """
    frames = -(-len(sound) // SAMPLES_PER_FRAME)
    filled = np.zeros(frames * SAMPLES_PER_FRAME)
    filled[: len(sound)] = sound
    power = np.square(filled).reshape(frames, SAMPLES_PER_FRAME).mean(axis=1)
    return np.asarray(10 * np.log10(np.maximum(power, 1e-20)))


def quietest(sound: Samples) -> int:
    """Index of the 10 ms frame at the quietest place."""
    power = 10 ** (levels_dbfs(sound) / 10)
    width = min(_SMOOTH_FRAMES, len(power))
    smooth = np.convolve(power, np.full(width, 1 / width), mode="valid")
    return int(smooth.argmin()) + width // 2
