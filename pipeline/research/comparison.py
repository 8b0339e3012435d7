"""Compare two settings on the same sessions, moment by moment and in the scores.

Overlapping moments of one kind and session are paired one to one, so that the total overlap is
largest. A pair whose bounds differ has **moved**; one with equal bounds whose score, marker or
rules differ has **changed**. A moment without a partner has **vanished** (it was in the first only)
or **appeared** (it is in the second only).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import scipy

from pipeline.core.schema import Column, Schema
from pipeline.core.vocabulary import RUPTURES
from pipeline.research.agreement.bootstrap import Interval, differences
from pipeline.research.sessions.cases import Case
from pipeline.research.study import Evaluation

SAME, MOVED, CHANGED, APPEARED, VANISHED = CHANGES = (
    *("same", "moved", "changed"),
    *("appeared", "vanished"),
)
_OUTCOMES = ("right", "false", "uncertain")
_Row = dict[str, Any]
_ONLY_B, _ONLY_A = "it appeared", "it vanished"


def _both(name: str, dtype: Any, means: str, null: str = "") -> tuple[Column, Column]:
    """A column for the first settings and one for the second."""
    nulls = [f"{reason}; {null}" if null else reason for reason in (_ONLY_B, _ONLY_A)]
    return (
        Column(f"{name}_a", dtype, f"{means}, first settings", null=nulls[0]),
        Column(f"{name}_b", dtype, f"{means}, second settings", null=nulls[1]),
    )


COMPARED = Schema(
    "compared moments",
    (
        Column("session", pl.String, "name of the session in codes"),
        Column("recording_id", pl.String, "SHA-256 of its bytes"),
        Column("kind", pl.String, "of rupture", allowed=RUPTURES),
        Column("change", pl.String, "what the second settings do to it", allowed=CHANGES),
        *_both("moment_id", pl.Int64, "id in the table moments"),
        *_both("start_ms", pl.Int64, "first millisecond"),
        *_both("end_ms", pl.Int64, "first millisecond after"),
        *_both("marker", pl.String, "3RS code"),
        *_both("score", pl.Float64, "0-1"),
        *_both("rules", pl.List(pl.String), "rules of its primary hits"),
        *_both("outcome", pl.String, "against codes", null="no codes"),
    ),
)


@dataclass(frozen=True, eq=False)
class Comparison:
    """What changes from the first settings to the second.

    Attributes
    ----------
    moments
        Table `COMPARED`, including moments that stay the same.
    before, after
        Scores against codes; None: there are no codes.
    remarks
        What was repaired in the codes or left out, with counts.
    """

    moments: pl.DataFrame
    before: Evaluation | None
    after: Evaluation | None
    remarks: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Number of moments by kind and change."""
        return {
            kind: {
                change: self.moments.filter(
                    pl.col("kind") == kind, pl.col("change") == change
                ).height
                for change in CHANGES
            }
            for kind in RUPTURES
        }

    def differences(self, group: str = "all") -> dict[str, Interval | None]:
        """Intervals of second minus first, the same sessions drawn for both."""
        if self.before is None or self.after is None:
            return {}
        pair = [
            [score.tallies[group] for score in evaluation.scores]
            for evaluation in (self.before, self.after)
        ]
        drawn = self.after.settings
        return differences(*pair, draws=drawn.draws, level=drawn.level, seed=drawn.seed)


def compared(
    first: Sequence[Case],
    second: Sequence[Case],
    before: Evaluation | None = None,
    after: Evaluation | None = None,
) -> Comparison:
    """Compare two settings over the same sessions.

    Parameters
    ----------
    first, second
        The same sessions in the same order, under the first and the second settings.
    before, after
        Their evaluations, if there are codes.
    """
    rows = [
        row
        for a, b in zip(first, second, strict=True)
        for row in _session(a, b, _outcomes(before, a), _outcomes(after, b))
    ]
    return Comparison(COMPARED.frame(rows), before, after)


def _outcomes(evaluation: Evaluation | None, case: Case) -> dict[int, str]:
    """Outcome of each moment of a session against codes, by moment_id."""
    for score in evaluation.scores if evaluation else ():
        if score.recording_id == case.recording.recording_id and score.judged:
            return dict(score.judged.moments.select("moment_id", "outcome").iter_rows())
    return {}


def _session(
    a: Case, b: Case, told_a: Mapping[int, str], told_b: Mapping[int, str]
) -> Iterator[dict[str, object]]:
    common = {"session": a.name, "recording_id": a.recording.recording_id}
    for kind in RUPTURES:
        old, new = _rows(a, kind, told_a), _rows(b, kind, told_b)
        partner = _partners(old, new)
        rows: list[tuple[_Row | None, _Row | None]] = [
            (one, new[partner[n]] if n in partner else None) for n, one in enumerate(old)
        ]
        taken = set(partner.values())
        rows += [(None, other) for n, other in enumerate(new) if n not in taken]
        rows.sort(key=lambda pair: (pair[0] or pair[1] or {})["start_ms"])
        for one, other in rows:
            yield {
                **common,
                "kind": kind,
                "change": _change(one, other),
                **{f"{name}_a": value for name, value in (one or {}).items()},
                **{f"{name}_b": value for name, value in (other or {}).items()},
            }


def _rows(case: Case, kind: str, outcomes: Mapping[int, str]) -> list[_Row]:
    rule_of = dict(case.tables["hits"].select("hit_id", "rule").iter_rows())
    return [
        {
            **{name: row[name] for name in ("moment_id", "start_ms", "end_ms", "marker", "score")},
            "rules": sorted({rule_of[hit] for hit in row["primary_hits"]}),
            "outcome": outcomes.get(row["moment_id"]),
        }
        for row in case.tables["moments"].filter(pl.col("kind") == kind).iter_rows(named=True)
    ]


def _partners(old: Sequence[_Row], new: Sequence[_Row]) -> dict[int, int]:
    """Pair moments one to one with the largest total overlap; index to index."""
    if not old or not new:
        return {}
    shared = np.array(
        [
            [max(min(a["end_ms"], b["end_ms"]) - max(a["start_ms"], b["start_ms"]), 0) for b in new]
            for a in old
        ]
    )
    rows, columns = scipy.optimize.linear_sum_assignment(shared, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {row: column for row, column in pairs if shared[row, column] > 0}


def _change(one: _Row | None, other: _Row | None) -> str:
    if one is None:
        return APPEARED
    if other is None:
        return VANISHED
    if (one["start_ms"], one["end_ms"]) != (other["start_ms"], other["end_ms"]):
        return MOVED
    alike = all(one[name] == other[name] for name in ("score", "marker", "rules"))
    return SAME if alike else CHANGED
