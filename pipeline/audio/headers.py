"""Length that a file's header announces, read without FFmpeg.

FFmpeg trims the announced length to what is there, so that a file that was cut off looks complete;
and if a header announces too little, FFmpeg stops too early. Recorders that crash and tools that
write streams leave such headers::

    RIFF ....WAVE fmt .... byte rate ....  data size| samples ........ | LIST ....
                           wrong: seeks err     too small: the end is lost

`Mended` shows FFmpeg the same file with the right numbers; nothing is written.
"""

import io
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

from pipeline.formats.repairs import Repairs

_UNKNOWN_SIZE = 0x7FFF_0000
"""Streaming recorders write this or more for an unknown length."""
_UNKNOWN_LONG = 1 << 62
_LARGEST = 0xFFFF_FFFF
_MOST_CHUNKS = 1000
_PADDING = 65_536
_PCM_BITS = {1: None, 3: None, 6: 8, 7: 8}
"""Format tags of whole samples (integer, float, A-law, mu-law), with their bits if fixed."""
_EXTENSIBLE = 0xFFFE
_KNOWN_CHUNKS = (
    *(b"LIST", b"fact", b"cue ", b"bext", b"iXML", b"axml", b"id3 ", b"ID3 ", b"smpl", b"inst"),
    *(b"junk", b"JUNK", b"PAD ", b"FLLR", b"_PMX", b"afsp", b"DISP", b"plst", b"PEAK", b"cart"),
)
_W64_RIFF = bytes.fromhex("2e91cf11a5d628db04c10000")
_W64_GUID = bytes.fromhex("f3acd3118cd100c04f8edb8a")
"""Endings of the names of the file and of its chunks in Sony Wave64."""


@dataclass
class Wave:
    """Header and contents of a file of the WAV family (RIFF, RF64, Wave64).

    Attributes
    ----------
    announced
        Bytes of samples by the header; None: the writer did not know, or the header names too few.
    held
        Bytes of samples in the file; 0 if no samples begin within the first thousand chunks.
    whole_samples
        The codec is PCM, so that any byte position is an exact time.
    patches
        Position to the bytes that FFmpeg reads instead of those in the file.
    repairs
        What was repaired.
    """

    announced: int | None = None
    held: int = 0
    whole_samples: bool = False
    patches: dict[int, bytes] = field(default_factory=dict)
    repairs: Repairs = field(default_factory=Repairs)


class Mended(io.RawIOBase):
    """A file with some bytes replaced, for FFmpeg to read."""

    def __init__(self, source: IO[bytes], patches: Mapping[int, bytes]) -> None:
        super().__init__()
        self._source = source
        self._patches = patches
        self._last = max((at + len(new) for at, new in patches.items()), default=0)

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Position in the file."""
        return self._source.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position."""
        return self._source.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        """Bytes of the file, patched."""
        start = self._source.tell()
        content = self._source.read(size)
        if start >= self._last:
            return content
        shown = bytearray(content)
        for at, new in self._patches.items():
            for offset, byte in enumerate(new, start=at - start):
                if 0 <= offset < len(shown):
                    shown[offset] = byte
        return bytes(shown)


def read_wave(source: IO[bytes]) -> Wave | None:
    """Header and contents of a WAV file; None for files of another family."""
    source.seek(0)
    head = source.read(16)
    size = source.seek(0, os.SEEK_END)
    if head == b"riff" + _W64_RIFF:
        return _of_chunks(source, _w64_chunks(source, size), size, w64=True)
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return _of_chunks(source, _riff_chunks(source, size), size, w64=False)
    return None


@dataclass(frozen=True)
class _Chunk:
    """A chunk: its name, position and size of its body, and position of the size."""

    name: bytes
    at: int
    size: int
    size_at: int


def _riff_chunks(source: IO[bytes], file_size: int) -> Iterator[_Chunk]:
    at = 12
    for _ in range(_MOST_CHUNKS):
        source.seek(at)
        head = source.read(8)
        if len(head) < 8 or at >= file_size:  # noqa: PLR2004  # a name and a size
            return
        name, size = struct.unpack("<4sI", head)
        yield _Chunk(name, at + 8, size, at + 4)
        at += 8 + size + size % 2


