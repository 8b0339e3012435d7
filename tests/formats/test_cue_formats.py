"""WebVTT, SRT and STM: what is read, what is refused, and that writing and reading are inverse."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.formats.timed_text import cues, srt, stm, webvtt

# Text as the formats keep it: no control signs, white space as single spaces.
PLAIN = st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1, max_size=30
).map(cues.squeeze)
SPEECH = PLAIN.filter(bool)
# SubRip has no escapes: speech there holds nothing that is markup, a number line or a prefix.
WORDS = st.from_regex(r"[a-zé]{1,8}( [a-zé]{1,8}[.,?!]?){0,5}", fullmatch=True)
NAMES = st.from_regex(r"[A-Z][a-zé]{1,8}xx( [A-Z][a-z]{1,8}| [0-9]{1,2})?", fullmatch=True)


@st.composite
def frames(
    draw: st.DrawFn, speech: st.SearchStrategy[str], names: st.SearchStrategy[Any]
) -> pl.DataFrame:
    rows = []
    for _ in range(draw(st.integers(1, 8))):
        start_ms = draw(st.integers(0, 5 * 3_600_000))
        rows.append(
            {
                "start_ms": start_ms,
                "end_ms": start_ms + draw(st.integers(1, 90_000)),
                "speaker": draw(names),
                "text": draw(speech),
            }
        )
    return cues.CUES.frame(rows)


@given(frames(SPEECH, SPEECH))
def test_webvtt_written_and_read_is_the_same(frame: pl.DataFrame) -> None:
    assert webvtt.read(webvtt.write(frame).encode()).equals(frame)


@given(frames(WORDS, NAMES))
def test_srt_with_speakers_written_and_read_is_the_same(frame: pl.DataFrame) -> None:
    assert srt.read(srt.write(frame).encode()).equals(frame)


@given(frames(WORDS, st.none()))
def test_srt_without_speakers_written_and_read_is_the_same(frame: pl.DataFrame) -> None:
    assert srt.read(srt.write(frame).encode()).equals(frame)


def rows(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    return frame.rows()


def test_webvtt_blocks_voices_settings_and_short_times() -> None:
    text = """\ufeffWEBVTT - a title
Kind: captions

NOTE
not said

STYLE
::cue { color: red }

REGION
id:left

intro
00:01.000 --> 00:03.000 align:start position:10%
<v.loud Mary Ann>I <i>did</i> not&nbsp;say</v>
that &amp; this.

1:00:00.000 --> 1:00:10.000
<v A>abcd</v><v B>abcdef</v>

