"""Quiet voices in the pauses: found, or at least doubted, and silence left silent."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline import config
from pipeline.audio.samples import Audio, Samples
from pipeline.engines.vad.silero import Silero
from pipeline.evaluation.errors.timing import call, heard_silences
from pipeline.evaluation.material import composed
from pipeline.evaluation.material.composed import Scene, Stretch
from pipeline.speech import activity

SETTINGS = config.load()
OWN = SETTINGS.activity


class Forgetful:
    """A detector that hears the loud speaker only, unless a stretch is played to it alone."""

    block_ms = 32

    def __init__(self, alone: float) -> None:
        self.alone = alone
        self.played: list[int] = []

    def identity(self) -> dict[str, str]:
        return {}

    def probabilities(self, samples: Samples) -> Samples:
        blocks = -(-len(samples) // 512)
        if len(samples) > OWN.alone_ms * 16:
            found = np.full(blocks, 0.02, np.float32)
            found[1000 // 32 : 3000 // 32] = 0.95
            return found
        self.played.append(len(samples))
        return np.full(blocks, self.alone, np.float32)


def recording(quiet: Samples) -> Samples:
    """Ten seconds: loud from 1 to 3 s, `quiet` from 6 s on, noise at -80 dBFS."""
    random = np.random.default_rng(0)
    wave = random.standard_normal(160_000).astype(np.float32) * np.float32(1e-4)
    wave[16_000:48_000] += random.standard_normal(32_000).astype(np.float32) * np.float32(0.1)
    wave[96_000 : 96_000 + len(quiet)] += quiet
    return wave


def paper() -> Samples:
    """A second of noise at -50 dBFS, 30 dB under the speaker."""
    random = np.random.default_rng(1)
    return (random.standard_normal(16_000) * 10 ** (-50 / 20)).astype(np.float32)


def hum() -> Samples:
    """A second of pulses at 125 Hz, about as strong."""
    pulses = np.zeros(16_000, np.float32)
    pulses[::128] = 1
    return np.convolve(pulses, np.hanning(40), mode="same").astype(np.float32) * np.float32(0.01)


def stretches(table: pl.DataFrame) -> list[Stretch]:
    return table.select("start_ms", "end_ms").rows()


@pytest.mark.parametrize(
    ("alone", "quiet", "speech", "doubted"),
    [
        (0.95, paper(), True, False),
        (0.6, hum(), True, False),
        (0.6, paper(), False, True),
        (0.3, hum(), False, False),
    ],
)
def test_a_pause_heard_alone_is_speech_doubt_or_silence(
    alone: float, quiet: Samples, *, speech: bool, doubted: bool
) -> None:
    found = activity.hear(Audio([recording(quiet)]), Forgetful(alone), OWN)
    expected = [(1000, 3000), (6000, 7000)] if speech else [(1000, 3000)]
    heard = [stretch for stretch in stretches(found.activity) if stretch[1] <= 7100]
    assert np.allclose(heard, expected, atol=30)
    over = [d for d in stretches(found.doubts) if d[0] < 6900 and d[1] > 6100]
    assert bool(over) is doubted


def test_doubts_lie_outside_speech_and_outside_zeros() -> None:
    wave = recording(paper())
    wave[8 * 16_000 : 9 * 16_000] = 0
    found = activity.hear(Audio([wave, wave * np.float32(0.5)]), Forgetful(0.6), OWN)
    assert found.doubts.height
    assert found.doubts.equals(found.doubts.sort("start_ms", "channel"))
    taken = [*stretches(found.activity), (8000, 9000)]
    for start, end in stretches(found.doubts):
        assert not any(start < last and first < end for first, last in taken)


class Keen(Forgetful):
    """One that is surer of what hums than of paper."""

    def probabilities(self, samples: Samples) -> Samples:
        found = super().probabilities(samples)
        if len(samples) > OWN.alone_ms * 16:
            return found
        hums = float(np.corrcoef(samples[:-128], samples[128:])[0, 1]) > 0.5
        return np.full_like(found, 0.95 if hums else 0.6)


def test_where_a_quiet_voice_is_found_another_channel_doubts_nothing() -> None:
    heard = Audio([recording(hum()), recording(paper())])
    found = activity.hear(heard, Keen(0), OWN)
    quiet = [stretch for stretch in stretches(found.activity) if 5900 < stretch[0] < 6100]
    assert quiet, "the voice on the first channel is found"
    assert not [d for d in stretches(found.doubts) if d[0] < 6900 and d[1] > 6100]


def test_what_is_far_under_a_whisper_is_not_played() -> None:
    detector = Forgetful(0.95)
    found = activity.hear(Audio([recording(np.zeros(0, np.float32))]), detector, OWN)
    assert detector.played == []
    assert found.doubts.is_empty()


def test_a_recording_of_zeros_holds_nothing() -> None:
    found = activity.hear(Audio([np.zeros(160_000, np.float32)]), Forgetful(0.95), OWN)
    assert found.activity.is_empty()
    assert found.doubts.is_empty()


def test_the_detector_is_played_bounded_stretches() -> None:
    detector = Forgetful(0.3)
    random = np.random.default_rng(0)
    long = (random.standard_normal(60 * 16_000) * 0.01).astype(np.float32)
    activity.hear(Audio([np.concatenate([recording(paper()), long])]), detector, OWN)
    assert 0 < max(detector.played) <= OWN.alone_ms * 16


def _seconds(stretches: list[Stretch], within: Stretch) -> float:
    start, end = within
    return sum(max(0, min(end, b) - max(start, a)) for a, b in stretches) / 1000


@pytest.mark.slow
def test_missed_turns_of_a_quiet_speaker_are_doubted(shared_data: Path) -> None:
    """One microphone, one speaker far from it, noise 4 and 9 dB under them."""
    hidden, doubted = 0, 0
    for down_db in (25, 30):
        scene = Scene(levels_db=(-20, -20 - down_db), noise_db=-140, crosstalk_db=None)
        talk = composed.compose(shared_data / "read_speech", ("367", "3080"), 203, scene)
        mono = talk.channels.sum(axis=0)
        noise = np.random.default_rng(3).standard_normal(len(mono)) * 10 ** (-54 / 20)
        found = activity.hear(Audio([(mono + noise).astype(np.float32)]), Silero(SETTINGS), OWN)
        for silence in heard_silences(found.activity, talk.duration_ms):
            if silence[1] - silence[0] >= 1000 and _seconds(talk.speech[1], silence) >= 0.3:
                hidden += 1
                doubted += _seconds(stretches(found.doubts), silence) > 0
    print(f"{hidden} silences hide a voice, {doubted} are doubted")  # noqa: T201
    assert hidden
    assert doubted >= 0.8 * hidden


@pytest.mark.slow
def test_silences_of_good_recordings_are_not_doubted(shared_data: Path) -> None:
    talk = composed.compose(shared_data / "read_speech", ("3080", "2033"), 0)
    heard = [(call(shared_data / "calls").audio, 18), (Audio(list(talk.channels)), 8)]
    for audio, at_least in heard:
        found = activity.hear(audio, Silero(SETTINGS), OWN)
        silences = [
            s for s in heard_silences(found.activity, audio.duration_ms) if s[1] - s[0] >= 1000
        ]
        doubted = [
            s for s in silences if any(a < s[1] and s[0] < b for a, b in stretches(found.doubts))
        ]
        assert len(silences) >= at_least
        assert len(doubted) <= 0.06 * len(silences)