def _w64_chunks(source: IO[bytes], file_size: int) -> Iterator[_Chunk]:
    """As `_riff_chunks`; names are cut to their first four bytes, sizes are those of bodies."""
    at = 40
    for _ in range(_MOST_CHUNKS):
        source.seek(at)
        head = source.read(24)
        if len(head) < 24 or at >= file_size:  # noqa: PLR2004  # a GUID and a size
            return
        size = max(struct.unpack_from("<Q", head, 16)[0] - 24, 0)
        yield _Chunk(head[:4], at + 24, size, at + 16)
        at += 24 + -(-size // 8) * 8


def _of_chunks(source: IO[bytes], chunks: Iterator[_Chunk], file_size: int, *, w64: bool) -> Wave:
    wave = Wave()
    long: _Chunk | None = None
    for chunk in chunks:
        source.seek(chunk.at)
        if chunk.name == b"fmt ":
            _format(wave, source.read(min(chunk.size, 64)), chunk.at)
        elif chunk.name == b"ds64" and chunk.size >= 16:  # noqa: PLR2004  # two sizes
            size = struct.unpack_from("<Q", source.read(16), 8)[0]
            long = _Chunk(b"data", chunk.at, size, chunk.at + 8)
        elif chunk.name == b"data":
            use_long = long is not None and chunk.size == _LARGEST
            data = long if long is not None and use_long else chunk
            least_unknown = _UNKNOWN_LONG if use_long or w64 else _UNKNOWN_SIZE
            rest = max(file_size - chunk.at, 0)
            if data.size > rest and data.size >= least_unknown:
                wave.held = rest
            elif data.size >= rest or _ends_at(source, chunk.at + data.size, file_size, w64=w64):
                wave.announced, wave.held = data.size, min(data.size, rest)
            else:
                wave.held = rest
                wave.repairs[_TOO_SMALL] += 1
                shown = rest + 24 if w64 else rest
                wave.patches[data.size_at] = (
                    struct.pack("<Q", shown)
                    if use_long or w64
                    else struct.pack("<I", min(shown, _LARGEST))
                )
            break
    return wave


_TOO_SMALL = "Headers that announced less audio than the file contains; all of it was read"


def _format(wave: Wave, body: bytes, at: int) -> None:
    """Read the format; a byte rate that contradicts it is corrected for FFmpeg."""
    if len(body) < 16:  # noqa: PLR2004  # up to the bits of a sample
        return
    tag, channels, rate_hz, byte_rate, block, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _EXTENSIBLE and len(body) >= 26:  # noqa: PLR2004  # up to the tag within
        tag = struct.unpack_from("<H", body, 24)[0]
    if tag not in _PCM_BITS:
        return
    wave.whole_samples = True
    least = channels * -(-(_PCM_BITS[tag] or bits) // 8)
    if channels and (block < least or block % channels):
        block = least
        wave.patches[at + 12] = struct.pack("<H", min(block, 0xFFFF))
    if byte_rate != rate_hz * block:
        wave.patches[at + 8] = struct.pack("<I", min(rate_hz * block, _LARGEST))


def _ends_at(source: IO[bytes], at: int, file_size: int, *, w64: bool) -> bool:
    """Whether the samples end at `at`: only other chunks or padding follow."""
    if w64:
        at += -at % 8
        source.seek(at)
        head = source.read(24)
        return len(head) < 24 or head[4:16] == _W64_GUID  # noqa: PLR2004  # a GUID and a size
    return any(_chunks_follow(source, start, file_size) for start in (at + at % 2, at))


def _chunks_follow(source: IO[bytes], at: int, file_size: int) -> bool:
    source.seek(at)
    if file_size - at <= _PADDING and not source.read(_PADDING).strip(b"\0"):
        return True
    for _ in range(_MOST_CHUNKS):
        source.seek(at)
        head = source.read(8)
        if len(head) < 8:  # noqa: PLR2004  # a name and a size
            return True
        name, size = struct.unpack("<4sI", head)
        if name in _KNOWN_CHUNKS:
            return True
        if not all(0x20 <= letter < 0x7F for letter in name):  # noqa: PLR2004  # printable ASCII
            return False
        at += 8 + size + size % 2
        if at > file_size + 1:
            return False
    return False


def announces_frames(source: IO[bytes]) -> bool:
    """Whether an MP3 file states its number of frames (Xing, Info or VBRI with a count).

    If not, FFmpeg assumes the bit rate of the first frames throughout.
    """
    source.seek(0)
    head = source.read(10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:  # noqa: PLR2004  # its head
        a, b, c, d = head[6:10]
        start = 10 + (a << 21 | b << 14 | c << 7 | d)
    source.seek(start)
    content = source.read(4096)
    for name in (b"Xing", b"Info"):
        at = content.find(name)
        if at >= 0 and len(content) >= at + 12:
            flags, frames = struct.unpack_from(">II", content, at + 4)
            return bool(flags & 1 and frames)
    at = content.find(b"VBRI")
    return at >= 0 and len(content) >= at + 18 and struct.unpack_from(">I", content, at + 14)[0] > 0


def is_chained_ogg(source: IO[bytes]) -> bool:
    """Whether an Ogg file consists of several in sequence, so that its times restart inside."""
    at = 0
    for _ in range(_MOST_CHUNKS):  # the streams that begin at the start
        source.seek(at)
        head = source.read(27)
        if len(head) < 27 or not head.startswith(_OGG_BEGINS):  # noqa: PLR2004  # a page's head
            break
        at += 27 + head[26] + sum(source.read(head[26]))
    source.seek(at)
    kept = b""
    while block := source.read(1 << 20):
        if _OGG_BEGINS in kept + block:
            return True
        kept = block[1 - len(_OGG_BEGINS) :]
    return False


_OGG_BEGINS = b"OggS\0\2"
"""Start of the first Ogg page of a stream."""
