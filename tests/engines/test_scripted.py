import numpy as np
import polars as pl

from pipeline.core.tables import ACTIVITY, SPANS, WORDS, Metadata, Recording
from pipeline.engines.scripted import ScriptedDetector, ScriptedDiarizer, ScriptedTranscriber

RECORDING = Recording("0" * 64, 10_000, None, 0, Metadata())


def spans(*rows: tuple[int, int, str]) -> pl.DataFrame:
    return SPANS.frame(
        {"start_ms": a, "end_ms": b, "speaker": who, "exclusive": True, "regular": True}
        for a, b, who in rows
    )


def words(*texts: str) -> pl.DataFrame:
    return WORDS.frame(
        {
            "word_id": n,
            "start_ms": 100 * n,
            "end_ms": 100 * n + 80,
            "speaker": "A",
            "text": text,
            "timing": "aligned",
        }
        for n, text in enumerate(texts)
    )


def test_a_diarizer_returns_its_spans_in_order() -> None:
    engine = ScriptedDiarizer(spans((500, 900, "B"), (0, 400, "A")), margin=0.5)
    found = engine.diarize(None, ACTIVITY.empty(), RECORDING)
    assert found.spans["speaker"].to_list() == ["A", "B"]
    assert (found.margin, found.knows_overlap) == (0.5, True)


def test_a_transcriber_returns_its_words_and_language() -> None:
    engine = ScriptedTranscriber(words("Ja", "genau"), language="de", dropped_words=3)
    heard = engine.transcribe(None, pl.DataFrame(), None)
    assert heard.words["text"].to_list() == ["Ja", "genau"]
    assert (heard.language, heard.dropped_words) == ("de", 3)
    assert engine.languages() == {"de"}


def test_other_content_is_another_identity() -> None:
    diarizers = [
        ScriptedDiarizer(spans((0, 400, "A"))),
        ScriptedDiarizer(spans((0, 400, "B"))),
        ScriptedDiarizer(spans((0, 400, "A")), margin=0.1),
        ScriptedDiarizer(spans((0, 400, "A")), knows_overlap=False),
    ]
    assert len({engine.identity()["digest"] for engine in diarizers}) == 4
    same = ScriptedDiarizer(spans((0, 400, "A")))
    assert same.identity() == diarizers[0].identity()
    assert ScriptedTranscriber(words("a")).identity() != ScriptedTranscriber(words("b")).identity()
    assert ScriptedDetector([(0, 1)]).identity() != ScriptedDetector([(0, 2)]).identity()


def test_a_detector_says_one_in_speech_and_zero_outside() -> None:
    detector = ScriptedDetector([(64, 128)], block_ms=32)
    found = detector.probabilities(np.zeros(16 * 200, dtype=np.float32))
    assert found.tolist() == [0, 0, 1, 1, 0, 0, 0]
    assert found.dtype == np.float32
