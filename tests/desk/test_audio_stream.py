"""Sound for the player: the same seconds as the rules heard, anywhere, and nothing left behind."""

import asyncio
import io
import threading
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from pipeline import audio, config
from pipeline.core.errors import InputError, StoreError
from pipeline.core.time import SAMPLE_RATE_HZ
from pipeline.desk.app import _Sound
from pipeline.desk.audio_stream import HEADER_BYTES, Listening, Listenings
from pipeline.workspace.store import Store

SECONDS = 75
KINDS = {
    "wav": ("pcm_s16le", 44_100),
    "flac": ("flac", 44_100),
    "mp3": ("libmp3lame", 44_100),
    "m4a": ("aac", 44_100),
    "ogg": ("libopus", 48_000),
    "webm": ("libopus", 48_000),
}


@pytest.fixture(scope="module")
def noise() -> np.ndarray[Any, Any]:
    """Two channels of smooth noise: no two places are alike."""
    chance = np.random.default_rng(3)
    rough = chance.standard_normal((2, SECONDS * 48_000 + 64))
    smooth = np.cumsum(rough, axis=1)
    smooth = smooth[:, 64:] - smooth[:, :-64]
    return np.asarray(0.2 * smooth / np.abs(smooth).max(), np.float32)


def written(path: Path, samples: np.ndarray[Any, Any], kind: str) -> Path:
    codec, rate = KINDS[kind]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="stereo")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(stream.format.name, "stereo", rate, stream.frame_size or 4096)
        for given in (frame, None):
            for out in resampler.resample(given):
                container.mux(stream.encode(out))
        container.mux(stream.encode(None))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_second_is_the_same_second_wherever_one_begins(
    tmp_path: Path, noise: np.ndarray[Any, Any], kind: str
) -> None:
    path = written(tmp_path / f"long.{kind}", noise, kind)
    with audio.decode([path], Store(tmp_path / "w").scratch, config.load().audio) as decoded:
        whole = np.stack(decoded.audio.channels)
        for first in (0, 11, 52):
            block = next(audio.stream([path], first))
            assert block.number == first
            lag = _lag(whole, block.samples, first * SAMPLE_RATE_HZ)
            assert abs(lag) <= 16, "a millisecond: what a container may round times to"
        last = list(audio.stream([path], SECONDS - 3))[-1].number
        assert last in (SECONDS - 1, SECONDS), "codecs round the length up to a frame"


def test_one_file_per_participant_is_laid_side_by_side(
    tmp_path: Path, noise: np.ndarray[Any, Any]
) -> None:
    one = written(tmp_path / "one.flac", noise[:, : 20 * 48_000], "flac")
    two = written(tmp_path / "two.flac", noise[:, 48_000 : 48_000 * 11], "flac")
    with audio.decode([one, two], Store(tmp_path / "w").scratch, config.load().audio) as decoded:
        whole = np.stack(decoded.audio.channels)
    blocks = list(audio.stream([one, two], 8))
    assert [block.number for block in blocks] == list(range(8, 20))
    streamed = np.concatenate([block.samples for block in blocks], axis=1)
    assert streamed.shape == (2, 12 * SAMPLE_RATE_HZ)
    assert np.abs(streamed - whole[:, 8 * SAMPLE_RATE_HZ :]).max() < 0.02
    assert not streamed[1, 2 * SAMPLE_RATE_HZ :].any(), "the shorter one is silent then"


@pytest.fixture
def listen(tmp_path: Path, noise: np.ndarray[Any, Any]) -> Iterator[Callable[..., Listening]]:
    path = written(tmp_path / "session.wav", noise, "wav")
    opened: list[Listening] = []

    def begin(find: Callable[[], Any] | None = None, store: Store | None = None) -> Listening:
        here: Callable[[], Any] = find or (lambda: SimpleNamespace(audio=(path,)))
        made = Listening(
            here,
            2,
            SECONDS * 1000,
            store or Store(tmp_path / "workspace"),
            5000,
        )
        opened.append(made)
        return made

    yield begin
    for each in opened:
        each.close()


def test_the_player_sees_a_wav_file(listen: Callable[..., Listening]) -> None:
    sound = listen()
    content = b"".join(sound.read(0, sound.n_bytes, {0, 1}))
    assert len(content) == sound.n_bytes
    with wave.open(io.BytesIO(content)) as read:
        assert (read.getnchannels(), read.getframerate()) == (1, SAMPLE_RATE_HZ)
        assert read.getnframes() == SECONDS * SAMPLE_RATE_HZ


def test_any_bytes_are_those_of_the_whole(listen: Callable[..., Listening]) -> None:
    sound = listen()
    whole = b"".join(sound.read(0, sound.n_bytes, {0, 1}))
    chance = np.random.default_rng(1)
    for start, end in np.sort(chance.integers(0, sound.n_bytes, (20, 2))):
        fresh = listen()  # decodes from there on, not from the start
        end = min(end, start + 200_000)  # noqa: PLW2901  # enough
        got = b"".join(fresh.read(int(start), int(end), {0, 1}))
        assert len(got) == end - start
        first = max(0, HEADER_BYTES - start) + (start % 2)
        ours = np.frombuffer(got[first : len(got) - (len(got) - first) % 2], "<i2").astype(int)
        theirs = np.frombuffer(whole[start:end][first : first + 2 * len(ours)], "<i2").astype(int)
        assert np.abs(ours - theirs).max(initial=0) <= 1500, "a resampler begun elsewhere"
        fresh.close()


