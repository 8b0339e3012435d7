"""Clips: short, and cut on the recording's clock."""

import io

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline import config
from pipeline.audio import clips
from pipeline.audio.samples import Audio

RATE = 16_000
SETTINGS = config.load().clips


def tones(seconds: int) -> Audio:
    """Two channels; in second n a tone of 200 + 50 n Hz."""
    t = np.arange(seconds * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * (200 + 50 * np.floor(t)) * t)
    return Audio([tone.astype(np.float32), tone.astype(np.float32)])


def decoded(webm: bytes) -> NDArray[np.float32]:
    with av.open(io.BytesIO(webm), "r") as container:
        assert [stream.codec_context.name for stream in container.streams] == ["opus"]
        assert container.metadata.get("encoder") in {None, "Lavf"}, "no version is told"
        assert not container.metadata.keys() & {"title", "creation_time"}
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.asarray(np.concatenate(frames, axis=-1)[0], np.float32)


def pitch(samples: NDArray[np.float32], second: float) -> float:
    """The strongest frequency within half a second, in Hz; decoded Opus has 48 kHz."""
    piece = samples[int((second + 0.25) * 48_000) : int((second + 0.75) * 48_000)]
    return float(np.argmax(np.abs(np.fft.rfft(piece))) * 2)


def test_a_clip_begins_before_the_moment_and_ends_after_it() -> None:
    made = clips.clip(tones(40), 12_000, 15_000, SETTINGS)
    assert (made.start_ms, made.end_ms) == (7_000, 18_000)
    heard = decoded(made.webm)
    assert len(heard) / 48_000 == pytest.approx(11, abs=0.05)
    for second in range(11):
        assert pitch(heard, second) == pytest.approx(200 + 50 * (7 + second), abs=4)
    assert np.abs(heard).max() == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize(
    ("moment", "clip"),
    [((1_000, 2_000), (0, 5_000)), ((38_000, 40_000), (33_000, 40_000)),
     ((5_000, 39_000), (0, 30_000))],
)  # fmt: skip
def test_a_clip_stays_within_the_recording_and_under_its_limit(
    moment: tuple[int, int], clip: tuple[int, int]
) -> None:
    made = clips.clip(tones(40), *moment, SETTINGS)
    assert (made.start_ms, made.end_ms) == clip


def test_the_same_sound_gives_the_same_bytes_and_few_of_them() -> None:
    one, other = (clips.clip(tones(40), 6_000, 39_000, SETTINGS) for _ in range(2))
    assert one == other
    assert len(one.webm) < 1.3 * SETTINGS.kbps * 1000 / 8 * 30
