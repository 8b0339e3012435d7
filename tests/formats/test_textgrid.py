import time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.formats.annotation import textgrid
from pipeline.formats.annotation.textgrid import INTERVALS, Tier
from pipeline.formats.repairs import Repairs

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
        (
            SHORT.replace("\n3\n", f"\n{'9' * 5000}\n", 1).encode(),
            "line 7: a count that is no whole",
        ),
        (SHORT.replace('"well', '"Größe').encode("latin-1"), "not UTF-8"),
    ],
)
def test_problems(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        textgrid.read(data)


def tier(*intervals: tuple[object, object, str], xmax: float = 9, count: int | None = None) -> str:
    """A short TextGrid of one tier."""
    values = [value for a, b, text in intervals for value in (a, b, f'"{text}"')]
    head = ['File type = "ooTextFile short"', '"TextGrid"', 0, xmax, "<exists>", 1]
    own = ['"IntervalTier"', '"Ann"', 0, xmax, len(intervals) if count is None else count]
    return "\n".join(map(str, [*head, *own, *values])) + "\n"


def rows(text: str) -> tuple[list[tuple[object, ...]], tuple[str, ...]]:
    repairs = Repairs()
    (read,) = textgrid.read(text.encode(), repairs)
    return read.intervals.rows(), repairs.sentences()


def test_an_interval_with_unusable_times_lies_between_its_neighbours() -> None:
    got, said = rows(tier((0, 1, "a"), (3, 2, "bb"), ("1e999", 4, "cc"), (5, 6, ""), (8, 7, "d")))
    assert got == [(0, 1000, "a"), (1000, 3000, "bb"), (3000, 5000, "cc"), (6000, 9000, "d")]
    assert said == ("Intervals with unusable times, placed between their neighbours: 3.",)
    got, said = rows(tier((0, 1, "a"), (3, 2, "b"), (1, 2, "c"), (-3, -1, "d"), (-1, 0.5, "e")))
    assert got == [(0, 500, "e"), (500, 1000, "a"), (1000, 2000, "c")]
    assert said == (
        "Intervals that cannot be placed in time, skipped: 2.",
        "Intervals that begin before zero, cut off there: 1.",
        "Intervals that overlapped within their tier, told apart: 1.",
    )


def test_nothing_is_left_that_can_be_placed() -> None:
    with pytest.raises(InputError, match="no interval whose times can be used"):
        rows(tier(("1e999", "1e999", "a"), xmax=0))


def test_intervals_that_overlap_are_told_apart_and_nothing_is_lost() -> None:
    got, said = rows(tier((4, 6, "c"), (0, 2, "a"), (1, 3, "b"), (4, 8, "d"), (5, 5.5, "e")))
    assert got == [
        (0, 1000, "a"), (1000, 3000, "b"), (4000, 6000, "c"), (6000, 8000, "d e"),
    ]  # fmt: skip
    assert said == ("Intervals that overlapped within their tier, told apart: 3.",)


@pytest.mark.parametrize("count", [0, 1, 5, 10**8])
def test_what_a_tier_holds_counts_and_not_what_it_announces(count: int) -> None:
    got, said = rows(tier((0, 1, "a"), (1, 2, "b"), (20, 21, "beyond xmax"), count=count))
    assert len(got) == 3
    assert said == ("Tiers that announce another number of intervals than they hold: 1.",)


def test_another_number_of_tiers_than_announced() -> None:
    for number, what in ((1, "beyond those announced, read: 2."), (5, "does not hold: 2.")):
        repairs = Repairs()
        read = textgrid.read(SHORT.replace("\n3\n", f"\n{number}\n", 1).encode(), repairs)
        assert [each.name for each in read] == ['Ann "A" Lee', "Bob"]
        points, tiers = repairs.sentences()
        assert points.startswith("Tiers of points")
        assert tiers.endswith(what)


def test_the_time_taken_grows_with_the_length() -> None:
    head = SHORT[: SHORT.index("\n3\n")]
    for tail in ("9" * 400_000 + "x", '"' + 'a""' * 200_000, "1.5." * 100_000, "\n! x" * 100_000):
        began = time.process_time()
        with pytest.raises(InputError):
            textgrid.read(f"{head}\n1\n{tail}".encode())
        assert time.process_time() - began < 2
    with pytest.raises(InputError, match="more than 1000 tiers"):
        textgrid.read(f"{head}\n9999\n" + '"IntervalTier" "A" 0 9 1 0 1 "x"\n' * 9999)
    same = tier(*[(0, 1, "a")] * 20_000)
    assert len(rows(same)[0]) == 1


def test_a_tier_holds_one_label_at_a_time() -> None:
    both = [{"start_ms": 0, "end_ms": 9, "text": "a"}, {"start_ms": 5, "end_ms": 12, "text": "b"}]
    with pytest.raises(InputError, match="overlap"):
        textgrid.write([Tier("x", INTERVALS.frame(both))])


def test_consultations(shared_data: Path) -> None:
    files = sorted((shared_data / "consultations").glob("*.TextGrid"))
    assert len(files) == 58
    total = 0
    for path in files:
        (tier,) = textgrid.read(path.read_bytes())
        assert tier.intervals.select((pl.col("end_ms") > pl.col("start_ms")).all()).item()
        total += tier.intervals.height
    assert total == 3681
