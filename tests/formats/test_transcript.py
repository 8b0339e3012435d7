"""From files to lines, labels, ends and words."""

import contextlib
import csv
import io
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_eaf import aligned, elan, refers, tier

from pipeline.core.errors import InputError
from pipeline.formats import transcript
from pipeline.formats.annotation import textgrid
from pipeline.formats.annotation.textgrid import INTERVALS, Tier
from pipeline.formats.attachment import Attachment
from pipeline.formats.timed_text import cues


def grid(*tiers: tuple[str, int, int, str]) -> bytes:
    return textgrid.write(
        [
            Tier(name, INTERVALS.frame([{"start_ms": start, "end_ms": end, "text": text}]))
            for name, start, end, text in tiers
        ]
    ).encode()


def srt(*said: str) -> bytes:
    return "".join(
        f"{n}\n00:00:{n:02},000 --> 00:00:{n:02},900\n{text}\n\n" for n, text in enumerate(said)
    ).encode()


def speakers(*files: Attachment) -> list[str | None]:
    return transcript.load(files).lines["speaker"].to_list()


def test_a_given_label_is_everybodys_and_a_role_is_known() -> None:
    files = [
        Attachment(".srt", srt("hello"), "therapist"),
        Attachment(".TextGrid", grid(("Speaker", 2000, 3000, "hi")), "Bo"),
    ]
    content = transcript.load(files)
    assert content.lines["speaker"].to_list() == ["therapist", "Bo"]
    assert content.roles == {"therapist": "therapist"}
    assert content.keeps_overlap
    assert content.duration_ms == 3000


def test_a_file_of_two_is_not_one_persons() -> None:
    with pytest.raises(InputError, match="2 speakers in a file that is given as one person's"):
        speakers(Attachment(".srt", srt("Ann: a", "Bob: b"), "client"))


def test_several_files_that_name_nobody_or_all_the_same() -> None:
    one, two = Attachment(".srt", srt("a")), Attachment(".srt", srt("b"))
    assert speakers(one) == [None]
    assert speakers(one, two) == ["speaker 1", "speaker 2"]
    one = Attachment("textgrid", grid(("Speaker", 0, 9, "a")))
    assert speakers(one, one) == ["Speaker 1", "Speaker 2"]
    assert speakers(Attachment(".TextGrid", grid(("A", 0, 9, "a"), ("A", 3, 9, "b")))) == [
        "A",
        "A 2",
    ]


def test_a_line_without_a_label_is_nobodys() -> None:
    said = srt("mm", "Ann: a", "b", "Bob: c", "d", "Ann: e", "Bob: f")
    content = transcript.load([Attachment(".srt", said)])
    assert content.lines["speaker"].to_list() == [
        cues.UNNAMED, "Ann", cues.UNNAMED, "Bob", cues.UNNAMED, "Ann", "Bob",
    ]  # fmt: skip
    assert content.unattributed == 3
    assert content.repairs == ()


def test_a_file_that_labels_changes_only_means_the_last_speaker_and_that_is_counted() -> None:
    said = [line for _ in range(4) for line in ("Ann: a", "b", "Bob: c", "d", "e")]
    content = transcript.load([Attachment(".srt", srt("mm", *said))])
    assert content.lines["speaker"].to_list() == [
        cues.UNNAMED, *(["Ann", "Ann", "Bob", "Bob", "Bob"] * 4),
    ]  # fmt: skip
    assert content.unattributed == 1
    assert [told.split(",")[0] for told in content.repairs] == ["Lines without a speaker"]
    assert content.repairs[0].endswith("at changes only: 12.")
    # One label that stands again without a change: labels are not at changes only.
    again = transcript.load([Attachment(".srt", srt("mm", *said, "Bob: f"))])
    assert again.unattributed == 13
    assert again.repairs == ()


def test_labels_have_one_spelling() -> None:
    decomposed = "SPEAKER f 1 0 1 <NA> <NA> Ame\u0301lie <NA> <NA>\n".encode()
    assert speakers(Attachment(".rttm", decomposed)) == ["Am\u00e9lie"]


def test_lines_without_an_end_last_until_the_next_start() -> None:
    text = (
        "role,start_ms,end_ms,text\nclient,1000,,abc\ntherapist,1000,,abcdefg\nclient,2000,2500,x\n"
    )
    content = transcript.load([Attachment(".csv", (text + "client,3000,,abcde\n").encode())])
    assert content.lines.select("start_ms", "end_ms", "speaker").rows() == [
        (1000, 1300, "client"),
        (1300, 2000, "therapist"),
        (2000, 2500, "client"),
        (3000, 3000 + 5 * cues.MS_PER_CHARACTER, "client"),
    ]
    assert content.ends_estimated
    assert not content.keeps_overlap
    assert content.roles == {"client": "client", "therapist": "therapist"}


