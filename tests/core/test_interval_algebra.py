"""The algebra of intervals, against sets of milliseconds."""

from collections.abc import Iterable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.intervals import Intervals

PAIRS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda pair: (pair[0], sum(pair))),
    max_size=8,
)


def times(pairs: Iterable[tuple[int, int]]) -> set[int]:
    return {at for start, end in pairs for at in range(start, end)}


def is_in_order(found: Intervals) -> bool:
    return bool((found.starts < found.ends).all() and (found.starts[1:] > found.ends[:-1]).all())


@given(PAIRS)
def test_union_is_every_time_of_any(pairs: list[tuple[int, int]]) -> None:
    found = Intervals.of(pairs)
    assert times(found) == times(pairs)
    assert is_in_order(found)
    assert found.total_ms == len(times(pairs))


@given(PAIRS, st.integers(0, 10))
def test_union_joins_what_is_near(pairs: list[tuple[int, int]], join_ms: int) -> None:
    plain, joined = Intervals.of(pairs), Intervals.of(pairs, join_ms)
    near = [gap for gap in plain.gaps() if gap[1] - gap[0] <= join_ms]
    assert times(joined) == times(plain) | times(near)
    assert all(end - start > join_ms for start, end in joined.gaps())


@given(PAIRS, PAIRS)
def test_minus_leaves_what_the_other_does_not_have(
    pairs: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    found = Intervals.of(pairs).minus(Intervals.of(others))
    assert times(found) == times(pairs) - times(others)
    assert is_in_order(found)


@given(PAIRS, st.integers(0, 80), st.integers(0, 30))
def test_within_is_the_part_of_a_stretch(
    pairs: list[tuple[int, int]], start: int, length: int
) -> None:
    found = Intervals.of(pairs).within(start, start + length)
    assert times(found) == times(pairs) & set(range(start, start + length))
    covered = Intervals.of(pairs).covered_ms(np.array([start]), np.array([start + length]))
    assert covered.tolist() == [found.total_ms]


@given(st.lists(PAIRS, max_size=4), st.integers(1, 4))
def test_shared_is_where_so_many_are(each: list[list[tuple[int, int]]], count: int) -> None:
    sets = [Intervals.of(pairs) for pairs in each]
    found = Intervals.shared(sets, count)
    expected = {at for at in range(90) if sum(at in times(one) for one in sets) >= count}
    assert times(found) == expected
    assert is_in_order(found)


@given(PAIRS, st.integers(0, 12))
def test_long_ones(pairs: list[tuple[int, int]], min_ms: int) -> None:
    found = list(Intervals.of(pairs).long(min_ms))
    assert found == [(a, b) for a, b in Intervals.of(pairs) if b - a >= min_ms]
