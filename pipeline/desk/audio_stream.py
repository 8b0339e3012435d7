"""Audio for the player: any position of a recording at once, from the chosen channels.

A recording is decoded into an unnamed scratch file that disappears with the process, so no copy of
a session is left behind. Only what is played is decoded, and a little ahead of it, so the last
minute of three hours starts as quickly as the first. The player sees a WAV file that is never
written: for the bytes it requests, samples are read from the scratch file and mixed::

    byte    0         44                                  44 + 2 n
            | header  | sample 0 | sample 1 | ...         |

    second  0    1    2    3    4    5    6    7           scratch file, float32,
            | ## | ## |    |    | ## | ## |    |           channels side by side
                                  ^ played  ^ decoded next
"""

import contextlib
import errno
import os
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Generator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from pipeline import audio
from pipeline.core.errors import InputError, StoreError, TetherError
from pipeline.core.time import SAMPLE_RATE_HZ, ms_to_samples
from pipeline.session.intake import Source
from pipeline.workspace.store import Store

HEADER_BYTES = 44
_SAMPLE_BYTES = 2
_FLOAT_BYTES = 4
_FULL_SCALE = 32767
_LARGEST = 0xFFFF_FFFF
_PATIENCE_S = 60
"""A reader waits at most this long for a second of audio."""


