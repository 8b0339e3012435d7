"""The recordings of a night, good and bad, each with what must come of it.

All are made here: from the acted samples, and from noise. To add one, write a function that puts
files into a folder and name it in `FILES`.
"""

import os
import shutil
import unicodedata
import wave
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from numpy.typing import NDArray

SAMPLE = Path(__file__).resolve().parent.parent / "samples" / "rupture.flac"
RATE_HZ = 16_000
SIDECAR = "channels: {1: therapist, 2: client}\nlanguage: en\n"

Sound = NDArray[np.int16]
Outcome = Literal["done", "failed", "said"]


@dataclass(frozen=True)
class File:
    """One input of the night.

    Attributes
    ----------
    make
        Puts it, with what lies beside it, at a path.
    outcome
        What must come of it. ``said``: it fails, or is counted as passed over.
    error
        Part of the reason where it fails.
    by_name
        A folder does not give it: it is named on the command line.
    quick
        Part of the small night that the tests run.
    """

    name: str
    make: Callable[[Path], None]
    outcome: Outcome = "done"
    error: str = ""
    by_name: bool = False
    quick: bool = False


def talk(begin_s: float, seconds: float = 12) -> Sound:
    """A stretch of an acted session, of shape (2, samples)."""
    with av.open(str(SAMPLE)) as container:
        first = round(begin_s * RATE_HZ)
        last = first + round(seconds * RATE_HZ)
        blocks, at = [], 0
        for frame in container.decode(audio=0):
            if at >= last:
                break
            blocks.append(frame.to_ndarray().reshape(-1, 2).T)
            at += frame.samples
    return np.concatenate(blocks, axis=1)[:, first:last].astype(np.int16)


def encode(
    path: Path, sound: Sound, codec: str, *, format_: str | None = None, skip_s: float = 0
) -> None:
    """Write a sound; with `skip_s` the clock jumps so far in its middle."""
    with av.open(str(path), "w", format=format_) as container:
        _stream(container, sound, codec, skip_s)


