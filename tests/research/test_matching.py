from collections.abc import Iterator, Sequence
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.research.agreement.event_matching import Pair, Place, chains, pairs

PLACES = st.builds(
    lambda low, length: Place(low, low + length), st.integers(0, 30), st.integers(0, 6)
)
FEW = st.lists(PLACES, max_size=5)


def every_way(
    moments: Sequence[Place], events: Sequence[Place], tolerance: int
) -> Iterator[tuple[tuple[int, int], ...]]:
    """All sets of pairs within the tolerance in which nobody stands twice."""
    allowed = [
        (m, e)
        for m, moment in enumerate(moments)
        for e, event in enumerate(events)
        if max(event.low - moment.high, moment.low - event.high) <= tolerance
    ]
    for size in range(min(len(moments), len(events)) + 1):
        for chosen in combinations(allowed, size):
            if len({m for m, _ in chosen}) == len({e for _, e in chosen}) == size:
                yield chosen


@given(FEW, FEW, st.integers(0, 8), st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4))))
def test_pairs_are_the_best_of_all_ways(
    moments: list[Place], events: list[Place], tolerance: int, equal: set[tuple[int, int]]
) -> None:
    same = {(m, e) for m, e in equal if m < len(moments) and e < len(events)}

    def worth(ways: tuple[tuple[int, int], ...]) -> tuple[int, int, int]:
        gap = sum(
            max(0, events[e].low - moments[m].high, moments[m].low - events[e].high)
            for m, e in ways
        )
        return (len(ways), -gap, len(same & set(ways)))

    got = tuple((pair.moment, pair.event) for pair in pairs(moments, events, tolerance, same))
    ways = set(every_way(moments, events, tolerance))
    assert got in ways
    assert worth(got) == max(worth(way) for way in ways)


@given(st.lists(PLACES, max_size=40), st.lists(PLACES, max_size=40), st.integers(0, 10))
def test_wider_tolerance_never_pairs_fewer(
    moments: list[Place], events: list[Place], tolerance: int
) -> None:
    near, wide = pairs(moments, events, tolerance), pairs(moments, events, tolerance + 3)
    assert len(near) <= len(wide) <= min(len(moments), len(events))


@given(st.lists(PLACES, max_size=12), st.integers(0, 5), st.randoms(use_true_random=False))
def test_chains_part_where_nothing_reaches_over(
    places: list[Place], tolerance: int, chance: object
) -> None:
    found = chains(places, tolerance)
    assert sorted(number for chain in found for number in chain) == list(range(len(places)))
    # An oracle that joins any two until nothing changes.
    groups = [{number} for number in range(len(places))]
    joined = True
    while joined:
        joined = False
        for one, other in combinations(groups, 2):
            if any(places[a].gap(places[b]) <= tolerance for a in one for b in other):
                groups.remove(other)
                one.update(other)
                joined = True
                break
    assert {frozenset(chain) for chain in found} == {frozenset(group) for group in groups}
    order = list(range(len(places)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    again = chains([places[number] for number in order], tolerance)
    assert {frozenset(order[number] for number in chain) for chain in again} == {
        frozenset(chain) for chain in found
    }


def test_a_greedy_choice_would_lose_a_pair() -> None:
    # The first moment reaches both events, the second only the nearer of them.
    moments = [Place(5, 5), Place(8, 8)]
    events = [Place(3, 3), Place(6, 6)]
    assert pairs(moments, events, 2) == [Pair(0, 0), Pair(1, 1)]
    assert pairs(moments, [], 2) == pairs([], events, 2) == []
