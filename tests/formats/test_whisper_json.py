import json
from typing import Any

import pytest

from pipeline.core.errors import InputError
from pipeline.formats import whisper_json
from pipeline.formats.repairs import Repairs


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
    found = read(root)
    assert found.words["text"].to_list() == ["Hm,", "yes.", "No."]
    assert found.words["timing"].to_list() == ["aligned", "aligned", "interpolated"]


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


def mended(root: Any) -> tuple[whisper_json.Aligned, dict[str, int]]:
    repairs = Repairs()
    found = whisper_json.read(json.dumps(root), repairs)
    return found, {what: count for what, count in repairs.items() if count}


BETWEEN = "Segments without usable times, placed between their neighbours"
WORDS = "Words without usable times, placed between their neighbours"


def segments(*odd: dict[str, Any]) -> dict[str, Any]:
    """Some segments between two that nothing ails."""
    whole = {"start": 10, "end": 12, "text": "It rained."}, {"start": 20, "end": 22, "text": "Yes."}
    return {"segments": [whole[0], *odd, whole[1]]}


@pytest.mark.parametrize(
    ("odd", "times"),
    [
        ({"start": 18, "end": 15}, (15_000, 18_000)),  # one is the other
        ({"start": 18, "end": 2}, (12_000, 18_000)),
        ({"start": 25, "end": 21}, (12_000, 12_720)),  # both lie beyond the neighbour
        ({"start": 15, "end": 15}, (15_000, 15_720)),  # 60 ms a character
        ({"start": 15, "end": None}, (15_000, 15_720)),
        ({"start": 15}, (15_000, 15_720)),
        ({"start": "NaN", "end": 15}, (14_280, 15_000)),
        ({"start": -4, "end": 15}, (14_280, 15_000)),
        ({"start": None, "end": "null"}, (12_000, 12_720)),
        ({"start": True, "end": [1]}, (12_000, 12_720)),
        ({"start": 1e300, "end": 1e308}, (12_000, 12_720)),
        ({"start": 19.9, "end": None}, (19_900, 20_000)),
    ],
)
def test_a_segment_without_usable_times_lies_between_its_neighbours(
    odd: dict[str, Any], times: tuple[int, int]
) -> None:
    found, said = mended(segments({"text": "We saw rain."} | odd))
    assert found.cues.rows()[1] == (*times, None, "We saw rain.")
    assert found.words["text"].to_list()[2:5] == ["We", "saw", "rain."]
    assert found.words["start_ms"].is_sorted()
    assert said == {BETWEEN: 1}
    assert found.ends_estimated  # one of three


def test_several_segments_without_times_share_the_gap_by_characters() -> None:
    found, said = mended(segments({"text": "a" * 100}, {"text": "b" * 300}) | {"words": []})
    assert [row[:2] for row in found.cues.rows()[1:3]] == [(12_000, 14_000), (14_000, 20_000)]
    assert said == {BETWEEN: 2}


def test_few_placed_segments_leave_the_timing_of_the_others() -> None:
    root = [{"start": at, "end": at + 1, "text": "I see."} for at in range(9)]
    found, said = mended([*root, {"start": 9.5, "end": 9.2, "text": "No."}])
    assert said == {BETWEEN: 1}
    assert not found.ends_estimated


@pytest.mark.parametrize(
    "times",
    [
        {"start": 3.3, "end": 3.2},  # ends before it starts
        {"start": None, "end": None},
        {"start": "nan", "end": 4},
        {},
        {"start": -1, "end": 4},
        {"start": 60, "end": 61},  # outside its segment
        {"start": 0, "end": 0.1},
        {"start": 4.8, "end": 4.9},  # after the words that follow
    ],
)
def test_a_word_without_usable_times_lies_between_its_neighbours(times: dict[str, Any]) -> None:
    words = [
        {"word": "How", "start": 2.0, "end": 3.0},
        {"word": "was"} | times,
        {"word": "that", "start": 4.0, "end": 4.5},
        {"word": "then?", "start": 4.5, "end": 5.0},
    ]
    root = {"segments": [{"start": 2, "end": 5, "text": "How was that then?", "words": words}]}
    found, said = mended(root)
    assert found.words.select("start_ms", "end_ms", "text", "timing").rows() == [
        (2000, 3000, "How", "aligned"),
        (3000, 4000, "was", "interpolated"),
        (4000, 4500, "that", "aligned"),
        (4500, 5000, "then?", "aligned"),
    ]
    assert said == {WORDS: 1}


def test_words_that_overlap_or_lie_a_little_outside_keep_their_times() -> None:
    words = [
        {"word": "How", "start": 1.8, "end": 3.2},
        {"word": "so?", "start": 3.0, "end": 5.2},
    ]
    root = {"segments": [{"start": 2, "end": 5, "text": "How so?", "words": words}]}
    found, said = mended(root)
    assert found.words.select("start_ms", "end_ms").rows() == [(1800, 3200), (3000, 5200)]
    assert not said