def test_a_muted_channel_is_not_heard(listen: Callable[..., Listening]) -> None:
    sound = listen()
    start, end = HEADER_BYTES, HEADER_BYTES + 2 * SAMPLE_RATE_HZ
    mixes = [
        np.frombuffer(b"".join(sound.read(start, end, heard)), "<i2").astype(int)
        for heard in ({0}, {1}, {0, 1})
    ]
    assert np.abs(mixes[0] + mixes[1] - mixes[2]).max() <= 2
    assert not np.array_equal(mixes[0], mixes[1])
    nothing = b"".join(sound.read(start, end, set()))
    assert not any(nothing)


def test_only_what_is_listened_to_is_decoded(listen: Callable[..., Listening]) -> None:
    sound = listen()
    at = HEADER_BYTES + 2 * SAMPLE_RATE_HZ * 60
    b"".join(sound.read(at, at + 2000, {0}))
    assert _soon(lambda: bool(sound._there[60:65].all()))
    there = np.flatnonzero(sound._there)
    assert there[0] in (0, 60), "it may have begun at the start before anybody asked"
    assert 60 in there
    assert len(there) <= 12, "five seconds ahead, of two places at most"


def test_two_who_listen_elsewhere_both_hear(listen: Callable[..., Listening]) -> None:
    sound = listen()
    heard: dict[int, bytes] = {}

    def hear(second: int) -> None:
        for step in range(4):
            at = HEADER_BYTES + 2 * SAMPLE_RATE_HZ * (second + step)
            heard[second] = b"".join(sound.read(at, at + 2000, {0, 1}))

    threads = [threading.Thread(target=hear, args=(n,)) for n in (10, 40, 65)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(set(heard.values())) == 3


def test_a_recording_that_is_gone_is_told(listen: Callable[..., Listening]) -> None:
    def gone() -> Any:
        raise InputError("no such file", hint="look where it is")

    sound = listen(gone)
    with pytest.raises(InputError, match="no such file"):
        b"".join(sound.read(HEADER_BYTES, HEADER_BYTES + 2, {0}))
    assert "no such file" in str(sound.error)


def test_a_full_disk_is_told(listen: Callable[..., Listening], small_disk: Path) -> None:
    sound = listen(store=Store(small_disk / "workspace"))
    with pytest.raises(StoreError, match="disk is full"):
        b"".join(sound.read(0, sound.n_bytes, {0}))


def test_nothing_is_left_on_disk(listen: Callable[..., Listening], tmp_path: Path) -> None:
    sound = listen()
    b"".join(sound.read(0, sound.n_bytes, {0, 1}))
    assert list((tmp_path / "workspace").iterdir()) == []
    assert sound._file is not None
    sound.close()
    assert _soon(lambda: sound._file is not None and sound._file.closed)
    with pytest.raises(InputError, match="closed"):
        next(sound.read(0, 100, {0}))


def test_whoever_reads_is_not_cut_off(listen: Callable[..., Listening]) -> None:
    sound = listen()
    reading = sound.read(0, sound.n_bytes, {0, 1})
    assert len(next(reading)) + len(next(reading)) > HEADER_BYTES
    sound.close()
    assert sound._file is not None
    assert not sound._file.closed
    reading.close()
    assert _soon(lambda: sound._file is not None and sound._file.closed)


def test_a_browser_that_goes_in_the_middle_holds_nothing(listen: Callable[..., Listening]) -> None:
    sound = listen()
    blocks = sound.read(0, sound.n_bytes, {0, 1})
    response = _Sound(next(blocks), blocks, 200, {})
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) == 4:
            raise OSError

    async def receive() -> Message:
        raise NotImplementedError

    with pytest.raises(ClientDisconnect):
        asyncio.run(response({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send))
    sound.close()
    assert _soon(lambda: sound._file is not None and sound._file.closed)


def test_a_desk_that_was_closed_opens_nothing(listen: Callable[..., Listening]) -> None:
    kept = Listenings(2)
    kept.close()
    with pytest.raises(InputError, match="closed"):
        kept.of("a", listen)


def test_the_one_heard_longest_ago_is_put_away(listen: Callable[..., Listening]) -> None:
    kept = Listenings(2)
    first, second, third = (kept.of(name, listen) for name in "abc")
    assert kept.of("b", listen) is second
    assert kept.of("c", listen) is third
    assert kept.of("a", listen) is not first
    kept.close()


def _soon(holds: Callable[[], bool]) -> bool:
    """Whether it holds within some seconds: another thread brings it about."""
    deadline = time.monotonic() + 20
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def _lag(whole: np.ndarray[Any, Any], block: np.ndarray[Any, Any], start: int) -> int:
    """Samples by which a block lies off its place, by the greatest likeness."""
    reach, part = 400, 8000
    lags = range(-reach, reach + 1)
    low = max(start, reach)
    piece = block[0, low - start : low - start + part]
    scores = [float(np.dot(whole[0, low + lag : low + lag + len(piece)], piece)) for lag in lags]
    return lags[int(np.argmax(scores))]