def test_overlap_is_known_where_it_is_seen() -> None:
    apart = "SPEAKER f 1 0 1 0 0 A\nSPEAKER f 1 1 1 0 0 B\n"
    together = apart + "SPEAKER f 1 1.5 1 0 0 A\n"
    assert not transcript.load([Attachment(".rttm", apart.encode())]).keeps_overlap
    assert transcript.load([Attachment(".rttm", together.encode())]).keeps_overlap


def test_marks_are_no_words_and_the_line_keeps_its_time() -> None:
    said = ("<UNSURE>Hello how</UNSURE> um <UNIN/>", "[laughs]", "No - well .")
    content = transcript.load([Attachment(".srt", srt(*said))])
    assert content.words["text"].to_list() == ["Hello", "how", "um", "No-", "well."]
    assert content.lines.height == 3


def test_two_roles_for_one_speaker_and_two_conversations_in_one_table() -> None:
    text = "speaker,role,start_ms,text\nA,client,0,x\nA,therapist,1,y\n"
    with pytest.raises(InputError, match="a speaker with two roles"):
        transcript.load([Attachment(".csv", text.encode())])
    text = "transcript_id,role,start_ms,text\n1,client,0,x\n2,client,1,y\n"
    with pytest.raises(InputError, match="2 conversations in one table"):
        transcript.load([Attachment(".csv", text.encode())])


def test_files_that_cannot_be_used() -> None:
    with pytest.raises(InputError, match=r"no known format; expected: \.csv, \.eaf, \.json"):
        transcript.load([Attachment(".docx", b"x")])
    with pytest.raises(InputError, match=r"file 2 of 2: not usable as an RTTM"):
        transcript.load([Attachment(".srt", srt("a")), Attachment(".rttm", b"x y\n")])
    with pytest.raises(InputError, match="cues without text"):
        transcript.load([Attachment(".vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\n\n")])
    with pytest.raises(InputError, match="all empty"):
        transcript.load(
            [Attachment(".TextGrid", textgrid.write([Tier("A", INTERVALS.empty())], 9).encode())]
        )


def test_the_digest_knows_bytes_format_and_label() -> None:
    digests = {
        transcript.load([Attachment(suffix, content, who)]).digest
        for suffix, content, who in [
            (".srt", srt("a"), None),
            (".srt", srt("b"), None),
            (".srt", srt("a"), "client"),
            (".vtt", b"WEBVTT\n\n00:00.0 --> 00:01.0\na\n", None),
        ]
    }
    assert len(digests) == 4


def test_words_of_json_keep_times_and_speakers() -> None:
    words = [
        {"word": "yes", "start": 1, "end": 2, "speaker": "A"},
        {"word": "[noise]", "start": 2, "end": 3, "speaker": "A"},
        {"word": "no", "start": 3, "end": 4, "speaker": "B"},
    ]
    root = {"segments": [{"start": 1, "end": 4, "text": "yes [noise] no", "words": words}]}
    content = transcript.load([Attachment(".json", json.dumps(root).encode())])
    assert content.words.select("speaker", "text", "timing").rows() == [
        ("A", "yes", "aligned"),
        ("B", "no", "aligned"),
    ]


@pytest.mark.parametrize(
    ("who", "said"),
    [("A", "a b c d"), ("B", "a c d b")],  # another speaker may well talk at the same time
)
def test_words_of_lines_of_one_speaker_that_overlap_do_not_mix(who: str, said: str) -> None:
    first = [{"word": "a", "start": 1, "end": 2}, {"word": "b", "start": 2.4, "end": 3}]
    second = [{"word": "c", "start": 2.1, "end": 2.3}, {"word": "d", "start": 2.3, "end": 4}]
    segments = [
        {"start": 1, "end": 3, "text": "a b", "speaker": "A", "words": first},
        {"start": 2.1, "end": 4, "text": "c d", "speaker": who, "words": second},
    ]
    content = transcript.load([Attachment(".json", json.dumps(segments).encode())])
    assert " ".join(content.words["text"]) == said
    told = ("Words that overlap the line before, placed after it: 2.",) if who == "A" else ()
    assert content.repairs == told
    assert content.words["line"].to_list() == ([0, 0, 1, 1] if who == "A" else [0, 1, 1, 0])


def test_a_json_with_many_placed_segments_says_nothing_of_timing() -> None:
    good = {"start": 0, "end": 1, "text": "Well.", "speaker": "A"}
    segments = [good, {"text": "So.", "speaker": "B"}]
    assert transcript.load([Attachment(".json", json.dumps(segments).encode())]).ends_estimated


@given(
    st.integers(0, 10_000),
    st.integers(1, 5000),
    st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=40),
)
def test_spread_stays_within_and_in_order(start_ms: int, length: int, texts: list[str]) -> None:
    times = cues.spread(start_ms, start_ms + length, texts)
    assert len(times) == len(texts)
    assert all(start_ms <= a < b <= start_ms + length for a, b in times)
    assert times == sorted(times)
    assert times[0][0] == start_ms
    assert times[-1][1] == start_ms + length


