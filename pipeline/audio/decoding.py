"""Decoding: whatever FFmpeg reads, to 16 kHz, channels kept, on the container's own clock.

Where the container skips time, zeros are written, so that sample index equals time. The samples go
in blocks to scratch files and are read back through memory maps: memory does not grow with length.
FFmpeg is handed an open file and no protocol, so that a playlist in disguise reaches nothing.
"""

import contextlib
import errno
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import av
import numpy as np
import polars as pl
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from pipeline.config import AudioDecoding
from pipeline.errors import InputError, StoreError
from pipeline.ports import Audio, Samples
from pipeline.tables import DROPOUTS, MEDIA
from pipeline.timebase import (
    FRAME_MS,
    SAMPLE_RATE_HZ,
    SAMPLES_PER_FRAME,
    ms_to_s,
    s_to_ms,
    samples_to_ms,
)

OPTIONS: dict[str, Any] = {
    "options": {"protocol_whitelist": "none"},
    "metadata_errors": "ignore",
}
"""How every file is opened: nothing in it can name another."""

READABLE = "wav, flac, mp3, m4a, ogg, opus, webm, mp4 or another file that FFmpeg decodes"


@dataclass
class Decoded:
    """A decoded recording; a context manager that frees the scratch files.

    Attributes
    ----------
    audio
        Samples of each channel.
    media
        Table `media`, one row.
    dropouts
        Table `dropouts`: runs of exact digital zeros.
    """

    audio: Audio
    media: pl.DataFrame
    dropouts: pl.DataFrame
    scratch: list[IO[bytes]]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the scratch files."""
        _free(self.scratch)


def decode(
    paths: Sequence[Path], scratch: Callable[[], IO[bytes]], settings: AudioDecoding
) -> Decoded:
    """Decode one recording.

    Parameters
    ----------
    paths
        One file, or one per participant: each of these is mixed to one channel, laid side by side
        from time zero, the shorter ones filled with zeros.
    scratch
        Gives an empty scratch file.

    Raises
    ------
    InputError
        A file is empty, is no recording, or holds no audio.
    StoreError
        No room for the decoded samples.
    """
    files: list[IO[bytes]] = []
    facts = []
    try:
        for path in paths:
            track = _Track(path, scratch, files, mix=len(paths) > 1)
            track.decode()
            facts.append(track)
        n_samples = max(track.written for track in facts)
        for track in facts:
            track.pad(n_samples)
        channels = [np.memmap(file, np.float32, "r", shape=(n_samples,)) for file in files]
    except BaseException:
        _free(files)
        raise
    audio = Audio(channels)
    media = MEDIA.frame(
        [
            {
                "duration_ms": max(1, audio.duration_ms),
                "sample_rate_hz": min(track.rate_hz for track in facts),
                "channels": len(channels),
                "codec": "+".join(sorted({track.codec for track in facts})),
                "damaged_packets": sum(track.damaged for track in facts),
                "gap_ms": sum(track.gap_ms for track in facts),
                "promised_ms": max((t.promised_ms for t in facts if t.promised_ms), default=None),
            }
        ]
    )
    return Decoded(audio, media, _dropouts(audio, settings), files)


class _Track:
    """Decodes the best audio stream of one file into one scratch file per channel, or one alone."""

    def __init__(
        self, path: Path, scratch: Callable[[], IO[bytes]], files: list[IO[bytes]], *, mix: bool
    ) -> None:
        self.path = path
        self.mix = mix
        self.scratch = scratch
        self.all_files = files
        self.files: list[IO[bytes]] = []
        self.written = 0
        self.damaged = 0
        self.gap_ms = 0
        self.rate_hz = 0
        self.codec = ""
        self.promised_ms: int | None = None
        self.resampler: AudioResampler | None = None
        self.incoming: tuple[int, str, str] | None = None
        self.layout = "mono"
        self.heard = 1
        self.clock_damaged = False

    def decode(self) -> None:
        """Read the whole file."""
        try:
            with self.path.open("rb") as source:
                if not source.read(1):
                    raise InputError("the file is empty", expected=READABLE)
                announced_ms = _announced_by_riff(source)
                source.seek(0)
                with av.open(source, "r", **OPTIONS) as container:
                    self._decode_container(container)
                self.promised_ms = announced_ms or self.promised_ms
        except av.error.FFmpegError as caught:
            if isinstance(caught, OSError) and caught.errno == errno.ENOSPC:
                raise _no_room() from caught
            raise InputError(
                "not a recording that can be decoded",
                expected=READABLE,
                hint="play it to see whether it is whole; copy it again if it is not",
            ) from caught
        except OSError as caught:
            if caught.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _no_room() from caught
            reason = (caught.strerror or "unknown reason").lower()
            raise InputError(f"the file cannot be read: {reason}") from caught
        if not self.written:
            raise InputError(
                "no audio could be decoded", expected=READABLE, hint="copy the file again"
            )

    def _decode_container(self, container: InputContainer) -> None:
        stream = container.streams.best("audio")
        if not isinstance(stream, AudioStream):
            raise InputError("the file holds no audio", expected=READABLE)
        self.codec = stream.codec_context.name
        if self.codec == "flac":
            # Its frames carry a checksum; without a look at it a damaged one decodes to loud noise.
            stream.codec_context.options = {"err_detect": "crccheck+explode"}
        origin_s = (container.start_time or 0) / av.time_base
        # Raw AAC announces nothing: FFmpeg guesses from the bit rate.
        if container.duration and container.format.name != "aac":
            self.promised_ms = s_to_ms(container.duration / av.time_base)
        for frame in self._frames(container, stream):
            start_s = None if frame.time is None else frame.time - origin_s
            self._take(frame, start_s)
        self._write(self._resampled(None))

    def _frames(self, container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
        """Frames in order; a packet that does not decode is counted and skipped."""
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.FFmpegError:
                self.damaged += 1  # the container breaks off here
                return
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                self.damaged += 1

    def _take(self, frame: AudioFrame, start_s: float | None) -> None:
        incoming = (frame.sample_rate, frame.layout.name, frame.format.name)
        if not self.files:
            self.rate_hz, self.layout = frame.sample_rate, frame.layout.name
            self.heard = frame.layout.nb_channels
            self.files = [self.scratch() for _ in range(1 if self.mix else self.heard)]
            self.all_files.extend(self.files)
        if self.incoming != incoming:
            self._restart()
            self.incoming = incoming
        if start_s is not None:
            self._fill_gap(start_s)
        frame.pts = None
        self._write(self._resampled(frame))

    def _restart(self) -> None:
        """Let the resampler give what it holds, and begin anew."""
        self._write(self._resampled(None))
        self.resampler = AudioResampler(format="flt", layout=self.layout, rate=SAMPLE_RATE_HZ)

    def _fill_gap(self, start_s: float) -> None:
        """Write zeros where the container jumped ahead."""
        start = round(start_s * SAMPLE_RATE_HZ)
        if start - self.written <= GAP_SAMPLES:
            return
        latest_ms = self.promised_ms + _MINUTE_MS if self.promised_ms else _DAY_MS
        if start_s > ms_to_s(latest_ms):
            # The clock is damaged, not the time lost: go on with the sum of samples.
            self.damaged += not self.clock_damaged
            self.clock_damaged = True
            return
        self._restart()
        missing = start - self.written
        if missing > 0:
            self.gap_ms += samples_to_ms(missing)
            self._zeros(missing)

    def _resampled(self, frame: AudioFrame | None) -> list[NDArray[np.float32]]:
        return resampled(self.resampler, frame, self.heard, mix=self.mix)

    def _write(self, blocks: list[NDArray[np.float32]]) -> None:
        for block in blocks:
            for file, samples in zip(self.files, block, strict=True):
                file.write(samples.tobytes())
            self.written += block.shape[1]

    def _zeros(self, count: int) -> None:
        block = np.zeros(SAMPLE_RATE_HZ, np.float32).tobytes()
        for file in self.files:
            for _ in range(count // SAMPLE_RATE_HZ):
                file.write(block)
            file.write(block[: 4 * (count % SAMPLE_RATE_HZ)])
        self.written += count

    def pad(self, n_samples: int) -> None:
        """Fill with zeros up to `n_samples` and flush."""
        try:
            self._zeros(n_samples - self.written)
            for file in self.files:
                file.flush()
        except OSError as caught:
            raise _no_room() from caught


def resampled(
    resampler: AudioResampler | None, frame: AudioFrame | None, heard: int, *, mix: bool
) -> list[NDArray[np.float32]]:
    """Blocks of shape (channels, n) at 16 kHz that a frame gives; None gives what is left.

    Parameters
    ----------
    heard
        Channels of the frame.
    mix
        Mix them to one.
    """
    if resampler is None:
        return []
    # Interleaved samples: PyAV reads beyond its planes where a frame has 8 channels or more.
    blocks = [
        np.asarray(out.to_ndarray(), np.float32).reshape(-1, heard).T
        for out in resampler.resample(frame)
    ]
    # A damaged float file may hold NaN or infinity; neither is a sound.
    whole = [np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0) for block in blocks]
    return [block.mean(axis=0, keepdims=True) for block in whole] if mix else whole


# Timestamps are rounded to the container's time base and jitter by a few ms; the shortest frames in
# common use last 20 ms (Opus, AAC at 48 kHz). What lies between is no lost frame, and the sum of
# samples is the better clock.
GAP_SAMPLES = SAMPLE_RATE_HZ * 15 // 1000
# A timestamp later than this after the announced end, or after a day where none is announced, is no
# time that passed: hours of zeros would fill the disk.
_MINUTE_MS = 60_000
_DAY_MS = 24 * 60 * _MINUTE_MS


def _announced_by_riff(source: IO[bytes]) -> int | None:
    """Length in ms that the header of a WAV file announces.

    FFmpeg trims it to what is there, and a file that was cut off would look whole. None for other
    containers, and for a header whose writer did not know the length.
    """
    source.seek(0)
    if source.read(4) != b"RIFF":
        return None
    source.seek(12)
    bytes_per_s = 0
    while len(head := source.read(8)) == 8:  # noqa: PLR2004  # a chunk's name and size
        name, size = struct.unpack("<4sI", head)
        if name == b"data":
            known = bytes_per_s and 0 < size < _UNKNOWN_SIZE
            return int(size) * 1000 // bytes_per_s if known else None
        body = source.read(min(size, 64))
        if name == b"fmt " and len(body) >= 12:  # noqa: PLR2004  # up to the byte rate
            bytes_per_s = struct.unpack_from("<I", body, 8)[0]
        source.seek(size + size % 2 - len(body), 1)
    return None


# What streaming recorders write for a length that they do not know lies at or above this.
_UNKNOWN_SIZE = 0x7FFF_0000


def _free(files: Sequence[IO[bytes]]) -> None:
    for file in files:
        with contextlib.suppress(OSError):  # on a full disk the last block cannot be flushed
            file.close()


def _no_room() -> StoreError:
    return StoreError(
        "the disk is full while the recording is decoded",
        expected="4 bytes x 16,000 x seconds x channels of free space, for the time of the run",
        hint="free some space, or choose another folder with --workspace",
    )


def _dropouts(audio: Audio, settings: AudioDecoding) -> pl.DataFrame:
    """Runs of 10 ms frames that are exactly zero, at least `dropout_ms` long."""
    rows: list[dict[str, object]] = []
    block = SAMPLES_PER_FRAME * 6000
    for number, channel in enumerate(audio.channels):
        zero = np.concatenate(
            [_zero_frames(channel[i : i + block]) for i in range(0, audio.n_samples, block)]
        )
        edges = np.flatnonzero(np.diff(np.concatenate(([0], zero.astype(np.int8), [0]))))
        for first, after in edges.reshape(-1, 2):
            start, end = int(first) * FRAME_MS, min(int(after) * FRAME_MS, audio.duration_ms)
            if end - start >= settings.dropout_ms:
                rows.append({"start_ms": start, "end_ms": end, "channel": number})
    return DROPOUTS.frame(rows)


def _zero_frames(samples: Samples) -> NDArray[np.bool_]:
    whole = len(samples) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME
    zero = ~samples[:whole].reshape(-1, SAMPLES_PER_FRAME).any(axis=1)
    if whole < len(samples):
        zero = np.append(zero, not samples[whole:].any())
    return np.asarray(zero, np.bool_)
