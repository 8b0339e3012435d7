"""Dialogues with planted overlaps: is the truth true, and what does a run make of it."""

from pathlib import Path

import numpy as np
import pytest

from pipeline import config
from pipeline.engines.diarization.clustering import ClusteringDiarizer
from pipeline.engines.vad.silero import Silero
from pipeline.evaluation.errors import dialogue as dialogue_error
from pipeline.evaluation.errors.dialogue import DialogueError
from pipeline.evaluation.material import dialogue_truth
from pipeline.evaluation.material.dialogue_truth import (
    GAP_QUANTILES,
    GAPS_MS,
    TURN_PAUSE_MS,
    Dialogue,
)

SETTINGS = config.load()


@pytest.fixture(scope="module")
def dialogue(shared_data: Path) -> Dialogue:
    return dialogue_truth.compose(shared_data / "read_speech", ("2609", "367"), 3)


def test_gaps_are_those_of_everyday_talk() -> None:
    drawn = np.interp(np.linspace(0, 1, 100_001), GAP_QUANTILES, GAPS_MS)
    assert np.percentile(drawn, [25, 50, 75]) == pytest.approx([-77, 90, 450], abs=1)
    for above_ms, share in ((1000, 0.108), (2000, 0.044), (3000, 0.027)):
        assert np.mean(drawn > above_ms) == pytest.approx(share, abs=1e-3)
    assert np.mean(drawn < 0) == pytest.approx(0.28, abs=1e-3)


def test_truth_and_settings_mean_the_same_pause() -> None:
    assert SETTINGS.turns.turn_pause_ms == TURN_PAUSE_MS


def test_both_speak_just_where_an_overlap_was_planted(dialogue: Dialogue) -> None:
    planted = [(o.start_ms, o.end_ms) for o in dialogue.overlaps]
    assert dialogue_truth.joint(dialogue.speech) == planted
    assert {o.kind for o in dialogue.overlaps} == set(dialogue_error.KINDS)


def test_true_stretches_are_what_sounds(dialogue: Dialogue) -> None:
    """Noise lies 45 dB under the speakers: nothing louder may lie outside of the truth."""
    for channel, own in enumerate(dialogue.speech):
        level = np.mean(
            dialogue.channels[channel][: dialogue.duration_ms // 10 * 160].reshape(-1, 160) ** 2, 1
        )
        speaks = np.zeros(len(level), dtype=bool)
        anybody = np.zeros(len(level), dtype=bool)
        for start, end in own:
            speaks[start // 10 - 3 : end // 10 + 4] = True
        for start, end in [*dialogue.speech[0], *dialogue.speech[1]]:
            anybody[start // 10 - 3 : end // 10 + 4] = True
        loud = np.mean(level[speaks])
        assert level[~anybody].max() < loud / 10**4
        assert level[~speaks].max() < loud / 10**2  # crosstalk


def test_what_the_definitions_make_of_true_spans(dialogue: Dialogue) -> None:
    found = dialogue_error.error(dialogue, dialogue_error.from_truth(dialogue, SETTINGS))
    assert found.silences.f1 == found.long_silences.f1 == 1
    assert set(found.silences.boundaries_ms) == {0}
    assert set(found.turns.latencies_ms) == {0}
    assert (found.turns.missed, found.turns.no_latency) == (0, 0)
    assert (found.overlaps.f1, found.overlaps.time_f1) == (1, 1)
    assert found.overlaps.macro_f1(end_to_end=True) == 1
    assert found.overlaps.went_on_wrong == found.overlaps.holder_wrong == 0


def test_a_dialogue_with_a_channel_per_speaker(dialogue: Dialogue) -> None:
    tables = dialogue_error.from_stereo(dialogue, SETTINGS, Silero(SETTINGS))
    found = dialogue_error.error(dialogue, tables)
    assert found.silences.f1 >= 0.97
    assert np.median(np.abs(found.silences.boundaries_ms)) <= 40
    assert np.median(np.abs(found.turns.latencies_ms)) <= 40
    assert found.overlaps.f1 >= 0.95
    assert found.overlaps.time_f1 >= 0.9


@pytest.mark.slow
def test_a_dialogue_on_one_microphone(dialogue: Dialogue) -> None:
    tables = dialogue_error.from_mono(dialogue, SETTINGS, ClusteringDiarizer(SETTINGS))
    found = dialogue_error.error(dialogue, tables)
    assert found.silences.f1 >= 0.9
    assert np.median(np.abs(found.silences.boundaries_ms)) <= 40
    assert tables["overlaps"].is_empty()


@pytest.mark.slow
def test_targets_with_a_channel_per_speaker(shared_data: Path) -> None:
    detector = Silero(SETTINGS)
    total = DialogueError()
    for number, talk in enumerate(dialogue_error.dialogues(shared_data / "read_speech")):
        if number % 2 == 0:
            total += dialogue_error.error(
                talk, dialogue_error.from_stereo(talk, SETTINGS, detector)
            )
    assert total.silences.f1 >= 0.97
    assert np.median(np.abs(total.silences.boundaries_ms)) <= 40
    assert total.overlaps.f1 >= 0.95
    assert total.overlaps.macro_f1(end_to_end=False) >= 0.85
    assert total.overlaps.macro_f1(end_to_end=True) >= 0.85
