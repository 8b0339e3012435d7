from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline import config
from pipeline.audio.samples import Audio, Samples
from pipeline.core.errors import EngineError
from pipeline.core.tables import ACTIVITY, SPANS, Metadata, Recording
from pipeline.engines.diarization.channels import ChannelsDiarizer
from pipeline.engines.protocols import Diarized
from pipeline.engines.vad.silero import Silero
from pipeline.evaluation.material import composed
from pipeline.evaluation.material.composed import Scene
from pipeline.speech import activity

SETTINGS = config.load()
RECORDING = Recording("0" * 64, 60_000, 16_000, 2, Metadata())


def noise(seconds: float, dbfs: float, seed: int) -> Samples:
    random = np.random.default_rng(seed)
    wave = random.standard_normal(round(seconds * 16_000)) * 10 ** (dbfs / 20)
    return wave.astype(np.float32)


def talk(turns: list[tuple[int, int]], dbfs: float, seed: int) -> Samples:
    samples = noise(60, -75, seed)
    for start, end in turns:
        samples[start * 16 : end * 16] += noise((end - start) / 1000, dbfs, seed + start)
    return samples


def active(*channels: list[tuple[int, int]]) -> pl.DataFrame:
    return ACTIVITY.frame(
        {"start_ms": s, "end_ms": e, "channel": c, "speech_probability": 0.9, "level_dbfs": -20.0}
        for c, turns in enumerate(channels)
        for s, e in turns
    )


ONE = [(1000, 9000), (15_000, 22_000), (30_000, 41_000), (48_000, 52_000)]
TWO = [(9500, 14_500), (21_000, 29_000), (42_000, 47_000), (49_000, 49_800)]


def diarize(
    leak_db: float, gain_db: float = 0.0
) -> tuple[Diarized, dict[int, list[tuple[int, int]]]]:
    """Two speakers whose channels hear each other, everything active on both."""
    one, two = talk(ONE, -20, 1), talk(TWO, -25, 2)
    leak, gain = np.float32(10 ** (leak_db / 20)), np.float32(10 ** (gain_db / 20))
    audio = Audio([one + leak * two, gain * (two + leak * one)])
    both = sorted([*ONE, *TWO])
    found = ChannelsDiarizer(SETTINGS).diarize(audio, active(both, both), RECORDING)
    spans = found.spans
    return found, {
        c: spans.filter(pl.col("channel") == c).select("start_ms", "end_ms").rows() for c in (0, 1)
    }


@pytest.mark.parametrize("leak_db", [-45, -25, -16])
@pytest.mark.parametrize("gain_db", [-20, 0, 15])
def test_what_leaks_is_nobodys_speech(leak_db: float, gain_db: float) -> None:
    found, own = diarize(leak_db, gain_db)
    assert np.allclose(own[0], ONE, atol=60)
    assert np.allclose(own[1], TWO, atol=60)
    assert found.knows_overlap
    assert found.spans["speaker"].unique().sort().to_list() == ["channel 1", "channel 2"]
    assert found.spans.select(pl.col("regular", "exclusive").all()).row(0) == (True, True)
    assert SPANS.conform(found.spans).equals(found.spans)


def test_the_margin_falls_as_channels_hear_each_other() -> None:
    margins = [diarize(leak)[0].margin or 0.0 for leak in (-45, -25, -16)]
    assert margins == sorted(margins, reverse=True)
    assert margins[0] == 1
    assert 0.3 < margins[2] < 0.7


def test_one_silent_channel_leaves_one_speaker() -> None:
    audio = Audio([talk(ONE, -20, 1), noise(60, -75, 2)])
    found = ChannelsDiarizer(SETTINGS).diarize(audio, active(ONE), RECORDING)
    assert found.spans["speaker"].unique().to_list() == ["channel 1"]
    assert found.margin is None


def test_swapping_channels_swaps_speakers() -> None:
    one, two = talk(ONE, -20, 1), talk(TWO, -25, 2)
    engine = ChannelsDiarizer(SETTINGS)
    straight = engine.diarize(Audio([one, two]), active(ONE, TWO), RECORDING).spans
    swapped = engine.diarize(Audio([two, one]), active(TWO, ONE), RECORDING).spans
    swapped = swapped.with_columns(
        channel=1 - pl.col("channel"),
        speaker=pl.col("speaker").replace({"channel 1": "channel 2", "channel 2": "channel 1"}),
    ).sort("start_ms", "channel")
    straight = straight.sort("start_ms", "channel")
    assert swapped.drop("channel").equals(straight.drop("channel"))


def test_nothing_active_is_nobody() -> None:
    audio = Audio([noise(5, -70, 1), noise(5, -70, 2)])
    assert ChannelsDiarizer(SETTINGS).diarize(audio, ACTIVITY.empty(), RECORDING).spans.is_empty()


def test_needs_audio() -> None:
    with pytest.raises(EngineError, match="imported"):
        ChannelsDiarizer(SETTINGS).diarize(None, ACTIVITY.empty(), RECORDING)


@pytest.mark.slow
@pytest.mark.parametrize("scene", [Scene(crosstalk_db=-20), Scene(telephone=True, noise_db=-50)])
def test_composed_conversations(shared_data: Path, scene: Scene) -> None:
    spoken = composed.compose(shared_data / "read_speech", ("3080", "2033"), 11, scene)
    audio = Audio(list(spoken.channels))
    heard = activity.detect(audio, Silero(SETTINGS), SETTINGS.activity)
    assert activity.distinct_channels(audio, SETTINGS.activity)
    spans = ChannelsDiarizer(SETTINGS).diarize(audio, heard, RECORDING).spans
    for channel in (0, 1):
        truth = np.zeros(spoken.duration_ms // 10 + 1, bool)
        found = np.zeros_like(truth)
        for start, end in spoken.speech[channel]:
            truth[start // 10 : end // 10] = True
        own = spans.filter(pl.col("channel") == channel)
        for start, end in own.select("start_ms", "end_ms").iter_rows():
            found[start // 10 : end // 10] = True
        assert (truth & ~found).sum() <= 0.05 * truth.sum()
        assert (found & ~truth).sum() <= 0.05 * truth.sum()
