import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import config
from pipeline.audio.samples import Audio, Samples
from pipeline.core.tables import FRAMES, SPANS
from pipeline.engines.pitch.swift_f0 import SwiftF0Tracker
from pipeline.evaluation.material.synthetic_voice import voice
from pipeline.measures import frames

SETTINGS = config.load()


def _spans(rows: list[tuple[int, int, int | None]]) -> pl.DataFrame:
    return SPANS.frame(
        {
            "start_ms": start,
            "end_ms": end,
            "speaker": f"s{channel}",
            "channel": channel,
            "exclusive": True,
            "regular": True,
        }
        for start, end, channel in rows
    )


class _Level:
    """A tracker whose voicing is the peak of the frame: shows what it was given, and where."""

    def __init__(self) -> None:
        self.longest = 0

    def identity(self) -> dict[str, str]:
        return {}

    def track(self, samples: Samples) -> tuple[Samples, Samples]:
        self.longest = max(self.longest, len(samples))
        count = math.ceil(len(samples) / 160)
        padded = np.zeros(count * 160, np.float32)
        padded[: len(samples)] = samples
        first = padded.reshape(count, 160)[:, 0]
        return np.full(count, 100, np.float32), first


class _Unscaled(_Level):
    """Undoes the gain, so that samples can be compared."""

    def track(self, samples: Samples) -> tuple[Samples, Samples]:
        count = math.ceil(len(samples) / 160)
        padded = np.zeros(count * 160, np.float32)
        padded[: len(samples)] = samples
        return padded.reshape(count, 160)[:, 0], np.ones(count, np.float32)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 199_000), st.integers(1, 90_000)), min_size=1, max_size=6))