def test_words_are_taken_before_a_text_that_says_something_else() -> None:
    words = [{"word": "in", "start": 1, "end": 1.5}, {"word": "June", "start": 1.5, "end": 2}]
    root = {"segments": [{"start": 1, "end": 2, "text": "In July.", "words": words}]}
    found, said = mended(root)
    assert found.words["text"].to_list() == ["in", "June"]
    assert said == {"Segments whose text differs from their words, read by their words": 1}
    root["segments"][0]["text"] = "In June?"
    found, said = mended(root)
    assert found.words["text"].to_list() == ["In", "June?"]  # a question is told by its mark
    assert not said


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (0, "0"), (7, "7"), (1.0, "1"), ("1", "1"), (" Dr  Lund ", "Dr Lund"),
        (10**30, "1" + "0" * 30), (None, None), ("", None), ("?", None), (float("nan"), None),
    ],
)  # fmt: skip
def test_speakers_may_be_numbers(value: object, label: str | None) -> None:
    for key in ("speaker", "speaker_id"):
        segment = {"start": 0, "end": 1, "text": "Well.", key: value}
        assert read([segment]).cues["speaker"].to_list() == [label]
        word = {"word": "Well.", "start": 0, "end": 1, key: value}
        assert read([segment | {key: None, "words": [word]}]).cues["speaker"].to_list() == [label]


@pytest.mark.parametrize("value", [True, False, 0.5, [1], {"id": 1}])
def test_what_is_no_name_is_no_speaker(value: object) -> None:
    with pytest.raises(InputError, match=r"segment 1: a speaker that is no name") as caught:
        read([{"start": 0, "end": 1, "text": "Well.", "speaker": value}])
    assert "Well" not in str(caught.value)


def test_a_word_without_speaker_goes_with_the_words_around_it() -> None:
    named = [("so", "B"), ("1987", None), ("then", "B"), ("yes", "A")]
    words = [
        {"word": text, "start": at, "end": at + 1} | ({"speaker": who} if who else {})
        for at, (text, who) in enumerate(named)
    ]
    segment = {"start": 0, "end": 4, "text": "so 1987 then yes", "speaker": "A", "words": words}
    assert read([segment]).cues.select("speaker", "text").rows() == [
        ("B", "so 1987 then"),
        ("A", "yes"),
    ]
    del segment["speaker"]
    assert read([segment]).cues["speaker"].to_list() == ["B", "A"]


def test_whisper_cpp() -> None:
    root = {
        "model": {"type": "base"},
        "result": {"language": "en"},
        "transcription": [
            {
                "timestamps": {"from": "00:00:00,500", "to": "00:00:02,000"},
                "offsets": {"from": 500, "to": 2000},
                "text": " How is it?",
                "speaker": "0",
                "tokens": [{"text": "[_BEG_]"}],
            },
            {"offsets": {"from": 2100, "to": 2900}, "text": " Well enough.", "speaker": "?"},
            {"timestamps": {"from": "00:01:03,500", "to": "00:01:04,000"}, "text": "Is it?"},
        ],
    }
    found = read(root)
    assert found.language == "en"
    assert found.cues.rows() == [
        (500, 2000, "0", "How is it?"),
        (2100, 2900, None, "Well enough."),
        (63_500, 64_000, None, "Is it?"),
    ]


def test_hugging_face_chunks_with_an_open_end() -> None:
    chunks: list[dict[str, Any]] = [
        {"timestamp": [0.0, 1.5], "text": " How is it?"},
        {"timestamp": [2.0, None], "text": " Well enough."},
    ]
    found, said = mended({"text": "How is it? Well enough.", "chunks": chunks})
    assert found.cues.rows()[1] == (2000, 2720, None, "Well enough.")
    assert said == {BETWEEN: 1}
    speakers = [{**chunk, "speaker": f"SPEAKER_0{k}"} for k, chunk in enumerate(chunks)]
    assert read({"speakers": speakers, "chunks": chunks}).cues["speaker"][1] == "SPEAKER_01"


def test_words_alone_keep_those_without_times() -> None:
    first, last = {"word": "in", "start": 1, "end": 2}, {"word": "yes", "start": 3, "end": 4}
    words = [first, {"word": "1987"}, last]
    assert read({"words": words}).words["text"].to_list() == ["in", "1987", "yes"]


UNKNOWN = "a file of no known format: JSON without segments or words"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{\n'a'", "line 2: no JSON"),
        ("[" * 100_000, "nested too deep"),
        ("{}", UNKNOWN),
        ("[]", UNKNOWN),
        ('"x"', UNKNOWN),
        ('{"results": {"utterances": [{"start": 0, "end": 1, "transcript": "x"}]}}', UNKNOWN),
        ('{"monologues": [{"speaker": 0, "elements": []}]}', UNKNOWN),
        ('{"segments": 5}', "no list of objects"),
        ('{"segments": [5]}', "no list of objects"),
        ('{"segments": [{"start": 0, "end": 1, "words": "x"}]}', "segment 1: 'words' is no list"),
        ('{"segments": [{"text": "x"}]}', "1 of 1 segments have no usable start and end"),
        ('{"segments": [{"startTime": 0, "endTime": 2, "body": "x"}]}', "1 of 1 segments"),
        ('{"words": [{"text": "one", "start": 250, "end": 650}]}', "another unit than seconds"),
    ],
)
def test_problems(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        whisper_json.read(text)


def test_more_than_half_of_the_segments_must_have_times() -> None:
    good = {"start": 0, "end": 1, "text": "Well."}
    assert read([good, {"text": "So."}]).cues.height == 2
    with pytest.raises(InputError, match="2 of 3 segments"):
        read([good, {"text": "So."}, {"text": "No."}])
