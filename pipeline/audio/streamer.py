"""Audio of a recording from any second on, without decoding what lies before it.

The container is asked for the packet before that time; from there on, frames are placed by their
timestamps, as in `decode`. Time that the container skips stays zero. A container without timestamps
is decoded from the start, and everything before the requested second is dropped.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from pipeline.audio.container import READABLE, opened
from pipeline.audio.samples import Samples
from pipeline.audio.tracks import GAP_SAMPLES, resampled
from pipeline.core.errors import InputError
from pipeline.core.time import SAMPLE_RATE_HZ

BLOCK_SAMPLES = SAMPLE_RATE_HZ
"""A second: what a player requests at a time."""
_PREROLL_SAMPLES = SAMPLE_RATE_HZ
"""Codecs need some frames before their output is right (Opus 80 ms, AAC two frames)."""


@dataclass(frozen=True)
class Block:
    """A second of audio.

    Attributes
    ----------
    number
        The block begins `number` seconds after the start of the recording.
    samples
        Shape (channels, 16000), full scale -1 to 1; zeros after the end.
    """

    number: int
    samples: NDArray[np.float32]


def stream(
    paths: Sequence[Path], first: int = 0, factors: Sequence[float] | None = None
) -> Iterator[Block]:
    """Blocks of one second, from second `first` to the end.

    Parameters
    ----------
    paths
        As for `decode`: one file, or one for each participant, each mixed to one channel.
    factors
        Factors that `decode` applied to the channels (column `factors` of table `media`); None: all
        are 1.

    Raises
    ------
    InputError
        A file contains no audio or cannot be decoded. Damage in the middle ends its audio.
    """
    with ExitStack() as held:
        files = [_tracks(path, first, held) for path in paths]
        tracks = [track for file in files for track in file]
        number = first
        while not all(track.ended_before(number) for track in tracks):
            each = [[track.second(number) for track in file] for file in files]
            yield Block(number, _laid(each, factors))
            number += 1


def _laid(files: list[list[NDArray[np.float32]]], factors: Sequence[float] | None) -> Samples:
    """Channels of all files; with several files, each is mixed to one channel."""
    laid, before = [], 0
    for tracks in files:
        channels = np.concatenate(tracks)
        if factors is not None:
            own_factors = np.array(factors[before : before + len(channels)], np.float32)
            channels = channels * own_factors[:, None]
        before += len(channels)
        laid.append(channels.mean(axis=0, keepdims=True) if len(files) > 1 else channels)
    return np.concatenate(laid)


def _tracks(path: Path, first: int, held: ExitStack) -> list["_Track"]:
    """All tracks of a file; each opens the file for itself."""
    tracks = [held.enter_context(_Track(path, first, 0))]
    rest = range(1, tracks[0].count)
    return tracks + [held.enter_context(_Track(path, first, index)) for index in rest]


class _Track:
    """Decodes one track from a given second on; a context manager that closes the file."""

    def __init__(self, path: Path, first: int, index: int) -> None:
        self._first = first * BLOCK_SAMPLES
        self._pending: list[tuple[int, NDArray[np.float32]]] = []
        self._until = 0
        self._ended = False
        self._resampler: AudioResampler | None = None
        self._incoming: tuple[int, str, str] | None = None
        self._opened = ExitStack()
        try:
            source = self._opened.enter_context(opened(path))
            self.count = len(source.tracks)
            self._container, self._stream = source.container, source.tracks[index]
            self._layout = self._stream.codec_context.layout.name
            self._channels = self._stream.codec_context.layout.nb_channels
            self._origin_s = source.origin_s
            self._seeks = bool(first) and source.exact_seeks
            if self._seeks:
                from_s = (self._first - _PREROLL_SAMPLES) / SAMPLE_RATE_HZ + self._origin_s
                self._container.seek(max(0, round(from_s * av.time_base)))
        except (av.error.FFmpegError, OSError) as caught:
            self._opened.close()
            raise InputError("the recording cannot be opened", expected=READABLE) from caught
        except BaseException:
            self._opened.close()
            raise
        self._frames = self._decoded()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def ended_before(self, number: int) -> bool:
        """Whether nothing is left from second `number` on."""
        start = number * BLOCK_SAMPLES
        while not self._ended and self._until <= start:
            self._advance()
        return self._until <= start

    def second(self, number: int) -> NDArray[np.float32]:
        """Samples of one second, shape (channels, 16000); seconds must be requested in order."""
        start = number * BLOCK_SAMPLES
        end = start + BLOCK_SAMPLES
        while not self._ended and self._until < end:
            self._advance()
        second = np.zeros((self._channels, BLOCK_SAMPLES), np.float32)
        rest = []
        for at, samples in self._pending:
            low, high = max(at, start), min(at + samples.shape[1], end)
            if low < high:
                second[:, low - start : high - start] = samples[:, low - at : high - at]
            if at + samples.shape[1] > end:
                rest.append((at, samples))
        self._pending = rest
        return second

    def _advance(self) -> None:
        try:
            at, samples = next(self._frames)
        except StopIteration:
            self._ended = True
            return
        self._pending.append((at, samples))
        self._until = max(self._until, at + samples.shape[1])

    def _decoded(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Position of each block of samples, and the samples."""
        at: int | None = None if self._seeks else 0
        passed = 0.0
        for frame in self._each_frame():
            start = self._place(frame)
            if not self._seeks and passed < self._first - _PREROLL_SAMPLES:
                if start is not None and start - passed > GAP_SAMPLES:
                    passed = start
                passed += frame.samples * SAMPLE_RATE_HZ / frame.sample_rate
                at = round(passed)
                continue
            incoming = (frame.sample_rate, frame.layout.name, frame.format.name)
            if at is None:
                at = start or 0
            jumps = start is not None and start - at > GAP_SAMPLES
            if jumps or incoming != self._incoming:
                for samples in resampled(self._resampler, None):
                    yield at, samples
                    at += samples.shape[1]
                at = max(at, start or 0)
                self._resampler = AudioResampler(
                    format="flt", layout=self._layout, rate=SAMPLE_RATE_HZ
                )
                self._incoming = incoming
            frame.pts = None
            for samples in resampled(self._resampler, frame):
                yield at, samples
                at += samples.shape[1]
        for samples in resampled(self._resampler, None):
            assert at is not None  # without a frame there is no resampler
            yield at, samples
            at += samples.shape[1]

    def _each_frame(self) -> Iterator[AudioFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.error.FFmpegError):
                return
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                continue  # `decode` counts it; here it is a moment of silence

    def _place(self, frame: AudioFrame) -> int | None:
        return None if frame.time is None else round((frame.time - self._origin_s) * SAMPLE_RATE_HZ)