class Listening:
    """The audio of one recording, decoded where it is played.

    Parameters
    ----------
    find
        Returns the recording. May take a second, since its bytes are compared with those that were
        processed.
    channels, duration_ms
        Of the recording, as measured in processing.
    store
        Provides the scratch file.
    ahead_ms
        How far to decode ahead of the position that is played.
    factors
        The factor for each channel, as in processing (`media.factors`); None: 1 for all.
    """

    def __init__(
        self,
        find: Callable[[], Source],
        channels: int,
        duration_ms: int,
        store: Store,
        ahead_ms: int,
        factors: Sequence[float] | None = None,
    ) -> None:
        self.channels = channels
        self.n_samples = max(1, ms_to_samples(duration_ms))
        self._find, self._store, self._factors = find, store, factors
        self._there = np.zeros(-(-self.n_samples // SAMPLE_RATE_HZ), np.bool_)
        self._ahead = max(1, ahead_ms // 1000)
        self._heard = 0
        self._waiting: list[int] = []
        self._file: IO[bytes] | None = None
        self._error: TetherError | None = None
        self._readers = 0
        self._closed = threading.Event()
        self._news = threading.Condition()
        threading.Thread(target=self._work, name="decode", daemon=True).start()

    @property
    def n_bytes(self) -> int:
        """Size of the WAV file that the player sees."""
        return HEADER_BYTES + _SAMPLE_BYTES * self.n_samples

    @property
    def error(self) -> TetherError | None:
        """Why the audio cannot be played; None if it can, or is being decoded."""
        return self._error

    def read(self, start: int, end: int, heard: Collection[int]) -> Generator[bytes, None, None]:
        """Bytes ``[start, end)`` of the WAV file, in blocks of at most a second.

        Parameters
        ----------
        heard
            0-based channels to mix.

        Raises
        ------
        InputError, StoreError
            The recording cannot be played.
        """
        with self._news:
            if self._closed.is_set():
                raise InputError("the audio of this recording was closed", hint="reload the page")
            self._readers += 1
        try:
            if start < HEADER_BYTES:
                yield _header(self.n_samples)[start:end]
            first, last = max(0, start - HEADER_BYTES), end - HEADER_BYTES
            at = first // _SAMPLE_BYTES
            while at * _SAMPLE_BYTES < last:
                second = at // SAMPLE_RATE_HZ
                until = min((second + 1) * SAMPLE_RATE_HZ, -(-last // _SAMPLE_BYTES))
                self._wait(second)
                block = self._mixed(at, until, heard).tobytes()
                cut = max(0, first - at * _SAMPLE_BYTES)
                yield block[cut : last - at * _SAMPLE_BYTES]
                at = until
        finally:
            with self._news:
                self._readers -= 1
                self._free_if_idle()

    def close(self) -> None:
        """Free the scratch file as soon as no thread reads or writes it."""
        with self._news:
            self._closed.set()
            self._news.notify_all()
            self._free_if_idle()

    def _work(self) -> None:
        """Decode in another thread: the seconds that readers wait for first, then those ahead."""
        try:
            paths = self._find().audio
            with self._news:
                self._readers += 1
                self._file = self._store.scratch()
            while (first := self._next()) is not None:
                self._decode(paths, first)
        except TetherError as caught:
            self._fail(caught)
        except OSError as caught:
            full = caught.errno in (errno.ENOSPC, errno.EDQUOT)
            reason = "the disk is full" if full else "the workspace cannot be written"
            self._fail(StoreError(f"no scratch space for audio: {reason}", hint="free some space"))
        finally:
            with self._news:
                self._readers -= self._file is not None
                self._free_if_idle()

    def _decode(self, paths: Sequence[Path], first: int) -> None:
        """Decode from second `first` on, until another second is due or the next one is decoded."""
        last = first
        for block in audio.stream(paths, first, self._factors):
            last = block.number
            if last >= len(self._there) or self._there[last] or self._closed.is_set():
                return
            self._keep(block)
            with self._news:
                due = self._due(self._ahead)
            if due != last + 1:
                return
        with self._news:  # the file ends sooner than in processing: the rest is silence
            self._there[last:] = True
            self._news.notify_all()

    def _next(self) -> int | None:
        """Wait for a second that is due, and return it; None: the audio was closed.

        Seconds ahead become due when half of the reserve is used up, so that the file is not opened
        for every second.
        """
        soon = self._ahead // 2
        with self._news:
            self._news.wait_for(lambda: self._closed.is_set() or self._due(soon) is not None)
            return None if self._closed.is_set() else self._due(soon)

    def _due(self, ahead: int) -> int | None:
        """The second that a reader has waited for longest; else one due within `ahead` seconds."""
        for second in self._waiting:
            if not self._there[second]:
                return second
        soon = np.flatnonzero(~self._there[self._heard : self._heard + ahead])
        return self._heard + int(soon[0]) if len(soon) else None

    def _keep(self, block: audio.Block) -> None:
        assert self._file is not None
        held = block.samples[: self.channels].astype("<f4")
        content = np.ascontiguousarray(held.T).tobytes()
        os.pwrite(self._file.fileno(), content, self._place(block.number * SAMPLE_RATE_HZ))
        with self._news:
            self._there[block.number] = True
            self._news.notify_all()

    def _wait(self, second: int) -> None:
        with self._news:
            self._heard = second
            self._waiting.append(second)
            self._news.notify_all()
            self._news.wait_for(
                lambda: self._there[second] or self._error or self._closed.is_set(), _PATIENCE_S
            )
            self._waiting.remove(second)
            if self._error is not None:
                raise self._error
            if not self._there[second]:
                raise InputError("the audio is not ready yet", hint="try again")

    def _mixed(self, start: int, end: int, heard: Collection[int]) -> NDArray[np.int16]:
        assert self._file is not None
        size = self._place(end) - self._place(start)
        content = os.pread(self._file.fileno(), size, self._place(start))
        samples = np.frombuffer(content, "<f4").reshape(-1, self.channels)
        mixed = np.zeros(end - start, np.float32)
        mixed[: len(samples)] = samples[:, sorted(heard)].sum(axis=1)
        scaled: NDArray[np.int16] = np.rint(mixed.clip(-1, 1) * _FULL_SCALE).astype("<i2")
        return scaled

    def _place(self, sample: int) -> int:
        return _FLOAT_BYTES * self.channels * sample

    def _fail(self, error: TetherError) -> None:
        with self._news:
            self._error = error
            self._news.notify_all()

    def _free_if_idle(self) -> None:
        if self._closed.is_set() and not self._readers and self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()


class Listenings:
    """The recordings played most recently.

    Parameters
    ----------
    at_most
        How many stay decoded; the one played longest ago is freed first.
    """

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._open: OrderedDict[str, Listening] = OrderedDict()
        self._closed = False
        self._lock = threading.Lock()

    def of(self, recording_id: str, begin: Callable[[], Listening]) -> Listening:
        """The audio of a recording; `begin` starts to decode it if it is not open."""
        with self._lock:
            if self._closed:  # a request that outlived the desk would leave a scratch file
                raise InputError("the desk was closed", hint="tether review")
            listening = self._open.pop(recording_id, None)
            if listening is not None and listening.error is not None:
                listening.close()  # try again: the file may be back
                listening = None
            if listening is None:
                listening = begin()
            self._open[recording_id] = listening
            old = [
                self._open.popitem(last=False)[1] for _ in range(len(self._open) - self._at_most)
            ]
        for each in old:
            each.close()
        return listening

    def close(self) -> None:
        """Free all."""
        with self._lock:
            self._closed = True
            while self._open:
                self._open.popitem()[1].close()


def _header(n_samples: int) -> bytes:
    """RIFF header of 16-bit mono at 16 kHz; its size is capped at 4 GB (37 hours)."""
    size = min(_SAMPLE_BYTES * n_samples, _LARGEST - HEADER_BYTES)
    byte_rate = _SAMPLE_BYTES * SAMPLE_RATE_HZ
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE_HZ, byte_rate, 2, 16)
    return (
        b"RIFF" + struct.pack("<I", size + 36) + b"WAVE" + fmt + struct.pack("<4sI", b"data", size)
    )
