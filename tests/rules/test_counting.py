import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rules.detection.counts import Count, groups


@pytest.mark.parametrize(
    ("held", "count", "expected"),
    [
        ("x.x", Count(1, 1), [[0], [2]]),
        ("xx.x", Count(2, 2), [[0, 1]]),
        ("xxx", Count(2, 2), [[0, 1, 2]]),
        ("x.x", Count(2, 3), [[0, 2]]),
        ("x..x", Count(2, 3), []),
        ("x.x.x", Count(2, 3), [[0, 2, 4]]),
        ("xx...xx", Count(2, 2), [[0, 1], [5, 6]]),
        ("xx", Count(2, 2, within_ms=999), []),
        ("xx", Count(2, 2, within_ms=1000), [[0, 1]]),
        ("xxx", Count(3, 3, within_ms=1999), []),
        ("", Count(1, 1), []),
    ],
)
def test_groups(held: str, count: Count, expected: list[list[int]]) -> None:
    starts_ms = [1000 * place for place in range(len(held))]
    assert groups([mark == "x" for mark in held], starts_ms, count) == expected


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5000)), max_size=40),
    st.integers(1, 4),
    st.integers(0, 3),
    st.one_of(st.none(), st.integers(0, 20_000)),
)
def test_fewer_items_make_no_new_group(
    rows: list[tuple[bool, bool, int]], hits: int, more: int, within_ms: int | None
) -> None:
    starts_ms = [sum(step for _, _, step in rows[: n + 1]) for n in range(len(rows))]
    count = Count(hits, hits + more, within_ms)
    loose = groups([held for held, _, _ in rows], starts_ms, count)
    tight = groups([held and also for held, also, _ in rows], starts_ms, count)
    for group in tight:
        assert any(set(group) <= set(other) for other in loose)
