"""A voice is taken from speech alone, and is known again only where that is sure."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from pipeline import config
from pipeline.audio.samples import Audio, Samples
from pipeline.core import registry
from pipeline.core.errors import EngineError
from pipeline.core.tables import SPANS, VOICES
from pipeline.engines.protocols import Identity, VoiceEncoder
from pipeline.evaluation.errors import voice as voice_error
from pipeline.speech import voices

SETTINGS = config.load()


class Levels:
    """An encoder by level: a piece of one level has a direction of its own."""

    def __init__(self) -> None:
        self.heard: list[Samples] = []

    def identity(self) -> Identity:
        return {"engine": "levels", "model": "levels"}

    def vectors(self, pieces: Sequence[Callable[[], Samples]]) -> NDArray[np.float32]:
        self.heard = [piece() for piece in pieces]
        found = np.zeros((len(pieces), 11), dtype=np.float32)
        for row, samples in zip(found, self.heard, strict=True):
            row[round(float(samples.mean()) * 10)] = 1
        return found


def spans(*rows: tuple[str, int, int]) -> pl.DataFrame:
    kept = {"exclusive": True, "regular": True}
    return SPANS.frame({"speaker": s, "start_ms": a, "end_ms": b, **kept} for s, a, b in rows)


def staircase(seconds: int) -> Audio:
    """One channel whose level is 0.1 in the first second, 0.2 in the second, ..."""
    levels = np.arange(1, seconds + 1, dtype=np.float32) / 10
    return Audio([np.repeat(levels, 16_000)])


def test_a_voice_is_of_speech_alone() -> None:
    encoder = Levels()
    few = SETTINGS.voices.model_copy(update={"speech_min_ms": 0})
    table = spans(("A", 0, 4000), ("B", 1000, 2000), ("B", 3000, 6000), ("A", 5500, 6400))
    voice, speech_ms = voices.mean(staircase(8), table, "A", encoder, few)
    # 0-1 s and 2-3 s; what is left of 6-6.4 s is shorter than a piece may be.
    assert speech_ms == 2000
    assert sorted({round(float(s.mean()), 1) for s in encoder.heard}) == [0.1, 0.3]
    assert voice is not None
    assert np.linalg.norm(voice) == pytest.approx(1)


def test_little_speech_is_no_voice_and_null() -> None:
    table = spans(("A", 0, 4000), ("B", 4000, 8000))
    known = {"T-01": np.ones(11, dtype=np.float32)}
    found = voices.compare(staircase(8), table, known, Levels(), SETTINGS.voices)
    assert found["similarity"].to_list() == [None, None]
    assert found["speech_ms"].to_list() == [4000, 4000]
    assert voices.recognised(found, SETTINGS.roles) == {}


def test_each_speaker_is_heard_on_their_own_channel() -> None:
    quiet, loud = np.full(320_000, 0.2, np.float32), np.full(320_000, 0.7, np.float32)
    table = spans(("A", 0, 10_000), ("B", 10_000, 20_000))
    table = table.with_columns(channel=pl.Series([0, 1], dtype=pl.Int16))
    known = {"T": np.eye(11, dtype=np.float32)[7]}
    audio = Audio([quiet, loud])
    found = voices.compare(audio, SPANS.conform(table), known, Levels(), SETTINGS.voices)
    assert found["similarity"].to_list() == [0, 1]


def test_only_so_much_speech_is_listened_to_and_evenly() -> None:
    encoder = Levels()
    few = SETTINGS.voices.model_copy(
        update={"speech_ms": 2000, "piece_ms": 1000, "speech_min_ms": 0}
    )
    _, speech_ms = voices.mean(staircase(10), spans(("A", 0, 10_000)), "A", encoder, few)
    assert speech_ms <= 2000
    assert {round(float(s.mean()), 1) for s in encoder.heard} == {0.1, 0.6}


@pytest.mark.parametrize(
    ("likeness", "found"),
    [
        ({"A": (0.97,), "B": (0.7,)}, "A"),
        ({"A": (0.7,), "B": (0.97,)}, "B"),
        ({"A": (0.97,), "B": (0.96,)}, None),  # too near to each other
        ({"A": (0.8,), "B": (0.5,)}, None),  # neither is like the enrolled one
        ({"A": (0.97,)}, None),  # nobody to compare with
        ({"A": (0.97,), "B": (None,)}, None),
        ({"A": (0.6, 0.97), "B": (0.7, 0.6)}, "A"),  # the second of two therapists
        ({"A": (0.97, 0.5), "B": (0.5, 0.96)}, None),  # each is like one of the therapists
        ({}, None),
    ],
)
def test_who_is_recognised(
    likeness: dict[str, tuple[float | None, ...]], found: str | None
) -> None:
    table = VOICES.frame(
        {"speaker": s, "enrolled": f"T-{n}", "similarity": value, "speech_ms": 1}
        for s, values in likeness.items()
        for n, value in enumerate(values)
    )
    known = voices.recognised(table, SETTINGS.roles)
    assert list(known) == ([found] if found else [])
    assert all(role == "therapist" and margin > 0 for role, margin in known.values())


@pytest.fixture(scope="module")
def encoder() -> VoiceEncoder:
    made: VoiceEncoder = registry.find("voice encoder", "ge2e").make(SETTINGS)
    try:
        made.identity()
    except EngineError as caught:
        pytest.skip(f"no voice network here: {caught.found}")
    return made


@pytest.mark.slow
def test_read_speech_is_known_again_and_strangers_are_not(
    shared_data: Path, encoder: VoiceEncoder
) -> None:
    folder = shared_data / "read_speech"
    heard = {
        band: voice_error.halves(folder, band, encoder, SETTINGS) for band in voice_error.BANDS
    }
    for band in voice_error.BANDS:
        found = voice_error.errors(heard[band], heard[band], SETTINGS)
        assert (found.wrong, found.taken) == (0, 0), (band, found)
        assert found.right == 40, (band, found)
        assert found.equal_error_rate == 0, (band, found)
    # Enrolled in the room, heard on the telephone: nobody is like, and nobody is recognised.
    other = voice_error.errors(heard["wide"], heard["telephone"], SETTINGS)
    assert (other.right, other.wrong, other.taken) == (0, 0, 0)
