"""Decoding of whatever FFmpeg reads to 16 kHz, channels kept, on the container's own clock.

All audio tracks are channels of one recording, in the order of the file. Samples are written to
scratch files in blocks and read back through memory maps, so memory does not grow with length.
"""

import contextlib
import errno
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

import av
import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.audio import gain
from pipeline.audio.container import READABLE, Opened, opened
from pipeline.audio.samples import Audio, Samples
from pipeline.audio.tracks import Track
from pipeline.config import AudioDecoding
from pipeline.core.errors import InputError, StoreError
from pipeline.core.tables import DROPOUTS, MEDIA
from pipeline.core.time import FRAME_MS, SAMPLE_RATE_HZ, SAMPLES_PER_FRAME, samples_to_ms
from pipeline.formats.repairs import Repairs


@dataclass
class Decoded:
    """A decoded recording: a context manager that frees its scratch files.

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
        One file, or one for each participant: each of these is mixed to one channel, aligned at
        time zero, and padded with zeros to the longest.
    scratch
        Returns an empty scratch file.

    Raises
    ------
    InputError
        A file is empty, is not a recording, contains no audio, or exceeds a limit of the settings.
    StoreError
        No disk space for the decoded samples.
    """
    files: list[IO[bytes]] = []

    def another() -> IO[bytes]:
        files.append(scratch())
        return files[-1]

    try:
        parts: list[_File] = []
        for path in paths:
            with _readable_errors():
                parts.append(_File.read(path, another, settings, sum(f.channels for f in parts)))
        with _readable_errors():
            n_samples = max(file.written for file in parts)
            for file in parts:
                file.pad(n_samples)
            levelled = _levelled(parts, n_samples, settings)
            channels = levelled.channels
            if len(parts) > 1:
                unmixed = list(files)
                channels = [_mixed(own, another(), n_samples) for own in levelled.of_files(parts)]
                levelled.channels.clear()
                _free(unmixed)
    except BaseException:
        _free(files)
        raise
    audio = Audio(channels)
    row = _facts(parts, audio) | {
        "correlation": levelled.correlation(parts) if len(channels) > 1 else None,
        "factors": levelled.factors if any(factor != 1 for factor in levelled.factors) else None,
        "repairs": [*_sentences(parts), *levelled.sentences] or None,
    }
    return Decoded(audio, MEDIA.frame([row]), _dropouts(audio, settings), files)


def _facts(parts: Sequence["_File"], audio: Audio) -> dict[str, object]:
    promised = [file.promised_ms for file in parts if file.promised_ms]
    return {
        "duration_ms": max(1, audio.duration_ms),
        "sample_rate_hz": min(track.rate_hz for file in parts for track in file.tracks),
        "channels": len(audio.channels),
        "codec": "+".join(sorted({track.codec for file in parts for track in file.tracks})),
        "damaged_packets": sum(track.damaged for file in parts for track in file.tracks),
        "gap_ms": sum(max(track.gap_ms for track in file.tracks) for file in parts),
        "promised_ms": max(promised, default=None),
    }


@dataclass
class _File:
    """A file with its tracks decoded.

    Attributes
    ----------
    promised_ms
        Length that the header announces; None: none.
    """

    tracks: list[Track] = field(default_factory=list)
    promised_ms: int | None = None
    repairs: Repairs = field(default_factory=Repairs)

    @classmethod
    def read(
        cls, path: Path, scratch: Callable[[], IO[bytes]], settings: AudioDecoding, before: int
    ) -> Self:
        """Decode all tracks, one after the other; `before` is the number of earlier channels."""
        file, index, count = cls(), 0, 1
        while index < count:
            with opened(path) as source:
                count = len(source.tracks)
                if not index:
                    file._check(source, settings, before)
                track = Track(scratch, settings)
                file.tracks.append(track)
                track.decode(source, source.tracks[index])
                if index == count - 1:
                    file._finish(source)
            index += 1
        return file

    @property
    def written(self) -> int:
        """Number of samples of the longest track."""
        return max(track.written for track in self.tracks)

    @property
    def channels(self) -> int:
        """Number of channels of all tracks."""
        return sum(len(track.files) for track in self.tracks)

    def pad(self, n_samples: int) -> None:
        """Pad all tracks with zeros to `n_samples`."""
        for track in self.tracks:
            track.pad(n_samples)

    def _check(self, source: Opened, settings: AudioDecoding, before: int) -> None:
        channels = before + sum(t.codec_context.layout.nb_channels for t in source.tracks)
        if channels > settings.max_channels:
            raise InputError(
                f"the recording has {channels} channels",
                expected=f"{settings.max_channels} at most",
                hint="save only the speakers' tracks, or set audio.max_channels",
            )

    def _finish(self, source: Opened) -> None:
        if not self.written:
            raise InputError(
                "no audio could be decoded", expected=READABLE, hint="copy the file again"
            )
        self.promised_ms = source.announced_ms
        if source.wave and source.wave.announced is not None:
            held_ms = samples_to_ms(self.written)
            self.promised_ms = held_ms * source.wave.announced // max(source.wave.held, 1)
        if source.wave:
            self.repairs.update(source.wave.repairs)
        self.repairs["Audio tracks that cannot be decoded, skipped"] += source.passed_over
        self.repairs["Audio tracks without sound, kept as silent channels"] += sum(
            not track.written for track in self.tracks
        )


