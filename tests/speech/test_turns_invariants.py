"""What must hold of the turns, silences and overlaps of any talk."""

import time
from itertools import pairwise

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from talk_scenes import (
    SETTINGS,
    Speech,
    end_of,
    is_acknowledgement,
    of,
    rest,
    tables_of,
    talks,
    word_rows,
)

from pipeline.core.intervals import Intervals
from pipeline.speech import turns


@given(talk=talks(speakers=("A", "B", "C")))
def test_turns_partition_the_words(talk: list[Speech]) -> None:
    got = of(talk)["turns"]
    for speaker in "ABC":
        said = sorted(
            word for one in talk if one.speaker == speaker for word in (one.text or "").split()
        )
        texts = got.filter(pl.col("speaker") == speaker)["text"].drop_nulls()
        assert sorted(" ".join(texts).split()) == said
    assert got["n_words"].sum() == sum(len((one.text or "").split()) for one in talk)
    counted = [len(text.split()) if text else None for text in got["text"]]
    assert got["n_words"].to_list() == counted


@given(talk=talks(), unheard=talks(speakers=("A", "Z")))
def test_no_word_is_lost_whatever_the_speech(talk: list[Speech], unheard: list[Speech]) -> None:
    words = word_rows(unheard)
    got = turns.build(
        tables_of(talk, end_of([*talk, *unheard]) + 10, words=words), SETTINGS, is_acknowledgement
    )
    said = sum(len((one.text or "").split()) for one in [*talk, *unheard])
    assert got["turns"]["n_words"].sum() == said


