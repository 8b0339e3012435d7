"""Imported speakers and words, alone, beside audio, and beside another diarizer."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import config
from pipeline.audio.samples import Audio
from pipeline.core.errors import EngineError, InputError
from pipeline.core.tables import ACTIVITY, SPANS, WORDS, Metadata, Recording
from pipeline.engines.imported import ImportedDiarizer, ImportedTranscriber
from pipeline.formats.attachment import Attachment

RTTM = b"""SPEAKER f 1 0.0 2.0 <NA> <NA> A <NA> <NA>
SPEAKER f 1 2.0 1.0 <NA> <NA> A <NA> <NA>
SPEAKER f 1 2.5 2.5 <NA> <NA> B <NA> <NA>
SPEAKER f 1 6.0 1.0 <NA> <NA> A <NA> <NA>
"""
NAMED = b"""WEBVTT

00:00.000 --> 00:03.000
<v Ann>one two three

00:02.400 --> 00:05.000
<v Bob>four five

00:06.000 --> 00:07.000
<v Ann>six
"""
PLAIN = NAMED.replace(b"<v Ann>", b"").replace(b"<v Bob>", b"")


@pytest.fixture(scope="module")
def settings() -> config.Settings:
    return config.load()


def recording(duration_ms: int = 10_000) -> Recording:
    return Recording("0" * 64, duration_ms, 16_000, 1, Metadata())


def audio(duration_ms: int) -> Audio:
    return Audio([np.zeros(duration_ms * 16, dtype=np.float32)])


def regions(settings: config.Settings) -> pl.DataFrame:
    spans = ImportedDiarizer(settings, [Attachment(".rttm", RTTM)])
    found = spans.diarize(None, ACTIVITY.empty(), recording()).spans
    return found.select("start_ms", "end_ms", "speaker", "channel")


def said(settings: config.Settings, content: bytes, where: pl.DataFrame) -> list[tuple[str, str]]:
    engine = ImportedTranscriber(settings, [Attachment(".vtt", content)])
    words = engine.transcribe(None, where, None).words
    assert WORDS.conform(words).equals(words)
    assert words["word_id"].to_list() == list(range(words.height))
    return words.select("speaker", "text").rows()


def test_spans_join_where_a_speaker_goes_on_and_keep_overlap(settings: config.Settings) -> None:
    engine = ImportedDiarizer(settings, [Attachment(".rttm", RTTM)])
    found = engine.diarize(audio(6500), ACTIVITY.empty(), recording(6500))
    assert SPANS.conform(found.spans).equals(found.spans)
    assert found.spans.select("start_ms", "end_ms", "speaker").rows() == [
        (0, 3000, "A"),
        (2500, 5000, "B"),
        (6000, 6500, "A"),  # cut off at the end of the recording
    ]
    assert found.knows_overlap
    assert found.spans["channel"].null_count() == 3


CUT = "Lines that go on after the end of the recording, cut off there: {}."
LEFT_OUT = "Lines that start after the end of the recording, left out: {}."


def lines_of(*times: tuple[float, float]) -> bytes:
    """A diarization with a line at each of some times, of two speakers in turn."""
    pattern = "SPEAKER f 1 {} {} <NA> <NA> {} <NA> <NA>\n"
    told = (pattern.format(a, b - a, "AB"[k % 2]) for k, (a, b) in enumerate(times))
    return "".join(told).encode()


@pytest.mark.parametrize(
    ("ends_ms", "last_ms", "repairs"),
    [
        (7000, 7000, ()),
        (6400, 6400, (CUT.format(1),)),
        (6000, 5000, (LEFT_OUT.format(1),)),  # it starts where the recording ends
        (4000, 4000, (LEFT_OUT.format(1), CUT.format(1))),
    ],
)
def test_a_line_at_the_end_is_cut_off_and_one_after_it_left_out(
    settings: config.Settings, ends_ms: int, last_ms: int, repairs: tuple[str, ...]
) -> None:
    engine = ImportedDiarizer(settings, [Attachment(".rttm", RTTM)])
    found = engine.diarize(audio(ends_ms), ACTIVITY.empty(), recording(ends_ms))
    assert found.spans["end_ms"].max() == last_ms
    assert found.repairs == repairs


@pytest.mark.parametrize(
    ("within", "after", "fits"),
    [(2, 1, True), (1, 1, True), (2, 2, True), (1, 2, False), (26, 3, False), (27, 3, True)],
)
def test_a_file_that_goes_on_long_after_the_end_belongs_to_another_recording(
    settings: config.Settings, within: int, after: int, *, fits: bool
) -> None:
    text = lines_of(*[(at, at + 1) for at in range(within + after)])
    engine = ImportedDiarizer(settings, [Attachment(".rttm", text)])
    ends_ms = within * 1000
    if fits:
        found = engine.diarize(audio(ends_ms), ACTIVITY.empty(), recording(ends_ms))
        assert found.spans.height == within
        assert found.repairs == (LEFT_OUT.format(after),)
    else:
        with pytest.raises(InputError, match=f"{after} of {within + after} imported lines start"):
            engine.diarize(audio(ends_ms), ACTIVITY.empty(), recording(ends_ms))


def test_words_of_a_line_that_is_cut_off_stay(settings: config.Settings) -> None:
    engine = ImportedTranscriber(settings, [Attachment(".vtt", NAMED)])
    found = engine.transcribe(audio(4000), SPANS.empty(), None)
    assert found.words.select("start_ms", "end_ms", "text").rows()[3:] == [
        (2400, 3200, "four"),
        (3200, 4000, "five"),
    ]
    assert found.repairs == (LEFT_OUT.format(1), CUT.format(1))
    with pytest.raises(InputError, match="2 of 3 imported lines start"):
        engine.transcribe(audio(2000), SPANS.empty(), None)


def test_words_that_the_file_times_after_the_end_are_placed_before_it(
    settings: config.Settings,
) -> None:
    times = {"so": (1.0, 1.4), "I": (1.5, 1.6), "went": (2.2, 2.4), "home.": (2.5, 2.9)}
    words = [{"word": text, "start": a, "end": b} for text, (a, b) in times.items()]
    root = {"segments": [{"start": 1, "end": 3, "text": "so I went home.", "words": words}]}
    engine = ImportedTranscriber(settings, [Attachment(".json", json.dumps(root).encode())])
    found = engine.transcribe(audio(2050), SPANS.empty(), None).words
    assert WORDS.conform(found).equals(found)
    assert found.select("start_ms", "end_ms", "text", "timing").rows() == [
        (1000, 1400, "so", "aligned"),
        (1500, 1600, "I", "aligned"),
        (1600, 1800, "went", "interpolated"),
        (1800, 2050, "home.", "interpolated"),
    ]


@given(st.integers(1, 3100))
def test_nothing_lies_after_the_end(ends_ms: int) -> None:
    times = {"so": (1.0, 1.4), "I": (1.5, 2.6), "went": (2.2, 2.4), "home.": (2.5, 2.9)}
    words = [{"word": text, "start": a, "end": b} for text, (a, b) in times.items()]
    root = {"segments": [{"start": 0, "end": 3, "text": "so I went home.", "words": words}]}
    files = [Attachment(".json", json.dumps(root).encode())]
    found = ImportedTranscriber(config.load(), files).transcribe(
        audio(ends_ms), SPANS.empty(), None
    )
    assert found.words["text"].to_list() == ["so", "I", "went", "home."]
    assert WORDS.conform(found.words).equals(found.words)
    assert found.words.filter(pl.col("end_ms") > ends_ms).is_empty()


def test_a_transcript_alone_says_who_spoke_too(settings: config.Settings) -> None:
    engine = ImportedDiarizer(settings, [Attachment(".vtt", NAMED)])
    found = engine.diarize(None, ACTIVITY.empty(), recording(1)).spans
    assert found.select("start_ms", "end_ms", "speaker").rows() == [
        (0, 3000, "Ann"),
        (2400, 5000, "Bob"),
        (6000, 7000, "Ann"),
    ]
    assert [who for who, _ in said(settings, NAMED, found)] == ["Ann"] * 3 + ["Bob"] * 2 + ["Ann"]
    one = ImportedDiarizer(settings, [Attachment(".vtt", PLAIN)])
    alone = one.diarize(None, ACTIVITY.empty(), recording(1))
    assert alone.spans["speaker"].unique().to_list() == ["speaker 1"]
    assert not alone.knows_overlap


def test_words_without_speakers_take_the_region_they_overlap_most(
    settings: config.Settings,
) -> None:
    assert said(settings, PLAIN, regions(settings)) == [
        ("A", "one"), ("A", "two"), ("A", "three"), ("B", "four"), ("B", "five"), ("A", "six"),
    ]  # fmt: skip
    # 'three' (1.8-3.0 s) lies in no region of B's: the nearest one has it
    later = regions(settings).filter(pl.col("speaker") == "B")
    assert {who for who, _ in said(settings, PLAIN, later)} == {"B"}
    assert {who for who, _ in said(settings, PLAIN, SPANS.empty())} == {"speaker 1"}


def test_names_become_the_labels_of_another_diarizer(settings: config.Settings) -> None:
    # 'four' of Bob begins while A still speaks: the name decides, not the overlap
    assert said(settings, NAMED, regions(settings)) == [
        ("A", "one"), ("A", "two"), ("A", "three"), ("B", "four"), ("B", "five"), ("A", "six"),
    ]  # fmt: skip
    swapped = regions(settings).with_columns(pl.col("speaker").replace({"A": "B", "B": "A"}))
    assert [who for who, _ in said(settings, NAMED, swapped)] == ["B"] * 3 + ["A"] * 2 + ["B"]
    only = regions(settings).with_columns(speaker=pl.lit("A"))
    assert {who for who, _ in said(settings, NAMED, only)} == {"A"}


def test_identity_is_of_the_bytes(settings: config.Settings) -> None:
    first = ImportedTranscriber(settings, [Attachment(".vtt", NAMED)])
    second = ImportedTranscriber(settings, [Attachment(".vtt", PLAIN)])
    assert first.identity() != second.identity()
    assert set(first.identity()) == {"reading", "files"}
    assert first.languages() is None


def test_without_a_usable_file_the_engine_says_what_to_write(settings: config.Settings) -> None:
    for engine in (ImportedDiarizer, ImportedTranscriber):
        with pytest.raises(EngineError, match="FILE' to the session notes file"):
            engine(settings, []).identity()
    with pytest.raises(EngineError, match="holds no words"):
        ImportedTranscriber(settings, [Attachment(".rttm", RTTM)]).identity()


def test_everyday_talk_words_find_the_speakers_of_the_rttm(
    shared_data: Path, settings: config.Settings
) -> None:
    """The RTTM and the STM of a conversation come from the same hand: labels must come back."""
    agreed = total = 0
    for path in sorted((shared_data / "everyday_talk").glob("*.stm")):
        turns = Attachment(".rttm", path.with_suffix(".rttm").read_bytes())
        spans = ImportedDiarizer(settings, [turns]).diarize(
            None, ACTIVITY.empty(), recording(10_000_000)
        )
        truth = ImportedTranscriber(settings, [Attachment(".stm", path.read_bytes())])
        words = truth.content.words
        renamed = path.read_text(encoding="utf-8").replace(" 00", " x00").encode()
        found = ImportedTranscriber(settings, [Attachment(".stm", renamed)]).transcribe(
            None, spans.spans, None
        )
        agreed += words.filter(found.words["speaker"] == words["speaker"]).height
        total += words.height
    assert total > 30_000
    assert agreed / total > 0.99