VALID = {
    ".vtt": (
        "WEBVTT\n\n1\n00:01.000 --> 00:02.000 a:b\n<v A>x & y</v><v B>z\n\nNOTE\nq\n\n"
        "00:02.000 --> 00:04.000\nA: [b] c\n"
    ),
    ".srt": (
        "1\n00:00:01,000 --> 00:00:02,000\nA: x\n\n2\n00:00:02,000 --> 00:00:03,000\nB: <i>y</i>\n"
    ),
    ".rttm": "SPEAKER f 1 1.0 2.0 <NA> <NA> A 0.5 <NA>\nSPEAKER f 1 2.0 2.0 <NA> <NA> B 1\n",
    ".stm": "f 1 A 0.5 1.5 <o,f0> hello there\nf 1 B 1 2 x\n",
    ".csv": 'role,start_ms,end_ms,text\nclient,1,2,x\ntherapist,2,,"y, z"\nclient,2,,q\n',
    ".textgrid": grid(("A", 10, 20, 'x "y"'), ("B", 15, 30, "z")).decode(),
    ".eaf": elan(
        [("t0", 0), ("t1", None), ("t2", 900)],
        tier("A", aligned("a", "t0", "t1", "x y"), participant="P"),
        tier("A words", refers("b", "a", "x"), refers("c", "a", "y", "b"), parent_ref="A"),
        tier("B", aligned("d", "t1", "t2", "z"), participant="Q"),
    ).decode(),
    ".json": json.dumps(
        {
            "language": "en",
            "segments": [
                {
                    "start": 1,
                    "end": 4,
                    "text": "a b",
                    "speaker": "A",
                    "words": [
                        {"word": "a", "start": 1, "end": 2, "score": 0.5, "speaker": "B"},
                        {"word": "b"},
                    ],
                }
            ],
            "words": [{"word": "a", "start": 1, "end": 2}],
        }
    ),
}
ODD = st.sampled_from(
    [*"\n \"'\t\x0b\u2028\x85\x00[]{},:;0\u0663", *("\n\n", "-->", "<v A>", "&#0;")]
)
NUMBERS = st.sampled_from(["nan", "1e9", "-3", "null", "NaN", "1e999", "9" * 30, "true", ""])


@settings(max_examples=300)
@given(st.data(), st.sampled_from(sorted(VALID)))
def test_a_damaged_file_is_read_or_refused(data: st.DataObject, suffix: str) -> None:
    text = VALID[suffix]
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.sampled_from([0, 0, 1, 2, 5, 10]))
        text = text[:start] + data.draw(ODD | NUMBERS) + text[end:]
    with contextlib.suppress(InputError):
        content = transcript.load([Attachment(suffix, text.encode())])
        assert content.lines.height > 0
        assert content.duration_ms > 0


@given(st.sampled_from(sorted(VALID)), st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(suffix: str, data: bytes) -> None:
    with contextlib.suppress(InputError):
        transcript.load([Attachment(suffix, data)])


def test_consultations_two_files_each(shared_data: Path) -> None:
    doctors = sorted((shared_data / "consultations").glob("*_doctor.TextGrid"))
    assert len(doctors) == 29
    for doctor in doctors:
        patient = doctor.with_name(doctor.name.replace("_doctor", "_patient"))
        files = [
            Attachment(".TextGrid", doctor.read_bytes(), "therapist"),
            Attachment(".TextGrid", patient.read_bytes(), "client"),
        ]
        content = transcript.load(files)
        assert set(content.lines["speaker"]) == {"therapist", "client"}
        assert content.keeps_overlap
        assert content.words.height > 300
        assert not content.words["text"].str.contains("[<>]").any()
        unlabelled = [Attachment(file.suffix, file.content) for file in files]
        assert len(set(speakers(*unlabelled))) == 2


def test_counselling_each_conversation(shared_data: Path) -> None:
    path = shared_data / "counselling_text" / "utterances.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for name in {row["transcript_id"] for row in rows}:
        own = [row for row in rows if row["transcript_id"] == name]
        out = io.StringIO()
        writer = csv.DictWriter(out, list(own[0]))
        writer.writeheader()
        writer.writerows(own)
        content = transcript.load([Attachment(".csv", out.getvalue().encode())])
        assert content.lines["utterance_id"].to_list() == [row["utterance_id"] for row in own]
        ends = content.lines["end_ms"].to_list()
        assert ends == sorted(ends)
        gaps = content.lines.select(pl.col("start_ms").shift(-1) - pl.col("end_ms")).drop_nulls()
        assert gaps.to_series().unique().to_list() == [0]
