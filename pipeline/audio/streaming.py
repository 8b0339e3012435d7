"""Sound from any place of a recording on, without what lies before it.

Containers are asked for the packet before the place; from there on frames are laid where their own
times say, as `decode` lays them. What the container skips stays zero.
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
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from pipeline.audio.decoding import GAP_SAMPLES, OPTIONS, READABLE, resampled
from pipeline.errors import InputError
from pipeline.timebase import SAMPLE_RATE_HZ

BLOCK_SAMPLES = SAMPLE_RATE_HZ
"""A second: what a player asks for next."""
_PREROLL_SAMPLES = SAMPLE_RATE_HZ
"""Codecs need some frames before theirs are right (Opus asks for 80 ms, AAC for two frames)."""


@dataclass(frozen=True)
class Block:
    """A second of sound.

    Attributes
    ----------
    number
        It begins `number` seconds after the start of the recording.
    samples
        Shape (channels, 16000), full scale is -1..1; zeros after the end.
    """

    number: int
    samples: NDArray[np.float32]


def stream(paths: Sequence[Path], first: int = 0) -> Iterator[Block]:
    """Blocks of one second from second `first` on, to the end.

    Parameters
    ----------
    paths
        As `decode` takes them: one file, or one per participant, each then mixed to one channel.

    Raises
    ------
    InputError
        A file holds no audio or cannot be decoded. Damage in the middle ends the file's sound.
    """
    with ExitStack() as opened:
        mix = len(paths) > 1
        tracks = [opened.enter_context(_Track(path, first, mix=mix)) for path in paths]
        number = first
        while not all(track.ended_before(number) for track in tracks):
            parts = [track.second(number) for track in tracks]
            yield Block(number, np.concatenate(parts))
            number += 1


class _Track:
    """Decodes one file from a second on; a context manager that closes it."""

    def __init__(self, path: Path, first: int, *, mix: bool) -> None:
        self._mix = mix
        self._first = first * BLOCK_SAMPLES
        self._pending: list[tuple[int, NDArray[np.float32]]] = []
        self._until = 0
        self._ended = False
        self._resampler: AudioResampler | None = None
        self._incoming: tuple[int, str, str] | None = None
        self._opened = ExitStack()
        try:
            source = self._opened.enter_context(path.open("rb"))
            self._container = self._opened.enter_context(av.open(source, "r", **OPTIONS))
            self._stream = _sound_of(self._container)
            self._heard = self._stream.codec_context.layout.nb_channels
            self._channels = 1 if mix else self._heard
            self._origin_s = (self._container.start_time or 0) / av.time_base
            if first:
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
        """Samples of one second, shape (channels, 16000); seconds are asked for in order."""
        start = number * BLOCK_SAMPLES
        end = start + BLOCK_SAMPLES
        while not self._ended and self._until < end:
            self._advance()
        made = np.zeros((self._channels, BLOCK_SAMPLES), np.float32)
        rest = []
        for at, samples in self._pending:
            low, high = max(at, start), min(at + samples.shape[1], end)
            if low < high:
                made[:, low - start : high - start] = samples[:, low - at : high - at]
            if at + samples.shape[1] > end:
                rest.append((at, samples))
        self._pending = rest
        return made

    def _advance(self) -> None:
        try:
            at, samples = next(self._frames)
        except StopIteration:
            self._ended = True
            return
        self._pending.append((at, samples))
        self._until = max(self._until, at + samples.shape[1])

    def _decoded(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Where each block of samples lies, and the samples."""
        at: int | None = None if self._first else 0
        for frame in self._each_frame():
            start = self._place(frame)
            incoming = (frame.sample_rate, frame.layout.name, frame.format.name)
            if at is None:
                at = start or 0
            jumps = start is not None and start - at > GAP_SAMPLES
            if jumps or incoming != self._incoming:
                for samples in self._resampled(None):
                    yield at, samples
                    at += samples.shape[1]
                at = max(at, start or 0)
                self._resampler = AudioResampler(
                    format="flt", layout=frame.layout.name, rate=SAMPLE_RATE_HZ
                )
                self._incoming, self._heard = incoming, frame.layout.nb_channels
            frame.pts = None
            for samples in self._resampled(frame):
                yield at, samples
                at += samples.shape[1]
        for samples in self._resampled(None):
            assert at is not None  # a frame has come, else there is no resampler
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
                continue  # counted by `decode`; here it is a moment of silence

    def _place(self, frame: AudioFrame) -> int | None:
        return None if frame.time is None else round((frame.time - self._origin_s) * SAMPLE_RATE_HZ)

    def _resampled(self, frame: AudioFrame | None) -> list[NDArray[np.float32]]:
        blocks = resampled(self._resampler, frame, self._heard, mix=self._mix)
        return [block[: self._channels] for block in blocks]


def _sound_of(container: InputContainer) -> AudioStream:
    found = container.streams.best("audio")
    if not isinstance(found, AudioStream):
        raise InputError("the file holds no audio", expected=READABLE)
    if found.codec_context.name == "flac":  # as in `decode`: a damaged frame is no loud noise
        found.codec_context.options = {"err_detect": "crccheck+explode"}
    return found
