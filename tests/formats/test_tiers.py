"""Tiers of Praat and ELAN as a transcript: whose they are, and which are no speech."""

import polars as pl
import pytest
from test_eaf import aligned, elan, refers, tier

from pipeline.core.errors import InputError
from pipeline.formats import transcript
from pipeline.formats.annotation import textgrid
from pipeline.formats.annotation.textgrid import INTERVALS, Tier
from pipeline.formats.attachment import Attachment
from pipeline.formats.transcript import Transcript

Rows = list[tuple[int, int, str]]
HELLO: Rows = [(0, 400, "hello"), (400, 900, "there"), (900, 1000, "sp"), (2000, 2500, "yes")]


def load(*tiers: tuple[str, Rows]) -> Transcript:
    grid = [
        Tier(name, pl.DataFrame(rows, schema=INTERVALS.empty().schema, orient="row"))
        for name, rows in tiers
    ]
    return transcript.load([Attachment(".TextGrid", textgrid.write(grid).encode())])


def of_elan(data: bytes) -> Transcript:
    return transcript.load([Attachment(".eaf", data)])


def lines(content: Transcript) -> list[tuple[object, ...]]:
    return content.lines.select("start_ms", "end_ms", "speaker", "text").rows()


def words(content: Transcript) -> list[tuple[object, ...]]:
    return content.words.select("start_ms", "end_ms", "speaker", "text", "timing").rows()


@pytest.mark.parametrize("names", [("words", "phones"), ("word", "phoneme"), ("ORT-MAU", "MAU")])
def test_an_aligners_tiers_are_one_speakers_words(names: tuple[str, str]) -> None:
    content = load((names[0], HELLO), (names[1], [(0, 400, "HH"), (400, 900, "DH")]))
    assert lines(content) == [(0, 900, None, "hello there"), (2000, 2500, None, "yes")]
    assert words(content) == [
        (0, 400, None, "hello", "aligned"),
        (400, 900, None, "there", "aligned"),
        (2000, 2500, None, "yes", "aligned"),
    ]
    assert content.repairs == ("Tiers of single sounds, which are nobody's words, skipped: 1.",)
    assert not content.keeps_overlap


def test_tiers_named_after_speakers_and_what_they_hold() -> None:
    content = load(
        ("Ann Lee - words", [(0, 400, "well")]),
        ("Ann Lee - phones", [(0, 400, "W")]),
        ("Bo - words", [(500, 900, "no"), (900, 990, "<unk>")]),
        ("Bo - phones", [(500, 900, "N")]),
    )
    assert lines(content) == [(0, 400, "Ann Lee", "well"), (500, 990, "Bo", "no <unk>")]
    assert [row[2:] for row in words(content)] == [
        ("Ann Lee", "well", "aligned"),
        ("Bo", "no", "aligned"),
    ]
    assert content.keeps_overlap


def test_words_take_the_spelling_of_their_utterance() -> None:
    content = load(
        ("Ann", [(0, 1000, "Hello, there!"), (3000, 4000, "I've no idea.")]),
        ("words", [*HELLO, (3000, 3400, "i've"), (3400, 4000, "no")]),
    )
    assert lines(content) == [
        (0, 1000, "Ann", "Hello, there!"),
        (2000, 2500, "Ann", "yes"),  # the utterances lack it
        (3000, 4000, "Ann", "I've no idea."),
    ]
    assert [row[3:] for row in words(content)] == [
        ("Hello,", "aligned"),
        ("there!", "aligned"),
        ("yes", "aligned"),
        ("i've", "aligned"),
        ("no", "aligned"),
    ]


def test_pauses_are_no_speech_whatever_they_are_called() -> None:
    marks = ["sil", "SP", "<p:>", "Silence", "{SL}", "#"]
    rows = [(number * 100, number * 100 + 100, mark) for number, mark in enumerate(marks)]
    content = load(("Ann", [*rows, (900, 1000, "Silence is golden.")]), ("Bo", rows))
    assert lines(content) == [(900, 1000, "Ann", "Silence is golden.")]
    with pytest.raises(InputError, match="a TextGrid that holds no words"):
        load(("phones", [(0, 9, "a")]))


def test_words_of_nobody_beside_two_speakers_are_passed_over() -> None:
    content = load(("Ann", [(0, 9, "a")]), ("Bo", [(9, 20, "b")]), ("words", [(0, 9, "a")]))
    assert [row[2] for row in lines(content)] == ["Ann", "Bo"]
    assert content.repairs == ("Tiers of words without a speaker, skipped: 1.",)


SLOTS = [(f"t{n}", n * 1000) for n in range(6)]


def test_an_elan_file_is_a_transcript() -> None:
    talk = tier("T-utt", aligned("a", "t0", "t2", "How are you?"), participant="Dr Roe")
    reply = tier("C-utt", aligned("b", "t2", "t4", "Fine."), participant="Kit")
    content = of_elan(
        elan(
            [SLOTS[0], ("u", None), *SLOTS[1:]],
            talk,
            reply,
            tier("C-hands", aligned("c", "t1", "t2", "up"), participant="Kit"),
            tier("T-fr", refers("d", "a", "Comment allez-vous ?"), parent_ref="T-utt"),
            tier("C-words", aligned("e", "t2", "t3", "fine"), parent_ref="C-utt"),
            tier("T-words", aligned("f", "t0", "u", "how"), parent_ref="T-utt"),
            tier("notes", aligned("g", "t0", "t5", "cold room")),
            tier("ruptures", aligned("h", "t2", "t4", "W2")),
        )
    )
    assert lines(content) == [
        (0, 2000, "Dr Roe", "How are you?"),
        (2000, 4000, "Kit", "Fine."),
    ]
    assert words(content)[-1] == (2000, 3000, "Kit", "Fine.", "aligned")
    assert words(content)[0][3:] == ("How", "interpolated")
    assert content.repairs == (
        "Tiers of codes, which are no speech, skipped: 1.",
        "Tiers without a participant, skipped: 1.",
        "Further tiers of a participant, skipped: 1.",
        "Tiers that describe another tier, skipped: 2.",
    )


def test_tiers_without_participants_are_speakers_by_name() -> None:
    tiers = [tier(name, aligned(name, "t0", "u", "Yes.")) for name in ("C1", "T", "T")]
    content = of_elan(elan([("t0", 0), ("u", None), ("t1", 1000)], *tiers))
    assert [row[2] for row in lines(content)] == ["C1", "T", "T 2"]
    assert content.duration_ms == 500
    assert content.repairs == ("Annotations placed between their neighbours in time: 3.",)


def test_a_file_of_codes_alone_is_read_and_said_to_be_one() -> None:
    content = of_elan(elan(SLOTS, tier("ruptures", aligned("a", "t0", "t1", "W2"))))
    assert lines(content) == [(0, 1000, "ruptures", "W2")]
    assert content.repairs == ("Tiers of codes, read as speech for there is no other tier: 1.",)
    with pytest.raises(InputError, match="an ELAN file without speech"):
        of_elan(elan(SLOTS, tier("x", aligned("a", "t0", "t1", " "))))
