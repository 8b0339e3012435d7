"""Sound for the player: any place of a recording at once, of the channels one wants to hear.

A recording is decoded into a scratch file that has no name and goes with the process: no copy of a
session stays behind. Only what is listened to is decoded, and a little ahead of it; so the last
minute of three hours is heard as soon as the first. The player sees a WAV file that is never
written: of the bytes it asks for, the samples are read where they lie, mixed and handed out::

    byte    0         44                                  44 + 2 n
            | header  | sample 0 | sample 1 | ...         |

    second  0    1    2    3    4    5    6    7           scratch file, float32,
            | ## | ## |    |    | ## | ## |    |           channels side by side
                                  ^ heard   ^ decoded next
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
"""Nobody waits longer for a second of sound."""


class Listening:
    """The sound of one recording, decoded where it is listened to.

    Parameters
    ----------
    find
        Gives the recording; may take a second, for its bytes are compared with those walked.
    channels, duration_ms
        As the walk found them.
    ahead_ms
        How far ahead of what is heard is decoded.
    factors
        What the walk multiplied the channels of the files by; None: all by 1.
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
        """Length of the WAV file that the player sees."""
        return HEADER_BYTES + _SAMPLE_BYTES * self.n_samples

    @property
    def error(self) -> TetherError | None:
        """Why there is no sound; None: there is, or will be."""
        return self._error

    def read(self, start: int, end: int, heard: Collection[int]) -> Generator[bytes, None, None]:
        """Bytes ``[start, end)`` of the WAV file, in blocks of at most a second.

        Parameters
        ----------
        heard
            0-based channels that are mixed.

        Raises
        ------
        InputError, StoreError
            The recording cannot be heard.
        """
        with self._news:
            if self._closed.is_set():
                raise InputError("the recording was put away", hint="load the page again")
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
        """Free the scratch file as soon as nobody reads or writes in it."""
        with self._news:
            self._closed.set()
            self._news.notify_all()
            self._free_if_idle()

    def _work(self) -> None:
        """Decode in another thread: what is wanted first, then what is left."""
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
            self._fail(StoreError(f"no scratch space for sound: {reason}", hint="free some space"))
        finally:
            with self._news:
                self._readers -= self._file is not None
                self._free_if_idle()

    def _decode(self, paths: Sequence[Path], first: int) -> None:
        """From a second on, until what follows is there, far ahead, or wanted less than another."""
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
        with self._news:  # the file ends sooner than the walk saw: what is left is silence
            self._there[last:] = True
            self._news.notify_all()

    def _next(self) -> int | None:
        """The second to decode next, once one is due; None: the recording was put away.

        What lies ahead is due when half of it is used up, so that not every second opens the file.
        """
        soon = self._ahead // 2
        with self._news:
            self._news.wait_for(lambda: self._closed.is_set() or self._due(soon) is not None)
            return None if self._closed.is_set() else self._due(soon)

    def _due(self, ahead: int) -> int | None:
        """What somebody waits for, longest first; else what is heard within `ahead` seconds."""
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
                raise InputError("the sound is not there yet", hint="try again")

    def _mixed(self, start: int, end: int, heard: Collection[int]) -> NDArray[np.int16]:
        assert self._file is not None
        size = self._place(end) - self._place(start)
        content = os.pread(self._file.fileno(), size, self._place(start))
        samples = np.frombuffer(content, "<f4").reshape(-1, self.channels)
        mixed = np.zeros(end - start, np.float32)
        mixed[: len(samples)] = samples[:, sorted(heard)].sum(axis=1)
        found: NDArray[np.int16] = np.rint(mixed.clip(-1, 1) * _FULL_SCALE).astype("<i2")
        return found

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
    """The recordings that were listened to last.

    Parameters
    ----------
    at_most
        How many stay decoded; the one that was heard longest ago is freed first.
    """

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._open: OrderedDict[str, Listening] = OrderedDict()
        self._closed = False
        self._lock = threading.Lock()

    def of(self, recording_id: str, begin: Callable[[], Listening]) -> Listening:
        """The sound of a recording; `begin` starts to decode it where it is not there."""
        with self._lock:
            if self._closed:  # a request that outlived the desk would leave a scratch file
                raise InputError("the desk was closed", hint="tether review")
            found = self._open.pop(recording_id, None)
            if found is not None and found.error is not None:
                found.close()  # the file may be back
                found = None
            if found is None:
                found = begin()
            self._open[recording_id] = found
            old = [
                self._open.popitem(last=False)[1] for _ in range(len(self._open) - self._at_most)
            ]
        for each in old:
            each.close()
        return found

    def close(self) -> None:
        """Free all."""
        with self._lock:
            self._closed = True
            while self._open:
                self._open.popitem()[1].close()


def _header(n_samples: int) -> bytes:
    """RIFF header of 16-bit mono at 16 kHz; over 4 GB (37 hours) it announces what fits."""
    size = min(_SAMPLE_BYTES * n_samples, _LARGEST - HEADER_BYTES)
    byte_rate = _SAMPLE_BYTES * SAMPLE_RATE_HZ
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE_HZ, byte_rate, 2, 16)
    return (
        b"RIFF" + struct.pack("<I", size + 36) + b"WAVE" + fmt + struct.pack("<4sI", b"data", size)
    )
