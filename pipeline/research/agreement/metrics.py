"""Counts that add up over sessions, and the scores computed from them.

A `Tally` holds whole numbers only, so the tally of a study is the sum of those of its sessions, and
the bootstrap can sum other samples of them. A rate is None where its denominator is zero: None
means "not defined", never zero.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import groupby
from typing import Any, TypeVar

MS_PER_HOUR = 3_600_000

_Adds = TypeVar("_Adds", "Segments", "Tally", "MarkerTally", "RuleTally")


@dataclass(frozen=True)
class Segments:
    """Five-minute segments, by whether people coded a rupture in them and moments lie in them.

    ============  =============  =================
    .             with a moment  without
    ============  =============  =================
    coded         `both`         `codes_only`
    not coded     `flags_only`   `neither`
    ============  =============  =================
    """

    both: int = 0
    codes_only: int = 0
    flags_only: int = 0
    neither: int = 0

    @property
    def number(self) -> int:
        """All segments."""
        return self.both + self.codes_only + self.flags_only + self.neither

    @property
    def agreement(self) -> float | None:
        """Share of segments on which both say the same, 0-1."""
        return _share(self.both + self.neither, self.number)

    @property
    def prevalence(self) -> float | None:
        """Share of segments that people coded, 0-1: kappa is low where it is near 0 or 1."""
        return _share(self.both + self.codes_only, self.number)

    @property
    def flagged(self) -> float | None:
        """Share of segments with a moment, 0-1."""
        return _share(self.both + self.flags_only, self.number)

    @property
    def kappa(self) -> float | None:
        """Agreement beyond chance (Cohen 1960), -1 to 1; None where chance alone is certain."""
        coded, flagged = self.both + self.codes_only, self.both + self.flags_only
        number = self.number
        # In whole numbers, so that chance alone is exactly 0.
        chance = coded * flagged + (number - coded) * (number - flagged)
        return _share((self.both + self.neither) * number - chance, number * number - chance)

    @property
    def pabak(self) -> float | None:
        """Kappa as if one half were coded and one half flagged (Byrt et al. 1993), -1 to 1."""
        return None if self.agreement is None else 2 * self.agreement - 1

    def __add__(self, other: "Segments") -> "Segments":
        return _added(self, other)


@dataclass(frozen=True)
class Tally:
    """Counts of one or more sessions, for one kind of rupture or all.

    Attributes
    ----------
    sessions
        Sessions with coded moments; sessions coded on sheets only count in `segments` alone.
    duration_ms
        Total length of these sessions.
    events
        Coded ruptures, codes of one kind near each other being one.
    found
        Events paired with a moment; equally many moments have an event.
    false_alarms
        Moments without an event, except at uncertain places.
    repeats
        False alarms at an event that another moment has found.
    uncertain
        Moments without an event at an uncertain place: they count neither way.
    benign, benign_flagged
        Places known to be no rupture, and those on which a moment rests (see `scoring`).
    top, top_right
        For each k, moments among the k best of their session, and those that have an event.
    ranked
        Score of each moment that counts, and whether it has an event.
    """

    sessions: int = 0
    duration_ms: int = 0
    events: int = 0
    found: int = 0
    false_alarms: int = 0
    repeats: int = 0
    uncertain: int = 0
    benign: int = 0
    benign_flagged: int = 0
    top: Mapping[int, int] = field(default_factory=dict)
    top_right: Mapping[int, int] = field(default_factory=dict)
    segments: Segments = field(default_factory=Segments)
    ranked: tuple[tuple[float, bool], ...] = ()

    @classmethod
    def zero(cls) -> "Tally":
        """Of no session."""
        return cls()

    def __add__(self, other: "Tally") -> "Tally":
        return _added(self, other)

    @property
    def moments(self) -> int:
        """Moments that count: right ones and false alarms."""
        return self.found + self.false_alarms

    @property
    def misses(self) -> int:
        """Events that no moment found."""
        return self.events - self.found

    @property
    def precision(self) -> float | None:
        """Share of moments that have an event, 0-1."""
        return _share(self.found, self.moments)

    @property
    def recall(self) -> float | None:
        """Share of events that were found, 0-1."""
        return _share(self.found, self.events)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None with neither an event nor a moment."""
        return _share(2 * self.found, self.events + self.moments)

    @property
    def misses_per_hour(self) -> float | None:
        """Events not found, for each hour of the sessions."""
        return _share(self.misses * MS_PER_HOUR, self.duration_ms)

    @property
    def false_alarms_per_hour(self) -> float | None:
        """False alarms, for each hour of the sessions."""
        return _share(self.false_alarms * MS_PER_HOUR, self.duration_ms)

    @property
    def benign_share(self) -> float | None:
        """Share of benign places on which a moment lies, 0-1."""
        return _share(self.benign_flagged, self.benign)

    def precision_at(self, k: int) -> float | None:
        """Precision of the `k` strongest moments of each session, over all sessions.

        A session with fewer than `k` moments contributes all of them, as for a supervisor who looks
        at the `k` strongest of each session.
        """
        return _share(self.top_right.get(k, 0), self.top.get(k, 0))

    @property
    def average_precision(self) -> float | None:
        """How well the score ranks: precision at each event found, averaged over all events.

        Events that no moment found count as 0. Moments of equal score are added together, so their
        order does not matter. None without an event.
        """
        if not self.events:
            return None
        found = total = 0.0
        for point in self.curve:
            total += point.precision * (point.recall * self.events - found)
            found = point.recall * self.events
        return total / self.events

    def reliability(self, bins: Sequence[float]) -> tuple["Part", ...]:
        """How many moments of each part of the scores are right.

        Parameters
        ----------
        bins
            Rising scores between 0 and 1; a part begins with one and ends before the next.
        """
        edges = (0.0, *bins)
        own: list[list[bool]] = [[] for _ in edges]
        for score, is_right in self.ranked:
            own[bisect_right(edges, score) - 1].append(is_right)
        return tuple(
            Part(low, len(rights), sum(rights)) for low, rights in zip(edges, own, strict=True)
        )

    @property
    def curve(self) -> tuple["Point", ...]:
        """Precision and recall if only moments from a score on were shown, best score first."""
        if not self.events:
            return ()
        points = []
        shown = right = 0
        best = sorted(self.ranked, key=lambda pair: -pair[0])
        for score, group in groupby(best, key=lambda pair: pair[0]):
            together = [is_right for _, is_right in group]
            shown += len(together)
            right += sum(together)
            points.append(Point(score, right / shown, right / self.events, shown))
        return tuple(points)