def test_every_frame_of_speech_is_heard_once_and_from_its_own_place(
    pairs: list[tuple[int, int]],
) -> None:
    # Each 10 ms of the audio carries its own number; the tracker hands back what it hears.
    ramp = np.repeat(np.arange(1, 20_001, dtype=np.float32), 160)
    spans = _spans([(start, min(start + length, 200_000), 0) for start, length in pairs])
    found = frames.measure(Audio([ramp]), spans, _Unscaled(), SETTINGS)
    expected = sorted(
        {
            t
            for start, end in spans.select("start_ms", "end_ms").iter_rows()
            for t in range(-(-start // 10) * 10, end, 10)
        }
    )
    assert found["t_ms"].to_list() == expected
    if expected:
        number = (found["t_ms"] // 10 + 1).to_numpy()
        scale = found["f0_hz"].to_numpy() / number
        assert np.allclose(scale, scale[0], rtol=1e-4)


def test_pieces_stay_short_however_long_speech_is() -> None:
    tracker = _Level()
    audio = Audio([np.ones(16000 * 400, np.float32)])
    found = frames.measure(audio, _spans([(0, 400_000, 0)]), tracker, SETTINGS)
    assert found.height == 40_000
    assert tracker.longest <= 16 * 61_000


def test_level_is_that_of_the_recording_and_null_for_digital_zeros() -> None:
    t = np.arange(16000 * 3) / 16000
    wave = np.sin(2 * np.pi * 250 * t)
    wave[16000:32000] *= 0.1
    wave[32000:] = 0
    audio = Audio([np.asarray(wave, np.float32)])
    found = frames.measure(audio, _spans([(0, 3_000, 0)]), _Level(), SETTINGS)
    level = found["level_dbfs"]
    assert level[50] == pytest.approx(-3.01, abs=0.02)
    assert level[150] == pytest.approx(-23.01, abs=0.02)
    assert level[210:].null_count() == 90
    assert level[:202].null_count() == 0


def test_the_tracker_hears_quiet_and_loud_recordings_alike() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 32000).astype(np.float32)
    quiet, loud = (
        frames.measure(Audio([noise * gain]), _spans([(0, 2_000, 0)]), _Level(), SETTINGS)
        for gain in (np.float32(0.001), np.float32(1))
    )
    assert np.allclose(quiet["voicing"], loud["voicing"], atol=1e-4)
    assert np.allclose(loud["level_dbfs"] - quiet["level_dbfs"], 60, atol=0.01)


def test_channels_are_measured_apart_and_without_one_on_the_mean() -> None:
    one, two = np.full(16000, 0.5, np.float32), np.full(16000, -0.25, np.float32)
    audio = Audio([one, two])
    spans = _spans([(0, 500, 0), (500, 1_000, 1), (200, 300, None)])
    found = frames.measure(audio, spans, _Level(), SETTINGS)
    levels = found.group_by("channel").agg(pl.col("level_dbfs").median(), pl.len())
    by_channel = {row[0]: row[1:] for row in levels.rows()}
    assert by_channel[0] == (pytest.approx(-6.02, abs=0.01), 50)
    assert by_channel[1] == (pytest.approx(-12.04, abs=0.01), 50)
    assert by_channel[None] == (pytest.approx(-18.06, abs=0.01), 10)


def test_frames_of_a_hidden_speaker_are_left_out() -> None:
    heard = FRAMES.frame({"t_ms": 10 * k, "channel": None, "voicing": 0.0} for k in range(40))
    spans = SPANS.frame(
        {"start_ms": s, "end_ms": e, "speaker": who, "exclusive": True, "regular": True}
        for s, e, who in ((0, 200, "A"), (150, 300, "B"), (300, 400, "A"))
    )
    kept = frames.without(heard, spans, ["A"])
    assert kept["t_ms"].to_list() == list(range(150, 300, 10))
    assert frames.without(heard, spans, ["A", "B"]).is_empty()
    assert frames.without(heard, spans, []).height == 40
    assert frames.without(FRAMES.empty(), spans, ["A"]).equals(FRAMES.empty())


def test_no_speech_gives_an_empty_table() -> None:
    audio = Audio([np.zeros(16000, np.float32)])
    assert frames.measure(audio, SPANS.empty(), _Level(), SETTINGS).equals(FRAMES.empty())


def test_pitch_of_a_region_is_that_of_the_whole(shared_data: Path) -> None:
    from pipeline.evaluation.errors.pitch import sentences  # noqa: PLC0415  (the data are absent on most machines)

    parts = [samples for samples, _ in list(sentences(shared_data / "pitch"))[:6]]
    audio = Audio([np.concatenate(parts)])
    tracker = SwiftF0Tracker(SETTINGS)
    whole = frames.measure(audio, _spans([(0, audio.duration_ms, 0)]), tracker, SETTINGS)
    cut = _spans([(1_234, 2_777, 0), (3_300, 3_900, 0), (5_001, 9_000, 0)])
    some = frames.measure(audio, cut, tracker, SETTINGS)
    both = some.join(whole, on="t_ms", suffix="_whole")
    assert both.height == some.height > 500
    assert np.allclose(both["level_dbfs"], both["level_dbfs_whole"])
    # The gain differs a little, since the median level of other stretches does.
    pitch = both.drop_nulls(("f0_hz", "f0_hz_whole"))
    assert pitch.height >= 0.97 * both["f0_hz_whole"].count()
    assert np.allclose(pitch["f0_hz"], pitch["f0_hz_whole"], rtol=0.03)


class _Constant:
    """A voice of 150 Hz everywhere, but for one octave error."""

    def identity(self) -> dict[str, str]:
        return {}

    def track(self, samples: Samples) -> tuple[Samples, Samples]:
        count = math.ceil(len(samples) / 160)
        f0_hz = np.full(count, 150, np.float32)
        f0_hz[101] = 75
        return f0_hz, np.ones(count, np.float32)


PHONATION = ("hnr_db", "cpp_db", "jitter", "shimmer")


def test_periodicity_is_measured_where_one_voice_is_steady() -> None:
    made = voice(150, seconds=2, jitter=0.01, hnr_db=15)
    spans = _spans([(0, 1_600, 0)]).vstack(
        _spans([(1_200, 1_400, 0)]).with_columns(pl.lit("other").alias("speaker"))
    )
    found = frames.measure(Audio([made.samples]), spans, _Constant(), SETTINGS)
    measured = found.drop_nulls("hnr_db")
    assert (measured["t_ms"] % 20 == 0).all()
    told = set(measured["t_ms"])
    # The octave error and what is near it, the overlap, and the end of the first context.
    assert told == set(range(20, 1_600, 20)) - {1_000, 1_020} - set(range(1_200, 1_400, 20))
    held = measured.filter(pl.col("t_ms").is_between(200, 1_100))
    assert held.select(pl.col(PHONATION).null_count().sum()).row(0) == (0, 0, 0, 0)
    assert held["jitter"].mean() == pytest.approx(0.0105, abs=0.003)
    assert held["hnr_db"].median() == pytest.approx(13.5, abs=1.5)  # jitter costs some


def test_clipped_cycles_have_no_jitter_or_shimmer() -> None:
    made = voice(150, seconds=2)
    loud = np.clip(made.samples * 4, -1, 1)
    found = frames.measure(Audio([loud]), _spans([(0, 2_000, 0)]), _Constant(), SETTINGS)
    inner = found.filter(pl.col("t_ms").is_between(200, 900), pl.col("t_ms") % 20 == 0)
    assert inner["hnr_db"].null_count() == 0
    assert inner["jitter"].null_count() == inner["shimmer"].null_count() == inner.height


def test_noise_that_is_called_voiced_has_no_jitter() -> None:
    noise = np.asarray(np.random.default_rng(1).normal(0, 0.05, 32_000), np.float32)
    found = frames.measure(Audio([noise]), _spans([(0, 2_000, 0)]), _Constant(), SETTINGS)
    assert found["jitter"].count() == 0
    assert found["hnr_db"].median() < 0  # type: ignore[operator]
