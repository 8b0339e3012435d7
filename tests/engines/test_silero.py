from pathlib import Path

import numpy as np
import pytest
from faster_whisper.vad import get_vad_model

from pipeline import config
from pipeline.core.errors import EngineError
from pipeline.engines.vad import silero
from pipeline.engines.vad.silero import Silero
from pipeline.evaluation.material import composed


@pytest.fixture(scope="module")
def detector() -> Silero:
    return Silero(config.load())


def test_identity_names_version_and_network(detector: Silero) -> None:
    identity = detector.identity()
    assert set(identity) == {"engine", "faster-whisper", "network"}
    assert len(identity["network"]) == 64


@pytest.mark.parametrize("samples", [0, 1, 511, 512, 513, 16_000])
def test_gives_one_probability_for_each_block(detector: Silero, samples: int) -> None:
    noise = np.random.default_rng(0).standard_normal(samples).astype(np.float32) * 0.01
    found = detector.probabilities(noise)
    assert found.shape == (-(-samples // 512),)
    assert ((found >= 0) & (found <= 1)).all()


def test_hears_speech_and_not_noise(detector: Silero, shared_data: Path) -> None:
    wave = composed.utterances(shared_data / "read_speech", "2033")[0]
    noise = np.random.default_rng(0).standard_normal(len(wave)).astype(np.float32) * 0.01
    assert np.median(detector.probabilities(wave)) > 0.9
    assert detector.probabilities(noise).max() < 0.5


def test_agrees_with_the_library_that_carries_it(detector: Silero, shared_data: Path) -> None:
    wave = composed.utterances(shared_data / "read_speech", "3080")[0]
    wave = wave[: len(wave) // 512 * 512]
    found = detector.probabilities(wave)
    wanted = get_vad_model()(wave).reshape(-1)
    # The library blanks the last 64 samples by writing through a view: the last block differs.
    assert np.allclose(found[:-1], wanted[:-1], atol=1e-4)


def test_calls_are_joined_without_a_seam(
    detector: Silero, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = composed.utterances(shared_data / "read_speech", "2033")[0]
    whole = detector.probabilities(wave)
    monkeypatch.setattr(silero, "_BLOCKS_PER_CALL", 7)
    assert np.allclose(detector.probabilities(wave), whole, atol=1e-5)


def test_a_missing_network_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silero, "find_spec", lambda _: None)
    with pytest.raises(EngineError, match="pip install"):
        Silero(config.load()).identity()
