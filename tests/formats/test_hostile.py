"""Files of other tools made to be hard: refused in plain words, or read in linear time."""

import json
import time

import pytest

from pipeline.core.errors import InputError
from pipeline.formats import whisper_json
from pipeline.formats.tables import transcript_csv


@pytest.mark.parametrize("start", ["9" * 4400, "9" * 21, "-" + "9" * 4400, "9" * 4400 + ".0"])
def test_a_csv_time_of_thousands_of_digits_is_told_with_its_line(start: str) -> None:
    with pytest.raises(
        InputError, match=r"^not usable as a transcript table:\nline 3: no start_ms"
    ):
        transcript_csv.read(f"role,start_ms,text\nclient,1,a\nclient,{start},b\n")


def test_leading_zeros_of_a_csv_time_are_fine() -> None:
    frame = transcript_csv.read("role,start_ms,text\nclient,0000000000001500.0,a\n")
    assert frame["start_ms"].to_list() == [1500]


@pytest.mark.parametrize("half", [r"\ud800", r"\udc00", r"\uDBFF x", r"a\ud83d\ud83d\ude00"])
@pytest.mark.parametrize("key", ["text", "speaker", "other"])
def test_half_of_a_character_is_refused(half: str, key: str) -> None:
    segment = f'{{"start": 0, "end": 1, "text": "a", "{key}": "{half}"}}'
    with pytest.raises(InputError, match="half of a character"):
        whisper_json.read(f'{{"segments": [{segment}]}}')


def test_both_halves_of_a_character_are_one() -> None:
    segment = r'{"start": 0, "end": 1, "text": "a \ud83d\ude00 \\ud800"}'
    read = whisper_json.read(f'{{"segments": [{segment}]}}')
    assert read.cues["text"].to_list() == ["a \U0001f600 \\ud800"]


@pytest.mark.parametrize("number", ["1" + "0" * 400, "9" * 4400, "1e999999999", "-1e400", "NaN"])
def test_no_number_of_a_json_transcript_ends_the_program(number: str) -> None:
    with pytest.raises(InputError, match=r"not usable as a|no usable start"):
        whisper_json.read(f'{{"segments": [{{"start": 0, "end": {number}, "text": 1}}]}}')


def test_words_beside_segments_are_placed_at_once() -> None:
    """With every word held against every segment, these took half a minute."""
    times = [{"start": k, "end": k + 1} for k in range(20_000)]
    segments = [{**each, "text": "a b"} for each in times]
    words = [{**each, "word": "a"} for each in times]
    text = json.dumps({"segments": segments, "words": words})
    began = time.process_time()
    assert whisper_json.read(text).words.height == len(words)
    assert time.process_time() - began < 10
