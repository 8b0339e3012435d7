import json
from typing import Any

import pytest

from pipeline.errors import InputError
from pipeline.formats import whisper_json


def read(root: Any) -> whisper_json.Aligned:
    return whisper_json.read(json.dumps(root).encode())


def test_whisperx_speakers_within_a_segment_and_words_without_times() -> None:
    words = [
        {"word": "Hm,", "start": 1.0, "end": 1.5, "score": 0.8, "speaker": "A"},
        {"word": "in"},
        {"word": "1999.", "start": float("nan"), "end": float("nan"), "score": float("nan")},
        {"word": "No.", "start": 2.5, "end": 2.9, "score": 1.7, "speaker": "B"},
    ]
    segment = {"start": 1.0, "end": 3.0, "text": " Hm, in 1999. No.", "speaker": "A"}
    found = read({"language": "en", "segments": [segment | {"words": words}]})
    assert found.language == "en"
    assert found.cues.rows() == [(1000, 2500, "A", "Hm, in 1999."), (2500, 2900, "B", "No.")]
    assert found.words.drop("confidence").rows() == [
        (1000, 1500, 0, "Hm,", "aligned"),
        (1500, 1785, 0, "in", "interpolated"),
        (1785, 2500, 0, "1999.", "interpolated"),
        (2500, 2900, 1, "No.", "aligned"),
    ]
    assert found.words["confidence"].to_list() == pytest.approx([0.8, None, None, None])


def test_faster_whisper_list_of_segments() -> None:
    words = [{"word": " Yes.", "start": 0.5, "end": 0.9, "probability": 0.25}]
    found = read([{"id": 1, "start": 0.5, "end": 1.0, "text": " Yes.", "words": words}])
    assert found.words.rows() == [(500, 900, 0, "Yes.", 0.25, "aligned")]
    assert found.language is None


def test_openai_words_beside_segments_take_their_punctuation() -> None:
    root = {
        "language": "english",
        "segments": [
            {"start": 1, "end": 3, "text": " Hm, yes."},
            {"start": 3, "end": 4, "text": "No [sighs] ."},
        ],
        "words": [
            {"word": "Hm", "start": 1.0, "end": 1.5},
            {"word": "yes", "start": 2.0, "end": 2.5},
            {"word": "no", "start": 3.0, "end": 4.0},
        ],
    }
    found = read(root)
    assert found.language == "en"
    assert found.words["text"].to_list() == ["Hm,", "yes.", "No."]
    assert found.words["timing"].unique().to_list() == ["aligned"]
    root["words"] = root["words"][:2]
    assert read(root).words["text"].to_list() == ["Hm", "yes", "No."]


def test_words_alone_and_segments_alone() -> None:
    word = {"word": "hi", "start": 0.1, "end": 0.4}
    assert read({"words": [word]}).cues.rows() == [(100, 400, None, "hi")]
    found = read({"segments": [{"start": 0, "end": 1, "text": "ab cdef"}]})
    assert found.words.select("start_ms", "end_ms", "timing").rows() == [
        (0, 333, "interpolated"),
        (333, 1000, "interpolated"),
    ]


def test_a_segment_without_times_takes_those_of_its_words() -> None:
    words = [{"word": "hi", "start": 0.1, "end": 0.4}]
    assert read({"segments": [{"text": "hi", "words": words}]}).cues.rows() == [
        (100, 400, None, "hi")
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{\n'a'", "line 2: no JSON"),
        ("[" * 100_000, "nested too deep"),
        ("{}", "neither segments nor words"),
        ('"x"', "neither segments nor words"),
        ('{"segments": 5}', "no list of objects"),
        ('{"segments": [{"text": "x"}]}', "segment 1: no start and end"),
        ('{"segments": [{"start": "1", "end": 2}]}', "segment 1: a start or end"),
        ('{"segments": [{"start": 3, "end": 2}]}', "segment 1: ends 1000 ms before"),
        (
            '{"segments": [{"start": 3, "end": 4, "words": [{"start": -1, "end": 2}]}]}',
            "segment 1, word 1: a start or end",
        ),
    ],
)
def test_problems(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        whisper_json.read(text)