@dataclass(frozen=True)
class Point:
    """Precision and recall of the moments with at least `score`."""

    score: float
    precision: float
    recall: float
    shown: int


@dataclass(frozen=True)
class Part:
    """Moments that score at least `low` and less than the next part.

    Attributes
    ----------
    moments, right
        Those that count, and those that have an event.
    """

    low: float
    moments: int
    right: int

    @property
    def share(self) -> float | None:
        """Share of them that have an event, 0-1."""
        return _share(self.right, self.moments)


@dataclass(frozen=True)
class MarkerTally:
    """Counts of one 3RS marker.

    Attributes
    ----------
    events, found
        Events with a code of it, and those that any moment of their kind found.
    moments, right, same
        Moments of it that count, those that have an event of their kind, and those whose event has
        this very marker.
    """

    events: int = 0
    found: int = 0
    moments: int = 0
    right: int = 0
    same: int = 0

    def __add__(self, other: "MarkerTally") -> "MarkerTally":
        return _added(self, other)

    @property
    def recall(self) -> float | None:
        """Share of its events that a moment of their kind found, 0-1."""
        return _share(self.found, self.events)

    @property
    def precision(self) -> float | None:
        """Share of its moments that have an event of their kind, 0-1."""
        return _share(self.right, self.moments)


@dataclass(frozen=True)
class RuleTally:
    """What one rule contributes.

    Attributes
    ----------
    hits, suppressed
        Its hits that count, and those that an exception suppressed.
    moments, right
        Moments in which it has a primary hit and that count, and those that have an event.
    supports
        Moments that it only supports.
    alone
        Events whose moment stands on this rule alone.
    lost
        Events that would not be found without it; below zero where others would serve better.
    spared
        False alarms that would not be without it.
    benign
        Benign places flagged by a moment that stands on it alone.
    """

    hits: int = 0
    suppressed: int = 0
    moments: int = 0
    right: int = 0
    supports: int = 0
    alone: int = 0
    lost: int = 0
    spared: int = 0
    benign: int = 0

    def __add__(self, other: "RuleTally") -> "RuleTally":
        return _added(self, other)

    @property
    def precision(self) -> float | None:
        """Share of its moments that have an event, 0-1."""
        return _share(self.right, self.moments)


def total(tallies: Iterable[Tally]) -> Tally:
    """Their sum; `Tally.zero` of none."""
    return sum(tallies, Tally.zero())


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _added(one: _Adds, other: _Adds) -> _Adds:
    """Field by field; mappings key by key."""
    summed: dict[str, Any] = {}
    for each in fields(one):
        a, b = getattr(one, each.name), getattr(other, each.name)
        if isinstance(a, Mapping):
            summed[each.name] = {k: a.get(k, 0) + b.get(k, 0) for k in sorted(a.keys() | b.keys())}
        else:
            summed[each.name] = a + b
    return type(one)(**summed)
