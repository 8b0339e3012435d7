"""Intervals of time on whole milliseconds, half-open: the one algebra of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Intervals:
    """Sorted, disjoint stretches of time; between two of them lies at least 1 ms.

    Attributes
    ----------
    starts, ends
        Milliseconds, half-open; shape (n,).
    """

    starts: Ints
    ends: Ints

    @classmethod
    def union(cls, starts: Iterable[int], ends: Iterable[int], join_ms: int = 0) -> "Intervals":
        """Union of intervals that may overlap; those at most `join_ms` apart become one.

        >>> list(Intervals.union([0, 50, 230], [100, 200, 300], join_ms=30))
        [(0, 300)]
        """
        begins, stops = np.asarray(starts, np.int64), np.asarray(ends, np.int64)
        if not len(begins):
            return cls(begins, stops)
        order = np.argsort(begins, kind="stable")
        begins, reach = begins[order], np.maximum.accumulate(stops[order])
        first = np.r_[True, begins[1:] > reach[:-1] + join_ms]
        return cls(begins[first], reach[np.r_[first[1:], True]])

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]], join_ms: int = 0) -> "Intervals":
        """Union of (start, end) pairs."""
        table = np.array(list(pairs), np.int64).reshape(-1, 2)
        return cls.union(table[:, 0], table[:, 1], join_ms)

    @classmethod
    def of_rows(cls, frame: pl.DataFrame, join_ms: int = 0) -> "Intervals":
        """Union of the times of rows, from columns start_ms and end_ms."""
        return cls.union(frame["start_ms"].to_numpy(), frame["end_ms"].to_numpy(), join_ms)

    @classmethod
    def shared(cls, each: Iterable["Intervals"], count: int = 2) -> "Intervals":
        """When at least `count` of `each` are at the same time.

        >>> list(Intervals.shared([Intervals.of([(0, 90)]), Intervals.of([(30, 70)])]))
        [(30, 70)]
        """
        own = list(each)
        starts = np.concatenate([np.empty(0, np.int64), *(one.starts for one in own)])
        ends = np.concatenate([np.empty(0, np.int64), *(one.ends for one in own)])
        times = np.r_[starts, ends]
        order = np.argsort(times, kind="stable")
        open_ = np.cumsum(np.r_[np.ones(len(starts)), -np.ones(len(ends))][order])
        several = open_[:-1] >= count
        from_, to = times[order][:-1][several], times[order][1:][several]
        return cls.union(from_[from_ < to], to[from_ < to])

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.starts.tolist(), self.ends.tolist(), strict=True)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def total_ms(self) -> int:
        """How long they are together."""
        return int((self.ends - self.starts).sum())

    def covered_ms(self, starts: Ints, ends: Ints) -> Ints:
        """Milliseconds of each ``[start, end)`` that these intervals cover."""
        if not len(self.starts):
            return np.zeros(len(starts), np.int64)
        edges = np.column_stack([self.starts, self.ends]).ravel()
        lengths = np.cumsum(self.ends - self.starts)
        before = np.column_stack([np.r_[0, lengths[:-1]], lengths]).ravel()
        covered = np.interp(ends, edges, before) - np.interp(starts, edges, before)
        return np.asarray(np.rint(covered), np.int64)

    def gaps(self) -> "Intervals":
        """What lies between these intervals."""
        return Intervals(self.ends[:-1], self.starts[1:])

    def within(self, start_ms: int, end_ms: int) -> "Intervals":
        """Their parts in ``[start_ms, end_ms)``.

        >>> list(Intervals.of([(0, 10), (20, 30), (40, 50)]).within(5, 25))
        [(5, 10), (20, 25)]
        """
        first = int(np.searchsorted(self.ends, start_ms, side="right"))
        last = max(first, int(np.searchsorted(self.starts, end_ms, side="left")))
        return Intervals(
            np.maximum(self.starts[first:last], start_ms), np.minimum(self.ends[first:last], end_ms)
        )

    def minus(self, other: "Intervals") -> "Intervals":
        """What of these intervals `other` does not cover.

        >>> list(Intervals.of([(0, 10)]).minus(Intervals.of([(2, 3), (8, 20)])))
        [(0, 2), (3, 8)]
        """
        if not len(other) or not len(self):
            return self
        edges = np.unique(np.concatenate([self.starts, self.ends, other.starts, other.ends]))
        starts, ends = edges[:-1], edges[1:]
        kept = (self.covered_ms(starts, ends) > 0) & (other.covered_ms(starts, ends) == 0)
        return Intervals.union(starts[kept], ends[kept])

    def where(self, kept: NDArray[np.bool_]) -> "Intervals":
        """Those that a mask keeps."""
        return Intervals(self.starts[kept], self.ends[kept])

    def long(self, min_ms: int) -> "Intervals":
        """Those of at least `min_ms`."""
        return self.where(self.ends - self.starts >= min_ms)


def pairs_of(frame: pl.DataFrame) -> Iterator[tuple[int, int]]:
    """Times of rows, as (start, end)."""
    return zip(frame["start_ms"], frame["end_ms"], strict=True)
