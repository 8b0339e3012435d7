from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.formats import textgrid
from pipeline.formats.textgrid import INTERVALS, Tier

LABELS = st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=' \n"!'), min_size=1
).filter(lambda text: bool(text.strip()))


@st.composite
def tiers(draw: st.DrawFn) -> Tier:
    now_ms, rows = 0, []
    for _ in range(draw(st.integers(0, 6))):
        start_ms = now_ms + draw(st.integers(0, 3000))
        now_ms = start_ms + draw(st.integers(1, 60_000))
        rows.append({"start_ms": start_ms, "end_ms": now_ms, "text": draw(LABELS)})
    return Tier(draw(LABELS), INTERVALS.frame(rows))


@given(st.lists(tiers(), min_size=1, max_size=3), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_written_and_read_is_the_same(given_tiers: list[Tier], encoding: str) -> None:
    read = textgrid.read(textgrid.write(given_tiers).encode(encoding))
    assert [tier.name for tier in read] == [tier.name for tier in given_tiers]
    for ours, theirs in zip(read, given_tiers, strict=True):
        assert ours.intervals.equals(theirs.intervals)


SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
2.5
<exists>
3
"IntervalTier"
"Ann ""A"" Lee" ! a comment "with quotes"
0
2.5
3
0
1
""
1
2.2
"well ""12"" 3 <b>"
2.2
2.5
" "
"TextTier"
"bells"
0
2.5
1
1.5
"ding"
"IntervalTier"
"Bob"
0
2.5
1
0
2.5
""
"""


def test_short_format_points_comments_and_doubled_quotes() -> None:
    ann, bob = textgrid.read(SHORT.encode())
    assert ann.name == 'Ann "A" Lee'
    assert ann.intervals.rows() == [(1000, 2200, 'well "12" 3 <b>')]
    assert (bob.name, bob.intervals.height) == ("Bob", 0)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file ends early"),
        (b"ooBinaryFile\x08TextGrid", "binary format"),
        (SHORT.replace("TextGrid", "Pitch").encode(), "another kind of Praat file"),
        (SHORT.replace("2.2\n2.5", "two\n2.5").encode(), "a text where a number must stand"),
        (SHORT[:200].encode(), "ends early"),
        (SHORT.replace("1\n2.2\n", "2.3\n2.2\n").encode(), "ends 100 ms before it starts"),
        (SHORT.replace("1\n2.2\n", "-1\n2.2\n").encode(), "whose times cannot be used"),
        (SHORT.replace('"well', '"Größe').encode("latin-1"), "not UTF-8"),
    ],
)
def test_problems(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        textgrid.read(data)


def test_a_tier_holds_one_label_at_a_time() -> None:
    rows = [{"start_ms": 0, "end_ms": 9, "text": "a"}, {"start_ms": 5, "end_ms": 12, "text": "b"}]
    with pytest.raises(InputError, match="overlap"):
        textgrid.write([Tier("x", INTERVALS.frame(rows))])


def test_consultations(shared_data: Path) -> None:
    files = sorted((shared_data / "consultations").glob("*.TextGrid"))
    assert len(files) == 58
    total = 0
    for path in files:
        (tier,) = textgrid.read(path.read_bytes())
        assert tier.intervals.select((pl.col("end_ms") > pl.col("start_ms")).all()).item()
        total += tier.intervals.height
    assert total == 3681
