"""A recording as FFmpeg sees it: its audio tracks, and the length that its header announces.

FFmpeg gets an open file and no protocol, so that a disguised playlist cannot reach other files.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from pipeline.audio import headers
from pipeline.core.errors import InputError
from pipeline.core.time import s_to_ms

OPTIONS: dict[str, Any] = {
    "options": {"protocol_whitelist": "none"},
    "metadata_errors": "ignore",
}
"""How every file is opened: nothing in it can refer to another file."""

READABLE = "wav, flac, mp3, m4a, ogg, opus, webm, mp4 or another file that FFmpeg decodes"

_WITH_LENGTH = frozenset(
    ("mov,mp4,m4a,3gp,3g2,mj2", "flac", "aiff", "caf", "au", "asf", "avi", "wv", "tta", "ape")
)
"""Containers whose header gives the length of each track."""
_WITH_COMMON_LENGTH = frozenset(("matroska,webm", "flv"))
"""Containers whose header gives only the total length; the length of a track is then FFmpeg's guess
from size and bit rate."""
_UNTIMED = frozenset(("ac3", "eac3", "dts", "dtshd", "truehd", "mlp"))
"""Raw frames whose times FFmpeg rounds, so that they drift: 2 s in three hours of AC-3."""


@dataclass(frozen=True)
class Opened:
    """An open recording.

    Attributes
    ----------
    tracks
        Audio tracks that can be decoded, in the order of the file.
    passed_over
        Number of audio tracks that cannot be decoded.
    wave
        Header of a WAV file; None for other containers.
    announced_ms
        Length that the file itself states, except for WAV; None: it states none. FFmpeg's estimates
        do not count.
    exact_seeks
        Whether seeking lands exactly at the requested time.
    """

    container: InputContainer
    tracks: tuple[AudioStream, ...]
    passed_over: int
    wave: headers.Wave | None
    announced_ms: int | None
    exact_seeks: bool

    @property
    def origin_s(self) -> float:
        """Time zero of the recording on the container's clock, s."""
        return (self.container.start_time or 0) / av.time_base


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Open a recording.

    Raises
    ------
    InputError
        The file is empty, or contains no audio that can be decoded.
    FFmpegError, OSError
        The file cannot be opened.
    """
    with path.open("rb") as source:
        if not source.read(1):
            raise InputError("the file is empty", expected=READABLE)
        wave = headers.read_wave(source)
        if wave and not wave.held:  # FFmpeg would search millions of chunks for samples
            raise InputError(
                "no audio could be decoded", expected=READABLE, hint="copy the file again"
            )
        source.seek(0)
        shown = headers.Mended(source, wave.patches) if wave and wave.patches else source
        with av.open(shown, "r", **OPTIONS) as container:
            yield _looked_at(container, source, wave)


def _looked_at(container: InputContainer, source: IO[bytes], wave: headers.Wave | None) -> Opened:
    sound = [stream for stream in container.streams if stream.type == "audio"]
    # Audio in a codec that this FFmpeg does not know has no context.
    tracks = tuple(
        stream for stream in sound if isinstance(stream, AudioStream) and stream.codec_context
    )
    if not tracks:
        raise InputError("the file contains no audio", expected=READABLE)
    for track in tracks:
        if track.codec_context.name == "flac":
            # Frames have a checksum; if it is not checked, a damaged frame decodes to loud noise.
            track.codec_context.options = {"err_detect": "crccheck+explode"}
    at = source.tell()
    name = container.format.name
    if wave:
        announced_ms, exact = None, wave.whole_samples
    else:
        announced_ms = _announced_ms(container, tracks, source)
        exact = name not in _UNTIMED and not (name == "ogg" and headers.is_chained_ogg(source))
    source.seek(at)
    passed_over = len(sound) - len(tracks)
    return Opened(container, tracks, passed_over, wave, announced_ms, exact)


def _announced_ms(
    container: InputContainer, tracks: tuple[AudioStream, ...], source: IO[bytes]
) -> int | None:
    whole_ms = s_to_ms(container.duration / av.time_base) if container.duration else None
    lengths_ms = [
        s_to_ms(float(track.duration * track.time_base))
        for track in tracks
        if track.duration and track.time_base
    ]
    name = container.format.name
    if name in _WITH_LENGTH:
        return max(lengths_ms, default=whole_ms)
    if name in _WITH_COMMON_LENGTH and not lengths_ms:
        # The picture may last longer; the length that a writer noted for each track is closer.
        noted = [_noted_ms(track.metadata.get("DURATION", "")) for track in tracks]
        return min((ms for ms in (*_longest(noted), whole_ms) if ms), default=None)
    if name == "mp3" and headers.announces_frames(source):
        return whole_ms
    return None


def _longest(noted: list[int | None]) -> list[int]:
    known = [ms for ms in noted if ms]
    return [max(known)] if known and len(known) == len(noted) else []


def _noted_ms(clock: str) -> int | None:
    """Milliseconds of "HH:MM:SS.fff"."""
    try:
        hours, minutes, seconds = clock.split(":")
        return s_to_ms(int(hours) * 3600 + int(minutes) * 60 + float(seconds))
    except (ValueError, OverflowError):
        return None
