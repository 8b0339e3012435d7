"""A Whisper in its real format, made on the spot, through the real loader and decoder."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import tiny_models

from pipeline.audio.samples import Audio
from pipeline.config import Settings, load
from pipeline.core.errors import EngineError
from pipeline.core.tables import WORDS
from pipeline.engines import models
from pipeline.engines.transcription.asr_chunks import Piece
from pipeline.engines.transcription.faster_whisper import (
    FasterWhisper,
    FasterWhisperTranscriber,
    _packed,
    _unhaunted,
    _whole,
    _Window,
)
from pipeline.engines.transcription.hallucination_filter import Word

pytestmark = [
    pytest.mark.slow,
    # transformers, which only makes the model, warns of names that it moved in itself
    pytest.mark.filterwarnings("ignore::DeprecationWarning:transformers.*"),
    pytest.mark.filterwarnings("ignore::FutureWarning:transformers.*"),
]

SAID = "Um, well, I think so."
SCHEMA = {"start_ms": pl.Int64, "end_ms": pl.Int64, "speaker": pl.String, "channel": pl.Int16}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models: one English and one for all languages that speak, and one that babbles."""
    pytest.importorskip("transformers", reason="it makes the small model")
    place = tmp_path_factory.mktemp("whisper")
    settings = load(overrides={"models_folder": str(place / "models")})
    for name, text, multilingual in (
        ("english", SAID, False),
        ("all", SAID, True),
        ("babble", "", False),
        ("loop", " ".join(["again", "and"] * 20), False),
        ("phantom", "Thanks for watching!", False),
    ):
        tiny_models.whisper(place / name, text, multilingual=multilingual)
        models.import_(place / name, f"whisper-{name}", settings)
    return place / "models"


@pytest.fixture
def settings(folder: Path) -> Callable[..., Settings]:
    def make(model: str, **own: object) -> Settings:
        chosen = {f"faster_whisper.{key}": value for key, value in own.items()}
        return load(
            overrides={
                "models_folder": str(folder),
                "faster_whisper.model": model,
                # the small model counts positions, not words
                "faster_whisper.prompts": {"en": "", "de": ""},
                **chosen,
            }
        )

    return make