def _stream(container: Any, sound: Sound, codec: str, skip_s: float = 0) -> None:
    layout = {1: "mono", 2: "stereo"}[len(sound)]
    stream = container.add_stream(codec, rate=RATE_HZ, layout=layout)
    block = RATE_HZ // 2
    for start in range(0, sound.shape[1], block):
        packed = np.ascontiguousarray(sound[:, start : start + block].T.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
        frame.sample_rate = RATE_HZ
        late = skip_s if start >= sound.shape[1] / 2 else 0
        frame.pts = start + round(late * RATE_HZ)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def said(path: Path, text: str = SIDECAR) -> None:
    """Put a sidecar beside a recording."""
    path.with_name(f"{path.name}.yaml").write_text(text, encoding="utf-8")


def recording(
    path: Path, begin_s: float, codec: str = "flac", *, sidecar: str = SIDECAR, **how: Any
) -> None:
    """A recording of two channels, with its sidecar."""
    encode(path, talk(begin_s), codec, **how)
    said(path, sidecar)


def pcm(path: Path, sound: Sound, *, rate_hz: int = RATE_HZ) -> None:
    """A WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(sound))
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.ascontiguousarray(sound.T).tobytes())


def mono(path: Path) -> None:
    """One microphone, with a diarization."""
    pcm(path, talk(40).sum(axis=0, keepdims=True, dtype=np.int16))
    lines = [
        f"SPEAKER m 1 {s}.0 2.5 <NA> <NA> {who} <NA> <NA>\n" for s, who in ((0, "A"), (4, "B"))
    ]
    path.with_suffix(".rttm").write_text("".join(lines), encoding="utf-8")
    said(
        path, f"diarization: {path.with_suffix('.rttm').name}\nroles: {{A: therapist, B: client}}\n"
    )


def cut_off(path: Path) -> None:
    """The first third of a file."""
    recording(path, 60)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])


def zeroed(path: Path) -> None:
    """A hole of zero bytes, as a bad disk leaves."""
    recording(path, 75)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4096] = bytes(4096)
    path.write_bytes(content)


def two_tracks(path: Path) -> None:
    """A track for each person."""
    sound = talk(90)
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("flac", rate=RATE_HZ, layout="mono") for _ in sound]
        for stream, channel in zip(streams, sound, strict=True):
            mono = np.ascontiguousarray(channel.reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(mono, format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE_HZ, 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    said(path)


def parts(path: Path, *, missing: bool = False) -> None:
    """A file per participant."""
    sound = talk(105)
    names = {role: f"{path.stem} {role}.part.wav" for role in ("therapist", "client")}
    for channel, name in zip(sound, names.values(), strict=True):
        if not (missing and "client" in name):
            pcm(path.with_name(name), channel.reshape(1, -1))
    listed = ", ".join(f"{role}: {name}" for role, name in names.items())
    path.write_text(f"parts: {{{listed}}}\nlanguage: en\n", encoding="utf-8")


def transcript(path: Path) -> None:
    """A transcript without audio."""
    path.write_text(
        "WEBVTT\n\n00:01.000 --> 00:04.000\n<v A>How have you been?\n\n"
        "00:05.000 --> 00:08.000\n<v B>You never ask me that.\n",
        encoding="utf-8",
    )
    said(path, "roles: {A: therapist, B: client}\n")


def attached_fifo(path: Path) -> None:
    """A sidecar names a pipe that nothing ever writes to."""
    recording(path, 120, sidecar=f"{SIDECAR}transcript: never.vtt\n")
    os.mkfifo(path.with_name("never.vtt"))


def written(path: Path, content: bytes) -> None:
    """Any bytes."""
    path.write_bytes(content)


def half_there(path: Path) -> None:
    """A file that is still being copied: the night lets it grow, see `grow`."""
    whole = path.with_name(f".{path.name}.whole")
    pcm(whole, talk(135))
    shutil.copy(whole, path)
    said(path)


def grow(folder: Path, share: float) -> None:
    """Let files that are being copied hold a share of their bytes."""
    for whole in folder.glob(".*.whole"):
        content = whole.read_bytes()
        place = folder / whole.name.removeprefix(".").removesuffix(".whole")
        if place.stat().st_size != (size := round(share * len(content))):
            place.write_bytes(content[:size])


def same_bytes(path: Path, *, sidecar: str = SIDECAR) -> None:
    """The bytes of "good.flac" under another name."""
    encode(path, talk(0), "flac")
    said(path, sidecar)


def missing(_path: Path) -> None:
    """Nothing at all."""


_NOISE = np.random.default_rng(5).normal(0, 8, (1, 8 * RATE_HZ)).astype(np.int16)

FILES = (
    File("good.flac", partial(recording, begin_s=0), quick=True),
    File("good.wav", partial(recording, begin_s=15, codec="pcm_s16le")),
    File("good.ogg", partial(recording, begin_s=20, codec="libopus")),
    File("good.mp3", partial(recording, begin_s=25, codec="libmp3lame")),
    File("wrong ending.mp3", partial(recording, begin_s=30, format_="flac")),
    File("one microphone.wav", mono),
    File(unicodedata.normalize("NFD", "Übung ñ.flac"), partial(recording, begin_s=35), quick=True),
    File("hour.b.flac", partial(recording, begin_s=45, sidecar=f"{SIDECAR}session_number: 2\n")),
    File("cut off.flac", cut_off, quick=True),
    File("zeroed.flac", zeroed),
    File("gap.mka", partial(recording, begin_s=50, codec="flac", skip_s=5)),
    File("two tracks.mkv", two_tracks),
    File("parts.yaml", parts),
    File("transcript.vtt", transcript, by_name=True, quick=True),
    File("silence.wav", partial(pcm, sound=_NOISE), quick=True),
    File("the same.flac", same_bytes),
    File("growing.wav", half_there),
    File(
        "same, other sidecar.flac",
        partial(same_bytes, sidecar="client: C-9\n"),
        "failed",
        "two places",
    ),
    File("empty.wav", partial(written, content=b""), "failed", "empty", quick=True),
    File("text.wav", partial(written, content=b"Dear diary. " * 99), "failed", "not a recording"),
    File("zeros.flac", partial(written, content=bytes(50_000)), "failed", quick=True),
    File("header.wav", partial(written, content=b"RIFF$\x00\x00\x00WAVEfmt "), "failed"),
    File(
        "unknown key.flac",
        partial(recording, begin_s=55, sidecar="clinet: C-1\n"),
        "failed",
        "unknown key",
    ),
    File(
        "no consent.flac", partial(recording, begin_s=65, sidecar="consent:\n"), "failed", "consent"
    ),
    File("missing part.yaml", partial(parts, missing=True), "failed", "no such file"),
    File("fifo.flac", attached_fifo, "failed"),
    File("link.flac", lambda path: path.symlink_to("/nowhere/at all.flac"), "said"),
    File("not there.wav", missing, "failed", "no such file", by_name=True, quick=True),
)


def make(folder: Path, files: tuple[File, ...]) -> list[Path]:
    """Make all of them; what to name on the command line."""
    folder.mkdir(parents=True)
    (folder / "tether.yaml").write_text("consent: MADE-01\n", encoding="utf-8")
    for file in files:
        file.make(folder / file.name)
    return [folder, *(folder / file.name for file in files if file.by_name)]
