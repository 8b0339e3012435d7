"""Speech activity against truth: composed conversations, and a real call."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline import config
from pipeline.audio.samples import Audio, Samples
from pipeline.engines.vad.silero import Silero
from pipeline.evaluation.errors.timing import (
    PAIRS,
    SCENES,
    Case,
    SilenceError,
    call,
    heard_silences,
    silence_error,
)
from pipeline.evaluation.material import composed
from pipeline.speech import activity

SETTINGS = config.load()


class Sure:
    """A detector that is always as sure as it is told."""

    block_ms = 32

    def __init__(self, probability: float) -> None:
        self.probability = probability
        self.longest = 0

    def identity(self) -> dict[str, str]:
        return {}

    def probabilities(self, samples: Samples) -> Samples:
        self.longest = max(self.longest, len(samples))
        return np.full(-(-len(samples) // 512), self.probability, np.float32)


def noise(seconds: float, dbfs: float, seed: int = 0) -> Samples:
    random = np.random.default_rng(seed)
    wave = random.standard_normal(round(seconds * 16_000)) * 10 ** (dbfs / 20)
    return wave.astype(np.float32)


def burst(samples: Samples, start_ms: int, end_ms: int, dbfs: float) -> None:
    samples[start_ms * 16 : end_ms * 16] = noise((end_ms - start_ms) / 1000, dbfs, seed=1)


def stretches(table: pl.DataFrame) -> list[tuple[int, int]]:
    return sorted(table.select("start_ms", "end_ms").rows())


def test_the_level_sets_the_boundary() -> None:
    samples = noise(10, -60)
    burst(samples, 2000, 3000, -20)
    burst(samples, 5000, 5600, -30)
    found = stretches(activity.detect(Audio([samples]), Sure(0.9), SETTINGS.activity))
    assert np.allclose(found, [(2000, 3000), (5000, 5600)], atol=20)


def test_without_a_voice_there_is_no_speech() -> None:
    samples = noise(10, -60)
    burst(samples, 2000, 3000, -20)
    assert activity.detect(Audio([samples]), Sure(0.02), SETTINGS.activity).is_empty()


def test_digital_zeros_are_never_speech() -> None:
    samples = noise(6, -20)
    samples[2 * 16_000 : 3 * 16_000] = 0
    found = activity.detect(Audio([samples]), Sure(1.0), SETTINGS.activity)
    inside = found.filter((pl.col("start_ms") < 2980) & (pl.col("end_ms") > 2020))
    assert inside.filter((pl.col("start_ms") < 2020) & (pl.col("end_ms") > 2980)).is_empty()
    silent = Audio([np.zeros(16_000, np.float32)])
    assert activity.detect(silent, Sure(1.0), SETTINGS.activity).is_empty()


@pytest.mark.parametrize("samples", [1, 159, 160, 16_007])
def test_a_recording_of_any_length_stays_within_itself(samples: int) -> None:
    audio = Audio([noise(2, -20)[:samples]])
    found = activity.detect(audio, Sure(1.0), SETTINGS.activity)
    assert found.filter(pl.col("end_ms") > audio.duration_ms).is_empty()


def test_the_detector_hears_bounded_pieces_at_an_even_level() -> None:
    detector = Sure(0.9)
    activity.detect(Audio([noise(400, -50)]), detector, SETTINGS.activity)
    own = SETTINGS.activity
    assert detector.longest <= (own.piece_ms + own.lead_ms) * 16


def test_a_knock_beside_speech_does_not_move_its_end() -> None:
    samples = noise(10, -60)
    burst(samples, 2000, 3000, -20)
    burst(samples, 3150, 3200, -25)

    class Ends(Sure):
        def probabilities(self, samples: Samples) -> Samples:
            found = super().probabilities(samples)
            found[3000 // 32 :] = 0.01
            return found

    found = stretches(activity.detect(Audio([samples]), Ends(0.95), SETTINGS.activity))
    assert np.allclose(found, [(2000, 3000)], atol=20)


def test_one_signal_on_two_channels_is_one_channel() -> None:
    speech = noise(60, -70)
    for at in range(1000, 58_000, 3000):
        burst(speech, at, at + 1500, -20)
    other = noise(60, -70, seed=2)
    for at in range(2600, 58_000, 3000):
        burst(other, at, at + 1000, -25)
    distinct = activity.distinct_channels
    own = SETTINGS.activity
    both = speech + other
    assert distinct(Audio([speech, other]), own) is True
    assert distinct(Audio([both, both]), own) is False
    assert distinct(Audio([both, both * np.float32(0.2) + noise(60, -65, 3)]), own) is False
    assert distinct(Audio([both, noise(60, -70, 4)]), own) is False
    assert distinct(Audio([both, np.zeros_like(both)]), own) is False
    assert distinct(Audio([both]), own) is None


def test_a_rare_quiet_speaker_has_a_channel_of_their_own() -> None:
    """Levels far apart, a sixteenth of the talk, and the other leaks in."""
    one, two = noise(100, -70), noise(100, -75, seed=2)
    for at in range(1000, 95_000, 3000):
        burst(one, at, at + 2000, -15)
    for at in (3100, 21_100, 39_100, 60_100, 90_100):
        burst(two, at, at + 800, -38)
    two += one * np.float32(10 ** (-35 / 20))
    assert activity.distinct_channels(Audio([one, two]), SETTINGS.activity) is True


@pytest.mark.slow
def test_silences_and_boundaries(shared_data: Path) -> None:
    """F1 of silences >= 1 s, the real call and composed conversations pooled."""
    detector = Silero(SETTINGS)
    cases = [call(shared_data / "calls")]
    checked = ("clean", "telephone", "noise", "quiet telephone")
    for seed, (name, pair) in enumerate(zip(checked, PAIRS, strict=True)):
        talk = composed.compose(shared_data / "read_speech", pair, 100 + seed, SCENES[name])
        cases.append(Case(Audio(list(talk.channels)), talk.speech))
    total = SilenceError()
    for case in cases:
        found = activity.detect(case.audio, detector, SETTINGS.activity)
        total += silence_error(case.silences(), heard_silences(found, case.audio.duration_ms))
    print(f"silences: {total.found} found, {total.missed} missed, {total.false} false")  # noqa: T201
    assert total.f1 >= 0.95
    assert np.median(np.abs(total.boundaries_ms)) <= 40


def test_a_quiet_speaker_on_a_telephone_is_not_missed(shared_data: Path) -> None:
    talk = composed.compose(shared_data / "read_speech", PAIRS[3], 7, SCENES["quiet telephone"])
    found = activity.detect(Audio(list(talk.channels)), Silero(SETTINGS), SETTINGS.activity)
    heard = np.zeros(talk.duration_ms // 10 + 1, bool)
    for start, end in stretches(found.filter(pl.col("channel") == 1)):
        heard[start // 10 : end // 10] = True
    spoken = np.zeros_like(heard)
    for start, end in talk.speech[1]:
        spoken[start // 10 : end // 10] = True
    assert (spoken & ~heard).sum() <= 0.05 * spoken.sum()