def noise(seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    random = np.random.default_rng(0)
    return (0.1 * random.standard_normal(round(seconds * 16_000))).astype(np.float32)


def regions(*rows: tuple[int, int, str, int | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def test_words_come_out_with_times_speakers_and_confidence(
    settings: Callable[..., Settings],
) -> None:
    engine = FasterWhisperTranscriber(settings("english", lost_ms=60_000))
    audio = Audio([noise(40), noise(40)])
    wanted = regions((1_000, 9_000, "S1", 0), (12_000, 15_000, "S2", 1), (20_000, 39_000, "S1", 0))

    heard = engine.transcribe(audio, wanted, "en")

    words = WORDS.conform(heard.words)
    assert heard.language == "en"
    assert set(words["timing"]) == {"aligned"}
    assert words["word_id"].to_list() == list(range(words.height))
    assert words["start_ms"].is_sorted()
    assert words["confidence"].is_between(0, 1).all()
    for speaker in ("S1", "S2"):
        theirs = words.filter(pl.col("speaker") == speaker)
        assert theirs["text"].to_list() == SAID.split()[: theirs.height]
        inside = [
            any(a <= start and end <= b for a, b, who, _ in wanted.iter_rows() if who == speaker)
            for start, end in theirs.select("start_ms", "end_ms").iter_rows()
        ]
        assert all(inside)
    assert words.height + heard.dropped_words == 2 * len(SAID.split())


def test_batches_and_single_windows_hear_the_same(settings: Callable[..., Settings]) -> None:
    audio = Audio([noise(200)])
    wanted = regions(*((n * 25_000, n * 25_000 + 20_000, "S1", 0) for n in range(8)))

    together, alone = (
        FasterWhisperTranscriber(settings("english", batch_size=size, lost_ms=60_000)).transcribe(
            audio, wanted, "en"
        )
        for size in (4, 1)
    )
    assert together.words.equals(alone.words)
    assert together.words.height == 8 * len(SAID.split())


def test_speech_that_is_left_without_words_is_heard_again_alone_and_once(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[list[Piece]] = []
    real = FasterWhisperTranscriber._window

    def noted(self: FasterWhisperTranscriber, audio: Audio, pieces: tuple[Piece, ...]) -> _Window:
        heard.append(list(pieces))
        return real(self, audio, pieces)

    monkeypatch.setattr(FasterWhisperTranscriber, "_window", noted)
    audio = Audio([noise(25)])
    wanted = regions((0, 12_000, "S1", 0), (13_000, 20_000, "S1", 0))

    def words(lost_ms: int) -> pl.DataFrame:
        heard.clear()
        made = settings("english", lost_ms=lost_ms)
        return FasterWhisperTranscriber(made).transcribe(audio, wanted, "en").words

    once = words(60_000)
    assert [len(pieces) for pieces in heard] == [2]
    assert once.height == len(SAID.split())
    twice = words(3_000)
    first, *again = heard
    assert len(first) == 2
    assert again
    ends = once["end_ms"].to_list()
    for (piece,) in again:  # each alone, and in none of them was a word
        assert piece.length_ms >= 3_000
        assert not any(piece.start_ms < end <= piece.end_ms for end in ends)
    assert twice.height == once.height * (1 + len(again))


@pytest.mark.parametrize(
    ("heard", "whole"),
    [
        ([" Mm", "-hm.", " Yes"], [" Mm-hm.", " Yes"]),
        ([" twenty", "-one", "-year", "-old"], [" twenty-one-year-old"]),
        ([" that", "'s", " -", " it"], [" that's", " -", " it"]),
        (["\u4f60", "\u597d"], ["\u4f60", "\u597d"]),
        (["-hm."], ["-hm."]),
    ],
)
def test_parts_of_a_word_are_one_word(heard: list[str], whole: list[str]) -> None:
    @dataclass(frozen=True)
    class Said:
        word: str
        start: float
        end: float
        probability: float

    parts = [Said(text, number, number + 1.0, 0.5) for number, text in enumerate(heard)]
    joined = _whole(parts)
    assert [one.word for one in joined] == whole
    assert joined[-1].end == len(heard)
    assert sum(one.end - one.start for one in joined) == len(heard)


def test_the_largest_model_is_taken_and_the_language_detected(
    settings: Callable[..., Settings],
) -> None:
    engine = FasterWhisperTranscriber(settings("auto", lost_ms=60_000))
    assert engine.identity()["model"] == "whisper-all"
    assert engine.languages() is None

    heard = engine.transcribe(Audio([noise(20)]), regions((0, 20_000, "S1", 0)), None)

    assert heard.language in {"en", "de", "fr"}
    assert heard.words["text"].to_list() == SAID.split()


def test_babble_is_bounded_and_the_same_each_time(settings: Callable[..., Settings]) -> None:
    made = settings("babble", temperatures=[0.0, 0.4], beam_size=1)
    audio, wanted = Audio([noise(6)]), regions((0, 3_000, "S1", 0), (4_000, 6_000, "S2", None))
    first, second = (
        FasterWhisperTranscriber(made).transcribe(audio, wanted, "en") for _ in range(2)
    )
    WORDS.conform(first.words)
    assert first.words.height <= 8 * 5
    assert first.dropped_words + first.words.height > 0
    assert first.words.equals(second.words)


def test_a_loop_is_heard_once_and_a_phantom_never(settings: Callable[..., Settings]) -> None:
    audio, wanted = Audio([noise(20)]), regions((0, 20_000, "S1", 0))
    loop = FasterWhisperTranscriber(settings("loop", temperatures=[0.0])).transcribe(
        audio, wanted, "en"
    )
    assert loop.words["text"].to_list() == ["again", "and"]
    assert loop.dropped_words >= 38
    phantom = FasterWhisperTranscriber(settings("phantom", temperatures=[0.0])).transcribe(
        audio, wanted, "en"
    )
    assert phantom.words.height == 0
    assert phantom.dropped_words >= 3


def test_silence_has_no_words_whatever_the_model_says(settings: Callable[..., Settings]) -> None:
    audio = Audio([np.zeros(20 * 16_000, dtype=np.float32)])
    heard = FasterWhisperTranscriber(settings("english")).transcribe(
        audio, regions((0, 20_000, "S1", 0)), "en"
    )
    assert heard.words.height == 0
    assert heard.dropped_words >= len(SAID.split())


def test_no_regions_no_words(settings: Callable[..., Settings]) -> None:
    heard = FasterWhisperTranscriber(settings("all")).transcribe(Audio([noise(1)]), regions(), None)
    assert heard.words.height == 0
    assert heard.language is None


def test_identity_names_versions_and_digest_and_imports_nothing(folder: Path) -> None:
    program = (
        "import sys\n"
        "from pipeline.config import load\n"
        "from pipeline.engines.transcription.faster_whisper import FasterWhisperTranscriber\n"
        f"settings = load(overrides={{'models_folder': {str(folder)!r}}})\n"
        "engine = FasterWhisperTranscriber(settings)\n"
        "identity = engine.identity()\n"
        "assert len(identity['digest']) == 64 and identity['ctranslate2'], identity\n"
        "assert not {'faster_whisper', 'ctranslate2', 'torch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_english_model_says_that_it_hears_no_other_language(
    settings: Callable[..., Settings],
) -> None:
    engine = FasterWhisperTranscriber(settings("english"))
    assert engine.languages() == frozenset({"en"})
    with pytest.raises(EngineError, match="knows en only, and the language is 'de'"):
        engine.transcribe(Audio([noise(1)]), regions((0, 1000, "S1", 0)), "de")


def test_a_folder_without_tokenizer_is_an_error_and_no_look_up(
    folder: Path, settings: Callable[..., Settings], tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "models")
    (tmp_path / "models" / "whisper-english" / "tokenizer.json").unlink()
    harmed = settings("english").model_copy(update={"models_folder": str(tmp_path / "models")})
    with pytest.raises(EngineError, match="files are missing"):
        FasterWhisperTranscriber(harmed).identity()


def test_a_harmed_model_is_an_engine_error(
    folder: Path, settings: Callable[..., Settings], tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "models")
    harmed = tmp_path / "models" / "whisper-english" / "model.bin"
    harmed.write_bytes(bytes(harmed.stat().st_size))
    made = settings("english").model_copy(update={"models_folder": str(tmp_path / "models")})
    with pytest.raises(EngineError, match=r"cannot be loaded.*tether models verify"):
        FasterWhisperTranscriber(made).transcribe(
            Audio([noise(1)]), regions((0, 1000, "S1", 0)), "en"
        )


def test_without_a_model_the_hint_is_the_command(tmp_path: Path) -> None:
    engine = FasterWhisperTranscriber(load(overrides={"models_folder": str(tmp_path)}))
    with pytest.raises(EngineError, match="tether models fetch whisper-base"):
        engine.identity()


def test_windows_hold_one_speaker_and_no_more_than_fits() -> None:
    pieces = [
        Piece(start, start + length, who, 0)
        for start, length, who in (
            (0, 9_000, "A"),
            (9_000, 300, "B"),
            (10_000, 9_000, "A"),
            (20_000, 9_000, "A"),
            (30_000, 20_000, "B"),
        )
    ]
    packs = _packed(pieces, 20_000, 500)
    assert [[piece.start_ms for piece in pack] for pack in packs] == [
        [0, 10_000],
        [20_000],
        [9_000],
        [30_000],
    ]


def test_a_phantom_goes_and_its_neighbours_stay() -> None:
    words = [Word(text, 0, 10) for text in ["Yes.", "Thanks", "for", "watching!", "Bye."]]
    kept = _unhaunted(words, ["thanks for watching"])
    assert [word.text for word in kept] == ["Yes.", "Bye."]


def test_a_sentence_of_the_prompt_is_a_phantom_and_its_fillers_are_not() -> None:
    engine = FasterWhisperTranscriber(load())
    prompt = load().section(FasterWhisper).prompts["en"].split()
    kept = _unhaunted([Word(text, 0, 10) for text in prompt], engine._phantoms())
    assert [word.text for word in kept] == ["Mm-hm."]
