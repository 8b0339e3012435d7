"""Units, and the words that belong to each."""

import polars as pl
from talk_scenes import SETTINGS, brief, build, say, tables_of, word_rows

from pipeline.speech import turns


def test_only_the_regular_view_makes_timing() -> None:
    tables = tables_of([say("A", 1, 2, "one"), say("B", 3, 4, "two")], 10_000)
    tables["spans"] = tables["spans"].with_columns(regular=pl.col("speaker") == "A")
    tables["words"] = tables["words"].filter(pl.col("speaker") == "A")
    assert turns.build(tables, SETTINGS, None)["turns"]["speaker"].to_list() == ["A"]


def test_words_of_a_speaker_without_speech_make_turns_of_their_own() -> None:
    unheard = word_rows([say("B", 4, 5, "nobody heard me"), say("B", 8, 8.5, "again")])
    got = build(say("A", 1, 2, "hello there"), say("A", 9, 10, "so"), words=unheard)
    assert brief(got["turns"], "speaker", "start_ms", "text") == [
        ("A", 1000, "hello there"),
        ("B", 4000, "nobody heard me"),
        ("B", 8000, "again"),
        ("A", 9000, "so"),
    ]
    silences = brief(got["silences"], "start_ms", "end_ms", "missed_speech_risk")
    assert silences == [(0, 1000, False), (2000, 9000, True), (10_000, 60_000, False)]


def test_a_word_measured_far_from_its_speakers_speech() -> None:
    far = word_rows([say("A", 20, 20.5, "far")])
    near = word_rows([say("A", 3, 3.4, "near")])
    guessed = [{**row, "timing": "interpolated"} for row in far]
    speech = say("A", 1, 2, "hello")
    got = build(speech, words=[*near, *far])
    assert got["turns"]["text"].to_list() == ["hello near", "far"]
    assert got["silences"]["missed_speech_risk"].to_list() == [False, True]
    got = build(speech, words=[*near, *guessed])
    assert got["turns"]["text"].to_list() == ["hello near far"]
    assert not got["silences"]["missed_speech_risk"].any()


def test_units_are_joined_over_what_is_no_pause() -> None:
    got = build(say("A", 1, 2, "one two"), say("A", 2.18, 3, "three"), say("A", 3.19, 4, "four"))
    assert brief(got["units"], "unit_id", "turn_id", "start_ms", "end_ms", "n_words") == [
        (0, 0, 1000, 3000, 3),
        (1, 0, 3190, 4000, 1),
    ]
