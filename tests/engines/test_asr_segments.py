"""Regions hold every span of their speaker once, and nobody else's."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline import config
from pipeline.core.tables import SPANS
from pipeline.engines.transcription import asr_segments

SETTINGS = config.load().transcription
Span = tuple[int, int, str, int | None]


def spans(*rows: Span) -> pl.DataFrame:
    return SPANS.frame(
        {
            "start_ms": start,
            "end_ms": end,
            "speaker": speaker,
            "channel": channel,
            "exclusive": True,
            "regular": True,
        }
        for start, end, speaker, channel in rows
    )


def cut(*rows: Span, duration_ms: int = 100_000) -> list[tuple[object, ...]]:
    return asr_segments.cut(spans(*rows), duration_ms, SETTINGS).rows()


def test_short_silences_are_joined_and_edges_padded() -> None:
    assert cut((1000, 2000, "A", None), (2500, 3000, "A", None), (5000, 6000, "A", None)) == [
        (800, 3200, "A", None),
        (4800, 6200, "A", None),
    ]


def test_padding_takes_half_of_the_silence_and_ends_with_the_recording() -> None:
    assert cut((50, 1000, "A", None), (1100, 1950, "B", None), duration_ms=2000) == [
        (0, 1050, "A", None),
        (1050, 2000, "B", None),
    ]


def test_nobody_else_is_joined_in() -> None:
    got = cut((1000, 2000, "A", None), (2000, 2200, "B", None), (2300, 3000, "A", None))
    assert [row[2] for row in got] == ["A", "B", "A"]


def test_a_region_does_not_outgrow_the_transcriber() -> None:
    longest = SETTINGS.region_max_ms
    got = cut((0, longest - 1000, "A", None), (longest - 500, longest + 500, "A", None))
    assert len(got) == 2
    assert len(cut((0, 3 * longest, "A", None), duration_ms=4 * longest)) == 1


def test_channels_are_apart() -> None:
    got = cut((1000, 2000, "A", 0), (1500, 2500, "B", 1), (2100, 3000, "A", 0))
    assert got == [(800, 3200, "A", 0), (1300, 2700, "B", 1)]


def test_the_regular_view_is_left_out() -> None:
    frame = spans((0, 1000, "A", None)).with_columns(exclusive=pl.lit(value=False))
    assert asr_segments.cut(frame, 1000, SETTINGS).is_empty()


@st.composite
def talks(draw: st.DrawFn) -> list[Span]:
    rows: list[Span] = []
    for channel in draw(st.sampled_from([(None,), (0,), (0, 1)])):
        at = draw(st.integers(0, 1000))
        for _ in range(draw(st.integers(0, 12))):
            speaker = draw(st.sampled_from("AB")) if channel is None else "AB"[channel]
            length = draw(st.integers(10, 12_000))
            rows.append((at, at + length, speaker, channel))
            at += length + draw(st.integers(0, 1500))
    return rows


@given(rows=talks(), rest_ms=st.integers(0, 500))
def test_what_holds_of_all_regions(rows: list[Span], rest_ms: int) -> None:
    duration_ms = max((row[1] for row in rows), default=0) + rest_ms
    got = cut(*rows, duration_ms=duration_ms)
    for start, end, speaker, channel in rows:
        holding = [g for g in got if g[0] <= start and end <= g[1]]  # type: ignore[operator]
        assert [(g[2], g[3]) for g in holding if g[3] == channel] == [(speaker, channel)]
    for number, one in enumerate(got):
        assert 0 <= one[0] < one[1] <= duration_ms  # type: ignore[operator]
        inside = [r for r in rows if r[3] == one[3] and one[0] <= r[0] and r[1] <= one[1]]  # type: ignore[operator]
        assert {r[2] for r in inside} == {one[2]}
        if len(inside) > 1:
            length = inside[-1][1] - inside[0][0]
            assert length <= SETTINGS.region_max_ms
        for other in got[number + 1 :]:
            assert other[3] != one[3] or one[1] <= other[0]  # type: ignore[operator]
    assert got == sorted(got, key=lambda g: (g[0], g[1], g[2]))
