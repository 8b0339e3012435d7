from itertools import product
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.formats import rttm
from pipeline.formats.repairs import Repairs

LABELS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12).filter(
    lambda label: label != "<NA>"
)


@st.composite
def segments(draw: st.DrawFn) -> pl.DataFrame:
    rows = []
    for _ in range(draw(st.integers(1, 8))):
        start_ms = draw(st.integers(0, 20_000_000))
        rows.append(
            {
                "start_ms": start_ms,
                "end_ms": start_ms + draw(st.integers(1, 600_000)),
                "speaker": draw(LABELS),
                "confidence": draw(st.sampled_from([None, 0.0, 0.25, 0.5, 1.0])),
            }
        )
    return rttm.SEGMENTS.frame(rows)


@given(segments())
def test_written_and_read_is_the_same(frame: pl.DataFrame) -> None:
    assert rttm.read(rttm.write(frame, "a session").encode()).equals(frame)


def test_other_lines_are_passed_over_and_touching_segments_still_touch() -> None:
    text = (
        ";; comment\nSPKR-INFO f 1 <NA> <NA> <NA> unknown A <NA>\n\n"
        "SPEAKER f 1 1.0005 1.0001 <NA> <NA> A 0.5 <NA>\nSPEAKER\tf 1 2.0006 0.5 <NA> <NA> A 37\n"
    )
    repairs = Repairs()
    assert rttm.read(text, repairs).rows() == [(1000, 2001, "A", 0.5), (2001, 2501, "A", None)]
    assert not repairs.sentences()


@pytest.mark.parametrize("file", ["f", "a night in May", "Session 3 2026", "12 1 0.5"])
@pytest.mark.parametrize(
    ("label", "behind"),
    [
        *product(
            ["A", "Dr Lund", "Lund, Ida (she)", "1", "2 b"],
            ["<NA> <NA>", "0.75 <NA>", "0.75", "<NA>", "", "0.75 0.1"],
        ),
        *product(["Speaker 1", "Speaker 2 3"], ["<NA> <NA>", "0.75 <NA>", "0.75 0.1"]),
    ],
)
def test_spaces_in_names_of_files_and_speakers(file: str, label: str, behind: str) -> None:
    line = f"SPEAKER {file} 1 1.5 2.25 <NA> <NA> {label} {behind}\n"
    sure = 0.75 if behind.startswith("0.75") else None
    assert rttm.read(line * 2).rows() == [(1500, 3750, label, sure)] * 2


@pytest.mark.parametrize("behind", ["", " <NA>"])
def test_a_number_that_may_be_part_of_a_label_joins_no_two_speakers(behind: str) -> None:
    lines = [f"SPEAKER f 1 {at} 1 <NA> <NA> Speaker {at}{behind}\n" for at in (1, 2)]
    with pytest.raises(InputError, match="whole numbers behind a label") as caught:
        rttm.read("".join(lines))
    assert "Speaker 1" not in str(caught.value)
    full = "".join(line.strip().removesuffix(" <NA>") + " <NA> <NA>\n" for line in lines)
    assert rttm.read(full)["speaker"].to_list() == ["Speaker 1", "Speaker 2"]


def test_what_cannot_be_used_is_passed_over_and_counted() -> None:
    good = "SPEAKER f 1 {} 1 <NA> <NA> A <NA> <NA>\n"
    text = "".join(good.format(at) for at in range(5))
    odd = "SPEAKER f 1 nan 1 <NA> <NA> A\nSPEAKER f 1 -1 2 <NA> <NA> A\nSPEAKER f 1 2\nhello\n"
    empty = "SPEAKER f 1 3 0 <NA> <NA> B <NA> <NA>\n"
    repairs = Repairs()
    found = rttm.read(text + odd + empty, repairs)
    assert found.rows() == [(at * 1000, at * 1000 + 1000, "A", None) for at in range(5)]
    assert repairs.sentences() == (
        "Lines of the diarization that cannot be used, skipped: 4.",
        "Segments without length, skipped: 1.",
    )
    with pytest.raises(InputError, match="line 2: no start or length"):
        rttm.read(good.format(0) + odd)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no SPEAKER line"),
        ("SPEAKER f 1 1 0 <NA> <NA> A <NA> <NA>\n", "no segment that has a length"),
        ("hello there\n", "line 1: a line of no known type"),
        ("SPEAKER f 1 1.0\n", "line 1: 4 fields"),
        ("SPEAKER f 1 nan 1 <NA> <NA> A\n", "line 1: no start or length"),
        ("SPEAKER f 1 1 inf <NA> <NA> A\n", "line 1: no start or length"),
        ("SPEAKER f 1 -1 2 <NA> <NA> A\n", "line 1: no start or length"),
        ("SPEAKER f 1 1 2 <NA> <NA> <NA> <NA>\n", "line 1: no speaker"),
        ("SPEAKER f 1 1 2 0 0 A\nSPEAKER g 1 1 2 0 0 A\n", "segments of 2 recordings"),
    ],
)
def test_problems(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        rttm.read(text)


def test_real_files(shared_data: Path) -> None:
    speakers = set()
    files = sorted(shared_data.glob("*/*.rttm"))
    assert len(files) == 19
    for path in files:
        frame = rttm.read(path.read_bytes())
        assert frame.height == len(path.read_text(encoding="utf-8").splitlines())
        speakers |= set(frame["speaker"])
    assert "MÉO069" in speakers
