import re
import sys
from importlib import util
from pathlib import Path

import numpy as np
import pytest

from pipeline import config
from pipeline.audio.samples import Samples
from pipeline.core.errors import EngineError
from pipeline.engines.pitch.swift_f0 import SwiftF0Tracker
from pipeline.evaluation.errors.pitch import PitchError, error, sentences


@pytest.fixture(scope="module")
def tracker() -> SwiftF0Tracker:
    return SwiftF0Tracker(config.load())


def _voice(f0_hz: float, seconds: float, level: float = 0.1) -> Samples:
    t = np.arange(round(seconds * 16000)) / 16000
    wave = np.sum([np.sin(2 * np.pi * f0_hz * k * t) / k for k in range(1, 12)], axis=0)
    return np.asarray(level * wave, np.float32)


@pytest.mark.parametrize("f0_hz", [80, 120, 220, 400])
def test_finds_the_pitch_of_a_harmonic_tone(tracker: SwiftF0Tracker, f0_hz: float) -> None:
    found, voicing = tracker.track(_voice(f0_hz, 1.0))
    inner = slice(10, 90)
    assert np.allclose(found[inner], f0_hz, rtol=0.02)
    assert (voicing[inner] >= 0.5).all()


@pytest.mark.parametrize("samples", [0, 1, 159, 160, 161, 4000, 16000 * 9 + 7])
def test_gives_one_value_for_each_10_ms_frame(tracker: SwiftF0Tracker, samples: int) -> None:
    found, voicing = tracker.track(_voice(150, 10)[:samples])
    assert len(found) == len(voicing) == -(-samples // 160)
    assert ((voicing >= 0) & (voicing <= 1)).all()


def test_takes_the_nearest_model_frame_and_interpolates_nothing(tracker: SwiftF0Tracker) -> None:
    t = np.arange(32000) / 16000
    sweep = (0.2 * np.sign(np.sin(2 * np.pi * (100 * t + 25 * t**2)))).astype(np.float32)
    found, _ = tracker.track(sweep)
    # Model frames stand every 16 ms: 8 frames share 5 answers, so 3 of 8 repeat their neighbour's.
    steps = np.diff(found[20:180])
    assert (steps == 0).mean() == pytest.approx(3 / 8, abs=0.02)


def test_digital_silence_and_noise_have_no_pitch(tracker: SwiftF0Tracker) -> None:
    silent, voicing = tracker.track(np.zeros(16000, np.float32))
    assert np.isnan(silent).all()
    assert (voicing == 0).all()
    noise = np.random.default_rng(1).normal(0, 0.05, 32000).astype(np.float32)
    assert np.isnan(tracker.track(noise)[0]).mean() > 0.95


def test_does_not_depend_on_pieces_or_threads(tracker: SwiftF0Tracker) -> None:
    rng = np.random.default_rng(2)
    long = np.concatenate([_voice(rng.uniform(80, 300), 0.4) for _ in range(30)])
    alone = SwiftF0Tracker(config.load(overrides={"engines.threads": 1}))
    one, other = tracker.track(long), alone.track(long)
    assert np.array_equal(one[0], other[0], equal_nan=True)
    assert np.array_equal(one[1], other[1])
    # 5.2 s into the stretch (a multiple of 80 ms, where both grids meet) with context on the left.
    part = tracker.track(long[16 * 5200 :])
    assert np.allclose(part[1][20:-20], one[1][540:-20], atol=1e-5)


def test_identity_names_version_and_model_and_imports_nothing() -> None:
    sys.modules.pop("swift_f0", None)
    identity = SwiftF0Tracker(config.load()).identity()
    assert re.fullmatch("[0-9a-f]{64}", identity["model"])
    assert identity["swift_f0"].startswith("0.3")
    assert "swift_f0" not in sys.modules


def test_a_missing_package_is_told_with_the_command_to_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipeline.engines.pitch.swift_f0.find_spec", lambda _: None)
    with pytest.raises(EngineError, match="pip install"):
        SwiftF0Tracker(config.load()).identity()
    assert util.find_spec("swift_f0") is not None


def test_a_failing_model_is_an_engine_error(tracker: SwiftF0Tracker) -> None:
    with pytest.raises(EngineError, match="ValueError"):
        tracker.track(np.full(1600, np.inf, np.float32))


def test_errors_against_the_laryngograph(tracker: SwiftF0Tracker, shared_data: Path) -> None:
    total = sum((error(tracker, *one) for one in sentences(shared_data / "pitch")), PitchError())
    assert total.compared > 10_000
    assert total.gross_error <= 0.006
    assert total.voicing_error <= 0.05
