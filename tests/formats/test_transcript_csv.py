from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.formats.tables import transcript_csv
from pipeline.formats.timed_text.cues import squeeze

TEXT = st.text(st.characters(exclude_categories=["C", "Z"], include_characters="=+-@' ,;\"")).map(
    squeeze
)


@st.composite
def utterances(draw: st.DrawFn) -> pl.DataFrame:
    rows: list[dict[str, object]] = []
    ids = draw(st.booleans())
    for _ in range(draw(st.integers(1, 6))):
        start_ms = draw(st.integers(0, 9_000_000))
        rows.append(
            {
                "utterance_id": draw(st.from_regex("[a-z0-9]{1,4}", fullmatch=True))
                if ids
                else None,
                "speaker": draw(TEXT.filter(bool)),
                "role": draw(st.sampled_from(["therapist", "client", "other", "unknown"])),
                "start_ms": start_ms,
                "end_ms": draw(st.none() | st.integers(start_ms + 1, start_ms + 9999)),
                "text": draw(TEXT),
            }
        )
    return transcript_csv.UTTERANCES.frame(rows)


@given(utterances())
def test_written_and_read_is_the_same(frame: pl.DataFrame) -> None:
    assert transcript_csv.read(transcript_csv.write(frame).encode()).equals(frame)


@given(st.text("'=+-@\t\ra", max_size=6))
def test_inert_runs_no_formula_and_live_undoes_it(cell: str) -> None:
    inert = pl.select(transcript_csv.inert(pl.lit(cell))).item()
    assert inert[:1] not in {"=", "+", "-", "@", "\t", "\r"}
    assert transcript_csv.live(inert) == cell


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_as_spreadsheets_write_it(sign: str) -> None:
    text = "\ufeffRole,Start_ms,Text,note\r\nTherapist,1000.0,hm,x\r\n\r\nclient,2000,'-no,y\r\n"
    frame = transcript_csv.read(text.replace(",", sign).encode())
    assert frame.select("speaker", "role", "start_ms", "end_ms", "text").rows() == [
        ("therapist", "therapist", 1000, None, "hm"),
        ("client", "client", 2000, None, "-no"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: no column start_ms, text;"),
        ("role,start_ms\n", "line 1: no column text"),
        ("role,start_ms,text\n", "no row"),
        ("role,start_ms,text\ntheraspist,0,x\n", "line 2: an unknown role.*therapist"),
        ("role,start_ms,text\nclient,1.5,x\n", "line 2: no start_ms"),
        ("role,start_ms,text\nclient,-1,x\n", "line 2: no start_ms"),
        ("role,start_ms,text\nclient,1,x,y\n", "line 2: 4 fields; expected: 3"),
        ("role,start_ms,end_ms,text\nclient,9,1,x\n", "line 2: ends 8 ms before it starts"),
        ('role,start_ms,text\nclient,1,"a\nb"\nclient,x,c\n', "line 4: no start_ms"),
        ('role,start_ms,text\nclient,1,"a\n', "a row that is no CSV"),
        ("role,start_ms,text,text\nclient,1,a,b\n", "stands twice"),
    ],
)
def test_problems(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        transcript_csv.read(text)


def test_counselling(shared_data: Path) -> None:
    path = shared_data / "counselling_text" / "utterances.csv"
    frame = transcript_csv.read(path.read_bytes())
    assert (frame.height, frame["transcript_id"].n_unique()) == (1237, 23)
    assert frame["role"].value_counts().sort("role").rows() == [("client", 610), ("therapist", 627)]
