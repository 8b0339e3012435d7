from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.formats import rttm

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
        "SPEAKER f 1 1.0005 1.0001 <NA> <NA> A 0.5 <NA>\nSPEAKER f 1 2.0006 0.5 <NA> <NA> A 37\n"
        "SPEAKER f 1 3 0 <NA> <NA> B <NA> <NA>\n"
    )
    assert rttm.read(text).rows() == [
        (1000, 2001, "A", 0.5),
        (2001, 2501, "A", None),
        (3000, 3001, "B", None),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no SPEAKER line"),
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
