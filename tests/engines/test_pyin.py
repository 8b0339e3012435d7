from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from pipeline import config
from pipeline.engines.pitch.pyin import PyinTracker
from pipeline.evaluation.errors.pitch import PitchError, error, sentences


@pytest.fixture(scope="module")
def tracker() -> PyinTracker:
    return PyinTracker(config.load())


def test_finds_the_pitch_of_a_tone_and_none_in_silence(tracker: PyinTracker) -> None:
    t = np.arange(16000) / 16000
    wave = np.sum([np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 8)], axis=0)
    samples = np.concatenate([0.1 * wave, np.zeros(8000)]).astype(np.float32)
    found, voicing = tracker.track(samples)
    assert len(found) == len(voicing) == 150
    assert np.allclose(found[10:90], 140, rtol=0.02)
    assert np.isnan(found[110:]).all()
    assert ((voicing >= 0) & (voicing <= 1)).all()


@pytest.mark.parametrize("samples", [0, 1, 161, 1023])
def test_short_stretches_have_all_their_frames(tracker: PyinTracker, samples: int) -> None:
    assert len(tracker.track(np.ones(samples, np.float32) * 0.1)[0]) == -(-samples // 160)


def test_identity_names_the_library(tracker: PyinTracker) -> None:
    assert tracker.identity()["engine"] == "pyin"


@pytest.mark.slow
def test_errors_against_the_laryngograph(tracker: PyinTracker, shared_data: Path) -> None:
    some = islice(sentences(shared_data / "pitch"), 0, 50, 7)
    total = sum((error(tracker, *one) for one in some), PitchError())
    assert total.gross_error <= 0.02
    assert total.voicing_error <= 0.2