1:00:01.000 --> 1:00:02.000
nobody
"""
    assert rows(webvtt.read(text.replace("\n", "\r\n").encode())) == [
        # text after </v> is nobody's in the specification; it shares the cue's time
        (1000, 2040, "Mary Ann", "I did not say"),
        (2040, 3000, None, "that & this."),
        (3_600_000, 3_604_000, "A", "abcd"),
        (3_604_000, 3_610_000, "B", "abcdef"),
        (3_601_000, 3_602_000, None, "nobody"),
    ]


def test_webvtt_of_meeting_tools_has_names_in_the_text() -> None:
    text = (
        "WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\nDr. Jane Roe: Hello.\n\n"
        "2\n00:00:02.000 --> 00:00:04.000\nSam: Hi: fine.\n"
    )
    assert webvtt.read(text)["speaker"].to_list() == ["Dr. Jane Roe", "Sam"]
    assert webvtt.read(text)["text"].to_list() == ["Hello.", "Hi: fine."]


@pytest.mark.parametrize(
    ("first", "second"),
    [("Ann: ", "Bob: "), ("[Ann] ", "[Bob]: "), ("(Ann) ", "(Bob) "), ("- Ann: ", ">> Bob: ")],
)
def test_srt_prefixes(first: str, second: str) -> None:
    text = (
        f"\ufeff1\r\n00:00:01,000 --> 00:00:02,5\r\n{first}So.\r\nAnd so?\r\n\r\n"
        f"2\r\n0:00:03.250 --> 0:00:04.000\r\n{second}<i>Yes.</i>{{\\an8}}\r\n"
    )
    assert rows(srt.read(text.encode())) == [
        (1000, 2500, "Ann", "So. And so?"),
        (3250, 4000, "Bob", "Yes."),
    ]


def test_srt_names_at_changes_of_speaker_only() -> None:
    said = ["Ann: a", "b", "c", "Bob: d", "e", "f", "Ann: g", "h", "i", "Bob: j", "k", "l"]
    text = "".join(f"{n}\n00:00:{n:02},0 --> 00:00:{n:02},9\n{s}\n\n" for n, s in enumerate(said))
    assert srt.read(text)["speaker"].drop_nulls().to_list() == ["Ann", "Bob", "Ann", "Bob"]


def test_srt_a_colon_now_and_then_is_no_speaker() -> None:
    said = ["Hello", "I said: no", "[laughs] well", "go on", "mm"]
    text = "".join(f"{n}\n00:00:{n:02},0 --> 00:00:{n:02},9\n{s}\n\n" for n, s in enumerate(said))
    assert srt.read(text)["speaker"].null_count() == 5
    assert srt.read(text)["text"].to_list() == said


def test_srt_two_speakers_in_one_cue_share_its_time() -> None:
    text = "1\n00:00:00,000 --> 00:00:01,000\nA: abc\nB: abcdefg\n"
    assert rows(srt.read(text)) == [(0, 300, "A", "abc"), (300, 1000, "B", "abcdefg")]


def test_srt_a_blank_line_within_a_text_loses_nothing() -> None:
    text = "1\n00:00:00,000 --> 00:00:01,000\none\n\ntwo\n\n2\n00:00:01,000 --> 00:00:02,000\nx\n"
    assert srt.read(text)["text"].to_list() == ["one two", "x"]


def test_overlapping_cues_stay_and_empty_ones_last_a_millisecond() -> None:
    text = (
        "WEBVTT\n\n00:01.000 --> 00:05.000\n<v A>x\n\n00:02.000 --> 00:03.000\n<v B>y\n\n"
        "00:02.000 --> 00:02.000\n<v B>z\n"
    )
    assert [row[:2] for row in rows(webvtt.read(text))] == [
        (1000, 5000),
        (2000, 3000),
        (2000, 2001),
    ]


def test_utf16_with_a_mark_is_read() -> None:
    text = "1\n00:00:00,000 --> 00:00:01,000\nÉlan\n"
    assert srt.read(text.encode("utf-16"))["text"].to_list() == ["Élan"]


NAME = "mothers name"


@pytest.mark.parametrize(
    ("read", "data", "said"),
    [
        (webvtt.read, f"{NAME}\n".encode(), "line 1: no WEBVTT header"),
        (webvtt.read, b"WEBVTT\n", "no cue"),
        (webvtt.read, f"WEBVTT\n\n{NAME}\n\n00:01.0 --> 00:02.0\nx".encode(), "line 3: text that"),
        (webvtt.read, b"WEBVTT\n\n00:03.0 --> 00:02.0\nx", "line 3: ends 1000 ms before it starts"),
        (webvtt.read, b"WEBVTT\n\n00:61.0 --> 00:62.0\nx", "line 3: a time that cannot be read"),
        (srt.read, f"{NAME}\n\n1\n00:00:01,0 --> 00:00:02,0\nx".encode(), "line 1: text that"),
        (srt.read, b"1\n00:00:xx --> 00:00:02,000\nx", "line 2: a time that cannot be read"),
        (srt.read, b"", "no cue"),
        (srt.read, "1\n00:00:01,0 --> 00:00:02,0\nMüller".encode("latin-1"), "not UTF-8"),
        (srt.read, b"\x00\x01", "no text file"),
        (stm.read, b"a 1 b 0.5 1.5 hello\nb 1 b 0.5 1.5 hello\n", "lines of 2 recordings"),
        (stm.read, b"a 1 b zero 1.5 hello\n", "line 1: no start or end"),
        (stm.read, b"a 1 b\n", "line 1: 3 fields"),
    ],
)
def test_problems_are_told_with_their_line_and_without_words(
    read: Callable[[bytes], pl.DataFrame], data: bytes, said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read(data)
    assert NAME not in str(caught.value)


def test_all_problems_at_once_then_a_count() -> None:
    text = "WEBVTT\n\n" + "00:03.000 --> 00:02.000\nx\n\n" * 14
    with pytest.raises(InputError) as caught:
        webvtt.read(text)
    assert str(caught.value).count("before it starts") == 10
    assert "and 4 more" in str(caught.value)


def test_cues_without_an_end_are_not_written() -> None:
    frame = cues.CUES.frame([{"start_ms": 0, "speaker": "A", "text": "x"}])
    for write in (webvtt.write, srt.write):
        with pytest.raises(InputError, match="1 cues have no end"):
            write(frame)


def test_stm_comments_labels_and_gaps() -> None:
    text = (
        ";; comment\nf 1 A 0.50 1.25 <o,f0,male> well  then\n"
        "f 1 inter_segment_gap 1 2 ignore_time_segment_in_scoring\nf 1 B 1 2\n"
    )
    assert rows(stm.read(text)) == [(500, 1250, "A", "well then"), (1000, 2000, "B", "")]


def test_everyday_talk(shared_data: Path) -> None:
    files = sorted((shared_data / "everyday_talk").glob("*.stm"))
    assert len(files) == 12
    for path in files:
        frame = stm.read(path.read_bytes())
        assert frame.height == len(path.read_text(encoding="utf-8").splitlines())
        assert (frame["text"].str.len_chars() > 0).all()


def test_a_number_that_is_no_character_stays_as_it_is() -> None:
    digits = "9" * 5000
    cue = f"WEBVTT\n\n00:01.000 --> 00:02.000\n<v A&#{digits};>x &#x41;&amp;&#{digits}; y\n"
    (row,) = webvtt.read(cue).iter_rows(named=True)
    assert row["text"] == f"x A&&#{digits}; y"