@contextlib.contextmanager
def _readable_errors() -> Iterator[None]:
    """Turn errors of FFmpeg and of the system into errors that a person can act on."""
    try:
        yield
    except av.error.FFmpegError as caught:
        if isinstance(caught, OSError) and caught.errno == errno.ENOSPC:
            raise _no_room() from caught
        raise InputError(
            "not a recording that can be decoded",
            expected=READABLE,
            hint="play it to see whether it is complete; copy it again if it is not",
        ) from caught
    except OSError as caught:
        if caught.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_room() from caught
        reason = (caught.strerror or "unknown reason").lower()
        raise InputError(f"the file cannot be read: {reason}") from caught


def _sentences(parts: Sequence[_File]) -> Iterator[str]:
    repairs = Repairs()
    for file in parts:
        repairs.update(file.repairs)
    yield from repairs.sentences()
    if len(parts) == 1 and len(parts[0].tracks) > 1:
        spans, first = [], 1
        for track in parts[0].tracks:
            last = first + len(track.files) - 1
            spans.append(f"{first}" if first == last else f"{first}-{last}")
            first = last + 1
        yield (
            f"The file has {len(spans)} audio tracks, used as channels of one recording: "
            f"{', '.join(spans)}."
        )


@dataclass
class _Levelled:
    """Channels of all files, level adjusted and inverted channels turned over.

    Attributes
    ----------
    factors
        Factor by which each channel was multiplied.
    of_pairs
        Sum of products of each pair of channels, after that.
    """

    channels: list[Samples]
    factors: list[float]
    of_pairs: NDArray[np.float64]
    sentences: list[str]

    def of_files(self, parts: Sequence[_File]) -> Iterator[list[Samples]]:
        """The channels of each file."""
        first = 0
        for file in parts:
            yield self.channels[first : first + file.channels]
            first += file.channels

    def correlation(self, parts: Sequence[_File]) -> float | None:
        """Smallest correlation of two channels; None: fewer than two have sound."""
        of_pairs = self.of_pairs
        if len(parts) > 1:
            mixing = np.repeat(np.eye(len(parts)), [file.channels for file in parts], axis=1)
            of_pairs = mixing @ of_pairs @ mixing.T
        sounding = np.flatnonzero(np.diag(of_pairs) > 0)
        if len(sounding) < 2:  # noqa: PLR2004  # a pair
            return None
        alike = gain.correlations(of_pairs)[np.ix_(sounding, sounding)]
        return float(alike[np.triu_indices(len(sounding), 1)].min())


def _levelled(parts: Sequence[_File], n_samples: int, settings: AudioDecoding) -> _Levelled:
    factors: list[float] = []
    sentences: list[str] = []
    files = [file for each in parts for track in each.tracks for file in track.files]
    for each in parts:
        of_file = [_mapped(file, n_samples) for track in each.tracks for file in track.files]
        level = gain.level(of_file, settings)
        sentences += [text for text in level.sentences() if text not in sentences]
        factors += [level.factor] * len(of_file)
        if level.factor != 1 or level.cut:
            for samples in of_file:
                _multiply(samples, level.factor, most=1)
    channels = [_mapped(file, n_samples) for file in files]
    of_pairs = gain.products(channels)
    for number, other in gain.turned_over(of_pairs, settings).items():
        _multiply(channels[number], -1)
        factors[number] *= -1
        of_pairs[number] *= -1
        of_pairs[:, number] *= -1
        which = f"Channel {number + 1} is inverted against channel {other + 1}"
        if len(parts) > 1:
            which = "A channel of a participant's file is inverted against another"
        sentences.append(f"{which}; this was corrected for listening and measuring.")
    return _Levelled(channels, factors, of_pairs, sentences)


def _mapped(file: IO[bytes], n_samples: int) -> Samples:
    return np.memmap(file, np.float32, "r+", shape=(n_samples,))


def _multiply(samples: Samples, factor: float, most: float = np.inf) -> None:
    """Multiply in place; values beyond `most` are clipped there."""
    for start in range(0, len(samples), _BLOCK):
        block = samples[start : start + _BLOCK]
        np.clip(block * np.float32(factor), -most, most, out=block)


def _mixed(channels: Sequence[Samples], file: IO[bytes], n_samples: int) -> Samples:
    """The mean of channels, in a scratch file of its own."""
    audio = Audio(channels)
    for start in range(0, n_samples, _BLOCK):
        file.write(audio.mixed(start, start + _BLOCK).astype(np.float32).tobytes())
    file.flush()
    return _mapped(file, n_samples)


_BLOCK = 60 * SAMPLE_RATE_HZ


def _free(files: Sequence[IO[bytes]]) -> None:
    for file in files:
        with contextlib.suppress(OSError):  # on a full disk the last block cannot be flushed
            file.close()


def _no_room() -> StoreError:
    return StoreError(
        "the disk is full: the recording could not be decoded",
        expected="4 bytes x 16,000 x seconds x channels of free space during the run",
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
