import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.research.agreement.bootstrap import RANKED, STATISTICS, _average_precisions, intervals
from pipeline.research.agreement.metrics import MarkerTally, RuleTally, Segments, Tally, total

COUNT = st.integers(0, 20)


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    ranked = draw(st.lists(st.tuples(st.integers(1, 9).map(lambda n: n / 10), st.booleans())))
    right = sum(is_right for _, is_right in ranked)
    best = [is_right for _, is_right in sorted(ranked, key=lambda pair: -pair[0])]
    return Tally(
        sessions=1,
        duration_ms=draw(st.integers(60_000, 7_200_000)),
        events=right + draw(COUNT),
        found=right,
        false_alarms=len(ranked) - right,
        repeats=0,
        uncertain=draw(COUNT),
        benign=20,
        benign_flagged=draw(COUNT),
        top={k: len(best[:k]) for k in (1, 3)},
        top_right={k: sum(best[:k]) for k in (1, 3)},
        segments=Segments(draw(COUNT), draw(COUNT), draw(COUNT), draw(COUNT)),
        ranked=tuple(ranked),
    )


@given(tallies(), tallies(), tallies())
def test_tallies_add_up_in_any_order(one: Tally, other: Tally, third: Tally) -> None:
    assert one + Tally.zero() == Tally.zero() + one == one
    assert (one + other) + third == one + (other + third)
    swapped = other + one
    assert swapped.average_precision == (one + other).average_precision
    assert swapped.segments == (one + other).segments
    assert total([one, other]).found == one.found + other.found


@given(tallies())
def test_shares_lie_between_none_and_all(tally: Tally) -> None:
    shares = [tally.precision, tally.recall, tally.f1, tally.benign_share, tally.average_precision]
    shares += [tally.precision_at(k) for k in (1, 3, 99)]
    shares += [tally.segments.agreement, tally.segments.prevalence]
    assert all(share is None or 0 <= share <= 1 for share in shares)
    assert tally.precision_at(99) is None
    kappa = tally.segments.kappa
    assert kappa is None or -1 <= kappa <= 1


def test_nothing_to_divide_by_is_none() -> None:
    nothing = Tally.zero()
    assert nothing.precision is nothing.recall is nothing.f1 is nothing.average_precision is None
    assert nothing.misses_per_hour is nothing.benign_share is nothing.segments.kappa is None
    assert MarkerTally().recall is RuleTally().precision is None
    assert Tally(events=3).f1 == 0
    assert Tally(false_alarms=3).f1 == 0


def test_kappa_by_hand() -> None:
    # Landis & Koch's kind of table: agreement .70, chance .60 * .50 + .40 * .50 = .50.
    cells = Segments(both=40, codes_only=20, flags_only=10, neither=30)
    assert cells.agreement == pytest.approx(0.7)
    assert cells.kappa == pytest.approx(0.4)
    assert cells.pabak == pytest.approx(0.4)
    # High agreement, little beyond chance: 92 of 100 segments without anything (Byrt 1993).
    rare = Segments(both=1, codes_only=4, flags_only=3, neither=92)
    assert rare.agreement == pytest.approx(0.93)
    assert rare.kappa == pytest.approx((0.93 - 0.914) / (1 - 0.914))
    assert rare.pabak == pytest.approx(0.86)
    assert Segments(neither=9).kappa is None


def test_average_precision_by_hand() -> None:
    # Right, false, right of 4 events: (1/1 + 2/3) / 4.
    tally = Tally(events=4, found=2, ranked=((0.9, True), (0.5, False), (0.4, True)))
    assert tally.average_precision == pytest.approx((1 + 2 / 3) / 4)
    # Equal scores come in together, in whichever order they stand.
    level = Tally(events=2, found=1, ranked=((0.5, False), (0.5, True)))
    assert level.average_precision == pytest.approx(0.5 / 2)
    assert [point.shown for point in level.curve] == [2]
    assert Tally(events=2).average_precision == 0


@given(st.lists(tallies(), min_size=1, max_size=5))
def test_the_fast_average_precision_is_the_plain_one(several: list[Tally]) -> None:
    weights = np.array([[1] * len(several), [2] + [0] * (len(several) - 1)])
    got = _average_precisions(several, weights)
    assert got[0] == pytest.approx(total(several).average_precision)
    assert got[1] == pytest.approx((several[0] + several[0]).average_precision)


@given(st.lists(tallies(), min_size=2, max_size=6))
def test_intervals_are_the_same_twice_and_in_order(several: list[Tally]) -> None:
    one = intervals(several, draws=50, level=0.9, seed=3)
    assert one == intervals(several, draws=50, level=0.9, seed=3)
    assert one.keys() == {*STATISTICS, RANKED, "precision_at_1", "precision_at_3"}
    assert all(each is None or each.low <= each.high for each in one.values())


def test_intervals_of_equal_sessions_have_no_width() -> None:
    same = Tally(sessions=1, duration_ms=3_600_000, events=4, found=1, false_alarms=1)
    got = intervals([same] * 5, draws=20, level=0.95, seed=0)
    assert got["recall"] is not None
    assert (got["recall"].low, got["recall"].high) == (0.25, 0.25)
    assert got["misses_per_hour"] is not None
    assert got["misses_per_hour"].low == pytest.approx(3)
    assert got["benign_share"] is None
    assert set(intervals([same], draws=20, level=0.95, seed=0).values()) == {None}


def test_intervals_cover() -> None:
    # 200 studies of 20 sessions with recall .5: a 90 % interval holds .5 in about nine of ten.
    chance = np.random.default_rng(1)
    covered = 0
    for study in range(200):
        found = chance.binomial(4, 0.5, size=20)
        several = [Tally(sessions=1, events=4, found=int(number)) for number in found]
        got = intervals(several, draws=200, level=0.9, seed=study)["recall"]
        assert got is not None
        covered += got.low <= 0.5 <= got.high
    assert 165 <= covered <= 195


def test_reliability_by_hand() -> None:
    tally = Tally(events=3, ranked=((0.95, True), (0.9, False), (0.89, True), (0.2, False)))
    parts = tally.reliability([0.5, 0.9])
    assert [(part.low, part.moments, part.right) for part in parts] == [
        (0.0, 1, 0),
        (0.5, 1, 1),
        (0.9, 2, 1),
    ]
    assert [part.share for part in parts] == [0, 1, 0.5]
    assert [part.share for part in Tally().reliability([0.5])] == [None, None]


@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.booleans())))
def test_parts_of_the_scores_leave_no_moment_out(ranked: list[tuple[float, bool]]) -> None:
    parts = Tally(ranked=tuple(ranked)).reliability([0.25, 0.5])
    assert sum(part.moments for part in parts) == len(ranked)
    assert sum(part.right for part in parts) == sum(right for _, right in ranked)
