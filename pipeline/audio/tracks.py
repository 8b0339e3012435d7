"""Decodes one audio track to one scratch file for each channel, on the container's own clock.

If the container skips time, zeros are written, so that the sample index equals time.
"""

from collections.abc import Callable, Iterator
from typing import IO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from pipeline.audio.container import Opened
from pipeline.config import AudioDecoding
from pipeline.core.errors import InputError
from pipeline.core.time import SAMPLE_RATE_HZ, ms_to_clock, ms_to_s, samples_to_ms

# Timestamps are rounded to the container's time base and jitter by a few ms; the shortest frames in
# common use last 20 ms (Opus, AAC at 48 kHz). A smaller difference is not a lost frame, and the sum
# of samples is the better clock.
GAP_SAMPLES = SAMPLE_RATE_HZ * 15 // 1000
# A timestamp this much later than the announced end is an error, not time that passed.
_MINUTE_MS = 60_000


class Track:
    """Decodes one track.

    Parameters
    ----------
    scratch
        Returns an empty scratch file.

    Attributes
    ----------
    files
        Scratch files, one for each channel.
    written
        Number of samples in each.
    damaged
        Number of packets that did not decode, plus one if the clock jumped implausibly.
    gap_ms
        Time that the container skipped, except before the first sound of the track.
    """

    def __init__(self, scratch: Callable[[], IO[bytes]], settings: AudioDecoding) -> None:
        self._scratch = scratch
        self._settings = settings
        self.files: list[IO[bytes]] = []
        self.written = 0
        self.damaged = 0
        self.gap_ms = 0
        self.rate_hz = 0
        self.codec = ""
        self._skipped = 0
        self._promised_ms: int | None = None
        self._resampler: AudioResampler | None = None
        self._incoming: tuple[int, str, str] | None = None
        self._layout = "mono"
        self._clock_damaged = False

    def decode(self, source: Opened, stream: AudioStream) -> None:
        """Read the whole track; a track without sound has no samples."""
        self.codec = stream.codec_context.name
        self._promised_ms = source.announced_ms
        for frame in self._frames(source.container, stream):
            self._take(frame, None if frame.time is None else frame.time - source.origin_s)
        self._write(resampled(self._resampler, None))
        if not self.files:
            self.rate_hz = stream.codec_context.sample_rate
            self.files = [self._scratch() for _ in stream.codec_context.layout.channels]

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
            self.rate_hz, self._layout = frame.sample_rate, frame.layout.name
            self.files = [self._scratch() for _ in range(frame.layout.nb_channels)]
        if self._incoming != incoming:
            self._restart()
            self._incoming = incoming
        if start_s is not None:
            self._fill_gap(start_s)
        frame.pts = None
        self._write(resampled(self._resampler, frame))

    def _restart(self) -> None:
        """Flush the resampler and start a new one."""
        self._write(resampled(self._resampler, None))
        self._resampler = AudioResampler(format="flt", layout=self._layout, rate=SAMPLE_RATE_HZ)

    def _fill_gap(self, start_s: float) -> None:
        """Write zeros where the container jumped ahead."""
        start = round(start_s * SAMPLE_RATE_HZ)
        if start - self.written <= GAP_SAMPLES:
            return
        if self._promised_ms and start_s > ms_to_s(self._promised_ms + _MINUTE_MS):
            # The clock is damaged and no time was lost: continue with the sum of samples.
            self.damaged += not self._clock_damaged
            self._clock_damaged = True
            return
        begins = not self.written
        self._restart()
        missing = start - self.written
        if missing <= 0:
            return
        self._skipped += samples_to_ms(missing)
        if self._skipped > self._settings.max_gap_ms:
            raise InputError(
                f"the recording skips {ms_to_clock(self._skipped)} without sound",
                expected=f"{ms_to_clock(self._settings.max_gap_ms)} at most",
                hint="save it again with an audio editor; if the time did pass, set "
                "audio.max_gap_ms",
            )
        if not begins:
            self.gap_ms += samples_to_ms(missing)
        self._zeros(missing)

    def _write(self, blocks: list[NDArray[np.float32]]) -> None:
        for block in blocks:
            self._reach(block.shape[1])
            for file, samples in zip(self.files, block, strict=True):
                file.write(samples.tobytes())
            self.written += block.shape[1]

    def _zeros(self, count: int) -> None:
        self._reach(count)
        block = np.zeros(SAMPLE_RATE_HZ, np.float32).tobytes()
        for file in self.files:
            for _ in range(count // SAMPLE_RATE_HZ):
                file.write(block)
            file.write(block[: 4 * (count % SAMPLE_RATE_HZ)])
        self.written += count

    def _reach(self, more: int) -> None:
        if samples_to_ms(self.written + more) > self._settings.max_length_ms:
            raise InputError(
                f"the recording is longer than {ms_to_clock(self._settings.max_length_ms)}",
                hint="cut it into pieces, or set audio.max_length_ms",
            )

    def pad(self, n_samples: int) -> None:
        """Pad with zeros to `n_samples` and flush."""
        self._zeros(n_samples - self.written)
        for file in self.files:
            file.flush()


def resampled(
    resampler: AudioResampler | None, frame: AudioFrame | None
) -> list[NDArray[np.float32]]:
    """Blocks of shape (channels, n) at 16 kHz from a frame; a None frame flushes the resampler."""
    if resampler is None:
        return []
    # Interleaved samples: PyAV reads beyond its planes if a frame has 8 or more channels.
    blocks = [
        np.asarray(out.to_ndarray(), np.float32).reshape(-1, out.layout.nb_channels).T
        for out in resampler.resample(frame)
    ]
    # A damaged float file may contain NaN or infinity; neither is sound.
    return [np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0) for block in blocks]
