"""Moonshine's English model on real meetings, on the acted samples, and on what is no speech."""

import difflib
import statistics
import subprocess
import sys
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline.audio.samples import Audio, Samples
from pipeline.config import load
from pipeline.core.errors import EngineError
from pipeline.core.tables import WORDS
from pipeline.engines.transcription.asr_chunks import Piece
from pipeline.engines.transcription.moonshine import MoonshineTranscriber
from pipeline.evaluation.errors.word import WordError, normalised
from pipeline.evaluation.material.spoken_words import acted, decoded, errors, meeting, wanted

SETTINGS = load()


@pytest.fixture(scope="module")
def engine() -> MoonshineTranscriber:
    made = MoonshineTranscriber(SETTINGS)
    try:
        made.identity()
    except EngineError as caught:
        pytest.skip(str(caught))
    return made


@pytest.mark.slow
def test_word_error_on_meetings(engine: MoonshineTranscriber, shared_data: Path) -> None:
    """First 30 s of AMI meetings ES2003a and b, distant microphone, two Scottish speakers.

    Regions are the RTTM's spans of each speaker, joined and padded as in a run; the words heard in
    a speaker's regions are compared with that speaker's words (so what is heard of the other in
    overlap counts as inserted), lower case and without punctuation.
    """
    total: list[WordError] = []
    off_ms: list[int] = []
    for name in ("dev00", "dev01"):
        audio, cut, said = meeting(shared_data / "meetings", name)
        heard = engine.transcribe(audio, cut, "en")
        WORDS.conform(heard.words)
        found = errors({who: [word for word, _ in words] for who, words in said.items()}, heard)
        print(f"{name}: {found} = {found.rate:.3f}, dropped {heard.dropped_words}")  # noqa: T201
        total.append(found)
        for who, words in said.items():
            theirs = heard.words.filter(pl.col("speaker") == who)
            keys = ["".join(normalised(text)) for text in theirs["text"]]
            match = difflib.SequenceMatcher(None, [w for w, _ in words], keys, autojunk=False)
            for block in match.get_matching_blocks():
                off_ms += [
                    abs(words[block.a + n][1] - theirs["start_ms"][block.b + n])
                    for n in range(block.size)
                ]
    both = reduce(add, total)
    print(  # noqa: T201 - the figure is what this test is for
        f"both: {both} = {both.rate:.3f}; start of words right: "
        f"median {statistics.median(off_ms)} ms off, 90 % {np.percentile(off_ms, 90):.0f} ms"
    )
    assert (
        both.rate < 0.75
    )  # 0.513 when this was written; 0.496 with the speakers' words in one stream
    assert statistics.median(off_ms) < 400


@pytest.mark.slow
def test_word_error_on_an_acted_sample(engine: MoonshineTranscriber, repository: Path) -> None:
    """Synthetic voices on a channel each: regions are the true turns, joined and padded."""
    total: list[WordError] = []
    for name in ("benign",):  # both samples: 0.081
        audio, cut, said = acted(repository / "samples", name)
        heard = engine.transcribe(audio, cut, "en")
        total.append(errors(said, heard))
        assert heard.dropped_words <= 5
    both = reduce(add, total)
    print(f"samples: {both} = {both.rate:.3f}")  # noqa: T201
    assert both.rate < 0.15  # 0.073 when this was written


def test_words_lie_in_their_regions_and_on_sound(
    engine: MoonshineTranscriber, repository: Path
) -> None:
    audio = decoded(repository / "samples" / "benign.flac")
    cut = wanted(audio, [(400, 3_881, "therapist", 0), (4_261, 10_312, "client", 1)])
    heard = engine.transcribe(audio, cut, "en")
    again = engine.transcribe(audio, cut, "en")

    assert heard.words.equals(again.words)
    assert heard.language == "en"
    assert set(heard.words["timing"]) == {"interpolated"}
    assert heard.words["confidence"].null_count() == heard.words.height
    for start, end, speaker in cut.select("start_ms", "end_ms", "speaker").iter_rows():
        theirs = heard.words.filter(pl.col("speaker") == speaker)
        assert theirs.height > 8
        assert theirs["start_ms"].min() >= start
        assert theirs["end_ms"].max() <= end


def test_a_short_acknowledgement_is_heard(engine: MoonshineTranscriber, repository: Path) -> None:
    """ "Yeah." of 336 ms, while the other speaks on the other channel."""
    audio = decoded(repository / "samples" / "benign.flac")
    heard = engine.transcribe(audio, wanted(audio, [(23_976, 24_312, "T", 0)]), "en")
    assert heard.words.height >= 1


def test_silence_has_no_words(engine: MoonshineTranscriber) -> None:
    silence = np.zeros(5 * 16_000, dtype=np.float32)
    hiss = (1e-5 * np.random.default_rng(0).standard_normal(80_000)).astype(np.float32)
    for sound in (silence, hiss):
        heard = engine.transcribe(
            Audio([sound]), wanted(Audio([sound]), [(0, 5_000, "A", 0)]), "en"
        )
        assert heard.words.height == 0


def test_no_regions_no_words(engine: MoonshineTranscriber) -> None:
    audio = Audio([np.zeros(16_000, dtype=np.float32)])
    assert engine.transcribe(audio, wanted(audio, []), None).words.height == 0


def test_words_are_spread_over_the_loud_parts(engine: MoonshineTranscriber) -> None:
    random = np.random.default_rng(0).standard_normal(48_000).astype(np.float32)
    gain = np.full(48_000, 1e-4, dtype=np.float32)
    gain[8_000:16_000] = gain[32_000:40_000] = 0.1  # 500-1000 ms and 2000-2500 ms
    sound: Samples = random * gain
    spread = list(engine._spread(["one", "two"], Piece(10_000, 13_000, "A", 0), sound))
    assert [(word.start_ms, word.end_ms) for word in spread] == [
        (10_500, 11_000),
        (12_000, 12_500),
    ]
    assert list(engine._spread([], Piece(10_000, 13_000, "A", 0), sound)) == []


def test_identity_is_cheap_and_names_the_model(engine: MoonshineTranscriber) -> None:
    identity = engine.identity()
    assert identity["moonshine-voice"] == "0.0.59"
    assert len(identity["digest"]) == 64
    assert engine.languages() == {"en"}
    program = (
        "import sys\n"
        "from pipeline.config import load\n"
        "from pipeline.engines.transcription.moonshine import MoonshineTranscriber\n"
        "MoonshineTranscriber(load()).identity()\n"
        "assert 'moonshine_voice' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_where_the_package_is_missing_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engines.transcription.moonshine._PACKAGE", "no-such-package")
    with pytest.raises(EngineError, match=r"not installed.*pip install"):
        MoonshineTranscriber(SETTINGS).identity()


def test_a_transcript_alone_cannot_be_transcribed() -> None:
    with pytest.raises(EngineError, match="without audio"):
        MoonshineTranscriber(SETTINGS).transcribe(None, pl.DataFrame(), "en")
