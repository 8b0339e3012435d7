"""Whisper base itself, on sound made on the spot; skipped where the model is not installed."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline.audio.samples import Audio, Samples
from pipeline.config import load
from pipeline.core.errors import EngineError
from pipeline.engines import models
from pipeline.engines.transcription.faster_whisper import FasterWhisperTranscriber
from pipeline.engines.transcription.hallucination_filter import key
from pipeline.engines.vad.silero import Silero
from pipeline.evaluation.errors.word import normalised, word_error
from pipeline.evaluation.material.spoken_words import decoded

pytestmark = pytest.mark.slow

SETTINGS = load(overrides={"faster_whisper.model": "whisper-base"})
RATE_HZ = 16_000
SECONDS = 10
SCHEMA = {"start_ms": pl.Int64, "end_ms": pl.Int64, "speaker": pl.String, "channel": pl.Int16}
SPEECH = {
    "de": (
        "de",
        "Ich habe heute Nacht wieder sehr schlecht geschlafen, und am Morgen war ich müde.",
    ),
    "es": ("es", "Esta semana mi hermana vino a casa y hablamos mucho de nuestra madre."),
}


@pytest.fixture(scope="module")
def whisper() -> FasterWhisperTranscriber:
    try:
        models.find("whisper-base", SETTINGS)
    except EngineError as caught:
        pytest.skip(f"Whisper base is not installed: {caught.hint}")
    return FasterWhisperTranscriber(SETTINGS)


def regions(*rows: tuple[int, int]) -> pl.DataFrame:
    return pl.DataFrame([(start, end, "S1", 0) for start, end in rows], schema=SCHEMA, orient="row")


def pink(level: float) -> Samples:
    """Noise whose power falls by 3 dB an octave, as that of rooms and streets does."""
    random = np.random.default_rng(1)
    spectrum = np.fft.rfft(random.standard_normal(SECONDS * RATE_HZ))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    sound = np.fft.irfft(spectrum)
    return np.asarray(level * sound / sound.std(), np.float32)


def white(level: float) -> Samples:
    random = np.random.default_rng(2)
    return np.asarray(level * random.standard_normal(SECONDS * RATE_HZ), np.float32)


def chords() -> Samples:
    """Music-like: a chord of four tones with overtones every half second, each dying away."""
    random = np.random.default_rng(3)
    time = np.arange(RATE_HZ // 2) / RATE_HZ
    steps = np.array([0, 2, 4, 5, 7, 9, 11, 12])
    parts = []
    for _ in range(2 * SECONDS):
        tones = 220 * 2 ** (random.choice(steps, 4) / 12)
        part = sum(
            np.sin(2 * np.pi * k * tone * time) / k for tone in tones for k in range(1, 5)
        ) * np.exp(-4 * time)
        parts.append(0.05 * part)
    return np.concatenate(parts).astype(np.float32)


def hum() -> Samples:
    time = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    return np.asarray(0.02 * sum(np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 2, 3, 5)), "f4")


SOUNDS = {
    "digital silence": lambda: np.zeros(SECONDS * RATE_HZ, np.float32),
    "a quiet room": lambda: pink(0.0005),
    "pink noise": lambda: pink(0.05),
    "white noise": lambda: white(0.05),
    "hum of the mains": hum,
    "chords": chords,
}


@pytest.mark.parametrize("name", SOUNDS)
def test_sound_without_speech_gives_at_most_acknowledgements(
    whisper: FasterWhisperTranscriber, name: str
) -> None:
    """As if the speech detector had taken all of it for speech, which it does not.

    The prompt that keeps "mm-hm" and "yeah" makes some of noise: measured, up to 11 in 8 s. Any
    other word is so unsure that no rule takes it for a main sign.
    """
    pieces = regions((0, 4_000), (5_000, 9_000))
    words = whisper.transcribe(Audio([SOUNDS[name]()]), pieces, "en").words
    sure = words.filter(pl.col("confidence") >= SETTINGS.moments.min_word_confidence)
    assert {key(word) for word in sure["text"]} <= {"yeah", "mmhm", "mm", "hm"}
    assert words.height <= MOST[name], words["text"].to_list()


MOST = {**dict.fromkeys(SOUNDS, 16), "digital silence": 0}


@pytest.mark.parametrize("name", SOUNDS)
def test_no_such_sound_reaches_it(name: str) -> None:
    """The stage before it hands over what is speech."""
    probabilities = Silero(SETTINGS).probabilities(SOUNDS[name]())
    assert probabilities.max() < SETTINGS.activity.threshold


def spoken(folder: Path, language: str) -> Audio:
    program = shutil.which("espeak-ng")
    if program is None:
        pytest.skip("espeak-ng is not installed: scripts/install-tools")
    voice, text = SPEECH[language]
    path = folder / f"{language}.wav"
    subprocess.run([program, "-v", voice, "-s", "140", "-w", str(path), text], check=True)
    return decoded(path)


@pytest.mark.parametrize("language", SPEECH)
def test_another_language_is_detected_and_transcribed(
    whisper: FasterWhisperTranscriber, tmp_path: Path, language: str
) -> None:
    audio = spoken(tmp_path, language)
    heard = whisper.transcribe(audio, regions((0, audio.duration_ms)), None)
    assert heard.language == language
    said, found = (
        normalised(text) for text in (SPEECH[language][1], " ".join(heard.words["text"]))
    )
    error = word_error(said, found)
    wrong = error.substituted + error.deleted
    assert wrong < 0.8 * error.said, found  # of a synthetic voice; measured: de 2 of 14, es 8 of 13


def test_threads_of_the_settings_reach_the_model(
    whisper: FasterWhisperTranscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert whisper.identity()["model"] == "whisper-base"
    asked: dict[str, object] = {}
    library = pytest.importorskip("faster_whisper")
    monkeypatch.setattr(library, "WhisperModel", lambda _, **options: asked.update(options))
    three = SETTINGS.engines.model_copy(update={"threads": 3})
    FasterWhisperTranscriber(SETTINGS.model_copy(update={"engines": three}))._whisper()
    assert asked["cpu_threads"] == 3
