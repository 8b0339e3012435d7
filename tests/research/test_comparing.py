"""What two settings change, on small tables by hand."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.core.tables import HITS, Metadata, Recording
from pipeline.evaluation.material.coded_moments import moments_of
from pipeline.research import text_report
from pipeline.research.agreement.bootstrap import differences, intervals
from pipeline.research.agreement.metrics import Tally
from pipeline.research.comparison import CHANGES, compared
from pipeline.research.sessions.cases import Case, find
from pipeline.workspace.catalogue import Entry

RECORDING = Recording("ab" * 32, 3_600_000, None, 0, Metadata(code="S-1"))
ENTRY = Entry(RECORDING.recording_id, Path("s.csv"), "{}")


def case(moments: pl.DataFrame, rules: dict[int, str] | None = None) -> Case:
    hits = HITS.frame(
        {
            "hit_id": number,
            "rule": rule,
            "kind": "withdrawal",
            "marker": "W2",
            "primary": True,
            "weight": 0.5,
            "item": "turn",
            "item_ids": [number],
            "start_ms": 0,
            "end_ms": 1,
            "clauses": [],
            "params": "{}",
        }
        for number, rule in (rules or {}).items()
    )
    return Case(RECORDING, {"hits": hits, "moments": moments}, ENTRY, "en")


def test_changes_by_hand() -> None:
    rules = {0: "a", 1: "b"}
    old = moments_of(
        (10, 20, "W2", 0.5, [0]),  # stays
        (30, 40, "W2", 0.5, [0]),  # its score changes
        (50, 60, "W2", 0.5, [0]),  # moves
        (70, 80, "W2", 0.5, [0]),  # vanishes: only a confrontation is left there
        (90, 99, "C1", 0.5, [0]),  # another rule finds it
    )
    new = moments_of(
        (10, 20, "W2", 0.5, [0]),
        (30, 40, "W2", 0.7, [0, 1]),
        (55, 66, "W2", 0.5, [0]),
        (70, 80, "C1", 0.5, [0]),
        (90, 99, "C1", 0.5, [1]),
    )
    got = compared([case(old, rules)], [case(new, rules)])
    found = {
        (row["kind"][0], (row["start_ms_a"] or row["start_ms_b"]) // 1000): row["change"]
        for row in got.moments.iter_rows(named=True)
    }
    assert found == {
        ("w", 10): "same",
        ("w", 30): "changed",
        ("w", 50): "moved",
        ("w", 70): "vanished",
        ("c", 70): "appeared",
        ("c", 90): "changed",
    }
    text = text_report.changes(got)
    assert "00:50\u201301:00 W2" in text
    assert "a, b" in text
    assert "S-1" not in text
    assert text_report.changes_machine(got)["counts"]["withdrawal"]["moved"] == 1


_MOMENTS = st.lists(
    st.tuples(st.integers(0, 200), st.integers(1, 30), st.sampled_from(["W2", "C1"])), max_size=6
).map(lambda rows: moments_of(*((a, a + n, marker, 0.5, []) for a, n, marker in rows)))


@pytest.mark.slow
@given(_MOMENTS, _MOMENTS)
def test_every_moment_is_told_once_and_both_ways_agree(
    old: pl.DataFrame, new: pl.DataFrame
) -> None:
    there, back = compared([case(old)], [case(new)]), compared([case(new)], [case(old)])
    assert sorted(there.moments["moment_id_a"].drop_nulls()) == list(range(old.height))
    assert sorted(there.moments["moment_id_b"].drop_nulls()) == list(range(new.height))
    turned = {"appeared": "vanished", "vanished": "appeared"}
    for kind, counts in there.counts.items():
        assert sum(counts.values()) == there.moments.filter(pl.col("kind") == kind).height
        for change in ("appeared", "vanished"):
            assert counts[change] == back.counts[kind][turned[change]]
    alike = compared([case(old)], [case(old)]).moments["change"]
    assert set(alike) <= {"same"}
    assert set(there.moments["change"]) <= set(CHANGES)


def test_differences_are_paired() -> None:
    # A hard and an easy session: each alone leaves the interval wide, the difference is always .25.
    hard, easy = Tally(sessions=1, events=8, found=0), Tally(sessions=1, events=8, found=6)
    better = [Tally(sessions=1, events=8, found=each.found + 2) for each in (hard, easy) * 3]
    own = intervals([hard, easy] * 3, draws=200, level=0.95, seed=1)["recall"]
    apart = differences([hard, easy] * 3, better, draws=200, level=0.95, seed=1)["recall"]
    assert own is not None
    assert apart is not None
    assert own.high - own.low > 0.3
    assert apart.low == pytest.approx(0.25)
    assert apart.high == pytest.approx(0.25)


def test_two_sessions_of_one_code_are_told() -> None:
    other = Recording("cd" * 32, 1000, None, 0, Metadata(code="S-1"))
    both = [case(moments_of()), replace(case(moments_of()), recording=other)]
    with pytest.raises(InputError, match=r"2 sessions have the same code \(abababababab, cdcdcd"):
        find(both, ["S-1"])
    found = find(both, ["CDCDCD", "cdcdcdcd", "cdcd", "S-2"])
    assert found["CDCDCD"] is found["cdcdcdcd"] is both[1]
    assert found["cdcd"] is found["S-2"] is None
