"""Sound for the player: any place of a recording at once, of the channels one wants to hear.

A recording is decoded by the product's own decoder, so that a second of the player is a second of
the rules, into scratch files that have no name and go with the process: no copy of a session stays
behind. The player sees a WAV file that is never written: of the bytes it asks for, the samples are
read where they lie, mixed and handed out. What lies beyond the place up to which the recording is
decoded is waited for.

::

    byte    0         44                                  44 + 2 n
            | header  | sample 0 | sample 1 | ...         |
"""

import contextlib
import os
import struct
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from typing import IO

import numpy as np
from numpy.typing import NDArray

from pipeline import audio
from pipeline.config import AudioDecoding
from pipeline.errors import InputError, TetherError
from pipeline.intake import Source
from pipeline.store import Store
from pipeline.timebase import SAMPLE_RATE_HZ, ms_to_samples

HEADER_BYTES = 44
_SAMPLE_BYTES = 2
_FLOAT_BYTES = 4
_BLOCK_SAMPLES = SAMPLE_RATE_HZ
_FULL_SCALE = 32767
_LOOKS_PER_S = 50
_LARGEST = 0xFFFF_FFFF


class Listening:
    """The sound of one recording while it is decoded, and afterwards.

    Parameters
    ----------
    find
        Gives the recording; may take a second, for its bytes are compared with those walked.
    channels, duration_ms
        As the walk found them.
    """

    def __init__(
        self,
        find: Callable[[], Source],
        channels: int,
        duration_ms: int,
        store: Store,
        settings: AudioDecoding,
    ) -> None:
        self.channels = channels
        self.n_samples = ms_to_samples(duration_ms)
        self._find, self._store, self._settings = find, store, settings
        self._files: list[IO[bytes]] = []
        self._decoded = False
        self._error: TetherError | None = None
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._readers = 0
        self._worker = threading.Thread(target=self._decode, name="decode", daemon=True)
        self._worker.start()

    @property
    def n_bytes(self) -> int:
        """Length of the WAV file that the player sees."""
        return HEADER_BYTES + _SAMPLE_BYTES * self.n_samples

    @property
    def error(self) -> TetherError | None:
        """Why there is no sound; None: there is, or will be."""
        return self._error

    @property
    def decoded_samples(self) -> int:
        """Samples from the start that can be heard now."""
        if self._decoded:
            return self.n_samples
        if self._closed.is_set() or len(self._files) < self.channels:
            return 0
        return min(os.fstat(file.fileno()).st_size for file in self._files) // _FLOAT_BYTES

    def read(self, start: int, end: int, heard: Collection[int]) -> Iterator[bytes]:
        """Bytes ``[start, end)`` of the WAV file, in blocks.

        Parameters
        ----------
        heard
            0-based channels that are mixed.

        Raises
        ------
        InputError, StoreError
            The recording cannot be heard, before the first block; an error later ends the blocks.
        """
        with self._lock:
            if self._closed.is_set():
                raise InputError("the recording was put away", hint="load the page again")
            self._readers += 1
        try:
            if start < HEADER_BYTES:
                yield _header(self.n_samples)[start:end]
            first = max(0, start - HEADER_BYTES)
            last = end - HEADER_BYTES
            at = first // _SAMPLE_BYTES
            while at * _SAMPLE_BYTES < last:
                until = min(at + _BLOCK_SAMPLES, -(-last // _SAMPLE_BYTES), self.n_samples)
                self._wait(until)
                block = self._mixed(at, until, heard).tobytes()
                cut = max(0, first - at * _SAMPLE_BYTES)
                yield block[cut : last - at * _SAMPLE_BYTES]
                at = until
        finally:
            with self._lock:
                self._readers -= 1
                free = self._closed.is_set() and not self._readers
            if free:
                self._free()

    def close(self) -> None:
        """Free the scratch files as soon as nobody reads in them."""
        with self._lock:
            self._closed.set()
            free = not self._readers
        if free:
            self._free()

    def _decode(self) -> None:
        try:
            audio.decode(self._find().audio, self._scratch, self._settings)
            self._decoded = True
        except TetherError as caught:
            self._error = caught
        except ValueError:  # its files were closed under it
            if not self._closed.is_set():
                raise

    def _scratch(self) -> IO[bytes]:
        file = self._store.scratch()
        self._files.append(file)
        if self._closed.is_set():
            file.close()
        return file

    def _wait(self, samples: int) -> None:
        while self.decoded_samples < samples:
            if self._error is not None:
                raise self._error
            if self._closed.is_set():
                raise InputError("the recording was put away", hint="load the page again")
            time.sleep(1 / _LOOKS_PER_S)

    def _mixed(self, start: int, end: int, heard: Collection[int]) -> NDArray[np.int16]:
        total = np.zeros(end - start, np.float32)
        for number, file in enumerate(self._files):
            if number in heard:
                content = os.pread(
                    file.fileno(), _FLOAT_BYTES * (end - start), _FLOAT_BYTES * start
                )
                samples = np.frombuffer(content, np.float32)
                total[: len(samples)] += samples
        mixed: NDArray[np.int16] = np.rint(total.clip(-1, 1) * _FULL_SCALE).astype("<i2")
        return mixed

    def _free(self) -> None:
        """Give the disk back; a decoder at work finds its files closed, and stops."""
        for file in self._files:
            with contextlib.suppress(OSError):  # on a full disk the last block cannot be flushed
                file.close()


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
        self._lock = threading.Lock()

    def of(self, recording_id: str, begin: Callable[[], Listening]) -> Listening:
        """The sound of a recording; `begin` starts to decode it where it is not there."""
        with self._lock:
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
