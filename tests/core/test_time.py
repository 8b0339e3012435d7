"""Milliseconds, seconds, samples and frames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import time
from pipeline.core.time import ms_to_clock, ms_to_s, ms_to_samples, s_to_ms, samples_to_ms

times_ms = st.integers(0, 24 * 3_600_000)


@given(ms=times_ms)
def test_there_and_back(ms: int) -> None:
    assert s_to_ms(ms_to_s(ms)) == ms
    assert samples_to_ms(ms_to_samples(ms)) == ms


@given(samples=st.integers(0, 10**10))
def test_samples_fill_whole_milliseconds(samples: int) -> None:
    ms = samples_to_ms(samples)
    assert ms_to_samples(ms) <= samples < ms_to_samples(ms + 1)


@given(one=st.floats(0, 1e5), two=st.floats(0, 1e5))
def test_seconds_keep_their_order(one: float, two: float) -> None:
    assert (s_to_ms(one) <= s_to_ms(two)) or one > two
    assert abs(s_to_ms(one) - one * 1000) <= 0.5 + 1e-6


def test_a_frame_is_a_whole_number_of_samples() -> None:
    assert time.SAMPLES_PER_FRAME == 160
    assert time.SAMPLES_PER_MS * 1000 == time.SAMPLE_RATE_HZ


@pytest.mark.parametrize(
    ("ms", "clock"),
    [
        (0, "00:00"),
        (999, "00:00"),
        (59_999, "00:59"),
        (60_000, "01:00"),
        (3_599_999, "59:59"),
        (3_600_000, "1:00:00"),
        (36_061_000, "10:01:01"),
    ],
)
def test_clock(ms: int, clock: str) -> None:
    assert ms_to_clock(ms) == clock