@given(talk=talks(speakers=("A", "B", "C")), rest_ms=rest)
def test_silences_and_speech_partition_the_recording(talk: list[Speech], rest_ms: int) -> None:
    got = of(talk, rest_ms)["silences"]
    n = (end_of(talk) + rest_ms) // 10
    covered = [0] * n
    for one in talk:
        for k in range(one.start_ms // 10, one.end_ms // 10):
            covered[k] = 1
    for start, end in got.select("start_ms", "end_ms").iter_rows():
        assert start % 10 == end % 10 == 0
        for k in range(start // 10, end // 10):
            assert not covered[k]
            covered[k] = 2
    assert all(covered)
    for (_, end), (start, _) in pairwise(got.select("start_ms", "end_ms").iter_rows()):
        assert end < start


@given(talk=talks(speakers=("A", "B", "C")))
def test_units_partition_the_spans(talk: list[Speech]) -> None:
    got = of(talk)
    units = got["units"]
    for who in "ABC":
        spans = [(o.start_ms, o.end_ms) for o in talk if o.speaker == who]
        joined = list(Intervals.of(spans, SETTINGS.unit_pause_ms))
        assert units.filter(pl.col("speaker") == who).select("start_ms", "end_ms").rows() == joined
    of_turns = units.group_by("turn_id", maintain_order=True).agg(
        pl.col("speaker").unique().implode().list.first(),
        pl.col("start_ms").min(),
        pl.col("end_ms").max(),
    )
    want = got["turns"].select("turn_id", "speaker", "start_ms", "end_ms")
    assert of_turns.sort("turn_id").rows() == want.rows()


@given(talk=talks(speakers=("A", "B", "C")))
def test_what_holds_of_each_table(talk: list[Speech]) -> None:
    got = of(talk)
    frame = got["turns"]
    assert frame["turn_id"].to_list() == list(range(frame.height))
    assert frame["start_ms"].is_sorted()
    assert frame.filter("is_backchannel")["latency_ms"].null_count() == (
        frame.filter("is_backchannel").height
    )
    units = {
        who: Intervals.of(
            ((o.start_ms, o.end_ms) for o in talk if o.speaker == who), SETTINGS.unit_pause_ms
        )
        for who in "ABC"
    }
    ends = frame.select("start_ms", "end_ms").rows()
    for row in got["overlaps"].iter_rows(named=True):
        assert row["holder"] != row["other"]
        assert row["into_ms"] >= 0
        assert (row["form"] is not None) <= (row["kind"] == "cooperative")
        for who in ("holder", "other"):
            own = units[row[who]]
            assert any(a <= row["start_ms"] < b for a, b in own)
            assert any(a < row["end_ms"] <= b for a, b in own)
            begin, end = ends[row[who + "_turn"]]
            assert begin <= row["start_ms"] < row["end_ms"] <= end
            assert frame["speaker"][row[who + "_turn"]] == row[who]
    assert got["overlaps"]["start_ms"].is_sorted()
    assert got["silences"]["silence_id"].to_list() == list(range(got["silences"].height))
    for name in ("turns", "silences", "overlaps"):
        assert not any(series.is_nan().any() for series in got[name] if series.dtype.is_float())


@given(talk=talks(speakers=("A", "B", "C")), tens=st.integers(1, 500))
def test_a_shift_moves_everything_and_changes_nothing_else(talk: list[Speech], tens: int) -> None:
    by = tens * 10
    later = [Speech(o.speaker, o.start_ms + by, o.end_ms + by, o.text) for o in talk]
    one, two = of(talk), of(later)
    moved = [pl.col("start_ms") + by, pl.col("end_ms") + by]
    assert two["turns"].equals(one["turns"].with_columns(moved))
    assert two["units"].equals(one["units"].with_columns(moved))
    assert two["overlaps"].equals(one["overlaps"].with_columns(moved))
    inner = pl.col("before_speaker").is_not_null()
    rest_of = {
        key: tables["silences"].filter(inner).drop("silence_id")
        for key, tables in (("one", one), ("two", two))
    }
    assert rest_of["two"].equals(rest_of["one"].with_columns(moved))


@given(
    talk=talks(speakers=("A", "B", "C")),
    names=st.permutations(["A", "B", "C", "zoe", "Änne"]).map(lambda all_names: all_names[:3]),
)
def test_renaming_speakers_changes_labels_only(talk: list[Speech], names: list[str]) -> None:
    if len({(o.start_ms, o.end_ms) for o in talk}) < len(talk):
        talk = talk[:1]  # twins: nothing but the name tells them apart
    renamed = dict(zip("ABC", names, strict=True))
    other = [Speech(renamed[o.speaker], o.start_ms, o.end_ms, o.text) for o in talk]
    one, two = of(talk), of(other)
    for name, columns in (
        ("turns", ["speaker"]),
        ("units", ["speaker"]),
        ("silences", ["before_speaker", "after_speaker"]),
        ("overlaps", ["holder", "other"]),
    ):
        relabelled = one[name].with_columns(pl.col(columns).replace(renamed))
        assert two[name].equals(relabelled)


@given(talk=talks())
def test_swapping_channels_changes_nothing(talk: list[Speech]) -> None:
    lost = [(300, 900), (2000, 2500)]
    one = of(talk, channels=("A", "B"), losses=[(a, b, 0) for a, b in lost])
    two = of(talk, channels=("B", "A"), losses=[(a, b, 1) for a, b in lost])
    assert all(one[name].equals(two[name]) for name in one)


@given(talk=talks(), order=st.randoms())
def test_the_order_of_rows_changes_nothing(talk: list[Speech], order: object) -> None:
    mixed = list(talk)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    one, two = of(talk), of(mixed)
    assert all(one[name].equals(two[name]) for name in one)


def three_hours(length_ms: int, step_ms: int) -> list[Speech]:
    says = ("well that is how it was", "mm-hm", "no", "and then she told the")
    count = 3 * 3_600_000 // step_ms
    return [
        Speech("ABC"[k * k % 3], k * step_ms, k * step_ms + length_ms, says[k % 4])
        for k in range(count)
    ]


def test_three_hours_of_three_people_take_no_time() -> None:
    talk = three_hours(1300, 1000)
    tables = tables_of(talk, end_of(talk) + 10)
    began = time.process_time()
    got = turns.build(tables, SETTINGS, is_acknowledgement)
    assert time.process_time() - began < 5
    assert got["turns"].height > 5000


def test_time_grows_with_length_even_in_a_monologue() -> None:
    """One endless turn with hundreds of attempts in it: nothing looks through it for each."""
    talk = [Speech("A", k * 1000, k * 1000 + 700, "and so it went") for k in range(4000)]
    talk += [Speech("B", k * 2000 + 300, k * 2000 + 600, "no") for k in range(2000)]
    tables = tables_of(talk, 4_000_000)
    began = time.process_time()
    got = turns.build(tables, SETTINGS, is_acknowledgement)
    assert time.process_time() - began < 4
    assert got["turns"].height == 2001
    assert got["overlaps"]["kind"].unique().to_list() == ["failed_attempt"]
