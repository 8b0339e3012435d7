import numpy as np
import pytest

from pipeline.evaluation.material.synthetic_voice import Voice, voice
from pipeline.measures import periodicity
from pipeline.measures.periodicity import CepstrumShape, Cycles

SHAPE = CepstrumShape(5000, 0.5, 1, 25)
PITCHES = [75.1, 97.3, 133.7, 221.9, 331.3]


def _moments(made: Voice, f0_hz: float) -> tuple[np.ndarray, np.ndarray]:
    centres = np.arange(3200, len(made.samples) - 3200, 320)
    return centres, np.full(len(centres), f0_hz)


def _hnr(made: Voice, f0_hz: float) -> float:
    found = periodicity.harmonicity(made.samples, *_moments(made, f0_hz), 960, 0.1)
    return float(np.nanmedian(found))


def _cpp(made: Voice, f0_hz: float) -> float:
    found = periodicity.cepstral_prominence(made.samples, *_moments(made, f0_hz), 640, 0.1, SHAPE)
    return float(np.nanmedian(found))


def _cycles(made: Voice, f0_hz: float) -> Cycles:
    return periodicity.cycles(made.samples, *_moments(made, f0_hz), 0.2)


@pytest.mark.parametrize("f0_hz", PITCHES)
@pytest.mark.parametrize("hnr_db", [5, 10, 20])
def test_hnr_is_that_of_the_noise_that_was_added(f0_hz: float, hnr_db: float) -> None:
    assert _hnr(voice(f0_hz, hnr_db=hnr_db), f0_hz) == pytest.approx(hnr_db, abs=0.8)


@pytest.mark.parametrize("f0_hz", PITCHES)
def test_a_voice_without_noise_has_a_high_hnr(f0_hz: float) -> None:
    assert _hnr(voice(f0_hz), f0_hz) > 35


@pytest.mark.parametrize("f0_hz", PITCHES)
def test_hnr_forgives_a_pitch_that_is_a_little_off(f0_hz: float) -> None:
    made = voice(f0_hz, hnr_db=15)
    assert _hnr(made, f0_hz * 1.04) == pytest.approx(_hnr(made, f0_hz), abs=0.1)


@pytest.mark.parametrize("f0_hz", PITCHES)
def test_cpp_falls_as_noise_rises(f0_hz: float) -> None:
    heights = [_cpp(voice(f0_hz, hnr_db=hnr_db), f0_hz) for hnr_db in (20, 10, 0)]
    assert heights[0] > heights[1] + 2 > heights[2] + 4


def test_noise_has_no_cepstral_peak_and_a_low_hnr() -> None:
    noise = np.asarray(np.random.default_rng(0).normal(0, 0.1, 48_000), np.float32)
    assert _cpp(Voice(noise, 0, 0), 120) < 8
    assert _hnr(Voice(noise, 0, 0), 120) < 0


@pytest.mark.parametrize("f0_hz", [75.1, 97.3, 133.7, 221.9])
@pytest.mark.parametrize("jitter", [0.005, 0.01, 0.03])
def test_jitter_is_that_of_the_periods(f0_hz: float, jitter: float) -> None:
    made = voice(f0_hz, jitter=jitter)
    found = np.nanmean(_cycles(made, f0_hz).jitter(1.3))
    assert found == pytest.approx(made.jitter, rel=0.12)


@pytest.mark.parametrize("f0_hz", [75.1, 97.3, 133.7, 221.9])
@pytest.mark.parametrize("shimmer", [0.03, 0.1])
def test_shimmer_is_that_of_the_pulses(f0_hz: float, shimmer: float) -> None:
    made = voice(f0_hz, shimmer=shimmer)
    found = np.nanmean(_cycles(made, f0_hz).shimmer(1.6))
    assert found == pytest.approx(made.shimmer, rel=0.2)


@pytest.mark.parametrize("f0_hz", PITCHES)
def test_a_voice_that_repeats_itself_has_neither(f0_hz: float) -> None:
    found = _cycles(voice(f0_hz), f0_hz)
    assert np.nanmean(found.jitter(1.3)) < 0.001
    assert np.nanmean(found.shimmer(1.6)) < 0.006
    assert (found.fit > 0.99).all()


def test_periods_are_read_between_samples() -> None:
    found = _cycles(voice(221.9), 221.9)
    assert found.periods.mean() == pytest.approx(16_000 / 221.9, abs=0.02)


def test_neighbours_too_different_to_be_cycles_are_not_compared() -> None:
    periods = np.array([[100, 102, 140, 142], [100, 140, 100, 140]], float)
    found = Cycles(periods, np.ones((2, 5)), np.ones((2, 4)))
    assert found.jitter(1.3)[0] == pytest.approx(2 / 121)
    assert np.isnan(found.jitter(1.3)[1])
    assert (found.shimmer(1.6) == 0).all()


def test_digital_zeros_give_nothing() -> None:
    silent = Voice(np.zeros(16_000, np.float32), 0, 0)
    centres, f0_hz = _moments(silent, 120)
    assert np.isnan(periodicity.harmonicity(silent.samples, centres, f0_hz, 960, 0.1)).all()
    cpp = periodicity.cepstral_prominence(silent.samples, centres, f0_hz, 640, 0.1, SHAPE)
    assert np.isnan(cpp).all()
    found = _cycles(silent, 120)
    assert np.isnan(found.shimmer(1.6)).all()
    assert (np.nan_to_num(found.fit) == 0).all()


def test_no_moments_give_no_values() -> None:
    none, samples = np.empty(0, np.int64), np.zeros(16_000, np.float32)
    assert not len(periodicity.harmonicity(samples, none, np.empty(0), 960, 0.1))
    assert not len(periodicity.cepstral_prominence(samples, none, np.empty(0), 640, 0.1, SHAPE))
    assert not len(periodicity.cycles(samples, none, np.empty(0), 0.2).jitter(1.3))


def test_pitches_of_all_heights_are_measured_at_once() -> None:
    made = [voice(f0_hz, jitter=0.01, seconds=1) for f0_hz in PITCHES]
    samples = np.concatenate([one.samples for one in made])
    centres = np.concatenate([np.arange(3200, 12_800, 320) + 16_000 * k for k in range(len(made))])
    f0_hz = np.repeat(PITCHES, 30)
    together = periodicity.cycles(samples, centres, f0_hz, 0.2).jitter(1.3)
    for k, one in enumerate(made):
        alone = periodicity.cycles(
            one.samples, np.arange(3200, 12_800, 320), f0_hz[30 * k :][:30], 0.2
        )
        assert np.allclose(together[30 * k :][:30], alone.jitter(1.3), rtol=0.2, atol=0.002)
